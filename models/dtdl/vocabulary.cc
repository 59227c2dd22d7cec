#include "models/dtdl/vocabulary.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace twin::dtdl {
namespace {

// "Double" -> "double": the term of a primitive schema is its class name so written.
std::string PrimitiveTerm(Class cls) {
  std::string term(ClassName(cls));
  term[0] = absl::ascii_tolower(static_cast<unsigned char>(term[0]));
  return term;
}

// The version in which a class came into the language.
int FirstVersion(Class cls) {
  int version = 2;
  while (!InVersions(ClassVersions(cls), version)) ++version;
  return version;
}

Term ElementTerm(Element* element) {
  return {.kind = TermKind::kElement, .version = element->version, .element = element};
}

}  // namespace

const Vocabulary& Vocabulary::Get() {
  static const Vocabulary* const vocabulary = new Vocabulary();
  return *vocabulary;
}

Vocabulary::Vocabulary() {
  AddPrimitives();
  for (int version = 2; version <= 4; ++version) {
    AddCore(version);
    AddGeospatial(version);
  }
  AddScaledDecimal();
  AddExtensions();
  AddVectors();
}

Term Vocabulary::FindId(absl::string_view id) const {
  const auto found = ids_.find(id);
  return found == ids_.end() ? Term() : found->second;
}

Element* Vocabulary::FindElement(absl::string_view id) const { return FindId(id).element; }

absl::Span<const ExtensionContext* const> Vocabulary::FindContext(absl::string_view name) const {
  const auto found = contexts_.find(name);
  if (found == contexts_.end()) return {};
  return found->second;
}

void Vocabulary::AddCore(int version) {
  Terms& terms = core_[version - 2];
  for (int i = 0; i < kClassCount; ++i) {
    const Class cls = static_cast<Class>(i);
    if (!InVersions(ClassVersions(cls), version)) continue;
    const Term term = {
        .kind = TermKind::kClass, .version = static_cast<uint8_t>(version), .cls = cls};
    terms.emplace(ClassName(cls), term);
    AddId(Keep(absl::StrCat("dtmi:dtdl:class:", ClassName(cls), ";", version)), term);
  }
  const auto add_abstract = [&](absl::string_view name) {
    const Term term = {.kind = TermKind::kAbstractClass, .version = static_cast<uint8_t>(version)};
    terms.emplace(name, term);
    AddId(Keep(absl::StrCat("dtmi:dtdl:class:", name, ";", version)), term);
  };
  for (const absl::string_view name : AbstractClassNames()) add_abstract(name);
  if (version > 2) add_abstract(ClassName(Class::kCommandPayload));  // requests and responses
  for (const MemberRule& rule : MemberRules()) {
    if (!InVersions(rule.versions, version)) continue;
    const Term term = {
        .kind = TermKind::kMember, .version = static_cast<uint8_t>(version), .member = rule.member};
    if (!terms.emplace(rule.name, term).second) continue;
    AddId(Keep(absl::StrCat("dtmi:dtdl:property:", rule.name, ";", version)), term);
  }
  for (const auto& [name, element] : primitives_) {
    if (InVersions(ClassVersions(element->cls), version)) terms.emplace(name, ElementTerm(element));
  }
  // Words that the contexts define for the metamodel itself. A member of such a name is known, so
  // that a message can say that it is out of place, but nothing in a model has it.
  std::vector<absl::string_view> others = {"languageMajorVersion", "symbol", "exponent"};
  std::vector<absl::string_view> abstract_cotypes = {"SemanticType", "SemanticUnit"};
  if (version == 2) {
    others.insert(others.end(), {"baseUnit", "prefix", "topUnit", "bottomUnit"});
  } else {
    others.insert(others.end(), {"metamodel", "model", "DtdlExtension"});
    abstract_cotypes.push_back("AdjunctType");
  }
  for (const absl::string_view name : others) {
    terms.emplace(name, Term{.kind = TermKind::kOther});
    AddId(Keep(absl::StrCat("dtmi:dtdl:property:", name, ";", version)),
          {.kind = TermKind::kOther});
  }
  for (const absl::string_view name : abstract_cotypes) {
    static const AdjunctType* const abstract = [] {
      auto* const type = new AdjunctType();
      type->abstract = true;
      return type;
    }();
    const Term term = {.kind = TermKind::kAdjunctType, .type = abstract};
    terms.emplace(name, term);
    AddId(Keep(absl::StrCat("dtmi:dtdl:class:", name, ";", version)), term);
  }
}

void Vocabulary::AddPrimitives() {
  for (int i = static_cast<int>(Class::kBoolean); i <= static_cast<int>(Class::kUuid); ++i) {
    const Class cls = static_cast<Class>(i);
    const absl::string_view name = Keep(PrimitiveTerm(cls));
    const int first = FirstVersion(cls);
    const absl::string_view id = Keep(absl::StrCat("dtmi:dtdl:instance:Schema:", name, ";", first));
    Element* const element = NewElement(cls, first, id);
    primitives_.emplace(name, element);
    for (int version = first; version <= 4; ++version) {
      Term term = ElementTerm(element);
      term.version = static_cast<uint8_t>(version);
      AddId(Keep(absl::StrCat("dtmi:dtdl:instance:Schema:", name, ";", version)), term);
    }
  }
  for (const absl::string_view name : {"asynchronous", "synchronous"}) {
    for (int version = 2; version <= 4; ++version) {
      Element* const element =
          NewElement(Class::kCommandType, version,
                     Keep(absl::StrCat("dtmi:dtdl:instance:CommandType:", name, ";", version)));
      AddId(element->id, ElementTerm(element));
      core_[version - 2].emplace(name, ElementTerm(element));
    }
  }
}

// GeoJSON geometries (RFC 7946 section 3.1): the type's name, and coordinates nested as deep as
// the geometry asks.
void Vocabulary::AddGeospatial(int version) {
  struct Geometry {
    absl::string_view term, type;
    int nesting;
  };
  for (const Geometry& geometry : {Geometry{"point", "Point", 1},
                                   {"multiPoint", "MultiPoint", 2},
                                   {"lineString", "LineString", 2},
                                   {"multiLineString", "MultiLineString", 3},
                                   {"polygon", "Polygon", 3},
                                   {"multiPolygon", "MultiPolygon", 4}}) {
    const std::string base = absl::StrCat("dtmi:standard:schema:geospatial:", geometry.term);
    const std::string tail = absl::StrCat(";", version);
    std::string array_id = absl::StrCat(base, ":_fields:__coordinates:_schema");
    std::vector<std::string> array_ids;
    for (int i = 0; i < geometry.nesting; ++i) {
      array_ids.push_back(absl::StrCat(array_id, tail));
      absl::StrAppend(&array_id, ":_elementSchema");
    }
    Element* coordinates = Primitive("double");
    while (!array_ids.empty()) {
      coordinates = NewArray(version, Keep(std::move(array_ids.back())), coordinates);
      array_ids.pop_back();
    }
    Element* const type =
        NewEnum(version, Keep(absl::StrCat(base, ":_fields:__type:_schema", tail)), geometry.type);
    Element* const object = NewObject(version, Keep(absl::StrCat(base, tail)),
                                      {{"type", type}, {"coordinates", coordinates}});
    core_[version - 2].emplace(geometry.term, ElementTerm(object));
  }
}

void Vocabulary::AddScaledDecimal() {
  Element* const object =
      NewObject(4, "dtmi:standard:schema:scaledDecimal;4",
                {{"scale", Primitive("short")}, {"value", Primitive("decimal")}});
  core_[2].emplace("scaledDecimal", ElementTerm(object));
}

void Vocabulary::AddVectors() {
  Element* const number = Primitive("double");
  Element* const vector = NewObject(2, "dtmi:iotcentral:schema:vector;2",
                                    {{"x", number}, {"y", number}, {"z", number}});
  Element* const geopoint = NewObject(2, "dtmi:iotcentral:schema:geopoint;2",
                                      {{"lat", number}, {"lon", number}, {"alt", number}});
  for (ExtensionContext& context : extensions_) {
    if (context.extension->context != "dtmi:iotcentral:context") continue;
    context.terms.emplace("vector", ElementTerm(vector));
    context.terms.emplace("geopoint", ElementTerm(geopoint));
  }
}

void Vocabulary::AddExtensions() {
  for (const Extension& extension : Extensions()) {
    const bool core = extension.context == "dtmi:dtdl:context";
    Terms* terms = &core_[0];
    if (!core) {
      ExtensionContext& context = extensions_.emplace_back();
      context.extension = &extension;
      terms = &context.terms;
      contexts_[extension.context].push_back(&context);
      context_names_.push_back(absl::StrCat(extension.context, ";", extension.version));
    }
    for (const AdjunctType* type : extension.types) {
      const Term term = {.kind = TermKind::kAdjunctType, .type = type};
      terms->emplace(type->name, term);
      AddId(type->id, term);
    }
    for (const AdjunctMember* member : extension.members) {
      const Term term = {.kind = TermKind::kAdjunctMember, .adjunct = member};
      terms->emplace(member->name, term);
      AddId(member->id, term);
    }
    if (core || absl::EndsWith(extension.context, ":quantitativeTypes")) {
      AddQuantities(extension, terms);
    }
  }
  for (int version = 2; version <= 4; ++version) {
    context_names_.push_back(absl::StrCat("dtmi:dtdl:context;", version));
  }
}

// In core DTDL 2 a kind of unit is a class and its units are instances of it; in the extensions
// it is an enumeration, which a Property may have as its schema, and its units are the values.
void Vocabulary::AddQuantities(const Extension& extension, Terms* terms) {
  const QuantitySet set = extension.types.front()->quantity_set;
  const bool core = set == QuantitySet::kCore2;
  const int version = set == QuantitySet::kCore2 ? 2 : set == QuantitySet::kV1 ? 3 : 4;
  const std::string prefix =
      core ? "dtmi:standard:" : absl::StrCat(extension.context, ":v", extension.version, ":");
  const std::string suffix = core ? ";2" : "";
  absl::flat_hash_map<absl::string_view, std::vector<Element*>> units_by_kind;
  for (const Unit& unit : AllUnits()) {
    if (!InSet(unit.sets, set)) continue;
    Element* const element = NewElement(core ? Class::kUnit : Class::kEnumValue, version,
                                        Keep(absl::StrCat(prefix, "unit:", unit.name, suffix)));
    element->unit = &unit;
    element->unit_kind = FindUnitKind(unit.kind);
    element->quantity_set = set;
    element->name = unit.name;
    terms->emplace(unit.name, ElementTerm(element));
    AddId(element->id, ElementTerm(element));
    units_by_kind[unit.kind].push_back(element);
  }
  for (const UnitKind& kind : AllUnitKinds()) {
    if (!InSet(kind.sets, set)) continue;
    if (core) {
      const Term term = {.kind = TermKind::kClass, .version = 2, .cls = Class::kUnit};
      terms->emplace(kind.name, term);
      AddId(Keep(absl::StrCat(prefix, "class:", kind.name, suffix)), term);
      continue;
    }
    Element* const element =
        NewElement(Class::kEnum, version, Keep(absl::StrCat(prefix, "enum:", kind.name)));
    element->unit_kind = &kind;
    element->quantity_set = set;
    SetEnumValues(element, units_by_kind[kind.name]);
    terms->emplace(kind.name, ElementTerm(element));
    AddId(element->id, ElementTerm(element));
  }
  // One kind of the extensions has two names.
  if (const auto power = terms->find("PowerUnit"); !core && power != terms->end()) {
    const Term same = power->second;
    terms->emplace("EnergyRateUnit", same);
  }
  AddPrefixes(set, version, prefix, terms);
  std::vector<absl::string_view> others = {"BinaryUnit", "DecimalUnit", "RatioUnit", "baseUnit",
                                           "prefix",     "topUnit",     "bottomUnit"};
  if (!core) others.insert(others.end(), {"SymbolicUnit", "UnitPrefix"});
  for (const absl::string_view name : others) terms->emplace(name, Term{.kind = TermKind::kOther});
}

// Prefixes are values of two enumerations, which only core DTDL 2 knows by name alone.
void Vocabulary::AddPrefixes(QuantitySet set, int version, absl::string_view id_prefix,
                             Terms* terms) {
  for (const absl::string_view kind : {"BinaryPrefix", "DecimalPrefix"}) {
    std::vector<Element*> values;
    for (const UnitPrefix& unit_prefix : AllUnitPrefixes()) {
      if (unit_prefix.kind != kind || !InSet(unit_prefix.sets, set)) continue;
      if (set == QuantitySet::kCore2) {
        terms->emplace(unit_prefix.name, Term{.kind = TermKind::kOther});
        continue;
      }
      Element* const value =
          NewElement(Class::kEnumValue, version,
                     Keep(absl::StrCat(id_prefix, "unitprefix:", unit_prefix.name)));
      value->name = unit_prefix.name;
      terms->emplace(unit_prefix.name, ElementTerm(value));
      AddId(value->id, ElementTerm(value));
      values.push_back(value);
    }
    if (set == QuantitySet::kCore2) {
      terms->emplace(kind, Term{.kind = TermKind::kOther});
      continue;
    }
    Element* const element =
        NewElement(Class::kEnum, version, Keep(absl::StrCat(id_prefix, "enum:", kind)));
    SetEnumValues(element, values);
    terms->emplace(kind, ElementTerm(element));
    AddId(element->id, ElementTerm(element));
  }
}

// Values that are their own names.
void Vocabulary::SetEnumValues(Element* element, const std::vector<Element*>& values) {
  const absl::Span<MemberValue> members = arena_.NewArray<MemberValue>(2);
  element->members = members;
  members[0].rule = FindRule(Class::kEnum, Member::kValueSchema, element->version);
  members[0].links = arena_.NewArray<Link>(1);
  members[0].links[0].element = Primitive("string");
  members[1].rule = FindRule(Class::kEnum, Member::kEnumValues, element->version);
  members[1].links = arena_.NewArray<Link>(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    members[1].links[i].element = values[i];
    const absl::Span<MemberValue> value = arena_.NewArray<MemberValue>(1);
    value[0].rule = FindRule(Class::kEnumValue, Member::kEnumValue, element->version);
    value[0].node = StringNode(values[i]->name);
    values[i]->members = value;
  }
}

// --- Standard elements ---------------------------------------------------------------------------

Element* Vocabulary::NewElement(Class cls, int version, absl::string_view id) {
  Element* const element = arena_.New<Element>();
  element->cls = cls;
  element->version = static_cast<uint8_t>(version);
  element->bounds = static_cast<Bounds>(version - 2);
  element->standard = true;
  element->id = id;
  if (kSchemaClasses.Has(cls)) schema_elements_.push_back(element);
  return element;
}

void Vocabulary::SetMember(Element* owner, Member member, std::initializer_list<Element*> values) {
  const absl::Span<MemberValue> old = owner->members;
  const absl::Span<MemberValue> members = arena_.NewArray<MemberValue>(old.size() + 1);
  for (size_t i = 0; i < old.size(); ++i) members[i] = old[i];
  MemberValue& value = members.back();
  value.rule = FindRule(owner->cls, member, owner->version);
  value.links = arena_.NewArray<Link>(values.size());
  Link* link = value.links.data();
  for (Element* const element : values) (link++)->element = element;
  owner->members = members;
}

Element* Vocabulary::NewEnum(int version, absl::string_view id, absl::string_view only_value) {
  Element* const element = NewElement(Class::kEnum, version, id);
  AddId(id, ElementTerm(element));
  Element* const value = NewElement(Class::kEnumValue, version, "");
  value->name = only_value;
  SetMember(value, Member::kEnumValue, {});
  value->members.back().node = StringNode(only_value);
  SetMember(element, Member::kValueSchema, {Primitive("string")});
  SetMember(element, Member::kEnumValues, {value});
  return element;
}

Element* Vocabulary::NewArray(int version, absl::string_view id, Element* element_schema) {
  Element* const element = NewElement(Class::kArray, version, id);
  AddId(id, ElementTerm(element));
  SetMember(element, Member::kElementSchema, {element_schema});
  return element;
}

Element* Vocabulary::NewObject(
    int version, absl::string_view id,
    std::initializer_list<std::pair<absl::string_view, Element*>> fields) {
  Element* const element = NewElement(Class::kObject, version, id);
  AddId(id, ElementTerm(element));
  const absl::Span<MemberValue> members = arena_.NewArray<MemberValue>(1);
  members[0].rule = FindRule(Class::kObject, Member::kFields, version);
  members[0].links = arena_.NewArray<Link>(fields.size());
  Link* link = members[0].links.data();
  for (const auto& [name, schema] : fields) {
    Element* const field = NewElement(Class::kField, version, "");
    field->name = name;
    SetMember(field, Member::kSchema, {schema});
    field->parent = element;
    (link++)->element = field;
  }
  element->members = members;
  return element;
}

absl::string_view Vocabulary::Keep(std::string text) {
  return strings_.emplace_back(std::move(text));
}

const JsonNode* Vocabulary::StringNode(absl::string_view text) {
  JsonNode* const node = arena_.New<JsonNode>();
  node->kind = JsonKind::kString;
  node->text = text;
  return node;
}

Element* Vocabulary::Primitive(absl::string_view term) const { return primitives_.at(term); }

}  // namespace twin::dtdl
