#include "models/dtdl/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "models/dtdl/parse.h"
#include "tests/support/status_matchers.h"

namespace twin::dtdl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

using Models = std::shared_ptr<const ModelSet>;

Models ParseModels(absl::string_view text) {
  const ParseResult result = Parse({{"model.json", text}});
  for (const Diagnostic& diagnostic : result.diagnostics) {
    EXPECT_EQ(diagnostic.severity, Severity::kWarning)
        << diagnostic.line << ':' << diagnostic.column << ": " << FullMessage(diagnostic);
  }
  return result.models;
}

// An Interface in DTDL 4, with every extension that says something about values.
Models ParseContents(absl::string_view contents, absl::string_view schemas = "[]") {
  return ParseModels(absl::StrCat(
      R"({"@context": ["dtmi:dtdl:context;4", "dtmi:dtdl:extension:requirement;2",
                       "dtmi:iotoperations:context;4", "dtmi:dtdl:extension:quantitativeTypes;2"],
          "@id": "dtmi:ex:M;1", "@type": "Interface", "contents": )",
      contents, R"(, "schemas": )", schemas, "}"));
}

std::unique_ptr<const JsonDocument> ParseJson(absl::string_view text) {
  JsonParser parser;
  JsonError error;
  auto document = JsonDocument::Parse(text, parser, &error);
  EXPECT_NE(document, nullptr) << text << ": " << error.message;
  return document;
}

// Why a value does not conform to a schema; empty when it does.
class SchemaUnderTest {
 public:
  explicit SchemaUnderTest(absl::string_view schema, absl::string_view schemas = "[]")
      : models_(ParseContents(
            absl::StrCat(R"({"@type": "Telemetry", "name": "value", "schema": )", schema, "}"),
            schemas)) {}

  const Schema& schema() const { return *models_->Find("dtmi:ex:M;1")->Find("value")->schema; }
  std::vector<Violation> Violations(absl::string_view value) const {
    return ValidateText(schema(), value);
  }
  std::string Judge(absl::string_view value) const { return ViolationText(Violations(value)); }

  void ExpectAll(std::initializer_list<absl::string_view> values) const {
    for (const absl::string_view value : values) EXPECT_EQ(Judge(value), "") << value;
  }
  void ExpectNone(std::initializer_list<absl::string_view> values) const {
    for (const absl::string_view value : values) EXPECT_NE(Judge(value), "") << value;
  }

 private:
  Models models_;
};

// --- Primitive schemas ---------------------------------------------------------------------------

struct PrimitiveCase {
  const char* schema;
  std::vector<const char*> conform, do_not;
};

TEST(PrimitiveValues, HaveTheKindAndFormOfTheirSchema) {
  const PrimitiveCase cases[] = {
      {"boolean", {"true", "false"}, {"0", "1", "\"true\""}},
      {"byte", {"-128", "127", "0", "-0"}, {"-129", "128", "1.0", "1e1", "\"1\"", "true"}},
      {"short", {"-32768", "32767"}, {"-32769", "32768", "0.0"}},
      {"integer", {"-2147483648", "2147483647", "-0"}, {"-2147483649", "2147483648", "3.0", "3e0"}},
      {"long",
       {"-9223372036854775808", "9223372036854775807"},
       {"-9223372036854775809", "9223372036854775808", "1.0"}},
      {"unsignedByte", {"0", "255"}, {"-1", "256", "-0", "1.0"}},
      {"unsignedShort", {"0", "65535"}, {"-1", "65536", "-0"}},
      {"unsignedInteger", {"0", "4294967295"}, {"-1", "4294967296", "-0"}},
      {"unsignedLong", {"0", "18446744073709551615"}, {"-1", "18446744073709551616", "-0"}},
      {"float", {"0", "3", "3.0", "-1e-400", "3.402823E+38"}, {"3.402824E+38", "\"3\"", "1e400"}},
      {"double",
       {"0", "3.402824E+38", "1.79769313486231E+308"},
       {"1.79769313486233E+308", "\"3\"", "1e400", "-1e400"}},
      {"decimal", {"\"3.14\"", "\"-0\"", "\"+1.\""}, {"3.14", "\"1e5\"", "\"\"", "\".5\""}},
      {"string", {"\"\"", "\"abc\"", "\"\\u0000\""}, {"1", "true"}},
      {"bytes", {"\"\"", "\"AAAA\"", "\"AA==\""}, {"\"A\"", "\"AA\"", "1"}},
      {"date", {"\"2026-03-31\""}, {"\"2026-02-30\"", "\"\"", "20260331"}},
      {"dateTime", {"\"2026-03-31T12:00:00Z\""}, {"\"2026-03-31T12:00:00\"", "1774958400"}},
      {"time", {"\"12:00:00+01:00\""}, {"\"12:00:00\"", "43200"}},
      {"duration", {"\"PT10S\""}, {"\"10S\"", "10", "\"P\""}},
      {"uuid", {"\"123e4567-e89b-12d3-a456-426614174000\""}, {"\"123e4567\"", "\"\""}},
  };
  for (const PrimitiveCase& test : cases) {
    SCOPED_TRACE(test.schema);
    const SchemaUnderTest schema(absl::StrCat("\"", test.schema, "\""));
    EXPECT_TRUE(schema.schema().is_primitive());
    for (const char* value : test.conform) EXPECT_EQ(schema.Judge(value), "") << value;
    for (const char* value : test.do_not) EXPECT_NE(schema.Judge(value), "") << value;
    for (const char* value : {"null", "[]", "{}", "[1]", "[\"\"]", "{\"@value\": 1}"}) {
      EXPECT_NE(schema.Judge(value), "") << value;
    }
    if (schema.schema().kind != Class::kString) {
      EXPECT_NE(schema.Judge("\"abc!\""), "");
    }
  }
}

TEST(PrimitiveValues, MessagesSayWhatWouldBeRight) {
  EXPECT_EQ(
      SchemaUnderTest("\"integer\"").Judge("3.0"),
      "3.0 does not fit; it must be an integer of 32 bits, written without point and exponent");
  EXPECT_EQ(SchemaUnderTest("\"boolean\"").Judge("\"yes\""),
            "\"yes\" does not fit; it must be true or false");
  EXPECT_EQ(SchemaUnderTest("\"dateTime\"").Judge("null"),
            "null is no value; it must be a time with its offset in a string, as in "
            "\"2026-03-31T12:00:00Z\"");
  EXPECT_EQ(SchemaUnderTest("\"double\"").Judge("[1]"),
            "an array does not fit; it must be a number that is finite in 64 bits");
}

bool IsUtf8(absl::string_view text) {
  JsonParser parser;
  JsonError error;
  const std::string quoted =
      absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "'"}, {"\\", "/"}}), "\"");
  return JsonDocument::Parse(quoted, parser, &error) != nullptr;
}

// A message quotes the start of a long value, and cuts no character in two.
TEST(PrimitiveValues, MessagesStayShortAndUtf8) {
  const SchemaUnderTest integer("\"integer\"");
  EXPECT_LT(integer.Judge(absl::StrCat("\"", std::string(1 << 20, 'b'), "\"")).size(), 1000u);
  EXPECT_LT(integer.Judge(std::string(300, '7')).size(), 1000u);
  const SchemaUnderTest choice(
      R"({"@type": "Enum", "valueSchema": "string", "enumValues": {"name": "a", "enumValue": "a"}})");
  for (int before = 0; before < 4; ++before) {
    std::string text(static_cast<size_t>(before), 'a');
    for (int i = 0; i < 100; ++i) absl::StrAppend(&text, "🔋");
    for (const SchemaUnderTest* schema : {&integer, &choice}) {
      const std::string message = schema->Judge(absl::StrCat("\"", text, "\""));
      EXPECT_TRUE(IsUtf8(message)) << message;
    }
  }
}

TEST(Values, ATextThatIsNoJsonDoesNotConform) {
  const SchemaUnderTest schema("\"integer\"");
  for (const char* text : {"", " ", "01", "1 2", "{", "'1'", "NaN", "1,", "\"\x80\""}) {
    const std::vector<Violation> violations = schema.Violations(text);
    ASSERT_THAT(violations, SizeIs(1)) << text;
    EXPECT_EQ(violations[0].path, "");
    EXPECT_THAT(violations[0].message, Not(IsEmpty()));
    EXPECT_LE(violations[0].offset, absl::string_view(text).size());
  }
}

// --- Complex schemas -----------------------------------------------------------------------------

TEST(ArrayValues, HaveElementsOfOneSchema) {
  const SchemaUnderTest schema(R"({"@type": "Array", "elementSchema": "integer"})");
  schema.ExpectAll({"[]", "[1]", "[1, -2, 3]"});
  schema.ExpectNone({"1", "{}", "\"[]\"", "null", "[null]", "[[1]]"});
  EXPECT_THAT(schema.Judge("[1, 2.5, 3, \"4\"]"),
              AllOf(HasSubstr("/1: 2.5 does not fit"), HasSubstr("/3: \"4\" does not fit")));
}

TEST(ArrayValues, NestAsDeepAsTheirSchema) {
  const SchemaUnderTest schema(
      R"({"@type": "Array", "elementSchema": {"@type": "Array", "elementSchema": "string"}})");
  schema.ExpectAll({"[]", "[[]]", "[[], [\"a\"]]"});
  schema.ExpectNone({"[\"a\"]", "[[[\"a\"]]]"});
  EXPECT_THAT(schema.Violations("[[\"a\"], [\"b\", 1]]"), SizeIs(1));
  EXPECT_EQ(schema.Violations("[[\"a\"], [\"b\", 1]]")[0].path, "/1/1");
}

TEST(MapValues, HaveAnyKeys) {
  const SchemaUnderTest schema(
      R"({"@type": "Map", "mapKey": {"name": "cell", "schema": "string"},
          "mapValue": {"name": "voltage", "schema": "double"}})");
  schema.ExpectAll({"{}", R"({"a": 1, "": 2, "no name! ": 3, "$x": 4, "@id": 5})"});
  schema.ExpectNone({"[]", "null", "1", R"({"a": "1"})", R"({"a": null})", R"({"a": 1, "a": 2})"});
  EXPECT_EQ(schema.schema().key_name, "cell");
  EXPECT_EQ(schema.schema().value_name, "voltage");
}

TEST(ObjectValues, MayLackFieldsButHaveNoOthers) {
  const SchemaUnderTest schema(
      R"({"@type": "Object", "fields": [{"name": "town", "schema": "string"},
                                        {"name": "level", "schema": "integer"}]})");
  schema.ExpectAll({"{}", R"({"town": "a"})", R"({"level": 1, "town": "a"})"});
  schema.ExpectNone({"[]", "null", "\"\"", R"({"town": null})", R"({"town": 1})",
                     R"({"Town": "a"})", R"({"level": 1, "level": 1})", R"({"other": 1})",
                     R"({"$level": 1})"});
  EXPECT_THAT(schema.Judge(R"({"twon": "a"})"), HasSubstr("did you mean 'town'?"));
}

TEST(ObjectValues, HaveRequiredFields) {
  const SchemaUnderTest schema(
      R"({"@type": "Object",
          "fields": [{"@type": ["Field", "Required"], "name": "id", "schema": "string"},
                     {"name": "note", "schema": "string"}]})");
  schema.ExpectAll({R"({"id": ""})", R"({"note": "", "id": "a"})"});
  schema.ExpectNone({"{}", R"({"note": "a"})", R"({"id": null})"});
  EXPECT_THAT(schema.Judge("{}"), HasSubstr("'id'"));
}

TEST(EnumValues, OfStrings) {
  const SchemaUnderTest schema(
      R"({"@type": "Enum", "valueSchema": "string",
          "enumValues": [{"name": "lfp", "enumValue": "LFP"}, {"name": "empty", "enumValue": ""},
                         {"name": "one", "enumValue": "1"}]})");
  schema.ExpectAll({"\"LFP\"", "\"\"", "\"1\"", "\"\\u004cFP\""});
  schema.ExpectNone({"\"lfp\"", "\"LFP \"", "1", "null", "true", "[\"LFP\"]", "{}"});
  EXPECT_THAT(schema.Judge("\"NMC\""), AllOf(HasSubstr("'NMC'"), HasSubstr("LFP")));
}

TEST(EnumValues, OfIntegers) {
  const SchemaUnderTest schema(
      R"({"@type": "Enum", "valueSchema": "integer",
          "enumValues": [{"name": "open", "enumValue": 1}, {"name": "shut", "enumValue": -2},
                         {"name": "zero", "enumValue": 0}]})");
  schema.ExpectAll({"1", "-2", "0", "-0"});
  schema.ExpectNone({"1.0", "1e0", "2", "\"1\"", "\"open\"", "99999999999", "null", "true"});
  EXPECT_THAT(schema.Judge("2"), AllOf(HasSubstr("1 (open)"), HasSubstr("-2 (shut)")));
}

TEST(EnumValues, OfNoneHaveNoValue) {
  const SchemaUnderTest schema(R"({"@type": "Enum", "valueSchema": "integer"})");
  schema.ExpectNone({"0", "1", "\"\"", "null"});
}

TEST(EnumValues, AreListedInMessagesUpToAPoint) {
  std::string values;
  for (int i = 0; i < 20000; ++i) {
    absl::StrAppend(&values, i == 0 ? "" : ", ", R"({"name": "v)", i, R"(", "enumValue": )", i,
                    "}");
  }
  const SchemaUnderTest schema(
      absl::StrCat(R"({"@type": "Enum", "valueSchema": "integer", "enumValues": [)", values, "]}"));
  EXPECT_LT(schema.Judge("-1").size(), 2000u);
}

TEST(GeospatialValues, AreGeoJson) {
  const struct {
    const char *term, *type, *coordinates, *too_deep;
  } geometries[] = {
      {"point", "Point", "[1, 2.5]", "[[1, 2]]"},
      {"multiPoint", "MultiPoint", "[[1, 2], [3, 4]]", "[1, 2]"},
      {"lineString", "LineString", "[[1, 2], [3, 4]]", "[1, 2]"},
      {"multiLineString", "MultiLineString", "[[[1, 2]]]", "[[1, 2]]"},
      {"polygon", "Polygon", "[[[1, 2], [3, 4], [1, 2]]]", "[[1, 2]]"},
      {"multiPolygon", "MultiPolygon", "[[[[1, 2]]]]", "[[[1, 2]]]"},
  };
  for (const auto& geometry : geometries) {
    SCOPED_TRACE(geometry.term);
    const SchemaUnderTest schema(absl::StrCat("\"", geometry.term, "\""));
    const auto value = [&](absl::string_view type, absl::string_view coordinates) {
      return absl::StrCat(R"({"type": ")", type, R"(", "coordinates": )", coordinates, "}");
    };
    EXPECT_EQ(schema.Judge(value(geometry.type, geometry.coordinates)), "");
    EXPECT_EQ(schema.Judge("{}"), "");
    EXPECT_EQ(schema.Judge(value(geometry.type, "[]")), "");
    EXPECT_NE(schema.Judge(value(geometry.term, geometry.coordinates)), "");
    EXPECT_NE(schema.Judge(value(geometry.type, geometry.too_deep)), "");
    EXPECT_NE(schema.Judge(value(geometry.type, "[\"1\"]")), "");
    EXPECT_NE(schema.Judge(R"({"bbox": []})"), "");
    EXPECT_NE(schema.Judge("[1, 2]"), "");
  }
}

TEST(ScaledDecimalValues, HaveScaleAndValue) {
  const SchemaUnderTest schema("\"scaledDecimal\"");
  schema.ExpectAll({R"({"scale": 7, "value": "1234.56"})", R"({"scale": -32768})", "{}"});
  schema.ExpectNone({R"({"scale": 7.0})", R"({"scale": 32768})", R"({"value": 1234.56})",
                     R"({"value": "1e5"})", "\"1.5\"", R"({"unit": ""})"});
}

TEST(RecursiveValues, EndWhereTheValueDoes) {
  const SchemaUnderTest schema("\"dtmi:ex:Tree;1\"",
                               R"({"@id": "dtmi:ex:Tree;1", "@type": "Object",
          "fields": [{"name": "name", "schema": "string"},
                     {"name": "below", "schema": {"@type": "Array", "elementSchema": "dtmi:ex:Tree;1"}}]})");
  schema.ExpectAll({"{}", R"({"below": []})",
                    R"({"name": "a", "below": [{"name": "b", "below": [{"below": [{}]}]}, {}]})"});
  EXPECT_EQ(schema.Judge(R"({"below": [{}, {"below": [{"name": 1}]}]})").substr(0, 22),
            "/below/1/below/0/name:");
}

// --- Violations ----------------------------------------------------------------------------------

TEST(Violations, HaveAPathAndAnOffset) {
  const SchemaUnderTest schema(
      R"({"@type": "Map", "mapKey": {"name": "k", "schema": "string"},
          "mapValue": {"name": "v", "schema": {"@type": "Array", "elementSchema": "integer"}}})");
  constexpr absl::string_view kText = R"({"a/b~c": [1, 2, "x"], "": [true]})";
  const std::vector<Violation> violations = schema.Violations(kText);
  ASSERT_THAT(violations, SizeIs(2));
  EXPECT_EQ(violations[0].path, "/a~1b~0c/2");  // RFC 6901
  EXPECT_EQ(kText.substr(violations[0].offset, 3), "\"x\"");
  EXPECT_EQ(violations[1].path, "//0");
  EXPECT_EQ(kText.substr(violations[1].offset, 4), "true");
}

TEST(Violations, AreAtMostSoMany) {
  const SchemaUnderTest schema(R"({"@type": "Array", "elementSchema": "integer"})");
  std::string text = "[true";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&text, ", \"x\"");
  EXPECT_THAT(schema.Violations(text + "]"), SizeIs(kViolationsMax));
}

TEST(Violations, OfOneTextAreLines) {
  EXPECT_EQ(ViolationText({}), "");
  EXPECT_EQ(ViolationText({{"", "a", 0}}), "a");
  EXPECT_EQ(ViolationText({{"/x/1", "a", 0}, {"", "b", 0}}), "/x/1: a\nb");
}

// Also of a value that was made to be expensive; what costs too much runs into the test's limit.
TEST(Violations, CostLittle) {
  std::string fields;
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&fields, i == 0 ? "" : ", ", R"({"name": "fieldNumber)", i,
                    R"(", "schema": "integer"})");
  }
  const SchemaUnderTest schema(absl::StrCat(R"({"@type": "Object", "fields": [)", fields, "]}"));
  std::string unknown = "{";
  for (int i = 0; i < 4000; ++i) {
    absl::StrAppend(&unknown, i == 0 ? "" : ", ", "\"unknownNumber", i, "\": 1");
  }
  EXPECT_THAT(schema.Violations(unknown + "}"), SizeIs(kViolationsMax));
}

// --- Traits --------------------------------------------------------------------------------------

std::string JudgeContent(const Models& models, absl::string_view name, absl::string_view value) {
  const auto document = ParseJson(value);
  return ViolationText(ValidateContent(*models->Find("dtmi:ex:M;1")->Find(name), document->root()));
}

TEST(LimitedValues, LieWithinTheirBounds) {
  const Models models = ParseContents(R"([
      {"@type": ["Property", "Limited"], "name": "both", "schema": "double", "minimum": -0.5, "maximum": 1.5e1},
      {"@type": ["Property", "Limited"], "name": "low", "schema": "integer", "minimum": 0},
      {"@type": ["Telemetry", "Limited"], "name": "high", "schema": "unsignedLong", "maximum": 18446744073709551614},
      {"@type": ["Property", "Limited"], "name": "exact", "schema": "decimal", "maximum": 0.1},
      {"@type": ["Property", "Limited"], "name": "none", "schema": "integer"}])");
  for (const char* value : {"-0.5", "-5e-1", "0", "15", "15.000", "1.5e1"}) {
    EXPECT_EQ(JudgeContent(models, "both", value), "") << value;
  }
  EXPECT_EQ(JudgeContent(models, "both", "-0.50001"), "-0.50001 is below the minimum -0.5");
  EXPECT_EQ(JudgeContent(models, "both", "15.01"), "15.01 is above the maximum 1.5e1");
  EXPECT_EQ(JudgeContent(models, "low", "0"), "");
  EXPECT_EQ(JudgeContent(models, "low", "-0"), "");
  EXPECT_NE(JudgeContent(models, "low", "-1"), "");
  // One finding for what is not even of the schema.
  EXPECT_THAT(JudgeContent(models, "low", "-1.5"), Not(HasSubstr("minimum")));
  EXPECT_EQ(JudgeContent(models, "high", "18446744073709551614"), "");
  EXPECT_NE(JudgeContent(models, "high", "18446744073709551615"), "");
  EXPECT_EQ(JudgeContent(models, "exact", "\"0.1\""), "");
  EXPECT_EQ(JudgeContent(models, "exact", "\"0.10000\""), "");
  EXPECT_NE(JudgeContent(models, "exact", "\"0.1000000000000000000001\""), "");
  EXPECT_EQ(JudgeContent(models, "none", "-2147483648"), "");
}

TEST(PreciseValues, HaveSoManyDecimalPlaces) {
  const Models models = ParseContents(R"([
      {"@type": ["Property", "Precise"], "name": "two", "schema": "double", "decimalPlaces": 2},
      {"@type": ["Property", "Precise"], "name": "zero", "schema": "decimal", "decimalPlaces": 0}])");
  for (const char* value : {"1", "1.5", "1.25", "1.250", "-1.25", "125e-2", "0.01", "1e300", "0"}) {
    EXPECT_EQ(JudgeContent(models, "two", value), "") << value;
  }
  for (const char* value : {"1.255", "0.001", "-0.125", "1e-3", "125e-3"}) {
    EXPECT_NE(JudgeContent(models, "two", value), "") << value;
  }
  EXPECT_EQ(JudgeContent(models, "zero", "\"3.00\""), "");
  EXPECT_NE(JudgeContent(models, "zero", "\"3.01\""), "");
}

// Bounds hold inside Objects and Maps too.
TEST(LimitedValues, StandInsideOthers) {
  const SchemaUnderTest object(
      R"({"@type": "Object", "fields":
          {"@type": ["Field", "Limited"], "name": "soc", "schema": "double", "minimum": 0, "maximum": 100}})");
  object.ExpectAll({R"({"soc": 0})", R"({"soc": 100.0})"});
  EXPECT_EQ(object.Judge(R"({"soc": 100.5})"), "/soc: 100.5 is above the maximum 100");
  const SchemaUnderTest map(
      R"({"@type": "Map", "mapKey": {"name": "k", "schema": "string"},
          "mapValue": {"@type": ["MapValue", "Limited"], "name": "v", "schema": "integer", "minimum": 1}})");
  map.ExpectAll({R"({"a": 1})"});
  map.ExpectNone({R"({"a": 0})"});
}

// --- Twins ---------------------------------------------------------------------------------------

Models ParseTwinModels() {
  return ParseModels(R"([
    {"@context": ["dtmi:dtdl:context;4", "dtmi:dtdl:extension:requirement;2"],
     "@id": "dtmi:ex:Asset;1", "@type": "Interface",
     "contents": {"@type": ["Property", "Required"], "name": "serial", "schema": "string"}},
    {"@context": ["dtmi:dtdl:context;4", "dtmi:dtdl:extension:requirement;2"],
     "@id": "dtmi:ex:Probe;1", "@type": "Interface",
     "contents": [{"@type": ["Property", "Required"], "name": "unit", "schema": "string"},
                  {"@type": "Telemetry", "name": "reading", "schema": "double"}]},
    {"@context": ["dtmi:dtdl:context;4", "dtmi:dtdl:extension:requirement;2"],
     "@id": "dtmi:ex:Cell;1", "@type": "Interface", "extends": "dtmi:ex:Asset;1",
     "contents": [
       {"@type": "Property", "name": "capacity", "schema": "double"},
       {"@type": "Telemetry", "name": "voltage", "schema": "double"},
       {"@type": "Command", "name": "reset"},
       {"@type": "Component", "name": "probe", "schema": "dtmi:ex:Probe;1"},
       {"@type": "Relationship", "name": "pack", "target": "dtmi:ex:Pack;1", "maxMultiplicity": 2,
        "properties": [{"@type": ["Property", "Required"], "name": "since", "schema": "date"},
                       {"@type": "Property", "name": "slot", "schema": "integer"}]},
       {"@type": "Relationship", "name": "any"}]},
    {"@context": "dtmi:dtdl:context;4", "@id": "dtmi:ex:Pack;1", "@type": "Interface"},
    {"@context": "dtmi:dtdl:context;4", "@id": "dtmi:ex:Pack;2", "@type": "Interface"},
    {"@context": "dtmi:dtdl:context;4", "@id": "dtmi:ex:BigPack;1", "@type": "Interface", "extends": "dtmi:ex:Pack;1"}
  ])");
}

class TwinValues : public ::testing::Test {
 protected:
  const Interface& Find(absl::string_view id) const { return *models_->Find(id); }
  const Content& Relationship(absl::string_view name) const {
    return *Find("dtmi:ex:Cell;1").Find(name);
  }
  std::string Judge(absl::string_view values, const TwinValueOptions& options = {}) const {
    const auto document = ParseJson(values);
    return ViolationText(ValidateTwin(Find("dtmi:ex:Cell;1"), document->root(), options));
  }
  std::string JudgeRelationship(absl::string_view values) const {
    const auto document = ParseJson(values);
    return ViolationText(ValidateRelationship(Relationship("pack"), document->root()));
  }

  const Models models_ = ParseTwinModels();
};

TEST_F(TwinValues, ArePropertiesAndComponents) {
  EXPECT_EQ(Judge(R"({"serial": "a", "capacity": 1.5, "probe": {"unit": "K"}})"), "");
  EXPECT_EQ(Judge(R"({"$dtId": 7, "$metadata": {"$model": null}, "serial": "a",
                      "probe": {"$metadata": {}, "unit": "K"}})"),
            "");
  EXPECT_THAT(
      Judge(R"({"serial": 1, "probe": {"unit": 2}})"),
      AllOf(HasSubstr("/serial: 1 does not fit"), HasSubstr("/probe/unit: 2 does not fit")));
  EXPECT_THAT(Judge(R"({"serial": "a", "probe": {"unit": "K"}, "capcity": 1})"),
              AllOf(HasSubstr("/capcity: 'dtmi:ex:Cell;1' has no 'capcity'"),
                    HasSubstr("did you mean 'capacity'?")));
  EXPECT_NE(Judge("[]"), "");
  EXPECT_NE(Judge("null"), "");
  EXPECT_NE(Judge(R"({"serial": "a", "probe": []})"), "");
  EXPECT_NE(Judge(R"({"serial": null, "probe": {"unit": "K"}})"), "");
}

TEST_F(TwinValues, HaveNoCommandsAndRelationships) {
  EXPECT_THAT(Judge(R"({"serial": "a", "probe": {"unit": "K"}, "reset": {}})"),
              HasSubstr("/reset: 'reset' is a Command"));
  EXPECT_THAT(Judge(R"({"serial": "a", "probe": {"unit": "K"}, "pack": "p"})"),
              HasSubstr("/pack: 'pack' is a Relationship"));
}

TEST_F(TwinValues, HaveTelemetryWhereThatIsAllowed) {
  constexpr absl::string_view kValues =
      R"({"serial": "a", "voltage": 3.6, "probe": {"unit": "K", "reading": 1}})";
  EXPECT_THAT(Judge(kValues), AllOf(HasSubstr("/voltage: "), HasSubstr("/probe/reading: ")));
  EXPECT_EQ(Judge(kValues, {.telemetry = true}), "");
  EXPECT_NE(
      Judge(R"({"serial": "a", "voltage": "3.6", "probe": {"unit": "K"}})", {.telemetry = true}),
      "");
}

TEST_F(TwinValues, HaveWhatIsRequired) {
  EXPECT_THAT(Judge("{}"),
              AllOf(HasSubstr("'serial' is missing"), HasSubstr("'probe' is missing")));
  EXPECT_THAT(Judge(R"({"serial": "a", "probe": {}})"),
              HasSubstr("/probe: the required Property 'unit' is missing"));
  EXPECT_EQ(Judge(R"({"probe": {}})", {.require_required = false}), "");
  EXPECT_EQ(Judge(R"({"serial": "a"})", {.require_components = false}), "");
  EXPECT_EQ(Judge("{}", {.require_required = false, .require_components = false}), "");
}

// As for Objects: which of two values is meant, nobody can say.
TEST_F(TwinValues, StandOnce) {
  EXPECT_NE(Judge(R"({"serial": "a", "serial": "b", "probe": {"unit": "K"}})"), "");
  EXPECT_NE(Judge(R"({"serial": "a", "probe": {"unit": "K", "unit": "C"}})"), "");
  EXPECT_NE(JudgeRelationship(R"({"since": "2026-03-31", "since": "2026-04-01"})"), "");
}

TEST_F(TwinValues, OfRelationshipsAreItsProperties) {
  EXPECT_EQ(JudgeRelationship(R"({"since": "2026-03-31", "slot": 3})"), "");
  EXPECT_EQ(JudgeRelationship(R"({"$relationshipId": "r", "since": "2026-03-31"})"), "");
  EXPECT_THAT(JudgeRelationship("{}"), HasSubstr("'since' is missing"));
  EXPECT_THAT(JudgeRelationship(R"({"since": "2026-03-31", "solt": 3})"),
              HasSubstr("/solt: 'pack' has no property 'solt'"));
  EXPECT_NE(JudgeRelationship(R"({"since": "yesterday"})"), "");
  EXPECT_NE(JudgeRelationship("[]"), "");
}

TEST_F(TwinValues, MultiplicityBoundsRelationships) {
  EXPECT_THAT(CheckMultiplicity(Relationship("pack"), 0), IsOk());
  EXPECT_THAT(CheckMultiplicity(Relationship("pack"), 2), IsOk());
  EXPECT_THAT(CheckMultiplicity(Relationship("pack"), 3),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("'pack'"), HasSubstr("dtmi:ex:Cell;1"), HasSubstr("2"))));
  EXPECT_THAT(CheckMultiplicity(Relationship("any"), int64_t{1} << 40), IsOk());
}

TEST_F(TwinValues, TargetsAreOfTheModelOrALaterOne) {
  EXPECT_THAT(CheckTarget(Relationship("pack"), Find("dtmi:ex:Pack;1")), IsOk());
  EXPECT_THAT(CheckTarget(Relationship("pack"), Find("dtmi:ex:Pack;2")), IsOk());
  EXPECT_THAT(CheckTarget(Relationship("pack"), Find("dtmi:ex:BigPack;1")), IsOk());
  EXPECT_THAT(CheckTarget(Relationship("pack"), Find("dtmi:ex:Cell;1")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("'pack'"), HasSubstr("dtmi:ex:Pack;1"),
                             HasSubstr("not of dtmi:ex:Cell;1"))));
  EXPECT_THAT(CheckTarget(Relationship("any"), Find("dtmi:ex:Cell;1")), IsOk());
}

// --- Decimals ------------------------------------------------------------------------------------

int Sign(int value) { return value < 0 ? -1 : value > 0 ? 1 : 0; }

TEST(Decimals, AreComparedExactly) {
  // In order; the tokens of one line are equal.
  const std::vector<std::vector<const char*>> ordered = {
      {"-1e999999", "-10e999998"},
      {"-18446744073709551616"},
      {"-100", "-1e2", "-1.00E+2", "-1000e-1"},
      {"-99.999999999999999999999999"},
      {"-1", "-1.0", "-0.1e1", "-01"},
      {"-0.5", "-5e-1", "-.5"},
      {"-1e-999999"},
      {"0", "-0", "+0", "0.000", "0e5", "0e-99999999999999999999", "-0.0e9"},
      {"1e-999999", "0.1e-999998"},
      {"0.001", "1e-3", "10e-4"},
      {"0.0010000000000000000000000001"},
      {"0.5", ".5", "+0.50"},
      {"1", "+1", "1.", "1.0", "1e0", "10e-1", "0.01e2"},
      {"1.25", "125e-2"},
      {"12"},
      {"125"},
      {"9007199254740992"},
      {"9007199254740993"},
      {"18446744073709551615"},
      {"18446744073709551616", "1.8446744073709551616e19"},
      {"1e999999"},
  };
  for (size_t i = 0; i < ordered.size(); ++i) {
    for (size_t j = 0; j < ordered.size(); ++j) {
      for (const char* a : ordered[i]) {
        for (const char* b : ordered[j]) {
          EXPECT_EQ(Sign(CompareDecimals(a, b)), i < j ? -1 : i > j ? 1 : 0) << a << ' ' << b;
        }
      }
    }
  }
}

// Whatever the exponent, the order is right and nothing overflows.
TEST(Decimals, MayHaveHugeExponents) {
  for (const char* exponent : {"1000000", "9223372036854775806", "9223372036854775807",
                               "9223372036854775808", "99999999999999999999999"}) {
    SCOPED_TRACE(exponent);
    for (const char* digits : {"1", "10", "123456789", "0.001", "1.5"}) {
      const std::string huge = absl::StrCat(digits, "e", exponent);
      const std::string tiny = absl::StrCat(digits, "e-", exponent);
      EXPECT_GT(CompareDecimals(huge, "1e300"), 0) << huge;
      EXPECT_LT(CompareDecimals("-" + huge, "-1e300"), 0) << huge;
      EXPECT_GT(CompareDecimals(tiny, "0"), 0) << tiny;
      EXPECT_LT(CompareDecimals(tiny, "1e-300"), 0) << tiny;
      EXPECT_EQ(CompareDecimals(huge, huge), 0) << huge;
      EXPECT_EQ(CompareDecimals("0e" + std::string(exponent), "0"), 0);
    }
  }
}

TEST(Decimals, MayBeLong) {
  const std::string digits(100000, '7');
  EXPECT_EQ(CompareDecimals(digits, digits), 0);
  EXPECT_LT(CompareDecimals("0." + digits, "0." + digits + "1"), 0);
  EXPECT_GT(CompareDecimals(digits + "1", digits), 0);
}

}  // namespace
}  // namespace twin::dtdl
