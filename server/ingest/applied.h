// What the writer hands on once it is durable and applied: the journal's records, in its order.
#ifndef TWIN_SERVER_INGEST_APPLIED_H_
#define TWIN_SERVER_INGEST_APPLIED_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/base/ids.h"
#include "server/base/time.h"

namespace twin::ingest {

// A run of sequences: first, first + 1, … (count of them).
struct AppliedRecord {
  Sequence first;
  uint64_t count = 1;
  Time time;              // the server's, of all of them
  bool is_graph = false;  // `bytes` has, from `body` on, `units` encoded units (change.h)
  uint32_t units = 0;
  size_t body = 0;
  std::string bytes;  // of telemetry: the whole record (telemetry_record.h)

  Sequence last() const { return Sequence(first.value + count - 1); }
};

// Takes records on the writer's thread, before they are acknowledged: it must be quick.
class AppliedSink {
 public:
  virtual ~AppliedSink() = default;
  virtual void Take(std::vector<AppliedRecord> records) = 0;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_APPLIED_H_
