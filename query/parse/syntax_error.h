// What to tell of a syntax error: what stands there, what should, and which mistake it looks like.
#ifndef TWIN_QUERY_PARSE_SYNTAX_ERROR_H_
#define TWIN_QUERY_PARSE_SYNTAX_ERROR_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "query/ast/ast.h"

namespace twin::query {

// A token as the parser saw it. The texts are pieces of one text, so that what lies between two of
// them can be seen.
struct SyntaxToken {
  absl::string_view kind;  // its name in Tql.g4; EOF: the end, without text
  absl::string_view text;
  size_t offset = 0;
};

struct SyntaxError {
  size_t token = 0;  // the index of the culprit
  std::string message;
};

// The parser stopped at tokens[found], where one of `expected` (kinds) would have gone on. The last
// token is EOF.
SyntaxError DescribeSyntaxError(absl::Span<const SyntaxToken> tokens, size_t found,
                                absl::Span<const absl::string_view> expected, Dialect dialect);

// Whether the lexer's WORD has only characters that a plain name may have: of those beyond ASCII no
// spaces, quotation marks or other punctuation.
bool IsWord(absl::string_view word);

}  // namespace twin::query

#endif  // TWIN_QUERY_PARSE_SYNTAX_ERROR_H_
