#include "models/dtdl/check.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "models/dtdl/codes.h"
#include "models/dtdl/literals.h"

namespace twin::dtdl {
namespace {

// Element::mark while the graph is walked.
constexpr uint8_t kUnvisited = 0, kOnPath = 1, kDone = 2;

// References are followed this far and no further: twice what any bound of the language allows, so
// that what lies beyond is an error anyway, and a chain of a million links cannot use up the stack.
constexpr int kStepsMax = 64;

bool ByName(const Element* a, const Element* b) { return a->name < b->name; }

}  // namespace

class InterfaceChecker::Impl {
 public:
  explicit Impl(ParseState* state) : state_(*state) {}

  void Check(absl::Span<Element* const> interfaces) {
    for (Element* interface : interfaces) {
      too_deep_ = false;
      Inherit(interface, 0);
      if (!too_deep_) continue;
      Fail(code::kExcessiveDepthNarrow, *interface,
           absl::StrCat("Interfaces extend one another more than ", kStepsMax, " levels deep"),
           absl::StrCat("at most ", kExtendsDepth.of(interface->bounds), " are allowed"));
    }
    for (Element* interface : interfaces) {
      if (interface->broken) continue;
      CheckTree(interface, false);
      if (interface->broken || interface->unresolved || !interface->depth_known()) continue;
      CheckComponents(*interface);
      CheckSize(*interface);
      CheckAnnotations(&state_, *interface);
    }
  }

 private:
  void Fail(absl::string_view code, const Element& element, std::string message,
            std::string hint = "") {
    state_.Error(code, PlaceOf(element), IdOf(element), std::move(message), std::move(hint),
                 element.partition);
  }

  void FailAt(absl::string_view code, const Element& element, TextRange at, std::string message,
              std::string hint) {
    state_.Error(code, PlaceOf(element, at), IdOf(element), std::move(message), std::move(hint),
                 element.partition);
  }

  // --- Inheritance ---

  // Collects the contents of an Interface, those of its bases first. An Interface above which
  // something is broken gets no list and is not checked further.
  void Inherit(Element* interface, int steps) {
    if (interface->mark != kUnvisited) return;
    if (steps > kStepsMax) {
      too_deep_ = true;
      return;
    }
    interface->mark = kOnPath;
    const absl::Span<Link> bases = interface->Links(Member::kExtends);
    if (!interface->broken) SortOwnContents(interface);
    bool known = !interface->broken && !interface->unresolved;
    int depth = 0;
    int64_t total = static_cast<int64_t>(bases.size());
    for (const Link& link : bases) {
      Element* const base = link.element;
      if (base == nullptr) {
        known = false;
        continue;
      }
      if (base->mark == kOnPath) {
        FailAt(code::kRecursiveStructureNarrow, *interface, link.at,
               absl::StrCat("the Interface extends itself, through '", IdOf(*base), "'"),
               "remove one \"extends\" of the circle");
        known = false;
        continue;
      }
      Inherit(base, steps + 1);
      if (!base->depth_known()) {
        known = false;
        continue;
      }
      depth = std::max(depth, base->depth + 1);
      total += base->extends_total;
    }
    interface->mark = kDone;
    if (!known || interface->broken) return;
    interface->depth = depth;
    interface->extends_total = static_cast<int32_t>(std::min<int64_t>(total, INT32_MAX));
    const int depth_max = kExtendsDepth.of(interface->bounds);
    if (depth > depth_max) {
      Fail(code::kExcessiveDepthNarrow, *interface,
           absl::StrCat("Interfaces extend one another ", depth, " levels deep"),
           absl::StrCat("at most ", depth_max, " are allowed"));
    }
    const int total_max = kExtendsTotal.of(interface->bounds);
    if (total_max > 0 && total > total_max) {
      Fail(code::kExcessiveCount, *interface,
           absl::StrCat("the Interface and those above it have ", total, " values of \"extends\""),
           absl::StrCat("at most ", total_max, " are allowed"));
    }
    MergeContents(interface, bases);
  }

  // An Interface's own contents by name: what it has until its bases are known.
  void SortOwnContents(Element* interface) {
    merged_.clear();
    for (const Link& link : interface->Links(Member::kContents)) {
      if (link.element != nullptr) merged_.push_back(link.element);
    }
    std::stable_sort(merged_.begin(), merged_.end(), ByName);
    CheckUniqueNames(*interface, Member::kContents, merged_);
    const absl::Span<Element*> contents = state_.arena->NewArray<Element*>(merged_.size());
    absl::c_copy(merged_, contents.begin());
    interface->contents = contents;
  }

  void MergeContents(Element* interface, absl::Span<const Link> bases) {
    const size_t own = interface->contents.size();
    merged_.assign(interface->contents.begin(), interface->contents.end());
    for (const Link& link : bases) {
      scratch_.clear();
      std::merge(merged_.begin(), merged_.end(), link.element->contents.begin(),
                 link.element->contents.end(), std::back_inserter(scratch_), ByName);
      std::swap(merged_, scratch_);
    }
    if (!bases.empty()) CheckImportedNames(*interface);
    const int limit = kContentsCount.of(interface->bounds);
    if (limit > 0 && merged_.size() > static_cast<size_t>(limit) &&
        own <= static_cast<size_t>(limit)) {
      Fail(code::kObjectCountAboveMax, *interface,
           absl::StrCat("the Interface has ", merged_.size(), " contents, inherited ones included"),
           absl::StrCat("at most ", limit, " are allowed"));
    }
    if (bases.empty()) return;
    const absl::Span<Element*> contents = state_.arena->NewArray<Element*>(merged_.size());
    absl::c_copy(merged_, contents.begin());
    interface->contents = contents;
  }

  // `elements` are sorted by name.
  void CheckUniqueNames(const Element& owner, Member member,
                        const std::vector<Element*>& elements) {
    for (size_t i = 1; i < elements.size(); ++i) {
      if (elements[i]->name != elements[i - 1]->name || elements[i]->name.empty()) continue;
      if (elements[i] == elements[i - 1]) continue;
      FailUnique(owner, member, *elements[i], elements[i]->name_at, "name", elements[i]->name);
    }
  }

  void FailUnique(const Element& owner, Member member, const Element& second, TextRange at,
                  absl::string_view what, absl::string_view value) {
    const Place place = at.empty() ? PlaceOf(second) : PlaceOf(second, at);
    state_.Error(code::kNonUniquePropertyValue, place, IdOf(owner),
                 absl::StrCat("two of the '", MemberName(member), "' of ", Describe(owner),
                              " have the ", what, " '", value, "'"),
                 absl::StrCat("each ", what, " may stand once"), owner.partition);
  }

  // One name must mean one element; the same element may come along several ways.
  void CheckImportedNames(const Element& interface) {
    size_t kept = 0;
    for (size_t i = 0; i < merged_.size(); ++i) {
      Element* const element = merged_[i];
      bool same = false;
      for (size_t j = kept; j > 0 && merged_[j - 1]->name == element->name; --j) {
        same |= merged_[j - 1] == element;
      }
      if (same) continue;
      if (kept > 0 && merged_[kept - 1]->name == element->name &&
          (merged_[kept - 1]->parent != &interface || element->parent != &interface)) {
        const Element& other = element->parent == &interface ? *merged_[kept - 1] : *element;
        const Element& mine = &other == element ? *merged_[kept - 1] : *element;
        state_.Error(
            code::kNonUniqueImportedPropertyValue,
            mine.parent == &interface ? PlaceOf(mine) : PlaceOf(interface), IdOf(interface),
            absl::StrCat("the name '", element->name, "' is inherited from '", IdOf(*other.parent),
                         "' and defined by '", IdOf(*mine.parent), "' too"),
            "an inherited name cannot be defined again; choose another one", interface.partition);
      }
      merged_[kept++] = element;
    }
    merged_.resize(kept);
  }

  // --- One Interface, element by element ---

  // Visits an element and what is written inside it. `reported`: a schema around it is already
  // known to be nested too deep.
  void CheckTree(Element* element, bool reported) {
    CheckSets(*element);
    if (element->cls == Class::kEnum) CheckEnum(*element);
    if (kComplexSchemas.Has(element->cls)) reported |= !CheckSchema(element, reported);
    if (element->cls == Class::kProperty && element->version == 2) CheckNoArray(*element);
    if (!element->cotypes.empty()) CheckCotypes(&state_, *element);
    for (const MemberValue& value : element->members) {
      for (const Link& link : value.links) {
        if (!link.reference.empty() || link.element == nullptr) continue;
        if (link.element->cls == Class::kInterface) continue;  // has its own turn
        CheckTree(link.element, reported);
      }
    }
  }

  void CheckSets(const Element& element) {
    for (const Member member : {Member::kProperties, Member::kFields, Member::kEnumValues}) {
      const MemberValue* const value = element.Find(member);
      if (value == nullptr) continue;
      std::vector<Element*> elements;
      for (const Link& link : value->links) {
        if (link.element != nullptr) elements.push_back(link.element);
      }
      std::stable_sort(elements.begin(), elements.end(), ByName);
      CheckUniqueNames(element, member, elements);
      CheckUniqueMembers(element, member, value->links);
    }
    if (const MemberValue* contents = element.Find(Member::kContents)) {
      CheckUniqueMembers(element, Member::kContents, contents->links);
    }
  }

  // Members of co-types that no two elements of a set may share, such as an index.
  void CheckUniqueMembers(const Element& owner, Member member, absl::Span<const Link> links) {
    std::vector<UniqueValue> values;
    for (const Link& link : links) {
      if (link.element == nullptr) continue;
      for (const MemberValue& value : link.element->members) {
        if (value.adjunct == nullptr || !value.adjunct->unique || value.node == nullptr) continue;
        const std::optional<int> number = ToInt32(*value.node);
        values.push_back({value.adjunct->name, number.has_value() ? "" : value.node->text,
                          link.element, value.node, number.value_or(0)});
      }
    }
    FailRepeated(owner, member, &values);
  }

  // A value that no two elements of a set may share.
  struct UniqueValue {
    absl::string_view member, text;
    const Element* element = nullptr;
    const JsonNode* node = nullptr;
    int number = 0;
  };

  void FailRepeated(const Element& owner, Member member, std::vector<UniqueValue>* values) {
    std::stable_sort(
        values->begin(), values->end(), [](const UniqueValue& a, const UniqueValue& b) {
          return std::tie(a.member, a.number, a.text) < std::tie(b.member, b.number, b.text);
        });
    for (size_t i = 1; i < values->size(); ++i) {
      const UniqueValue& value = (*values)[i];
      const UniqueValue& before = (*values)[i - 1];
      if (std::tie(value.member, value.number, value.text) !=
          std::tie(before.member, before.number, before.text)) {
        continue;
      }
      FailUnique(owner, member, *value.element, value.node->range(), value.member,
                 value.text.empty() ? absl::StrCat(value.number) : std::string(value.text));
    }
  }

  void CheckEnum(const Element& element) {
    const Element* const schema = element.One(Member::kValueSchema);
    const MemberValue* const values = element.Find(Member::kEnumValues);
    if (schema == nullptr || values == nullptr) return;
    std::vector<UniqueValue> seen;
    for (const Link& link : values->links) {
      if (link.element == nullptr) continue;
      const MemberValue* const value = link.element->Find(Member::kEnumValue);
      if (value == nullptr || value->node == nullptr) continue;
      const bool fits = schema->cls == Class::kInteger ? ToInt32(*value->node).has_value()
                                                       : value->node->is_string();
      if (!fits) {
        state_.Error(code::kNonConformantDatatype, PlaceOf(*link.element, *value->node),
                     IdOf(*link.element),
                     absl::StrCat("the value ",
                                  value->node->is_boolean() ? "of a boolean" : value->node->text,
                                  " is not of the Enum's schema"),
                     schema->cls == Class::kInteger ? "it must be an integer of 32 bits"
                                                    : "it must be a string",
                     element.partition);
        continue;
      }
      const absl::string_view text = value->node->text;
      const int number = schema->cls == Class::kInteger ? *ToInt32(*value->node) : 0;
      seen.push_back({MemberName(Member::kEnumValue), schema->cls == Class::kInteger ? "" : text,
                      link.element, value->node, number});
    }
    FailRepeated(element, Member::kEnumValues, &seen);
  }

  // --- Schemas ---

  // The schemas one step below a complex schema.
  template <typename Visit>
  static void ForEachSchemaBelow(const Element& schema, Visit visit) {
    switch (schema.cls) {
      case Class::kArray:
        visit(schema.One(Member::kElementSchema));
        break;
      case Class::kMap:
        for (const Member member : {Member::kMapKey, Member::kMapValue}) {
          if (const Element* part = schema.One(member)) visit(part->One(Member::kSchema));
        }
        break;
      case Class::kObject:
        for (const Link& link : schema.Links(Member::kFields)) {
          if (link.element != nullptr) visit(link.element->One(Member::kSchema));
        }
        break;
      default:
        break;
    }
  }

  SchemaFacts FactsOf(Element* schema, int steps = 0) {
    if (steps > kStepsMax) return {.depth = kStepsMax, .mark = kDone};
    // Elements of the language are shared with other parses.
    const bool shared = schema->standard;
    SchemaFacts& facts = shared ? standard_schemas_[schema] : schema->schema;
    if (facts.mark != kUnvisited) return facts;
    SchemaFacts found;
    found.has_array = schema->cls == Class::kArray;
    facts.mark = kOnPath;
    ForEachSchemaBelow(*schema, [&](Element* below) {
      if (below == nullptr) return;
      const SchemaFacts lower = FactsOf(below, steps + 1);
      if (lower.mark == kOnPath) {
        found.recursive = true;
        return;
      }
      found.depth = std::max(found.depth, lower.depth + 1);
      found.has_array |= lower.has_array;
    });
    found.mark = kDone;
    return (shared ? standard_schemas_[schema] : schema->schema) = found;
  }

  // Returns false when the schema is nested too deep.
  bool CheckSchema(Element* schema, bool reported) {
    const SchemaFacts facts = FactsOf(schema);
    if (facts.recursive && schema->version < 4) {
      Fail(code::kRecursiveStructureWide, *schema,
           absl::StrCat("the ", ClassName(schema->cls), " contains itself"),
           "DTDL 4 allows that, earlier versions do not");
    }
    const int limit = kSchemaDepth.of(schema->bounds);
    if (facts.depth <= limit) return true;
    if (!reported) {
      Fail(code::kExcessiveDepthWide, *schema,
           absl::StrCat("schemas are nested ",
                        facts.depth < kStepsMax ? absl::StrCat(facts.depth)
                                                : absl::StrCat("more than ", kStepsMax),
                        " levels deep here"),
           absl::StrCat("at most ", limit, " are allowed"));
    }
    return false;
  }

  void CheckNoArray(const Element& property) {
    Element* const schema = property.One(Member::kSchema);
    if (schema == nullptr || !FactsOf(schema).has_array) return;
    Fail(code::kExcludedType, property,
         absl::StrCat(Describe(property), " has an Array in its schema"),
         "DTDL 2 allows arrays and geospatial schemas in Telemetry only; use DTDL 3");
  }

  // --- Components, size ---

  // A Component's Interface must not have Components.
  void CheckComponents(const Element& interface) {
    for (const Link& link : interface.Links(Member::kContents)) {
      const Element& component = *link.element;
      if (component.cls != Class::kComponent) continue;
      const Element* const schema = component.One(Member::kSchema);
      if (schema == nullptr) continue;
      for (const Element* inner : schema->contents) {
        if (inner->cls != Class::kComponent) continue;
        FailAt(code::kExcludedType, component, component.Links(Member::kSchema).front().at,
               absl::StrCat(Describe(component), " has an Interface that has Components itself, '",
                            inner->name, "'"),
               "Components cannot be nested; use a Relationship");
        break;
      }
    }
  }

  void CheckSize(Element& interface) {
    const int total_max = kElementTotal.of(interface.bounds);
    if (total_max > 0) {
      const int64_t total = CountBelow(interface);
      if (total > total_max) {
        Fail(code::kExcessiveCount, interface,
             absl::StrCat("the Interface holds ",
                          total < kEnough ? absl::StrCat(total) : "far too many", " elements"),
             absl::StrCat("at most ", total_max, " are allowed"));
      }
    }
    const int bytes_max = kInterfaceBytes.of(interface.bounds);
    const TextRange at = interface.at;
    if (bytes_max == 0 || at.end - at.begin <= static_cast<uint32_t>(bytes_max)) return;
    const int64_t bytes = int64_t{at.end} - at.begin - InlineInterfaceBytes(interface);
    if (bytes <= bytes_max) return;
    Fail(code::kPartitionTooLarge, interface,
         absl::StrCat("the text of the Interface is ", bytes, " bytes long"),
         absl::StrCat("at most ", bytes_max, " are allowed"));
  }

  static constexpr int64_t kEnough = int64_t{1} << 40;  // however often something is shared

  // Elements below, as the limit counts them: values of the members that lead to contents and
  // schemas, standard schemas included, each time that they are named.
  int64_t CountBelow(Element& element, int steps = 0) {
    if (element.standard && !kComplexSchemas.Has(element.cls)) return 0;
    if (steps > 4 * kStepsMax) return 0;  // a content, payloads and fields take steps too
    // Elements of the language are shared with other parses.
    int64_t& total = element.standard ? standard_totals_.emplace(&element, -1).first->second
                                      : element.total_below;
    if (total >= 0) return total;
    total = 0;  // while on the path
    int64_t count = 0;
    const auto add = [&](Element* below) {
      if (below != nullptr) count += 1 + CountBelow(*below, steps + 1);
    };
    if (element.cls == Class::kInterface) {
      for (Element* content : element.contents) add(content);
    } else {
      for (const MemberValue& value : element.members) {
        if (value.rule == nullptr) continue;
        switch (value.rule->member) {
          case Member::kFields:
          case Member::kEnumValues:
          case Member::kRequest:
          case Member::kResponse:
          case Member::kProperties:
          case Member::kSchema:
          case Member::kElementSchema:
          case Member::kMapValue:
            for (const Link& link : value.links) add(link.element);
            break;
          default:
            break;
        }
      }
    }
    count = std::min(count, kEnough);
    (element.standard ? standard_totals_[&element] : element.total_below) = count;
    return count;
  }

  static int64_t InlineInterfaceBytes(const Element& element) {
    int64_t bytes = 0;
    for (const MemberValue& value : element.members) {
      for (const Link& link : value.links) {
        if (!link.reference.empty() || link.element == nullptr) continue;
        const Element& below = *link.element;
        bytes += below.cls == Class::kInterface ? int64_t{below.at.end} - below.at.begin
                                                : InlineInterfaceBytes(below);
      }
    }
    return bytes;
  }

  ParseState& state_;
  bool too_deep_ = false;  // Inherit gave up somewhere above
  std::vector<Element*> merged_, scratch_;
  absl::flat_hash_map<const Element*, SchemaFacts> standard_schemas_;
  absl::flat_hash_map<const Element*, int64_t> standard_totals_;
};

InterfaceChecker::InterfaceChecker(ParseState* state) : impl_(std::make_unique<Impl>(state)) {}
InterfaceChecker::~InterfaceChecker() = default;

void InterfaceChecker::Check(absl::Span<Element* const> interfaces) { impl_->Check(interfaces); }

}  // namespace twin::dtdl
