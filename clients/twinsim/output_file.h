// Where an export goes: a file that appears when it is whole, or a stream.
#ifndef TWIN_CLIENTS_TWINSIM_OUTPUT_FILE_H_
#define TWIN_CLIENTS_TWINSIM_OUTPUT_FILE_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin::twinsim {

// A regular file is written beside its place, as "<path>.part", and moved there by Commit(), over
// what was there; without Commit() nothing is left of it. What is no regular file (pipes, devices,
// links) and stdout, which is called "-", are written as the bytes come. Movable;
// thread-compatible.
//
// Failures are UNAVAILABLE, with a message to be shown: "cannot write 'x': No space left on
// device"; CANCELLED when the user asked to stop.
class OutputFile {
 public:
  //   interrupted: asked before every write, and after a signal broke one off; may be empty
  static absl::StatusOr<OutputFile> Create(const std::string& path,
                                           std::function<bool()> interrupted = {});
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  // All bytes, or a failure.
  absl::Status Write(absl::string_view bytes);
  // The last call.
  absl::Status Commit();

 private:
  OutputFile(std::string path, std::string written, int fd, std::function<bool()> interrupted)
      : path_(std::move(path)),
        written_(std::move(written)),
        fd_(fd),
        interrupted_(std::move(interrupted)) {}
  absl::Status Failure() const;  // by errno

  std::string path_;
  std::string written_;  // what is written instead of path_; empty: path_ itself
  int fd_;               // -1: closed
  std::function<bool()> interrupted_;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_OUTPUT_FILE_H_
