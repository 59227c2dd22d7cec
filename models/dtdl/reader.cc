#include "models/dtdl/reader.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "models/dtdl/codes.h"
#include "models/dtdl/dtmi.h"
#include "models/dtdl/type_reader.h"
#include "models/dtdl/vocabulary.h"

namespace twin::dtdl {
namespace {

// The "name" of an element, also where its DTMI is written.
const JsonNode* FindName(const JsonNode& node) {
  for (const JsonNode& member : Children(node)) {
    if (member.key == "name" || absl::StartsWith(member.key, "dtmi:dtdl:property:name;")) {
      return &member;
    }
  }
  return nullptr;
}

// What to do about an element without a name, which may only be misspelt.
std::string MissingNameHint(const JsonNode& node) {
  for (const JsonNode& member : Children(node)) {
    if (ClosestWord(member.key, {"name"}).empty()) continue;
    return absl::StrCat("it is required; did you mean it where '", member.key, "' stands?");
  }
  return "it is required";
}

std::vector<absl::string_view> MemberNames(Class cls, int version) {
  std::vector<absl::string_view> names;
  for (const MemberRule& rule : MemberRules()) {
    if (rule.owners.Has(cls) && InVersions(rule.versions, version)) names.push_back(rule.name);
  }
  return names;
}

// Whether the term is a member that one of the types brings.
bool IsOf(const std::vector<const AdjunctType*>& types, const Term& term) {
  return term.kind == TermKind::kAdjunctMember &&
         absl::c_any_of(types, [&](const AdjunctType* type) {
           return absl::c_any_of(type->members, [&](const AdjunctMember* member) {
             return member->id == term.adjunct->id;
           });
         });
}

}  // namespace

struct Reader::Keywords {
  const JsonNode* context = nullptr;
  const JsonNode* id = nullptr;
  const JsonNode* type = nullptr;
  const JsonNode* graph = nullptr;
  const JsonNode* other = nullptr;     // the first that DTDL does not use
  const JsonNode* repeated = nullptr;  // the first that stands twice
  uint32_t count = 0;
};

void Reader::ReadDocument(const JsonNode& root, uint32_t document) {
  document_ = document;
  if (!root.is_array()) return ReadTopLevel(root);
  for (const JsonNode& node : Children(root)) ReadTopLevel(node);
}

void Reader::ReadTopLevel(const JsonNode& node) {
  if (!node.is_object()) {
    state_.Error(code::kNotJsonObject, {document_, node.begin, node.end}, "",
                 "an Interface must be a JSON object",
                 "a text is one object, or an array of objects", nullptr);
    return;
  }
  ReadElement(node, nullptr, nullptr, nullptr);
}

// --- Keywords, id -------------------------------------------------------------------------

bool Reader::ReadKeywords(const JsonNode& node, Keywords* keywords) const {
  for (const JsonNode& member : Children(node)) {
    if (member.key.empty() || member.key[0] != '@') continue;
    ++keywords->count;
    const JsonNode** slot = &keywords->other;
    if (member.key == "@context")
      slot = &keywords->context;
    else if (member.key == "@id")
      slot = &keywords->id;
    else if (member.key == "@type")
      slot = &keywords->type;
    else if (member.key == "@graph")
      slot = &keywords->graph;
    if (*slot != nullptr && (*slot)->key == member.key && keywords->repeated == nullptr) {
      keywords->repeated = &member;
    }
    if (*slot == nullptr) *slot = &member;
  }
  return keywords->repeated == nullptr;
}

bool Reader::CheckKeywords(const Keywords& keywords, Element* element) {
  const bool top = element->parent == nullptr;
  if (keywords.repeated != nullptr) {
    return findings_.FailAtKey(code::kDuplicatePropertyName, *element, *keywords.repeated,
                               absl::StrCat("\"", keywords.repeated->key, "\" stands twice"),
                               "remove one of them");
  }
  if (keywords.graph != nullptr) {
    return findings_.FailAtKey(top ? code::kTopLevelGraphDisallowed : code::kGraphDisallowed,
                               *element, *keywords.graph, "DTDL does not use \"@graph\"",
                               "write the elements themselves, in an array");
  }
  if (keywords.other != nullptr && element->version > 2) {
    return findings_.FailAtKey(
        top ? code::kTopLevelKeywordDisallowed : code::kKeywordDisallowed, *element,
        *keywords.other,
        absl::StrCat("DTDL ", element->version, " does not use \"", keywords.other->key, "\""),
        "only @context, @id and @type are its keywords");
  }
  if (keywords.other != nullptr) {
    findings_.Warn(code::kIgnoredKeyword, *element, *keywords.other,
                   absl::StrCat("DTDL 2 passes over \"", keywords.other->key, "\""), "remove it");
  }
  return true;
}

Element* Reader::ReadElement(const JsonNode& node, const ActiveContext* inherited, Element* parent,
                             const MemberRule* role) {
  Element* const element = state_.arena->New<Element>();
  element->at = node.range();
  element->document = document_;
  element->parent = parent;
  element->role = role;
  // Until the class is known, errors belong to the Interface around.
  element->partition = parent == nullptr ? element : parent->partition;

  Keywords keywords;
  ReadKeywords(node, &keywords);
  const ActiveContext* const context =
      contexts_.Read(keywords.context, inherited, document_, node, element->partition);
  if (context == nullptr) {
    if (keywords.id != nullptr) state_.broken_definitions.insert(keywords.id->text);
    return nullptr;
  }
  element->version = static_cast<uint8_t>(context->version);
  element->bounds = context->bounds;
  const ActiveContext* const outer = std::exchange(context_, context);
  const auto done = [&](Element* result) {
    context_ = outer;
    if (result == nullptr && keywords.id != nullptr) {
      state_.broken_definitions.insert(keywords.id->text);
    }
    return result;
  };

  const JsonNode* const name = FindName(node);
  if (name != nullptr && name->is_string()) {
    element->name = name->text;
    element->name_at = name->range();
  }
  if (!CheckKeywords(keywords, element)) return done(nullptr);
  if (role != nullptr && keywords.id != nullptr && node.count == 1) {
    findings_.Fail(code::kIdReference, *element, node,
                   absl::StrCat("'", role->name, "' has an object with only an \"@id\""),
                   absl::StrCat("write the reference as a string: \"", keywords.id->text, "\""));
    return done(nullptr);
  }
  if (role != nullptr && parent != nullptr &&
      (role->older() ? element->version > parent->version : element->version != parent->version)) {
    findings_.Fail(
        code::kDisallowedVersionDefinition, *element, *keywords.context,
        absl::StrCat("'", role->name, "' of an element in DTDL ", parent->version,
                     " cannot hold one in DTDL ", element->version),
        role->older() ? "the version may be the same or older" : "the version must be the same");
    return done(nullptr);
  }
  if (!ReadId(keywords, element)) return done(nullptr);
  TypeReader types(&state_, *context_, element);
  if (!types.Read(keywords.type)) return done(nullptr);
  if (element->cls == Class::kInterface) {
    element->partition = element;
    state_.interfaces.push_back(element);
    const int limit = kInterfaceIdLength.of(element->bounds);
    if (element->id.size() > static_cast<size_t>(limit)) {
      findings_.Fail(
          code::kIdTooLongForType, *element, element->id_at,
          absl::StrCat("the id of an Interface is ", element->id.size(), " characters long"),
          absl::StrCat("at most ", limit, " are allowed"));
    }
  }
  // A name makes the element's id where it has none of its own and is one of several.
  if (name == nullptr && element->id.empty() && role != nullptr && role->plural() &&
      FindRule(element->cls, Member::kName, element->version) != nullptr) {
    findings_.Fail(code::kMissingDtmiSegPropertyValue, *element, node,
                   absl::StrCat("the ", ClassName(element->cls), " has no 'name'"),
                   MissingNameHint(node));
    return done(nullptr);
  }
  Define(element);
  ReadMembers(node, keywords.count, element, types.rejected());
  CheckRequired(node, element);
  return done(element);
}

namespace {

// Of models/battery.
constexpr absl::string_view kOntology = "dtmi:twingraph:battery:";
constexpr absl::string_view kOntologyNames[] = {
    "Alert",           "BatteryCell", "BatteryModule",         "BatteryPack",   "Bms",
    "ChargePoint",     "Connector",   "DiagnosticTroubleCode", "Fleet",         "PredictorModel",
    "ChargingSession", "Vehicle",     "TemperatureProbe",      "ThermalSystem",
};

bool IsOfOntology(absl::string_view id) {
  if (!absl::ConsumePrefix(&id, kOntology)) return false;
  return absl::c_linear_search(kOntologyNames, id.substr(0, id.find_first_of(":;")));
}

}  // namespace

bool Reader::ReadId(const Keywords& keywords, Element* element) {
  const MemberRule* const role = element->role;
  if (keywords.id == nullptr) {
    if (element->parent == nullptr) {
      return findings_.Fail(code::kMissingTopLevelId, *element, element->at,
                            "an Interface must have an \"@id\"",
                            "add \"@id\": \"dtmi:<your domain>:<name>;1\"");
    }
    if (role->needs_id()) {
      state_.Error(code::kMissingRequiredId, PlaceOf(*element, element->at), IdOf(*element->parent),
                   absl::StrCat("an element of '", role->name, "' must have an \"@id\""),
                   role->range == kPrimitiveSchemas
                       ? "write the term, as in \"integer\""
                       : "add \"@id\": \"dtmi:<your domain>:<name>;1\"",
                   element->partition);
      return false;
    }
    return true;
  }
  const JsonNode& id = *keywords.id;
  if (!id.is_string() || id.text.empty()) {
    return findings_.Fail(code::kIdNotString, *element, id,
                          "\"@id\" must be a string that is a DTMI",
                          "a DTMI looks like dtmi:com:example:Cell;1");
  }
  if (!IsModelId(id.text, element->version)) {
    const absl::StatusOr<Dtmi> dtmi = Dtmi::Parse(id.text);
    std::string why = dtmi.ok() ? absl::StrCat("'", id.text, "' is not an id that a DTDL ",
                                               element->version, " model may define")
                                : std::string(dtmi.status().message());
    return findings_.Fail(code::kInvalidId, *element, id, std::move(why),
                          element->version == 2
                              ? "user labels only, then a version of one number, no fragment"
                              : "user labels only, then perhaps a version, no fragment");
  }
  element->id_at = id.range();
  element->id = id.text;
  if (const int limit = kIdLength.of(element->bounds);
      id.text.size() > static_cast<size_t>(limit)) {
    return findings_.Fail(code::kIdTooLong, *element, id,
                          absl::StrCat("the id is ", id.text.size(), " characters long"),
                          absl::StrCat("at most ", limit, " are allowed"));
  }
  std::vector<absl::string_view> reserved = {"dtmi:dtdl:", "dtmi:standard:"};
  for (const ExtensionContext* extension : context_->extensions) {
    const std::string& prefix = extension->extension->reserved_prefix;
    if (!prefix.empty()) reserved.push_back(prefix);
  }
  for (const absl::string_view prefix : reserved) {
    if (!absl::StartsWith(id.text, prefix)) continue;
    return findings_.Fail(code::kReservedId, *element, id,
                          absl::StrCat("'", id.text, "' begins with '", prefix,
                                       "', which only the language may define"),
                          "begin with dtmi: and the labels of a domain of your own");
  }
  constexpr absl::string_view kProduct = "dtmi:twingraph:";
  if (absl::StartsWith(id.text, kProduct) && !IsOfOntology(id.text)) {
    findings_.Warn(code::kProductId, *element, id,
                   absl::StrCat("'", id.text, "' begins with '", kProduct,
                                "', which belongs to the ontology of Twingraph"),
                   "begin with dtmi: and the labels of a domain of your own");
  }
  return true;
}

void Reader::Define(Element* element) {
  if (element->id.empty()) return;
  const auto [found, inserted] = state_.definitions.emplace(element->id, element);
  if (inserted) return;
  std::string hint = "rename or remove one of them";
  if (state_.WantsSuggestions()) {
    const Element& first = *found->second;
    const TextPosition at = PositionOf(state_.texts[first.document], PlaceOf(first).begin);
    hint = absl::StrCat("its first definition is at ", state_.NameOf(first.document), ":", at.line,
                        ":", at.column, "; ", hint);
  }
  findings_.Fail(code::kDuplicateDefinition, *element, element->id_at,
                 absl::StrCat("'", element->id, "' is defined twice"), std::move(hint));
}

// --- Members -------------------------------------------------------------------------------------

void Reader::ReadMembers(const JsonNode& node, uint32_t keyword_count, Element* element,
                         const std::vector<const AdjunctType*>& rejected) {
  const absl::Span<MemberValue> values =
      state_.arena->NewArray<MemberValue>(node.count - keyword_count);
  size_t count = 0;
  for (const JsonNode& member : Children(node)) {
    if (!member.key.empty() && member.key[0] == '@') continue;
    const Term term = context_->Find(member.key);
    MemberValue& value = values[count];
    if (term.kind == TermKind::kMember) {
      value.rule = FindRule(element->cls, term.member, element->version);
    } else if (term.kind == TermKind::kAdjunctMember) {
      for (const AdjunctType* type : element->cotypes) {
        for (const AdjunctMember* candidate : type->members) {
          if (candidate->id == term.adjunct->id) value.adjunct = candidate;
        }
      }
    }
    if (value.rule == nullptr && value.adjunct == nullptr) {
      if (!IsOf(rejected, term)) ReadUnknownMember(node, member, term, element);
      continue;
    }
    findings_.PreferTerm(member.key, *element, member);
    bool repeated = false;
    for (const MemberValue& other : values.subspan(0, count)) {
      repeated |= other.rule == value.rule && other.adjunct == value.adjunct;
    }
    if (repeated) {
      findings_.FailAtKey(code::kDuplicatePropertyName, *element, member,
                          absl::StrCat("'", member.key, "' stands twice"),
                          "remove one of them; a term and its DTMI are the same member");
      value = MemberValue();
      continue;
    }
    // Counted before its values are read: a required member that is wrong is not missing too.
    ++count;
    element->members = values.subspan(0, count);
    if (value.adjunct != nullptr) {
      ReadAdjunct(member, element, &value);
    } else if (value.rule->value == ValueKind::kElements) {
      ReadElements(member, element, &value);
    } else {
      ReadLiteral(member, element, &value);
    }
    if (value.node != nullptr) value.node = Keep(value);
  }
}

// A copy of the value, with what is below it, that outlives the tree.
const JsonNode* Reader::Keep(const MemberValue& value) {
  if (value.rule != nullptr && value.rule->member == Member::kName) return nullptr;
  const JsonNode& node = *value.node;
  const absl::Span<JsonNode> kept = state_.arena->NewArray<JsonNode>(node.skip);
  std::copy_n(&node, node.skip, kept.begin());
  return kept.data();
}

void Reader::ReadUnknownMember(const JsonNode& object, const JsonNode& member, const Term& term,
                               Element* element) {
  const WordForm form = FormOf(member.key, element->version);
  if (element->informal) {
    if (element->version == 2) return;
    if (context_->incomplete && (form == WordForm::kTerm || form == WordForm::kDtmi)) return;
  }
  std::string message = absl::StrCat(Describe(*element), " has no member '", member.key, "'");
  const std::vector<absl::string_view> names = MemberNames(element->cls, element->version);
  std::string hint = state_.WantsSuggestions() ? DidYouMean(member.key, names) : "";
  if (hint.empty() && term.kind == TermKind::kAdjunctMember) {
    hint = absl::StrCat("'", member.key, "' needs a type that brings it in \"@type\"");
  }
  if (hint.empty()) hint = absl::StrCat("it may have ", absl::StrJoin(names, ", "));
  if (element->version == 2) {
    const bool inferred = object.Find("@type") == nullptr;
    findings_.FailAtKey(inferred ? code::kInferredTypeDoesNotAllow : code::kNoTypeThatAllows,
                        *element, member, std::move(message), std::move(hint));
    return;
  }
  absl::string_view code = code::kPropertyUndefinedTerm;
  if (term.kind != TermKind::kUnknown || form == WordForm::kDtmi) {
    code = code::kPropertyIrrelevantDtmiOrTerm;
  } else if (form == WordForm::kBadDtmi) {
    code = code::kPropertyInvalidDtmi;
  } else if (form == WordForm::kOtherUri) {
    code = code::kPropertyNotDtmiNorTerm;
  }
  findings_.FailAtKey(code, *element, member, std::move(message), std::move(hint));
}

void Reader::ReadLiteral(const JsonNode& member, Element* element, MemberValue* value) {
  const MemberRule& rule = *value->rule;
  const bool required = InVersions(rule.required, element->version);
  LiteralReader reader(&state_, *element);
  switch (rule.value) {
    case ValueKind::kString:
      value->node = reader.ReadString(member, rule.name, *rule.bound, required);
      if (value->node == nullptr) return;
      if (rule.member == Member::kName) {
        element->name = value->node->text;
        element->name_at = value->node->range();
      }
      if (rule.name_syntax() && !IsName(value->node->text)) {
        findings_.Fail(
            code::kStringInvalid, *element, *value->node,
            absl::StrCat("'", value->node->text, "' is not a valid ", rule.name),
            "a letter, then letters, digits and underscores, not ending in an underscore");
      }
      return;
    case ValueKind::kLangString:
      value->node = reader.ReadLangString(member, rule.name, *rule.bound);
      return;
    case ValueKind::kInteger:
      value->node = reader.ReadInteger(member, rule.name, required);
      if (value->node != nullptr) ReadMultiplicity(*value->node, *element, rule);
      return;
    case ValueKind::kBoolean:
      value->node = reader.ReadBoolean(member, rule.name);
      return;
    case ValueKind::kLiteral:
      value->node = reader.ReadLiteral(member, rule.name);
      return;
    case ValueKind::kDtmi:
      value->node = reader.ReadDtmi(member, rule.name);
      return;
    case ValueKind::kElements:
      return;
  }
}

// minMultiplicity is 0, maxMultiplicity from 1, in DTDL 2 to 500.
void Reader::ReadMultiplicity(const JsonNode& node, const Element& element,
                              const MemberRule& rule) {
  constexpr int kMaxMultiplicityInDtdl2 = 500;
  const int number = *ToInt32(node);
  if (rule.member == Member::kMinMultiplicity) {
    if (number == 0) return;
    findings_.Fail(code::kValueNotExact, element, node,
                   absl::StrCat("minMultiplicity is ", number, "; DTDL allows only 0"),
                   "leave it out");
    return;
  }
  const bool capped = element.version == 2;
  if (number < 1) {
    findings_.Fail(capped ? code::kValueBelowRange : code::kValueBelowMin, element, node,
                   absl::StrCat("maxMultiplicity is ", number), "it must be at least 1");
  } else if (capped && number > kMaxMultiplicityInDtdl2) {
    findings_.Fail(code::kValueAboveRange, element, node,
                   absl::StrCat("maxMultiplicity is ", number),
                   absl::StrCat("DTDL 2 allows at most ", kMaxMultiplicityInDtdl2));
  }
}

void Reader::ReadAdjunct(const JsonNode& member, Element* element, MemberValue* value) {
  const AdjunctMember& adjunct = *value->adjunct;
  LiteralReader reader(&state_, *element);
  switch (adjunct.value) {
    case AdjunctValue::kUnit:
      ReadElements(member, element, value);
      return;
    case AdjunctValue::kInteger:
      value->node = reader.ReadInteger(member, adjunct.name, adjunct.required);
      if (value->node != nullptr && *ToInt32(*value->node) < adjunct.minimum) {
        findings_.Fail(code::kValueBelowMin, *element, *value->node,
                       absl::StrCat("'", adjunct.name, "' is ", value->node->text),
                       absl::StrCat("it must be at least ", adjunct.minimum));
      }
      return;
    case AdjunctValue::kDecimal:
      value->node = reader.ReadNumber(member, adjunct.name);
      return;
    case AdjunctValue::kDuration:
      value->node = reader.ReadDuration(member, adjunct.name);
      return;
    case AdjunctValue::kString:
    case AdjunctValue::kSibling:
    case AdjunctValue::kMemberName:
      break;
  }
  if (adjunct.value == AdjunctValue::kMemberName && !member.is_string()) {
    findings_.Fail(code::kIdentifierNotString, *element, member,
                   absl::StrCat("'", adjunct.name, "' must be the name of a member"));
    return;
  }
  const int limit = adjunct.length_max;
  const Limit length = {{limit, limit, limit, limit, limit}};
  value->node = reader.ReadString(member, adjunct.name, length, adjunct.required);
  if (value->node != nullptr && adjunct.syntax != nullptr && !adjunct.syntax(value->node->text)) {
    findings_.Fail(code::kStringInvalid, *element, *value->node,
                   absl::StrCat("'", value->node->text, "' is not a valid ", adjunct.name),
                   absl::StrCat("it must be ", adjunct.syntax_text));
  }
}

void Reader::ReadElements(const JsonNode& member, Element* element, MemberValue* value) {
  const MemberRule* const rule = value->rule;
  if (rule != nullptr && rule->member == Member::kCommandType) {
    findings_.Warn(code::kDeprecatedMember, *element, member, "'commandType' is deprecated",
                   "leave it out");
  }
  const absl::string_view name = rule != nullptr ? rule->name : value->adjunct->name;
  const bool plural = rule != nullptr && rule->plural();
  const uint32_t count = member.is_array() ? member.count : 1;
  if (!plural && count > 1) {
    findings_.Fail(code::kObjectMultipleValues, *element, member,
                   absl::StrCat("'", name, "' has ", count, " values; it takes one"));
    return;
  }
  const bool required =
      rule != nullptr ? InVersions(rule->required, element->version) : value->adjunct->required;
  if (count == 0 && required) {
    findings_.Fail(code::kObjectCountBelowMin, *element, member,
                   absl::StrCat("'", name, "' is empty"), "it must have at least one value");
    return;
  }
  const int limit = rule == nullptr ? 0 : rule->bound->of(element->bounds);
  if (limit > 0 && count > static_cast<uint32_t>(limit)) {
    findings_.Fail(code::kObjectCountAboveMax, *element, member,
                   absl::StrCat("'", name, "' has ", count, " values"),
                   absl::StrCat("at most ", limit, " are allowed"));
  }
  const absl::Span<Link> links = state_.arena->NewArray<Link>(count);
  size_t read = 0;
  const auto read_one = [&](const JsonNode& node) {
    if (ReadLink(node, element, *value, &links[read])) ++read;
  };
  if (member.is_array()) {
    for (const JsonNode& node : Children(member)) read_one(node);
  } else {
    read_one(member);
  }
  value->links = links.subspan(0, read);
  const bool references =
      absl::c_any_of(value->links, [](const Link& link) { return !link.reference.empty(); });
  if (references) state_.references.push_back({element, value});
}

bool Reader::ReadLink(const JsonNode& node, Element* element, const MemberValue& value,
                      Link* link) {
  const absl::string_view name = value.rule != nullptr ? value.rule->name : value.adjunct->name;
  link->at = node.range();
  if (node.is_object() && value.rule != nullptr) {
    link->element = ReadElement(node, context_, element, value.rule);
    return link->element != nullptr;
  }
  if (!node.is_string()) {
    if (value.rule == nullptr) {
      return findings_.Fail(
          node.is_object() ? code::kRefObjectNotAllowed : code::kRefNotStringOrObject, *element,
          node, absl::StrCat("'", name, "' must be the name of a unit"), "write it as a string");
    }
    return findings_.Fail(
        node.is_null() ? code::kPropertyValueNull : code::kRefNotStringOrObject, *element, node,
        absl::StrCat("a value of '", name, "' must be an element or the id of one"),
        absl::StrCat("it takes ", Describe(value.rule->range, element->version)));
  }
  const Term term =
      value.adjunct != nullptr ? context_->FindUnit(node.text) : context_->Find(node.text);
  if (term.kind == TermKind::kElement) {
    link->element = term.element;
    link->reference = node.text;
    findings_.PreferTerm(node.text, *element, node);
    return true;
  }
  if (term.kind == TermKind::kUnknown && IsModelId(node.text, element->version) &&
      node.text.size() <= static_cast<size_t>(kIdLength.of(Bounds::kV4))) {
    link->reference = node.text;
    return true;
  }
  std::string hint = SuggestElement(node.text, value);
  if (hint.empty() && value.rule != nullptr) {
    hint = absl::StrCat("it takes ", Describe(value.rule->range, element->version),
                        ", in place or by id");
  }
  absl::string_view code = code::kBadDtmiOrTerm;
  if (term.kind != TermKind::kUnknown) {
    code = absl::StartsWith(node.text, "dtmi:") ? code::kUndefinedReservedId : code::kBadType;
  }
  return findings_.Fail(code, *element, node,
                        absl::StrCat("'", node.text, "' is no value of '", name, "'"),
                        std::move(hint));
}

// What a reference that nothing defines may have been meant to be.
std::string Reader::SuggestElement(absl::string_view word, const MemberValue& value) const {
  if (!state_.WantsSuggestions()) return "";
  std::vector<absl::string_view> known;
  for (const absl::string_view candidate : context_->TermsOfKind(TermKind::kElement)) {
    const Element* const standard = context_->Find(candidate).element;
    if (standard == nullptr) continue;  // the core context means something else by the word
    const bool fits =
        value.rule != nullptr ? value.rule->range.Has(standard->cls) : standard->unit != nullptr;
    if (fits) known.push_back(candidate);
  }
  return DidYouMean(word, known);
}

void Reader::CheckRequired(const JsonNode& node, Element* element) {
  for (const MemberRule* rule : RequiredRules(element->cls, element->version)) {
    if (element->Find(rule->member) != nullptr) continue;
    const bool object = rule->value == ValueKind::kElements;
    findings_.Fail(object ? code::kMissingObjectProperty : code::kMissingLiteralProperty, *element,
                   node, absl::StrCat(Describe(*element), " has no '", rule->name, "'"),
                   "it is required");
  }
  for (const AdjunctType* type : element->cotypes) {
    for (const AdjunctMember* member : type->members) {
      if (!member->required || element->Find(*member) != nullptr) continue;
      findings_.Fail(member->value == AdjunctValue::kUnit
                         ? code::kMissingSupplementalObjectProperty
                         : code::kMissingSupplementalLiteralProperty,
                     *element, node,
                     absl::StrCat(Describe(*element), " is '", type->name, "' but has no '",
                                  member->name, "'"),
                     "add it, or remove the type");
    }
  }
}

}  // namespace twin::dtdl
