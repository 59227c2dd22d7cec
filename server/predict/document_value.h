// Documents as maps of values: members by name, so that later versions may add some. Internal to
// server/predict.
#ifndef TWIN_SERVER_PREDICT_DOCUMENT_VALUE_H_
#define TWIN_SERVER_PREDICT_DOCUMENT_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/value.h"

namespace twin::predict {

class MapBuilder {
 public:
  MapBuilder& Add(absl::string_view name, Value value) {
    members_.emplace_back(std::string(name), std::move(value));
    return *this;
  }
  MapBuilder& Add(absl::string_view name, const std::string& text) {
    return text.empty() ? *this : Add(name, Value::String(text));
  }
  MapBuilder& AddInt(absl::string_view name, int64_t number) {
    return number == 0 ? *this : Add(name, Value::Int(number));
  }
  MapBuilder& AddBool(absl::string_view name, bool is_set) {
    return is_set ? Add(name, Value::Bool(true)) : *this;
  }
  MapBuilder& AddDouble(absl::string_view name, const std::optional<double>& number) {
    return number.has_value() ? Add(name, Value::Double(*number)) : *this;
  }
  MapBuilder& AddStrings(absl::string_view name, const std::vector<std::string>& texts) {
    ValueArray array;
    for (const std::string& text : texts) array.push_back(Value::String(text));
    return texts.empty() ? *this : Add(name, Value::Array(std::move(array)));
  }
  Value Build() { return Value::Map(std::move(members_)); }

 private:
  ValueMap members_;
};

// Members of a map, each with the default where it is missing or of another kind.
class MapReader {
 public:
  explicit MapReader(const Value& value) : value_(value) {}
  std::string Text(absl::string_view name) const {
    const Value* const found = Of(name, Value::Kind::kString);
    return found == nullptr ? "" : found->as_string();
  }
  int64_t Int(absl::string_view name) const {
    const Value* const found = Of(name, Value::Kind::kInt);
    return found == nullptr ? 0 : found->as_int();
  }
  bool Bool(absl::string_view name) const {
    const Value* const found = Of(name, Value::Kind::kBool);
    return found != nullptr && found->as_bool();
  }
  std::optional<double> Double(absl::string_view name) const {
    const Value* const found = Of(name, Value::Kind::kDouble);
    if (found == nullptr) return std::nullopt;
    return found->as_double();
  }
  std::vector<std::string> Strings(absl::string_view name) const {
    std::vector<std::string> texts;
    for (const Value& value : Items(name)) {
      if (value.kind() == Value::Kind::kString) texts.push_back(value.as_string());
    }
    return texts;
  }
  const ValueArray& Items(absl::string_view name) const {
    static const ValueArray none;
    const Value* const found = Of(name, Value::Kind::kArray);
    return found == nullptr ? none : found->as_array();
  }
  const ValueMap& Members(absl::string_view name) const {
    static const ValueMap none;
    const Value* const found = Of(name, Value::Kind::kMap);
    return found == nullptr ? none : found->as_map();
  }
  const Value* Find(absl::string_view name) const { return value_.Find(name); }

 private:
  const Value* Of(absl::string_view name, Value::Kind kind) const {
    const Value* const found = value_.Find(name);
    return found != nullptr && found->kind() == kind ? found : nullptr;
  }
  const Value& value_;
};

inline std::string ToBytes(const Value& value) {
  std::string bytes;
  value.AppendTo(&bytes);
  return bytes;
}

// DATA_LOSS: these are no bytes of one.
absl::StatusOr<Value> FromBytes(absl::string_view bytes);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_DOCUMENT_VALUE_H_
