// The parts of a record of changes, one by one: change.cc reads them, apply_changes.cc applies
// them. Internal to server/ingest.
#ifndef TWIN_SERVER_INGEST_CHANGE_CODING_H_
#define TWIN_SERVER_INGEST_CHANGE_CODING_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/coding.h"
#include "server/base/time.h"
#include "server/ingest/change.h"

namespace twin::ingest {

// DATA_LOSS.
absl::Status DamagedChange(absl::string_view what);

bool IsOfModel(Change::Kind kind);
// Whether the changes of a unit begin with one of rows (rows_change.h).
bool IsOfRows(absl::string_view changes);

// Each takes one off the front of the reader. `time`: of the record. DATA_LOSS: it is damaged.
//   last: the number of the change before it, from which the next one counts; begin with 0
absl::Status DecodeChange(ByteReader* reader, Time time, uint32_t* last, Change* change);
absl::Status DecodeUnit(ByteReader* reader, Time time, Unit* unit);

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_CHANGE_CODING_H_
