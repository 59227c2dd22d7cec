#include "server/timeseries/group.h"

#include <algorithm>

#include "server/base/check.h"

namespace twin::timeseries {

PackedSpec::PackedSpec(const GroupSpec& spec)
    : columns_(static_cast<uint32_t>(spec.columns.size())),
      forms_(std::make_unique<uint8_t[]>(spec.columns.size())) {
  uint32_t series = 0;
  bool one_each = true;
  for (const ColumnSpec& column : spec.columns) {
    series += static_cast<uint32_t>(column.series.size());
    one_each &= column.series.size() == 1;
  }
  series_ = std::make_unique<SeriesKey[]>(series);
  if (!one_each) ends_ = std::make_unique<uint32_t[]>(columns_);
  uint32_t end = 0;
  for (uint32_t c = 0; c < columns_; ++c) {
    const ColumnSpec& column = spec.columns[c];
    TWIN_CHECK(column.decimals <= kDecimalsMax) << int{column.decimals};
    forms_[c] = static_cast<uint8_t>((static_cast<uint32_t>(column.kind) << 4) | column.decimals);
    std::copy(column.series.begin(), column.series.end(), series_.get() + end);
    end += static_cast<uint32_t>(column.series.size());
    if (ends_ != nullptr) ends_[c] = end;
  }
}

absl::Span<const SeriesKey> PackedSpec::series(uint32_t column) const {
  if (ends_ == nullptr) return {series_.get() + column, 1};
  const uint32_t begin = column == 0 ? 0 : ends_[column - 1];
  return {series_.get() + begin, ends_[column] - begin};
}

size_t PackedSpec::bytes() const {
  const size_t series = ends_ == nullptr ? columns_ : columns_ == 0 ? 0 : ends_[columns_ - 1];
  return sizeof(*this) + columns_ * (ends_ == nullptr ? 1 : 5) + series * sizeof(SeriesKey) + 48;
}

GroupSpec Group::Spec() const {
  GroupSpec unpacked;
  unpacked.columns.resize(columns());
  for (uint32_t c = 0; c < columns(); ++c) {
    ColumnSpec& column = unpacked.columns[c];
    column.kind = kind_of(c);
    column.decimals = decimals_of(c);
    if (spec == nullptr) {
      column.series = {key};
    } else {
      const absl::Span<const SeriesKey> series = spec->series(c);
      column.series.assign(series.begin(), series.end());
    }
  }
  return unpacked;
}

Groups::Groups() : pages_(std::make_unique<std::atomic<Page*>[]>(kPages)) {}

Groups::~Groups() {
  for (uint32_t i = 0; i < kPages && pages_[i].load() != nullptr; ++i) delete pages_[i].load();
}

GroupId Groups::Add(Group group) {
  const uint32_t number = size_.load(std::memory_order_relaxed);
  TWIN_CHECK(number / kPage < kPages) << number << " groups";
  std::atomic<Page*>& page = pages_[number / kPage];
  if (number % kPage == 0) page.store(new Page, std::memory_order_release);
  page.load(std::memory_order_relaxed)->groups[number % kPage] = std::move(group);
  size_.store(number + 1, std::memory_order_release);
  return GroupId{number};
}

size_t Groups::bytes() const {
  return kPages * sizeof(pages_[0]) + (size() + kPage - 1) / kPage * sizeof(Page);
}

}  // namespace twin::timeseries
