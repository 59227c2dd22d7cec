#include "server/api/model_service.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/diff.h"
#include "models/dtdl/parse.h"
#include "server/api/convert.h"
#include "server/api/json.h"
#include "server/base/status_macros.h"
#include "server/graph/model_names.h"

namespace twin::api {
namespace {

constexpr int kModelsPerPage = 1000;

void FillModel(const graph::GraphView& view, const graph::TableSchema& table, bool with_text,
               pb::Model* model) {
  const dtdl::Interface& interface = *table.interface;
  model->set_id(table.model_id);
  model->set_display_name(std::string(interface.documentation.DisplayName()));
  model->set_description(std::string(interface.documentation.Description()));
  model->set_decommissioned(table.decommissioned);
  model->set_upload_time_unix_nano(table.upload_time.ns);
  model->set_twins(view.twins(table.id));
  for (const dtdl::Interface* base : interface.bases) model->add_bases(std::string(base->id));
  if (with_text) model->set_text(view.catalog().states()[table.id.value].text);
}

// A model and all that it extends or has as components.
void AddDependencies(const dtdl::Interface& interface, std::set<std::string>* ids) {
  if (!ids->insert(std::string(interface.id)).second) return;
  for (const dtdl::Interface* base : interface.bases) AddDependencies(*base, ids);
  for (const dtdl::Content* content : interface.contents) {
    if (content->component != nullptr) AddDependencies(*content->component, ids);
  }
}

absl::Status ListModelsOf(const graph::GraphView& view, const pb::ListModelsRequest& request,
                          pb::ListModelsResponse* response) {
  std::set<std::string> ids;
  for (const std::string& id : request.dependencies_for()) {
    const graph::TableSchema* table = view.catalog().FindTable(id);
    if (table == nullptr) return graph::NoModel(view.catalog(), id);
    AddDependencies(*table->interface, &ids);
  }
  if (request.dependencies_for().empty()) {
    for (const graph::ModelState& state : view.catalog().states()) {
      if (!state.deleted) ids.insert(state.id);
    }
  }
  TWIN_ASSIGN_OR_RETURN(const int size,
                        CountOf("page_size", request.page_size(), kModelsPerPage, kModelsPerPage));
  // The token is the id to go on from.
  size_t bytes = 0;
  for (auto it = ids.lower_bound(request.page_token()); it != ids.end(); ++it) {
    if (response->models_size() == size || bytes > (1 << 20)) {
      response->set_next_page_token(*it);
      break;
    }
    pb::Model* model = response->add_models();
    FillModel(view, *view.catalog().FindTable(*it), request.with_text(), model);
    bytes += model->text().size() + 200;
  }
  return absl::OkStatus();
}

absl::Status Validate(const graph::Catalog& catalog, const pb::ValidateModelsRequest& request,
                      pb::ValidateModelsResponse* response) {
  // The server's models come first, so that findings of the request's follow their numbers.
  std::vector<dtdl::Source> sources;
  for (const graph::ModelState& state : catalog.states()) {
    if (!state.deleted) sources.push_back({state.id, state.text});
  }
  const size_t known = sources.size();
  for (int i = 0; i < request.texts_size(); ++i) {
    sources.push_back({absl::StrCat("text ", i), request.texts(i)});
  }
  const dtdl::ParseResult result = dtdl::Parse(sources);
  response->set_verdict(result.verdict == dtdl::Verdict::kValid ? pb::ValidateModelsResponse::VALID
                        : result.verdict == dtdl::Verdict::kInvalid
                            ? pb::ValidateModelsResponse::INVALID
                            : pb::ValidateModelsResponse::INCOMPLETE);
  for (const dtdl::Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.document < known) continue;
    pb::Finding* finding = response->add_findings();
    finding->set_severity(diagnostic.severity == dtdl::Severity::kError ? pb::Finding::ERROR
                                                                        : pb::Finding::WARNING);
    finding->set_code(std::string(diagnostic.code));
    finding->set_element(diagnostic.element);
    finding->set_message(dtdl::FullMessage(diagnostic));
    finding->set_text(static_cast<uint32_t>(diagnostic.document - known));
    finding->set_line(static_cast<uint32_t>(diagnostic.line));
    finding->set_column(static_cast<uint32_t>(diagnostic.column));
  }
  for (const std::string& id : result.unresolved) response->add_unresolved(id);
  return absl::OkStatus();
}

// Of models that are not created, nothing but what they are called.
void FillIds(const pb::CreateModelsRequest& request, pb::CreateModelsResponse* response) {
  const auto add = [&](const Value& model) {
    const Value* id = model.Find("@id");
    if (id == nullptr || id->kind() != Value::Kind::kString) return;
    response->add_models()->set_id(std::string(id->as_string()));
  };
  for (const std::string& text : request.texts()) {
    const absl::StatusOr<Value> json = ParseJson(text);
    if (!json.ok()) continue;
    if (json->kind() != Value::Kind::kArray) {
      add(*json);
      continue;
    }
    for (const Value& model : json->as_array()) add(model);
  }
}

}  // namespace

grpc::ServerUnaryReactor* ModelService::CreateModels(grpc::CallbackServerContext* context,
                                                     const pb::CreateModelsRequest* request,
                                                     pb::CreateModelsResponse* response) {
  const UnaryCall call(context, services_, "ModelService/CreateModels");
  ingest::CreateModels create;
  create.texts.assign(request->texts().begin(), request->texts().end());
  if (create.texts.empty()) {
    return call.Answer(absl::InvalidArgumentError("texts: it is empty; send a model"));
  }
  return AnswerWrite(
      call, ingest::Operation(std::move(create)), request->validate_only(), request->request_id(),
      [this, request, response](const ingest::WriteResult& result) {
        FillPosition(result.sequence, response->mutable_position());
        if (request->validate_only()) return FillIds(*request, response);
        const std::shared_ptr<const graph::GraphView> view = services_.engine->Pin();
        for (const graph::ModelState& state : view->catalog().states()) {
          if (state.deleted || !(state.upload_time == result.time)) continue;
          FillModel(*view, view->catalog().table(state.table), false, response->add_models());
        }
      });
}

grpc::ServerUnaryReactor* ModelService::GetModel(grpc::CallbackServerContext* context,
                                                 const pb::GetModelRequest* request,
                                                 pb::Model* response) {
  const UnaryCall call(context, services_, "ModelService/GetModel");
  const std::shared_ptr<const graph::GraphView> view = services_.engine->Pin();
  const graph::TableSchema* table = view->catalog().FindTable(request->id());
  if (table == nullptr) return call.Answer(graph::NoModel(view->catalog(), request->id()));
  FillModel(*view, *table, request->with_text(), response);
  return call.Answer(absl::OkStatus());
}

grpc::ServerUnaryReactor* ModelService::ListModels(grpc::CallbackServerContext* context,
                                                   const pb::ListModelsRequest* request,
                                                   pb::ListModelsResponse* response) {
  const UnaryCall call(context, services_, "ModelService/ListModels");
  const std::shared_ptr<const graph::GraphView> view = services_.engine->Pin();
  return call.Answer(ListModelsOf(*view, *request, response));
}

grpc::ServerUnaryReactor* ModelService::DecommissionModel(
    grpc::CallbackServerContext* context, const pb::DecommissionModelRequest* request,
    pb::DecommissionModelResponse* response) {
  const UnaryCall call(context, services_, "ModelService/DecommissionModel");
  ingest::DecommissionModel decommission{request->id(), request->decommissioned()};
  return AnswerWrite(call, ingest::Operation(std::move(decommission)), false, "",
                     [response](const ingest::WriteResult& result) {
                       FillPosition(result.sequence, response->mutable_position());
                     });
}

grpc::ServerUnaryReactor* ModelService::DeleteModel(grpc::CallbackServerContext* context,
                                                    const pb::DeleteModelRequest* request,
                                                    pb::DeleteModelResponse* response) {
  const UnaryCall call(context, services_, "ModelService/DeleteModel");
  return AnswerWrite(call,
                     ingest::Operation(ingest::DeleteModel{request->id(), request->forget_past()}),
                     false, "", [response](const ingest::WriteResult& result) {
                       FillPosition(result.sequence, response->mutable_position());
                     });
}

grpc::ServerUnaryReactor* ModelService::ValidateModels(grpc::CallbackServerContext* context,
                                                       const pb::ValidateModelsRequest* request,
                                                       pb::ValidateModelsResponse* response) {
  const UnaryCall call(context, services_, "ModelService/ValidateModels");
  return AnswerLater(call, [this, request, response] {
    const std::shared_ptr<const graph::GraphView> view = services_.engine->Pin();
    return Validate(view->catalog(), *request, response);
  });
}

grpc::ServerUnaryReactor* ModelService::DiffModels(grpc::CallbackServerContext* context,
                                                   const pb::DiffModelsRequest* request,
                                                   pb::DiffModelsResponse* response) {
  const UnaryCall call(context, services_, "ModelService/DiffModels");
  const std::shared_ptr<const graph::GraphView> view = services_.engine->Pin();
  const graph::TableSchema* before = view->catalog().FindTable(request->old_id());
  const graph::TableSchema* after = view->catalog().FindTable(request->new_id());
  if (before == nullptr) return call.Answer(graph::NoModel(view->catalog(), request->old_id()));
  if (after == nullptr) return call.Answer(graph::NoModel(view->catalog(), request->new_id()));
  const dtdl::ModelDiff diff = dtdl::Diff(*before->interface, *after->interface);
  for (const dtdl::ModelChange& change : diff.changes) {
    pb::DiffModelsResponse::Change* message = response->add_changes();
    message->set_breaking(change.compatibility == dtdl::Compatibility::kBreaking);
    message->set_path(change.path);
    message->set_message(
        change.migration.empty() ? change.what : absl::StrCat(change.what, "; ", change.migration));
  }
  response->set_breaking(diff.compatibility() == dtdl::Compatibility::kBreaking);
  response->set_twins(view->twins(before->id));
  return call.Answer(absl::OkStatus());
}

}  // namespace twin::api
