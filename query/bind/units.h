// Units of expressions. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_UNITS_H_
#define TWIN_QUERY_BIND_UNITS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/bind/bound.h"

namespace twin::query::binding {

// A value times factor plus offset is in the other unit.
struct UnitConversion {
  double factor = 1;
  double offset = 0;
};

// nullopt: they measure different things, or on different scales.
std::optional<UnitConversion> ConversionOf(const dtdl::Unit& from, const dtdl::Unit& to);

// The unit of that name; an error at `span` that names the nearest one.
absl::StatusOr<const dtdl::Unit*> UnitNamed(absl::string_view name, const Span& span);

// `expr`, which has a unit that converts, in `unit`: a double.
BoundPtr InUnit(BoundPtr expr, const dtdl::Unit& unit);

// The unit of a difference of two values in `unit`: none for temperatures, whose zeros differ.
const dtdl::Unit* UnitOfDifference(const dtdl::Unit* unit);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_UNITS_H_
