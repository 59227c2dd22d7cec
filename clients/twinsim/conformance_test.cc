// What a fleet's import file says is what the ontology allows: read back from the file's own text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "clients/twinsim/export.h"
#include "clients/twinsim/models_folder.h"
#include "models/dtdl/parse.h"
#include "models/dtdl/values.h"
#include "tests/support/status_matchers.h"

namespace twin::twinsim {
namespace {

using ::testing::ElementsAreArray;
using ::testing::NotNull;
using ::testing::SizeIs;
using ::twin::testing::IsOk;

// The lines of an import file by their sections.
using Sections = std::map<std::string, std::vector<std::string>>;

Sections ReadSections(absl::string_view text) {
  Sections sections;
  std::vector<std::string>* lines = nullptr;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (absl::ConsumePrefix(&line, R"({"Section":")")) {
      lines = &sections[std::string(line.substr(0, line.size() - 2))];
    } else {
      lines->emplace_back(line);
    }
  }
  return sections;
}

// Forty vehicles, all types among them.
Sections ExportSections() {
  const auto models = ReadModels("models/battery", FleetModels());
  EXPECT_THAT(models, IsOk());
  std::string text;
  const auto write = [&](absl::string_view bytes) {
    text.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  };
  EXPECT_THAT(ExportFleet(Fleet({.vehicles = 40}), *models, write, [](double) { return true; }),
              IsOk());
  return ReadSections(text);
}

class Conformance : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    sections = new Sections(ExportSections());
    std::vector<dtdl::Source> sources;
    for (const std::string& line : (*sections)["Models"]) sources.push_back({"models", line});
    models = new dtdl::ParseResult(dtdl::Parse(sources));
  }
  static void TearDownTestSuite() {
    delete sections;
    delete models;
  }

  static std::unique_ptr<const dtdl::JsonDocument> ParseLine(const std::string& line) {
    dtdl::JsonParser parser;
    dtdl::JsonError error;
    auto document = dtdl::JsonDocument::Parse(line, parser, &error);
    EXPECT_THAT(document, NotNull()) << error.message << ": " << line;
    return document;
  }

  static std::string TextOf(const dtdl::JsonNode& object, absl::string_view name) {
    const dtdl::JsonNode* const member = object.Find(name);
    EXPECT_TRUE(member != nullptr && member->is_string()) << name;
    return member == nullptr ? "" : std::string(member->text);
  }

  static const dtdl::Interface* InterfaceOf(const dtdl::JsonNode& twin) {
    return models->models->Find(TextOf(*twin.Find("$metadata"), "$model"));
  }

  // The interface of each twin, by its id.
  static std::map<std::string, const dtdl::Interface*> Twins() {
    std::map<std::string, const dtdl::Interface*> twins;
    for (const std::string& line : (*sections)["Twins"]) {
      const auto document = ParseLine(line);
      twins[TextOf(document->root(), "$dtId")] = InterfaceOf(document->root());
    }
    return twins;
  }

  // The properties alone: ValidateRelationship knows no members with '$'.
  static std::string WithoutMetadata(const dtdl::JsonDocument& document) {
    std::string text = "{";
    for (const dtdl::JsonNode& member : dtdl::Children(document.root())) {
      if (absl::StartsWith(member.key, "$")) continue;
      absl::StrAppend(&text, text.size() > 1 ? "," : "", "\"", member.key,
                      "\":", document.TextOf(member));
    }
    return text + "}";
  }

  static Sections* sections;
  static dtdl::ParseResult* models;
};
Sections* Conformance::sections = nullptr;
dtdl::ParseResult* Conformance::models = nullptr;

TEST_F(Conformance, ModelsAreValid) {
  EXPECT_EQ(models->verdict, dtdl::Verdict::kValid);
  EXPECT_THAT((*sections)["Models"], SizeIs(14));
}

TEST_F(Conformance, EveryTwinIsWhatItsModelDeclares) {
  std::set<std::string> used;
  for (const std::string& line : (*sections)["Twins"]) {
    const auto document = ParseLine(line);
    const dtdl::Interface* const interface = InterfaceOf(document->root());
    ASSERT_THAT(interface, NotNull()) << line;
    ASSERT_EQ(dtdl::ViolationText(dtdl::ValidateTwin(*interface, document->root())), "") << line;
    used.emplace(interface->id);
  }
  EXPECT_THAT(used, ElementsAreArray(FleetModels()));
}

TEST_F(Conformance, EveryRelationshipIsWhatItsSourceDeclares) {
  const std::map<std::string, const dtdl::Interface*> twins = Twins();
  for (const std::string& line : (*sections)["Relationships"]) {
    const auto document = ParseLine(line);
    const dtdl::JsonNode& root = document->root();
    const auto source = twins.find(TextOf(root, "$sourceId"));
    const auto target = twins.find(TextOf(root, "$targetId"));
    ASSERT_TRUE(source != twins.end() && target != twins.end()) << line;
    const dtdl::Content* const content = source->second->Find(TextOf(root, "$relationshipName"));
    ASSERT_THAT(content, NotNull()) << line;
    ASSERT_EQ(content->kind, dtdl::Class::kRelationship) << line;
    ASSERT_THAT(dtdl::CheckTarget(*content, *target->second), IsOk()) << line;
    const auto properties = ParseLine(WithoutMetadata(*document));
    ASSERT_EQ(dtdl::ViolationText(dtdl::ValidateRelationship(*content, properties->root())), "")
        << line;
    // All that the ontology declares is given.
    EXPECT_EQ(properties->root().count, content->properties.size()) << line;
  }
}

TEST_F(Conformance, NoSourceHasTooManyRelationships) {
  std::map<std::pair<std::string, std::string>, int64_t> counts;
  std::map<std::tuple<std::string, std::string, std::string>, int> positions;
  for (const std::string& line : (*sections)["Relationships"]) {
    const auto document = ParseLine(line);
    const std::string source = TextOf(document->root(), "$sourceId");
    const std::string name = TextOf(document->root(), "$relationshipName");
    ++counts[{source, name}];
    const dtdl::JsonNode* const position = document->root().Find("position");
    if (position != nullptr) ++positions[{source, name, std::string(position->text)}];
  }
  const std::map<std::string, const dtdl::Interface*> twins = Twins();
  for (const auto& [key, count] : counts) {
    const dtdl::Content* const content = twins.at(key.first)->Find(key.second);
    EXPECT_THAT(dtdl::CheckMultiplicity(*content, count), IsOk()) << key.first;
  }
  // No two share a place, and places are counted from 1 without gaps.
  for (const auto& [key, count] : positions) {
    const auto& [source, name, position] = key;
    EXPECT_EQ(count, 1) << source << ' ' << name << ' ' << position;
    EXPECT_LE(std::stoll(position), (counts[{source, name}])) << source << ' ' << name;
  }
}

TEST_F(Conformance, EveryTwinButAFleetIsPartOfOneOther) {
  std::map<std::string, int> parents;
  for (const auto& [id, interface] : Twins()) parents[id] = 0;
  for (const std::string& line : (*sections)["Relationships"]) {
    const auto document = ParseLine(line);
    if (TextOf(document->root(), "$relationshipName") == "sensedBy") continue;
    ++parents[TextOf(document->root(), "$targetId")];
  }
  for (const auto& [id, count] : parents) {
    EXPECT_EQ(count, absl::StartsWith(id, "fleet-") ? 0 : 1) << id;
  }
}

}  // namespace
}  // namespace twin::twinsim
