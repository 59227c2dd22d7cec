#include "clients/cpp/random.h"

#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cpp/client.h"

namespace twin::client {

uint64_t RandomBits() {
  uint64_t bits = 0;
  if (getrandom(&bits, sizeof(bits), 0) == static_cast<ssize_t>(sizeof(bits))) return bits;
  // A kernel without getrandom: unlike any other process's at least.
  static std::atomic<uint64_t> count = 0;
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return (static_cast<uint64_t>(now) + ++count) * 0x9E3779B97F4A7C15 ^
         static_cast<uint64_t>(getpid()) << 32;
}

std::string RandomRequestId() {
  return absl::StrCat(absl::Hex(RandomBits(), absl::kZeroPad16),
                      absl::Hex(RandomBits(), absl::kZeroPad16));
}

}  // namespace twin::client
