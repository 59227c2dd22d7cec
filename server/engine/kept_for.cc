#include "server/engine/kept_for.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::engine {
namespace {

using timeseries::Retention;

absl::Status WrongText(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("--history-retention-of: '", text, "': ", what,
                   "; write MODEL=samples:90d, and behind commas rollups:2y and raw:7d"));
}

// "90d" in nanoseconds; false: it is no length of time.
bool ParseLength(absl::string_view text, int64_t* ns) {
  if (text == "0") {
    *ns = 0;
    return true;
  }
  if (text.empty()) return false;
  int64_t seconds = 0;
  switch (text.back()) {
    case 's':
      seconds = 1;
      break;
    case 'm':
      seconds = 60;
      break;
    case 'h':
      seconds = 3600;
      break;
    case 'd':
      seconds = 86'400;
      break;
    case 'w':
      seconds = int64_t{7} * 86'400;
      break;
    case 'y':
      seconds = int64_t{365} * 86'400;
      break;
    default:
      return false;
  }
  int64_t count = 0;
  text.remove_suffix(1);
  if (!absl::SimpleAtoi(text, &count) || count <= 0 || count > kKeptSecondsMax / seconds)
    return false;
  *ns = count * seconds * kNsPerSecond;
  return true;
}

bool IsNamed(absl::string_view name, absl::string_view dtmi) {
  if (name == dtmi) return true;
  const absl::string_view versionless = dtmi.substr(0, dtmi.find(';'));
  return name == versionless || name == versionless.substr(versionless.rfind(':') + 1);
}

}  // namespace

absl::StatusOr<KeptFor> KeptFor::Parse(const Retention& common,
                                       const std::vector<std::string>& of_models) {
  KeptFor kept;
  kept.common_ = common;
  kept.longest_ = common;
  for (const std::string& text : of_models) {
    if (text.empty()) continue;  // a configuration file that says nothing
    const std::pair<std::string, std::string> halves =
        absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (halves.first.empty() || halves.second.empty()) return WrongText(text, "nothing is said");
    Retention rule = common;
    for (const absl::string_view part : absl::StrSplit(halves.second, ',')) {
      const std::pair<absl::string_view, absl::string_view> pair =
          absl::StrSplit(part, absl::MaxSplits(':', 1));
      int64_t* const to = pair.first == "raw"       ? &rule.raw
                          : pair.first == "samples" ? &rule.samples
                          : pair.first == "rollups" ? &rule.rollups
                                                    : nullptr;
      if (to == nullptr) {
        return WrongText(text, absl::StrCat("'", pair.first, "' is not samples, rollups or raw"));
      }
      if (!ParseLength(pair.second, to)) {
        return WrongText(text, absl::StrCat("'", pair.second, "' is no length of time"));
      }
    }
    kept.longest_ = Longest(kept.longest_, rule);
    kept.of_models_.emplace_back(halves.first, rule);
  }
  return kept;
}

Retention KeptFor::OfModel(const graph::TableSchema& model) const {
  if (of_models_.empty()) return common_;
  const auto find = [this](absl::string_view dtmi) {
    return std::find_if(of_models_.begin(), of_models_.end(),
                        [dtmi](const auto& of) { return IsNamed(of.first, dtmi); });
  };
  if (const auto own = find(model.model_id); own != of_models_.end()) return own->second;
  if (model.interface == nullptr) return longest_;
  for (const dtdl::Interface* const ancestor : model.interface->ancestors) {
    const auto of = find(ancestor->id);
    if (of != of_models_.end()) return of->second;
  }
  return common_;
}

Retention KeptFor::OfGroup(const timeseries::GroupSpec& group, const graph::GraphView& view) const {
  if (of_models_.empty()) return common_;
  bool any = false;
  Retention longest = longest_;
  TableId last{UINT32_MAX};
  for (const timeseries::ColumnSpec& column : group.columns) {
    for (const timeseries::SeriesKey& key : column.series) {
      if (!view.Exists(key.twin)) return longest_;
      const graph::TableSchema& table = view.TableOf(key.twin);
      if (any && table.id == last) continue;
      last = table.id;
      longest = any ? Longest(longest, OfModel(table)) : OfModel(table);
      any = true;
    }
  }
  return longest;
}

}  // namespace twin::engine
