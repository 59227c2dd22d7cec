#include "query/execute/resample.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "query/execute/history_window.h"

namespace twin::query {
namespace {

using Fill = BoundHistory::Fill;

constexpr size_t kNoRow = SIZE_MAX;

// Rows with a value of one column: the last one at or before a time, and the next one.
class Neighbours {
 public:
  Neighbours(const SeriesRows& samples, const Vector& column)
      : samples_(samples), column_(column) {}

  // Times must not go back.
  void MoveTo(int64_t time) {
    while (next_ < samples_.times.size() && samples_.times[next_] <= time) {
      if (!column_.IsNull(next_)) last_ = next_;
      ++next_;
    }
  }
  size_t last() const { return last_; }
  size_t next() const {
    size_t row = next_;
    while (row < samples_.times.size() && column_.IsNull(row)) ++row;
    return row < samples_.times.size() ? row : kNoRow;
  }

 private:
  const SeriesRows& samples_;
  const Vector& column_;
  size_t last_ = kNoRow;
  size_t next_ = 0;
};

// later - earlier, which may be more than a signed number holds.
uint64_t Between(int64_t earlier, int64_t later) {
  return static_cast<uint64_t>(later) - static_cast<uint64_t>(earlier);
}

double NumberAt(const Vector& column, size_t row) {
  return column.kind == TypeKind::kDouble ? column.doubles[row]
                                          : static_cast<double>(column.ints[row]);
}

// Sets row `out_row` to the value at `time` between two samples.
void Interpolate(const SeriesRows& samples, const Vector& column, size_t last, size_t next,
                 int64_t time, size_t out_row, Vector* out) {
  const double share = static_cast<double>(Between(samples.times[last], time)) /
                       static_cast<double>(Between(samples.times[last], samples.times[next]));
  const double from = NumberAt(column, last), to = NumberAt(column, next);
  const double value = from + (to - from) * share;
  if (out->kind == TypeKind::kDouble) {
    out->doubles[out_row] = value;
  } else {
    out->ints[out_row] = std::llround(value);
  }
}

// Multiples of `every` in the window; whole weeks begin on Mondays.
std::vector<int64_t> StepsOf(const HistoryWindow& window) {
  const int64_t origin = window.every % kNsPerWeek == 0 ? kMondayNs : 0;
  const int64_t from = std::max(window.from, std::numeric_limits<int64_t>::min() + kNsPerWeek);
  int64_t step = origin + (from - origin) / window.every * window.every;
  const auto is_before = [&] {
    return step < window.from || (step == window.from && window.from_excluded);
  };
  const auto is_inside = [&] {
    return step < window.to || (step == window.to && window.to_included);
  };
  const int64_t last = std::numeric_limits<int64_t>::max() - window.every;  // that has a next one
  std::vector<int64_t> steps;
  while (is_before()) {
    if (step > last) return steps;
    step += window.every;
  }
  for (; is_inside(); step += window.every) {
    steps.push_back(step);
    if (step > last) break;
  }
  return steps;
}

}  // namespace

int64_t LookBack(Fill fill, const HistoryWindow& window) {
  const bool any_age = fill == Fill::kPrevious || fill == Fill::kLinear;
  return any_age ? INT64_MAX / 2 : window.max_gap;
}

SeriesRows Resample(const SeriesRows& samples, const HistoryWindow& window, Fill fill) {
  SeriesRows out;
  out.times = StepsOf(window);
  const size_t steps = out.times.size();
  std::vector<bool> has(steps, fill != Fill::kNone);
  for (const Vector& column : samples.columns) {
    const bool numeric = column.kind == TypeKind::kInt || column.kind == TypeKind::kDouble;
    Vector values;
    values.Reset(column.kind, steps);
    Neighbours neighbours(samples, column);
    for (size_t i = 0; i < steps; ++i) {
      neighbours.MoveTo(out.times[i]);
      const size_t last = neighbours.last();
      const bool fresh = last != kNoRow && Between(samples.times[last], out.times[i]) <=
                                               static_cast<uint64_t>(window.max_gap);
      if (fresh || (last != kNoRow && fill == Fill::kPrevious)) {
        values.Set(i, column.Get(last));
        has[i] = true;
        continue;
      }
      const size_t next = neighbours.next();
      if (fill == Fill::kLinear && numeric && last != kNoRow && next != kNoRow) {
        Interpolate(samples, column, last, next, out.times[i], i, &values);
      } else {
        values.SetNull(i);
      }
    }
    out.columns.push_back(std::move(values));
  }
  std::vector<uint32_t> kept;
  for (uint32_t i = 0; i < steps; ++i) {
    if (has[i]) kept.push_back(i);
  }
  if (kept.size() == steps) return out;
  std::vector<int64_t> times;
  times.reserve(kept.size());
  for (const uint32_t i : kept) times.push_back(out.times[i]);
  out.times = std::move(times);
  for (Vector& column : out.columns) column = column.Take(kept);
  return out;
}

}  // namespace twin::query
