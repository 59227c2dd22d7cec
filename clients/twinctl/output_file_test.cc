#include "clients/twinctl/output_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
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

TEST(OutputFileTest, LeavesLinksAndDevicesWhatTheyAre) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/output-links-", getpid());
  std::filesystem::create_directory(folder);
  const std::string target = folder + "/target";
  const std::string link = folder + "/link";
  std::filesystem::create_symlink("target", link);
  for (const std::string text : {"new", "over the old"}) {  // a link that leads nowhere, then to it
    absl::StatusOr<OutputFile> file = OutputFile::Create(link);
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT(file->Append(text), IsOk());
    EXPECT_THAT(file->Commit(), IsOk());
    EXPECT_TRUE(std::filesystem::is_symlink(link));
    EXPECT_EQ(TextOf(target), text);
  }
  const std::string device = folder + "/device";
  std::filesystem::create_symlink("/dev/full", device);
  {
    absl::StatusOr<OutputFile> file = OutputFile::Create(device);
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT(file->Append("x"),
                StatusIs(absl::StatusCode::kUnknown, HasSubstr("No space left on device")));
  }
  EXPECT_TRUE(std::filesystem::is_character_file(device));
  const std::string pipe = folder + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  {
    absl::StatusOr<OutputFile> file = OutputFile::Create(pipe);
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT(file->Append("piped"), IsOk());
    EXPECT_THAT(file->Commit(), IsOk());
  }
  char read_bytes[8];
  EXPECT_EQ(read(reader, read_bytes, sizeof read_bytes), 5);
  close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  std::filesystem::remove_all(folder);
}

TEST(OutputFileTest, SaysWhyNot) {
  EXPECT_THAT(OutputFile::Create("/no/such/folder/x"),
              StatusIs(absl::StatusCode::kUnknown,
                       HasSubstr("cannot write '/no/such/folder/x.partial': No such file")));
}

}  // namespace
}  // namespace twin::twinctl
