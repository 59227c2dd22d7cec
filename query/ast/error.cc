#include "query/ast/error.h"

#include <algorithm>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace twin::query {
namespace {

constexpr absl::string_view kSpanPayload = "twingraph/query.span";

constexpr size_t kCellsMax = 100;        // of a line that WithCaret shows
constexpr size_t kCellsBeforeSpan = 40;  // of those, at most, before the span
constexpr absl::string_view kCut = "…";

// A character as a terminal shows it.
struct Glyph {
  std::string text;
  size_t offset = 0;  // in the query's text
  size_t bytes = 1;   // there
  size_t cells = 1;
};

// How many cells a terminal gives the character: the common wide and combining ones are known.
size_t CellsOf(uint32_t c) {
  if ((c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || c == 0xFEFF) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                    (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                    (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                    (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

// The character at `offset`. What is no UTF-8 or a control character is shown as one replacement
// character or space a byte.
Glyph GlyphAt(absl::string_view text, size_t offset) {
  const auto byte = [text](size_t at) -> uint32_t {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  };
  const uint32_t first = byte(offset);
  if (first < 0x20 || first == 0x7F) return {" ", offset, 1, 1};
  if (first < 0x80) return {std::string(text.substr(offset, 1)), offset, 1, 1};
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  uint32_t c = first & (0xFFU >> (length + 1));
  bool valid = first >= 0xC2 && first < 0xF5;
  for (size_t i = 1; i < length; ++i) {
    valid = valid && (byte(offset + i) & 0xC0U) == 0x80;
    c = c << 6 | (byte(offset + i) & 0x3FU);
  }
  const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
  const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
  if (!valid || overlong || surrogate || c > 0x10FFFF) return {"\uFFFD", offset, 1, 1};
  return {std::string(text.substr(offset, length)), offset, length, CellsOf(c)};
}

}  // namespace

absl::Status ErrorAt(const Span& span, absl::string_view message, absl::StatusCode code) {
  absl::Status status(code, absl::StrCat(span.line, ":", span.column, " ", message));
  status.SetPayload(kSpanPayload, absl::Cord(absl::StrCat(span.offset, " ", span.length, " ",
                                                          span.line, " ", span.column)));
  return status;
}

std::optional<Span> SpanOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kSpanPayload);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  Span span;
  if (words.size() != 4 || !absl::SimpleAtoi(words[0], &span.offset) ||
      !absl::SimpleAtoi(words[1], &span.length) || !absl::SimpleAtoi(words[2], &span.line) ||
      !absl::SimpleAtoi(words[3], &span.column)) {
    return std::nullopt;
  }
  return span;
}

std::string WithCaret(const absl::Status& status, absl::string_view text) {
  std::string result(status.message());
  const std::optional<Span> span = SpanOf(status);
  if (!span.has_value() || span->offset > text.size()) return result;

  const size_t newline =
      span->offset == 0 ? absl::string_view::npos : text.rfind('\n', span->offset - 1);
  const size_t begin = newline == absl::string_view::npos ? 0 : newline + 1;
  const size_t end = std::min(text.find('\n', span->offset), text.size());
  std::vector<Glyph> line;
  for (size_t offset = begin; offset < end;) {
    line.push_back(GlyphAt(text, offset));
    offset += line.back().bytes;
  }

  const auto glyph_at = [&line](size_t offset) {
    const auto found = std::find_if(line.begin(), line.end(),
                                    [offset](const Glyph& g) { return g.offset >= offset; });
    return static_cast<size_t>(found - line.begin());
  };
  const size_t span_begin = glyph_at(span->offset);
  const size_t span_end = glyph_at(std::min<size_t>(span->offset + span->length, end));

  // The window of glyphs to show.
  size_t first = 0;
  if (line.size() > kCellsMax && span_begin > kCellsBeforeSpan) {
    first = std::min(span_begin - kCellsBeforeSpan, line.size() - kCellsMax);
  }
  const size_t last = std::min(line.size(), first + kCellsMax);

  std::string shown(first > 0 ? kCut : "");
  std::string carets(first > 0 ? " " : "");
  for (size_t i = first; i < last; ++i) {
    absl::StrAppend(&shown, line[i].text);
    const bool marked = i == span_begin || (i > span_begin && i < span_end);
    carets.append(line[i].cells, marked ? '^' : ' ');
  }
  if (last < line.size()) absl::StrAppend(&shown, kCut);
  // The span is behind the last character, or of characters without width.
  if (carets.find('^') == std::string::npos) carets.push_back('^');
  carets.erase(carets.find_last_not_of(' ') + 1);
  absl::StrAppend(&result, "\n", shown, "\n", carets);
  return result;
}

}  // namespace twin::query
