#include "server/base/float.h"

#include <charconv>

namespace twin {

double FromFloatSlowly(float stored) {
  if (!std::isfinite(stored)) return stored;
  char text[32];
  const std::to_chars_result written = std::to_chars(text, text + sizeof(text), stored);
  double number = 0;
  std::from_chars(text, written.ptr, number);
  // Rounded to a double, a decimal could become another float's: then the float is taken exactly.
  return static_cast<float>(number) == stored ? number : stored;
}

}  // namespace twin
