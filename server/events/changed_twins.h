// Which twins a run of changes concerns: for who looks again at what has changed (standing
// queries), and needs neither events nor old values.
#ifndef TWIN_SERVER_EVENTS_CHANGED_TWINS_H_
#define TWIN_SERVER_EVENTS_CHANGED_TWINS_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "server/events/change_log.h"
#include "server/events/expander.h"
#include "server/graph/graph.h"
#include "server/ingest/change.h"
#include "server/ingest/layout.h"

namespace twin::events {

// What somebody reads of the graph.
class Watched {
 public:
  // Twins of the table: that they are there.
  void AddTable(TableId table) { (void)At(table); }
  void AddColumn(TableId table, ColumnId column);
  // All properties of its twins, etag and times too; not telemetry.
  void AddProperties(TableId table) { At(table).properties = true; }
  // Relationships of the type: that they are there, and their properties.
  void AddType(RelationshipTypeId type);
  void AddAllTypes() { all_types_ = true; }

  bool HasTable(TableId table) const {
    return table.value < tables_.size() && tables_[table.value].is_watched;
  }
  bool HasProperties(TableId table) const {
    return HasTable(table) && tables_[table.value].properties;
  }
  bool HasColumn(TableId table, const graph::TableSchema& schema, ColumnId column) const;
  bool HasType(RelationshipTypeId type) const {
    return all_types_ || (type.value < types_.size() && types_[type.value]);
  }

 private:
  struct Table {
    bool is_watched = false;
    bool properties = false;
    std::vector<bool> columns;
  };
  Table& At(TableId table);

  std::vector<Table> tables_;
  std::vector<bool> types_;
  bool all_types_ = false;
};

// Of a relationship that came, went or changed it is the target that is named: whatever is read
// along the relationship has read that, too.
struct ChangedTwins {
  absl::flat_hash_set<uint32_t> twins;  // numbers; some may be gone
  bool models = false;                  // there are others now
  bool too_many = false;                // or too far back: what changed is not known
};

// Reads the changes, from one place to the next. Thread-compatible; `sources` outlives it.
class ChangedTwinsReader {
 public:
  // Everything up to `seen` is known already. More than `twins_max` are too many.
  ChangedTwinsReader(const Sources& sources, Sequence seen, size_t twins_max);

  // Adds what changed since the last call, up to the sequence of `view`, which is a state of that
  // graph; what came later may be among it, and will be again. DATA_LOSS: the journal is damaged.
  // Cost: each record is decoded once, a layout of frames looked at once.
  absl::Status Read(const Watched& watched, const graph::GraphView& view, ChangedTwins* changed);
  // `watched` says something else from now on.
  void Forget() { layouts_.clear(); }

 private:
  absl::Status ReadTo(const Watched& watched, const graph::GraphView& view, ChangedTwins* changed);
  absl::Status Add(const Watched& watched, const graph::GraphView& view,
                   const ingest::AppliedRecord& record, ChangedTwins* changed);
  absl::Status AddGraph(const Watched& watched, const graph::GraphView& view,
                        const ingest::AppliedRecord& record, ChangedTwins* changed);
  void Add(const Watched& watched, const graph::GraphView& view, const ingest::Change& change,
           ChangedTwins* changed);
  absl::Status AddFrames(const Watched& watched, const graph::GraphView& view,
                         const ingest::AppliedRecord& record, ChangedTwins* changed);
  absl::Status AddSamples(const Watched& watched, const graph::GraphView& view,
                          const ingest::AppliedRecord& record, ChangedTwins* changed);

  const Sources sources_;
  const size_t twins_max_;
  Sequence next_;
  // Twins of a layout's version whose watched paths it sets.
  absl::flat_hash_map<uint64_t, std::vector<uint32_t>> layouts_;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_CHANGED_TWINS_H_
