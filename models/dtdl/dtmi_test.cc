#include "models/dtdl/dtmi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace twin::dtdl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

struct Parts {
  const char* text;
  std::vector<std::string> labels;
  int major, minor;
  const char* fragment;
  const char* versionless;
  bool reserved;
};

TEST(Dtmi, HasParts) {
  const Parts cases[] = {
      {"dtmi:a;1", {"a"}, 1, 0, "", "dtmi:a", false},
      {"dtmi:com:example:Cell;1",
       {"com", "example", "Cell"},
       1,
       0,
       "",
       "dtmi:com:example:Cell",
       false},
      {"dtmi:a:b", {"a", "b"}, 0, 0, "", "dtmi:a:b", false},
      {"dtmi:a_1__b:C9;999999999", {"a_1__b", "C9"}, 999999999, 0, "", "dtmi:a_1__b:C9", false},
      {"dtmi:a;3.14", {"a"}, 3, 14, "", "dtmi:a", false},
      {"dtmi:a;1.999999", {"a"}, 1, 999999, "", "dtmi:a", false},
      {"dtmi:a;1#", {"a"}, 1, 0, "#", "dtmi:a#", false},
      {"dtmi:a;1.2#frag", {"a"}, 1, 2, "#frag", "dtmi:a#frag", false},
      {"dtmi:a#frag", {"a"}, 0, 0, "#frag", "dtmi:a#frag", false},
      {"dtmi:a;1#_frag", {"a"}, 1, 0, "#_frag", "dtmi:a#_frag", true},
      {"dtmi:a:_contents:__temp:_schema;1",
       {"a", "_contents", "__temp", "_schema"},
       1,
       0,
       "",
       "dtmi:a:_contents:__temp:_schema",
       true},
      {"dtmi:_a", {"_a"}, 0, 0, "", "dtmi:_a", true},
  };
  for (const Parts& parts : cases) {
    SCOPED_TRACE(parts.text);
    const absl::StatusOr<Dtmi> dtmi = Dtmi::Parse(parts.text);
    ASSERT_THAT(dtmi, IsOk());
    EXPECT_EQ(dtmi->text(), parts.text);
    EXPECT_EQ(dtmi->labels(), parts.labels);
    EXPECT_EQ(dtmi->major_version(), parts.major);
    EXPECT_EQ(dtmi->minor_version(), parts.minor);
    EXPECT_DOUBLE_EQ(dtmi->complete_version(), parts.major + parts.minor / 1e6);
    EXPECT_EQ(dtmi->has_version(), parts.major > 0);
    EXPECT_EQ(dtmi->fragment(), parts.fragment);
    EXPECT_EQ(dtmi->Versionless(), parts.versionless);
    EXPECT_EQ(dtmi->IsReserved(), parts.reserved);
  }
}

TEST(Dtmi, RefusalsSayWhichPartIsWrong) {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {
      {"", "'dtmi:'"},
      {"dtmi", "'dtmi:'"},
      {"DTMI:a;1", "'dtmi:'"},
      {"http://a/b", "'dtmi:'"},
      {" dtmi:a;1", "'dtmi:'"},
      {"dtmi:", "label"},
      {"dtmi:;1", "label"},
      {"dtmi:a::b;1", "label"},
      {"dtmi:a:;1", "label"},
      {"dtmi:1a;1", "label"},
      {"dtmi:_1;1", "label"},
      {"dtmi:a_;1", "label"},
      {"dtmi:__;1", "label"},
      {"dtmi:ä;1", "label"},
      {"dtmi:a b;1", "does not belong"},
      {"dtmi:a-b;1", "does not belong"},
      {"dtmi:a;", "version"},
      {"dtmi:a;0", "version"},
      {"dtmi:a;01", "version"},
      {"dtmi:a;-1", "version"},
      {"dtmi:a;1234567890", "version"},
      {"dtmi:a;x", "version"},
      {"dtmi:a;1.", "minor version"},
      {"dtmi:a;1.0", "minor version"},
      {"dtmi:a;1.01", "minor version"},
      {"dtmi:a;1.1234567", "minor version"},
      {"dtmi:a;.1", "version"},
      {"dtmi:a;1a", "does not belong"},
      {"dtmi:a;1.2.3", "does not belong"},
      {"dtmi:a;1;2", "does not belong"},
      {"dtmi:a;1 ", "does not belong"},
      {"dtmi:a;1#1", "fragment"},
      {"dtmi:a;1#b_", "fragment"},
      {"dtmi:a;1#b.c", "fragment"},
      {"dtmi:a;1#b#c", "fragment"},
      {"dtmi:a;1#b;2", "fragment"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(Dtmi::Parse(test.text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(absl::StrCat("'", test.text, "'")), HasSubstr(test.why),
                               HasSubstr("dtmi:com:example:Cell;1"))))
        << test.text;
  }
}

TEST(Dtmi, EqualityIsByteWise) {
  EXPECT_EQ(*Dtmi::Parse("dtmi:a;1"), *Dtmi::Parse("dtmi:a;1"));
  EXPECT_FALSE(*Dtmi::Parse("dtmi:a;1") == *Dtmi::Parse("dtmi:A;1"));
  EXPECT_FALSE(*Dtmi::Parse("dtmi:a;1") == *Dtmi::Parse("dtmi:a"));
}

TEST(ModelId, TakesTheVersionsOfTheLanguage) {
  for (const int version : {2, 3, 4}) {
    SCOPED_TRACE(version);
    EXPECT_TRUE(IsModelId("dtmi:a;1", version));
    EXPECT_TRUE(IsModelId("dtmi:a:b_c:D9;999999999", version));
    EXPECT_EQ(IsModelId("dtmi:a", version), version > 2);
    EXPECT_EQ(IsModelId("dtmi:a;1.1", version), version > 2);
    EXPECT_EQ(IsModelId("dtmi:a;1.999999", version), version > 2);
    for (const char* bad : {"",
                            "dtmi:",
                            "a",
                            "dtmi:;1",
                            "dtmi:_a;1",
                            "dtmi:a:_b;1",
                            "dtmi:a_;1",
                            "dtmi:1;1",
                            "dtmi:a::b;1",
                            "dtmi:a;0",
                            "dtmi:a;01",
                            "dtmi:a;1234567890",
                            "dtmi:a;",
                            "dtmi:a;1.0",
                            "dtmi:a;1.",
                            "dtmi:a;1.1.1",
                            "dtmi:a;1.1234567",
                            "dtmi:a;1#",
                            "dtmi:a;1#b",
                            "dtmi:a#b",
                            "dtmi:a;1 ",
                            "dtmi:a b;1",
                            "DTMI:a;1",
                            "dtmi:a;1\n"}) {
      EXPECT_FALSE(IsModelId(bad, version)) << bad;
    }
  }
}

// Every text of up to six characters behind "dtmi:", against the specification's expressions.
TEST(ModelId, AgreesWithItsRegularExpression) {
  const std::string label = "[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?";
  const std::string labels = "dtmi:" + label + "(:" + label + ")*";
  const std::regex v2(labels + ";[1-9][0-9]{0,8}");
  const std::regex v3(labels + "(;[1-9][0-9]{0,8}(\\.[1-9][0-9]{0,5})?)?");
  const std::function<void(std::string)> check = [&](const std::string& text) {
    EXPECT_EQ(IsModelId(text, 2), std::regex_match(text, v2)) << text;
    EXPECT_EQ(IsModelId(text, 3), std::regex_match(text, v3)) << text;
    EXPECT_EQ(IsModelId(text, 4), IsModelId(text, 3)) << text;
    if (text.size() == 11) return;
    for (const char c : {'a', '1', '0', '_', ':', ';', '.'}) check(text + c);
  };
  check("dtmi:");
}

// By the second part, later versions of a model compare greater.
TEST(Version, SplitsOffAndOrders) {
  EXPECT_EQ(SplitVersion("dtmi:a:b;3").id, "dtmi:a:b");
  EXPECT_EQ(SplitVersion("dtmi:a:b").id, "dtmi:a:b");
  EXPECT_EQ(SplitVersion("dtmi:a:b;3.1").id, "dtmi:a:b");
  EXPECT_EQ(SplitVersion("dtmi:a:b;3").version, 3000000);
  EXPECT_EQ(SplitVersion("dtmi:a:b;3.1").version, 3000001);
  EXPECT_EQ(SplitVersion("dtmi:a:b;3.999999").version, 3999999);
  EXPECT_EQ(SplitVersion("dtmi:a:b").version, 0);
  EXPECT_EQ(SplitVersion("dtmi:a:b;999999999.999999").version, 999999999999999);
  const char* const ordered[] = {"dtmi:a",      "dtmi:a;1", "dtmi:a;1.1", "dtmi:a;1.2",
                                 "dtmi:a;1.10", "dtmi:a;2", "dtmi:a;10",  "dtmi:a;10.1"};
  for (size_t i = 1; i < std::size(ordered); ++i) {
    EXPECT_LT(SplitVersion(ordered[i - 1]).version, SplitVersion(ordered[i]).version) << ordered[i];
  }
}

TEST(Dtmi, AgreesWithThePublicTestSuite) {
  const char* const data = std::getenv("TWINGRAPH_DATA");
  if (data == nullptr) GTEST_SKIP() << "TWINGRAPH_DATA is not set";
  std::ifstream file(absl::StrCat(data, "/dtdl/dtmi.jsonl"));
  ASSERT_TRUE(file.is_open());
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    const nlohmann::json test = nlohmann::json::parse(line);
    SCOPED_TRACE(line);
    const absl::StatusOr<Dtmi> dtmi = Dtmi::Parse(test["dtmi"].get<std::string>());
    EXPECT_EQ(dtmi.ok(), test["valid"].get<bool>()) << dtmi.status();
    if (!dtmi.ok() || test["expect"].is_null()) continue;
    const nlohmann::json& expect = test["expect"];
    EXPECT_EQ(dtmi->major_version(), expect["MajorVersion"]);
    EXPECT_EQ(dtmi->minor_version(), expect["MinorVersion"]);
    EXPECT_DOUBLE_EQ(dtmi->complete_version(), expect["CompleteVersion"].get<double>());
    EXPECT_EQ(dtmi->Versionless(), expect["Versionless"]);
    EXPECT_EQ(nlohmann::json(dtmi->labels()), expect["Labels"]);
    EXPECT_EQ(dtmi->IsReserved(), expect["IsReserved"]);
    EXPECT_EQ(dtmi->fragment(), expect["Fragment"]);
  }
  EXPECT_GT(cases, 10);
}

}  // namespace
}  // namespace twin::dtdl
