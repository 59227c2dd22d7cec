// The lines of a file, gzip or plain, however long it is.
#ifndef TWIN_CLIENTS_TABULAR_LINES_H_
#define TWIN_CLIENTS_TABULAR_LINES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct gzFile_s;

namespace twin::tabular {

inline constexpr size_t kLineBytesMax = size_t{16} << 20;

// Movable; thread-compatible. Messages are ready to be shown: "cannot read 'x': No such file".
class LineReader {
 public:
  // "-": stdin. What gzip has compressed is decompressed, whatever it is called.
  //   cancelled: ends reading with CANCELLED; may be null
  static absl::StatusOr<LineReader> Open(const std::string& path,
                                         const std::atomic<bool>* cancelled = nullptr);

  // Moves to the next line; false at the end, and when reading failed: see status(). A last line
  // needs no line end.
  bool Next();
  absl::string_view line() const { return line_; }          // without its end; lives until Next()
  absl::string_view line_end() const { return line_end_; }  // "\n", "\r\n", or at the end "\r", ""
  uint64_t number() const { return number_; }               // of line(), from 1
  const absl::Status& status() const { return status_; }

  const std::string& name() const { return name_; }  // as in messages: "<stdin>" for "-"
  // What is read of the file, from 0 to 1; below 0: nobody knows.
  double Share() const;

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };
  LineReader(std::string name, gzFile_s* file, uint64_t bytes, const std::atomic<bool>* cancelled);
  bool Fill();

  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;
  uint64_t bytes_;  // of a regular file; 0: it is none
  const std::atomic<bool>* cancelled_;
  std::string buffer_;
  size_t begin_ = 0;  // of what is not handed out yet
  bool ended_ = false;
  absl::string_view line_;
  absl::string_view line_end_;
  uint64_t number_ = 0;
  absl::Status status_;
};

}  // namespace twin::tabular

#endif  // TWIN_CLIENTS_TABULAR_LINES_H_
