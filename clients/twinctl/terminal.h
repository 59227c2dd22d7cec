// What a text looks like on a terminal: colour, columns, characters that must not reach it.
#ifndef TWIN_CLIENTS_TWINCTL_TERMINAL_H_
#define TWIN_CLIENTS_TWINCTL_TERMINAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace twin::twinctl {

// Where a stream leads.
struct Terminal {
  bool present = false;  // a terminal, no file or pipe
  int columns = 0;       // its width; 0 when there is no terminal: lines may be of any length
};
// Asks the system about a file descriptor; a terminal that does not know its width has 80 columns.
Terminal ProbeTerminal(int fd);

enum class ColorMode : uint8_t { kAuto, kAlways, kNever };

// Whether the environment asks for no colour: NO_COLOR is not empty, or TERM is "dumb".
bool EnvironmentRefusesColor();

enum class Tone : uint8_t { kError, kWarning, kGood, kHint, kStrong, kFaint };

// Writes a text in a tone, or plain where there is no colour.
class Style {
 public:
  Style() = default;
  explicit Style(bool color) : color_(color) {}
  bool color() const { return color_; }
  std::string Paint(Tone tone, absl::string_view text) const;

 private:
  bool color_ = false;
};

// Takes the first code point off `text`, which is not empty. A byte that is no UTF-8 is taken
// alone, as U+FFFD.
char32_t TakeCodePoint(absl::string_view* text);

// The columns of a code point: 2 for wide ones, 0 for those that combine with the one before.
// Control characters count 1: Printable puts a mark in their place.
int ColumnsOf(char32_t code_point);
int ColumnsOf(absl::string_view text);

// The text with every character that could move the cursor, change colours or turn the writing
// direction replaced by U+FFFD, line ends and tabs by a space. What comes out is UTF-8.
std::string Printable(absl::string_view text);
bool IsPrintable(char32_t code_point);

// The text in lines of at most `columns`, broken at spaces where possible. '\n' begins a new line,
// and so do lines that were wrapped before; columns <= 0: no limit. At least one line.
std::vector<std::string> WrapText(absl::string_view text, int columns);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_TERMINAL_H_
