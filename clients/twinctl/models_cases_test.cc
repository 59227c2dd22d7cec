#include "clients/twinctl/models_cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace twin::twinctl {
namespace {

using ::testing::HasSubstr;

constexpr char kGood[] =
    R"({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:a:b;1", "@type": "Interface"})";
constexpr char kInteger[] = "dtmi:dtdl:instance:Schema:integer;2";

Json Answer(const std::string& line) {
  CaseAnswerer answerer{dtdl::ParseOptions()};
  return Json::parse(answerer.Answer(line));
}

std::string ErrorOf(const std::string& line) {
  const Json answer = Answer(line);
  EXPECT_TRUE(answer.contains("id"));
  return answer.contains("error") ? answer["error"].get<std::string>() : "none: " + answer.dump();
}

TEST(CasesTest, AnswersInTheOrderOfThePromise) {
  CaseAnswerer answerer{dtdl::ParseOptions()};
  EXPECT_EQ(answerer.Answer(absl::StrCat(R"({"id":"x","models":[)", kGood, "]}")),
            R"({"id":"x","verdict":"valid","errors":[],"unresolved":[],"instances":[]})");
  EXPECT_EQ(answerer.cases(), 1);
  EXPECT_EQ(answerer.refused(), 0);
}

TEST(CasesTest, NamesErrorsAndUndefinedIds) {
  const Json invalid = Answer(
      R"({"id":1,"models":[{"@context":"dtmi:dtdl:context;3","@id":"dtmi:a:b;1","@type":"Interface","name":1}]})");
  EXPECT_EQ(invalid["verdict"], "invalid");
  ASSERT_EQ(invalid["errors"].size(), 1u);
  EXPECT_EQ(invalid["errors"][0]["id"], "dtmi:a:b;1");
  EXPECT_FALSE(invalid["errors"][0]["code"].get<std::string>().empty());
  EXPECT_FALSE(invalid["errors"][0]["message"].get<std::string>().empty());
  const Json incomplete = Answer(
      R"({"id":1,"models":[{"@context":"dtmi:dtdl:context;3","@id":"dtmi:a:b;1","@type":"Interface","extends":"dtmi:z;1"}]})");
  EXPECT_EQ(incomplete["verdict"], "incomplete");
  EXPECT_EQ(incomplete["errors"], Json::array());
  EXPECT_EQ(incomplete["unresolved"], Json::array({"dtmi:z;1"}));
}

TEST(CasesTest, JudgesInstances) {
  const std::string instances =
      absl::StrCat(R"("instances":[{"subject":")", kInteger, R"(","submit":"3"},{"subject":")",
                   kInteger, R"(","submit":"3.0"},{"subject":")", kInteger,
                   R"(","submit":3},{"subject":"dtmi:z;1","submit":"3"}])");
  Json answer = Answer(absl::StrCat(R"({"id":1,"models":[)", kGood, "],", instances, "}"));
  std::string conforms;
  for (const Json& instance : answer["instances"]) conforms += instance["conforms"].dump() + " ";
  EXPECT_EQ(conforms, "true false true null ");
  EXPECT_EQ(answer["instances"][0]["subject"], kInteger);
  answer = Answer(absl::StrCat(R"({"id":1,"models":[1],)", instances, "}"));
  for (const Json& instance : answer["instances"]) EXPECT_TRUE(instance["conforms"].is_null());
}

TEST(CasesTest, ModelsAreReadAsTheyAreWritten) {
  for (const char* models :
       {R"([1])", R"(["text"])", R"([null])", R"([[]])", R"([{"@id":"a","@id":"b"}])"}) {
    const Json answer = Answer(absl::StrCat(R"({"id":1,"models":)", models, "}"));
    EXPECT_EQ(answer["verdict"], std::string(models) == "[[]]" ? "valid" : "invalid") << models;
  }
}

TEST(CasesTest, TakesOptions) {
  const auto verdict = [](const std::string& context, const std::string& options) {
    return Answer(absl::StrCat(R"({"id":1,"models":[{"@context":)", context,
                               R"(,"@id":"dtmi:a:b;1","@type":"Interface"}],"options":)", options,
                               "}"))["verdict"];
  };
  const std::string unknown = R"(["dtmi:dtdl:context;3","dtmi:com:example:ext;1"])";
  EXPECT_EQ(verdict(unknown, R"({"undefined_extensions":"allow"})"), "valid");
  EXPECT_EQ(verdict(unknown, R"({"undefined_extensions":"default"})"), "invalid");
  EXPECT_EQ(verdict(unknown, R"({"undefined_extensions":"disallow"})"), "invalid");
  EXPECT_EQ(verdict(unknown, "null"), "invalid");
  EXPECT_EQ(verdict(R"("dtmi:dtdl:context;3")", R"({"max_dtdl_version":3})"), "valid");
  EXPECT_EQ(verdict(R"("dtmi:dtdl:context;3")", R"({"max_dtdl_version":2})"), "invalid");
  const std::string limits = R"(["dtmi:dtdl:context;4#limitless","dtmi:dtdl:limits:onvif;1"])";
  EXPECT_EQ(verdict(limits, R"({"acceptable_limits":["dtmi:dtdl:limits:onvif"]})"), "valid");
  EXPECT_EQ(verdict(limits, R"({"acceptable_limits":[]})"), "invalid");
  EXPECT_EQ(verdict(limits, R"({})"), "invalid");
}

TEST(CasesTest, RepeatsTheIdAsItWasGiven) {
  CaseAnswerer answerer{dtdl::ParseOptions()};
  for (const char* id :
       {R"("a\u0041é\"")", "1e300", "12345678901234567890123", R"({"a": [1, 2]})", "null"}) {
    EXPECT_THAT(answerer.Answer(absl::StrCat(R"({"models":[],"id":)", id, "}")),
                ::testing::StartsWith(absl::StrCat(R"({"id":)", id, ",")));
  }
  EXPECT_THAT(answerer.Answer(R"({"models":[]})"), ::testing::StartsWith(R"({"id":null,)"));
}

TEST(CasesTest, SaysWhatIsWrongWithALine) {
  EXPECT_THAT(ErrorOf("{"), HasSubstr("not JSON, at byte "));
  EXPECT_EQ(ErrorOf("[]"), "a case must be an object");
  EXPECT_EQ(ErrorOf("{}"), "'models' must be an array");
  EXPECT_EQ(ErrorOf(R"({"models":{}})"), "'models' must be an array");
  EXPECT_EQ(ErrorOf(R"({"models":[],"options":[]})"), "'options' must be an object");
  EXPECT_THAT(ErrorOf(R"({"models":[],"options":{"quirks":[]}})"),
              HasSubstr("unknown option 'quirks'"));
  EXPECT_THAT(ErrorOf(R"({"models":[],"options":{"undefined_extensions":"no"}})"),
              HasSubstr("\"allow\""));
  EXPECT_THAT(ErrorOf(R"({"models":[],"options":{"max_dtdl_version":"3"}})"),
              HasSubstr("2, 3 or 4"));
  EXPECT_THAT(ErrorOf(R"({"models":[],"options":{"max_dtdl_version":5}})"), HasSubstr("2, 3 or 4"));
  EXPECT_THAT(ErrorOf(R"({"models":[],"options":{"acceptable_limits":[1]}})"),
              HasSubstr("array of strings"));
  EXPECT_EQ(ErrorOf(R"({"models":[],"instances":{}})"), "'instances' must be an array");
  EXPECT_THAT(ErrorOf(R"({"models":[],"instances":[{"subject":"x"}]})"), HasSubstr("\"submit\""));
  EXPECT_THAT(ErrorOf("{\"id\":\"\xff\"}"), HasSubstr("not JSON"));
}

TEST(CasesTest, DeepModelsAreAnswered) {
  const std::string deep = std::string(300, '[') + std::string(300, ']');
  EXPECT_EQ(Answer(absl::StrCat(R"({"id":1,"models":[)", deep, "]}"))["verdict"], "invalid");
  const std::string deepest = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_THAT(ErrorOf(absl::StrCat(R"({"id":1,"models":[)", deepest, "]}")), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace twin::twinctl
