// `twinctl twins ...`
#ifndef TWIN_CLIENTS_TWINCTL_TWINS_H_
#define TWIN_CLIENTS_TWINCTL_TWINS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"

namespace twin::twinctl {

// Adds the group with all of its commands.
void AddTwins(CommandLine* line, const ServerPointer& server);

void AddTwinsCreate(CLI::App* twins, CommandLine* line, const ServerPointer& server);
void AddTwinsGet(CLI::App* twins, CommandLine* line, const ServerPointer& server);
void AddTwinsList(CLI::App* twins, CommandLine* line, const ServerPointer& server);
void AddTwinsPatch(CLI::App* twins, CommandLine* line, const ServerPointer& server);
void AddTwinsDelete(CLI::App* twins, CommandLine* line, const ServerPointer& server);
// `twins delete --query`.
struct DeleteByQuery {
  std::string text;  // "-": stdin
  std::vector<std::string> parameters;
  bool relationships = false;
  bool dry_run = false;
  std::string source_time;
  uint64_t batch_size = 10'000;
  std::string output = "table";
};
// The twins that the query names, in batches that are each done as a whole or not at all.
absl::StatusOr<ExitCode> DeleteTwinsOfQuery(const DeleteByQuery& options, client::Client* client,
                                            const Console& console);
void AddTwinsTree(CLI::App* twins, CommandLine* line, const ServerPointer& server);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_TWINS_H_
