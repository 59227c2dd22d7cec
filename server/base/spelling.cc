#include "server/base/spelling.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"

namespace twin {
namespace {

bool IsSame(char a, char b) {
  return absl::ascii_tolower(static_cast<unsigned char>(a)) ==
         absl::ascii_tolower(static_cast<unsigned char>(b));
}

}  // namespace

size_t EditDistance(absl::string_view a, absl::string_view b) {
  // Row i, of the table from the first i bytes of `a` to the first j of `b`, and the two above it.
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> previous(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = previous[j - 1] + (IsSame(a[i - 1], b[j - 1]) ? 0 : 1);
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, changed});
      if (i > 1 && j > 1 && IsSame(a[i - 1], b[j - 2]) && IsSame(a[i - 2], b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, row);
  }
  return previous[b.size()];
}

absl::string_view ClosestWord(absl::string_view word, absl::Span<const absl::string_view> known,
                              size_t edits_max) {
  if (word.size() > kSpelledBytesMax) return "";
  absl::string_view closest;
  size_t closest_distance = edits_max + 1;
  for (const absl::string_view candidate : known) {
    if (candidate.size() > kSpelledBytesMax) continue;
    const size_t lengths =
        std::max(word.size(), candidate.size()) - std::min(word.size(), candidate.size());
    if (lengths >= closest_distance) continue;  // so many edits are needed at least
    const size_t distance = EditDistance(word, candidate);
    if (distance >= closest_distance) continue;
    closest = candidate;
    closest_distance = distance;
  }
  return closest;
}

}  // namespace twin
