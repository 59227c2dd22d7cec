// Messages to operations and views to messages. Internal to server/api.
#ifndef TWIN_SERVER_API_CONVERT_H_
#define TWIN_SERVER_API_CONVERT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/value.h"
#include "server/graph/graph.h"
#include "server/ingest/operation.h"
#include "twingraph/v1/twin_service.pb.h"
#include "twingraph/v1/types.pb.h"

namespace twin::api {

namespace pb = ::twingraph::v1;

// --- Counts that a request asks for: of a page, of a list ---
// 0 is `standard`; more than `max` is `max`. INVALID_ARGUMENT, naming the field: negative.
absl::StatusOr<int> CountOf(absl::string_view field, int64_t asked, int standard, int max);

// --- Values ---
// INVALID_ARGUMENT: nested too deep, or a name twice.
absl::StatusOr<Value> FromProto(const pb::Value& message);
void ToProto(const Value& value, pb::Value* message);
void ToProto(const ValueMap& members, pb::ValueMap* message);

// Contents as one or the other form; members of JSON that begin with '$' are left out, at every
// level of components, unless `with_reserved`.
absl::StatusOr<ValueMap> ContentsOf(const pb::ValueMap& contents, const std::string& contents_json,
                                    bool with_reserved = false);

// --- Etags: W/"hex of the version"; empty where nothing was written ---
std::string EtagOf(Sequence version);
// Empty or "*": no condition. INVALID_ARGUMENT: not one of ours.
absl::StatusOr<std::optional<Sequence>> ParseEtag(const std::string& etag);

// --- Operations ---
// RFC 6901. INVALID_ARGUMENT: it does not begin with '/', or a '~' stands before no 0 or 1.
absl::StatusOr<std::vector<std::string>> ParsePointer(const std::string& pointer);
absl::StatusOr<ingest::PutTwin> ToOperation(const pb::CreateTwinRequest& request);
absl::StatusOr<ingest::PatchTwin> ToOperation(const pb::UpdateTwinRequest& request);
absl::StatusOr<ingest::PatchTwin> ToOperation(const pb::UpdateComponentRequest& request);
absl::StatusOr<ingest::Operation> ToOperation(const pb::DeleteTwinRequest& request);
absl::StatusOr<ingest::PutRelationship> ToOperation(const pb::CreateRelationshipRequest& request);
absl::StatusOr<ingest::PatchRelationship> ToOperation(const pb::UpdateRelationshipRequest& request);
absl::StatusOr<ingest::DeleteRelationship> ToOperation(
    const pb::DeleteRelationshipRequest& request);
absl::StatusOr<ingest::WriteBatch> ToBatch(const pb::BatchWriteRequest& request);

// A twin as an object of an import file: {"$dtId", "$metadata": {"$model"}, contents}.
absl::StatusOr<ingest::PutTwin> TwinFromJson(Value json);
absl::StatusOr<ingest::PutRelationship> RelationshipFromJson(Value json);
// Of the metadata of a property.
absl::StatusOr<Time> SourceTimeOf(const Value& value);

// --- Views ---
struct TwinOptions {
  pb::ContentsFormat format = pb::VALUES;
  bool with_times = false;
  bool with_telemetry = false;
};
// Its properties, and components even where they are empty.
ValueMap ContentsOf(const graph::GraphView& view, TwinNumber twin, bool with_telemetry);
void FillTwin(const graph::GraphView& view, TwinNumber twin, const TwinOptions& options,
              pb::Twin* message);
ValueMap ContentsOf(const graph::GraphView& view, RelationshipNumber relationship);
void FillRelationship(const graph::GraphView& view, RelationshipNumber relationship,
                      pb::ContentsFormat format, pb::Relationship* message);
void FillPosition(const graph::GraphView& view, pb::Position* message);
void FillPosition(Sequence sequence, pb::Position* message);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_CONVERT_H_
