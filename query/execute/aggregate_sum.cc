// COUNT, SUM, AVG, VARIANCE, STDDEV.
#include <cmath>

#include "query/ast/error.h"
#include "query/execute/aggregate_internal.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

class Count : public Aggregator {
 public:
  void Resize(size_t groups) override { counts_.resize(groups); }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    if (arguments.empty()) {
      for (size_t i = 0; i < rows; ++i) ++counts_[groups[i]];
    } else {
      ForFilled(arguments[0], rows, [&](size_t i) { ++counts_[groups[i]]; });
    }
    return absl::OkStatus();
  }

  absl::Status AddAll(uint32_t group, size_t rows, absl::Span<const Vector> arguments) override {
    if (arguments.empty()) {
      counts_[group] += static_cast<int64_t>(rows);
    } else {
      int64_t count = 0;
      ForFilled(arguments[0], rows, [&count](size_t) { ++count; });
      counts_[group] += count;
    }
    return absl::OkStatus();
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const Count&>(other);
    for (size_t i = 0; i < from.counts_.size(); ++i) counts_[groups[i]] += from.counts_[i];
    return absl::OkStatus();
  }

  absl::Status Finish(Vector* out) override {
    out->Reset(TypeKind::kInt, counts_.size());
    out->ints = counts_;
    return absl::OkStatus();
  }

  size_t bytes() const override { return counts_.capacity() * sizeof(int64_t); }

 private:
  std::vector<int64_t> counts_;
};

// Sums of ints: in 128 bits, so that only the result can be too large, whatever the order.
class IntSum : public Aggregator {
 public:
  IntSum(const BoundAggregate& aggregate, bool average)
      : kind_(aggregate.type.kind), span_(aggregate.span), average_(average) {}

  void Resize(size_t groups) override {
    sums_.resize(groups);
    counts_.resize(groups);
  }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    Vector storage;
    const Vector& column = AsKind(kind_, arguments[0], &storage);
    ForFilled(column, rows, [&](size_t i) {
      sums_[groups[i]] += column.ints[i];
      ++counts_[groups[i]];
    });
    return absl::OkStatus();
  }

  absl::Status AddAll(uint32_t group, size_t rows, absl::Span<const Vector> arguments) override {
    Vector storage;
    const Vector& column = AsKind(kind_, arguments[0], &storage);
    __int128 sum = 0;
    int64_t count = 0;
    ForFilled(column, rows, [&](size_t i) {
      sum += column.ints[i];
      ++count;
    });
    sums_[group] += sum;
    counts_[group] += count;
    return absl::OkStatus();
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const IntSum&>(other);
    for (size_t i = 0; i < from.sums_.size(); ++i) {
      sums_[groups[i]] += from.sums_[i];
      counts_[groups[i]] += from.counts_[i];
    }
    return absl::OkStatus();
  }

  absl::Status Finish(Vector* out) override {
    out->Reset(kind_, sums_.size());
    for (size_t i = 0; i < sums_.size(); ++i) {
      if (counts_[i] == 0) {
        out->SetNull(i);
        continue;
      }
      __int128 value = sums_[i];
      if (average_) {
        const __int128 half = value < 0 ? -(counts_[i] / 2) : counts_[i] / 2;
        value = (value + half) / counts_[i];
      }
      out->ints[i] = static_cast<int64_t>(value);
      if (value != out->ints[i]) {
        return ErrorAt(span_, "the sum is beyond 64 bits", absl::StatusCode::kOutOfRange);
      }
    }
    return absl::OkStatus();
  }

  size_t bytes() const override {
    return sums_.capacity() * sizeof(__int128) + counts_.capacity() * sizeof(int64_t);
  }

 private:
  const TypeKind kind_;
  const Span span_;
  const bool average_;
  std::vector<__int128> sums_;
  std::vector<int64_t> counts_;
};

// A batch's sum in eight lanes: fast, and its error grows an eighth as fast.
void SumColumn(const DoubleColumn& column, size_t rows, double* sum, int64_t* count) {
  constexpr size_t kLanes = 8;
  double lanes[kLanes] = {};
  const double* const x = column.values();
  const uint8_t* const nulls = column.nulls();
  size_t i = 0;
  if (nulls == nullptr) {
    for (; i + kLanes <= rows; i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) lanes[j] += x[i + j];
    }
    for (; i < rows; ++i) lanes[0] += x[i];
    *count = static_cast<int64_t>(rows);
  } else {
    int64_t filled = 0;
    for (; i + kLanes <= rows; i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) lanes[j] += nulls[i + j] != 0 ? 0.0 : x[i + j];
    }
    for (; i < rows; ++i) lanes[0] += nulls[i] != 0 ? 0.0 : x[i];
    for (size_t j = 0; j < rows; ++j) filled += nulls[j] ^ 1;
    *count = filled;
  }
  *sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

class DoubleSum : public Aggregator {
 public:
  explicit DoubleSum(bool average) : average_(average) {}

  void Resize(size_t groups) override { states_.resize(groups); }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    const DoubleColumn column(arguments[0], rows);
    const double* const x = column.values();
    State* const states = states_.data();
    if (column.nulls() == nullptr) {
      for (size_t i = 0; i < rows; ++i) {
        State& state = states[groups[i]];
        state.sum += x[i];
        ++state.count;
      }
      return absl::OkStatus();
    }
    for (size_t i = 0; i < rows; ++i) {
      const bool filled = column.nulls()[i] == 0;
      State& state = states[groups[i]];
      state.sum += filled ? x[i] : 0.0;
      state.count += filled ? 1 : 0;
    }
    return absl::OkStatus();
  }

  absl::Status AddAll(uint32_t group, size_t rows, absl::Span<const Vector> arguments) override {
    State batch;
    SumColumn(DoubleColumn(arguments[0], rows), rows, &batch.sum, &batch.count);
    states_[group].sum += batch.sum;
    states_[group].count += batch.count;
    return absl::OkStatus();
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const DoubleSum&>(other);
    for (size_t i = 0; i < from.states_.size(); ++i) {
      states_[groups[i]].sum += from.states_[i].sum;
      states_[groups[i]].count += from.states_[i].count;
    }
    return absl::OkStatus();
  }

  absl::Status Finish(Vector* out) override {
    out->Reset(TypeKind::kDouble, states_.size());
    for (size_t i = 0; i < states_.size(); ++i) {
      const State& state = states_[i];
      if (state.count == 0) {
        out->SetNull(i);
      } else {
        out->doubles[i] = average_ ? state.sum / static_cast<double>(state.count) : state.sum;
      }
    }
    return absl::OkStatus();
  }

  size_t bytes() const override { return states_.capacity() * sizeof(State); }

 private:
  struct State {
    double sum = 0;
    int64_t count = 0;
  };
  const bool average_;
  std::vector<State> states_;
};

// Welford's method by row, Chan's to join parts: exact for values that are large and alike.
// Of a sample: the divisor is n - 1; one value has none.
class Variance : public Aggregator {
 public:
  Variance(const BoundAggregate& aggregate, bool root)
      : kind_(aggregate.type.kind), span_(aggregate.span), root_(root) {}

  void Resize(size_t groups) override { states_.resize(groups); }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    const DoubleColumn column(arguments[0], rows);
    for (size_t i = 0; i < rows; ++i) {
      if (column.IsNull(i)) continue;
      State& state = states_[groups[i]];
      const double x = column.values()[i];
      const double from_mean = x - state.mean;
      state.count += 1;
      state.mean += from_mean / state.count;
      state.squares += from_mean * (x - state.mean);
    }
    return absl::OkStatus();
  }

  absl::Status AddAll(uint32_t group, size_t rows, absl::Span<const Vector> arguments) override {
    const DoubleColumn column(arguments[0], rows);
    double sum;
    int64_t count;
    SumColumn(column, rows, &sum, &count);
    if (count == 0) return absl::OkStatus();
    State batch{static_cast<double>(count), sum / static_cast<double>(count), 0};
    const double* const x = column.values();
    for (size_t i = 0; i < rows; ++i) {
      const double from_mean = column.IsNull(i) ? 0.0 : x[i] - batch.mean;
      batch.squares += from_mean * from_mean;
    }
    states_[group].Join(batch);
    return absl::OkStatus();
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const Variance&>(other);
    for (size_t i = 0; i < from.states_.size(); ++i) states_[groups[i]].Join(from.states_[i]);
    return absl::OkStatus();
  }

  absl::Status Finish(Vector* out) override {
    out->Reset(kind_, states_.size());
    for (size_t i = 0; i < states_.size(); ++i) {
      const State& state = states_[i];
      if (state.count < 2) {
        out->SetNull(i);
        continue;
      }
      const double variance = state.squares / (state.count - 1);
      TWIN_RETURN_IF_ERROR(SetNumber(root_ ? std::sqrt(variance) : variance, i, span_, out));
    }
    return absl::OkStatus();
  }

  size_t bytes() const override { return states_.capacity() * sizeof(State); }

 private:
  struct State {
    double count = 0;
    double mean = 0;
    double squares = 0;  // of the distances from the mean

    void Join(const State& other) {
      if (other.count == 0) return;
      if (count == 0) {
        *this = other;
        return;
      }
      const double both = count + other.count;
      const double distance = other.mean - mean;
      mean += distance * (other.count / both);
      squares += other.squares + distance * distance * (count * other.count / both);
      count = both;
    }
  };
  const TypeKind kind_;
  const Span span_;
  const bool root_;
  std::vector<State> states_;
};

}  // namespace

std::unique_ptr<Aggregator> NewCount() { return std::make_unique<Count>(); }

std::unique_ptr<Aggregator> NewSum(const BoundAggregate& aggregate) {
  const bool average = aggregate.function == Function::kAvg;
  const TypeKind kind = aggregate.type.kind;
  if (kind == TypeKind::kInt || kind == TypeKind::kDuration || kind == TypeKind::kTime) {
    return std::make_unique<IntSum>(aggregate, average);
  }
  return std::make_unique<DoubleSum>(average);
}

std::unique_ptr<Aggregator> NewVariance(const BoundAggregate& aggregate) {
  return std::make_unique<Variance>(aggregate, aggregate.function == Function::kStddev);
}

}  // namespace twin::query
