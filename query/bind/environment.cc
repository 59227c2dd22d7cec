#include "query/bind/environment.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/ast/spelling.h"
#include "query/bind/coerce.h"

namespace twin::query::binding {

absl::StatusOr<BoundPtr> Refuse(const Environment& env, const Span& span,
                                absl::string_view message) {
  if (env.adt()) return NullAt(span);
  return ErrorAt(span, message);
}

std::string Suggestion(absl::string_view word, const std::vector<absl::string_view>& known,
                       absl::string_view lead) {
  const absl::string_view closest = ClosestWord(word, known);
  if (!closest.empty()) return absl::StrCat("; did you mean '", closest, "'?");
  if (known.empty()) return "";
  constexpr size_t kListed = 12;
  const size_t listed = std::min(known.size(), kListed);
  return absl::StrCat("; ", lead, ": ", absl::StrJoin(known.begin(), known.begin() + listed, ", "),
                      known.size() > listed ? ", …" : "");
}

Span SpanOver(const Span& first, const Span& last) {
  Span span = first;
  const uint32_t end = last.offset + last.length;
  if (end > span.offset) span.length = std::max(span.length, end - span.offset);
  return span;
}

Span SpanOver(const std::vector<Name>& names) {
  return names.empty() ? Span() : SpanOver(names.front().span, names.back().span);
}

absl::string_view ShortName(absl::string_view id) {
  id = id.substr(0, id.find(';'));
  return id.substr(id.rfind(':') + 1);
}

}  // namespace twin::query::binding
