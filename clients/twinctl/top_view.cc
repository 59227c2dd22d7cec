#include "clients/twinctl/top_view.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

using twingraph::v1::Latency;
using twingraph::v1::StatusResponse;

constexpr double kFirstClassMs = 8192 / 1e6;  // admin_service.proto: Latency
constexpr int kBarColumns = 24;

uint64_t CountAt(const Latency& latency, int index) {
  return index < latency.counts_size() ? latency.counts(index) : 0;
}

// "12,345", or "1.2" where there are few.
std::string RateText(double per_second) {
  if (per_second > 0 && per_second < 10) return absl::StrFormat("%.1f", per_second);
  return WithCommas(static_cast<uint64_t>(std::llround(per_second)));
}

std::string LatencyText(double ms) {
  if (ms < 0) return "-";
  if (ms < 1) return absl::StrFormat("%.0f us", ms * 1000);
  return ms < 10 ? absl::StrFormat("%.1f ms", ms) : absl::StrFormat("%.0f ms", ms);
}

std::string TimeSpanText(int64_t nanos) {
  return absl::FormatDuration(absl::Trunc(absl::Nanoseconds(nanos), absl::Seconds(1)));
}

// "[||||||      ]"; red when little is left.
std::string Bar(double share, const Style& style) {
  const int full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kBarColumns));
  const Tone tone = share > 0.9 ? Tone::kError : share > 0.75 ? Tone::kWarning : Tone::kGood;
  return absl::StrCat("[", style.Paint(tone, std::string(static_cast<size_t>(full), '|')),
                      std::string(static_cast<size_t>(kBarColumns - full), ' '), "]");
}

Json MillisecondsJson(double ms) { return ms < 0 ? Json() : Json(ms); }

}  // namespace

double LatencyPercentileMs(const Latency& before, const Latency& now, double share) {
  uint64_t all = 0;
  // A server that was restarted counts from 0 again.
  for (int i = 0; i < before.counts_size(); ++i) {
    if (before.counts(i) > CountAt(now, i)) return LatencyPercentileMs(Latency(), now, share);
  }
  for (int i = 0; i < now.counts_size(); ++i) all += now.counts(i) - CountAt(before, i);
  if (all == 0) return -1;
  const double wanted = share * static_cast<double>(all);
  double passed = 0;
  double upper = kFirstClassMs;
  for (int i = 0; i < now.counts_size(); ++i, upper *= 2) {
    const auto count = static_cast<double>(now.counts(i) - CountAt(before, i));
    if (count > 0 && passed + count >= wanted) {
      const double lower = i == 0 ? 0 : upper / 2;
      return lower + (upper - lower) * (wanted - passed) / count;
    }
    passed += count;
  }
  return upper / 2;
}

TopView::TopView(const StatusResponse& before, const StatusResponse& now) : now_(now) {
  const int64_t since =
      before.time_unix_nano() != 0 ? before.time_unix_nano() : now.start_time_unix_nano();
  seconds_ = std::max(static_cast<double>(now.time_unix_nano() - since) / 1e9, 1e-3);
  // Of a server without these counters, or before it: sequences tell what there is.
  const bool is_first = before.time_unix_nano() == 0;
  frames_ = PerSecond(before.ingest().rows(), now.ingest().rows());
  values_ = PerSecond(before.history().samples(), now.history().samples());
  batches_ = PerSecond(before.ingest().batches(), now.ingest().batches());
  rejects_ = PerSecond(before.ingest().rejects(), now.ingest().rejects());
  bytes_ = PerSecond(before.ingest().bytes(), now.ingest().bytes());
  changes_ = is_first ? 0 : PerSecond(before.position().sequence(), now.position().sequence());
  syncs_ = PerSecond(before.journal().syncs(), now.journal().syncs());
  delivered_ = PerSecond(before.events().delivered(), now.events().delivered());
  queries_ = PerSecond(before.queries().finished(), now.queries().finished());
  queries_failed_ = PerSecond(before.queries().failed(), now.queries().failed());
  predictions_ = PerSecond(before.predictors().predictions(), now.predictors().predictions());
  prediction_failures_ = PerSecond(before.predictors().failures(), now.predictors().failures());
  cpu_percent_ = 100 * (now.cpu_seconds() - before.cpu_seconds()) / seconds_;
  batch_p50_ms_ = LatencyPercentileMs(before.ingest().latency(), now.ingest().latency(), 0.5);
  batch_p99_ms_ = LatencyPercentileMs(before.ingest().latency(), now.ingest().latency(), 0.99);
  AddMethods(before);
}

double TopView::PerSecond(uint64_t before, uint64_t now) const {
  return now > before ? static_cast<double>(now - before) / seconds_ : 0;
}

void TopView::AddMethods(const StatusResponse& before) {
  std::map<std::string, const StatusResponse::Rpc*> earlier;
  for (const StatusResponse::Rpc& rpc : before.rpcs()) earlier[rpc.method()] = &rpc;
  const StatusResponse::Rpc none;
  for (const StatusResponse::Rpc& rpc : now_.rpcs()) {
    const auto it = earlier.find(rpc.method());
    const StatusResponse::Rpc& then = it == earlier.end() ? none : *it->second;
    methods_.push_back({.name = std::string(absl::StripPrefix(rpc.method(), "twingraph.v1.")),
                        .per_second = PerSecond(then.finished(), rpc.finished()),
                        .failed_per_second = PerSecond(then.failed(), rpc.failed()),
                        .p50_ms = LatencyPercentileMs(then.latency(), rpc.latency(), 0.5),
                        .p99_ms = LatencyPercentileMs(then.latency(), rpc.latency(), 0.99)});
  }
  std::stable_sort(methods_.begin(), methods_.end(),
                   [](const Method& a, const Method& b) { return a.per_second > b.per_second; });
}

std::vector<std::string> TopView::Lines(const std::string& address, int columns, int rows,
                                        const Style& style) const {
  const StatusResponse::Ingest& ingest = now_.ingest();
  const StatusResponse::Memory& memory = now_.memory();
  const StatusResponse::Disk& disk = now_.disk();
  const auto title = [&](absl::string_view text) {
    return style.Paint(Tone::kStrong, absl::StrFormat("%-9s", text));
  };
  std::vector<std::string> lines;
  lines.push_back(absl::StrCat(
      style.Paint(Tone::kStrong, absl::StrCat("twind ", now_.version(), " at ", address)), ", up ",
      TimeSpanText(now_.time_unix_nano() - now_.start_time_unix_nano()), ", ",
      now_.writing().empty()
          ? style.Paint(Tone::kGood, "writes accepted")
          : style.Paint(Tone::kError, absl::StrCat("writes refused: ", now_.writing()))));
  lines.push_back(absl::StrCat(title("graph"), WithCommas(now_.twins()), " twins, ",
                               WithCommas(now_.relationships()), " relationships, ",
                               RateText(changes_), " changes/s, sequence ",
                               WithCommas(now_.position().sequence())));
  lines.push_back(absl::StrCat(title("ingest"), RateText(values_), " values/s, ", RateText(frames_),
                               " frames/s, ", BytesText(static_cast<uint64_t>(bytes_)), "/s, ",
                               CountOf(ingest.streams(), "stream"), ", ", RateText(rejects_),
                               " rejects/s"));
  lines.push_back(absl::StrCat(title(""), RateText(batches_), " batches/s, durable after ",
                               LatencyText(batch_p50_ms_), " (p50), ", LatencyText(batch_p99_ms_),
                               " (p99), ", RateText(syncs_), " syncs/s"));
  lines.push_back(absl::StrCat(title("events"), CountOf(now_.events().subscribers(), "subscriber"),
                               ", ", now_.events().behind(), " behind, ", RateText(delivered_),
                               " delivered/s"));
  lines.push_back(absl::StrCat(title("queries"), now_.queries().running(), " running, ",
                               now_.queries().waiting(), " waiting, ", RateText(queries_), "/s, ",
                               RateText(queries_failed_), " failed/s"));
  if (now_.predictors().registered() > 0) {
    lines.push_back(
        absl::StrCat(title("predict"), CountOf(now_.predictors().registered(), "predictor"), ", ",
                     now_.predictors().running(), " running, ", RateText(predictions_),
                     " estimates/s, ", RateText(prediction_failures_), " failed calls/s"));
  }
  lines.push_back(absl::StrCat(title("memory"), BytesText(memory.resident_bytes()), ": columns ",
                               BytesText(memory.columns_bytes()), ", relationships ",
                               BytesText(memory.relationships_bytes()), ", history ",
                               BytesText(now_.history().memory_bytes()), ", snapshots ",
                               BytesText(memory.retained_bytes())));
  if (disk.total_bytes() > 0) {
    const double used =
        1 - static_cast<double>(disk.free_bytes()) / static_cast<double>(disk.total_bytes());
    lines.push_back(absl::StrCat(title("disk"), Bar(used, style), " ", BytesText(disk.data_bytes()),
                                 " of data, ", BytesText(disk.free_bytes()), " of ",
                                 BytesText(disk.total_bytes()), " free"));
  }
  lines.push_back(absl::StrCat(
      title("process"), absl::StrFormat("%.0f %% of a processor", cpu_percent_), ", checkpoint ",
      now_.checkpoint().running() ? "being written"
      : now_.checkpoint().time_unix_nano() == 0
          ? "none yet"
          : absl::StrCat(TimeSpanText(now_.time_unix_nano() - now_.checkpoint().time_unix_nano()),
                         " ago")));
  AppendSubscriptions(style, &lines);
  AppendMethods(style, &lines);
  if (rows > 0 && lines.size() > static_cast<size_t>(rows)) lines.resize(static_cast<size_t>(rows));
  // Colours take no columns; lines that have none are cut where the terminal ends.
  for (std::string& line : lines) {
    if (!style.color() && columns > 0 && line.size() > static_cast<size_t>(columns)) {
      line.resize(static_cast<size_t>(columns));
    }
  }
  return lines;
}

void TopView::AppendSubscriptions(const Style& style, std::vector<std::string>* lines) const {
  if (now_.events().lags().empty()) return;
  lines->push_back("");
  lines->push_back(
      style.Paint(Tone::kFaint, absl::StrFormat("%-32s %10s %12s %10s %10s", "SUBSCRIPTION", "LAG",
                                                "AGE", "CONSUMERS", "WAITING")));
  for (const twingraph::v1::SubscriptionLag& lag : now_.events().lags()) {
    lines->push_back(absl::StrFormat("%-32s %10s %12s %10d %10d", Printable(lag.name()),
                                     WithCommas(lag.lag_sequences()),
                                     lag.expired() ? "expired" : TimeSpanText(lag.lag_nanos()),
                                     lag.consumers(), lag.waiting_events()));
  }
}

void TopView::AppendMethods(const Style& style, std::vector<std::string>* lines) const {
  if (methods_.empty()) return;
  lines->push_back("");
  lines->push_back(style.Paint(Tone::kFaint, absl::StrFormat("%-44s %10s %10s %10s %10s", "CALL",
                                                             "/S", "FAILED/S", "P50", "P99")));
  for (const Method& method : methods_) {
    lines->push_back(absl::StrFormat("%-44s %10s %10s %10s %10s", Printable(method.name),
                                     RateText(method.per_second),
                                     RateText(method.failed_per_second), LatencyText(method.p50_ms),
                                     LatencyText(method.p99_ms)));
  }
}

Json TopView::ToJson() const {
  Json calls = Json::array();
  for (const Method& method : methods_) {
    calls.push_back({{"method", method.name},
                     {"perSecond", method.per_second},
                     {"failedPerSecond", method.failed_per_second},
                     {"p50Ms", MillisecondsJson(method.p50_ms)},
                     {"p99Ms", MillisecondsJson(method.p99_ms)}});
  }
  return {{"time", TimeText(now_.time_unix_nano())},
          {"seconds", seconds_},
          {"twins", now_.twins()},
          {"sequence", now_.position().sequence()},
          {"changesPerSecond", changes_},
          {"valuesPerSecond", values_},
          {"framesPerSecond", frames_},
          {"batchesPerSecond", batches_},
          {"rejectsPerSecond", rejects_},
          {"batchP50Ms", MillisecondsJson(batch_p50_ms_)},
          {"batchP99Ms", MillisecondsJson(batch_p99_ms_)},
          {"syncsPerSecond", syncs_},
          {"eventsPerSecond", delivered_},
          {"subscribers", now_.events().subscribers()},
          {"queriesPerSecond", queries_},
          {"queriesRunning", now_.queries().running()},
          {"predictorsRunning", now_.predictors().running()},
          {"predictionsPerSecond", predictions_},
          {"residentBytes", now_.memory().resident_bytes()},
          {"dataBytes", now_.disk().data_bytes()},
          {"freeBytes", now_.disk().free_bytes()},
          {"cpuPercent", cpu_percent_},
          {"calls", calls}};
}

}  // namespace twin::twinctl
