// What every part of the binder needs to know of one Bind call. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_ENVIRONMENT_H_
#define TWIN_QUERY_BIND_ENVIRONMENT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/bind/bind.h"
#include "query/bind/bound.h"

namespace twin::query::binding {

struct Environment {
  const Catalog* catalog = nullptr;
  const BindOptions* options = nullptr;
  const std::vector<BoundWith>* with = nullptr;  // subqueries bound so far
  std::vector<std::string>* notices = nullptr;

  bool adt() const { return options->dialect == Dialect::kAdt; }
  // There is nothing to check names of models, properties and relationships against.
  bool lenient() const { return !options->check_names || catalog->set() == nullptr; }
};

// What the dialect adt answers with NULL and tql refuses.
absl::StatusOr<BoundPtr> Refuse(const Environment& env, const Span& span,
                                absl::string_view message);

// "; did you mean 'x'?", else "; <lead>: a, b, c …", else nothing.
std::string Suggestion(absl::string_view word, const std::vector<absl::string_view>& known,
                       absl::string_view lead);

// From the first name to the last.
Span SpanOver(const Span& first, const Span& last);
Span SpanOver(const std::vector<Name>& names);

// "BatteryCell" of "dtmi:twingraph:battery:BatteryCell;1".
absl::string_view ShortName(absl::string_view id);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_ENVIRONMENT_H_
