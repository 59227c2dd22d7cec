#include <algorithm>
#include <utility>

#include "query/plan/estimates.h"
#include "query/plan/live_slots.h"
#include "query/plan/pattern_planner.h"
#include "query/plan/plan.h"
#include "query/plan/runs.h"
#include "query/plan/summarize.h"

namespace twin::query {
namespace {

constexpr double kSamples = 100;  // of a row in a window: nobody has counted them

// Where the plans of EXISTS come from, once for each expression of the plan.
void PlanExists(const Catalog& catalog, const Estimates& estimates, bool rewrites, Plan* plan);

class SelectPlanner {
 public:
  SelectPlanner(const BoundSelect& select, const Catalog& catalog, const Statistics& statistics,
                const PlanOptions& options)
      : select_(select),
        catalog_(catalog),
        estimates_(catalog, statistics),
        rewrites_(options.rewrites),
        conjuncts_(ConjunctsOf(select.where)),
        plan_(std::make_unique<Plan>()) {
    plan_->select = &select;
    plan_->slots = select.slots;
  }

  std::unique_ptr<Plan> Make() {
    PlanSource();
    PlanMatches();
    PlanHistories();
    PlaceAll();
    if (rewrites_) NarrowHistories(plan_.get());
    PlanGroups();
    PlanWindows();
    PlanOutputs();
    FindLiveSlots(plan_.get());
    if (rewrites_) {
      FindRuns(plan_.get());
      FindLateIds(plan_.get());
    }
    PlanExists(catalog_, estimates_, rewrites_, plan_.get());
    return std::move(plan_);
  }

 private:
  double rows() const { return plan_->steps.empty() ? 1 : plan_->steps.back().rows; }

  PlanStep& Add(StepKind kind, double rows) {
    plan_->steps.emplace_back();
    plan_->steps.back().kind = kind;
    plan_->steps.back().rows = rows;
    return plan_->steps.back();
  }

  PatternPlanner Patterns() {
    return PatternPlanner(catalog_, estimates_, rewrites_, &conjuncts_, plan_.get(), &bound_);
  }

  void PlanSource() {
    const BoundSource& source = select_.source;
    switch (source.collection) {
      case FromClause::Collection::kTwins:
        if (source.slot != kNoSlot) Patterns().PlanTwins(source.slot);
        break;
      case FromClause::Collection::kRelationships: {
        const Slot& slot = plan_->slots[source.slot];
        PlanStep& scan = Add(StepKind::kScanRelationships, 0);
        scan.slot = source.slot;
        scan.types = slot.types;
        scan.any_type = slot.any_type;
        scan.history_all = source.history_all;
        BoundEdge edge;
        edge.types = slot.types;
        edge.any_type = slot.any_type;
        scan.rows = estimates_.FanOut(edge, false);
        bound_.Add(source.slot);
        if (rewrites_) Patterns().PlaceConjuncts();
        break;
      }
      case FromClause::Collection::kSubquery: {
        PlanStep& rows = Add(StepKind::kSubquery, 1000);
        rows.subquery = source.subquery;
        rows.columns = source.columns;
        for (const SlotId slot : source.columns) bound_.Add(slot);
        if (rewrites_) Patterns().PlaceConjuncts();
        break;
      }
    }
  }

  // How often a row is found does not matter to what comes of it.
  bool DuplicatesDoNotMatter() const {
    if (!select_.histories.empty() || !select_.windows.empty()) return false;
    if (!select_.grouped) return select_.distinct;
    return std::all_of(select_.aggregates.begin(), select_.aggregates.end(),
                       [](const BoundAggregate& aggregate) {
                         return aggregate.distinct || aggregate.function == Function::kMin ||
                                aggregate.function == Function::kMax;
                       });
  }

  void PlanMatches() {
    for (size_t i = 0; i < select_.matches.size(); ++i) {
      if (select_.matches[i].optional) {
        PlanOptional(select_.matches[i]);
        continue;
      }
      // Required ones that follow each other are one pattern.
      std::vector<const BoundPath*> paths;
      for (; i < select_.matches.size() && !select_.matches[i].optional; ++i) {
        for (Conjunct& conjunct : ConjunctsOf(select_.matches[i].conditions)) {
          conjuncts_.push_back(std::move(conjunct));
        }
        for (const BoundPath& path : select_.matches[i].paths) paths.push_back(&path);
      }
      --i;
      Patterns().PlanPaths(paths, DuplicatesDoNotMatter());
    }
  }

  void PlanOptional(const BoundMatch& match) {
    PlanStep step;
    step.kind = StepKind::kOptional;
    step.inner = std::make_unique<Plan>();
    Plan* inner = step.inner.get();
    inner->select = &select_;
    inner->slots = plan_->slots;
    inner->ordinal = static_cast<SlotId>(inner->slots.size());
    inner->slots.emplace_back();
    inner->slots.back().type.kind = TypeKind::kInt;
    inner->steps.emplace_back();
    inner->steps.back().rows = 1;
    SlotSet bound = bound_;
    std::vector<Conjunct> conjuncts = ConjunctsOf(match.conditions);
    PatternPlanner patterns(catalog_, estimates_, rewrites_, &conjuncts, inner, &bound);
    std::vector<const BoundPath*> paths;
    for (const BoundPath& path : match.paths) paths.push_back(&path);
    patterns.PlanPaths(paths, /*ends_only=*/false);
    patterns.PlaceConjuncts();
    for (const SlotId slot : bound.ToVector()) {
      if (!bound_.Has(slot) && slot < static_cast<SlotId>(select_.slots.size())) {
        step.inner_slots.push_back(slot);
        bound_.Add(slot);
      }
    }
    step.rows = rows() * std::max(1.0, inner->steps.back().rows);
    plan_->steps.push_back(std::move(step));
    if (rewrites_) Patterns().PlaceConjuncts();
  }

  void PlanHistories() {
    for (size_t i = 0; i < select_.histories.size(); ++i) {
      const BoundHistory& history = select_.histories[i];
      PlanStep& step = Add(StepKind::kHistory, rows() * kSamples);
      step.history = &history;
      step.history_index = static_cast<int>(i);
      for (const BoundAggregate& aggregate : select_.aggregates) {
        step.with_before =
            step.with_before || (aggregate.histories == std::vector<int>{static_cast<int>(i)} &&
                                 InfoOf(aggregate.function).kind == FunctionKind::kTimeAggregate);
      }
      if (step.with_before) {
        step.before = AddTimeSlot();
        if (!IsRowless(*history.from) || (history.to != nullptr && !IsRowless(*history.to))) {
          step.window_from = AddTimeSlot();
          step.window_to = AddTimeSlot();
        }
      }
      if (rewrites_ && !history.optional) AlignWithEarlier(&step);
      bound_.Add(history.time);
      for (const HistoryColumn& column : history.columns) bound_.Add(column.slot);
      if (rewrites_) Patterns().PlaceConjuncts();
    }
  }

  SlotId AddTimeSlot() {
    const auto slot = static_cast<SlotId>(plan_->slots.size());
    plan_->slots.emplace_back();
    plan_->slots.back().type.kind = TypeKind::kTime;
    bound_.Add(slot);
    return slot;
  }

  // WHERE g.time = h.time: g looks up the times of h instead of pairing all with all.
  void AlignWithEarlier(PlanStep* step) {
    for (Conjunct& conjunct : conjuncts_) {
      if (conjunct.placed || conjunct.expr->kind != BoundKind::kEqual) continue;
      const BoundExpr& a = *conjunct.expr->operands[0];
      const BoundExpr& b = *conjunct.expr->operands[1];
      if (a.kind != BoundKind::kSlot || b.kind != BoundKind::kSlot) continue;
      const bool second = b.slot == step->history->time;
      if (!second && a.slot != step->history->time) continue;
      const SlotId other = second ? a.slot : b.slot;
      for (int i = 0; i < step->history_index; ++i) {
        if (select_.histories[i].time != other) continue;
        step->aligned_with = other;
        step->rows /= kSamples;
        conjunct.placed = true;
        return;
      }
    }
  }

  // What is left, such as conditions without any slot.
  void PlaceAll() {
    if (plan_->steps.empty()) Add(StepKind::kOne, 1);
    Patterns().PlaceConjuncts();
  }

  void PlanGroups() {
    if (!select_.grouped) return;
    SortForTime();
    PlanStep& step = Add(StepKind::kAggregate, select_.groups.empty() ? 1 : rows() / 10);
    SlotSet twins;  // whose identity is a key
    for (const BoundPtr& group : select_.groups) {
      const bool is_id = rewrites_ && group->kind == BoundKind::kField &&
                         group->field == Field::kId &&
                         plan_->slots[group->slot].kind == SlotKind::kTwin;
      const bool is_twin = group->kind == BoundKind::kSlot && group->type.kind == TypeKind::kTwin;
      if (is_id || is_twin) twins.Add(group->slot);
      step.key_is_id.push_back(is_id);
      step.keys.push_back(is_id ? SlotExpr(group->slot, {TypeKind::kTwin}) : Clone(*group));
    }
    for (const BoundPtr& key : step.keys) {
      const bool of_twin = key->kind == BoundKind::kProperty || key->kind == BoundKind::kField ||
                           key->kind == BoundKind::kDocument || key->kind == BoundKind::kUpdateTime;
      step.key_depends.push_back(rewrites_ && of_twin && twins.Has(key->slot));
    }
    if (rewrites_) SummarizeHistory(plan_.get());
    AddFilter(select_.having);
  }

  // Functions of time want their rows in its order. Samples come so; rows of a subquery do not.
  void SortForTime() {
    for (const BoundAggregate& aggregate : select_.aggregates) {
      if (aggregate.time == kNoSlot || !aggregate.histories.empty()) continue;
      PlanStep& sort = Add(StepKind::kSort, rows());
      sort.sort.push_back({SlotExpr(aggregate.time, plan_->slots[aggregate.time].type)});
      return;
    }
  }

  void AddFilter(const std::vector<BoundPtr>& conditions) {
    if (conditions.empty()) return;
    PlanStep& filter = Add(StepKind::kFilter, rows());
    for (const BoundPtr& condition : conditions) {
      filter.conditions.push_back(Clone(*condition));
      filter.rows *= Estimates::Selectivity(*condition);
    }
  }

  // Rows that stand in different parts of the scan are in different partitions.
  bool AreWithinScan() const {
    const std::vector<PlanStep>& steps = plan_->steps;
    if (!rewrites_ || steps.empty() || steps[0].kind != StepKind::kScan) return false;
    const bool row_by_row = std::all_of(steps.begin() + 1, steps.end(), [](const PlanStep& step) {
      return step.kind == StepKind::kExpand || step.kind == StepKind::kExpandVariable ||
             step.kind == StepKind::kFilter || step.kind == StepKind::kMakePath;
    });
    const auto names_scan = [&](const BoundPtr& expr) {
      return (expr->kind == BoundKind::kSlot ||
              (expr->kind == BoundKind::kField && expr->field == Field::kId)) &&
             expr->slot == steps[0].slot;
    };
    return row_by_row &&
           std::all_of(
               select_.windows.begin(), select_.windows.end(), [&](const BoundWindow& window) {
                 return std::any_of(window.partition.begin(), window.partition.end(), names_scan);
               });
  }

  void PlanWindows() {
    if (!select_.windows.empty()) {
      const bool within_scan = AreWithinScan();
      Add(StepKind::kWindow, rows()).within_scan = within_scan;
    }
    AddFilter(select_.qualify);
  }

  PlanStep& AddSort() {
    PlanStep& sort = Add(StepKind::kSort, rows());
    sort.sort_limited = rewrites_ && (select_.limit != nullptr || select_.top != nullptr);
    return sort;
  }

  void AddLimit() {
    if (select_.limit == nullptr && select_.top == nullptr && select_.offset == nullptr) return;
    Add(StepKind::kLimit, std::min(rows(), 100.0));
  }

  // Rows are sorted before their outputs are computed, and after DISTINCT has looked at those.
  void PlanOutputs() {
    if (!select_.distinct) {
      if (!select_.order.empty()) {
        PlanStep& sort = AddSort();
        for (const BoundSortKey& key : select_.order) {
          sort.sort.push_back({Clone(*key.expr), key.descending, key.nulls_first});
        }
      }
      AddLimit();
      Add(StepKind::kProject, rows());
      return;
    }
    Add(StepKind::kProject, rows());
    Add(StepKind::kDistinct, rows() / 2);
    if (!select_.order.empty()) {
      PlanStep& sort = AddSort();
      for (const BoundSortKey& key : select_.order) {
        for (size_t i = 0; i < select_.outputs.size(); ++i) {
          if (!Same(*select_.outputs[i].expr, *key.expr)) continue;
          sort.sort.push_back(
              {SlotExpr(static_cast<SlotId>(i), key.expr->type), key.descending, key.nulls_first});
          break;
        }
      }
    }
    AddLimit();
  }

  const BoundSelect& select_;
  const Catalog& catalog_;
  const Estimates estimates_;
  const bool rewrites_;
  std::vector<Conjunct> conjuncts_;
  std::unique_ptr<Plan> plan_;
  SlotSet bound_;
};

std::unique_ptr<Plan> PlanOneExists(const BoundExists& exists, const Catalog& catalog,
                                    const Estimates& estimates, bool rewrites, const Plan& outer) {
  auto plan = std::make_unique<Plan>();
  plan->select = outer.select;
  plan->slots = outer.slots;
  plan->ordinal = static_cast<SlotId>(plan->slots.size());
  plan->slots.emplace_back();
  plan->slots.back().type.kind = TypeKind::kInt;
  plan->steps.emplace_back();
  plan->steps.back().rows = 1;
  SlotSet bound;
  for (size_t i = 0; i < outer.select->slots.size(); ++i) bound.Add(static_cast<SlotId>(i));
  for (const SlotId slot : exists.slots) bound.Remove(slot);
  std::vector<Conjunct> conjuncts = ConjunctsOf(exists.conditions);
  PatternPlanner patterns(catalog, estimates, rewrites, &conjuncts, plan.get(), &bound);
  std::vector<const BoundPath*> paths;
  for (const BoundPath& path : exists.paths) paths.push_back(&path);
  patterns.PlanPaths(paths, /*ends_only=*/true);
  patterns.PlaceConjuncts();
  PlanExists(catalog, estimates, rewrites, plan.get());
  return plan;
}

// Those of an EXISTS are its own plan's.
void ForEachOwnExpr(const BoundExpr& expr, const std::function<void(const BoundExpr&)>& visit) {
  visit(expr);
  for (const BoundPtr& operand : expr.operands) ForEachOwnExpr(*operand, visit);
}

void PlanExists(const Catalog& catalog, const Estimates& estimates, bool rewrites, Plan* plan) {
  const auto visit = [&](const BoundExpr& expr) {
    if (expr.kind != BoundKind::kExists || plan->exists.count(expr.exists.get()) > 0) return;
    plan->exists[expr.exists.get()] =
        PlanOneExists(*expr.exists, catalog, estimates, rewrites, *plan);
  };
  for (PlanStep& step : plan->steps) {
    ForEachExprOf(step, *plan->select, [&](const BoundExpr& expr) { ForEachOwnExpr(expr, visit); });
    if (step.inner != nullptr) PlanExists(catalog, estimates, rewrites, step.inner.get());
  }
}

}  // namespace

std::unique_ptr<Plan> MakePlan(const BoundSelect& select, const Catalog& catalog,
                               const Statistics& statistics, const PlanOptions& options) {
  return SelectPlanner(select, catalog, statistics, options).Make();
}

}  // namespace twin::query
