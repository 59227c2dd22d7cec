// What became of twins and relationships behind a record, for who looks at that record when the
// graph has gone on: deletions, moves to other models, and values that were overwritten.
#ifndef TWIN_SERVER_EVENTS_LATER_CHANGES_H_
#define TWIN_SERVER_EVENTS_LATER_CHANGES_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/events/sources.h"
#include "server/events/under_set.h"
#include "server/ingest/change.h"

namespace twin::events {

// The units of a record of the graph, one for each of its sequences. Their texts are views of it.
absl::Status DecodeGraph(const ingest::AppliedRecord& record, std::vector<ingest::Unit>* units);

// Reads the log ahead, as far as it is asked to and each record once, and remembers what it found
// until that is passed. Thread-compatible.
class LaterChanges {
 public:
  struct GoneTwin {
    std::string id;
    TableId table;
    Sequence sequence;  // of its deletion
  };
  // A twin had another model up to there.
  struct Move {
    Sequence sequence;
    TableId before;
  };
  struct GoneRelationship {
    RelationshipTypeId type;
    TwinNumber source;
    TwinNumber target;
    std::string id;
    Sequence sequence;  // of its deletion
  };
  using SteadyTime = std::chrono::steady_clock::time_point;
  static constexpr SteadyTime kNever = SteadyTime::max();

  explicit LaterChanges(const Sources& sources) : sources_(sources) {}

  void Clear();
  // Former values of these properties are remembered, too, but not of records that have left the
  // ring. Forgets what was read if they differ.
  void NotePaths(const std::vector<std::string>& paths);

  // Reads from `from`, which never goes back to a record before, up to `through`, which is applied.
  // False: `until` is over; it goes on from there when it is called again, by a record at least.
  // DATA_LOSS: the journal is damaged.
  absl::StatusOr<bool> Read(Sequence from, Sequence through, SteadyTime until = kNever);

  // nullptr: it is not deleted, as far as was read. Valid until the next call that is not const.
  const GoneTwin* Find(TwinNumber twin) const;
  const GoneRelationship* Find(RelationshipNumber relationship) const;
  // The first one behind `after`; nullptr: there is none.
  const Move* NextMove(TwinNumber twin, Sequence after) const;
  // How often its life in a table ended behind `after`, by a move or by its deletion, and when it
  // did the last time.
  struct Ends {
    size_t count = 0;
    Sequence last;
  };
  Ends EndsOf(TwinNumber twin, Sequence after) const;
  // What a noted property was before it was first set behind `after`; nullptr: it was not set.
  const Value* ValueBefore(TwinNumber twin, absl::string_view path, Sequence after) const;
  // Relationships that are deleted behind `after`.
  UnderSet::LaterGone GoneEdges(Sequence after) const;

  // Changes up to there are looked at no more.
  void Pass(Sequence through);

 private:
  struct Former {
    Sequence sequence;
    Value value;
  };
  void Add(const ingest::Change& change, Sequence sequence, const graph::Catalog& catalog,
           bool notes_values);
  void ClearKept();
  size_t kept() const { return twins_.size() + relationships_.size() + listed_; }

  const Sources sources_;
  Sequence read_;  // everything up to here
  absl::flat_hash_map<uint32_t, GoneTwin> twins_;
  absl::flat_hash_map<uint32_t, GoneRelationship> relationships_;
  absl::flat_hash_map<uint32_t, std::vector<Move>> moves_;  // of each twin in order
  std::vector<std::string> paths_;
  absl::flat_hash_map<std::string, uint32_t> path_numbers_;
  // By twin and number of the path, in order.
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, std::vector<Former>> values_;
  size_t listed_ = 0;        // entries of moves_ and values_
  size_t kept_max_ = 1'024;  // then what was passed is let go
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_LATER_CHANGES_H_
