// The bytes of a segment file: docs/formats/journal.md draws them. A segment holds groups, a group
// holds the records that shared one sync.
#ifndef TWIN_SERVER_JOURNAL_SEGMENT_H_
#define TWIN_SERVER_JOURNAL_SEGMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/journal/journal.h"

namespace twin::journal {

inline constexpr uint64_t kSegmentHeaderBytes = 4096;
inline constexpr uint64_t kSegmentBytesMin = 4 * kSegmentHeaderBytes;
inline constexpr uint64_t kGroupHeaderBytes = 64;
inline constexpr uint64_t kGroupAlignment = 8;
inline constexpr uint32_t kSegmentVersion = 1;

struct SegmentHeader {
  uint64_t generation = 0;  // 1, 2, 3 …; the file's name says it too
  uint64_t nonce = 0;       // random; part of every checksum, so that no older bytes fit
  uint64_t first_group = 0;
  Sequence first_sequence;
  Time time;  // server time when it was begun: no earlier than anything in the segments before
  uint64_t file_bytes = 0;  // that the file has at least, in whole 4 KiB; 0: not said
};

struct GroupHeader {
  uint64_t number = 0;  // 1, 2, 3 … through all segments
  uint64_t generation = 0;
  Sequence first;            // of its records; with no records, the next one to come
  uint64_t count = 0;        // of sequences
  Sequence durable_through;  // what was durable when this was written
  Time time;                 // server time of the write
  uint32_t records = 0;
  uint32_t payload_bytes = 0;

  Sequence next() const { return Sequence(first.value + count); }
};

std::string EncodeSegmentHeader(const SegmentHeader& header);
// DATA_LOSS: these are no segment's bytes. FAILED_PRECONDITION: a newer format.
absl::StatusOr<SegmentHeader> DecodeSegmentHeader(absl::string_view bytes);

// Fills `bytes` with a whole group, padded. `header` says everything but records and payload_bytes.
void EncodeGroup(GroupHeader header, uint64_t nonce, const std::vector<Record>& records,
                 std::string* bytes);
uint64_t GroupBytes(const std::vector<Record>& records);
// What a record adds to a group.
inline uint64_t RecordBytes(const Record& record) { return 8 + record.bytes.size(); }

// The group at the front of `bytes`; nullopt-like: false when there is none whose checksum fits.
bool DecodeGroup(absl::string_view bytes, uint64_t nonce, GroupHeader* header,
                 absl::string_view* payload);
// Whether these bytes could be a group's header, and then the bytes of the whole group.
uint64_t GroupBytesAt(absl::string_view header_bytes);
// What such a header says of its segment.
uint64_t GenerationAt(absl::string_view header_bytes);

// The records of a group whose checksum fits. Views become copies.
absl::Status DecodeRecords(const GroupHeader& header, absl::string_view payload,
                           std::vector<Record>* records);

}  // namespace twin::journal

#endif  // TWIN_SERVER_JOURNAL_SEGMENT_H_
