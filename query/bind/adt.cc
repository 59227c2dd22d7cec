#include "query/bind/adt.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

constexpr uint32_t kTextMax = 8000;
constexpr int kJoinsMax = 5;
constexpr int kLogicalMax = 50;   // AND and OR
constexpr size_t kListMax = 100;  // values of IN

absl::Status CheckCondition(const Expr& expr, int* logical) {
  if (expr.kind == ExprKind::kAnd || expr.kind == ExprKind::kOr) {
    *logical += static_cast<int>(expr.operands.size()) - 1;
  }
  if (*logical > kLogicalMax) {
    return ErrorAt(expr.span, absl::StrCat("ADT takes at most ", kLogicalMax, " AND and OR"));
  }
  if (expr.kind == ExprKind::kIn && expr.operands[1]->operands.size() > kListMax) {
    return ErrorAt(expr.operands[1]->span,
                   absl::StrCat("ADT takes at most ", kListMax, " values in a list"));
  }
  for (const ExprPtr& operand : expr.operands) {
    TWIN_RETURN_IF_ERROR(CheckCondition(*operand, logical));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAdtLimits(const Select& select) {
  if (select.span.offset + select.span.length > kTextMax) {
    return ErrorAt(select.span,
                   absl::StrCat("ADT takes queries of at most ", kTextMax, " characters"));
  }
  const auto joins = std::count_if(
      select.clauses.begin(), select.clauses.end(),
      [](const SourceClause& clause) { return std::holds_alternative<JoinClause>(clause); });
  if (joins > kJoinsMax) {
    return ErrorAt(select.from.span, absl::StrCat(joins, " JOINs: ADT takes at most ", kJoinsMax));
  }
  int logical = 0;
  return select.where == nullptr ? absl::OkStatus() : CheckCondition(*select.where, &logical);
}

}  // namespace twin::query::binding
