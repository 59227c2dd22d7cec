#include "query/plan/pattern_planner.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace twin::query {
namespace {

bool IsIdOf(const BoundExpr& expr, SlotId slot) {
  return expr.kind == BoundKind::kField && expr.field == Field::kId && expr.slot == slot;
}

// Every table that has the property keeps an index of it.
bool IsIndexed(const BoundExpr& expr, const Slot& slot, const Catalog& catalog) {
  if (expr.kind != BoundKind::kProperty || slot.kind != SlotKind::kTwin || expr.columns.empty()) {
    return false;
  }
  return std::all_of(expr.columns.begin(), expr.columns.end(), [&](const ColumnRef& ref) {
    return catalog.model(TableId(ref.table)).columns[ref.column.value].indexed;
  });
}

bool IsText(const BoundExpr& expr) {
  return expr.type.kind == TypeKind::kString && IsRowless(expr);
}

bool Overlap(const BoundEdge& a, const BoundEdge& b) {
  if (a.any_type || b.any_type) return true;
  return std::any_of(a.types.begin(), a.types.end(), [&b](RelationshipTypeId type) {
    return std::binary_search(b.types.begin(), b.types.end(), type);
  });
}

BoundEdge Copy(const BoundEdge& edge) { return edge; }

}  // namespace

std::vector<Conjunct> ConjunctsOf(const std::vector<BoundPtr>& conditions) {
  std::vector<Conjunct> conjuncts;
  conjuncts.reserve(conditions.size());
  for (const BoundPtr& condition : conditions) {
    conjuncts.push_back({Clone(*condition), SlotsOf(*condition)});
  }
  return conjuncts;
}

SlotId PatternPlanner::NewSlot(SlotKind kind, TypeKind type) {
  Slot slot;
  slot.kind = kind;
  slot.type.kind = type;
  plan_.slots.push_back(std::move(slot));
  return static_cast<SlotId>(plan_.slots.size() - 1);
}

void PatternPlanner::PlaceConjuncts() {
  PlanStep filter;
  filter.kind = StepKind::kFilter;
  filter.rows = rows();
  for (Conjunct& conjunct : conjuncts_) {
    if (conjunct.placed || !bound_.ContainsAll(conjunct.slots)) continue;
    conjunct.placed = true;
    filter.rows *= Estimates::Selectivity(*conjunct.expr);
    filter.conditions.push_back(std::move(conjunct.expr));
  }
  if (filter.conditions.empty()) return;
  // The cheap ones first: EXISTS after all that reads columns.
  std::stable_partition(filter.conditions.begin(), filter.conditions.end(),
                        [](const BoundPtr& condition) {
                          bool searches = false;
                          ForEachExpr(*condition, [&searches](const BoundExpr& expr) {
                            searches = searches || expr.kind == BoundKind::kExists;
                          });
                          return !searches;
                        });
  plan_.steps.push_back(std::move(filter));
}

// Fills in `step` if the conjunct says which twins the slot can be.
bool PatternPlanner::FindsBy(const Conjunct& conjunct, SlotId slot, PlanStep* step) const {
  if (conjunct.placed || !conjunct.slots.Has(slot)) return false;
  const BoundExpr& expr = *conjunct.expr;
  const Slot& of = plan_.slots[slot];
  const auto names_slot = [&](const BoundExpr& side) {
    return IsIdOf(side, slot) || (side.slot == slot && IsIndexed(side, of, catalog_));
  };
  const BoundExpr* property = nullptr;
  std::vector<BoundPtr> values;
  if (expr.kind == BoundKind::kEqual) {
    for (const int side : {0, 1}) {
      if (!names_slot(*expr.operands[side]) || !IsText(*expr.operands[1 - side])) continue;
      property = expr.operands[side].get();
      values.push_back(Clone(*expr.operands[1 - side]));
      break;
    }
  } else if (expr.kind == BoundKind::kIn && !expr.negated && names_slot(*expr.operands[0])) {
    property = expr.operands[0].get();
    for (size_t i = 1; i < expr.operands.size(); ++i) {
      if (!IsText(*expr.operands[i])) return false;
      values.push_back(Clone(*expr.operands[i]));
    }
  }
  if (property == nullptr || values.empty()) return false;
  step->values = std::move(values);
  step->property = IsIdOf(*property, slot) ? nullptr : Clone(*property);
  return true;
}

bool PatternPlanner::PlanFind(SlotId slot) {
  if (!rewrites_) return false;
  for (const bool by_id : {true, false}) {
    for (Conjunct& conjunct : conjuncts_) {
      PlanStep step;
      if (!FindsBy(conjunct, slot, &step) || (step.property == nullptr) != by_id) continue;
      conjunct.placed = true;
      step.kind = StepKind::kFind;
      step.slot = slot;
      step.rows = static_cast<double>(step.values.size());
      plan_.steps.push_back(std::move(step));
      return true;
    }
  }
  return false;
}

// Conjuncts on the model of the slot that hold anyway where its twins are of `tables`.
void PatternPlanner::DropImplied(SlotId slot, const std::vector<TableId>& tables) {
  if (!rewrites_ || tables.empty()) return;
  for (Conjunct& conjunct : conjuncts_) {
    if (conjunct.placed || conjunct.expr->kind != BoundKind::kOfModel ||
        conjunct.expr->slot != slot) {
      continue;
    }
    conjunct.placed = std::includes(conjunct.expr->tables.begin(), conjunct.expr->tables.end(),
                                    tables.begin(), tables.end());
  }
}

// Comparisons of a number with a constant can be checked while the twins are scanned.
void PatternPlanner::PushInto(PlanStep* scan) {
  for (Conjunct& conjunct : conjuncts_) {
    if (conjunct.placed) continue;
    const BoundExpr& expr = *conjunct.expr;
    if (!ComparesStored(expr, scan->slot)) continue;
    conjunct.placed = true;
    scan->rows *= Estimates::Selectivity(expr);
    scan->conditions.push_back(std::move(conjunct.expr));
  }
}

void PatternPlanner::PlanTwins(SlotId slot) {
  if (!PlanFind(slot)) {
    const Slot& of = plan_.slots[slot];
    PlanStep scan;
    scan.kind = StepKind::kScan;
    scan.slot = slot;
    scan.rows = estimates_.Twins(of);
    if (of.any_table) {
      for (const Model& model : catalog_.models()) scan.tables.push_back(model.table);
    } else {
      scan.tables = of.tables;
    }
    if (!of.any_table) DropImplied(slot, scan.tables);
    if (rewrites_) PushInto(&scan);
    plan_.steps.push_back(std::move(scan));
  }
  bound_.Add(slot);
  if (rewrites_) PlaceConjuncts();
}

double PatternPlanner::TwinsAfterConjuncts(SlotId slot) const {
  double twins = estimates_.Twins(plan_.slots[slot]);
  for (const Conjunct& conjunct : conjuncts_) {
    PlanStep step;
    if (FindsBy(conjunct, slot, &step)) {
      return std::min(twins, static_cast<double>(step.values.size()));
    }
    if (conjunct.placed || conjunct.slots.ToVector() != std::vector<SlotId>{slot} ||
        conjunct.expr->kind == BoundKind::kOfModel) {
      continue;
    }
    twins *= Estimates::Selectivity(*conjunct.expr);
  }
  return twins;
}

void PatternPlanner::TakeEdges(const std::vector<const BoundPath*>& paths) {
  for (size_t i = 0; i < paths.size(); ++i) {
    const size_t first = edges_.size();
    for (const BoundEdge& bound : paths[i]->edges) {
      Edge edge;
      edge.edge = Copy(bound);
      edge.path = static_cast<int>(i);
      edges_.push_back(std::move(edge));
    }
    for (size_t a = first; a < edges_.size(); ++a) {
      for (size_t b = first; b < edges_.size(); ++b) {
        if (a != b && Overlap(edges_[a].edge, edges_[b].edge)) edges_[a].overlapping.push_back(b);
      }
      Edge& edge = edges_[a];
      if (edge.overlapping.empty() && paths[i]->path == kNoSlot) continue;
      if (edge.edge.variable) {
        edge.segment = NewSlot(SlotKind::kPath, TypeKind::kPath);
      } else if (edge.edge.slot == kNoSlot) {
        edge.edge.slot = NewSlot(SlotKind::kRelationship, TypeKind::kRelationship);
      }
    }
  }
}

// The nodes that edges join with `node`.
SlotSet PatternPlanner::Component(SlotId node) const {
  SlotSet nodes;
  nodes.Add(node);
  for (bool grew = true; grew;) {
    grew = false;
    for (const Edge& edge : edges_) {
      const bool from = nodes.Has(edge.edge.from), to = nodes.Has(edge.edge.to);
      if (from == to) continue;
      nodes.Add(from ? edge.edge.to : edge.edge.from);
      grew = true;
    }
  }
  return nodes;
}

SlotId PatternPlanner::CheapestStart(const SlotSet& nodes) const {
  SlotId best = kNoSlot;
  double least = std::numeric_limits<double>::infinity();
  for (const SlotId node : nodes.ToVector()) {
    const double twins = TwinsAfterConjuncts(node);
    if (best != kNoSlot && twins >= least) continue;
    best = node;
    least = twins;
  }
  return best;
}

int PatternPlanner::NextEdge(const SlotSet& nodes, bool* reversed) const {
  int best = -1;
  double least = 0;
  for (size_t i = 0; i < edges_.size(); ++i) {
    const Edge& edge = edges_[i];
    if (edge.planned || !nodes.Has(edge.edge.from)) continue;
    const bool from = bound_.Has(edge.edge.from), to = bound_.Has(edge.edge.to);
    if (!rewrites_) {  // In the order written, backwards only where it has to be.
      if (!from && !to) continue;
      *reversed = !from;
      return static_cast<int>(i);
    }
    for (const bool back : {false, true}) {
      if (!(back ? to : from)) continue;
      double rows = estimates_.FanOut(edge.edge, back);
      if (from && to) rows /= 1e6;  // It only tests.
      const SlotId end = back ? edge.edge.from : edge.edge.to;
      const double twins = std::max(1.0, estimates_.Twins(plan_.slots[end]));
      rows *= TwinsAfterConjuncts(end) / twins;
      if (best >= 0 && rows >= least) continue;
      best = static_cast<int>(i);
      least = rows;
      *reversed = back;
    }
  }
  return best;
}

void PatternPlanner::PlanEdge(size_t index, bool reversed, bool ends_only) {
  Edge& edge = edges_[index];
  edge.planned = true;
  edge.reversed = reversed;
  PlanStep step;
  step.kind = edge.edge.variable ? StepKind::kExpandVariable : StepKind::kExpand;
  step.edge = Copy(edge.edge);
  step.reversed = reversed;
  step.segment = edge.segment;
  const SlotId end = reversed ? edge.edge.from : edge.edge.to;
  step.to_bound = bound_.Has(end);
  for (const size_t other : edge.overlapping) {
    if (!edges_[other].planned) continue;
    step.different.push_back(edges_[other].edge.variable ? edges_[other].segment
                                                         : edges_[other].edge.slot);
  }
  // A shortest way to an end never uses a relationship twice, so that with one hop at least, the
  // ends that can be reached are the ends of paths. Back to the start, to and fro, the execution
  // looks for a circle.
  step.ends_only = rewrites_ && ends_only && edge.edge.variable && edge.edge.hops_min <= 1 &&
                   edge.segment == kNoSlot && edge.overlapping.empty() && !edge.edge.unbounded;
  const double fan_out = estimates_.FanOut(edge.edge, reversed);
  step.rows = rows() * fan_out;
  const double twins = estimates_.Twins(plan_.slots[end]);
  if (step.to_bound) step.rows /= std::max(1.0, twins);
  if (step.ends_only) step.rows = std::min(step.rows, rows() * std::max(1.0, twins));
  bound_.Add(edge.edge.slot);
  bound_.Add(edge.segment);
  bound_.Add(end);
  if (edge.edge.hops_min >= 1 && edge.edge.direction != BoundEdge::Direction::kEither) {
    const bool at_targets = reversed == (edge.edge.direction == BoundEdge::Direction::kIncoming);
    DropImplied(end, estimates_.EndTables(edge.edge, at_targets));
  }
  plan_.steps.push_back(std::move(step));
  if (rewrites_) PlaceConjuncts();
}

void PatternPlanner::PlanComponent(const SlotSet& nodes, bool ends_only) {
  const std::vector<SlotId> all = nodes.ToVector();
  if (std::none_of(all.begin(), all.end(), [this](SlotId node) { return bound_.Has(node); })) {
    SlotId start = kNoSlot;
    if (rewrites_) {
      start = CheapestStart(nodes);
    } else {
      for (const Edge& edge : edges_) {
        if (start == kNoSlot && nodes.Has(edge.edge.from)) start = edge.edge.from;
      }
      if (start == kNoSlot) start = all.front();
    }
    PlanTwins(start);
  }
  bool reversed = false;
  for (int next = NextEdge(nodes, &reversed); next >= 0; next = NextEdge(nodes, &reversed)) {
    PlanEdge(static_cast<size_t>(next), reversed, ends_only);
  }
}

// A part of the pattern that nothing joins with what is bound: its rows by themselves, joined by
// conditions that say what is equal, or with every row.
void PatternPlanner::PlanJoin(const SlotSet& nodes, bool ends_only) {
  PlanStep join;
  join.kind = StepKind::kJoin;
  join.inner = std::make_unique<Plan>();
  join.inner->select = plan_.select;
  join.inner->slots = plan_.slots;
  SlotSet inside;
  PatternPlanner inner(catalog_, estimates_, rewrites_, &conjuncts_, join.inner.get(), &inside);
  inner.edges_ = edges_;
  inner.PlanComponent(nodes, ends_only);
  edges_ = inner.edges_;
  plan_.slots = join.inner->slots;
  join.inner_slots = inside.ToVector();
  join.rows = rows() * inner.rows();
  for (Conjunct& conjunct : conjuncts_) {
    if (!rewrites_ || conjunct.placed || conjunct.expr->kind != BoundKind::kEqual) continue;
    for (const int side : {0, 1}) {
      const SlotSet outer = SlotsOf(*conjunct.expr->operands[side]);
      const SlotSet far = SlotsOf(*conjunct.expr->operands[1 - side]);
      if (conjunct.placed || outer.empty() || far.empty() || !bound_.ContainsAll(outer) ||
          !inside.ContainsAll(far) ||
          conjunct.expr->operands[0]->type.kind != conjunct.expr->operands[1]->type.kind) {
        continue;
      }
      join.outer_keys.push_back(Clone(*conjunct.expr->operands[side]));
      join.inner_keys.push_back(Clone(*conjunct.expr->operands[1 - side]));
      conjunct.placed = true;
      join.rows = std::max(1.0, std::max(rows(), inner.rows()));
    }
  }
  bound_.AddAll(inside);
  plan_.steps.push_back(std::move(join));
  if (rewrites_) PlaceConjuncts();
}

void PatternPlanner::PlanPaths(const std::vector<const BoundPath*>& paths, bool ends_only) {
  edges_.clear();
  TakeEdges(paths);
  for (int pass = 0; pass < 2; ++pass) {  // What is joined with bound slots comes first.
    for (const BoundPath* path : paths) {
      for (const SlotId node : path->nodes) {
        const SlotSet nodes = Component(node);
        const bool joined = bound_.Intersects(nodes);
        const bool all_planned =
            bound_.Has(node) &&
            std::all_of(edges_.begin(), edges_.end(), [&nodes](const Edge& edge) {
              return edge.planned || !nodes.Has(edge.edge.from);
            });
        if (all_planned || (pass == 0 && rewrites_ && !joined && !plan_.steps.empty())) continue;
        if (joined || plan_.steps.empty()) {
          PlanComponent(nodes, ends_only);
        } else {
          PlanJoin(nodes, ends_only);
        }
      }
    }
  }
  for (size_t i = 0; i < paths.size(); ++i) {
    if (paths[i]->path == kNoSlot) continue;
    PlanStep make;
    make.kind = StepKind::kMakePath;
    make.path = paths[i]->path;
    make.path_nodes = paths[i]->nodes;
    make.rows = rows();
    for (const Edge& edge : edges_) {
      if (edge.path != static_cast<int>(i)) continue;
      make.path_edges.push_back(
          {edge.edge.variable ? edge.segment : edge.edge.slot, edge.edge.variable, edge.reversed});
    }
    bound_.Add(make.path);
    plan_.steps.push_back(std::move(make));
  }
  if (rewrites_) PlaceConjuncts();
}

}  // namespace twin::query
