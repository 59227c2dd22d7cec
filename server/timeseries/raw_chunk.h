// The newest rows of a group, not compressed: one piece of memory, row by row, so that a row that
// comes touches few lines of the caches. Internal to server/timeseries.
//
//   header │ times 8 × capacity │ sequences 8 × capacity │ rows: of each column 2, 4 or 8, padded
//
// Rows are only added; those that a reader has counted never change, so it reads them without a
// lock. A missing value is a bit pattern that no value of the column has.
#ifndef TWIN_SERVER_TIMESERIES_RAW_CHUNK_H_
#define TWIN_SERVER_TIMESERIES_RAW_CHUNK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/timeseries/block.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

struct RawColumn {
  ColumnKind kind = ColumnKind::kDouble;
  uint8_t decimals = 0;
  uint8_t bytes = 8;    // of a value: 2, 4 or 8 of kScaled and kInt, else 8
  uint32_t offset = 0;  // in the row
  uint32_t alike = 1;   // columns from this one on that lie one behind the other, all alike
};

// How chunks of some groups are laid out. Groups with the same columns share one.
struct RawForm {
  std::vector<RawColumn> columns;
  uint32_t row_bytes = 0;  // of the values of a row
};

// Of each form one. The writer's.
class RawForms {
 public:
  // What `columns` say of kind, decimals and bytes.
  const RawForm* Get(std::vector<RawColumn> columns);
  size_t bytes() const;

 private:
  absl::flat_hash_map<std::string, std::unique_ptr<RawForm>> forms_;
};

class RawChunk;

// Keeps a chunk alive.
class RawChunkPtr {
 public:
  RawChunkPtr() = default;
  explicit RawChunkPtr(RawChunk* owned) : chunk_(owned) {}
  RawChunkPtr(const RawChunkPtr& other);
  RawChunkPtr(RawChunkPtr&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
  RawChunkPtr& operator=(RawChunkPtr other) noexcept {
    std::swap(chunk_, other.chunk_);
    return *this;
  }
  ~RawChunkPtr();

  RawChunk* get() const { return chunk_; }
  RawChunk* operator->() const { return chunk_; }
  RawChunk& operator*() const { return *chunk_; }
  explicit operator bool() const { return chunk_ != nullptr; }

 private:
  RawChunk* chunk_ = nullptr;
};

class RawChunk {
 public:
  // `capacity`: even.
  static RawChunkPtr Create(const RawForm* form, uint32_t capacity);
  // With the same rows and room for more.
  static RawChunkPtr Grown(const RawChunk& chunk, uint32_t capacity);

  const RawForm& form() const { return *form_; }
  uint32_t capacity() const { return capacity_; }
  uint32_t size() const { return size_.load(std::memory_order_acquire); }  // thread-safe
  size_t bytes() const {  // of memory, without values of kValue
    return sizeof(RawChunk) + (kAxisBytes + form_->row_bytes) * capacity_;
  }

  // Writes rows [begin, end) of `rows` behind the last one. False: a value does not fit its column;
  // nothing has changed. They count from Commit on.
  bool Store(const Rows& rows, size_t begin, size_t end);
  // A hint: a row is about to be stored.
  void FetchNext() const;
  void Commit(size_t rows) {
    size_.store(size() + static_cast<uint32_t>(rows), std::memory_order_release);
  }

  int64_t time(size_t row) const { return times()[row]; }
  uint64_t sequence(size_t row) const { return sequences()[row]; }
  const int64_t* times() const { return reinterpret_cast<const int64_t*>(data()); }
  const uint64_t* sequences() const {
    return reinterpret_cast<const uint64_t*>(data() + size_t{8} * capacity_);
  }
  // The first `rows` rows, behind what `values` has; of the column's kind.
  void ReadColumn(uint32_t column, size_t rows, ColumnValues* values) const;

 private:
  friend class RawChunkPtr;
  static constexpr size_t kAxisBytes = 16;  // time and sequence of a row
  RawChunk(const RawForm* form, uint32_t capacity) : form_(form), capacity_(capacity) {}
  void Delete();
  bool StoreColumns(const Rows& rows, uint32_t at, uint32_t columns_end, bool complete,
                    size_t begin, size_t end);
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  char* data() { return reinterpret_cast<char*>(this + 1); }
  char* row(size_t row) { return data() + kAxisBytes * capacity_ + row * form_->row_bytes; }
  const char* row(size_t row) const {
    return data() + kAxisBytes * capacity_ + row * form_->row_bytes;
  }

  const RawForm* const form_;
  std::atomic<uint32_t> references_{1};
  const uint32_t capacity_;
  std::atomic<uint32_t> size_{0};
  [[maybe_unused]] uint32_t unused_ = 0;  // so that the cells behind begin at a multiple of 8
};
static_assert(sizeof(RawChunk) % alignof(int64_t) == 0);

// The narrowest column that has room for rows [begin, end): of `column`'s kind if they fit there.
RawColumn ColumnFor(RawColumn column, const ColumnRows& rows, size_t begin, size_t end);

// Of memory; 0 of none.
inline size_t BytesOf(const RawChunkPtr& raw) { return raw ? raw->bytes() : 0; }

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_RAW_CHUNK_H_
