// A file in the address space: who reads a part of it touches no more than that part. Internal to
// server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_MAPPED_FILE_H_
#define TWIN_SERVER_TIMESERIES_MAPPED_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace twin::timeseries {

// Of the system's disk; the file must not change or become shorter. Thread-safe.
class MappedFile {
 public:
  // nullptr: it cannot be mapped, and has to be read.
  static std::unique_ptr<MappedFile> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::string_view bytes() const { return bytes_; }

 private:
  explicit MappedFile(absl::string_view bytes) : bytes_(bytes) {}
  const absl::string_view bytes_;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_MAPPED_FILE_H_
