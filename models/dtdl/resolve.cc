#include "models/dtdl/resolve.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/dtdl/codes.h"
#include "models/dtdl/dtmi.h"

namespace twin::dtdl {
namespace {

class Resolver {
 public:
  explicit Resolver(ParseState* state) : state_(*state) {}

  void Resolve(const Reference& reference) {
    owner_ = reference.owner;
    for (Link& link : reference.value->links) {
      if (link.reference.empty()) continue;
      if (link.element == nullptr && !Find(&link)) continue;
      if (reference.value->rule != nullptr) {
        CheckReference(*reference.value->rule, link);
      } else {
        CheckUnit(*reference.value->adjunct, link);
      }
    }
  }

 private:
  void Fail(absl::string_view code, const Link& link, std::string message, std::string hint) {
    state_.Error(code, PlaceOf(*owner_, link.at), IdOf(*owner_), std::move(message),
                 std::move(hint), owner_->partition);
  }

  bool Find(Link* link) {
    const auto found = state_.definitions.find(link->reference);
    if (found != state_.definitions.end()) {
      link->element = found->second;
      return true;
    }
    owner_->partition->unresolved = true;
    if (state_.broken_definitions.contains(link->reference)) return false;
    for (const absl::string_view prefix :
         {"dtmi:dtdl:", "dtmi:standard:", "dtmi:iotcentral:", "dtmi:iotoperations:"}) {
      if (!absl::StartsWith(link->reference, prefix)) continue;
      Fail(code::kUndefinedReservedId, *link,
           absl::StrCat("'", link->reference,
                        "' begins like an id of the language, which has no "
                        "such element"),
           "name an element of your own, or a term");
      return false;
    }
    state_.unresolved.emplace_back(link->reference);
    return false;
  }

  void CheckReference(const MemberRule& rule, const Link& link) {
    const Element& target = *link.element;
    if (rule.member == Member::kValueSchema && kPrimitiveSchemas.Has(target.cls) &&
        target.cls != Class::kInteger && target.cls != Class::kString) {
      return Fail(code::kIncorrectPropertyValue, link,
                  absl::StrCat("the values of an Enum cannot be of schema ", link.reference),
                  "valueSchema is \"integer\" or \"string\"");
    }
    if (!rule.range.Has(target.cls)) {
      return Fail(code::kBadType, link,
                  absl::StrCat("'", link.reference, "' is ", AClass(target.cls), ", which '",
                               rule.name, "' cannot hold"),
                  absl::StrCat("it takes ", Describe(rule.range, owner_->version)));
    }
    if (rule.older() ? target.version > owner_->version : target.version != owner_->version) {
      return Fail(
          code::kDisallowedVersionReference, link,
          absl::StrCat("'", target.id, "' is written in DTDL ", target.version,
                       ", and an element in DTDL ", owner_->version, " names it"),
          rule.older() ? "the version may be the same or older" : "the version must be the same");
    }
    if (target.standard) return;
    if (target.cls != Class::kInterface && target.partition != owner_->partition) {
      return Fail(code::kCrossPartitionReference, link,
                  absl::StrCat("'", link.reference, "' is defined in another Interface, ",
                               IdOf(*target.partition)),
                  "schemas and contents cannot be shared across Interfaces; define it here too");
    }
  }

  // A unit must be one of the kind that the element's quantitative type asks for.
  void CheckUnit(const AdjunctMember& member, const Link& link) {
    const Element& target = *link.element;
    for (const AdjunctType* type : owner_->cotypes) {
      if (type->semantic == nullptr) continue;
      const absl::string_view kind = type->semantic->unit_kind;
      const bool fits = target.unit != nullptr && target.unit->kind == kind &&
                        target.quantity_set == type->quantity_set;
      if (fits) continue;
      const absl::string_view code =
          type->quantity_set == QuantitySet::kCore2 ? code::kNotRequiredType : code::kWrongParent;
      std::string units;
      for (const Unit& unit : AllUnits()) {
        if (unit.kind != kind || !InSet(unit.sets, type->quantity_set)) continue;
        absl::StrAppend(&units, units.empty() ? "" : ", ", unit.name);
      }
      Fail(code, link,
           absl::StrCat("'", link.reference, "' is no '", member.name, "' of ", type->name),
           absl::StrCat("units of ", type->name, " are ", units));
      return;
    }
  }

  ParseState& state_;
  Element* owner_ = nullptr;
};

// What the link names; nullptr: nothing has defined it so far.
const Element* Known(const ParseState& state, Link* link) {
  if (link->element == nullptr) {
    const auto found = state.definitions.find(link->reference);
    if (found != state.definitions.end()) link->element = found->second;
  }
  return link->element;
}

// Marks the Interfaces that must wait: for what is not defined, or for one that waits itself.
void MarkWaiting(const ParseState& state, absl::Span<const Reference> references) {
  absl::flat_hash_map<const Element*, std::vector<Element*>> users;  // by what they name
  std::vector<const Element*> found;                                 // whose users are to be marked
  const auto mark = [&found](Element* interface) {
    if (interface->waiting) return;
    interface->waiting = true;
    found.push_back(interface);
  };
  for (const Reference& reference : references) {
    Element* const interface = reference.owner->partition;
    for (Link& link : reference.value->links) {
      if (interface->waiting) break;
      if (link.reference.empty()) continue;
      const Element* const element = Known(state, &link);
      if (element == nullptr) {
        mark(interface);
      } else if (!element->standard && element->partition != interface) {
        if (element->partition->waiting) {
          mark(interface);
        } else {
          users[element->partition].push_back(interface);
        }
      }
    }
  }
  while (!found.empty()) {
    const auto of = users.find(found.back());
    found.pop_back();
    if (of == users.end()) continue;
    for (Element* const interface : of->second) mark(interface);
  }
}

}  // namespace

void CollectMissingTargets(ParseState* state, const Element& interface) {
  for (const Link& link : interface.Links(Member::kContents)) {
    if (link.element == nullptr || link.element->cls != Class::kRelationship) continue;
    const MemberValue* const target = link.element->Find(Member::kTarget);
    if (target == nullptr || target->node == nullptr) continue;
    if (state->definitions.contains(target->node->text)) continue;
    state->missing_targets.push_back({link.element, target->node});
  }
}

namespace {

// A target need not be among the models. Where it is not, but another version of it is, that is
// likely to be a slip.
void WarnOfMissingTargets(ParseState* state) {
  absl::flat_hash_map<absl::string_view, const Element*> by_name;
  for (const auto& [relationship, target] : state->missing_targets) {
    const absl::string_view id = target->text;
    if (state->definitions.contains(id)) continue;
    if (by_name.empty()) {
      for (const Element* interface : state->interfaces) {
        by_name.emplace(SplitVersion(interface->id).id, interface);
      }
    }
    const auto other = by_name.find(SplitVersion(id).id);
    if (other == by_name.end()) continue;
    state->Warn(code::kDanglingTarget, PlaceOf(*relationship, *target), IdOf(*relationship),
                absl::StrCat("no model defines the target '", id, "'"),
                absl::StrCat("did you mean '", other->second->id, "'?"));
  }
}

}  // namespace

void ResolveKnown(ParseState* state, size_t first) {
  const auto references = absl::MakeConstSpan(state->references).subspan(first);
  MarkWaiting(*state, references);
  Resolver resolver(state);
  size_t kept = first;
  for (const Reference& reference : references) {
    if (reference.owner->partition->waiting) {
      state->references[kept++] = reference;
    } else {
      resolver.Resolve(reference);
    }
  }
  state->references.resize(kept);
}

void ResolveReferences(ParseState* state) {
  Resolver resolver(state);
  for (const Reference& reference : state->references) resolver.Resolve(reference);
  state->references.clear();
  WarnOfMissingTargets(state);
  std::sort(state->unresolved.begin(), state->unresolved.end());
  state->unresolved.erase(std::unique(state->unresolved.begin(), state->unresolved.end()),
                          state->unresolved.end());
}

}  // namespace twin::dtdl
