// Stored values compared with a constant, a bit for each: the inner loop of scans. Internal to
// query/execute.
#ifndef TWIN_QUERY_EXECUTE_COMPARE_BITS_H_
#define TWIN_QUERY_EXECUTE_COMPARE_BITS_H_

#include <cstddef>
#include <cstdint>

#include "query/bind/bound.h"
#include "query/execute/readers.h"

namespace twin::query {

struct StoredComparison {
  BoundKind op = BoundKind::kEqual;  // kEqual … kGreaterEqual; of codes kEqual or kNotEqual
  // What kBool, kInt32, kInt64 and kCode compare with; of a code that no string has, any number
  // that is none.
  int64_t integer = 0;
  // What kDouble does, and what a kFloat stands for (server/base/float.h); no NaN, which sorts
  // above all numbers.
  double number = 0;
};

// Keeps those of the first `rows` bits whose value passes; of rows without a value they are of no
// account. rows: a multiple of 8; stored: not kOther.
void KeepPassing(const StoredComparison& comparison, const ColumnPage& page, size_t rows,
                 uint64_t* words);
// The same, as processors do it that have no wide registers.
void KeepPassingNarrow(const StoredComparison& comparison, const ColumnPage& page, size_t rows,
                       uint64_t* words);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_COMPARE_BITS_H_
