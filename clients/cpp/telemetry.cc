#include "clients/cpp/telemetry.h"

#include "clients/cpp/call.h"
#include "clients/cpp/stubs.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using TelemetryStub = v1::TelemetryService::Stub;

}  // namespace

absl::StatusOr<v1::PublishResponse> TelemetryClient::Publish(const v1::PublishRequest& request) {
  return client_.stubs_->caller.Call(client_.stubs_->telemetry.get(), &TelemetryStub::Publish,
                                     request, {.repeatable = request.has_source_time_unix_nano()});
}

absl::StatusOr<v1::RegisterLayoutResponse> TelemetryClient::RegisterLayout(
    const v1::RegisterLayoutRequest& request) {
  return client_.stubs_->caller.Call(client_.stubs_->telemetry.get(),
                                     &TelemetryStub::RegisterLayout, request, {.repeatable = true});
}

absl::StatusOr<v1::ListLayoutsResponse> TelemetryClient::ListLayouts(
    const v1::ListLayoutsRequest& request) {
  return client_.stubs_->caller.Call(client_.stubs_->telemetry.get(), &TelemetryStub::ListLayouts,
                                     request, {.repeatable = true});
}

}  // namespace twin::client
