// Expressions: names, types, functions, aggregates and windows. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_EXPRESSIONS_H_
#define TWIN_QUERY_BIND_EXPRESSIONS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/ast/ast.h"
#include "query/bind/environment.h"
#include "query/bind/patterns.h"
#include "query/bind/scope.h"

namespace twin::query::binding {

// Where an expression stands, and so what may be in it.
struct Clause {
  absl::string_view name;   // "WHERE"
  bool rows = true;         // names of the row; false: only constants and parameters
  bool aggregates = false;  // fills BoundSelect::aggregates
  bool windows = false;     // fills BoundSelect::windows
  bool aliases = false;     // names that the SELECT list gives, before all others
};

// An item of the SELECT list that later clauses may name.
struct SelectAlias {
  std::string name;
  const BoundExpr* expr = nullptr;
  bool aggregate = false;  // has an aggregate or a window in it
};

// NODES(p)[i] or RELATIONSHIPS(p)[i].
bool IsPartOfPath(const BoundExpr& expr);

// Binds the expressions of one select. What aggregates and windows read is bound over the rows
// before grouping; GroupRewriter brings the rest of a grouped select over its groups afterwards.
class ExpressionBinder {
 public:
  ExpressionBinder(const Environment& env, Scope* scope, BoundSelect* select)
      : env_(env), scope_(scope), select_(*select) {}

  void Enter(const Clause& clause) { clause_ = clause; }
  std::vector<SelectAlias>& aliases() { return aliases_; }

  absl::StatusOr<BoundPtr> Bind(const Expr& expr);
  // The parts of a condition that all must hold.
  absl::Status BindConjuncts(const Expr& expr, std::vector<BoundPtr>* conjuncts);

  // Whether windows, and whether aggregates or windows, are in the expression.
  static bool HasWindow(const BoundSelect& select, const BoundExpr& expr);
  static bool HasAggregate(const BoundSelect& select, const BoundExpr& expr);

 private:
  using Operands = std::vector<BoundPtr>;

  // paths.cc
  absl::StatusOr<BoundPtr> BindPathExpr(const Expr& expr);
  absl::StatusOr<BoundPtr> BindBelow(SlotId slot, const Expr& expr, size_t first);
  absl::StatusOr<BoundPtr> BindHistoryPath(int history, const Expr& expr);
  absl::StatusOr<BoundPtr> UnknownName(const Expr& expr);
  const SelectAlias* FindAlias(absl::string_view name) const;
  SlotId FindJoined(absl::string_view name);

  // expressions.cc
  absl::StatusOr<BoundPtr> BindConstant(const Expr& expr);
  absl::StatusOr<BoundPtr> BindParameter(const Expr& expr);
  absl::StatusOr<BoundPtr> BindQuantity(const Expr& expr);
  absl::StatusOr<BoundPtr> BindIndex(const Expr& expr);
  absl::StatusOr<BoundPtr> BindList(const Expr& expr);
  absl::StatusOr<BoundPtr> BindElements(const Expr& expr);
  absl::StatusOr<BoundPtr> BindOfPart(BoundPtr part, const Expr& expr);
  SlotId SlotOfPart(const BoundExpr& part);
  static BoundPtr OfPart(BoundPtr part, SlotId slot, BoundPtr value);
  absl::StatusOr<BoundPtr> BindExists(const Expr& expr);

  // operators.cc
  absl::StatusOr<BoundPtr> BindLogical(const Expr& expr);
  absl::StatusOr<BoundPtr> BindNegate(const Expr& expr);
  absl::StatusOr<BoundPtr> BindArithmetic(const Expr& expr);
  absl::StatusOr<BoundPtr> BindComparison(const Expr& expr);
  absl::StatusOr<BoundPtr> BindIn(const Expr& expr);
  absl::StatusOr<BoundPtr> BindBetween(const Expr& expr);
  absl::StatusOr<BoundPtr> BindLike(const Expr& expr);
  absl::StatusOr<BoundPtr> BindIsNull(const Expr& expr);
  absl::StatusOr<BoundPtr> BindCase(const Expr& expr);

  // functions.cc
  absl::StatusOr<BoundPtr> BindCall(const Expr& expr);
  absl::StatusOr<BoundPtr> BindScalar(const FunctionInfo& info, const Expr& expr);
  absl::StatusOr<BoundPtr> BindUpdateTime(const FunctionInfo& info, const Expr& expr);
  absl::StatusOr<BoundPtr> BindModel(const Expr& expr);
  absl::StatusOr<BoundPtr> BindIsOfModel(const Expr& expr);

  // aggregates.cc
  absl::StatusOr<BoundPtr> BindAggregate(const FunctionInfo& info, const Expr& expr);
  absl::Status CheckAggregate(const FunctionInfo& info, const Expr& expr) const;
  absl::Status SetHistory(const FunctionInfo& info, const Expr& expr, BoundAggregate* aggregate);
  absl::StatusOr<BoundPtr> BindWindow(const FunctionInfo& info, const Expr& expr);
  absl::Status CheckWindow(const FunctionInfo& info, const Expr& expr) const;
  absl::Status SetFloor(BoundWindow* window);

  absl::StatusOr<Operands> BindAll(const std::vector<ExprPtr>& exprs);

  const Environment& env_;
  Scope* scope_;
  BoundSelect& select_;
  Clause clause_;
  std::vector<SelectAlias> aliases_;
  const FunctionInfo* inside_ = nullptr;  // the aggregate whose arguments are being bound
};

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_EXPRESSIONS_H_
