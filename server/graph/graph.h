// The graph in memory: twins by column, relationships as integers both ways, snapshots.
//
//   Graph                 the state that the one writer changes
//     Graph::head()       a GraphView of it, to be read under the lock that the writer holds
//     Graph::Pin()        an immutable GraphView that lives as long as it is held
//
// Pages are copied when, and only when, a pinned snapshot still sees them (pages.h).
#ifndef TWIN_SERVER_GRAPH_GRAPH_H_
#define TWIN_SERVER_GRAPH_GRAPH_H_

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/graph/catalog.h"
#include "server/graph/creations.h"
#include "server/graph/past.h"

namespace twin::graph {

struct Shared;
struct State;
struct Table;

// Where a twin stands now. Rows may move between snapshots, twin numbers do not.
struct TwinPlace {
  TableId table;
  uint32_t row = 0;
};

// What is known of a twin itself.
struct TwinFacts {
  bool exists = false;  // else the rest means nothing
  TwinPlace place;
  Sequence version;
  uint32_t out_degree = 0;
  uint32_t in_degree = 0;
};

// What a column holds for one twin.
struct Cell {
  Value value;       // null: absent
  Time update_time;  // server time of the last change; meaningless while absent
  Time source_time;  // the time the writer gave; update_time where it gave none
};

struct Relationship {
  RelationshipTypeId type;
  TwinNumber source;
  TwinNumber target;
  absl::string_view id;  // unique per source; valid as long as the view
  Sequence version;      // its etag
};

// Between which twins, and the next ones of both.
struct Link {
  RelationshipTypeId type;
  TwinNumber source;
  TwinNumber target;
  RelationshipNumber next_outgoing;
  RelationshipNumber next_incoming;
};

// Where a batch of values goes: arrays of as many items as there are rows, of which only the one of
// the column's type is filled. The item of a row without a value means nothing.
struct ColumnBatch {
  std::vector<uint8_t>* nulls = nullptr;  // 1: the row has no value; left empty where all have one
  uint8_t* bools = nullptr;
  int64_t* ints = nullptr;               // kInt32, kInt64, kTime
  double* doubles = nullptr;             // kFloat, kDouble
  absl::string_view* strings = nullptr;  // kString; kDocument: the bytes of the Value
};

// Values for rows of a column.
struct NumberRows {
  absl::Span<const uint32_t> rows;
  absl::string_view had;   // a bit of each, the first one's the lowest: it has a value
  absl::string_view bits;  // 8 bytes of each: a double's, an integer, or 0 or 1
};

// What a checkpoint stores of a graph: each page under its key.
enum class PageKind : uint8_t {
  kTwins = 1,
  kRelationships,
  kRows,  // of a model's table: row to twin
  kValues,
  kUpdateTimes,
  kSourceTimes,
  kRelationshipRows,  // of a relationship type's table
  kRelationshipValues,
  kIds,
  kStrings,
  kTwinBegins,
  kRelationshipBegins,
  kEndedTwins,
  kEndedTwinValues,
  kEndedRelationships,
  kEndedRelationshipValues,
  kFormerValues,
  kFormerValueValues,
  kPastBegin,
};
struct PageKey {
  PageKind kind = PageKind::kTwins;
  uint32_t table = 0;
  uint32_t column = 0;
  uint32_t page = 0;
};

// A consistent state, to read. Thread-safe on a snapshot; on the head only under the writer's lock.
// Numbers that it does not know are a mistake of the caller and end the process, except where
// stated.
class GraphView {
 public:
  GraphView(const GraphView&) = delete;
  GraphView& operator=(const GraphView&) = delete;
  ~GraphView();

  Sequence sequence() const;  // the last one applied
  Time time() const;          // server time of that
  const Catalog& catalog() const;
  const std::shared_ptr<const Catalog>& shared_catalog() const;

  // --- Twins ---
  // kNoTwin: no such twin in this state.
  TwinNumber FindTwin(absl::string_view id) const { return FindTwin(id, HashOf(id)); }
  TwinNumber FindTwin(absl::string_view id, size_t hash) const;  // which HashOf says
  // Of each id, side by side: about a third of what they cost one by one.
  void FindTwins(absl::Span<const absl::string_view> ids, TwinNumber* twins) const;
  bool Exists(TwinNumber twin) const;  // false also for numbers that were never given
  absl::string_view IdOf(TwinNumber twin) const;
  TwinPlace PlaceOf(TwinNumber twin) const;
  // The same of many; row kNoRow: it does not exist.
  static constexpr uint32_t kNoRow = UINT32_MAX;
  void FindPlaces(absl::Span<const TwinNumber> twins, TwinPlace* places) const;
  const TableSchema& TableOf(TwinNumber twin) const;
  Sequence VersionOf(TwinNumber twin) const;  // its etag
  TwinFacts FactsOf(TwinNumber twin) const;   // of any number
  Time UpdateTimeOf(TwinNumber twin) const;
  Cell Get(TwinNumber twin, ColumnId column) const;
  Value GetValue(TwinNumber twin, ColumnId column) const;  // cheaper: no times
  bool Has(TwinNumber twin, ColumnId column) const;        // not null
  // Of a twin that stands there; and the source time, if one was given.
  Value ValueAt(TwinPlace place, ColumnId column, std::optional<Time>* given) const;

  // Changes when a row that stood for a twin may no longer, or may have other columns.
  uint64_t rows_epoch() const;

  uint64_t twins() const;
  uint64_t twins(TableId table) const;
  TwinNumber next_twin() const;  // one more than the greatest that was ever given
  // What ids of twins, and strings, have taken of the 4 GiB that each of them can: of all states
  // together, and never less until the state is loaded anew. Thread-safe.
  uint64_t ids_bytes() const;
  uint64_t strings_bytes() const;
  // Twins of a table in the order of its rows, from row `from` on, at most `max`; *next is the row
  // to go on from, UINT32_MAX at the end.
  std::vector<TwinNumber> ListTwins(TableId table, uint32_t from, size_t max, uint32_t* next) const;
  // Twins of any of the tables whose numbers are at least `from`, at most `max`, by number. Cost: a
  // few steps for each twin of the tables at most, however many others there are.
  std::vector<TwinNumber> TwinsFrom(absl::Span<const TableId> tables, TwinNumber from,
                                    size_t max) const;

  // Twins whose indexed string column has that value.
  std::vector<TwinNumber> FindEqual(TableId table, ColumnId column, absl::string_view value) const;

  // --- Relationships ---
  RelationshipNumber FindRelationship(TwinNumber source, absl::string_view id) const;
  bool Exists(RelationshipNumber relationship) const;
  Relationship Get(RelationshipNumber relationship) const;
  Value GetValue(RelationshipNumber relationship, ColumnId column) const;
  uint64_t relationships() const;
  RelationshipNumber next_relationship() const;

  // In the order of creation. The next one is kNoRelationship at the end.
  RelationshipNumber FirstOutgoing(TwinNumber twin) const;
  RelationshipNumber NextOutgoing(RelationshipNumber relationship) const;
  RelationshipNumber FirstIncoming(TwinNumber twin) const;
  RelationshipNumber NextIncoming(RelationshipNumber relationship) const;
  uint32_t OutDegree(TwinNumber twin) const;
  uint32_t InDegree(TwinNumber twin) const;
  // Relationships of that type from the twin. Cost: the twin's out-degree; on the head a hash probe
  // where that is above 64.
  uint32_t CountOutgoing(TwinNumber twin, RelationshipTypeId type) const;
  Link LinkOf(RelationshipNumber relationship) const;
  uint64_t relationships(RelationshipTypeId type) const;
  // Changes when a relationship of the type is created or deleted, and never comes back.
  uint64_t topology(RelationshipTypeId type) const;

  // --- The past: source times (past.cc) ---
  Time BeginOf(TwinNumber twin) const;  // of its life in the table where it is
  Time BeginOf(RelationshipNumber relationship) const;
  // Those that exist and began after `time`, ascending, `max` of them at most. Cost: a look at each
  // 128 that came together, and at each of the others.
  std::vector<TwinNumber> TwinsSince(Time time, size_t max) const;
  std::vector<RelationshipNumber> RelationshipsSince(Time time, size_t max) const;
  // Calls visit(row) for rows of the column whose value has a source time after `time`, and with
  // `or_missing` for rows without a value and without a twin, until it answers false. Then false.
  // Cost: as above.
  bool VisitSince(TableId table, ColumnId column, Time time, bool or_missing,
                  absl::FunctionRef<bool(uint32_t row)> visit) const;
  // The last change of a relationship's properties, or its begin. On the head only.
  Time ChangedOf(RelationshipNumber relationship) const;
  // Of the last twin that had the id and was deleted, or relationship: when that was. The earliest
  // time there is: there was none, or the past has forgotten it. On the head only.
  Time EndOfFormer(absl::string_view id) const;
  Time EndOfFormer(TwinNumber source, absl::string_view id) const;
  // Its lives as other models, which ended by moving on. In no order; on the head only.
  std::vector<EndedTwin> MovesOf(TwinNumber twin) const;
  // No twin that was deleted ended after this.
  Time last_end_of_twins() const;
  // All twins that ever had the id and are not forgotten, the last one first.
  std::vector<TwinNumber> TwinsOf(absl::string_view id) const;
  // Entries lie in slots below these; a slot may be empty: then false.
  uint32_t ended_twin_slots() const;
  uint32_t ended_relationship_slots() const;
  uint32_t former_value_slots() const;
  bool GetEnded(uint32_t slot, EndedTwin* ended) const;
  bool GetEnded(uint32_t slot, EndedRelationship* ended) const;
  bool GetFormer(uint32_t slot, FormerValue* former) const;
  // Values that they had at the end; of a slot that is not empty. Null: none.
  Cell EndedCell(uint32_t slot, ColumnId column) const;
  absl::string_view EndedRelationshipId(uint32_t slot) const;
  Value EndedRelationshipValue(uint32_t slot, ColumnId column) const;
  Value FormerValueOf(uint32_t slot) const;
  uint64_t past_entries() const;
  // What would be forgotten with the model: ended twins of it, and ended relationships that it
  // declares. Cost: a look at every entry.
  PastOfModel PastOf(const TableSchema& table) const;
  // Changes whenever an entry comes or goes; what two views of one graph agree on is the same.
  uint64_t past_version() const;
  // What had ended before this has been dropped.
  Time past_begin() const;

  // --- Batches, page by page: what queries read (columns.cc) ---
  uint32_t Rows(TableId table) const;  // all rows of the table lie below this
  // Appends twin and row of each row in [first, first + count) that holds a twin.
  void ListRows(TableId table, uint32_t first, uint32_t count, std::vector<uint32_t>* twins,
                std::vector<uint32_t>* rows) const;
  // A page of kPageRows rows in place: twin numbers + 1, 0 for rows without one; and of a column
  // pages.size() of them from `first` on: the values, after a bitmap of the rows that have one.
  // nullptr: never written.
  static constexpr uint32_t kPageRows = 128;
  const uint32_t* TwinPage(TableId table, uint32_t page) const;
  void ColumnPages(TableId table, ColumnId column, uint32_t first,
                   absl::Span<const char*> pages) const;
  // What pages of strings hold for that one; -1: none of this view has it.
  int64_t CodeOf(absl::string_view text) const;
  void PlacesOf(absl::Span<const uint32_t> twins, TwinPlace* places) const;
  // Strings live as long as the view. Fastest for rows that follow each other.
  void ReadColumn(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                  const ColumnBatch& out) const;
  // Update times, or source times, as Get gives them; NULL where there is no value.
  void ReadTimes(TableId table, ColumnId column, absl::Span<const uint32_t> rows, bool source,
                 std::vector<uint8_t>* nulls, int64_t* times) const;
  // Whether one of the rows was given a value with a source time after that.
  bool AnyLater(TableId table, ColumnId column, absl::Span<const uint32_t> rows, Time time) const;
  // Type (UINT32_MAX: it does not exist), source and target of [first, first + count).
  void ReadLinks(uint32_t first, uint32_t count, uint32_t* types, uint32_t* sources,
                 uint32_t* targets) const;
  // Of relationships of that type.
  void ReadColumn(RelationshipTypeId type, ColumnId column,
                  absl::Span<const uint32_t> relationships, const ColumnBatch& out) const;

  // --- Ahead of work on many twins, of the head (ahead.cc) ---
  // Hints that bring memory nearer, for all of them at once: one step for each, then the next. They
  // promise nothing, guesses included.
  static size_t HashOf(absl::string_view id);
  void FetchIds(absl::Span<const size_t> hashes) const;
  void GuessTwins(absl::Span<const size_t> hashes, TwinNumber* twins) const;  // kNoTwin: none
  void FetchTwin(TwinNumber twin) const;
  void FetchOutgoing(absl::Span<const TwinNumber> twins) const;  // what FindRelationship looks at
  bool FindPlace(TwinNumber twin, TwinPlace* place) const;       // false: there is no such twin
  void FetchIdPlace(TwinNumber twin) const;                      // first, where IdOf follows
  void FetchId(TwinNumber twin) const;                           // of a twin that was given
  void FetchCell(TwinPlace place, ColumnId column) const;
  void FetchValue(TwinPlace place, ColumnId column) const;  // what ValueAt looks at

 private:
  friend class Graph;
  GraphView(const State* state, Shared* shared, uint64_t pin);

  const State* state_;
  std::shared_ptr<Shared> keep_;  // of a snapshot
  Shared* shared_;
  uint64_t pin_;  // 0: the head
};

// Bytes in use, by what for; of indexes roughly. Cost: a look at each column.
struct GraphMemory {
  uint64_t columns = 0, ids = 0, strings = 0, relationships = 0, index = 0;
  uint64_t past = 0;       // times of beginning, and what has ended
  uint64_t retained = 0;   // by snapshots only
  uint64_t snapshots = 0;  // how many are alive

  uint64_t total() const {
    return columns + ids + strings + relationships + index + past + retained;
  }
};

// The pages that changed since the last checkpoint that succeeded.
struct CheckpointPages {
  std::shared_ptr<const GraphView> view;
  uint64_t newer_than = 0;
  uint64_t stamp = 0;
  uint32_t ids_from = 0;
  std::vector<uint32_t> string_pages;
};

// Thread-compatible: everything under the writer's lock, except where stated.
class Graph {
 public:
  Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph();

  const GraphView& head() const { return *head_; }

  // A snapshot of the head. Pins of the same state share it. Costs nothing until something is
  // written. May be released from any thread at any time.
  std::shared_ptr<const GraphView> Pin();

  // --- The writer's. None of these fail: ingest has checked everything. ---
  // Tables for new models, existing ones kept. Old views keep their Catalog.
  void SetCatalog(std::shared_ptr<const Catalog> catalog);

  // Source times of what is always recorded; without one: head().time().
  using SourceTime = std::optional<Time>;
  // Numbers are those of head().next_twin() and next_relationship(), in order.
  void CreateTwin(TwinNumber number, absl::string_view id, TableId table, Sequence version,
                  Time time, SourceTime begin = std::nullopt);
  // Null clears. `value` has the form that the column stores.
  void SetValue(TwinNumber twin, ColumnId column, const Value& value, Time update, Time source);
  // The same of a twin that stands there.
  void SetValue(TwinNumber twin, TwinPlace place, ColumnId column, const Value& value, Time update,
                Time source);
  // SetValue, unless the column has a value with a later source time already: then false.
  bool SetLatest(TwinNumber twin, ColumnId column, const Value& value, Time update, Time source);
  // The same for rows of one page of a column of kFloat or kDouble that is not indexed: ascending,
  // each once, at least one, and each with a value.
  void SetLatest(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                 absl::Span<const double> values, Time update, Time source);
  // SetValue of these rows, any of the table's, in a column of numbers or booleans, as of `update`.
  void SetNumbers(TableId table, ColumnId column, const NumberRows& numbers, Time update);
  // A change of the twin itself: version (etag) and update time.
  void Touch(TwinNumber twin, Sequence version, Time time);
  // To another table: values of columns with the same path and type go along.
  void MoveTwin(TwinNumber twin, TableId table, Sequence version, Time time,
                SourceTime source = std::nullopt);
  // It has no relationships any more. What it was is kept until DropPast; then Compact reclaims
  // its id and number.
  void DeleteTwin(TwinNumber twin, SourceTime end = std::nullopt);

  void CreateRelationship(RelationshipNumber number, RelationshipTypeId type, TwinNumber source,
                          TwinNumber target, absl::string_view id, Sequence version,
                          SourceTime begin = std::nullopt);
  void SetValue(RelationshipNumber relationship, ColumnId column, const Value& value,
                SourceTime source = std::nullopt);
  // CreateTwin of each of them, SetValue of what they have, and CreateRelationship of each, at a
  // third of the cost. None of the columns is of kDocument.
  void Create(const Creations& made, Time update);
  void Touch(RelationshipNumber relationship, Sequence version);
  void DeleteRelationship(RelationshipNumber relationship, SourceTime end = std::nullopt);
  // Forgets what ended before that source time.
  void DropPast(Time before);

  // The end of a group of changes: what head().sequence() answers from now on.
  void Advance(Sequence sequence, Time time);

  // Rows of each table in the order in which `order` names their twins; twins that it does not
  // name follow. Forgets ids of deleted twins, unless a snapshot is alive.
  void Reorder(absl::Span<const TwinNumber> order);
  uint64_t deleted_twins() const;  // whose ids wait for Reorder

  // --- Checkpoints ---
  // What has to be written so that what earlier checkpoints wrote, overwritten by this, is the
  // state; `everything`: the state alone.
  CheckpointPages PinForCheckpoint(bool everything);
  void CheckpointDone(const CheckpointPages& pages);
  // Thread-safe: reads the pinned view.
  static absl::Status VisitPages(
      const CheckpointPages& pages,
      absl::FunctionRef<absl::Status(const PageKey& key, absl::string_view bytes)> visit);

  // A new Graph with its catalog takes pages, in any order, then FinishLoad, which builds what
  // pages do not hold. DATA_LOSS: they do not fit together.
  // The index of ids takes as long to build as all else together: where pages of ids come first,
  // EndOfIds lets that begin beside what follows.
  absl::Status LoadPage(const PageKey& key, absl::string_view bytes);
  void EndOfIds(TwinNumber next_twin);
  absl::Status FinishLoad(Sequence sequence, Time time, TwinNumber next_twin,
                          RelationshipNumber next_relationship);

  GraphMemory memory() const;

 private:
  struct Rows;
  State* Change();
  Table* ChangeTable(TableId table);
  Table* ChangeRelationshipTable(RelationshipTypeId type);
  void ClearRow(TwinNumber twin, TableId table, uint32_t row);
  uint32_t TakeRow(Table* table, std::vector<uint32_t>* free, uint32_t number);
  void StoreValue(struct Column* column, ColumnType type, uint32_t row, const Value& value);
  // create.cc
  void CreateTwins(const Creations& made, Time update);
  void CreateFirstValues(const Creations& made, TwinNumber first, Time update);
  void CreateFirstValues(const Creations& made, RelationshipNumber first);
  void FetchEnds(absl::Span<const Creations::Relationship> relationships) const;
  // Its id has that code, which has been counted.
  void Relate(const Creations::Relationship& relationship, uint32_t id);
  absl::Status CheckLoaded();
  void IndexLoadedValues();
  absl::Status UseLoadedStrings();
  absl::Status CountLoadedRelationships();
  // past.cc
  void EndTwin(TwinNumber twin, bool moved, SourceTime end);
  void EndRelationship(RelationshipNumber relationship, SourceTime end);
  void KeepFormer(RelationshipNumber relationship, ColumnId column, SourceTime source);
  void DropEntries(absl::FunctionRef<bool(const EndedTwin&)> drop_twin,
                   absl::FunctionRef<bool(const EndedRelationship&)> drop_relationship,
                   absl::FunctionRef<bool(const FormerValue&)> drop_value);
  void DropPastOfDeletedModels();
  std::vector<bool> TwinsOfPast() const;
  absl::Status FinishLoadPast();
  absl::Status FinishLoadEndedTwins();
  absl::Status FinishLoadEndedRelationships();
  absl::Status FinishLoadFormerValues();
  bool HasLoadedId(TwinNumber twin) const;

  std::shared_ptr<Shared> shared_;
  State* state_ = nullptr;  // one reference is ours
  std::unique_ptr<GraphView> head_;
  std::weak_ptr<const GraphView> pinned_;
  std::vector<std::vector<uint32_t>> free_rows_;  // by TableId
  std::vector<std::vector<uint32_t>> free_relationship_rows_;
  std::vector<uint32_t> free_ended_twins_, free_ended_relationships_, free_former_values_;
  uint64_t stamp_ = 1;          // of pages that change now
  uint64_t durable_stamp_ = 0;  // of the last checkpoint
  uint32_t durable_ids_ = 0;
  uint64_t deleted_twins_ = 0;
  std::jthread indexing_ids_;  // while a checkpoint is loaded
};

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_GRAPH_H_
