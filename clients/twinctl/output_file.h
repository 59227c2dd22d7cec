// A file that is there whole or not at all.
#ifndef TWIN_CLIENTS_TWINCTL_OUTPUT_FILE_H_
#define TWIN_CLIENTS_TWINCTL_OUTPUT_FILE_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin::twinctl {

// Writes PATH.partial, which Commit() renames; without that it is removed. A link stays one: what
// it leads to is the file. What is no plain file, such as a pipe or a device, is written as it is.
class OutputFile {
 public:
  static absl::StatusOr<OutputFile> Create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept
      : path_(std::move(other.path_)),
        written_(std::move(other.written_)),
        fd_(std::exchange(other.fd_, -1)) {}
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  absl::Status Append(absl::string_view data);
  // Makes it durable and gives it its name. Call it once, at the end.
  absl::Status Commit();

 private:
  OutputFile(std::string path, std::string written)
      : path_(std::move(path)), written_(std::move(written)) {}
  bool is_plain() const { return written_ != path_; }

  std::string path_;
  std::string written_;  // the same, or PATH.partial
  int fd_ = -1;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_OUTPUT_FILE_H_
