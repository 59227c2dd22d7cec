#include "server/engine/reader_values.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace twin::engine {

using query::TypeKind;

std::string EtagOf(Sequence version) {
  return absl::StrCat("W/\"", absl::Hex(version.value), "\"");
}

Value DecodeDocument(absl::string_view bytes) {
  Value value;
  const absl::Status status = Value::Decode(&bytes, &value);
  TWIN_CHECK(status.ok()) << status;
  return value;
}

timeseries::WantedAs WantedFor(TypeKind kind) {
  switch (kind) {
    case TypeKind::kDouble:
      return timeseries::WantedAs::kDouble;
    case TypeKind::kBool:
    case TypeKind::kInt:
    case TypeKind::kTime:
      return timeseries::WantedAs::kInt;
    default:
      return timeseries::WantedAs::kValue;
  }
}

Texts::Texts(query::Vector* out) : out_(*out), block_(std::make_shared<query::StringBlock>()) {
  out_.blocks.push_back(block_);
}

void SetValue(const Value& value, size_t row, query::Vector* out) {
  const auto fits = [&] {
    switch (out->kind) {
      case TypeKind::kDouble:
        return value.kind() == Value::Kind::kDouble || value.kind() == Value::Kind::kInt;
      case TypeKind::kBool:
        return value.kind() == Value::Kind::kBool;
      case TypeKind::kInt:
        return value.kind() == Value::Kind::kInt;
      case TypeKind::kTime:
        return value.kind() == Value::Kind::kTime;
      case TypeKind::kString:
        return value.kind() == Value::Kind::kString;
      case TypeKind::kValue:
        return !value.is_null();
      default:
        return false;
    }
  };
  if (!fits()) return out->SetNull(row);
  if (!out->nulls.empty()) out->nulls[row] = 0;
  if (out->kind == TypeKind::kDouble && value.kind() == Value::Kind::kInt) {
    return out->Set(row, Value::Double(static_cast<double>(value.as_int())));
  }
  out->Set(row, value);
}

}  // namespace twin::engine
