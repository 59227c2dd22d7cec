// One call of QueryService.Query, from request to last message. Internal to server/api.
#ifndef TWIN_SERVER_API_QUERY_CALL_H_
#define TWIN_SERVER_API_QUERY_CALL_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "query/execute/execute.h"
#include "server/api/call.h"
#include "server/api/queries.h"
#include "server/api/query_rows.h"
#include "server/api/query_stream.h"
#include "server/engine/graph_reader.h"
#include "twingraph/v1/query_service.pb.h"

namespace twin::api {

// What a request says of the statement, checked.
struct QueryInput {
  query::BindOptions bind;
  std::map<std::string, Value> parameters;
  std::string key;  // of QueryPlans
};
absl::StatusOr<QueryInput> ReadQuery(const twingraph::v1::QueryRequest& request,
                                     const QueryLimits& limits);

// How a query is run for that request; `interrupted` is the caller's.
query::ExecuteOptions ExecuteOptionsOf(const twingraph::v1::QueryRequest& request,
                                       const QueryInput& input, Time now, const Queries& queries);

// A query that was quick the last time runs on gRPC's thread and answers with one message; every
// other one runs on a thread of Queries::runners.
class QueryCall final : public QueryStream {
 public:
  QueryCall(const Services& services, grpc::CallbackServerContext* context,
            const twingraph::v1::QueryRequest* request);

  // Call it once, before the reactor is handed to gRPC.
  void Start();

 private:
  absl::Status Lost() const override;
  void HoldAndOpen(std::shared_ptr<const graph::GraphView> view);
  absl::Status RunOnThread();
  absl::Status Prepare();
  absl::Status RunWhole();
  absl::Status RunPage();
  absl::StatusOr<std::shared_ptr<const KeptResult>> RunAndKeep(uint64_t row);
  absl::Status SendPlan();
  absl::Status Execute(absl::FunctionRef<absl::Status(const query::Batch& batch)> emit);
  // Starts a result of those columns.
  absl::Status Begin(const std::vector<query::ResultColumn>& columns);
  absl::Status AddRows(const query::Batch& batch, size_t first, size_t end);
  // What later pages must ask, too.
  std::string Identity() const;
  // The last thing that anything does here: afterwards it may be gone.
  void End(absl::Status status);

  const Services& services_;
  Queries& queries_;
  const Time deadline_;
  const twingraph::v1::QueryRequest& request_;

  QueryInput input_;
  Time now_;
  std::shared_ptr<engine::HeldSnapshot> held_;      // nullptr on gRPC's thread
  std::shared_ptr<engine::HeldSnapshot> snapshot_;  // the same, of the page tokens
  std::shared_ptr<const engine::SnapshotReader> graph_;
  query::PastReaders past_;
  std::shared_ptr<const PreparedQuery> prepared_;
  int64_t prepare_ns_ = 0;
  query::ExecuteStatistics statistics_;
  std::string next_page_token_;
  std::unique_ptr<RowWriter> writer_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERY_CALL_H_
