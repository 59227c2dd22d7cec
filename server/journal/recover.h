// What a folder of segments holds, found out when it is opened.
#ifndef TWIN_SERVER_JOURNAL_RECOVER_H_
#define TWIN_SERVER_JOURNAL_RECOVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/file.h"
#include "server/journal/segment.h"

namespace twin::journal {

struct Segment {
  SegmentHeader header;
  std::string path;
  std::shared_ptr<File> file;
  // Where its groups end: of the last segment found by reading it, of the others what the next
  // one's header says (an end_offset of 0 means: read until end_group).
  uint64_t end_group = 0;
  Sequence end;  // the sequence that follows
  uint64_t end_offset = 0;
  uint64_t last_offset = 0;  // of its last group, where it was found by reading; 0: it has none
};

struct Recovered {
  std::vector<std::shared_ptr<Segment>> segments;  // oldest first; may be empty
  std::vector<std::string> spares;                 // paths of files to write the next segments into
  uint64_t torn_bytes = 0;                         // of the tail that was cut
};

std::string SegmentName(uint64_t generation);

// Reads names and headers, and all groups of the last segment. The tail starts at the first group
// that is not the expected successor.
// DATA_LOSS: a group is damaged that was durable, a file is cut short, or a segment is missing;
// names file and offset.
absl::StatusOr<Recovered> Recover(FileSystem* fs, const std::string& folder);

}  // namespace twin::journal

#endif  // TWIN_SERVER_JOURNAL_RECOVER_H_
