#include "server/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/status_matchers.h"

namespace twin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

class FileTest : public ::testing::Test {
 public:
  ~FileTest() override { std::filesystem::remove_all(folder_); }

 protected:
  FileTest()
      : folder_(JoinPath(::testing::TempDir(),
                         ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    EXPECT_THAT(fs_->CreateFolder(folder_), IsOk());
  }

  FileSystem* const fs_ = PosixFileSystem();
  const std::string folder_;
};

TEST_F(FileTest, ReadsWhatItWrote) {
  const std::string path = JoinPath(folder_, "a");
  {
    const auto file = fs_->Create(path);
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT((*file)->Write(3, "pack"), IsOk());
    EXPECT_THAT((*file)->Sync(), IsOk());
    EXPECT_EQ(*(*file)->Size(), 7u);
    std::string bytes;
    EXPECT_THAT((*file)->Read(5, 100, &bytes), IsOk());
    EXPECT_EQ(bytes, "ck");
  }
  EXPECT_EQ(*fs_->ReadWhole(path), std::string("\0\0\0pack", 7));
  EXPECT_THAT(fs_->WriteWhole(path, "whole"), IsOk());
  EXPECT_EQ(*fs_->ReadWhole(path), "whole");
  EXPECT_THAT(*fs_->List(folder_), ElementsAre("a"));
}

TEST_F(FileTest, ErrorsNameThePath) {
  const std::string path = JoinPath(folder_, "missing");
  EXPECT_THAT(fs_->Open(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  EXPECT_THAT(fs_->Remove(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  EXPECT_THAT(fs_->List(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
}

TEST_F(FileTest, ALockIsHeldByOne) {
  const std::string path = JoinPath(folder_, "LOCK");
  auto lock = fs_->Lock(path);
  ASSERT_THAT(lock, IsOk());
  EXPECT_THAT(fs_->Lock(path), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(path)));
  lock->reset();
  EXPECT_THAT(fs_->Lock(path), IsOk());
}

TEST(Path, JoinsAndSplits) {
  EXPECT_EQ(JoinPath("a/b", "c"), "a/b/c");
  EXPECT_EQ(JoinPath("a/", "c"), "a/c");
  EXPECT_EQ(FolderOf("a/b/c"), "a/b");
  EXPECT_EQ(FolderOf("/c"), "/");
  EXPECT_EQ(FolderOf("c"), ".");
}

}  // namespace
}  // namespace twin
