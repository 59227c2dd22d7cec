// kWindow: functions over the rows of a partition.
#include <algorithm>
#include <numeric>
#include <utility>

#include "query/execute/aggregate.h"
#include "query/execute/breakers.h"
#include "query/execute/group_table.h"
#include "query/execute/operators.h"
#include "query/execute/sort.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

// Computes the windows of a select for rows that hold whole partitions.
class Windows {
 public:
  // `within_scan`: of PlanStep.
  Windows(const Plan& plan, bool within_scan, RunContext* run)
      : plan_(plan),
        twins_follow_(within_scan && std::none_of(plan.steps.begin(), plan.steps.end(),
                                                  [](const PlanStep& step) {
                                                    return step.kind == StepKind::kExpandVariable;
                                                  })),
        run_(*run),
        context_(ContextOf(plan, run)) {}

  absl::Status Compute(Batch* rows) const {
    rows->slots.resize(plan_.slots.size());
    for (const BoundWindow& window : plan_.select->windows) {
      TWIN_RETURN_IF_ERROR(Compute(window, rows));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status EvaluateAll(const std::vector<BoundPtr>& exprs, Batch* rows,
                           std::vector<Vector>* vectors) const {
    vectors->resize(exprs.size());
    for (size_t i = 0; i < exprs.size(); ++i) {
      TWIN_RETURN_IF_ERROR(Evaluate(*exprs[i], context_, rows, &(*vectors)[i]));
    }
    return absl::OkStatus();
  }

  // A twin's number in place of its id: as good to tell partitions apart.
  absl::Status EvaluatePartition(const BoundWindow& window, Batch* rows,
                                 std::vector<Vector>* vectors) const {
    vectors->resize(window.partition.size());
    for (size_t i = 0; i < vectors->size(); ++i) {
      const BoundExpr& expr = *window.partition[i];
      const bool is_id = expr.kind == BoundKind::kField && expr.field == Field::kId &&
                         rows->slots[expr.slot].kind == TypeKind::kTwin;
      if (is_id) {
        const Vector& twins = rows->slots[expr.slot];
        Vector& numbers = (*vectors)[i];
        numbers.kind = TypeKind::kTwin;
        numbers.rows = twins.rows;
        numbers.nulls = twins.nulls;
        numbers.numbers = twins.numbers;
      } else {
        TWIN_RETURN_IF_ERROR(Evaluate(expr, context_, rows, &(*vectors)[i]));
      }
    }
    return absl::OkStatus();
  }

  // Numbers of the rows' partitions; returns how many there are.
  size_t FindGroups(const BoundWindow& window, const std::vector<Vector>& partition, size_t rows,
                    std::vector<uint32_t>* groups) const {
    const bool follow = twins_follow_ && partition.size() == 1 && rows > 0 &&
                        window.partition[0]->slot == plan_.steps[0].slot &&
                        partition[0].kind == TypeKind::kTwin && partition[0].nulls.empty();
    if (!follow) {
      GroupTable table(std::vector<bool>(partition.size(), false));
      table.Find(partition, rows, groups);
      return table.groups();
    }
    const std::vector<uint32_t>& twins = partition[0].numbers;
    groups->resize(rows);
    uint32_t group = 0;
    (*groups)[0] = 0;
    for (size_t row = 1; row < rows; ++row) {
      group += twins[row] == twins[row - 1] ? 0 : 1;
      (*groups)[row] = group;
    }
    return size_t{group} + 1;
  }

  absl::Status Compute(const BoundWindow& window, Batch* batch) const {
    std::vector<Vector> arguments, partition, keys(window.order.size());
    TWIN_RETURN_IF_ERROR(EvaluateAll(window.arguments, batch, &arguments));
    TWIN_RETURN_IF_ERROR(EvaluatePartition(window, batch, &partition));
    std::vector<SortColumn> columns;
    for (size_t i = 0; i < keys.size(); ++i) {
      TWIN_RETURN_IF_ERROR(Evaluate(*window.order[i].expr, context_, batch, &keys[i]));
      columns.push_back({&keys[i], window.order[i].descending, window.order[i].nulls_first});
    }
    Vector& out = batch->slots[window.slot];
    out.Reset(window.type.kind, batch->rows);

    // Rows by partition, in each partition in its order: counted, then placed.
    std::vector<uint32_t> groups;
    const size_t group_count = FindGroups(window, partition, batch->rows, &groups);
    std::vector<uint32_t> ordered;
    if (keys.empty()) {
      ordered.resize(batch->rows);
      std::iota(ordered.begin(), ordered.end(), 0U);
    } else {
      ordered = SortRows(columns, batch->rows);
    }
    std::vector<size_t> ends(group_count + 1, 0);
    for (const uint32_t group : groups) ++ends[group + 1];
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    std::vector<size_t> next(ends.begin(), ends.end() - 1);
    std::vector<uint32_t> placed(batch->rows);
    for (const uint32_t row : ordered) placed[next[groups[row]]++] = row;

    std::vector<bool> peers;
    for (size_t group = 0; group < group_count; ++group) {
      TWIN_RETURN_IF_ERROR(run_.options().interrupted());
      const absl::Span<const uint32_t> rows =
          absl::MakeConstSpan(placed).subspan(ends[group], ends[group + 1] - ends[group]);
      peers.assign(rows.size(), false);
      for (size_t i = 1; i < rows.size() && !keys.empty(); ++i) {
        peers[i] = std::all_of(keys.begin(), keys.end(), [&](const Vector& key) {
          return Equal(key, rows[i - 1], key, rows[i]);
        });
      }
      TWIN_RETURN_IF_ERROR(ComputeWindow(window, arguments, rows, peers, &out));
    }
    return absl::OkStatus();
  }

  const Plan& plan_;
  // Rows of one twin of the scan stand one behind the other. Several hops come by their length.
  const bool twins_follow_;
  RunContext& run_;
  const EvaluateContext context_;
};

class WindowRows : public Breaker {
 public:
  WindowRows(const Plan& plan, RunContext* run)
      : run_(*run), windows_(plan, /*within_scan=*/false, run), memory_(&run->statement.memory) {}

  absl::Status Push(Batch batch) override {
    rows_.Append(batch);
    return memory_.Set(static_cast<int64_t>(rows_.bytes()));
  }

  absl::Status Merge(Breaker* later) override {
    return Push(std::move(static_cast<WindowRows*>(later)->rows_));
  }

  absl::StatusOr<std::vector<Batch>> Finish() override {
    if (rows_.rows == 0) return std::vector<Batch>();
    TWIN_RETURN_IF_ERROR(windows_.Compute(&rows_));
    return InBatches(std::move(rows_), run_.options().batch_rows);
  }

 private:
  RunContext& run_;
  const Windows windows_;
  Batch rows_;
  MemoryUse memory_;
};

class WindowWithinScan : public Operator {
 public:
  WindowWithinScan(const Plan& plan, const PlanStep& step, RunContext* run, Consumer* next)
      : Operator(plan, step, run, next),
        windows_(plan, /*within_scan=*/true, run),
        memory_(&run->statement.memory) {}

 private:
  absl::Status Do(Batch batch) override {
    rows_.Append(batch);
    return memory_.Set(static_cast<int64_t>(rows_.bytes()));
  }

  absl::Status FlushPart() override {
    if (rows_.rows == 0) return absl::OkStatus();
    TWIN_RETURN_IF_ERROR(windows_.Compute(&rows_));
    for (Batch& batch : InBatches(std::exchange(rows_, Batch()), batch_rows())) {
      TWIN_RETURN_IF_ERROR(Emit(std::move(batch)));
    }
    return memory_.Set(0);
  }

  const Windows windows_;
  Batch rows_;
  MemoryUse memory_;
};

}  // namespace

std::unique_ptr<Breaker> NewWindowRows(const Plan& plan, const PlanStep& /*step*/,
                                       RunContext* run) {
  return std::make_unique<WindowRows>(plan, run);
}

std::unique_ptr<Operator> NewWindowWithinScan(const Plan& plan, const PlanStep& step,
                                              RunContext* run, Consumer* next) {
  return std::make_unique<WindowWithinScan>(plan, step, run, next);
}

}  // namespace twin::query
