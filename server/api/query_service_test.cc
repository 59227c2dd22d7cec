// Queries through a real server and channel: rows, columns, errors, plans.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/api/query_fixture.h"
#include "tests/support/status_matchers.h"

namespace twin::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

using QueryServiceTest = QueryFixture;

TEST_F(QueryServiceTest, ASmallResultIsOneMessage) {
  Start(2);
  for (int i = 0; i < 3; ++i) {  // from the second time on, on gRPC's thread
    const Answer answer =
        Query(Json("SELECT c.$dtId, c.rank FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) "
                   "WHERE p.$dtId = 'pack-1' ORDER BY c.rank"));
    ASSERT_THAT(answer.status, IsOk());
    EXPECT_EQ(answer.messages, 1);
    EXPECT_THAT(answer.rows,
                ElementsAre(R"({"$dtId":"cell-0","rank":0})", R"({"$dtId":"cell-1","rank":1})"));
    EXPECT_EQ(answer.header.position().sequence(), sequence_);
    EXPECT_EQ(answer.summary.rows(), 2u);
    EXPECT_THAT(answer.header.query_id(), Not(IsEmpty()));
  }
}

TEST_F(QueryServiceTest, TwinsAndRelationshipsAreDocuments) {
  Start(1);
  std::vector<std::string> rows = Rows("SELECT * FROM DIGITALTWINS T WHERE T.$dtId = 'pack-1'");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(rows[0], StartsWith(R"({"$dtId":"pack-1","$etag":"W/\")"));
  EXPECT_THAT(rows[0], HasSubstr(R"("$metadata":{"$model":"dtmi:t:Pack;1","$lastUpdateTime":")"));
  EXPECT_THAT(rows[0], Not(HasSubstr("sourceTime")));
  pb::QueryRequest with_times = Json("SELECT * FROM DIGITALTWINS T WHERE T.$dtId = 'pack-1'");
  with_times.set_include_times(true);
  EXPECT_THAT(Query(with_times).rows[0], HasSubstr(R"("volt":{"lastUpdateTime":")"));
  for (const char* member : {R"("bms":{})", R"("name":"P \"1\"")", R"("volt":3.5)",
                             R"("count":9007199254740993)", R"("made":"2026-03-01T08:30:00.25Z")",
                             R"("on":true)", R"("soh":{"value":0.5})", R"("limits":{"a":1})"}) {
    EXPECT_THAT(rows[0], HasSubstr(member));
  }
  rows = Rows("SELECT T FROM DIGITALTWINS T WHERE T.$dtId = 'cell-0'");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(rows[0], StartsWith(R"({"T":{"$dtId":"cell-0",)"));
  rows = Rows("SELECT * FROM RELATIONSHIPS");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(rows[0], StartsWith(R"({"$relationshipId":"r-0","$etag":")"));
  EXPECT_THAT(rows[0], HasSubstr(R"("$sourceId":"pack-1","$relationshipName":"hasCell",)"
                                 R"("$targetId":"cell-0","position":0})"));
}

TEST_F(QueryServiceTest, AnAbsentValueIsNullOrLeftOut) {
  Start(2);
  const std::string text = "SELECT T.serial, T.rank FROM DIGITALTWINS T WHERE T.$dtId = 'cell-1'";
  EXPECT_THAT(Rows(text), ElementsAre(R"({"serial":null,"rank":1})"));
  pb::QueryRequest request = Json(text);
  request.set_dialect(pb::QueryRequest::ADT);
  EXPECT_THAT(Query(request).rows, ElementsAre(R"({"rank":1})"));
}

TEST_F(QueryServiceTest, ColumnsAreTyped) {
  Start(3);
  pb::QueryRequest request;
  request.set_text(
      "SELECT T.name, T.volt, T.made, T.count, T.on, T.rank, T.limits, T.$dtId FROM DIGITALTWINS T "
      "ORDER BY T.$dtId");
  const Answer answer = Query(request);
  ASSERT_THAT(answer.status, IsOk());
  ASSERT_THAT(answer.batches, SizeIs(1));
  ASSERT_EQ(answer.header.columns_size(), 8);
  EXPECT_EQ(answer.header.columns(1).type(), pb::QueryColumn::DOUBLE);
  EXPECT_EQ(answer.header.columns(1).unit(), "volt");
  EXPECT_EQ(answer.header.columns(2).type(), pb::QueryColumn::TIME);
  EXPECT_EQ(answer.header.columns(3).type(), pb::QueryColumn::INT);
  EXPECT_EQ(answer.header.columns(4).type(), pb::QueryColumn::BOOL);
  EXPECT_EQ(answer.header.columns(6).type(), pb::QueryColumn::VALUE);
  const pb::ColumnBatch& batch = answer.batches[0];
  EXPECT_EQ(batch.rows(), 4u);
  // cell-0, cell-1, cell-2, pack-1
  EXPECT_THAT(batch.columns(0).strings(), ElementsAre("", "", "", "P \"1\""));
  EXPECT_EQ(batch.columns(0).nulls(), "\x07");
  EXPECT_THAT(batch.columns(1).doubles(), ElementsAre(0, 0, 0, 3.5));
  EXPECT_EQ(batch.columns(2).ints(3), 1772353800250000000);
  EXPECT_EQ(batch.columns(3).ints(3), 9007199254740993);
  EXPECT_TRUE(batch.columns(4).bools(3));
  EXPECT_THAT(batch.columns(5).ints(), ElementsAre(0, 1, 2, 0));
  EXPECT_EQ(batch.columns(5).nulls(), "\x08");
  EXPECT_EQ(batch.columns(6).json(3), R"({"a":1})");
  EXPECT_THAT(batch.columns(7).strings(), ElementsAre("cell-0", "cell-1", "cell-2", "pack-1"));
  EXPECT_EQ(batch.columns(7).nulls(), "");
}

TEST_F(QueryServiceTest, ALargeResultComesInMessagesOfBoundedSize) {
  Start(9000);
  const Answer answer = Query(Json("SELECT T FROM DIGITALTWINS T"));
  ASSERT_THAT(answer.status, IsOk());
  EXPECT_GT(answer.messages, 1);
  EXPECT_THAT(answer.rows, SizeIs(9001));
  pb::QueryRequest request = Json("SELECT T FROM DIGITALTWINS T");
  request.set_format(pb::QueryRequest::COLUMNS);
  const Answer columns = Query(request);
  EXPECT_GT(columns.messages, 1);
  uint32_t rows = 0;
  for (const pb::ColumnBatch& batch : columns.batches) {
    EXPECT_EQ(batch.columns(0).json_size(), static_cast<int>(batch.rows()));
    rows += batch.rows();
  }
  EXPECT_EQ(rows, 9001u);
}

TEST_F(QueryServiceTest, TakesParametersAndNow) {
  Start(5);
  pb::QueryRequest request =
      Json("SELECT T.rank, NOW() AS now FROM DIGITALTWINS T WHERE T.rank = @rank");
  (*request.mutable_parameters())["rank"].set_int_value(3);
  request.set_now_unix_nano(1772353800250000000);
  EXPECT_THAT(Query(request).rows, ElementsAre(R"({"rank":3,"now":"2026-03-01T08:30:00.25Z"})"));
  (*request.mutable_parameters())["rank"].set_int_value(4);  // the same statement
  EXPECT_THAT(Query(request).rows, SizeIs(1));
  (*request.mutable_parameters())["rank"].set_double_value(4);
  EXPECT_THAT(Query(request).rows, SizeIs(1));
  request.clear_parameters();
  EXPECT_THAT(Query(request).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rank")));
}

TEST_F(QueryServiceTest, AnErrorSaysWhereItIs) {
  Start(0);
  const Answer answer = Query(Json("SELECT T\nFROM DIGITALTWINS T\nWHERE T.vollt = 1"));
  EXPECT_THAT(answer.status, StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("3:")));
  EXPECT_EQ(answer.info.reason(), "INVALID_QUERY");
  EXPECT_EQ(answer.info.metadata().at("line"), "3");
  EXPECT_EQ(answer.info.metadata().count("column"), 1u);
  EXPECT_EQ(answer.info.metadata().count("offset"), 1u);
  EXPECT_EQ(answer.info.metadata().count("length"), 1u);
}

TEST_F(QueryServiceTest, RefusesWhatIsNoRequest) {
  Start(0);
  pb::QueryRequest request = Json("SELECT T FROM DIGITALTWINS T");
  request.set_page_size(-1);
  EXPECT_THAT(Query(request).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page_size")));
  request.set_page_size(1);
  request.set_page_token("x");
  EXPECT_THAT(Query(request).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page_token")));
}

TEST_F(QueryServiceTest, ExplainsAndProfiles) {
  Start(3);
  const std::string text = "SELECT T.$dtId FROM DIGITALTWINS T WHERE T.rank > 0";
  pb::ExplainResponse explained;
  grpc::ClientContext context;
  ASSERT_TRUE(queries_->Explain(&context, Json(text), &explained).ok());
  EXPECT_THAT(explained.plan(), Not(IsEmpty()));
  ASSERT_EQ(explained.columns_size(), 1);
  EXPECT_EQ(explained.columns(0).name(), "$dtId");
  EXPECT_THAT(Rows(absl::StrCat("EXPLAIN ", text)), Not(IsEmpty()));
  EXPECT_THAT(Query(Json(absl::StrCat("PROFILE ", text))).summary.profile(), Not(IsEmpty()));
  EXPECT_THAT(Query(Json(text)).summary.profile(), IsEmpty());
  pb::QueryRequest request = Json(text);
  request.set_profile(true);
  const Answer profiled = Query(request);
  EXPECT_THAT(profiled.summary.profile(), Not(IsEmpty()));
  EXPECT_THAT(profiled.rows, SizeIs(2));
}

TEST_F(QueryServiceTest, StatusCountsQueries) {
  Start(1);
  Rows("SELECT COUNT() FROM DIGITALTWINS");
  Query(Json("SELECT"));
  pb::StatusResponse status;
  grpc::ClientContext context;
  ASSERT_TRUE(admin_->Status(&context, pb::StatusRequest(), &status).ok());
  EXPECT_EQ(status.queries().finished(), 2u);
  EXPECT_EQ(status.queries().failed(), 1u);
  EXPECT_EQ(status.queries().running(), 0u);
}

}  // namespace
}  // namespace twin::api
