#include "models/dtdl/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "models/dtdl/diff_texts.h"

namespace twin::dtdl {
namespace {

using diff_texts::Array;
using diff_texts::Command;
using diff_texts::Component;
using diff_texts::Field;
using diff_texts::Line;
using diff_texts::Lines;
using diff_texts::LinesOf;
using diff_texts::Model;
using diff_texts::Models;
using diff_texts::Object;
using diff_texts::Others;
using diff_texts::ParseModels;
using diff_texts::Property;
using diff_texts::Relationship;
using diff_texts::Typed;
using diff_texts::X;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// --- Every pair of primitive types ---------------------------------------------------------------

// The pairs of types of which the second has every value of the first, written alike.
const std::map<std::string, std::set<std::string>>& Widenings() {
  static const auto* const widenings = new std::map<std::string, std::set<std::string>>{
      {"byte", {"short", "integer", "long", "float", "double"}},
      {"short", {"integer", "long", "float", "double"}},
      {"integer", {"long", "double"}},
      {"unsignedByte",
       {"unsignedShort", "unsignedInteger", "unsignedLong", "short", "integer", "long", "float",
        "double"}},
      {"unsignedShort", {"unsignedInteger", "unsignedLong", "integer", "long", "float", "double"}},
      {"unsignedInteger", {"unsignedLong", "long", "double"}},
      {"float", {"double"}},
  };
  return *widenings;
}

TEST(Diff, WidensExactlyTheseTypes) {
  constexpr absl::string_view kTypes[] = {
      "boolean",      "byte",          "bytes",        "date",
      "dateTime",     "decimal",       "double",       "duration",
      "float",        "integer",       "long",         "short",
      "string",       "time",          "unsignedByte", "unsignedInteger",
      "unsignedLong", "unsignedShort", "uuid"};
  std::string contents;
  for (const absl::string_view type : kTypes) {
    absl::StrAppend(&contents, contents.empty() ? "" : ", ",
                    Model(absl::StrCat("dtmi:t:", type, ";1"), X(absl::StrCat("'", type, "'"))));
  }
  const Models models = ParseModels(absl::StrCat("[", contents, "]"));
  ASSERT_NE(models, nullptr);
  for (const absl::string_view from : kTypes) {
    for (const absl::string_view to : kTypes) {
      const ModelDiff diff = Diff(*models->Find(absl::StrCat("dtmi:t:", from, ";1")),
                                  *models->Find(absl::StrCat("dtmi:t:", to, ";1")));
      Lines lines;
      for (const ModelChange& change : diff.changes) {
        if (change.path == "x") lines.emplace_back(CompatibilityName(change.compatibility));
      }
      const auto found = Widenings().find(std::string(from));
      const bool widens = found != Widenings().end() && found->second.count(std::string(to)) > 0;
      EXPECT_EQ(lines, from == to ? Lines{} : Lines{widens ? "additive" : "breaking"})
          << from << " to " << to;
    }
  }
}

// --- Schemas that occur several times, or contain themselves -------------------------------------

constexpr absl::string_view kTwoEstimates = R"([{
  '@context': 'dtmi:dtdl:context;4', '@type': 'Interface', '@id': 'dtmi:t:A;1',
  'contents': [
    {'@type': 'Property', 'name': 'soc', 'schema': 'dtmi:t:Estimate;1'},
    {'@type': 'Property', 'name': 'soh', 'schema': 'dtmi:t:Estimate;1'},
    {'@type': 'Property', 'name': 'sor', 'schema': 'dtmi:t:Estimate;1'},
    {'@type': 'Command', 'name': 'ask', 'response': {'name': 'e', 'schema': 'dtmi:t:Estimate;1'}}],
  'schemas': {'@id': 'dtmi:t:Estimate;1', '@type': 'Object', 'fields': [
    {'name': 'value', 'schema': 'TYPE'}]}
}])";

TEST(Diff, ReportsASharedSchemaInFullOnce) {
  const Models before = ParseModels(absl::StrReplaceAll(kTwoEstimates, {{"TYPE", "double"}}));
  const Models after = ParseModels(absl::StrReplaceAll(kTwoEstimates, {{"TYPE", "float"}}));
  EXPECT_THAT(
      LinesOf(Diff(*before->Find("dtmi:t:A;1"), *after->Find("dtmi:t:A;1"))),
      ElementsAre("breaking ask.response.value: type changed from double to float",
                  "breaking soc.value: type changed from double to float -> convert 'soc.value' "
                  "from double to float; where it does not fit, remove it",
                  "breaking soh: changed as 'soc' did -> as for 'soc'",
                  "breaking sor: changed as 'soc' did -> as for 'soc'"));
}

constexpr absl::string_view kTree = R"([{
  '@context': 'dtmi:dtdl:context;4', '@type': 'Interface', '@id': 'dtmi:t:A;1',
  'contents': {'@type': 'Property', 'name': 'tree', 'schema': 'dtmi:t:Node;1'},
  'schemas': [
    {'@id': 'dtmi:t:Node;1', '@type': 'Object', 'fields': [
      {'name': 'left', 'schema': 'dtmi:t:Node;1'},
      {'name': 'right', 'schema': 'dtmi:t:Node;1'},
      {'name': 'forest', 'schema': 'dtmi:t:Forest;1'},
      {'name': 'weight', 'schema': 'TYPE'}]},
    {'@id': 'dtmi:t:Forest;1', '@type': 'Array', 'elementSchema': 'dtmi:t:Node;1'}]
}])";

TEST(Diff, EndsOnSchemasThatContainThemselves) {
  const Models before = ParseModels(absl::StrReplaceAll(kTree, {{"TYPE", "integer"}}));
  const Models after = ParseModels(absl::StrReplaceAll(kTree, {{"TYPE", "double"}}));
  const Interface& old_model = *before->Find("dtmi:t:A;1");
  EXPECT_THAT(LinesOf(Diff(old_model, *after->Find("dtmi:t:A;1"))),
              ElementsAre("additive tree.weight: type widened from integer to double"));
  EXPECT_THAT(LinesOf(Diff(old_model, old_model)), IsEmpty());
}

// A tree in which one side contains itself a level later than the other.
TEST(Diff, EndsOnSchemasThatContainThemselvesDifferently) {
  const std::string unrolled = absl::StrReplaceAll(
      kTree,
      {{"TYPE", "integer"},
       {"'name': 'left', 'schema': 'dtmi:t:Node;1'", "'name': 'left', 'schema': 'dtmi:t:Node2;1'"},
       {"'schemas': [",
        "'schemas': [{'@id': 'dtmi:t:Node2;1', '@type': 'Object', 'fields': [{'name': "
        "'left', 'schema': 'dtmi:t:Node;1'}]},"}});
  const Models before = ParseModels(absl::StrReplaceAll(kTree, {{"TYPE", "integer"}}));
  const Models after = ParseModels(unrolled);
  EXPECT_THAT(LinesOf(Diff(*before->Find("dtmi:t:A;1"), *after->Find("dtmi:t:A;1"))),
              ElementsAre("breaking tree.left.forest: field removed -> remove field "
                          "'tree.left.forest'",
                          "breaking tree.left.right: field removed -> remove field "
                          "'tree.left.right'",
                          "breaking tree.left.weight: field removed -> remove field "
                          "'tree.left.weight'"));
}

// Schemas whose paths double with each level: 2^8 of them, each to be compared once.
TEST(Diff, ComparesSharedSchemasOnce) {
  const auto ladder = [](absl::string_view type) {
    std::string schemas;
    constexpr int kLevels = 7;
    for (int i = 0; i < kLevels; ++i) {
      const std::string below =
          i + 1 == kLevels ? absl::StrCat("'", type, "'") : absl::StrCat("'dtmi:t:S", i + 1, ";1'");
      absl::StrAppend(&schemas, i == 0 ? "" : ", ", "{'@id': 'dtmi:t:S", i,
                      ";1', '@type': 'Object', 'fields': [", Field("a", below), ", ",
                      Field("b", below), "]}");
    }
    return ParseModels(
        Model("dtmi:t:A;1", X("'dtmi:t:S0;1'"), absl::StrCat("'schemas': [", schemas, "]")));
  };
  const Models before = ladder("integer"), after = ladder("long");
  const ModelDiff diff = Diff(*before->Find("dtmi:t:A;1"), *after->Find("dtmi:t:A;1"));
  EXPECT_THAT(diff.changes, SizeIs(8));
  EXPECT_EQ(Line(diff.changes.back()), "additive x.b: changed as 'x.a' did");
}

// Whether names are alike is asked of few only: it costs the product of both lists.
TEST(Diff, GuessesNewNamesOfFewContentsOnly) {
  const auto hints = [](int count) {
    std::string before, after;
    for (int i = 0; i < count; ++i) {
      const absl::string_view comma = i == 0 ? "" : ",";
      absl::StrAppend(&before, comma, Property(absl::StrCat("sensor_value_", i), "'double'"));
      absl::StrAppend(&after, comma, Property(absl::StrCat("sensorValue_", i), "'double'"));
    }
    const Models old_models = ParseModels(Model("dtmi:t:A;1", before));
    const Models new_models = ParseModels(Model("dtmi:t:A;1", after));
    int found = 0;
    const ModelDiff diff = Diff(*old_models->Find("dtmi:t:A;1"), *new_models->Find("dtmi:t:A;1"));
    for (const ModelChange& change : diff.changes) found += absl::StrContains(change.what, "?");
    return found;
  };
  EXPECT_EQ(hints(100), 100);
  EXPECT_EQ(hints(101), 0);
}

TEST(Diff, ReportsAComponentThatOccursTwiceInFullOnce) {
  const auto model = [](absl::string_view type) {
    return ParseModels(absl::StrCat(
        "[",
        Model("dtmi:t:A;1", Typed("'Component'", "front", "'schema': 'dtmi:t:M;1'") + "," +
                                Typed("'Component'", "rear", "'schema': 'dtmi:t:M;1'")),
        ",", Model("dtmi:t:M;1", X(type)), "]"));
  };
  const Models before = model("'float'"), after = model("'double'");
  EXPECT_THAT(LinesOf(Diff(*before->Find("dtmi:t:A;1"), *after->Find("dtmi:t:A;1"))),
              ElementsAre("additive front.x: type widened from float to double",
                          "additive rear: changed as 'front' did"));
}

// --- Interfaces ----------------------------------------------------------------------------------

TEST(Diff, ComparesWhatTheInterfaceItselfSays) {
  const Models before = ParseModels(Model("dtmi:t:A;1", "", "'description': 'a'"));
  const Models after = ParseModels(R"({
    '@context': ['dtmi:dtdl:context;3', 'dtmi:dtdl:extension:mqtt;1'], '@id': 'dtmi:t:A;1',
    '@type': ['Interface', 'Mqtt'], 'payloadFormat': 'Json/ecma/404', 'description': 'b'})");
  EXPECT_THAT(LinesOf(Diff(*before->Find("dtmi:t:A;1"), *after->Find("dtmi:t:A;1"))),
              ElementsAre("documentation : version of DTDL changed from 4 to 3",
                          "documentation : description changed", "additive : payloadFormat added",
                          "additive : type Mqtt added"));
}

// The same model in DTDL 2, whose units and semantic types are part of the language, and in 3.
TEST(Diff, FindsNothingButTheVersionInAnUpgrade) {
  constexpr absl::string_view kModel = R"({
    '@context': CONTEXT, '@id': 'dtmi:t:A;1', '@type': 'Interface', 'contents': [
      {'@type': ['Telemetry', 'Temperature'], 'name': 't', 'schema': 'double', 'unit': 'kelvin'},
      {'@type': 'Telemetry', 'name': 'place', 'schema': 'point'},
      {'@type': 'Command', 'name': 'c', 'request': {'name': 'q', 'schema': 'date'}}]})";
  const Models before =
      ParseModels(absl::StrReplaceAll(kModel, {{"CONTEXT", "'dtmi:dtdl:context;2'"}}));
  const Models after = ParseModels(absl::StrReplaceAll(
      kModel, {{"CONTEXT", "['dtmi:dtdl:context;3', 'dtmi:dtdl:extension:quantitativeTypes;1']"}}));
  const ModelDiff diff = Diff(*before->Find("dtmi:t:A;1"), *after->Find("dtmi:t:A;1"));
  EXPECT_THAT(LinesOf(diff), ElementsAre("documentation : version of DTDL changed from 2 to 3"));
  EXPECT_EQ(diff.compatibility(), Compatibility::kDocumentation);
}

TEST(Diff, ComparesAncestorsByWhatIsOfModelAnswers) {
  const auto models = [](absl::string_view extends) {
    return ParseModels(absl::StrCat("[", Model("dtmi:t:A;1", "", extends), ", ",
                                    Model("dtmi:t:Base;1", "", "'extends': 'dtmi:t:Root;1'"), ", ",
                                    Model("dtmi:t:Base;2", "", "'extends': 'dtmi:t:Root;1'"), ", ",
                                    Model("dtmi:t:Root;1", X("'double'")), "]"));
  };
  const Models none = models("'comment': ''"), one = models("'extends': 'dtmi:t:Base;1'"),
               two = models("'extends': 'dtmi:t:Base;2'");
  const auto lines = [](const Models& before, const Models& after) {
    return LinesOf(Diff(*before->Find("dtmi:t:A;1"), *after->Find("dtmi:t:A;1")));
  };
  EXPECT_THAT(lines(none, one), ElementsAre("additive : extends 'dtmi:t:Base;1' now",
                                            "additive : extends 'dtmi:t:Root;1' now",
                                            "additive x: property added (double)"));
  EXPECT_THAT(lines(one, none), ElementsAre("breaking : extends 'dtmi:t:Base;1' no more: "
                                            "IS_OF_MODEL('dtmi:t:Base;1') does not hold any more",
                                            "breaking : extends 'dtmi:t:Root;1' no more: "
                                            "IS_OF_MODEL('dtmi:t:Root;1') does not hold any more",
                                            "breaking x: property removed -> remove property 'x'"));
  // A later version answers for an earlier one.
  EXPECT_THAT(lines(one, two), ElementsAre("additive : extends 'dtmi:t:Base;2' now"));
  EXPECT_THAT(lines(two, one), ElementsAre("breaking : extends 'dtmi:t:Base;2' no more: "
                                           "IS_OF_MODEL('dtmi:t:Base;2') does not hold any more"));
}

TEST(Diff, ComparesModelsOfDifferentIds) {
  const Models models = ParseModels(absl::StrCat("[", Others(), "]"));
  const ModelDiff diff = Diff(*models->Find("dtmi:t:Other;1"), *models->Find("dtmi:t:Part;1"));
  EXPECT_EQ(diff.old_id, "dtmi:t:Other;1");
  EXPECT_EQ(diff.new_id, "dtmi:t:Part;1");
  EXPECT_EQ(diff.compatibility(), Compatibility::kBreaking);
  EXPECT_THAT(LinesOf(diff),
              ElementsAre("breaking : 'dtmi:t:Part;1' neither extends 'dtmi:t:Other;1' nor is a "
                          "later version of it: IS_OF_MODEL('dtmi:t:Other;1') does not hold any "
                          "more",
                          "additive serial: property added (string)"));
}

TEST(Diff, MovesTwinsToAModelThatExtendsTheirs) {
  const Models models = ParseModels(
      absl::StrCat("[", Model("dtmi:t:Oem;1", X("'double'"), "'extends': 'dtmi:t:Part;1'"), ", ",
                   Others(), "]"));
  const ModelDiff diff = Diff(*models->Find("dtmi:t:Part;1"), *models->Find("dtmi:t:Oem;1"));
  EXPECT_EQ(diff.compatibility(), Compatibility::kAdditive);
  EXPECT_THAT(LinesOf(diff), ElementsAre("additive x: property added (double)"));
}

// --- Sets ----------------------------------------------------------------------------------------

std::vector<std::pair<std::string, std::string>> PairsOf(const SetDiff& diff) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const ModelDiff& model : diff.models) pairs.emplace_back(model.old_id, model.new_id);
  return pairs;
}

Models SetOf(const std::vector<std::string>& models) {
  return ParseModels(absl::StrCat("[", absl::StrJoin(models, ", "), "]"));
}

TEST(SetDiff, IsEmptyForTheSameSet) {
  const Models one = ParseModels(absl::StrCat("[", Others(), "]"));
  const SetDiff diff = Diff(*one, *ParseModels(absl::StrCat("[", Others(), "]")));
  EXPECT_THAT(diff.added, IsEmpty());
  EXPECT_THAT(diff.removed, IsEmpty());
  EXPECT_THAT(diff.models, IsEmpty());
  EXPECT_EQ(diff.compatibility(), Compatibility::kDocumentation);
}

TEST(SetDiff, ListsWhatOnlyOneSetHas) {
  const Models before = SetOf({Model("dtmi:t:A;1", ""), Model("dtmi:t:B;1", "")});
  const Models after = SetOf({Model("dtmi:t:A;1", ""), Model("dtmi:t:C;1", "")});
  const SetDiff diff = Diff(*before, *after);
  EXPECT_THAT(diff.added, ElementsAre("dtmi:t:C;1"));
  EXPECT_THAT(diff.removed, ElementsAre("dtmi:t:B;1"));
  EXPECT_THAT(diff.models, IsEmpty());
  EXPECT_EQ(diff.compatibility(), Compatibility::kBreaking);
  EXPECT_EQ(Diff(*SetOf({Model("dtmi:t:A;1", "")}), *after).compatibility(),
            Compatibility::kAdditive);
}

TEST(SetDiff, ComparesTheSameIdAndElseTheLatestVersion) {
  const std::string a1 = Model("dtmi:t:A;1", ""), a2 = Model("dtmi:t:A;2", X("'double'")),
                    a10 = Model("dtmi:t:A;10", ""), a2_1 = Model("dtmi:t:A;2.1", ""),
                    a1_changed = Model("dtmi:t:A;1", X("'double'"));
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(PairsOf(Diff(*SetOf({a1}), *SetOf({a1_changed}))),
            (Pairs{{"dtmi:t:A;1", "dtmi:t:A;1"}}));
  EXPECT_EQ(PairsOf(Diff(*SetOf({a1}), *SetOf({a2}))), (Pairs{{"dtmi:t:A;1", "dtmi:t:A;2"}}));
  // A new version beside the old one.
  EXPECT_EQ(PairsOf(Diff(*SetOf({a1}), *SetOf({a1, a2}))), (Pairs{{"dtmi:t:A;1", "dtmi:t:A;2"}}));
  EXPECT_EQ(PairsOf(Diff(*SetOf({a1}), *SetOf({a2, a10}))),
            (Pairs{{"dtmi:t:A;1", "dtmi:t:A;10"}, {"dtmi:t:A;1", "dtmi:t:A;2"}}));
  // The latest is the one of the greatest number, not of the greatest text.
  const std::string a3 = Model("dtmi:t:A;3", ""), a11 = Model("dtmi:t:A;11", "");
  EXPECT_EQ(PairsOf(Diff(*SetOf({a2, a10}), *SetOf({a3, a11}))),
            (Pairs{{"dtmi:t:A;10", "dtmi:t:A;11"},
                   {"dtmi:t:A;10", "dtmi:t:A;3"},
                   {"dtmi:t:A;2", "dtmi:t:A;11"}}));
  EXPECT_EQ(PairsOf(Diff(*SetOf({a1, a2}), *SetOf({a2_1}))),
            (Pairs{{"dtmi:t:A;1", "dtmi:t:A;2.1"}, {"dtmi:t:A;2", "dtmi:t:A;2.1"}}));
  const SetDiff back = Diff(*SetOf({a2}), *SetOf({a1_changed}));
  ASSERT_THAT(back.models, SizeIs(1));
  EXPECT_THAT(LinesOf(back.models[0]),
              ElementsAre("breaking : 'dtmi:t:A;1' neither extends 'dtmi:t:A;2' nor is a later "
                          "version of it: IS_OF_MODEL('dtmi:t:A;2') does not hold any more"));
  EXPECT_THAT(back.added, IsEmpty());
  EXPECT_THAT(back.removed, IsEmpty());
}

TEST(SetDiff, CarriesAChangeToModelsThatInheritIt) {
  const std::string derived = Model("dtmi:t:B;1", "", "'extends': 'dtmi:t:A;1'");
  const SetDiff diff = Diff(*SetOf({Model("dtmi:t:A;1", ""), derived}),
                            *SetOf({Model("dtmi:t:A;1", X("'double'")), derived}));
  ASSERT_THAT(diff.models, SizeIs(2));
  EXPECT_THAT(LinesOf(diff.models[1]), ElementsAre("additive x: property added (double)"));
  EXPECT_EQ(diff.compatibility(), Compatibility::kAdditive);
}

// Two Interfaces alone cannot tell that every target of the old is one of the new; a set can.
TEST(SetDiff, KnowsWhichTargetExtendsWhich) {
  const auto models = [](absl::string_view target) {
    return SetOf({Model("dtmi:t:A;1", Relationship(absl::StrCat("'target': '", target, "'"))),
                  Model("dtmi:t:Base;1", ""),
                  Model("dtmi:t:Cell;1", "", "'extends': 'dtmi:t:Base;1'")});
  };
  const Models cell = models("dtmi:t:Cell;1"), base = models("dtmi:t:Base;1");
  const SetDiff wider = Diff(*cell, *base), narrower = Diff(*base, *cell);
  EXPECT_THAT(LinesOf(wider.models[0]),
              ElementsAre("additive r: target widened from 'dtmi:t:Cell;1' to 'dtmi:t:Base;1'"));
  EXPECT_THAT(LinesOf(narrower.models[0]),
              ElementsAre("breaking r: target narrowed from 'dtmi:t:Base;1' to 'dtmi:t:Cell;1' -> "
                          "retarget or delete relationships 'r' to twins that are not of "
                          "'dtmi:t:Cell;1'"));
  EXPECT_EQ(Diff(*cell->Find("dtmi:t:A;1"), *base->Find("dtmi:t:A;1")).compatibility(),
            Compatibility::kBreaking);
  // Of a target that no model defines nothing is known.
  EXPECT_EQ(Diff(*models("dtmi:t:Nobody;1"), *base).compatibility(), Compatibility::kBreaking);
}

TEST(Diff, NamesItsVerdicts) {
  EXPECT_EQ(CompatibilityName(Compatibility::kDocumentation), "documentation");
  EXPECT_EQ(CompatibilityName(Compatibility::kAdditive), "additive");
  EXPECT_EQ(CompatibilityName(Compatibility::kBreaking), "breaking");
}

}  // namespace
}  // namespace twin::dtdl
