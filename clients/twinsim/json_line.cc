#include "clients/twinsim/json_line.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <variant>

namespace twin::twinsim {
namespace {

constexpr size_t kNumberCharsMax = 400;  // of a double without an exponent: 1.8e308 has 309 digits

void Append(absl::string_view text, std::string* out) { out->append(text.data(), text.size()); }

bool MustEscape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// As the server writes them.
void AppendEscaped(char c, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      return Append("\\\"", out);
    case '\\':
      return Append("\\\\", out);
    case '\n':
      return Append("\\n", out);
    case '\t':
      return Append("\\t", out);
    case '\r':
      return Append("\\r", out);
    default:
      break;
  }
  Append("\\u00", out);
  out->push_back(kHex[static_cast<unsigned char>(c) >> 4]);
  out->push_back(kHex[static_cast<unsigned char>(c) & 15]);
}

void AppendNumber(double number, std::string* out) {
  if (!std::isfinite(number)) return Append("null", out);
  char digits[kNumberCharsMax];
  const auto end =
      std::to_chars(digits, digits + sizeof(digits), number, std::chars_format::fixed).ptr;
  Append({digits, static_cast<size_t>(end - digits)}, out);
}

void AppendNumber(int64_t number, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  Append({digits, static_cast<size_t>(end - digits)}, out);
}

void AppendMember(const Property& property, std::string* out) {
  AppendJsonString(property.name, out);
  out->push_back(':');
  AppendJsonValue(property.value, out);
}

void AppendObject(absl::Span<const Property> members, std::string* out) {
  out->push_back('{');
  for (const Property& member : members) {
    if (&member != members.data()) out->push_back(',');
    AppendMember(member, out);
  }
  out->push_back('}');
}

// After other members, to the end of the line.
void AppendRest(absl::Span<const Property> members, std::string* out) {
  for (const Property& member : members) {
    out->push_back(',');
    AppendMember(member, out);
  }
  Append("}\n", out);
}

struct ValueAppender {
  std::string* out;
  void operator()(bool value) const { Append(value ? "true" : "false", out); }
  void operator()(int64_t value) const { AppendNumber(value, out); }
  void operator()(double value) const { AppendNumber(value, out); }
  void operator()(absl::string_view value) const { AppendJsonString(value, out); }
  void operator()(absl::Span<const Property> value) const { AppendObject(value, out); }
};

}  // namespace

void AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  size_t begin = 0;  // of what is to be copied as it is
  for (size_t i = 0; i < text.size(); ++i) {
    if (!MustEscape(text[i])) continue;
    Append(text.substr(begin, i - begin), out);
    AppendEscaped(text[i], out);
    begin = i + 1;
  }
  Append(text.substr(begin), out);
  out->push_back('"');
}

void AppendJsonValue(const Value& value, std::string* out) {
  std::visit(ValueAppender{out}, value);
}

void AppendTwinLine(const Twin& twin, std::string* out) {
  Append(R"({"$dtId":)", out);
  AppendJsonString(twin.id, out);
  Append(R"(,"$metadata":{"$model":)", out);
  AppendJsonString(twin.model, out);
  out->push_back('}');
  AppendRest(twin.properties, out);
}

void AppendRelationshipLine(const Relationship& relationship, std::string* out) {
  Append(R"({"$relationshipId":)", out);
  AppendJsonString(relationship.id, out);
  Append(R"(,"$sourceId":)", out);
  AppendJsonString(relationship.source, out);
  Append(R"(,"$targetId":)", out);
  AppendJsonString(relationship.target, out);
  Append(R"(,"$relationshipName":)", out);
  AppendJsonString(relationship.name, out);
  AppendRest(relationship.properties, out);
}

}  // namespace twin::twinsim
