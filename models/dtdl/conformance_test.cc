// The public conformance suite and real ontologies, where TWINGRAPH_DATA names the folder that has
// them: third-party data, never part of the repository.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "models/dtdl/json.h"
#include "models/dtdl/parse.h"
#include "models/dtdl/values.h"

namespace twin::dtdl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::NotNull;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

// The lines of a file below TWINGRAPH_DATA/dtdl, also of one that gzip has packed.
std::vector<std::string> ReadLines(absl::string_view name) {
  const std::string path = absl::StrCat(std::getenv("TWINGRAPH_DATA"), "/dtdl/", name);
  const std::string command =
      absl::StrCat(absl::EndsWith(name, ".gz") ? "gzip -dc '" : "cat '", path, "'");
  std::vector<std::string> lines;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return lines;
  std::string line;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c == '\n') {
      lines.push_back(std::move(line));
      line.clear();
    } else {
      line.push_back(static_cast<char>(c));
    }
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return lines;
}

#define SKIP_WITHOUT_DATA() \
  if (std::getenv("TWINGRAPH_DATA") == nullptr) GTEST_SKIP() << "TWINGRAPH_DATA is not set"

std::string Errors(const ParseResult& result) {
  std::string text;
  for (const Diagnostic& finding : result.diagnostics) {
    if (finding.severity == Severity::kWarning || text.size() > 2000) continue;
    absl::StrAppend(&text, "  ", finding.document, ":", finding.line, ":", finding.column, ": ",
                    finding.code, " ", finding.element, ": ", FullMessage(finding), "\n");
  }
  return text;
}

// One case: its texts as the suite writes them, duplicates and number tokens kept.
class Record {
 public:
  explicit Record(absl::string_view line) : facts_(nlohmann::json::parse(std::string(line))) {
    JsonParser parser;
    JsonError error;
    document_ = JsonDocument::Parse(line, parser, &error);
    EXPECT_THAT(document_, NotNull()) << error.message;
    for (const JsonNode& model : Children(*document_->root().Find("models"))) {
      sources_.push_back({absl::StrCat("models/", sources_.size()), document_->TextOf(model)});
    }
  }

  const nlohmann::json& facts() const { return facts_; }
  std::string id() const { return facts_["id"]; }
  const std::vector<Source>& sources() const { return sources_; }

  // What is to be valid where every undefined extension is refused; trivial cases tell nothing.
  bool HasStrictVerdict() const {
    return facts_["strict"]["applicable"].get<bool>() && !facts_["strict"]["trivial"].get<bool>();
  }

  // Whether the library has all of the options that the case was made for.
  bool HasOwnVerdict() const {
    const nlohmann::json options = facts_.value("options", nlohmann::json::object());
    return absl::c_none_of(
        std::initializer_list<const char*>{"quirks", "resolution", "partial_resolution",
                                           "required_contexts"},
        [&](const char* name) { return options.contains(name) && !options[name].empty(); });
  }
  ParseOptions OwnOptions() const {
    const nlohmann::json options = facts_.value("options", nlohmann::json::object());
    ParseOptions own;
    const std::string undefined = options.value("undefined_extensions", "default");
    if (undefined == "allow") own.undefined_extensions = UndefinedExtensions::kAllow;
    if (undefined == "disallow") own.undefined_extensions = UndefinedExtensions::kDisallow;
    if (options.contains("max_dtdl_version")) own.dtdl_version_max = options["max_dtdl_version"];
    if (options.contains("acceptable_limits")) own.limits = options["acceptable_limits"];
    return own;
  }

 private:
  nlohmann::json facts_;
  std::unique_ptr<const JsonDocument> document_;
  std::vector<Source> sources_;
};

struct Tally {
  int cases = 0, with_code = 0, code_right = 0, instances = 0;
};

// Whether all errors have one of the codes that the case allows, where it names some.
void TallyCodes(const Record& record, const ParseResult& result, Tally* tally) {
  const nlohmann::json& error = record.facts()["expected_error"];
  if (error.is_null() || error["type"] != "parsing" || result.verdict != Verdict::kInvalid) return;
  const bool right = absl::c_all_of(result.diagnostics, [&](const Diagnostic& finding) {
    if (finding.severity == Severity::kWarning) return true;
    const std::string id = absl::StrCat("dtmi:dtdl:parsingError:", finding.code);
    return absl::c_any_of(error["any_of"], [&](const nlohmann::json& allowed) {
      return allowed["ValidationID"] == id;
    });
  });
  ++tally->with_code;
  tally->code_right += right ? 1 : 0;
}

void CheckInstances(const Record& record, const ModelSet& models, Tally* tally) {
  for (const nlohmann::json& instance : record.facts()["instances"]) {
    const std::string subject = instance["subject"], submit = instance["submit"];
    SCOPED_TRACE(absl::StrCat(subject, " <- ", submit));
    const Schema* const schema = models.FindSchema(subject);
    const bool takes_none = instance.value("throws", false);
    EXPECT_EQ(schema == nullptr, takes_none);
    ++tally->instances;
    if (schema == nullptr || takes_none) continue;
    const std::vector<Violation> violations = ValidateText(*schema, submit);
    EXPECT_EQ(violations.empty(), instance["conforms"].get<bool>()) << ViolationText(violations);
  }
}

void CheckObjectModel(const nlohmann::json& expected, const ModelSet& models);

// --- The suite -----------------------------------------------------------------------------------

std::vector<std::string> SuiteLines() {
  std::vector<std::string> lines = ReadLines("conformance.jsonl.gz");
  for (std::string& line : ReadLines("limits.jsonl")) lines.push_back(std::move(line));
  return lines;
}

TEST(Conformance, Strict) {
  SKIP_WITHOUT_DATA();
  Tally tally;
  for (const std::string& line : SuiteLines()) {
    const Record record(line);
    if (!record.HasStrictVerdict()) continue;
    SCOPED_TRACE(record.id());
    ParseOptions options;
    options.undefined_extensions = UndefinedExtensions::kDisallow;
    const ParseResult result = Parse(record.sources(), options);
    EXPECT_EQ(result.verdict == Verdict::kValid, record.facts()["strict"]["valid"].get<bool>())
        << Errors(result);
    TallyCodes(record, result, &tally);
    ++tally.cases;
  }
  EXPECT_GT(tally.cases, 1000);
  EXPECT_GE(tally.code_right, tally.with_code * 98 / 100);
  RecordProperty("cases", tally.cases);
  RecordProperty("codes", absl::StrCat(tally.code_right, "/", tally.with_code));
}

TEST(Conformance, UnderTheOptionsOfEachCase) {
  SKIP_WITHOUT_DATA();
  Tally tally;
  int object_models = 0;
  for (const std::string& line : SuiteLines()) {
    const Record record(line);
    if (!record.HasOwnVerdict()) continue;
    SCOPED_TRACE(record.id());
    const ParseResult result = Parse(record.sources(), record.OwnOptions());
    EXPECT_EQ(result.verdict == Verdict::kValid, record.facts()["valid"].get<bool>())
        << Errors(result);
    ++tally.cases;
    if (result.models == nullptr) continue;
    if (record.facts().contains("instances")) CheckInstances(record, *result.models, &tally);
    if (record.facts().contains("object_model")) {
      CheckObjectModel(record.facts()["object_model"], *result.models);
      ++object_models;
    }
  }
  EXPECT_GT(tally.cases, 1000);
  EXPECT_GT(tally.instances, 100);
  EXPECT_GT(object_models, 100);
}

// --- The object model ----------------------------------------------------------------------------

using Elements = std::map<std::string, const Content*>;

Elements ContentsById(const ModelSet& models) {
  Elements contents;
  for (const Interface* interface : models.interfaces()) {
    for (const Content* content : interface->own) {
      contents.emplace(ModelSet::IdOf(*content), content);
      for (const Content& property : content->properties) {
        contents.emplace(ModelSet::IdOf(property), &property);
      }
    }
  }
  return contents;
}

// "dtmi:dtdl:extension:mqtt:v4:Error" or "dtmi:iotoperations:class:Limited;4", without the rest.
std::string TypeName(absl::string_view id) {
  id = id.substr(0, id.find(';'));
  return std::string(id.substr(id.rfind(':') + 1));
}

void CheckTexts(const nlohmann::json& expected, absl::Span<const Text> texts) {
  std::map<std::string, std::string> found;
  for (const Text& text : texts) found.emplace(text.language, text.text);
  EXPECT_EQ(nlohmann::json(found), expected);
}

void CheckDocumentation(const nlohmann::json& properties, const Documentation& documentation) {
  if (properties.contains("displayName")) {
    CheckTexts(properties["displayName"], documentation.display_names);
  }
  if (properties.contains("description")) {
    CheckTexts(properties["description"], documentation.descriptions);
  }
  if (properties.contains("comment")) {
    EXPECT_EQ(properties["comment"], std::string(documentation.comment));
  }
}

void CheckInterface(const nlohmann::json& properties, const Interface& interface) {
  CheckDocumentation(properties, interface.documentation);
  if (properties.contains("languageMajorVersion")) {
    EXPECT_EQ(interface.language_version, properties["languageMajorVersion"]);
  }
  if (properties.contains("extends")) {
    std::vector<std::string> bases;
    for (const Interface* base : interface.bases) bases.emplace_back(base->id);
    EXPECT_THAT(bases,
                UnorderedElementsAreArray(properties["extends"].get<std::vector<std::string>>()));
  }
  if (properties.contains("contents")) {
    std::map<std::string, std::string> contents;
    for (const Content* content : interface.contents) {
      contents.emplace(content->name, ModelSet::IdOf(*content));
    }
    EXPECT_EQ(nlohmann::json(contents), properties["contents"]);
  }
}

void CheckContent(const nlohmann::json& properties, const Content& content) {
  CheckDocumentation(properties, content.documentation);
  for (const auto& [name, value] : properties.items()) {
    SCOPED_TRACE(name);
    if (name == "name") {
      EXPECT_EQ(value, std::string(content.name));
    } else if (name == "schema") {
      const std::string id = content.component != nullptr ? std::string(content.component->id)
                                                          : ModelSet::IdOf(*content.schema);
      EXPECT_EQ(value, id);
    } else if (name == "writable") {
      EXPECT_EQ(value, content.writable);
    } else if (name == "target") {
      EXPECT_EQ(value.is_null() ? "" : value.get<std::string>(), content.target);
    } else if (name == "maxMultiplicity") {
      EXPECT_EQ(value, content.max_multiplicity);
    } else if (name == "definedIn") {
      EXPECT_EQ(value, std::string(content.owner->id));
    } else if (name == "request") {
      EXPECT_THAT(content.request, NotNull());
    } else if (name == "response") {
      EXPECT_THAT(content.response, NotNull());
    }
  }
}

void CheckSchema(const nlohmann::json& element, const Schema& schema) {
  EXPECT_EQ(element["type"], std::string(ClassName(schema.kind)));
  EXPECT_EQ(element["id"], ModelSet::IdOf(schema));
  const nlohmann::json properties = element.value("properties", nlohmann::json::object());
  if (!schema.is_primitive()) CheckDocumentation(properties, schema.documentation);
  if (properties.contains("elementSchema")) {
    EXPECT_EQ(properties["elementSchema"], ModelSet::IdOf(*schema.element));
  }
  if (properties.contains("fields")) {
    EXPECT_THAT(schema.fields, SizeIs(properties["fields"].size()));
  }
  if (properties.contains("enumValues")) {
    EXPECT_THAT(schema.values, SizeIs(properties["enumValues"].size()));
  }
  if (properties.contains("valueSchema")) {
    EXPECT_EQ(absl::StrContains(properties["valueSchema"].get<std::string>(), "string"),
              schema.string_enum);
  }
}

void CheckCotypes(const nlohmann::json& element, absl::Span<const absl::string_view> cotypes) {
  if (!element.contains("supplementalTypes")) return;
  std::vector<std::string> expected;
  for (const std::string id : element["supplementalTypes"]) expected.push_back(TypeName(id));
  EXPECT_THAT(cotypes, UnorderedElementsAreArray(expected));
}

// Elements that the public model has as objects of their own; Fields and such it holds otherwise.
void CheckObjectModel(const nlohmann::json& expected, const ModelSet& models) {
  if (!expected.contains("elements")) return;
  const Elements contents = ContentsById(models);
  for (const nlohmann::json& element : expected["elements"]) {
    const std::string id = element["id"], type = element["type"];
    SCOPED_TRACE(id);
    const nlohmann::json properties = element.value("properties", nlohmann::json::object());
    if (type == "Interface") {
      const Interface* const interface = models.Find(id);
      ASSERT_THAT(interface, NotNull());
      CheckInterface(properties, *interface);
      CheckCotypes(element, interface->cotypes);
    } else if (const auto content = contents.find(id); content != contents.end()) {
      EXPECT_EQ(std::string(ClassName(content->second->kind)), type);
      CheckContent(properties, *content->second);
      CheckCotypes(element, content->second->cotypes);
    } else if (const Schema* schema = models.FindSchema(id);
               schema != nullptr && type != "Field" && type != "MapValue") {
      CheckSchema(element, *schema);
    } else if (type == "Field" || type == "MapValue") {
      ASSERT_THAT(schema, NotNull());
      if (properties.contains("schema")) {
        EXPECT_EQ(properties["schema"], ModelSet::IdOf(*schema));
      }
    } else {
      EXPECT_THAT((std::vector<std::string>{"EnumValue", "MapKey", "CommandPayload",
                                            "CommandRequest", "CommandResponse", "Unit"}),
                  ::testing::Contains(type));
    }
  }
}

// --- Ontologies ----------------------------------------------------------------------------------

// Parses all files of an ontology as one set.
ParseResult ParseOntology(absl::string_view name, size_t files) {
  std::vector<std::string> lines = ReadLines(absl::StrCat("ontologies/", name, ".jsonl.gz"));
  EXPECT_THAT(lines, SizeIs(files));
  std::vector<Record> records;
  std::vector<Source> sources;
  records.reserve(lines.size());
  for (const std::string& line : lines) {
    records.emplace_back(line);
    for (const Source& source : records.back().sources()) {
      sources.push_back({records.back().facts()["path"], source.text});
    }
  }
  return Parse(sources);
}

void ExpectValid(absl::string_view name, size_t files) {
  const ParseResult result = ParseOntology(name, files);
  EXPECT_EQ(result.verdict, Verdict::kValid) << Errors(result);
  ASSERT_THAT(result.models, NotNull());
  EXPECT_GE(result.models->interfaces().size(), files);
  for (const Interface* interface : result.models->interfaces()) {
    ModelSet::FlattenPaths(*interface);
    EXPECT_EQ(result.models->Find(interface->id), interface);
  }
}

TEST(Ontologies, Building) {
  SKIP_WITHOUT_DATA();
  ExpectValid("building-azure-recv3", 767);
}

TEST(Ontologies, Manufacturing) {
  SKIP_WITHOUT_DATA();
  ExpectValid("manufacturing-isa95", 180);
}

TEST(Ontologies, EnergyGrid) {
  SKIP_WITHOUT_DATA();
  ExpectValid("energygrid", 113);
}

TEST(Ontologies, SoftwareDefinedVehicle) {
  SKIP_WITHOUT_DATA();
  ExpectValid("ibeji-sdv-vehicle", 12);
}

TEST(Ontologies, DriverAssistanceHasUnknownSchemas) {
  SKIP_WITHOUT_DATA();
  const ParseResult result = ParseOntology("taiax-adas-vehicle", 8);
  EXPECT_EQ(result.verdict, Verdict::kInvalid);
  EXPECT_THAT(Errors(result), HasSubstr("'int' is no value of 'schema'"));
  EXPECT_THAT(Errors(result), HasSubstr("did you mean 'integer'?"));
  for (const Diagnostic& finding : result.diagnostics) {
    EXPECT_THAT(finding.element, Not(IsEmpty())) << FullMessage(finding);
    EXPECT_GT(finding.column, 1);
  }
}

TEST(Ontologies, WindPowerDefinesAnInterfaceTwice) {
  SKIP_WITHOUT_DATA();
  const ParseResult result = ParseOntology("xmpro-windpower", 22);
  EXPECT_EQ(result.verdict, Verdict::kInvalid);
  EXPECT_THAT(Errors(result), HasSubstr("duplicateDefinition"));
  EXPECT_THAT(Errors(result), HasSubstr("its first definition is at "));
}

}  // namespace
}  // namespace twin::dtdl
