#include "clients/twinctl/query_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/twinctl/query_words.h"
#include "models/dtdl/parse.h"

namespace twin::twinctl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = TextContext::Kind;

TEST(QueryTextTest, ASemicolonEndsAStatement) {
  EXPECT_TRUE(EndsStatement("SELECT 1;"));
  EXPECT_TRUE(EndsStatement("SELECT 'a;b' \n ; \t"));
  EXPECT_FALSE(EndsStatement(""));
  EXPECT_FALSE(EndsStatement("SELECT 1"));
  EXPECT_FALSE(EndsStatement("SELECT ; 1"));
  EXPECT_FALSE(EndsStatement("WHERE IS_OF_MODEL('dtmi:x;"));
  EXPECT_FALSE(EndsStatement(R"(WHERE a = 'it\';)"));
  EXPECT_FALSE(EndsStatement("WHERE a = 'x;'"));
  EXPECT_TRUE(EndsStatement("WHERE a = \"x\";"));
  EXPECT_EQ(WithoutEnd("SELECT 'a;b' \n ; \t"), "SELECT 'a;b' \n ");
  EXPECT_EQ(WithoutEnd("WHERE a = 'x;'"), "WHERE a = 'x;'");
}

TEST(QueryTextTest, FindsParameters) {
  EXPECT_THAT(ParametersOf("a = @b AND c = '@d' AND e IN @f_1, @b, @"), ElementsAre("b", "f_1"));
  EXPECT_THAT(ParametersOf("'@x"), IsEmpty());
}

TEST(QueryTextTest, KnowsWhereTheCursorStands) {
  const auto expect = [](const char* text, Kind kind, size_t begin) {
    const TextContext context = ContextOf(text);
    EXPECT_EQ(static_cast<int>(context.kind), static_cast<int>(kind)) << text;
    EXPECT_EQ(context.begin, begin) << text;
  };
  expect("", Kind::kWord, 0);
  expect("SELECT co", Kind::kWord, 7);
  expect("SELECT T.$d", Kind::kMember, 9);
  expect("WHERE T.soh.", Kind::kMember, 12);
  expect("MATCH (a)-[:has", Kind::kRelationship, 12);
  expect("MATCH (a)-[r:hasA|has", Kind::kRelationship, 18);
  expect("MATCH (a)-[:hasA*1..2]->(c:Bat", Kind::kModel, 27);
  expect("MATCH (a)-[:hasA]->(c) W", Kind::kWord, 23);
  expect("WHERE IS_OF_MODEL('dtmi:co", Kind::kString, 19);
  expect("WHERE a = 'x' AN", Kind::kWord, 14);
}

class QueryWordsTest : public ::testing::Test {
 protected:
  QueryWordsTest() {
    const dtdl::ParseResult result = dtdl::Parse({{"models", R"([
        {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Pack;1", "@type": "Interface",
         "contents": [
          {"@type": "Property", "name": "soh", "schema": {"@type": "Object", "fields": [
            {"name": "value", "schema": "double"}]}},
          {"@type": "Relationship", "name": "hasCell", "properties": [
            {"@type": "Property", "name": "position", "schema": "integer"}]}]},
        {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:PackX;1", "@type": "Interface"}])"}});
    words_.Add(*result.models);
  }
  std::vector<std::string> CandidatesOf(absl::string_view text) {
    return Complete(text, words_).candidates;
  }
  QueryWords words_;
};

TEST_F(QueryWordsTest, Complete) {
  EXPECT_THAT(CandidatesOf("sel"), ElementsAre("select"));
  EXPECT_THAT(CandidatesOf("SELECT COU"), ElementsAre("COUNT"));
  EXPECT_THAT(CandidatesOf("SELECT T.so"), ElementsAre("soh"));
  EXPECT_THAT(CandidatesOf("SELECT T.soh.v"), ElementsAre("value"));
  EXPECT_THAT(CandidatesOf("SELECT T.$e"), ElementsAre("$etag"));
  EXPECT_THAT(CandidatesOf("MATCH (p)-[r:h"), ElementsAre("hasCell"));
  EXPECT_THAT(CandidatesOf("MATCH (p:P"), ElementsAre("Pack", "PackX"));
  EXPECT_THAT(CandidatesOf("WHERE IS_OF_MODEL('dtmi:t:PackX"), ElementsAre("dtmi:t:PackX;1"));
  EXPECT_THAT(CandidatesOf("WHERE r.pos"), ElementsAre("position"));
  EXPECT_THAT(CandidatesOf(""), Contains("SELECT"));
  EXPECT_THAT(CandidatesOf(""), Not(Contains("soh")));
  EXPECT_THAT(CandidatesOf("WHERE a = 'x"), IsEmpty());
}

TEST(CommonPrefixTest, IsWhatAllBeginWith) {
  EXPECT_EQ(CommonPrefix({}), "");
  EXPECT_EQ(CommonPrefix({"Pack"}), "Pack");
  EXPECT_EQ(CommonPrefix({"PackX", "Pack", "PackY"}), "Pack");
  EXPECT_EQ(CommonPrefix({"a", "b"}), "");
  EXPECT_EQ(CommonPrefix({"xä", "xö"}), "x");  // no half of a character
}

}  // namespace
}  // namespace twin::twinctl
