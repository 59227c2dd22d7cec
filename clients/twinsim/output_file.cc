#include "clients/twinsim/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace twin::twinsim {
namespace {

constexpr mode_t kMode = 0666;  // less the process's umask

absl::Status FailureOf(const std::string& path) {
  const std::string name = path == "-" ? "to stdout" : absl::StrCat("'", path, "'");
  return absl::UnavailableError(absl::StrCat("cannot write ", name, ": ", std::strerror(errno)));
}

// Whether something stands there that is not to be replaced: a pipe, a device, a link.
bool IsSpecial(const std::string& path) {
  struct stat status = {};
  return lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

}  // namespace

absl::StatusOr<OutputFile> OutputFile::Create(const std::string& path,
                                              std::function<bool()> interrupted) {
  if (path == "-") return OutputFile(path, "", STDOUT_FILENO, std::move(interrupted));
  const std::string written = IsSpecial(path) ? "" : path + ".part";
  const int fd = open((written.empty() ? path : written).c_str(),
                      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  if (fd < 0) return FailureOf(path);
  return OutputFile(path, written, fd, std::move(interrupted));
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      written_(std::exchange(other.written_, "")),
      fd_(std::exchange(other.fd_, -1)),
      interrupted_(std::move(other.interrupted_)) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0 && fd_ != STDOUT_FILENO) close(fd_);
  if (!written_.empty()) unlink(written_.c_str());
}

absl::Status OutputFile::Failure() const { return FailureOf(path_); }

absl::Status OutputFile::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (interrupted_ != nullptr && interrupted_()) return absl::CancelledError("interrupted");
    const ssize_t count = write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failure();
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::Status OutputFile::Commit() {
  const int fd = std::exchange(fd_, -1);
  if (fd != STDOUT_FILENO && close(fd) != 0) return Failure();
  if (written_.empty()) return absl::OkStatus();
  if (rename(written_.c_str(), path_.c_str()) != 0) return Failure();
  written_.clear();
  return absl::OkStatus();
}

}  // namespace twin::twinsim
