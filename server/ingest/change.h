// What the writer decided, ready to be applied: resolved to numbers, checked, with old values. A
// journal record holds it; docs/formats/records.md draws the bytes. The writer encodes a unit as
// soon as it is decided, and applies the bytes: as replay does.
#ifndef TWIN_SERVER_INGEST_CHANGE_H_
#define TWIN_SERVER_INGEST_CHANGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/graph/graph.h"
#include "server/ingest/operation.h"

namespace twin::ingest {

struct ColumnValue;
class TelemetryState;

struct Change {
  enum class Kind : uint8_t {
    kCreateTwin = 1,
    kSetValue,
    kMoveTwin,
    kDeleteTwin,
    kTouchTwin,  // a write that changed no value
    kCreateRelationship,
    kSetRelationshipValue,
    kDeleteRelationship,
    kTouchRelationship,
    kCreateModel,
    kSetDecommissioned,
    kDeleteModel,  // 12; 13 is written of many twins at once (rows_change.h), and read as kSetValue
  };
  Kind kind = Kind::kSetValue;
  uint32_t number = 0;  // of the twin or relationship
  uint32_t table = 0;   // of the twin (kMoveTwin: moved to), or the relationship's type
  uint32_t before = 0;  // kMoveTwin: the table moved from
  uint32_t column = 0;
  uint32_t source = 0;  // kCreateRelationship, kDeleteRelationship
  uint32_t target = 0;
  bool flag = false;        // kSetDecommissioned
  absl::string_view text;   // id of a twin or relationship, DTMI of a model
  absl::string_view model;  // kCreateModel: its JSON text
  Value old_value;
  Value new_value;   // null: removed
  Time source_time;  // of what is recorded: not of touches and models
};

// One atomic change of the state: it has one sequence. Its texts are somebody else's: of the
// operation that it came from, or of the bytes that it was decoded from.
struct Unit {
  std::vector<Change> changes;
};

// A run of units, with the same server time; the first has the record's first sequence.
struct RecordHeader {
  Time time;
  std::string request_id;
  std::vector<OperationResult> results;  // with a request id: what it was answered
  uint32_t units = 0;
};

void EncodeUnit(const Unit& unit, Time time, std::string* bytes);
// The unit that creates a twin with such values, none of which is null, and the one that creates a
// relationship with values as of its begin: as EncodeUnit of their Changes, which need not be made.
// Returns where in `bytes` the id lies.
size_t EncodeCreation(TwinNumber twin, TableId table, absl::string_view id, Time begin,
                      absl::Span<const ColumnValue> values, Time source, Time time,
                      std::string* bytes);
size_t EncodeCreation(RelationshipNumber relationship, RelationshipTypeId type, TwinNumber source,
                      TwinNumber target, absl::string_view id, Time begin,
                      absl::Span<const ColumnValue> values, Time time, std::string* bytes);
// Appends a whole record; `units` are the units that the header counts, encoded one by one.
void EncodeRecord(const RecordHeader& header, absl::string_view units, std::string* bytes);
// Takes the header off the front of a record; its encoded units are what is left.
// DATA_LOSS: these are no record's bytes.
absl::Status DecodeHeader(absl::string_view* bytes, RecordHeader* header);

// The units that the header counts, of which texts are views. DATA_LOSS: these are none.
absl::Status DecodeUnits(absl::string_view units, const RecordHeader& header,
                         std::vector<Unit>* decoded);

// Applies encoded units to the graph: all that the header counts, the first one at `first`, but
// none with a sequence up to `applied`. DATA_LOSS: as DecodeRecord or ApplyUnit.
absl::Status ApplyUnits(absl::string_view units, const RecordHeader& header, Sequence first,
                        Sequence applied, graph::Graph* graph, TelemetryState* telemetry);

// A record as a whole, for whoever looks at each change. The texts of a decoded one are views of
// its bytes.
struct GraphRecord {
  Time time;
  std::string request_id;
  std::vector<OperationResult> results;
  std::vector<Unit> units;
};
void EncodeRecord(const GraphRecord& record, std::string* bytes);
// DATA_LOSS: these are no record's bytes.
absl::Status DecodeRecord(absl::string_view bytes, GraphRecord* record);

// Applies a unit to the graph. DATA_LOSS: it names what there is not, which only a damaged journal
// does; then the graph is of no use any more.
// `telemetry`: what follows from it for history and layouts; nullptr: nothing.
absl::Status ApplyUnit(const Unit& unit, Sequence sequence, Time time, graph::Graph* graph,
                       TelemetryState* telemetry = nullptr);

void EncodeResults(const std::vector<OperationResult>& results, std::string* bytes);
bool DecodeResults(absl::string_view bytes, std::vector<OperationResult>* results);

// The catalog after one change of models.
absl::StatusOr<std::shared_ptr<const graph::Catalog>> ChangeCatalog(const graph::Catalog& before,
                                                                    const Unit& unit, Time time);

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_CHANGE_H_
