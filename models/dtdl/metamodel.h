// DTDL's own model: which classes of element exist in which version of the language, which members
// each may have, and what bounds them. The rules are one table in metamodel.cc; checking code asks
// it and knows no class by name where it can help it.
// Sources: DTDL.Specification v2, v3 and v4 (Azure/opendigitaltwins-dtdl).
#ifndef TWIN_MODELS_DTDL_METAMODEL_H_
#define TWIN_MODELS_DTDL_METAMODEL_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::dtdl {

// The concrete classes, in the order of the specification. The primitive schemas follow those that
// models define; kUnit and kCommandType have only elements that the language itself defines.
enum class Class : uint8_t {
  kInterface,
  kTelemetry,
  kProperty,
  kCommand,
  kRelationship,
  kComponent,
  kCommandPayload,
  kCommandRequest,
  kCommandResponse,
  kArray,
  kEnum,
  kMap,
  kObject,
  kEnumValue,
  kField,
  kMapKey,
  kMapValue,
  kBoolean,
  kByte,
  kBytes,
  kDate,
  kDateTime,
  kDecimal,
  kDouble,
  kDuration,
  kFloat,
  kInteger,
  kLong,
  kShort,
  kString,
  kTime,
  kUnsignedByte,
  kUnsignedInteger,
  kUnsignedLong,
  kUnsignedShort,
  kUuid,
  kCommandType,
  kUnit,
  kNone,  // no class could be told
};
inline constexpr int kClassCount = static_cast<int>(Class::kNone);

// A set of classes: what a member may hold, or which classes have it.
class ClassSet {
 public:
  constexpr ClassSet() = default;
  constexpr ClassSet(std::initializer_list<Class> classes) {  // NOLINT: a set reads as a list
    for (const Class c : classes) bits_ |= Bit(c);
  }
  static constexpr ClassSet Range(Class first, Class last) {
    ClassSet set;
    for (int i = static_cast<int>(first); i <= static_cast<int>(last); ++i) {
      set.bits_ |= uint64_t{1} << i;
    }
    return set;
  }
  constexpr bool Has(Class c) const { return (bits_ & Bit(c)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr ClassSet operator|(ClassSet other) const {
    other.bits_ |= bits_;
    return other;
  }
  constexpr bool operator==(const ClassSet&) const = default;

 private:
  static constexpr uint64_t Bit(Class c) {
    return c == Class::kNone ? 0 : uint64_t{1} << static_cast<int>(c);
  }
  uint64_t bits_ = 0;
};

inline constexpr ClassSet kAnyClass = ClassSet::Range(Class::kInterface, Class::kUnit);
inline constexpr ClassSet kContentClasses = ClassSet::Range(Class::kTelemetry, Class::kComponent);
inline constexpr ClassSet kComplexSchemas = ClassSet::Range(Class::kArray, Class::kObject);
inline constexpr ClassSet kPrimitiveSchemas = ClassSet::Range(Class::kBoolean, Class::kUuid);
inline constexpr ClassSet kSchemaClasses = kComplexSchemas | kPrimitiveSchemas;
inline constexpr ClassSet kNumericSchemas = {
    Class::kByte,         Class::kDecimal,      Class::kDouble,
    Class::kFloat,        Class::kInteger,      Class::kLong,
    Class::kShort,        Class::kUnsignedByte, Class::kUnsignedInteger,
    Class::kUnsignedLong, Class::kUnsignedShort};

// Versions 2, 3 and 4 of the language, as a set.
using VersionSet = uint8_t;
inline constexpr VersionSet kDtdl2 = 1, kDtdl3 = 2, kDtdl4 = 4;
inline constexpr VersionSet kDtdl34 = kDtdl3 | kDtdl4, kAllVersions = kDtdl2 | kDtdl3 | kDtdl4,
                            kNever = 0;
constexpr bool InVersions(VersionSet set, int version) { return ((set >> (version - 2)) & 1) != 0; }

// What bounds an element: its version, or for v4 the limit extension that its context names.
enum class Bounds : uint8_t { kV2, kV3, kV4, kAio, kOnvif };
inline constexpr int kBoundsCount = 5;
struct Limit {
  int values[kBoundsCount];  // 0: no bound
  constexpr int of(Bounds bounds) const { return values[static_cast<int>(bounds)]; }
};
// Lengths are UTF-16 code units, as the reference counts them.   v2    v3    v4    aio   onvif
inline constexpr Limit kNoLimit = {{0, 0, 0, 0, 0}};
inline constexpr Limit kNameLength = {{64, 512, 512, 0, 0}};
inline constexpr Limit kDisplayNameLength = {{64, 512, 512, 512, 512}};
inline constexpr Limit kDescriptionLength = {{512, 512, 512, 2048, 4096}};
inline constexpr Limit kCommentLength = {{512, 512, 512, 512, 512}};
inline constexpr Limit kIdLength = {{2048, 2048, 2048, 512, 512}};
inline constexpr Limit kInterfaceIdLength = {{128, 128, 128, 256, 256}};
inline constexpr Limit kExtendsDepth = {{10, 10, 12, 12, 12}};
inline constexpr Limit kExtendsTotal = {{0, 1024, 1024, 1024, 1024}};
inline constexpr Limit kSchemaDepth = {{5, 5, 8, 12, 24}};
inline constexpr Limit kElementTotal = {{0, 100000, 100000, 100000, 100000}};
inline constexpr Limit kInterfaceBytes = {{0, 1 << 20, 1 << 20, 1 << 20, 1 << 20}};
inline constexpr Limit kContentsCount = {{300, 0, 0, 0, 0}};
inline constexpr Limit kExtendsCount = {{2, 0, 0, 0, 0}};
inline constexpr Limit kRelationshipPropertiesCount = {{300, 0, 0, 0, 0}};
inline constexpr Limit kEnumValuesCount = {{100, 0, 0, 0, 0}};
inline constexpr Limit kFieldsCount = {{30, 0, 0, 0, 0}};

enum class Member : uint8_t {
  kComment,
  kDescription,
  kDisplayName,
  kName,
  kContents,
  kExtends,
  kSchemas,
  kSchema,
  kWritable,
  kRequest,
  kResponse,
  kCommandType,
  kNullable,
  kMinMultiplicity,
  kMaxMultiplicity,
  kTarget,
  kProperties,
  kElementSchema,
  kValueSchema,
  kEnumValues,
  kEnumValue,
  kMapKey,
  kMapValue,
  kFields,
};
inline constexpr int kMemberCount = static_cast<int>(Member::kFields) + 1;

enum class ValueKind : uint8_t {
  kString,      // a string, or {"@value": ..}
  kLangString,  // one text per language
  kInteger,     // int32
  kBoolean,
  kLiteral,   // a string or an int32: EnumValue.enumValue
  kDtmi,      // an id that need not be defined: Relationship.target
  kElements,  // one element or, when plural, any number
};

// What a member's values may be, beyond their kind.
using Traits = uint8_t;
inline constexpr Traits kSingular = 0;
inline constexpr Traits kPlural = 1;       // any number of values
inline constexpr Traits kOlder = 2;        // values may be written in an older version
inline constexpr Traits kInferred = 4;     // a value may leave its "@type" out
inline constexpr Traits kNeedsId = 8;      // a value must have, or be, an id
inline constexpr Traits kNameSyntax = 16;  // the string is a name

// One row: a member of some classes, in every version that has them.
struct MemberRule {
  ClassSet owners;
  Member member;
  absl::string_view name;
  ValueKind value;
  VersionSet versions;  // that know the member
  VersionSet required;  // in which at least one value must be given
  Traits traits = kSingular;
  ClassSet range;                  // kElements: the classes that a value may have
  const Limit* bound = &kNoLimit;  // kElements: how many values; strings: how long

  bool plural() const { return (traits & kPlural) != 0; }
  bool older() const { return (traits & kOlder) != 0; }
  bool inferred() const { return (traits & kInferred) != 0; }
  bool needs_id() const { return (traits & kNeedsId) != 0; }
  bool name_syntax() const { return (traits & kNameSyntax) != 0; }
};

absl::Span<const MemberRule> MemberRules();

// The rule for a member of a class in a version, or nullptr when the class has no such member.
const MemberRule* FindRule(Class owner, Member member, int version);

// The rules of the members that an element of the class must have.
absl::Span<const MemberRule* const> RequiredRules(Class owner, int version);

// The one class that a value without "@type" has, or kNone when the type must be written.
Class InferredClass(const MemberRule& rule, int version);

absl::string_view ClassName(Class c);
// The name with its article, for messages: "a Map", "an Interface".
std::string AClass(Class c);
absl::string_view MemberName(Member member);
// Versions of the language that have the class.
VersionSet ClassVersions(Class c);

// Classes that are only named: "@type" must not be one of them.
absl::Span<const absl::string_view> AbstractClassNames();

// name: a letter, then letters, digits and underscores, not ending in an underscore.
bool IsName(absl::string_view text);

// Length as the limits count it, in UTF-16 code units. `text` must be valid UTF-8.
int Utf16Length(absl::string_view text);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_METAMODEL_H_
