#include "server/base/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>

#include "tests/support/status_matchers.h"

namespace twin {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

Value Tree() {
  ValueMap members;
  members.emplace_back("none", Value());
  members.emplace_back("yes", Value::Bool(true));
  members.emplace_back("count", Value::Int(-96));
  members.emplace_back("voltage", Value::Double(3.7215));
  members.emplace_back("name", Value::String("Zelle \"1\""));
  members.emplace_back("at", Value::OfTime(Time{1'500'000'000}));
  members.emplace_back("list", Value::Array({Value::Int(1), Value::Array({})}));
  return Value::Map(std::move(members));
}

TEST(Value, BytesGiveTheSameTree) {
  std::string bytes;
  Tree().AppendTo(&bytes);
  EXPECT_EQ(Tree().EncodedSize(), bytes.size());
  const size_t size = bytes.size();
  bytes.append("rest");
  absl::string_view left = bytes;
  Value read;
  ASSERT_THAT(Value::Decode(&left, &read), IsOk());
  EXPECT_EQ(left, "rest");
  EXPECT_EQ(read, Tree());
  for (size_t cut = 0; cut < size; ++cut) {
    left = absl::string_view(bytes).substr(0, cut);
    EXPECT_THAT(Value::Decode(&left, &read),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("value")));
  }
}

TEST(Value, DepthIsBounded) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes.append("\x06\x01", 2);
  absl::string_view left = bytes;
  Value read;
  EXPECT_THAT(Value::Decode(&left, &read),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("too deep")));
}

TEST(Value, TakesAnyKindAfterAnyOther) {
  const Value tree = Tree();
  for (const ValueMember& from : tree.as_map()) {
    for (const ValueMember& to : tree.as_map()) {
      Value copied = from.second;
      copied = to.second;
      EXPECT_EQ(copied, to.second) << from.first << " to " << to.first;
      Value taken = from.second;
      taken = std::move(copied);
      EXPECT_EQ(taken, to.second) << from.first << " to " << to.first;
      const Value made = std::move(taken);
      EXPECT_EQ(made, to.second);
    }
  }
  Value itself = tree;
  const Value& same = itself;
  itself = same;
  EXPECT_EQ(itself, tree);
  // A part takes the place of the whole.
  itself = std::move(itself.as_map().back().second);
  EXPECT_EQ(itself, *tree.Find("list"));
  itself = itself.as_array()[0];
  EXPECT_EQ(itself, Value::Int(1));
}

TEST(ValueDeathTest, IsReadAsTheKindThatItIs) {
  EXPECT_DEATH((void)Value::Int(1).as_string(), "check failed");
  EXPECT_DEATH((void)Value().as_double(), "check failed");
}

TEST(Value, EqualityIsOfWhatIsStored) {
  EXPECT_EQ(Value::Double(NAN), Value::Double(NAN));
  EXPECT_FALSE(Value::Double(0.0) == Value::Double(-0.0));
  EXPECT_FALSE(Value::Int(1) == Value::Double(1));
  EXPECT_EQ(Value(), Value());
}

TEST(Value, IsShownShort) {
  EXPECT_EQ(Tree().DebugString(1000),
            R"({"none":null,"yes":true,"count":-96,"voltage":3.7215,)"
            R"("name":"Zelle \"1\"","at":"1970-01-01T00:00:01.5Z","list":[1,[]]})");
  EXPECT_EQ(Value::String("éééé").DebugString(4), "\"é…");
  EXPECT_EQ(Value::Double(0.1).DebugString(), "0.1");
  EXPECT_EQ(Value::Double(1e39).DebugString(), "1e+39");
  EXPECT_EQ(Value::Double(100000).DebugString(), "100000");
  EXPECT_EQ(Value::Double(0.1 + 0.2).DebugString(), "0.30000000000000004");
  EXPECT_EQ(Value::Double(NAN).DebugString(), "nan");
}

}  // namespace
}  // namespace twin
