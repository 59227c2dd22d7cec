// One SELECT, from its FROM to its OFFSET. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_SELECT_H_
#define TWIN_QUERY_BIND_SELECT_H_

#include <vector>

#include "absl/status/status.h"
#include "query/ast/ast.h"
#include "query/bind/environment.h"
#include "query/bind/expressions.h"
#include "query/bind/patterns.h"
#include "query/bind/scope.h"

namespace twin::query::binding {

class SelectBinder {
 public:
  // Fills `bound`, which must be empty and outlive the call.
  SelectBinder(const Environment& env, const Select& select, BoundSelect* bound)
      : env_(env),
        select_(select),
        bound_(*bound),
        scope_(&bound->slots),
        binder_(env, &scope_, bound) {}

  // `named`: a WITH query, whose columns must have names.
  absl::Status Bind(bool named);

 private:
  // source.cc
  absl::Status BindSource();
  absl::Status BindTwins();
  absl::Status BindRelationships();
  absl::Status BindSubquery();
  absl::Status BindClauses();
  bool StartsWithAlias() const;
  Pattern* NextMatch(bool optional);

  // select.cc
  absl::Status BindRows();
  absl::Status BindGroups();
  absl::Status BindTail();
  absl::Status BindCount(const ExprPtr& expr, absl::string_view what, BoundPtr* bound);
  absl::Status BindOrder();
  absl::Status CheckDistinct() const;

  // outputs.cc
  absl::Status BindOutputs(bool named);
  absl::Status BindStar(bool named);
  absl::Status NameOutputs();

  const Environment& env_;
  const Select& select_;
  BoundSelect& bound_;
  Scope scope_;
  ExpressionBinder binder_;
  std::vector<Pattern> patterns_;  // of bound_.matches, one each
  std::vector<const HistoryClause*> histories_;
};

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_SELECT_H_
