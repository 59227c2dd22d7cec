#include "query/bind/adt.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

constexpr int kJoinsMax = 5;
constexpr int kLogicalMax = 50;   // AND and OR
constexpr size_t kListMax = 100;  // values of IN

using Visit = std::function<absl::Status(const Expr&)>;

absl::Status ForEach(const Expr& expr, const Visit& visit) {
  TWIN_RETURN_IF_ERROR(visit(expr));
  for (const ExprPtr& operand : expr.operands) TWIN_RETURN_IF_ERROR(ForEach(*operand, visit));
  return absl::OkStatus();
}

// MATCH must begin somewhere: WHERE has to speak of a twin's $dtId.
absl::Status CheckAnchor(const Select& select, const MatchClause& match) {
  absl::flat_hash_set<std::string> twins;
  for (const PathPattern& path : match.paths) {
    for (const NodePattern& node : path.nodes) {
      if (!node.alias.empty()) twins.insert(node.alias.text);
    }
  }
  bool anchored = false;
  if (select.where != nullptr) {
    TWIN_RETURN_IF_ERROR(ForEach(*select.where, [&](const Expr& expr) {
      anchored = anchored || (expr.kind == ExprKind::kPath && expr.path.size() == 2 &&
                              expr.path[1].text == "$dtId" && twins.contains(expr.path[0].text));
      return absl::OkStatus();
    }));
  }
  if (anchored) return absl::OkStatus();
  return ErrorAt(match.span,
                 "in the dialect adt MATCH needs a condition on the $dtId of one of its "
                 "twins; in tql it does not");
}

// ARRAY_CONTAINS(Floor.contains.lift, …): no path leads into the properties of a relationship.
absl::Status CheckArrays(const Select& select,
                         const absl::flat_hash_set<std::string>& relationships) {
  if (select.where == nullptr) return absl::OkStatus();
  return ForEach(*select.where, [&](const Expr& expr) {
    if (expr.kind != ExprKind::kCall || expr.text != "ARRAY_CONTAINS" || expr.operands.empty()) {
      return absl::OkStatus();
    }
    const Expr& list = *expr.operands[0];
    if (list.kind == ExprKind::kPath && list.path.size() > 2 &&
        relationships.contains(list.path[1].text)) {
      return ErrorAt(list.span, "ARRAY_CONTAINS does not look into properties of relationships");
    }
    return absl::OkStatus();
  });
}

absl::Status CheckLimits(const Select& select, int joins) {
  if (joins > kJoinsMax) {
    return ErrorAt(select.from.span, absl::StrCat(joins, " JOINs: ADT takes at most ", kJoinsMax));
  }
  if (select.where == nullptr) return absl::OkStatus();
  int logical = 0;
  return ForEach(*select.where, [&logical](const Expr& expr) {
    if (expr.kind == ExprKind::kAnd || expr.kind == ExprKind::kOr) {
      logical += static_cast<int>(expr.operands.size()) - 1;
    }
    if (logical > kLogicalMax) {
      return ErrorAt(expr.span, absl::StrCat("ADT takes at most ", kLogicalMax, " AND and OR"));
    }
    if (expr.kind == ExprKind::kIn && expr.operands[1]->operands.size() > kListMax) {
      return ErrorAt(expr.operands[1]->span,
                     absl::StrCat("ADT takes at most ", kListMax, " values in a list"));
    }
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status CheckAdt(const Select& select, bool limits) {
  const MatchClause* match = nullptr;
  int joins = 0;
  absl::flat_hash_set<std::string> relationships;
  for (const SourceClause& clause : select.clauses) {
    if (const auto* join = std::get_if<JoinClause>(&clause)) {
      ++joins;
      relationships.insert(join->relationship.text);
    } else if (const auto* next = std::get_if<MatchClause>(&clause)) {
      if (match != nullptr || next->paths.size() > 1) {
        return ErrorAt(next->span,
                       "the dialect adt knows one MATCH with one pattern; tql any "
                       "number");
      }
      match = next;
    }
  }
  if (select.star && (joins > 0 || match != nullptr)) {
    return ErrorAt(select.span,
                   absl::StrCat("SELECT * does not go with ", joins > 0 ? "JOIN" : "MATCH",
                                " in the dialect adt; name what to return"));
  }
  if (match != nullptr) TWIN_RETURN_IF_ERROR(CheckAnchor(select, *match));
  TWIN_RETURN_IF_ERROR(CheckArrays(select, relationships));
  return limits ? CheckLimits(select, joins) : absl::OkStatus();
}

}  // namespace twin::query::binding
