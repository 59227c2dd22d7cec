#include "server/events/change_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/ingest/change.h"
#include "server/ingest/telemetry_record.h"

namespace twin::events {
namespace {

constexpr uint64_t kEntryBytes = 160;  // of a record itself
// What a reader of the ring takes along at once: it shares the ring's lock with the writer. The
// bytes are soft.
constexpr size_t kReadAheadMax = 64;
constexpr uint64_t kReadAheadBytes = 64 << 10;

absl::StatusOr<RecordPtr> FromJournal(journal::Record record) {
  auto applied = std::make_shared<ingest::AppliedRecord>();
  applied->first = record.first;
  applied->count = record.count;
  applied->is_graph = ingest::KindOf(record.bytes) == static_cast<int>(ingest::RecordKind::kGraph);
  applied->time = ingest::TimeOf(record.bytes);
  if (applied->is_graph) {
    absl::string_view rest = record.bytes;
    ingest::RecordHeader header;
    TWIN_RETURN_IF_ERROR(ingest::DecodeHeader(&rest, &header));
    applied->units = header.units;
    applied->body = record.bytes.size() - rest.size();
  }
  applied->bytes = std::move(record.bytes);
  return RecordPtr(std::move(applied));
}

}  // namespace

ChangeLog::ChangeLog(journal::Journal* journal, Sequence applied, uint64_t ring_bytes)
    : journal_(*journal), ring_bytes_(ring_bytes), applied_(applied) {}

void ChangeLog::Take(std::vector<ingest::AppliedRecord> records) {
  if (records.empty()) return;
  std::vector<RecordPtr> taken;
  taken.reserve(records.size());
  for (ingest::AppliedRecord& record : records) {
    taken.push_back(std::make_shared<const ingest::AppliedRecord>(std::move(record)));
  }
  std::vector<RecordPtr> dropped;  // freed without the lock
  {
    const MutexLock lock(&mutex_);
    applied_ = taken.back()->last();
    for (RecordPtr& record : taken) {
      bytes_ += kEntryBytes + record->bytes.size();
      ring_.push_back(std::move(record));
    }
    while (bytes_ > ring_bytes_ && !ring_.empty()) {
      bytes_ -= kEntryBytes + ring_.front()->bytes.size();
      dropped.push_back(std::move(ring_.front()));
      ring_.pop_front();
    }
  }
  taken_.SignalAll();  // whom this wakes wants the lock
}

Sequence ChangeLog::applied() const {
  const MutexLock lock(&mutex_);
  return applied_;
}

uint64_t ChangeLog::ring_bytes() const {
  const MutexLock lock(&mutex_);
  return bytes_;
}

Sequence ChangeLog::oldest() const {
  const Sequence of_journal = journal_.status().oldest;
  return std::min(of_journal, oldest_recent());
}

Sequence ChangeLog::oldest_recent() const {
  const MutexLock lock(&mutex_);
  return ring_.empty() ? Sequence(applied_.value + 1) : ring_.front()->first;
}

void ChangeLog::WaitBeyond(Sequence sequence, std::chrono::nanoseconds time) {
  const MutexLock lock(&mutex_);
  if (applied_ <= sequence) taken_.WaitFor(&mutex_, time);
}

void ChangeLog::Wake() {
  const MutexLock lock(&mutex_);
  taken_.SignalAll();
}

bool ChangeLog::FindRecent(Sequence sequence, std::deque<RecordPtr>* found) const {
  const MutexLock lock(&mutex_);
  if (applied_ < sequence) return false;
  if (ring_.empty() || sequence < ring_.front()->first) return true;
  auto next =
      std::upper_bound(ring_.begin(), ring_.end(), sequence,
                       [](Sequence at, const RecordPtr& record) { return at < record->first; });
  --next;
  uint64_t bytes = 0;
  for (; next != ring_.end() && found->size() < kReadAheadMax && bytes < kReadAheadBytes; ++next) {
    bytes += (*next)->bytes.size();
    found->push_back(*next);
  }
  return true;
}

absl::StatusOr<RecordPtr> ChangeLog::Reader::Next() {
  if (ahead_.empty() && !log_.FindRecent(next_, &ahead_)) return RecordPtr();
  RecordPtr record;
  if (!ahead_.empty()) {
    record = std::move(ahead_.front());
    ahead_.pop_front();
    behind_.reset();
  } else {
    if (behind_ == nullptr) {
      absl::StatusOr<std::unique_ptr<journal::Reader>> reader = log_.journal_.ReadFrom(next_);
      if (!reader.ok()) {
        if (!absl::IsOutOfRange(reader.status())) return reader.status();
        return absl::OutOfRangeError(
            absl::StrCat("changes from sequence ", next_.value,
                         " on are asked for, but the oldest that is kept is ", log_.oldest().value,
                         " (event_retention); begin with the starting state"));
      }
      behind_ = *std::move(reader);
    }
    journal::Record read;
    TWIN_ASSIGN_OR_RETURN(const bool more, behind_->Next(&read));
    if (!more) return RecordPtr();
    TWIN_ASSIGN_OR_RETURN(record, FromJournal(std::move(read)));
  }
  next_ = Sequence(record->last().value + 1);
  return record;
}

absl::Status ChangeLog::CheckPlace(Sequence after) {
  if (applied() < after) {
    return absl::InvalidArgumentError(
        absl::StrCat("the resume token stands for sequence ", after.value,
                     ", which this server has not reached: it is another server's, or the server "
                     "was restored from a backup; begin anew without it"));
  }
  return Reader(this, Sequence(after.value + 1)).Next().status();
}

absl::StatusOr<Sequence> ChangeLog::FindTime(Time time) {
  // Server times never go back, so the place can be halved.
  uint64_t low = oldest().value;
  uint64_t high = applied().value + 1;
  const uint64_t first = low;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    Reader reader(this, Sequence(middle));
    TWIN_ASSIGN_OR_RETURN(const RecordPtr record, reader.Next());
    if (record == nullptr || record->time >= time) {
      high = record == nullptr ? middle : std::min(middle, record->first.value);
    } else {
      low = record->last().value + 1;
    }
  }
  if (low <= first && first > 1) {
    return absl::OutOfRangeError(absl::StrCat(
        "changes at ", FormatTime(time), " are asked for, but the oldest that is kept is sequence ",
        first, " (event_retention); begin with the starting state"));
  }
  return Sequence(low);
}

}  // namespace twin::events
