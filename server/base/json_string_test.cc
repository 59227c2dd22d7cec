#include "server/base/json_string.h"

#include <gtest/gtest.h>

namespace twin {
namespace {

std::string JsonOf(absl::string_view text) {
  std::string json;
  AppendJsonString(text, &json);
  return json;
}

TEST(JsonString, EscapesWhatItMust) {
  EXPECT_EQ(JsonOf(""), R"("")");
  EXPECT_EQ(JsonOf("Zürich 充电"), R"("Zürich 充电")");
  EXPECT_EQ(JsonOf("a\"b\\c\nd\te\rf\bg\x1f\x7f/"),
            "\"a\\\"b\\\\c\\nd\\te\\rf\\u0008g\\u001f\x7f/\"");
  EXPECT_EQ(JsonOf(absl::string_view("\0", 1)), R"("\u0000")");
}

}  // namespace
}  // namespace twin
