#include "server/ingest/resolved_columns.h"

#include <algorithm>

namespace twin::ingest {

void ResolvedColumns::Add(const ColumnForm& form, absl::Span<const ColumnTarget> targets) {
  // Of many paths the search would be long.
  constexpr size_t kLookedAt = 16;
  for (const ColumnTarget& target : targets) {
    size_t number = paths_.size();
    for (size_t back = 1; back <= std::min(kLookedAt, paths_.size()); ++back) {
      if (paths_[paths_.size() - back] == target.path) {
        number = paths_.size() - back;
        break;
      }
    }
    if (number == paths_.size()) paths_.emplace_back(target.path);
    path_numbers_.push_back(static_cast<uint32_t>(number));
    twins_.push_back(target.twin);
  }
  ends_.push_back(static_cast<uint32_t>(twins_.size()));
  if (runs_.empty() || !(runs_.back().form == form)) runs_.push_back({form, 0});
  runs_.back().end = static_cast<uint32_t>(ends_.size());
}

void ResolvedColumns::ShrinkToFit() {
  runs_.shrink_to_fit();
  ends_.shrink_to_fit();
  twins_.shrink_to_fit();
  path_numbers_.shrink_to_fit();
  paths_.shrink_to_fit();
}

const ColumnForm& ResolvedColumns::form(size_t column) const {
  const auto run = std::upper_bound(runs_.begin(), runs_.end(), column,
                                    [](size_t at, const Run& each) { return at < each.end; });
  return run->form;
}

size_t ResolvedColumns::bytes() const {
  size_t bytes = runs_.capacity() * sizeof(Run) + ends_.capacity() * sizeof(uint32_t) +
                 twins_.capacity() * sizeof(TwinNumber) +
                 path_numbers_.capacity() * sizeof(uint32_t) +
                 paths_.capacity() * sizeof(std::string);
  for (const Run& run : runs_) bytes += run.form.invalid_codes.capacity() * sizeof(int64_t);
  return bytes;
}

bool operator==(const ResolvedColumns& a, const ResolvedColumns& b) {
  if (a.runs_ != b.runs_ || a.ends_ != b.ends_ || a.twins_ != b.twins_) return false;
  const ResolvedColumns::Targets mine = a.all_targets();
  return std::equal(mine.begin(), mine.end(), b.all_targets().begin());
}

}  // namespace twin::ingest
