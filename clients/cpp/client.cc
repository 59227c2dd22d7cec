#include "clients/cpp/client.h"

#include <utility>

#include "clients/cpp/call.h"
#include "clients/cpp/stubs.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using ModelStub = v1::ModelService::Stub;
using TwinStub = v1::TwinService::Stub;
using QueryStub = v1::QueryService::Stub;
using AdminStub = v1::AdminService::Stub;

constexpr Caller::CallOptions kRead = {.repeatable = true};
constexpr Caller::CallOptions kOnce = {.repeatable = false};
constexpr Caller::CallOptions kLong = {.repeatable = false, .is_long = true};
constexpr Caller::CallOptions kLongRead = {.repeatable = true, .is_long = true};

// Of a write with a request id.
template <typename Request>
Caller::CallOptions Write(const Request& request) {
  return {.repeatable = request.validate_only() || !request.request_id().empty()};
}

}  // namespace

Client::Client(std::unique_ptr<Stubs> stubs) : stubs_(std::move(stubs)) {}
Client::~Client() = default;

const std::string& Client::address() const { return stubs_->caller.options().address; }

// A call of the stub `member` that is called as in the service.
#define TWIN_CLIENT_CALL(Stub, member, Name, Request, Response, options)                           \
  absl::StatusOr<v1::Response> Client::Name(const v1::Request& request) {                          \
    return stubs_->caller.Call<Stub, v1::Request, v1::Response>(stubs_->member.get(), &Stub::Name, \
                                                                request, (options));               \
  }

TWIN_CLIENT_CALL(ModelStub, models, CreateModels, CreateModelsRequest, CreateModelsResponse,
                 Write(request))
TWIN_CLIENT_CALL(ModelStub, models, ValidateModels, ValidateModelsRequest, ValidateModelsResponse,
                 kRead)
TWIN_CLIENT_CALL(ModelStub, models, GetModel, GetModelRequest, Model, kRead)
TWIN_CLIENT_CALL(ModelStub, models, ListModels, ListModelsRequest, ListModelsResponse, kRead)
// To decommission again changes nothing.
TWIN_CLIENT_CALL(ModelStub, models, DecommissionModel, DecommissionModelRequest,
                 DecommissionModelResponse, kRead)
TWIN_CLIENT_CALL(ModelStub, models, DeleteModel, DeleteModelRequest, DeleteModelResponse, kOnce)
TWIN_CLIENT_CALL(ModelStub, models, DiffModels, DiffModelsRequest, DiffModelsResponse, kRead)

TWIN_CLIENT_CALL(TwinStub, twins, CreateTwin, CreateTwinRequest, CreateTwinResponse, Write(request))
TWIN_CLIENT_CALL(TwinStub, twins, GetTwin, GetTwinRequest, GetTwinResponse, kRead)
TWIN_CLIENT_CALL(TwinStub, twins, BatchGetTwins, BatchGetTwinsRequest, BatchGetTwinsResponse, kRead)
TWIN_CLIENT_CALL(TwinStub, twins, ListTwins, ListTwinsRequest, ListTwinsResponse, kRead)
TWIN_CLIENT_CALL(TwinStub, twins, UpdateTwin, UpdateTwinRequest, UpdateTwinResponse, Write(request))
TWIN_CLIENT_CALL(TwinStub, twins, DeleteTwin, DeleteTwinRequest, DeleteTwinResponse, Write(request))
TWIN_CLIENT_CALL(TwinStub, twins, BatchWrite, BatchWriteRequest, BatchWriteResponse, Write(request))
TWIN_CLIENT_CALL(TwinStub, twins, MigrateTwins, MigrateTwinsRequest, MigrateTwinsResponse,
                 request.dry_run() ? kLongRead : kLong)

TWIN_CLIENT_CALL(TwinStub, twins, CreateRelationship, CreateRelationshipRequest,
                 CreateRelationshipResponse, Write(request))
TWIN_CLIENT_CALL(TwinStub, twins, GetRelationship, GetRelationshipRequest, GetRelationshipResponse,
                 kRead)
TWIN_CLIENT_CALL(TwinStub, twins, UpdateRelationship, UpdateRelationshipRequest,
                 UpdateRelationshipResponse, Write(request))
TWIN_CLIENT_CALL(TwinStub, twins, DeleteRelationship, DeleteRelationshipRequest,
                 DeleteRelationshipResponse, Write(request))
TWIN_CLIENT_CALL(TwinStub, twins, ListRelationships, ListRelationshipsRequest,
                 ListRelationshipsResponse, kRead)
TWIN_CLIENT_CALL(TwinStub, twins, ListIncomingRelationships, ListRelationshipsRequest,
                 ListRelationshipsResponse, kRead)

TWIN_CLIENT_CALL(QueryStub, queries, Explain, QueryRequest, ExplainResponse, kRead)

TWIN_CLIENT_CALL(AdminStub, admin, CancelQuery, CancelQueryRequest, CancelQueryResponse, kOnce)
TWIN_CLIENT_CALL(AdminStub, admin, SlowQueries, SlowQueriesRequest, SlowQueriesResponse, kRead)
TWIN_CLIENT_CALL(AdminStub, admin, Backup, BackupRequest, BackupResponse, kLong)
TWIN_CLIENT_CALL(AdminStub, admin, VerifyBackup, VerifyBackupRequest, VerifyBackupResponse,
                 kLongRead)

#undef TWIN_CLIENT_CALL

absl::StatusOr<v1::StatusResponse> Client::Status() {
  return stubs_->caller.Call(stubs_->admin.get(), &AdminStub::Status, v1::StatusRequest(), kRead);
}

absl::StatusOr<v1::ListQueriesResponse> Client::ListQueries() {
  return stubs_->caller.Call(stubs_->admin.get(), &AdminStub::ListQueries, v1::ListQueriesRequest(),
                             kRead);
}

absl::StatusOr<v1::CheckpointResponse> Client::Checkpoint() {
  return stubs_->caller.Call(stubs_->admin.get(), &AdminStub::Checkpoint, v1::CheckpointRequest(),
                             kLongRead);
}

absl::StatusOr<v1::CompactResponse> Client::Compact(const v1::CompactRequest& request) {
  return stubs_->caller.Call(stubs_->admin.get(), &AdminStub::Compact, request, kLong);
}

}  // namespace twin::client
