// twind's options, all of them: docs/twind.md has the same, and what happens beyond a limit.
#include <string>
#include <utility>
#include <vector>

#include "server/engine/kept_for.h"
#include "server/events/options.h"
#include "server/graph/catalog.h"
#include "server/ingest/limits.h"
#include "server/predict/options.h"
#include "server/twind/options.h"
#include "server/twind/setting.h"

namespace twin::twind {
namespace {

constexpr int64_t kKiB = 1 << 10;
constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kGiB = 1 << 30;
constexpr int64_t kTiB = int64_t{1} << 40;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kMillion = 1'000'000;

Setting Number(const char* name, Setting::Target target, Unit unit, int64_t min, int64_t max,
               const char* help) {
  return {name, target, help, unit, min, max, {}};
}
Setting Text(const char* name, Setting::Target target, const char* help,
             std::vector<std::string> choices = {}) {
  return {name, target, help, Unit::kNone, 0, 0, std::move(choices)};
}
Setting Flag(const char* name, bool* target, const char* help) {
  return Number(name, target, Unit::kNone, 0, 0, help);
}
Setting Count(const char* name, Setting::Target target, int64_t min, int64_t max,
              const char* help) {
  return Number(name, target, Unit::kNone, min, max, help);
}
Setting Bytes(const char* name, Setting::Target target, int64_t min, int64_t max,
              const char* help) {
  return Number(name, target, Unit::kBytes, min, max, help);
}
Setting Milliseconds(const char* name, Setting::Target target, int64_t min, int64_t max,
                     const char* help) {
  return Number(name, target, Unit::kMilliseconds, min, max, help);
}
Setting Seconds(const char* name, Setting::Target target, int64_t min, int64_t max,
                const char* help) {
  return Number(name, target, Unit::kSeconds, min, max, help);
}

Section General(Options* options) {
  return {"",
          {
              Text("data-dir", &options->engine.data_dir,
                   "folder of the data; made where it is missing"),
              Text("listen", &options->server.listen,
                   "host:port to serve on; port 0: any that is free"),
              Text("metrics-listen", &options->metrics_listen,
                   "host:port of the page for Prometheus, http://…/metrics; empty: none"),
              Flag("insecure", &options->server.insecure,
                   "allow --listen and --metrics-listen on other than loopback, without TLS"),
              Text("log-level", &options->log_level, "what is logged, and all that is worse",
                   {"debug", "info", "warn", "error"}),
              Text("log-format", &options->log_format, "how it is written", {"logfmt", "json"}),
          }};
}

Section Durability(Options* options) {
  engine::EngineOptions& engine = options->engine;
  return {
      "Durability",
      {
          Bytes("segment-bytes", &engine.segment_bytes, 128 * kKiB, kGiB, "size of a journal file"),
          Bytes("checkpoint-journal-bytes", &engine.checkpoint_journal_bytes, 64 * kKiB, kTiB,
                "a checkpoint starts after so much journal"),
          Bytes("checkpoint-bytes-per-second", &engine.checkpoint_bytes_per_second, 64 * kKiB, kTiB,
                "how fast a checkpoint is written in the background"),
          Seconds("event-retention-seconds", &engine.event_retention_seconds, 0,
                  engine::kKeptSecondsMax, "how long the journal keeps changes, or"),
          Bytes("event-retention-bytes", &engine.event_retention_bytes, 0, 1024 * kTiB,
                "how much it keeps, whichever is less"),
          Bytes("reserve-bytes", &engine.reserve_bytes, 0, kTiB,
                "kept free for a checkpoint on a full disk"),
      }};
}

Section Events(Options* options) {
  events::Options& events = options->engine.events;
  return {"Events",
          {
              Bytes("event-ring-bytes", &events.ring_bytes, 64 * kKiB, kTiB,
                    "memory of recent changes; who is further behind reads the journal"),
              Count("event-subscriptions-max", &events.subscriptions_max, 1, kMillion,
                    "subscriptions at once"),
              Bytes("event-pending-bytes-max", &events.pending_bytes_max, kKiB, kTiB,
                    "changes that wait to be sent to one subscriber"),
              Bytes("event-message-bytes", &events.message_bytes, kKiB, kMiB,
                    "changes in one message, about"),
              Count("event-series-max", &events.series_max, 1, 1000 * kMillion,
                    "values whose last one is remembered, for the old value of the next"),
              Count("event-under-twins-max", &events.under_twins_max, 1, 1000 * kMillion,
                    "twins below the root of a subscription when it begins, or has caught up"),
              Milliseconds("event-progress-interval-ms", &events.progress_interval_ms, 100, kHourMs,
                           "how often an idle subscriber hears where it stands"),
              Milliseconds("event-interval-ms-min", &events.interval_ms_min, 1, kHourMs,
                           "shortest interval of a delivery of latest values"),
              Count("event-latest-keys-max", &events.latest_keys_max, 1, 1000 * kMillion,
                    "values that such a delivery keeps until it is due"),
              Count("event-named-subscriptions-max", &events.named_subscriptions_max, 0, kMillion,
                    "named subscriptions, whose place is kept"),
              Count("event-consumers-max", &events.consumers_max, 1, events::kConsumersMax,
                    "consumers of a named subscription"),
              Count("event-unacknowledged-max", &events.unacknowledged_max, 1, 1000 * kMillion,
                    "events of a named subscription in memory: sent, or waiting for a consumer"),
              Bytes("event-unacknowledged-bytes-max", &events.unacknowledged_bytes_max, kKiB, kTiB,
                    "the same in bytes"),
              Count("event-credit-max", &events.credit_max, 1, 1000 * kMillion,
                    "events that a consumer may ask for in advance"),
              Milliseconds("event-acknowledge-ms-max", &events.acknowledge_ms_max, 1, 24 * kHourMs,
                           "how long a consumer may leave a delivery unacknowledged"),
              Count("event-threads", &events.threads, 1, 256, "threads that deliver changes"),
          }};
}

Section Predictors(Options* options) {
  predict::Options& predictors = options->server.predictors;
  return {
      "Predictors",
      {
          Count("predictor-count-max", &predictors.count_max, 1, 10'000,
                "predictors that are registered"),
          Count("predictor-threads", &predictors.threads, 1, 256,
                "threads of the server's own predictors"),
          Count("predictor-runs-at-once", &predictors.runs_at_once, 1, 256,
                "runs at once, of different ones"),
          Count("predictor-rows-max", &predictors.rows_max, 1, 1000 * kMillion, "rows of one run"),
          Count("predictor-forecast-rows-max", &predictors.forecast_rows_max, 1, 1000 * kMillion,
                "forecasts that are kept of each predictor"),
          Count("predictor-changed-twins-max", &predictors.changed_twins_max, 1, 1000 * kMillion,
                "changed twins that wait for a run; more: it is one of all"),
          Count("predictor-breaker-failures", &predictors.breaker_failures, 1, kMillion,
                "failures in a row, then a predictor is left alone"),
          Milliseconds("predictor-breaker-open-ms", &predictors.breaker_open_ms, 1, 24 * kHourMs,
                       "for so long"),
      }};
}

Section History(Options* options) {
  engine::EngineOptions& engine = options->engine;
  return {
      "History",
      {
          Seconds("history-retention-seconds", &engine.history_retention_seconds, 0,
                  engine::kKeptSecondsMax,
                  "samples of days that ended so long ago are dropped; 0: none are"),
          Seconds("history-rollup-retention-seconds", &engine.history_rollup_retention_seconds, 0,
                  engine::kKeptSecondsMax, "the same for their roll-ups"),
          Text("history-retention-of", &engine.history_retention_of,
               "of a model, instead: BatteryCell=samples:90d,rollups:2y,raw:7d; several: a list"),
          Seconds("history-retention-grace-seconds", &engine.history_retention_grace_seconds, 0,
                  engine::kKeptSecondsMax,
                  "what comes when its time is over already is kept for so long"),
          Seconds(
              "history-repack-after-seconds", &engine.history_repack_after_seconds, 0,
              engine::kKeptSecondsMax,
              "days that ended so long ago are re-packed, into a third of the space; 0: none are"),
          Count("history-repack-cpu-percent", &engine.history_repack_cpu_percent, 1, 100,
                "of one processor, that re-packing takes at most"),
          Count("history-block-rows", &engine.history_block_rows, 1, 4096,
                "rows of a layout that are compressed together"),
          Bytes("open-block-bytes-max", &engine.open_block_bytes_max, 0, 1024 * kTiB,
                "memory of rows that are not compressed yet; 0: 25 % of the machine's"),
      }};
}

Section Limits(Options* options) {
  engine::EngineOptions& engine = options->engine;
  ingest::Limits& limits = engine.limits;
  api::ServerOptions& server = options->server;
  api::QueryLimits& queries = server.queries;
  return {
      "Limits",
      {
          Count("twin-id-length-max", &limits.twin_id_length_max, 1,
                ingest::Limits().twin_id_length_max, "characters of an id"),
          Bytes("twin-bytes-max", &limits.twin_bytes_max, kKiB, 256 * kMiB,
                "all contents of a twin"),
          Bytes("string-bytes-max", &limits.string_bytes_max, 1, graph::kStoredStringBytesMax,
                "one string"),
          Count("batch-operations-max", &limits.batch_operations_max, 1, kMillion,
                "operations of a batch"),
          Bytes("batch-bytes-max", &limits.batch_bytes_max, 64 * kKiB, 512 * kMiB,
                "a batch's record in the journal"),
          Count("patch-operations-max", &limits.patch_operations_max, 1, kMillion,
                "steps of a patch"),
          Count("relationships-per-twin-max", &limits.relationships_per_twin_max, 1,
                1000 * kMillion, "each direction"),
          Count("models-max", &limits.models_max, 1, kMillion, "models"),
          Bytes("model-bytes-max", &limits.model_bytes_max, kKiB, 64 * kMiB, "one model's text"),
          Count("models-per-request-max", &limits.models_per_request_max, 1, 100'000,
                "models in one request"),
          Count("twins-max", &limits.twins_max, 1, 4000 * kMillion, "twins"),
          Bytes("ids-bytes-max", &limits.ids_bytes_max, 1, ingest::Limits().ids_bytes_max,
                "ids of twins"),
          Bytes("strings-bytes-max", &limits.strings_bytes_max, 1,
                ingest::Limits().strings_bytes_max,
                "different strings, documents and ids of relationships"),
          Count("relationships-max", &limits.relationships_max, 0, 4000 * kMillion,
                "relationships"),
          Count("past-entries-max", &limits.past_entries_max, 0, 4000 * kMillion,
                "twins and relationships that have ended, and former values of relationships"),
          Bytes("write-queue-bytes-max", &limits.write_queue_bytes_max, kMiB, kTiB,
                "writes that wait"),
          Count("dry-run-operations-max", &limits.dry_run_operations_max, 1, 1000 * kMillion,
                "what an import may try with --dry-run"),
          Bytes("snapshot-retained-bytes-max", &engine.snapshot_retained_bytes_max, 0, 1024 * kTiB,
                "memory that only snapshots keep; 0: 10 % of the machine's"),
          Bytes("adjacency-bytes-max", &engine.adjacency_bytes_max, 0, 1024 * kTiB,
                "memory of the neighbours that queries of many hops follow"),
          Count("reads-waiting-max", &engine.reads_waiting_max, 0, kMillion,
                "reads that wait for a sequence"),
          Count("request-ids-max", &limits.request_ids_max, 0, 1000 * kMillion,
                "request ids that are remembered, or"),
          Bytes("request-ids-bytes-max", &limits.request_ids_bytes_max, 0, kTiB,
                "memory for that, or"),
          Seconds("request-id-seconds", &limits.request_id_seconds, 0, engine::kKeptSecondsMax,
                  "how long"),
          Count("request-id-length-max", &limits.request_id_length_max, 1, 1024,
                "bytes of a request id"),
          Milliseconds("clock-skew-ms-max", &limits.clock_skew_ms_max, 0, 365 * 24 * kHourMs,
                       "how far a source time may be ahead of the server"),
          Count("layout-columns-max", &limits.layout_columns_max, 1, 65'536,
                "columns of a layout of frames"),
          Count("layouts-max", &limits.layouts_max, 1, 100 * kMillion, "layouts"),
          Count("producers-max", &limits.producers_max, 1, 100 * kMillion,
                "producers whose last batch is remembered"),
          Count("frame-rows-max", &limits.frame_rows_max, 1, kMillion,
                "frames of one layout in a message"),
          Count("sample-rows-max", &limits.sample_rows_max, 1, 10 * kMillion,
                "rows of samples in a message"),
          Bytes("message-bytes-max", &server.message_bytes_max, 64 * kKiB, kGiB,
                "a message from a client"),
          Count("streams-per-connection-max", &server.streams_per_connection_max, 1, kMillion,
                "calls at once over one connection"),
          Count("work-threads", &server.work_threads, 1, 256, "threads for long calls"),
          Milliseconds("deadline-default-ms", &server.deadline_default_ms, 1, 7 * 24 * kHourMs,
                       "of calls whose client gives none"),
          Milliseconds("deadline-ms-max", &server.deadline_ms_max, 1, 7 * 24 * kHourMs,
                       "longest deadline"),
          Milliseconds("stream-idle-ms-max", &server.stream_idle_ms_max, 1, 24 * kHourMs,
                       "how long an import or export waits for its client"),
          Bytes("import-models-bytes-max", &server.import_models_bytes_max, kKiB, 4 * kGiB,
                "models of one section of an import"),
          Bytes("import-line-bytes-max", &server.import_line_bytes_max, kKiB, 256 * kMiB,
                "a line of an import"),
          Count("query-threads", &queries.threads, 0, 1024,
                "threads that all queries share; 0: one for each of the machine's"),
          Count("queries-running-max", &queries.running_max, 1, 1024, "queries at once"),
          Count("queries-waiting-max", &queries.waiting_max, 0, kMillion,
                "queries that wait behind those"),
          Count("query-rows-max", &queries.rows_max, 1, 1'000'000 * kMillion, "rows of one result"),
          Bytes("query-memory-bytes-max", &queries.memory_bytes_max, 1, kTiB,
                "memory of one query"),
          Bytes("query-kept-bytes-max", &queries.kept_bytes_max, 0, kTiB,
                "results that are kept for their next pages"),
          Milliseconds("query-page-token-ms", &queries.page_token_ms, 1, 24 * kHourMs,
                       "how long a page token is good"),
          Milliseconds("query-slow-ms", &queries.slow_ms, 0, 24 * kHourMs,
                       "a query that takes so long is remembered as slow"),
          Count("watch-queries-max", &queries.watch_queries_max, 0, kMillion,
                "standing queries at once"),
          Count("watch-query-rows-max", &queries.watch_rows_max, 1, 1000 * kMillion,
                "rows of the result of one standing query"),
          Bytes("watch-query-bytes-max", &queries.watch_bytes_max, kKiB, kTiB,
                "bytes of those rows, which the server keeps"),
          Flag("adt-limits", &queries.adt_limits,
               "the dialect adt keeps the limits of Azure Digital Twins, too"),
          Milliseconds("stop-grace-ms", &options->stop_grace_ms, 0, kHourMs,
                       "what runs may finish within, at SIGTERM"),
      }};
}

}  // namespace

std::vector<Section> AllSettings(Options* options) {
  return {General(options),    Durability(options), Events(options),
          Predictors(options), History(options),    Limits(options)};
}

}  // namespace twin::twind
