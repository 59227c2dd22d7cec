#include "models/dtdl/model.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "models/dtdl/dtmi.h"
#include "models/dtdl/element.h"
#include "models/dtdl/model_builder.h"
#include "models/dtdl/parse_state.h"
#include "models/dtdl/vocabulary.h"

namespace twin::dtdl {
namespace {

absl::string_view TextIn(absl::Span<const Text> texts, absl::string_view language) {
  for (const absl::string_view wanted : {language, absl::string_view("en")}) {
    for (const Text& text : texts) {
      if (text.language == wanted) return text.text;
    }
    for (const Text& text : texts) {  // "en" asks for "en-US" too
      if (absl::StartsWith(text.language, absl::StrCat(wanted, "-"))) return text.text;
    }
  }
  return texts.empty() ? absl::string_view() : texts.front().text;
}

}  // namespace

absl::string_view Documentation::DisplayName(absl::string_view language) const {
  return TextIn(display_names, language);
}

absl::string_view Documentation::Description(absl::string_view language) const {
  return TextIn(descriptions, language);
}

const Field* Schema::FindField(absl::string_view name) const {
  const auto found = std::lower_bound(
      fields_by_name.begin(), fields_by_name.end(), name,
      [](const Field* field, absl::string_view wanted) { return field->name < wanted; });
  return found == fields_by_name.end() || (*found)->name != name ? nullptr : *found;
}

const EnumValue* Schema::FindValue(absl::string_view text) const {
  if (!string_enum) return nullptr;
  const auto found = std::lower_bound(
      values_by_value.begin(), values_by_value.end(), text,
      [](const EnumValue* value, absl::string_view wanted) { return value->text < wanted; });
  return found == values_by_value.end() || (*found)->text != text ? nullptr : *found;
}

const EnumValue* Schema::FindValue(int number) const {
  if (string_enum) return nullptr;
  const auto found =
      std::lower_bound(values_by_value.begin(), values_by_value.end(), number,
                       [](const EnumValue* value, int wanted) { return value->number < wanted; });
  return found == values_by_value.end() || (*found)->number != number ? nullptr : *found;
}

const Content* Content::FindProperty(absl::string_view property) const {
  const auto found = absl::c_find_if(
      properties, [&](const Content& candidate) { return candidate.name == property; });
  return found == properties.end() ? nullptr : &*found;
}

const Content* Interface::Find(absl::string_view name) const {
  const auto found = std::lower_bound(
      contents.begin(), contents.end(), name,
      [](const Content* content, absl::string_view wanted) { return content->name < wanted; });
  return found == contents.end() || (*found)->name != name ? nullptr : *found;
}

ModelSet::ModelSet() : storage_(std::make_unique<Storage>()) {}
ModelSet::~ModelSet() = default;

const Interface* ModelSet::Find(absl::string_view id) const {
  const auto found = std::lower_bound(
      interfaces_.begin(), interfaces_.end(), id,
      [](const Interface* candidate, absl::string_view wanted) { return candidate->id < wanted; });
  return found == interfaces_.end() || (*found)->id != id ? nullptr : *found;
}

bool ModelSet::IsOfModel(const Interface& interface, absl::string_view id, bool exact) {
  if (exact || interface.id == id) return interface.id == id;
  const IdAndVersion wanted = SplitVersion(id);
  const auto matches = [&](const Interface& candidate) {
    const IdAndVersion own = SplitVersion(candidate.id);
    return own.id == wanted.id && own.version >= wanted.version;
  };
  return matches(interface) || absl::c_any_of(interface.ancestors, [&](const Interface* ancestor) {
           return matches(*ancestor);
         });
}

std::vector<const Interface*> ModelSet::OfModel(absl::string_view id) const {
  std::vector<const Interface*> found;
  for (const Interface* interface : interfaces_) {
    if (IsOfModel(*interface, id)) found.push_back(interface);
  }
  return found;
}

// --- Columns -------------------------------------------------------------------------------------

namespace {

// Whether fields lead from `from` to `to`.
bool FieldsLeadTo(const Schema& from, const Schema& to, absl::flat_hash_set<const Schema*>* seen) {
  return absl::c_any_of(from.fields, [&](const Field& field) {
    if (field.schema == &to) return true;
    return field.schema->kind == Class::kObject && seen->insert(field.schema).second &&
           FieldsLeadTo(*field.schema, to, seen);
  });
}

bool IsOneValue(const Schema& schema) {
  absl::flat_hash_set<const Schema*> seen;
  return schema.kind != Class::kObject || FieldsLeadTo(schema, schema, &seen);
}

struct Flattened {
  std::vector<ValuePath> paths;
  std::vector<ValuePath> objects;
};

void AppendPaths(const std::string& path, const Content& content, const Schema& schema,
                 const ValueTraits& traits, Flattened* to) {
  if (to->paths.size() >= static_cast<size_t>(kFlattenedPathsMax) || IsOneValue(schema)) {
    to->paths.push_back({path, &content, &schema, traits});
    return;
  }
  to->objects.push_back({path, &content, &schema, traits});
  for (const Field& field : schema.fields) {
    ValueTraits field_traits = field.traits;
    field_traits.historized = traits.historized;
    AppendPaths(absl::StrCat(path, ".", field.name), content, *field.schema, field_traits, to);
  }
}

void AppendContents(const std::string& prefix, const Interface& interface, Flattened* to) {
  for (const Content* content : interface.contents) {
    const std::string path = absl::StrCat(prefix, content->name);
    if (content->schema != nullptr) {
      AppendPaths(path, *content, *content->schema, content->traits, to);
    } else if (content->component != nullptr) {
      AppendContents(path + ".", *content->component, to);
    }
  }
}

}  // namespace

std::vector<ValuePath> ModelSet::FlattenPaths(const Interface& interface,
                                              std::vector<ValuePath>* objects) {
  Flattened flattened;
  AppendContents("", interface, &flattened);
  if (objects != nullptr) *objects = std::move(flattened.objects);
  return std::move(flattened.paths);
}

// --- Ids -----------------------------------------------------------------------------------------

std::string ModelSet::IdOf(const Schema& schema) { return twin::dtdl::IdOf(*schema.source); }
std::string ModelSet::IdOf(const Content& content) { return twin::dtdl::IdOf(*content.element); }

namespace {

// One step of a generated id below an element: "_contents:__speed" or "_schema".
const Element* StepDown(const Element& element, absl::string_view* segments) {
  for (const MemberValue& value : element.members) {
    if (value.rule == nullptr) continue;
    absl::string_view rest = *segments;
    if (!absl::ConsumePrefix(&rest, absl::StrCat(":_", value.rule->name))) continue;
    if (!rest.empty() && rest.front() != ':') continue;
    for (const Link& link : value.links) {
      absl::string_view after = rest;
      if (link.element == nullptr || !link.element->id.empty()) continue;
      if (value.rule->plural() &&
          (!absl::ConsumePrefix(&after, absl::StrCat(":__", link.element->name)) ||
           !(after.empty() || after.front() == ':'))) {
        continue;
      }
      *segments = after;
      return link.element;
    }
  }
  return nullptr;
}

}  // namespace

const Schema* ModelSet::FindSchema(absl::string_view id) const {
  const Element* element = Vocabulary::Get().FindElement(id);
  if (element == nullptr) {
    // A generated id is that of an element with an id of its own, and steps from there.
    const size_t generated = id.find(":_");
    const size_t version = id.rfind(';');
    std::string base(id);
    absl::string_view steps;
    if (generated != absl::string_view::npos) {
      const absl::string_view tail =
          version == absl::string_view::npos ? absl::string_view() : id.substr(version);
      base = absl::StrCat(id.substr(0, generated), tail);
      steps = id.substr(generated, id.size() - generated - tail.size());
    }
    const auto found = storage_->definitions.find(base);
    if (found == storage_->definitions.end()) return nullptr;
    element = found->second;
    while (!steps.empty()) {
      element = StepDown(*element, &steps);
      if (element == nullptr) return nullptr;
    }
  }
  if (element->cls == Class::kField || element->cls == Class::kMapValue) {
    element = element->One(Member::kSchema);
  }
  if (element == nullptr || !kSchemaClasses.Has(element->cls)) return nullptr;
  return FindBuiltSchema(*element);
}

}  // namespace twin::dtdl
