// Scalar functions over vectors. Internal to query/execute.
//
//   numbers   ROUND is half away from zero; SQRT(-1), LN(0), POWER(-8, 0.5) are not defined and
//             NULL, as x/0 is; LEAST and GREATEST skip NULL
//   texts     LENGTH and SUBSTRING(x, from [, length]) count code points from 0, what lies beyond
//             the text is cut off; LOWER and UPPER change ASCII letters alone; CONCAT skips
//             NULL, and takes lists and documents as JSON
//   times     TIME_BUCKET aligns to 1970-01-01 UTC, whole weeks to Mondays; with a time zone to its
//             midnights. DATE_PART: dow counts from Sunday = 0, week is ISO 8601's, epoch seconds
//   tests     IS_… are never NULL. IS_NULL is TRUE of a member that is there and null, and FALSE of
//             what is not there (IS NULL is TRUE of both); IS_STRING is TRUE of times
//   lists     ARRAY_CONTAINS looks for primitives alone; NULL where the first argument is no list
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
// The end of the bucket that each row of the batch is in, of a TIME_BUCKET; kTime.
absl::Status TimeBucketEnds(const BoundExpr& expr, const EvaluateContext& context, Batch* batch,
                            Vector* ends);
absl::Status DatePart(const BoundExpr& expr, Operands operands, size_t rows, Vector* out);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_FUNCTIONS_H_
