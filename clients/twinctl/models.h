// `twinctl models ...`
#ifndef TWIN_CLIENTS_TWINCTL_MODELS_H_
#define TWIN_CLIENTS_TWINCTL_MODELS_H_

#include <string>
#include <vector>

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"
#include "clients/twinctl/input.h"
#include "clients/twinctl/output.h"
#include "models/dtdl/parse.h"

namespace twin::twinctl {

// Adds the group with all of its commands.
void AddModels(CommandLine* line, const ServerPointer& server);

// Offline.
void AddModelsValidate(CLI::App* models, CommandLine* line);
// Offline, but for --twins.
void AddModelsDiff(CLI::App* models, CommandLine* line, const ServerPointer& server);

void AddModelsCreate(CLI::App* models, CommandLine* line, const ServerPointer& server);
void AddModelsList(CLI::App* models, CommandLine* line, const ServerPointer& server);
void AddModelsGet(CLI::App* models, CommandLine* line, const ServerPointer& server);
void AddModelsDecommission(CLI::App* models, CommandLine* line, const ServerPointer& server);
void AddModelsDelete(CLI::App* models, CommandLine* line, const ServerPointer& server);
void AddModelsMigrate(CLI::App* models, CommandLine* line, const ServerPointer& server);

// Compares two models of the server, and says how many twins that concerns. Exit code 1 if there is
// a difference, or with `breaking_only` if it is breaking.
struct ServerDiffOptions {
  std::string old_id;
  std::string new_id;
  Format format = Format::kTable;
  bool breaking_only = false;
};
absl::StatusOr<ExitCode> DiffOnServer(const ServerDiffOptions& options, client::Client* client,
                                      const Console& console);

// Parses the texts as one set.
dtdl::ParseResult ParseTexts(const std::vector<InputText>& texts,
                             const dtdl::ParseOptions& options);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_MODELS_H_
