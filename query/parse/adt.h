// The dialect adt: what of a statement the query language of Azure Digital Twins does not have.
#ifndef TWIN_QUERY_PARSE_ADT_H_
#define TWIN_QUERY_PARSE_ADT_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "query/ast/ast.h"
#include "query/parse/syntax_error.h"
#include "query/parse/text_map.h"

namespace twin::query {

// INVALID_ARGUMENT with the place of the first thing found that ADT refuses: TQL's clauses, words
// and literals, reserved words as names, unknown aliases beside JOIN or MATCH, a MATCH without
// a $dtId condition, more than 10 hops. ADT's other numeric limits are not looked at, nor is a JOIN
// without a $dtId condition, which the service takes.
absl::Status CheckAdt(const Statement& statement, absl::Span<const SyntaxToken> tokens,
                      const TextMap& map);

}  // namespace twin::query

#endif  // TWIN_QUERY_PARSE_ADT_H_
