#include "models/dtdl/extensions.h"

#include <deque>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace twin::dtdl {
namespace {

using enum Class;

// --- Syntax of MQTT topics -----------------------------------------------------------------------

// Printable ASCII without the signs that MQTT or URIs give a meaning: " # + / { }.
bool IsTopicCharacter(char c) {
  return c > ' ' && c < '\x7f' && !absl::StrContains("\"#+/{}", absl::string_view(&c, 1));
}

bool IsTopicLevel(absl::string_view text) {
  return !text.empty() && absl::c_all_of(text, IsTopicCharacter);
}

// {token} or {prefix:token}, of letters.
bool IsTopicPlaceholder(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "{") || !absl::ConsumeSuffix(&text, "}")) return false;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  return parts.size() <= 2 && absl::c_all_of(parts, [](absl::string_view part) {
           return !part.empty() &&
                  absl::c_all_of(part, [](unsigned char c) { return absl::ascii_isalpha(c); });
         });
}

bool IsTopic(absl::string_view text) {
  if (absl::StartsWith(text, "$")) return false;  // reserved for the broker
  return absl::c_all_of(absl::StrSplit(text, '/'), [](absl::string_view level) {
    return IsTopicLevel(level) || IsTopicPlaceholder(level);
  });
}

// --- Members: one row each -----------------------------------------------------------------------

struct MemberRow {
  absl::string_view extension;
  int first, last;  // versions of the extension that have it
  absl::string_view type;
  absl::string_view name;
  AdjunctValue value;
  bool required = false;
  bool unique = false;
  int minimum = INT32_MIN;
  int length_max = 0;
  bool (*syntax)(absl::string_view) = nullptr;
  absl::string_view syntax_text = "";
};

constexpr absl::string_view kTopicText =
    "levels of printable ASCII or {placeholders}, separated by '/', not starting with '$'";
constexpr absl::string_view kGroupText = "printable ASCII without \" # + / { }";
constexpr absl::string_view kNameText =
    "a letter, then letters, digits and underscores, not ending in an underscore";

// clang-format off
constexpr MemberRow kMembers[] = {
  // extension      versions type               member                 value                     required unique minimum    length syntax
  {"annotation",    1, 2, "ValueAnnotation",  "annotates",           AdjunctValue::kSibling,    true},
  {"overriding",    1, 2, "Override",         "overrides",           AdjunctValue::kMemberName, true},
  {"mqtt",          1, 4, "Cacheable",        "ttl",                 AdjunctValue::kDuration,   true},
  {"mqtt",          1, 4, "Indexed",          "index",               AdjunctValue::kInteger,    true,    true,  1},
  {"mqtt",          1, 4, "Mqtt",             "payloadFormat",       AdjunctValue::kString,     true},
  {"mqtt",          1, 4, "Mqtt",             "telemetryTopic",      AdjunctValue::kString,     false,   false, INT32_MIN, 0, IsTopic, kTopicText},
  {"mqtt",          1, 4, "Mqtt",             "commandTopic",        AdjunctValue::kString,     false,   false, INT32_MIN, 0, IsTopic, kTopicText},
  {"mqtt",          4, 4, "Mqtt",             "propertyTopic",       AdjunctValue::kString,     false,   false, INT32_MIN, 0, IsTopic, kTopicText},
  {"mqtt",          2, 4, "Mqtt",             "cmdServiceGroupId",   AdjunctValue::kString,     false,   false, INT32_MIN, 0, IsTopicLevel, kGroupText},
  {"mqtt",          2, 4, "Mqtt",             "telemServiceGroupId", AdjunctValue::kString,     false,   false, INT32_MIN, 0, IsTopicLevel, kGroupText},
  {"iotoperations", 4, 4, "Composite",        "ontology",            AdjunctValue::kString,     true,    false, INT32_MIN, 128},
  {"iotoperations", 4, 4, "Congruence",       "typeRef",             AdjunctValue::kString,     true,    false, INT32_MIN, 128},
  {"iotoperations", 4, 4, "GroupMember",      "group",               AdjunctValue::kString,     true,    false, INT32_MIN, 128, IsName, kNameText},
  {"iotoperations", 4, 4, "Limited",          "minimum",             AdjunctValue::kDecimal},
  {"iotoperations", 4, 4, "Limited",          "maximum",             AdjunctValue::kDecimal},
  {"iotoperations", 4, 4, "Precise",          "decimalPlaces",       AdjunctValue::kInteger,    true},
  {"iotoperations", 4, 4, "Qualified",        "namespace",           AdjunctValue::kString,     true,    false, INT32_MIN, 128},
  {"iotoperations", 4, 4, "ScaledStatically", "scaleFactor",         AdjunctValue::kDecimal,    true},
};
// clang-format on

// --- Types: one row each -------------------------------------------------------------------------

struct TypeRow {
  absl::string_view extension;
  int first, last;
  absl::string_view name;
  ClassSet cotypes;
  ClassSet schema = {};
  absl::string_view schema_cotype = "";  // of the same extension
  absl::string_view parent_any = "";     // names of the same extension, separated by '|'
  absl::string_view needs = "";          // "extension:name"; same version where it is the same one
  absl::string_view excludes = "";
  absl::string_view sibling = "";
  absl::string_view fields_any = "";
  absl::string_view instead = "";
};

constexpr ClassSet kQuantities = {kProperty, kTelemetry,      kField,
                                  kMapValue, kCommandRequest, kCommandResponse};
constexpr ClassSet kQualified = {kCommand,  kComponent,    kField,
                                 kProperty, kRelationship, kTelemetry};
constexpr ClassSet kIndexed = {kEnumValue, kField, kTelemetry};

// A type with parent_any may stand on one of the parent's fields only.
// clang-format off
constexpr TypeRow kTypes[] = {
  // extension      versions name                on these classes                       schema must be     typed         parent is one of   needs                          excludes                 sibling      fields are  or any class with
  {"annotation",    1, 2, "ValueAnnotation",  {kProperty, kTelemetry}},
  {"historization", 1, 2, "Historized",       {kProperty, kTelemetry}},
  {"overriding",    1, 2, "Override",         {kProperty},                           {},                "",           "",                "annotation:ValueAnnotation"},
  {"requirement",   1, 1, "Required",         {kField}},
  {"requirement",   2, 2, "Required",         {kField, kProperty}},

  {"mqtt",          1, 4, "Mqtt",             {kInterface}},
  {"mqtt",          1, 4, "Idempotent",       {kCommand}},
  {"mqtt",          1, 4, "Cacheable",        {kCommand},                            {},                "",           "",                "mqtt:Idempotent"},
  {"mqtt",          1, 3, "Indexed",          kIndexed},
  {"mqtt",          4, 4, "Indexed",          kIndexed | ClassSet{kProperty}},
  {"mqtt",          2, 4, "Transparent",      {kCommandRequest, kCommandResponse},    {kObject}},
  {"mqtt",          3, 4, "Error",            {kObject}},
  {"mqtt",          3, 3, "Result",           {kObject},                             {},                "",           "",                "",                            "",                      "",          "NormalResult|ErrorResult"},
  {"mqtt",          4, 4, "Result",           {kObject},                             {},                "",           "",                "",                            "",                      "",          "NormalResult|ErrorResult|ErrorCode|ErrorInfo"},
  {"mqtt",          3, 4, "NormalResult",     {kField},                              {},                "",           "Result",          "",                            "requirement:Required"},
  {"mqtt",          3, 4, "ErrorResult",      {kField},                              {},                "Error",      "Result",          "",                            "requirement:Required"},
  {"mqtt",          3, 4, "ErrorMessage",     {kField},                              {kString},         "",           "Error"},
  {"mqtt",          4, 4, "ErrorCode",        {kField},                              {kEnum},           "",           "Result|Error"},
  {"mqtt",          4, 4, "ErrorInfo",        {kField},                              {kObject},         "",           "Result|Error",    "",                            "",                      "ErrorCode"},
  {"mqtt",          4, 4, "Fragmented",       {kProperty},                           {kMap},           "",           "",                "",                            "",                      "",          "",   "PropertyValue"},
  {"mqtt",          4, 4, "Indirect",         {kField},                              {},                "",           "",                "",                            "requirement:Required"},
  {"mqtt",          4, 4, "PropertyResult",   {kObject},                             {},                "",           "",                "",                            "",                      "",          "PropertyValue|ReadError|WriteError"},
  {"mqtt",          4, 4, "PropertyValue",    {kField},                              {},                "",           "PropertyResult",  "",                            "requirement:Required"},
  {"mqtt",          4, 4, "ReadError",        {kField},                              {},                "Error",      "PropertyResult",  "",                            "requirement:Required"},
  {"mqtt",          4, 4, "WriteError",       {kField},                              {},                "Error",      "PropertyResult",  "",                            "requirement:Required"},

  {"iotoperations", 4, 4, "Composite",        {kInterface},                          {},                "",           "",                "",                            "iotoperations:Event"},
  {"iotoperations", 4, 4, "Congruence",       kComplexSchemas | ClassSet{kInterface}},
  {"iotoperations", 4, 4, "Detail",           {kObject}},
  {"iotoperations", 4, 4, "Event",            {kInterface}},
  {"iotoperations", 4, 4, "GroupMember",      {kCommand}},
  {"iotoperations", 4, 4, "HasCapability",    {kRelationship},                       {},                "",           "",                "",                            "iotoperations:HasComponent"},
  {"iotoperations", 4, 4, "HasComponent",     {kRelationship}},
  {"iotoperations", 4, 4, "Limited",          kQuantities,                           kNumericSchemas},
  {"iotoperations", 4, 4, "Precise",          kQuantities,                           kNumericSchemas},
  {"iotoperations", 4, 4, "Qualified",        kQualified},
  {"iotoperations", 4, 4, "ScaledStatically", kQuantities,                           kNumericSchemas},
  {"iotoperations", 4, 4, "Subject",          {kField},                              {},                "",           "Detail"},

  {"iotcentral",    2, 2, "AccelerationVector", {kProperty, kTelemetry}},
  {"iotcentral",    2, 2, "VelocityVector",   {kProperty, kTelemetry}},
  {"iotcentral",    2, 2, "Location",         {kProperty, kTelemetry}},
  {"iotcentral",    2, 2, "Event",            {kProperty, kTelemetry},               kNumericSchemas | ClassSet{kString}},
  {"iotcentral",    2, 2, "State",            {kProperty, kTelemetry},               {kEnum}},
};
// clang-format on

// --- Ids ---------------------------------------------------------------------------------------

std::string ExtensionContextId(absl::string_view extension) {
  if (absl::StartsWith(extension, "iot")) return absl::StrCat("dtmi:", extension, ":context");
  return absl::StrCat("dtmi:dtdl:extension:", extension);
}

std::string TypeId(absl::string_view extension, int version, absl::string_view name) {
  if (absl::StartsWith(extension, "iot")) {
    return absl::StrCat("dtmi:", extension, ":class:", name, ";", version);
  }
  return absl::StrCat("dtmi:dtdl:extension:", extension, ":v", version, ":", name);
}

std::string MemberId(const MemberRow& row, int version) {
  if (absl::StartsWith(row.extension, "iot")) {
    return absl::StrCat("dtmi:", row.extension, ":property:", row.name, ";", version);
  }
  return absl::StrCat(TypeId(row.extension, version, row.type), ":", row.name);
}

// The id of a type written as "extension:name". Types of one extension name those of its own
// version; across extensions, annotation goes with overriding of the same version, and of
// requirement the first version is meant.
std::string RelatedId(int version, absl::string_view related) {
  if (related.empty()) return "";
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(related, ':');
  return TypeId(parts.first, parts.first == "requirement" ? 1 : version, parts.second);
}

std::vector<std::string> RelatedIds(absl::string_view extension, int version,
                                    absl::string_view names) {
  std::vector<std::string> ids;
  for (const absl::string_view name : absl::StrSplit(names, '|', absl::SkipEmpty())) {
    ids.push_back(TypeId(extension, version, name));
  }
  return ids;
}

// The language versions in which an extension may be used.
VersionSet LanguageVersions(absl::string_view extension, int version) {
  if (extension == "iotcentral") return kDtdl2;
  if (extension == "iotoperations") return kDtdl4;
  if (extension == "requirement") return kDtdl34;
  return version == 1 ? kDtdl3 : kDtdl34;
}

// --- Assembly ------------------------------------------------------------------------------------

class Builder {
 public:
  Builder() {
    AddQuantitySet("dtmi:dtdl:context", 2, QuantitySet::kCore2, kDtdl2);
    for (const auto& [name, last] : std::initializer_list<std::pair<absl::string_view, int>>{
             {"annotation", 2}, {"historization", 2}, {"mqtt", 4}, {"overriding", 2}}) {
      for (int version = 1; version <= last; ++version) AddExtension(name, version);
    }
    AddQuantitySet("dtmi:dtdl:extension:quantitativeTypes", 1, QuantitySet::kV1, kDtdl3);
    AddQuantitySet("dtmi:dtdl:extension:quantitativeTypes", 2, QuantitySet::kV2, kDtdl4);
    AddQuantitySet("dtmi:dtdl:extension:quantitativeTypes", 3, QuantitySet::kV3, kDtdl4);
    AddExtension("requirement", 1);
    AddExtension("requirement", 2);
    AddLimits("dtmi:dtdl:limits:aio", Bounds::kAio);
    AddLimits("dtmi:dtdl:limits:onvif", Bounds::kOnvif);
    AddExtension("iotcentral", 2);
    FinishIotCentral();
    AddExtension("iotoperations", 4);
  }

  std::vector<Extension> extensions;

 private:
  void AddExtension(absl::string_view name, int version) {
    Extension& extension = extensions.emplace_back();
    extension.context = ExtensionContextId(name);
    extension.version = version;
    if (absl::StartsWith(name, "iot")) extension.reserved_prefix = absl::StrCat("dtmi:", name, ":");
    for (const TypeRow& row : kTypes) {
      if (row.extension != name || version < row.first || version > row.last) continue;
      AdjunctType& type = types_.emplace_back();
      type.id = TypeId(name, version, row.name);
      type.name = row.name;
      type.cotypes = row.cotypes;
      type.versions = LanguageVersions(name, version);
      type.needs = RelatedId(version, row.needs);
      type.excludes = RelatedId(version, row.excludes);
      type.schema = row.schema;
      if (!row.schema_cotype.empty()) type.schema_cotype = TypeId(name, version, row.schema_cotype);
      type.parent_any = RelatedIds(name, version, row.parent_any);
      type.once_per_parent = !type.parent_any.empty();
      if (!row.sibling.empty()) type.sibling = TypeId(name, version, row.sibling);
      if (!row.instead.empty()) type.instead = TypeId(name, version, row.instead);
      type.fields_any = RelatedIds(name, version, row.fields_any);
      AddMembers(row, version, &type, &extension);
      extension.types.push_back(&type);
    }
  }

  void AddMembers(const TypeRow& type_row, int version, AdjunctType* type, Extension* extension) {
    for (const MemberRow& row : kMembers) {
      if (row.extension != type_row.extension || row.type != type_row.name || version < row.first ||
          version > row.last) {
        continue;
      }
      AdjunctMember& member = members_.emplace_back();
      member.id = MemberId(row, version);
      member.name = row.name;
      member.value = row.value;
      member.required = row.required;
      member.unique = row.unique;
      member.minimum = row.minimum;
      member.length_max = row.length_max;
      member.syntax = row.syntax;
      member.syntax_text = row.syntax_text;
      type->members.push_back(&member);
      extension->members.push_back(&member);
    }
  }

  void AddLimits(absl::string_view context, Bounds limits) {
    Extension& extension = extensions.emplace_back();
    extension.context = std::string(context);
    extension.limits = limits;
  }

  // A context whose types are quantities: each has the member `unit`.
  void AddQuantitySet(absl::string_view context, int version, QuantitySet set,
                      VersionSet versions) {
    const bool core = set == QuantitySet::kCore2;
    Extension& extension = extensions.emplace_back();
    extension.context = std::string(context);
    extension.version = version;
    AdjunctMember& unit = members_.emplace_back();
    unit.id =
        core ? "dtmi:dtdl:property:unit;2" : absl::StrCat(context, ":v", version, ":property:unit");
    unit.name = "unit";
    unit.value = AdjunctValue::kUnit;
    unit.required = true;
    extension.members.push_back(&unit);
    const auto add = [&](absl::string_view name, const SemanticType* semantic) {
      AdjunctType& type = types_.emplace_back();
      type.id = core ? absl::StrCat("dtmi:standard:class:", name, ";2")
                     : absl::StrCat(context, ":v", version, ":class:", name);
      type.name = name;
      type.abstract = semantic == nullptr;
      type.cotypes = core ? ClassSet{kProperty, kTelemetry} : kQuantities;
      type.versions = versions;
      type.members.push_back(&unit);
      type.schema = kNumericSchemas;
      type.semantic = semantic;
      type.quantity_set = set;
      extension.types.push_back(&type);
    };
    add("QuantitativeType", nullptr);
    for (const SemanticType& semantic : AllSemanticTypes()) {
      if (InSet(semantic.sets, set)) add(semantic.name, &semantic);
    }
  }

  // The vector types take a standard schema, and an optional unit of core DTDL 2.
  void FinishIotCentral() {
    AdjunctMember& unit = members_.emplace_back(*extensions.front().members.front());
    unit.required = false;
    for (AdjunctType& type : types_) {
      if (!absl::StartsWith(type.id, "dtmi:iotcentral:")) continue;
      if (type.name == "Location") {
        for (const absl::string_view name :
             {"point", "multiPoint", "lineString", "multiLineString", "polygon", "multiPolygon"}) {
          type.schema_ids.push_back(absl::StrCat("dtmi:standard:schema:geospatial:", name, ";2"));
        }
        type.schema_ids.push_back("dtmi:iotcentral:schema:geopoint;2");
      } else if (absl::EndsWith(type.name, "Vector")) {
        type.schema_ids.push_back("dtmi:iotcentral:schema:vector;2");
        type.members.push_back(&unit);
        type.semantic =
            FindSemanticType(type.name == "VelocityVector" ? "Velocity" : "Acceleration");
      }
    }
  }

  std::deque<AdjunctType> types_;
  std::deque<AdjunctMember> members_;
};

}  // namespace

absl::Span<const Extension> Extensions() {
  static const Builder* const builder = new Builder();
  return builder->extensions;
}

}  // namespace twin::dtdl
