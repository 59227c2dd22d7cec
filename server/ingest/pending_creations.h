// Twins and relationships that were created, are not yet applied, and to which nothing else has
// happened: what waits for the disk while much is loaded. A part of PendingState.
#ifndef TWIN_SERVER_INGEST_PENDING_CREATIONS_H_
#define TWIN_SERVER_INGEST_PENDING_CREATIONS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/ingest/number_queue.h"

namespace twin::ingest {

// Numbers are given in order and forgotten in order, so this is two queues: what a record made is
// forgotten by moving their beginnings. Indexes keep numbers that are gone until they are full.
// Thread-compatible.
class PendingCreations {
 public:
  struct Twin {
    TableId table;
    Sequence version;
    Time begin;
    Time time;                // of its unit
    absl::string_view id;     // these are kept here
    absl::string_view bytes;  // of its unit, encoded; empty: it is pending elsewhere
  };
  struct Relationship {
    RelationshipTypeId type;
    TwinNumber source;
    TwinNumber target;
    Sequence version;
    Time begin;
    absl::string_view id;     // kept here; empty: it is pending elsewhere
    absl::string_view bytes;  // of its unit, encoded, and kept here; empty: it has no values
    // The ones before it of a source, or target, whose number ends alike.
    uint32_t before_out = 0;
    uint32_t before_in = 0;
  };

  PendingCreations();

  // Forgets all; the next ones have these numbers.
  void Reset(uint32_t next_twin, uint32_t next_relationship);
  // The next one. The id lies within `bytes`, where there are any.
  void Add(const Twin& twin);
  void Add(Relationship relationship);
  // The next one is pending elsewhere.
  void SkipTwin() { twins_.Push(Twin()); }
  void SkipRelationship() { relationships_.Push(Relationship()); }
  // Takes back what has these numbers and greater ones.
  void CutBack(uint32_t next_twin, uint32_t next_relationship);
  // What came since the last call belongs to that record; numbers of records rise.
  void EndRecord(uint64_t record);
  // Forgets what belongs to records up to that one.
  void Applied(uint64_t record);

  // nullptr: not here. Valid until the next change.
  const Twin* Find(TwinNumber twin) const {
    if (!twins_.Has(twin.value)) return nullptr;
    const Twin& found = twins_[twin.value];
    return found.bytes.empty() ? nullptr : &found;
  }
  const Relationship* Find(RelationshipNumber relationship) const {
    if (!relationships_.Has(relationship.value)) return nullptr;
    const Relationship& found = relationships_[relationship.value];
    return found.id.empty() ? nullptr : &found;
  }
  // Whether it has at most that many, for which it looks at no more than as many places.
  bool HasFewOutgoing(TwinNumber twin, int max) const {
    uint32_t number = last_out_[twin.value % kEnds];
    for (; max > 0 && relationships_.Has(number); --max) number = relationships_[number].before_out;
    return !relationships_.Has(number);
  }
  bool has_twins() const { return twins_.size() > 0; }
  uint32_t relationships() const { return static_cast<uint32_t>(relationships_.size()); }
  TwinNumber FindTwin(absl::string_view id, size_t hash) const;  // as GraphView::HashOf says
  RelationshipNumber FindRelationship(TwinNumber source, absl::string_view id) const;
  // Hints: what these look at first.
  void FetchTwin(size_t hash) const { twins_by_id_.Fetch(static_cast<uint32_t>(hash)); }
  void FetchRelationship(TwinNumber source, absl::string_view id) const;

  // Calls visit(number, relationship) for those of a twin, the last one first.
  template <typename Visit>
  void ForEachOutgoing(TwinNumber twin, Visit visit) const {
    for (uint32_t number = last_out_[twin.value % kEnds]; relationships_.Has(number);) {
      const Relationship& each = relationships_[number];
      if (each.source == twin) visit(RelationshipNumber(number), each);
      number = each.before_out;
    }
  }
  template <typename Visit>
  void ForEachIncoming(TwinNumber twin, Visit visit) const {
    for (uint32_t number = last_in_[twin.value % kEnds]; relationships_.Has(number);) {
      const Relationship& each = relationships_[number];
      if (each.target == twin) visit(RelationshipNumber(number), each);
      number = each.before_in;
    }
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kEnds = 1 << 14;  // twins with a number of the same remainder share one

  // Numbers by hash; whether one is still meant is for who asks to say.
  class Index {
   public:
    template <typename IsIt>
    uint32_t Find(uint32_t hash, IsIt is_it) const {
      if (slots_.empty()) return kNone;
      const size_t mask = slots_.size() - 1;
      for (size_t at = hash & mask; slots_[at].number != kNone; at = (at + 1) & mask) {
        if (slots_[at].hash == hash && is_it(slots_[at].number)) return slots_[at].number;
      }
      return kNone;
    }
    void Fetch(uint32_t hash) const {
      if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)], /*rw=*/1);
    }
    template <typename IsHere>
    void Add(uint32_t hash, uint32_t number, IsHere is_here) {
      if (used_ + 1 > slots_.size() / 2) Rebuild(is_here);
      Insert({hash, number});
    }
    void Clear() {
      slots_.clear();
      used_ = 0;
    }

   private:
    struct Slot {
      uint32_t hash = 0;
      uint32_t number = kNone;
    };
    void Insert(Slot slot) {
      const size_t mask = slots_.size() - 1;
      size_t at = slot.hash & mask;
      while (slots_[at].number != kNone) at = (at + 1) & mask;
      slots_[at] = slot;
      ++used_;
    }
    template <typename IsHere>
    void Rebuild(IsHere is_here) {
      std::vector<Slot> here;
      for (const Slot& slot : slots_) {
        if (slot.number != kNone && is_here(slot.number)) here.push_back(slot);
      }
      size_t size = kSlotsMin;
      while (size < 4 * here.size()) size *= 2;
      slots_.assign(size, Slot());
      used_ = 0;
      for (const Slot& slot : here) Insert(slot);
    }
    static constexpr size_t kSlotsMin = 1 << 10;

    std::vector<Slot> slots_;  // a power of two of them
    size_t used_ = 0;
  };

  // Texts, which are forgotten in the order in which they came, many at once.
  class Texts {
   public:
    absl::string_view Add(absl::string_view text);
    uint64_t blocks() const { return first_ + blocks_.size(); }
    void ForgetBlocksBelow(uint64_t block);

   private:
    static constexpr size_t kBlockBytes = 64 << 10;

    std::deque<std::unique_ptr<char[]>> blocks_;
    size_t used_ = kBlockBytes;  // of the last one
    uint64_t first_ = 0;         // of blocks_, counted from the beginning
  };

  struct Record {
    uint64_t number;
    uint32_t next_twin;
    uint32_t next_relationship;
    uint64_t blocks;
  };

  NumberQueue<Twin> twins_;
  NumberQueue<Relationship> relationships_;
  Index twins_by_id_;
  Index relationships_by_id_;
  std::vector<uint32_t> last_out_;
  std::vector<uint32_t> last_in_;
  Texts texts_;
  std::deque<Record> records_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_PENDING_CREATIONS_H_
