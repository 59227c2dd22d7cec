#include "clients/twinctl/terminal.h"

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace twin::twinctl {
namespace {

constexpr int kColumnsDefault = 80;
constexpr char32_t kReplacement = 0xFFFD;
constexpr absl::string_view kReplacementUtf8 = "\xEF\xBF\xBD";

absl::string_view EscapeOf(Tone tone) {
  switch (tone) {
    case Tone::kError:
      return "\x1b[1;31m";
    case Tone::kWarning:
      return "\x1b[1;33m";
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kHint:
      return "\x1b[36m";
    case Tone::kStrong:
      return "\x1b[1m";
    case Tone::kFaint:
      return "\x1b[2m";
  }
  return "";
}

// Number of bytes that the first byte of a sequence announces; 0: it cannot be the first.
int SequenceBytes(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

}  // namespace

Terminal ProbeTerminal(int fd) {
  Terminal terminal;
  if (isatty(fd) == 0) return terminal;
  terminal.present = true;
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.columns = size.ws_col;
    return terminal;
  }
  const char* const columns = std::getenv("COLUMNS");
  if (columns == nullptr || !absl::SimpleAtoi(columns, &terminal.columns) ||
      terminal.columns <= 0) {
    terminal.columns = kColumnsDefault;
  }
  return terminal;
}

bool EnvironmentRefusesColor() {
  const char* const no_color = std::getenv("NO_COLOR");
  const char* const term = std::getenv("TERM");
  return (no_color != nullptr && *no_color != '\0') ||
         (term != nullptr && absl::string_view(term) == "dumb");
}

std::string Style::Paint(Tone tone, absl::string_view text) const {
  if (!color_ || text.empty()) return std::string(text);
  return absl::StrCat(EscapeOf(tone), text, "\x1b[0m");
}

char32_t TakeCodePoint(absl::string_view* text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>((*text)[i]); };
  const unsigned char first = byte(0);
  const size_t bytes = static_cast<size_t>(SequenceBytes(first));
  if (bytes == 1) {
    text->remove_prefix(1);
    return first;
  }
  char32_t code_point = bytes == 0 ? 0 : first & (0x7Fu >> bytes);
  bool good = bytes > 0 && bytes <= text->size();
  for (size_t i = 1; good && i < bytes; ++i) {
    good = (byte(i) & 0xC0) == 0x80;
    code_point = code_point << 6 | (byte(i) & 0x3Fu);
  }
  if (good && bytes == 3) {
    good = code_point >= 0x800 && (code_point < 0xD800 || code_point > 0xDFFF);
  } else if (good && bytes == 4) {
    good = code_point >= 0x10000 && code_point <= 0x10FFFF;
  }
  text->remove_prefix(good ? bytes : 1);
  return good ? code_point : kReplacement;
}

bool IsPrintable(char32_t code_point) {
  if (code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F)) return false;
  // Embeddings, overrides and isolates of the writing direction; separators of lines.
  return !(code_point >= 0x2028 && code_point <= 0x202E) &&
         !(code_point >= 0x2066 && code_point <= 0x2069);
}

int ColumnsOf(char32_t code_point) {
  if (code_point < 0x300 || !IsPrintable(code_point)) return 1;
  // wcwidth() answers for the thread's locale, which may be one without Unicode.
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (utf8 == nullptr) return 1;
  const locale_t before = uselocale(utf8);
  const int columns = wcwidth(static_cast<wchar_t>(code_point));
  uselocale(before);
  return columns < 0 ? 1 : columns;
}

int ColumnsOf(absl::string_view text) {
  int columns = 0;
  while (!text.empty()) columns += ColumnsOf(TakeCodePoint(&text));
  return columns;
}

std::string Printable(absl::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const absl::string_view before = text;
    const char32_t code_point = TakeCodePoint(&text);
    if (code_point == '\n' || code_point == '\t' || code_point == '\r') {
      result.push_back(' ');
    } else if (code_point == kReplacement || !IsPrintable(code_point)) {
      absl::StrAppend(&result, kReplacementUtf8);
    } else {
      absl::StrAppend(&result, before.substr(0, before.size() - text.size()));
    }
  }
  return result;
}

std::vector<std::string> WrapText(absl::string_view text, int columns) {
  std::vector<std::string> lines(1);
  int line_columns = 0;
  size_t break_at = std::string::npos;  // of the last line: where its last space stands
  while (!text.empty()) {
    const absl::string_view before = text;
    const char32_t code_point = TakeCodePoint(&text);
    if (code_point == '\n') {
      lines.emplace_back();
      line_columns = 0;
      break_at = std::string::npos;
      continue;
    }
    const int width = ColumnsOf(code_point);
    if (columns > 0 && line_columns + width > columns && !lines.back().empty()) {
      std::string rest;
      if (code_point != ' ' && break_at != std::string::npos) {
        rest = lines.back().substr(break_at + 1);
        lines.back().resize(break_at);
      }
      line_columns = ColumnsOf(rest);
      lines.push_back(std::move(rest));
      break_at = std::string::npos;
      if (code_point == ' ') continue;
    }
    if (code_point == ' ' && !lines.back().empty()) break_at = lines.back().size();
    absl::StrAppend(&lines.back(), before.substr(0, before.size() - text.size()));
    line_columns += width;
  }
  return lines;
}

}  // namespace twin::twinctl
