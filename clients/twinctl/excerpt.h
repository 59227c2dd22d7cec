// The line of a text that a finding is about, cut to the terminal, with a mark below its place.
#ifndef TWIN_CLIENTS_TWINCTL_EXCERPT_H_
#define TWIN_CLIENTS_TWINCTL_EXCERPT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace twin::twinctl {

struct Excerpt {
  std::string line;  // printable; tabs are spaces, "…" stands where it was cut
  std::string mark;  // spaces, then "^~~~" below the place
};

// The bytes [begin, end) are the place, of which the part in its first line is marked, at least one
// column. `columns` is the room for the line: a sensible choice is made when it is small or 0.
// Cost: independent of the length of the text and of its lines.
Excerpt MakeExcerpt(absl::string_view text, size_t begin, size_t end, int columns);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_EXCERPT_H_
