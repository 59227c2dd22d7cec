// A file that is there whole or not at all.
#ifndef TWIN_CLIENTS_TWINCTL_OUTPUT_FILE_H_
#define TWIN_CLIENTS_TWINCTL_OUTPUT_FILE_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin::twinctl {

// Writes PATH.partial, which Commit() renames; without that it is removed.
class OutputFile {
 public:
  static absl::StatusOr<OutputFile> Create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  absl::Status Append(absl::string_view data);
  // Makes it durable and gives it its name. Call it once, at the end.
  absl::Status Commit();

 private:
  OutputFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string partial_path() const { return path_ + ".partial"; }

  std::string path_;
  int fd_;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_OUTPUT_FILE_H_
