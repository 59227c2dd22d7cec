// "Did you mean": the word that a misspelled one is meant to be.
#ifndef TWIN_QUERY_AST_SPELLING_H_
#define TWIN_QUERY_AST_SPELLING_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::query {

// The first of the `known` words that are closest to `word`; empty: none is close. Close are at
// most two letters inserted, left out, changed or swapped with their neighbour, the case of letters
// aside; of words below six letters one.
absl::string_view ClosestWord(absl::string_view word, absl::Span<const absl::string_view> known);

// "; did you mean 'x'?" for the closest word, or empty: the end of a message.
std::string DidYouMean(absl::string_view word, absl::Span<const absl::string_view> known);

}  // namespace twin::query

#endif  // TWIN_QUERY_AST_SPELLING_H_
