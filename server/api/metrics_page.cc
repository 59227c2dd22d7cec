#include "server/api/metrics_page.h"

#include <limits>
#include <utility>

#include "server/api/rpc_metrics.h"

namespace twin::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using twingraph::v1::StatusResponse;

class Page {
 public:
  MetricFamilies Take() { return std::move(families_); }

  MetricFamily& Family(const char* name, const char* help, MetricType type) {
    return families_.emplace_back(MetricFamily{name, help, type, {}});
  }
  void Gauge(const char* name, const char* help, double value) {
    Family(name, help, MetricType::Gauge).metric.emplace_back().gauge.value = value;
  }
  void Counter(const char* name, const char* help, double value) {
    Family(name, help, MetricType::Counter).metric.emplace_back().counter.value = value;
  }
  // One gauge of several parts.
  void Parts(const char* name, const char* help, const char* label,
             const std::vector<std::pair<const char*, uint64_t>>& parts) {
    MetricFamily& family = Family(name, help, MetricType::Gauge);
    for (const auto& [part, value] : parts) {
      ClientMetric metric = LabelledMetric(label, part);
      metric.gauge.value = static_cast<double>(value);
      family.metric.push_back(std::move(metric));
    }
  }

 private:
  MetricFamilies families_;
};

double Number(uint64_t value) { return static_cast<double>(value); }
double Seconds(int64_t nanos) { return static_cast<double>(nanos) / 1e9; }

ClientMetric::Histogram HistogramOf(const twingraph::v1::Latency& latency) {
  ClientMetric::Histogram histogram;
  uint64_t count = 0;
  for (size_t i = 0; i < LatencyHistogram::kClasses; ++i) {
    const int at = static_cast<int>(i);
    if (at < latency.counts_size()) count += latency.counts(at);
    // The last one's bound is +Inf, which the page has by itself.
    if (i + 1 < LatencyHistogram::kClasses) {
      histogram.bucket.push_back({count, LatencyHistogram::BoundSeconds(i)});
    }
  }
  histogram.bucket.push_back({count, std::numeric_limits<double>::infinity()});
  histogram.sample_count = count;
  histogram.sample_sum = static_cast<double>(latency.nanos()) / 1e9;
  return histogram;
}

void AddProcess(const StatusResponse& status, Page* page) {
  ClientMetric info = LabelledMetric("version", status.version());
  info.gauge.value = 1;
  page->Family("twind_info", "The server's version.", MetricType::Gauge).metric.push_back(info);
  page->Gauge("twind_start_time_seconds", "When the server started.",
              Seconds(status.start_time_unix_nano()));
  page->Counter("twind_cpu_seconds_total", "Processor time of the process.", status.cpu_seconds());
  page->Gauge("twind_resident_memory_bytes", "Memory of the process.",
              Number(status.memory().resident_bytes()));
  const StatusResponse::Memory& memory = status.memory();
  page->Parts("twind_memory_bytes", "Memory of what the server keeps.", "part",
              {{"columns", memory.columns_bytes()},
               {"ids", memory.ids_bytes()},
               {"strings", memory.strings_bytes()},
               {"relationships", memory.relationships_bytes()},
               {"index", memory.index_bytes()},
               {"snapshots", memory.retained_bytes()},
               {"history", status.history().memory_bytes()}});
  page->Parts("twind_disk_bytes", "The data directory, and its file system.", "kind",
              {{"data", status.disk().data_bytes()},
               {"free", status.disk().free_bytes()},
               {"total", status.disk().total_bytes()}});
}

void AddGraph(const StatusResponse& status, Page* page) {
  page->Gauge("twind_models", "Models.", Number(status.models()));
  page->Gauge("twind_twins", "Twins.", Number(status.twins()));
  page->Gauge("twind_relationships", "Relationships.", Number(status.relationships()));
  page->Counter("twind_changes_total", "Sequence of the last change, since the data began.",
                Number(status.position().sequence()));
  page->Gauge("twind_writes_accepted", "1, or 0 while writes are refused.",
              status.writing().empty() ? 1 : 0);
}

void AddStorage(const StatusResponse& status, Page* page) {
  page->Gauge("twind_journal_bytes", "Size of the journal.", Number(status.journal().bytes()));
  page->Counter("twind_journal_syncs_total", "Syncs of the journal.",
                Number(status.journal().syncs()));
  page->Gauge("twind_checkpoint_time_seconds", "When the last checkpoint was written; 0: never.",
              Seconds(status.checkpoint().time_unix_nano()));
  page->Gauge("twind_checkpoint_running", "1 while a checkpoint is written.",
              status.checkpoint().running() ? 1 : 0);
  page->Gauge("twind_history_series", "Series of samples.", Number(status.history().series()));
  page->Gauge("twind_history_files", "Files of samples.", Number(status.history().files()));
  page->Gauge("twind_history_file_bytes", "Their size.", Number(status.history().file_bytes()));
  page->Gauge("twind_history_rollup_bytes", "Size of roll-ups.",
              Number(status.history().rollup_bytes()));
  page->Gauge("twind_history_days_to_merge", "Days that wait to be merged.",
              Number(status.history().days_to_merge()));
  page->Gauge("twind_history_days_to_pack", "Days that wait to be re-packed.",
              Number(status.history().days_to_pack()));
}

void AddIngest(const StatusResponse& status, Page* page) {
  const StatusResponse::Ingest& ingest = status.ingest();
  page->Gauge("twind_ingest_streams", "Open streams of telemetry.", Number(ingest.streams()));
  page->Counter("twind_ingest_batches_total", "Batches of telemetry.", Number(ingest.batches()));
  page->Counter("twind_ingest_rows_total", "Frames and rows of samples that were accepted.",
                Number(ingest.rows()));
  page->Counter("twind_ingest_values_total", "Values that went into the history.",
                Number(status.history().samples()));
  page->Counter("twind_ingest_rejects_total", "What was wrong in a batch.",
                Number(ingest.rejects()));
  page->Counter("twind_ingest_bytes_total", "Size of the batches.", Number(ingest.bytes()));
  page->Family("twind_ingest_batch_seconds", "From a batch's last byte until it is durable.",
               MetricType::Histogram)
      .metric.emplace_back()
      .histogram = HistogramOf(ingest.latency());
}

void AddCalls(const StatusResponse& status, Page* page) {
  const StatusResponse::Queries& queries = status.queries();
  page->Gauge("twind_queries_running", "Queries that run.", Number(queries.running()));
  page->Gauge("twind_queries_waiting", "Queries that wait for a thread.",
              Number(queries.waiting()));
  page->Counter("twind_queries_finished_total", "Queries that ended.", Number(queries.finished()));
  page->Counter("twind_queries_failed_total", "Those of them that failed.",
                Number(queries.failed()));
  MetricFamily latencies{"twind_rpc_seconds",
                         "Calls, from their arrival to their answer's end.",
                         MetricType::Histogram,
                         {}};
  MetricFamily failures{
      "twind_rpc_failed_total", "Calls that did not end with OK.", MetricType::Counter, {}};
  for (const StatusResponse::Rpc& rpc : status.rpcs()) {
    latencies.metric.push_back(LabelledMetric("method", rpc.method()));
    latencies.metric.back().histogram = HistogramOf(rpc.latency());
    failures.metric.push_back(LabelledMetric("method", rpc.method()));
    failures.metric.back().counter.value = Number(rpc.failed());
  }
  page->Family("", "", MetricType::Gauge) = std::move(latencies);
  page->Family("", "", MetricType::Gauge) = std::move(failures);
  const StatusResponse::Events& events = status.events();
  page->Gauge("twind_events_subscribers", "Subscriptions.", Number(events.subscribers()));
  page->Gauge("twind_events_behind", "Those of them that read older changes for themselves.",
              Number(events.behind()));
  page->Counter("twind_events_delivered_total", "Events that were sent.",
                Number(events.delivered()));
  page->Counter("twind_events_fell_behind_total", "How often a subscription fell behind.",
                Number(events.fell_behind()));
}

void AddPredictors(const StatusResponse::Predictors& predictors, Page* page) {
  page->Gauge("twind_predictors_registered", "Predictors.", Number(predictors.registered()));
  page->Gauge("twind_predictors_running", "Those of them that have a run at work.",
              Number(predictors.running()));
  page->Counter("twind_predictor_runs_total", "Runs of predictors that ended.",
                Number(predictors.runs()));
  page->Counter("twind_predictor_runs_failed_total", "Those of them that failed, wholly or partly.",
                Number(predictors.runs_failed()));
  page->Counter("twind_predictor_failures_total",
                "Batches that got no answer of a predictor, or one that cannot be.",
                Number(predictors.failures()));
  page->Counter("battery_predictions_total",
                "Estimates with a value that predictors made, one a twin and output.",
                Number(predictors.predictions()));
}

}  // namespace

prometheus::ClientMetric LabelledMetric(const std::string& label, const std::string& value) {
  prometheus::ClientMetric metric;
  metric.label.push_back({label, value});
  return metric;
}

MetricFamilies MetricsOf(const StatusResponse& status) {
  Page page;
  AddProcess(status, &page);
  AddGraph(status, &page);
  AddStorage(status, &page);
  AddIngest(status, &page);
  AddCalls(status, &page);
  AddPredictors(status.predictors(), &page);
  return page.Take();
}

}  // namespace twin::api
