// TIME_AVG, TIME_WHERE, RATE, DELTA, INTEGRAL, SLOPE: aggregates over samples in the order of time.
//
//   value                    a value holds to the next sample, but at most max_gap; the last one
//     |   o-------.          before the window counts from the window's start
//     |   |       o----- - - - -|
//     o---|                   max_gap
//     +---+-------+-------------+---> time
//        from
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/execute/aggregate_internal.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::query {
namespace {

double Seconds(int64_t ns) { return static_cast<double>(ns) / kNsPerSecond; }

int64_t AddSaturated(int64_t a, int64_t b) {
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

struct Window {
  int64_t from = 0;
  int64_t to = 0;
  bool exists() const { return from != 0 || to != 0; }
};

struct Sample {
  int64_t time = 0;     // as recorded
  int64_t counted = 0;  // when it counts from: the window's start for the one before it
  double value = 0;
};

// The samples of one series in one group. In parts that can be joined: what lies between the first
// and the last sample, and these two.
struct Series {
  uint32_t group = 0;
  Window window;
  int64_t count = 0;
  Sample first;
  Sample last;
  double held_seconds = 0;  // how long values held
  double weighted = 0;      // value times these seconds
  double integral = 0;      // trapezoidal
  // Least squares, by Welford and Chan: times in seconds from the first sample.
  double mean_time = 0;
  double mean_value = 0;
  double time_squares = 0;
  double products = 0;

  // From `last` to what follows it.
  void Link(const Sample& next, int64_t max_gap) {
    const int64_t end = std::min(next.counted, AddSaturated(last.time, max_gap));
    Hold(end);
    if (next.time - last.time <= max_gap) {
      integral += (last.value + next.value) / 2 * Seconds(next.counted - last.counted);
    }
  }
  void Hold(int64_t end) {
    if (end <= last.counted) return;
    held_seconds += Seconds(end - last.counted);
    weighted += last.value * Seconds(end - last.counted);
  }

  void Add(int64_t time, double value, int64_t max_gap) {
    // A series that several matches of a pattern lead to is still one.
    if (count > 0 && time <= last.time) return;
    Sample sample{time, time, value};
    if (window.exists() && time <= window.from) {
      if (AddSaturated(time, max_gap) < window.from) return;  // It held no longer.
      sample.counted = window.from;
      Restart();
    }
    if (count == 0) {
      first = sample;
    } else {
      Link(sample, max_gap);
    }
    last = sample;
    ++count;
    const double seconds = Seconds(sample.counted - first.counted);
    const double from_time = seconds - mean_time;
    mean_time += from_time / static_cast<double>(count);
    mean_value += (value - mean_value) / static_cast<double>(count);
    time_squares += from_time * (seconds - mean_time);
    products += from_time * (value - mean_value);
  }

  void Restart() {
    const uint32_t kept_group = group;
    const Window kept_window = window;
    *this = Series();
    group = kept_group;
    window = kept_window;
  }

  void Join(const Series& later, int64_t max_gap) {
    if (later.count == 0) return;
    const bool replaces = window.exists() && later.first.time <= window.from;
    if (count == 0 || replaces) {
      const uint32_t kept_group = group;
      *this = later;
      group = kept_group;
      return;
    }
    Link(later.first, max_gap);
    held_seconds += later.held_seconds;
    weighted += later.weighted;
    integral += later.integral;
    const auto n = static_cast<double>(count);
    const auto m = static_cast<double>(later.count);
    const double shifted = later.mean_time + Seconds(later.first.counted - first.counted);
    const double time_apart = shifted - mean_time;
    const double value_apart = later.mean_value - mean_value;
    const double share = n * m / (n + m);
    time_squares += later.time_squares + time_apart * time_apart * share;
    products += later.products + time_apart * value_apart * share;
    mean_time += time_apart * (m / (n + m));
    mean_value += value_apart * (m / (n + m));
    count += later.count;
    last = later.last;
  }

  // What it comes to; false: NULL.
  bool Result(Function function, int64_t max_gap, double* result) const {
    if (count == 0) return false;
    Series whole = *this;
    if (window.exists()) whole.Hold(std::min(window.to, AddSaturated(last.time, max_gap)));
    const double span = Seconds(last.counted - first.counted);
    switch (function) {
      case Function::kTimeAvg:
        // Values that held for no time at all, as a single one without a window: their mean.
        *result = whole.held_seconds > 0 ? whole.weighted / whole.held_seconds : mean_value;
        return true;
      case Function::kTimeWhere:
        *result = whole.weighted;
        return true;
      case Function::kRate:
        *result = (last.value - first.value) / span;
        return span > 0;
      case Function::kDelta:
        *result = last.value - first.value;
        return true;
      case Function::kIntegral:
        *result = integral;
        return true;
      default:
        *result = products / time_squares;
        return time_squares > 0;
    }
  }
};

class TimeAggregate : public GroupedAggregator {
 public:
  TimeAggregate(const BoundAggregate& aggregate, const AggregateOptions& options)
      : function_(aggregate.function),
        kind_(aggregate.type.kind),
        span_(aggregate.span),
        max_gap_(options.max_gap_ns),
        window_{options.from_ns, options.to_ns} {}

  void Resize(size_t groups) override { series_of_.resize(groups); }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    const DoubleColumn values(arguments[0], rows);
    const Vector& times = arguments[1];
    const Vector& numbers = arguments[2];
    const bool windows = arguments.size() > 4;
    Series* series = nullptr;
    int64_t series_number = 0;
    for (size_t i = 0; i < rows; ++i) {
      if (values.IsNull(i) || times.IsNull(i)) continue;
      const int64_t number = numbers.IsNull(i) ? 0 : numbers.ints[i];
      if (series == nullptr || series->group != groups[i] || series_number != number) {
        TWIN_RETURN_IF_ERROR(Find(groups[i], number, &series));
        series_number = number;
        if (windows && series->count == 0 && !arguments[3].IsNull(i) && !arguments[4].IsNull(i)) {
          series->window = {arguments[3].ints[i], arguments[4].ints[i]};
        }
      }
      series->Add(times.ints[i], values.values()[i], max_gap_);
    }
    return absl::OkStatus();
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const TimeAggregate&>(other);
    for (const auto& [key, index] : from.index_) {
      const Series& later = from.all_[index];
      Series* series = nullptr;
      TWIN_RETURN_IF_ERROR(Find(groups[key.first], key.second, &series));
      series->Join(later, max_gap_);
    }
    return absl::OkStatus();
  }

  absl::Status Finish(Vector* out) override {
    const size_t groups = series_of_.size();
    out->Reset(kind_, groups);
    std::vector<double> sums(groups, 0);
    std::vector<uint32_t> counts(groups, 0);
    for (const Series& series : all_) {
      double result;
      if (!series.Result(function_, max_gap_, &result)) continue;
      sums[series.group] += result;
      ++counts[series.group];
    }
    for (size_t i = 0; i < groups; ++i) {
      if (counts[i] == 0) {
        out->SetNull(i);
        continue;
      }
      const bool average = function_ == Function::kTimeAvg;
      TWIN_RETURN_IF_ERROR(SetNumber(average ? sums[i] / counts[i] : sums[i], i, span_, out));
    }
    return absl::OkStatus();
  }

  size_t bytes() const override {
    return all_.capacity() * sizeof(Series) + series_of_.capacity() * sizeof(uint32_t) +
           index_.capacity() * (sizeof(std::pair<Key, uint32_t>) + 1);
  }

 private:
  using Key = std::pair<uint32_t, int64_t>;  // group, number of the series

  absl::Status Find(uint32_t group, int64_t number, Series** series) {
    const auto [found, is_new] =
        index_.try_emplace(Key(group, number), static_cast<uint32_t>(all_.size()));
    if (is_new) {
      const bool several = function_ == Function::kTimeAvg || function_ == Function::kTimeWhere;
      if (++series_of_[group] > 1 && !several) {
        return ErrorAt(span_, absl::StrCat(InfoOf(function_).name,
                                           " is about one series, and a group has several of them: "
                                           "GROUP BY the twin, for instance x.$dtId"));
      }
      all_.emplace_back();
      all_.back().group = group;
      all_.back().window = window_;
    }
    *series = &all_[found->second];
    return absl::OkStatus();
  }

  const Function function_;
  const TypeKind kind_;
  const Span span_;
  const int64_t max_gap_;
  const Window window_;
  absl::flat_hash_map<Key, uint32_t> index_;
  std::vector<Series> all_;
  std::vector<uint32_t> series_of_;  // how many, by group
};

}  // namespace

std::unique_ptr<Aggregator> NewTimeAggregate(const BoundAggregate& aggregate,
                                             const AggregateOptions& options) {
  return std::make_unique<TimeAggregate>(aggregate, options);
}

}  // namespace twin::query
