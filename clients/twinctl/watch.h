// `twinctl watch`: changes as they happen.
#ifndef TWIN_CLIENTS_TWINCTL_WATCH_H_
#define TWIN_CLIENTS_TWINCTL_WATCH_H_

#include <string>

#include "absl/strings/string_view.h"
#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"
#include "clients/twinctl/output.h"
#include "twingraph/v1/event_service.pb.h"

namespace twin::twinctl {

void AddWatch(CommandLine* line, const ServerPointer& server);

// "twin.created", …; EVENT_TYPE_UNSPECIFIED: there is no such type.
twingraph::v1::EventType EventTypeOf(absl::string_view name);
// "unknown" for a type that came later.
std::string EventTypeName(twingraph::v1::EventType type);
// All of them, divided by "|".
std::string EventTypeWords();

// An event as a line for people, without its line end.
std::string EventText(const twingraph::v1::Event& event, const Style& style);
// As a CloudEvent, with "cursor" where one can go on behind it.
Json EventJson(const twingraph::v1::Event& event);
// As Azure Digital Twins sends it.
Json AdtEventJson(const twingraph::v1::Event& event);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_WATCH_H_
