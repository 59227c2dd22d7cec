// MEDIAN, PERCENTILE, MAD, COLLECT: aggregates that keep their values.
#include <algorithm>
#include <cmath>

#include "query/ast/error.h"
#include "query/execute/aggregate_internal.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

// Values and their groups, in the order of arrival; put together by group at the end. 12 bytes a
// value, whatever the number of groups.
class Quantile : public GroupedAggregator {
 public:
  explicit Quantile(const BoundAggregate& aggregate)
      : function_(aggregate.function), kind_(aggregate.type.kind), span_(aggregate.span) {}

  void Resize(size_t groups) override { group_count_ = groups; }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    if (rows == 0) return absl::OkStatus();
    if (function_ == Function::kPercentile) TWIN_RETURN_IF_ERROR(SetFraction(arguments[1]));
    const DoubleColumn column(arguments[0], rows);
    for (size_t i = 0; i < rows; ++i) {
      if (column.IsNull(i)) continue;
      values_.push_back(column.values()[i]);
      groups_.push_back(groups[i]);
    }
    return absl::OkStatus();
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const Quantile&>(other);
    values_.insert(values_.end(), from.values_.begin(), from.values_.end());
    for (const uint32_t group : from.groups_) groups_.push_back(groups[group]);
    if (from.has_fraction_) {
      has_fraction_ = true;
      fraction_ = from.fraction_;
      fraction_null_ = from.fraction_null_;
    }
    return absl::OkStatus();
  }

  absl::Status Finish(Vector* out) override {
    out->Reset(kind_, group_count_);
    std::vector<size_t> ends(group_count_ + 1, 0);
    for (const uint32_t group : groups_) ++ends[group + 1];
    for (size_t i = 0; i < group_count_; ++i) ends[i + 1] += ends[i];
    std::vector<size_t> next(ends.begin(), ends.end() - 1);
    std::vector<double> by_group(values_.size());
    for (size_t i = 0; i < values_.size(); ++i) by_group[next[groups_[i]]++] = values_[i];
    for (size_t i = 0; i < group_count_; ++i) {
      const absl::Span<double> values(by_group.data() + ends[i], ends[i + 1] - ends[i]);
      if (values.empty() || fraction_null_) {
        out->SetNull(i);
        continue;
      }
      const double result =
          function_ == Function::kMad ? Mad(values) : Percentile(values, fraction_);
      TWIN_RETURN_IF_ERROR(SetNumber(result, i, span_, out));
    }
    return absl::OkStatus();
  }

  size_t bytes() const override {
    return values_.capacity() * sizeof(double) + groups_.capacity() * sizeof(uint32_t);
  }

 private:
  // The same for all rows, hence the first row's.
  absl::Status SetFraction(const Vector& fractions) {
    if (has_fraction_) return absl::OkStatus();
    const Item item = ItemAt(fractions, 0);
    has_fraction_ = true;
    fraction_null_ = !item.is_number();
    if (fraction_null_) return absl::OkStatus();
    fraction_ = item.as_double();
    if (fraction_ >= 0 && fraction_ <= 1) return absl::OkStatus();
    return ErrorAt(span_, "PERCENTILE takes a fraction from 0 to 1, such as 0.95");
  }

  const Function function_;
  const TypeKind kind_;
  const Span span_;
  size_t group_count_ = 0;
  double fraction_ = 0.5;
  bool has_fraction_ = false;
  bool fraction_null_ = false;
  std::vector<double> values_;
  std::vector<uint32_t> groups_;
};

// Lists of values, in the order of arrival.
class Collect : public GroupedAggregator {
 public:
  void Resize(size_t groups) override { group_count_ = groups; }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    std::vector<uint32_t> filled;
    ForFilled(arguments[0], rows, [&](size_t i) {
      filled.push_back(static_cast<uint32_t>(i));
      groups_.push_back(groups[i]);
    });
    if (filled.empty()) return absl::OkStatus();
    const Vector taken = arguments[0].Take(filled);
    bytes_ += taken.bytes();
    values_.Append(taken);
    return absl::OkStatus();
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const Collect&>(other);
    for (const uint32_t group : from.groups_) groups_.push_back(groups[group]);
    values_.Append(from.values_);
    bytes_ += from.bytes_;
    return absl::OkStatus();
  }

  // A group without values has an empty list.
  absl::Status Finish(Vector* out) override {
    out->Reset(TypeKind::kValue, group_count_);
    for (Value& list : out->values) list = Value::Array({});
    for (size_t i = 0; i < groups_.size(); ++i) {
      out->values[groups_[i]].as_array().push_back(values_.Get(i));
    }
    return absl::OkStatus();
  }

  size_t bytes() const override { return bytes_ + groups_.capacity() * sizeof(uint32_t); }

 private:
  size_t group_count_ = 0;
  Vector values_;
  std::vector<uint32_t> groups_;  // of each value
  size_t bytes_ = 0;
};

bool IsLess(double a, double b) { return LessThan()(a, b); }

// Puts what sorts at `at` there, the rest before and behind it. Hoare's FIND with Lomuto's
// partition without branches: as the values are in no order, a processor cannot guess them.
void PutInPlace(absl::Span<double> values, size_t at) {
  if (std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); })) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end(),
                     IsLess);
    return;
  }
  size_t begin = 0, end = values.size();
  // Moves those for which `is_left` is true to the front of [from, end); returns where they end.
  const auto partition = [&](size_t from, auto is_left) {
    size_t left = from;
    for (size_t i = from; i < end; ++i) {
      const double value = values[i];
      values[i] = values[left];
      values[left] = value;
      left += is_left(value) ? 1 : 0;
    }
    return left;
  };
  constexpr size_t kFew = 8;
  for (int rounds = 0; end - begin > kFew; ++rounds) {
    constexpr int kRoundsMax = 64;  // bad luck with the pivots
    if (rounds == kRoundsMax) break;
    const double a = values[begin], b = values[begin + (end - begin) / 2], c = values[end - 1];
    const double pivot = std::max(std::min(a, b), std::min(std::max(a, b), c));
    const size_t less = partition(begin, [pivot](double value) { return value < pivot; });
    if (at < less) {
      end = less;
      continue;
    }
    const size_t equal = partition(less, [pivot](double value) { return value == pivot; });
    if (at < equal) return;
    begin = equal;
  }
  const auto from = values.begin();
  std::nth_element(from + static_cast<std::ptrdiff_t>(begin),
                   from + static_cast<std::ptrdiff_t>(at), from + static_cast<std::ptrdiff_t>(end));
}

}  // namespace

double Percentile(absl::Span<double> values, double fraction) {
  const double position = fraction * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(position);
  const double part = position - static_cast<double>(low);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(low);
  PutInPlace(values, low);
  if (part == 0) return *at;
  const double next = *std::min_element(at + 1, values.end(), IsLess);
  return *at == next ? next : *at + part * (next - *at);
}

double Mad(absl::Span<double> values) {
  const double median = Percentile(values, 0.5);
  for (double& value : values) value = std::abs(value - median);
  return Percentile(values, 0.5);
}

std::unique_ptr<Aggregator> NewQuantile(const BoundAggregate& aggregate) {
  return std::make_unique<Quantile>(aggregate);
}

std::unique_ptr<Aggregator> NewCollect() { return std::make_unique<Collect>(); }

}  // namespace twin::query
