#include "query/execute/series_groups.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "query/execute/functions.h"
#include "query/plan/expr_util.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

bool IsBucketOf(const BoundExpr& key, SlotId time) {
  return key.kind == BoundKind::kFunction && key.function == Function::kTimeBucket &&
         key.operands[1]->kind == BoundKind::kSlot && key.operands[1]->slot == time;
}

// What differs from sample to sample.
SlotSet SampleSlots(const BoundSelect& select, const BoundAggregate& aggregate) {
  SlotSet slots;
  slots.Add(aggregate.time);
  if (aggregate.histories.empty()) return slots;
  for (const HistoryColumn& column : select.histories[aggregate.histories[0]].columns) {
    slots.Add(column.slot);
  }
  return slots;
}

void Mix(uint64_t with, int64_t* number) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;
  *number = static_cast<int64_t>(static_cast<uint64_t>(*number) * kOdd + with);
}

}  // namespace

SeriesGroups::SeriesGroups(const Plan& plan, const PlanStep& aggregate_step,
                           const BoundAggregate& aggregate, AggregateOptions* options)
    : step_(aggregate_step), aggregate_(aggregate), from_(options->from_ns), to_(options->to_ns) {
  for (const PlanStep& step : plan.steps) {
    if (step.kind == StepKind::kHistory && !aggregate.histories.empty() &&
        step.history_index == aggregate.histories[0]) {
      history_ = &step;
    }
  }
  const SlotSet samples = SampleSlots(*plan.select, aggregate);
  bool is_split = false;
  for (size_t i = 0; i < step_.keys.size(); ++i) {
    if (IsBucketOf(*step_.keys[i], aggregate.time)) {
      buckets_.push_back(i);
    } else if (SlotsOf(*step_.keys[i]).Intersects(samples)) {
      is_split = true;
    } else {
      other_keys_.push_back(i);
    }
  }
  options->splits_series = is_split || !buckets_.empty();
  options->carries = !is_split && !buckets_.empty();
  options->unordered = history_ == nullptr;
}

absl::Status SeriesGroups::AddArguments(const std::vector<Vector>& keys,
                                        const EvaluateContext& context, Batch* batch,
                                        std::vector<Vector>* arguments) const {
  arguments->push_back(Times(*batch));
  arguments->push_back(Numbers(keys, *batch));
  const bool by_row = history_ != nullptr && history_->window_from != kNoSlot;
  if (!by_row && buckets_.empty()) return absl::OkStatus();
  Vector from, to;
  if (by_row) {
    from = batch->slots[history_->window_from];
    to = batch->slots[history_->window_to];
  } else {
    // A subquery has no window: its buckets are all there is.
    constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    from.Reset(TypeKind::kTime, batch->rows);
    to.Reset(TypeKind::kTime, batch->rows);
    std::fill(from.ints.begin(), from.ints.end(), history_ == nullptr ? kMin : from_);
    std::fill(to.ints.begin(), to.ints.end(), history_ == nullptr ? kMax : to_);
  }
  for (const size_t bucket : buckets_) {
    Vector ends;
    TWIN_RETURN_IF_ERROR(TimeBucketEnds(*step_.keys[bucket], context, batch, &ends));
    const Vector& starts = keys[bucket];
    for (size_t row = 0; row < batch->rows; ++row) {
      if (starts.IsNull(row) || ends.IsNull(row)) continue;
      from.ints[row] = std::max(from.ints[row], starts.ints[row]);
      to.ints[row] = std::min(to.ints[row], ends.ints[row]);
    }
  }
  arguments->push_back(std::move(from));
  arguments->push_back(std::move(to));
  return absl::OkStatus();
}

Vector SeriesGroups::Times(const Batch& batch) const {
  Vector times = batch.slots[aggregate_.time];
  if (history_ == nullptr) return times;
  const Vector& before = batch.slots[history_->before];
  if (before.kind == TypeKind::kNull) return times;
  for (size_t row = 0; row < batch.rows; ++row) {
    if (!before.IsNull(row)) times.ints[row] = before.ints[row];
  }
  return times;
}

// The same in every part of the input.
Vector SeriesGroups::Numbers(const std::vector<Vector>& keys, const Batch& batch) const {
  Vector numbers;
  numbers.Reset(TypeKind::kInt, batch.rows);
  const auto mix = [&](const Vector& with, auto item) {
    for (size_t row = 0; row < batch.rows; ++row) {
      Mix(with.IsNull(row) ? 0 : item(with, row), &numbers.ints[row]);
    }
  };
  for (const SlotId slot : aggregate_.series) {
    mix(batch.slots[slot],
        [](const Vector& twins, size_t row) { return uint64_t{twins.numbers[row]} + 1; });
  }
  if (history_ != nullptr && history_->window_from != kNoSlot) {
    for (const SlotId slot : {history_->window_from, history_->window_to}) {
      mix(batch.slots[slot],
          [](const Vector& bounds, size_t row) { return static_cast<uint64_t>(bounds.ints[row]); });
    }
  }
  if (history_ != nullptr && buckets_.empty()) return numbers;
  std::vector<uint64_t> hashes(batch.rows, 0);
  for (const size_t key : other_keys_) Hash(keys[key], &hashes);
  for (size_t row = 0; row < batch.rows; ++row) Mix(hashes[row], &numbers.ints[row]);
  return numbers;
}

}  // namespace twin::query
