#include "server/ingest/row_groups.h"

#include <algorithm>
#include <optional>

namespace twin::ingest {

using timeseries::GroupId;

void RowGroups::Select(const Form& form) {
  const auto known = std::find_if(forms_.begin(), forms_.end(),
                                  [&](const auto& each) { return each->form == form; });
  if (known != forms_.end()) {
    selected_ = known->get();
    return;
  }
  if (forms_.size() == kFormsMax) forms_.clear();
  forms_.push_back(std::make_unique<OfForm>());
  selected_ = forms_.back().get();
  selected_->form = form;
}

GroupId RowGroups::Find(TwinNumber twin, timeseries::Store* store) {
  std::vector<std::unique_ptr<Page>>& pages = selected_->pages;
  const size_t page = twin.value / kPageTwins;
  if (page >= pages.size()) pages.resize(page + 1);
  if (pages[page] == nullptr) pages[page] = std::make_unique<Page>();
  uint32_t& known = pages[page]->groups[twin.value % kPageTwins];
  if (known != 0) return GroupId{known - 1};
  series_.clear();
  for (const timeseries::PathId path : selected_->form.paths) series_.push_back({twin, path});
  const std::optional<GroupId> found = store->GroupOfRows(series_, selected_->form.kinds);
  if (!found.has_value()) return timeseries::RowsOfGroups::kNone;
  known = found->value + 1;
  return *found;
}

}  // namespace twin::ingest
