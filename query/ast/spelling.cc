#include "query/ast/spelling.h"

#include "absl/strings/str_cat.h"
#include "server/base/spelling.h"

namespace twin::query {

absl::string_view ClosestWord(absl::string_view word, absl::Span<const absl::string_view> known) {
  constexpr size_t kShortWord = 6;
  if (word.size() < 2) return "";
  return twin::ClosestWord(word, known, word.size() < kShortWord ? 1 : 2);
}

std::string DidYouMean(absl::string_view word, absl::Span<const absl::string_view> known) {
  const absl::string_view closest = ClosestWord(word, known);
  return closest.empty() ? "" : absl::StrCat("; did you mean '", closest, "'?");
}

}  // namespace twin::query
