// Two versions of one value: its type, its traits, its texts. Internal to models/dtdl; diff.h is
// what others use, and has the rules.
#ifndef TWIN_MODELS_DTDL_DIFF_SCHEMA_H_
#define TWIN_MODELS_DTDL_DIFF_SCHEMA_H_

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/diff.h"
#include "models/dtdl/model.h"

namespace twin::dtdl {

// Where a comparison is.
struct DiffPlace {
  std::string path;
  absl::string_view noun;  // what stands there, for texts: "property"
  bool stored = true;      // twins keep a value here: Commands' payloads are not kept
  bool recorded = false;   // and its history

  DiffPlace Below(absl::string_view name, absl::string_view what) const {
    DiffPlace place = *this;
    place.path = path.empty() ? std::string(name) : absl::StrCat(path, ".", name);
    place.noun = what;
    return place;
  }
  DiffPlace Elements(absl::string_view brackets) const {
    DiffPlace place = *this;
    absl::StrAppend(&place.path, brackets);
    place.noun = "element";
    return place;
  }
  std::string Quoted() const { return absl::StrCat("'", path, "'"); }
  std::string Named() const { return absl::StrCat(noun, " '", path, "'"); }
};

// "integer", "array of double", "object".
std::string TypeName(const Schema& schema);

// What a value that must be there needs: "set property 'x' (string)".
std::string SetMigration(const DiffPlace& place, const Schema& schema);

// Items of two lists by their names; each list in its order.
template <typename Item>
struct Pairing {
  Pairing(const std::vector<const Item*>& before, const std::vector<const Item*>& after) {
    absl::flat_hash_map<absl::string_view, const Item*> rest;
    for (const Item* item : after) rest.emplace(item->name, item);
    for (const Item* item : before) {
      const auto found = rest.find(item->name);
      if (found == rest.end()) {
        removed.push_back(item);
      } else {
        both.emplace_back(item, found->second);
        rest.erase(found);
      }
    }
    for (const Item* item : after) {
      if (rest.contains(item->name)) added.push_back(item);
    }
  }
  std::vector<std::pair<const Item*, const Item*>> both;
  std::vector<const Item*> removed, added;
};

// More removed or added names than this are not compared for renaming: cost grows with the product.
inline constexpr size_t kRenamesMax = 100;

// The added item that `removed` may have become: alike in name and otherwise the same; or nullptr.
template <typename Item, typename Same>
const Item* RenamedTo(const Item& removed, const Pairing<Item>& pairing, const Same& same) {
  if (pairing.removed.size() > kRenamesMax || pairing.added.size() > kRenamesMax) return nullptr;
  std::vector<absl::string_view> names;
  for (const Item* item : pairing.added) {
    const bool alike = !ClosestWord(removed.name, {item->name}).empty();
    if (alike && same(removed, *item)) names.push_back(item->name);
  }
  const std::string closest = ClosestWord(removed.name, names);
  for (const Item* item : pairing.added) {
    if (item->name == closest) return item;
  }
  return nullptr;
}

// Pointers to the items of a span of them.
template <typename Item>
std::vector<const Item*> PointersTo(absl::Span<const Item> items) {
  std::vector<const Item*> pointers;
  pointers.reserve(items.size());
  for (const Item& item : items) pointers.push_back(&item);
  return pointers;
}

// Something that an element is or is not, and what becoming one or the other means.
struct FlagRow {
  absl::string_view name;
  Compatibility when_set, when_cleared;
};

// Compares values and collects the changes.
class ValueComparison {
 public:
  struct Value {
    const Schema& schema;
    const ValueTraits& traits;
  };
  void CompareValue(const DiffPlace& place, const Value& before, const Value& after);
  void CompareDocumentation(const DiffPlace& place, const Documentation& before,
                            const Documentation& after, absl::string_view of = "");
  // Co-types that no member of the model stands for, and the members that they bring.
  void CompareExtensions(const DiffPlace& place, const Element* before, const Element* after,
                         absl::string_view of = "");

  // A word that may be missing: changing or removing it breaks, adding it does not.
  void CompareWord(const DiffPlace& place, absl::string_view what, absl::string_view before,
                   absl::string_view after, std::string migration = "");
  void CompareFlag(const DiffPlace& place, const FlagRow& row, bool before, bool after,
                   std::string migration = "");

  // A value that only the old has, or only the new.
  void Remove(const DiffPlace& place, absl::string_view migration, absl::string_view renamed);
  void AddValue(const DiffPlace& place, const Value& value);

  void Break(const DiffPlace& place, std::string what, std::string migration = "") {
    Add(Compatibility::kBreaking, place, std::move(what), std::move(migration));
  }
  void Extend(const DiffPlace& place, std::string what) {
    Add(Compatibility::kAdditive, place, std::move(what), "");
  }
  void Note(const DiffPlace& place, std::string what) {
    Add(Compatibility::kDocumentation, place, std::move(what), "");
  }
  void Add(Compatibility compatibility, const DiffPlace& place, std::string what,
           std::string migration);

  // Calls `compare` where two parts of the models meet for the first time. Where they meet again,
  // says that the same changed; inside themselves, nothing.
  template <typename Part, typename Compare>
  void Once(const Part& before, const Part& after, const DiffPlace& place, const Compare& compare) {
    const auto [found, first] =
        met_.try_emplace({&before, &after, place.stored, place.recorded}, Meeting{place.path});
    if (!first) return Repeat(place, found->second);
    Meeting& meeting = found->second;  // of a std::map: stays where it is
    const size_t begin = changes_.size();
    compare();
    meeting.Summarize(changes_, begin);
  }

  bool only_documentation() const;
  std::vector<ModelChange> TakeChanges();  // by path

 private:
  struct Meeting {
    std::string path;
    bool changed = false;  // not before the comparison has ended
    bool migrates = false;
    Compatibility worst = Compatibility::kDocumentation;
    void Summarize(const std::vector<ModelChange>& changes, size_t begin);
  };

  void CompareSchema(const DiffPlace& place, const Schema& before, const Schema& after,
                     bool required);
  void ChangeType(const DiffPlace& place, const Schema& before, const Schema& after, bool required);
  void CompareEnums(const DiffPlace& place, const Schema& before, const Schema& after);
  void CompareFields(const DiffPlace& place, const Schema& before, const Schema& after);
  void CompareTraits(const DiffPlace& place, const Value& before, const Value& after);
  void CompareUnits(const DiffPlace& place, const Value& before, const Value& after);
  void CompareBounds(const DiffPlace& place, const ValueTraits& before, const ValueTraits& after);
  void CompareScale(const DiffPlace& place, absl::string_view before, absl::string_view after);
  void ComparePrecision(const DiffPlace& place, int before, int after);
  void Repeat(const DiffPlace& place, const Meeting& meeting);

  std::vector<ModelChange> changes_;
  std::map<std::tuple<const void*, const void*, bool, bool>, Meeting> met_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_DIFF_SCHEMA_H_
