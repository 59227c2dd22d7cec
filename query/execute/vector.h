// Columns of a batch: what operators pass on and expressions compute.
#ifndef TWIN_QUERY_EXECUTE_VECTOR_H_
#define TWIN_QUERY_EXECUTE_VECTOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "query/bind/types.h"
#include "server/base/ids.h"
#include "server/base/value.h"

namespace twin::query {

// How many rows a batch has at most; tests run with 1, 2 and this.
inline constexpr size_t kBatchRowsDefault = 1024;

// Bytes of computed strings. Places never move.
class StringBlock {
 public:
  absl::string_view Add(absl::string_view text);
  // Room for `size` bytes, to be filled before the next call.
  char* Reserve(size_t size);
  size_t bytes() const { return bytes_; }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t left_ = 0;
  char* next_ = nullptr;
  size_t bytes_ = 0;
};

// Where a twin's values are.
struct Place {
  uint32_t table = 0;
  uint32_t row = 0;
};

// A path that a pattern found: twin, relationship, twin, …
using PathValue = std::vector<uint32_t>;

// Values of one type, one a row. Only the array of its kind is used: item i belongs to row i, and
// means nothing where row i is NULL.
struct Vector {
  TypeKind kind = TypeKind::kNull;  // kNull: every row is NULL
  size_t rows = 0;
  std::vector<uint8_t> nulls;  // 1: NULL. Empty: no row is NULL (kNull: all are)
  std::vector<uint8_t> bools;  // kBool: 0 or 1
  std::vector<int64_t> ints;   // kInt, kTime, kDuration
  std::vector<double> doubles;
  // kDouble: each value is an integer of less than 2^50 / 10^decimals, so that sums of them can be
  // exact; -1: not known to be.
  int8_t decimals = -1;
  std::vector<absl::string_view> strings;  // in the graph's pool, or in one of `blocks`
  std::vector<Value> values;
  std::vector<uint32_t> numbers;  // kTwin, kRelationship
  std::vector<Place> places;      // kTwin: of each twin, once somebody asked; else empty
  std::vector<PathValue> paths;
  std::vector<std::shared_ptr<StringBlock>> blocks;  // that strings point into

  bool IsNull(size_t row) const {
    return kind == TypeKind::kNull || (!nulls.empty() && nulls[row] != 0);
  }

  // An empty vector of that kind, with its array resized to `size` and no NULLs.
  void Reset(TypeKind new_kind, size_t size);
  void ResetToNull(TypeKind new_kind, size_t size);  // the same, all NULL
  void SetNull(size_t row);
  // What row i holds, as Value: durations as Int, twins and relationships as their number.
  Value Get(size_t row) const;
  // Converts from Get's form; `value` must be of this kind or null. Copies strings into a block.
  void Set(size_t row, const Value& value);
  // Appends rows of `from`, which has the same kind (or either is kNull, and it becomes the other),
  // in the order that `rows` names them.
  void Append(const Vector& from, absl::Span<const uint32_t> rows);
  void Append(const Vector& from);  // all
  // Keeps the rows that `rows` names, in that order.
  Vector Take(absl::Span<const uint32_t> rows) const;
  // Row i of `from`, of the same kind or kNull, becomes row to[i] here.
  void Scatter(const Vector& from, absl::Span<const uint32_t> to);
  // About how many bytes it holds; strings of the pool count as views.
  size_t bytes() const;
};

// Rows of a select, by slot. Slots that nobody has filled yet are empty vectors of no rows.
struct Batch {
  size_t rows = 0;
  std::vector<Vector> slots;

  // Keeps the rows that `rows` names, in that order, in all slots that are filled.
  Batch Take(absl::Span<const uint32_t> rows) const;
  void Append(const Batch& from);
  size_t bytes() const;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_VECTOR_H_
