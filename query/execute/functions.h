// Scalar functions over vectors. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_FUNCTIONS_H_
#define TWIN_QUERY_EXECUTE_FUNCTIONS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "query/execute/evaluate_internal.h"

namespace twin::query {

// All compute `out` for `rows` rows from operands of `rows` rows, or constant ones.
using Operands = absl::Span<Operand>;

// functions_number.cc
absl::Status NumberFunction(const BoundExpr& expr, Operands operands, size_t rows, Vector* out);
// LEAST and GREATEST.
absl::Status ExtremeFunction(const BoundExpr& expr, const Frame& frame, Operands operands,
                             Vector* out);

// functions_text.cc
absl::Status TextFunction(const BoundExpr& expr, const Frame& frame, Operands operands,
                          Vector* out);

// functions_value.cc: IS_… and ARRAY_CONTAINS; LENGTH of anything; NODES and RELATIONSHIPS.
absl::Status EvalTypeTest(const BoundExpr& expr, const Frame& frame, Vector* out);
absl::Status ArrayContains(Operands operands, size_t rows, Vector* out);
absl::Status Length(Operands operands, size_t rows, Vector* out);
absl::Status PathFunction(const BoundExpr& expr, const Frame& frame, Operands operands,
                          Vector* out);

// time_functions.cc
absl::Status TimeBucket(const BoundExpr& expr, Operands operands, size_t rows, Vector* out);
absl::Status DatePart(const BoundExpr& expr, Operands operands, size_t rows, Vector* out);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_FUNCTIONS_H_
