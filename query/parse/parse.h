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
  int depth_max = 200;  // of nested expressions
};

struct ParseOptions {
  Dialect dialect = Dialect::kTql;
  ParseLimits limits;
};

// Parses one statement. Never throws. Thread-safe.
// INVALID_ARGUMENT: a syntax error; the status has a span (query/ast/error.h), the message says
// what was found, what was expected and, where a word is nearly right, which one is meant.
// RESOURCE_EXHAUSTED: a limit was passed; the message names it.
absl::StatusOr<std::shared_ptr<const Statement>> Parse(absl::string_view text,
                                                       const ParseOptions& options = {});

}  // namespace twin::query

#endif  // TWIN_QUERY_PARSE_PARSE_H_
