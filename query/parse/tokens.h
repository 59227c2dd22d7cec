// Text → the tokens of the grammar. Internal to query/parse.
#ifndef TWIN_QUERY_PARSE_TOKENS_H_
#define TWIN_QUERY_PARSE_TOKENS_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "antlr4-runtime.h"
#include "query/parse/syntax_error.h"

namespace twin::query {

using Tokens = std::vector<std::unique_ptr<antlr4::Token>>;

// The tokens of the text, comments left out, each with the type that Tql.g4 tells of.
Tokens ReadTokens(absl::string_view text);

// The grammar's name of a token type: WORD, LEFT_PAREN, SELECT; of the text's end: EOF.
absl::string_view KindOf(size_t type);

// The tokens as messages about them need them.
std::vector<SyntaxToken> Describe(const Tokens& tokens, absl::string_view text);

}  // namespace twin::query

#endif  // TWIN_QUERY_PARSE_TOKENS_H_
