#include "models/dtdl/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "models/dtdl/codes.h"
#include "models/dtdl/json.h"

namespace twin::dtdl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::SizeIs;

constexpr absl::string_view kCell =
    R"({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:Cell;1", "@type": "Interface"})";

// An Interface in DTDL 3.
std::string InterfaceText(absl::string_view id, absl::string_view members = "") {
  return absl::StrCat(R"({"@context": "dtmi:dtdl:context;3", "@id": ")", id,
                      R"(", "@type": "Interface")", members.empty() ? "" : ", ", members, "}");
}

std::string Errors(const ParseResult& result) {
  return absl::StrJoin(result.diagnostics, "\n", [](std::string* out, const Diagnostic& finding) {
    absl::StrAppend(out, finding.document, ":", finding.line, ":", finding.column, ": ",
                    finding.code, " ", finding.element, ": ", FullMessage(finding));
  });
}

std::vector<std::string> Codes(const ParseResult& result) {
  std::vector<std::string> codes;
  for (const Diagnostic& finding : result.diagnostics) codes.emplace_back(finding.code);
  return codes;
}

// --- Sets of texts -------------------------------------------------------------------------------

TEST(Parse, NoTextAtAllIsValid) {
  const ParseResult result = Parse({});
  EXPECT_EQ(result.verdict, Verdict::kValid);
  ASSERT_THAT(result.models, NotNull());
  EXPECT_THAT(result.models->interfaces(), IsEmpty());
}

TEST(Parse, TextsFormOneSetInAnyOrder) {
  const std::string asset = InterfaceText("dtmi:ex:Asset;1");
  const std::string cell = InterfaceText("dtmi:ex:Cell;1", R"("extends": "dtmi:ex:Asset;1")");
  const std::string both = absl::StrCat("[", cell, ", ", asset, "]");
  const std::vector<std::vector<Source>> sets = {{{"a", asset}, {"c", cell}},
                                                 {{"c", cell}, {"a", asset}},
                                                 {{"both", both}},
                                                 {{"", both}, {"none", "[]"}}};
  for (const std::vector<Source>& sources : sets) {
    const ParseResult result = Parse(sources);
    ASSERT_EQ(result.verdict, Verdict::kValid) << Errors(result);
    EXPECT_THAT(result.diagnostics, IsEmpty());
    ASSERT_THAT(result.models->interfaces(), SizeIs(2));
    EXPECT_EQ(result.models->Find("dtmi:ex:Cell;1")->bases[0],
              result.models->Find("dtmi:ex:Asset;1"));
  }
}

TEST(Parse, TextsNeedNotOutliveTheCall) {
  auto text = std::make_unique<std::string>(kCell);
  const ParseResult result = Parse({{"cell.json", *text}});
  text->assign(text->size(), '#');
  text.reset();
  EXPECT_EQ(result.models->Find("dtmi:ex:Cell;1")->id, "dtmi:ex:Cell;1");
}

TEST(Parse, VerdictsHaveNames) {
  EXPECT_EQ(VerdictName(Verdict::kValid), "valid");
  EXPECT_EQ(VerdictName(Verdict::kInvalid), "invalid");
  EXPECT_EQ(VerdictName(Verdict::kIncomplete), "incomplete");
}

// --- Incomplete sets -----------------------------------------------------------------------------

TEST(Parse, WhatNoTextDefinesIsListedOnce) {
  const std::string text = InterfaceText("dtmi:ex:Cell;1",
                                         R"("extends": ["dtmi:ex:Z;1", "dtmi:ex:A;1"],
         "contents": [{"@type": "Component", "name": "c", "schema": "dtmi:ex:Z;1"},
                      {"@type": "Property", "name": "p", "schema": "dtmi:ex:B;1"},
                      {"@type": "Property", "name": "q", "schema":
                        {"@type": "Array", "elementSchema": "dtmi:ex:B;1"}},
                      {"@type": "Relationship", "name": "r", "target": "dtmi:ex:Nowhere;1"}])");
  const ParseResult result = Parse({{"cell.json", text}});
  EXPECT_EQ(result.verdict, Verdict::kIncomplete);
  EXPECT_THAT(result.unresolved, ElementsAre("dtmi:ex:A;1", "dtmi:ex:B;1", "dtmi:ex:Z;1"));
  EXPECT_THAT(result.models, IsNull());
}

TEST(Parse, AnErrorOutweighsWhatIsMissing) {
  const ParseResult result =
      Parse({{"a", InterfaceText("dtmi:ex:A;1", R"("extends": "dtmi:ex:Nowhere;1")")},
             {"b", InterfaceText("dtmi:ex:B;1", R"("contnts": [])")}});
  EXPECT_EQ(result.verdict, Verdict::kInvalid);
  EXPECT_THAT(Codes(result), ElementsAre("propertyUndefinedTerm"));
}

// What is defined, but wrong, is not missing.
TEST(Parse, ABrokenDefinitionIsNotMissing) {
  const ParseResult result =
      Parse({{"a", InterfaceText("dtmi:ex:A;1", R"("extends": "dtmi:ex:B;1")")},
             {"b", InterfaceText("dtmi:ex:B;1", R"("@version": 1)")}});
  EXPECT_EQ(result.verdict, Verdict::kInvalid);
  EXPECT_THAT(Codes(result), ElementsAre("topLevelKeywordDisallowed"));
  EXPECT_THAT(result.unresolved, IsEmpty());
}

// --- Errors of many Interfaces -------------------------------------------------------------------

// Ten ways to be wrong, told alone.
const std::vector<std::string>& BadMembers() {
  static const auto* const members = new std::vector<std::string>{
      R"("contnts": [])",
      R"("displayName": 1)",
      R"("description": {"en-us": "x"})",
      R"("extends": "Asset")",
      R"("contents": [{"@type": "Telemetry", "name": "a b", "schema": "double"}])",
      R"("contents": [{"@type": "Telemetry", "name": "a"}])",
      R"("contents": [{"@type": "Telemetry", "name": "a", "schema": "dubble"}])",
      R"("contents": [{"@type": "Command", "name": "a"}, {"@type": "Command", "name": "a"}])",
      R"("contents": [{"@type": "Relationship", "name": "a", "minMultiplicity": 1}])",
      R"("schemas": [{"@type": "Object"}])"};
  return *members;
}

TEST(Parse, OneBadInterfaceHidesNothingOfOthers) {
  std::vector<std::string> texts, expected;
  for (const std::string& members : BadMembers()) {
    texts.push_back(InterfaceText(absl::StrCat("dtmi:ex:I", texts.size(), ";1"), members));
    const ParseResult alone = Parse({{"", texts.back()}});
    ASSERT_THAT(alone.diagnostics, SizeIs(1)) << Errors(alone);
    expected.emplace_back(alone.diagnostics[0].code);
  }
  // In texts of their own, with texts between that are no JSON, no Interface, or without context.
  std::vector<Source> sources;
  std::vector<std::string> all;
  for (size_t i = 0; i < texts.size(); ++i) {
    sources.push_back({"", texts[i]});
    all.push_back(expected[i]);
    const Source between[] = {{"", "{"}, {"", "7"}, {"", R"({"@id": "dtmi:ex:X;1"})"}, {"", ""}};
    sources.push_back(between[i % 4]);
    constexpr absl::string_view kBetweenCodes[] = {code::kNotJson, code::kNotJsonObject,
                                                   code::kMissingContext, code::kNotJson};
    all.emplace_back(kBetweenCodes[i % 4]);
  }
  const ParseResult separate = Parse(sources);
  EXPECT_EQ(Codes(separate), all) << Errors(separate);
  for (size_t i = 0; i < separate.diagnostics.size(); ++i) {
    EXPECT_EQ(separate.diagnostics[i].document, i);
  }
  // In one array.
  const std::string array = absl::StrCat("[\n", absl::StrJoin(texts, ",\n"), "\n]");
  const ParseResult together = Parse({{"", array}});
  EXPECT_EQ(Codes(together), expected) << Errors(together);
  for (size_t i = 0; i < together.diagnostics.size(); ++i) {
    EXPECT_EQ(together.diagnostics[i].line, static_cast<int>(i) + 2);
  }
}

// An Interface above or beside a bad one is checked all the same.
TEST(Parse, HeirsOfABadInterfaceAreChecked) {
  const std::string base = InterfaceText("dtmi:ex:Base;1", R"("contnts": [])");
  const std::string heir = InterfaceText("dtmi:ex:Heir;1",
                                         R"("extends": "dtmi:ex:Base;1",
         "contents": [{"@type": "Telemetry", "name": "a", "schema": "dubble"},
                      {"@type": "Relationship", "name": "b", "maxMultiplicity": 0}])");
  const ParseResult result = Parse({{"", base}, {"", heir}});
  EXPECT_THAT(Codes(result),
              ElementsAre("propertyUndefinedTerm", "badDtmiOrTerm", "valueBelowMin"));
}

TEST(Parse, AllErrorsOfAnInterfaceAreTold) {
  const std::string text = InterfaceText("dtmi:ex:Cell;1",
                                         R"(
"displayName": 1,
"contents": [
{"@type": "Telemetry", "name": 1, "schema": "dubble", "writable": true},
{"@type": "Property", "name": "p"},
{"@type": "Relationship", "name": "a", "minMultiplicity": 1, "maxMultiplicity": 0, "target": 7}
])");
  EXPECT_THAT(Codes(Parse({{"", text}})),
              ElementsAre("langStringElementNotStringOrObject", "stringNotString", "badDtmiOrTerm",
                          "propertyIrrelevantDtmiOrTerm", "missingObjectProperty", "valueNotExact",
                          "valueBelowMin", "identifierNotString"));
}

TEST(Parse, FindingsStandInTheOrderOfTheTexts) {
  const std::string bad =
      R"([{"@context": "dtmi:dtdl:context;3", "@id": "dtmi:ex:A;1", "@type": "Interface",
    "contents": [{"@type": "Telemetry", "name": "n", "schema": "dtmi:ex:Place;1"},
                 {"@type": "Telemetry", "name": "n", "schema": "float"}],
    "extends": "dtmi:ex:A;1", "contnts": 1}, 7])";
  const std::vector<Source> sources = {{"1", bad}, {"2", "{"}, {"3", bad}, {"4", "[1, 2, 3]"}};
  const ParseResult result = Parse(sources);
  ASSERT_GE(result.diagnostics.size(), 8u) << Errors(result);
  for (size_t i = 1; i < result.diagnostics.size(); ++i) {
    const Diagnostic& before = result.diagnostics[i - 1];
    const Diagnostic& after = result.diagnostics[i];
    EXPECT_LE(std::tie(before.document, before.begin), std::tie(after.document, after.begin));
  }
}

// --- Where findings stand ------------------------------------------------------------------------

// A text with the marked place «..» of its one finding.
struct Marked {
  const char* code;
  const char* text;  // members of an Interface
};

TEST(Parse, FindingsMarkTheOffendingToken) {
  const Marked cases[] = {
      {"propertyUndefinedTerm", R"(«"contnts"»: [])"},
      {"propertyUndefinedTerm", R"(«"\u0063ontnts"»: [])"},  // the name as it is written
      {"propertyUndefinedTerm", R"(«"größe"»: [])"},
      {"langStringInvalidCode", R"("displayName": {«"en-us"»: "x"})"},
      {"langStringCodeNotUnique", R"("displayName": {"en": "x", «"en"»: "y"})"},
      {"langStringElementCodeNotUnique", R"("displayName": ["x", «"y"»])"},
      {"langStringValueNotString", R"("displayName": {"en": «1»})"},
      {"stringInvalid", R"("contents": {"@type": "Command", "name": «"a b"»})"},
      {"stringNotString", R"("contents": {"@type": "Command", "name": [«7»]})"},
      {"valueObjectKeyword",
       R"("contents": {"@type": "Command", "name": {"@value": "a", «"@index"»: 1}})"},
      {"badDtmiOrTerm", R"("contents": {"@type": "Telemetry", "name": "a", "schema": «"dubble"»})"},
      {"objectMultipleValues",
       R"("contents": {"@type": "Telemetry", "name": "a", "schema": «["double", "float"]»})"},
      {"typeUndefinedTerm",
       R"("contents": {"@type": ["Telemetry", «"Fizzy"»], "name": "a", "schema": "date"})"},
      {"multipleMaterialTypes",
       R"("contents": {"@type": ["Telemetry", «"Command"»], "name": "a", "schema": "date"})"},
      {"invalidCotype", R"("contents": {"@type": ["Command", «"Historized"»], "name": "a"})"},
      {"conflictingSupplementalTypes",
       R"("contents": {"@type": ["Telemetry", "Voltage", «"Current"»], "name": "a", "schema": "double", "unit": "volt"})"},
      {"missingCocotype",
       R"("contents": {"@type": ["Property", «"Override"»], "name": "a", "schema": "date", "overrides": "unit"})"},
      {"notRequiredType",
       R"("contents": {"@type": ["Telemetry", "Voltage"], "name": "a", "schema": «"string"», "unit": "volt"})"},
      {"wrongParent",
       R"("contents": {"@type": ["Telemetry", "Voltage"], "name": "a", "schema": "double", "unit": «"ampere"»})"},
      {"notSiblingRequiredType",
       R"("contents": [{"@type": "Command", "name": "c"},
           {"@type": ["Property", "ValueAnnotation"], "name": "a", "schema": "date", "annotates": «"c"»}])"},
      {"nonUniquePropertyValue",
       R"("contents": [{"@type": "Command", "name": "a"}, {"@type": "Command", "name": «"a"»}])"},
      {"nonUniquePropertyValue",
       R"("schemas": {"@id": "dtmi:ex:E;1", "@type": "Enum", "valueSchema": "integer",
           "enumValues": [{"name": "a", "enumValue": 1}, {"name": "b", "enumValue": «1»}]})"},
      {"nonConformantDatatype",
       R"("schemas": {"@id": "dtmi:ex:E;1", "@type": "Enum", "valueSchema": "integer",
           "enumValues": [{"name": "a", "enumValue": «"1"»}]})"},
      {"recursiveStructureNarrow", R"("extends": «"dtmi:ex:M;1"»)"},
      {"excludedType",
       R"("contents": {"@type": "Component", "name": "c", "schema": «"dtmi:ex:M;1"»})"},
      {"duplicateDefinition",
       R"("contents": {"@id": «"dtmi:ex:M;1"», "@type": "Command", "name": "a"})"},
      {"keywordDisallowed", R"("contents": {«"@index"»: 1, "@type": "Command", "name": "a"})"},
  };
  const std::string header =
      R"({"@context": ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:quantitativeTypes;1",
          "dtmi:dtdl:extension:historization;1", "dtmi:dtdl:extension:annotation;1",
          "dtmi:dtdl:extension:overriding;1"],
          "@id": "dtmi:ex:M;1", "@type": "Interface", )";
  for (const Marked& test : cases) {
    SCOPED_TRACE(test.text);
    std::string text = absl::StrCat(header, test.text, "}");
    const size_t begin = text.find("«");
    text.erase(begin, 2);
    const size_t end = text.find("»");
    text.erase(end, 2);
    const ParseResult result = Parse({{"", text}});
    ASSERT_THAT(result.diagnostics, SizeIs(1)) << Errors(result);
    const Diagnostic& finding = result.diagnostics[0];
    EXPECT_EQ(finding.code, test.code);
    EXPECT_EQ(text.substr(finding.begin, finding.end - finding.begin),
              text.substr(begin, end - begin));
    EXPECT_EQ(finding.begin, begin);
    const TextPosition position = PositionOf(text, begin);
    EXPECT_EQ(finding.line, position.line);
    EXPECT_EQ(finding.column, position.column);
  }
}

TEST(Parse, FullMessagesHaveMessageAndHint) {
  Diagnostic finding;
  finding.message = "a";
  EXPECT_EQ(FullMessage(finding), "a");
  finding.hint = "b";
  EXPECT_EQ(FullMessage(finding), "a; b");
}

TEST(Suggestions, AreClose) {
  const std::vector<absl::string_view> known = {"double", "float", "integer", "boolean", "date"};
  EXPECT_EQ(ClosestWord("dubble", known), "double");
  EXPECT_EQ(ClosestWord("Double", known), "double");
  EXPECT_EQ(ClosestWord("intger", known), "integer");
  EXPECT_EQ(ClosestWord("flaot", known), "float") << "a swap is one change";
  EXPECT_EQ(ClosestWord("date", known), "date");
  EXPECT_EQ(ClosestWord("voltage", known), "");
  EXPECT_EQ(ClosestWord("", known), "");
  EXPECT_EQ(ClosestWord("x", {}), "");
  EXPECT_EQ(ClosestWord(std::string(100000, 'a'), known), "");
  EXPECT_EQ(DidYouMean("dubble", known), "did you mean 'double'?");
  EXPECT_EQ(DidYouMean("voltage", known), "");
}

// --- Options -------------------------------------------------------------------------------------

Verdict VerdictOf(absl::string_view text, const ParseOptions& options = {}) {
  return Parse({{"", text}}, options).verdict;
}

ParseOptions With(UndefinedExtensions undefined_extensions) {
  ParseOptions options;
  options.undefined_extensions = undefined_extensions;
  return options;
}

ParseOptions With(int ParseOptions::*bound, int value) {
  ParseOptions options;
  options.*bound = value;
  return options;
}

ParseOptions WithLimits(std::vector<std::string> limits) {
  ParseOptions options;
  options.limits = std::move(limits);
  return options;
}

TEST(ParseOptions, UndefinedExtensionsMayBeAllowed) {
  const auto text = [](int version, absl::string_view type) {
    return absl::StrCat(R"({"@context": ["dtmi:dtdl:context;)", version,
                        R"(", "dtmi:ex:mine;1"], "@id": "dtmi:ex:A;1", "@type": ["Interface", ")",
                        type, R"("]})");
  };
  for (const int version : {2, 3, 4}) {
    SCOPED_TRACE(version);
    EXPECT_EQ(VerdictOf(text(version, "Interface")),
              version == 2 ? Verdict::kValid : Verdict::kInvalid);
    EXPECT_EQ(VerdictOf(text(version, "Audited"), With(UndefinedExtensions::kAllow)),
              Verdict::kValid);
    EXPECT_EQ(VerdictOf(text(version, "Interface"), With(UndefinedExtensions::kDisallow)),
              Verdict::kInvalid);
  }
  // What is allowed unseen is told.
  const ParseResult result = Parse({{"", text(3, "Interface")}}, With(UndefinedExtensions::kAllow));
  for (const Diagnostic& finding : result.diagnostics) {
    EXPECT_EQ(finding.severity, Severity::kWarning) << FullMessage(finding);
  }
  EXPECT_THAT(Errors(result), HasSubstr("dtmi:ex:mine;1"));
}

TEST(ParseOptions, VersionsMayBeLimited) {
  for (int version = 2; version <= 4; ++version) {
    const std::string text = absl::StrCat(R"({"@context": "dtmi:dtdl:context;)", version,
                                          R"(", "@id": "dtmi:ex:A;1", "@type": "Interface"})");
    for (int most = 2; most <= 4; ++most) {
      EXPECT_EQ(VerdictOf(text, With(&ParseOptions::dtdl_version_max, most)),
                version <= most ? Verdict::kValid : Verdict::kInvalid)
          << version << " of " << most;
    }
  }
}

TEST(ParseOptions, LimitExtensionsAreAcceptedByName) {
  const auto text = [](absl::string_view limits) {
    return absl::StrCat(R"({"@context": ["dtmi:dtdl:context;4#limitless", ")", limits,
                        R"("], "@id": "dtmi:ex:A;1", "@type": "Interface", "description": ")",
                        std::string(2048, 'a'), R"("})");
  };
  EXPECT_EQ(VerdictOf(text("dtmi:dtdl:limits:aio;1")), Verdict::kInvalid);
  EXPECT_EQ(VerdictOf(text("dtmi:dtdl:limits:aio;1"), WithLimits({"dtmi:dtdl:limits:aio"})),
            Verdict::kValid);
  EXPECT_EQ(VerdictOf(text("dtmi:dtdl:limits:aio;1"), WithLimits({"dtmi:dtdl:limits:aio;1"})),
            Verdict::kValid);
  EXPECT_EQ(VerdictOf(text("dtmi:dtdl:limits:aio;1"), WithLimits({"dtmi:dtdl:limits:aio;2"})),
            Verdict::kInvalid);
  EXPECT_EQ(VerdictOf(text("dtmi:dtdl:limits:onvif;1"),
                      WithLimits({"dtmi:dtdl:limits:aio", "dtmi:dtdl:limits:onvif"})),
            Verdict::kValid);
  EXPECT_EQ(VerdictOf(text("dtmi:dtdl:context;4")), Verdict::kInvalid) << "512 is the bound again";
}

TEST(ParseOptions, TextsHaveLimits) {
  ParseOptions options;
  options.text_bytes_max = static_cast<uint32_t>(kCell.size());
  EXPECT_EQ(VerdictOf(kCell, options), Verdict::kValid);
  --options.text_bytes_max;
  EXPECT_EQ(VerdictOf(kCell, options), Verdict::kInvalid);
  const std::string nested = InterfaceText("dtmi:ex:A;1", R"("comment": [[["a"]]])");
  EXPECT_THAT(Codes(Parse({{"", nested}}, With(&ParseOptions::json_depth_max, 3))),
              ElementsAre("notJson"));
  EXPECT_THAT(Codes(Parse({{"", nested}}, With(&ParseOptions::json_depth_max, 4))),
              ElementsAre("stringNotString"));
}

TEST(ParseOptions, FindingsBeyondTheLimitAreCounted) {
  std::string text = "[";
  for (int i = 0; i < 50; ++i) absl::StrAppend(&text, i == 0 ? "" : ", ", i);
  absl::StrAppend(&text, "]");
  for (const int most : {0, 1, 49, 50, 51}) {
    SCOPED_TRACE(most);
    const ParseResult result = Parse({{"", text}}, With(&ParseOptions::diagnostics_max, most));
    EXPECT_EQ(result.verdict, Verdict::kInvalid);
    EXPECT_THAT(result.diagnostics, SizeIs(std::min(most, 50)));
    EXPECT_EQ(result.diagnostics_dropped, std::max(50 - most, 0));
  }
}

// --- Hostile texts -------------------------------------------------------------------------------

// Texts made to be expensive. What costs more than linear time here runs into the time limit that
// every test has; how long it takes is for the benchmarks.
void ExpectVerdict(absl::string_view text, Verdict verdict) {
  const ParseResult result = Parse({{"", text}});
  EXPECT_EQ(result.verdict, verdict) << Errors(result).substr(0, 1000);
}

std::string Repeat(int count, absl::string_view before, absl::string_view item,
                   absl::string_view after) {
  std::string text(before);
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", absl::StrReplaceAll(item, {{"#", absl::StrCat(i)}}));
  }
  return absl::StrCat(text, after);
}

// Texts that a client may send to keep us busy: all end, and soon. What is linear in their size
// takes a tenth of these seconds.
TEST(Hostile, ManyBadWordsCostLittle) {
  ExpectVerdict(Repeat(20000, InterfaceText("dtmi:ex:A;1").substr(0, 78) + ", ",
                       R"("memberNumber#": 1)", "}"),
                Verdict::kInvalid);
}

TEST(Hostile, ManyLanguagesCostLittle) {
  std::string map;
  int count = 0;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) {
      for (char c = 'a'; c <= 'z'; ++c) {
        absl::StrAppend(&map, count++ == 0 ? "" : ",", "\"", std::string{a, b, c}, "\":\"x\"");
      }
    }
  }
  ExpectVerdict(InterfaceText("dtmi:ex:A;1", absl::StrCat(R"("displayName": {)", map, "}")),
                Verdict::kValid);
}

TEST(Hostile, ManyRepeatedMembersCostLittle) {
  ExpectVerdict(
      Repeat(20000, InterfaceText("dtmi:ex:A;1").substr(0, 78) + ", ", R"("comment": "#")", "}"),
      Verdict::kInvalid);
}

TEST(Hostile, ManyTypesCostLittle) {
  ExpectVerdict(Repeat(20000,
                       R"({"@context": ["dtmi:dtdl:context;2", "dtmi:ex:mine;1"],
                                  "@id": "dtmi:ex:A;1", "@type": ["Interface", )",
                       R"("Type#")", "]}"),
                Verdict::kValid);
}

TEST(Hostile, ManyContentsCostLittle) {
  ExpectVerdict(Repeat(20000, InterfaceText("dtmi:ex:A;1").substr(0, 78) + R"(, "contents": [)",
                       R"({"@type": "Command", "name": "c#"})", "]}"),
                Verdict::kValid);
  ExpectVerdict(Repeat(20000, InterfaceText("dtmi:ex:A;1").substr(0, 78) + R"(, "contents": [)",
                       R"({"@type": "Command", "name": "c"})", "]}"),
                Verdict::kInvalid);
}

TEST(Hostile, ManyIndexesCostLittle) {
  ExpectVerdict(Repeat(60000,
                       R"({"@context": ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:mqtt;1"],
                                  "@id": "dtmi:ex:A;1", "@type": "Interface", "contents": [)",
                       R"({"@type": ["Command", "Idempotent"], "name": "c#"},
                                 {"@type": ["Telemetry", "Indexed"], "name": "t#", "schema": "date", "index": 1#})",
                       "]}"),
                Verdict::kInvalid);  // too large
}

// Each names the place of the first definition, which stands far down.
TEST(Hostile, ManyDuplicatesCostLittle) {
  ExpectVerdict(Repeat(2000, "[" + std::string(2 << 20, ' '), InterfaceText("dtmi:ex:A;1"), "]"),
                Verdict::kInvalid);
}

TEST(Hostile, ManySuggestionsCostLittle) {
  ExpectVerdict(
      Repeat(
          20000,
          R"({"@context": ["dtmi:dtdl:context;4", "dtmi:dtdl:extension:quantitativeTypes;3"],
                                  "@id": "dtmi:ex:A;1", "@type": "Interface", "contents": [)",
          R"({"@type": ["Telemetry", "Voltage"], "name": "t#", "schema": "double#", "unit": "volt#"})",
          "]}"),
      Verdict::kInvalid);
}

// A chain of Interfaces as long as the text allows, and each of them above the next.
TEST(Hostile, LongChainsCostLittle) {
  std::string chain = "[";
  for (int i = 0; i < 20000; ++i) {
    absl::StrAppend(&chain, i == 0 ? "" : ", ",
                    InterfaceText(absl::StrCat("dtmi:ex:I", i, ";1"),
                                  absl::StrCat(R"("extends": "dtmi:ex:I)", i + 1, R"(;1")")));
  }
  absl::StrAppend(&chain, ", ", InterfaceText("dtmi:ex:I20000;1"), "]");
  ExpectVerdict(chain, Verdict::kInvalid);
}

// --- Threads -------------------------------------------------------------------------------------

TEST(Parse, ManyThreadsGetEqualResults) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < BadMembers().size(); ++i) {
    texts.push_back(InterfaceText(absl::StrCat("dtmi:ex:I", i, ";1"), BadMembers()[i]));
  }
  texts.push_back(
      InterfaceText("dtmi:ex:Good;1",
                    R"("contents": [{"@type": "Property", "name": "p", "schema": "point"},
                      {"@type": "Telemetry", "name": "t", "schema": {"@type": "Array", "elementSchema": "date"}}])"));
  std::vector<Source> bad;
  bad.reserve(texts.size());
  for (const std::string& text : texts) bad.push_back({"", text});
  const std::vector<Source> good = {{"", texts.back()}};
  std::vector<std::string> found(8);
  {
    std::vector<std::jthread> threads;
    threads.reserve(found.size());
    for (std::string& result : found) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          const ParseResult valid = Parse(good);
          const std::vector<ValuePath> paths =
              ModelSet::FlattenPaths(*valid.models->Find("dtmi:ex:Good;1"));
          result =
              absl::StrCat(Errors(Parse(bad)), "\n", VerdictName(valid.verdict), "\n",
                           absl::StrJoin(paths, " ", [](std::string* out, const ValuePath& path) {
                             absl::StrAppend(out, path.path);
                           }));
        }
      });
    }
  }
  EXPECT_THAT(found[0], AllOf(HasSubstr("dubble"), HasSubstr("valid\np.type p.coordinates t")));
  for (const std::string& result : found) EXPECT_EQ(result, found[0]);
}

TEST(Parse, ATypeThatIsRefusedConcernsNoOtherElement) {
  const std::string text = R"({"@context": ["dtmi:dtdl:context;3",
      "dtmi:dtdl:extension:quantitativeTypes;1"], "@id": "dtmi:ex:Cell;1", "@type": "Interface",
      "contents": [
        {"@type": ["Command", "Temperature"]},
        {"@type": "Telemetry", "name": "heat", "schema": "double", "unit": "degreeCelsius"}]})";
  const ParseResult result = Parse({{"cell.json", text}});
  EXPECT_THAT(Codes(result), ElementsAre(code::kMissingDtmiSegPropertyValue, code::kInvalidCotype,
                                         code::kPropertyIrrelevantDtmiOrTerm))
      << Errors(result);
}

}  // namespace
}  // namespace twin::dtdl
