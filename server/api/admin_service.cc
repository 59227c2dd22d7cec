#include "server/api/admin_service.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/api/convert.h"
#include "server/api/queries.h"
#include "server/api/rpc_metrics.h"
#include "server/base/status_macros.h"
#include "server/events/named_subscriptions.h"
#include "server/events/token.h"
#include "server/predict/predictors.h"

namespace twin::api {
namespace {

constexpr size_t kLagsMax = 20;

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t BytesOfFolder(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; it != end;
       it.increment(error)) {
    if (error) break;
    if (it->is_regular_file(error)) bytes += it->file_size(error);
  }
  return bytes;
}

void FillMachine(const std::string& data_dir, pb::StatusResponse* response) {
  pb::StatusResponse::Disk* disk = response->mutable_disk();
  // What the parts know of themselves: a walk through the folder would take longer with each day.
  disk->set_data_bytes(response->journal().bytes() + response->checkpoint().store_bytes() +
                       response->history().file_bytes());
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(data_dir, error);
  if (!error) {
    disk->set_free_bytes(space.available);
    disk->set_total_bytes(space.capacity);
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  response->set_cpu_seconds(seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

void FillEvents(const events::FeedStatus& feed, pb::StatusResponse::Events* events) {
  events->set_subscribers(feed.subscriptions);
  events->set_behind(feed.subscriptions - std::min(feed.live, feed.subscriptions));
  events->set_delivered(feed.delivered);
  events->set_fell_behind(feed.fell_behind);
  events->set_ring_bytes(feed.ring_bytes);
  events->set_oldest_sequence(feed.oldest.value);
  events->set_oldest_resume_token(events::TokenOf(Sequence(feed.oldest.value - 1)));
}

void Fill(const engine::EngineStatus& status, pb::StatusResponse* response) {
  response->set_start_time_unix_nano(status.start_time.ns);
  response->set_time_unix_nano(SystemClock().Now().ns);
  FillPosition(status.sequence, response->mutable_position());
  response->set_models(status.models);
  response->set_twins(status.twins);
  response->set_relationships(status.relationships);
  response->set_deleted_twins(status.deleted_twins);
  response->set_writing(std::string(status.writing.message()));

  pb::StatusResponse::Memory* memory = response->mutable_memory();
  memory->set_columns_bytes(status.memory.columns);
  memory->set_ids_bytes(status.memory.ids);
  memory->set_strings_bytes(status.memory.strings);
  memory->set_relationships_bytes(status.memory.relationships);
  memory->set_index_bytes(status.memory.index);
  memory->set_retained_bytes(status.memory.retained);
  memory->set_resident_bytes(ResidentBytes());
  memory->set_snapshots(status.snapshots);

  pb::StatusResponse::Journal* journal = response->mutable_journal();
  journal->set_bytes(status.journal_bytes);
  journal->set_segments(status.journal_segments);
  journal->set_syncs(status.journal_syncs);
  journal->set_oldest_sequence(status.journal_oldest.value);

  pb::StatusResponse::CheckpointState* checkpoint = response->mutable_checkpoint();
  checkpoint->set_sequence(status.checkpoint_sequence.value);
  checkpoint->set_time_unix_nano(status.checkpoint_time.ns);
  checkpoint->set_running(status.checkpoint_running);
  checkpoint->set_store_bytes(status.store_bytes);

  pb::StatusResponse::History* history = response->mutable_history();
  history->set_layouts(status.layouts);
  history->set_series(status.history.series);
  history->set_samples(status.history.samples);
  const timeseries::StoreMemory& samples = status.history.memory;
  history->set_memory_bytes(samples.open + samples.sealed + samples.late + samples.groups);
  history->set_files(status.history.files);
  history->set_file_bytes(status.history.file_bytes);
  history->set_oldest_time_unix_nano(status.history.oldest_time);
  history->set_rows(status.history.file_rows);
  history->set_packed_files(status.history.packed_files);
  history->set_packed_bytes(status.history.packed_bytes);
  history->set_packed_rows(status.history.packed_rows);
  history->set_days_to_pack(status.history_days_to_pack);
  history->set_days_packed(status.history_days_packed);
  history->set_rollup_files(status.history.rollup_files);
  history->set_rollup_bytes(status.history.rollup_bytes);
  history->set_rollup_rows(status.history.rollup_rows);
  history->set_days_to_merge(status.history_days_to_merge);
  history->set_days_merged(status.history_days_merged);
  history->set_packing(std::string(status.history_packing.message()));

  FillEvents(status.events, response->mutable_events());
  response->set_recovery_seconds(status.recovery_seconds);
  response->set_recovered_records(status.recovered_records);
}

void FillLags(const events::NamedSubscriptions& subscriptions,
              pb::StatusResponse::Events* response) {
  response->set_named_subscriptions(subscriptions.size());
  for (const events::NamedInfo& each : subscriptions.Lagging(kLagsMax)) {
    pb::SubscriptionLag* const lag = response->add_lags();
    lag->set_name(each.spec.name);
    lag->set_lag_sequences(each.lag_sequences);
    lag->set_lag_nanos(each.lag_ns);
    lag->set_expired(each.expired);
    lag->set_consumers(static_cast<uint32_t>(each.consumers.size()));
    lag->set_waiting_events(each.waiting);
  }
}

void FillPredictors(const predict::Figures& figures, pb::StatusResponse::Predictors* response) {
  response->set_registered(figures.registered);
  response->set_running(figures.running);
  response->set_runs(figures.runs);
  response->set_runs_failed(figures.runs_failed);
  response->set_predictions(figures.predictions);
  response->set_failures(figures.failures);
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::Status(Context* context,
                                               const pb::StatusRequest* /*request*/,
                                               pb::StatusResponse* response) {
  const UnaryCall call(context, services_, "AdminService/Status");
  FillStatus(response);
  return call.Answer(absl::OkStatus());
}

void AdminService::FillStatus(pb::StatusResponse* response) const {
  response->set_version(services_.version);
  response->set_data_dir(services_.data_dir);
  Fill(services_.engine->status(), response);
  services_.queries->runs.Fill(response->mutable_queries());
  FillLags(services_.engine->subscriptions(), response->mutable_events());
  response->mutable_queries()->set_kept_bytes(services_.queries->pages.bytes());
  services_.metrics->rpcs.Fill(response);
  services_.metrics->ingest.Fill(response->mutable_ingest());
  FillPredictors(services_.predictors->figures(), response->mutable_predictors());
  FillMachine(services_.data_dir, response);
}

grpc::ServerUnaryReactor* AdminService::Checkpoint(Context* context,
                                                   const pb::CheckpointRequest* /*request*/,
                                                   pb::CheckpointResponse* response) {
  const UnaryCall call(context, services_, "AdminService/Checkpoint");
  return AnswerLater(call, [this, response] {
    absl::Status status = services_.engine->Checkpoint();
    if (status.ok()) {
      FillPosition(services_.engine->status().checkpoint_sequence, response->mutable_position());
    }
    return status;
  });
}

grpc::ServerUnaryReactor* AdminService::Compact(Context* context, const pb::CompactRequest* request,
                                                pb::CompactResponse* response) {
  const UnaryCall call(context, services_, "AdminService/Compact");
  return AnswerLater(call, [this, request, response]() -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(const uint64_t reclaimed, services_.engine->Compact());
    response->set_reclaimed_twins(reclaimed);
    if (!request->history()) return absl::OkStatus();
    TWIN_ASSIGN_OR_RETURN(const uint64_t days, services_.engine->PackHistory());
    response->set_packed_days(days);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::Backup(Context* context, const pb::BackupRequest* request,
                                               pb::BackupResponse* response) {
  const UnaryCall call(context, services_, "AdminService/Backup");
  return AnswerLater(call, [this, request, response] {
    const Sequence before = services_.engine->Pin()->sequence();
    absl::Status status = services_.engine->Backup(request->folder());
    if (status.ok()) {
      FillPosition(before, response->mutable_position());
      response->set_bytes(BytesOfFolder(request->folder()));
    }
    return status;
  });
}

grpc::ServerUnaryReactor* AdminService::VerifyBackup(Context* context,
                                                     const pb::VerifyBackupRequest* request,
                                                     pb::VerifyBackupResponse* response) {
  const UnaryCall call(context, services_, "AdminService/VerifyBackup");
  return AnswerLater(call, [request, response]() -> absl::Status {
    TWIN_RETURN_IF_ERROR(engine::CheckFolderName(request->folder()));
    std::vector<std::string> report;
    absl::Status status = engine::CheckDataDir(request->folder(), &report);
    for (const std::string& line : report) response->add_report(line);
    if (status.ok() || report.empty()) return status;
    return absl::Status(status.code(), absl::StrJoin(report, "\n"));
  });
}

grpc::ServerUnaryReactor* AdminService::ListQueries(Context* context,
                                                    const pb::ListQueriesRequest* /*request*/,
                                                    pb::ListQueriesResponse* response) {
  const UnaryCall call(context, services_, "AdminService/ListQueries");
  services_.queries->runs.List(response);
  return call.Answer(absl::OkStatus());
}

grpc::ServerUnaryReactor* AdminService::CancelQuery(Context* context,
                                                    const pb::CancelQueryRequest* request,
                                                    pb::CancelQueryResponse* /*response*/) {
  const UnaryCall call(context, services_, "AdminService/CancelQuery");
  return call.Answer(services_.queries->runs.Cancel(request->id()));
}

grpc::ServerUnaryReactor* AdminService::SlowQueries(Context* context,
                                                    const pb::SlowQueriesRequest* request,
                                                    pb::SlowQueriesResponse* response) {
  const UnaryCall call(context, services_, "AdminService/SlowQueries");
  const absl::StatusOr<int> limit =
      CountOf("limit", request->limit(), QueryRuns::kSlowMax, QueryRuns::kSlowMax);
  if (limit.ok()) services_.queries->runs.ListSlow(*limit, response);
  return call.Answer(limit.status());
}

}  // namespace twin::api
