// `twinctl telemetry send`, `telemetry tail` and `telemetry layouts`.
#ifndef TWIN_CLIENTS_TWINCTL_TELEMETRY_H_
#define TWIN_CLIENTS_TWINCTL_TELEMETRY_H_

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"

namespace twin::twinctl {

void AddTelemetry(CommandLine* line, const ServerPointer& server);
void AddTelemetrySend(CLI::App* group, CommandLine* line, const ServerPointer& server);
void AddTelemetryTail(CLI::App* group, CommandLine* line, const ServerPointer& server);
void AddTelemetryLayouts(CLI::App* group, CommandLine* line, const ServerPointer& server);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_TELEMETRY_H_
