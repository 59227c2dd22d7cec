#include "server/base/value.h"

#include <bit>
#include <cmath>
#include <memory>
#include <new>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"

namespace twin {
namespace {

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("a stored value is damaged: ", what));
}

absl::Status DecodeFrom(ByteReader* reader, int depth, Value* value) {
  if (depth > kValueDepthMax) return Damaged("nested too deep");
  const uint8_t kind = reader->Byte();
  if (!reader->ok()) return Damaged("cut short");
  switch (static_cast<Value::Kind>(kind)) {
    case Value::Kind::kNull:
      *value = Value();
      break;
    case Value::Kind::kBool:
      *value = Value::Bool(reader->Byte() != 0);
      break;
    case Value::Kind::kInt:
      *value = Value::Int(reader->Signed());
      break;
    case Value::Kind::kDouble:
      *value = Value::Double(reader->Fixed<double>());
      break;
    case Value::Kind::kString:
      *value = Value::String(reader->String());
      break;
    case Value::Kind::kTime:
      *value = Value::OfTime(Time{reader->Fixed<int64_t>()});
      break;
    case Value::Kind::kArray: {
      ValueArray items(reader->Varint(reader->rest().size()));
      for (Value& item : items) TWIN_RETURN_IF_ERROR(DecodeFrom(reader, depth + 1, &item));
      *value = Value::Array(std::move(items));
      break;
    }
    case Value::Kind::kMap: {
      ValueMap members(reader->Varint(reader->rest().size()));
      for (ValueMember& member : members) {
        member.first = std::string(reader->String());
        TWIN_RETURN_IF_ERROR(DecodeFrom(reader, depth + 1, &member.second));
      }
      *value = Value::Map(std::move(members));
      break;
    }
    default:
      return Damaged(absl::StrCat("no kind ", kind));
  }
  return reader->ok() ? absl::OkStatus() : Damaged("cut short");
}

// With as many digits as it takes to read back as the number. std::to_chars would write 100000 as
// 1e+05.
std::string NumberText(double number) {
  std::string text;
  for (int digits = 15; digits <= 17; ++digits) {
    text = absl::StrFormat("%.*g", digits, number);
    double read = 0;
    if (absl::SimpleAtod(text, &read) && read == number) break;
  }
  return text;
}

void AppendDebug(const Value& value, size_t length_max, std::string* text) {
  if (text->size() > length_max) return;
  switch (value.kind()) {
    case Value::Kind::kNull:
      text->append("null");
      break;
    case Value::Kind::kBool:
      text->append(value.as_bool() ? "true" : "false");
      break;
    case Value::Kind::kInt:
      absl::StrAppend(text, value.as_int());
      break;
    case Value::Kind::kDouble:
      absl::StrAppend(text, NumberText(value.as_double()));
      break;
    case Value::Kind::kString:
      absl::StrAppend(text, "\"", absl::Utf8SafeCEscape(value.as_string()), "\"");
      break;
    case Value::Kind::kTime:
      absl::StrAppend(text, "\"", FormatTime(value.as_time()), "\"");
      break;
    case Value::Kind::kArray: {
      text->push_back('[');
      const char* separator = "";
      for (const Value& item : value.as_array()) {
        text->append(separator);
        AppendDebug(item, length_max, text);
        separator = ",";
      }
      text->push_back(']');
      break;
    }
    case Value::Kind::kMap: {
      text->push_back('{');
      const char* separator = "";
      for (const ValueMember& member : value.as_map()) {
        absl::StrAppend(text, separator, "\"", absl::Utf8SafeCEscape(member.first), "\":");
        AppendDebug(member.second, length_max, text);
        separator = ",";
      }
      text->push_back('}');
      break;
    }
  }
}

}  // namespace

void Value::Copy(const Value& other) {
  if (kind_ == Kind::kString) {
    new (&string_) std::string(other.string_);
  } else if (kind_ == Kind::kArray) {
    new (&array_) ValueArray(other.array_);
  } else {
    new (&map_) ValueMap(other.map_);
  }
}

void Value::Move(Value* other) noexcept {
  if (kind_ == Kind::kString) {
    new (&string_) std::string(std::move(other->string_));
  } else if (kind_ == Kind::kArray) {
    new (&array_) ValueArray(std::move(other->array_));
  } else {
    new (&map_) ValueMap(std::move(other->map_));
  }
}

void Value::Destroy() {
  if (kind_ == Kind::kString) {
    std::destroy_at(&string_);
  } else if (kind_ == Kind::kArray) {
    std::destroy_at(&array_);
  } else {
    std::destroy_at(&map_);
  }
}

Value& Value::Replace(Value taken) noexcept {
  Destroy();
  kind_ = taken.kind_;
  if (owns()) {
    Move(&taken);
  } else {
    bits_ = taken.bits_;
  }
  return *this;
}

const Value* Value::Find(absl::string_view name) const {
  if (kind() != Kind::kMap) return nullptr;
  for (const ValueMember& member : as_map()) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.kind() == Value::Kind::kDouble) {
    const double x = a.as_double();
    const double y = b.as_double();
    return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y) ||
           (std::isnan(x) && std::isnan(y));
  }
  if (a.kind() == Value::Kind::kString) return a.string_ == b.string_;
  if (a.kind() == Value::Kind::kArray) return a.array_ == b.array_;
  if (a.kind() == Value::Kind::kMap) return a.map_ == b.map_;
  return a.bits_ == b.bits_;
}

void Value::AppendTo(std::string* bytes) const {
  bytes->push_back(static_cast<char>(kind()));
  switch (kind()) {
    case Kind::kNull:
      break;
    case Kind::kBool:
      bytes->push_back(as_bool() ? 1 : 0);
      break;
    case Kind::kInt:
      AppendSigned(bytes, as_int());
      break;
    case Kind::kDouble:
      AppendFixed(bytes, as_double());
      break;
    case Kind::kString:
      AppendString(bytes, as_string());
      break;
    case Kind::kTime:
      AppendFixed(bytes, as_time().ns);
      break;
    case Kind::kArray:
      AppendVarint(bytes, as_array().size());
      for (const Value& item : as_array()) item.AppendTo(bytes);
      break;
    case Kind::kMap:
      AppendVarint(bytes, as_map().size());
      for (const ValueMember& member : as_map()) {
        AppendString(bytes, member.first);
        member.second.AppendTo(bytes);
      }
      break;
  }
}

size_t Value::EncodedSize() const {
  size_t size = 1;
  switch (kind()) {
    case Kind::kNull:
      break;
    case Kind::kBool:
      size += 1;
      break;
    case Kind::kInt:
      size += VarintSize(ZigZag(as_int()));
      break;
    case Kind::kDouble:
    case Kind::kTime:
      size += 8;
      break;
    case Kind::kString:
      size += VarintSize(as_string().size()) + as_string().size();
      break;
    case Kind::kArray:
      size += VarintSize(as_array().size());
      for (const Value& item : as_array()) size += item.EncodedSize();
      break;
    case Kind::kMap:
      size += VarintSize(as_map().size());
      for (const ValueMember& member : as_map()) {
        size += VarintSize(member.first.size()) + member.first.size();
        size += member.second.EncodedSize();
      }
      break;
  }
  return size;
}

absl::Status Value::Decode(absl::string_view* bytes, Value* value) {
  ByteReader reader(*bytes);
  TWIN_RETURN_IF_ERROR(DecodeFrom(&reader, 0, value));
  *bytes = reader.rest();
  return absl::OkStatus();
}

std::string Value::DebugString(size_t length_max) const {
  std::string text;
  AppendDebug(*this, length_max, &text);
  if (text.size() > length_max) {
    size_t end = length_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    text.append("…");
  }
  return text;
}

}  // namespace twin
