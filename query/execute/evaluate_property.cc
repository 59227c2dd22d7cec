// What expressions read from the graph: properties, documents, fields, models.
#include <algorithm>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "query/execute/evaluate_internal.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

// The twins or relationships of a slot in the rows of a frame.
struct Located {
  bool twins = true;
  bool all = true;                  // no row is NULL: positions are 0, 1, 2 …
  std::vector<uint32_t> positions;  // otherwise: rows of the frame that are not NULL
  std::vector<uint32_t> numbers;    // of each position; none where `rows` was at hand
  std::vector<uint32_t> tables;     // of each: TableId, RelationshipTypeId. Only one: of all
  std::vector<uint32_t> rows;       // of each, in its table; a relationship's number
};

absl::Status LocateNumbers(const Frame& frame, SlotId id, Located* out) {
  if (id < 0 || static_cast<size_t>(id) >= frame.batch->slots.size() ||
      frame.batch->slots[id].rows != frame.batch->rows) {
    return absl::InternalError(absl::StrCat("slot ", id, " is read before it is filled"));
  }
  const Vector& slot = frame.batch->slots[id];
  if (slot.kind == TypeKind::kNull) {
    out->all = false;
    return absl::OkStatus();
  }
  if (slot.kind != TypeKind::kTwin && slot.kind != TypeKind::kRelationship) {
    return absl::InternalError(absl::StrCat("slot ", id, " holds neither twin nor relationship"));
  }
  out->twins = slot.kind == TypeKind::kTwin;
  out->all = slot.nulls.empty();
  if (out->all && frame.selection == nullptr) {
    out->numbers = slot.numbers;
    return absl::OkStatus();
  }
  out->numbers.reserve(frame.rows);
  for (size_t i = 0; i < frame.rows; ++i) {
    const size_t row = frame.selection == nullptr ? i : frame.selection[i];
    if (!out->all) {
      if (slot.nulls[row] != 0) continue;
      out->positions.push_back(static_cast<uint32_t>(i));
    }
    out->numbers.push_back(slot.numbers[row]);
  }
  return absl::OkStatus();
}

void SetTables(absl::Span<const Place> places, Located* out) {
  out->rows.resize(places.size());
  uint32_t different = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    out->rows[i] = places[i].row;
    different |= places[i].table ^ places[0].table;
  }
  out->tables.resize(different == 0 ? 1 : places.size());
  for (size_t i = 0; i < out->tables.size(); ++i) out->tables[i] = places[i].table;
}

// Tables and rows of twins: from the slot's places, which it fills in where most of them are asked
// for.
void LocateTwins(const Frame& frame, Vector* slot, Located* out) {
  if (slot->places.empty() && frame.rows * 2 < slot->rows) {
    std::vector<Place> places;
    frame.context.graph->Places(out->numbers, &places);
    SetTables(places, out);
    return;
  }
  if (slot->places.empty()) {
    if (slot->nulls.empty()) {
      frame.context.graph->Places(slot->numbers, &slot->places);
    } else {
      std::vector<uint32_t> filled;
      std::vector<uint32_t> numbers;
      for (size_t i = 0; i < slot->rows; ++i) {
        if (slot->nulls[i] != 0) continue;
        filled.push_back(static_cast<uint32_t>(i));
        numbers.push_back(slot->numbers[i]);
      }
      std::vector<Place> places;
      frame.context.graph->Places(numbers, &places);
      slot->places.resize(slot->rows);
      for (size_t i = 0; i < filled.size(); ++i) slot->places[filled[i]] = places[i];
    }
  }
  if (frame.selection == nullptr && out->all) {
    SetTables(slot->places, out);
    return;
  }
  std::vector<Place> places(out->numbers.size());
  for (size_t i = 0; i < places.size(); ++i) {
    const size_t position = out->all ? i : out->positions[i];
    places[i] = slot->places[frame.selection == nullptr ? position : frame.selection[position]];
  }
  SetTables(places, out);
}

absl::Status Locate(const Frame& frame, SlotId id, Located* out) {
  // Most often all of it is at hand.
  if (frame.selection == nullptr && id >= 0 &&
      static_cast<size_t>(id) < frame.batch->slots.size()) {
    const Vector& slot = frame.batch->slots[id];
    if (slot.kind == TypeKind::kTwin && slot.nulls.empty() && slot.rows > 0 &&
        slot.rows == frame.batch->rows && slot.places.size() == slot.rows) {
      SetTables(slot.places, out);
      return absl::OkStatus();
    }
  }
  TWIN_RETURN_IF_ERROR(LocateNumbers(frame, id, out));
  if (out->numbers.empty()) return absl::OkStatus();
  if (out->twins) {
    LocateTwins(frame, &frame.batch->slots[id], out);
    return absl::OkStatus();
  }
  out->rows = out->numbers;
  frame.context.graph->RelationshipTypes(out->numbers, &out->tables);
  const uint32_t first = out->tables[0];
  if (std::all_of(out->tables.begin(), out->tables.end(),
                  [first](uint32_t type) { return type == first; })) {
    out->tables.resize(1);
  }
  return absl::OkStatus();
}

// Puts `values`, which belong to those positions, into `out`.
absl::Status PutAt(absl::Span<const uint32_t> positions, TypeKind kind, const Frame& frame,
                   Vector* values, Vector* out) {
  TWIN_RETURN_IF_ERROR(CastTo(kind, frame, values));
  out->Scatter(*values, positions);
  return absl::OkStatus();
}

// Reads table by table: read(table, rows, values) makes `values` of `kind`, or returns false where
// the table has nothing.
template <typename Read>
absl::Status ReadTables(const Frame& frame, SlotId slot, TypeKind kind, Read read, Vector* out) {
  Located located;
  TWIN_RETURN_IF_ERROR(Locate(frame, slot, &located));
  if (located.tables.size() == 1) {
    Vector values;
    if (!read(located, located.tables[0], located.rows, located.all ? out : &values)) {
      out->Reset(TypeKind::kNull, frame.rows);
      return absl::OkStatus();
    }
    if (located.all) return CastTo(kind, frame, out);
    out->ResetToNull(kind, frame.rows);
    return PutAt(located.positions, kind, frame, &values, out);
  }
  out->ResetToNull(kind, frame.rows);
  std::vector<uint32_t> order(located.tables.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&located](uint32_t a, uint32_t b) {
    return located.tables[a] < located.tables[b];
  });
  std::vector<uint32_t> rows;
  std::vector<uint32_t> positions;
  for (size_t first = 0; first < order.size();) {
    const uint32_t table = located.tables[order[first]];
    rows.clear();
    positions.clear();
    size_t end = first;
    for (; end < order.size() && located.tables[order[end]] == table; ++end) {
      rows.push_back(located.rows[order[end]]);
      positions.push_back(located.all ? order[end] : located.positions[order[end]]);
    }
    first = end;
    Vector values;
    if (!read(located, table, rows, &values)) continue;
    TWIN_RETURN_IF_ERROR(PutAt(positions, kind, frame, &values, out));
  }
  return absl::OkStatus();
}

const ColumnRef* FindTable(const std::vector<ColumnRef>& columns, uint32_t table) {
  const auto found =
      std::lower_bound(columns.begin(), columns.end(), table,
                       [](const ColumnRef& column, uint32_t t) { return column.table < t; });
  return found != columns.end() && found->table == table ? &*found : nullptr;
}

void ConvertUnit(const ColumnRef& column, Vector* values) {
  if (column.factor == 1 && column.offset == 0) return;
  if (values->kind == TypeKind::kInt) {
    values->doubles.assign(values->ints.begin(), values->ints.end());
    values->ints.clear();
    values->kind = TypeKind::kDouble;
  }
  if (values->kind != TypeKind::kDouble) return;
  for (double& value : values->doubles) value = value * column.factor + column.offset;
}

// The columns of a table whose paths lie below a prefix, each with the rest of its path.
struct Member {
  ColumnId column;
  absl::string_view path;
};

std::vector<Member> MembersBelow(const std::vector<Column>& columns, absl::string_view prefix,
                                 bool with_telemetry) {
  std::vector<Member> members;
  for (size_t i = 0; i < columns.size(); ++i) {
    absl::string_view path = columns[i].path;
    if (columns[i].telemetry && !with_telemetry) continue;
    if (!prefix.empty()) {
      if (path.size() <= prefix.size() || path[prefix.size()] != '.' ||
          !absl::StartsWith(path, prefix)) {
        continue;
      }
      path.remove_prefix(prefix.size() + 1);
    }
    members.push_back({ColumnId(static_cast<uint32_t>(i)), path});
  }
  return members;
}

void Insert(absl::string_view path, Value value, ValueMap* map) {
  const size_t dot = path.find('.');
  const absl::string_view name = path.substr(0, dot);
  if (dot == absl::string_view::npos) {
    // What says that an Object is there has nothing behind its dot.
    if (!name.empty()) map->emplace_back(std::string(name), std::move(value));
    return;
  }
  // Most often the last: columns of one object follow each other.
  auto found = std::find_if(map->rbegin(), map->rend(),
                            [name](const ValueMember& member) { return member.first == name; });
  if (found == map->rend()) {
    map->emplace_back(std::string(name), Value::Map({}));
    found = map->rbegin();
  }
  Insert(path.substr(dot + 1), std::move(value), &found->second.as_map());
}

}  // namespace

absl::Status EvalProperty(const BoundExpr& expr, const Frame& frame, Vector* out) {
  const GraphReader& graph = *frame.context.graph;
  const auto read = [&](const Located& located, uint32_t table, absl::Span<const uint32_t> rows,
                        Vector* values) {
    const ColumnRef* const column = FindTable(expr.columns, table);
    if (column == nullptr) return false;
    if (located.twins) {
      graph.Read(TableId(table), column->column, rows, values);
    } else {
      graph.ReadRelationship(RelationshipTypeId(table), column->column, rows, values);
    }
    ConvertUnit(*column, values);
    return true;
  };
  return ReadTables(frame, expr.slot, expr.type.kind, read, out);
}

absl::Status EvalUpdateTime(const BoundExpr& expr, const Frame& frame, Vector* out) {
  const auto read = [&](const Located& located, uint32_t table, absl::Span<const uint32_t> rows,
                        Vector* values) {
    const ColumnRef* const column = FindTable(expr.columns, table);
    if (column == nullptr || !located.twins) return false;
    frame.context.graph->ReadUpdateTimes(TableId(table), column->column, rows, expr.arrival,
                                         values);
    return true;
  };
  return ReadTables(frame, expr.slot, TypeKind::kTime, read, out);
}

absl::Status EvalDocument(const BoundExpr& expr, const Frame& frame, Vector* out) {
  const GraphReader& graph = *frame.context.graph;
  const Catalog& catalog = graph.catalog();
  const auto read = [&](const Located& located, uint32_t table, absl::Span<const uint32_t> rows,
                        Vector* values) {
    // A twin always has its components.
    bool always = expr.text.empty();
    if (located.twins) {
      const std::vector<std::string>& components = catalog.model(TableId(table)).components;
      always |= std::find(components.begin(), components.end(), expr.text) != components.end();
    }
    // A twin and its components are their properties; what is neither is an Object, maybe measured.
    const std::vector<Member> members =
        MembersBelow(located.twins ? catalog.model(TableId(table)).columns
                                   : catalog.relationship_type(RelationshipTypeId(table)).columns,
                     expr.text, !always);
    if (members.empty() && !always) return false;
    std::vector<ValueMap> maps(rows.size());
    std::vector<bool> there(rows.size(), always);
    for (const Member& member : members) {
      Vector column;
      if (located.twins) {
        graph.Read(TableId(table), member.column, rows, &column);
      } else {
        graph.ReadRelationship(RelationshipTypeId(table), member.column, rows, &column);
      }
      for (size_t i = 0; i < rows.size(); ++i) {
        if (column.IsNull(i)) continue;
        there[i] = true;
        Insert(member.path, column.Get(i), &maps[i]);
      }
    }
    values->Reset(TypeKind::kValue, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      if (there[i]) {
        values->values[i] = Value::Map(std::move(maps[i]));
      } else {
        values->SetNull(i);
      }
    }
    return true;
  };
  return ReadTables(frame, expr.slot, TypeKind::kValue, read, out);
}

absl::Status EvalField(SlotId slot, Field field, const Frame& frame, Vector* out) {
  Located located;
  TWIN_RETURN_IF_ERROR(LocateNumbers(frame, slot, &located));
  if (located.numbers.empty()) {
    out->Reset(TypeKind::kNull, frame.rows);
    return absl::OkStatus();
  }
  Vector values;
  Vector* const to = located.all ? out : &values;
  if (located.twins) {
    frame.context.graph->ReadField(located.numbers, field, to);
  } else {
    frame.context.graph->ReadRelationshipField(located.numbers, field, to);
  }
  if (located.all) return absl::OkStatus();
  out->ResetToNull(values.kind, frame.rows);
  out->Scatter(values, located.positions);
  return absl::OkStatus();
}

absl::Status EvalOfModel(const BoundExpr& expr, const Frame& frame, Vector* out) {
  Located located;
  TWIN_RETURN_IF_ERROR(Locate(frame, expr.slot, &located));
  const auto holds = [&expr](uint32_t table) {
    return std::binary_search(expr.tables.begin(), expr.tables.end(), TableId(table));
  };
  if (located.all) {
    out->Reset(TypeKind::kBool, frame.rows);
  } else {
    out->ResetToNull(TypeKind::kBool, frame.rows);
  }
  const bool one_table = located.tables.size() == 1;
  const bool first_holds = one_table && holds(located.tables[0]);
  for (size_t i = 0; i < located.rows.size(); ++i) {
    const size_t row = located.all ? i : located.positions[i];
    const bool is = one_table ? first_holds : holds(located.tables[i]);
    out->bools[row] = is ? 1 : 0;
    if (!located.all) out->nulls[row] = 0;
  }
  return absl::OkStatus();
}

}  // namespace twin::query
