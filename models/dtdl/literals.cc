#include "models/dtdl/literals.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "models/dtdl/codes.h"
#include "models/dtdl/dtmi.h"
#include "models/dtdl/primitives.h"

namespace twin::dtdl {
namespace {

constexpr absl::string_view kXsd = "http://www.w3.org/2001/XMLSchema#";

bool IsXsdType(absl::string_view type, absl::string_view name) {
  return (absl::ConsumePrefix(&type, "xsd:") || absl::ConsumePrefix(&type, kXsd)) && type == name;
}

// BCP 47 as far as DTDL takes it: language, optional script, optional region.
bool IsLanguageCode(absl::string_view code) {
  const std::vector<absl::string_view> parts = absl::StrSplit(code, '-');
  const auto all = [](absl::string_view text, bool (*is)(unsigned char)) {
    return absl::c_all_of(text, [is](char c) { return is(static_cast<unsigned char>(c)); });
  };
  const absl::string_view language = parts[0];
  if (language.size() < 2 || language.size() > 4 || !all(language, absl::ascii_islower)) {
    return false;
  }
  size_t next = 1;
  if (next < parts.size() && parts[next].size() == 4 &&
      absl::ascii_isupper(static_cast<unsigned char>(parts[next][0])) &&
      all(parts[next].substr(1), absl::ascii_islower)) {
    ++next;
  }
  if (next < parts.size() && ((parts[next].size() == 2 && all(parts[next], absl::ascii_isupper)) ||
                              (parts[next].size() == 3 && all(parts[next], absl::ascii_isdigit)))) {
    ++next;
  }
  return next == parts.size();
}

constexpr absl::string_view kLanguageHint =
    "a language code is two to four small letters, then perhaps a script and a region: en, en-US, "
    "zh-Hant-TW";
constexpr absl::string_view kDefaultLanguage = "en";

absl::string_view KindName(const JsonNode& node) {
  switch (node.kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kFalse:
    case JsonKind::kTrue:
      return "a boolean";
    case JsonKind::kNumber:
      return "a number";
    case JsonKind::kString:
      return "a string";
    case JsonKind::kArray:
      return "an array";
    case JsonKind::kObject:
      break;
  }
  return "an object";
}

}  // namespace

std::optional<int> ToInt32(const JsonNode& node) {
  double value = 0;
  if (!node.is_number() || !absl::SimpleAtod(node.text, &value)) return std::nullopt;
  if (value < INT32_MIN || value > INT32_MAX || value != std::trunc(value)) return std::nullopt;
  return static_cast<int>(value);
}

// What a literal of one kind must be, and the codes of what may be wrong with it.
struct LiteralReader::Kind {
  absl::string_view noun;      // "a string"
  absl::string_view xsd_type;  // "string"
  bool (*accepts)(const JsonNode&);
  absl::string_view wrong, multiple, none, object_without_value, wrong_type, wrong_value;
};

const JsonNode* LiteralReader::Fail(absl::string_view code, const JsonNode& node,
                                    std::string message, std::string hint) {
  state_.Error(code, PlaceOf(element_, node), IdOf(element_), std::move(message), std::move(hint),
               element_.partition);
  return nullptr;
}

const JsonNode* LiteralReader::FailAtKey(absl::string_view code, const JsonNode& member,
                                         std::string message, std::string hint) {
  state_.Error(code, KeyPlaceOf(element_, member), IdOf(element_), std::move(message),
               std::move(hint), element_.partition);
  return nullptr;
}

void LiteralReader::Warn(absl::string_view code, const JsonNode& node, std::string message,
                         std::string hint) {
  state_.Warn(code, PlaceOf(element_, node), IdOf(element_), std::move(message), std::move(hint));
}

const JsonNode* LiteralReader::Unwrap(const JsonNode& member, absl::string_view name,
                                      const Kind& kind, bool required, bool* failed) {
  *failed = true;
  const JsonNode* node = &member;
  if (node->is_array()) {
    if (node->count > 1) {
      return Fail(kind.multiple, *node,
                  absl::StrCat("'", name, "' has ", node->count, " values; it takes one"));
    }
    if (node->count == 0) {
      if (required) {
        return Fail(kind.none, *node,
                    absl::StrCat("'", name, "' is empty; it must be ", kind.noun));
      }
      *failed = false;
      return nullptr;
    }
    node = node + 1;
  }
  if (node->is_null()) {
    return Fail(code::kPropertyValueNull, *node,
                absl::StrCat("'", name, "' is null; it must be ", kind.noun),
                "give it a value or leave it out");
  }
  if (node->is_object()) {
    node = UnwrapObject(*node, name, kind);
    *failed = node == nullptr;
    return node;
  }
  if (!kind.accepts(*node)) {
    return Fail(kind.wrong, *node,
                absl::StrCat("'", name, "' is ", KindName(*node), "; it must be ", kind.noun));
  }
  *failed = false;
  return node;
}

// {"@value": .., "@type": "xsd:.."}
const JsonNode* LiteralReader::UnwrapObject(const JsonNode& object, absl::string_view name,
                                            const Kind& kind) {
  const JsonNode* value = nullptr;
  const JsonNode* type = nullptr;
  for (const JsonNode& member : Children(object)) {
    absl::string_view code;
    if (member.key == "@value" || member.key == "@type") {
      const JsonNode*& slot = member.key == "@value" ? value : type;
      if (slot != nullptr) code = code::kDuplicatePropertyName;
      slot = &member;
    } else if (member.key == "@context") {
      code = code::kValueObjectContext;
    } else if (member.key == "@id") {
      code = code::kValueObjectId;
    } else if (member.key == "@graph") {
      code = code::kValueObjectGraph;
    } else if (!absl::StartsWith(member.key, "@")) {
      code = code::kValueObjectInvalidProp;
    } else if (element_.version > 2) {
      code = member.key == "@language" ? code::kValueObjectLanguage : code::kValueObjectKeyword;
    }
    if (code.empty()) continue;
    return FailAtKey(code, member,
                     absl::StrCat("'", name, "' has '", member.key,
                                  "' where only \"@value\" and "
                                  "\"@type\" may stand"),
                     absl::StrCat("write '", name, "' as ", kind.noun));
  }
  if (value == nullptr) {
    return Fail(kind.object_without_value, object,
                absl::StrCat("'", name, "' is an object without \"@value\""),
                absl::StrCat("write it as ", kind.noun));
  }
  if (type == nullptr) {
    Warn(code::kUntypedValue, object,
         absl::StrCat("'", name, "' is an object with a \"@value\" but no \"@type\""),
         absl::StrCat("write it as ", kind.noun));
  }
  if (type != nullptr && type->is_array() && type->count == 1) type = type + 1;
  if (type != nullptr && !type->is_string()) {
    return Fail(code::kLiteralTypeNotSingular, *type,
                absl::StrCat("the \"@type\" of '", name, "' must be one string"),
                kind.xsd_type.empty() ? "write xsd:string or xsd:integer"
                                      : absl::StrCat("write xsd:", kind.xsd_type));
  }
  if (type != nullptr && !kind.xsd_type.empty() && !IsXsdType(type->text, kind.xsd_type)) {
    return Fail(kind.wrong_type, *type,
                absl::StrCat("the \"@type\" of '", name, "' is '", type->text,
                             "'; it must be xsd:", kind.xsd_type));
  }
  bool fits = kind.accepts(*value);
  if (type != nullptr && kind.xsd_type.empty()) {  // a string or an integer, as the type says
    fits = fits && ((IsXsdType(type->text, "string") && value->is_string()) ||
                    (IsXsdType(type->text, "integer") && value->is_number()));
  }
  if (!fits) {
    return Fail(kind.wrong_value, *value,
                absl::StrCat("the \"@value\" of '", name, "' must be ", kind.noun,
                             type == nullptr ? "" : " of its \"@type\""),
                absl::StrCat("write '", name, "' as ", kind.noun));
  }
  return value;
}

const JsonNode* LiteralReader::ReadString(const JsonNode& member, absl::string_view name,
                                          const Limit& length, bool required) {
  static constexpr Kind kKind = {"a string",
                                 "string",
                                 [](const JsonNode& node) { return node.is_string(); },
                                 code::kStringNotString,
                                 code::kStringMultipleValues,
                                 code::kStringCountBelowMin,
                                 code::kStringObjectNoValue,
                                 code::kStringTypeNotString,
                                 code::kStringValueNotString};
  bool failed = false;
  const JsonNode* const node = Unwrap(member, name, kKind, required, &failed);
  if (node == nullptr) return nullptr;
  const int limit = length.of(element_.bounds);
  if (limit > 0 && node->text.size() > static_cast<size_t>(limit)) {
    if (const int units = Utf16Length(node->text); units > limit) {
      return Fail(code::kStringTooLong, *node,
                  absl::StrCat("'", name, "' is ", units, " characters long"),
                  absl::StrCat("at most ", limit, " are allowed"));
    }
  }
  return node;
}

const JsonNode* LiteralReader::ReadInteger(const JsonNode& member, absl::string_view name,
                                           bool required) {
  static constexpr Kind kKind = {"an integer of 32 bits",
                                 "integer",
                                 [](const JsonNode& node) { return ToInt32(node).has_value(); },
                                 code::kIntegerNotInteger,
                                 code::kIntegerMultipleValues,
                                 code::kIntegerCountBelowMin,
                                 code::kIntegerObjectNoValue,
                                 code::kIntegerTypeNotInteger,
                                 code::kIntegerValueNotInteger};
  bool failed = false;
  return Unwrap(member, name, kKind, required, &failed);
}

const JsonNode* LiteralReader::ReadBoolean(const JsonNode& member, absl::string_view name) {
  static constexpr Kind kKind = {"true or false",
                                 "boolean",
                                 [](const JsonNode& node) { return node.is_boolean(); },
                                 code::kBooleanNotBoolean,
                                 code::kBooleanMultipleValues,
                                 code::kBooleanNotBoolean,
                                 code::kBooleanObjectNoValue,
                                 code::kBooleanTypeNotBoolean,
                                 code::kBooleanValueNotBoolean};
  bool failed = false;
  return Unwrap(member, name, kKind, false, &failed);
}

const JsonNode* LiteralReader::ReadNumber(const JsonNode& member, absl::string_view name) {
  static constexpr Kind kKind = {"a number",
                                 "decimal",
                                 [](const JsonNode& node) { return node.is_number(); },
                                 code::kNumericNotNumeric,
                                 code::kNumericMultipleValues,
                                 code::kNumericNotNumeric,
                                 code::kNumericObjectNoValue,
                                 code::kNumericTypeNotNumeric,
                                 code::kNumericValueNotNumeric};
  bool failed = false;
  return Unwrap(member, name, kKind, false, &failed);
}

const JsonNode* LiteralReader::ReadDuration(const JsonNode& member, absl::string_view name) {
  static constexpr Kind kKind = {"a duration",
                                 "duration",
                                 [](const JsonNode& node) { return node.is_string(); },
                                 code::kDurationNotString,
                                 code::kDurationMultipleValues,
                                 code::kDurationNotString,
                                 code::kDurationObjectNoValue,
                                 code::kDurationTypeNotDuration,
                                 code::kDurationValueNotString};
  bool failed = false;
  const JsonNode* const node = Unwrap(member, name, kKind, true, &failed);
  if (node == nullptr || IsDuration(node->text)) return node;
  return Fail(code::kDurationInvalid, *node,
              absl::StrCat("'", name, "' is '", node->text, "'; it must be an ISO 8601 duration"),
              "ten seconds are written PT10S");
}

const JsonNode* LiteralReader::ReadLiteral(const JsonNode& member, absl::string_view name) {
  static constexpr Kind kKind = {
      "a string or an integer",
      "",
      [](const JsonNode& node) {  // whether a boolean fits is for the Enum's schema to say
        return node.is_string() || node.is_number() || node.is_boolean();
      },
      code::kLiteralNotValid,
      code::kLiteralMultipleValues,
      code::kLiteralCountBelowMin,
      code::kLiteralObjectNoValue,
      code::kLiteralNotValid,
      code::kLiteralNotValid};
  bool failed = false;
  return Unwrap(member, name, kKind, true, &failed);
}

const JsonNode* LiteralReader::ReadDtmi(const JsonNode& member, absl::string_view name) {
  const JsonNode* node = &member;
  if (node->is_array()) {
    if (node->count > 1) {
      return Fail(code::kIdentifierMultipleValues, *node,
                  absl::StrCat("'", name, "' has ", node->count, " values; it takes one"));
    }
    if (node->count == 0) return nullptr;
    node = node + 1;
  }
  if (!node->is_string()) {
    return Fail(
        code::kIdentifierNotString, *node,
        absl::StrCat("'", name, "' is ", KindName(*node), "; it must be the id of an Interface"),
        "write the id as a string");
  }
  if (!IsModelId(node->text, element_.version)) {
    return Fail(code::kIdentifierNotDtmi, *node,
                absl::StrCat("'", name, "' is '", node->text, "', which is no DTMI"),
                element_.version == 2 ? "a DTMI looks like dtmi:com:example:Cell;1"
                                      : "a DTMI looks like dtmi:com:example:Cell;1 or ;1.2");
  }
  // References are bound by the core limit whatever limits the context names.
  const int limit = kIdLength.of(Bounds::kV4);
  if (node->text.size() > static_cast<size_t>(limit)) {
    return Fail(code::kIdentifierNotDtmi, *node,
                absl::StrCat("'", name, "' is ", node->text.size(), " characters long"),
                absl::StrCat("at most ", limit, " are allowed"));
  }
  return node;
}

// --- Texts by language ---------------------------------------------------------------------------

const JsonNode* LiteralReader::ReadLangString(const JsonNode& member, absl::string_view name,
                                              const Limit& length) {
  switch (member.kind) {
    case JsonKind::kString:
      return CheckText(member, name, length) ? &member : nullptr;
    case JsonKind::kObject:
      return ReadLanguageMap(member, name, length) ? &member : nullptr;
    case JsonKind::kArray:
      return ReadLanguageArray(member, name, length) ? &member : nullptr;
    case JsonKind::kNull:
      return Fail(code::kPropertyValueNull, member, absl::StrCat("'", name, "' is null"),
                  "give it a text or leave it out");
    default:
      return Fail(code::kLangStringElementNotStringOrObject, member,
                  absl::StrCat("'", name, "' is ", KindName(member),
                               "; it must be a string or texts by language"),
                  "write \"text\" or {\"en\": \"text\", \"de\": \"Text\"}");
  }
}

bool LiteralReader::CheckText(const JsonNode& node, absl::string_view name, const Limit& length) {
  const int limit = length.of(element_.bounds);
  if (limit == 0 || node.text.size() <= static_cast<size_t>(limit)) return true;
  const int units = Utf16Length(node.text);
  if (units <= limit) return true;
  Fail(code::kLangStringValueTooLong, node,
       absl::StrCat("'", name, "' is ", units, " characters long"),
       absl::StrCat("at most ", limit, " are allowed for each language"));
  return false;
}

bool LiteralReader::ReadLanguageMap(const JsonNode& map, absl::string_view name,
                                    const Limit& length) {
  if (map.Find("@value") != nullptr) {
    // A tagged text where texts by language are meant, or a mixture of both?
    const bool tagged =
        map.count == 2 && map.Find("@value")->is_string() && map.Find("@language") != nullptr;
    Fail(tagged ? code::kLangTagValueInLangMap : code::kLangMapObjKeyword, map,
         absl::StrCat("'", name, "' is an object with \"@value\""),
         "write {\"en\": \"text\"} or, in an array, {\"@language\": \"en\", \"@value\": \"text\"}");
    return false;
  }
  for (const JsonNode& member : Children(map)) {
    if (absl::StartsWith(member.key, "@")) {
      FailAtKey(code::kLangMapObjKeyword, member,
                absl::StrCat("'", name, "' has '", member.key, "' among its languages"),
                "remove it: the members are language codes");
      return false;
    }
    if (!IsLanguageCode(member.key)) {
      FailAtKey(code::kLangStringInvalidCode, member,
                absl::StrCat("'", member.key, "' is not a language code"),
                std::string(kLanguageHint));
      return false;
    }
    if (!member.is_string()) {
      Fail(code::kLangStringValueNotString, member,
           absl::StrCat("'", name, "' has ", KindName(member), " for '", member.key,
                        "'; it must be a string"));
      return false;
    }
    if (!CheckText(member, name, length)) return false;
  }
  if (map.count < 2) return true;
  std::vector<TaggedText> texts;
  for (const JsonNode& member : Children(map)) texts.push_back({member.key, &member});
  return CheckLanguages(name, code::kLangStringCodeNotUnique, &texts);
}

// A language may have one text only.
bool LiteralReader::CheckLanguages(absl::string_view name, absl::string_view code,
                                   std::vector<TaggedText>* texts) {
  std::stable_sort(texts->begin(), texts->end(), [](const TaggedText& a, const TaggedText& b) {
    return a.language < b.language;
  });
  const auto first = std::adjacent_find(
      texts->begin(), texts->end(),
      [](const TaggedText& a, const TaggedText& b) { return a.language == b.language; });
  if (first == texts->end()) return true;
  const JsonNode& second = *(first + 1)->node;
  std::string message = absl::StrCat("'", name, "' has two texts for '", first->language, "'");
  std::string hint = "remove one of them; a text without a language is English";
  if (code == code::kLangStringCodeNotUnique) {
    FailAtKey(code, second, std::move(message), std::move(hint));
  } else {
    Fail(code, second, std::move(message), std::move(hint));
  }
  return false;
}

bool LiteralReader::ReadLanguageArray(const JsonNode& array, absl::string_view name,
                                      const Limit& length) {
  std::vector<TaggedText> texts;
  for (const JsonNode& node : Children(array)) {
    absl::string_view language = kDefaultLanguage;
    if (node.is_object()) {
      if (!ReadLanguageObject(node, name, length, &language)) return false;
    } else if (node.is_string()) {
      if (!CheckText(node, name, length)) return false;
    } else {
      Fail(code::kLangStringElementNotStringOrObject, node,
           absl::StrCat("'", name, "' has ", KindName(node), " in its array"),
           "write strings or {\"@language\": \"en\", \"@value\": \"text\"}");
      return false;
    }
    texts.push_back({language, &node});
  }
  return CheckLanguages(name, code::kLangStringElementCodeNotUnique, &texts);
}

bool LiteralReader::ReadLanguageObject(const JsonNode& object, absl::string_view name,
                                       const Limit& length, absl::string_view* language) {
  const JsonNode* value = nullptr;
  bool tagged = false;
  const bool strict = element_.version > 2;
  for (const JsonNode& member : Children(object)) {
    absl::string_view code;
    if (member.key == "@value") {
      if (value != nullptr) code = code::kDuplicatePropertyName;
      value = &member;
    } else if (member.key == "@language") {
      if (std::exchange(tagged, true)) {
        Fail(code::kDuplicatePropertyName, member,
             absl::StrCat("an element of '", name, "' has two languages"), "remove one of them");
        return false;
      }
      if (!member.is_string()) {
        Fail(code::kLangStringElementCodeNotString, member,
             absl::StrCat("an \"@language\" of '", name, "' must be a string"),
             std::string(kLanguageHint));
        return false;
      }
      if (!IsLanguageCode(member.text)) {
        Fail(code::kLangStringElementInvalidCode, member,
             absl::StrCat("'", member.text, "' is not a language code"),
             std::string(kLanguageHint));
        return false;
      }
      *language = member.text;
    } else if (member.key == "@context") {
      code = code::kLangStringElementContext;
    } else if (member.key == "@graph") {
      code = code::kLangStringElementGraph;
    } else if (member.key == "@id") {
      code = code::kLangStringElementId;
    } else if (!absl::StartsWith(member.key, "@")) {
      code = code::kLangStringElementInvalidProp;
    } else if (!strict) {
      Warn(code::kIgnoredKeyword, member, absl::StrCat("DTDL 2 passes over \"", member.key, "\""),
           "remove it");
    } else {
      code = member.key == "@type" ? code::kLangStringElementType : code::kLangStringElementKeyword;
    }
    if (code.empty()) continue;
    FailAtKey(code, member,
              absl::StrCat("'", name, "' has '", member.key, "' in an element of its array"),
              "only \"@language\" and \"@value\" may stand there");
    return false;
  }
  if (value == nullptr) {
    Fail(code::kLangStringElementNoValue, object,
         absl::StrCat("an element of '", name, "' has no \"@value\""),
         "write {\"@language\": \"en\", \"@value\": \"text\"}");
    return false;
  }
  if (!value->is_string()) {
    Fail(code::kLangStringElementValueNotString, *value,
         absl::StrCat("an \"@value\" of '", name, "' must be a string"),
         "write the text as a string");
    return false;
  }
  return CheckText(*value, name, length);
}

}  // namespace twin::dtdl
