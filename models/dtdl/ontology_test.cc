// The ontology that ships with Twingraph, models/battery, and how a maker extends it,
// tests/data/oem.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/dtdl/parse.h"
#include "models/dtdl/values.h"
#include "tests/support/status_matchers.h"

namespace twin::dtdl {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::NotNull;
using ::testing::SizeIs;
using ::twin::testing::IsOk;

std::string ShortName(absl::string_view id) {
  id = id.substr(0, id.find(';'));
  return std::string(id.substr(id.rfind(':') + 1));
}

// All *.json of some folders, as one set.
class Ontology {
 public:
  explicit Ontology(const std::vector<const char*>& folders) {
    for (const char* folder : folders) {
      for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".json") paths_.push_back(entry.path());
      }
    }
    std::sort(paths_.begin(), paths_.end());
    for (const std::filesystem::path& path : paths_) {
      std::ifstream file(path, std::ios::binary);
      texts_.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    std::vector<Source> sources;
    for (size_t i = 0; i < texts_.size(); ++i) sources.push_back({paths_[i].string(), texts_[i]});
    result_ = Parse(sources);
    for (const Diagnostic& finding : result_.diagnostics) {
      ADD_FAILURE() << paths_[finding.document].string() << ':' << finding.line << ':'
                    << finding.column << ": " << finding.code << ": " << FullMessage(finding);
    }
  }

  const std::vector<std::filesystem::path>& paths() const { return paths_; }
  const ParseResult& result() const { return result_; }
  const ModelSet& models() const { return *result_.models; }

 private:
  std::vector<std::filesystem::path> paths_;
  std::vector<std::string> texts_;
  ParseResult result_;
};

const Ontology& Battery() {
  static const auto* const ontology = new Ontology({"models/battery"});
  return *ontology;
}

const Ontology& WithOem() {
  static const auto* const ontology = new Ontology({"models/battery", "tests/data/oem"});
  return *ontology;
}

const Interface& Find(absl::string_view name) {
  return *WithOem().models().Find(absl::StrCat("dtmi:twingraph:battery:", name, ";1"));
}

TEST(BatteryOntology, IsValidWithoutWarnings) {
  ASSERT_EQ(Battery().result().verdict, Verdict::kValid);
  std::vector<std::string> names;
  for (const Interface* interface : Battery().models().interfaces()) {
    EXPECT_TRUE(absl::StartsWith(interface->id, "dtmi:twingraph:battery:")) << interface->id;
    EXPECT_TRUE(absl::EndsWith(interface->id, ";1")) << interface->id;
    EXPECT_EQ(interface->language_version, 3);
    names.push_back(ShortName(interface->id));
  }
  EXPECT_THAT(names, ElementsAre("Alert", "BatteryCell", "BatteryModule", "BatteryPack", "Bms",
                                 "ChargePoint", "ChargingSession", "Connector",
                                 "DiagnosticTroubleCode", "Fleet", "PredictorModel",
                                 "TemperatureProbe", "ThermalSystem", "Vehicle"));
}

TEST(BatteryOntology, IsOneInterfaceAFile) {
  std::vector<std::string> files, names;
  for (const std::filesystem::path& path : Battery().paths()) files.push_back(path.stem());
  for (const Interface* interface : Battery().models().interfaces()) {
    names.push_back(ShortName(interface->id));
  }
  EXPECT_THAT(files, ElementsAreArray(names));
}

// --- Texts ---------------------------------------------------------------------------------------

void ExpectEnglish(const Documentation& documentation, const std::string& what) {
  const auto has_english = [](absl::Span<const Text> texts) {
    return std::any_of(texts.begin(), texts.end(), [](const Text& text) {
      return text.language == "en" && !text.text.empty();
    });
  };
  EXPECT_TRUE(has_english(documentation.display_names)) << what << " has no English displayName";
  EXPECT_TRUE(has_english(documentation.descriptions)) << what << " has no English description";
}

void ExpectEnglish(const Schema& schema, const std::string& what) {
  if (schema.is_primitive() || absl::StartsWith(ModelSet::IdOf(schema), "dtmi:standard:")) return;
  // A shared schema speaks for itself; one written in place is what its content says it is.
  if (!absl::StrContains(ModelSet::IdOf(schema), ":_")) ExpectEnglish(schema.documentation, what);
  for (const Field& field : schema.fields) {
    const std::string path = absl::StrCat(what, ".", field.name);
    ExpectEnglish(field.documentation, path);
    ExpectEnglish(*field.schema, path);
  }
  for (const EnumValue& value : schema.values) {
    ExpectEnglish(value.documentation, absl::StrCat(what, "/", value.name));
  }
  if (schema.element != nullptr) ExpectEnglish(*schema.element, what + "[]");
}

TEST(BatteryOntology, IsDocumentedInEnglish) {
  for (const Interface* interface : WithOem().models().interfaces()) {
    const std::string name = ShortName(interface->id);
    ExpectEnglish(interface->documentation, name);
    for (const Content* content : interface->own) {
      const std::string path = absl::StrCat(name, ".", content->name);
      ExpectEnglish(content->documentation, path);
      if (content->schema != nullptr) ExpectEnglish(*content->schema, path);
      for (const Content& property : content->properties) {
        ExpectEnglish(property.documentation, absl::StrCat(path, ".", property.name));
      }
    }
  }
}

// --- Units ---------------------------------------------------------------------------------------

// Numbers without a unit: ratios, probabilities, cycles. All other doubles have one; integers
// count.
TEST(BatteryOntology, NumbersHaveUnits) {
  const std::set<std::string> without_unit = {
      "Alert.threshold",  // in the unit of whatever the rule looks at
      "Alert.value",
      "BatteryPack.cRate",
      "BatteryPack.fullEquivalentCycles",
      "PredictorModel.coverage",
      "PredictorModel.heldOutMetrics.coverage",
      "PredictorModel.heldOutMetrics.mae",  // in the unit of what it predicts
      "PredictorModel.heldOutMetrics.rmse",
      "PredictorModel.validity.cyclesMin",
      "PredictorModel.validity.cyclesMax"};
  int with_unit = 0;
  for (const Interface* interface : WithOem().models().interfaces()) {
    for (const ValuePath& path : ModelSet::FlattenPaths(*interface)) {
      if (path.schema->kind != Class::kDouble && path.schema->kind != Class::kFloat) continue;
      const std::string name = absl::StrCat(ShortName(path.content->owner->id), ".", path.path);
      const bool may_lack = without_unit.contains(name) || absl::EndsWith(name, ".level") ||
                            absl::StrContains(name, ".rulCycles.");
      EXPECT_EQ(path.traits.unit == nullptr, may_lack) << name;
      EXPECT_EQ(path.traits.unit == nullptr, path.traits.semantic_type == nullptr) << name;
      with_unit += path.traits.unit != nullptr ? 1 : 0;
      if (path.traits.unit != nullptr && path.traits.unit->name == "percent") {
        EXPECT_EQ(path.traits.semantic_type->name, "Concentration") << name;
      }
    }
  }
  EXPECT_GT(with_unit, 50);
}

TEST(BatteryOntology, CellsHaveVoltageTemperatureAndCharge) {
  const Interface& cell = Find("BatteryCell");
  for (const auto& [name, unit] :
       {std::pair{"voltage", "volt"}, {"temperature", "degreeCelsius"}, {"charge", "percent"}}) {
    const Content* const content = cell.Find(name);
    ASSERT_THAT(content, NotNull()) << name;
    EXPECT_EQ(content->traits.unit, FindUnit(unit)) << name;
    EXPECT_TRUE(content->traits.historized) << name;
  }
  EXPECT_THAT(cell.Find("temperatureSource"), NotNull());
}

// --- Estimates -----------------------------------------------------------------------------------

TEST(BatteryOntology, EstimatesSayHowSureTheyAre) {
  for (const auto& [owner, name] : {std::pair{"BatteryCell", "soh"},
                                    {"BatteryCell", "rulCycles"},
                                    {"BatteryCell", "rulKm"},
                                    {"BatteryCell", "rulDays"},
                                    {"BatteryCell", "capacity"},
                                    {"BatteryPack", "soh"},
                                    {"BatteryPack", "rulCycles"},
                                    {"BatteryPack", "rulKm"},
                                    {"BatteryPack", "rulDays"},
                                    {"BatteryPack", "remainingCapacity"}}) {
    SCOPED_TRACE(absl::StrCat(owner, ".", name));
    const Content* const content = Find(owner).Find(name);
    ASSERT_THAT(content, NotNull());
    EXPECT_TRUE(content->traits.historized);
    std::vector<std::string> fields;
    for (const Field& field : content->schema->fields) fields.emplace_back(field.name);
    EXPECT_THAT(fields, ElementsAre("value", "lo", "hi", "level", "method", "source",
                                    "modelVersion", "asOf", "status"));
    EXPECT_EQ(content->schema->FindField("asOf")->schema->kind, Class::kDateTime);
    for (const char* status : {"OK", "OUT_OF_DOMAIN", "INSUFFICIENT_DATA", "STALE", "ERROR"}) {
      EXPECT_THAT(content->schema->FindField("status")->schema->FindValue(status), NotNull())
          << status;
    }
  }
}

// --- Relationships -------------------------------------------------------------------------------

TEST(BatteryOntology, RelationshipsLeadToModels) {
  for (const Interface* interface : WithOem().models().interfaces()) {
    for (const Content* content : interface->own) {
      if (content->kind != Class::kRelationship || content->target.empty()) continue;
      EXPECT_THAT(WithOem().models().Find(content->target), NotNull())
          << interface->id << '.' << content->name << " -> " << content->target;
    }
  }
}

TEST(BatteryOntology, ContainmentHasPositionAndMounting) {
  for (const auto& [owner, name] : {std::pair{"Vehicle", "hasPack"},
                                    {"BatteryPack", "hasModule"},
                                    {"BatteryPack", "hasCell"},
                                    {"BatteryModule", "hasCell"},
                                    {"BatteryPack", "hasProbe"},
                                    {"BatteryModule", "hasProbe"}}) {
    SCOPED_TRACE(absl::StrCat(owner, ".", name));
    const Content* const content = Find(owner).Find(name);
    ASSERT_THAT(content, NotNull());
    ASSERT_THAT(content->FindProperty("position"), NotNull());
    EXPECT_EQ(content->FindProperty("position")->schema->kind, Class::kInteger);
    ASSERT_THAT(content->FindProperty("mountedAt"), NotNull());
    EXPECT_EQ(content->FindProperty("mountedAt")->schema->kind, Class::kDateTime);
  }
}

// --- A maker's models ----------------------------------------------------------------------------

TEST(OemOntology, ACellIsABatteryCell) {
  const ModelSet& models = WithOem().models();
  const Interface& oem = *models.Find("dtmi:com:example:oem:OemCell;1");
  const Interface& cell = Find("BatteryCell");
  EXPECT_TRUE(ModelSet::IsOfModel(oem, "dtmi:twingraph:battery:BatteryCell;1"));
  EXPECT_FALSE(ModelSet::IsOfModel(oem, "dtmi:twingraph:battery:BatteryCell;1", true));
  EXPECT_FALSE(ModelSet::IsOfModel(oem, "dtmi:twingraph:battery:BatteryPack;1"));
  EXPECT_FALSE(ModelSet::IsOfModel(cell, oem.id));
  EXPECT_THAT(models.OfModel(cell.id), ElementsAre(&oem, &cell));
  for (const Content* content : cell.contents) {
    EXPECT_EQ(oem.Find(content->name), content) << content->name;
  }
  EXPECT_THAT(oem.contents, SizeIs(cell.contents.size() + 3));
  EXPECT_THAT(oem.ancestors, ElementsAre(&cell));

  std::vector<std::string> paths;
  for (const ValuePath& path : ModelSet::FlattenPaths(oem)) paths.push_back(path.path);
  EXPECT_THAT(paths, IsSupersetOf({"voltage", "soh.value", "soh.status", "swellingPressure",
                                   "production.formationEnd", "platingRisk.value"}));
}

TEST(OemOntology, APackHasThePartsOfABatteryPack) {
  const Interface& oem = *WithOem().models().Find("dtmi:com:example:oem:OemPack;1");
  const Interface& plate = *WithOem().models().Find("dtmi:com:example:oem:OemCoolingPlate;1");
  const Interface& cell = *WithOem().models().Find("dtmi:com:example:oem:OemCell;1");
  EXPECT_THAT(CheckTarget(*oem.Find("hasCoolingPlate"), plate), IsOk());
  EXPECT_THAT(CheckTarget(*oem.Find("hasCell"), cell), IsOk()) << "an heir may take its place";
  EXPECT_THAT(CheckTarget(*oem.Find("hasCell"), plate), Not(IsOk()));
  EXPECT_THAT(CheckTarget(*Find("Vehicle").Find("hasPack"), oem), IsOk());
}

TEST(OemOntology, ValuesOfAMakersCellAreChecked) {
  const Interface& oem = *WithOem().models().Find("dtmi:com:example:oem:OemCell;1");
  JsonParser parser;
  JsonError error;
  const auto good = JsonDocument::Parse(
      R"({"cellId": "c-1", "seriesIndex": 12, "manufacturingDate": "2026-03-31",
          "soh": {"value": 97.5, "lo": 96, "hi": 99, "level": 0.9, "asOf": "2026-03-31T12:00:00Z", "status": "OK"},
          "production": {"coatingLine": "A", "formationCapacity": 60.1}})",
      parser, &error);
  ASSERT_THAT(good, NotNull()) << error.message;
  EXPECT_EQ(ViolationText(ValidateTwin(oem, good->root())), "");
  const auto bad = JsonDocument::Parse(
      R"({"seriesIndex": 12.0, "soh": {"status": "GOOD"}, "production": {"coatingline": "A"}})",
      parser, &error);
  EXPECT_THAT(ValidateTwin(oem, bad->root()), SizeIs(3));
}

}  // namespace
}  // namespace twin::dtdl
