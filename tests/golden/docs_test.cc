// The examples of docs/query-language.md are queries that work: each is parsed, bound to the
// battery ontology and run, on the reference and on an engine without twins.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/golden/session.h"

namespace twin::testing {
namespace {

// The texts between ```tql and ```.
std::vector<PageStatement> ExamplesOf(const std::string& path) {
  std::vector<PageStatement> examples;
  std::ifstream file(path);
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (!inside && line == "```tql") {
      examples.emplace_back();
      examples.back().line = number + 1;
      examples.back().keyword = "query";
      examples.back().is_case = true;
      inside = true;
    } else if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      examples.back().body += line + "\n";
    }
  }
  return examples;
}

PageStatement BatteryModels() {
  PageStatement models;
  models.keyword = "models";
  for (const auto& entry : std::filesystem::directory_iterator("models/battery")) {
    if (entry.path().extension() == ".json") models.words.push_back(entry.path().string());
  }
  return models;
}

class Docs : public ::testing::TestWithParam<bool> {};

TEST_P(Docs, ExamplesOfTheQueryLanguageWork) {
  const std::vector<PageStatement> examples = ExamplesOf("docs/query-language.md");
  ASSERT_GT(examples.size(), 8U);
  Session session({.name = "docs", .engine = GetParam()});
  const absl::Status created = session.Change(BatteryModels());
  ASSERT_TRUE(created.ok()) << created;
  PageStatement now;
  now.keyword = "now";
  now.rest = "2026-06-01T00:00:00Z";
  now.words = {now.rest};
  const absl::Status set = session.Change(now);
  ASSERT_TRUE(set.ok()) << set;
  for (PageStatement example : examples) {
    if (example.body.find("@vin") != std::string::npos)
      example.words = {"@vin=\"LZ0BR52C4PA708198\""};
    const absl::StatusOr<std::string> answer = session.Run(example);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(*answer, "") << "docs/query-language.md:" << example.line << "\n" << example.body;
  }
}

INSTANTIATE_TEST_SUITE_P(, Docs, ::testing::Bool(), [](const auto& each) {
  return std::string(each.param ? "Engine" : "Reference");
});

}  // namespace
}  // namespace twin::testing
