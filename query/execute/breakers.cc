#include "query/execute/breakers.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "query/execute/group_table.h"
#include "query/execute/operators.h"
#include "query/execute/sort.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"

namespace twin::query {

std::vector<Batch> InBatches(Batch rows, size_t batch_rows) {
  std::vector<Batch> batches;
  if (rows.rows == 0) return batches;
  if (rows.rows <= batch_rows) {
    batches.push_back(std::move(rows));
    return batches;
  }
  std::vector<uint32_t> part(batch_rows);
  for (size_t begin = 0; begin < rows.rows; begin += batch_rows) {
    part.resize(std::min(batch_rows, rows.rows - begin));
    std::iota(part.begin(), part.end(), static_cast<uint32_t>(begin));
    batches.push_back(rows.Take(part));
  }
  return batches;
}

namespace {

class DistinctRows : public Breaker {
 public:
  DistinctRows(const Plan& plan, RunContext* run)
      : run_(*run),
        table_(std::vector<bool>(plan.select->outputs.size())),
        memory_(&run->statement.memory) {}

  absl::Status Push(Batch batch) override {
    table_.Find(batch.slots, batch.rows, &groups_);
    return memory_.Set(static_cast<int64_t>(table_.bytes()));
  }
  absl::Status Merge(Breaker* later) override {
    const GroupTable& other = static_cast<DistinctRows*>(later)->table_;
    table_.Find(other.keys(), other.groups(), &groups_);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Batch>> Finish() override {
    Batch rows;
    rows.rows = table_.groups();
    rows.slots = std::move(table_.keys());
    return InBatches(std::move(rows), run_.options().batch_rows);
  }

 private:
  RunContext& run_;
  GroupTable table_;
  std::vector<uint32_t> groups_;
  MemoryUse memory_;
};

// Keeps rows and their keys. With a limit it throws away, now and then, what cannot be among the
// first rows any more.
class OrderedRows : public Breaker {
 public:
  OrderedRows(const Plan& plan, const PlanStep& step, RunContext* run, size_t rows_max)
      : step_(step),
        run_(*run),
        context_(ContextOf(plan, run)),
        rows_max_(rows_max),
        keys_(step.sort.size()),
        memory_(&run->statement.memory) {
    for (size_t i = 0; i < keys_.size(); ++i) {
      columns_.push_back({&keys_[i], step.sort[i].descending, step.sort[i].nulls_first});
    }
  }

  absl::Status Push(Batch batch) override {
    if (rows_max_ == 0) return absl::OkStatus();
    std::vector<Vector> keys(step_.sort.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      TWIN_RETURN_IF_ERROR(Evaluate(*step_.sort[i].expr, context_, &batch, &keys[i]));
    }
    if (shrunk_) DropBeyond(&batch, &keys);
    for (size_t i = 0; i < keys.size(); ++i) keys_[i].Append(keys[i]);
    rows_.Append(batch);
    // Rows of a limit are few: sorting twice as many costs less than keeping all.
    constexpr size_t kRowsKept = 4096;
    if (rows_max_ < INT32_MAX && rows_.rows > 2 * rows_max_ + kRowsKept) Shrink();
    return CountMemory();
  }

  absl::Status Merge(Breaker* later) override {
    OrderedRows& other = *static_cast<OrderedRows*>(later);
    for (size_t i = 0; i < keys_.size(); ++i) keys_[i].Append(other.keys_[i]);
    rows_.Append(other.rows_);
    return CountMemory();
  }

  absl::StatusOr<std::vector<Batch>> Finish() override {
    if (rows_.rows == 0) return std::vector<Batch>();
    Shrink();
    return InBatches(std::move(rows_), run_.options().batch_rows);
  }

 private:
  void Shrink() {
    const std::vector<uint32_t> order = rows_max_ < rows_.rows
                                            ? SortRowsTop(columns_, rows_.rows, rows_max_)
                                            : SortRows(columns_, rows_.rows);
    rows_ = rows_.Take(order);
    for (Vector& key : keys_) key = key.Take(order);
    shrunk_ = rows_.rows == rows_max_;
  }

  // The first rows_max_ rows were the first ones once: what comes after the last of them never is
  // among the first ones again.
  void DropBeyond(Batch* batch, std::vector<Vector>* keys) const {
    const std::vector<uint32_t> rows = RowsUpTo(
        {keys->data(), columns_[0].descending, columns_[0].nulls_first}, keys_[0], rows_max_ - 1);
    if (rows.size() == batch->rows) return;
    *batch = batch->Take(rows);
    for (Vector& key : *keys) key = key.Take(rows);
  }

  absl::Status CountMemory() {
    size_t bytes = rows_.bytes();
    for (const Vector& key : keys_) bytes += key.bytes();
    return memory_.Set(static_cast<int64_t>(bytes));
  }

  const PlanStep& step_;
  RunContext& run_;
  const EvaluateContext context_;
  const size_t rows_max_;
  std::vector<Vector> keys_;
  std::vector<SortColumn> columns_;  // of keys_
  bool shrunk_ = false;              // the rows up to rows_max_ are in their order
  Batch rows_;
  MemoryUse memory_;
};

}  // namespace

bool IsBreaker(const PlanStep& step) {
  return step.kind == StepKind::kAggregate || step.kind == StepKind::kDistinct ||
         step.kind == StepKind::kSort || (step.kind == StepKind::kWindow && !step.within_scan);
}

absl::StatusOr<std::unique_ptr<Breaker>> NewBreaker(const Plan& plan, const PlanStep& step,
                                                    RunContext* run, const PathRuns* runs) {
  switch (step.kind) {
    case StepKind::kAggregate:
      return NewAggregateRows(plan, step, run, runs);
    case StepKind::kWindow:
      return NewWindowRows(plan, step, run);
    case StepKind::kDistinct:
      return std::unique_ptr<Breaker>(std::make_unique<DistinctRows>(plan, run));
    default:
      break;
  }
  TWIN_CHECK(step.kind == StepKind::kSort) << "no step that needs all rows";
  size_t rows_max = SIZE_MAX;
  if (step.sort_limited) {
    TWIN_ASSIGN_OR_RETURN(const LimitValues limits, LimitsOf(plan, run));
    if (limits.rows < INT64_MAX - limits.offset) {
      rows_max = static_cast<size_t>(limits.rows + limits.offset);
    }
  }
  return std::unique_ptr<Breaker>(std::make_unique<OrderedRows>(plan, step, run, rows_max));
}

}  // namespace twin::query
