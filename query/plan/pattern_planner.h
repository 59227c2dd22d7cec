// Steps for patterns: where to start, in which order and direction to follow the edges, and which
// conditions hold as early as possible. Internal to query/plan.
#ifndef TWIN_QUERY_PLAN_PATTERN_PLANNER_H_
#define TWIN_QUERY_PLAN_PATTERN_PLANNER_H_

#include <memory>
#include <vector>

#include "query/plan/estimates.h"
#include "query/plan/expr_util.h"
#include "query/plan/plan.h"

namespace twin::query {

// A condition that some step has to check, once.
struct Conjunct {
  BoundPtr expr;
  SlotSet slots;
  bool placed = false;
};
std::vector<Conjunct> ConjunctsOf(const std::vector<BoundPtr>& conditions);

class PatternPlanner {
 public:
  // Appends steps to plan->steps. `bound`: slots that they find filled.
  PatternPlanner(const Catalog& catalog, const Estimates& estimates, bool rewrites,
                 std::vector<Conjunct>* conjuncts, Plan* plan, SlotSet* bound)
      : catalog_(catalog),
        estimates_(estimates),
        rewrites_(rewrites),
        conjuncts_(*conjuncts),
        plan_(*plan),
        bound_(*bound) {}

  // The twins of one slot, by the cheapest way.
  void PlanTwins(SlotId slot);
  // All of the paths, which may share twins with each other and with what is bound.
  // `ends_only`: only which twins are found matters, not how often.
  void PlanPaths(const std::vector<const BoundPath*>& paths, bool ends_only);
  // A filter of the conjuncts that can be checked by now and were not.
  void PlaceConjuncts();

 private:
  struct Edge {
    BoundEdge edge;
    int path = 0;
    SlotId segment = kNoSlot;
    std::vector<size_t> overlapping;  // edges of the same path that must differ
    bool planned = false;
    bool reversed = false;
  };

  SlotId NewSlot(SlotKind kind, TypeKind type);
  void TakeEdges(const std::vector<const BoundPath*>& paths);
  void PlanComponent(const SlotSet& nodes, bool ends_only);
  void PlanEdge(size_t index, bool reversed, bool ends_only);
  void PlanJoin(const SlotSet& nodes, bool ends_only);
  SlotSet Component(SlotId node) const;
  SlotId CheapestStart(const SlotSet& nodes) const;
  // The next edge with an end that is bound, or -1.
  int NextEdge(const SlotSet& nodes, bool* reversed) const;
  double TwinsAfterConjuncts(SlotId slot) const;
  bool PlanFind(SlotId slot);
  void PushInto(PlanStep* scan);
  bool FindsBy(const Conjunct& conjunct, SlotId slot, PlanStep* step) const;
  void DropImplied(SlotId slot, const std::vector<TableId>& tables);
  double rows() const { return plan_.steps.empty() ? 1 : plan_.steps.back().rows; }

  const Catalog& catalog_;
  const Estimates& estimates_;
  const bool rewrites_;
  std::vector<Conjunct>& conjuncts_;
  Plan& plan_;
  SlotSet& bound_;
  std::vector<Edge> edges_;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_PATTERN_PLANNER_H_
