#include "tests/support/battery_models.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "models/dtdl/parse.h"
#include "server/base/check.h"

namespace twin::testing {

std::shared_ptr<const dtdl::ModelSet> BatteryModels() {
  static const auto* const models = new std::shared_ptr<const dtdl::ModelSet>([] {
    std::vector<std::string> texts;
    for (const auto& entry : std::filesystem::directory_iterator("models/battery")) {
      if (entry.path().extension() != ".json") continue;
      std::ifstream file(entry.path(), std::ios::binary);
      texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    std::vector<dtdl::Source> sources;
    for (const std::string& text : texts) sources.push_back({"", text});
    dtdl::ParseResult result = dtdl::Parse(sources);
    TWIN_CHECK(result.models != nullptr) << "models/battery: is this the repository's top?";
    return std::shared_ptr<const dtdl::ModelSet>(std::move(result.models));
  }());
  return *models;
}

}  // namespace twin::testing
