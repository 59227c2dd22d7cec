// COUNT, SUM, AVG, VARIANCE, STDDEV.
#include <algorithm>
#include <bit>
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

  absl::Status AddRun(uint32_t group, const NumberRun& run) override {
    counts_[group] += static_cast<int64_t>(run.count);
    return absl::OkStatus();
  }

  absl::Status AddSums(absl::Span<const uint32_t> groups, const Vector& counts,
                       const Vector& /*sums*/) override {
    for (size_t i = 0; i < counts.rows; ++i) counts_[groups[i]] += counts.ints[i];
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

  absl::Status AddRun(uint32_t group, const NumberRun& run) override {
    if (run.kind != kind_) return Aggregator::AddRun(group, run);
    __int128 sum = 0;
    for (size_t i = 0; i < run.count; ++i) sum += run.ints[i];
    sums_[group] += sum;
    counts_[group] += static_cast<int64_t>(run.count);
    return absl::OkStatus();
  }

  absl::Status AddSums(absl::Span<const uint32_t> groups, const Vector& counts,
                       const Vector& sums) override {
    for (size_t i = 0; i < counts.rows; ++i) {
      if (counts.ints[i] == 0) continue;
      sums_[groups[i]] += sums.ints[i];
      counts_[groups[i]] += counts.ints[i];
    }
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

// A sum in eight lanes that goes on where the last batch ended: however rows are divided into
// batches, it is the same.
class LaneSum {
 public:
  void Add(const DoubleColumn& column, size_t rows, int64_t* count) {
    const double* const x = column.values();
    const uint8_t* const nulls = column.nulls();
    const auto value = [&](size_t i) { return nulls != nullptr && nulls[i] != 0 ? 0.0 : x[i]; };
    size_t i = 0;
    for (; i < rows && next_ != 0; ++i) AddOne(value(i));
    for (; i + kLanes <= rows; i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) lanes_[j] += value(i + j);
    }
    for (; i < rows; ++i) AddOne(value(i));
    int64_t filled = static_cast<int64_t>(rows);
    for (size_t j = 0; nulls != nullptr && j < rows; ++j) filled -= nulls[j];
    *count += filled;
  }
  double sum() const {
    return ((lanes_[0] + lanes_[1]) + (lanes_[2] + lanes_[3])) +
           ((lanes_[4] + lanes_[5]) + (lanes_[6] + lanes_[7]));
  }

 private:
  static constexpr size_t kLanes = 8;
  void AddOne(double value) {
    lanes_[next_] += value;
    next_ = (next_ + 1) % kLanes;
  }
  double lanes_[kLanes] = {};
  size_t next_ = 0;
};

constexpr int64_t kPowersOfTen[] = {1,       10,        100,        1'000,       10'000,
                                    100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

// What integer a decimal is of, in units of 1 / power: the bits of a double that has no room for a
// fraction. Vectorises.
int64_t IntegerOf(double decimal, double power) {
  constexpr double kNoFraction = 6755399441055744.0;  // 1.5 * 2^52
  return static_cast<int64_t>(std::bit_cast<uint64_t>(decimal * power + kNoFraction) -
                              std::bit_cast<uint64_t>(kNoFraction));
}

// Decimals (Vector::decimals) are summed up as integers: exactly, and so the same whether rows,
// blocks or roll-ups are added. What is no decimal is added as it comes.
class DoubleSum : public Aggregator {
 public:
  explicit DoubleSum(bool average) : average_(average) {}

  void Resize(size_t groups) override {
    states_.resize(groups);
    if (!exact_.empty()) exact_.resize(groups);
  }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    if (IsExact(arguments[0])) return AddExact(groups.data(), rows, arguments[0]);
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
    if (IsExact(arguments[0])) return AddAllExact(group, rows, arguments[0]);
    if (all_.empty()) all_.resize(1);
    all_[0].Add(DoubleColumn(arguments[0], rows), rows, &states_[group].count);
    return absl::OkStatus();
  }

  // One after the other, as Add does: the sum is the same to the last bit.
  absl::Status AddRun(uint32_t group, const NumberRun& run) override {
    double sum = states_[group].sum;
    if (run.kind == TypeKind::kDouble) {
      for (size_t i = 0; i < run.count; ++i) sum += run.doubles[i];
    } else {
      for (size_t i = 0; i < run.count; ++i) sum += static_cast<double>(run.ints[i]);
    }
    states_[group].sum = sum;
    states_[group].count += static_cast<int64_t>(run.count);
    return absl::OkStatus();
  }

  absl::Status AddSums(absl::Span<const uint32_t> groups, const Vector& counts,
                       const Vector& sums) override {
    if (sums.kind == TypeKind::kDouble) {
      for (size_t i = 0; i < counts.rows; ++i) {
        if (counts.ints[i] == 0) continue;
        states_[groups[i]].sum += sums.doubles[i];
        states_[groups[i]].count += counts.ints[i];
      }
      return absl::OkStatus();
    }
    const __int128 scale = ScaleFor(std::max<int>(sums.decimals, 0));  // sums of integers have none
    for (size_t i = 0; i < counts.rows; ++i) {
      if (counts.ints[i] == 0) continue;
      exact_[groups[i]] += scale * sums.ints[i];
      states_[groups[i]].count += counts.ints[i];
    }
    return absl::OkStatus();
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const DoubleSum&>(other);
    for (size_t i = 0; i < from.states_.size(); ++i) {
      states_[groups[i]].sum += from.states_[i].sum + from.LanesOf(i);
      states_[groups[i]].count += from.states_[i].count;
    }
    if (from.exact_.empty()) return absl::OkStatus();
    const __int128 scale = ScaleFor(from.decimals_);
    for (size_t i = 0; i < from.exact_.size(); ++i) {
      exact_[groups[i]] += scale * from.exact_[i];
    }
    return absl::OkStatus();
  }

  absl::Status Finish(Vector* out) override {
    out->Reset(TypeKind::kDouble, states_.size());
    for (size_t i = 0; i < states_.size(); ++i) {
      const State& state = states_[i];
      double sum = state.sum + LanesOf(i);
      if (!exact_.empty()) {
        sum += static_cast<double>(exact_[i]) / static_cast<double>(kPowersOfTen[decimals_]);
      }
      if (state.count == 0) {
        out->SetNull(i);
      } else {
        out->doubles[i] = average_ ? sum / static_cast<double>(state.count) : sum;
      }
    }
    return absl::OkStatus();
  }

  size_t bytes() const override {
    return states_.capacity() * sizeof(State) + exact_.capacity() * sizeof(__int128);
  }

 private:
  struct State {
    double sum = 0;
    int64_t count = 0;
  };

  static bool IsExact(const Vector& vector) {
    return vector.kind == TypeKind::kDouble && vector.decimals >= 0;
  }
  double LanesOf(size_t group) const { return group == 0 && !all_.empty() ? all_[0].sum() : 0.0; }

  // Makes the sums ones of at least so many decimals, and says what to multiply such ones by.
  __int128 ScaleFor(int decimals) {
    if (exact_.size() < states_.size()) exact_.resize(states_.size());
    if (decimals > decimals_) {
      for (__int128& sum : exact_) sum *= kPowersOfTen[decimals - decimals_];
      decimals_ = decimals;
    }
    return kPowersOfTen[decimals_ - decimals];
  }

  absl::Status AddExact(const uint32_t* groups, size_t rows, const Vector& vector) {
    const auto power = static_cast<double>(kPowersOfTen[vector.decimals]);
    const auto scale = static_cast<int64_t>(ScaleFor(vector.decimals));
    for (size_t i = 0; i < rows; ++i) {
      if (vector.IsNull(i)) continue;
      exact_[groups[i]] += static_cast<__int128>(IntegerOf(vector.doubles[i], power)) * scale;
      ++states_[groups[i]].count;
    }
    return absl::OkStatus();
  }

  absl::Status AddAllExact(uint32_t group, size_t rows, const Vector& vector) {
    const auto power = static_cast<double>(kPowersOfTen[vector.decimals]);
    const __int128 scale = ScaleFor(vector.decimals);
    constexpr size_t kRowsAtOnce = 4096;  // of less than 2^50 each
    for (size_t begin = 0; begin < rows; begin += kRowsAtOnce) {
      const size_t end = std::min(rows, begin + kRowsAtOnce);
      int64_t sum = 0;
      int64_t count = static_cast<int64_t>(end - begin);
      if (vector.nulls.empty()) {
        for (size_t i = begin; i < end; ++i) sum += IntegerOf(vector.doubles[i], power);
      } else {
        for (size_t i = begin; i < end; ++i) {
          const int64_t filled = vector.nulls[i] == 0 ? 1 : 0;
          sum += filled != 0 ? IntegerOf(vector.doubles[i], power) : 0;
          count -= 1 - filled;
        }
      }
      exact_[group] += scale * sum;
      states_[group].count += count;
    }
    return absl::OkStatus();
  }

  const bool average_;
  std::vector<State> states_;
  std::vector<LaneSum> all_;     // of group 0, what AddAll got; none: nothing
  std::vector<__int128> exact_;  // by group, in units of 10^-decimals_; none: nothing
  int decimals_ = 0;
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
