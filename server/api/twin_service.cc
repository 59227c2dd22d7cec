#include "server/api/twin_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "models/dtdl/model.h"
#include "server/api/convert.h"
#include "server/api/export.h"
#include "server/api/import.h"
#include "server/api/json.h"
#include "server/api/write_stream.h"
#include "server/base/status_macros.h"
#include "server/graph/model_names.h"

namespace twin::api {
namespace {

constexpr int kTwinsPageSizeDefault = 1000;
constexpr int kTwinsPageSizeMax = 10'000;
constexpr size_t kPageBytesMax = 1 << 20;
constexpr size_t kGetMessageBytesMax = 2 << 20;
constexpr int kBatchGetMax = 10'000;
constexpr int kReadAtOnceMax = 64;  // twins while the writer waits; more of them from a snapshot

absl::StatusOr<int> PageSize(int asked) {
  return CountOf("page_size", asked, kTwinsPageSizeDefault, kTwinsPageSizeMax);
}

absl::StatusOr<TwinNumber> FindTwin(const graph::GraphView& view, const std::string& id) {
  const TwinNumber twin = view.FindTwin(id);
  if (twin == kNoTwin) return absl::NotFoundError(absl::StrCat("there is no twin ", id));
  return twin;
}

// Tables in which twins of a model may be; empty id: all.
absl::StatusOr<std::vector<TableId>> TablesOf(const graph::Catalog& catalog, const std::string& id,
                                              bool exact) {
  std::vector<TableId> tables;
  for (const std::unique_ptr<graph::TableSchema>& table : catalog.tables()) {
    if (table->interface == nullptr) continue;
    if (id.empty() || dtdl::ModelSet::IsOfModel(*table->interface, id, exact)) {
      tables.push_back(table->id);
    }
  }
  if (tables.empty() && !id.empty()) {
    return graph::NoModel(catalog, id);
  }
  return tables;
}

// Where a list goes on: at the twin of that number. Numbers stay what they are, wherever rows go; a
// twin that is created or moved to another model meanwhile may be missed.
absl::StatusOr<uint32_t> ParseToken(const std::string& token) {
  uint32_t at = 0;
  if (token.empty() || absl::SimpleAtoi(token, &at)) return at;
  return absl::InvalidArgumentError(
      absl::StrCat("page_token: ", token, " is none; give one back as it came"));
}

absl::Status BatchGetTwinsOf(const graph::GraphView& view, const pb::BatchGetTwinsRequest& request,
                             pb::BatchGetTwinsResponse* response) {
  const TwinOptions options{request.format(), request.with_times(), request.with_telemetry()};
  size_t bytes = 0;
  response->mutable_twins()->Reserve(request.ids_size());
  const std::vector<absl::string_view> ids(request.ids().begin(), request.ids().end());
  std::vector<TwinNumber> twins(ids.size());
  view.FindTwins(ids, twins.data());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (twins[i] == kNoTwin) {
      response->add_missing(request.ids(static_cast<int>(i)));
    } else {
      FillTwin(view, twins[i], options, response->add_twins());
      bytes += response->twins(response->twins_size() - 1).ByteSizeLong();
    }
    if (bytes > kGetMessageBytesMax) {
      response->Clear();
      return absl::ResourceExhaustedError(
          "the twins take more than 2 MiB, the most in one answer; ask for fewer at once");
    }
  }
  FillPosition(view, response->mutable_position());
  return absl::OkStatus();
}

absl::Status ListTwinsOf(const graph::GraphView& view, const pb::ListTwinsRequest& request,
                         pb::ListTwinsResponse* response) {
  TWIN_ASSIGN_OR_RETURN(const std::vector<TableId> tables,
                        TablesOf(view.catalog(), request.model_id(), request.exact_model()));
  TWIN_ASSIGN_OR_RETURN(const uint32_t from, ParseToken(request.page_token()));
  FillPosition(view, response->mutable_position());
  const TwinOptions options{request.format(), false, false};
  size_t bytes = 0;
  TWIN_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  const std::vector<TwinNumber> twins =
      view.TwinsFrom(tables, TwinNumber(from), static_cast<size_t>(size) + 1);
  for (const TwinNumber twin : twins) {
    if (response->twins_size() == size || bytes > kPageBytesMax) {
      response->set_next_page_token(absl::StrCat(twin.value));
      return absl::OkStatus();
    }
    pb::Twin* message = response->add_twins();
    FillTwin(view, twin, options, message);
    bytes += message->ByteSizeLong();
  }
  return absl::OkStatus();
}

absl::Status ListRelationshipsOf(const graph::GraphView& view,
                                 const pb::ListRelationshipsRequest& request, bool incoming,
                                 pb::ListRelationshipsResponse* response) {
  TWIN_ASSIGN_OR_RETURN(const TwinNumber twin, FindTwin(view, request.id()));
  FillPosition(view, response->mutable_position());
  const auto next = [&](RelationshipNumber each) {
    return incoming ? view.NextIncoming(each) : view.NextOutgoing(each);
  };
  RelationshipNumber each = incoming ? view.FirstIncoming(twin) : view.FirstOutgoing(twin);
  if (!request.page_token().empty()) {
    // The token is the relationship to go on with, which may be gone meanwhile.
    uint32_t number = 0;
    if (!absl::SimpleAtoi(request.page_token(), &number)) {
      return absl::InvalidArgumentError("page_token: it is none; give one back as it came");
    }
    const RelationshipNumber at(number);
    const bool fits =
        view.Exists(at) && (incoming ? view.Get(at).target : view.Get(at).source) == twin;
    if (!fits) {
      return absl::InvalidArgumentError(
          "page_token: the relationship to go on with is deleted; list again from the start");
    }
    each = at;
  }
  TWIN_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  size_t bytes = 0;
  for (; !(each == kNoRelationship); each = next(each)) {
    const graph::Relationship found = view.Get(each);
    if (!request.name().empty() &&
        view.catalog().relationship_type(found.type).name != request.name()) {
      continue;
    }
    if (response->relationships_size() == size || bytes > kPageBytesMax) {
      response->set_next_page_token(absl::StrCat(each.value));
      break;
    }
    pb::Relationship* message = response->add_relationships();
    FillRelationship(view, each, request.format(), message);
    bytes += message->ByteSizeLong();
  }
  return absl::OkStatus();
}

absl::Status Migrate(const Services& services, const pb::MigrateTwinsRequest& request,
                     pb::MigrateTwinsResponse* response) {
  const std::shared_ptr<const graph::GraphView> view = services.engine->Pin();
  const graph::TableSchema* before = view->catalog().FindTable(request.old_model_id());
  if (before == nullptr) {
    return graph::NoModel(view->catalog(), request.old_model_id());
  }
  if (view->catalog().FindTable(request.new_model_id()) == nullptr) {
    return graph::NoModel(view->catalog(), request.new_model_id());
  }
  if (request.old_model_id() == request.new_model_id()) {
    return absl::InvalidArgumentError(
        absl::StrCat("old_model_id and new_model_id are both '", request.new_model_id(), "'"));
  }
  constexpr size_t kPerBatch = 1000;
  constexpr int kRefusalsMax = 1000;
  FillPosition(*view, response->mutable_position());
  for (uint32_t row = 0; row != UINT32_MAX;) {
    uint32_t next = 0;
    ingest::WriteBatch batch;
    batch.atomic = false;
    batch.validate_only = request.dry_run();
    for (const TwinNumber twin : view->ListTwins(before->id, row, kPerBatch, &next)) {
      ingest::PatchTwin patch;
      patch.id = std::string(view->IdOf(twin));
      patch.model_id = request.new_model_id();
      batch.operations.emplace_back(std::move(patch));
    }
    row = next;
    if (batch.operations.empty()) break;
    const std::vector<ingest::Operation> operations = batch.operations;
    const ingest::WriteResult result = services.engine->Write(std::move(batch));
    TWIN_RETURN_IF_ERROR(result.status);
    for (size_t i = 0; i < result.results.size(); ++i) {
      if (result.results[i].status.ok()) {
        response->set_migrated(response->migrated() + 1);
        continue;
      }
      response->set_refused(response->refused() + 1);
      if (response->refusals_size() >= kRefusalsMax) continue;
      pb::MigrateTwinsResponse::Refusal* refusal = response->add_refusals();
      refusal->set_id(std::get<ingest::PatchTwin>(operations[i]).id);
      refusal->set_message(std::string(result.results[i].status.message()));
    }
    if (!request.dry_run()) FillPosition(result.sequence, response->mutable_position());
  }
  return absl::OkStatus();
}

// The operation as a variant, or the error.
template <typename T>
absl::StatusOr<ingest::Operation> AsOperation(absl::StatusOr<T> operation) {
  if (!operation.ok()) return operation.status();
  return ingest::Operation(*std::move(operation));
}

}  // namespace

grpc::ServerUnaryReactor* TwinService::CreateTwin(Context* context,
                                                  const pb::CreateTwinRequest* request,
                                                  pb::CreateTwinResponse* response) {
  const UnaryCall call(context, services_, "TwinService/CreateTwin");
  return AnswerWrite(call, AsOperation(ToOperation(*request)), request->validate_only(),
                     request->request_id(), [response](const ingest::WriteResult& result) {
                       response->set_etag(EtagOf(result.results[0].version));
                       response->set_created(result.results[0].created);
                       FillPosition(result.sequence, response->mutable_position());
                     });
}

grpc::ServerUnaryReactor* TwinService::GetTwin(Context* context, const pb::GetTwinRequest* request,
                                               pb::GetTwinResponse* response) {
  const UnaryCall call(context, services_, "TwinService/GetTwin");
  return AnswerRead(
      call, request->min_sequence(),
      [request, response](const graph::GraphView& view) -> absl::Status {
        TWIN_ASSIGN_OR_RETURN(const TwinNumber twin, FindTwin(view, request->id()));
        FillTwin(view, twin, {request->format(), request->with_times(), request->with_telemetry()},
                 response->mutable_twin());
        FillPosition(view, response->mutable_position());
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* TwinService::BatchGetTwins(Context* context,
                                                     const pb::BatchGetTwinsRequest* request,
                                                     pb::BatchGetTwinsResponse* response) {
  const UnaryCall call(context, services_, "TwinService/BatchGetTwins");
  if (request->ids_size() > kBatchGetMax) {
    return call.Answer(absl::InvalidArgumentError(
        absl::StrCat("ids: ", request->ids_size(), " of them; at most ", kBatchGetMax)));
  }
  const auto read = [request, response](const graph::GraphView& view) {
    return BatchGetTwinsOf(view, *request, response);
  };
  return request->ids_size() > kReadAtOnceMax ? AnswerLongRead(call, request->min_sequence(), read)
                                              : AnswerRead(call, request->min_sequence(), read);
}

grpc::ServerUnaryReactor* TwinService::ListTwins(Context* context,
                                                 const pb::ListTwinsRequest* request,
                                                 pb::ListTwinsResponse* response) {
  const UnaryCall call(context, services_, "TwinService/ListTwins");
  return AnswerLongRead(call, request->min_sequence(),
                        [request, response](const graph::GraphView& view) {
                          return ListTwinsOf(view, *request, response);
                        });
}

grpc::ServerUnaryReactor* TwinService::UpdateTwin(Context* context,
                                                  const pb::UpdateTwinRequest* request,
                                                  pb::UpdateTwinResponse* response) {
  const UnaryCall call(context, services_, "TwinService/UpdateTwin");
  return AnswerWrite(call, AsOperation(ToOperation(*request)), request->validate_only(),
                     request->request_id(), [response](const ingest::WriteResult& result) {
                       response->set_etag(EtagOf(result.results[0].version));
                       FillPosition(result.sequence, response->mutable_position());
                     });
}

grpc::ServerUnaryReactor* TwinService::DeleteTwin(Context* context,
                                                  const pb::DeleteTwinRequest* request,
                                                  pb::DeleteTwinResponse* response) {
  const UnaryCall call(context, services_, "TwinService/DeleteTwin");
  return AnswerWrite(call, ToOperation(*request), request->validate_only(), request->request_id(),
                     [response](const ingest::WriteResult& result) {
                       response->set_deleted(result.results[0].changed);
                       FillPosition(result.sequence, response->mutable_position());
                     });
}

grpc::ServerUnaryReactor* TwinService::GetComponent(Context* context,
                                                    const pb::GetComponentRequest* request,
                                                    pb::GetComponentResponse* response) {
  const UnaryCall call(context, services_, "TwinService/GetComponent");
  return AnswerRead(call, request->min_sequence(),
                    [request, response](const graph::GraphView& view) -> absl::Status {
                      TWIN_ASSIGN_OR_RETURN(const TwinNumber twin, FindTwin(view, request->id()));
                      const graph::TableSchema& table = view.TableOf(twin);
                      const dtdl::Content* content = table.interface->Find(request->component());
                      if (content == nullptr || content->kind != dtdl::Class::kComponent) {
                        return absl::NotFoundError(absl::StrCat(
                            table.model_id, " has no component ", request->component()));
                      }
                      ValueMap contents = ContentsOf(view, twin, false);
                      for (ValueMember& member : contents) {
                        if (member.first != request->component()) continue;
                        if (request->format() == pb::JSON) {
                          AppendJson(member.second, response->mutable_contents_json());
                        } else if (request->format() == pb::VALUES) {
                          ToProto(member.second.as_map(), response->mutable_contents());
                        }
                      }
                      response->set_etag(EtagOf(view.VersionOf(twin)));
                      FillPosition(view, response->mutable_position());
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* TwinService::UpdateComponent(Context* context,
                                                       const pb::UpdateComponentRequest* request,
                                                       pb::UpdateTwinResponse* response) {
  const UnaryCall call(context, services_, "TwinService/UpdateComponent");
  return AnswerWrite(call, AsOperation(ToOperation(*request)), request->validate_only(),
                     request->request_id(), [response](const ingest::WriteResult& result) {
                       response->set_etag(EtagOf(result.results[0].version));
                       FillPosition(result.sequence, response->mutable_position());
                     });
}

grpc::ServerUnaryReactor* TwinService::CreateRelationship(
    Context* context, const pb::CreateRelationshipRequest* request,
    pb::CreateRelationshipResponse* response) {
  const UnaryCall call(context, services_, "TwinService/CreateRelationship");
  return AnswerWrite(call, AsOperation(ToOperation(*request)), request->validate_only(),
                     request->request_id(), [response](const ingest::WriteResult& result) {
                       response->set_etag(EtagOf(result.results[0].version));
                       response->set_created(result.results[0].created);
                       FillPosition(result.sequence, response->mutable_position());
                     });
}

grpc::ServerUnaryReactor* TwinService::GetRelationship(Context* context,
                                                       const pb::GetRelationshipRequest* request,
                                                       pb::GetRelationshipResponse* response) {
  const UnaryCall call(context, services_, "TwinService/GetRelationship");
  return AnswerRead(
      call, request->min_sequence(),
      [request, response](const graph::GraphView& view) -> absl::Status {
        TWIN_ASSIGN_OR_RETURN(const TwinNumber twin, FindTwin(view, request->source_id()));
        const RelationshipNumber found = view.FindRelationship(twin, request->id());
        if (found == kNoRelationship) {
          return absl::NotFoundError(
              absl::StrCat("twin ", request->source_id(), " has no relationship ", request->id()));
        }
        FillRelationship(view, found, request->format(), response->mutable_relationship());
        FillPosition(view, response->mutable_position());
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* TwinService::UpdateRelationship(
    Context* context, const pb::UpdateRelationshipRequest* request,
    pb::UpdateRelationshipResponse* response) {
  const UnaryCall call(context, services_, "TwinService/UpdateRelationship");
  return AnswerWrite(call, AsOperation(ToOperation(*request)), request->validate_only(),
                     request->request_id(), [response](const ingest::WriteResult& result) {
                       response->set_etag(EtagOf(result.results[0].version));
                       FillPosition(result.sequence, response->mutable_position());
                     });
}

grpc::ServerUnaryReactor* TwinService::DeleteRelationship(
    Context* context, const pb::DeleteRelationshipRequest* request,
    pb::DeleteRelationshipResponse* response) {
  const UnaryCall call(context, services_, "TwinService/DeleteRelationship");
  return AnswerWrite(call, AsOperation(ToOperation(*request)), request->validate_only(),
                     request->request_id(), [response](const ingest::WriteResult& result) {
                       FillPosition(result.sequence, response->mutable_position());
                     });
}

grpc::ServerUnaryReactor* TwinService::ListRelationships(
    Context* context, const pb::ListRelationshipsRequest* request,
    pb::ListRelationshipsResponse* response) {
  const UnaryCall call(context, services_, "TwinService/ListRelationships");
  return AnswerRead(call, request->min_sequence(),
                    [request, response](const graph::GraphView& view) {
                      return ListRelationshipsOf(view, *request, false, response);
                    });
}

grpc::ServerUnaryReactor* TwinService::ListIncomingRelationships(
    Context* context, const pb::ListRelationshipsRequest* request,
    pb::ListRelationshipsResponse* response) {
  const UnaryCall call(context, services_, "TwinService/ListIncomingRelationships");
  return AnswerRead(call, request->min_sequence(),
                    [request, response](const graph::GraphView& view) {
                      return ListRelationshipsOf(view, *request, true, response);
                    });
}

grpc::ServerUnaryReactor* TwinService::BatchWrite(Context* context,
                                                  const pb::BatchWriteRequest* request,
                                                  pb::BatchWriteResponse* response) {
  const UnaryCall call(context, services_, "TwinService/BatchWrite");
  absl::StatusOr<ingest::WriteBatch> batch = ToBatch(*request);
  if (!batch.ok()) return call.Answer(batch.status());
  const bool atomic = batch->atomic;
  services_.engine->Write(*std::move(batch),
                          [call, response, atomic](const ingest::WriteResult& result) {
                            FillBatchResponse(result, atomic, response);
                            call.Answer(result.status);
                          });
  return call.reactor();
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* TwinService::WriteStream(
    Context* /*context*/) {
  return NewWriteStream(services_);
}

grpc::ServerUnaryReactor* TwinService::MigrateTwins(Context* context,
                                                    const pb::MigrateTwinsRequest* request,
                                                    pb::MigrateTwinsResponse* response) {
  const UnaryCall call(context, services_, "TwinService/MigrateTwins");
  return AnswerLater(call,
                     [this, request, response] { return Migrate(services_, *request, response); });
}

grpc::ServerBidiReactor<pb::ImportRequest, pb::ImportProgress>* TwinService::Import(
    Context* context) {
  return NewImport(services_, context);
}

grpc::ServerWriteReactor<pb::ExportResponse>* TwinService::Export(
    Context* context, const pb::ExportRequest* request) {
  return NewExport(services_, *request, context);
}

}  // namespace twin::api
