#include "query/bind/bind.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/bind/adt.h"
#include "query/bind/environment.h"
#include "query/bind/select.h"
#include "server/base/status_macros.h"

namespace twin::query {

absl::StatusOr<std::shared_ptr<const BoundStatement>> Bind(const Statement& statement,
                                                           std::shared_ptr<const Catalog> catalog,
                                                           const BindOptions& options) {
  auto bound = std::make_shared<BoundStatement>();
  bound->mode = statement.mode;
  bound->dialect = options.dialect;
  bound->catalog = std::move(catalog);
  const binding::Environment env{.catalog = bound->catalog.get(),
                                 .options = &options,
                                 .with = &bound->with,
                                 .notices = &bound->notices};
  if (env.adt() && options.adt_limits) {
    TWIN_RETURN_IF_ERROR(binding::CheckAdtLimits(statement.select));
  }
  for (const WithQuery& with : statement.with) {
    const bool twice =
        std::any_of(bound->with.begin(), bound->with.end(),
                    [&with](const BoundWith& other) { return other.name == with.name.text; });
    if (twice) {
      return ErrorAt(with.name.span, absl::StrCat("WITH has two queries called '", with.name.text,
                                                  "'; give one of them another name"));
    }
    BoundWith subquery;
    subquery.name = with.name.text;
    subquery.select = std::make_unique<BoundSelect>();
    TWIN_RETURN_IF_ERROR(
        binding::SelectBinder(env, *with.select, subquery.select.get()).Bind(/*named=*/true));
    bound->with.push_back(std::move(subquery));
  }
  TWIN_RETURN_IF_ERROR(
      binding::SelectBinder(env, statement.select, &bound->select).Bind(/*named=*/false));
  return bound;
}

}  // namespace twin::query
