#include "models/dtdl/diagnostics.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/spelling.h"

namespace twin::dtdl {

std::string FullMessage(const Diagnostic& diagnostic) {
  if (diagnostic.hint.empty()) return diagnostic.message;
  return absl::StrCat(diagnostic.message, "; ", diagnostic.hint);
}

std::string ClosestWord(absl::string_view word, const std::vector<absl::string_view>& known) {
  if (word.empty()) return "";
  const absl::string_view closest = twin::ClosestWord(word, known, (word.size() + 2) / 3);
  constexpr size_t kPrefixMin = 3;  // "int" means "integer", however many letters are missing
  if (closest.empty() && word.size() >= kPrefixMin) {
    for (const absl::string_view candidate : known) {
      if (absl::StartsWithIgnoreCase(candidate, word)) return std::string(candidate);
    }
  }
  return std::string(closest);
}

std::string DidYouMean(absl::string_view word, const std::vector<absl::string_view>& known) {
  const std::string closest = ClosestWord(word, known);
  return closest.empty() ? "" : absl::StrCat("did you mean '", closest, "'?");
}

}  // namespace twin::dtdl
