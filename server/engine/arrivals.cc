#include "server/engine/arrivals.h"

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::engine {
namespace {

constexpr int64_t kNsOfDay = int64_t{86'400} * kNsPerSecond;
constexpr int64_t kNotesOfGrace = 24;
constexpr char kCollection[] = "history";
constexpr char kName[] = "arrivals";

}  // namespace

absl::Status Arrivals::Load() {
  const absl::StatusOr<std::string> bytes = documents_.Get(kCollection, kName);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  TWIN_RETURN_IF_ERROR(bytes.status());
  ByteReader reader(*bytes);
  const MutexLock lock(&mutex_);
  while (reader.ok() && !reader.done()) {
    Arrival arrival;
    arrival.time = reader.Fixed<int64_t>();
    arrival.sequence = reader.Fixed<uint64_t>();
    if (reader.ok()) arrivals_.push_back(arrival);
  }
  return absl::OkStatus();
}

// The clock was set forward since, or the server was off for so long: what the notes say of when
// things came is not known to be true. Less does little harm, for days go whole.
bool Arrivals::IsDoubtful(const Arrival& last, int64_t now) const {
  return now - last.time > std::max(grace_ns_, kNsOfDay);
}

void Arrivals::Note(Sequence applied) {
  if (grace_ns_ <= 0) return;
  const int64_t now = clock_.Now().ns;
  std::string bytes;
  {
    const MutexLock lock(&mutex_);
    // A clock that was wrong was set back.
    while (!arrivals_.empty() && arrivals_.back().time > now) arrivals_.pop_back();
    if (!arrivals_.empty() && IsDoubtful(arrivals_.back(), now)) arrivals_.clear();
    if (!arrivals_.empty() && now - arrivals_.back().time < grace_ns_ / kNotesOfGrace) return;
    arrivals_.push_back({now, applied.value});
    while (arrivals_.size() > 1 && arrivals_[1].time <= now - grace_ns_) arrivals_.pop_front();
    for (const Arrival& arrival : arrivals_) {
      AppendFixed(&bytes, arrival.time);
      AppendFixed(&bytes, arrival.sequence);
    }
  }
  // Not written, it is forgotten with a restart: then things stay longer.
  (void)documents_.Put(kCollection, kName, bytes);
}

Sequence Arrivals::BeforeGrace() const {
  if (grace_ns_ <= 0) return Sequence(UINT64_MAX);
  const int64_t now = clock_.Now().ns;
  Sequence arrived(0);
  const MutexLock lock(&mutex_);
  if (!arrivals_.empty() && IsDoubtful(arrivals_.back(), now)) return arrived;
  for (const Arrival& arrival : arrivals_) {
    if (arrival.time <= now - grace_ns_) arrived = Sequence(arrival.sequence);
  }
  return arrived;
}

}  // namespace twin::engine
