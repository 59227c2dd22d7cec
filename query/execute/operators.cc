#include "query/execute/operators.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/execute/path_runs.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"

namespace twin::query {

absl::Status MemoryBudget::Add(int64_t bytes) {
  const int64_t used = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  int64_t greatest = greatest_.load(std::memory_order_relaxed);
  while (used > greatest && !greatest_.compare_exchange_weak(greatest, used)) {
  }
  if (used <= bytes_max_) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the query needs more memory than query_memory_bytes_max, ", bytes_max_,
                   " bytes; ask for fewer rows or groups, or raise the limit"));
}

EvaluateContext ContextOf(const Plan& plan, RunContext* run) {
  EvaluateContext context;
  context.graph = &run->graph;
  context.slots = &plan.slots;
  context.parameters = run->options().parameters;
  context.now = run->options().now;
  context.interrupted = &run->options().interrupted;
  if (plan.exists.empty()) return context;
  context.exists = [&plan, run](const BoundExists& exists, const Batch& batch,
                                std::vector<uint8_t>* found) {
    // Marks the outer rows of what arrives.
    class Finder : public Consumer {
     public:
      Finder(SlotId ordinal, std::vector<uint8_t>* found) : ordinal_(ordinal), found_(*found) {}
      absl::Status Push(Batch batch) override {
        for (const int64_t row : batch.slots[ordinal_].ints) {
          missing_ -= found_[row] == 0 ? 1 : 0;
          found_[row] = 1;
        }
        return absl::OkStatus();
      }
      bool done() const override { return missing_ == 0; }

     private:
      const SlotId ordinal_;
      std::vector<uint8_t>& found_;
      size_t missing_ = found_.size();
    };
    const Plan& inner = *plan.exists.at(&exists);
    found->assign(batch.rows, 0);
    if (batch.rows == 0) return absl::OkStatus();
    Batch rows = batch;
    AddOrdinals(inner, &rows);
    Finder finder(inner.ordinal, found);
    Chain chain(inner, 1, inner.steps.size(), run, &finder);
    return chain.Push(std::move(rows));
  };
  return context;
}

void AddOrdinals(const Plan& inner, Batch* batch) {
  batch->slots.resize(inner.slots.size());
  Vector& ordinal = batch->slots[inner.ordinal];
  ordinal.Reset(TypeKind::kInt, batch->rows);
  std::iota(ordinal.ints.begin(), ordinal.ints.end(), int64_t{0});
}

Vector Nulls(TypeKind kind, size_t rows) {
  Vector vector;
  vector.Reset(kind, rows);
  vector.nulls.assign(rows, 1);
  return vector;
}

std::vector<uint32_t> RowsWithTwin(const Vector& twins) {
  std::vector<uint32_t> rows;
  rows.reserve(twins.rows);
  for (uint32_t row = 0; row < twins.rows; ++row) {
    if (!twins.IsNull(row)) rows.push_back(row);
  }
  return rows;
}

void TwinsToIds(const GraphReader& graph, Vector* twins) {
  if (twins->kind != TypeKind::kTwin) return;
  const std::vector<uint32_t> rows = RowsWithTwin(*twins);
  Vector ids;
  if (rows.size() == twins->rows) {
    graph.ReadField(twins->numbers, Field::kId, &ids);
    *twins = std::move(ids);
    return;
  }
  std::vector<uint32_t> numbers;
  for (const uint32_t row : rows) numbers.push_back(twins->numbers[row]);
  graph.ReadField(numbers, Field::kId, &ids);
  *twins = Nulls(TypeKind::kString, twins->rows);
  twins->Scatter(ids, rows);
  twins->blocks = ids.blocks;
}

absl::StatusOr<LimitValues> LimitsOf(const Plan& plan, RunContext* run) {
  LimitValues limits;
  const EvaluateContext context = ContextOf(plan, run);
  const BoundSelect& select = *plan.select;
  for (const BoundPtr* expr : {&select.top, &select.limit, &select.offset}) {
    if (*expr == nullptr) continue;
    TWIN_ASSIGN_OR_RETURN(const Value value, EvaluateConstant(**expr, context));
    if (value.kind() != Value::Kind::kInt || value.as_int() < 0) {
      return ErrorAt((*expr)->span, "a number of rows is an integer from 0 on");
    }
    if (expr == &select.offset) {
      limits.offset = value.as_int();
    } else {
      limits.rows = std::min(limits.rows, value.as_int());
    }
  }
  return limits;
}

absl::Status Operator::Push(Batch batch) {
  if (!run_.options().profile) return Do(std::move(batch));
  const auto start = std::chrono::steady_clock::now();
  absl::Status status = Do(std::move(batch));
  run_.profile.at(&step_).ns +=
      std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count();
  return status;
}

absl::Status Operator::EndPart() {
  TWIN_RETURN_IF_ERROR(FlushPart());
  return next_.EndPart();
}

absl::Status Operator::Emit(Batch batch) {
  if (batch.rows == 0) return absl::OkStatus();
  if (run_.options().profile) run_.profile.at(&step_).rows += batch.rows;
  return next_.Push(std::move(batch));
}

Batch Operator::TakeLive(const Batch& batch, absl::Span<const uint32_t> rows) const {
  Batch taken;
  taken.rows = rows.size();
  taken.slots.resize(batch.slots.size());
  for (size_t slot = 0; slot < batch.slots.size(); ++slot) {
    if (batch.slots[slot].rows == 0 || (!step_.live.empty() && !step_.live[slot])) continue;
    taken.slots[slot] = batch.slots[slot].Take(rows);
  }
  return taken;
}

absl::Status Operator::Scanned(uint64_t rows) {
  run_.statement.rows_scanned.fetch_add(rows, std::memory_order_relaxed);
  return run_.options().interrupted();
}

Chain::Chain(const Plan& plan, size_t first, size_t last, RunContext* run, Consumer* end)
    : first_(end) {
  const std::vector<PlanStep>& steps = plan.steps;
  for (size_t i = last; i-- > first;) {
    // A filter that is checked on pages comes with its hops.
    const bool is_filter = steps[i].kind == StepKind::kFilter && i > first;
    const auto found = run->path_runs.find(&steps[is_filter ? i - 1 : i]);
    if (found != run->path_runs.end() && found->second->first_step >= first &&
        (!is_filter || found->second->filtered)) {
      operators_.push_back(NewExpandRuns(plan, *found->second, steps[i], run, first_));
      i = found->second->first_step;
    } else {
      operators_.push_back(NewOperator(plan, steps[i], run, first_));
    }
    first_ = operators_.back().get();
  }
}

Chain::Chain(const Plan& plan, absl::Span<const PlanStep* const> steps, RunContext* run,
             Consumer* end)
    : first_(end) {
  for (size_t i = steps.size(); i-- > 0;) {
    operators_.push_back(NewOperator(plan, *steps[i], run, first_));
    first_ = operators_.back().get();
  }
}

namespace {

class FilterRows : public Operator {
 public:
  FilterRows(const Plan& plan, const PlanStep& step, RunContext* run, Consumer* next)
      : Operator(plan, step, run, next), context_(ContextOf(plan, run)) {}

 private:
  absl::Status Do(Batch batch) override {
    rows_.clear();
    TWIN_RETURN_IF_ERROR(Filter(step_.conditions, context_, &batch, &rows_));
    if (rows_.size() == batch.rows) return Emit(std::move(batch));
    return Emit(TakeLive(batch, rows_));
  }

  const EvaluateContext context_;
  std::vector<uint32_t> rows_;
};

class MakePaths : public Operator {
  using Operator::Operator;

  absl::Status Do(Batch batch) override {
    Vector& paths = batch.slots[step_.path];
    paths.Reset(TypeKind::kPath, batch.rows);
    for (size_t row = 0; row < batch.rows; ++row) {
      if (HasNull(batch, row)) {
        paths.SetNull(row);
        continue;
      }
      PathValue& path = paths.paths[row];
      path.push_back(batch.slots[step_.path_nodes[0]].numbers[row]);
      for (size_t i = 0; i < step_.path_edges.size(); ++i) {
        const PlanStep::PathEdge& edge = step_.path_edges[i];
        const uint32_t end = batch.slots[step_.path_nodes[i + 1]].numbers[row];
        if (!edge.segment) {
          path.push_back(batch.slots[edge.slot].numbers[row]);
          path.push_back(end);
          continue;
        }
        const PathValue& segment = batch.slots[edge.slot].paths[row];
        if (!edge.reversed) {
          path.insert(path.end(), segment.begin(), segment.end());
          continue;
        }
        for (size_t j = segment.size(); j > 0; j -= 2) {
          path.push_back(segment[j - 2]);
          path.push_back(j > 2 ? segment[j - 3] : end);
        }
      }
    }
    return Emit(std::move(batch));
  }

  bool HasNull(const Batch& batch, size_t row) const {
    return std::any_of(step_.path_nodes.begin(), step_.path_nodes.end(),
                       [&](SlotId node) { return batch.slots[node].IsNull(row); });
  }
};

class OptionalRows : public Operator {
  using Operator::Operator;

  absl::Status Do(Batch batch) override {
    const Plan& inner = *step_.inner;
    Collector found(&run_);
    Batch rows = batch;
    AddOrdinals(inner, &rows);
    Chain chain(inner, 1, inner.steps.size(), &run_, &found);
    TWIN_RETURN_IF_ERROR(chain.Push(std::move(rows)));
    std::vector<bool> has(batch.rows);
    for (Batch& part : found.batches()) {
      for (const int64_t row : part.slots[inner.ordinal].ints) has[row] = true;
      part.slots.resize(plan_.slots.size());
      // Hidden slots of the inner plan may have the numbers of ours that are filled later.
      for (size_t slot = batch.slots.size(); slot < part.slots.size(); ++slot) {
        part.slots[slot] = Vector();
      }
      for (size_t slot = plan_.select->slots.size(); slot < batch.slots.size(); ++slot) {
        if (batch.slots[slot].rows == 0) part.slots[slot] = Vector();
      }
      TWIN_RETURN_IF_ERROR(Emit(std::move(part)));
    }
    std::vector<uint32_t> without;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (!has[row]) without.push_back(row);
    }
    if (without.empty()) return absl::OkStatus();
    Batch rest = TakeLive(batch, without);
    for (const SlotId slot : step_.inner_slots) {
      rest.slots[slot] = Nulls(plan_.slots[slot].type.kind, rest.rows);
    }
    return Emit(std::move(rest));
  }
};

// With the rows of a table that was built before.
class JoinRows : public Operator {
 public:
  JoinRows(const Plan& plan, const PlanStep& step, RunContext* run, Consumer* next)
      : Operator(plan, step, run, next),
        context_(ContextOf(plan, run)),
        table_(*run->joins.at(&step)) {}

 private:
  absl::Status Do(Batch batch) override {
    std::vector<Vector> keys(step_.outer_keys.size());
    std::vector<uint64_t> hashes(batch.rows, 0);
    for (size_t i = 0; i < keys.size(); ++i) {
      TWIN_RETURN_IF_ERROR(Evaluate(*step_.outer_keys[i], context_, &batch, &keys[i]));
      Hash(keys[i], &hashes);
    }
    std::vector<uint32_t> outer, inner;
    for (uint32_t row = 0; row < batch.rows && !done(); ++row) {
      const std::vector<uint32_t>* candidates = &table_.all;
      if (!keys.empty()) {
        const auto found = table_.by_hash.find(hashes[row]);
        if (found == table_.by_hash.end()) continue;
        candidates = &found->second;
      }
      for (const uint32_t candidate : *candidates) {
        if (!Matches(keys, row, candidate)) continue;
        outer.push_back(row);
        inner.push_back(candidate);
        if (outer.size() < batch_rows()) continue;
        TWIN_RETURN_IF_ERROR(EmitPairs(batch, &outer, &inner));
      }
    }
    return EmitPairs(batch, &outer, &inner);
  }

  bool Matches(const std::vector<Vector>& keys, uint32_t row, uint32_t candidate) const {
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].IsNull(row) || table_.keys[i].IsNull(candidate) ||
          !Equal(keys[i], row, table_.keys[i], candidate)) {
        return false;
      }
    }
    return true;
  }

  absl::Status EmitPairs(const Batch& batch, std::vector<uint32_t>* outer,
                         std::vector<uint32_t>* inner) {
    TWIN_RETURN_IF_ERROR(Scanned(outer->size()));
    Batch joined = TakeLive(batch, *outer);
    joined.slots.resize(plan_.slots.size());
    for (const SlotId slot : step_.inner_slots) {
      if (IsLive(slot)) joined.slots[slot] = table_.rows.slots[slot].Take(*inner);
    }
    outer->clear();
    inner->clear();
    return Emit(std::move(joined));
  }

  const EvaluateContext context_;
  const JoinTable& table_;
};

// Slot i becomes output i.
class Project : public Operator {
 public:
  Project(const Plan& plan, const PlanStep& step, RunContext* run, Consumer* next)
      : Operator(plan, step, run, next), context_(ContextOf(plan, run)) {}

 private:
  absl::Status Do(Batch batch) override {
    const std::vector<BoundOutput>& outputs = plan_.select->outputs;
    Batch projected;
    projected.rows = batch.rows;
    for (const SlotId slot : step_.late_ids) TwinsToIds(graph(), &batch.slots[slot]);
    projected.slots.resize(outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      TWIN_RETURN_IF_ERROR(Evaluate(*outputs[i].expr, context_, &batch, &projected.slots[i]));
    }
    return Emit(std::move(projected));
  }

  const EvaluateContext context_;
};

// OFFSET, TOP and LIMIT. Only in the one chain that sees all rows.
class Limit : public Operator {
 public:
  Limit(const Plan& plan, const PlanStep& step, RunContext* run, Consumer* next)
      : Operator(plan, step, run, next) {}

  bool done() const override { return left_ == 0 || Operator::done(); }

 private:
  absl::Status Do(Batch batch) override {
    if (left_ < 0) TWIN_RETURN_IF_ERROR(Begin());
    const int64_t rows_here = static_cast<int64_t>(batch.rows);
    const int64_t from = std::min(skip_, rows_here);
    const int64_t to = from + std::min(left_, rows_here - from);
    skip_ -= from;
    left_ -= to - from;
    if (from == 0 && to == rows_here) return Emit(std::move(batch));
    std::vector<uint32_t> rows(to - from);
    std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(from));
    return Emit(TakeLive(batch, rows));
  }

  absl::Status Begin() {
    TWIN_ASSIGN_OR_RETURN(const LimitValues values, LimitsOf(plan_, &run_));
    skip_ = values.offset;
    left_ = values.rows;
    return absl::OkStatus();
  }

  int64_t skip_ = 0;
  int64_t left_ = -1;  // not known yet
};

}  // namespace

std::unique_ptr<Operator> NewOperator(const Plan& plan, const PlanStep& step, RunContext* run,
                                      Consumer* next) {
  switch (step.kind) {
    case StepKind::kExpand:
      return NewExpand(plan, step, run, next);
    case StepKind::kExpandVariable:
      return NewExpandVariable(plan, step, run, next);
    case StepKind::kHistory:
      return NewHistoryJoin(plan, step, run, next);
    case StepKind::kMakePath:
      return std::make_unique<MakePaths>(plan, step, run, next);
    case StepKind::kWindow:
      return NewWindowWithinScan(plan, step, run, next);
    case StepKind::kFilter:
      return std::make_unique<FilterRows>(plan, step, run, next);
    case StepKind::kOptional:
      return std::make_unique<OptionalRows>(plan, step, run, next);
    case StepKind::kJoin:
      return std::make_unique<JoinRows>(plan, step, run, next);
    case StepKind::kProject:
      return std::make_unique<Project>(plan, step, run, next);
    case StepKind::kLimit:
      return std::make_unique<Limit>(plan, step, run, next);
    default:
      TWIN_CHECK(false) << "no step that works row by row";
      return nullptr;
  }
}

}  // namespace twin::query
