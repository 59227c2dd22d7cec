// Where in a text its bytes are: spans with lines and columns.
#ifndef TWIN_QUERY_PARSE_TEXT_MAP_H_
#define TWIN_QUERY_PARSE_TEXT_MAP_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "query/ast/ast.h"

namespace twin::query {

// Immutable. `text` must outlive it, and be UTF-8 for columns to be right.
class TextMap {
 public:
  explicit TextMap(absl::string_view text);

  absl::string_view text() const { return text_; }

  // The span of these bytes, which must lie within the text.
  Span At(size_t offset, size_t length) const;

  // What the text has in the span.
  absl::string_view Slice(const Span& span) const { return text_.substr(span.offset, span.length); }

 private:
  absl::string_view text_;
  std::vector<uint32_t> lines_;       // offsets at which lines begin
  std::vector<uint32_t> characters_;  // before each byte; empty: as many as bytes
};

// From the beginning of one to the end of the other.
Span Cover(const Span& first, const Span& last);

// The offset of the first byte that is not UTF-8; nullopt: all is.
std::optional<size_t> FindInvalidUtf8(absl::string_view text);

}  // namespace twin::query

#endif  // TWIN_QUERY_PARSE_TEXT_MAP_H_
