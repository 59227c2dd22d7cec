// What a Graph is made of: the rows and tables behind GraphView. Internal to server/graph.
#ifndef TWIN_SERVER_GRAPH_STATE_H_
#define TWIN_SERVER_GRAPH_STATE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/base/sync.h"
#include "server/base/time.h"
#include "server/graph/catalog.h"
#include "server/graph/pages.h"
#include "server/graph/strings.h"

namespace twin::graph {

inline constexpr uint32_t kNone = UINT32_MAX;

// One twin, by its number.
struct TwinEntry {
  uint32_t table = 0;  // + 1; 0: it is not there
  uint32_t row = 0;
  uint32_t first_out = kNone;  // lists of relationships: next by `next`, the first one's `previous`
  uint32_t first_in = kNone;   // is the last
  uint32_t out_degree = 0;
  uint32_t in_degree = 0;
  uint64_t version = 0;
  int64_t update_time = 0;
};
static_assert(sizeof(TwinEntry) == 40);

// One relationship, by its number.
struct RelationshipEntry {
  uint32_t type = 0;  // + 1; 0: it is not there
  uint32_t source = 0;
  uint32_t target = 0;
  uint32_t id = 0;   // code of a string
  uint32_t row = 0;  // in its type's columns
  uint32_t next_out = kNone;
  uint32_t previous_out = kNone;
  uint32_t next_in = kNone;
  uint32_t previous_in = kNone;
  uint32_t version_low = 0;
  uint32_t version_high = 0;
};
static_assert(sizeof(RelationshipEntry) == 44);

// What has ended, by slot. A number of 0: the slot is empty.
struct EndedTwinEntry {
  static constexpr uint32_t kMoved = 1u << 31;
  uint32_t number = 0;  // + 1
  uint32_t table = 0;   // and kMoved
  uint64_t version = 0;
  int64_t update_time = 0;
  int64_t begin = 0;
  int64_t end = 0;
};
static_assert(sizeof(EndedTwinEntry) == 40);

struct EndedRelationshipEntry {
  uint32_t number = 0;  // + 1
  uint32_t type = 0;
  uint32_t source = 0;
  uint32_t target = 0;
  uint64_t version = 0;
  int64_t begin = 0;
  int64_t end = 0;
};
static_assert(sizeof(EndedRelationshipEntry) == 40);

struct FormerValueEntry {
  uint32_t relationship = 0;  // + 1
  uint32_t column = 0;
  int64_t time = 0;
};
static_assert(sizeof(FormerValueEntry) == 16);

inline constexpr uint32_t kEntriesPerPage = 32;
inline constexpr uint32_t kRowsPerPage = 128;
inline constexpr uint32_t kBitmapBytes = kRowsPerPage / 8;

template <typename T>
const T* EntryAt(const PageArray& array, uint32_t number) {
  const char* page = array.Bytes(number / kEntriesPerPage);
  if (page == nullptr) return nullptr;
  return reinterpret_cast<const T*>(page) + number % kEntriesPerPage;
}

template <typename T>
T* MutableEntryAt(PageArray* array, uint32_t number, uint64_t stamp) {
  char* page = array->Mutable(number / kEntriesPerPage, sizeof(T) * kEntriesPerPage, stamp);
  return reinterpret_cast<T*>(page) + number % kEntriesPerPage;
}

// Values of one column. A page is a bitmap of the rows that have one, then the values.
struct Column {
  PageArray values;
  // Nanoseconds. A page of 8 bytes is the time of all its rows, else each has its own.
  PageArray update_times;
  PageArray source_times;  // 0: the update time
};

uint32_t ValueBytes(ColumnType type);
bool IsStringColumn(ColumnType type);

// Of one model, or of one relationship type.
struct Table {
  std::atomic<uint32_t> references{1};
  PageArray numbers;  // row to number + 1; 0: no such row
  uint32_t rows = 0;  // one more than the greatest that was ever used
  uint64_t live = 0;
  uint64_t topology = 0;  // of a relationship type: how many were created and deleted
  std::vector<Column> columns;

  Table() = default;
  Table(const Table& other)
      : numbers(other.numbers),
        rows(other.rows),
        live(other.live),
        topology(other.topology),
        columns(other.columns) {}
  Table& operator=(const Table&) = delete;
  ~Table() = default;
  static void Delete(Table* table) { delete table; }
};

// Entries of one kind, by slot, and what each of them held, a page a slot.
struct PastLog {
  PageArray entries;
  PageArray values;
  uint32_t slots = 0;  // one more than the greatest that was ever used
  uint64_t live = 0;

  uint64_t bytes() const { return entries.bytes() + values.bytes(); }
};

// A whole state.
struct State {
  std::atomic<uint32_t> references{1};
  Sequence sequence;
  Time time;
  std::shared_ptr<const Catalog> catalog = Catalog::Empty();
  PageArray twin_entries;
  PageArray relationship_entries;
  std::vector<Ref<Table>> tables;               // by TableId
  std::vector<Ref<Table>> relationship_tables;  // by RelationshipTypeId
  uint32_t next_twin = 0;
  uint32_t next_relationship = 0;
  uint64_t twins = 0;
  uint64_t relationships = 0;
  uint64_t rows_epoch = 1;
  // Source times, by number: as Column::update_times.
  PageArray twin_begins;
  PageArray relationship_begins;
  PastLog ended_twins;
  PastLog ended_relationships;
  PastLog former_values;  // of relationships
  PageArray past_begin;   // page 0: 8 bytes; never written: nothing was dropped
  uint64_t past_version = 0;

  State() = default;
  State(const State& other)
      : sequence(other.sequence),
        time(other.time),
        catalog(other.catalog),
        twin_entries(other.twin_entries),
        relationship_entries(other.relationship_entries),
        tables(other.tables),
        relationship_tables(other.relationship_tables),
        next_twin(other.next_twin),
        next_relationship(other.next_relationship),
        twins(other.twins),
        relationships(other.relationships),
        rows_epoch(other.rows_epoch),
        twin_begins(other.twin_begins),
        relationship_begins(other.relationship_begins),
        ended_twins(other.ended_twins),
        ended_relationships(other.ended_relationships),
        former_values(other.former_values),
        past_begin(other.past_begin),
        past_version(other.past_version) {}
  State& operator=(const State&) = delete;
  ~State() = default;
  static void Delete(State* state) { delete state; }
};

// A hint: the entry is about to be looked at.
inline void FetchRelationship(const State& state, uint32_t number) {
  const size_t at = number % kEntriesPerPage * sizeof(RelationshipEntry);
  state.relationship_entries.FetchByte(number / kEntriesPerPage,
                                       at + offsetof(RelationshipEntry, next_out));
}

// Ids of twins, of all states together: a number's id never changes.
class TwinIds {
 public:
  void Add(uint32_t number, absl::string_view id) ABSL_LOCKS_EXCLUDED(mutex_);
  // The same of the ids of first, first + 1 …, side by side.
  void AddAll(uint32_t first, absl::Span<const absl::string_view> ids) ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes room for numbers below `numbers`.
  void Reserve(uint32_t numbers) ABSL_LOCKS_EXCLUDED(mutex_);
  // Where many are loaded: ids whose numbers have room, which are found only after IndexAll. That
  // may run on another thread while no more are loaded. False: the number has an id already.
  bool Load(uint32_t number, absl::string_view id);
  void IndexAll() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::string_view Get(uint32_t number) const { return arena_.Get(places_[number]); }
  // The last twin that was created with the id, or kNone.
  uint32_t Find(absl::string_view id, size_t hash) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Hints: what Find looks at first; and what it will probably give, for a look at the rest.
  void Fetch(absl::Span<const size_t> hashes) const ABSL_LOCKS_EXCLUDED(mutex_);
  void Guess(absl::Span<const size_t> hashes, uint32_t* numbers) const ABSL_LOCKS_EXCLUDED(mutex_);
  void FetchPlace(uint32_t number) const { __builtin_prefetch(&places_[number]); }
  void FetchText(uint32_t number) const { arena_.Fetch(places_[number]); }
  // The one before it with the same id, or kNone.
  uint32_t Before(uint32_t number) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets ids of twins for which `keep` is false; no snapshot may see them.
  void Retain(uint32_t numbers, absl::FunctionRef<bool(uint32_t)> keep) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Has(uint32_t number) const { return places_[number] != kNone; }
  uint64_t arena_bytes() const { return arena_.end(); }
  size_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Index(uint32_t number, size_t hash) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void IndexRange(uint32_t begin, uint32_t end) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  StringArena arena_;
  StableArray<uint32_t> places_;
  mutable Mutex mutex_;
  uint32_t numbers_ ABSL_GUARDED_BY(mutex_) = 0;
  NumbersByText<TwinIds> by_id_ ABSL_GUARDED_BY(mutex_){this};  // the last of each id
  absl::flat_hash_map<uint32_t, uint32_t> before_ ABSL_GUARDED_BY(mutex_);
};

// Which twins have a value in an indexed column. Also names twins that had it while a snapshot
// may still see that; whoever asks looks at the twin.
class EqualityIndex {
 public:
  explicit EqualityIndex(const Pins* pins) : pins_(*pins) {}
  void Add(TableId table, ColumnId column, uint32_t code, uint32_t twin)
      ABSL_LOCKS_EXCLUDED(mutex_);
  struct Entry {
    uint32_t code, twin;
  };
  void AddAll(TableId table, ColumnId column, absl::Span<const Entry> entries)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(TableId table, ColumnId column, uint32_t code, uint32_t twin)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Collect() ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<uint32_t> Find(TableId table, ColumnId column, uint32_t code) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  size_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Key {
    uint32_t table, column, code;
    bool operator==(const Key& other) const = default;
    template <typename H>
    friend H AbslHashValue(H hash, const Key& key) {
      return H::combine(std::move(hash), key.table, key.column, key.code);
    }
  };
  struct Waiting {
    Key key;
    uint32_t twin;
    uint64_t now;
  };
  void Add(const Key& key, uint32_t twin) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Pins& pins_;
  mutable Mutex mutex_;
  absl::flat_hash_map<Key, uint32_t> single_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<Key, absl::flat_hash_set<uint32_t>> many_ ABSL_GUARDED_BY(mutex_);
  size_t in_many_ ABSL_GUARDED_BY(mutex_) = 0;  // twins in many_
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  // How often a removal of the pair waits, so that one that came back stays.
  absl::flat_hash_map<std::pair<Key, uint32_t>, uint64_t> removed_ ABSL_GUARDED_BY(mutex_);
};

// Relationships of twins with many of them, by source and id, and their counts by type. As
// EqualityIndex, of the newest state; others look themselves.
class RelationshipIndex {
 public:
  static constexpr uint32_t kDegreeMin = 64;  // twins below are walked

  void Add(uint32_t source, uint32_t id, uint32_t type, uint32_t number)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(uint32_t source, uint32_t id, uint32_t type) ABSL_LOCKS_EXCLUDED(mutex_);
  struct Entry {
    uint32_t source;
    uint32_t id;
    uint32_t type;
    uint32_t number;
  };
  // All relationships of their sources, which it covers from now on.
  void CoverAll(absl::Span<const Entry> entries) ABSL_LOCKS_EXCLUDED(mutex_);
  uint32_t Find(uint32_t source, uint32_t id) const ABSL_LOCKS_EXCLUDED(mutex_);
  uint32_t Count(uint32_t source, uint32_t type) const ABSL_LOCKS_EXCLUDED(mutex_);
  bool Covers(uint32_t source) const ABSL_LOCKS_EXCLUDED(mutex_);
  size_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  static constexpr uint32_t kMarks = 1 << 12;  // sources of the same remainder share one

  static uint64_t Key(uint32_t a, uint32_t b) { return (uint64_t{a} << 32) | b; }
  // Most sources are not covered, which is seen without the lock.
  std::atomic<uint64_t> marks_[kMarks / 64] = {};
  mutable Mutex mutex_;
  absl::flat_hash_set<uint32_t> covered_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, uint32_t> numbers_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, uint32_t> counts_ ABSL_GUARDED_BY(mutex_);
};

// When properties of relationships last changed, of those that did. Of the newest state.
class ChangeTimes {
 public:
  void Set(uint32_t relationship, uint32_t column, int64_t time) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Find(uint32_t relationship, uint32_t column, int64_t* time) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(uint32_t relationship, uint32_t column) ABSL_LOCKS_EXCLUDED(mutex_);
  size_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  static uint64_t Key(uint32_t a, uint32_t b) { return (uint64_t{a} << 32) | b; }
  mutable Mutex mutex_;
  absl::flat_hash_map<uint64_t, int64_t> times_ ABSL_GUARDED_BY(mutex_);
};

// Where among what has ended the last deleted holder of an id is, by a hash of the id: the slot is
// to be looked at. Of the newest state.
class FormerHolders {
 public:
  static uint64_t KeyOf(absl::string_view twin_id);
  static uint64_t KeyOf(TwinNumber source, absl::string_view relationship_id);
  void Set(uint64_t key, uint32_t slot, Time end) ABSL_LOCKS_EXCLUDED(mutex_);
  uint32_t Find(uint64_t key) const ABSL_LOCKS_EXCLUDED(mutex_);  // kNone: nobody held it
  void Remove(uint64_t key, uint32_t slot) ABSL_LOCKS_EXCLUDED(mutex_);
  // None ended later, unless somebody was deleted since.
  Time last_end() const { return Time{last_end_.load(std::memory_order_relaxed)}; }
  size_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::atomic<int64_t> last_end_{INT64_MIN};
  mutable Mutex mutex_;
  absl::flat_hash_map<uint64_t, uint32_t> slots_ ABSL_GUARDED_BY(mutex_);
};

// Where among what has ended the lives of twins are that moved to another model. Of the newest
// state.
class MovedTwins {
 public:
  void Add(uint32_t twin, uint32_t slot) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(uint32_t twin, uint32_t slot) ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<uint32_t> Find(uint32_t twin) const ABSL_LOCKS_EXCLUDED(mutex_);
  size_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable Mutex mutex_;
  absl::flat_hash_map<uint32_t, std::vector<uint32_t>> slots_ ABSL_GUARDED_BY(mutex_);
};

// What all states of one Graph share.
struct Shared {
  Pins pins;
  TwinIds ids;
  StringPool strings{&pins};
  EqualityIndex equality{&pins};
  RelationshipIndex relationships;
  ChangeTimes changes;
  FormerHolders former_twins;
  FormerHolders former_relationships;
  MovedTwins moved;
};

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_STATE_H_
