#include "models/dtdl/diagnostics.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace twin::dtdl {
namespace {

constexpr size_t kWordLengthMax = 64;  // longer words are not compared: cost grows with the square

// Optimal string alignment distance, letters compared without case.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  const auto same = [](char x, char y) {
    return absl::ascii_tolower(static_cast<unsigned char>(x)) ==
           absl::ascii_tolower(static_cast<unsigned char>(y));
  };
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min(
          {previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1)});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, row);
  }
  return previous[b.size()];
}

}  // namespace

std::string FullMessage(const Diagnostic& diagnostic) {
  if (diagnostic.hint.empty()) return diagnostic.message;
  return absl::StrCat(diagnostic.message, "; ", diagnostic.hint);
}

std::string ClosestWord(absl::string_view word, const std::vector<absl::string_view>& known) {
  if (word.empty() || word.size() > kWordLengthMax) return "";
  absl::string_view closest;
  size_t closest_distance = (word.size() + 2) / 3 + 1;
  constexpr size_t kPrefixMin = 3;  // "int" means "integer", however many letters are missing
  for (const absl::string_view candidate : known) {
    if (candidate.size() > kWordLengthMax) continue;
    const size_t distance = Distance(word, candidate);
    if (distance < closest_distance) {
      closest = candidate;
      closest_distance = distance;
    }
  }
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
