// Strings by number: each different string is kept once and counted.
#ifndef TWIN_SERVER_GRAPH_STRINGS_H_
#define TWIN_SERVER_GRAPH_STRINGS_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/check.h"
#include "server/base/sync.h"
#include "server/graph/numbers_by_text.h"

namespace twin::graph {

// An array that grows and whose items never move. One thread appends; others may read items that
// they learnt of by a lock or a release after they were written.
template <typename T>
class StableArray {
 public:
  static constexpr size_t kChunk = 1 << 14;

  StableArray() : chunks_(static_cast<T**>(std::calloc(kChunks, sizeof(T*)))) {
    TWIN_CHECK(chunks_ != nullptr);
  }
  StableArray(const StableArray&) = delete;
  StableArray& operator=(const StableArray&) = delete;
  ~StableArray() {
    for (size_t i = 0; i * kChunk < capacity_; ++i) delete[] chunks_[i];
  }

  // Makes room for the items below `size`, value-initialised.
  void Reserve(size_t size) {
    while (capacity_ < size) {
      chunks_[capacity_ / kChunk] = new T[kChunk]();
      capacity_ += kChunk;
    }
  }
  T& operator[](size_t i) { return chunks_[i / kChunk][i % kChunk]; }
  const T& operator[](size_t i) const { return chunks_[i / kChunk][i % kChunk]; }
  size_t bytes() const { return capacity_ * sizeof(T); }

 private:
  static constexpr size_t kChunks = (uint64_t{1} << 32) / kChunk;
  struct Free {
    void operator()(T** chunks) const { std::free(chunks); }
  };

  const std::unique_ptr<T*[], Free> chunks_;  // memory of those that are not there is never touched
  size_t capacity_ = 0;
};

// Bytes of strings, at places that never move: 4 GiB of them at most, which whoever adds must see
// to before. Freed places are used again for strings that take as much. Writing is for one thread.
class StringArena {
 public:
  StringArena() : blocks_(new char*[kBlocks]()) {}
  StringArena(const StringArena&) = delete;
  StringArena& operator=(const StringArena&) = delete;
  ~StringArena();

  uint32_t Add(absl::string_view text);
  absl::string_view Get(uint32_t place) const;
  void Fetch(uint32_t place) const { __builtin_prefetch(At(place)); }  // a hint: Get follows
  void Free(uint32_t place);
  size_t bytes() const { return used_; }
  // Of the 4 GiB, what is given away; never less again. Thread-safe.
  uint64_t end() const { return end_.load(std::memory_order_relaxed); }

  static constexpr size_t kBlockBytes = 4 << 20;
  // The longest that fits.
  static constexpr size_t kStringBytesMax = kBlockBytes - 16;

 private:
  static constexpr size_t kBlocks = (uint64_t{1} << 32) / kBlockBytes;
  char* At(uint32_t place) const { return blocks_[place / kBlockBytes] + place % kBlockBytes; }

  const std::unique_ptr<char*[]> blocks_;
  std::atomic<uint64_t> end_{0};
  size_t used_ = 0;
  absl::flat_hash_map<uint32_t, std::vector<uint32_t>> free_;  // by bytes taken
};

// Which snapshots are alive: what they may still see is not given away.
class Pins {
 public:
  uint64_t Add() ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(uint64_t pin) ABSL_LOCKS_EXCLUDED(mutex_);
  // Something that is let go now may be seen by pins below this.
  uint64_t Now() const ABSL_LOCKS_EXCLUDED(mutex_);
  // No pin that is alive is below `now`.
  bool NoneBelow(uint64_t now) const ABSL_LOCKS_EXCLUDED(mutex_);
  size_t alive() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, int> alive_ ABSL_GUARDED_BY(mutex_);
};

// How often each of many numbers is used: a byte of most, which are used seldom. Thread-compatible.
class UseCounts {
 public:
  size_t size() const { return low_.size(); }
  void Resize(size_t size) { low_.resize(size); }  // new ones are 0
  void Add(uint32_t number) {
    if (++low_[number] == 0) ++high_[number];
  }
  // Which is used.
  void Remove(uint32_t number) {
    if (low_[number]-- != 0) return;
    const auto it = high_.find(number);
    TWIN_CHECK(it != high_.end()) << number << " is not used";
    if (--it->second == 0) high_.erase(it);
  }
  bool Used(uint32_t number) const { return low_[number] != 0 || high_.contains(number); }
  size_t bytes() const { return low_.size() + high_.capacity() * 9; }

 private:
  std::vector<uint8_t> low_;
  absl::flat_hash_map<uint32_t, uint32_t> high_;  // 256 times each; never 0
};

inline constexpr uint32_t kNoString = UINT32_MAX;

// One thread interns and releases, any may read what a snapshot shows it.
class StringPool {
 public:
  explicit StringPool(const Pins* pins) : pins_(*pins) {}

  // The code of a string; counts one more use.
  uint32_t Intern(absl::string_view text) ABSL_LOCKS_EXCLUDED(mutex_);
  // The same of each, side by side.
  void InternAll(absl::Span<const absl::string_view> texts, uint32_t* codes)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // One use less. A string without uses goes when no snapshot can see it: see Collect.
  void Release(uint32_t code);
  void Collect() ABSL_LOCKS_EXCLUDED(mutex_);

  absl::string_view Get(uint32_t code) const { return arena_.Get(places_[code]); }
  // kNoString: not here.
  uint32_t Find(absl::string_view text) const ABSL_LOCKS_EXCLUDED(mutex_);

  // --- Checkpoints: a page holds the strings of kCodesPerPage codes. ---
  static constexpr uint32_t kCodesPerPage = 256;
  uint32_t pages() const;
  uint64_t stamp(uint32_t page) const { return stamps_[page]; }
  void set_stamp(uint64_t stamp) { stamp_ = stamp; }  // of changes from now on
  std::string PageBytes(uint32_t page) const ABSL_LOCKS_EXCLUDED(mutex_);
  // False: these are no such bytes. Uses are counted by AddUse afterwards; DropUnused ends it, and
  // only then are strings found: an unused one may be there twice. False: a used one is.
  bool LoadPage(uint32_t page, absl::string_view bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  bool AddUse(uint32_t code);  // false: no such string
  bool DropUnused() ABSL_LOCKS_EXCLUDED(mutex_);

  size_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t arena_bytes() const { return arena_.end(); }

 private:
  struct Waiting {
    uint32_t code;
    uint64_t now;  // of Pins, when its last use ended
  };
  uint32_t Intern(absl::string_view text, size_t hash) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Free(uint32_t code) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Stamp(uint32_t code);

  const Pins& pins_;
  StringArena arena_;
  StableArray<uint32_t> places_;  // of codes; kNoString: free
  UseCounts uses_;                // the writer's
  std::vector<uint64_t> stamps_;  // the writer's, by page
  uint64_t stamp_ = 1;
  std::deque<Waiting> waiting_;
  absl::flat_hash_map<uint32_t, uint64_t> released_;  // a code's last entry in waiting_

  mutable Mutex mutex_;
  NumbersByText<StringPool> by_text_ ABSL_GUARDED_BY(mutex_){this};
  uint32_t codes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<uint32_t> free_codes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_STRINGS_H_
