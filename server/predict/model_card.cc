#include "server/predict/model_card.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace twin::predict {
namespace {

using Json = rapidjson::Value;

const Json* Member(const Json& object, const char* name) {
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

std::string Text(const Json& object, const char* name) {
  const Json* const found = Member(object, name);
  return found != nullptr && found->IsString()
             ? std::string(found->GetString(), found->GetStringLength())
             : "";
}

std::optional<double> Number(const Json& object, const char* name) {
  const Json* const found = Member(object, name);
  if (found == nullptr || !found->IsNumber()) return std::nullopt;
  return found->GetDouble();
}

// Objects of an array; none where it is missing.
std::vector<const Json*> Objects(const Json& object, const char* name) {
  std::vector<const Json*> objects;
  const Json* const found = Member(object, name);
  if (found == nullptr || !found->IsArray()) return objects;
  for (const Json& item : found->GetArray()) {
    if (item.IsObject()) objects.push_back(&item);
  }
  return objects;
}

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the model's card: ", what));
}

absl::Status ReadFeatures(const Json& predictor, Description* description) {
  for (const Json* item : Objects(predictor, "features")) {
    Feature feature;
    feature.name = Text(*item, "name");
    feature.unit = Text(*item, "unit");
    feature.description = Text(*item, "description");
    const std::string type = Text(*item, "type");
    if (!type.empty() && type != "DOUBLE") {
      return Bad(absl::StrCat("feature '", feature.name, "' is not DOUBLE"));
    }
    const Json* const required = Member(*item, "required");
    feature.required = required != nullptr && required->IsBool() && required->GetBool();
    feature.min = Number(*item, "min");
    feature.max = Number(*item, "max");
    description->features.push_back(std::move(feature));
  }
  return absl::OkStatus();
}

std::optional<EndOfLife> ReadEndOfLife(const Json& object) {
  const Json* const found = Member(object, "end_of_life");
  if (found == nullptr || !found->IsObject()) return std::nullopt;
  return EndOfLife{.quantity = Text(*found, "quantity"),
                   .threshold = Number(*found, "threshold").value_or(0)};
}

void ReadFacts(const Json& predictor, Description* description) {
  if (const Json* const found = Member(predictor, "validity");
      found != nullptr && found->IsObject()) {
    Validity& validity = description->validity;
    const Json* const chemistries = Member(*found, "chemistries");
    if (chemistries != nullptr && chemistries->IsArray()) {
      for (const Json& chemistry : chemistries->GetArray()) {
        if (chemistry.IsString()) validity.chemistries.emplace_back(chemistry.GetString());
      }
    }
    validity.temperature_min = Number(*found, "temperature_min");
    validity.temperature_max = Number(*found, "temperature_max");
    validity.soc_min = Number(*found, "soc_min");
    validity.soc_max = Number(*found, "soc_max");
    validity.cycles_min = Number(*found, "cycles_min");
    validity.staleness_max_hours = Number(*found, "staleness_max_hours");
  }
  description->end_of_life = ReadEndOfLife(predictor);
  if (const Json* const found = Member(predictor, "held_out_metrics");
      found != nullptr && found->IsObject()) {
    description->held_out =
        HeldOutMetrics{.cells = static_cast<uint32_t>(Number(*found, "cells").value_or(0)),
                       .points = static_cast<uint32_t>(Number(*found, "points").value_or(0)),
                       .rmse = Number(*found, "rmse").value_or(0),
                       .mae = Number(*found, "mae").value_or(0),
                       .mape = Number(*found, "mape"),
                       .coverage = Number(*found, "coverage")};
  }
}

absl::StatusOr<Description> ReadDescription(const Json& predictor) {
  Description description;
  description.name = Text(predictor, "name");
  description.version = Text(predictor, "version");
  description.description = Text(predictor, "description");
  description.method = Text(predictor, "method");
  description.target_model = Text(predictor, "target_model");
  description.stated_hash = Text(predictor, "feature_schema_hash");
  description.default_query = Text(predictor, "default_query");
  description.training_data = Text(predictor, "training_data");
  description.batch_rows_max =
      static_cast<int64_t>(Number(predictor, "batch_rows_max").value_or(10'000));
  description.deadline_ms = static_cast<int64_t>(Number(predictor, "deadline_ms").value_or(10'000));
  TWIN_RETURN_IF_ERROR(ReadFeatures(predictor, &description));
  for (const Json* item : Objects(predictor, "outputs")) {
    description.outputs.push_back({.name = Text(*item, "name"),
                                   .path = Text(*item, "path"),
                                   .unit = Text(*item, "unit"),
                                   .level = Number(*item, "level").value_or(0.9)});
  }
  ReadFacts(predictor, &description);
  TWIN_RETURN_IF_ERROR(CheckDescription(description));
  return description;
}

absl::StatusOr<CardOutput> ReadOutput(const Json& item) {
  CardOutput output;
  output.name = Text(item, "name");
  const std::string transform = Text(item, "transform");
  if (transform == "exp") {
    output.transform = CardOutput::Transform::kExp;
  } else if (transform == "square") {
    output.transform = CardOutput::Transform::kSquare;
  } else if (transform == "log10") {
    output.transform = CardOutput::Transform::kLog10;
  } else if (transform != "identity") {
    return Bad(
        absl::StrCat("output '", output.name, "' has the unknown transform '", transform, "'"));
  }
  output.min = Number(item, "min");
  output.max = Number(item, "max");
  const Json* const interval = Member(item, "interval");
  if (interval == nullptr || !interval->IsObject()) {
    return Bad(absl::StrCat("output '", output.name, "' has no interval"));
  }
  output.level = Number(*interval, "level").value_or(0.9);
  output.absolute = Number(*interval, "absolute").value_or(0);
  output.relative = Number(*interval, "relative").value_or(0);
  output.floor = Number(*interval, "floor").value_or(0);
  return output;
}

}  // namespace

absl::StatusOr<ModelCard> ParseCard(absl::string_view json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) return Bad("it is no JSON object");
  if (Number(document, "card_version").value_or(0) != 1) return Bad("its card_version is not 1");
  const Json* const predictor = Member(document, "predictor");
  const Json* const model = Member(document, "model");
  if (predictor == nullptr || !predictor->IsObject()) return Bad("it has no predictor");
  if (model == nullptr || !model->IsObject() || Text(*model, "kind") != "xgboost") {
    return Bad("its model is not of the kind xgboost");
  }
  ModelCard card;
  card.model_file = Text(*model, "file");
  if (card.model_file.empty() || card.model_file.find('/') != std::string::npos) {
    return Bad("model.file is no name of a file beside it");
  }
  card.model_sha256 = Text(*model, "sha256");
  if (card.model_sha256.empty()) return Bad("it has no model.sha256");
  TWIN_ASSIGN_OR_RETURN(card.description, ReadDescription(*predictor));
  for (const Json* item : Objects(document, "outputs")) {
    TWIN_ASSIGN_OR_RETURN(CardOutput output, ReadOutput(*item));
    card.outputs.push_back(std::move(output));
  }
  if (card.outputs.size() != 1 || card.description.outputs.size() != 1) {
    return Bad("a booster has one output");
  }
  return card;
}

absl::StatusOr<LibraryCard> ParseLibraryCard(absl::string_view json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) return Bad("it is no JSON object");
  if (Number(document, "card_version").value_or(0) != 1 || Text(document, "kind") != "lives") {
    return Bad("it is none of lives with card_version 1");
  }
  LibraryCard card;
  card.training_data = Text(document, "training_data");
  card.end_of_life = ReadEndOfLife(document);
  return card;
}

CardEstimate Apply(const CardOutput& output, double raw) {
  const auto clamp = [&](double number) {
    if (output.min.has_value()) number = std::max(number, *output.min);
    if (output.max.has_value()) number = std::min(number, *output.max);
    return number;
  };
  double value = raw;
  switch (output.transform) {
    case CardOutput::Transform::kIdentity:
      break;
    case CardOutput::Transform::kExp:
      value = std::exp(raw);
      break;
    case CardOutput::Transform::kSquare:
      value = std::pow(std::max(raw, 0.0), 2);
      break;
    case CardOutput::Transform::kLog10:
      value = std::pow(10.0, raw);
      break;
  }
  value = clamp(value);
  const double half = std::max(output.absolute + output.relative * std::abs(value), output.floor);
  return {value, clamp(value - half), clamp(value + half)};
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t bytes_max) {
  if (path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", absl::CHexEscape(path), "' is no path of a file: it has a NUL"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read '", path, "' on the server"));
  std::string bytes;
  std::vector<char> buffer(1 << 16);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         file.gcount() > 0) {
    bytes.append(buffer.data(), static_cast<size_t>(file.gcount()));
    if (bytes.size() > bytes_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat("'", path, "' is larger than ", bytes_max, " bytes"));
    }
  }
  return bytes;
}

}  // namespace twin::predict
