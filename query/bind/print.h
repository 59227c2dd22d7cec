// Bound statements as text: for tests, and for looking at them.
#ifndef TWIN_QUERY_BIND_PRINT_H_
#define TWIN_QUERY_BIND_PRINT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "query/bind/bound.h"

namespace twin::query {

// One line for each part, subqueries and notices first. Twins show the models that they can be of,
// where that is not any.
std::string ToString(const BoundStatement& statement);

// A model as people call it: the last segment, and the version where it is not the first.
// "BatteryCell" of "dtmi:…:BatteryCell;1".
std::string ModelText(absl::string_view id);

}  // namespace twin::query

#endif  // TWIN_QUERY_BIND_PRINT_H_
