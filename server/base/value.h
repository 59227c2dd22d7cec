// One value of a twin, outside of columns: what requests carry, records hold and reads return.
#ifndef TWIN_SERVER_BASE_VALUE_H_
#define TWIN_SERVER_BASE_VALUE_H_

#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/check.h"
#include "server/base/time.h"

namespace twin {

class Value;
using ValueArray = std::vector<Value>;
using ValueMember = std::pair<std::string, Value>;
using ValueMap = std::vector<ValueMember>;  // in the order given; names are unique

// Null, a scalar, or a tree of them. Copies are deep. Thread-compatible.
class Value {
 public:
  enum class Kind : uint8_t { kNull, kBool, kInt, kDouble, kString, kTime, kArray, kMap };

  Value() : kind_(Kind::kNull), bits_(0) {}
  Value(const Value& other) : kind_(other.kind_) {
    if (owns()) {
      Copy(other);
    } else {
      bits_ = other.bits_;
    }
  }
  Value(Value&& other) noexcept : kind_(other.kind_) {
    if (owns()) {
      Move(&other);
    } else {
      bits_ = other.bits_;
    }
  }
  Value& operator=(const Value& other) {
    if (owns() || other.owns()) return *this = Value(other);
    kind_ = other.kind_;
    bits_ = other.bits_;
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    if (owns()) return Replace(std::move(other));
    kind_ = other.kind_;
    if (owns()) {
      Move(&other);
    } else {
      bits_ = other.bits_;
    }
    return *this;
  }
  ~Value() {
    if (owns()) Destroy();
  }

  static Value Bool(bool value) { return Value(Kind::kBool, value ? 1 : 0); }
  static Value Int(int64_t value) { return Value(Kind::kInt, static_cast<uint64_t>(value)); }
  static Value Double(double value) { return Value(Kind::kDouble, std::bit_cast<uint64_t>(value)); }
  static Value String(absl::string_view value) { return Value(std::string(value)); }
  static Value OfTime(Time value) { return Value(Kind::kTime, static_cast<uint64_t>(value.ns)); }
  static Value Array(ValueArray value) { return Value(std::move(value)); }
  static Value Map(ValueMap value) { return Value(std::move(value)); }

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }

  // Of the kind that is there; anything else ends the process.
  bool as_bool() const { return BitsOf(Kind::kBool) != 0; }
  int64_t as_int() const { return static_cast<int64_t>(BitsOf(Kind::kInt)); }
  double as_double() const { return std::bit_cast<double>(BitsOf(Kind::kDouble)); }
  const std::string& as_string() const {
    TWIN_CHECK(kind_ == Kind::kString);
    return string_;
  }
  Time as_time() const { return Time{static_cast<int64_t>(BitsOf(Kind::kTime))}; }
  const ValueArray& as_array() const {
    TWIN_CHECK(kind_ == Kind::kArray);
    return array_;
  }
  const ValueMap& as_map() const {
    TWIN_CHECK(kind_ == Kind::kMap);
    return map_;
  }
  ValueArray& as_array() {
    TWIN_CHECK(kind_ == Kind::kArray);
    return array_;
  }
  ValueMap& as_map() {
    TWIN_CHECK(kind_ == Kind::kMap);
    return map_;
  }

  // The member of that name, or nullptr; nullptr of anything that is no map.
  const Value* Find(absl::string_view name) const;

  // NaN equals NaN and 0.0 differs from -0.0: as stored, not as compared.
  friend bool operator==(const Value& a, const Value& b);

  // Appends the tree as bytes: one byte of kind, then varints, little-endian doubles, and
  // length-prefixed strings and members. docs/formats/journal.md draws it.
  void AppendTo(std::string* bytes) const;
  // How many that are.
  size_t EncodedSize() const;

  // The inverse. Takes its bytes off the front of `bytes`. DATA_LOSS: no such value, or nested
  // deeper than kValueDepthMax.
  static absl::Status Decode(absl::string_view* bytes, Value* value);

  // For messages: JSON, times as ISO 8601, cut to about `length_max` characters.
  std::string DebugString(size_t length_max = 80) const;

 private:
  Value(Kind kind, uint64_t bits) : kind_(kind), bits_(bits) {}
  explicit Value(std::string value) : kind_(Kind::kString), string_(std::move(value)) {}
  explicit Value(ValueArray value) : kind_(Kind::kArray), array_(std::move(value)) {}
  explicit Value(ValueMap value) : kind_(Kind::kMap), map_(std::move(value)) {}

  bool owns() const {
    return kind_ == Kind::kString || kind_ == Kind::kArray || kind_ == Kind::kMap;
  }
  uint64_t BitsOf(Kind kind) const {
    TWIN_CHECK(kind_ == kind);
    return bits_;
  }
  // Of kinds that own memory. Copy and Move find nothing to destroy here.
  void Copy(const Value& other);
  void Move(Value* other) noexcept;
  void Destroy();
  Value& Replace(Value taken) noexcept;  // which may have been a part of this

  // Most values are scalars: copied, moved and dropped as what they are, a word.
  Kind kind_;
  union {
    uint64_t bits_;
    std::string string_;
    ValueArray array_;
    ValueMap map_;
  };
};

inline constexpr int kValueDepthMax = 64;

}  // namespace twin

#endif  // TWIN_SERVER_BASE_VALUE_H_
