// Two judge values: models/dtdl the text of a value, CheckValue the value that a request carries.
// They say the same, but for what is named here.
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "models/dtdl/values.h"
#include "server/base/check.h"
#include "server/ingest/check_value.h"

namespace twin::ingest {
namespace {

struct Case {
  std::string text;  // JSON
  Value value;       // what a request makes of it
};

std::vector<Case> Cases() {
  std::vector<Case> cases = {
      {"null", Value()},
      {"true", Value::Bool(true)},
      {"3.5", Value::Double(3.5)},
      {"-0.25", Value::Double(-0.25)},
      {"1e39", Value::Double(1e39)},
      {"3.0", Value::Double(3)},
      {"-3.0", Value::Double(-3)},
      {"127.0", Value::Double(127)},
      {"1.0", Value::Double(1)},
      {"1e2", Value::Double(100)},
      {"-0.0", Value::Double(-0.0)},
      {"[1.0]", Value::Array({Value::Double(1)})},
      {R"({"a":1.0})", Value::Map({{"a", Value::Double(1)}})},
      {"[1,2]", Value::Array({Value::Int(1), Value::Int(2)})},
      {"[true]", Value::Array({Value::Bool(true)})},
      {"[]", Value::Array({})},
      {R"({"a":1})", Value::Map({{"a", Value::Int(1)}})},
      {R"({"a":"x"})", Value::Map({{"a", Value::String("x")}})},
      {R"({"b":1})", Value::Map({{"b", Value::Int(1)}})},
      {"{}", Value::Map({})},
  };
  for (const int64_t number : {int64_t{0},
                               int64_t{1},
                               int64_t{-1},
                               int64_t{127},
                               int64_t{128},
                               int64_t{-128},
                               int64_t{-129},
                               int64_t{255},
                               int64_t{256},
                               int64_t{32767},
                               int64_t{32768},
                               int64_t{-32769},
                               int64_t{65535},
                               int64_t{65536},
                               int64_t{2147483647},
                               int64_t{2147483648},
                               int64_t{-2147483648},
                               int64_t{-2147483649},
                               int64_t{4294967295},
                               int64_t{4294967296},
                               std::numeric_limits<int64_t>::max(),
                               std::numeric_limits<int64_t>::min()}) {
    cases.push_back({absl::StrCat(number), Value::Int(number)});
  }
  for (const std::string text :
       {"", "on", "off", "x", "2026-03-01", "2026-02-30", "08:30:00Z", "08:61:00Z", "PT8H30M", "P",
        "2026-03-01T08:30:00Z", "2026-03-01T08:30:00", "12.50", "1e5", "QUJD", "QUJ",
        "7d444840-9dc0-11d1-b245-5ffdce74fad2", "7d444840"}) {
    cases.push_back({absl::StrCat("\"", text, "\""), Value::String(text)});
  }
  return cases;
}

constexpr absl::string_view kSchemas[] = {
    R"("boolean")",
    R"("byte")",
    R"("short")",
    R"("integer")",
    R"("long")",
    R"("unsignedByte")",
    R"("unsignedShort")",
    R"("unsignedInteger")",
    R"("unsignedLong")",
    R"("float")",
    R"("double")",
    R"("decimal")",
    R"("string")",
    R"("date")",
    R"("time")",
    R"("dateTime")",
    R"("duration")",
    R"("uuid")",
    R"("bytes")",
    R"({"@type":"Enum","valueSchema":"string","enumValues":[
        {"name":"on","enumValue":"on"},{"name":"off","enumValue":"off"}]})",
    R"({"@type":"Enum","valueSchema":"integer","enumValues":[
        {"name":"one","enumValue":1},{"name":"many","enumValue":127}]})",
    R"({"@type":"Array","elementSchema":"integer"})",
    R"({"@type":"Map","mapKey":{"name":"k","schema":"string"},
        "mapValue":{"name":"v","schema":"integer"}})",
};

// Of a model whose property "p" has the schema.
std::shared_ptr<const graph::Catalog> CatalogWith(absl::string_view schema) {
  std::vector<graph::ModelState> states(1);
  states[0].id = "dtmi:t:M;1";
  states[0].text = absl::StrCat(
      R"({"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:M;1","@type":"Interface","contents":[)",
      R"({"@type":"Property","name":"p","schema":)", schema, "}]}");
  auto catalog = graph::Catalog::Create(std::move(states), nullptr);
  TWIN_CHECK(catalog.ok()) << catalog.status();
  return *std::move(catalog);
}

bool IsTaken(const graph::Catalog& catalog, const Value& value) {
  return CheckValue(*catalog.table(TableId(0)).FindColumn("p"), value, "p", Limits()).ok();
}

bool Conforms(const graph::Catalog& catalog, absl::string_view text) {
  return dtdl::ValidateText(*catalog.table(TableId(0)).FindColumn("p")->schema, text).empty();
}

TEST(ValueRules, BothSayTheSame) {
  for (const absl::string_view schema : kSchemas) {
    const auto catalog = CatalogWith(schema);
    int taken = 0;
    for (const Case& each : Cases()) {
      if (each.text == "-0.0") continue;  // AZeroWithASign...
      EXPECT_EQ(IsTaken(*catalog, each.value), Conforms(*catalog, each.text))
          << schema << " and " << each.text;
      taken += IsTaken(*catalog, each.value) ? 1 : 0;
    }
    EXPECT_GT(taken, 0) << schema;
  }
}

TEST(ValueRules, ValuesNestAsDeepAsReadersCanDecode) {
  const auto catalog = CatalogWith(
      R"({"@id":"dtmi:t:Node;1","@type":"Object","fields":[{"name":"next","schema":"dtmi:t:Node;1"}]})");
  Value value = Value::Map({});
  for (int depth = 0; depth < kNestedMax; ++depth) {
    value = Value::Map({{"next", std::move(value)}});
    EXPECT_TRUE(CheckValue(*catalog->table(TableId(0)).FindColumn("p"), value, "p", Limits()).ok());
  }
  value = Value::Map({{"next", std::move(value)}});
  const absl::Status refused =
      CheckValue(*catalog->table(TableId(0)).FindColumn("p"), value, "p", Limits()).status();
  EXPECT_TRUE(absl::EndsWith(refused.message(), ": values nest 24 deep at most")) << refused;
}

TEST(ValueRules, AFractionIsShownAsOne) {
  const auto message = [](absl::string_view schema, double number) {
    const auto catalog = CatalogWith(schema);
    return std::string(CheckValue(*catalog->table(TableId(0)).FindColumn("p"),
                                  Value::Double(number), "p", Limits())
                           .status()
                           .message());
  };
  EXPECT_EQ(message(R"("integer")", 3),
            "p: expected an integer, got 3.0; write it without a point and an exponent");
  EXPECT_EQ(message(R"("integer")", 3.5), "p: expected an integer, got 3.5");
}

// As text, a number shows how it was written; typed, it is what it is worth.
TEST(ValueRules, TypedNumbersAreTakenByTheirValue) {
  const auto taken = [](const graph::Catalog& catalog, Value value) {
    TakeByValue(&value);
    return IsTaken(catalog, value);
  };
  for (const absl::string_view schema : kSchemas) {
    const auto catalog = CatalogWith(schema);
    for (const Case& each : Cases()) {
      // What is not whole, or no number at all, stays what it was; what is whole is as if it had
      // been written without a fraction.
      std::string text = each.text;
      if (each.text == "1e2") text = "100";
      if (absl::EndsWith(text, ".0")) text.resize(text.size() - 2);
      if (text == "-0") text = "0";
      if (text == "[1.0]") text = "[1]";
      if (text == R"({"a":1.0})") text = R"({"a":1})";
      EXPECT_EQ(taken(*catalog, each.value), Conforms(*catalog, text)) << schema << " " << text;
    }
  }
  const auto whole = CatalogWith(R"("long")");
  EXPECT_TRUE(taken(*whole, Value::Double(9007199254740992.0)));
  EXPECT_FALSE(taken(*whole, Value::Double(9007199254740994.0)));
  EXPECT_FALSE(taken(*whole, Value::Double(2.5)));
}

// JSON readers give no sign to an integer 0.
TEST(ValueRules, AZeroWithASignConformsToSignedTypesAndIsTakenByAll) {
  const auto catalog = CatalogWith(R"("unsignedByte")");
  EXPECT_FALSE(Conforms(*catalog, "-0"));
  EXPECT_TRUE(IsTaken(*catalog, Value::Int(0)));
  EXPECT_TRUE(Conforms(*CatalogWith(R"("byte")"), "-0"));
  // Typed, it keeps its sign where it has one.
  const auto checked = [](absl::string_view schema) {
    const auto of = CatalogWith(schema);
    Value zero = Value::Double(-0.0);
    TakeByValue(&zero);
    return CheckValue(*of->table(TableId(0)).FindColumn("p"), zero, "p", Limits());
  };
  for (const char* schema : {R"("integer")", R"("unsignedByte")", R"("long")"}) {
    const auto zero = checked(schema);
    ASSERT_TRUE(zero.ok()) << zero.status();
    EXPECT_EQ(*zero, Value::Int(0));
  }
  for (const char* schema : {R"("double")", R"("float")"}) {
    const auto zero = checked(schema);
    ASSERT_TRUE(zero.ok()) << zero.status();
    EXPECT_TRUE(std::signbit(zero->as_double()));
  }
}

TEST(ValueRules, LargeUnsignedLongsConformAndCannotBeStored) {
  const auto catalog = CatalogWith(R"("unsignedLong")");
  EXPECT_TRUE(Conforms(*catalog, "9223372036854775808"));
  EXPECT_FALSE(IsTaken(*catalog, Value::Double(9223372036854775808.0)));
}

}  // namespace
}  // namespace twin::ingest
