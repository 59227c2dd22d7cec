// Making expressions and bringing them to a type. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_COERCE_H_
#define TWIN_QUERY_BIND_COERCE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/bind/bound.h"
#include "query/bind/environment.h"

namespace twin::query::binding {

BoundPtr Make(BoundKind kind, TypeKind type, const Span& span);
BoundPtr Operation(BoundKind kind, TypeKind type, const Span& span, BoundPtr a, BoundPtr b);
BoundPtr Constant(Value value, TypeKind type, const Span& span);
BoundPtr NullAt(const Span& span);
BoundPtr SlotAt(SlotId slot, const Type& type, const Span& span);

bool IsNull(const BoundExpr& expr);          // is of the type kNull
bool IsText(const BoundExpr& expr);          // a constant string
bool IsTextOfNoTime(const BoundExpr& expr);  // one that AsTime does not take

// "a string", "a number", "a time".
absl::string_view Describe(const Type& type);

// As `kind`: constants at once, others by kCast. NULLs and what is of that kind stay as they are.
BoundPtr Cast(BoundPtr expr, TypeKind kind);

// Each answers `expr` as that type, NULL (dialect adt), or an error that says what was expected;
// `what` names the place: "the first argument of SQRT".
absl::StatusOr<BoundPtr> AsCondition(const Environment& env, BoundPtr expr, absl::string_view what);
absl::StatusOr<BoundPtr> AsNumber(const Environment& env, BoundPtr expr, absl::string_view what);
absl::StatusOr<BoundPtr> AsDouble(const Environment& env, BoundPtr expr, absl::string_view what);
absl::StatusOr<BoundPtr> AsInt(const Environment& env, BoundPtr expr, absl::string_view what);
absl::StatusOr<BoundPtr> AsString(const Environment& env, BoundPtr expr, absl::string_view what);
absl::StatusOr<BoundPtr> AsDuration(const Environment& env, BoundPtr expr, absl::string_view what);
// Strings are read as ISO 8601, literals at once; a date alone is its midnight UTC.
absl::StatusOr<BoundPtr> AsTime(const Environment& env, BoundPtr expr, absl::string_view what);

// Brings both to types and units that compare; false: the comparison is NULL.
absl::StatusOr<bool> MakeComparable(const Environment& env, const Span& span, BoundPtr* a,
                                    BoundPtr* b);
// The same for a comparison: an integer and a double are compared exactly, not as doubles.
absl::StatusOr<bool> MakeComparedExactly(const Environment& env, const Span& span, BoundPtr* a,
                                         BoundPtr* b);

// Brings all to one type and unit: of CASE, COALESCE, LEAST. Where they differ: kValue.
// NULLs stay NULLs.
absl::StatusOr<Type> Unify(const Environment& env, std::vector<BoundPtr*> exprs);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_COERCE_H_
