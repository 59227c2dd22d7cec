// Units that create a twin or a relationship with its first values, and do nothing else: what a
// load consists of. Such units, one behind the other in a record, are decoded into columns and
// applied together.
#ifndef TWIN_SERVER_INGEST_CREATION_RUN_H_
#define TWIN_SERVER_INGEST_CREATION_RUN_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/coding.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/graph/creations.h"
#include "server/graph/graph.h"

namespace twin::ingest {

class TelemetryState;

// Of one record: its bytes outlive this. Thread-compatible.
class CreationRun {
 public:
  static constexpr size_t kUnitsMin = 8;  // of a record; of fewer, it is no gain

  // `time`: the server's, of the record. `telemetry`: as for ApplyUnits.
  CreationRun(Time time, graph::Graph* graph, TelemetryState* telemetry)
      : time_(time), graph_(*graph), telemetry_(telemetry) {}

  // Whether an encoded unit begins as such a one does.
  static bool MayBegin(absl::string_view unit);
  // Takes the unit off the front of the reader, if it is such a one. Else it is for somebody else,
  // after Apply, to apply or to refuse.
  bool Take(ByteReader* reader, Sequence sequence);
  // More had better wait until what was taken is applied.
  bool is_full() const { return made_.twins.size() + made_.relationships.size() >= kUnitsMax; }
  // Applies what was taken. DATA_LOSS: as ApplyUnits.
  absl::Status Apply();

 private:
  static constexpr size_t kUnitsMax = 256;
  static constexpr size_t kKindsMax = 8;
  // How the changes of one more twin of a Creations::Kind are written: all but numbers, id and
  // values.
  struct Form {
    size_t changes = 0;
    struct Column {
      std::string head;  // up to and with the kind of the value
      Value::Kind kind = Value::Kind::kNull;
    };
    std::vector<Column> columns;
  };

  bool TakeTwin(ByteReader* reader, uint8_t kind, size_t changes, Sequence sequence);
  bool TakeRelationship(ByteReader* reader, uint8_t kind, size_t changes, Sequence sequence);
  // `begin`: which is written with each; none: it is the server's time, and is not.
  bool TakeValuesOf(const graph::RelationshipType& type, size_t count, std::optional<Time> begin,
                    ByteReader* reader);
  static bool TakeValue(Value::Kind kind, ByteReader* reader,
                        graph::Creations::RelationshipValue* value);
  // The values of one more twin of that kind. False: they are written in another way.
  bool TakeValues(size_t kind, ByteReader* reader);
  bool AddKind(TableId table, size_t changes, ByteReader reader);
  static bool TakeValue(Value::Kind kind, ByteReader* reader, graph::Creations::Column* column);

  const Time time_;
  graph::Graph& graph_;
  TelemetryState* const telemetry_;
  graph::Creations made_;
  std::vector<Form> forms_;  // of made_.kinds
  Sequence last_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_CREATION_RUN_H_
