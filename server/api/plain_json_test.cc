#include "server/api/plain_json.h"

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/api/json.h"
#include "tests/support/status_matchers.h"

namespace twin::api {
namespace {

using ::twin::testing::IsOk;

bool ReadAll(absl::string_view text, Value* value) {
  PlainJson json(text);
  return json.ReadValue(value) && json.done();
}

// An escape beside it keeps ParseJson from reading it as plain.
absl::StatusOr<Value> ParseOtherwise(absl::string_view text) {
  absl::StatusOr<Value> both = ParseJson(absl::StrCat("[\"\\u0041\",", text, "]"));
  if (!both.ok()) return both.status();
  if (both->as_array().size() != 2) return absl::InvalidArgumentError("several values");
  return std::move(both->as_array()[1]);
}

TEST(PlainJson, ReadsWhatIsPlain) {
  for (const char* text : {"null",
                           "true",
                           "false",
                           "0",
                           "-0",
                           "7",
                           "-7",
                           "9223372036854775807",
                           "-9223372036854775808",
                           "0.5",
                           "-0.0",
                           "1e3",
                           "1E+3",
                           "12.25e-2",
                           "4.9e-99",
                           "1.7976931348623157e99",
                           "0.1000000000000000055511151231257827021181583404541015625",
                           "\"\"",
                           "\"a\"",
                           "\"a text that is longer than a word is\"",
                           "[]",
                           "[1]",
                           "[ 1 , [ ] ]",
                           "{}",
                           " {\"a\" : 1 ,\t\"b\":{\"a\":[\"c\"]}} \r\n",
                           "\"~ \x7f/\""}) {
    Value value;
    ASSERT_TRUE(ReadAll(text, &value)) << text;
    const absl::StatusOr<Value> expected = ParseOtherwise(text);
    ASSERT_THAT(expected.status(), IsOk()) << text;
    EXPECT_EQ(value, *expected) << text;
  }
}

TEST(PlainJson, LeavesTheRestAlone) {
  const std::string zero(1, '\0');
  for (const std::string& text : {std::string(),
                                  std::string(" "),
                                  std::string("nul"),
                                  std::string("truE"),
                                  std::string("01"),
                                  std::string("-"),
                                  std::string("+1"),
                                  std::string(".5"),
                                  std::string("1."),
                                  std::string("1e"),
                                  std::string("1e+"),
                                  std::string("0x1"),
                                  std::string("inf"),
                                  std::string("nan"),
                                  std::string("-inf"),
                                  std::string("9223372036854775808"),
                                  std::string("1e999"),
                                  std::string("\""),
                                  std::string("\"a"),
                                  std::string("\"12345678"),
                                  std::string("\"\\n\""),
                                  std::string("\"\xc3\xa4\""),
                                  std::string("\"12345678\xc3\xa4\""),
                                  std::string("\"a\nb\""),
                                  "\"a" + zero + "\"",
                                  "1" + zero,
                                  std::string("1 2"),
                                  std::string("[1,]"),
                                  std::string("[,1]"),
                                  std::string("[1 2]"),
                                  std::string("[1"),
                                  std::string("{\"a\"}"),
                                  std::string("{\"a\":}"),
                                  std::string("{\"a\":1,}"),
                                  std::string("{a:1}"),
                                  std::string("{\"a\":1"),
                                  std::string("{\"a\":1,\"a\":1}"),
                                  std::string("{\"a\":{\"b\":1,\"c\":2,\"b\":3}}")}) {
    Value value;
    EXPECT_FALSE(ReadAll(text, &value)) << text;
  }
}

TEST(PlainJson, NestsAsDeepAsParseJsonDoes) {
  const auto nested = [](int depth, const std::string& inner) {
    std::string text = inner;
    for (int i = 0; i < depth; ++i) {
      text = i % 2 == 0 ? absl::StrCat("[", text, "]") : absl::StrCat("{\"a\":", text, "}");
    }
    return text;
  };
  Value value;
  EXPECT_TRUE(ReadAll(nested(kValueDepthMax, "1"), &value));
  EXPECT_THAT(ParseJson(nested(kValueDepthMax, "\"\\n\"")).status(), IsOk());
  EXPECT_FALSE(ReadAll(nested(kValueDepthMax + 1, "1"), &value));
  EXPECT_FALSE(ParseJson(nested(kValueDepthMax + 1, "\"\\n\"")).ok());
}

TEST(PlainJson, KnowsNamesOfManyMembers) {
  std::string text = "{";
  for (int i = 0; i < 64; ++i) absl::StrAppend(&text, i == 0 ? "" : ",", "\"name", i, "\":", i);
  Value value;
  ASSERT_TRUE(ReadAll(text + "}", &value));
  EXPECT_EQ(value.as_map().size(), 64u);
  EXPECT_EQ(*value.Find("name63"), Value::Int(63));
  EXPECT_FALSE(ReadAll(text + ",\"name64\":64}", &value));  // of more, the same is not promised
}

// Texts that are nearly JSON: what it reads is what is read otherwise.
TEST(PlainJson, ReadsNothingElse) {
  std::mt19937 random(1);
  const auto pick = [&](size_t count) { return random() % count; };
  const std::string texts[] = {
      R"({"$dtId":"veh-1","$metadata":{"$model":"dtmi:a:B;1"},"mass":437,"soh":0.987,"on":true})",
      R"([1,-2.5e3,"some text here",{"a":null,"b":[false,[],{}]},12345678901234567])",
      R"( { "name" : "value" , "list" : [ 1 , 2 ] } )"};
  const std::string bytes = "{}[]\",:\\ 019-+.eEntf\xc3\x01";
  int read = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string text = texts[pick(3)];
    for (size_t edits = pick(3) + 1; edits > 0; --edits) {
      const size_t at = pick(text.size());
      const char byte = bytes[pick(bytes.size())];
      if (pick(3) == 0) {
        text.erase(at, 1 + pick(3));
      } else if (pick(2) == 0) {
        text.insert(at, 1, byte);
      } else {
        text[at] = byte;
      }
    }
    Value value;
    if (!ReadAll(text, &value)) continue;
    ++read;
    const absl::StatusOr<Value> expected = ParseOtherwise(text);
    ASSERT_THAT(expected.status(), IsOk()) << text;
    ASSERT_EQ(value, *expected) << text;
  }
  EXPECT_GT(read, 2'000);
}

}  // namespace
}  // namespace twin::api
