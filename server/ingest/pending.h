// The state that the next operation is checked against: what is applied, and over it what is
// decided but not yet durable. Everything here is the writer thread's.
#ifndef TWIN_SERVER_INGEST_PENDING_H_
#define TWIN_SERVER_INGEST_PENDING_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/graph/graph.h"
#include "server/ingest/change.h"

namespace twin::ingest {

// A relationship as the next operation sees it.
struct PendingRelationship {
  RelationshipTypeId type;
  TwinNumber source;
  TwinNumber target;
  std::string id;
  Sequence version;
};

// Changes are made through the functions below, which both remember them here and note them down as
// the current unit's Changes. A unit that fails is taken back as if it had never been.
class PendingState {
 public:
  // `head` is the graph's and outlives this.
  explicit PendingState(const graph::GraphView* head) : head_(*head) { Reset(); }

  // --- Reading ---
  const graph::Catalog& catalog() const {
    return catalog_ != nullptr ? *catalog_ : head_.catalog();
  }
  TwinNumber FindTwin(absl::string_view id) const;
  std::string IdOf(TwinNumber twin) const;
  TableId TableOf(TwinNumber twin) const;
  const graph::TableSchema& SchemaOf(TwinNumber twin) const {
    return catalog().table(TableOf(twin));
  }
  Sequence VersionOf(TwinNumber twin) const;
  graph::Cell Get(TwinNumber twin, ColumnId column) const;
  bool Has(TwinNumber twin, ColumnId column) const;
  uint32_t OutDegree(TwinNumber twin) const;
  uint32_t InDegree(TwinNumber twin) const;
  uint32_t CountOutgoing(TwinNumber twin, RelationshipTypeId type) const;
  std::vector<RelationshipNumber> Outgoing(TwinNumber twin) const;
  std::vector<RelationshipNumber> Incoming(TwinNumber twin) const;
  RelationshipNumber FindRelationship(TwinNumber source, absl::string_view id) const;
  PendingRelationship GetRelationship(RelationshipNumber relationship) const;
  Value GetValue(RelationshipNumber relationship, ColumnId column) const;
  uint64_t twins() const { return twins_; }
  // Numbers are never given twice: one more than the last.
  uint32_t next_twin() const { return next_twin_; }
  uint32_t next_relationship() const { return next_relationship_; }
  uint64_t twins_of(TableId table) const { return head_.twins(table); }  // applied ones
  uint64_t ids_bytes() const { return head_.ids_bytes(); }
  uint64_t strings_bytes() const { return head_.strings_bytes(); }
  uint64_t relationships() const { return relationships_; }
  Sequence next_sequence() const { return next_sequence_; }

  // --- Writing ---
  // All changes belong to the unit that was begun last, which has next_sequence(). Numbers and
  // sequences of a unit that is taken back are given again.
  void BeginUnit(Time time);
  Unit EndUnit();
  void RollBack();

  TwinNumber CreateTwin(absl::string_view id, TableId table);
  void SetValue(TwinNumber twin, ColumnId column, Value value, Time source_time);
  void MoveTwin(TwinNumber twin, TableId table);
  void DeleteTwin(TwinNumber twin);
  void TouchTwin(TwinNumber twin);
  RelationshipNumber CreateRelationship(RelationshipTypeId type, TwinNumber source,
                                        TwinNumber target, absl::string_view id);
  void SetValue(RelationshipNumber relationship, ColumnId column, Value value);
  void TouchRelationship(RelationshipNumber relationship);
  void DeleteRelationship(RelationshipNumber relationship);
  // Changes of models stand alone: nothing may be pending, nothing else in the unit.
  void AddModelChange(Change change) { unit_.changes.push_back(std::move(change)); }
  // What a dry run goes on with after models were created: the head's catalog and more.
  void SetCatalog(std::shared_ptr<const graph::Catalog> catalog) { catalog_ = std::move(catalog); }

  // --- Records ---
  // Everything changed since the last call belongs to record `number`; numbers rise.
  void EndRecord(uint64_t number);
  // Records up to that number are applied to the head.
  void Applied(uint64_t number);
  // Forgets everything that is not applied.
  void Reset();

 private:
  struct TwinState {
    uint64_t record = 0;  // the last that changed it
    bool exists = true;
    bool whole = false;  // `values` is all there is: the head's are not looked at
    TableId table;
    Sequence version;
    uint32_t out_degree = 0;
    uint32_t in_degree = 0;
    std::string id;
    std::vector<std::pair<ColumnId, graph::Cell>> values;
    std::vector<std::pair<RelationshipTypeId, uint32_t>> counts;  // that differ from the head's
    std::vector<RelationshipNumber> out;  // created, not in the head when they were
    std::vector<RelationshipNumber> in;
  };
  struct RelationshipState {
    uint64_t record = 0;
    bool exists = true;
    bool whole = false;
    PendingRelationship relationship;
    std::vector<std::pair<ColumnId, Value>> values;
  };
  struct IdState {
    uint64_t record = 0;
    TwinNumber twin;
  };
  struct RelationshipIdState {
    uint64_t record = 0;
    RelationshipNumber relationship;
  };
  using RelationshipKey = std::pair<uint32_t, std::string>;

  const TwinState* Find(TwinNumber twin) const;
  const RelationshipState* Find(RelationshipNumber relationship) const;
  bool Exists(RelationshipNumber relationship) const;
  TwinState& Mutable(TwinNumber twin);
  RelationshipState& Mutable(RelationshipNumber relationship);
  void SetId(const std::string& id, TwinNumber twin);
  void SetRelationshipId(const RelationshipKey& key, RelationshipNumber relationship);
  void Note(Change change);
  void Count(TwinState* twin, TwinNumber number, RelationshipTypeId type, int by);

  const graph::GraphView& head_;
  std::shared_ptr<const graph::Catalog> catalog_;  // nullptr: the head's
  absl::flat_hash_map<uint32_t, TwinState> twin_states_;
  absl::flat_hash_map<uint32_t, RelationshipState> relationship_states_;
  absl::flat_hash_map<std::string, IdState> ids_;
  absl::flat_hash_map<RelationshipKey, RelationshipIdState> relationship_ids_;
  uint64_t twins_ = 0;
  uint64_t relationships_ = 0;
  uint32_t next_twin_ = 0;
  uint32_t next_relationship_ = 0;
  Sequence next_sequence_;
  uint64_t record_ = 1;
  // The change of this unit that set a value, by twin and column.
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, size_t> set_here_;

  // The unit that is being made, and how to take it back.
  Unit unit_;
  Time time_;
  struct Before {
    uint64_t twins, relationships;
    uint32_t next_twin, next_relationship;
  } before_{};
  std::vector<std::pair<uint32_t, std::optional<TwinState>>> twin_undo_;
  std::vector<std::pair<uint32_t, std::optional<RelationshipState>>> relationship_undo_;
  std::vector<std::pair<std::string, std::optional<IdState>>> id_undo_;
  std::vector<std::pair<RelationshipKey, std::optional<RelationshipIdState>>> relationship_id_undo_;
  absl::flat_hash_map<uint32_t, bool> twin_saved_;
  absl::flat_hash_map<uint32_t, bool> relationship_saved_;

  // What each record that is not applied touched.
  struct Touched {
    uint64_t record;
    std::vector<uint32_t> twins;
    std::vector<uint32_t> relationships;
    std::vector<std::string> ids;
    std::vector<RelationshipKey> relationship_ids;
  };
  Touched touched_;
  std::vector<Touched> records_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_PENDING_H_
