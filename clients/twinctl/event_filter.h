// What `watch` and `subscriptions create` are asked to tell of.
#ifndef TWIN_CLIENTS_TWINCTL_EVENT_FILTER_H_
#define TWIN_CLIENTS_TWINCTL_EVENT_FILTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/twinctl/command_line.h"
#include "twingraph/v1/event_service.pb.h"

namespace twin::twinctl {

struct FilterArguments {
  std::string condition;
  std::vector<std::string> twins;
  std::string under;
  std::vector<std::string> along;
  std::vector<std::string> types;
  std::vector<std::string> models;
  std::vector<std::string> paths;
};

// CONDITION, --twin, --under, --along, --type, --model, --path.
void AddFilterOptions(CLI::App* command, FilterArguments* arguments);
// Fails with a usage error.
absl::StatusOr<twingraph::v1::EventFilter> FilterOf(const FilterArguments& arguments);

// CURSOR or a time: the latter if it has a colon, as a time of day has, or is a date.
bool IsTimeOfCursor(const std::string& from);
// That time, of a date its beginning in UTC; nanoseconds since 1970. A UsageError that names the
// option.
absl::StatusOr<int64_t> TimeOfCursor(const std::string& option, const std::string& from);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_EVENT_FILTER_H_
