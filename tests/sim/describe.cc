#include "tests/sim/describe.h"

#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace twin::sim {
namespace {

std::string Text(const ingest::Condition& condition) {
  return absl::StrCat(condition.create_only ? " create-only" : "",
                      condition.version ? absl::StrCat(" if v", condition.version->value) : "");
}

std::string Text(const std::optional<Time>& source) {
  return source ? absl::StrCat(" source ", source->ns) : "";
}

std::string Text(const ValueMap& contents) {
  return absl::StrCat(" ", Value::Map(contents).DebugString(200));
}

std::string Text(const std::vector<ingest::Edit>& edits) {
  static constexpr const char* kKinds[] = {"set", "add", "replace", "remove", "test"};
  std::string text;
  for (const ingest::Edit& edit : edits) {
    absl::StrAppend(&text, ", ", kKinds[static_cast<int>(edit.kind)], " ",
                    absl::StrJoin(edit.path, "/"), " ", edit.value.DebugString());
  }
  return text;
}

std::string Text(const ingest::PutTwin& put) {
  return absl::StrCat("put ", put.id, " ", put.model_id, Text(put.contents), Text(put.condition),
                      Text(put.source_time));
}

std::string Text(const ingest::PatchTwin& patch) {
  return absl::StrCat("patch ", patch.id, " ", patch.component, " ", patch.model_id,
                      Text(patch.condition), Text(patch.source_time), Text(patch.edits));
}

std::string Text(const ingest::DeleteTwin& request) {
  return absl::StrCat("delete ", request.id, Text(request.condition),
                      request.delete_relationships ? " with relationships" : "");
}

std::string Text(const ingest::DeleteTree& request) {
  return absl::StrCat("delete tree ", request.id, " ",
                      absl::StrJoin(request.relationship_names, " "));
}

std::string Text(const ingest::PutRelationship& put) {
  return absl::StrCat("put ", put.source_id, " ", put.relationship_id, " ", put.name, "->",
                      put.target_id, Text(put.contents), Text(put.condition));
}

std::string Text(const ingest::PatchRelationship& patch) {
  return absl::StrCat("patch ", patch.source_id, " ", patch.relationship_id, Text(patch.condition),
                      Text(patch.edits));
}

std::string Text(const ingest::DeleteRelationship& request) {
  return absl::StrCat("delete ", request.source_id, " ", request.relationship_id,
                      Text(request.condition));
}

std::string Text(const ingest::CreateModels& request) {
  return absl::StrCat("create ", request.texts.size(), " models");
}

std::string Text(const ingest::DecommissionModel& request) {
  return absl::StrCat(request.decommissioned ? "decommission " : "recommission ", request.id);
}

std::string Text(const ingest::DeleteModel& request) {
  return absl::StrCat("delete model ", request.id);
}

}  // namespace

std::string Describe(const ingest::WriteBatch& batch) {
  std::string text = absl::StrCat(batch.atomic ? "all" : "each", batch.validate_only ? " dry" : "",
                                  " ", batch.request_id);
  for (const ingest::Operation& operation : batch.operations) {
    absl::StrAppend(&text, " | ",
                    std::visit([](const auto& each) { return Text(each); }, operation));
  }
  return text;
}

}  // namespace twin::sim
