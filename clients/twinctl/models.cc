#include "clients/twinctl/models.h"

namespace twin::twinctl {

void AddModels(CommandLine* line, const ServerPointer& server) {
  CLI::App* const models = line->AddGroup(
      line->root(), {.name = "models",
                     .summary = "Check and compare models (DTDL 2, 3 and 4); those of the "
                                "server: create, read, delete them",
                     .examples = "twinctl models validate models/battery\n"
                                 "twinctl models create models/battery\n"
                                 "twinctl models diff v1/Cell.json v2/Cell.json"});
  AddModelsValidate(models, line);
  AddModelsDiff(models, line, server);
  AddModelsCreate(models, line, server);
  AddModelsList(models, line, server);
  AddModelsGet(models, line, server);
  AddModelsDecommission(models, line, server);
  AddModelsDelete(models, line, server);
  AddModelsMigrate(models, line, server);
}

dtdl::ParseResult ParseTexts(const std::vector<InputText>& texts,
                             const dtdl::ParseOptions& options) {
  std::vector<dtdl::Source> sources;
  sources.reserve(texts.size());
  for (const InputText& text : texts) sources.push_back({text.name, text.text});
  return dtdl::Parse(sources, options);
}

}  // namespace twin::twinctl
