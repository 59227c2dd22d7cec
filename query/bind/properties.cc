#include "query/bind/properties.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/schemas.h"
#include "query/bind/units.h"

namespace twin::query::binding {
namespace {

// A table, or a relationship type, as one who looks for columns sees it.
struct Owner {
  uint32_t number = 0;
  absl::string_view name;
  const std::vector<Column>* columns = nullptr;
  const absl::flat_hash_map<std::string, ColumnId>* by_path = nullptr;
  const std::vector<std::string>* components = nullptr;
};

Owner OwnerOf(const Model& model) {
  return {model.table.value, ShortName(model.id), &model.columns, &model.by_path,
          &model.components};
}

Owner OwnerOf(const RelationshipType& type) {
  return {type.id.value, type.name, &type.columns, &type.by_path, nullptr};
}

// All that the slot can be of. Where conditions exclude each other so that nothing is left, all
// count: the query is right, it only finds nothing.
std::vector<Owner> OwnersOf(const Catalog& catalog, const Slot& slot) {
  std::vector<Owner> owners;
  if (slot.kind == SlotKind::kRelationship) {
    for (const RelationshipTypeId id : slot.types) {
      owners.push_back(OwnerOf(catalog.relationship_type(id)));
    }
    if (!owners.empty()) return owners;
    for (const RelationshipType& type : catalog.relationship_types()) {
      owners.push_back(OwnerOf(type));
    }
    return owners;
  }
  for (const TableId table : slot.tables) owners.push_back(OwnerOf(catalog.model(table)));
  if (!owners.empty()) return owners;
  for (const Model& model : catalog.models()) {
    if (model.interface != nullptr) owners.push_back(OwnerOf(model));
  }
  return owners;
}

bool IsBelow(absl::string_view path, absl::string_view prefix) {
  return path.size() > prefix.size() && path[prefix.size()] == '.' &&
         absl::StartsWith(path, prefix);
}

// Takes the unit of the first column that has one, and converts the others to it.
void MergeUnits(const std::vector<const Column*>& found, MergedColumns* merged) {
  const dtdl::Unit* unit = nullptr;
  for (const Column* column : found) {
    if (unit == nullptr) unit = column->unit;
  }
  if (unit == nullptr) return;
  for (const Column* column : found) {
    if (column->unit != nullptr && !ConversionOf(*column->unit, *unit).has_value()) return;
  }
  merged->type.unit = unit;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i]->unit == nullptr || found[i]->unit == unit) continue;
    const UnitConversion conversion = *ConversionOf(*found[i]->unit, *unit);
    merged->columns[i].factor = conversion.factor;
    merged->columns[i].offset = conversion.offset;
    merged->type.kind = TypeKind::kDouble;
  }
}

// The longest part of the path that is a column; what follows are members of its map.
absl::StatusOr<BoundPtr> BindColumn(const Environment& env, const Slot& slot, SlotId id,
                                    absl::Span<const Name> path, const Span& span) {
  for (size_t length = path.size(); length > 0; --length) {
    const std::string text =
        absl::StrJoin(path.subspan(0, length), ".",
                      [](std::string* out, const Name& name) { absl::StrAppend(out, name.text); });
    MergedColumns merged = FindColumns(env, slot, text);
    if (merged.columns.empty()) {
      if (length == path.size() && !PathsBelow(env, slot, text).empty()) {
        BoundPtr document = Make(BoundKind::kDocument, TypeKind::kValue, span);
        document->slot = id;
        document->text = text;
        return document;
      }
      continue;
    }
    if (length < path.size() && merged.type.kind != TypeKind::kValue) break;
    BoundPtr property = Make(BoundKind::kProperty, merged.type.kind, span);
    property->type = merged.type;
    property->slot = id;
    property->text = text;
    property->columns = std::move(merged.columns);
    Schemas schemas;
    for (const ColumnRef& column : property->columns) {
      schemas.push_back(SchemaOf(env, slot, column));
    }
    return MembersOf(std::move(property), path.subspan(length), span, std::move(schemas));
  }
  const std::string text = absl::StrJoin(
      path, ".", [](std::string* out, const Name& name) { absl::StrAppend(out, name.text); });
  if (env.adt()) return NullAt(span);
  return UnknownProperty(env, slot, text, span);
}

// $metadata.<path>.lastUpdateTime and .sourceTime.
absl::StatusOr<BoundPtr> BindUpdateTime(const Environment& env, const Slot& slot, SlotId id,
                                        absl::Span<const Name> path, const Span& span) {
  const absl::string_view last = path.back().text;
  if (path.size() < 2 || (last != "lastUpdateTime" && last != "sourceTime")) {
    return Refuse(env, span,
                  "$metadata has $model, $lastUpdateTime, and <property>.lastUpdateTime and "
                  ".sourceTime of each property");
  }
  // Where nothing is known of properties, anything may be there.
  const absl::Span<const Name> named = path.subspan(0, path.size() - 1);
  absl::StatusOr<BoundPtr> property = env.lenient() ? BindProperty(env, slot, id, named, span)
                                                    : BindColumn(env, slot, id, named, span);
  if (!property.ok() || IsNull(**property)) return property;
  if ((*property)->kind != BoundKind::kProperty) {
    return Refuse(env, span, "update times are kept for single values, not for objects");
  }
  (*property)->kind = BoundKind::kUpdateTime;
  (*property)->type = Type{TypeKind::kTime};
  (*property)->arrival = last == "lastUpdateTime";
  return property;
}

std::optional<Field> FieldNamed(SlotKind kind, absl::string_view name) {
  if (name == "$etag") return Field::kEtag;
  if (kind == SlotKind::kTwin) {
    if (name == "$dtId") return Field::kId;
    if (name == "$metadata") return Field::kMetadata;
    return std::nullopt;
  }
  if (name == "$relationshipId") return Field::kId;
  if (name == "$sourceId") return Field::kSourceId;
  if (name == "$targetId") return Field::kTargetId;
  if (name == "$relationshipName") return Field::kName;
  if (name == "$validFrom") return Field::kValidFrom;
  if (name == "$validTo") return Field::kValidTo;
  return std::nullopt;
}

BoundPtr FieldAt(SlotId id, Field field, const Span& span) {
  TypeKind kind = TypeKind::kString;
  if (field == Field::kLastUpdateTime || field == Field::kValidFrom || field == Field::kValidTo) {
    kind = TypeKind::kTime;
  } else if (field == Field::kMetadata) {
    kind = TypeKind::kValue;
  }
  BoundPtr expr = Make(BoundKind::kField, kind, span);
  expr->slot = id;
  expr->field = field;
  return expr;
}

absl::StatusOr<BoundPtr> BindField(const Environment& env, const Slot& slot, SlotId id,
                                   absl::Span<const Name> path, const Span& span) {
  const absl::string_view name = path[0].text;
  const std::optional<Field> field = FieldNamed(slot.kind, name);
  if (field == Field::kMetadata && path.size() > 1) {
    if (path.size() == 2 && path[1].text == "$model") return FieldAt(id, Field::kModel, span);
    if (path.size() == 2 && path[1].text == "$lastUpdateTime") {
      return FieldAt(id, Field::kLastUpdateTime, span);
    }
    return BindUpdateTime(env, slot, id, path.subspan(1), span);
  }
  if (field.has_value() && path.size() == 1) return FieldAt(id, *field, span);
  const std::vector<absl::string_view> known =
      slot.kind == SlotKind::kTwin
          ? std::vector<absl::string_view>{"$dtId", "$etag", "$metadata"}
          : std::vector<absl::string_view>{
                "$relationshipId", "$relationshipName", "$sourceId", "$targetId",
                "$validFrom",      "$validTo",          "$etag"};
  return Refuse(env, path[0].span,
                absl::StrCat(slot.kind == SlotKind::kTwin ? "a twin" : "a relationship",
                             " has no '", name, "'", Suggestion(name, known, "it has")));
}

}  // namespace

MergedColumns FindColumns(const Environment& env, const Slot& slot, absl::string_view path) {
  MergedColumns merged;
  if (env.lenient()) return merged;
  std::vector<const Column*> found;
  for (const Owner& owner : OwnersOf(*env.catalog, slot)) {
    const auto it = owner.by_path->find(path);
    if (it == owner.by_path->end()) continue;
    const Column& column = (*owner.columns)[it->second.value];
    found.push_back(&column);
    merged.columns.push_back({.table = owner.number, .column = it->second, .type = column.type});
    merged.type.kind = CommonKind(merged.type.kind, column.type);
    merged.recorded = merged.recorded || column.historized || column.telemetry;
  }
  // In the dialect adt numbers are as they are stored.
  if (merged.type.numeric() && !env.adt()) MergeUnits(found, &merged);
  return merged;
}

std::vector<std::string> PathsBelow(const Environment& env, const Slot& slot,
                                    absl::string_view prefix) {
  std::vector<std::string> paths;
  absl::string_view object;  // that is known, though maybe nothing is below it
  for (const Owner& owner : OwnersOf(*env.catalog, slot)) {
    for (const Column& column : *owner.columns) {
      if (!IsBelow(column.path, prefix)) continue;
      if (column.is_object) {
        object = prefix;
      } else {
        paths.push_back(column.path);
      }
    }
    if (owner.components == nullptr) continue;
    for (const std::string& component : *owner.components) {
      if (component == prefix) paths.push_back(component);
    }
  }
  if (paths.empty() && !object.empty()) paths.emplace_back(object);
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

absl::Status UnknownProperty(const Environment& env, const Slot& slot, absl::string_view path,
                             const Span& span) {
  constexpr size_t kNamed = 3;
  const std::vector<Owner> owners = OwnersOf(*env.catalog, slot);
  std::vector<absl::string_view> names;
  std::vector<absl::string_view> known;
  for (const Owner& owner : owners) {
    names.push_back(owner.name);
    for (const Column& column : *owner.columns) {
      if (!column.is_object) known.push_back(column.path);
    }
  }
  for (std::vector<absl::string_view>* list : {&names, &known}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  std::string of = slot.kind == SlotKind::kTwin ? "any model" : "any relationship";
  if (!names.empty() && names.size() <= kNamed) of = absl::StrJoin(names, ", ");
  return ErrorAt(span, absl::StrCat("unknown property '", path, "' of ", of,
                                    Suggestion(path, known, "there are")));
}

BoundPtr MembersOf(BoundPtr expr, absl::Span<const Name> names, const Span& span, Schemas schemas) {
  for (const Name& name : names) {
    schemas = MembersOf(schemas, name.text);
    BoundPtr member = Make(BoundKind::kMember, TypeOf(schemas), span);
    member->text = name.text;
    member->operands.push_back(std::move(expr));
    expr = std::move(member);
  }
  return expr;
}

std::string NoOrderOf(const BoundExpr& duration) {
  return absl::StrCat("'", duration.text,
                      "' is a duration, which is kept as its text: it is equal to another one or "
                      "not, but has no order");
}

bool IsModelDuration(const Environment& env, const std::vector<Slot>& slots,
                     const BoundExpr& expr) {
  if (expr.kind != BoundKind::kProperty) return false;
  const Slot& slot = slots[static_cast<size_t>(expr.slot)];
  return std::any_of(expr.columns.begin(), expr.columns.end(), [&](const ColumnRef& ref) {
    const dtdl::Schema* const schema = SchemaOf(env, slot, ref);
    return schema != nullptr && schema->kind == dtdl::Class::kDuration;
  });
}

absl::StatusOr<BoundPtr> BindProperty(const Environment& env, const Slot& slot, SlotId id,
                                      absl::Span<const Name> path, const Span& span) {
  if (absl::StartsWith(path[0].text, "$")) return BindField(env, slot, id, path, span);
  if (!env.lenient()) return BindColumn(env, slot, id, path, span);
  // Nothing is known of properties: anything may be there.
  BoundPtr property = Make(BoundKind::kProperty, TypeKind::kValue, span);
  property->slot = id;
  property->text = absl::StrJoin(
      path, ".", [](std::string* out, const Name& name) { absl::StrAppend(out, name.text); });
  return property;
}

}  // namespace twin::query::binding
