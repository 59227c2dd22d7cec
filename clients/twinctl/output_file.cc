#include "clients/twinctl/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace twin::twinctl {
namespace {

absl::Status CannotWrite(const std::string& path) {
  return absl::UnknownError(absl::StrCat("cannot write '", path, "': ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<OutputFile> OutputFile::Create(const std::string& path) {
  OutputFile file(path, -1);
  file.fd_ = open(file.partial_path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file.fd_ < 0) return CannotWrite(file.partial_path());
  return file;
}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(partial_path().c_str());
}

absl::Status OutputFile::Append(absl::string_view data) {
  while (!data.empty()) {
    const ssize_t bytes = write(fd_, data.data(), data.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return CannotWrite(partial_path());
    data.remove_prefix(static_cast<size_t>(bytes));
  }
  return absl::OkStatus();
}

absl::Status OutputFile::Commit() {
  if (fsync(fd_) != 0) return CannotWrite(partial_path());
  if (std::rename(partial_path().c_str(), path_.c_str()) != 0) return CannotWrite(path_);
  close(std::exchange(fd_, -1));
  return absl::OkStatus();
}

}  // namespace twin::twinctl
