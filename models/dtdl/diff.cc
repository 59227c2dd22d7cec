#include "models/dtdl/diff.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/dtdl/diff_schema.h"
#include "models/dtdl/dtmi.h"

namespace twin::dtdl {
namespace {

constexpr FlagRow kWritable = {"writable", Compatibility::kAdditive, Compatibility::kBreaking};
constexpr FlagRow kNullable = {"nullable", Compatibility::kAdditive, Compatibility::kBreaking};

absl::string_view Noun(Class kind) {
  switch (kind) {
    case Class::kTelemetry:
      return "telemetry";
    case Class::kProperty:
      return "property";
    case Class::kCommand:
      return "command";
    case Class::kRelationship:
      return "relationship";
    default:
      return "component";
  }
}

// What a twin does with a content that the new model has not.
std::string RemoveMigration(const DiffPlace& place, Class kind) {
  if (kind == Class::kCommand) return "";
  if (kind == Class::kRelationship) return absl::StrCat("delete relationships ", place.Quoted());
  return absl::StrCat("remove ", place.Named());
}

// "add component 'bms' ('dtmi:com:example:Bms;1') with property 'bms.serial' (string)".
std::string AddMigration(const DiffPlace& place, const Interface& component) {
  std::vector<std::string> required;
  for (const Content* content : component.contents) {
    if (!content->traits.required) continue;
    required.push_back(absl::StrCat(place.Below(content->name, "property").Named(), " (",
                                    TypeName(*content->schema), ")"));
  }
  return absl::StrCat("add ", place.Named(), " ('", component.id, "')",
                      required.empty() ? "" : " with ", absl::StrJoin(required, ", "));
}

// The place of a content, and whether twins keep its values and their history.
DiffPlace PlaceOf(const DiffPlace& place, const Content& content) {
  DiffPlace below = place.Below(content.name, Noun(content.kind));
  below.stored &= content.kind != Class::kCommand;
  below.recorded = content.kind == Class::kTelemetry || content.traits.historized;
  return below;
}

std::string TargetText(absl::string_view target) {
  return target.empty() ? "any" : absl::StrCat("'", target, "'");
}

class ModelComparison {
 public:
  // `new_models` may be null: then nothing is known of Interfaces that the two do not lead to.
  explicit ModelComparison(const ModelSet* new_models) : new_models_(new_models) {}

  ModelDiff Compare(const Interface& before, const Interface& after) {
    CompareModelId(before, after);
    CompareInterface({}, before, after);
    return {std::string(before.id), std::string(after.id), values_.TakeChanges()};
  }

 private:
  using Contents = std::vector<const Content*>;

  void CompareModelId(const Interface& before, const Interface& after);
  void CompareInterface(const DiffPlace& place, const Interface& before, const Interface& after);
  void CompareAncestors(const DiffPlace& place, const Interface& before, const Interface& after);
  void CompareContents(const DiffPlace& place, const Contents& before, const Contents& after);
  void CompareContent(const DiffPlace& place, const Content& before, const Content& after);
  void CompareRelationship(const DiffPlace& place, const Content& before, const Content& after);
  void CompareTarget(const DiffPlace& place, absl::string_view before, absl::string_view after);
  void CompareMultiplicity(const DiffPlace& place, int before, int after);
  void CompareComponent(const DiffPlace& place, const Content& before, const Content& after);
  void ComparePayload(const DiffPlace& place, const Payload* before, const Payload* after);
  void AddContent(const DiffPlace& place, const Content& added);
  void ChangeKind(const DiffPlace& place, const Content& before, const Content& after);

  // Whether every twin that may be at the end of a relationship to `narrow` may be at that of one
  // to `wide`, as far as can be known.
  bool Admits(absl::string_view wide, absl::string_view narrow) const;

  const ModelSet* const new_models_;
  ValueComparison values_;
};

// --- Interfaces ----------------------------------------------------------------------------------

void ModelComparison::CompareModelId(const Interface& before, const Interface& after) {
  if (ModelSet::IsOfModel(after, before.id)) return;
  values_.Break({}, absl::StrCat("'", after.id, "' neither extends '", before.id,
                                 "' nor is a later version of it: IS_OF_MODEL('", before.id,
                                 "') does not hold any more"));
}

void ModelComparison::CompareInterface(const DiffPlace& place, const Interface& before,
                                       const Interface& after) {
  if (before.language_version != after.language_version) {
    values_.Note(place, absl::StrCat("version of DTDL changed from ", before.language_version,
                                     " to ", after.language_version));
  }
  values_.CompareDocumentation(place, before.documentation, after.documentation);
  values_.CompareExtensions(place, before.element, after.element);
  CompareAncestors(place, before, after);
  CompareContents(place, Contents(before.contents.begin(), before.contents.end()),
                  Contents(after.contents.begin(), after.contents.end()));
}

void ModelComparison::CompareAncestors(const DiffPlace& place, const Interface& before,
                                       const Interface& after) {
  for (const Interface* ancestor : before.ancestors) {
    if (ModelSet::IsOfModel(after, ancestor->id)) continue;
    values_.Break(place, absl::StrCat("extends '", ancestor->id, "' no more: IS_OF_MODEL('",
                                      ancestor->id, "') does not hold any more"));
  }
  for (const Interface* ancestor : after.ancestors) {
    if (ModelSet::IsOfModel(before, ancestor->id)) continue;
    values_.Extend(place, absl::StrCat("extends '", ancestor->id, "' now"));
  }
}

// --- Contents ------------------------------------------------------------------------------------

void ModelComparison::CompareContents(const DiffPlace& place, const Contents& before,
                                      const Contents& after) {
  const auto same = [&](const Content& a, const Content& b) {
    if (a.kind != b.kind) return false;
    ModelComparison comparison(new_models_);
    comparison.CompareContent({}, a, b);
    return comparison.values_.only_documentation();
  };
  const Pairing<Content> contents(before, after);
  for (const auto& [a, b] : contents.both) {
    if (a->kind != b->kind) {
      ChangeKind(place, *a, *b);
    } else {
      CompareContent(PlaceOf(place, *a), *a, *b);
    }
  }
  for (const Content* removed : contents.removed) {
    const DiffPlace below = PlaceOf(place, *removed);
    const Content* const renamed = RenamedTo(*removed, contents, same);
    values_.Remove(below, RemoveMigration(below, removed->kind),
                   renamed == nullptr ? "" : renamed->name);
  }
  for (const Content* added : contents.added) AddContent(PlaceOf(place, *added), *added);
}

void ModelComparison::CompareContent(const DiffPlace& place, const Content& before,
                                     const Content& after) {
  values_.CompareDocumentation(place, before.documentation, after.documentation);
  values_.CompareExtensions(place, before.element, after.element);
  values_.CompareFlag(place, kWritable, before.writable, after.writable);
  values_.CompareWord(place, "annotates", before.annotates, after.annotates);
  values_.CompareWord(place, "overrides", before.overrides, after.overrides);
  switch (before.kind) {
    case Class::kRelationship:
      return CompareRelationship(place, before, after);
    case Class::kComponent:
      return CompareComponent(place, before, after);
    case Class::kCommand:
      ComparePayload(place.Below("request", "request"), before.request, after.request);
      return ComparePayload(place.Below("response", "response"), before.response, after.response);
    default:
      return values_.CompareValue(place, {*before.schema, before.traits},
                                  {*after.schema, after.traits});
  }
}

void ModelComparison::AddContent(const DiffPlace& place, const Content& added) {
  if (added.schema != nullptr) return values_.AddValue(place, {*added.schema, added.traits});
  if (added.component == nullptr) {
    return values_.Extend(place, absl::StrCat(place.noun, " added"));
  }
  values_.Break(place, "component added", AddMigration(place, *added.component));
}

// Another kind under the same name. One sentence, and a second one if the new one must be there.
void ModelComparison::ChangeKind(const DiffPlace& place, const Content& before,
                                 const Content& after) {
  const DiffPlace was = PlaceOf(place, before), is = PlaceOf(place, after);
  values_.Break(was, absl::StrCat("changed from ", was.noun, " to ", is.noun),
                RemoveMigration(was, before.kind));
  if (after.traits.required || after.component != nullptr) AddContent(is, after);
}

void ModelComparison::CompareRelationship(const DiffPlace& place, const Content& before,
                                          const Content& after) {
  CompareTarget(place, before.target, after.target);
  CompareMultiplicity(place, before.max_multiplicity, after.max_multiplicity);
  CompareContents(place, PointersTo(before.properties), PointersTo(after.properties));
}

void ModelComparison::CompareTarget(const DiffPlace& place, absl::string_view before,
                                    absl::string_view after) {
  if (before == after) return;
  const std::string change = absl::StrCat(TargetText(before), " to ", TargetText(after));
  if (Admits(after, before)) {
    return values_.Extend(place, absl::StrCat("target widened from ", change));
  }
  values_.Break(
      place,
      absl::StrCat(Admits(before, after) ? "target narrowed from " : "target changed from ",
                   change),
      absl::StrCat("retarget or delete relationships ", place.Quoted(),
                   " to twins that are not of ", TargetText(after)));
}

bool ModelComparison::Admits(absl::string_view wide, absl::string_view narrow) const {
  if (wide.empty()) return true;
  if (narrow.empty()) return false;
  const IdAndVersion a = SplitVersion(wide), b = SplitVersion(narrow);
  if (a.id == b.id && a.version <= b.version) return true;
  if (new_models_ == nullptr) return false;
  const std::vector<const Interface*> targets = new_models_->OfModel(narrow);
  return !targets.empty() && absl::c_all_of(targets, [&](const Interface* target) {
    return ModelSet::IsOfModel(*target, wide);
  });
}

void ModelComparison::CompareMultiplicity(const DiffPlace& place, int before, int after) {
  if (before == after) return;
  const auto text = [](int most) { return most == 0 ? "any number" : absl::StrCat(most); };
  const std::string what =
      absl::StrCat("maxMultiplicity changed from ", text(before), " to ", text(after));
  if (after == 0 || (before != 0 && before < after)) return values_.Extend(place, what);
  values_.Break(place, what,
                absl::StrCat("delete relationships ", place.Quoted(), " beyond ", after));
}

void ModelComparison::CompareComponent(const DiffPlace& place, const Content& before,
                                       const Content& after) {
  const Interface &a = *before.component, &b = *after.component;
  if (&a == &b) return;
  if (a.id != b.id) {
    const std::string what = absl::StrCat("model changed from '", a.id, "' to '", b.id, "'");
    const bool answers = ModelSet::IsOfModel(b, a.id);
    values_.Add(answers ? Compatibility::kAdditive : Compatibility::kBreaking, place, what, "");
  }
  values_.Once(a, b, place, [&] { CompareInterface(place, a, b); });
}

void ModelComparison::ComparePayload(const DiffPlace& place, const Payload* before,
                                     const Payload* after) {
  if (before == nullptr && after == nullptr) return;
  if (after == nullptr) return values_.Remove(place, "", "");
  if (before == nullptr) {
    const std::string what = absl::StrCat(place.noun, " added (", TypeName(*after->schema), ")");
    const bool optional = after->nullable;
    return values_.Add(optional ? Compatibility::kAdditive : Compatibility::kBreaking, place, what,
                       "");
  }
  values_.CompareWord(place, "name", before->name, after->name);
  values_.CompareDocumentation(place, before->documentation, after->documentation);
  values_.CompareFlag(place, kNullable, before->nullable, after->nullable);
  values_.CompareValue(place, {*before->schema, before->traits}, {*after->schema, after->traits});
}

// --- Sets ----------------------------------------------------------------------------------------

// Finds an Interface by its id, or the latest one that differs only in its version.
class Versions {
 public:
  explicit Versions(const ModelSet& models) : models_(models) {
    for (const Interface* interface : models.interfaces()) {
      const IdAndVersion id = SplitVersion(interface->id);
      const Interface*& latest = latest_[id.id];
      if (latest == nullptr || SplitVersion(latest->id).version < id.version) latest = interface;
    }
  }
  const Interface* Match(absl::string_view id) const {
    if (const Interface* const exact = models_.Find(id)) return exact;
    const auto found = latest_.find(SplitVersion(id).id);
    return found == latest_.end() ? nullptr : found->second;
  }

 private:
  const ModelSet& models_;
  absl::flat_hash_map<absl::string_view, const Interface*> latest_;
};

}  // namespace

absl::string_view CompatibilityName(Compatibility compatibility) {
  switch (compatibility) {
    case Compatibility::kDocumentation:
      return "documentation";
    case Compatibility::kAdditive:
      return "additive";
    case Compatibility::kBreaking:
      return "breaking";
  }
  return "";
}

Compatibility ModelDiff::compatibility() const {
  Compatibility worst = Compatibility::kDocumentation;
  for (const ModelChange& change : changes) worst = std::max(worst, change.compatibility);
  return worst;
}

Compatibility SetDiff::compatibility() const {
  if (!removed.empty()) return Compatibility::kBreaking;
  Compatibility worst = added.empty() ? Compatibility::kDocumentation : Compatibility::kAdditive;
  for (const ModelDiff& model : models) worst = std::max(worst, model.compatibility());
  return worst;
}

ModelDiff Diff(const Interface& old_model, const Interface& new_model) {
  return ModelComparison(nullptr).Compare(old_model, new_model);
}

SetDiff Diff(const ModelSet& old_models, const ModelSet& new_models) {
  SetDiff diff;
  const Versions old_versions(old_models), new_versions(new_models);
  std::vector<std::pair<const Interface*, const Interface*>> pairs;
  for (const Interface* before : old_models.interfaces()) {
    if (const Interface* const after = new_versions.Match(before->id)) {
      pairs.emplace_back(before, after);
    } else {
      diff.removed.emplace_back(before->id);
    }
  }
  for (const Interface* after : new_models.interfaces()) {
    const Interface* const before = old_versions.Match(after->id);
    if (before == nullptr) {
      diff.added.emplace_back(after->id);
    } else if (before->id != after->id && new_versions.Match(before->id) != after) {
      pairs.emplace_back(before, after);
    }
  }
  absl::c_sort(pairs, [](const auto& a, const auto& b) {
    return std::tie(a.first->id, a.second->id) < std::tie(b.first->id, b.second->id);
  });
  for (const auto& [before, after] : pairs) {
    ModelDiff model = ModelComparison(&new_models).Compare(*before, *after);
    if (before->id == after->id && model.changes.empty()) continue;
    diff.models.push_back(std::move(model));
  }
  return diff;
}

}  // namespace twin::dtdl
