// Contents of a model before and after, and what is said in either direction.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/dtdl/diff_texts.h"

namespace twin::dtdl {
namespace {

using diff_texts::Array;
using diff_texts::Command;
using diff_texts::Component;
using diff_texts::Enum;
using diff_texts::Field;
using diff_texts::Lines;
using diff_texts::LinesOf;
using diff_texts::Map;
using diff_texts::Model;
using diff_texts::Models;
using diff_texts::Object;
using diff_texts::Others;
using diff_texts::ParseModels;
using diff_texts::Property;
using diff_texts::Relationship;
using diff_texts::RequiredField;
using diff_texts::Schema;
using diff_texts::Typed;
using diff_texts::Value;
using diff_texts::X;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace twin::dtdl
