// `twinctl subscriptions`: named subscriptions, whose place the server keeps.
#ifndef TWIN_CLIENTS_TWINCTL_SUBSCRIPTIONS_H_
#define TWIN_CLIENTS_TWINCTL_SUBSCRIPTIONS_H_

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"

namespace twin::twinctl {

void AddSubscriptions(CommandLine* line, const ServerPointer& server);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_SUBSCRIPTIONS_H_
