// MIN, MAX, FIRST, LAST: one value a group.
#include <algorithm>
#include <string>
#include <type_traits>

#include "query/execute/aggregate_internal.h"
#include "query/execute/extremes.h"
#include "query/execute/kernels.h"

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

// Of one or more numbers.
template <Function kFunction, typename T>
T BestOf(const T* values, size_t count) {
  switch (kFunction) {
    case Function::kMin:
      return ExtremesOf(values, count).least;
    case Function::kMax:
      return ExtremesOf(values, count).greatest;
    case Function::kFirst:
      return values[0];
    default:
      return values[count - 1];
  }
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
    if constexpr (kNumbers) {
      if (vector.kind == kind_ && vector.nulls.empty()) {
        if (rows > 0) KeepBest(group, BestOf<kFunction>(values.data(), rows));
        return absl::OkStatus();
      }
    }
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
    if constexpr (kNumbers) {
      if (run.kind == kind_) {
        if constexpr (std::is_same_v<Cell, IntCell>) {
          KeepBest(group, BestOf<kFunction>(run.ints, run.count));
        } else {
          KeepBest(group, BestOf<kFunction>(run.doubles, run.count));
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
  static constexpr bool kNumbers =
      std::is_same_v<Cell, IntCell> || std::is_same_v<Cell, DoubleCell>;

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
