// 32-bit floats as the numbers that users mean by them. A float stands for the shortest decimal
// that is that float, as a double: what was set as 0.1 is 0.1 wherever it is read, compared or
// printed, and not 0.10000000149011612.
#ifndef TWIN_SERVER_BASE_FLOAT_H_
#define TWIN_SERVER_BASE_FLOAT_H_

#include <bit>
#include <cmath>
#include <cstdint>

namespace twin {

// FromFloat by way of text: what it is defined by. Exposed for it and for tests.
double FromFloatSlowly(float stored);

// The number that a float stands for. Keeps order: of two floats the greater one stands for the
// greater number, and static_cast<float> of what comes out is the float again. NaN and the
// infinities stay what they are. Some 5 ns where it has few decimals, 35 ns at most.
inline double FromFloat(float stored) {
  constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
  constexpr double kRound = 6755399441055744.0;  // 3 × 2^51: added and taken away, it rounds
  const double exact = stored;
  const double magnitude = std::fabs(exact);
  if (!(magnitude >= 0x1p-10 && magnitude < 0x1p24)) {
    return magnitude == 0 ? exact : FromFloatSlowly(stored);
  }
  // A decimal that is this float is at most half a unit of its last bit away.
  const uint64_t exponent = (std::bit_cast<uint64_t>(exact) >> 52) & 0x7ff;
  const double half = std::bit_cast<double>((exponent - 24) << 52);
  for (const double power : kPowers) {
    const double scaled = exact * power;  // 24 bits times 5^k of at most 19: exact
    const double whole = (scaled + kRound) - kRound;
    if (std::fabs(scaled - whole) > half * power) continue;
    const double decimal = whole / power;
    if (static_cast<float>(decimal) == stored) return decimal;
  }
  return FromFloatSlowly(stored);
}

// What is beyond it, either way, is no float: it would round to infinity.
inline constexpr double kGreatestOfFloats = 0x1.fffffefffffffp127;

// What a float keeps of a number up to kGreatestOfFloats.
inline double AsFloat(double number) { return FromFloat(static_cast<float>(number)); }

}  // namespace twin

#endif  // TWIN_SERVER_BASE_FLOAT_H_
