#include "clients/twinctl/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace twin::twinctl {
namespace {

absl::Status CannotWrite(const std::string& path) {
  return absl::UnknownError(absl::StrCat("cannot write '", path, "': ", std::strerror(errno)));
}

// Where links lead to, even if nothing is there yet.
std::string TargetOf(const std::string& path) {
  constexpr int kLinksMax = 40;  // as the kernel follows
  std::filesystem::path target = path;
  std::error_code error;
  for (int i = 0; i < kLinksMax; ++i) {
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error) break;  // no link
    target = target.parent_path() / next;
  }
  return target.string();
}

}  // namespace

absl::StatusOr<OutputFile> OutputFile::Create(const std::string& path) {
  std::error_code error;  // of what is not there, too: open() says what is wrong
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  const bool is_plain =
      !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
  const std::string target = is_plain ? TargetOf(path) : path;
  OutputFile file(target, is_plain ? target + ".partial" : target);
  const int flags = O_WRONLY | O_CLOEXEC | (is_plain ? O_CREAT | O_TRUNC : 0);
  file.fd_ = open(file.written_.c_str(), flags, 0666);
  if (file.fd_ < 0) return CannotWrite(file.written_);
  return file;
}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  close(fd_);
  if (is_plain()) unlink(written_.c_str());
}

absl::Status OutputFile::Append(absl::string_view data) {
  while (!data.empty()) {
    const ssize_t bytes = write(fd_, data.data(), data.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return CannotWrite(written_);
    data.remove_prefix(static_cast<size_t>(bytes));
  }
  return absl::OkStatus();
}

absl::Status OutputFile::Commit() {
  if (is_plain()) {
    if (fsync(fd_) != 0) return CannotWrite(written_);
    if (std::rename(written_.c_str(), path_.c_str()) != 0) return CannotWrite(path_);
  }
  close(std::exchange(fd_, -1));
  return absl::OkStatus();
}

}  // namespace twin::twinctl
