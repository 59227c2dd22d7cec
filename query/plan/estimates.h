// How many rows a step may give: what choices between plans rest on. Internal to query/plan.
#ifndef TWIN_QUERY_PLAN_ESTIMATES_H_
#define TWIN_QUERY_PLAN_ESTIMATES_H_

#include <vector>

#include "query/bind/bound.h"
#include "query/plan/statistics.h"

namespace twin::query {

class Estimates {
 public:
  Estimates(const Catalog& catalog, const Statistics& statistics)
      : catalog_(catalog), statistics_(statistics) {}

  // Twins that the slot can be.
  double Twins(const Slot& slot) const;
  // The share of rows that a condition leaves.
  static double Selectivity(const BoundExpr& condition);
  // Rows per row of an expansion along the edge; `reversed`: from its end to its start.
  double FanOut(const BoundEdge& edge, bool reversed) const;
  // Tables of twins at which relationships of the edge start, or with `targets`, end; empty: any.
  std::vector<TableId> EndTables(const BoundEdge& edge, bool targets) const;

 private:
  double FanOutOnce(const BoundEdge& edge, bool reversed) const;
  const Catalog& catalog_;
  const Statistics& statistics_;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_ESTIMATES_H_
