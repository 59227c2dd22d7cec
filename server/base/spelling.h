// "Did you mean": which known word a misspelled one is closest to.
#ifndef TWIN_SERVER_BASE_SPELLING_H_
#define TWIN_SERVER_BASE_SPELLING_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin {

// Bytes inserted, left out, changed, or swapped with their neighbour to make `a` of `b`, the case
// of ASCII letters aside; nothing is edited twice (optimal string alignment). Cost: the product of
// their lengths.
size_t EditDistance(absl::string_view a, absl::string_view b);

// The first of the `known` words that are closest to `word`, at most `edits_max` edits away; empty:
// none is. Words longer than kSpelledBytesMax are never close.
inline constexpr size_t kSpelledBytesMax = 64;
absl::string_view ClosestWord(absl::string_view word, absl::Span<const absl::string_view> known,
                              size_t edits_max);

}  // namespace twin

#endif  // TWIN_SERVER_BASE_SPELLING_H_
