// What a command reads: files, whole or line by line, and standard input, which is called "-".
#ifndef TWIN_CLIENTS_TWINCTL_INPUT_H_
#define TWIN_CLIENTS_TWINCTL_INPUT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin::twinctl {

// A text larger than this is refused: no model and no line comes near.
inline constexpr size_t kInputBytesMax = size_t{256} << 20;

// An open file, closed with it. Movable. Failures are NOT_FOUND, PERMISSION_DENIED or UNKNOWN with
// a message that is ready to be shown: "cannot read 'x': No such file or directory".
class InputFile {
 public:
  static absl::StatusOr<InputFile> Open(const std::string& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  const std::string& name() const { return name_; }  // as in messages: "<stdin>" for "-"

  // Whether Read() would not wait, after at most that time.
  bool WaitForData(int timeout_ms) const;
  // Bytes of a regular file; 0: it is none.
  size_t SizeHint() const;
  // Reads up to `size` bytes; 0: the end. CANCELLED: interrupted, see interrupt.h.
  absl::StatusOr<size_t> Read(char* buffer, size_t size);
  // Reads all that is left.
  absl::StatusOr<std::string> ReadAll(size_t bytes_max = kInputBytesMax);

 private:
  InputFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}

  std::string name_;
  int fd_;
};

// The lines of a file, however long the file is.
class LineReader {
 public:
  // `file` must outlive the reader.
  explicit LineReader(InputFile* file, size_t line_bytes_max = kInputBytesMax)
      : file_(*file), line_bytes_max_(line_bytes_max) {}

  // Moves to the next line; false at the end, and when reading failed: see status(). A last line
  // needs no line end. A line of more than line_bytes_max bytes is read over: too_long().
  bool Next();
  absl::string_view line() const { return line_; }  // without its end; lives until Next()
  bool too_long() const { return too_long_; }
  const absl::Status& status() const { return status_; }

 private:
  bool Fill();

  InputFile& file_;
  const size_t line_bytes_max_;
  std::string buffer_;
  size_t begin_ = 0;  // of what is not handed out yet
  bool end_of_file_ = false;
  bool too_long_ = false;
  absl::string_view line_;
  absl::Status status_;
};

// A text and what messages call it.
struct InputText {
  std::string name;
  std::string text;
};

// The model files that `paths` name: files as they are, of folders all *.json in them and in the
// folders below, by name; hidden ones (".x") and links to folders are passed over. A file that is
// named twice is read once. Fails when something cannot be read or a folder holds no model.
absl::StatusOr<std::vector<InputText>> ReadModelTexts(const std::vector<std::string>& paths);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_INPUT_H_
