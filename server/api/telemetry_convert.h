// Messages of telemetry to what the writer takes, and back. Internal to server/api.
#ifndef TWIN_SERVER_API_TELEMETRY_CONVERT_H_
#define TWIN_SERVER_API_TELEMETRY_CONVERT_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/graph/graph.h"
#include "server/ingest/layout.h"
#include "server/ingest/telemetry.h"
#include "twingraph/v1/history_service.pb.h"
#include "twingraph/v1/telemetry_service.pb.h"

namespace twin::api {

namespace pb = ::twingraph::v1;

// INVALID_ARGUMENT: an encoding or rule that is none.
absl::StatusOr<ingest::Layout> ToLayout(const pb::Layout& message);
void FillLayout(const ingest::Layout& layout, pb::Layout* message);
void FillResolved(const ingest::LayoutVersion& version, const graph::GraphView& view,
                  pb::LayoutVersion* message);
void FillResponse(const std::string& id, const ingest::LayoutResult& result,
                  pb::RegisterLayoutResponse* response);

// Views of the message: whoever owns it becomes the batch's `keep`.
ingest::FrameBatch ToFrames(const pb::FrameBatch& message);
absl::StatusOr<ingest::SampleBatch> ToSamples(const pb::SampleBatch& message);

void FillReject(uint64_t batch_number, uint32_t index, const absl::Status& status,
                pb::Reject* message);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_TELEMETRY_CONVERT_H_
