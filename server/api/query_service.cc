#include "server/api/query_service.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/api/convert.h"
#include "server/api/query_call.h"
#include "server/api/standing_query.h"
#include "server/base/status_macros.h"

namespace twin::api {
namespace {

absl::Status ExplainQuery(const Services& services, const pb::QueryRequest& request, Time deadline,
                          pb::ExplainResponse* response) {
  Queries& queries = *services.queries;
  TWIN_ASSIGN_OR_RETURN(const QueryInput input, ReadQuery(request, queries.limits));
  TWIN_RETURN_IF_ERROR(services.engine->WaitFor(Sequence(request.min_sequence()), deadline));
  const std::shared_ptr<const engine::SnapshotReader> graph = services.engine->OpenReader();
  TWIN_ASSIGN_OR_RETURN(
      const std::shared_ptr<const PreparedQuery> prepared,
      queries.plans.Prepare(input.key, request.text(), input.bind, graph->shared_catalog()));
  const Time now =
      request.has_now_unix_nano() ? Time{request.now_unix_nano()} : SystemClock().Now();
  RowWriter::FillColumns(query::ResultColumns(*prepared->statement), response->mutable_columns());
  response->set_plan(absl::StrCat(
      query::Explain(*prepared->statement, *graph, ExecuteOptionsOf(request, input, now, queries)),
      StandingPlan(*prepared->statement)));
  for (const std::string& notice : prepared->statement->notices) response->add_notices(notice);
  FillPosition(graph->sequence(), response->mutable_position());
  return absl::OkStatus();
}

}  // namespace

grpc::ServerWriteReactor<pb::QueryResponse>* QueryService::Query(Context* context,
                                                                 const pb::QueryRequest* request) {
  auto* const call = new QueryCall(services_, context, request);
  call->Start();
  return call;
}

grpc::ServerUnaryReactor* QueryService::Explain(Context* context, const pb::QueryRequest* request,
                                                pb::ExplainResponse* response) {
  const UnaryCall call(context, services_, "QueryService/Explain");
  return AnswerLater(call,
                     [this, request, response, deadline = DeadlineOf(call.context(), services_)] {
                       return ExplainQuery(services_, *request, deadline, response);
                     });
}

}  // namespace twin::api
