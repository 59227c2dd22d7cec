#include "server/timeseries/rollup.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/summaries.h"

namespace twin::timeseries {
namespace {

constexpr uint64_t kRowsOfStepMin = 8;

ColumnValues Ints(size_t rows) {
  ColumnValues values;
  values.kind = ColumnKind::kInt;
  values.ints.assign(rows, 0);
  return values;
}

// Values of a column by step.
ColumnValues Like(const ColumnValues& column, size_t rows) {
  ColumnValues values;
  values.kind = column.kind;
  values.decimals = column.decimals;
  values.missing.assign(rows, 1);
  if (column.kind == ColumnKind::kDouble) {
    values.doubles.assign(rows, 0);
  } else {
    values.ints.assign(rows, 0);
  }
  return values;
}

// NaN is above all numbers.
bool IsLess(double a, double b) { return a < b || (!std::isnan(a) && std::isnan(b)); }
bool IsLess(int64_t a, int64_t b) { return a < b; }

class ColumnRoller {
 public:
  ColumnRoller(const ColumnValues& column, size_t steps)
      : column_(column), count_(Ints(steps)), first_at_(Ints(steps)), last_at_(Ints(steps)) {
    const bool has_values = column.kind != ColumnKind::kValue;
    ColumnValues none = Ints(steps);
    none.missing.assign(steps, 1);
    for (ColumnValues* const values : {&min_, &max_, &first_, &last_}) {
      *values = has_values ? Like(column, steps) : none;
    }
    sum_ = has_values ? Like(column, steps) : none;
  }

  bool Has(size_t row) const { return column_.missing.empty() || column_.missing[row] == 0; }

  void Add(size_t row, size_t step, int64_t time, int64_t first_time) {
    if (count_.ints[step] == 0) first_at_.ints[step] = time - first_time;
    last_at_.ints[step] = time;  // of the axis' last one, later
    switch (column_.kind) {
      case ColumnKind::kScaled:
      case ColumnKind::kInt:
        Take(column_.ints[row], step, &ColumnValues::ints);
        AddToSum(column_.ints[row], step);
        break;
      case ColumnKind::kDouble:
        Take(column_.doubles[row], step, &ColumnValues::doubles);
        sum_.doubles[step] += column_.doubles[row];
        sum_.missing[step] = 0;
        break;
      case ColumnKind::kValue:
        break;
    }
    count_.ints[step] += 1;
  }

  void AppendTo(const std::vector<int64_t>& last_times, std::vector<ColumnValues>* columns) {
    for (size_t step = 0; step < last_times.size(); ++step) {
      last_at_.ints[step] = count_.ints[step] == 0 ? 0 : last_times[step] - last_at_.ints[step];
    }
    // In the order of RollupOfColumn.
    for (ColumnValues* const values :
         {&count_, &sum_, &min_, &max_, &first_, &last_, &first_at_, &last_at_}) {
      columns->push_back(std::move(*values));
    }
  }

 private:
  template <typename T>
  void Take(T value, size_t step, std::vector<T> ColumnValues::*array) {
    const bool is_new = count_.ints[step] == 0;
    const auto set = [&](ColumnValues* values) {
      (values->*array)[step] = value;
      values->missing[step] = 0;
    };
    if (is_new) set(&first_);
    set(&last_);
    if (is_new || IsLess(value, (min_.*array)[step])) set(&min_);
    if (is_new || IsLess((max_.*array)[step], value)) set(&max_);
  }

  // Without a sum where it does not fit.
  void AddToSum(int64_t value, size_t step) {
    const bool is_new = count_.ints[step] == 0;
    if (!is_new && sum_.missing[step] != 0) return;
    int64_t sum = 0;
    const bool overflows = __builtin_add_overflow(is_new ? 0 : sum_.ints[step], value, &sum);
    sum_.missing[step] = overflows ? 1 : 0;
    sum_.ints[step] = overflows ? 0 : sum;
  }

  const ColumnValues& column_;
  ColumnValues count_, sum_, min_, max_, first_, last_, first_at_, last_at_;
};

}  // namespace

absl::Status Unreplaced::Take(const RowSource& other, uint32_t column, SeriesKey series) {
  const std::vector<int64_t>& times = rows_.times();
  std::vector<int64_t> other_times;
  TWIN_RETURN_IF_ERROR(other.ReadTimes(&other_times));
  // Rows of the same time, by pairs; mostly there are none.
  std::vector<std::pair<size_t, size_t>> same;
  for (size_t at = 0; at < other_times.size(); ++at) {
    const auto begin = std::lower_bound(times.begin(), times.end(), other_times[at]);
    for (auto row = begin; row != times.end() && *row == other_times[at]; ++row) {
      same.emplace_back(static_cast<size_t>(row - times.begin()), at);
    }
  }
  if (same.empty()) return absl::OkStatus();
  std::vector<uint64_t> sequences;
  TWIN_RETURN_IF_ERROR(other.ReadSequences(&sequences));
  ColumnValues values;
  TWIN_RETURN_IF_ERROR(other.ReadColumn(column, &values));
  for (const auto& [row, at] : same) {
    const bool has_value = values.missing.empty() || values.missing[at] == 0;
    if (!has_value || sequences[at] <= rows_.sequences()[row]) continue;
    std::vector<uint8_t>& replaced = replaced_[series];
    replaced.resize(times.size(), 0);
    replaced[row] = 1;
  }
  return absl::OkStatus();
}

void Unreplaced::Finish() {
  if (replaced_.empty()) return;
  std::vector<ColumnValues> columns = rows_.columns();
  gone_.assign(rows_.rows(), 1);
  for (size_t c = 0; c < columns.size(); ++c) {
    const std::vector<SeriesKey>& series = spec_.columns[c].series;
    for (size_t row = 0; row < rows_.rows(); ++row) {
      const bool is_replaced =
          !series.empty() && std::all_of(series.begin(), series.end(), [&](const SeriesKey& key) {
            const auto found = replaced_.find(key);
            return found != replaced_.end() && found->second[row] != 0;
          });
      gone_[row] &= static_cast<uint8_t>(is_replaced);
      if (!is_replaced) continue;
      columns[c].missing.resize(rows_.rows(), 0);
      columns[c].missing[row] = 1;
    }
  }
  rows_ = RowBuffer(rows_.times(), rows_.sequences(), std::move(columns));
}

RowBuffer RollUp(const RowBuffer& rows, int64_t step, absl::Span<const uint8_t> gone) {
  const std::vector<int64_t>& times = rows.times();
  std::vector<int64_t> steps;
  std::vector<uint64_t> sequences;
  std::vector<int64_t> first_times;
  std::vector<int64_t> last_times;
  ColumnValues count = Ints(0);
  bool is_counted = false;  // the time at hand
  std::vector<uint32_t> step_of(times.size());
  for (size_t row = 0; row < times.size(); ++row) {
    const int64_t start = StartOfStep(times[row], step);
    if (steps.empty() || steps.back() != start) {
      steps.push_back(start);
      sequences.push_back(0);
      first_times.push_back(times[row]);
      last_times.push_back(times[row]);
      count.ints.push_back(0);
    }
    step_of[row] = static_cast<uint32_t>(steps.size() - 1);
    sequences.back() = std::max(sequences.back(), rows.sequences()[row]);
    is_counted = is_counted && row > 0 && times[row] == times[row - 1];
    if (!is_counted && (gone.empty() || gone[row] == 0)) {
      count.ints.back() += 1;
      is_counted = true;
    }
    last_times.back() = times[row];
  }
  ColumnValues first_at = Ints(steps.size());
  ColumnValues last_at = Ints(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    first_at.ints[i] = first_times[i] - steps[i];
    last_at.ints[i] = last_times[i] - steps[i];
  }
  std::vector<ColumnValues> columns;
  columns.reserve(kRollupRowColumns + rows.columns().size() * kRollupColumns);
  columns.push_back(std::move(count));
  columns.push_back(std::move(first_at));
  columns.push_back(std::move(last_at));
  for (const ColumnValues& column : rows.columns()) {
    ColumnRoller roller(column, steps.size());
    for (size_t begin = 0; begin < times.size();) {
      size_t end = begin + 1;
      while (end < times.size() && times[end] == times[begin]) ++end;
      for (size_t row = end; row-- > begin;) {
        if (!roller.Has(row)) continue;
        roller.Add(row, step_of[row], times[row], first_times[step_of[row]]);
        break;
      }
      begin = end;
    }
    roller.AppendTo(last_times, &columns);
  }
  for (ColumnValues& column : columns) {
    const bool all =
        std::find(column.missing.begin(), column.missing.end(), 1) == column.missing.end();
    if (all) column.missing.clear();
  }
  return {std::move(steps), std::move(sequences), std::move(columns)};
}

absl::Status CountRollupRows(const std::vector<RollupBlock>& blocks, uint64_t sequence_max,
                             int64_t from, int64_t to, uint64_t* rows) {
  std::vector<int64_t> times;
  for (const RollupBlock& block : blocks) {
    const bool counts = block.is_expired && block.rows->range().last_sequence <= sequence_max &&
                        std::none_of(blocks.begin(), blocks.end(), [&](const RollupBlock& other) {
                          return other.of == block.of && other.step > block.step;
                        });
    if (!counts) continue;
    TWIN_RETURN_IF_ERROR(block.rows->ReadTimes(&times));
    *rows += static_cast<uint64_t>(std::count_if(times.begin(), times.end(), [&](int64_t time) {
      return time < to && time + block.step > from;
    }));
  }
  return absl::OkStatus();
}

bool IsRollupWorthIt(const RowBuffer& rows, int64_t step) {
  if (step == kRollupSteps[0]) return true;
  uint64_t steps = 0;
  int64_t last = INT64_MIN;
  for (const int64_t time : rows.times()) {
    const int64_t start = StartOfStep(time, step);
    if (start != last) steps += 1;
    last = start;
  }
  return rows.rows() >= kRowsOfStepMin * steps;
}

}  // namespace twin::timeseries
