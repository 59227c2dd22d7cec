// Result rows as lines of JSON, short enough to read: a twin is {"$dtId": …}, a relationship
// {"$relationshipId": …}, a path the array of its ids, a duration a number of seconds.
#ifndef TWIN_TESTS_GOLDEN_RENDER_H_
#define TWIN_TESTS_GOLDEN_RENDER_H_

#include <string>
#include <vector>

#include "query/execute/execute.h"
#include "query/execute/readers.h"
#include "query/execute/vector.h"

namespace twin::testing {

std::string RowToJson(const std::vector<query::ResultColumn>& columns, const query::Batch& batch,
                      size_t row, const query::GraphReader& graph);

}  // namespace twin::testing

#endif  // TWIN_TESTS_GOLDEN_RENDER_H_
