#include "clients/twinctl/twins.h"

namespace twin::twinctl {

void AddTwins(CommandLine* line, const ServerPointer& server) {
  CLI::App* const twins =
      line->AddGroup(line->root(), {.name = "twins",
                                    .summary = "Create, read, change and delete twins",
                                    .examples = "twinctl twins get pack-1\n"
                                                "twinctl twins list\n"
                                                "twinctl twins tree veh-000042"});
  AddTwinsCreate(twins, line, server);
  AddTwinsGet(twins, line, server);
  AddTwinsPatch(twins, line, server);
  AddTwinsDelete(twins, line, server);
  AddTwinsList(twins, line, server);
  AddTwinsTree(twins, line, server);
}

}  // namespace twin::twinctl
