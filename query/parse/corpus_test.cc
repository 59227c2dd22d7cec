// The queries of a public corpus of Azure Digital Twins, where TWINGRAPH_DATA names the folder that
// has it: third-party data, never part of the repository.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/parse/parse.h"

namespace twin::query {
namespace {

struct Case {
  std::string query;
  bool valid = false;
  bool extension = false;  // refused by ADT, meant to be taken by TQL
  std::string error_class;
};

class CorpusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const data = std::getenv("TWINGRAPH_DATA");
    if (data == nullptr) GTEST_SKIP() << "TWINGRAPH_DATA is not set";
    std::ifstream file(absl::StrCat(data, "/adt/queries.jsonl"));
    for (std::string line; std::getline(file, line);) {
      const nlohmann::json json = nlohmann::json::parse(line);
      cases_.push_back({json.at("query").get<std::string>(), json.at("valid").get<bool>(),
                        json.value("extension_candidate", false), json.value("error_class", "")});
    }
    ASSERT_GT(cases_.size(), 100U);
  }

  // What is said of the query, with its place.
  static std::string Said(const Case& c, Dialect dialect) {
    const auto statement = Parse(c.query, {.dialect = dialect});
    return statement.ok() ? ToString(**statement) : WithCaret(statement.status(), c.query);
  }

  std::vector<Case> cases_;
};

// ADT's limits but for 10 hops are enforced elsewhere, where that is asked for.
bool IsOfNumericLimits(const Case& c) {
  return c.error_class == "LimitExceeded" && !absl::StrContains(c.query, "[*");
}

TEST_F(CorpusTest, DialectAdtJudgesAsAdt) {
  for (const Case& c : cases_) {
    if (IsOfNumericLimits(c)) continue;
    EXPECT_EQ(Parse(c.query, {.dialect = Dialect::kAdt}).ok(), c.valid) << c.query << "\n"
                                                                        << Said(c, Dialect::kAdt);
  }
}

TEST_F(CorpusTest, TqlReadsWhatAdtReadsAlike) {
  for (const Case& c : cases_) {
    if (!c.valid) continue;
    EXPECT_EQ(Said(c, Dialect::kTql), Said(c, Dialect::kAdt)) << c.query;
  }
}

TEST_F(CorpusTest, TqlTakesItsExtensions) {
  for (const Case& c : cases_) {
    if (!c.extension) continue;
    const bool left_join = absl::StrContains(c.query, "LEFT JOIN");  // OPTIONAL MATCH is meant
    EXPECT_EQ(Parse(c.query).ok(), !left_join) << c.query << "\n" << Said(c, Dialect::kTql);
  }
}

}  // namespace
}  // namespace twin::query
