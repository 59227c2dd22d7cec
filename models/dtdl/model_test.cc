#include "models/dtdl/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/dtdl/parse.h"

namespace twin::dtdl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::Le;
using ::testing::NotNull;
using ::testing::SizeIs;

using Models = std::shared_ptr<const ModelSet>;

Models ParseModels(absl::string_view text) {
  const ParseResult result = Parse({{"model.json", text}});
  for (const Diagnostic& diagnostic : result.diagnostics) {
    EXPECT_EQ(diagnostic.severity, Severity::kWarning)
        << diagnostic.line << ':' << diagnostic.column << ": " << FullMessage(diagnostic);
  }
  EXPECT_THAT(result.models, NotNull());
  return result.models;
}

// An Interface dtmi:ex:M;1 in DTDL 4 with extensions.
Models ParseContents(absl::string_view contents, absl::string_view schemas = "[]") {
  return ParseModels(absl::StrCat(
      R"({"@context": ["dtmi:dtdl:context;4", "dtmi:dtdl:extension:quantitativeTypes;2",
                       "dtmi:dtdl:extension:historization;2", "dtmi:dtdl:extension:requirement;2",
                       "dtmi:iotoperations:context;4", "dtmi:dtdl:extension:annotation;2",
                       "dtmi:dtdl:extension:overriding;2"],
          "@id": "dtmi:ex:M;1", "@type": "Interface", "contents": )",
      contents, R"(, "schemas": )", schemas, "}"));
}

template <typename Items>
std::vector<std::string> Ids(const Items& interfaces) {
  std::vector<std::string> ids;
  ids.reserve(interfaces.size());
  for (const Interface* interface : interfaces) ids.emplace_back(interface->id);
  return ids;
}

template <typename Items>
std::vector<std::string> Names(const Items& contents) {
  std::vector<std::string> names;
  for (const Content* content : contents) names.emplace_back(content->name);
  return names;
}

std::vector<std::string> Paths(const Interface& interface) {
  std::vector<std::string> paths;
  for (const ValuePath& path : ModelSet::FlattenPaths(interface)) paths.push_back(path.path);
  return paths;
}

// --- Interfaces and inheritance ------------------------------------------------------------------

// The diamond Asset <- Part, Battery <- Cell, and a maker's cell on top of it.
Models ParseDiamond() {
  return ParseModels(R"([
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:OemCell;1", "@type": "Interface",
     "extends": "dtmi:ex:Cell;1",
     "contents": {"@type": "Property", "name": "batch", "schema": "string"}},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Cell;1", "@type": "Interface",
     "extends": ["dtmi:ex:Part;1", "dtmi:ex:Battery;1"],
     "contents": [{"@type": "Telemetry", "name": "voltage", "schema": "double"},
                  {"@type": "Property", "name": "chemistry", "schema": "string"}]},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Part;1", "@type": "Interface",
     "extends": "dtmi:ex:Asset;1",
     "contents": {"@type": "Property", "name": "maker", "schema": "string"}},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Battery;1", "@type": "Interface",
     "extends": "dtmi:ex:Asset;1"},
    {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:ex:Asset;1", "@type": "Interface",
     "contents": {"@type": "Property", "name": "serial", "schema": "string"}}])");
}

TEST(ModelSet, FindsInterfacesById) {
  const Models models = ParseDiamond();
  EXPECT_THAT(Ids(models->interfaces()),
              ElementsAre("dtmi:ex:Asset;1", "dtmi:ex:Battery;1", "dtmi:ex:Cell;1",
                          "dtmi:ex:OemCell;1", "dtmi:ex:Part;1"));
  for (const Interface* interface : models->interfaces()) {
    EXPECT_EQ(models->Find(interface->id), interface);
  }
  EXPECT_THAT(models->Find("dtmi:ex:Cell;2"), IsNull());
  EXPECT_THAT(models->Find("dtmi:ex:Cell"), IsNull());
  EXPECT_THAT(models->Find(""), IsNull());
  EXPECT_EQ(models->Find("dtmi:ex:Cell;1")->language_version, 3);
  EXPECT_EQ(models->Find("dtmi:ex:Asset;1")->language_version, 2);
}

// Much of a long text waits for a later one, each Interface behind what extends it.
TEST(ModelSet, WaitsForLaterTexts) {
  constexpr int kChains = 200;
  constexpr int kLength = 8;
  const auto interface = [](const std::string& id, const std::string& base) {
    return absl::StrCat(R"({"@context": "dtmi:dtdl:context;3", "@type": "Interface", "@id": ")", id,
                        R"(")", base.empty() ? "" : absl::StrCat(R"(, "extends": ")", base, R"(")"),
                        R"(, "contents": []})");
  };
  std::string text = "[";
  for (int chain = 0; chain < kChains; ++chain) {
    for (int i = kLength; i > 0; --i) {
      const std::string base =
          i > 1 ? absl::StrCat("dtmi:ex:C", chain, "N", i - 1, ";1") : "dtmi:ex:Root;1";
      absl::StrAppend(&text, interface(absl::StrCat("dtmi:ex:C", chain, "N", i, ";1"), base), ",");
    }
  }
  absl::StrAppend(&text, interface("dtmi:ex:Alone;1", ""), "]");
  const std::string root =
      R"({"@context": "dtmi:dtdl:context;3", "@type": "Interface", "@id": "dtmi:ex:Root;1",
          "contents": {"@type": "Property", "name": "serial", "schema": "string"}})";
  const ParseResult result = Parse({{"first.json", text}, {"second.json", root}});
  EXPECT_THAT(result.diagnostics, IsEmpty());
  ASSERT_THAT(result.models, NotNull());
  EXPECT_THAT(result.models->interfaces(), SizeIs(kChains * kLength + 2));
  EXPECT_THAT(result.models->OfModel("dtmi:ex:Root;1"), SizeIs(kChains * kLength + 1));
  EXPECT_THAT(Names(result.models->Find("dtmi:ex:C7N8;1")->contents), ElementsAre("serial"));
}

TEST(ModelSet, OfNothingIsEmpty) {
  const Models models = ParseModels("[]");
  EXPECT_THAT(models->interfaces(), IsEmpty());
  EXPECT_THAT(models->Find("dtmi:ex:A;1"), IsNull());
  EXPECT_THAT(models->OfModel("dtmi:ex:A;1"), IsEmpty());
}

TEST(Interface, HasBasesAncestorsAndContents) {
  const Models models = ParseDiamond();
  const Interface& cell = *models->Find("dtmi:ex:Cell;1");
  EXPECT_THAT(Ids(cell.bases), ElementsAre("dtmi:ex:Part;1", "dtmi:ex:Battery;1"));
  EXPECT_THAT(Ids(cell.ancestors),
              ElementsAre("dtmi:ex:Part;1", "dtmi:ex:Battery;1", "dtmi:ex:Asset;1"));
  EXPECT_THAT(Names(cell.own), ElementsAre("voltage", "chemistry"));
  EXPECT_THAT(Names(cell.contents), ElementsAre("chemistry", "maker", "serial", "voltage"));
  EXPECT_EQ(cell.Find("serial")->owner, models->Find("dtmi:ex:Asset;1"));
  EXPECT_EQ(cell.Find("voltage")->owner, &cell);
  EXPECT_THAT(cell.Find("batch"), IsNull());
  EXPECT_THAT(cell.Find(""), IsNull());

  const Interface& oem = *models->Find("dtmi:ex:OemCell;1");
  EXPECT_THAT(Names(oem.own), ElementsAre("batch"));
  EXPECT_THAT(Ids(oem.ancestors), ElementsAre("dtmi:ex:Cell;1", "dtmi:ex:Part;1",
                                              "dtmi:ex:Battery;1", "dtmi:ex:Asset;1"));
  for (const absl::string_view name : {"batch", "chemistry", "maker", "serial", "voltage"}) {
    ASSERT_THAT(oem.Find(name), NotNull()) << name;
    EXPECT_EQ(oem.Find(name)->name, name);
  }
  EXPECT_EQ(oem.Find("serial"), cell.Find("serial")) << "one content, however it is reached";
}

TEST(Interface, HasItsSource) {
  const Models models = ParseModels(
      "[ {\"@context\": \"dtmi:dtdl:context;3\", \"@id\": \"dtmi:ex:A;1\", \"@type\": "
      "\"Interface\"} ]");
  EXPECT_EQ(models->Find("dtmi:ex:A;1")->source,
            R"({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:A;1", "@type": "Interface"})");
}

TEST(Interface, StandsInsideAnother) {
  const Models models = ParseModels(R"(
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Pack;1", "@type": "Interface",
     "extends": {"@id": "dtmi:ex:Asset;1", "@type": "Interface",
                 "contents": {"@type": "Property", "name": "serial", "schema": "string"}},
     "contents": {"@type": "Component", "name": "bms",
                  "schema": {"@id": "dtmi:ex:Bms;1", "@type": "Interface"}}})");
  EXPECT_THAT(Ids(models->interfaces()),
              ElementsAre("dtmi:ex:Asset;1", "dtmi:ex:Bms;1", "dtmi:ex:Pack;1"));
  const Interface& pack = *models->Find("dtmi:ex:Pack;1");
  EXPECT_THAT(Names(pack.contents), ElementsAre("bms", "serial"));
  EXPECT_EQ(pack.Find("bms")->component, models->Find("dtmi:ex:Bms;1"));
}

// Sets outlive what they were parsed from, and one another.
TEST(ModelSet, OwnsWhatItHandsOut) {
  auto text = std::make_unique<std::string>(
      R"({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:A;1", "@type": "Interface",
          "displayName": "esc\u0061ped", "contents":
          {"@type": "Property", "name": "a", "schema": {"@type": "Array", "elementSchema": "point"}}})");
  const Models models = ParseModels(*text);
  text->assign(text->size(), '#');
  text.reset();
  const Interface& a = *models->Find("dtmi:ex:A;1");
  EXPECT_EQ(a.documentation.DisplayName(), "escaped");
  EXPECT_EQ(a.Find("a")->schema->element->FindField("type")->schema->kind, Class::kEnum);
}

// --- IS_OF_MODEL ---------------------------------------------------------------------------------

Models ParseVersions() {
  return ParseModels(R"([
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Cell", "@type": "Interface"},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Cell;1", "@type": "Interface"},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Cell;1.2", "@type": "Interface"},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Cell;1.10", "@type": "Interface"},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Cell;2", "@type": "Interface"},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Cell;10", "@type": "Interface"},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:CellPouch;3", "@type": "Interface"},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:OemCell;1", "@type": "Interface",
     "extends": "dtmi:ex:Cell;2"},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:OemPouch;7", "@type": "Interface",
     "extends": "dtmi:ex:OemCell;1"}])");
}

TEST(IsOfModel, TakesLaterVersionsAndHeirs) {
  const Models models = ParseVersions();
  EXPECT_THAT(
      Ids(models->OfModel("dtmi:ex:Cell;1")),
      ElementsAre("dtmi:ex:Cell;1", "dtmi:ex:Cell;1.10", "dtmi:ex:Cell;1.2", "dtmi:ex:Cell;10",
                  "dtmi:ex:Cell;2", "dtmi:ex:OemCell;1", "dtmi:ex:OemPouch;7"));
  EXPECT_THAT(Ids(models->OfModel("dtmi:ex:Cell;1.3")),
              ElementsAre("dtmi:ex:Cell;1.10", "dtmi:ex:Cell;10", "dtmi:ex:Cell;2",
                          "dtmi:ex:OemCell;1", "dtmi:ex:OemPouch;7"));
  EXPECT_THAT(Ids(models->OfModel("dtmi:ex:Cell;3")), ElementsAre("dtmi:ex:Cell;10"));
  EXPECT_THAT(Ids(models->OfModel("dtmi:ex:Cell;11")), IsEmpty());
  EXPECT_THAT(models->OfModel("dtmi:ex:Cell"), SizeIs(8)) << "without a version: any";
  EXPECT_THAT(Ids(models->OfModel("dtmi:ex:OemCell;1")),
              ElementsAre("dtmi:ex:OemCell;1", "dtmi:ex:OemPouch;7"));
  EXPECT_THAT(models->OfModel("dtmi:ex:cell;1"), IsEmpty());
  EXPECT_THAT(models->OfModel("dtmi:ex:Nothing;1"), IsEmpty());
}

TEST(IsOfModel, ExactlyTakesOneId) {
  const Models models = ParseVersions();
  const Interface& oem = *models->Find("dtmi:ex:OemCell;1");
  EXPECT_TRUE(ModelSet::IsOfModel(oem, "dtmi:ex:OemCell;1", true));
  EXPECT_FALSE(ModelSet::IsOfModel(oem, "dtmi:ex:Cell;2", true));
  EXPECT_FALSE(ModelSet::IsOfModel(oem, "dtmi:ex:OemCell", true));
  EXPECT_TRUE(ModelSet::IsOfModel(oem, "dtmi:ex:Cell;2"));
  EXPECT_FALSE(ModelSet::IsOfModel(oem, "dtmi:ex:Cell;2.1"));
  // An id that no model of the set has may still be asked for.
  EXPECT_TRUE(ModelSet::IsOfModel(oem, "dtmi:ex:Cell;1.5"));
}

// --- Contents ------------------------------------------------------------------------------------

TEST(Content, OfEveryKind) {
  const Models models = ParseContents(R"([
      {"@type": "Telemetry", "name": "voltage", "schema": "double"},
      {"@type": "Property", "name": "serial", "schema": "string"},
      {"@type": "Property", "name": "note", "schema": "string", "writable": true},
      {"@type": "Command", "name": "reset",
       "request": {"name": "after", "schema": "duration", "nullable": true, "displayName": "After"},
       "response": {"@type": "CommandResponse", "name": "done", "schema": "boolean"}},
      {"@type": "Command", "name": "ping"},
      {"@type": "Relationship", "name": "pack", "target": "dtmi:ex:Pack;1", "maxMultiplicity": 4,
       "minMultiplicity": 0, "writable": true,
       "properties": [{"@type": "Property", "name": "slot", "schema": "integer"},
                      {"@type": ["Property", "Required"], "name": "since", "schema": "date"}]},
      {"@type": "Relationship", "name": "any"},
      {"@type": "Component", "name": "probe",
       "schema": {"@id": "dtmi:ex:Probe;1", "@type": "Interface"}}])");
  const Interface& m = *models->Find("dtmi:ex:M;1");

  const Content& voltage = *m.Find("voltage");
  EXPECT_EQ(voltage.kind, Class::kTelemetry);
  EXPECT_EQ(voltage.schema->kind, Class::kDouble);
  EXPECT_TRUE(voltage.schema->is_primitive() && voltage.schema->is_numeric());
  EXPECT_EQ(m.Find("serial")->kind, Class::kProperty);
  EXPECT_FALSE(m.Find("serial")->writable);
  EXPECT_FALSE(m.Find("serial")->schema->is_numeric());
  EXPECT_TRUE(m.Find("note")->writable);
  EXPECT_EQ(m.Find("note")->schema, m.Find("serial")->schema);

  const Content& reset = *m.Find("reset");
  EXPECT_EQ(reset.kind, Class::kCommand);
  EXPECT_THAT(reset.schema, IsNull());
  ASSERT_THAT(reset.request, NotNull());
  EXPECT_EQ(reset.request->name, "after");
  EXPECT_EQ(reset.request->schema->kind, Class::kDuration);
  EXPECT_TRUE(reset.request->nullable);
  EXPECT_EQ(reset.request->documentation.DisplayName(), "After");
  ASSERT_THAT(reset.response, NotNull());
  EXPECT_EQ(reset.response->name, "done");
  EXPECT_FALSE(reset.response->nullable);
  EXPECT_THAT(m.Find("ping")->request, IsNull());
  EXPECT_THAT(m.Find("ping")->response, IsNull());

  const Content& pack = *m.Find("pack");
  EXPECT_EQ(pack.kind, Class::kRelationship);
  EXPECT_EQ(pack.target, "dtmi:ex:Pack;1");
  EXPECT_EQ(pack.max_multiplicity, 4);
  EXPECT_TRUE(pack.writable);
  ASSERT_THAT(pack.properties, SizeIs(2));
  EXPECT_EQ(pack.properties[0].name, "slot");
  EXPECT_EQ(pack.FindProperty("since")->schema->kind, Class::kDate);
  EXPECT_TRUE(pack.FindProperty("since")->traits.required);
  EXPECT_EQ(pack.FindProperty("since")->owner, &m);
  EXPECT_THAT(pack.FindProperty("until"), IsNull());
  EXPECT_EQ(m.Find("any")->target, "");
  EXPECT_EQ(m.Find("any")->max_multiplicity, 0);
  EXPECT_THAT(m.Find("any")->properties, IsEmpty());

  EXPECT_EQ(m.Find("probe")->kind, Class::kComponent);
  EXPECT_EQ(m.Find("probe")->component, models->Find("dtmi:ex:Probe;1"));
}

TEST(Content, OfDtdl2HasOnePayloadClass) {
  const Models models = ParseModels(R"(
    {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:ex:M;1", "@type": "Interface",
     "contents": {"@type": "Command", "name": "reset",
                  "request": {"@type": "CommandPayload", "name": "after", "schema": "duration"}}})");
  EXPECT_EQ(models->Find("dtmi:ex:M;1")->Find("reset")->request->name, "after");
}

TEST(Schemas, OfEveryComplexKind) {
  const Models models = ParseContents(R"([
      {"@type": "Property", "name": "chemistry", "schema":
        {"@type": "Enum", "valueSchema": "string", "enumValues": [
          {"name": "nmc", "enumValue": "NMC", "displayName": "Nickel"}, {"name": "lfp", "enumValue": "LFP"}]}},
      {"@type": "Property", "name": "state", "schema":
        {"@type": "Enum", "valueSchema": "integer", "enumValues": [
          {"name": "open", "enumValue": 7}, {"name": "shut", "enumValue": -1}]}},
      {"@type": "Property", "name": "voltages", "schema":
        {"@type": "Map", "mapKey": {"name": "cell", "schema": "string"},
         "mapValue": {"@type": ["MapValue", "Voltage"], "name": "volts", "schema": "float", "unit": "volt"}}},
      {"@type": "Property", "name": "place", "schema":
        {"@type": "Object", "comment": "where", "fields": [
          {"name": "town", "schema": "string"}, {"name": "at", "schema": "dtmi:dtdl:instance:Schema:date;4"}]}},
      {"@type": "Property", "name": "grid", "schema":
        {"@type": "Array", "elementSchema": {"@type": "Array", "elementSchema": "byte"}}}])");
  const Interface& m = *models->Find("dtmi:ex:M;1");

  const Schema& chemistry = *m.Find("chemistry")->schema;
  EXPECT_EQ(chemistry.kind, Class::kEnum);
  EXPECT_TRUE(chemistry.string_enum);
  ASSERT_THAT(chemistry.values, SizeIs(2));
  EXPECT_EQ(chemistry.values[0].name, "nmc");
  EXPECT_EQ(chemistry.values[0].text, "NMC");
  EXPECT_EQ(chemistry.values[0].documentation.DisplayName(), "Nickel");
  EXPECT_EQ(chemistry.FindValue("LFP"), &chemistry.values[1]);
  EXPECT_THAT(chemistry.FindValue("lfp"), IsNull());

  const Schema& state = *m.Find("state")->schema;
  EXPECT_FALSE(state.string_enum);
  EXPECT_EQ(state.values[1].number, -1);
  EXPECT_EQ(state.FindValue(7), &state.values[0]);
  EXPECT_EQ(state.FindValue(-1), &state.values[1]);
  EXPECT_THAT(state.FindValue(0), IsNull());

  const Schema& voltages = *m.Find("voltages")->schema;
  EXPECT_EQ(voltages.kind, Class::kMap);
  EXPECT_EQ(voltages.key_name, "cell");
  EXPECT_EQ(voltages.value_name, "volts");
  EXPECT_EQ(voltages.element->kind, Class::kFloat);
  EXPECT_EQ(voltages.value_traits.unit->symbol, "V");

  const Schema& place = *m.Find("place")->schema;
  EXPECT_EQ(place.kind, Class::kObject);
  EXPECT_EQ(place.documentation.comment, "where");
  ASSERT_THAT(place.fields, SizeIs(2));
  EXPECT_EQ(place.fields[0].name, "town");
  EXPECT_EQ(place.FindField("at"), &place.fields[1]);
  EXPECT_EQ(place.FindField("at")->schema->kind, Class::kDate);
  EXPECT_THAT(place.FindField("Town"), IsNull());

  const Schema& grid = *m.Find("grid")->schema;
  EXPECT_EQ(grid.kind, Class::kArray);
  EXPECT_EQ(grid.element->kind, Class::kArray);
  EXPECT_EQ(grid.element->element->kind, Class::kByte);
  EXPECT_FALSE(grid.is_primitive());
}

TEST(Traits, ComeFromExtensions) {
  const Models models = ParseContents(R"([
      {"@type": ["Telemetry", "Temperature", "Historized"], "name": "temperature", "schema": "double",
       "unit": "degreeCelsius"},
      {"@type": ["Property", "Limited", "Precise", "ScaledStatically", "Required"], "name": "soc",
       "schema": "double", "minimum": 0, "maximum": 1.00e2, "decimalPlaces": 1, "scaleFactor": 0.1},
      {"@type": ["Property", "ValueAnnotation", "Override"], "name": "unitNow", "schema": "TemperatureUnit",
       "annotates": "temperature", "overrides": "unit"},
      {"@type": "Property", "name": "plain", "schema": "double"}])");
  const Interface& m = *models->Find("dtmi:ex:M;1");

  const ValueTraits& temperature = m.Find("temperature")->traits;
  EXPECT_EQ(temperature.semantic_type, FindSemanticType("Temperature"));
  EXPECT_EQ(temperature.unit, FindUnit("degreeCelsius"));
  EXPECT_DOUBLE_EQ(temperature.unit->offset, 273.15);
  EXPECT_TRUE(temperature.historized);
  EXPECT_FALSE(temperature.required);
  EXPECT_THAT(m.Find("temperature")->cotypes, ElementsAre("Temperature", "Historized"));

  const ValueTraits& soc = m.Find("soc")->traits;
  EXPECT_EQ(soc.minimum, "0");
  EXPECT_EQ(soc.maximum, "1.00e2");
  EXPECT_EQ(soc.decimal_places, 1);
  EXPECT_EQ(soc.scale_factor, "0.1");
  EXPECT_TRUE(soc.required);
  EXPECT_THAT(soc.unit, IsNull());

  EXPECT_EQ(m.Find("unitNow")->annotates, "temperature");
  EXPECT_EQ(m.Find("unitNow")->overrides, "unit");
  EXPECT_THAT(m.Find("unitNow")->schema->FindValue("kelvin"), NotNull());
  EXPECT_EQ(m.Find("temperature")->annotates, "");

  const ValueTraits& plain = m.Find("plain")->traits;
  EXPECT_THAT(plain.semantic_type, IsNull());
  EXPECT_THAT(plain.unit, IsNull());
  EXPECT_FALSE(plain.historized || plain.required);
  EXPECT_EQ(plain.minimum, "");
  EXPECT_EQ(plain.maximum, "");
  EXPECT_EQ(plain.decimal_places, -1);
  EXPECT_EQ(plain.scale_factor, "");
  EXPECT_THAT(m.Find("plain")->cotypes, IsEmpty());
}

// --- Documentation -------------------------------------------------------------------------------

TEST(Documentation, HasLanguages) {
  const Models models = ParseContents(R"([
      {"@type": "Property", "name": "a", "schema": "string", "displayName": "A", "comment": "note"},
      {"@type": "Property", "name": "b", "schema": "string",
       "displayName": {"de": "Zelle", "en": "Cell", "fr-CA": "Cellule"}, "description": {"de": "Nur deutsch"}},
      {"@type": "Property", "name": "c", "schema": "string",
       "displayName": ["Cell", {"@language": "de", "@value": "Zelle"}, {"@language": "en-GB", "@value": "Battery"}],
       "description": [{"@value": "A cell"}]},
      {"@type": "Property", "name": "d", "schema": "string", "displayName": {}, "description": []},
      {"@type": "Property", "name": "e", "schema": "string", "displayName": {"en-GB": "Colour", "de": "Farbe"}}])");
  const Interface& m = *models->Find("dtmi:ex:M;1");
  const Documentation& a = m.Find("a")->documentation;
  EXPECT_EQ(a.DisplayName(), "A");
  EXPECT_EQ(a.DisplayName("de"), "A") << "English where there is no German";
  EXPECT_EQ(a.Description(), "");
  EXPECT_EQ(a.comment, "note");
  ASSERT_THAT(a.display_names, SizeIs(1));
  EXPECT_EQ(a.display_names[0].language, "en");

  const Documentation& b = m.Find("b")->documentation;
  EXPECT_EQ(b.DisplayName("de"), "Zelle");
  EXPECT_EQ(b.DisplayName("en"), "Cell");
  EXPECT_EQ(b.DisplayName("fr"), "Cellule") << "a region's text where the language is asked for";
  EXPECT_EQ(b.DisplayName("it"), "Cell");
  EXPECT_EQ(b.Description("en"), "Nur deutsch") << "any text rather than none";

  const Documentation& c = m.Find("c")->documentation;
  EXPECT_EQ(c.DisplayName(), "Cell");
  EXPECT_EQ(c.DisplayName("de"), "Zelle");
  EXPECT_EQ(c.DisplayName("en-GB"), "Battery");
  EXPECT_EQ(c.Description(), "A cell");

  EXPECT_EQ(m.Find("d")->documentation.DisplayName(), "");
  EXPECT_THAT(m.Find("d")->documentation.descriptions, IsEmpty());
  EXPECT_EQ(m.Find("e")->documentation.DisplayName(), "Colour");
  EXPECT_EQ(m.Find("e")->documentation.DisplayName("it"), "Colour");
}

// --- Columns -------------------------------------------------------------------------------------

TEST(FlattenPaths, GoThroughObjectsAndComponents) {
  const Models models = ParseContents(R"([
      {"@type": ["Property", "Historized"], "name": "soh", "schema": {"@type": "Object", "fields": [
        {"@type": ["Field", "Concentration"], "name": "value", "schema": "double", "unit": "percent"},
        {"name": "origin", "schema": {"@type": "Object", "fields": {"name": "method", "schema": "string"}}},
        {"name": "samples", "schema": {"@type": "Array", "elementSchema": {"@type": "Object",
          "fields": {"name": "x", "schema": "double"}}}}]}},
      {"@type": ["Telemetry", "Voltage"], "name": "voltage", "schema": "double", "unit": "volt"},
      {"@type": "Property", "name": "notes", "schema": {"@type": "Map",
        "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "string"}}},
      {"@type": "Property", "name": "place", "schema": "point"},
      {"@type": "Property", "name": "empty", "schema": {"@type": "Object"}},
      {"@type": "Command", "name": "reset"},
      {"@type": "Relationship", "name": "pack", "properties": {"@type": "Property", "name": "slot", "schema": "integer"}},
      {"@type": "Component", "name": "bms", "schema": {"@id": "dtmi:ex:Bms;1", "@type": "Interface",
        "contents": [{"@type": "Property", "name": "version", "schema": "string"},
                     {"@type": "Property", "name": "limits", "schema": {"@type": "Object",
                      "fields": {"name": "current", "schema": "double"}}}]}}])");
  const Interface& m = *models->Find("dtmi:ex:M;1");
  EXPECT_THAT(Paths(m), ElementsAre("bms.limits.current", "bms.version", "notes", "place.type",
                                    "place.coordinates", "soh.value", "soh.origin.method",
                                    "soh.samples", "voltage"));
  std::vector<ValuePath> objects;
  ModelSet::FlattenPaths(m, &objects);
  std::vector<std::string> of_objects;
  for (const ValuePath& object : objects) {
    of_objects.push_back(object.path);
    EXPECT_EQ(object.schema->kind, Class::kObject) << object.path;
  }
  EXPECT_THAT(of_objects, ElementsAre("bms.limits", "empty", "place", "soh", "soh.origin"));
  for (const ValuePath& path : ModelSet::FlattenPaths(m)) {
    SCOPED_TRACE(path.path);
    EXPECT_NE(path.schema->kind, Class::kObject);
    const bool soh = path.path.starts_with("soh.");
    EXPECT_EQ(path.traits.historized, soh);
    if (soh) {
      EXPECT_EQ(path.content, m.Find("soh"));
    }
    if (path.path == "soh.value") {
      EXPECT_EQ(path.traits.unit, FindUnit("percent"));
      EXPECT_EQ(path.traits.semantic_type, FindSemanticType("Concentration"));
    } else if (path.path == "voltage") {
      EXPECT_EQ(path.traits.unit, FindUnit("volt"));
    } else {
      EXPECT_THAT(path.traits.unit, IsNull());
    }
    if (path.path == "bms.version") {
      EXPECT_EQ(path.content->owner, models->Find("dtmi:ex:Bms;1"));
    }
  }
}

TEST(FlattenPaths, FollowTheOrderOfNamesThroughInheritance) {
  EXPECT_THAT(Paths(*ParseDiamond()->Find("dtmi:ex:OemCell;1")),
              ElementsAre("batch", "chemistry", "maker", "serial", "voltage"));
}

// From DTDL 4 on an Object may contain itself: it is one value, wherever on the path that is.
TEST(FlattenPaths, EndAtObjectsThatContainThemselves) {
  const Models models = ParseContents(R"([
      {"@type": "Property", "name": "direct", "schema": "dtmi:ex:Direct;1"},
      {"@type": "Property", "name": "circle", "schema": "dtmi:ex:A;1"},
      {"@type": "Property", "name": "above", "schema": {"@type": "Object", "fields": [
        {"name": "id", "schema": "string"}, {"name": "tree", "schema": "dtmi:ex:Direct;1"}]}},
      {"@type": "Property", "name": "twice", "schema": {"@type": "Object", "fields": [
        {"name": "a", "schema": "dtmi:ex:Leaf;1"}, {"name": "b", "schema": "dtmi:ex:Leaf;1"}]}},
      {"@type": "Property", "name": "listed", "schema": "dtmi:ex:Listed;1"}])",
                                      R"([
      {"@id": "dtmi:ex:Direct;1", "@type": "Object", "fields": [
        {"name": "name", "schema": "string"}, {"name": "next", "schema": "dtmi:ex:Direct;1"}]},
      {"@id": "dtmi:ex:A;1", "@type": "Object", "fields": {"name": "b", "schema": "dtmi:ex:B;1"}},
      {"@id": "dtmi:ex:B;1", "@type": "Object", "fields": {"name": "a", "schema": "dtmi:ex:A;1"}},
      {"@id": "dtmi:ex:Leaf;1", "@type": "Object", "fields": {"name": "x", "schema": "double"}},
      {"@id": "dtmi:ex:Listed;1", "@type": "Object", "fields": [
        {"name": "name", "schema": "string"},
        {"name": "below", "schema": {"@type": "Array", "elementSchema": "dtmi:ex:Listed;1"}}]}])");
  EXPECT_THAT(Paths(*models->Find("dtmi:ex:M;1")),
              ElementsAre("above.id", "above.tree", "circle", "direct", "listed.name",
                          "listed.below", "twice.a.x", "twice.b.x"));
}

// Objects that share Objects can have far more paths than the text has characters: 30^5 here.
TEST(FlattenPaths, AreLimited) {
  std::string schemas;
  for (int level = 0; level < 5; ++level) {
    absl::StrAppend(&schemas, level == 0 ? "" : ", ", R"({"@id": "dtmi:ex:L)", level,
                    R"(;1", "@type": "Object", "fields": [)");
    for (int i = 0; i < 30; ++i) {
      absl::StrAppend(&schemas, i == 0 ? "" : ", ", R"({"name": "f)", i, R"(", "schema": ")",
                      level == 4 ? "double" : absl::StrCat("dtmi:ex:L", level + 1, ";1"), "\"}");
    }
    absl::StrAppend(&schemas, "]}");
  }
  const Models models = ParseModels(absl::StrCat(
      R"({"@context": "dtmi:dtdl:context;2", "@id": "dtmi:ex:M;1", "@type": "Interface",
          "contents": {"@type": "Property", "name": "p", "schema": "dtmi:ex:L0;1"},
          "schemas": [)",
      schemas, "]}"));
  const std::vector<ValuePath> paths = ModelSet::FlattenPaths(*models->Find("dtmi:ex:M;1"));
  EXPECT_THAT(paths.size(), AllOf(Ge(kFlattenedPathsMax), Le(kFlattenedPathsMax + 1000u)));
  EXPECT_EQ(paths.front().path, "p.f0.f0.f0.f0.f0");
  EXPECT_EQ(paths.back().path, "p.f29");
  EXPECT_EQ(paths.back().schema->kind, Class::kObject);
}

// --- Schemas by id -------------------------------------------------------------------------------

TEST(FindSchema, ByExplicitId) {
  const Models models = ParseContents(
      R"([{"@id": "dtmi:ex:M:voltage;1", "@type": "Telemetry", "name": "voltage", "schema": "double"},
          {"@type": "Property", "name": "place", "schema":
            {"@id": "dtmi:ex:Inline;1", "@type": "Object",
             "fields": {"@id": "dtmi:ex:Inline:town;1", "name": "town", "schema": "string"}}}])",
      R"([{"@id": "dtmi:ex:Unused;1", "@type": "Array", "elementSchema": "integer"},
          {"@id": "dtmi:ex:Map;1", "@type": "Map", "mapKey": {"name": "k", "schema": "string"},
           "mapValue": {"@id": "dtmi:ex:MapValue;1", "name": "v", "schema": "date"}}])");
  EXPECT_EQ(models->FindSchema("dtmi:ex:Unused;1")->kind, Class::kArray);
  EXPECT_EQ(models->FindSchema("dtmi:ex:Inline;1"),
            models->Find("dtmi:ex:M;1")->Find("place")->schema);
  EXPECT_EQ(models->FindSchema("dtmi:ex:Inline:town;1")->kind, Class::kString) << "of a Field";
  EXPECT_EQ(models->FindSchema("dtmi:ex:MapValue;1")->kind, Class::kDate) << "of a MapValue";
  for (const char* id : {"dtmi:ex:M;1", "dtmi:ex:M:voltage;1", "dtmi:ex:None;1", "dtmi:ex:Unused;2",
                         "dtmi:ex:Unused", "", ";", ":_",
                         "dtmi:", "dtmi:ex:Unused;1:_elementSchema", "no id at all"}) {
    EXPECT_THAT(models->FindSchema(id), IsNull()) << id;
  }
}

TEST(FindSchema, OfTheLanguage) {
  const Models models = ParseModels("[]");
  const auto kind = [&](absl::string_view id) {
    const Schema* const schema = models->FindSchema(id);
    return schema == nullptr ? Class::kNone : schema->kind;
  };
  EXPECT_EQ(kind("dtmi:dtdl:instance:Schema:double;2"), Class::kDouble);
  EXPECT_EQ(kind("dtmi:dtdl:instance:Schema:double;3"), Class::kDouble);
  EXPECT_EQ(kind("dtmi:dtdl:instance:Schema:double;4"), Class::kDouble);
  EXPECT_EQ(kind("dtmi:dtdl:instance:Schema:double;5"), Class::kNone);
  EXPECT_EQ(kind("dtmi:dtdl:instance:Schema:uuid;4"), Class::kUuid);
  EXPECT_EQ(kind("dtmi:dtdl:instance:Schema:uuid;3"), Class::kNone);
  EXPECT_EQ(kind("dtmi:standard:schema:geospatial:point;2"), Class::kObject);
  EXPECT_EQ(kind("dtmi:standard:schema:geospatial:multiPolygon;4"), Class::kObject);
  EXPECT_EQ(kind("dtmi:standard:schema:geospatial:point:_fields:__coordinates:_schema;3"),
            Class::kArray);
  EXPECT_EQ(kind("dtmi:standard:schema:geospatial:point:_fields:__type:_schema;3"), Class::kEnum);
  EXPECT_EQ(kind("dtmi:standard:schema:scaledDecimal;4"), Class::kObject);
  EXPECT_EQ(kind("dtmi:dtdl:extension:quantitativeTypes:v1:enum:VoltageUnit"), Class::kEnum);
  EXPECT_EQ(kind("dtmi:dtdl:instance:Schema:unknown;2"), Class::kNone);
  EXPECT_EQ(kind("double"), Class::kNone) << "a term is no id";
}

// Ids that the language generates: of the element around, then _member or _member:__name.
TEST(FindSchema, ByGeneratedId) {
  const Models models = ParseModels(R"([
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:M;1.2", "@type": "Interface", "contents": [
      {"@type": "Property", "name": "place", "schema": {"@type": "Object", "fields": [
        {"name": "town", "schema": "string"},
        {"name": "grid", "schema": {"@type": "Array", "elementSchema": {"@type": "Map",
          "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "date"}}}}]}},
      {"@type": "Command", "name": "c", "request": {"name": "r", "schema": {"@type": "Array", "elementSchema": "integer"}}},
      {"@type": "Relationship", "name": "rel", "properties": {"@type": "Property", "name": "p",
        "schema": {"@type": "Enum", "valueSchema": "integer"}}}]},
    {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:N", "@type": "Interface", "contents":
      {"@id": "dtmi:ex:N:t", "@type": "Telemetry", "name": "t",
       "schema": {"@type": "Array", "elementSchema": "double"}}}])");
  const Interface& m = *models->Find("dtmi:ex:M;1.2");
  const Schema& place = *m.Find("place")->schema;
  const struct {
    const char* id;
    const Schema* schema;
  } cases[] = {
      {"dtmi:ex:M:_contents:__place:_schema;1.2", &place},
      {"dtmi:ex:M:_contents:__place:_schema:_fields:__grid:_schema;1.2", place.fields[1].schema},
      {"dtmi:ex:M:_contents:__place:_schema:_fields:__grid:_schema:_elementSchema;1.2",
       place.fields[1].schema->element},
      {"dtmi:ex:M:_contents:__c:_request:_schema;1.2", m.Find("c")->request->schema},
      {"dtmi:ex:M:_contents:__rel:_properties:__p:_schema;1.2",
       m.Find("rel")->properties[0].schema},
      {"dtmi:ex:N:t:_schema", models->Find("dtmi:ex:N")->Find("t")->schema},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(models->FindSchema(test.id), test.schema) << test.id;
    EXPECT_EQ(ModelSet::IdOf(*test.schema), test.id);
  }
  // A Field or a MapValue stands for its schema.
  EXPECT_EQ(models->FindSchema("dtmi:ex:M:_contents:__place:_schema:_fields:__town;1.2")->kind,
            Class::kString);
  EXPECT_EQ(models
                ->FindSchema("dtmi:ex:M:_contents:__place:_schema:_fields:__grid:_schema:"
                             "_elementSchema:_mapValue;1.2")
                ->kind,
            Class::kDate);
  for (const char* id :
       {"dtmi:ex:M:_contents:__place;1.2", "dtmi:ex:M:_contents;1.2",
        "dtmi:ex:M:_contents:__pla;1.2", "dtmi:ex:M:_contents:__place:_schema;1",
        "dtmi:ex:M:_contents:__place:_sch;1.2", "dtmi:ex:M:_contents:__place:_schema:;1.2",
        "dtmi:ex:N:_contents:__t:_schema", "dtmi:ex:M:_schema;1.2",
        "dtmi:ex:X:_contents:__place:_schema;1.2"}) {
    EXPECT_THAT(models->FindSchema(id), IsNull()) << id;
  }
}

TEST(IdOf, ContentsAndSchemas) {
  const Models models = ParseContents(
      R"([{"@type": "Property", "name": "a", "schema": "double"},
          {"@id": "dtmi:ex:b;1", "@type": "Property", "name": "b", "schema": "point"},
          {"@type": "Relationship", "name": "r", "properties": {"@type": "Property", "name": "p", "schema": "string"}}])");
  const Interface& m = *models->Find("dtmi:ex:M;1");
  EXPECT_EQ(ModelSet::IdOf(*m.Find("a")), "dtmi:ex:M:_contents:__a;1");
  EXPECT_EQ(ModelSet::IdOf(*m.Find("b")), "dtmi:ex:b;1");
  EXPECT_EQ(ModelSet::IdOf(m.Find("r")->properties[0]),
            "dtmi:ex:M:_contents:__r:_properties:__p;1");
  EXPECT_EQ(ModelSet::IdOf(*m.Find("a")->schema), "dtmi:dtdl:instance:Schema:double;2");
  EXPECT_EQ(ModelSet::IdOf(*m.Find("b")->schema), "dtmi:standard:schema:geospatial:point;4");
}

}  // namespace
}  // namespace twin::dtdl
