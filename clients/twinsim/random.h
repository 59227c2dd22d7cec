// Random numbers that are the same everywhere: the standard fixes the engine, but not what its
// distributions make of it, so the scaling is done here.
#ifndef TWIN_CLIENTS_TWINSIM_RANDOM_H_
#define TWIN_CLIENTS_TWINSIM_RANDOM_H_

#include <cmath>
#include <cstdint>
#include <random>

namespace twin::twinsim {

// A bijection of 64-bit numbers that leaves no pattern: the finaliser of SplitMix64.
constexpr uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// A number from 0 up to, but without, 1: as many as there are bits that tell them apart.
constexpr double ShareOf(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// `x` with so many decimals; what is printed of it is no longer.
inline double Round(double x, int decimals) {
  const double scale = std::pow(10.0, decimals);
  return std::round(x * scale) / scale;
}

// Thread-compatible.
class Random {
 public:
  // Streams of one seed are independent of each other.
  Random(uint64_t seed, uint64_t stream) : engine_(Mix(seed) + Mix(~stream)) {}

  // Both ends included. Values differ in probability by less than (max - min + 1) / 2^64.
  int Integer(int min, int max) {
    const auto count = static_cast<uint64_t>(int64_t{max} - min + 1);
    return static_cast<int>(min + static_cast<int64_t>(engine_() % count));
  }

  // From min up to, but without, max.
  double Real(double min, double max) { return min + ShareOf(engine_()) * (max - min); }

  // Around 0, bell-shaped, within (-1, 1): three uniform numbers' mean.
  double Bell() {
    const double a = Real(-1, 1);
    const double b = Real(-1, 1);
    const double c = Real(-1, 1);
    return (a + b + c) / 3;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_RANDOM_H_
