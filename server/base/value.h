// One value of a twin, outside of columns: what requests carry, records hold and reads return.
#ifndef TWIN_SERVER_BASE_VALUE_H_
#define TWIN_SERVER_BASE_VALUE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/time.h"

namespace twin {

class Value;
using ValueArray = std::vector<Value>;
using ValueMember = std::pair<std::string, Value>;
using ValueMap = std::vector<ValueMember>;  // in the order given; names are unique

// Null, a scalar, or a tree of them. Copies are deep.
class Value {
 public:
  enum class Kind : uint8_t { kNull, kBool, kInt, kDouble, kString, kTime, kArray, kMap };

  Value() = default;  // null
  static Value Bool(bool value) { return Value(Data(value)); }
  static Value Int(int64_t value) { return Value(Data(value)); }
  static Value Double(double value) { return Value(Data(value)); }
  static Value String(absl::string_view value) { return Value(Data(std::string(value))); }
  static Value OfTime(Time value) { return Value(Data(value)); }
  static Value Array(ValueArray value) { return Value(Data(std::move(value))); }
  static Value Map(ValueMap value) { return Value(Data(std::move(value))); }

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }

  // Of the kind that is there; anything else ends the process.
  bool as_bool() const { return std::get<bool>(data_); }
  int64_t as_int() const { return std::get<int64_t>(data_); }
  double as_double() const { return std::get<double>(data_); }
  const std::string& as_string() const { return std::get<std::string>(data_); }
  Time as_time() const { return std::get<Time>(data_); }
  const ValueArray& as_array() const { return std::get<ValueArray>(data_); }
  const ValueMap& as_map() const { return std::get<ValueMap>(data_); }
  ValueArray& as_array() { return std::get<ValueArray>(data_); }
  ValueMap& as_map() { return std::get<ValueMap>(data_); }

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
  using Data =
      std::variant<std::monostate, bool, int64_t, double, std::string, Time, ValueArray, ValueMap>;
  explicit Value(Data data) : data_(std::move(data)) {}
  Data data_;
};

inline constexpr int kValueDepthMax = 64;

}  // namespace twin

#endif  // TWIN_SERVER_BASE_VALUE_H_
