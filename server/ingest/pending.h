// The state that the next operation is checked against: what is applied, and over it what is
// decided but not yet durable. Everything here is the writer thread's.
#ifndef TWIN_SERVER_INGEST_PENDING_H_
#define TWIN_SERVER_INGEST_PENDING_H_

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/graph/graph.h"
#include "server/ingest/change.h"
#include "server/ingest/check_value.h"
#include "server/ingest/overlay.h"
#include "server/ingest/pending_creations.h"
#include "server/ingest/pending_patches.h"
#include "server/ingest/rows_change.h"

namespace twin::ingest {

// A relationship as the next operation sees it. The id is valid until the next change.
struct PendingRelationship {
  RelationshipTypeId type;
  TwinNumber source;
  TwinNumber target;
  absl::string_view id;
  Sequence version;
};

// Changes are made through the functions below, which both remember them here and note them down as
// the current unit's Changes. A unit that fails is taken back as if it had never been.
//
// To take back costs little because lists here only grow: what holds is the last entry of a kind,
// and a unit is taken back by cutting lists to the lengths that they had. What is overwritten in
// place (Facts) is copied when a unit first touches it.
class PendingState {
 public:
  // `head` is the graph's and outlives this.
  explicit PendingState(const graph::GraphView* head) : head_(*head) { Reset(); }

  // --- Reading ---
  const graph::Catalog& catalog() const {
    return catalog_ != nullptr ? *catalog_ : head_.catalog();
  }
  const std::shared_ptr<const graph::Catalog>& shared_catalog() const {
    return catalog_ != nullptr ? catalog_ : head_.shared_catalog();
  }
  const graph::GraphView& head() const { return head_; }
  TwinNumber FindTwin(absl::string_view id) const;
  // Hints: what FindTwin and FindRelationship look at first of what waits to be applied.
  void FetchTwin(size_t hash) const { made_.FetchTwin(hash); }  // of the id: GraphView::HashOf
  void FetchRelationship(TwinNumber source, absl::string_view id) const {
    made_.FetchRelationship(source, id);
  }
  bool Exists(TwinNumber twin) const;
  // Whether this twin of the head's has the id, and stands where it stands in the head. Any number.
  bool IsInPlace(TwinNumber twin, absl::string_view id) const;
  absl::string_view IdOf(TwinNumber twin) const;  // valid until the next change
  TableId TableOf(TwinNumber twin) const;
  const graph::TableSchema& SchemaOf(TwinNumber twin) const {
    return catalog().table(TableOf(twin));
  }
  Sequence VersionOf(TwinNumber twin) const;
  graph::Cell Get(TwinNumber twin, ColumnId column) const;
  bool Has(TwinNumber twin, ColumnId column) const;
  uint32_t OutDegree(TwinNumber twin) const;
  uint32_t InDegree(TwinNumber twin) const;
  // Whether one of them has as many relationships, out of `source` or into `target`.
  bool HasDegree(TwinNumber source, TwinNumber target, uint64_t degree) const;
  uint32_t CountOutgoing(TwinNumber twin, RelationshipTypeId type) const;
  std::vector<RelationshipNumber> Outgoing(TwinNumber twin) const;
  std::vector<RelationshipNumber> Incoming(TwinNumber twin) const;
  RelationshipNumber FindRelationship(TwinNumber source, absl::string_view id) const;
  PendingRelationship GetRelationship(RelationshipNumber relationship) const;
  Value GetValue(RelationshipNumber relationship, ColumnId column) const;
  // Source times: when it began; when its properties last changed, or it began.
  Time BeginOf(TwinNumber twin) const;
  Time ChangedOf(RelationshipNumber relationship) const;
  // As of GraphView: of the life before the one that is, if one is.
  Time EndOfFormer(absl::string_view id) const;
  Time EndOfFormer(TwinNumber source, absl::string_view id) const;  // that is no relationship's now
  Time last_end_of_twins() const { return std::max(last_end_, head_.last_end_of_twins()); }
  uint64_t past_entries() const { return head_.past_entries(); }  // applied ones
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
  // Appends the unit, encoded.
  void EndUnit(std::string* bytes);
  void RollBack();

  TwinNumber CreateTwin(absl::string_view id, TableId table, Time source_time);
  // `before` is what Get gives.
  void SetValue(TwinNumber twin, ColumnId column, Value before, Value value, Time source_time);
  // For each of `values`, which are taken, and none of which is null: SetValue as of now, or as of
  // the source time of what it had, if that is later. Of a twin that IsInPlace, at that place.
  void SetInPlace(TwinNumber twin, graph::TwinPlace place, absl::Span<ColumnValue> values);
  // The same of a twin that this unit creates and that has no values yet, as of one source time.
  void SetOfNew(TwinNumber twin, absl::Span<ColumnValue> values, Time source_time);
  // CreateTwin and SetOfNew, or CreateRelationship, as all that a unit does: at a fraction of the
  // cost, also of forgetting it. False: it is for those to do; nothing has changed. Of values, each
  // is of another column.
  bool CreateAlone(absl::string_view id, TableId table, absl::Span<const ColumnValue> values,
                   Time source_time);
  bool CreateAlone(RelationshipTypeId type, TwinNumber source, TwinNumber target,
                   absl::string_view id, absl::Span<const ColumnValue> values, Time source_time);
  // Sets values as of now, as all that a unit does. Rows have what the head had before, whose twins
  // they are; they have what was before in the end, and each twin once. False: some are elsewhere
  // now, or have a later source time; nothing has changed.
  bool SetRows(RowsChange* rows);
  void MoveTwin(TwinNumber twin, TableId table, Time source_time);
  void DeleteTwin(TwinNumber twin, Time source_time);
  void TouchTwin(TwinNumber twin);
  RelationshipNumber CreateRelationship(RelationshipTypeId type, TwinNumber source,
                                        TwinNumber target, absl::string_view id, Time source_time);
  void SetValue(RelationshipNumber relationship, ColumnId column, Value value, Time source_time);
  void TouchRelationship(RelationshipNumber relationship);
  void DeleteRelationship(RelationshipNumber relationship, Time source_time);
  // Changes of models stand alone: nothing may be pending, nothing else in the unit.
  void AddModelChange(const Change& change);
  // What a dry run goes on with after models were created: the head's catalog and more.
  void SetCatalog(std::shared_ptr<const graph::Catalog> catalog) { catalog_ = std::move(catalog); }

  // Sequences that go to changes of other kinds, which have nothing pending.
  void TakeSequences(uint64_t count) { next_sequence_ = Sequence(next_sequence_.value + count); }
  // Whether relationships were touched that are not applied.
  bool has_relationship_changes() const {
    return !touched_relationships_.empty() || made_.relationships() > 0;
  }
  // Whether a twin may have moved to another model that is not applied.
  bool may_have_moves() const { return last_move_ > 0; }
  uint64_t rows_epoch() const { return head_.rows_epoch(); }

  // --- Records ---
  // Everything changed since the last call belongs to record `number`; numbers rise.
  void EndRecord(uint64_t number);
  // Records up to that number are applied to the head.
  void Applied(uint64_t number);
  // Forgets everything that is not applied.
  void Reset();

 private:
  static constexpr uint32_t kNoChange = UINT32_MAX;
  struct TwinValue {
    ColumnId column;
    uint32_t change = kNoChange;  // of the unit that set it: the index of that Change
    graph::Cell cell;
  };
  struct TypeCount {
    RelationshipTypeId type;
    uint32_t count = 0;
  };
  struct TwinState {
    struct Facts {
      bool exists = true;
      bool whole = false;        // `values` is all there is: the head's are not looked at
      uint32_t values_from = 0;  // `values` before are of another model
      TableId table;
      Sequence version;
      uint32_t out_degree = 0;
      uint32_t in_degree = 0;
      Time begin;                  // where `whole`
      Time former_end{INT64_MIN};  // of the id's last life that is over, where this one began or
                                   // ended here
    };
    // How long the lists were.
    struct Lengths {
      size_t values = 0, counts = 0, out = 0, in = 0;
    };
    uint64_t record = 0;  // the last that changed it
    uint64_t unit = 0;    // the last that changed it: the one before it can be gone back to
    Facts facts;
    Lengths at_unit;                      // when that unit began
    std::string id;                       // where it was created or deleted here
    std::vector<TwinValue> values;        // the last of a column holds
    std::vector<TypeCount> counts;        // that differ from the head's; the last of a type holds
    std::vector<RelationshipNumber> out;  // created, not in the head when they were
    std::vector<RelationshipNumber> in;

    void Clear();
    const TwinValue* Find(ColumnId column) const;  // nullptr: not among `values`
    Lengths lengths() const { return {values.size(), counts.size(), out.size(), in.size()}; }
  };
  struct RelationshipState {
    struct Facts {
      bool exists = true;
      bool whole = false;
      RelationshipTypeId type;
      TwinNumber source;
      TwinNumber target;
      Sequence version;
      Time changed;  // where it does not exist: when it ended
    };
    uint64_t record = 0;
    uint64_t unit = 0;
    Facts facts;
    size_t values_at_unit = 0;
    std::string id;                                  // where it was created or deleted here
    std::vector<std::pair<ColumnId, Value>> values;  // the last of a column holds

    void Clear();
  };
  // Who has an id now. The key is a view of the id that the state `owner` keeps.
  struct IdState {
    TwinNumber twin;  // kNoTwin: deleted
    uint32_t owner = 0;
  };
  struct RelationshipIdState {
    RelationshipNumber relationship;
    uint32_t owner = 0;
  };
  using RelationshipKey = std::pair<uint32_t, absl::string_view>;

  // How a unit is taken back.
  struct TwinUndo {
    uint32_t number = 0;
    bool is_new = false;
    uint64_t record = 0;
    TwinState::Facts facts;
  };
  struct RelationshipUndo {
    uint32_t number = 0;
    bool is_new = false;
    uint64_t record = 0;
    RelationshipState::Facts facts;
  };
  template <typename Key, typename State>
  struct IdUndo {
    Key key;       // as it is now
    Key key_then;  // as it was, where `then` is something
    std::optional<State> then;
  };
  struct Touch {
    uint64_t record = 0;
    uint32_t number = 0;
  };

  bool Exists(RelationshipNumber relationship) const;
  void TakeOver(TwinNumber twin, TwinState* state) const;
  void TakeOverPatches(TwinNumber twin, TwinState* state) const;
  // What a unit that created a twin alone set.
  std::vector<Change> ChangesOf(const PendingCreations::Twin& twin) const;
  // Its kSetRelationshipValue. Their source time is that of its begin.
  static std::vector<Change> ValuesOf(const PendingCreations::Relationship& relationship);
  static Value GetValue(const PendingCreations::Relationship& relationship, ColumnId column);
  // Whether its relationships are few enough to be counted again and again.
  bool HasFewOutgoing(TwinNumber twin) const;
  graph::Cell Get(const PendingCreations::Twin& twin, ColumnId column) const;
  bool FindPatched(TwinNumber twin, ColumnId column, graph::Cell* cell) const;
  void SetBefore(uint64_t last, size_t row, RowsChange* rows) const;
  void SetInOverlay(const RowsChange& rows, size_t row);
  TwinState& Mutable(TwinNumber twin);
  RelationshipState& Mutable(RelationshipNumber relationship);
  void Compress(TwinState* state) const;
  void Compress(RelationshipState* state) const;
  Change& Note(Change::Kind kind, uint32_t number);
  void Set(TwinNumber twin, TwinState* state, ColumnId column, Value before, Value value,
           Time source_time);
  void SetCount(TwinState* twin, TwinNumber number, RelationshipTypeId type, int by);
  void Forget(TwinNumber twin);
  void Forget(RelationshipNumber relationship);

  const graph::GraphView& head_;
  std::shared_ptr<const graph::Catalog> catalog_;  // nullptr: the head's
  Overlay<TwinState> twin_states_;
  Overlay<RelationshipState> relationship_states_;
  absl::flat_hash_map<absl::string_view, IdState> ids_;
  absl::flat_hash_map<RelationshipKey, RelationshipIdState> relationship_ids_;
  // Of these, what is in the overlays or in the maps above has changed since.
  PendingCreations made_;
  // Values of twins of which nothing else is pending, or the overlay has them too.
  PendingPatches patches_;
  uint64_t twins_ = 0;
  uint64_t relationships_ = 0;
  uint32_t next_twin_ = 0;
  uint32_t next_relationship_ = 0;
  Sequence next_sequence_;
  Time last_end_{INT64_MIN};  // of twins that were deleted here

  // The unit that is being made, and how to take it back.
  uint64_t unit_number_ = 0;
  Unit unit_;
  std::string alone_;                   // instead: the unit, encoded
  std::deque<std::string> unit_texts_;  // that changes of models refer to
  Time time_;
  struct Before {
    uint64_t twins, relationships;
    uint32_t next_twin, next_relationship;
    size_t touched_twins, touched_relationships;
  } before_{};
  std::vector<TwinUndo> twin_undo_;
  std::vector<RelationshipUndo> relationship_undo_;
  std::vector<IdUndo<absl::string_view, IdState>> id_undo_;
  std::vector<IdUndo<RelationshipKey, RelationshipIdState>> relationship_id_undo_;

  // What records that are not applied touched, oldest first.
  uint64_t record_ = 1;
  uint64_t last_move_ = 0;  // the last record that moved a twin; 0: none is pending
  std::deque<Touch> touched_twins_;
  std::deque<Touch> touched_relationships_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_PENDING_H_
