#include "clients/twinctl/input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/interrupt.h"

namespace twin::twinctl {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReadBytes = size_t{64} << 10;
constexpr absl::string_view kStdin = "-";

absl::Status CannotRead(absl::string_view name, const std::string& why, int error = 0) {
  const std::string message = absl::StrCat("cannot read '", name, "': ", why);
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES) return absl::PermissionDeniedError(message);
  return absl::UnknownError(message);
}

absl::Status CannotRead(absl::string_view name, int error) {
  return CannotRead(name, std::strerror(error), error);
}

bool IsHidden(const fs::path& path) { return absl::string_view(path.filename().c_str())[0] == '.'; }

// Appends the model files of a folder and of those below it, by name.
absl::Status ListModels(const fs::path& folder, std::vector<std::string>* files) {
  const size_t before = files->size();
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const fs::path& path = at->path();
    std::error_code ignored;
    if (IsHidden(path)) {
      at.disable_recursion_pending();
    } else if (path.extension() == ".json" && !at->is_directory(ignored)) {
      files->push_back(path.string());
    }
  }
  if (error) return CannotRead(folder.string(), error.message(), error.value());
  if (files->size() == before) return CannotRead(folder.string(), "no *.json file in this folder");
  std::sort(files->begin() + static_cast<ptrdiff_t>(before), files->end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<InputFile> InputFile::Open(const std::string& path) {
  if (path == kStdin) return InputFile("<stdin>", STDIN_FILENO);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return CannotRead(path, errno);
  return InputFile(path, fd);
}

InputFile::InputFile(InputFile&& other) noexcept
    : name_(std::move(other.name_)), fd_(std::exchange(other.fd_, -1)) {}

InputFile::~InputFile() {
  if (fd_ > STDIN_FILENO) close(fd_);
}

bool InputFile::WaitForData(int timeout_ms) const {
  pollfd poll_fd = {.fd = fd_, .events = POLLIN, .revents = 0};
  return poll(&poll_fd, 1, timeout_ms) > 0;
}

size_t InputFile::SizeHint() const {
  struct stat info = {};
  return fstat(fd_, &info) == 0 && S_ISREG(info.st_mode) ? static_cast<size_t>(info.st_size) : 0;
}

absl::StatusOr<size_t> InputFile::Read(char* buffer, size_t size) {
  while (true) {
    const ssize_t bytes = read(fd_, buffer, size);
    if (bytes >= 0) return static_cast<size_t>(bytes);
    if (errno != EINTR) return CannotRead(name_, errno);
    if (Interrupted()) return absl::CancelledError("interrupted");
  }
}

absl::StatusOr<std::string> InputFile::ReadAll(size_t bytes_max) {
  std::string text;
  size_t size = 0;
  while (true) {
    if (size > bytes_max) {
      return CannotRead(name_, absl::StrCat("larger than ", bytes_max, " bytes"));
    }
    if (size == text.size()) text.resize(std::max(kReadBytes, 2 * size));
    const absl::StatusOr<size_t> bytes = Read(&text[size], text.size() - size);
    if (!bytes.ok()) return bytes.status();
    if (*bytes == 0) break;
    size += *bytes;
  }
  text.resize(size);
  return text;
}

bool LineReader::Next() {
  too_long_ = false;
  size_t searched = begin_;
  while (true) {
    const size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      too_long_ = too_long_ || end - begin_ > line_bytes_max_;
      line_ = absl::string_view(buffer_).substr(begin_, end - begin_);
      begin_ = end + 1;
      break;
    }
    if (buffer_.size() - begin_ > line_bytes_max_) {  // Read over the rest of it.
      too_long_ = true;
      begin_ = buffer_.size();
    }
    searched = buffer_.size() - begin_;
    if (end_of_file_ || !Fill()) {
      line_ = absl::string_view(buffer_).substr(begin_);
      begin_ = buffer_.size();
      if (!status_.ok() || (line_.empty() && !too_long_)) return false;
      break;
    }
  }
  if (too_long_) line_ = {};
  return true;
}

// Drops what was handed out and reads more behind the rest; false at the end of the file.
bool LineReader::Fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t size = buffer_.size();
  buffer_.resize(size + std::max(kReadBytes, size));
  const absl::StatusOr<size_t> bytes = file_.Read(&buffer_[size], buffer_.size() - size);
  buffer_.resize(size + (bytes.ok() ? *bytes : 0));
  status_ = bytes.status();
  end_of_file_ = !bytes.ok() || *bytes == 0;
  return !end_of_file_;
}

absl::StatusOr<std::vector<InputText>> ReadModelTexts(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (path == kStdin || !fs::is_directory(path, ignored)) {
      files.push_back(path);
    } else if (const absl::Status status = ListModels(path, &files); !status.ok()) {
      return status;
    }
  }
  std::vector<InputText> texts;
  std::set<std::string> seen;
  for (const std::string& file : files) {
    std::error_code error;
    const fs::path canonical = fs::canonical(file, error);
    if (!seen.insert(error ? file : canonical.string()).second) continue;
    absl::StatusOr<InputFile> input = InputFile::Open(file);
    if (!input.ok()) return input.status();
    absl::StatusOr<std::string> text = input->ReadAll();
    if (!text.ok()) return text.status();
    texts.push_back({input->name(), *std::move(text)});
  }
  return texts;
}

}  // namespace twin::twinctl
