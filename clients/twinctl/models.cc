#include "clients/twinctl/models.h"

namespace twin::twinctl {

void AddModels(CommandLine* line) {
  CLI::App* const models =
      line->AddGroup(line->root(), {.name = "models",
                                    .summary = "Check and compare models (DTDL 2, 3 and 4)",
                                    .examples = "twinctl models validate models/battery\n"
                                                "twinctl models diff v1/Cell.json v2/Cell.json"});
  AddModelsValidate(models, line);
  AddModelsDiff(models, line);
}

dtdl::ParseResult ParseTexts(const std::vector<InputText>& texts,
                             const dtdl::ParseOptions& options) {
  std::vector<dtdl::Source> sources;
  sources.reserve(texts.size());
  for (const InputText& text : texts) sources.push_back({text.name, text.text});
  return dtdl::Parse(sources, options);
}

}  // namespace twin::twinctl
