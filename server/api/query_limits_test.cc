// Queries through a real server and channel: pages, deadlines, cancelling, limits.
#include <atomic>
#include <string>
#include <thread>
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

using QueryLimitsTest = QueryFixture;

TEST_F(QueryLimitsTest, PagesAreOfOneSnapshot) {
  Start(25);
  pb::QueryRequest request = Json("SELECT T.rank FROM DIGITALTWINS T WHERE T.rank >= 0");
  request.set_page_size(10);
  std::vector<size_t> sizes;
  std::vector<std::string> rows;
  std::vector<std::string> tokens;
  uint64_t sequence = 0;
  do {
    const Answer page = Query(request);
    ASSERT_THAT(page.status, IsOk());
    if (sequence == 0) sequence = page.header.position().sequence();
    EXPECT_EQ(page.header.position().sequence(), sequence);
    EXPECT_EQ(page.summary.rows(), page.rows.size());
    sizes.push_back(page.rows.size());
    rows.insert(rows.end(), page.rows.begin(), page.rows.end());
    request.set_page_token(page.summary.next_page_token());
    tokens.push_back(request.page_token());
    pb::DeleteTwinRequest gone;
    gone.set_id(absl::StrCat("cell-", 10 + sizes.size()));
    pb::DeleteTwinResponse response;
    grpc::ClientContext context;
    ASSERT_TRUE(twins_->DeleteTwin(&context, gone, &response).ok());
  } while (!request.page_token().empty());
  EXPECT_THAT(sizes, ElementsAre(10, 10, 5));
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(std::unique(rows.begin(), rows.end()) - rows.begin(), 25);
  // A page can be asked for again, but not by another query.
  request.set_page_token(tokens[0]);
  EXPECT_THAT(Query(request).rows, SizeIs(10));
  request.set_include_times(true);
  EXPECT_THAT(Query(request).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another query")));
}

TEST_F(QueryLimitsTest, APageTokenExpires) {
  Start(25);
  pb::QueryRequest request = Json("SELECT T.rank FROM DIGITALTWINS T");
  request.set_page_size(10);
  request.set_page_token(Query(request).summary.next_page_token());
  clock_.AdvanceMs(59'000);
  const Answer second = Query(request);
  EXPECT_THAT(second.rows, SizeIs(10));
  clock_.AdvanceMs(59'000);  // counts from the last page on
  request.set_page_token(second.summary.next_page_token());
  EXPECT_THAT(Query(request).rows, SizeIs(6));
  clock_.AdvanceMs(60'000);
  EXPECT_THAT(Query(request).status,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expired")));
}

TEST_F(QueryLimitsTest, WaitsForASequence) {
  Start(1);
  pb::QueryRequest request = Json("SELECT COUNT() FROM DIGITALTWINS");
  request.set_min_sequence(sequence_ + 1);
  std::thread writer([&] {
    pb::DeleteTwinRequest gone;
    gone.set_id("cell-0");
    gone.set_delete_relationships(true);
    pb::DeleteTwinResponse response;
    grpc::ClientContext context;
    EXPECT_TRUE(twins_->DeleteTwin(&context, gone, &response).ok());
  });
  const Answer answer = Query(request);
  writer.join();
  ASSERT_THAT(answer.status, IsOk());
  EXPECT_GT(answer.header.position().sequence(), sequence_);
  EXPECT_THAT(answer.rows, ElementsAre(R"({"COUNT":1})"));
}

// Takes hours: nothing bounds the number of its rows.
constexpr char kEndless[] =
    "SELECT COUNT() FROM DIGITALTWINS MATCH (a), (b), (c), (d) WHERE a.rank + b.rank + c.rank = "
    "d.rank + 0.5";

TEST_F(QueryLimitsTest, ADeadlineEndsAQuery) {
  Start(2000);
  EXPECT_THAT(Query(Json(kEndless), 100).status,
              StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
  pb::ListQueriesResponse running;
  do {  // the server hears of it, too
    grpc::ClientContext context;
    ASSERT_TRUE(admin_->ListQueries(&context, pb::ListQueriesRequest(), &running).ok());
  } while (running.queries_size() > 0);
}

TEST_F(QueryLimitsTest, AQueryCanBeCancelled) {
  Start(2000, {.slow_ms = 0});
  Answer answer;
  std::thread client([&] { answer = Query(Json(kEndless)); });
  pb::ListQueriesResponse running;
  while (running.queries_size() == 0 || running.queries(0).waiting()) {
    running.Clear();
    grpc::ClientContext context;
    ASSERT_TRUE(admin_->ListQueries(&context, pb::ListQueriesRequest(), &running).ok());
  }
  EXPECT_EQ(running.queries(0).text(), kEndless);
  EXPECT_THAT(running.queries(0).client(), StartsWith("ipv4:"));
  pb::CancelQueryRequest cancel;
  cancel.set_id(running.queries(0).id());
  pb::CancelQueryResponse cancelled;
  {
    grpc::ClientContext context;
    EXPECT_TRUE(admin_->CancelQuery(&context, cancel, &cancelled).ok());
  }
  client.join();
  EXPECT_THAT(answer.status, StatusIs(absl::StatusCode::kCancelled, HasSubstr("CancelQuery")));
  {
    grpc::ClientContext context;
    EXPECT_EQ(admin_->CancelQuery(&context, cancel, &cancelled).error_code(),
              grpc::StatusCode::NOT_FOUND);
  }
  pb::SlowQueriesResponse slow;
  grpc::ClientContext context;
  ASSERT_TRUE(admin_->SlowQueries(&context, pb::SlowQueriesRequest(), &slow).ok());
  ASSERT_GE(slow.queries_size(), 1);
  EXPECT_EQ(slow.queries(0).text(), kEndless);
  EXPECT_EQ(slow.queries(0).code(), grpc::StatusCode::CANCELLED);
  EXPECT_GT(slow.queries(0).duration_nanos(), 0);
}

TEST_F(QueryLimitsTest, ALongQuerySaysItsIdEarly) {
  Start(2000);
  grpc::ClientContext context;
  const auto stream = queries_->Query(&context, Json(kEndless));
  pb::QueryResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_THAT(message.header().query_id(), Not(IsEmpty()));
  EXPECT_FALSE(message.has_summary());
  context.TryCancel();
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(QueryLimitsTest, QueriesAreBounded) {
  Start(2000, {.running_max = 1, .waiting_max = 1});
  std::atomic<int> ended = 0;
  std::vector<absl::Status> statuses(3);
  std::vector<std::thread> clients;
  for (absl::Status& status : statuses) {
    clients.emplace_back([&] {
      status = Query(Json(kEndless)).status;
      ++ended;
    });
  }
  while (ended == 0) std::this_thread::yield();  // one is refused; one runs, one waits
  pb::ListQueriesResponse list;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(admin_->ListQueries(&context, pb::ListQueriesRequest(), &list).ok());
  }
  EXPECT_EQ(list.queries_size(), 2);
  for (const pb::RunningQuery& query : list.queries()) {
    pb::CancelQueryRequest cancel;
    cancel.set_id(query.id());
    pb::CancelQueryResponse cancelled;
    grpc::ClientContext context;
    EXPECT_TRUE(admin_->CancelQuery(&context, cancel, &cancelled).ok());
  }
  for (std::thread& client : clients) client.join();
  int refused = 0;
  for (const absl::Status& status : statuses) {
    if (absl::IsCancelled(status)) continue;
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("queries_waiting_max")));
    ++refused;
  }
  EXPECT_EQ(refused, 1);
}

TEST_F(QueryLimitsTest, MemoryIsBounded) {
  Start(2000);
  pb::QueryRequest request = Json("SELECT T.$dtId, T.rank FROM DIGITALTWINS T ORDER BY T.rank");
  EXPECT_THAT(Query(request).status, IsOk());
  request.set_memory_bytes_max(1000);
  EXPECT_THAT(Query(request).status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("memory")));
}

TEST_F(QueryLimitsTest, RowsAreBounded) {
  Start(20, {.rows_max = 10});
  EXPECT_THAT(Query(Json("SELECT T.rank FROM DIGITALTWINS T")).status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("query_rows_max, 10")));
  EXPECT_THAT(Rows("SELECT T.rank FROM DIGITALTWINS T LIMIT 10"), SizeIs(10));
}

// A query that runs, and one that waits behind it.
class QueueTest : public QueryFixture {
 protected:
  QueueTest() { Start(2000, {.running_max = 1}); }
  ~QueueTest() override {
    const pb::ListQueriesResponse list = List();
    for (const pb::RunningQuery& query : list.queries()) Cancel(query.id());
    if (running_.joinable()) running_.join();
  }

  pb::ListQueriesResponse List() {
    pb::ListQueriesResponse list;
    grpc::ClientContext context;
    EXPECT_TRUE(admin_->ListQueries(&context, pb::ListQueriesRequest(), &list).ok());
    return list;
  }
  void Cancel(const std::string& id) {
    pb::CancelQueryRequest cancel;
    cancel.set_id(id);
    pb::CancelQueryResponse cancelled;
    grpc::ClientContext context;
    (void)admin_->CancelQuery(&context, cancel, &cancelled);
  }
  void OccupyTheRunner() {
    running_ = std::thread([this] { (void)Query(Json(kEndless)); });
    while (List().queries_size() == 0 || List().queries(0).waiting()) std::this_thread::yield();
  }

  std::thread running_;
};

TEST_F(QueueTest, ACancelledQueryDoesNotWait) {
  OccupyTheRunner();
  Answer answer;
  std::thread waiting([&] { answer = Query(Json(kEndless)); });
  while (List().queries_size() < 2) std::this_thread::yield();
  Cancel(List().queries(1).id());
  waiting.join();  // although nothing else has ended
  EXPECT_THAT(answer.status, StatusIs(absl::StatusCode::kCancelled, HasSubstr("CancelQuery")));
  EXPECT_EQ(List().queries_size(), 1);
}

TEST_F(QueueTest, AClientThatLeavesDoesNotWait) {
  OccupyTheRunner();
  EXPECT_THAT(Query(Json(kEndless), 100).status,
              StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
  while (List().queries_size() > 1) std::this_thread::yield();  // the server hears of it, too
  EXPECT_FALSE(List().queries(0).waiting());
}

// Snapshots may keep next to nothing.
class SnapshotLimitsTest : public QueryFixture {
 protected:
  SnapshotLimitsTest() : QueryFixture(20'000) {}

  void ChangeAll(int cells) {
    pb::BatchWriteRequest batch;
    for (int i = 0; i < cells; ++i) {
      pb::UpdateTwinRequest* const update = batch.add_operations()->mutable_update_twin();
      update->set_id(absl::StrCat("cell-", i));
      pb::Edit* const edit = update->add_edits();
      edit->set_path("/rank");
      edit->mutable_value()->set_int_value(++value_);
    }
    pb::BatchWriteResponse written;
    grpc::ClientContext context;
    const grpc::Status status = twins_->BatchWrite(&context, batch, &written);
    ASSERT_TRUE(status.ok()) << status.error_message();
    engine_->EnforceSnapshots();
  }

  int64_t value_ = 0;
};

TEST_F(SnapshotLimitsTest, APageTokenExpires) {
  Start(2000);
  pb::QueryRequest request = Json("SELECT T.$dtId, T.rank FROM DIGITALTWINS T");
  request.set_page_size(10);
  request.set_page_token(Query(request).summary.next_page_token());
  EXPECT_THAT(Query(request).rows, SizeIs(10));
  while (Query(request).status.ok()) ChangeAll(2000);
  EXPECT_THAT(Query(request).status, StatusIs(absl::StatusCode::kFailedPrecondition,
                                              HasSubstr("snapshot_retained_bytes_max (20000")));
}

TEST_F(SnapshotLimitsTest, ALongQueryEnds) {
  Start(2000);
  Answer answer;
  std::atomic<bool> ended = false;
  std::thread client([&] {
    answer = Query(Json(kEndless));
    ended = true;
  });
  pb::ListQueriesResponse running;
  while (running.queries_size() == 0 || running.queries(0).waiting()) {
    running.Clear();
    grpc::ClientContext context;
    ASSERT_TRUE(admin_->ListQueries(&context, pb::ListQueriesRequest(), &running).ok());
  }
  while (!ended) ChangeAll(2000);
  client.join();
  EXPECT_THAT(answer.status, StatusIs(absl::StatusCode::kResourceExhausted,
                                      HasSubstr("snapshot_retained_bytes_max (20000")));
}

}  // namespace
}  // namespace twin::api
