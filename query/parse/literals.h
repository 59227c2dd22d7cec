// The values that literal tokens spell.
#ifndef TWIN_QUERY_PARSE_LITERALS_H_
#define TWIN_QUERY_PARSE_LITERALS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/ast/ast.h"

namespace twin::query {

// Each takes a token as the lexer gives it, and its span for the error, which is INVALID_ARGUMENT.

// 'D\'Souza' or "D'Souza", with the escapes \' \" \\ \/ \b \f \n \r \t \uXXXX (UTF-16).
absl::StatusOr<std::string> ReadString(absl::string_view token, const Span& span);

// 500ms 1.5h: nanoseconds.
absl::StatusOr<int64_t> ReadDuration(absl::string_view token, const Span& span);

// Sets kind and value of `expr`: kInteger, or kDouble where the number is written with a fraction
// or an exponent or does not fit into 64 bits.
absl::Status ReadNumber(absl::string_view token, const Span& span, Expr* expr);

}  // namespace twin::query

#endif  // TWIN_QUERY_PARSE_LITERALS_H_
