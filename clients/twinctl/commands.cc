#include "clients/twinctl/commands.h"

#include <memory>

#include "clients/twinctl/check.h"
#include "clients/twinctl/completion.h"
#include "clients/twinctl/contexts.h"
#include "clients/twinctl/help.h"
#include "clients/twinctl/history.h"
#include "clients/twinctl/models.h"
#include "clients/twinctl/predictors.h"
#include "clients/twinctl/query.h"
#include "clients/twinctl/relationships.h"
#include "clients/twinctl/server.h"
#include "clients/twinctl/subscriptions.h"
#include "clients/twinctl/telemetry.h"
#include "clients/twinctl/transfer.h"
#include "clients/twinctl/twins.h"
#include "clients/twinctl/watch.h"

namespace twin::twinctl {

void AddCommands(CommandLine* line, const Environment& environment) {
  const auto server = std::make_shared<ServerOptions>();
  server->environment = environment;
  AddServerOptions(line, server);
  // In this order help lists them.
  AddModels(line, server);
  AddTwins(line, server);
  AddRelationships(line, server);
  AddQuery(line, server);
  AddQueries(line, server);
  AddTelemetry(line, server);
  AddHistory(line, server);
  AddWatch(line, server);
  AddSubscriptions(line, server);
  AddPredictors(line, server);
  AddImport(line, server);
  AddExport(line, server);
  AddStatus(line, server);
  AddTop(line, server);
  AddCheckpoint(line, server);
  AddCompact(line, server);
  AddBackup(line, server);
  AddCheck(line);
  AddContexts(line, server);
  AddCompletion(line);
  AddHelp(line);
}

}  // namespace twin::twinctl
