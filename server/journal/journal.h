// The append-only log of everything that was acknowledged, in the order of sequences: the truth
// since the last checkpoint. An interface, so that a replicated log can take the file's place.
#ifndef TWIN_SERVER_JOURNAL_JOURNAL_H_
#define TWIN_SERVER_JOURNAL_JOURNAL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/ids.h"

namespace twin::journal {

// Opaque bytes that stand for a run of sequences: first, first + 1, … (count of them, at least 1).
struct Record {
  Sequence first;
  uint32_t count = 1;
  std::string bytes;

  Sequence last() const { return Sequence(first.value + count - 1); }
};

// Proof of a claim; a later claim makes it void.
using Epoch = uint64_t;

struct JournalStatus {
  Sequence oldest;   // first sequence that can still be read; durable + 1 while there is none
  Sequence durable;  // last one that survives a loss of power
  uint64_t bytes = 0;
  uint64_t segments = 0;
  uint64_t groups = 0;   // written since it was opened, each with one sync
  absl::Status writing;  // not OK: nothing is appended any more until a restart, and why
  absl::Status refused;  // RESOURCE_EXHAUSTED: there was no room; OK again once a group is written
};

// Reads records in order. Thread-compatible. Must not outlive its journal.
class Reader {
 public:
  virtual ~Reader() = default;
  // The next record; false: no more is durable now (call again later). DATA_LOSS: a checksum is
  // wrong. OUT_OF_RANGE: it was trimmed meanwhile.
  virtual absl::StatusOr<bool> Next(Record* record) = 0;
};

// Thread-safe.
class Journal {
 public:
  // Called once for each record, in the order of Append, on a thread of the journal's; must not
  // block. OK: the record is durable. ABORTED: a later claim. RESOURCE_EXHAUSTED: no room; nothing
  // is written, later records fail too until the caller appends the refused sequence again.
  // UNAVAILABLE: a write or sync failed; the record may or may not be found after a restart, and
  // nothing is appended until then.
  using Done = absl::AnyInvocable<void(absl::Status)>;

  virtual ~Journal() = default;

  // Takes the journal for one writer.
  virtual absl::StatusOr<Epoch> Claim() = 0;

  // Several may be in flight. The records of one claim follow one another without a gap:
  // INVALID_ARGUMENT otherwise, or where a record is larger than the journal takes.
  virtual void Append(Epoch epoch, Record record, Done done) = 0;

  // As Append, for a caller that has nothing else to do: may write and sync on the calling thread,
  // and then calls `done` there before it returns. This spares the switches to another thread.
  virtual void AppendAndWait(Epoch epoch, Record record, Done done) {
    Append(epoch, std::move(record), std::move(done));
  }

  // From the record that holds that sequence on. OUT_OF_RANGE: it is trimmed; the message names the
  // oldest. A sequence beyond the durable one: the reader waits for it to come.
  virtual absl::StatusOr<std::unique_ptr<Reader>> ReadFrom(Sequence sequence) = 0;

  // Records below that sequence are needed for recovery no more. They go when the retention of
  // events lets them.
  virtual absl::Status Trim(Sequence below) = 0;

  virtual JournalStatus status() const = 0;
};

}  // namespace twin::journal

#endif  // TWIN_SERVER_JOURNAL_JOURNAL_H_
