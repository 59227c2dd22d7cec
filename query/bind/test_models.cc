#include "query/bind/test_models.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/dtdl/parse.h"
#include "query/ast/error.h"
#include "query/bind/print.h"
#include "query/parse/parse.h"

namespace twin::query {
namespace {

// Rooms measure in degrees Celsius, halls are rooms, and sensors disagree with them in unit and
// type. Two families are called Thing, and a second one BatteryCell.
constexpr char kModels[] = R"([
  {"@id": "dtmi:example:Room;1", "@type": "Interface",
   "@context": ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:quantitativeTypes;1"],
   "contents": [
     {"@type": ["Telemetry", "Temperature"], "name": "temperature", "schema": "double",
      "unit": "degreeCelsius"},
     {"@type": "Property", "name": "code", "schema": "string"},
     {"@type": "Property", "name": "seats", "schema": "integer"},
     {"@type": "Property", "name": "open", "schema": "boolean"},
     {"@type": "Property", "name": "since", "schema": "dateTime"},
     {"@type": "Property", "name": "tags", "schema": {"@type": "Map",
      "mapKey": {"name": "key", "schema": "string"},
      "mapValue": {"name": "value", "schema": "string"}}},
     {"@type": "Component", "name": "lock", "schema": "dtmi:example:Lock;1"},
     {"@type": "Relationship", "name": "leadsTo", "target": "dtmi:example:Room;1",
      "properties": [{"@type": "Property", "name": "width", "schema": "double"}]},
     {"@type": "Relationship", "name": "near"}]},
  {"@id": "dtmi:example:Room;2", "@type": "Interface", "@context": "dtmi:dtdl:context;3",
   "contents": [{"@type": "Property", "name": "code", "schema": "string"}]},
  {"@id": "dtmi:example:Hall;1", "@type": "Interface", "extends": "dtmi:example:Room;1",
   "@context": "dtmi:dtdl:context;3",
   "contents": [{"@type": "Property", "name": "stage", "schema": "string"}]},
  {"@id": "dtmi:example:Lock;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3",
   "contents": [{"@type": "Property", "name": "maker", "schema": "string"}]},
  {"@id": "dtmi:example:Sensor;1", "@type": "Interface",
   "@context": ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:quantitativeTypes;1"],
   "contents": [
     {"@type": ["Telemetry", "Temperature"], "name": "temperature", "schema": "double",
      "unit": "degreeFahrenheit"},
     {"@type": "Property", "name": "code", "schema": "integer"},
     {"@type": "Property", "name": "seats", "schema": "double"},
     {"@type": "Relationship", "name": "watches", "target": "dtmi:example:Room;1",
      "properties": [{"@type": "Property", "name": "width", "schema": "integer"}]}]},
  {"@id": "dtmi:one:Thing;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3"},
  {"@id": "dtmi:two:Thing;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3"},
  {"@id": "dtmi:example:BatteryCell;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3"}
])";

std::shared_ptr<const Catalog> LoadCatalog() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator("models/battery")) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts = {kModels};
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  std::vector<dtdl::Source> sources;
  sources.reserve(texts.size());
  for (const std::string& text : texts) sources.push_back({"model", text});
  const dtdl::ParseResult result = dtdl::Parse(sources);
  for (const dtdl::Diagnostic& finding : result.diagnostics) {
    ADD_FAILURE() << dtdl::FullMessage(finding);
  }
  return Catalog::OfModels(result.models);
}

absl::StatusOr<std::shared_ptr<const BoundStatement>> ParseAndBind(absl::string_view query,
                                                                   const BindOptions& options) {
  const auto statement = Parse(query, {.dialect = options.dialect});
  if (!statement.ok()) return statement.status();
  return Bind(**statement, TestCatalog(), options);
}

}  // namespace

const std::shared_ptr<const Catalog>& TestCatalog() {
  static const auto* const catalog = new std::shared_ptr<const Catalog>(LoadCatalog());
  return *catalog;
}

BindOptions TestOptions(Dialect dialect) {
  BindOptions options;
  options.dialect = dialect;
  options.parameters = {
      {"n", TypeKind::kInt}, {"s", TypeKind::kString}, {"twins", TypeKind::kValue}};
  return options;
}

std::string BoundText(absl::string_view query, const BindOptions& options) {
  const auto bound = ParseAndBind(query, options);
  return bound.ok() ? ToString(**bound) : std::string(bound.status().message());
}

std::string ErrorText(absl::string_view query, const BindOptions& options) {
  const auto bound = ParseAndBind(query, options);
  if (bound.ok()) return "no error";
  const std::optional<Span> span = SpanOf(bound.status());
  if (!span.has_value()) return absl::StrCat("no span: ", bound.status().message());
  return absl::StrCat(bound.status().message(), "\n", query.substr(span->offset, span->length));
}

}  // namespace twin::query
