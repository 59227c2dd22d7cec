#include "models/dtdl/model_builder.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "models/dtdl/literals.h"
#include "models/dtdl/vocabulary.h"

namespace twin::dtdl {
namespace {

// Schemas of the language's own elements are the same in every set: made once, for all of them.
class StandardSchemas {
 public:
  static const StandardSchemas& Get() {
    static const StandardSchemas* const schemas = new StandardSchemas();
    return *schemas;
  }
  const Schema* Find(const Element& element) const {
    const auto found = schemas_.find(&element);
    return found == schemas_.end() ? nullptr : found->second;
  }

 private:
  StandardSchemas() {
    for (Element* element : Vocabulary::Get().SchemaElements()) {
      schemas_.emplace(element, SchemaBuilder(&arena_).Make(element));
    }
  }

  Arena arena_;
  absl::flat_hash_map<const Element*, const Schema*> schemas_;
};

absl::string_view TextOf(const Element& element, const AdjunctMember& member) {
  const MemberValue* const value = element.Find(member);
  return value == nullptr || value->node == nullptr ? absl::string_view() : value->node->text;
}

// Most ids of a set begin alike, and reading them where they stand misses the caches: what follows
// the common beginning is compared first, eight bytes at a time.
void SortById(std::vector<const Interface*>* interfaces) {
  if (interfaces->empty()) return;
  absl::string_view common = interfaces->front()->id;
  for (const Interface* interface : *interfaces) {
    while (!absl::StartsWith(interface->id, common)) common.remove_suffix(1);
  }
  struct Key {
    uint64_t start;
    const Interface* interface;
  };
  std::vector<Key> keys;
  keys.reserve(interfaces->size());
  for (const Interface* interface : *interfaces) {
    uint64_t start = 0;
    const absl::string_view rest = interface->id.substr(common.size());
    for (size_t i = 0; i < sizeof(start); ++i) {
      start = start << 8 | (i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0);
    }
    keys.push_back({start, interface});
  }
  absl::c_sort(keys, [](const Key& a, const Key& b) {
    return a.start != b.start ? a.start < b.start : a.interface->id < b.interface->id;
  });
  absl::c_transform(keys, interfaces->begin(), [](const Key& key) { return key.interface; });
}

bool IsTrue(const Element& element, Member member) {
  const MemberValue* const value = element.Find(member);
  return value != nullptr && value->node != nullptr && value->node->kind == JsonKind::kTrue;
}

}  // namespace

const Schema* FindBuiltSchema(const Element& element) {
  if (element.standard) return StandardSchemas::Get().Find(element);
  return static_cast<const Schema*>(element.built);
}

// --- Schemas -------------------------------------------------------------------------------------

const Schema* SchemaBuilder::Make(Element* element) {
  if (element == nullptr) return nullptr;
  if (element->built != nullptr) return static_cast<const Schema*>(element->built);
  Schema* const schema = arena_.New<Schema>();
  element->built = schema;  // before what is below, which may lead back here
  schema->kind = element->cls;
  schema->source = element;
  schema->documentation = MakeDocumentation(*element);
  switch (element->cls) {
    case Class::kArray:
      schema->element = Below(*element, Member::kElementSchema);
      break;
    case Class::kMap:
      FillMap(*element, schema);
      break;
    case Class::kEnum:
      FillEnum(*element, schema);
      break;
    case Class::kObject:
      FillObject(*element, schema);
      break;
    default:
      break;
  }
  return schema;
}

const Schema* SchemaBuilder::Below(const Element& owner, Member member) {
  Element* const found = owner.One(member);
  // The language's own schemas refer to one another while they are being made.
  return found->standard && !owner.standard ? FindBuiltSchema(*found) : Make(found);
}

template <typename Item, typename Less>
absl::Span<const Item* const> SchemaBuilder::Sorted(absl::Span<const Item> items, Less less) {
  const absl::Span<const Item*> sorted = arena_.NewArray<const Item*>(items.size());
  for (size_t i = 0; i < items.size(); ++i) sorted[i] = &items[i];
  std::sort(sorted.begin(), sorted.end(), less);
  return sorted;
}

void SchemaBuilder::FillMap(const Element& element, Schema* schema) {
  const Element& value = *element.One(Member::kMapValue);
  schema->value_name = value.name;
  schema->value_traits = MakeTraits(value);
  schema->key_name = element.One(Member::kMapKey)->name;
  schema->element = Below(value, Member::kSchema);
}

void SchemaBuilder::FillEnum(const Element& element, Schema* schema) {
  const Element* const value_schema = element.One(Member::kValueSchema);
  schema->string_enum = value_schema->cls == Class::kString;
  const absl::Span<Link> links = element.Links(Member::kEnumValues);
  const absl::Span<EnumValue> values = arena_.NewArray<EnumValue>(links.size());
  for (size_t i = 0; i < links.size(); ++i) {
    const Element& from = *links[i].element;
    const JsonNode* const node = from.Find(Member::kEnumValue)->node;
    values[i].name = from.name;
    values[i].text = node->text;
    if (!schema->string_enum) values[i].number = *ToInt32(*node);
    values[i].documentation = MakeDocumentation(from);
    values[i].element = &from;
  }
  schema->values = values;
  schema->values_by_value = Sorted<EnumValue>(values, [&](const EnumValue* a, const EnumValue* b) {
    return schema->string_enum ? a->text < b->text : a->number < b->number;
  });
}

void SchemaBuilder::FillObject(const Element& element, Schema* schema) {
  const absl::Span<Link> links = element.Links(Member::kFields);
  const absl::Span<Field> fields = arena_.NewArray<Field>(links.size());
  for (size_t i = 0; i < links.size(); ++i) {
    const Element& from = *links[i].element;
    fields[i].name = from.name;
    fields[i].traits = MakeTraits(from);
    fields[i].documentation = MakeDocumentation(from);
    fields[i].element = &from;
    fields[i].schema = Below(from, Member::kSchema);
  }
  schema->fields = fields;
  schema->fields_by_name =
      Sorted<Field>(fields, [](const Field* a, const Field* b) { return a->name < b->name; });
}

Documentation SchemaBuilder::MakeDocumentation(const Element& element) {
  Documentation documentation;
  for (const MemberValue& value : element.members) {
    if (value.rule == nullptr || value.node == nullptr) continue;
    if (value.rule->member == Member::kDisplayName) {
      documentation.display_names = MakeTexts(&value);
    } else if (value.rule->member == Member::kDescription) {
      documentation.descriptions = MakeTexts(&value);
    } else if (value.rule->member == Member::kComment) {
      documentation.comment = value.node->text;
    }
  }
  return documentation;
}

absl::Span<const Text> SchemaBuilder::MakeTexts(const MemberValue* value) {
  constexpr absl::string_view kTextLanguage = "en";
  const JsonNode& node = *value->node;
  if (node.is_string()) {
    const absl::Span<Text> texts = arena_.NewArray<Text>(1);
    texts[0] = {kTextLanguage, node.text};
    return texts;
  }
  const absl::Span<Text> texts = arena_.NewArray<Text>(node.count);
  size_t i = 0;
  for (const JsonNode& item : Children(node)) {
    Text& text = texts[i++];
    if (node.is_object()) {
      text = {item.key, item.text};
    } else if (item.is_string()) {
      text = {kTextLanguage, item.text};
    } else {
      const JsonNode* const language = item.Find("@language");
      text = {language == nullptr ? kTextLanguage : language->text, item.Find("@value")->text};
    }
  }
  return texts;
}

ValueTraits SchemaBuilder::MakeTraits(const Element& element) {
  ValueTraits traits;
  for (const AdjunctType* type : element.cotypes) {
    if (type->name == kHistorizedName) traits.historized = true;
    if (type->name == kRequiredName) traits.required = true;
    if (type->semantic != nullptr) traits.semantic_type = type->semantic;
    for (const AdjunctMember* member : type->members) {
      const MemberValue* const value = element.Find(*member);
      if (value == nullptr) continue;
      if (member->value == AdjunctValue::kUnit && !value->links.empty()) {
        traits.unit = value->links.front().element->unit;
      } else if (value->node == nullptr) {
        continue;
      } else if (member->name == "minimum") {
        traits.minimum = value->node->text;
      } else if (member->name == "maximum") {
        traits.maximum = value->node->text;
      } else if (member->name == "scaleFactor") {
        traits.scale_factor = value->node->text;
      } else if (member->name == "decimalPlaces") {
        traits.decimal_places = *ToInt32(*value->node);
      }
    }
  }
  return traits;
}

absl::Span<const absl::string_view> SchemaBuilder::MakeCotypes(const Element& element) {
  const absl::Span<absl::string_view> names =
      arena_.NewArray<absl::string_view>(element.cotypes.size());
  for (size_t i = 0; i < names.size(); ++i) names[i] = element.cotypes[i]->name;
  return names;
}

// --- Interfaces ----------------------------------------------------------------------------------

void ModelBuilder::Add(absl::Span<Element* const> interfaces) {
  for (Element* element : interfaces) MakeInterface(element);
  for (const Element* element : interfaces) {
    FinishInterface(static_cast<Interface*>(element->built));
  }
  for (Content* component : components_) {
    component->component =
        static_cast<const Interface*>(component->element->One(Member::kSchema)->built);
  }
  components_.clear();
}

std::shared_ptr<const ModelSet> ModelBuilder::Finish() {
  std::shared_ptr<ModelSet> set(new ModelSet());
  set->interfaces_.reserve(state_.interfaces.size());
  for (const Element* element : state_.interfaces) {
    set->interfaces_.push_back(static_cast<const Interface*>(element->built));
  }
  SortById(&set->interfaces_);
  set->storage_->arena = std::move(state_.arena);
  set->storage_->definitions = std::move(state_.definitions);
  return set;
}

void ModelBuilder::MakeInterface(Element* element) {
  SchemaBuilder schemas(&arena_);
  Interface* const interface = arena_.New<Interface>();
  element->built = interface;
  interface->id = element->id;
  interface->language_version = element->version;
  interface->documentation = schemas.MakeDocumentation(*element);
  interface->cotypes = schemas.MakeCotypes(*element);
  interface->source = state_.TextAt(PlaceOf(*element, element->at));
  interface->element = element;
  const absl::Span<Link> links = element->Links(Member::kContents);
  const absl::Span<Content> contents = arena_.NewArray<Content>(links.size());
  const absl::Span<const Content*> own = arena_.NewArray<const Content*>(links.size());
  for (size_t i = 0; i < links.size(); ++i) {
    FillContent(*links[i].element, interface, &contents[i]);
    links[i].element->built = &contents[i];
    own[i] = &contents[i];
  }
  interface->own = own;
  // Schemas that nothing uses yet may be asked for by id.
  for (const Link& link : element->Links(Member::kSchemas)) {
    if (!link.element->standard) schemas.Make(link.element);
  }
}

void ModelBuilder::FillContent(const Element& element, const Interface* owner, Content* content) {
  SchemaBuilder schemas(&arena_);
  content->kind = element.cls;
  content->owner = owner;
  content->name = element.name;
  content->element = &element;
  content->documentation = schemas.MakeDocumentation(element);
  content->cotypes = schemas.MakeCotypes(element);
  content->traits = schemas.MakeTraits(element);
  content->writable = IsTrue(element, Member::kWritable);
  for (const AdjunctType* type : element.cotypes) {
    for (const AdjunctMember* member : type->members) {
      if (member->value == AdjunctValue::kSibling) content->annotates = TextOf(element, *member);
      if (member->value == AdjunctValue::kMemberName) content->overrides = TextOf(element, *member);
    }
  }
  switch (element.cls) {
    case Class::kTelemetry:
    case Class::kProperty: {
      Element* const schema = element.One(Member::kSchema);
      content->schema = schema->standard ? FindBuiltSchema(*schema) : schemas.Make(schema);
      return;
    }
    case Class::kCommand:
      content->request = MakePayload(element.One(Member::kRequest));
      content->response = MakePayload(element.One(Member::kResponse));
      return;
    case Class::kRelationship: {
      if (const MemberValue* target = element.Find(Member::kTarget)) {
        if (target->node != nullptr) content->target = target->node->text;
      }
      if (const MemberValue* most = element.Find(Member::kMaxMultiplicity)) {
        if (most->node != nullptr) content->max_multiplicity = *ToInt32(*most->node);
      }
      const absl::Span<Link> links = element.Links(Member::kProperties);
      const absl::Span<Content> properties = arena_.NewArray<Content>(links.size());
      for (size_t i = 0; i < links.size(); ++i) {
        FillContent(*links[i].element, owner, &properties[i]);
      }
      content->properties = properties;
      return;
    }
    case Class::kComponent:
      components_.push_back(content);
      return;
    default:
      return;
  }
}

const Payload* ModelBuilder::MakePayload(const Element* element) {
  if (element == nullptr) return nullptr;
  SchemaBuilder schemas(&arena_);
  Payload* const payload = arena_.New<Payload>();
  payload->name = element->name;
  payload->nullable = IsTrue(*element, Member::kNullable);
  payload->traits = schemas.MakeTraits(*element);
  payload->documentation = schemas.MakeDocumentation(*element);
  Element* const schema = element->One(Member::kSchema);
  payload->schema = schema->standard ? FindBuiltSchema(*schema) : schemas.Make(schema);
  return payload;
}

// What needs the other Interfaces: bases, ancestors, all contents.
void ModelBuilder::FinishInterface(Interface* interface) {
  const Element& element = *interface->element;
  const absl::Span<Link> links = element.Links(Member::kExtends);
  const absl::Span<const Interface*> bases = arena_.NewArray<const Interface*>(links.size());
  for (size_t i = 0; i < links.size(); ++i) {
    bases[i] = static_cast<const Interface*>(links[i].element->built);
  }
  interface->bases = bases;

  std::vector<const Element*> above;  // breadth first: nearest first
  const auto add_bases = [&](const Element& from) {
    for (const Link& link : from.Links(Member::kExtends)) {
      if (!absl::c_linear_search(above, link.element)) above.push_back(link.element);
    }
  };
  add_bases(element);
  for (size_t i = 0; i < above.size(); ++i) add_bases(*above[i]);
  const absl::Span<const Interface*> ancestors = arena_.NewArray<const Interface*>(above.size());
  for (size_t i = 0; i < above.size(); ++i) {
    ancestors[i] = static_cast<const Interface*>(above[i]->built);
  }
  interface->ancestors = ancestors;

  const absl::Span<const Content*> contents =
      arena_.NewArray<const Content*>(element.contents.size());
  for (size_t i = 0; i < contents.size(); ++i) {
    contents[i] = static_cast<const Content*>(element.contents[i]->built);
  }
  interface->contents = contents;
}

}  // namespace twin::dtdl
