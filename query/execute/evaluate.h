// Expressions over batches.
#ifndef TWIN_QUERY_EXECUTE_EVALUATE_H_
#define TWIN_QUERY_EXECUTE_EVALUATE_H_

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "query/bind/bound.h"
#include "query/execute/readers.h"
#include "query/execute/vector.h"
#include "server/base/time.h"

namespace twin::query {

// What all expressions of one execution share. Read only.
struct EvaluateContext {
  const GraphReader* graph = nullptr;
  const std::vector<Slot>* slots = nullptr;
  std::map<std::string, Value> parameters;  // of the types that they were bound with
  Time now;
  // Answers EXISTS for each row of a batch; set by whoever runs plans.
  std::function<absl::Status(const BoundExists& exists, const Batch& batch,
                             std::vector<uint8_t>* found)>
      exists;
  // Asked by what may evaluate one row's expression many times; its error ends the evaluation.
  // nullptr: it always goes on.
  const std::function<absl::Status()>* interrupted = nullptr;
};

// Computes `expr` for every row of `batch`: out->rows == batch.rows, of kind expr.type.kind or
// kNull. May fill in `places` of twins in the batch. Thread-safe for different batches.
// Doubles compare in the order of Compare: NaN equals NaN and is above all numbers. Values of types
// that do not compare give NULL. Of AND, OR, CASE and COALESCE an operand that could fail is
// evaluated only for the rows that depend on it. A twin as a kValue is its $dtId. OUT_OF_RANGE: an
// integer overflowed; the message has the position.
absl::Status Evaluate(const BoundExpr& expr, const EvaluateContext& context, Batch* batch,
                      Vector* out);

// The rows for which all of `conditions` are TRUE, ascending. Later conditions see only rows that
// earlier ones left.
absl::Status Filter(absl::Span<const BoundPtr> conditions, const EvaluateContext& context,
                    Batch* batch, std::vector<uint32_t>* rows);

// An expression without a row: LIMIT, windows' bounds that do not depend on one, AS OF.
absl::StatusOr<Value> EvaluateConstant(const BoundExpr& expr, const EvaluateContext& context);

// --- Comparing and hashing rows: grouping, DISTINCT, joins, sorting ---

// Order of two values: -1, 0, 1. NULLs are equal and, here, greater than all; NaN sorts above all
// numbers; of kValue by kind first.
int Compare(const Vector& a, size_t row_a, const Vector& b, size_t row_b);
bool Equal(const Vector& a, size_t row_a, const Vector& b, size_t row_b);
// Adds each row's hash to hashes[row]: equal values give equal hashes.
void Hash(const Vector& vector, std::vector<uint64_t>* hashes);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_EVALUATE_H_
