#include "models/dtdl/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "models/dtdl/parse.h"

namespace twin::dtdl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Lines = std::vector<std::string>;
using Models = std::shared_ptr<const ModelSet>;

// Models are written with ' for ", which reads better in C++.
Models ParseModels(absl::string_view text) {
  const std::string json = absl::StrReplaceAll(text, {{"'", "\""}});
  const ParseResult result = Parse({{"test.json", json}});
  for (const Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.severity == Severity::kError)
      ADD_FAILURE() << FullMessage(diagnostic) << "\n" << json;
  }
  return result.models;
}

constexpr absl::string_view kContext =
    "['dtmi:dtdl:context;4', 'dtmi:dtdl:extension:quantitativeTypes;2',"
    " 'dtmi:dtdl:extension:historization;2', 'dtmi:dtdl:extension:requirement;2',"
    " 'dtmi:dtdl:extension:annotation;2', 'dtmi:dtdl:extension:overriding;2',"
    " 'dtmi:dtdl:extension:mqtt;4', 'dtmi:iotoperations:context;4']";

// An Interface: its id, other members ("'extends': 'dtmi:t:B;1'") and its contents.
std::string Model(absl::string_view id, absl::string_view contents, absl::string_view more = "") {
  return absl::StrCat("{'@context': ", kContext, ", '@type': 'Interface', '@id': '", id,
                      "', 'contents': [", contents, "]", more.empty() ? "" : ", ", more, "}");
}

// What Components and targets are named by.
std::string Others() {
  return absl::StrJoin(
      {Model("dtmi:t:Part;1", "{'@type': 'Property', 'name': 'serial', 'schema': 'string'}"),
       Model("dtmi:t:Part;2",
             "{'@type': 'Property', 'name': 'serial', 'schema': 'string'},"
             "{'@type': ['Property', 'Required'], 'name': 'maker', 'schema': 'string'}"),
       Model("dtmi:t:Other;1", "")},
      ", ");
}

std::string Line(const ModelChange& change) {
  return absl::StrCat(CompatibilityName(change.compatibility), " ", change.path, ": ", change.what,
                      change.migration.empty() ? "" : " -> ", change.migration);
}

Lines LinesOf(const ModelDiff& diff) {
  Lines lines;
  for (const ModelChange& change : diff.changes) lines.push_back(Line(change));
  return lines;
}

// --- Rows: contents of a model before and after, and what is said in either direction ------------

struct Row {
  std::string name;
  std::string before, after;
  Lines there, back;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class DiffRows : public ::testing::TestWithParam<Row> {
 protected:
  static Models WithContents(absl::string_view contents) {
    return ParseModels(absl::StrCat("[", Model("dtmi:t:A;1", contents), ", ", Others(), "]"));
  }
};

TEST_P(DiffRows, SaysWhatChanged) {
  const Row& row = GetParam();
  const Models old_models = WithContents(row.before), new_models = WithContents(row.after);
  ASSERT_TRUE(old_models != nullptr && new_models != nullptr);
  const Interface& before = *old_models->Find("dtmi:t:A;1");
  const Interface& after = *new_models->Find("dtmi:t:A;1");
  EXPECT_EQ(LinesOf(Diff(before, after)), row.there);
  EXPECT_EQ(LinesOf(Diff(after, before)), row.back);
  // A model is itself, also as it was parsed another time.
  EXPECT_THAT(Diff(before, before).changes, IsEmpty());
  EXPECT_THAT(LinesOf(Diff(after, *WithContents(row.after)->Find("dtmi:t:A;1"))), IsEmpty());
}

// A content of these types: "'Property', 'Required'".
std::string Typed(absl::string_view types, absl::string_view name, absl::string_view members) {
  return absl::StrCat("{'@type': [", types, "], 'name': '", name, "'", members.empty() ? "" : ", ",
                      members, "}");
}
std::string Schema(absl::string_view schema) { return absl::StrCat("'schema': ", schema); }
std::string Property(absl::string_view name, absl::string_view schema) {
  return Typed("'Property'", name, Schema(schema));
}
std::string X(absl::string_view schema) { return Property("x", schema); }
std::string Object(absl::string_view fields) {
  return absl::StrCat("{'@type': 'Object', 'fields': [", fields, "]}");
}
std::string Field(absl::string_view name, absl::string_view schema) {
  return Typed("'Field'", name, Schema(schema));
}
std::string RequiredField(absl::string_view name, absl::string_view schema) {
  return Typed("'Field', 'Required'", name, Schema(schema));
}
std::string Array(absl::string_view schema) {
  return absl::StrCat("{'@type': 'Array', 'elementSchema': ", schema, "}");
}
std::string Map(absl::string_view schema, absl::string_view key = "k",
                absl::string_view value = "v") {
  return absl::StrCat("{'@type': 'Map', 'mapKey': {'name': '", key,
                      "', 'schema': 'string'}, 'mapValue': {'name': '", value,
                      "', 'schema': ", schema, "}}");
}
std::string Enum(absl::string_view type, absl::string_view values) {
  return absl::StrCat("{'@type': 'Enum', 'valueSchema': '", type, "', 'enumValues': [", values,
                      "]}");
}
std::string Value(absl::string_view name, absl::string_view value) {
  return absl::StrCat("{'name': '", name, "', 'enumValue': ", value, "}");
}
std::string Relationship(absl::string_view members) {
  return Typed("'Relationship'", "r", members);
}
std::string Component(absl::string_view id) {
  return Typed("'Component'", "part", Schema(absl::StrCat("'", id, "'")));
}
std::string Command(absl::string_view members) { return Typed("'Command'", "reset", members); }

std::vector<Row> ContentRows() {
  return {
      {"Property",
       "",
       X("'double'"),
       {"additive x: property added (double)"},
       {"breaking x: property removed -> remove property 'x'"}},
      {"RequiredProperty",
       "",
       Typed("'Property', 'Required'", "x", Schema("'double'")),
       {"breaking x: Required property added (double) -> set property 'x' (double)"},
       {"breaking x: property removed -> remove property 'x'"}},
      {"Telemetry",
       "",
       Typed("'Telemetry'", "x", Schema("'double'")),
       {"additive x: telemetry added (double)"},
       {"breaking x: telemetry removed -> remove telemetry 'x'"}},
      {"Command",
       "",
       Command(""),
       {"additive reset: command added"},
       {"breaking reset: command removed"}},
      {"Relationship",
       "",
       Relationship(""),
       {"additive r: relationship added"},
       {"breaking r: relationship removed -> delete relationships 'r'"}},
      {"Component",
       "",
       Component("dtmi:t:Part;1"),
       {"breaking part: component added -> add component 'part' ('dtmi:t:Part;1')"},
       {"breaking part: component removed -> remove component 'part'"}},
      {"ComponentWithRequired",
       "",
       Component("dtmi:t:Part;2"),
       {"breaking part: component added -> add component 'part' ('dtmi:t:Part;2') with property "
        "'part.maker' (string)"},
       {"breaking part: component removed -> remove component 'part'"}},
      {"Kind",
       X("'double'"),
       Typed("'Telemetry'", "x", Schema("'double'")),
       {"breaking x: changed from property to telemetry -> remove property 'x'"},
       {"breaking x: changed from telemetry to property -> remove telemetry 'x'"}},
      {"KindThatMustBeThere",
       Command(""),
       Typed("'Property', 'Required'", "reset", Schema("'double'")),
       {"breaking reset: changed from command to property",
        "breaking reset: Required property added (double) -> set property 'reset' (double)"},
       {"breaking reset: changed from property to command -> remove property 'reset'"}},
      {"Renamed",
       Property("temprature", "'double'"),
       Property("temperature", "'double'"),
       {"additive temperature: property added (double)",
        "breaking temprature: property removed; renamed to 'temperature'? -> remove property "
        "'temprature', or rename to 'temperature'"},
       {"breaking temperature: property removed; renamed to 'temprature'? -> remove property "
        "'temperature', or rename to 'temprature'",
        "additive temprature: property added (double)"}},
      {"RenamedAndDescribed",
       Property("temprature", "'double'"),
       Typed("'Property'", "temperature", "'schema': 'double', 'description': 'of the cell'"),
       {"additive temperature: property added (double)",
        "breaking temprature: property removed; renamed to 'temperature'? -> remove property "
        "'temprature', or rename to 'temperature'"},
       {"breaking temperature: property removed; renamed to 'temprature'? -> remove property "
        "'temperature', or rename to 'temprature'",
        "additive temprature: property added (double)"}},
      {"AlikeButOfAnotherType",
       Property("temprature", "'double'"),
       Property("temperature", "'float'"),
       {"additive temperature: property added (float)",
        "breaking temprature: property removed -> remove property 'temprature'"},
       {"breaking temperature: property removed -> remove property 'temperature'",
        "additive temprature: property added (double)"}},
      {"SameTypeButNotAlike",
       Property("voltage", "'double'"),
       Property("mass", "'double'"),
       {"additive mass: property added (double)",
        "breaking voltage: property removed -> remove property 'voltage'"},
       {"breaking mass: property removed -> remove property 'mass'",
        "additive voltage: property added (double)"}},
      {"RelationshipRenamed",
       Typed("'Relationship'", "hasCells", ""),
       Typed("'Relationship'", "hasCell", ""),
       {"additive hasCell: relationship added",
        "breaking hasCells: relationship removed; renamed to 'hasCell'? -> delete relationships "
        "'hasCells', or rename to 'hasCell'"},
       {"breaking hasCell: relationship removed; renamed to 'hasCells'? -> delete relationships "
        "'hasCell', or rename to 'hasCells'",
        "additive hasCells: relationship added"}},
      {"Order",
       X("'double'") + "," + Property("y", "'long'"),
       Property("y", "'long'") + "," + X("'double'"),
       {},
       {}},
      {"Writable",
       X("'double'"),
       Typed("'Property'", "x", "'schema': 'double', 'writable': true"),
       {"additive x: writable added"},
       {"breaking x: writable removed"}},
      {"Texts",
       X("'double'"),
       Typed("'Property'", "x",
             "'schema': 'double', 'description': {'en': 'a', 'de': 'b'}, 'displayName': 'X',"
             "'comment': 'c'"),
       {"documentation x: display name changed", "documentation x: description changed",
        "documentation x: comment changed"},
       {"documentation x: display name changed", "documentation x: description changed",
        "documentation x: comment changed"}},
      {"Annotation",
       X("'double'") + "," + Property("y", "'string'"),
       X("'double'") + "," +
           Typed("'Property', 'ValueAnnotation'", "y", "'schema': 'string', 'annotates': 'x'"),
       {"additive y: annotates x added"},
       {"breaking y: annotates x removed"}},
      {"AnnotationOfAnother",
       X("'double'") + "," + Property("z", "'double'") + "," +
           Typed("'Property', 'ValueAnnotation'", "y", "'schema': 'string', 'annotates': 'x'"),
       X("'double'") + "," + Property("z", "'double'") + "," +
           Typed("'Property', 'ValueAnnotation'", "y", "'schema': 'string', 'annotates': 'z'"),
       {"breaking y: annotates changed from x to z"},
       {"breaking y: annotates changed from z to x"}},
      {"Cotype",
       Command(""),
       Typed("'Command', 'Idempotent'", "reset", ""),
       {"additive reset: type Idempotent added"},
       {"breaking reset: type Idempotent removed"}},
      {"CotypeMember",
       Typed("'Telemetry', 'Indexed'", "x", "'schema': 'double', 'index': 1"),
       Typed("'Telemetry', 'Indexed'", "x", "'schema': 'double', 'index': 2"),
       {"breaking x: index changed from 1 to 2"},
       {"breaking x: index changed from 2 to 1"}},
  };
}

std::vector<Row> TypeRows() {
  return {
      {"LongToInteger",
       X("'long'"),
       X("'integer'"),
       {"breaking x: type changed from long to integer -> convert 'x' from long to integer; where "
        "it does not fit, remove it"},
       {"additive x: type widened from integer to long"}},
      {"RequiredLongToInteger",
       Typed("'Property', 'Required'", "x", Schema("'long'")),
       Typed("'Property', 'Required'", "x", Schema("'integer'")),
       {"breaking x: type changed from long to integer -> convert 'x' from long to integer; where "
        "it does not fit, replace it"},
       {"additive x: type widened from integer to long"}},
      {"LongToDouble",
       X("'long'"),
       X("'double'"),
       {"breaking x: type changed from long to double -> convert 'x' from long to double; where it "
        "does not fit, remove it"},
       {"breaking x: type changed from double to long -> convert 'x' from double to long; where it "
        "does not fit, remove it"}},
      {"DoubleToDecimal",
       X("'double'"),
       X("'decimal'"),
       {"breaking x: type changed from double to decimal -> convert 'x' from double to decimal; "
        "where it does not fit, remove it"},
       {"breaking x: type changed from decimal to double -> convert 'x' from decimal to double; "
        "where it does not fit, remove it"}},
      {"DateTimeToString",
       X("'dateTime'"),
       X("'string'"),
       {"breaking x: type changed from dateTime to string -> convert 'x' from dateTime to string"},
       {"breaking x: type changed from string to dateTime -> convert 'x' from string to dateTime; "
        "where it does not fit, remove it"}},
      {"BooleanToDouble",
       X("'boolean'"),
       X("'double'"),
       {"breaking x: type changed from boolean to double -> set 'x' anew (double), or remove it"},
       {"breaking x: type changed from double to boolean -> set 'x' anew (boolean), or remove "
        "it"}},
      {"DoubleToArray",
       X("'double'"),
       X(Array("'double'")),
       {"breaking x: type changed from double to array of double -> set 'x' anew (array of "
        "double), or remove it"},
       {"breaking x: type changed from array of double to double -> set 'x' anew (double), or "
        "remove it"}},
      {"ArrayElement",
       X(Array("'integer'")),
       X(Array("'double'")),
       {"additive x[]: type widened from integer to double"},
       {"breaking x[]: type changed from double to integer -> convert 'x[]' from double to "
        "integer; where it does not fit, replace it"}},
      {"MapValue",
       X(Map("'integer'")),
       X(Map(Array("'integer'"))),
       {"breaking x{}: type changed from integer to array of integer -> set 'x{}' anew (array of "
        "integer), or remove it"},
       {"breaking x{}: type changed from array of integer to integer -> set 'x{}' anew (integer), "
        "or remove it"}},
      {"MapNames",
       X(Map("'integer'")),
       X(Map("'integer'", "kk", "vv")),
       {"documentation x: name of the map's keys changed",
        "documentation x: name of the map's values changed"},
       {"documentation x: name of the map's keys changed",
        "documentation x: name of the map's values changed"}},
      {"SchemaTexts",
       X("{'@type': 'Object', 'displayName': 'a'}"),
       X("{'@type': 'Object', 'displayName': 'b'}"),
       {"documentation x: display name of the schema changed"},
       {"documentation x: display name of the schema changed"}},
      {"SchemaCotype",
       X("{'@type': 'Object'}"),
       X("{'@type': ['Object', 'Detail']}"),
       {"additive x: type Detail of the schema added"},
       {"breaking x: type Detail of the schema removed"}},

      {"Field",
       X(Object("")),
       X(Object(Field("a", "'double'"))),
       {"additive x.a: field added (double)"},
       {"breaking x.a: field removed -> remove field 'x.a'"}},
      {"RequiredField",
       X(Object("")),
       X(Object(RequiredField("a", "'double'"))),
       {"breaking x.a: Required field added (double) -> set field 'x.a' (double)"},
       {"breaking x.a: field removed -> remove field 'x.a'"}},
      {"FieldBecomesRequired",
       X(Object(Field("a", "'double'"))),
       X(Object(RequiredField("a", "'double'"))),
       {"breaking x.a: Required added -> set field 'x.a' (double) where it is missing"},
       {"additive x.a: Required removed"}},
      {"FieldType",
       X(Object(Field("a", "'string'"))),
       X(Object(Field("a", "'uuid'"))),
       {"breaking x.a: type changed from string to uuid -> convert 'x.a' from string to uuid; "
        "where it does not fit, remove it"},
       {"breaking x.a: type changed from uuid to string -> convert 'x.a' from uuid to string"}},
      {"FieldRenamed",
       X(Object(Field("methd", "'string'"))),
       X(Object(Field("method", "'string'"))),
       {"breaking x.methd: field removed; renamed to 'method'? -> remove field 'x.methd', or "
        "rename to 'method'",
        "additive x.method: field added (string)"},
       {"additive x.methd: field added (string)",
        "breaking x.method: field removed; renamed to 'methd'? -> remove field 'x.method', or "
        "rename to 'methd'"}},
      {"FieldDeepInside",
       X(Array(Object(Field("a", Map(Object(Field("b", "'long'"))))))),
       X(Array(Object(Field("a", Map(Object(Field("b", "'long'") + "," + Field("c", "'date'"))))))),
       {"additive x[].a{}.c: field added (date)"},
       {"breaking x[].a{}.c: field removed -> remove field 'x[].a{}.c'"}},
      {"FieldTexts",
       X(Object(Field("a", "'double'"))),
       X(Object(Typed("'Field'", "a", "'schema': 'double', 'comment': 'c'"))),
       {"documentation x.a: comment changed"},
       {"documentation x.a: comment changed"}},

      {"EnumValue",
       X(Enum("integer", Value("off", "0"))),
       X(Enum("integer", Value("off", "0") + "," + Value("on", "1"))),
       {"additive x: enum value 'on' (1) added"},
       {"breaking x: enum value 'on' (1) removed -> replace 1 in 'x' by another value"}},
      {"EnumValueRenamed",
       X(Enum("string", Value("off", "'0ff'"))),
       X(Enum("string", Value("none", "'0ff'"))),
       {"breaking x: enum value 'off' ('0ff') renamed to 'none'"},
       {"breaking x: enum value 'none' ('0ff') renamed to 'off'"}},
      {"EnumValueRenumbered",
       X(Enum("integer", Value("off", "0"))),
       X(Enum("integer", Value("off", "7"))),
       {"breaking x: enum value 'off' changed from 0 to 7 -> replace 0 by 7 in 'x'"},
       {"breaking x: enum value 'off' changed from 7 to 0 -> replace 7 by 0 in 'x'"}},
      {"EnumNumberReused",
       X(Enum("integer", Value("off", "0"))),
       X(Enum("integer", Value("off", "1") + "," + Value("on", "0"))),
       {"breaking x: enum value 'off' changed from 0 to 1 -> replace 0 by 1 in 'x'",
        "additive x: enum value 'on' (0) added"},
       {"breaking x: enum value 'off' changed from 1 to 0 -> replace 1 by 0 in 'x'",
        "breaking x: enum value 'on' (0) removed -> replace 0 in 'x' by another value"}},
      {"EnumOrder",
       X(Enum("integer", Value("off", "0") + "," + Value("on", "1"))),
       X(Enum("integer", Value("on", "1") + "," + Value("off", "0"))),
       {},
       {}},
      {"EnumValueType",
       X(Enum("integer", Value("off", "0"))),
       X(Enum("string", Value("off", "'0'"))),
       {"breaking x: value type changed from integer to string",
        "breaking x: enum value 'off' changed from 0 to '0' -> replace 0 by '0' in 'x'"},
       {"breaking x: value type changed from string to integer",
        "breaking x: enum value 'off' changed from '0' to 0 -> replace '0' by 0 in 'x'"}},
      {"EnumToItsValueType",
       X(Enum("integer", Value("off", "0"))),
       X("'integer'"),
       {"breaking x: type changed from enum to integer: the values have no names any more"},
       {"breaking x: type changed from integer to enum -> where 'x' is no value of the enum, "
        "remove it"}},
      {"EnumValueTexts",
       X(Enum("integer", "{'name': 'a', 'enumValue': 1}")),
       X(Enum("integer", "{'name': 'a', 'enumValue': 1, 'description': 'first'}")),
       {"documentation x: description of enum value 'a' changed"},
       {"documentation x: description of enum value 'a' changed"}},
      {"EnumValueCotype",
       X(Enum("integer", "{'name': 'a', 'enumValue': 1}")),
       X(Enum("integer",
              "{'@type': ['EnumValue', 'Indexed'], 'index': 3, 'name': 'a',"
              "'enumValue': 1}")),
       {"additive x: index of enum value 'a' added",
        "additive x: type Indexed of enum value 'a' added"},
       {"breaking x: index of enum value 'a' removed",
        "breaking x: type Indexed of enum value 'a' removed"}},
  };
}

std::string Measured(absl::string_view type, absl::string_view unit,
                     absl::string_view schema = "double", absl::string_view class_and_more = "") {
  return Typed(
      absl::StrCat(class_and_more.empty() ? "'Property'" : class_and_more, ", '", type, "'"), "x",
      absl::StrCat("'schema': '", schema, "', 'unit': '", unit, "'"));
}

std::string Limited(absl::string_view bounds, absl::string_view more_types = "") {
  return Typed(absl::StrCat("'Property', 'Limited'", more_types), "x",
               absl::StrCat("'schema': 'double'", bounds));
}

std::vector<Row> TraitRows() {
  return {
      {"Temperature",
       Measured("Temperature", "degreeCelsius"),
       Measured("Temperature", "kelvin"),
       {"breaking x: unit changed from degreeCelsius to kelvin -> convert 'x' from degreeCelsius "
        "to "
        "kelvin: value + 273.15"},
       {"breaking x: unit changed from kelvin to degreeCelsius -> convert 'x' from kelvin to "
        "degreeCelsius: value - 273.15"}},
      {"Fahrenheit",
       Measured("Temperature", "degreeFahrenheit"),
       Measured("Temperature", "degreeCelsius"),
       {"breaking x: unit changed from degreeFahrenheit to degreeCelsius -> convert 'x' from "
        "degreeFahrenheit to degreeCelsius: value * 0.555555555555556 - 17.7777777777778"},
       {"breaking x: unit changed from degreeCelsius to degreeFahrenheit -> convert 'x' from "
        "degreeCelsius to degreeFahrenheit: value * 1.8 + 32"}},
      {"WholeVolts",
       Measured("Voltage", "volt", "integer"),
       Measured("Voltage", "millivolt", "integer"),
       {"breaking x: unit changed from volt to millivolt -> convert 'x' from volt to millivolt: "
        "value * 1000"},
       {"breaking x: unit changed from millivolt to volt -> convert 'x' from millivolt to volt: "
        "value * 0.001, rounded"}},
      {"UnitOfHistory",
       Measured("Voltage", "volt", "double", "'Property', 'Historized'"),
       Measured("Voltage", "millivolt", "double", "'Property', 'Historized'"),
       {"breaking x: unit changed from volt to millivolt -> convert 'x' and its history from volt "
        "to millivolt: value * 1000"},
       {"breaking x: unit changed from millivolt to volt -> convert 'x' and its history from "
        "millivolt to volt: value * 0.001"}},
      {"UnitOfTelemetry",
       Measured("Voltage", "volt", "double", "'Telemetry'"),
       Measured("Voltage", "millivolt", "double", "'Telemetry'"),
       {"breaking x: unit changed from volt to millivolt -> convert 'x' and its history from volt "
        "to millivolt: value * 1000"},
       {"breaking x: unit changed from millivolt to volt -> convert 'x' and its history from "
        "millivolt to volt: value * 0.001"}},
      {"UnitOfTheSameSize",
       Measured("Power", "watt"),
       Measured("Power", "joulePerSecond"),
       {"additive x: unit changed from watt to joulePerSecond, which is the same size"},
       {"additive x: unit changed from joulePerSecond to watt, which is the same size"}},
      {"UnitThatDoesNotConvert",
       Measured("IonizingRadiationDose", "gray"),
       Measured("IonizingRadiationDose", "sievert"),
       {"breaking x: unit changed from gray to sievert, to which it does not convert -> set 'x' "
        "anew in sievert"},
       {"breaking x: unit changed from sievert to gray, to which it does not convert -> set 'x' "
        "anew in gray"}},
      {"SemanticType",
       X("'double'"),
       Measured("Voltage", "volt"),
       {"additive x: semantic type Voltage added", "additive x: unit volt added"},
       {"breaking x: semantic type Voltage removed", "breaking x: unit volt removed"}},
      {"OtherSemanticType",
       Measured("Length", "metre"),
       Measured("Distance", "metre"),
       {"breaking x: semantic type changed from Length to Distance"},
       {"breaking x: semantic type changed from Distance to Length"}},
      {"OtherQuantity",
       Measured("Length", "metre"),
       Measured("Voltage", "volt"),
       {"breaking x: semantic type changed from Length to Voltage",
        "breaking x: unit changed from metre to volt, to which it does not convert -> set 'x' anew "
        "in volt"},
       {"breaking x: semantic type changed from Voltage to Length",
        "breaking x: unit changed from volt to metre, to which it does not convert -> set 'x' anew "
        "in metre"}},
      {"UnitOfAField",
       X(Object(Typed("'Field', 'Voltage'", "a", "'schema': 'double', 'unit': 'volt'"))),
       X(Object(Typed("'Field', 'Voltage'", "a", "'schema': 'double', 'unit': 'kilovolt'"))),
       {"breaking x.a: unit changed from volt to kilovolt -> convert 'x.a' from volt to kilovolt: "
        "value * 0.001"},
       {"breaking x.a: unit changed from kilovolt to volt -> convert 'x.a' from kilovolt to volt: "
        "value * 1000"}},

      {"Historized",
       X("'double'"),
       Typed("'Property', 'Historized'", "x", Schema("'double'")),
       {"additive x: Historized added"},
       {"breaking x: Historized removed"}},
      {"Required",
       X("'double'"),
       Typed("'Property', 'Required'", "x", Schema("'double'")),
       {"breaking x: Required added -> set property 'x' (double) where it is missing"},
       {"additive x: Required removed"}},
      {"Bounds",
       X("'double'"),
       Limited(", 'minimum': 0, 'maximum': 5.5"),
       {"breaking x: minimum changed from none to 0 -> correct 'x' or remove it where it is less "
        "than 0",
        "breaking x: maximum changed from none to 5.5 -> correct 'x' or remove it where it is "
        "greater than 5.5"},
       {"additive x: minimum changed from 0 to none",
        "additive x: maximum changed from 5.5 to none"}},
      {"Narrowed",
       Limited(", 'minimum': -10, 'maximum': 9"),
       Limited(", 'minimum': -9.5, 'maximum': 8"),
       {"breaking x: minimum changed from -10 to -9.5 -> correct 'x' or remove it where it is less "
        "than -9.5",
        "breaking x: maximum changed from 9 to 8 -> correct 'x' or remove it where it is greater "
        "than 8"},
       {"additive x: minimum changed from -9.5 to -10", "additive x: maximum changed from 8 to 9"}},
      {"WrittenOtherwise",
       Limited(", 'minimum': 1, 'maximum': 100"),
       Limited(", 'minimum': 1.0, 'maximum': 1e2"),
       {},
       {}},
      {"BoundsInOtherUnits",
       Limited(", 'minimum': 0, 'maximum': 100, 'unit': 'degreeCelsius'", ", 'Temperature'"),
       Limited(", 'minimum': 273.15, 'maximum': 300, 'unit': 'kelvin'", ", 'Temperature'"),
       {"breaking x: unit changed from degreeCelsius to kelvin -> convert 'x' from degreeCelsius "
        "to "
        "kelvin: value + 273.15",
        "breaking x: maximum changed from 373.15 to 300 -> correct 'x' or remove it where it is "
        "greater than 300"},
       {"breaking x: unit changed from kelvin to degreeCelsius -> convert 'x' from kelvin to "
        "degreeCelsius: value - 273.15",
        "additive x: maximum changed from 26.85 to 100"}},
      {"Precise",
       X("'double'"),
       Typed("'Property', 'Precise'", "x", "'schema': 'double', 'decimalPlaces': 2"),
       {"breaking x: decimal places changed from any to 2 -> round 'x' to 2 decimal places"},
       {"additive x: decimal places changed from 2 to any"}},
      {"MorePrecise",
       Typed("'Property', 'Precise'", "x", "'schema': 'double', 'decimalPlaces': 2"),
       Typed("'Property', 'Precise'", "x", "'schema': 'double', 'decimalPlaces': 3"),
       {"additive x: decimal places changed from 2 to 3"},
       {"breaking x: decimal places changed from 3 to 2 -> round 'x' to 2 decimal places"}},
      {"Scale",
       X("'double'"),
       Typed("'Property', 'ScaledStatically'", "x", "'schema': 'double', 'scaleFactor': 0.1"),
       {"breaking x: scale factor changed from 1 to 0.1 -> rescale 'x': its scale factor changed "
        "from 1 to 0.1"},
       {"breaking x: scale factor changed from 0.1 to 1 -> rescale 'x': its scale factor changed "
        "from 0.1 to 1"}},
  };
}

std::vector<Row> RelationshipRows() {
  const std::string part1 = Relationship("'target': 'dtmi:t:Part;1'");
  const std::string part2 = Relationship("'target': 'dtmi:t:Part;2'");
  return {
      {"Target",
       Relationship(""),
       part1,
       {"breaking r: target narrowed from any to 'dtmi:t:Part;1' -> retarget or delete "
        "relationships 'r' to twins that are not of 'dtmi:t:Part;1'"},
       {"additive r: target widened from 'dtmi:t:Part;1' to any"}},
      {"VersionOfTarget",
       part1,
       part2,
       {"breaking r: target narrowed from 'dtmi:t:Part;1' to 'dtmi:t:Part;2' -> retarget or delete "
        "relationships 'r' to twins that are not of 'dtmi:t:Part;2'"},
       {"additive r: target widened from 'dtmi:t:Part;2' to 'dtmi:t:Part;1'"}},
      {"OtherTarget",
       part1,
       Relationship("'target': 'dtmi:t:Other;1'"),
       {"breaking r: target changed from 'dtmi:t:Part;1' to 'dtmi:t:Other;1' -> retarget or delete "
        "relationships 'r' to twins that are not of 'dtmi:t:Other;1'"},
       {"breaking r: target changed from 'dtmi:t:Other;1' to 'dtmi:t:Part;1' -> retarget or delete "
        "relationships 'r' to twins that are not of 'dtmi:t:Part;1'"}},
      {"Multiplicity",
       Relationship("'maxMultiplicity': 3"),
       Relationship("'maxMultiplicity': 1"),
       {"breaking r: maxMultiplicity changed from 3 to 1 -> delete relationships 'r' beyond 1"},
       {"additive r: maxMultiplicity changed from 1 to 3"}},
      {"MultiplicityOfAny",
       Relationship(""),
       Relationship("'maxMultiplicity': 1"),
       {"breaking r: maxMultiplicity changed from any number to 1 -> delete relationships 'r' "
        "beyond 1"},
       {"additive r: maxMultiplicity changed from 1 to any number"}},
      {"WritableRelationship",
       Relationship(""),
       Relationship("'writable': true"),
       {"additive r: writable added"},
       {"breaking r: writable removed"}},
      {"RelationshipProperty",
       Relationship(""),
       Relationship("'properties': [" + Property("position", "'integer'") + "]"),
       {"additive r.position: property added (integer)"},
       {"breaking r.position: property removed -> remove property 'r.position'"}},
      {"TypeOfRelationshipProperty",
       Relationship("'properties': [" + Property("position", "'integer'") + "]"),
       Relationship("'properties': [" + Property("position", "'string'") + "]"),
       {"breaking r.position: type changed from integer to string -> convert 'r.position' from "
        "integer to string"},
       {"breaking r.position: type changed from string to integer -> convert 'r.position' from "
        "string to integer; where it does not fit, remove it"}},

      {"ComponentVersion",
       Component("dtmi:t:Part;1"),
       Component("dtmi:t:Part;2"),
       {"additive part: model changed from 'dtmi:t:Part;1' to 'dtmi:t:Part;2'",
        "breaking part.maker: Required property added (string) -> set property 'part.maker' "
        "(string)"},
       {"breaking part: model changed from 'dtmi:t:Part;2' to 'dtmi:t:Part;1'",
        "breaking part.maker: property removed -> remove property 'part.maker'"}},
      {"ComponentModel",
       Component("dtmi:t:Part;1"),
       Component("dtmi:t:Other;1"),
       {"breaking part: model changed from 'dtmi:t:Part;1' to 'dtmi:t:Other;1'",
        "breaking part.serial: property removed -> remove property 'part.serial'"},
       {"breaking part: model changed from 'dtmi:t:Other;1' to 'dtmi:t:Part;1'",
        "additive part.serial: property added (string)"}},
  };
}

std::vector<Row> CommandRows() {
  const std::string request = Command("'request': {'name': 'delay', 'schema': 'integer'}");
  return {
      {"Request",
       Command(""),
       request,
       {"breaking reset.request: request added (integer)"},
       {"breaking reset.request: request removed"}},
      {"NullableRequest",
       Command(""),
       Command("'request': {'name': 'delay', 'schema': 'integer', 'nullable': true}"),
       {"additive reset.request: request added (integer)"},
       {"breaking reset.request: request removed"}},
      {"RequestBecomesNullable",
       request,
       Command("'request': {'name': 'delay', 'schema': 'integer', 'nullable': true}"),
       {"additive reset.request: nullable added"},
       {"breaking reset.request: nullable removed"}},
      {"RequestName",
       request,
       Command("'request': {'name': 'wait', 'schema': 'integer'}"),
       {"breaking reset.request: name changed from delay to wait"},
       {"breaking reset.request: name changed from wait to delay"}},
      {"RequestType",
       request,
       Command("'request': {'name': 'delay', 'schema': 'long'}"),
       {"additive reset.request: type widened from integer to long"},
       {"breaking reset.request: type changed from long to integer"}},
      {"RequestField",
       Command("'request': {'name': 'q', 'schema': " + Object("") + "}"),
       Command("'request': {'name': 'q', 'schema': " + Object(RequiredField("a", "'date'")) + "}"),
       {"breaking reset.request.a: Required field added (date)"},
       {"breaking reset.request.a: field removed"}},
      {"Response",
       Command(""),
       Command("'response': {'name': 'done', 'schema': 'boolean'}"),
       {"breaking reset.response: response added (boolean)"},
       {"breaking reset.response: response removed"}},
      {"ResponseTexts",
       Command("'response': {'name': 'done', 'schema': 'boolean'}"),
       Command("'response': {'name': 'done', 'schema': 'boolean', 'description': 'd'}"),
       {"documentation reset.response: description changed"},
       {"documentation reset.response: description changed"}},
  };
}

const auto kRowName = [](const ::testing::TestParamInfo<Row>& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Contents, DiffRows, ::testing::ValuesIn(ContentRows()), kRowName);
INSTANTIATE_TEST_SUITE_P(Types, DiffRows, ::testing::ValuesIn(TypeRows()), kRowName);
INSTANTIATE_TEST_SUITE_P(Traits, DiffRows, ::testing::ValuesIn(TraitRows()), kRowName);
INSTANTIATE_TEST_SUITE_P(Relationships, DiffRows, ::testing::ValuesIn(RelationshipRows()),
                         kRowName);
INSTANTIATE_TEST_SUITE_P(Commands, DiffRows, ::testing::ValuesIn(CommandRows()), kRowName);

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
