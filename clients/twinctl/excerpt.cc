#include "clients/twinctl/excerpt.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

constexpr int kExcerptColumnsDefault = 120;  // where there is no terminal
constexpr int kExcerptColumnsMin = 40;
constexpr int kTabColumns = 4;
constexpr size_t kBytesPerColumnMax = 8;  // a line of more combining marks is cut early
constexpr absl::string_view kEllipsis = "…";

// What stands for one code point of the text.
struct Cell {
  size_t begin = 0;  // of its bytes in the text
  size_t end = 0;
  std::string text;  // what is shown
  int columns = 0;
};

// The part of a line that is near the place.
struct Line {
  std::vector<Cell> cells;
  bool cut_before = false;  // more of the line stands before it
  bool cut_after = false;
};

bool IsInsideCodePoint(absl::string_view text, size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

bool IsLineEnd(absl::string_view rest) {
  return rest.empty() || rest[0] == '\n' || rest == "\r" || rest.substr(0, 2) == "\r\n";
}

// Reads at most `bytes_max` bytes to each side of `place`.
Line ReadLine(absl::string_view text, size_t place, size_t bytes_max) {
  Line line;
  size_t first = place;
  const size_t earliest = place > bytes_max ? place - bytes_max : 0;
  while (first > earliest && text[first - 1] != '\n') --first;
  line.cut_before = first > 0 && text[first - 1] != '\n';
  while (line.cut_before && first < place && IsInsideCodePoint(text, first)) ++first;

  absl::string_view rest = text.substr(first);
  const size_t limit = place + std::min(text.size() - place, bytes_max);
  int column = 0;
  while (!IsLineEnd(rest)) {
    const absl::string_view before = rest;
    Cell cell;
    cell.begin = text.size() - rest.size();
    if (cell.begin >= limit) break;
    TakeCodePoint(&rest);
    cell.end = text.size() - rest.size();
    if (before[0] == '\t') {
      cell.text.assign(static_cast<size_t>(kTabColumns - column % kTabColumns), ' ');
    } else {
      cell.text = Printable(before.substr(0, before.size() - rest.size()));
    }
    cell.columns = ColumnsOf(cell.text);
    column += cell.columns;
    line.cells.push_back(std::move(cell));
  }
  line.cut_after = !IsLineEnd(rest);
  return line;
}

int ColumnsBetween(const Line& line, size_t from, size_t to) {
  int columns = 0;
  for (size_t i = from; i < to; ++i) columns += line.cells[i].columns;
  return columns;
}

}  // namespace

Excerpt MakeExcerpt(absl::string_view text, size_t begin, size_t end, int columns) {
  columns = columns <= 0 ? kExcerptColumnsDefault : std::max(columns, kExcerptColumnsMin);
  begin = std::min(begin, text.size());
  const Line line = ReadLine(text, begin, static_cast<size_t>(columns) * kBytesPerColumnMax);
  const size_t size = line.cells.size();

  // The place in cells; behind the last one when it is the line's end.
  size_t mark = 0;
  while (mark < size && line.cells[mark].end <= begin) ++mark;
  size_t mark_end = mark;
  while (mark_end < size && line.cells[mark_end].begin < end) ++mark_end;

  // What is shown: all of the line, or from a third of the room before the place; more before it
  // where less stands behind.
  size_t from = 0;
  if (line.cut_before || ColumnsBetween(line, 0, mark_end) > columns) {
    from = mark;
    const int behind = ColumnsBetween(line, mark, size) + (line.cut_after ? 1 : 0);
    int context = std::max(columns / 3, columns - 1 - behind);
    while (from > 0 && context >= line.cells[from - 1].columns) {
      context -= line.cells[--from].columns;
    }
  }
  const bool cut_before = line.cut_before || from > 0;
  int room = columns - (cut_before ? 1 : 0);
  const bool cut_after = line.cut_after || ColumnsBetween(line, from, size) > room;
  if (cut_after) --room;
  size_t to = from;
  Excerpt excerpt;
  if (cut_before) absl::StrAppend(&excerpt.line, kEllipsis);
  while (to < size && line.cells[to].columns <= room) {
    room -= line.cells[to].columns;
    absl::StrAppend(&excerpt.line, line.cells[to++].text);
  }
  if (cut_after) absl::StrAppend(&excerpt.line, kEllipsis);

  const int before = ColumnsBetween(line, from, mark) + (cut_before ? 1 : 0);
  const int marked = ColumnsBetween(line, mark, std::max(mark, std::min(mark_end, to)));
  excerpt.mark = absl::StrCat(std::string(static_cast<size_t>(before), ' '), "^",
                              std::string(static_cast<size_t>(std::max(marked - 1, 0)), '~'));
  return excerpt;
}

}  // namespace twin::twinctl
