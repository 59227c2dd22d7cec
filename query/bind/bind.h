// Names and types: syntax tree → bound query.
#ifndef TWIN_QUERY_BIND_BIND_H_
#define TWIN_QUERY_BIND_BIND_H_

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "query/ast/ast.h"
#include "query/bind/bound.h"
#include "query/bind/catalog.h"

namespace twin::query {

struct BindOptions {
  Dialect dialect = Dialect::kTql;
  // Of each parameter that the request sends. A statement that names another one is refused.
  std::map<std::string, TypeKind> parameters;
  // Those whose text is a length of time, such as 10m: with a time, they are one.
  std::set<std::string> lengths;
  int hops_max = 32;            // upper bound of `*lo..`, and the most that may be written
  int pattern_parts_max = 500;  // twins and named relationships of a SELECT: RESOURCE_EXHAUSTED
  bool adt_limits = false;      // dialect adt: ADT's other documented limits
  // Without models nothing is known of properties, relationships and models: they are all taken as
  // they are. For checking a text without a server.
  bool check_names = true;
};

// INVALID_ARGUMENT: a name or type is wrong; the status has its span (query/ast/error.h), the
// message says what is in scope. Thread-safe. Cost: linear in the text times the models in scope.
absl::StatusOr<std::shared_ptr<const BoundStatement>> Bind(const Statement& statement,
                                                           std::shared_ptr<const Catalog> catalog,
                                                           const BindOptions& options = {});

}  // namespace twin::query

#endif  // TWIN_QUERY_BIND_BIND_H_
