#include "server/api/export.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "server/api/blocking_stream.h"
#include "server/api/convert.h"
#include "server/api/json.h"
#include "server/base/status_macros.h"

namespace twin::api {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

class Export final : public BlockingWriter<pb::ExportResponse> {
 public:
  Export(const Services& services, const pb::ExportRequest& request,
         grpc::CallbackServerContext* context)
      : BlockingWriter(services, context, "TwinService/Export"),
        services_(services),
        request_(request) {
    StartAt(services, request.min_sequence());
  }

 protected:
  absl::Status Run() override {
    snapshot_ = services_.engine->Hold(engine::SnapshotUse::kExport);
    TWIN_ASSIGN_OR_RETURN(view_, snapshot_->Get());
    catalog_ = view_->shared_catalog();
    FillPosition(*view_, piece_.mutable_position());
    piece_.set_twins_total(view_->twins());
    piece_.set_relationships_total(view_->relationships());
    Text("{\"Section\":\"Header\"}\n");
    Header();
    Text("{\"Section\":\"Models\"}\n");
    for (const graph::ModelState& state : catalog_->states()) {
      if (state.deleted) continue;
      TWIN_RETURN_IF_ERROR(Model(state));
    }
    Text("{\"Section\":\"Twins\"}\n");
    const auto write_twin = [&](TwinNumber twin) {
      Twin(twin);
      return SendIfFull();
    };
    TWIN_RETURN_IF_ERROR(ForEachTwin(write_twin));
    Text("{\"Section\":\"Relationships\"}\n");
    const auto write_relationships = [&](TwinNumber twin) -> absl::Status {
      for (RelationshipNumber each = view_->FirstOutgoing(twin); !(each == kNoRelationship);
           each = view_->NextOutgoing(each)) {
        Relationship(each);
        TWIN_RETURN_IF_ERROR(SendIfFull());
      }
      return absl::OkStatus();
    };
    TWIN_RETURN_IF_ERROR(ForEachTwin(write_relationships));
    return Write(piece_) ? absl::OkStatus() : Gone();
  }

 private:
  void Text(absl::string_view text) { piece_.mutable_data()->append(text.data(), text.size()); }

  absl::Status Gone() const {
    return idle() ? IdleError(services_) : absl::CancelledError("the client is gone");
  }

  // The snapshot is let go while the client is waited for, and may expire then.
  absl::Status Send() {
    view_.reset();
    if (!Write(piece_)) return Gone();
    piece_.clear_data();
    TWIN_ASSIGN_OR_RETURN(view_, snapshot_->Get());
    return absl::OkStatus();
  }
  absl::Status SendIfFull() {
    return piece_.data().size() < kPieceBytes ? absl::OkStatus() : Send();
  }

  // Readers of version 1.0 pass over members that they do not know.
  void Header() {
    ValueArray decommissioned;
    for (const graph::ModelState& state : catalog_->states()) {
      if (state.decommissioned && !state.deleted) {
        decommissioned.push_back(Value::String(state.id));
      }
    }
    ValueMap header;
    header.emplace_back("fileVersion", Value::String(decommissioned.empty() ? "1.0.0" : "1.1.0"));
    header.emplace_back("author", Value::String("twingraph"));
    if (!decommissioned.empty()) {
      header.emplace_back("decommissionedModels", Value::Array(std::move(decommissioned)));
    }
    AppendJson(Value::Map(std::move(header)), piece_.mutable_data());
    Text("\n");
  }

  // As one line, whatever the text looked like.
  absl::Status Model(const graph::ModelState& state) {
    TWIN_ASSIGN_OR_RETURN(const Value json, ParseJson(state.text));
    AppendJson(json, piece_.mutable_data());
    Text("\n");
    piece_.set_models(piece_.models() + 1);
    return SendIfFull();
  }

  template <typename Visit>
  absl::Status ForEachTwin(Visit visit) {
    for (const std::unique_ptr<graph::TableSchema>& table : catalog_->tables()) {
      for (uint32_t row = 0; row != UINT32_MAX;) {
        uint32_t next = 0;
        for (const TwinNumber twin : view_->ListTwins(table->id, row, 1000, &next)) {
          TWIN_RETURN_IF_ERROR(visit(twin));
        }
        row = next;
      }
    }
    return absl::OkStatus();
  }

  // Whether it is an Object that has fields: the file says it by these.
  bool IsAroundOthers(TwinNumber twin, const graph::TableSchema& table,
                      const graph::ColumnSchema& object) const {
    return object.is_object &&
           std::any_of(table.columns.begin(), table.columns.end(), [&](const auto& column) {
             return column.path != object.path && absl::StartsWith(column.path, object.path) &&
                    view_->Has(twin, table.IdOf(column));
           });
  }

  void Twin(TwinNumber twin) {
    const graph::TableSchema& table = view_->TableOf(twin);
    ValueMap metadata;
    metadata.emplace_back("$model", Value::String(table.model_id));
    for (const graph::ColumnSchema& column : table.columns) {
      if (column.telemetry && !request_.with_telemetry()) continue;
      if (IsAroundOthers(twin, table, column)) continue;
      const graph::Cell cell = view_->Get(twin, table.IdOf(column));
      if (cell.value.is_null()) continue;
      if (!column.telemetry && cell.source_time == cell.update_time) continue;
      metadata.emplace_back(std::string(column.name()),
                            Value::Map({{"sourceTime", Value::OfTime(cell.source_time)}}));
    }
    ValueMap json;
    json.emplace_back("$dtId", Value::String(view_->IdOf(twin)));
    json.emplace_back("$metadata", Value::Map(std::move(metadata)));
    for (ValueMember& member : ContentsOf(*view_, twin, request_.with_telemetry())) {
      json.push_back(std::move(member));
    }
    AppendJson(Value::Map(std::move(json)), piece_.mutable_data());
    Text("\n");
    piece_.set_twins(piece_.twins() + 1);
  }

  void Relationship(RelationshipNumber relationship) {
    const graph::Relationship found = view_->Get(relationship);
    ValueMap json;
    json.emplace_back("$relationshipId", Value::String(found.id));
    json.emplace_back("$sourceId", Value::String(view_->IdOf(found.source)));
    json.emplace_back("$targetId", Value::String(view_->IdOf(found.target)));
    json.emplace_back("$relationshipName",
                      Value::String(view_->catalog().relationship_type(found.type).name));
    for (ValueMember& member : ContentsOf(*view_, relationship)) json.push_back(std::move(member));
    AppendJson(Value::Map(std::move(json)), piece_.mutable_data());
    Text("\n");
    piece_.set_relationships(piece_.relationships() + 1);
  }

  const Services& services_;
  const pb::ExportRequest request_;
  std::shared_ptr<engine::HeldSnapshot> snapshot_;
  std::shared_ptr<const graph::GraphView> view_;
  std::shared_ptr<const graph::Catalog> catalog_;
  pb::ExportResponse piece_;
};

}  // namespace

grpc::ServerWriteReactor<pb::ExportResponse>* NewExport(const Services& services,
                                                        const pb::ExportRequest& request,
                                                        grpc::CallbackServerContext* context) {
  return new Export(services, request, context);
}

}  // namespace twin::api
