#include "server/ingest/expiry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/timeseries/retention.h"

namespace twin::ingest {
namespace {

constexpr int64_t kNsOfDay = int64_t{86'400} * kNsPerSecond;

std::string DateOf(int64_t ns) {
  return absl::FormatTime("%Y-%m-%d", absl::FromUnixNanos(ns), absl::UTCTimeZone());
}

}  // namespace

void ExpiryCheck::Add(int64_t time, int64_t kept_ns, Time now, Expired* expired) const {
  if (kept_ns == 0 || time >= now.ns - kept_ns) return;
  const int64_t day = timeseries::OldestDayKept(kept_ns, now.ns);
  if (time >= day * kNsOfDay) return;
  expired->rows += 1;
  expired->kept_ns = expired->kept_ns == 0 ? kept_ns : std::min(expired->kept_ns, kept_ns);
}

int64_t ExpiryCheck::KeptFor(TableId table) {
  const graph::Catalog* const catalog = &pending_.catalog();
  if (catalog_ != catalog) {
    catalog_ = catalog;
    of_tables_.clear();
  }
  const auto [found, added] = of_tables_.try_emplace(table.value, 0);
  if (added) found->second = options_.kept_ns(catalog->table(table));
  return found->second;
}

int64_t ExpiryCheck::KeptFor(const FrameRun& run) {
  const std::shared_ptr<const LayoutVersion> version = state_.FindVersion(run.layout, run.version);
  const auto [found, added] = of_versions_.try_emplace(version.get(), 0);
  if (!added) return found->second;
  int64_t longest = -1;
  TableId last{UINT32_MAX};
  for (const ColumnTarget target : version->columns.all_targets()) {
    if (!pending_.Exists(target.twin)) continue;
    const TableId table = pending_.TableOf(target.twin);
    if (table == last) continue;
    last = table;
    const int64_t kept = KeptFor(table);
    longest = longest < 0 ? kept : kept == 0 || longest == 0 ? 0 : std::max(longest, kept);
  }
  found->second = std::max<int64_t>(longest, 0);
  return found->second;
}

void ExpiryCheck::Note(const FramesRecord& frames, const SamplesRecord& samples, Time now,
                       TelemetryResult* result) {
  if (options_.kept_ns == nullptr) return;
  Expired expired;
  for (const FrameRun& run : frames.runs) {
    const int64_t kept = KeptFor(run);
    for (const int64_t time : run.times) Add(time, kept, now, &expired);
  }
  for (const SampleRun& run : samples.runs) {
    TableId last{UINT32_MAX};
    int64_t kept = 0;
    for (size_t row = 0; row < run.twins.size(); ++row) {
      const TableId table = pending_.TableOf(run.twins[row]);
      if (!(table == last)) kept = KeptFor(table);
      last = table;
      Add(run.times[row], kept, now, &expired);
    }
  }
  result->expired_rows = expired.rows;
  if (expired.rows == 0) return;
  const int64_t first_day = timeseries::OldestDayKept(expired.kept_ns, now.ns);
  result->notice = absl::StrCat(
      "some rows are of days before ", DateOf(first_day * kNsOfDay), ", and samples are kept for ",
      expired.kept_ns / kNsOfDay, " days: what is older goes again, not before ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(now.ns + options_.grace_ns),
                       absl::UTCTimeZone()),
      "; to keep it, start the server with a longer history-retention-seconds (0: for ever), or "
      "send it with times of now, as `twinsim replay --live` does");
}

}  // namespace twin::ingest
