#include "clients/twinctl/twin_json.h"

#include <gtest/gtest.h>

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

v1::Twin ExampleTwin() {
  v1::Twin twin;
  twin.set_id("ü \"x\"/1");
  twin.set_model_id("dtmi:com:example:Pack;1");
  twin.set_etag("W/\"3\"");
  twin.set_contents_json(R"({"count":9007199254740993,"soh":{"value":0.1},"a":[1.0,true]})");
  return twin;
}

TEST(TwinJsonTest, IsThatOfAdt) {
  EXPECT_EQ(DumpJson(TwinJson(ExampleTwin())),
            R"({"$dtId":"ü \"x\"/1","$etag":"W/\"3\"","$metadata":{"$model":)"
            R"("dtmi:com:example:Pack;1"},"count":9007199254740993,"soh":{"value":0.1},)"
            R"("a":[1.0,true]})");
}

TEST(TwinJsonTest, HasTimesWhereTheyCame) {
  v1::Twin twin;
  twin.set_id("a");
  twin.set_update_time_unix_nano(1'000'000'500);
  v1::PropertyTime* const time = twin.add_property_times();
  time->set_path("soh.value");
  time->set_update_time_unix_nano(2'000'000'000);
  time->set_source_time_unix_nano(1'500'000'000);
  EXPECT_EQ(DumpJson(TwinJson(twin)),
            R"({"$dtId":"a","$metadata":{"$model":"","$lastUpdateTime":)"
            R"("1970-01-01T00:00:01.0000005Z","soh.value":{"lastUpdateTime":)"
            R"("1970-01-01T00:00:02Z","sourceTime":"1970-01-01T00:00:01.5Z"}}})");
}

TEST(TwinJsonTest, LosesNothingThatIsNoJson) {
  v1::Twin twin;
  twin.set_id("a");
  twin.set_contents_json("{");
  EXPECT_EQ(DumpJson(TwinJson(twin)), R"({"$dtId":"a","$metadata":{"$model":""},"$contents":"{"})");
}

TEST(TwinJsonTest, RowsHoldTheContentsAsText) {
  EXPECT_EQ(
      DumpJson(TwinRows(Json::array({TwinJson(ExampleTwin())}))),
      R"([{"$dtId":"ü \"x\"/1","model":"dtmi:com:example:Pack;1","$etag":"W/\"3\"",)"
      R"("contents":"{\"count\":9007199254740993,\"soh\":{\"value\":0.1},\"a\":[1.0,true]}"}])");
  v1::Twin empty;
  empty.set_id("a");
  EXPECT_EQ(DumpJson(TwinRows(Json::array({TwinJson(empty)}))),
            R"([{"$dtId":"a","model":"","contents":""}])");
}

TEST(RelationshipJsonTest, IsThatOfAdt) {
  v1::Relationship relationship;
  relationship.set_source_id("a");
  relationship.set_id("r");
  relationship.set_name("hasCell");
  relationship.set_target_id("b");
  relationship.set_etag("e");
  relationship.set_contents_json(R"({"position":3})");
  const Json json = RelationshipJson(relationship);
  EXPECT_EQ(DumpJson(json),
            R"({"$relationshipId":"r","$etag":"e","$sourceId":"a","$relationshipName":"hasCell",)"
            R"("$targetId":"b","position":3})");
  EXPECT_EQ(RelationshipRows(Json::array({json}))[0]["contents"], R"({"position":3})");
}

TEST(ValueTest, KeepsTheKind) {
  const auto value = [](const char* json) { return ToValue(Json::parse(json)); };
  EXPECT_EQ(value("null").kind_case(), v1::Value::KIND_NOT_SET);
  EXPECT_TRUE(value("true").bool_value());
  EXPECT_EQ(value("-7").int_value(), -7);
  EXPECT_EQ(value("9223372036854775807").int_value(), INT64_MAX);
  EXPECT_EQ(value("9223372036854775808").double_value(), 9223372036854775808.0);
  EXPECT_EQ(value("1.0").kind_case(), v1::Value::kDoubleValue);
  EXPECT_EQ(value("\"7\"").string_value(), "7");
  EXPECT_EQ(value("[1, []]").array_value().values(1).kind_case(), v1::Value::kArrayValue);
  const v1::Value map = value(R"({"b": 1, "a": {}})");
  ASSERT_EQ(map.map_value().members_size(), 2);
  EXPECT_EQ(map.map_value().members(0).name(), "b");
  EXPECT_EQ(map.map_value().members(1).value().kind_case(), v1::Value::kMapValue);
}

}  // namespace
}  // namespace twin::twinctl
