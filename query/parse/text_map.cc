#include "query/parse/text_map.h"

#include <algorithm>

namespace twin::query {

TextMap::TextMap(absl::string_view text) : text_(text), lines_{0} {
  bool ascii = true;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') lines_.push_back(static_cast<uint32_t>(i + 1));
    if ((static_cast<unsigned char>(text[i]) & 0x80U) != 0) ascii = false;
  }
  if (ascii) return;
  characters_.reserve(text.size() + 1);
  uint32_t count = 0;
  for (const char c : text) {
    characters_.push_back(count);
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80) ++count;
  }
  characters_.push_back(count);
}

Span TextMap::At(size_t offset, size_t length) const {
  const auto next_line = std::upper_bound(lines_.begin(), lines_.end(), offset);
  const uint32_t begin = *(next_line - 1);
  const size_t column =
      characters_.empty() ? offset - begin : characters_[offset] - characters_[begin];
  return {static_cast<uint32_t>(offset), static_cast<uint32_t>(length),
          static_cast<uint32_t>(next_line - lines_.begin()), static_cast<uint32_t>(column + 1)};
}

Span Cover(const Span& first, const Span& last) {
  Span span = first;
  span.length = last.offset + last.length - first.offset;
  return span;
}

std::optional<size_t> FindInvalidUtf8(absl::string_view text) {
  const auto byte = [text](size_t at) -> unsigned {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  };
  for (size_t i = 0; i < text.size();) {
    const unsigned first = byte(i);
    if (first < 0x80) {
      ++i;
      continue;
    }
    if (first < 0xC2 || first > 0xF4) return i;
    const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    for (size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0U) != 0x80) return i;
    }
    const unsigned second = byte(i + 1);  // overlong, surrogate, beyond U+10FFFF
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90)) {
      return i;
    }
    i += length;
  }
  return std::nullopt;
}

}  // namespace twin::query
