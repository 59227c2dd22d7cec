// What the planner asks about the graph. Everything is exact at the snapshot and cheap.
#ifndef TWIN_QUERY_PLAN_STATISTICS_H_
#define TWIN_QUERY_PLAN_STATISTICS_H_

#include <cstdint>

#include "server/base/ids.h"

namespace twin::query {

// Thread-safe.
class Statistics {
 public:
  virtual ~Statistics() = default;
  virtual uint64_t Twins(TableId table) const = 0;
  virtual uint64_t Relationships(RelationshipTypeId type) const = 0;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_STATISTICS_H_
