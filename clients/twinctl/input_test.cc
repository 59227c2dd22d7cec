#include "clients/twinctl/input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/status_matchers.h"

namespace twin::twinctl {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::StatusIs;

class InputTest : public ::testing::Test {
 public:
  ~InputTest() override { fs::remove_all(folder_); }

 protected:
  InputTest()
      : folder_(fs::path(::testing::TempDir()) /
                ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
  // Names relative to the folder.
  std::vector<std::string> ReadNames(const std::vector<std::string>& paths) const {
    std::vector<std::string> names;
    const auto texts = ReadModelTexts(paths);
    EXPECT_THAT(texts, ::twin::testing::IsOk());
    if (!texts.ok()) return names;
    for (const InputText& text : *texts) {
      names.push_back(fs::path(text.name).lexically_relative(folder_).string());
    }
    return names;
  }

  const fs::path folder_;
};

std::vector<std::string> Lines(const std::string& path, size_t line_bytes_max) {
  auto file = InputFile::Open(path);
  EXPECT_TRUE(file.ok());
  LineReader reader(&*file, line_bytes_max);
  std::vector<std::string> lines;
  while (reader.Next())
    lines.push_back(reader.too_long() ? "too long" : std::string(reader.line()));
  EXPECT_TRUE(reader.status().ok());
  return lines;
}

TEST_F(InputTest, LinesOfAnyKind) {
  EXPECT_THAT(Lines(Write("a", ""), 100), ElementsAre());
  EXPECT_THAT(Lines(Write("b", "one\n\nthree"), 100), ElementsAre("one", "", "three"));
  EXPECT_THAT(Lines(Write("c", "one\r\ntwo\n"), 100), ElementsAre("one\r", "two"));
}

TEST_F(InputTest, LinesLongerThanTheBuffer) {
  const std::string longer(200'000, 'x'), longest(1'000'000, 'y');
  const std::string path = Write("a", "1\n" + longer + "\n2\n" + longest + "\n3\n" + longest);
  EXPECT_THAT(Lines(path, 2'000'000), ElementsAre("1", longer, "2", longest, "3", longest));
  EXPECT_THAT(Lines(path, 200'000), ElementsAre("1", longer, "2", "too long", "3", "too long"));
  EXPECT_THAT(Lines(path, 0),
              ElementsAre("too long", "too long", "too long", "too long", "too long", "too long"));
}

TEST_F(InputTest, ManyLinesCrossTheBuffersEdge) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + "\n";
  const std::vector<std::string> lines = Lines(Write("a", text), 100);
  ASSERT_EQ(lines.size(), 50'000u);
  for (int i = 0; i < 50'000; ++i) ASSERT_EQ(lines[static_cast<size_t>(i)], std::to_string(i));
}

TEST_F(InputTest, ReadAllHasALimit) {
  const std::string path = Write("a", std::string(1000, 'x'));
  EXPECT_THAT(InputFile::Open(path)->ReadAll(1000),
              ::twin::testing::IsOkAndHolds(std::string(1000, 'x')));
  EXPECT_THAT(InputFile::Open(path)->ReadAll(999),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("larger than 999 bytes")));
}

TEST_F(InputTest, FoldersAreReadWholeAndInOrder) {
  for (const char* name :
       {"b.json", "a.json", "c/d.json", "c/.hidden/e.json", ".f.json", "g.txt"}) {
    Write(name, "[]");
  }
  EXPECT_THAT(ReadNames({folder_.string()}), ElementsAre("a.json", "b.json", "c/d.json"));
  EXPECT_THAT(ReadNames({Path("g.txt"), Path("c"), folder_.string(), Path("b.json")}),
              ElementsAre("g.txt", "c/d.json", "a.json", "b.json"));
}

TEST_F(InputTest, SaysWhatCannotBeRead) {
  EXPECT_THAT(ReadModelTexts({Path("none")}),
              StatusIs(absl::StatusCode::kNotFound,
                       "cannot read '" + Path("none") + "': No such file or directory"));
  Write("empty/x.txt", "");
  EXPECT_THAT(ReadModelTexts({Path("empty")}),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("no *.json file in this folder")));
  auto folder = InputFile::Open(folder_.string());
  ASSERT_TRUE(folder.ok());
  LineReader reader(&*folder);
  EXPECT_FALSE(reader.Next());
  EXPECT_THAT(reader.status(), StatusIs(absl::StatusCode::kUnknown, HasSubstr("Is a directory")));
}

}  // namespace
}  // namespace twin::twinctl
