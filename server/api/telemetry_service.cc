#include "server/api/telemetry_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/api/convert.h"
#include "server/api/telemetry_convert.h"
#include "server/base/status_macros.h"

namespace twin::api {
namespace {

constexpr int32_t kLayoutsPageSizeDefault = 100;
constexpr int32_t kLayoutsPageSizeMax = 1000;

// Layouts with ids after `token`, in their order; one more than `count` where there are more.
std::vector<std::string> IdsAfter(const engine::Engine& engine, const std::string& token,
                                  size_t count) {
  std::vector<std::string> ids;
  engine.ReadTelemetry([&](const ingest::TelemetryState& state, const graph::GraphView&) {
    for (size_t i = 0; i < state.layouts(); ++i) {
      const std::string& id = state.layout(static_cast<uint32_t>(i)).id;
      if (token.empty() || id > token) ids.push_back(id);
    }
  });
  const size_t kept = std::min(ids.size(), count + 1);
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(kept), ids.end());
  ids.resize(kept);
  return ids;
}

// Columns that lead to no twin, be it that theirs were deleted.
uint32_t Unresolved(const ingest::LayoutVersion& version, const graph::GraphView& view) {
  uint32_t unresolved = 0;
  for (size_t c = 0; c < version.columns.size(); ++c) {
    const ingest::ResolvedColumns::Targets targets = version.columns.targets(c);
    const bool leads =
        std::any_of(targets.begin(), targets.end(),
                    [&](ingest::ColumnTarget target) { return view.Exists(target.twin); });
    unresolved += leads ? 0 : 1;
  }
  return unresolved;
}

// Layouts are often called after a vehicle, and something behind it.
absl::Status NoLayout(const ingest::TelemetryState& state, const std::string& id) {
  constexpr size_t kNamed = 3;
  std::vector<std::string> longer;
  for (size_t i = 0; i < state.layouts(); ++i) {
    const std::string& known = state.layout(static_cast<uint32_t>(i)).id;
    if (absl::StartsWith(known, id)) longer.push_back(known);
  }
  std::sort(longer.begin(), longer.end());
  longer.resize(std::min(longer.size(), kNamed));
  return absl::NotFoundError(
      absl::StrCat("no layout '", id, "'", longer.empty() ? "" : "; did you mean ",
                   absl::StrJoin(longer, ", ", [](std::string* out, const std::string& each) {
                     absl::StrAppend(out, "'", each, "'");
                   })));
}

}  // namespace

grpc::ServerBidiReactor<pb::IngestRequest, pb::IngestResponse>* TelemetryService::Ingest(
    Context* /*context*/) {
  return NewIngestStream(services_, &producers_);
}

grpc::ServerUnaryReactor* TelemetryService::Publish(Context* context,
                                                    const pb::PublishRequest* request,
                                                    pb::PublishResponse* response) {
  const UnaryCall call(context, services_, "TelemetryService/Publish");
  absl::StatusOr<ValueMap> contents =
      ContentsOf(request->contents(), request->contents_json(), /*with_reserved=*/true);
  if (!contents.ok()) return call.Answer(contents.status());
  ingest::TelemetryBatch batch;
  batch.all_or_nothing = true;
  batch.bytes = request->ByteSizeLong();
  ingest::Publication& publication = batch.publications.emplace_back();
  publication.twin_id = request->twin_id();
  publication.contents = *std::move(contents);
  if (request->has_source_time_unix_nano()) {
    publication.time = Time{request->source_time_unix_nano()};
  }
  services_.engine->Write(std::move(batch),
                          [call, response](const ingest::TelemetryResult& result) {
                            FillPosition(result.sequence, response->mutable_position());
                            response->set_notice(result.notice);
                            call.Answer(result.status);
                          });
  return call.reactor();
}

grpc::ServerUnaryReactor* TelemetryService::RegisterLayout(Context* context,
                                                           const pb::RegisterLayoutRequest* request,
                                                           pb::RegisterLayoutResponse* response) {
  const UnaryCall call(context, services_, "TelemetryService/RegisterLayout");
  absl::StatusOr<ingest::Layout> layout = ToLayout(request->layout());
  if (!layout.ok()) return call.Answer(layout.status());
  services_.engine->Register(
      *std::move(layout), request->validate_only(),
      [call, response, id = request->layout().id()](const ingest::LayoutResult& result) {
        if (result.status.ok()) FillResponse(id, result, response);
        call.Answer(result.status);
      });
  return call.reactor();
}

grpc::ServerUnaryReactor* TelemetryService::ListLayouts(Context* context,
                                                        const pb::ListLayoutsRequest* request,
                                                        pb::ListLayoutsResponse* response) {
  const UnaryCall call(context, services_, "TelemetryService/ListLayouts");
  return AnswerLater(call, [this, request, response]() -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(
        const size_t count,
        CountOf("page_size", request->page_size(), kLayoutsPageSizeDefault, kLayoutsPageSizeMax));
    std::vector<std::string> ids = {request->id()};
    if (request->id().empty()) ids = IdsAfter(*services_.engine, request->page_token(), count);
    if (ids.size() > count) {
      ids.resize(count);
      response->set_next_page_token(ids.back());
    }
    absl::Status status;
    services_.engine->ReadTelemetry(
        [&](const ingest::TelemetryState& state, const graph::GraphView& view) {
          for (const std::string& id : ids) {
            const uint32_t* const number = state.FindLayout(id);
            if (number == nullptr) {
              status = NoLayout(state, id);
              return;
            }
            const ingest::TelemetryState::LayoutState& layout = state.layout(*number);
            const ingest::LayoutVersion& version = *layout.versions.back();
            pb::LayoutVersion* const to = response->add_layouts();
            FillLayout(layout.Read(), to->mutable_layout());
            to->set_version(version.version);
            to->set_valid_from_unix_nano(version.valid_from.ns);
            to->set_columns(static_cast<uint32_t>(version.columns.size()));
            to->set_unresolved(Unresolved(version, view));
            if (request->resolved()) FillResolved(version, view, to);
          }
        });
    return status;
  });
}

}  // namespace twin::api
