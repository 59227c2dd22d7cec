// What ValueComparison says of a value beyond its type, and how it keeps what it found.
#include <algorithm>
#include <cmath>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "models/dtdl/diff_schema.h"
#include "models/dtdl/element.h"
#include "models/dtdl/extensions.h"
#include "models/dtdl/values.h"

namespace twin::dtdl {
namespace {

// --- Units ---------------------------------------------------------------------------------------

// "value * 1000", "value - 273.15", "value" for units of the same size; "" where nothing converts.
std::string Conversion(const Unit& before, const Unit& after) {
  const absl::StatusOr<double> shift = ConvertUnit(0, before.name, after.name);
  if (!shift.ok()) return "";
  std::string text = "value";
  const double ratio = before.factor / after.factor;
  if (ratio != 1) absl::StrAppendFormat(&text, " * %.15g", ratio);
  if (*shift > 0) absl::StrAppendFormat(&text, " + %.15g", *shift);
  if (*shift < 0) absl::StrAppendFormat(&text, " - %.15g", -*shift);
  return text;
}

constexpr ClassSet kIntegers = {
    Class::kByte,         Class::kShort,         Class::kInteger,         Class::kLong,
    Class::kUnsignedByte, Class::kUnsignedShort, Class::kUnsignedInteger, Class::kUnsignedLong};

bool IsWhole(double number) { return number == std::floor(number); }

// Whether converted integers may need rounding.
bool Rounds(const Unit& before, const Unit& after) {
  return !IsWhole(before.factor / after.factor) ||
         !IsWhole(ConvertUnit(0, before.name, after.name).value_or(0));
}

// A bound in another unit, to the 12 digits that conversion keeps; empty where nothing converts.
std::string BoundIn(absl::string_view bound, const Unit* before, const Unit* after) {
  double number = 0;
  if (before == nullptr || after == nullptr || before == after ||
      !absl::SimpleAtod(bound, &number)) {
    return std::string(bound);
  }
  const absl::StatusOr<double> converted = ConvertUnit(number, before->name, after->name);
  return converted.ok() ? absl::StrFormat("%.12g", *converted) : "";
}

struct BoundRow {
  absl::string_view name;
  absl::string_view ValueTraits::*bound;
  int narrower;  // the sign of a change that leaves fewer values
  absl::string_view beyond;
};
constexpr BoundRow kBounds[] = {
    {"minimum", &ValueTraits::minimum, 1, "less than"},
    {"maximum", &ValueTraits::maximum, -1, "greater than"},
};

// --- Extensions ----------------------------------------------------------------------------------

// Types and members of extensions that ValueTraits or Content stand for, so that rows of their own
// compare them.
constexpr absl::string_view kComparedTypes[] = {
    kHistorizedName, kRequiredName, kLimitedName,       kPreciseName,
    kAnnotationName, kOverrideName, "ScaledStatically",
};
constexpr absl::string_view kComparedMembers[] = {
    "annotates", "decimalPlaces", "maximum", "minimum", "overrides", "scaleFactor", "unit"};

// What other extensions say of an element: "type Indexed" and "index" with its value.
std::map<std::string, std::string> ExtensionWords(const Element* element) {
  std::map<std::string, std::string> words;
  if (element == nullptr) return words;
  for (const AdjunctType* type : element->cotypes) {
    if (type->semantic != nullptr || absl::c_linear_search(kComparedTypes, type->name)) continue;
    words.emplace(absl::StrCat("type ", type->name), "");
  }
  for (const MemberValue& member : element->members) {
    if (member.adjunct == nullptr || member.node == nullptr) continue;
    if (absl::c_linear_search(kComparedMembers, member.adjunct->name)) continue;
    words.emplace(member.adjunct->name, member.node->text);
  }
  return words;
}

// --- Rows and texts ------------------------------------------------------------------------------

constexpr FlagRow kRequired = {"Required", Compatibility::kBreaking, Compatibility::kAdditive};
constexpr FlagRow kHistorized = {"Historized", Compatibility::kAdditive, Compatibility::kBreaking};

bool SameTexts(absl::Span<const Text> before, absl::Span<const Text> after) {
  return absl::c_equal(before, after, [](const Text& a, const Text& b) {
    return a.language == b.language && a.text == b.text;
  });
}

}  // namespace

// --- Changes -------------------------------------------------------------------------------------

void ValueComparison::Add(Compatibility compatibility, const DiffPlace& place, std::string what,
                          std::string migration) {
  if (!place.stored) migration.clear();
  changes_.push_back({compatibility, place.path, std::move(what), std::move(migration)});
}

void ValueComparison::Meeting::Summarize(const std::vector<ModelChange>& changes, size_t begin) {
  for (size_t i = begin; i < changes.size(); ++i) {
    changed = true;
    migrates |= !changes[i].migration.empty();
    worst = std::max(worst, changes[i].compatibility);
  }
}

void ValueComparison::Repeat(const DiffPlace& place, const Meeting& meeting) {
  if (!meeting.changed) return;
  Add(meeting.worst, place, absl::StrCat("changed as '", meeting.path, "' did"),
      meeting.migrates ? absl::StrCat("as for '", meeting.path, "'") : "");
}

bool ValueComparison::only_documentation() const {
  return absl::c_all_of(changes_, [](const ModelChange& change) {
    return change.compatibility == Compatibility::kDocumentation;
  });
}

std::vector<ModelChange> ValueComparison::TakeChanges() {
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const ModelChange& a, const ModelChange& b) { return a.path < b.path; });
  return std::move(changes_);
}

void ValueComparison::Remove(const DiffPlace& place, absl::string_view migration,
                             absl::string_view renamed) {
  const std::string what = absl::StrCat(place.noun, " removed");
  if (renamed.empty()) return Break(place, what, std::string(migration));
  Break(place, absl::StrCat(what, "; renamed to '", renamed, "'?"),
        absl::StrCat(migration, ", or rename to '", renamed, "'"));
}

void ValueComparison::AddValue(const DiffPlace& place, const Value& value) {
  const std::string what = absl::StrCat(place.noun, " added (", TypeName(value.schema), ")");
  if (!value.traits.required) return Extend(place, what);
  Break(place, absl::StrCat("Required ", what), SetMigration(place, value.schema));
}

// --- Words and flags -----------------------------------------------------------------------------

void ValueComparison::CompareWord(const DiffPlace& place, absl::string_view what,
                                  absl::string_view before, absl::string_view after,
                                  std::string migration) {
  if (before == after) return;
  if (before.empty()) return Extend(place, absl::StrCat(what, " ", after, " added"));
  Break(place,
        after.empty() ? absl::StrCat(what, " ", before, " removed")
                      : absl::StrCat(what, " changed from ", before, " to ", after),
        std::move(migration));
}

void ValueComparison::CompareFlag(const DiffPlace& place, const FlagRow& row, bool before,
                                  bool after, std::string migration) {
  if (before == after) return;
  Add(after ? row.when_set : row.when_cleared, place,
      absl::StrCat(row.name, after ? " added" : " removed"), after ? std::move(migration) : "");
}

void ValueComparison::CompareDocumentation(const DiffPlace& place, const Documentation& before,
                                           const Documentation& after, absl::string_view of) {
  const auto compare = [&](absl::string_view what, bool same) {
    if (!same) Note(place, absl::StrCat(what, of, " changed"));
  };
  compare("display name", SameTexts(before.display_names, after.display_names));
  compare("description", SameTexts(before.descriptions, after.descriptions));
  compare("comment", before.comment == after.comment);
}

void ValueComparison::CompareExtensions(const DiffPlace& place, const Element* before,
                                        const Element* after, absl::string_view of) {
  const std::map<std::string, std::string> words_before = ExtensionWords(before);
  const std::map<std::string, std::string> words_after = ExtensionWords(after);
  for (const auto& [word, value] : words_before) {
    const auto found = words_after.find(word);
    if (found == words_after.end()) {
      Break(place, absl::StrCat(word, of, " removed"));
    } else {
      CompareWord(place, absl::StrCat(word, of), value, found->second);
    }
  }
  for (const auto& [word, value] : words_after) {
    if (words_before.count(word) == 0) Extend(place, absl::StrCat(word, of, " added"));
  }
}

// --- Traits --------------------------------------------------------------------------------------

void ValueComparison::CompareTraits(const DiffPlace& place, const Value& before,
                                    const Value& after) {
  const ValueTraits &a = before.traits, &b = after.traits;
  const auto name = [](const auto* row) {
    return row == nullptr ? absl::string_view() : row->name;
  };
  CompareWord(place, "semantic type", name(a.semantic_type), name(b.semantic_type));
  CompareUnits(place, before, after);
  CompareBounds(place, a, b);
  ComparePrecision(place, a.decimal_places, b.decimal_places);
  CompareScale(place, a.scale_factor, b.scale_factor);
  CompareFlag(place, kHistorized, a.historized, b.historized);
  CompareFlag(place, kRequired, a.required, b.required,
              absl::StrCat(SetMigration(place, after.schema), " where it is missing"));
}

void ValueComparison::CompareUnits(const DiffPlace& place, const Value& before,
                                   const Value& after) {
  const Unit *const from = before.traits.unit, *const to = after.traits.unit;
  if (from == to) return;
  if (from == nullptr) return Extend(place, absl::StrCat("unit ", to->name, " added"));
  if (to == nullptr) return Break(place, absl::StrCat("unit ", from->name, " removed"));
  const std::string change = absl::StrCat(from->name, " to ", to->name);
  const std::string conversion = Conversion(*from, *to);
  const std::string what = absl::StrCat("unit changed from ", change);
  if (conversion == "value") return Extend(place, absl::StrCat(what, ", which is the same size"));
  if (conversion.empty()) {
    return Break(place, absl::StrCat(what, ", to which it does not convert"),
                 absl::StrCat("set ", place.Quoted(), " anew in ", to->name));
  }
  const bool rounds = kIntegers.Has(after.schema.kind) && Rounds(*from, *to);
  Break(place, what,
        absl::StrCat("convert ", place.Quoted(), place.recorded ? " and its history" : "", " from ",
                     change, ": ", conversion, rounds ? ", rounded" : ""));
}

void ValueComparison::CompareBounds(const DiffPlace& place, const ValueTraits& before,
                                    const ValueTraits& after) {
  for (const BoundRow& row : kBounds) {
    const std::string from = BoundIn(before.*row.bound, before.unit, after.unit);
    const std::string to(after.*row.bound);
    const bool both = !from.empty() && !to.empty();
    const int change = both ? CompareDecimals(to, from) : 0;
    if (both ? change == 0 : from.empty() && to.empty()) continue;
    const std::string what = absl::StrCat(row.name, " changed from ", from.empty() ? "none" : from,
                                          " to ", to.empty() ? "none" : to);
    const bool narrows = both ? change * row.narrower > 0 : from.empty();
    if (!narrows) {
      Extend(place, what);
    } else {
      Break(place, what,
            absl::StrCat("correct ", place.Quoted(), after.required ? "" : " or remove it",
                         " where it is ", row.beyond, " ", to));
    }
  }
}

void ValueComparison::CompareScale(const DiffPlace& place, absl::string_view before,
                                   absl::string_view after) {
  const absl::string_view from = before.empty() ? "1" : before, to = after.empty() ? "1" : after;
  if (CompareDecimals(from, to) == 0) return;
  const std::string change = absl::StrCat("scale factor changed from ", from, " to ", to);
  Break(place, change, absl::StrCat("rescale ", place.Quoted(), ": its ", change));
}

void ValueComparison::ComparePrecision(const DiffPlace& place, int before, int after) {
  if (before == after) return;
  const auto digits = [](int places) { return places < 0 ? "any" : absl::StrCat(places); };
  const std::string what =
      absl::StrCat("decimal places changed from ", digits(before), " to ", digits(after));
  if (after < 0 || (before >= 0 && after > before)) return Extend(place, what);
  Break(place, what, absl::StrCat("round ", place.Quoted(), " to ", after, " decimal places"));
}

}  // namespace twin::dtdl
