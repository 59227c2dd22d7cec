// TIME_AVG, TIME_WHERE, RATE, DELTA, INTEGRAL, SLOPE: aggregates over samples in the order of time.
//
//   value                    a value holds to the next sample, but at most max_gap; the last one
//     |   o-------.          before the window counts from the window's start
//     |   |       o----- - - - -|
//     o---|                   max_gap
//     +---+-------+-------------+---> time
//        from
//
// Groups by TIME_BUCKET are windows one behind the other. Under other groups that differ from
// sample to sample a value counts for the group that its sample is in.
#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
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
  // The next sample of the series is in another group, and `last` holds no longer.
  bool ended = false;

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

  // What follows `last` in another group is of `time`.
  void End(int64_t time, int64_t max_gap) {
    if (ended || count == 0 || time <= last.time) return;
    const int64_t held_to = AddSaturated(last.time, max_gap);
    Hold(std::min({time, held_to, window.exists() ? window.to : time}));
    ended = true;
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
    } else if (!ended) {
      Link(sample, max_gap);
    }
    last = sample;
    ended = false;
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
    if (count > 0 && later.first.time <= last.time) return;  // The same, by another match.
    const bool replaces = window.exists() && later.first.time <= window.from;
    if (count == 0 || replaces) {
      const uint32_t kept_group = group;
      *this = later;
      group = kept_group;
      return;
    }
    if (!ended) Link(later.first, max_gap);
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
    ended = later.ended;
  }

  // What it comes to; false: NULL.
  // `holds`: to the window's end.
  bool Result(Function function, int64_t max_gap, bool holds, double* result) const {
    if (count == 0) return false;
    Series whole = *this;
    if (holds && window.exists() && !ended) {
      whole.Hold(std::min(window.to, AddSaturated(last.time, max_gap)));
    }
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
        options_(options),
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
      if (options_.splits_series && !times.IsNull(i)) {
        const int64_t number = numbers.IsNull(i) ? 0 : numbers.ints[i];
        Window window = window_;
        if (windows && !arguments[3].IsNull(i) && !arguments[4].IsNull(i)) {
          window = {arguments[3].ints[i], arguments[4].ints[i]};
        }
        TWIN_RETURN_IF_ERROR(AddToSplit(groups[i], number, window, times.ints[i],
                                        values.IsNull(i) ? nullptr : &values.values()[i]));
        continue;
      }
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
      if (!series.Result(function_, max_gap_, !options_.unordered, &result)) continue;
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

  // The last value of the series whose rows come, and its part that this is in.
  struct Latest {
    int64_t number = 0;
    int64_t time = 0;
    double value = 0;
    uint32_t index = 0;  // of all_
  };

  // A row of a series that goes through several groups; `value`: nullptr, it has none.
  absl::Status AddToSplit(uint32_t group, int64_t number, const Window& window, int64_t time,
                          const double* value) {
    if (latest_.has_value() && (latest_->number != number || time < latest_->time ||
                                (value != nullptr && time == latest_->time))) {
      latest_.reset();  // Another series, or the same one again.
    }
    const bool carries = options_.carries && latest_.has_value();
    if (value == nullptr && !carries) return absl::OkStatus();
    Series* series = nullptr;
    TWIN_RETURN_IF_ERROR(Find(group, number, &series));
    const auto index = static_cast<uint32_t>(series - all_.data());
    if (series->count == 0) series->window = window;
    if (latest_.has_value() && latest_->index != index && (carries || value != nullptr)) {
      all_[latest_->index].End(time, max_gap_);
      if (carries && series->count == 0) series->Add(latest_->time, latest_->value, max_gap_);
      latest_->index = index;
    }
    if (value == nullptr) return absl::OkStatus();
    series->Add(time, *value, max_gap_);
    latest_ = {number, time, *value, index};
    return absl::OkStatus();
  }

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
  const AggregateOptions options_;
  const int64_t max_gap_;
  const Window window_;
  std::optional<Latest> latest_;  // of splits_series
  absl::flat_hash_map<Key, uint32_t> index_;
  std::vector<Series> all_;
  std::vector<uint32_t> series_of_;  // how many, by group
};

// Keeps rows that come in no order, and brings them into it.
class UnorderedTimeAggregate : public GroupedAggregator {
 public:
  UnorderedTimeAggregate(const BoundAggregate& aggregate, const AggregateOptions& options)
      : empty_(aggregate, options) {}

  void Resize(size_t groups) override { group_count_ = groups; }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    groups_.insert(groups_.end(), groups.begin(), groups.begin() + static_cast<ptrdiff_t>(rows));
    arguments_.resize(arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i) arguments_[i].Append(arguments[i]);
    return absl::OkStatus();
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const UnorderedTimeAggregate&>(other);
    std::vector<uint32_t> mapped;
    mapped.reserve(from.groups_.size());
    for (const uint32_t group : from.groups_) mapped.push_back(groups[group]);
    return Add(mapped, mapped.size(), from.arguments_);
  }

  absl::Status Finish(Vector* out) override {
    TimeAggregate ordered = empty_;
    ordered.Resize(group_count_);
    if (!groups_.empty()) {
      Sort();
      TWIN_RETURN_IF_ERROR(ordered.Add(groups_, groups_.size(), arguments_));
    }
    return ordered.Finish(out);
  }

  size_t bytes() const override {
    size_t bytes = groups_.capacity() * sizeof(uint32_t);
    for (const Vector& argument : arguments_) bytes += argument.bytes();
    return bytes;
  }

 private:
  // By series, then by time.
  void Sort() {
    const Vector& times = arguments_[1];
    const Vector& numbers = arguments_[2];
    std::vector<uint32_t> order(groups_.size());
    std::iota(order.begin(), order.end(), 0U);
    const auto key = [&](uint32_t row) {
      return std::pair(numbers.IsNull(row) ? 0 : numbers.ints[row],
                       times.IsNull(row) ? 0 : times.ints[row]);
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
    std::vector<uint32_t> groups;
    groups.reserve(order.size());
    for (const uint32_t row : order) groups.push_back(groups_[row]);
    groups_ = std::move(groups);
    for (Vector& argument : arguments_) argument = argument.Take(order);
  }

  const TimeAggregate empty_;
  size_t group_count_ = 0;
  std::vector<uint32_t> groups_;
  std::vector<Vector> arguments_;
};

}  // namespace

std::unique_ptr<Aggregator> NewTimeAggregate(const BoundAggregate& aggregate,
                                             const AggregateOptions& options) {
  if (options.unordered) return std::make_unique<UnorderedTimeAggregate>(aggregate, options);
  return std::make_unique<TimeAggregate>(aggregate, options);
}

}  // namespace twin::query
