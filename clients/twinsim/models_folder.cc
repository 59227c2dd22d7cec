#include "clients/twinsim/models_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace twin::twinsim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool IsModelFile(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_regular_file(ignored) && entry.path().extension() == ".json" &&
         !absl::StartsWith(entry.path().filename().string(), ".");
}

absl::StatusOr<std::vector<std::string>> ModelFiles(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  fs::recursive_directory_iterator entry(folder, error);
  while (!error && entry != fs::recursive_directory_iterator()) {
    if (IsModelFile(*entry)) files.push_back(entry->path().string());
    entry.increment(error);
  }
  if (error) {
    return absl::NotFoundError(absl::StrCat("cannot read '", folder, "': ", error.message()));
  }
  if (files.empty()) {
    return absl::NotFoundError(absl::StrCat("no models (*.json) in '", folder, "'"));
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.good() || file.eof()) return text;
  return absl::NotFoundError(absl::StrCat("cannot read '", path, "': ", std::strerror(errno)));
}

// nlohmann throws; what it says of a text ends here.
absl::StatusOr<Json> ParseJson(const std::string& path, const std::string& text) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not JSON: ", error.what()));
  }
}

absl::Status AppendModel(const std::string& path, const Json& model,
                         std::vector<std::string>* models, std::set<std::string>* ids) {
  const auto id = model.is_object() ? model.find("@id") : model.end();
  if (id == model.end() || !id->is_string()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "' is no model: it has no '@id'; see twinctl models validate"));
  }
  ids->insert(id->get<std::string>());
  models->push_back(model.dump());
  return absl::OkStatus();
}

absl::Status AppendModels(const std::string& path, std::vector<std::string>* models,
                          std::set<std::string>* ids) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  const absl::StatusOr<Json> json = ParseJson(path, *text);
  if (!json.ok()) return json.status();
  if (!json->is_array()) return AppendModel(path, *json, models, ids);
  for (const Json& model : *json) {
    if (absl::Status status = AppendModel(path, model, models, ids); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> ModelsFolders(const std::string& program_folder) {
  return {absl::StrCat(program_folder, "/../share/twingraph/models/battery"),
          absl::StrCat(program_folder, "/../../../models/battery"), "./models/battery"};
}

absl::StatusOr<std::string> FindModelsFolder(absl::Span<const std::string> folders) {
  for (const std::string& folder : folders) {
    std::error_code ignored;
    if (fs::is_directory(folder, ignored)) return folder;
  }
  return absl::NotFoundError(absl::StrCat("cannot find the ontology; tried ",
                                          absl::StrJoin(folders, ", "),
                                          "; name its folder with --models DIR"));
}

absl::StatusOr<std::vector<std::string>> ReadModels(const std::string& folder,
                                                    absl::Span<const absl::string_view> needed) {
  const absl::StatusOr<std::vector<std::string>> files = ModelFiles(folder);
  if (!files.ok()) return files.status();
  std::vector<std::string> models;
  std::set<std::string> ids;
  for (const std::string& file : *files) {
    if (absl::Status status = AppendModels(file, &models, &ids); !status.ok()) return status;
  }
  for (const absl::string_view id : needed) {
    if (ids.count(std::string(id)) == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("the models in '", folder, "' lack ", id, ", which the fleet is made of"));
    }
  }
  return models;
}

}  // namespace twin::twinsim
