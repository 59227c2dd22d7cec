// How a query is refused: a Status with the place in its text.
#ifndef TWIN_QUERY_AST_ERROR_H_
#define TWIN_QUERY_AST_ERROR_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "query/ast/ast.h"

namespace twin::query {

// A status of `code` whose message is "line:column message"; SpanOf finds the span again.
absl::Status ErrorAt(const Span& span, absl::string_view message,
                     absl::StatusCode code = absl::StatusCode::kInvalidArgument);

// The span that ErrorAt put into the status; nullopt: it has none.
std::optional<Span> SpanOf(const absl::Status& status);

// For a terminal: the message, the line of `text` and carets below the span.
//
//   1:27 unknown alias 'q'; in scope: c, p
//   SELECT c FROM DIGITALTWINS q WHERE …
//                              ^
std::string WithCaret(const absl::Status& status, absl::string_view text);

}  // namespace twin::query

#endif  // TWIN_QUERY_AST_ERROR_H_
