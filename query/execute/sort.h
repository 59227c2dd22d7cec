// Rows in order.
#ifndef TWIN_QUERY_EXECUTE_SORT_H_
#define TWIN_QUERY_EXECUTE_SORT_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "query/execute/vector.h"

namespace twin::query {

// A key of ORDER BY: a value for each row, in the order of Compare.
struct SortColumn {
  const Vector* vector = nullptr;
  bool descending = false;
  bool nulls_first = false;  // in both directions
};

// The rows 0 … rows - 1 in the order of the keys, the first of which counts most; rows that are
// equal keep their order. Cost: n log n comparisons, of 8 bytes each as long as these differ.
std::vector<uint32_t> SortRows(absl::Span<const SortColumn> keys, size_t rows);

// The first `limit` rows of that order. Cost: linear in `rows`, plus sorting `limit`.
std::vector<uint32_t> SortRowsTop(absl::Span<const SortColumn> keys, size_t rows, size_t limit);

// The rows that do not come after the value in row `at` of `bound`, by this key alone; ascending.
std::vector<uint32_t> RowsUpTo(const SortColumn& key, const Vector& bound, size_t at);

// Whether row a comes before (-1), with (0) or after (1) row b.
int CompareRows(absl::Span<const SortColumn> keys, size_t a, size_t b);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_SORT_H_
