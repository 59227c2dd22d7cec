// `twinctl models ...`
#ifndef TWIN_CLIENTS_TWINCTL_MODELS_H_
#define TWIN_CLIENTS_TWINCTL_MODELS_H_

#include <vector>

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/input.h"
#include "models/dtdl/parse.h"

namespace twin::twinctl {

// Adds the group with all of its commands.
void AddModels(CommandLine* line);

void AddModelsValidate(CLI::App* models, CommandLine* line);
void AddModelsDiff(CLI::App* models, CommandLine* line);

// Parses the texts as one set.
dtdl::ParseResult ParseTexts(const std::vector<InputText>& texts,
                             const dtdl::ParseOptions& options);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_MODELS_H_
