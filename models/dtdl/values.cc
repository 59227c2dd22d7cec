#include "models/dtdl/values.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/literals.h"
#include "models/dtdl/primitives.h"

namespace twin::dtdl {
namespace {

// A decimal token as sign, digits without leading zeros, and the power of ten of the first digit.
struct Decimal {
  bool negative = false;
  std::string digits;    // without trailing zeros either; empty: zero
  int64_t exponent = 0;  // 0.digits * 10^exponent
};

Decimal ParseDecimal(absl::string_view token) {
  Decimal decimal;
  if (!absl::ConsumePrefix(&token, "+")) decimal.negative = absl::ConsumePrefix(&token, "-");
  int64_t power = 0;
  if (const size_t e = token.find_first_of("eE"); e != absl::string_view::npos) {
    absl::string_view text = token.substr(e + 1);
    absl::ConsumePrefix(&text, "+");
    // Exponents beyond this mean the same: no text has digits enough to make up for them.
    constexpr int64_t kPowerMax = int64_t{1} << 60;
    if (!absl::SimpleAtoi(text, &power))
      power = absl::StartsWith(text, "-") ? -kPowerMax : kPowerMax;
    power = std::clamp(power, -kPowerMax, kPowerMax);
    token = token.substr(0, e);
  }
  bool fraction = false;
  for (const char c : token) {
    if (c == '.') {
      fraction = true;
    } else if (!decimal.digits.empty() || c != '0') {
      decimal.digits.push_back(c);
      if (!fraction) ++decimal.exponent;
    } else if (fraction) {
      --decimal.exponent;
    }
  }
  while (!decimal.digits.empty() && decimal.digits.back() == '0') decimal.digits.pop_back();
  if (decimal.digits.empty()) return Decimal();
  decimal.exponent += power;
  return decimal;
}

// The beginning of a text for a message, cut between characters.
std::string Excerpt(absl::string_view text) {
  constexpr size_t kExcerptBytes = 64;
  if (text.size() <= kExcerptBytes) return std::string(text);
  size_t length = kExcerptBytes;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  return absl::StrCat(text.substr(0, length), "…");
}

// Digits behind the decimal point that are not zero.
int64_t DecimalPlaces(absl::string_view token) {
  const Decimal decimal = ParseDecimal(token);
  return static_cast<int64_t>(decimal.digits.size()) - decimal.exponent;
}

absl::string_view Expectation(Class kind) {
  switch (kind) {
    case Class::kBoolean:
      return "true or false";
    case Class::kByte:
      return "an integer from -128 to 127";
    case Class::kShort:
      return "an integer from -32768 to 32767";
    case Class::kInteger:
      return "an integer of 32 bits, written without point and exponent";
    case Class::kLong:
      return "an integer of 64 bits, written without point and exponent";
    case Class::kUnsignedByte:
      return "an integer from 0 to 255";
    case Class::kUnsignedShort:
      return "an integer from 0 to 65535";
    case Class::kUnsignedInteger:
      return "an integer from 0 to 4294967295";
    case Class::kUnsignedLong:
      return "an integer from 0 to 18446744073709551615";
    case Class::kFloat:
      return "a number that is finite in 32 bits";
    case Class::kDouble:
      return "a number that is finite in 64 bits";
    case Class::kDecimal:
      return "a decimal number in a string, as in \"3.14\"";
    case Class::kString:
      return "a string";
    case Class::kBytes:
      return "base64 with padding in a string";
    case Class::kDate:
      return "a date in a string, as in \"2026-03-31\"";
    case Class::kDateTime:
      return "a time with its offset in a string, as in \"2026-03-31T12:00:00Z\"";
    case Class::kTime:
      return "a time of day with its offset in a string, as in \"12:00:00+01:00\"";
    case Class::kDuration:
      return "an ISO 8601 duration in a string, as in \"PT10S\"";
    case Class::kUuid:
      return "a UUID in a string";
    case Class::kArray:
      return "an array";
    case Class::kMap:
    case Class::kObject:
      return "an object";
    default:
      return "another value";
  }
}

bool IsPrimitive(Class kind, const JsonNode& value) {
  if (value.is_boolean()) return kind == Class::kBoolean;
  if (value.is_number()) return IsNumberOf(kind, value.text);
  if (!value.is_string()) return false;
  switch (kind) {
    case Class::kString:
      return true;
    case Class::kDecimal:
      return IsDecimal(value.text);
    case Class::kBytes:
      return IsBase64(value.text);
    case Class::kDate:
      return IsDate(value.text);
    case Class::kDateTime:
      return IsDateTime(value.text);
    case Class::kTime:
      return IsTime(value.text);
    case Class::kDuration:
      return IsDuration(value.text);
    case Class::kUuid:
      return IsUuid(value.text);
    default:
      return false;
  }
}

class Validator {
 public:
  std::vector<Violation> TakeViolations() { return std::move(violations_); }

  void Check(const Schema& schema, const JsonNode& value) {
    if (Enough()) return;
    switch (schema.kind) {
      case Class::kArray:
        return CheckArray(schema, value);
      case Class::kMap:
        return CheckMap(schema, value);
      case Class::kObject:
        return CheckObject(schema, value);
      case Class::kEnum:
        return CheckEnum(schema, value);
      default:
        if (!IsPrimitive(schema.kind, value)) FailKind(schema, value);
    }
  }

  // The schema, then what extensions add to it.
  void Check(const Schema& schema, const ValueTraits& traits, const JsonNode& value) {
    const size_t before = violations_.size();
    Check(schema, value);
    if (violations_.size() != before || !schema.is_numeric()) return;
    std::string violation = TraitsViolation(traits, value.text);
    if (!violation.empty()) Fail(value, std::move(violation));
  }

  void CheckTwin(const Interface& interface, const JsonNode& values,
                 const TwinValueOptions& options) {
    if (!values.is_object()) return Fail(values, "the values of a twin must be an object");
    for (const JsonNode& member : Children(values)) {
      if (Enough()) return;
      if (absl::StartsWith(member.key, "$")) continue;
      const size_t length = Enter(member.key);
      CheckTwinMember(interface, member, options);
      Leave(length);
    }
    CheckNoDuplicates(values);
    for (const Content* content : interface.contents) {
      const bool needed = content->kind == Class::kComponent
                              ? options.require_components
                              : content->traits.required && options.require_required;
      if (!needed || values.Find(content->name) != nullptr) continue;
      Fail(values,
           absl::StrCat("the ",
                        content->kind == Class::kComponent ? "Component" : "required Property",
                        " '", content->name, "' is missing"));
    }
  }

  void CheckProperties(absl::Span<const Content> properties, absl::string_view owner,
                       const JsonNode& values) {
    if (!values.is_object()) return Fail(values, "properties must be an object");
    for (const JsonNode& member : Children(values)) {
      if (Enough()) return;
      if (absl::StartsWith(member.key, "$")) continue;
      const size_t length = Enter(member.key);
      const auto found = absl::c_find_if(
          properties, [&](const Content& property) { return property.name == member.key; });
      if (found == properties.end()) {
        Fail(member, absl::StrCat("'", owner, "' has no property '", member.key, "'"));
      } else {
        Check(*found->schema, found->traits, member);
      }
      Leave(length);
    }
    CheckNoDuplicates(values);
    for (const Content& property : properties) {
      if (!property.traits.required || values.Find(property.name) != nullptr) continue;
      Fail(values, absl::StrCat("the required Property '", property.name, "' is missing"));
    }
  }

 private:
  bool Enough() const { return violations_.size() >= static_cast<size_t>(kViolationsMax); }

  void Fail(const JsonNode& value, std::string message) {
    if (!Enough()) violations_.push_back({path_, std::move(message), value.begin});
  }

  void FailKind(const Schema& schema, const JsonNode& value) {
    std::string what;
    switch (value.kind) {
      case JsonKind::kNull:
        what = "null is no value";
        break;
      case JsonKind::kNumber:
        what = absl::StrCat(Excerpt(value.text), " does not fit");
        break;
      case JsonKind::kString:
        what = absl::StrCat("\"", Excerpt(value.text), "\" does not fit");
        break;
      default:
        what = value.is_array()    ? "an array does not fit"
               : value.is_object() ? "an object does not fit"
                                   : "a boolean does not fit";
    }
    Fail(value, absl::StrCat(what, "; it must be ", Expectation(schema.kind)));
  }

  // The path is one string that grows and shrinks.
  size_t Enter(absl::string_view step) {
    const size_t length = path_.size();
    absl::StrAppend(&path_, "/", absl::StrReplaceAll(step, {{"~", "~0"}, {"/", "~1"}}));
    return length;
  }
  void Leave(size_t length) { path_.resize(length); }

  void CheckArray(const Schema& schema, const JsonNode& value) {
    if (!value.is_array()) return FailKind(schema, value);
    size_t index = 0;
    for (const JsonNode& element : Children(value)) {
      if (Enough()) return;
      const size_t length = Enter(absl::StrCat(index++));
      Check(*schema.element, element);
      Leave(length);
    }
  }

  void CheckMap(const Schema& schema, const JsonNode& value) {
    if (!value.is_object()) return FailKind(schema, value);
    for (const JsonNode& member : Children(value)) {
      if (Enough()) return;
      const size_t length = Enter(member.key);
      Check(*schema.element, schema.value_traits, member);
      Leave(length);
    }
    CheckNoDuplicates(value);
  }

  void CheckObject(const Schema& schema, const JsonNode& value) {
    if (!value.is_object()) return FailKind(schema, value);
    for (const JsonNode& member : Children(value)) {
      if (Enough()) return;
      const size_t length = Enter(member.key);
      if (const Field* field = schema.FindField(member.key)) {
        Check(*field->schema, field->traits, member);
      } else {
        std::vector<absl::string_view> names;
        for (const Field& known : schema.fields) names.push_back(known.name);
        const std::string hint = DidYouMean(member.key, names);
        Fail(member, absl::StrCat("the Object has no field '", member.key, "'",
                                  hint.empty() ? "" : "; ", hint));
      }
      Leave(length);
    }
    CheckNoDuplicates(value);
    for (const Field& field : schema.fields) {
      if (!field.traits.required || value.Find(field.name) != nullptr) continue;
      Fail(value, absl::StrCat("the required field '", field.name, "' is missing"));
    }
  }

  void CheckNoDuplicates(const JsonNode& object) {
    std::vector<absl::string_view> names;
    for (const JsonNode& member : Children(object)) names.push_back(member.key);
    absl::c_sort(names);
    const auto twice = absl::c_adjacent_find(names);
    if (twice != names.end()) Fail(object, absl::StrCat("'", *twice, "' stands twice"));
  }

  void CheckEnum(const Schema& schema, const JsonNode& value) {
    // In values, unlike in models, 1.0 is not 1.
    const std::optional<int> number = value.is_number() && IsNumberOf(Class::kInteger, value.text)
                                          ? ToInt32(value)
                                          : std::nullopt;
    const bool fits = schema.string_enum
                          ? value.is_string() && schema.FindValue(value.text) != nullptr
                          : number.has_value() && schema.FindValue(*number) != nullptr;
    if (fits) return;
    constexpr size_t kListedMax = 20;
    std::string known =
        absl::StrJoin(schema.values.subspan(0, std::min(schema.values.size(), kListedMax)), ", ",
                      [&](std::string* out, const EnumValue& one) {
                        schema.string_enum ? absl::StrAppend(out, "\"", Excerpt(one.text), "\"")
                                           : absl::StrAppend(out, one.number, " (", one.name, ")");
                      });
    if (schema.values.size() > kListedMax) {
      absl::StrAppend(&known, " and ", schema.values.size() - kListedMax, " more");
    }
    Fail(value, absl::StrCat(value.is_string() || value.is_number()
                                 ? absl::StrCat("'", Excerpt(value.text), "'")
                                 : "this",
                             " is no value of the Enum; it has ", known.empty() ? "none" : known));
  }

  void CheckTwinMember(const Interface& interface, const JsonNode& member,
                       const TwinValueOptions& options) {
    const Content* const content = interface.Find(member.key);
    if (content == nullptr) {
      std::vector<absl::string_view> names;
      for (const Content* known : interface.contents) names.push_back(known->name);
      const std::string hint = DidYouMean(member.key, names);
      return Fail(member, absl::StrCat("'", interface.id, "' has no '", member.key, "'",
                                       hint.empty() ? "" : "; ", hint));
    }
    switch (content->kind) {
      case Class::kProperty:
        return Check(*content->schema, content->traits, member);
      case Class::kTelemetry:
        if (options.telemetry) return Check(*content->schema, content->traits, member);
        return Fail(member,
                    absl::StrCat("'", member.key, "' is Telemetry, which is sent, not set"));
      case Class::kComponent:
        return CheckTwin(*content->component, member, options);
      default:
        return Fail(member, absl::StrCat("'", member.key, "' is ", AClass(content->kind),
                                         ", which has no value"));
    }
  }

  std::string path_;
  std::vector<Violation> violations_;
};

}  // namespace

int CompareDecimals(absl::string_view a, absl::string_view b) {
  const Decimal x = ParseDecimal(a), y = ParseDecimal(b);
  const int x_sign = x.digits.empty() ? 0 : x.negative ? -1 : 1;
  const int y_sign = y.digits.empty() ? 0 : y.negative ? -1 : 1;
  if (x_sign != y_sign || x_sign == 0) return x_sign - y_sign;
  int magnitude = 0;
  if (x.exponent != y.exponent) {
    magnitude = x.exponent < y.exponent ? -1 : 1;
  } else {
    magnitude = x.digits.compare(y.digits);  // "12" is a prefix of "125", and smaller
  }
  return x_sign * magnitude;
}

bool BoundsNumbers(const ValueTraits& traits) {
  return !traits.minimum.empty() || !traits.maximum.empty() || traits.decimal_places >= 0;
}

std::string TraitsViolation(const ValueTraits& traits, absl::string_view number) {
  if (!traits.minimum.empty() && CompareDecimals(number, traits.minimum) < 0) {
    return absl::StrCat(Excerpt(number), " is below the minimum ", traits.minimum);
  }
  if (!traits.maximum.empty() && CompareDecimals(number, traits.maximum) > 0) {
    return absl::StrCat(Excerpt(number), " is above the maximum ", traits.maximum);
  }
  if (traits.decimal_places >= 0 && DecimalPlaces(number) > traits.decimal_places) {
    return absl::StrCat(Excerpt(number), " has more than ", traits.decimal_places,
                        " decimal places");
  }
  return "";
}

std::string ViolationText(const std::vector<Violation>& violations) {
  return absl::StrJoin(violations, "\n", [](std::string* out, const Violation& violation) {
    absl::StrAppend(out, violation.path, violation.path.empty() ? "" : ": ", violation.message);
  });
}

std::vector<Violation> ValidateValue(const Schema& schema, const JsonNode& value) {
  Validator validator;
  validator.Check(schema, value);
  return validator.TakeViolations();
}

std::vector<Violation> ValidateText(const Schema& schema, absl::string_view text) {
  JsonParser parser;
  JsonError error;
  const auto document = JsonDocument::Parse(text, parser, &error);
  if (document == nullptr) return {{"", error.message, error.offset}};
  return ValidateValue(schema, document->root());
}

std::vector<Violation> ValidateContent(const Content& content, const JsonNode& value) {
  Validator validator;
  validator.Check(*content.schema, content.traits, value);
  return validator.TakeViolations();
}

std::vector<Violation> ValidateTwin(const Interface& interface, const JsonNode& values,
                                    const TwinValueOptions& options) {
  Validator validator;
  validator.CheckTwin(interface, values, options);
  return validator.TakeViolations();
}

std::vector<Violation> ValidateRelationship(const Content& relationship, const JsonNode& values) {
  Validator validator;
  validator.CheckProperties(relationship.properties, relationship.name, values);
  return validator.TakeViolations();
}

absl::Status CheckMultiplicity(const Content& relationship, int64_t count) {
  if (relationship.max_multiplicity == 0 || count <= relationship.max_multiplicity) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "a twin would have ", count, " relationships '", relationship.name, "'; its model ",
      relationship.owner->id, " allows ", relationship.max_multiplicity));
}

absl::Status CheckTarget(const Content& relationship, const Interface& target) {
  if (relationship.target.empty() || ModelSet::IsOfModel(target, relationship.target)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the relationship '", relationship.name, "' of ", relationship.owner->id,
                   " leads to twins of ", relationship.target, ", not of ", target.id));
}

}  // namespace twin::dtdl
