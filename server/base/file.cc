#include "server/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace twin {
namespace {

absl::Status ErrnoStatus(int error, absl::string_view what, const std::string& path) {
  const std::string message = absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { close(fd_); }

  absl::Status Write(uint64_t offset, absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return ErrnoStatus(errno, "write", path_);
      if (written == 0) return ErrnoStatus(ENOSPC, "write", path_);
      bytes.remove_prefix(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
    return absl::OkStatus();
  }

  absl::Status Read(uint64_t offset, size_t size, std::string* bytes) const override {
    bytes->resize(size);
    size_t filled = 0;
    while (filled < size) {
      const ssize_t got =
          pread(fd_, bytes->data() + filled, size - filled, static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ErrnoStatus(errno, "read", path_);
      if (got == 0) break;
      filled += static_cast<size_t>(got);
    }
    bytes->resize(filled);
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    while (fdatasync(fd_) != 0) {
      if (errno != EINTR) return ErrnoStatus(errno, "sync", path_);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() const override {
    struct stat info {};
    if (fstat(fd_, &info) != 0) return ErrnoStatus(errno, "measure", path_);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const int fd_;
  const std::string path_;
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}
  ~PosixLock() override { close(fd_); }

 private:
  const int fd_;
};

class Posix final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override {
    return OpenWith(path, O_RDONLY, "open");
  }
  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override {
    return OpenWith(path, O_RDWR | O_CREAT | O_TRUNC, "create");
  }
  absl::StatusOr<std::unique_ptr<File>> OpenToWrite(const std::string& path) override {
    return OpenWith(path, O_RDWR, "open");
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    std::error_code error;
    std::vector<std::string> names;
    std::filesystem::directory_iterator at(folder, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
      names.push_back(at->path().filename().string());
    }
    if (error) return ErrnoStatus(error.value(), "list", folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status CreateFolder(const std::string& folder) override {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return ErrnoStatus(error.value(), "create", folder);
    return absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus(errno, "rename", from);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return ErrnoStatus(errno, "remove", path);
    return absl::OkStatus();
  }

  bool Exists(const std::string& path) override {
    struct stat info {};
    return stat(path.c_str(), &info) == 0;
  }

  bool IsFolder(const std::string& path) override {
    struct stat info {};
    return lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  }

  absl::Status SyncFolder(const std::string& folder) override {
    const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ErrnoStatus(errno, "open", folder);
    const int result = fsync(fd);
    const int error = errno;
    close(fd);
    if (result != 0) return ErrnoStatus(error, "sync", folder);
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return ErrnoStatus(errno, "open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      close(fd);
      if (error != EWOULDBLOCK) return ErrnoStatus(error, "lock", path);
      return absl::FailedPreconditionError(
          absl::StrCat(path, " is locked: another process uses this folder"));
    }
    return std::make_unique<PosixLock>(fd);
  }

 private:
  static absl::StatusOr<std::unique_ptr<File>> OpenWith(const std::string& path, int flags,
                                                        absl::string_view what) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
    if (fd < 0) return ErrnoStatus(errno, what, path);
    return std::make_unique<PosixFile>(fd, path);
  }
};

}  // namespace

absl::StatusOr<std::string> FileSystem::ReadWhole(const std::string& path) {
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, Open(path));
  TWIN_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  std::string bytes;
  TWIN_RETURN_IF_ERROR(file->Read(0, size, &bytes));
  return bytes;
}

absl::Status FileSystem::WriteWhole(const std::string& path, absl::string_view bytes) {
  const std::string beside = absl::StrCat(path, ".new");
  {
    TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, Create(beside));
    TWIN_RETURN_IF_ERROR(file->Write(0, bytes));
    TWIN_RETURN_IF_ERROR(file->Sync());
  }
  TWIN_RETURN_IF_ERROR(Rename(beside, path));
  return SyncFolder(FolderOf(path));
}

FileSystem* PosixFileSystem() {
  static Posix file_system;
  return &file_system;
}

std::string JoinPath(absl::string_view folder, absl::string_view name) {
  if (folder.empty()) return std::string(name);
  return absl::StrCat(folder, folder.back() == '/' ? "" : "/", name);
}

std::string FolderOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

}  // namespace twin
