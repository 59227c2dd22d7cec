// MIN, MAX, FIRST, LAST: one value a group.
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "query/execute/aggregate_internal.h"
#include "query/execute/kernels.h"
#include "server/base/wide.h"

#if TWIN_HAS_WIDE
#include <immintrin.h>
#endif

namespace twin::query {
namespace {

// How a kind of values is read from vectors and kept.
struct IntCell {
  using Kept = int64_t;
  static const std::vector<int64_t>& Read(const Vector& vector) { return vector.ints; }
  static bool Less(int64_t a, int64_t b) { return a < b; }
  static void Write(int64_t kept, size_t row, Vector* out) { out->ints[row] = kept; }
  static size_t Bytes(int64_t) { return 0; }
};
struct DoubleCell {
  using Kept = double;
  static const std::vector<double>& Read(const Vector& vector) { return vector.doubles; }
  static bool Less(double a, double b) { return LessThan()(a, b); }
  static void Write(double kept, size_t row, Vector* out) { out->doubles[row] = kept; }
  static size_t Bytes(double) { return 0; }
};
struct BoolCell {
  using Kept = uint8_t;
  static const std::vector<uint8_t>& Read(const Vector& vector) { return vector.bools; }
  static bool Less(uint8_t a, uint8_t b) { return a < b; }
  static void Write(uint8_t kept, size_t row, Vector* out) { out->bools[row] = kept; }
  static size_t Bytes(uint8_t) { return 0; }
};
struct NumberCell {
  using Kept = uint32_t;
  static const std::vector<uint32_t>& Read(const Vector& vector) { return vector.numbers; }
  static bool Less(uint32_t a, uint32_t b) { return a < b; }
  static void Write(uint32_t kept, size_t row, Vector* out) { out->numbers[row] = kept; }
  static size_t Bytes(uint32_t) { return 0; }
};
struct StringCell {
  using Kept = std::string;
  static const std::vector<absl::string_view>& Read(const Vector& vector) { return vector.strings; }
  static bool Less(absl::string_view a, absl::string_view b) { return a < b; }
  static void Write(const std::string& kept, size_t row, Vector* out) {
    out->Set(row, Value::String(kept));
  }
  static size_t Bytes(const std::string& kept) { return kept.capacity(); }
};
struct ValueCell {
  using Kept = Value;
  static const std::vector<Value>& Read(const Vector& vector) { return vector.values; }
  static bool Less(const Value& a, const Value& b) { return OrderItems(ItemOf(a), ItemOf(b)) < 0; }
  static void Write(const Value& kept, size_t row, Vector* out) { out->values[row] = kept; }
  static size_t Bytes(const Value&) { return sizeof(Value); }
};
struct PathCell {
  using Kept = PathValue;
  static const std::vector<PathValue>& Read(const Vector& vector) { return vector.paths; }
  static bool Less(const PathValue& a, const PathValue& b) { return a < b; }
  static void Write(const PathValue& kept, size_t row, Vector* out) { out->paths[row] = kept; }
  static size_t Bytes(const PathValue& kept) { return kept.capacity() * sizeof(uint32_t); }
};

// Whether a value takes the place of the one that is kept.
template <Function kFunction, typename Cell, typename A, typename B>
bool Replaces(const A& value, const B& kept) {
  switch (kFunction) {
    case Function::kMin:
      return Cell::Less(value, kept);
    case Function::kMax:
      return Cell::Less(kept, value);
    case Function::kFirst:
      return false;
    default:
      return true;
  }
}

// The least or the greatest of numbers, the first of several that are equal.
template <Function kFunction, typename Cell, typename T>
T BestOneByOne(const T* values, size_t count) {
  T best = values[0];
  for (size_t i = 1; i < count; ++i) {
    if (Replaces<kFunction, Cell>(values[i], best)) best = values[i];
  }
  return best;
}

// The same. Lanes find its value;
// where they cannot tell (NaN, infinities, zeros of both signs), one after the other.
template <Function kFunction, typename Cell, typename T>
TWIN_INLINE_LOOP T BestOnAny(const T* values, size_t count) {
  constexpr size_t kLanes = 16;
  constexpr bool kMin = kFunction == Function::kMin;
  if (count >= kLanes) {
    typedef T Four __attribute__((vector_size(4 * sizeof(T))));
    constexpr size_t kParts = kLanes / 4;
    Four lanes[kParts];
    Four nan[kParts] = {};  // NaN where NaN, or an infinity, was met
    std::memcpy(lanes, values, sizeof(lanes));
    for (size_t i = 0;; i = std::min(i + kLanes, count - kLanes)) {
#pragma GCC unroll 4
      for (size_t k = 0; k < kParts; ++k) {
        Four x;
        std::memcpy(&x, values + i + 4 * k, sizeof(x));
        const auto better = kMin ? x < lanes[k] : x > lanes[k];
        lanes[k] = better ? x : lanes[k];
        if constexpr (std::is_same_v<T, double>) nan[k] += x * 0.0;
      }
      if (i == count - kLanes) break;
    }
    for (size_t k = 1; k < kParts; ++k) {
      const auto better = kMin ? lanes[k] < lanes[0] : lanes[k] > lanes[0];
      lanes[0] = better ? lanes[k] : lanes[0];
      nan[0] += nan[k];
    }
    T best = lanes[0][0];
    T any_nan = 0;
    for (size_t k = 0; k < 4; ++k) {
      const T x = lanes[0][k];
      best = (kMin ? x < best : x > best) ? x : best;
      any_nan += nan[0][k];
    }
    if (any_nan == 0 && best != 0) return best;
  }
  return BestOneByOne<kFunction, Cell>(values, count);
}

#if TWIN_HAS_WIDE
template <Function kFunction, typename Cell, typename T>
TWIN_WIDE T BestOnWide(const T* values, size_t count) {
  return BestOnAny<kFunction, Cell>(values, count);
}

template <Function kFunction>
TWIN_WIDE inline __m256d Better(__m256d x, __m256d than) {
  return kFunction == Function::kMin ? _mm256_min_pd(x, than) : _mm256_max_pd(x, than);
}

// The same of doubles, at least kDoublesMin of them. False: one of them is NaN, or infinities are.
constexpr size_t kDoublesMin = 16;
template <Function kFunction>
TWIN_WIDE bool BestOfDoubles(const double* values, size_t count, double* out) {
  __m256d best[4], sums[4];  // a sum is NaN if one of its values is
  for (size_t k = 0; k < 4; ++k) best[k] = sums[k] = _mm256_loadu_pd(values + 4 * k);
  for (size_t i = kDoublesMin; i < count; i += kDoublesMin) {
    const double* from = values + std::min(i, count - kDoublesMin);
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; ++k) {
      const __m256d x = _mm256_loadu_pd(from + 4 * k);
      best[k] = Better<kFunction>(x, best[k]);
      sums[k] = _mm256_add_pd(sums[k], x);
    }
  }
  const __m256d sum = _mm256_add_pd(_mm256_add_pd(sums[0], sums[1]), sums[2]);
  const __m256d all = _mm256_add_pd(sum, sums[3]);
  if (_mm256_movemask_pd(_mm256_cmp_pd(all, all, _CMP_UNORD_Q)) != 0) return false;
  const __m256d four =
      Better<kFunction>(Better<kFunction>(best[0], best[1]), Better<kFunction>(best[2], best[3]));
  const __m256d two = Better<kFunction>(four, _mm256_permute2f128_pd(four, four, 1));
  *out = _mm256_cvtsd_f64(Better<kFunction>(two, _mm256_permute_pd(two, 1)));
  if (*out == 0) *out = *std::find(values, values + count, 0.0);  // of its sign
  return true;
}
#endif

// Of one or more.
template <Function kFunction, typename Cell, typename T>
T BestOf(const T* values, size_t count) {
  if constexpr (kFunction == Function::kFirst) return values[0];
  if constexpr (kFunction == Function::kLast) return values[count - 1];
#if TWIN_HAS_WIDE
  if constexpr (std::is_same_v<T, double>) {
    T best;
    if (count >= kDoublesMin && HasWide()) {
      return BestOfDoubles<kFunction>(values, count, &best)
                 ? best
                 : BestOneByOne<kFunction, Cell>(values, count);
    }
  }
  if (HasWide()) return BestOnWide<kFunction, Cell>(values, count);
#endif
  return BestOnAny<kFunction, Cell>(values, count);
}

template <Function kFunction, typename Cell>
class CellAggregator : public GroupedAggregator {
 public:
  explicit CellAggregator(TypeKind kind) : kind_(kind) {}

  void Resize(size_t groups) override {
    kept_.resize(groups);
    has_.resize(groups);
    if (timed_) times_.resize(groups);
  }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    Vector storage;
    const Vector& vector = AsKind(kind_, arguments[0], &storage);
    const auto& values = Cell::Read(vector);
    if (arguments.size() > 1) {
      AddTimed(groups, rows, vector, arguments[1]);
      return absl::OkStatus();
    }
    ForFilled(vector, rows, [&](size_t i) {
      const uint32_t group = groups[i];
      if (has_[group] == 0 || Replaces<kFunction, Cell>(values[i], kept_[group])) {
        Keep(group, values[i]);
      }
    });
    return absl::OkStatus();
  }

  // The best of the batch is found in a register; of FIRST and LAST one row is looked at.
  absl::Status AddAll(uint32_t group, size_t rows, absl::Span<const Vector> arguments) override {
    if (arguments.size() > 1) return GroupedAggregator::AddAll(group, rows, arguments);
    Vector storage;
    const Vector& vector = AsKind(kind_, arguments[0], &storage);
    const auto& values = Cell::Read(vector);
    if (kFunction == Function::kFirst && has_[group] != 0) return absl::OkStatus();
    size_t best = rows;
    ForFilled(vector, rows, [&](size_t i) {
      if (best == rows || Replaces<kFunction, Cell>(values[i], values[best])) best = i;
    });
    if (best == rows) return absl::OkStatus();
    if (has_[group] == 0 || Replaces<kFunction, Cell>(values[best], kept_[group])) {
      Keep(group, values[best]);
    }
    return absl::OkStatus();
  }

  absl::Status AddRun(uint32_t group, const NumberRun& run) override {
    if (run.count == 0) return absl::OkStatus();
    if constexpr (std::is_same_v<Cell, IntCell> || std::is_same_v<Cell, DoubleCell>) {
      if (run.kind == kind_) {
        if constexpr (std::is_same_v<Cell, IntCell>) {
          KeepBest(group, BestOf<kFunction, Cell>(run.ints, run.count));
        } else {
          KeepBest(group, BestOf<kFunction, Cell>(run.doubles, run.count));
        }
        return absl::OkStatus();
      }
    }
    return Aggregator::AddRun(group, run);
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const CellAggregator&>(other);
    if (from.timed_) UseTimes();
    for (size_t i = 0; i < from.kept_.size(); ++i) {
      if (from.has_[i] == 0) continue;
      const uint32_t group = groups[i];
      const bool replaces = from.timed_ ? TimeReplaces(group, from.times_[i])
                                        : Replaces<kFunction, Cell>(from.kept_[i], kept_[group]);
      if (has_[group] != 0 && !replaces) continue;
      Keep(group, from.kept_[i]);
      if (timed_) times_[group] = from.timed_ ? from.times_[i] : 0;
    }
    return absl::OkStatus();
  }

  absl::Status Finish(Vector* out) override {
    out->Reset(kind_, kept_.size());
    for (size_t i = 0; i < kept_.size(); ++i) {
      if (has_[i] != 0) {
        Cell::Write(kept_[i], i, out);
      } else {
        out->SetNull(i);
      }
    }
    return absl::OkStatus();
  }

  size_t bytes() const override {
    return kept_.capacity() * sizeof(typename Cell::Kept) + has_.capacity() +
           times_.capacity() * sizeof(int64_t) + beyond_bytes_;
  }

 private:
  template <typename T>
  void Keep(uint32_t group, const T& value) {
    beyond_bytes_ -= Cell::Bytes(kept_[group]);
    kept_[group] = typename Cell::Kept(value);
    beyond_bytes_ += Cell::Bytes(kept_[group]);
    has_[group] = 1;
  }

  template <typename T>
  void KeepBest(uint32_t group, const T& value) {
    if (has_[group] == 0 || Replaces<kFunction, Cell>(value, kept_[group])) Keep(group, value);
  }

  void UseTimes() {
    timed_ = true;
    times_.resize(kept_.size());
  }
  bool TimeReplaces(uint32_t group, int64_t time) const {
    return kFunction == Function::kFirst ? time < times_[group] : time >= times_[group];
  }

  // FIRST and LAST by the rows' times.
  void AddTimed(absl::Span<const uint32_t> groups, size_t rows, const Vector& vector,
                const Vector& times) {
    if (times.kind == TypeKind::kNull) return;
    UseTimes();
    const auto& values = Cell::Read(vector);
    ForFilled(vector, rows, [&](size_t i) {
      const uint32_t group = groups[i];
      if (times.IsNull(i) || (has_[group] != 0 && !TimeReplaces(group, times.ints[i]))) return;
      Keep(group, values[i]);
      times_[group] = times.ints[i];
    });
  }

  const TypeKind kind_;
  bool timed_ = false;
  std::vector<typename Cell::Kept> kept_;
  std::vector<uint8_t> has_;
  std::vector<int64_t> times_;
  size_t beyond_bytes_ = 0;  // of what is kept, outside of kept_
};

template <typename Cell>
std::unique_ptr<Aggregator> NewOf(const BoundAggregate& aggregate) {
  switch (aggregate.function) {
    case Function::kMin:
      return std::make_unique<CellAggregator<Function::kMin, Cell>>(aggregate.type.kind);
    case Function::kMax:
      return std::make_unique<CellAggregator<Function::kMax, Cell>>(aggregate.type.kind);
    case Function::kFirst:
      return std::make_unique<CellAggregator<Function::kFirst, Cell>>(aggregate.type.kind);
    default:
      return std::make_unique<CellAggregator<Function::kLast, Cell>>(aggregate.type.kind);
  }
}

}  // namespace

std::unique_ptr<Aggregator> NewCell(const BoundAggregate& aggregate) {
  switch (aggregate.type.kind) {
    case TypeKind::kInt:
    case TypeKind::kTime:
    case TypeKind::kDuration:
      return NewOf<IntCell>(aggregate);
    case TypeKind::kNull:  // of NULLs: nothing is ever kept
    case TypeKind::kDouble:
      return NewOf<DoubleCell>(aggregate);
    case TypeKind::kBool:
      return NewOf<BoolCell>(aggregate);
    case TypeKind::kString:
      return NewOf<StringCell>(aggregate);
    case TypeKind::kTwin:
    case TypeKind::kRelationship:
      return NewOf<NumberCell>(aggregate);
    case TypeKind::kPath:
      return NewOf<PathCell>(aggregate);
    case TypeKind::kValue:
      break;
  }
  return NewOf<ValueCell>(aggregate);
}

}  // namespace twin::query
