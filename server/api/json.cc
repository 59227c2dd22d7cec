#include "server/api/json.h"

#include <charconv>
#include <cmath>
#include <utility>

#define RAPIDJSON_HAS_STDSTRING 0
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include "absl/strings/str_cat.h"
#include "server/api/plain_json.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::api {
namespace {

absl::StatusOr<Value> Convert(const rapidjson::Value& json, int depth) {
  if (depth > kValueDepthMax) {
    return absl::InvalidArgumentError(absl::StrCat("JSON is nested deeper than ", kValueDepthMax));
  }
  switch (json.GetType()) {
    case rapidjson::kNullType:
      return Value();
    case rapidjson::kFalseType:
      return Value::Bool(false);
    case rapidjson::kTrueType:
      return Value::Bool(true);
    case rapidjson::kStringType:
      return Value::String(absl::string_view(json.GetString(), json.GetStringLength()));
    case rapidjson::kNumberType:
      if (json.IsInt64()) return Value::Int(json.GetInt64());
      return Value::Double(json.GetDouble());
    case rapidjson::kArrayType: {
      ValueArray items;
      items.reserve(json.Size());
      for (const rapidjson::Value& item : json.GetArray()) {
        TWIN_ASSIGN_OR_RETURN(Value value, Convert(item, depth + 1));
        items.push_back(std::move(value));
      }
      return Value::Array(std::move(items));
    }
    case rapidjson::kObjectType: {
      ValueMap members;
      members.reserve(json.MemberCount());
      for (const auto& member : json.GetObject()) {
        std::string name(member.name.GetString(), member.name.GetStringLength());
        if (json.MemberCount() <= 64) {  // a longer list is a map, where it is found by the check
          for (const ValueMember& before : members) {
            if (before.first == name) {
              return absl::InvalidArgumentError(
                  absl::StrCat("the JSON object has the member ", name, " twice"));
            }
          }
        }
        TWIN_ASSIGN_OR_RETURN(Value value, Convert(member.value, depth + 1));
        members.emplace_back(std::move(name), std::move(value));
      }
      return Value::Map(std::move(members));
    }
  }
  return Value();
}

}  // namespace

absl::StatusOr<Value> ParseJson(absl::string_view text) {
  PlainJson plain(text);
  if (Value value; plain.ReadValue(&value) && plain.done()) return value;
  rapidjson::Document document;
  constexpr unsigned kFlags = rapidjson::kParseFullPrecisionFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseIterativeFlag;
  document.Parse<kFlags>(text.data(), text.size());
  if (document.HasParseError()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no JSON, at byte ", document.GetErrorOffset(), ": ",
                     rapidjson::GetParseError_En(document.GetParseError())));
  }
  return Convert(document, 0);
}

void AppendJson(const Value& value, std::string* text) {
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
    case Value::Kind::kDouble: {
      if (!std::isfinite(value.as_double())) {
        text->append("null");
        break;
      }
      if (value.as_double() == 0 && std::signbit(value.as_double())) {
        text->append("-0.0");  // "-0" would read back as the integer 0
        break;
      }
      char buffer[64];
      const std::to_chars_result end =
          std::to_chars(buffer, buffer + sizeof(buffer), value.as_double());
      text->append(buffer, static_cast<size_t>(end.ptr - buffer));
      break;
    }
    case Value::Kind::kString:
      AppendJsonString(value.as_string(), text);
      break;
    case Value::Kind::kTime:
      AppendJsonString(FormatTime(value.as_time()), text);
      break;
    case Value::Kind::kArray: {
      text->push_back('[');
      bool first = true;
      for (const Value& item : value.as_array()) {
        if (!first) text->push_back(',');
        first = false;
        AppendJson(item, text);
      }
      text->push_back(']');
      break;
    }
    case Value::Kind::kMap: {
      text->push_back('{');
      bool first = true;
      for (const ValueMember& member : value.as_map()) {
        if (!first) text->push_back(',');
        first = false;
        AppendJsonString(member.first, text);
        text->push_back(':');
        AppendJson(member.second, text);
      }
      text->push_back('}');
      break;
    }
  }
}

}  // namespace twin::api
