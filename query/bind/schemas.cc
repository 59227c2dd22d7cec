#include "query/bind/schemas.h"

#include <utility>

#include "query/bind/coerce.h"
namespace twin::query::binding {
namespace {

// part_of(schema) of all; empty where it is nullptr once.
template <typename F>
Schemas PartsOf(const Schemas& schemas, F part_of) {
  Schemas parts;
  parts.reserve(schemas.size());
  for (const dtdl::Schema* schema : schemas) {
    const dtdl::Schema* const part = schema == nullptr ? nullptr : part_of(*schema);
    if (part == nullptr) return {};
    parts.push_back(part);
  }
  return parts;
}

}  // namespace

TypeKind TypeOf(const dtdl::Schema& schema) {
  switch (schema.kind) {
    case dtdl::Class::kBoolean:
      return TypeKind::kBool;
    case dtdl::Class::kByte:
    case dtdl::Class::kShort:
    case dtdl::Class::kInteger:
    case dtdl::Class::kLong:
    case dtdl::Class::kUnsignedByte:
    case dtdl::Class::kUnsignedShort:
    case dtdl::Class::kUnsignedInteger:
    case dtdl::Class::kUnsignedLong:
      return TypeKind::kInt;
    case dtdl::Class::kFloat:
    case dtdl::Class::kDouble:
      return TypeKind::kDouble;
    case dtdl::Class::kDateTime:
      return TypeKind::kTime;
    case dtdl::Class::kEnum:
      return schema.string_enum ? TypeKind::kString : TypeKind::kInt;
    case dtdl::Class::kArray:
    case dtdl::Class::kMap:
    case dtdl::Class::kObject:  // one that contains itself
      return TypeKind::kValue;
    default:
      return TypeKind::kString;
  }
}

const dtdl::Schema* SchemaOf(const Environment& env, const Slot& slot, const ColumnRef& column) {
  const std::vector<Column>& columns =
      slot.kind == SlotKind::kTwin
          ? env.catalog->model(TableId(column.table)).columns
          : env.catalog->relationship_type(RelationshipTypeId(column.table)).columns;
  return columns[column.column.value].schema;
}

Schemas SchemasOf(const Environment& env, const std::vector<Slot>& slots, const BoundExpr& expr) {
  switch (expr.kind) {
    case BoundKind::kProperty: {
      Schemas schemas;
      for (const ColumnRef& ref : expr.columns) {
        schemas.push_back(SchemaOf(env, slots[static_cast<size_t>(expr.slot)], ref));
      }
      return schemas;
    }
    case BoundKind::kMember:
      return MembersOf(SchemasOf(env, slots, *expr.operands[0]), expr.text);
    case BoundKind::kIndex: {
      const Schemas schemas = SchemasOf(env, slots, *expr.operands[0]);
      const BoundExpr& index = *expr.operands[1];
      if (index.type.kind == TypeKind::kInt) return ElementsOf(schemas);
      if (index.kind != BoundKind::kConstant || index.type.kind != TypeKind::kString) return {};
      return MembersOf(schemas, index.value.as_string());
    }
    default:
      return {};
  }
}

Schemas MembersOf(const Schemas& schemas, absl::string_view name) {
  return PartsOf(schemas, [name](const dtdl::Schema& schema) -> const dtdl::Schema* {
    if (schema.kind == dtdl::Class::kMap) return schema.element;
    const dtdl::Field* const field =
        schema.kind == dtdl::Class::kObject ? schema.FindField(name) : nullptr;
    return field == nullptr ? nullptr : field->schema;
  });
}

Schemas ElementsOf(const Schemas& schemas) {
  return PartsOf(schemas, [](const dtdl::Schema& schema) {
    return schema.kind == dtdl::Class::kArray ? schema.element : nullptr;
  });
}

TypeKind TypeOf(const Schemas& schemas) {
  if (schemas.empty()) return TypeKind::kValue;
  TypeKind kind = TypeKind::kNull;
  for (const dtdl::Schema* schema : schemas) {
    kind = CommonKind(kind, schema == nullptr ? TypeKind::kValue : TypeOf(*schema));
  }
  return kind;
}

absl::StatusOr<BoundPtr> AsElement(const Environment& env, const std::vector<Slot>& slots,
                                   const BoundExpr& list, BoundPtr needle) {
  const bool are_times = TypeOf(ElementsOf(SchemasOf(env, slots, list))) == TypeKind::kTime;
  if (!are_times || needle->type.kind != TypeKind::kString) return needle;
  if (env.adt() && IsTextOfNoTime(*needle)) return needle;
  return AsTime(env, std::move(needle), "what is looked for among times");
}

TypeKind CommonKind(TypeKind kind, TypeKind more) {
  if (kind == TypeKind::kNull || kind == more) return more;
  const auto numeric = [](TypeKind k) { return k == TypeKind::kInt || k == TypeKind::kDouble; };
  return numeric(kind) && numeric(more) ? TypeKind::kDouble : TypeKind::kValue;
}

}  // namespace twin::query::binding
