#include "server/engine/history_upkeep.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/thread_name.h"
#include "server/base/time.h"

namespace twin::engine {
namespace {

using PackWhich = timeseries::Store::PackWhich;

// After so many rewritten days a checkpoint names them, and the files that they stand for go.
constexpr uint64_t kDaysOfCheckpoint = 8;

// How long to wait for the next round. What failed for want of space is tried again soon, what is
// damaged is not; and what comes late shall be some before its day is rewritten once more.
int64_t SecondsToRest(const absl::StatusOr<uint64_t>& days, bool expired) {
  if (absl::IsDataLoss(days.status())) return 3600;
  return !days.ok() || expired || *days > 0 ? 60 : 1;
}

}  // namespace

HistoryUpkeep::HistoryUpkeep(Parts parts) : parts_(std::move(parts)) {
  thread_ = std::thread([this] { Run(); });
}

void HistoryUpkeep::Stop() {
  {
    const MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

HistoryUpkeep::Status HistoryUpkeep::status() const {
  const MutexLock lock(&mutex_);
  return status_;
}

absl::StatusOr<uint64_t> HistoryUpkeep::PackEnded() {
  TWIN_ASSIGN_OR_RETURN(const uint64_t days, PackDays(PackWhich::kEnded, /*cpu_percent=*/100));
  const MutexLock one(&rewrite_mutex_);
  TWIN_RETURN_IF_ERROR(NameRewritten(/*paced=*/false));
  return days;
}

void HistoryUpkeep::Run() {
  NameThread("history");
  while (true) {
    parts_.arrivals->Note(parts_.applied());
    SealClosed();
    absl::StatusOr<uint64_t> days = MergeDays(parts_.cpu_percent);
    if (days.ok()) {
      const absl::StatusOr<uint64_t> packed = PackDays(PackWhich::kOldEnough, parts_.cpu_percent);
      days = packed.ok() ? *days + *packed : packed;
    }
    const bool expired =
        parts_.history->HasExpired(parts_.clock->Now().ns, parts_.arrivals->BeforeGrace());
    {
      const MutexLock one(&rewrite_mutex_);
      (void)NameRewritten(/*paced=*/true);  // or the next round does
    }
    if (expired) (void)parts_.checkpoint(/*paced=*/true);
    if (!Rest(SecondsToRest(days, expired) * kNsPerSecond)) return;
  }
}

void HistoryUpkeep::SealClosed() {
  int64_t begun = SystemClock().Now().ns;
  while (parts_.history->SealNextClosed()) {
    if (!RestFrom(&begun, parts_.cpu_percent)) return;
  }
}

absl::StatusOr<uint64_t> HistoryUpkeep::MergeDays(int64_t cpu_percent) {
  return RewriteDays([this] { return parts_.history->DaysToMerge(parts_.clock->Now().ns); },
                     Rewrite::kMerge, cpu_percent);
}

absl::StatusOr<uint64_t> HistoryUpkeep::PackDays(PackWhich which, int64_t cpu_percent) {
  return RewriteDays(
      [this, which] { return parts_.history->DaysToPack(parts_.clock->Now().ns, which); },
      Rewrite::kPack, cpu_percent);
}

// A checkpoint that names what was rewritten, if anything was.
absl::Status HistoryUpkeep::NameRewritten(bool paced) {
  if (!has_rewritten_) return absl::OkStatus();
  TWIN_RETURN_IF_ERROR(parts_.checkpoint(paced));
  has_rewritten_ = false;
  return absl::OkStatus();
}

bool HistoryUpkeep::Rest(int64_t ns) {
  const int64_t until = SystemClock().Now().ns + ns;
  const MutexLock lock(&mutex_);
  while (!stopping_) {
    const int64_t left = until - SystemClock().Now().ns;
    if (left <= 0) break;
    // In parts, for the clock may be set meanwhile.
    wake_.WaitFor(&mutex_, std::chrono::nanoseconds(std::min(left, kNsPerSecond)));
  }
  return !stopping_;
}

bool HistoryUpkeep::RestFrom(int64_t* begun, int64_t cpu_percent) {
  const int64_t worked = SystemClock().Now().ns - *begun;
  const bool goes_on = Rest(worked * (100 - cpu_percent) / cpu_percent);
  *begun = SystemClock().Now().ns;
  return goes_on;
}

// Of those that cannot be rewritten the first one's error. Between two groups it rests.
absl::StatusOr<uint64_t> HistoryUpkeep::RewriteDays(absl::FunctionRef<std::vector<int64_t>()> find,
                                                    Rewrite rewrite, int64_t cpu_percent) {
  const MutexLock one(&rewrite_mutex_);
  // A day that waits for a checkpoint is not found.
  TWIN_RETURN_IF_ERROR(NameRewritten(/*paced=*/true));
  const bool packs = rewrite == Rewrite::kPack;
  int64_t begun = SystemClock().Now().ns;
  const auto pace = [&](uint64_t /*bytes*/) { return RestFrom(&begun, cpu_percent); };
  uint64_t days = 0;
  absl::Status failed;
  for (const int64_t day : find()) {
    absl::Status rewritten =
        packs ? parts_.history->PackDay(day, pace) : parts_.history->MergeDay(day, pace);
    if (absl::IsCancelled(rewritten)) return rewritten;
    if (!rewritten.ok()) {
      failed.Update(rewritten);
      continue;
    }
    days += 1;
    has_rewritten_ = true;
    {
      const MutexLock lock(&mutex_);
      (packs ? status_.days_packed : status_.days_merged) += 1;
    }
    if (days % kDaysOfCheckpoint == 0) TWIN_RETURN_IF_ERROR(NameRewritten(/*paced=*/true));
  }
  const MutexLock lock(&mutex_);
  if (packs || !failed.ok()) status_.packing = failed;
  if (!failed.ok()) return failed;
  return days;
}

}  // namespace twin::engine
