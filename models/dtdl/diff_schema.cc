#include "models/dtdl/diff_schema.h"

#include <cstdint>
#include <iterator>
#include <limits>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"

namespace twin::dtdl {
namespace {

// --- Types ---------------------------------------------------------------------------------------

struct NumberRow {
  Class type;
  int digits;  // binary, without the sign
  bool has_sign;
  bool has_fraction;
};

template <typename Number>
constexpr NumberRow RowOf(Class type) {
  using Limits = std::numeric_limits<Number>;
  return {type, Limits::digits, Limits::is_signed, !Limits::is_integer};
}

// Numbers that JSON writes as numbers. What a decimal holds is written as a string.
constexpr NumberRow kNumbers[] = {
    RowOf<int8_t>(Class::kByte),     RowOf<uint8_t>(Class::kUnsignedByte),
    RowOf<int16_t>(Class::kShort),   RowOf<uint16_t>(Class::kUnsignedShort),
    RowOf<int32_t>(Class::kInteger), RowOf<uint32_t>(Class::kUnsignedInteger),
    RowOf<int64_t>(Class::kLong),    RowOf<uint64_t>(Class::kUnsignedLong),
    RowOf<float>(Class::kFloat),     RowOf<double>(Class::kDouble),
};

const NumberRow* FindNumber(Class type) {
  const auto* const found =
      absl::c_find_if(kNumbers, [&](const auto& r) { return r.type == type; });
  return found == std::end(kNumbers) ? nullptr : found;
}

// Whether every value of a type is exactly one of another.
bool Widens(Class before, Class after) {
  const NumberRow* const from = FindNumber(before);
  const NumberRow* const to = FindNumber(after);
  return from != nullptr && to != nullptr && from->digits <= to->digits &&
         (!from->has_sign || to->has_sign) && (!from->has_fraction || to->has_fraction);
}

Class ValueClass(const Schema& enumeration) {
  return enumeration.string_enum ? Class::kString : Class::kInteger;
}

std::string ClassTerm(Class c) {
  std::string term(ClassName(c));
  term.front() = absl::ascii_tolower(static_cast<unsigned char>(term.front()));
  return term;
}

// How a stored value gets from one type to another.
std::string ConvertMigration(const DiffPlace& place, const Schema& before, const Schema& after,
                             bool required) {
  const std::string x = place.Quoted();
  const absl::string_view misfit = required ? "replace it" : "remove it";
  const bool parsed = before.kind == Class::kString && after.is_primitive();
  if (before.is_primitive() && after.kind == Class::kString) {
    return absl::StrCat("convert ", x, " from ", TypeName(before), " to string");
  }
  if (parsed || (before.is_numeric() && after.is_numeric())) {
    return absl::StrCat("convert ", x, " from ", TypeName(before), " to ", TypeName(after),
                        "; where it does not fit, ", misfit);
  }
  if (after.kind == Class::kEnum && before.kind == ValueClass(after)) {
    return absl::StrCat("where ", x, " is no value of the enum, ", misfit);
  }
  return absl::StrCat("set ", x, " anew (", TypeName(after), ")", required ? "" : ", or remove it");
}

// --- Enums ---------------------------------------------------------------------------------------

std::string EnumText(const Schema& enumeration, const EnumValue& value) {
  return enumeration.string_enum ? absl::StrCat("'", value.text, "'") : absl::StrCat(value.number);
}

}  // namespace

std::string TypeName(const Schema& schema) {
  const std::string term = ClassTerm(schema.kind);
  return schema.element == nullptr ? term
                                   : absl::StrCat(term, " of ", ClassTerm(schema.element->kind));
}

std::string SetMigration(const DiffPlace& place, const Schema& schema) {
  return absl::StrCat("set ", place.Named(), " (", TypeName(schema), ")");
}

// --- Values: type, then traits -------------------------------------------------------------------

void ValueComparison::CompareValue(const DiffPlace& place, const Value& before,
                                   const Value& after) {
  CompareSchema(place, before.schema, after.schema, after.traits.required);
  CompareTraits(place, before, after);
}

void ValueComparison::CompareSchema(const DiffPlace& place, const Schema& before,
                                    const Schema& after, bool required) {
  if (&before == &after) return;  // the language's own are the same in all sets
  if (before.kind != after.kind) return ChangeType(place, before, after, required);
  if (before.is_primitive()) return;
  Once(before, after, place, [&] {
    CompareDocumentation(place, before.documentation, after.documentation, " of the schema");
    CompareExtensions(place, before.source, after.source, " of the schema");
    switch (before.kind) {
      case Class::kArray:
        return CompareSchema(place.Elements("[]"), *before.element, *after.element, true);
      case Class::kMap:
        if (before.key_name != after.key_name) Note(place, "name of the map's keys changed");
        if (before.value_name != after.value_name) Note(place, "name of the map's values changed");
        return CompareValue(place.Elements("{}"), {*before.element, before.value_traits},
                            {*after.element, after.value_traits});
      case Class::kEnum:
        return CompareEnums(place, before, after);
      default:
        return CompareFields(place, before, after);
    }
  });
}

void ValueComparison::ChangeType(const DiffPlace& place, const Schema& before, const Schema& after,
                                 bool required) {
  const std::string change = absl::StrCat(TypeName(before), " to ", TypeName(after));
  if (Widens(before.kind, after.kind)) {
    Extend(place, absl::StrCat("type widened from ", change));
  } else if (before.kind == Class::kEnum && after.kind == ValueClass(before)) {
    Break(place, absl::StrCat("type changed from ", change, ": the values have no names any more"));
  } else {
    Break(place, absl::StrCat("type changed from ", change),
          ConvertMigration(place, before, after, required));
  }
}

void ValueComparison::CompareEnums(const DiffPlace& place, const Schema& before,
                                   const Schema& after) {
  CompareWord(place, "value type", ClassTerm(ValueClass(before)), ClassTerm(ValueClass(after)));
  const Pairing<EnumValue> values(PointersTo(before.values), PointersTo(after.values));
  for (const auto& [a, b] : values.both) {
    const std::string of = absl::StrCat(" of enum value '", a->name, "'");
    CompareDocumentation(place, a->documentation, b->documentation, of);
    CompareExtensions(place, a->element, b->element, of);
    const std::string from = EnumText(before, *a), to = EnumText(after, *b);
    if (from == to) continue;
    Break(place, absl::StrCat("enum value '", a->name, "' changed from ", from, " to ", to),
          absl::StrCat("replace ", from, " by ", to, " in ", place.Quoted()));
  }
  // A value that stays under a new name is renamed: twins keep the value, not the name.
  absl::flat_hash_map<std::string, const EnumValue*> added;
  for (const EnumValue* value : values.added) added.emplace(EnumText(after, *value), value);
  for (const EnumValue* value : values.removed) {
    const std::string text = EnumText(before, *value);
    const std::string what = absl::StrCat("enum value '", value->name, "' (", text, ")");
    const auto renamed = added.find(text);
    if (renamed == added.end()) {
      Break(place, absl::StrCat(what, " removed"),
            absl::StrCat("replace ", text, " in ", place.Quoted(), " by another value"));
    } else {
      Break(place, absl::StrCat(what, " renamed to '", renamed->second->name, "'"));
      added.erase(renamed);
    }
  }
  for (const EnumValue* value : values.added) {  // in the order of the model
    const std::string text = EnumText(after, *value);
    if (!added.contains(text)) continue;
    Extend(place, absl::StrCat("enum value '", value->name, "' (", text, ") added"));
  }
}

void ValueComparison::CompareFields(const DiffPlace& place, const Schema& before,
                                    const Schema& after) {
  const auto same = [](const Field& a, const Field& b) {
    ValueComparison comparison;
    comparison.CompareValue({}, {*a.schema, a.traits}, {*b.schema, b.traits});
    return comparison.only_documentation();
  };
  const Pairing<Field> fields(PointersTo(before.fields), PointersTo(after.fields));
  for (const auto& [a, b] : fields.both) {
    const DiffPlace field = place.Below(a->name, "field");
    CompareDocumentation(field, a->documentation, b->documentation);
    CompareExtensions(field, a->element, b->element);
    CompareValue(field, {*a->schema, a->traits}, {*b->schema, b->traits});
  }
  for (const Field* removed : fields.removed) {
    const DiffPlace field = place.Below(removed->name, "field");
    const Field* const renamed = RenamedTo(*removed, fields, same);
    Remove(field, absl::StrCat("remove ", field.Named()), renamed == nullptr ? "" : renamed->name);
  }
  for (const Field* added : fields.added) {
    AddValue(place.Below(added->name, "field"), {*added->schema, added->traits});
  }
}

}  // namespace twin::dtdl
