#include "clients/twinctl/context_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/status_matchers.h"

namespace twin::twinctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

class ContextFileTest : public ::testing::Test {
 protected:
  ContextFileTest() {
    folder_ = ::testing::TempDir() + "contexts_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    path_ = folder_ + "/twinctl/config.toml";
  }
  ~ContextFileTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& text) {
    std::filesystem::create_directories(folder_ + "/twinctl");
    std::ofstream(path_) << text;
  }
  std::string Text() {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  std::string folder_;
  std::string path_;
};

TEST_F(ContextFileTest, NoFileHasNoContexts) {
  const absl::StatusOr<Contexts> contexts = ReadContexts(path_);
  ASSERT_THAT(contexts, IsOk());
  EXPECT_EQ(contexts->current, "");
  EXPECT_TRUE(contexts->addresses.empty());
}

TEST_F(ContextFileTest, KeepsWhatIsSet) {
  ASSERT_THAT(SetContext(path_, "plant", "10.0.0.7:7480"), IsOk());
  ASSERT_THAT(SetContext(path_, "a b.c", "[::1]:80"), IsOk());
  ASSERT_THAT(SetContext(path_, "a b.c", "[::1]:81"), IsOk());
  absl::StatusOr<Contexts> contexts = ReadContexts(path_);
  ASSERT_THAT(contexts, IsOk());
  EXPECT_EQ(contexts->current, "plant");  // the first one
  EXPECT_THAT(contexts->addresses,
              ElementsAre(Pair("a b.c", "[::1]:81"), Pair("plant", "10.0.0.7:7480")));
  ASSERT_THAT(UseContext(path_, "a b.c"), IsOk());
  EXPECT_EQ(ReadContexts(path_)->current, "a b.c");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".partial"));
}

TEST_F(ContextFileTest, KeepsWhatItDoesNotKnow) {
  Write("theme = 'dark'\n[contexts.plant]\naddress = 'a:1'\nnote = 'x'\n");
  ASSERT_THAT(SetContext(path_, "plant", "b:1"), IsOk());
  EXPECT_THAT(Text(), HasSubstr("theme = 'dark'"));
  EXPECT_THAT(Text(), HasSubstr("note = 'x'"));
  EXPECT_EQ(ReadContexts(path_)->addresses.at("plant"), "b:1");
}

TEST_F(ContextFileTest, OnlyWhatThereIsCanBeUsed) {
  EXPECT_THAT(UseContext(path_, "plant"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("'twinctl context set' makes one")));
  ASSERT_THAT(SetContext(path_, "plant", "a:1"), IsOk());
  EXPECT_THAT(UseContext(path_, "plan"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("did you mean 'plant'?")));
}

TEST_F(ContextFileTest, NamesThePlaceOfAMistake) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"current = \n", ":1:"},
           {"\ncurrent = 7\n", ":2:11: 'current' is not a string"},
           {"contexts = 7\n", ":1:12: 'contexts' is not a table"},
           {"[contexts.plant]\n", ":1:1: the context 'plant' has no address"},
           {"[contexts]\nplant = 'a:1'\n", ":2:9: the context 'plant' has no address"},
           {"[contexts.plant]\naddress = 1\n", ":1:1: the context 'plant' has no address"}}) {
    Write(text);
    EXPECT_THAT(ReadContexts(path_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path_ + message)))
        << text;
    EXPECT_THAT(SetContext(path_, "x", "a:1"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path_)));
    EXPECT_EQ(Text(), text);
  }
}

}  // namespace
}  // namespace twin::twinctl
