// kWindow: functions over the rows of a partition.
#include <algorithm>
#include <numeric>
#include <utility>

#include "query/execute/aggregate.h"
#include "query/execute/breakers.h"
#include "query/execute/group_table.h"
#include "query/execute/sort.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

class WindowRows : public Breaker {
 public:
  WindowRows(const Plan& plan, RunContext* run)
      : plan_(plan), run_(*run), context_(ContextOf(plan, run)), memory_(&run->statement.memory) {}

  absl::Status Push(Batch batch) override {
    rows_.Append(batch);
    return memory_.Set(static_cast<int64_t>(rows_.bytes()));
  }

  absl::Status Merge(Breaker* later) override {
    return Push(std::move(static_cast<WindowRows*>(later)->rows_));
  }

  absl::StatusOr<std::vector<Batch>> Finish() override {
    if (rows_.rows == 0) return std::vector<Batch>();
    rows_.slots.resize(plan_.slots.size());
    for (const BoundWindow& window : plan_.select->windows) {
      TWIN_RETURN_IF_ERROR(Compute(window));
    }
    return InBatches(std::move(rows_), run_.options().batch_rows);
  }

 private:
  absl::Status EvaluateAll(const std::vector<BoundPtr>& exprs, std::vector<Vector>* vectors) {
    vectors->resize(exprs.size());
    for (size_t i = 0; i < exprs.size(); ++i) {
      TWIN_RETURN_IF_ERROR(Evaluate(*exprs[i], context_, &rows_, &(*vectors)[i]));
    }
    return absl::OkStatus();
  }

  absl::Status Compute(const BoundWindow& window) {
    std::vector<Vector> arguments, partition, keys(window.order.size());
    TWIN_RETURN_IF_ERROR(EvaluateAll(window.arguments, &arguments));
    TWIN_RETURN_IF_ERROR(EvaluateAll(window.partition, &partition));
    std::vector<SortColumn> columns;
    for (size_t i = 0; i < keys.size(); ++i) {
      TWIN_RETURN_IF_ERROR(Evaluate(*window.order[i].expr, context_, &rows_, &keys[i]));
      columns.push_back({&keys[i], window.order[i].descending, window.order[i].nulls_first});
    }
    Vector& out = rows_.slots[window.slot];
    out.Reset(window.type.kind, rows_.rows);

    // Rows by partition, in each partition in its order: counted, then placed.
    GroupTable table(std::vector<bool>(partition.size(), false));
    std::vector<uint32_t> groups;
    table.Find(partition, rows_.rows, &groups);
    std::vector<uint32_t> ordered;
    if (keys.empty()) {
      ordered.resize(rows_.rows);
      std::iota(ordered.begin(), ordered.end(), 0U);
    } else {
      ordered = SortRows(columns, rows_.rows);
    }
    std::vector<size_t> ends(table.groups() + 1, 0);
    for (const uint32_t group : groups) ++ends[group + 1];
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    std::vector<size_t> next(ends.begin(), ends.end() - 1);
    std::vector<uint32_t> placed(rows_.rows);
    for (const uint32_t row : ordered) placed[next[groups[row]]++] = row;

    std::vector<bool> peers;
    for (size_t group = 0; group < table.groups(); ++group) {
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
  RunContext& run_;
  const EvaluateContext context_;
  Batch rows_;
  MemoryUse memory_;
};

}  // namespace

std::unique_ptr<Breaker> NewWindowRows(const Plan& plan, const PlanStep& /*step*/,
                                       RunContext* run) {
  return std::make_unique<WindowRows>(plan, run);
}

}  // namespace twin::query
