// Text to syntax tree. The only module that knows ANTLR, and the last place where anything throws.
#ifndef TWIN_QUERY_PARSE_PARSE_H_
#define TWIN_QUERY_PARSE_PARSE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/ast/ast.h"

namespace twin::query {

// Bounds that keep a hostile query from exhausting the stack or the parser's time.
struct ParseLimits {
  int text_bytes_max = 64 * 1024;
  int depth_max = 200;  // of nested expressions and queries, and of NOTs or signs in a row
  // Of the tree, to which each operator of a chain a + b + … adds a level (AND and OR do not), so
  // that recursion over it is bounded.
  int tree_depth_max = 1000;
  int nodes_max = 100'000;  // CASE x WHEN … copies x
};

struct ParseOptions {
  Dialect dialect = Dialect::kTql;
  ParseLimits limits = {};
};

// Parses one statement. Never throws. Thread-safe.
// INVALID_ARGUMENT: a syntax error; the status has a span (query/ast/error.h), the message says
// what was found, what was expected and, where a word is nearly right, which one is meant.
// RESOURCE_EXHAUSTED: a limit was passed; the message names it.
absl::StatusOr<std::shared_ptr<const Statement>> Parse(absl::string_view text,
                                                       const ParseOptions& options = {});

}  // namespace twin::query

#endif  // TWIN_QUERY_PARSE_PARSE_H_
