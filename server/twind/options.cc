#include "server/twind/options.h"

#include <CLI/CLI.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/engine/kept_for.h"

namespace twin::twind {
namespace {

// Adds --name, TWIND_NAME and the key `name`.
template <typename T>
CLI::Option* Add(CLI::App* app, const std::string& name, T* value, const std::string& help) {
  const std::string environment =
      absl::StrCat("TWIND_", absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}})));
  return app->add_option(absl::StrCat("--", name), *value, help)
      ->envname(environment)
      ->capture_default_str();
}

CLI::Range KeptSeconds() { return {int64_t{0}, engine::kKeptSecondsMax}; }

}  // namespace

void DefineOptions(CLI::App* app, Options* options) {
  app->name("twind");
  app->description(
      "Keeps the digital twins of electric-vehicle batteries and serves them over gRPC.\n"
      "Every option can also stand in a TOML file (--config) or in the environment (TWIND_DATA_DIR "
      "for --data-dir, and so on).");
  app->set_version_flag("--version", absl::StrCat("twind ", kVersion));
  app->set_config("--config", "", "TOML file with these options: data-dir = \"/var/lib/twind\"")
      ->envname("TWIND_CONFIG");
  app->allow_config_extras(CLI::config_extras_mode::error);
  app->get_formatter()->column_width(40);

  engine::EngineOptions& engine = options->engine;
  Add(app, "data-dir", &engine.data_dir, "folder of the data; made where it is missing")
      ->required();
  Add(app, "listen", &options->server.listen, "host:port to serve on");
  Add(app, "metrics-listen", &options->metrics_listen,
      "host:port of the page for Prometheus, http://…/metrics; empty: none");
  app->add_flag("--insecure", options->server.insecure,
                "allow --listen and --metrics-listen on other than loopback, without TLS")
      ->envname("TWIND_INSECURE");
  app->add_flag("--check-config", options->check_config, "check the options and end")
      ->configurable(false);
  app->add_flag("--print-config", options->print_config, "print the options as a file and end")
      ->configurable(false);

  const char* const durability = "Durability";
  Add(app, "segment-bytes", &engine.segment_bytes, "size of a journal file")->group(durability);
  Add(app, "checkpoint-journal-bytes", &engine.checkpoint_journal_bytes,
      "a checkpoint starts after so much journal")
      ->group(durability);
  Add(app, "checkpoint-bytes-per-second", &engine.checkpoint_bytes_per_second,
      "how fast a checkpoint is written in the background")
      ->group(durability);
  Add(app, "event-retention-seconds", &engine.event_retention_seconds,
      "how long the journal keeps changes, or")
      ->group(durability);
  Add(app, "event-retention-bytes", &engine.event_retention_bytes,
      "how much it keeps, whichever is less")
      ->group(durability);
  Add(app, "reserve-bytes", &engine.reserve_bytes, "kept free for a checkpoint on a full disk")
      ->group(durability);

  const char* const of_events = "Events";
  events::Options& events = engine.events;
  Add(app, "event-ring-bytes", &events.ring_bytes,
      "memory of recent changes; who is further behind reads the journal")
      ->group(of_events);
  Add(app, "event-subscriptions-max", &events.subscriptions_max, "subscriptions at once")
      ->group(of_events)
      ->check(CLI::PositiveNumber);
  Add(app, "event-pending-bytes-max", &events.pending_bytes_max,
      "changes that wait to be sent to one subscriber")
      ->group(of_events)
      ->check(CLI::PositiveNumber);
  Add(app, "event-message-bytes", &events.message_bytes, "changes in one message, about")
      ->group(of_events)
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 20));
  Add(app, "event-series-max", &events.series_max,
      "values whose last one is remembered, for the old value of the next")
      ->group(of_events)
      ->check(CLI::PositiveNumber);
  Add(app, "event-under-twins-max", &events.under_twins_max,
      "twins below the root of a subscription when it begins, or has caught up")
      ->group(of_events)
      ->check(CLI::PositiveNumber);
  Add(app, "event-progress-interval-ms", &events.progress_interval_ms,
      "how often an idle subscriber hears where it stands")
      ->group(of_events)
      ->check(CLI::Range(100, 3'600'000));
  Add(app, "event-interval-ms-min", &events.interval_ms_min,
      "shortest interval of a delivery of latest values")
      ->group(of_events)
      ->check(CLI::PositiveNumber);
  Add(app, "event-latest-keys-max", &events.latest_keys_max,
      "values that such a delivery keeps until it is due")
      ->group(of_events)
      ->check(CLI::PositiveNumber);
  Add(app, "event-named-subscriptions-max", &events.named_subscriptions_max,
      "named subscriptions, whose place is kept")
      ->group(of_events)
      ->check(CLI::NonNegativeNumber);
  Add(app, "event-consumers-max", &events.consumers_max, "consumers of a named subscription")
      ->group(of_events)
      ->check(CLI::Range(1, events::kConsumersMax));
  Add(app, "event-unacknowledged-max", &events.unacknowledged_max,
      "events of a named subscription in memory: sent, or waiting for a consumer")
      ->group(of_events)
      ->check(CLI::PositiveNumber);
  Add(app, "event-unacknowledged-bytes-max", &events.unacknowledged_bytes_max, "the same in bytes")
      ->group(of_events)
      ->check(CLI::PositiveNumber);
  Add(app, "event-credit-max", &events.credit_max, "events that a consumer may ask for in advance")
      ->group(of_events)
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000'000}));
  Add(app, "event-acknowledge-ms-max", &events.acknowledge_ms_max,
      "how long a consumer may leave a delivery unacknowledged")
      ->group(of_events)
      ->check(CLI::PositiveNumber);
  Add(app, "event-threads", &events.threads, "threads that deliver changes")
      ->group(of_events)
      ->check(CLI::Range(1, 256));

  const char* const of_predictors = "Predictors";
  predict::Options& predictors = options->server.predictors;
  Add(app, "predictor-count-max", &predictors.count_max, "predictors that are registered")
      ->group(of_predictors)
      ->check(CLI::PositiveNumber);
  Add(app, "predictor-threads", &predictors.threads, "threads of the server's own predictors")
      ->group(of_predictors)
      ->check(CLI::Range(1, 256));
  Add(app, "predictor-runs-at-once", &predictors.runs_at_once, "runs at once, of different ones")
      ->group(of_predictors)
      ->check(CLI::Range(1, 256));
  Add(app, "predictor-rows-max", &predictors.rows_max, "rows of one run")
      ->group(of_predictors)
      ->check(CLI::PositiveNumber);
  Add(app, "predictor-forecast-rows-max", &predictors.forecast_rows_max,
      "forecasts that are kept of each predictor")
      ->group(of_predictors)
      ->check(CLI::PositiveNumber);
  Add(app, "predictor-changed-twins-max", &predictors.changed_twins_max,
      "changed twins that wait for a run; more: it is one of all")
      ->group(of_predictors)
      ->check(CLI::PositiveNumber);
  Add(app, "predictor-breaker-failures", &predictors.breaker_failures,
      "failures in a row, then a predictor is left alone")
      ->group(of_predictors)
      ->check(CLI::PositiveNumber);
  Add(app, "predictor-breaker-open-ms", &predictors.breaker_open_ms, "for so long")
      ->group(of_predictors)
      ->check(CLI::PositiveNumber);

  const char* const history = "History";
  Add(app, "history-retention-seconds", &engine.history_retention_seconds,
      "samples of days that ended so long ago are dropped; 0: none are")
      ->group(history)
      ->check(KeptSeconds());
  Add(app, "history-rollup-retention-seconds", &engine.history_rollup_retention_seconds,
      "the same for their roll-ups")
      ->group(history)
      ->check(KeptSeconds());
  app->add_option(
         "--history-retention-of", engine.history_retention_of,
         "of a model, instead: 'BatteryCell=samples:90d,rollups:2y,raw:7d'; several: a list")
      ->envname("TWIND_HISTORY_RETENTION_OF")
      ->group(history);
  Add(app, "history-retention-grace-seconds", &engine.history_retention_grace_seconds,
      "what comes when its time is over already is kept for so long")
      ->group(history)
      ->check(KeptSeconds());
  Add(app, "history-repack-after-seconds", &engine.history_repack_after_seconds,
      "days that ended so long ago are re-packed, into a third of the space; 0: none are")
      ->group(history)
      ->check(KeptSeconds());
  Add(app, "history-repack-cpu-percent", &engine.history_repack_cpu_percent,
      "of one processor, that re-packing takes at most")
      ->group(history)
      ->check(CLI::Range(1, 100));
  Add(app, "history-block-rows", &engine.history_block_rows,
      "rows of a layout that are compressed together")
      ->group(history)
      ->check(CLI::Range(1, 4096));
  Add(app, "open-block-bytes-max", &engine.open_block_bytes_max,
      "memory of rows that are not compressed yet; 0: 25 % of the machine's")
      ->group(history);

  const char* const in_limits = "Limits";
  ingest::Limits& limits = engine.limits;
  Add(app, "twin-id-length-max", &limits.twin_id_length_max, "characters of an id")
      ->group(in_limits);
  Add(app, "twin-bytes-max", &limits.twin_bytes_max, "all contents of a twin")->group(in_limits);
  Add(app, "string-bytes-max", &limits.string_bytes_max, "one string")->group(in_limits);
  Add(app, "batch-operations-max", &limits.batch_operations_max, "operations of a batch")
      ->group(in_limits);
  Add(app, "batch-bytes-max", &limits.batch_bytes_max, "a batch's record in the journal")
      ->group(in_limits);
  Add(app, "patch-operations-max", &limits.patch_operations_max, "steps of a patch")
      ->group(in_limits);
  Add(app, "relationships-per-twin-max", &limits.relationships_per_twin_max, "each direction")
      ->group(in_limits);
  Add(app, "models-max", &limits.models_max, "models")->group(in_limits);
  Add(app, "model-bytes-max", &limits.model_bytes_max, "one model's text")->group(in_limits);
  Add(app, "models-per-request-max", &limits.models_per_request_max, "models in one request")
      ->group(in_limits);
  Add(app, "twins-max", &limits.twins_max, "twins")->group(in_limits);
  Add(app, "ids-bytes-max", &limits.ids_bytes_max, "ids of twins, of at most 3.5 GiB")
      ->group(in_limits)
      ->check(CLI::Range(int64_t{1}, ingest::Limits().ids_bytes_max));
  Add(app, "strings-bytes-max", &limits.strings_bytes_max,
      "different strings, documents and ids of relationships, of at most 3.5 GiB")
      ->group(in_limits)
      ->check(CLI::Range(int64_t{1}, ingest::Limits().strings_bytes_max));
  Add(app, "relationships-max", &limits.relationships_max, "relationships")->group(in_limits);
  Add(app, "past-entries-max", &limits.past_entries_max,
      "twins and relationships that have ended, and former values of relationships")
      ->group(in_limits);
  Add(app, "write-queue-bytes-max", &limits.write_queue_bytes_max, "writes that wait")
      ->group(in_limits);
  Add(app, "dry-run-operations-max", &limits.dry_run_operations_max,
      "what an import may try with --dry-run")
      ->group(in_limits);
  Add(app, "snapshot-retained-bytes-max", &engine.snapshot_retained_bytes_max,
      "memory that only snapshots keep; 0: 10 % of the machine's")
      ->group(in_limits);
  Add(app, "reads-waiting-max", &engine.reads_waiting_max, "reads that wait for a sequence")
      ->group(in_limits);
  Add(app, "request-ids-max", &limits.request_ids_max, "request ids that are remembered, or")
      ->group(in_limits);
  Add(app, "request-ids-bytes-max", &limits.request_ids_bytes_max, "memory for that, or")
      ->group(in_limits);
  Add(app, "request-id-seconds", &limits.request_id_seconds, "how long")->group(in_limits);
  Add(app, "clock-skew-ms-max", &limits.clock_skew_ms_max,
      "how far a source time may be ahead of the server")
      ->group(in_limits);
  Add(app, "layout-columns-max", &limits.layout_columns_max, "columns of a layout of frames")
      ->group(in_limits);
  Add(app, "layouts-max", &limits.layouts_max, "layouts")->group(in_limits);
  Add(app, "producers-max", &limits.producers_max, "producers whose last batch is remembered")
      ->group(in_limits);
  Add(app, "frame-rows-max", &limits.frame_rows_max, "frames of one layout in a message")
      ->group(in_limits);
  Add(app, "sample-rows-max", &limits.sample_rows_max, "rows of samples in a message")
      ->group(in_limits);
  Add(app, "message-bytes-max", &options->server.message_bytes_max, "a message from a client")
      ->group(in_limits);
  Add(app, "streams-per-connection-max", &options->server.streams_per_connection_max,
      "calls at once over one connection")
      ->group(in_limits);
  Add(app, "work-threads", &options->server.work_threads, "threads for long calls")
      ->group(in_limits)
      ->check(CLI::Range(1, 256));
  Add(app, "deadline-default-ms", &options->server.deadline_default_ms,
      "of calls whose client gives none")
      ->group(in_limits);
  Add(app, "deadline-ms-max", &options->server.deadline_ms_max, "longest deadline")
      ->group(in_limits);
  Add(app, "stream-idle-ms-max", &options->server.stream_idle_ms_max,
      "how long an import or export waits for its client")
      ->group(in_limits)
      ->check(CLI::Range(int64_t{1}, int64_t{24} * 3600 * 1000));
  Add(app, "import-models-bytes-max", &options->server.import_models_bytes_max,
      "models of one section of an import")
      ->group(in_limits);
  api::QueryLimits& queries = options->server.queries;
  Add(app, "query-threads", &queries.threads,
      "threads that all queries share; 0: one for each of the machine's")
      ->group(in_limits)
      ->check(CLI::Range(0, 1024));
  Add(app, "queries-running-max", &queries.running_max, "queries at once")
      ->group(in_limits)
      ->check(CLI::Range(1, 1024));
  Add(app, "queries-waiting-max", &queries.waiting_max, "queries that wait behind those")
      ->group(in_limits)
      ->check(CLI::NonNegativeNumber);
  Add(app, "query-rows-max", &queries.rows_max, "rows of one result")
      ->group(in_limits)
      ->check(CLI::PositiveNumber);
  Add(app, "query-memory-bytes-max", &queries.memory_bytes_max, "memory of one query")
      ->group(in_limits)
      ->check(CLI::PositiveNumber);
  Add(app, "query-kept-bytes-max", &queries.kept_bytes_max,
      "results that are kept for their next pages")
      ->group(in_limits)
      ->check(CLI::NonNegativeNumber);
  Add(app, "query-page-token-ms", &queries.page_token_ms, "how long a page token is good")
      ->group(in_limits)
      ->check(CLI::PositiveNumber);
  Add(app, "query-slow-ms", &queries.slow_ms, "a query that takes so long is remembered as slow")
      ->group(in_limits)
      ->check(CLI::NonNegativeNumber);
  Add(app, "watch-queries-max", &queries.watch_queries_max, "standing queries at once")
      ->group(in_limits)
      ->check(CLI::NonNegativeNumber);
  Add(app, "watch-query-rows-max", &queries.watch_rows_max,
      "rows of the result of one standing query")
      ->group(in_limits)
      ->check(CLI::PositiveNumber);
  Add(app, "watch-query-bytes-max", &queries.watch_bytes_max,
      "bytes of those rows, which the server keeps")
      ->group(in_limits)
      ->check(CLI::PositiveNumber);
  app->add_flag("--adt-limits", queries.adt_limits,
                "the dialect adt keeps the limits of Azure Digital Twins, too")
      ->envname("TWIND_ADT_LIMITS")
      ->group(in_limits);
  Add(app, "stop-grace-ms", &options->stop_grace_ms, "what runs may finish within, at SIGTERM")
      ->group(in_limits);

  Add(app, "log-level", &options->log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  Add(app, "log-format", &options->log_format, "logfmt or json")
      ->check(CLI::IsMember({"logfmt", "json"}));
}

}  // namespace twin::twind
