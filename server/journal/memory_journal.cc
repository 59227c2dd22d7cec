#include "server/journal/memory_journal.h"

#include "absl/strings/str_cat.h"

namespace twin::journal {

class MemoryJournal::MemoryReader final : public Reader {
 public:
  MemoryReader(const MemoryJournal* journal, Sequence from) : journal_(journal), from_(from) {}

  absl::StatusOr<bool> Next(Record* record) override {
    MutexLock lock(&journal_->mutex_);
    const auto& records = journal_->records_;
    if (!records.empty() && from_ < records.front().first) {
      return absl::OutOfRangeError(absl::StrCat("sequence ", from_.value,
                                                " is no longer in the journal; the oldest is ",
                                                records.front().first.value));
    }
    for (const Record& one : records) {
      if (one.last() < from_) continue;
      *record = one;
      from_ = Sequence(one.last().value + 1);
      return true;
    }
    return false;
  }

 private:
  const MemoryJournal* const journal_;
  Sequence from_;
};

absl::StatusOr<Epoch> MemoryJournal::Claim() {
  MutexLock lock(&mutex_);
  return ++epoch_;
}

void MemoryJournal::Append(Epoch epoch, Record record, Done done) {
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    if (epoch != epoch_) {
      status = absl::AbortedError("another writer has claimed the journal");
    } else if (!writing_.ok()) {
      status = writing_;
    } else if (record.first != next_to_append_ || record.count == 0) {
      status = !refused_.ok() ? refused_
                              : absl::InvalidArgumentError(absl::StrCat(
                                    "sequence ", record.first.value, " does not follow; expected ",
                                    next_to_append_.value));
    } else {
      refused_ = absl::OkStatus();
      next_to_append_ = Sequence(record.last().value + 1);
      if (hold_) {
        waiting_.emplace_back(std::move(record), std::move(done));
        return;
      }
      next_to_sync_ = next_to_append_;
      records_.push_back(std::move(record));
    }
  }
  done(status);
}

void MemoryJournal::Release(const absl::Status& status) {
  std::vector<std::pair<Record, Done>> released;
  {
    MutexLock lock(&mutex_);
    released.swap(waiting_);
    if (absl::IsResourceExhausted(status)) {
      refused_ = status;
      next_to_append_ = next_to_sync_;
    } else if (!status.ok()) {
      writing_ = status;
    } else {
      for (auto& one : released) records_.push_back(std::move(one.first));
      next_to_sync_ = next_to_append_;
    }
  }
  for (auto& one : released) one.second(status);
}

size_t MemoryJournal::waiting() const {
  MutexLock lock(&mutex_);
  return waiting_.size();
}

absl::StatusOr<std::unique_ptr<Reader>> MemoryJournal::ReadFrom(Sequence sequence) {
  MutexLock lock(&mutex_);
  const Sequence oldest = records_.empty() ? next_to_sync_ : records_.front().first;
  if (sequence < oldest) {
    return absl::OutOfRangeError(absl::StrCat(
        "sequence ", sequence.value, " is no longer in the journal; the oldest is ", oldest.value));
  }
  return std::make_unique<MemoryReader>(this, sequence);
}

absl::Status MemoryJournal::Trim(Sequence below) {
  MutexLock lock(&mutex_);
  while (!records_.empty() && records_.front().last() < below) records_.pop_front();
  return absl::OkStatus();
}

JournalStatus MemoryJournal::status() const {
  MutexLock lock(&mutex_);
  JournalStatus status;
  status.oldest = records_.empty() ? next_to_sync_ : records_.front().first;
  status.durable = Sequence(next_to_sync_.value - 1);
  for (const Record& record : records_) status.bytes += record.bytes.size();
  status.writing = writing_;
  return status;
}

}  // namespace twin::journal
