// Values from anywhere against every kind of schema: checking ends, each violation names a part of
// the value that is there, and decimals of any size compare as an order does.
//
// An input is a value, which meets every schema of a model, or '#' and two decimals.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "models/dtdl/json.h"
#include "models/dtdl/parse.h"
#include "models/dtdl/values.h"
#include "server/base/check.h"
#include "tests/fuzz/utf8.h"

namespace twin::dtdl {
namespace {

constexpr absl::string_view kModel = R"({
  "@context": ["dtmi:dtdl:context;4", "dtmi:dtdl:extension:requirement;2", "dtmi:iotoperations:context;4"],
  "@id": "dtmi:ex:M;1", "@type": "Interface",
  "contents": [
    {"@type": "Property", "name": "boolean", "schema": "boolean"},
    {"@type": "Property", "name": "byte", "schema": "byte"},
    {"@type": "Property", "name": "bytes", "schema": "bytes"},
    {"@type": "Property", "name": "date", "schema": "date"},
    {"@type": "Property", "name": "dateTime", "schema": "dateTime"},
    {"@type": "Property", "name": "decimal", "schema": "decimal"},
    {"@type": "Property", "name": "double", "schema": "double"},
    {"@type": "Property", "name": "duration", "schema": "duration"},
    {"@type": "Property", "name": "float", "schema": "float"},
    {"@type": "Property", "name": "integer", "schema": "integer"},
    {"@type": "Property", "name": "long", "schema": "long"},
    {"@type": "Property", "name": "string", "schema": "string"},
    {"@type": "Property", "name": "time", "schema": "time"},
    {"@type": "Property", "name": "unsignedLong", "schema": "unsignedLong"},
    {"@type": "Property", "name": "uuid", "schema": "uuid"},
    {"@type": "Property", "name": "multiPolygon", "schema": "multiPolygon"},
    {"@type": "Property", "name": "scaled", "schema": "scaledDecimal"},
    {"@type": ["Property", "Limited", "Precise"], "name": "limited", "schema": "decimal",
     "minimum": -1.5e2, "maximum": 4.5, "decimalPlaces": 2},
    {"@type": ["Property", "Limited"], "name": "bounded", "schema": "double", "maximum": 1e300},
    {"@type": "Property", "name": "choice", "schema": {"@type": "Enum", "valueSchema": "string",
     "enumValues": [{"name": "lfp", "enumValue": "LFP"}, {"name": "nmc", "enumValue": "NMC"}]}},
    {"@type": "Property", "name": "number", "schema": {"@type": "Enum", "valueSchema": "integer",
     "enumValues": [{"name": "open", "enumValue": 1}, {"name": "shut", "enumValue": -2}]}},
    {"@type": "Property", "name": "grid", "schema": {"@type": "Array",
     "elementSchema": {"@type": "Array", "elementSchema": "integer"}}},
    {"@type": "Property", "name": "map", "schema": {"@type": "Map",
     "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "dtmi:ex:Tree;1"}}},
    {"@type": ["Property", "Required"], "name": "tree", "schema": "dtmi:ex:Tree;1"},
    {"@type": "Telemetry", "name": "telemetry", "schema": "double"},
    {"@type": "Command", "name": "command"},
    {"@type": "Relationship", "name": "relationship",
     "properties": {"@type": ["Property", "Required"], "name": "since", "schema": "date"}},
    {"@type": "Component", "name": "component", "schema": {"@id": "dtmi:ex:C;1", "@type": "Interface",
     "contents": {"@type": "Property", "name": "x", "schema": "integer"}}}
  ],
  "schemas": {"@id": "dtmi:ex:Tree;1", "@type": "Object", "fields": [
    {"@type": ["Field", "Required"], "name": "id", "schema": "string"},
    {"name": "below", "schema": {"@type": "Array", "elementSchema": "dtmi:ex:Tree;1"}},
    {"@type": ["Field", "Limited"], "name": "weight", "schema": "double", "minimum": 0}
  ]}
})";

const Interface& Model() {
  static const auto* const models = [] {
    ParseResult result = Parse({{"model.json", kModel}});
    TWIN_CHECK(result.verdict == Verdict::kValid)
        << (result.diagnostics.empty() ? "" : FullMessage(result.diagnostics[0]));
    return new std::shared_ptr<const ModelSet>(std::move(result.models));
  }();
  return *(*models)->Find("dtmi:ex:M;1");
}

// Whether the JSON Pointer leads to a part of the value that begins at the offset. Of several
// members with one name any may be meant.
bool Leads(const JsonNode& node, absl::string_view path, uint32_t offset) {
  if (path.empty()) return node.begin == offset;
  if (!absl::ConsumePrefix(&path, "/")) return false;
  const absl::string_view step = path.substr(0, path.find('/'));
  const absl::string_view rest = path.substr(step.size());
  size_t index = 0;
  for (const JsonNode& child : Children(node)) {
    const std::string name = node.is_array()
                                 ? absl::StrCat(index++)
                                 : absl::StrReplaceAll(child.key, {{"~", "~0"}, {"/", "~1"}});
    if (name == step && Leads(child, rest, offset)) return true;
  }
  return false;
}

void CheckViolations(const std::vector<Violation>& violations, const JsonNode& root) {
  TWIN_CHECK(violations.size() <= static_cast<size_t>(kViolationsMax));
  for (const Violation& violation : violations) {
    TWIN_CHECK(!violation.message.empty());
    TWIN_CHECK(testing::IsUtf8(violation.message)) << violation.message;
    TWIN_CHECK(Leads(root, violation.path, violation.offset))
        << violation.path << " at " << violation.offset;
  }
}

void CheckValue(absl::string_view text) {
  JsonParser parser;
  JsonError error;
  const auto document = JsonDocument::Parse(text, parser, &error);
  if (document == nullptr) {
    TWIN_CHECK(error.offset <= text.size() && !error.message.empty());
    TWIN_CHECK(ValidateText(*Model().Find("integer")->schema, text).size() == 1);
    return;
  }
  const JsonNode& root = document->root();
  for (const Content* content : Model().contents) {
    if (content->schema == nullptr) continue;
    const std::vector<Violation> plain = ValidateValue(*content->schema, root);
    const std::vector<Violation> whole = ValidateContent(*content, root);
    CheckViolations(plain, root);
    CheckViolations(whole, root);
    TWIN_CHECK(plain.empty() || !whole.empty()) << content->name;
  }
  CheckViolations(ValidateRelationship(*Model().Find("relationship"), root), root);
  for (const bool strict : {false, true}) {
    const TwinValueOptions options = {
        .telemetry = !strict, .require_required = strict, .require_components = strict};
    CheckViolations(ValidateTwin(Model(), root, options), root);
  }
}

bool IsDecimalToken(absl::string_view token) {
  JsonParser parser;
  JsonError error;
  const auto document = JsonDocument::Parse(token, parser, &error);
  return document != nullptr && document->root().is_number() && document->root().text == token;
}

void CheckDecimals(absl::string_view text) {
  const std::vector<absl::string_view> tokens = absl::StrSplit(text, absl::MaxSplits(' ', 1));
  if (tokens.size() != 2 || !IsDecimalToken(tokens[0]) || !IsDecimalToken(tokens[1])) return;
  const auto sign = [](int value) { return (value > 0) - (value < 0); };
  const int forward = sign(CompareDecimals(tokens[0], tokens[1]));
  TWIN_CHECK(forward == -sign(CompareDecimals(tokens[1], tokens[0]))) << text;
  TWIN_CHECK(CompareDecimals(tokens[0], tokens[0]) == 0) << text;
  // Where doubles differ, so do the decimals behind them, in the same direction.
  const double a = std::strtod(std::string(tokens[0]).c_str(), nullptr);
  const double b = std::strtod(std::string(tokens[1]).c_str(), nullptr);
  TWIN_CHECK(a == b || forward == (a < b ? -1 : 1)) << text;
}

}  // namespace
}  // namespace twin::dtdl

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (absl::ConsumePrefix(&text, "#")) {
    twin::dtdl::CheckDecimals(text);
  } else {
    twin::dtdl::CheckValue(text);
  }
  return 0;
}
