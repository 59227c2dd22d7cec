// The query language by example: runs every page of tests/golden/tql under every setting.
// TWIN_UPDATE=1 writes into the pages what the default setting answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "tests/golden/page.h"
#include "tests/golden/session.h"

namespace twin::testing {
namespace {

const char kFolder[] = "tests/golden/tql";

std::vector<Setting> Settings() {
  return {
      {.name = "Default", .is_default = true},
      {.name = "BatchesOf1", .batch_rows = 1},
      {.name = "BatchesOf2", .batch_rows = 2},
      {.name = "NoRewrites", .rewrites = false},
      {.name = "Engine", .engine = true},
      {.name = "EngineRestartsBatchesOf2", .engine = true, .restarts = true, .batch_rows = 2},
  };
}

class PageTest : public ::testing::Test {
 public:
  PageTest(std::string path, Setting setting)
      : path_(std::move(path)), setting_(std::move(setting)) {}

  void TestBody() override {
    absl::StatusOr<Page> page = ReadPage(path_);
    ASSERT_TRUE(page.ok()) << page.status();
    Session session(setting_);
    std::vector<std::string> answers(page->statements.size());
    int skipped = 0;
    std::string reason;
    for (size_t i = 0; i < page->statements.size(); ++i) {
      const PageStatement& statement = page->statements[i];
      const std::string place = absl::StrCat(path_, ":", statement.line, ": ");
      answers[i] = statement.expected;
      if (!statement.is_case) {
        const absl::Status status = session.Change(statement);
        if (absl::IsUnimplemented(status)) GTEST_SKIP() << place << status.message();
        ASSERT_TRUE(status.ok()) << place << status;
        continue;
      }
      reason = session.Skipped(statement);
      if (!reason.empty()) {
        ++skipped;
        continue;
      }
      const absl::StatusOr<std::string> answer = session.Run(statement);
      ASSERT_TRUE(answer.ok()) << place << answer.status();
      answers[i] = *answer;
      while (!answers[i].empty() && answers[i].back() == '\n') answers[i].pop_back();
      Compare(statement, place, answers[i]);
    }
    if (IsUpdating()) RewritePage(*page, answers);
    if (skipped > 0) RecordProperty("skipped", skipped);
  }

 private:
  bool IsUpdating() const {
    const char* update = std::getenv("TWIN_UPDATE");
    return setting_.is_default && update != nullptr && std::string(update) == "1";
  }

  void Compare(const PageStatement& statement, const std::string& place,
               const std::string& answer) const {
    if (IsUpdating()) return;
    const bool sorted = std::find(statement.words.begin(), statement.words.end(), "rowsort") !=
                        statement.words.end();
    const std::string expected = sorted ? SortedLines(statement.expected) : statement.expected;
    EXPECT_EQ(answer, expected) << place << statement.keyword << " " << statement.rest << "\n"
                                << statement.body;
  }

  const std::string path_;
  const Setting setting_;
};

void RegisterPages() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder)) {
    if (entry.path().extension() == ".tql") paths.push_back(entry.path().string());
  }
  TWIN_CHECK(!paths.empty()) << "no pages in " << kFolder << "; run at the repository's top";
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    const std::string suite = std::filesystem::path(path).stem().string();
    for (const Setting& setting : Settings()) {
      ::testing::RegisterTest(
          suite.c_str(), setting.name.c_str(), nullptr, nullptr, path.c_str(), 1,
          [path, setting]() -> PageTest* { return new PageTest(path, setting); });
    }
  }
}

}  // namespace
}  // namespace twin::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  twin::testing::RegisterPages();
  return RUN_ALL_TESTS();
}
