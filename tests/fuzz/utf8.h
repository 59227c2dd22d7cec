// Whether a message may be shown: what a fuzz target's subject says must be text, whatever it read.
#ifndef TWIN_TESTS_FUZZ_UTF8_H_
#define TWIN_TESTS_FUZZ_UTF8_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace twin::testing {

inline bool IsUtf8(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) {
      return at < text.size() ? static_cast<uint8_t>(text[at]) : uint8_t{0};
    };
    const uint8_t first = byte(i);
    const int more = first < 0x80   ? 0
                     : first < 0xC2 ? -1
                     : first < 0xE0 ? 1
                     : first < 0xF0 ? 2
                     : first < 0xF5 ? 3
                                    : -1;
    if (more < 0) return false;
    for (int k = 1; k <= more; ++k) {
      if ((byte(i + static_cast<size_t>(k)) & 0xC0) != 0x80) return false;
    }
    const uint8_t second = byte(i + 1);  // overlong, surrogate, beyond U+10FFFF
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90)) {
      return false;
    }
    i += static_cast<size_t>(more) + 1;
  }
  return true;
}

}  // namespace twin::testing

#endif  // TWIN_TESTS_FUZZ_UTF8_H_
