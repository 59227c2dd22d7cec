#include "models/dtdl/metamodel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "models/dtdl/extensions.h"

namespace twin::dtdl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::UnorderedElementsAre;

std::vector<Class> Classes(ClassSet set) {
  std::vector<Class> classes;
  for (int i = 0; i < kClassCount; ++i) {
    if (set.Has(static_cast<Class>(i))) classes.push_back(static_cast<Class>(i));
  }
  return classes;
}

// --- Classes and sets ----------------------------------------------------------------------------

TEST(Classes, HaveNamesOfTheirOwn) {
  std::set<absl::string_view> names;
  for (int i = 0; i < kClassCount; ++i) {
    const absl::string_view name = ClassName(static_cast<Class>(i));
    EXPECT_TRUE(absl::ascii_isupper(static_cast<unsigned char>(name[0]))) << name;
    EXPECT_TRUE(IsName(name)) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_NE(ClassVersions(static_cast<Class>(i)), kNever) << name;
  }
  for (const absl::string_view name : AbstractClassNames()) {
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(ClassName(Class::kInterface), "Interface");
  EXPECT_EQ(ClassName(Class::kMapValue), "MapValue");
  EXPECT_EQ(ClassName(Class::kUuid), "Uuid");
  EXPECT_EQ(ClassName(Class::kUnit), "Unit");
}

TEST(Classes, CameWithVersions) {
  EXPECT_EQ(ClassVersions(Class::kInterface), kAllVersions);
  EXPECT_EQ(ClassVersions(Class::kCommandPayload), kDtdl2);
  EXPECT_EQ(ClassVersions(Class::kCommandRequest), kDtdl34);
  EXPECT_EQ(ClassVersions(Class::kCommandResponse), kDtdl34);
  std::vector<Class> in_v3, only_v4;
  for (const Class c : Classes(kPrimitiveSchemas)) {
    (InVersions(ClassVersions(c), 3) ? in_v3 : only_v4).push_back(c);
  }
  EXPECT_THAT(in_v3,
              UnorderedElementsAre(Class::kBoolean, Class::kDate, Class::kDateTime, Class::kDouble,
                                   Class::kDuration, Class::kFloat, Class::kInteger, Class::kLong,
                                   Class::kString, Class::kTime));
  EXPECT_EQ(only_v4.size(), 9u);
}

TEST(ClassSets, AreSets) {
  EXPECT_TRUE(ClassSet().empty());
  EXPECT_FALSE(ClassSet().Has(Class::kInterface));
  EXPECT_FALSE(kAnyClass.Has(Class::kNone));
  EXPECT_EQ(Classes(kAnyClass).size(), static_cast<size_t>(kClassCount));
  EXPECT_THAT(Classes(kContentClasses),
              ElementsAre(Class::kTelemetry, Class::kProperty, Class::kCommand,
                          Class::kRelationship, Class::kComponent));
  EXPECT_THAT(Classes(kComplexSchemas),
              ElementsAre(Class::kArray, Class::kEnum, Class::kMap, Class::kObject));
  EXPECT_EQ(Classes(kPrimitiveSchemas).size(), 19u);
  EXPECT_EQ(kSchemaClasses, kComplexSchemas | kPrimitiveSchemas);
  EXPECT_EQ(Classes(kNumericSchemas).size(), 11u);
  EXPECT_EQ(kNumericSchemas | kPrimitiveSchemas, kPrimitiveSchemas);
}

TEST(Versions, AreASet) {
  EXPECT_TRUE(InVersions(kDtdl2, 2));
  EXPECT_FALSE(InVersions(kDtdl2, 3));
  EXPECT_TRUE(InVersions(kDtdl34, 3) && InVersions(kDtdl34, 4));
  EXPECT_FALSE(InVersions(kDtdl34, 2));
  for (const int version : {2, 3, 4}) {
    EXPECT_TRUE(InVersions(kAllVersions, version));
    EXPECT_FALSE(InVersions(kNever, version));
  }
}

// --- The table of members ------------------------------------------------------------------------

TEST(MemberRules, AreConsistent) {
  for (const MemberRule& rule : MemberRules()) {
    SCOPED_TRACE(rule.name);
    EXPECT_FALSE(rule.owners.empty());
    EXPECT_NE(rule.versions, kNever);
    EXPECT_EQ(rule.required & ~rule.versions, 0) << "required where it is not known";
    EXPECT_TRUE(absl::ascii_islower(static_cast<unsigned char>(rule.name[0])));
    EXPECT_TRUE(IsName(rule.name));
    EXPECT_EQ(MemberName(rule.member), rule.name);
    EXPECT_EQ(rule.range.empty(), rule.value != ValueKind::kElements);
    ASSERT_THAT(rule.bound, NotNull());
    if (rule.value != ValueKind::kElements) {
      EXPECT_FALSE(rule.older() || rule.inferred() || rule.needs_id());
    }
    if (rule.value != ValueKind::kString) {
      EXPECT_FALSE(rule.name_syntax());
    }
    for (const int version : {2, 3, 4}) {
      if (!InVersions(rule.versions, version)) continue;
      bool some = rule.range.empty();
      for (const Class c : Classes(rule.range)) some |= InVersions(ClassVersions(c), version);
      EXPECT_TRUE(some) << "no class of its range exists in version " << version;
    }
  }
}

TEST(MemberRules, AreFoundByClassMemberAndVersion) {
  std::set<std::pair<Class, Member>> seen[3];
  for (const MemberRule& rule : MemberRules()) {
    for (const Class owner : Classes(rule.owners)) {
      for (const int version : {2, 3, 4}) {
        if (!InVersions(rule.versions, version)) continue;
        EXPECT_TRUE(seen[version - 2].insert({owner, rule.member}).second)
            << ClassName(owner) << '.' << rule.name << " has two rules";
        EXPECT_EQ(FindRule(owner, rule.member, version), &rule);
      }
    }
  }
  EXPECT_THAT(FindRule(Class::kTelemetry, Member::kWritable, 3), IsNull());
  EXPECT_THAT(FindRule(Class::kCommandRequest, Member::kNullable, 3), IsNull());
  EXPECT_THAT(FindRule(Class::kCommandRequest, Member::kNullable, 4), NotNull());
  EXPECT_THAT(FindRule(Class::kInterface, Member::kName, 4), IsNull());
  EXPECT_THAT(FindRule(Class::kArray, Member::kElementSchema, 2), NotNull());
}

// By class, what must be there: reference tables of the specifications, written out once more.
TEST(MemberRules, RequireWhatTheSpecificationsDo) {
  const auto required = [](Class owner, int version) {
    std::vector<absl::string_view> names;
    for (const MemberRule* rule : RequiredRules(owner, version)) names.push_back(rule->name);
    return names;
  };
  for (const int version : {2, 3, 4}) {
    SCOPED_TRACE(version);
    EXPECT_THAT(required(Class::kInterface, version), IsEmpty());
    EXPECT_THAT(required(Class::kTelemetry, version), UnorderedElementsAre("name", "schema"));
    EXPECT_THAT(required(Class::kProperty, version), UnorderedElementsAre("name", "schema"));
    EXPECT_THAT(required(Class::kCommand, version), UnorderedElementsAre("name"));
    EXPECT_THAT(required(Class::kRelationship, version), UnorderedElementsAre("name"));
    EXPECT_THAT(required(Class::kComponent, version), UnorderedElementsAre("name", "schema"));
    EXPECT_THAT(required(Class::kArray, version), UnorderedElementsAre("elementSchema"));
    EXPECT_THAT(required(Class::kMap, version), UnorderedElementsAre("mapKey", "mapValue"));
    EXPECT_THAT(required(Class::kMapKey, version), UnorderedElementsAre("name", "schema"));
    EXPECT_THAT(required(Class::kMapValue, version), UnorderedElementsAre("name", "schema"));
    EXPECT_THAT(required(Class::kField, version), UnorderedElementsAre("name", "schema"));
    EXPECT_THAT(required(Class::kEnumValue, version), UnorderedElementsAre("name", "enumValue"));
  }
  EXPECT_THAT(required(Class::kEnum, 2), UnorderedElementsAre("valueSchema", "enumValues"));
  EXPECT_THAT(required(Class::kEnum, 3), UnorderedElementsAre("valueSchema"));
  EXPECT_THAT(required(Class::kObject, 2), UnorderedElementsAre("fields"));
  EXPECT_THAT(required(Class::kObject, 4), IsEmpty());
  EXPECT_THAT(required(Class::kCommandPayload, 2), UnorderedElementsAre("name", "schema"));
  EXPECT_THAT(required(Class::kCommandRequest, 3), UnorderedElementsAre("name", "schema"));
}

TEST(MemberRules, InferTheOneClassThatFits) {
  const auto inferred = [](Class owner, Member member, int version) {
    return InferredClass(*FindRule(owner, member, version), version);
  };
  EXPECT_EQ(inferred(Class::kCommand, Member::kRequest, 2), Class::kCommandPayload);
  EXPECT_EQ(inferred(Class::kCommand, Member::kResponse, 2), Class::kCommandPayload);
  EXPECT_EQ(inferred(Class::kCommand, Member::kRequest, 3), Class::kCommandRequest);
  EXPECT_EQ(inferred(Class::kCommand, Member::kResponse, 4), Class::kCommandResponse);
  EXPECT_EQ(inferred(Class::kEnum, Member::kEnumValues, 3), Class::kEnumValue);
  EXPECT_EQ(inferred(Class::kMap, Member::kMapKey, 3), Class::kMapKey);
  EXPECT_EQ(inferred(Class::kMap, Member::kMapValue, 3), Class::kMapValue);
  EXPECT_EQ(inferred(Class::kObject, Member::kFields, 3), Class::kField);
  EXPECT_EQ(inferred(Class::kInterface, Member::kContents, 3), Class::kNone);
  EXPECT_EQ(inferred(Class::kInterface, Member::kExtends, 3), Class::kNone);
  EXPECT_EQ(inferred(Class::kTelemetry, Member::kSchema, 3), Class::kNone);
}

// reference: limits of each version and of the limit extensions.
TEST(Limits, AreThoseOfTheSpecifications) {
  const struct {
    const Limit& limit;
    std::vector<int> values;  // v2, v3, v4, aio, onvif
  } table[] = {
      {kNameLength, {64, 512, 512, 0, 0}},
      {kDisplayNameLength, {64, 512, 512, 512, 512}},
      {kDescriptionLength, {512, 512, 512, 2048, 4096}},
      {kCommentLength, {512, 512, 512, 512, 512}},
      {kIdLength, {2048, 2048, 2048, 512, 512}},
      {kInterfaceIdLength, {128, 128, 128, 256, 256}},
      {kExtendsCount, {2, 0, 0, 0, 0}},
      {kExtendsDepth, {10, 10, 12, 12, 12}},
      {kExtendsTotal, {0, 1024, 1024, 1024, 1024}},
      {kContentsCount, {300, 0, 0, 0, 0}},
      {kRelationshipPropertiesCount, {300, 0, 0, 0, 0}},
      {kEnumValuesCount, {100, 0, 0, 0, 0}},
      {kFieldsCount, {30, 0, 0, 0, 0}},
      {kSchemaDepth, {5, 5, 8, 12, 24}},
      {kElementTotal, {0, 100000, 100000, 100000, 100000}},
      {kInterfaceBytes, {0, 1048576, 1048576, 1048576, 1048576}},
  };
  for (const auto& row : table) {
    for (int i = 0; i < kBoundsCount; ++i) {
      EXPECT_EQ(row.limit.of(static_cast<Bounds>(i)), row.values[static_cast<size_t>(i)]);
    }
  }
}

// --- Words ---------------------------------------------------------------------------------------

TEST(Names, HaveASyntax) {
  for (const char* name : {"a", "A", "a1", "a_b", "a__b", "cell_9", "Z9"})
    EXPECT_TRUE(IsName(name));
  for (const char* name : {"", "_", "1", "1a", "_a", "a_", "a-b", "a b", "a.b", "ä", "a\n", "$a"}) {
    EXPECT_FALSE(IsName(name)) << name;
  }
}

TEST(Lengths, CountUtf16Units) {
  EXPECT_EQ(Utf16Length(""), 0);
  EXPECT_EQ(Utf16Length("abc"), 3);
  EXPECT_EQ(Utf16Length("äé"), 2);
  EXPECT_EQ(Utf16Length("一個"), 2);
  EXPECT_EQ(Utf16Length("\xEF\xBF\xBF"), 1);      // U+FFFF, the last of one unit
  EXPECT_EQ(Utf16Length("\xF0\x90\x80\x80"), 2);  // U+10000, the first of two
  EXPECT_EQ(Utf16Length("🔋a"), 3);
}

// --- Extensions ----------------------------------------------------------------------------------

std::vector<std::string> TypeNames(absl::string_view context, int version) {
  std::vector<std::string> names;
  for (const Extension& extension : Extensions()) {
    if (extension.context != context || extension.version != version) continue;
    for (const AdjunctType* type : extension.types) names.emplace_back(type->name);
  }
  return names;
}

TEST(Extensions, AreConsistent) {
  std::set<std::pair<std::string, int>> contexts;
  std::set<std::string> ids;
  for (const Extension& extension : Extensions()) {
    SCOPED_TRACE(extension.context);
    EXPECT_TRUE(contexts.insert({extension.context, extension.version}).second);
    for (const AdjunctType* type : extension.types) {
      SCOPED_TRACE(type->id);
      EXPECT_TRUE(ids.insert(type->id).second);
      EXPECT_FALSE(type->cotypes.empty());
      EXPECT_NE(type->versions, kNever);
      // It is of use: some class that may have it exists in some version that it is for.
      bool usable = false;
      for (const Class c : Classes(type->cotypes)) {
        usable |= (ClassVersions(c) & type->versions) != 0;
      }
      EXPECT_TRUE(usable);
    }
    for (const AdjunctMember* member : extension.members) {
      EXPECT_TRUE(ids.insert(member->id).second) << member->id;
      EXPECT_EQ(member->syntax == nullptr, member->syntax_text.empty()) << member->id;
    }
  }
  // What a type names, some extension has.
  for (const Extension& extension : Extensions()) {
    for (const AdjunctType* type : extension.types) {
      SCOPED_TRACE(type->id);
      std::vector<std::string> named = {type->needs, type->excludes, type->schema_cotype,
                                        type->sibling};
      named.insert(named.end(), type->parent_any.begin(), type->parent_any.end());
      named.insert(named.end(), type->fields_any.begin(), type->fields_any.end());
      for (const std::string& id : named) EXPECT_TRUE(id.empty() || ids.contains(id)) << id;
    }
  }
}

TEST(Extensions, HaveTheirTypes) {
  EXPECT_THAT(TypeNames("dtmi:dtdl:extension:historization", 2), ElementsAre("Historized"));
  EXPECT_THAT(TypeNames("dtmi:dtdl:extension:annotation", 1), ElementsAre("ValueAnnotation"));
  EXPECT_THAT(TypeNames("dtmi:dtdl:extension:overriding", 2), ElementsAre("Override"));
  EXPECT_THAT(TypeNames("dtmi:dtdl:extension:requirement", 1), ElementsAre("Required"));
  EXPECT_EQ(TypeNames("dtmi:dtdl:extension:mqtt", 1).size(), 4u);
  EXPECT_EQ(TypeNames("dtmi:dtdl:extension:mqtt", 2).size(), 5u);
  EXPECT_EQ(TypeNames("dtmi:dtdl:extension:mqtt", 3).size(), 10u);
  EXPECT_EQ(TypeNames("dtmi:dtdl:extension:mqtt", 4).size(), 18u);
  EXPECT_EQ(TypeNames("dtmi:iotoperations:context", 4).size(), 12u);
  EXPECT_THAT(
      TypeNames("dtmi:iotcentral:context", 2),
      UnorderedElementsAre("AccelerationVector", "VelocityVector", "Location", "Event", "State"));
  // The abstract QuantitativeType and the semantic types.
  EXPECT_EQ(TypeNames("dtmi:dtdl:context", 2).size(), 43u);
  EXPECT_EQ(TypeNames("dtmi:dtdl:extension:quantitativeTypes", 1).size(), 53u);
  EXPECT_EQ(TypeNames("dtmi:dtdl:extension:quantitativeTypes", 2).size(), 53u);
  EXPECT_EQ(TypeNames("dtmi:dtdl:extension:quantitativeTypes", 3).size(), 62u);
}

}  // namespace
}  // namespace twin::dtdl
