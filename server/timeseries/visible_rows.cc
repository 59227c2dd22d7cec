#include "server/timeseries/visible_rows.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "server/base/status_macros.h"

namespace twin::timeseries {
namespace {

template <typename T>
void Pick(const std::vector<uint32_t>& order, std::vector<T>* values) {
  std::vector<T> picked;
  picked.reserve(order.size());
  for (const uint32_t row : order) picked.push_back((*values)[row]);
  *values = std::move(picked);
}

}  // namespace

absl::Status VisibleRows::Load() {
  if (loaded_) return absl::OkStatus();
  TWIN_RETURN_IF_ERROR(source_->ReadTimes(&times_));
  const bool sorted = std::is_sorted(times_.begin(), times_.end());
  const bool all = source_->range().last_sequence <= sequence_max_;
  if (!all || !sorted) {
    TWIN_RETURN_IF_ERROR(source_->ReadSequences(&sequences_));
    order_.reserve(times_.size());
    for (uint32_t i = 0; i < times_.size(); ++i) {
      if (sequences_[i] <= sequence_max_) order_.push_back(i);
    }
    // In the order of arrival, of which sequences of one time do not fall.
    if (!sorted) {
      std::stable_sort(order_.begin(), order_.end(),
                       [this](uint32_t a, uint32_t b) { return times_[a] < times_[b]; });
    }
    if (order_.size() == times_.size() && sorted) {
      order_.clear();
    } else {
      Pick(order_, &times_);
      Pick(order_, &sequences_);
    }
  }
  ascends_ = std::adjacent_find(times_.begin(), times_.end(), std::equal_to<>()) == times_.end();
  loaded_ = true;
  return absl::OkStatus();
}

absl::Status VisibleRows::LoadSequences() {
  TWIN_RETURN_IF_ERROR(Load());
  if (!sequences_.empty() || times_.empty()) return absl::OkStatus();
  return source_->ReadSequences(&sequences_);
}

}  // namespace twin::timeseries
