#include "models/dtdl/metamodel.h"

#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace twin::dtdl {
namespace {

using VK = ValueKind;
using enum Class;

constexpr ClassSet kNamedClasses =
    kContentClasses | ClassSet{kCommandPayload, kCommandRequest, kCommandResponse, kEnumValue,
                               kField,          kMapKey,         kMapValue};
constexpr ClassSet kHaveSchema = {kTelemetry,       kProperty, kCommandPayload, kCommandRequest,
                                  kCommandResponse, kField,    kMapValue};
constexpr ClassSet kHaveNullable = {kCommandRequest, kCommandResponse};

// clang-format off
constexpr MemberRule kRules[] = {
  // owners           member                     name                value             known in       required in    traits                          range                               bound
  {kAnyClass,       Member::kComment,         "comment",         VK::kString,    kAllVersions, kNever,       kSingular,                     {},                                 &kCommentLength},
  {kAnyClass,       Member::kDescription,     "description",     VK::kLangString, kAllVersions, kNever,       kPlural,                       {},                                 &kDescriptionLength},
  {kAnyClass,       Member::kDisplayName,     "displayName",     VK::kLangString, kAllVersions, kNever,       kPlural,                       {},                                 &kDisplayNameLength},
  {kNamedClasses,   Member::kName,            "name",            VK::kString,    kAllVersions, kAllVersions, kNameSyntax,                   {},                                 &kNameLength},

  {{kInterface},    Member::kContents,        "contents",        VK::kElements,  kAllVersions, kNever,       kPlural | kOlder,              kContentClasses,                    &kContentsCount},
  {{kInterface},    Member::kExtends,         "extends",         VK::kElements,  kAllVersions, kNever,       kPlural | kOlder | kNeedsId,   {kInterface},                       &kExtendsCount},
  {{kInterface},    Member::kSchemas,         "schemas",         VK::kElements,  kAllVersions, kNever,       kPlural | kNeedsId,            kComplexSchemas},

  {kHaveSchema,     Member::kSchema,          "schema",          VK::kElements,  kAllVersions, kAllVersions, kOlder,                        kSchemaClasses},
  {{kMapKey},       Member::kSchema,          "schema",          VK::kElements,  kAllVersions, kAllVersions, kOlder | kNeedsId,             {Class::kString}},
  {{kComponent},    Member::kSchema,          "schema",          VK::kElements,  kAllVersions, kAllVersions, kOlder | kNeedsId,             {kInterface}},

  {{kProperty},     Member::kWritable,        "writable",        VK::kBoolean,   kAllVersions, kNever,       kSingular,                     {}},

  {{kCommand},      Member::kCommandType,     "commandType",     VK::kElements,  kAllVersions, kNever,       kNeedsId,                      {kCommandType}},
  {{kCommand},      Member::kRequest,         "request",         VK::kElements,  kAllVersions, kNever,       kInferred,                     {kCommandPayload, kCommandRequest}},
  {{kCommand},      Member::kResponse,        "response",        VK::kElements,  kAllVersions, kNever,       kInferred,                     {kCommandPayload, kCommandResponse}},
  {kHaveNullable,   Member::kNullable,        "nullable",        VK::kBoolean,   kDtdl4,          kNever,       kSingular,                     {}},

  {{kRelationship}, Member::kMinMultiplicity, "minMultiplicity", VK::kInteger,   kAllVersions, kNever,       kSingular,                     {}},
  {{kRelationship}, Member::kMaxMultiplicity, "maxMultiplicity", VK::kInteger,   kAllVersions, kNever,       kSingular,                     {}},
  {{kRelationship}, Member::kTarget,          "target",          VK::kDtmi,      kAllVersions, kNever,       kSingular,                     {}},
  {{kRelationship}, Member::kProperties,      "properties",      VK::kElements,  kAllVersions, kNever,       kPlural | kOlder,              {kProperty},                        &kRelationshipPropertiesCount},
  {{kRelationship}, Member::kWritable,        "writable",        VK::kBoolean,   kAllVersions, kNever,       kSingular,                     {}},

  {{kArray},        Member::kElementSchema,   "elementSchema",   VK::kElements,  kAllVersions, kAllVersions, kOlder,                        kSchemaClasses},
  {{kEnum},         Member::kValueSchema,     "valueSchema",     VK::kElements,  kAllVersions, kAllVersions, kOlder | kNeedsId,             kPrimitiveSchemas},
  {{kEnum},         Member::kEnumValues,      "enumValues",      VK::kElements,  kAllVersions, kDtdl2,          kPlural | kInferred,           {kEnumValue},                       &kEnumValuesCount},
  {{kEnumValue},    Member::kEnumValue,       "enumValue",       VK::kLiteral,   kAllVersions, kAllVersions, kSingular,                     {}},
  {{kMap},          Member::kMapKey,          "mapKey",          VK::kElements,  kAllVersions, kAllVersions, kInferred,                     {kMapKey}},
  {{kMap},          Member::kMapValue,        "mapValue",        VK::kElements,  kAllVersions, kAllVersions, kInferred,                     {kMapValue}},
  {{kObject},       Member::kFields,          "fields",          VK::kElements,  kAllVersions, kDtdl2,          kPlural | kInferred,           {kField},                           &kFieldsCount},
};
// clang-format on

constexpr absl::string_view kClassNames[] = {"Interface",
                                             "Telemetry",
                                             "Property",
                                             "Command",
                                             "Relationship",
                                             "Component",
                                             "CommandPayload",
                                             "CommandRequest",
                                             "CommandResponse",
                                             "Array",
                                             "Enum",
                                             "Map",
                                             "Object",
                                             "EnumValue",
                                             "Field",
                                             "MapKey",
                                             "MapValue",
                                             "Boolean",
                                             "Byte",
                                             "Bytes",
                                             "Date",
                                             "DateTime",
                                             "Decimal",
                                             "Double",
                                             "Duration",
                                             "Float",
                                             "Integer",
                                             "Long",
                                             "Short",
                                             "String",
                                             "Time",
                                             "UnsignedByte",
                                             "UnsignedInteger",
                                             "UnsignedLong",
                                             "UnsignedShort",
                                             "Uuid",
                                             "CommandType",
                                             "Unit"};
static_assert(std::size(kClassNames) == kClassCount);

constexpr absl::string_view kAbstractNames[] = {
    "Entity",        "NamedEntity",     "Content",       "Schema",
    "ComplexSchema", "PrimitiveSchema", "NumericSchema", "TemporalSchema",
    "SchemaField",   "UnitAttribute",   "LatentType",    "NamedLatentType"};

// The table, indexed by class, member and version, so that a look-up is one load.
struct Index {
  Index() {
    for (const MemberRule& rule : kRules) {
      names[static_cast<int>(rule.member)] = rule.name;
      for (int c = 0; c < kClassCount; ++c) {
        if (!rule.owners.Has(static_cast<Class>(c))) continue;
        for (int version = 2; version <= 4; ++version) {
          if (!InVersions(rule.versions, version)) continue;
          rules[c][static_cast<int>(rule.member)][version - 2] = &rule;
          if (InVersions(rule.required, version)) required[c][version - 2].push_back(&rule);
        }
      }
    }
  }
  std::array<absl::string_view, kMemberCount> names;
  const MemberRule* rules[kClassCount][kMemberCount][3] = {};
  std::vector<const MemberRule*> required[kClassCount][3];
};

const Index& TheIndex() {
  static const Index* const index = new Index();
  return *index;
}

}  // namespace

absl::Span<const MemberRule> MemberRules() { return kRules; }

const MemberRule* FindRule(Class owner, Member member, int version) {
  return TheIndex().rules[static_cast<int>(owner)][static_cast<int>(member)][version - 2];
}

absl::Span<const MemberRule* const> RequiredRules(Class owner, int version) {
  return TheIndex().required[static_cast<int>(owner)][version - 2];
}

Class InferredClass(const MemberRule& rule, int version) {
  if (!rule.inferred()) return Class::kNone;
  for (int i = 0; i < kClassCount; ++i) {
    const Class c = static_cast<Class>(i);
    if (rule.range.Has(c) && InVersions(ClassVersions(c), version)) return c;
  }
  return Class::kNone;
}

absl::string_view ClassName(Class c) {
  return c == Class::kNone ? absl::string_view("element") : kClassNames[static_cast<int>(c)];
}

std::string AClass(Class c) {
  const absl::string_view name = ClassName(c);
  const bool vowel = absl::StrContains("AEIOe", name.substr(0, 1));  // "Unsigned.." begins with y
  return absl::StrCat(vowel ? "an " : "a ", name);
}

absl::string_view MemberName(Member member) { return TheIndex().names[static_cast<int>(member)]; }

VersionSet ClassVersions(Class c) {
  switch (c) {
    case Class::kCommandPayload:
      return kDtdl2;
    case Class::kCommandRequest:
    case Class::kCommandResponse:
      return kDtdl34;
    case Class::kByte:
    case Class::kBytes:
    case Class::kDecimal:
    case Class::kShort:
    case Class::kUnsignedByte:
    case Class::kUnsignedInteger:
    case Class::kUnsignedLong:
    case Class::kUnsignedShort:
    case Class::kUuid:
      return kDtdl4;
    default:
      return kAllVersions;
  }
}

absl::Span<const absl::string_view> AbstractClassNames() { return kAbstractNames; }

bool IsName(absl::string_view text) {
  if (text.empty() || !absl::ascii_isalpha(static_cast<unsigned char>(text.front()))) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  return text.back() != '_';
}

int Utf16Length(absl::string_view text) {
  int units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) ++units;  // starts a code point
    if (byte >= 0xF0) ++units;           // which needs a surrogate pair
  }
  return units;
}

}  // namespace twin::dtdl
