#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/dtdl/check.h"
#include "models/dtdl/codes.h"
#include "models/dtdl/primitives.h"
#include "models/dtdl/values.h"

namespace twin::dtdl {
namespace {

// "dtmi:dtdl:extension:mqtt:v4:Error" -> "Error"
absl::string_view NameOf(absl::string_view id) {
  id = id.substr(0, id.find(';'));
  return id.substr(id.rfind(':') + 1);
}

std::string NamesOf(const std::vector<std::string>& ids) {
  return absl::StrJoin(ids, " or ", [](std::string* out, const std::string& id) {
    absl::StrAppend(out, "'", NameOf(id), "'");
  });
}

bool HasAnyCotype(const Element& element, const std::vector<std::string>& ids) {
  return absl::c_any_of(ids, [&](const std::string& id) { return element.HasCotype(id); });
}

class CotypeChecker {
 public:
  CotypeChecker(ParseState* state, const Element& element) : state_(*state), element_(element) {}

  void Check(const AdjunctType& type) {
    CheckSchema(type);
    at_ = {};
    CheckParent(type);
    CheckFields(type);
    if (type.name == kLimitedName) CheckRange(type);
  }

 private:
  void Fail(absl::string_view code, std::string message, std::string hint = "") {
    state_.Error(code, at_.empty() ? PlaceOf(element_) : PlaceOf(element_, at_), IdOf(element_),
                 std::move(message), std::move(hint), element_.partition);
  }

  void CheckRange(const AdjunctType& type) {
    const JsonNode* minimum = nullptr;
    const JsonNode* maximum = nullptr;
    for (const AdjunctMember* member : type.members) {
      const MemberValue* const value = element_.Find(*member);
      if (value == nullptr || value->node == nullptr || !value->node->is_number()) continue;
      if (member->name == "minimum") minimum = value->node;
      if (member->name == "maximum") maximum = value->node;
    }
    if (minimum == nullptr || maximum == nullptr ||
        CompareDecimals(minimum->text, maximum->text) <= 0) {
      return;
    }
    state_.Warn(
        code::kEmptyRange, PlaceOf(element_, *minimum), IdOf(element_),
        absl::StrCat("no value is both at least ", minimum->text, " and at most ", maximum->text),
        "exchange 'minimum' and 'maximum'");
  }

  void CheckSchema(const AdjunctType& type) {
    const Element* const schema = element_.One(Member::kSchema);
    if (schema == nullptr) return;
    at_ = element_.Links(Member::kSchema).front().at;
    if (!type.schema.empty() && !type.schema.Has(schema->cls)) {
      return Fail(
          code::kNotRequiredType,
          absl::StrCat(Describe(element_), " is '", type.name, "', but its schema is ",
                       ClassName(schema->cls)),
          absl::StrCat("'", type.name, "' needs ", Describe(type.schema, element_.version)));
    }
    if (!type.schema_cotype.empty() && !schema->HasCotype(type.schema_cotype)) {
      return Fail(
          code::kNotRequiredType,
          absl::StrCat(Describe(element_), " is '", type.name, "', but its schema is not '",
                       NameOf(type.schema_cotype), "'"),
          absl::StrCat("add '", NameOf(type.schema_cotype), "' to the \"@type\" of its schema"));
    }
    if (!type.schema_ids.empty() && !absl::c_linear_search(type.schema_ids, schema->id)) {
      return Fail(code::kNotRequiredValue,
                  absl::StrCat(Describe(element_), " is '", type.name,
                               "' but has another schema than that type needs"),
                  absl::StrCat("its schema must be ", NamesOf(type.schema_ids)));
    }
    for (const AdjunctMember* member : type.members) {
      if (member->value != AdjunctValue::kDecimal) continue;
      const MemberValue* const value = element_.Find(*member);
      if (value == nullptr || value->node == nullptr) continue;
      const bool fits =
          schema->cls == Class::kDecimal || IsNumberOf(schema->cls, value->node->text);
      if (fits) continue;
      state_.Error(code::kNonConformantPropertyValue, PlaceOf(element_, *value->node),
                   IdOf(element_),
                   absl::StrCat("'", member->name, "' is ", value->node->text,
                                ", which is no value of the schema ", ClassName(schema->cls)),
                   "it must be a value that the element itself can have", element_.partition);
    }
  }

  void CheckParent(const AdjunctType& type) {
    if (type.parent_any.empty()) return;
    const Element& parent = *element_.parent;
    if (!HasAnyCotype(parent, type.parent_any)) {
      return Fail(code::kParentMissingCotype,
                  absl::StrCat(Describe(element_), " is '", type.name,
                               "' in an Object that is not ", NamesOf(type.parent_any)),
                  "add that type to the Object");
    }
    bool has_sibling = type.sibling.empty();
    for (const Link& link : parent.Links(Member::kFields)) {
      if (link.element == &element_ || link.element == nullptr) continue;
      has_sibling |= link.element->HasCotype(type.sibling);
      // Of two, the later one is told.
      if (type.once_per_parent && link.element->HasCotype(type.id) &&
          link.element->at.begin < element_.at.begin) {
        Fail(code::kSiblingDuplicatesCotype,
             absl::StrCat("two fields are '", type.name, "': '", link.element->name, "' and '",
                          element_.name, "'"),
             "only one of an Object's fields may be");
      }
    }
    if (!has_sibling) {
      Fail(code::kSiblingMissingCotype,
           absl::StrCat(Describe(element_), " is '", type.name, "', but no other field is '",
                        NameOf(type.sibling), "'"),
           "add such a field");
    }
  }

  void CheckFields(const AdjunctType& type) {
    if (type.fields_any.empty()) return;
    for (const Link& link : element_.Links(Member::kFields)) {
      if (link.element == nullptr || HasAnyCotype(*link.element, type.fields_any)) continue;
      state_.Error(code::kNotRequiredType, PlaceOf(*link.element), IdOf(element_),
                   absl::StrCat("the Object is '", type.name, "', but its field '",
                                link.element->name, "' is not ", NamesOf(type.fields_any)),
                   "add one of these types to the field", element_.partition);
    }
  }

  ParseState& state_;
  const Element& element_;
  TextRange at_;  // what errors are about, where it is not the whole element
};

// Annotations of the contents of one Interface.
class AnnotationChecker {
 public:
  AnnotationChecker(ParseState* state, const Element& interface)
      : state_(*state), interface_(interface) {}

  void Run() {
    for (const Element* content : interface_.contents) {
      for (const AdjunctType* type : content->cotypes) {
        if (type->name == kAnnotationName) CheckAnnotation(*content, *type);
      }
    }
  }

 private:
  void Fail(absl::string_view code, const Element& at, std::string message, std::string hint) {
    // What a base is told of its own contents, the Interfaces that extend it need not repeat.
    if (at.partition != &interface_) {
      state_.Error(code, PlaceOf(interface_), IdOf(at), std::move(message), std::move(hint),
                   interface_.partition);
      return;
    }
    state_.Error(code, annotates_ == nullptr ? PlaceOf(at) : PlaceOf(at, *annotates_), IdOf(at),
                 std::move(message), std::move(hint), interface_.partition);
  }

  const Element* FindContent(absl::string_view name) const {
    const auto found = std::lower_bound(
        interface_.contents.begin(), interface_.contents.end(), name,
        [](const Element* content, absl::string_view wanted) { return content->name < wanted; });
    return found == interface_.contents.end() || (*found)->name != name ? nullptr : *found;
  }

  void CheckAnnotation(const Element& content, const AdjunctType& type) {
    const MemberValue* const annotates = content.Find(*type.members.front());
    if (annotates == nullptr || annotates->node == nullptr) return;
    annotates_ = annotates->node;
    const absl::string_view name = annotates->node->text;
    const Element* const sibling = FindContent(name);
    const bool own = content.partition == &interface_;
    if (sibling == nullptr) {
      // An Interface that extends this one may bring it.
      if (own) {
        state_.Warn(code::kUnknownAnnotated, PlaceOf(content, *annotates->node), IdOf(content),
                    absl::StrCat("'", content.name, "' annotates '", name,
                                 "', which the Interface does not have"),
                    "fine if every Interface that extends it does");
      }
      return;
    }
    if (!own && sibling->partition != &interface_) return;
    if (sibling->cls != Class::kProperty && sibling->cls != Class::kTelemetry) {
      return Fail(
          code::kNotSiblingRequiredType, content,
          absl::StrCat("'", content.name, "' annotates '", name, "', ", AClass(sibling->cls)),
          "only Properties and Telemetries can be annotated");
    }
    if (sibling->HasCotype(type.id)) {
      return Fail(code::kDisallowedType, content,
                  absl::StrCat("'", content.name, "' annotates '", name,
                               "', which is an annotation itself"),
                  "annotate what that one annotates");
    }
    for (const AdjunctType* other : content.cotypes) {
      if (other->name == kOverrideName) CheckOverride(content, *other, *sibling);
    }
  }

  void CheckOverride(const Element& content, const AdjunctType& type, const Element& sibling) {
    const MemberValue* const overrides = content.Find(*type.members.front());
    if (overrides == nullptr || overrides->node == nullptr) return;
    annotates_ = overrides->node;
    const absl::string_view name = overrides->node->text;
    const AdjunctMember* member = nullptr;
    const AdjunctType* member_of = nullptr;
    for (const AdjunctType* cotype : sibling.cotypes) {
      for (const AdjunctMember* candidate : cotype->members) {
        if (candidate->name != name && candidate->id != name) continue;
        member = candidate;
        member_of = cotype;
      }
    }
    if (member == nullptr) {
      const bool core = absl::c_any_of(MemberRules(), [&](const MemberRule& rule) {
        return rule.name == name && rule.owners.Has(sibling.cls);
      });
      return Fail(
          core ? code::kMatchingPropertyNotSupplemental : code::kNoMatchingSupplementalProperty,
          content,
          absl::StrCat("'", content.name, "' overrides '", name, "' of '", sibling.name,
                       core ? "', which no extension brings" : "', which does not have it"),
          "an override names a member of an extension, such as unit");
    }
    for (const auto& [other_sibling, other_member] : overridden_) {
      if (other_sibling == &sibling && other_member == member) {
        Fail(code::kMultipleReference, content,
             absl::StrCat("'", name, "' of '", sibling.name, "' is overridden twice"),
             "remove one of the overrides");
      }
    }
    overridden_.emplace_back(&sibling, member);
    if (member->value != AdjunctValue::kUnit || member_of->semantic == nullptr) return;
    const Element* const schema = content.One(Member::kSchema);
    const bool fits = schema != nullptr && schema->unit_kind != nullptr &&
                      schema->cls == Class::kEnum &&
                      schema->unit_kind->name == member_of->semantic->unit_kind;
    if (!fits) {
      Fail(code::kSiblingPropertyMismatch, content,
           absl::StrCat("'", content.name, "' overrides the unit of '", sibling.name,
                        "' with a schema that is not its kind of unit"),
           absl::StrCat("its schema must be ", member_of->semantic->unit_kind));
    }
  }

  ParseState& state_;
  const Element& interface_;
  const JsonNode* annotates_ = nullptr;  // the member that errors are about
  std::vector<std::pair<const Element*, const AdjunctMember*>> overridden_;
};

}  // namespace

void CheckCotypes(ParseState* state, const Element& element) {
  CotypeChecker checker(state, element);
  for (const AdjunctType* type : element.cotypes) checker.Check(*type);
}

void CheckAnnotations(ParseState* state, const Element& interface) {
  AnnotationChecker(state, interface).Run();
}

}  // namespace twin::dtdl
