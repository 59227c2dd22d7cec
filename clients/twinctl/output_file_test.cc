#include "clients/twinctl/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace twin::twinctl {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

std::string TextOf(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(OutputFileTest, IsThereWholeOrNotAtAll) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/output-file-", getpid());
  std::filesystem::remove(path);
  {
    absl::StatusOr<OutputFile> file = OutputFile::Create(path);
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT(file->Append("a"), IsOk());
    EXPECT_TRUE(std::filesystem::exists(path + ".partial"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  {
    absl::StatusOr<OutputFile> file = OutputFile::Create(path);
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT(file->Append("a"), IsOk());
    EXPECT_THAT(file->Append("b"), IsOk());
    EXPECT_THAT(file->Commit(), IsOk());
  }
  EXPECT_EQ(TextOf(path), "ab");
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  {
    absl::StatusOr<OutputFile> file = OutputFile::Create(path);
    EXPECT_THAT(file->Append("other"), IsOk());
  }
  EXPECT_EQ(TextOf(path), "ab");
  std::filesystem::remove(path);
}

TEST(OutputFileTest, SaysWhyNot) {
  EXPECT_THAT(OutputFile::Create("/no/such/folder/x"),
              StatusIs(absl::StatusCode::kUnknown,
                       HasSubstr("cannot write '/no/such/folder/x.partial': No such file")));
}

}  // namespace
}  // namespace twin::twinctl
