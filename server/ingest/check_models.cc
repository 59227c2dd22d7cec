// Operations on models. They stand alone: nothing is pending when they are checked.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/dtdl/json.h"
#include "server/base/status_macros.h"
#include "server/graph/graph.h"
#include "server/graph/model_names.h"
#include "server/ingest/checker.h"

namespace twin::ingest {
namespace {

struct ModelText {
  std::string id;
  std::string text;
};

// The interfaces of a text: one, or an array of them.
absl::Status SplitModels(const std::string& text, std::vector<ModelText>* models) {
  dtdl::JsonParser parser;
  dtdl::JsonError error;
  const std::unique_ptr<const dtdl::JsonDocument> document =
      dtdl::JsonDocument::Parse(text, parser, &error);
  if (document == nullptr) {
    const dtdl::TextPosition at = dtdl::PositionOf(text, error.offset);
    return absl::InvalidArgumentError(absl::StrCat("model ", models->size() + 1, ":", at.line, ":",
                                                   at.column, ": ", error.message));
  }
  const auto add = [&](const dtdl::JsonNode& node) {
    const dtdl::JsonNode* id = node.Find("@id");
    if (id == nullptr || !id->is_string()) return false;
    models->push_back({std::string(id->text), std::string(document->TextOf(node))});
    return true;
  };
  absl::Status no_id = absl::InvalidArgumentError(
      absl::StrCat("model ", models->size() + 1, ": an interface needs an \"@id\""));
  if (!document->root().is_array()) return add(document->root()) ? absl::OkStatus() : no_id;
  for (const dtdl::JsonNode& node : dtdl::Children(document->root())) {
    if (!add(node)) return no_id;
  }
  return absl::OkStatus();
}

// The models that extend the one, or have it as a component.
std::vector<std::string> UsersOf(const graph::Catalog& catalog, absl::string_view id) {
  std::vector<std::string> users;
  for (const std::unique_ptr<graph::TableSchema>& table : catalog.tables()) {
    const dtdl::Interface* interface = table->interface;
    if (interface == nullptr) continue;
    const bool extends = std::any_of(interface->bases.begin(), interface->bases.end(),
                                     [&](const dtdl::Interface* base) { return base->id == id; });
    const bool contains =
        std::any_of(interface->own.begin(), interface->own.end(), [&](const dtdl::Content* each) {
          return each->kind == dtdl::Class::kComponent && each->component->id == id;
        });
    if (extends || contains) users.emplace_back(interface->id);
  }
  return users;
}

std::string Counted(uint64_t count, absl::string_view what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

// AS OF and HISTORY ALL show what a model alone explains.
absl::Status CheckPastOf(const graph::TableSchema& table, const graph::GraphView& head) {
  const graph::PastOfModel past = head.PastOf(table);
  if (past.twins == 0 && past.relationships == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the past holds ", Counted(past.twins, "former twin"), " and ",
      Counted(past.relationships, "former relationship"), " of the model ", table.model_id,
      ", which would be forgotten with it: leave it decommissioned until retention has dropped "
      "them, or delete it with forget_past (twinctl models delete --forget-past)"));
}

}  // namespace

absl::Status Checker::CheckModels(const Operation& operation, OperationResult* result) {
  *result = OperationResult();
  result->version = pending_.next_sequence();
  const graph::Catalog& catalog = pending_.catalog();
  Unit unit;
  std::vector<ModelText> models;  // that the unit refers to
  if (const auto* create = std::get_if<CreateModels>(&operation)) {
    for (const std::string& text : create->texts) TWIN_RETURN_IF_ERROR(SplitModels(text, &models));
    if (static_cast<int64_t>(models.size()) > limits_.models_per_request_max) {
      return absl::InvalidArgumentError(
          absl::StrCat(models.size(), " models in one request; models_per_request_max is ",
                       limits_.models_per_request_max));
    }
    int64_t present = 0;
    for (const graph::ModelState& state : catalog.states()) present += state.deleted ? 0 : 1;
    if (present + static_cast<int64_t>(models.size()) > limits_.models_max) {
      return absl::ResourceExhaustedError(absl::StrCat("models_max is ", limits_.models_max));
    }
    std::vector<std::string> taken;
    for (const ModelText& model : models) {
      if (static_cast<int64_t>(model.text.size()) > limits_.model_bytes_max) {
        return absl::InvalidArgumentError(
            absl::StrCat("the model ", model.id, " has ", model.text.size(),
                         " bytes; model_bytes_max is ", limits_.model_bytes_max));
      }
      if (catalog.FindTable(model.id) != nullptr) taken.push_back(model.id);
      Change change;
      change.kind = Change::Kind::kCreateModel;
      change.text = model.id;
      change.model = model.text;
      unit.changes.push_back(std::move(change));
    }
    if (!taken.empty()) {
      return absl::AlreadyExistsError(
          absl::StrCat(absl::StrJoin(taken, ", "), taken.size() == 1 ? " exists" : " exist",
                       " already, and models do not change; give a new version a new number"));
    }
    result->created = true;
    result->changed = models.size();
  } else if (const auto* decommission = std::get_if<DecommissionModel>(&operation)) {
    const graph::TableSchema* table = catalog.FindTable(decommission->id);
    if (table == nullptr) return graph::NoModel(catalog, decommission->id);
    if (table->decommissioned == decommission->decommissioned) return absl::OkStatus();
    Change change;
    change.kind = Change::Kind::kSetDecommissioned;
    change.text = decommission->id;
    change.flag = decommission->decommissioned;
    unit.changes.push_back(std::move(change));
    result->changed = 1;
  } else if (const auto* request = std::get_if<DeleteModel>(&operation)) {
    const graph::TableSchema* table = catalog.FindTable(request->id);
    if (table == nullptr) {
      return graph::NoModel(catalog, request->id);
    }
    const uint64_t twins = pending_.twins_of(table->id);
    if (twins > 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(twins, twins == 1 ? " twin is" : " twins are", " of the model ", request->id,
                       "; delete or migrate them first"));
    }
    const std::vector<std::string> users = UsersOf(catalog, request->id);
    if (!users.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(absl::StrJoin(users, ", "), users.size() == 1 ? " needs" : " need",
                       " the model ", request->id, ": as a base, or as a component; delete ",
                       users.size() == 1 ? "it" : "them", " first"));
    }
    if (!request->forget_past) TWIN_RETURN_IF_ERROR(CheckPastOf(*table, pending_.head()));
    Change change;
    change.kind = Change::Kind::kDeleteModel;
    change.text = request->id;
    unit.changes.push_back(std::move(change));
    result->changed = 1;
  } else {
    return absl::InvalidArgumentError("no operation on models");
  }
  const auto after = ChangeCatalog(catalog, unit, time_);
  if (!after.ok()) {
    if (std::holds_alternative<DeleteModel>(operation)) {
      return absl::FailedPreconditionError(
          absl::StrCat("other models need it: ", after.status().message()));
    }
    return after.status();
  }
  for (const Change& change : unit.changes) pending_.AddModelChange(change);
  return absl::OkStatus();
}

}  // namespace twin::ingest
