#include "clients/tabular/lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace twin::tabular {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;
constexpr unsigned kZlibBytes = 128 << 10;

absl::Status CannotRead(absl::string_view name, absl::string_view why, absl::StatusCode code) {
  return absl::Status(code, absl::StrCat("cannot read '", name, "': ", why));
}

}  // namespace

absl::StatusOr<LineReader> LineReader::Open(const std::string& path,
                                            const std::atomic<bool>* cancelled) {
  const bool is_stdin = path == "-";
  const int fd = is_stdin ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    return CannotRead(path, std::strerror(error),
                      error == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kUnknown);
  }
  struct stat info = {};
  const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  gzFile_s* const file = gzdopen(fd, "rb");
  if (file == nullptr) {
    close(fd);
    return CannotRead(path, "out of memory", absl::StatusCode::kResourceExhausted);
  }
  gzbuffer(file, kZlibBytes);
  return LineReader(is_stdin ? "<stdin>" : path, file,
                    regular ? static_cast<uint64_t>(info.st_size) : 0, cancelled);
}

LineReader::LineReader(std::string name, gzFile_s* file, uint64_t bytes,
                       const std::atomic<bool>* cancelled)
    : name_(std::move(name)), file_(file), bytes_(bytes), cancelled_(cancelled) {}

void LineReader::Close::operator()(gzFile_s* file) const { gzclose_r(file); }

double LineReader::Share() const {
  if (bytes_ == 0) return -1;
  return static_cast<double>(gzoffset(file_.get())) / static_cast<double>(bytes_);
}

bool LineReader::Next() {
  size_t searched = begin_;
  while (status_.ok()) {
    const size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      line_ = absl::string_view(buffer_).substr(begin_, end - begin_);
      line_end_ = "\n";
      begin_ = end + 1;
      break;
    }
    searched = buffer_.size() - begin_;
    if (searched > kLineBytesMax) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat(name_, ":", number_ + 1, ": a line of more than ", kLineBytesMax, " bytes"));
      return false;
    }
    if (!ended_ && Fill()) continue;
    line_ = absl::string_view(buffer_).substr(begin_);
    line_end_ = "";
    begin_ = buffer_.size();
    if (!status_.ok() || line_.empty()) return false;
    break;
  }
  if (!status_.ok()) return false;
  if (!line_.empty() && line_.back() == '\r') {
    line_.remove_suffix(1);
    line_end_ = line_end_.empty() ? "\r" : "\r\n";
  }
  ++number_;
  return true;
}

// Drops what was handed out and reads more behind the rest; false at the end of the file.
bool LineReader::Fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t size = buffer_.size();
  buffer_.resize(size + kReadBytes);
  int bytes = 0;
  while (true) {
    if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) {
      status_ = absl::CancelledError("interrupted");
      break;
    }
    errno = 0;
    bytes = gzread(file_.get(), &buffer_[size], kReadBytes);
    if (bytes >= 0 || errno != EINTR) break;
    gzclearerr(file_.get());
  }
  buffer_.resize(size + static_cast<size_t>(bytes > 0 ? bytes : 0));
  if (bytes > 0 || !status_.ok()) return bytes > 0;
  ended_ = true;
  // A compressed file that ends too early says so only here.
  int code = Z_OK;
  const char* const why = gzerror(file_.get(), &code);
  if (code == Z_ERRNO) {
    status_ = CannotRead(name_, std::strerror(errno), absl::StatusCode::kUnknown);
  } else if (code == Z_BUF_ERROR) {
    status_ = CannotRead(name_, "the compressed file is cut off", absl::StatusCode::kDataLoss);
  } else if (code < 0) {
    status_ = CannotRead(name_, why, absl::StatusCode::kDataLoss);
  }
  return false;
}

}  // namespace twin::tabular
