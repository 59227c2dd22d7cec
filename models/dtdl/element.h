// The syntax tree of models: elements as they were written, with the values of their members.
// Internal to models/dtdl; model.h has what the rest of the system uses.
#ifndef TWIN_MODELS_DTDL_ELEMENT_H_
#define TWIN_MODELS_DTDL_ELEMENT_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "models/dtdl/arena.h"
#include "models/dtdl/extensions.h"
#include "models/dtdl/json.h"
#include "models/dtdl/metamodel.h"
#include "models/dtdl/quantities.h"

namespace twin::dtdl {

struct Element;

// One value of a member that holds elements: written in place, or named by a reference.
struct Link {
  TextRange at;
  absl::string_view reference;  // of a reference: the id or term, as written
  Element* element = nullptr;   // of a reference: nullptr until it is resolved
};

// A member of an element as it was written. One of `rule` and `adjunct` is set. Nodes are copies in
// the arena: the tree of a text is gone when its elements have been read. A name is in
// Element::name alone.
struct MemberValue {
  const MemberRule* rule = nullptr;
  const AdjunctMember* adjunct = nullptr;
  const JsonNode* node = nullptr;  // a literal: the scalar, also when a value object wraps it
  absl::Span<Link> links;          // elements
};

// What the schemas below a schema come to.
struct SchemaFacts {
  int depth = 0;           // steps to the deepest one
  bool recursive = false;  // leads back to itself
  bool has_array = false;  // is or contains an Array
  uint8_t mark = 0;
};

struct Element {
  Class cls = Class::kNone;
  uint8_t version = 2;  // of the language
  Bounds bounds = Bounds::kV2;
  bool informal = false;    // has a co-type that no known extension defines
  bool standard = false;    // defined by the language or an extension, not by a model
  bool broken = false;      // an error was reported in it (for an Interface: anywhere inside)
  bool unresolved = false;  // Interface: something in it refers to what no text defines
  bool waiting = false;     // Interface: it refers to what no text has defined so far
  uint32_t document = 0;    // index of the text that it stands in
  TextRange at;
  TextRange id_at;       // the value of "@id", if written
  TextRange name_at;     // the value of "name", if written
  absl::string_view id;  // as written, or empty: see IdOf
  absl::string_view name;
  Element* parent = nullptr;
  const MemberRule* role = nullptr;  // the member of the parent that holds it
  Element* partition = nullptr;      // the Interface around it, itself for an Interface
  absl::Span<const AdjunctType* const> cotypes;
  absl::Span<MemberValue> members;

  // Standard elements that are a unit, or the enumeration of the units of one kind.
  const Unit* unit = nullptr;
  const UnitKind* unit_kind = nullptr;
  QuantitySet quantity_set = QuantitySet::kCore2;

  // Marks of the checks that walk the graph, and what they found; see check.cc.
  uint8_t mark = 0;
  int32_t depth = -1;         // Interface: of "extends" above it; -1 while it is not known
  int32_t extends_total = 0;  // Interface: values of "extends" in it and above it
  SchemaFacts schema;         // a schema
  int64_t total_below = -1;   // elements below, as the limit counts them; -1 while not counted
  absl::Span<Element* const> contents;  // Interface: its own and inherited ones, by name
  void* built = nullptr;                // the object of model.h that was made from it

  bool depth_known() const { return depth >= 0; }

  const MemberValue* Find(Member member) const {
    for (const MemberValue& value : members) {
      if (value.rule != nullptr && value.rule->member == member) return &value;
    }
    return nullptr;
  }
  // The element of a singular member, or nullptr when it is missing or not resolved.
  Element* One(Member member) const {
    const MemberValue* value = Find(member);
    return value == nullptr || value->links.empty() ? nullptr : value->links.front().element;
  }
  absl::Span<Link> Links(Member member) const {
    const MemberValue* value = Find(member);
    return value == nullptr ? absl::Span<Link>() : value->links;
  }
  const MemberValue* Find(const AdjunctMember& member) const {
    for (const MemberValue& value : members) {
      if (value.adjunct == &member) return &value;
    }
    return nullptr;
  }
  bool HasCotype(absl::string_view type_id) const {
    for (const AdjunctType* type : cotypes) {
      if (type->id == type_id) return true;
    }
    return false;
  }
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_ELEMENT_H_
