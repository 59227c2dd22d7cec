// Numbers and strings as bytes: fixed-size little-endian integers, varints (LEB128),
// length-prefixed strings. What every format of the server is made of.
#ifndef TWIN_SERVER_BASE_CODING_H_
#define TWIN_SERVER_BASE_CODING_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace twin {

static_assert(std::endian::native == std::endian::little, "formats are little-endian");

template <typename T>
inline void AppendFixed(std::string* bytes, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  bytes->append(raw, sizeof(T));
}

inline void AppendVarint(std::string* bytes, uint64_t value) {
  char raw[10];
  size_t size = 0;
  for (; value >= 0x80; value >>= 7) raw[size++] = static_cast<char>(value | 0x80);
  raw[size++] = static_cast<char>(value);
  bytes->append(raw, size);
}

inline size_t VarintSize(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// Small magnitudes of either sign are short.
inline uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline void AppendSigned(std::string* bytes, int64_t value) { AppendVarint(bytes, ZigZag(value)); }

inline void AppendString(std::string* bytes, absl::string_view text) {
  AppendVarint(bytes, text.size());
  bytes->append(text.data(), text.size());
}

// Takes values off the front of some bytes. After the first one that is not there, ok() is false
// and everything reads as zero or empty: check once, at the end. For one thread; the bytes must
// outlive it.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool done() const { return bytes_.empty(); }
  absl::string_view rest() const { return bytes_; }
  void Fail() {
    ok_ = false;
    bytes_ = {};
  }

  template <typename T>
  T Fixed() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      Fail();
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_.remove_prefix(sizeof(T));
    return value;
  }

  uint8_t Byte() { return Fixed<uint8_t>(); }

  uint64_t Varint() {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes_.size() && i < 10; ++i) {
      const auto byte = static_cast<unsigned char>(bytes_[i]);
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        bytes_.remove_prefix(i + 1);
        return value;
      }
    }
    Fail();
    return 0;
  }

  // A varint that counts or numbers something: at most `max`.
  uint64_t Varint(uint64_t max) {
    const uint64_t value = Varint();
    if (value <= max) return value;
    Fail();
    return 0;
  }
  uint32_t Varint32() { return static_cast<uint32_t>(Varint(UINT32_MAX)); }

  int64_t Signed() {
    const uint64_t value = Varint();
    return static_cast<int64_t>((value >> 1) ^ (0 - (value & 1)));
  }

  absl::string_view Bytes(uint64_t size) {
    if (size > bytes_.size()) {
      Fail();
      return {};
    }
    const absl::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  absl::string_view String() { return Bytes(Varint()); }

 private:
  absl::string_view bytes_;
  bool ok_ = true;
};

}  // namespace twin

#endif  // TWIN_SERVER_BASE_CODING_H_
