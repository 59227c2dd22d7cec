#include "server/ingest/rows_change.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/ingest/change.h"

namespace twin::ingest {
namespace {

absl::Status DamagedRows(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("a journal record is damaged: ", what));
}

uint64_t WordAt(absl::string_view words, size_t row) {
  uint64_t word = 0;
  std::memcpy(&word, words.data() + row * sizeof(word), sizeof(word));
  return word;
}

bool BitAt(absl::string_view bits, size_t row) {
  return ((static_cast<uint8_t>(bits[row / 8]) >> (row % 8)) & 1) != 0;
}

template <typename T>
void AppendAll(const std::vector<T>& words, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(words.data()), words.size() * sizeof(T));
}

size_t BitmapBytes(size_t rows) { return (rows + 7) / 8; }

}  // namespace

std::optional<Value::Kind> NumberKindOf(graph::ColumnType type) {
  switch (type) {
    case graph::ColumnType::kBool:
      return Value::Kind::kBool;
    case graph::ColumnType::kInt32:
    case graph::ColumnType::kInt64:
      return Value::Kind::kInt;
    case graph::ColumnType::kFloat:
    case graph::ColumnType::kDouble:
      return Value::Kind::kDouble;
    default:
      return std::nullopt;
  }
}

uint64_t BitsOf(const Value& value) {
  if (value.kind() == Value::Kind::kDouble) return std::bit_cast<uint64_t>(value.as_double());
  if (value.kind() == Value::Kind::kInt) return static_cast<uint64_t>(value.as_int());
  return value.as_bool() ? 1 : 0;
}

Value ValueOf(Value::Kind kind, uint64_t bits) {
  switch (kind) {
    case Value::Kind::kDouble:
      return Value::Double(std::bit_cast<double>(bits));
    case Value::Kind::kInt:
      return Value::Int(static_cast<int64_t>(bits));
    default:
      return Value::Bool(bits != 0);
  }
}

void RowsChange::Values::Resize(size_t rows) {
  had.resize(rows);
  before.resize(rows);
  after.resize(rows);
}

void RowsChange::Resize(size_t rows) {
  twins.resize(rows);
  values.resize(columns.size());
  for (Values& each : values) each.Resize(rows);
}

void RowsChange::Move(size_t from, size_t to) {
  if (from == to) return;
  twins[to] = twins[from];
  for (Values& each : values) {
    each.had[to] = each.had[from];
    each.before[to] = each.before[from];
    each.after[to] = each.after[from];
  }
}

void RowsChange::SetAfter(size_t to, size_t from) {
  for (Values& each : values) each.after[to] = each.after[from];
}

void EncodeRows(const RowsChange& rows, std::string* unit) {
  const size_t count = rows.twins.size();
  unit->reserve(unit->size() + 32 +
                count * (sizeof(uint32_t) + rows.columns.size() * (2 * sizeof(uint64_t) + 1)));
  AppendVarint(unit, 1);
  AppendFixed(unit, kRowsChangeKind);
  AppendVarint(unit, rows.table.value);
  AppendVarint(unit, rows.columns.size());
  AppendVarint(unit, count);
  for (const TwinNumber twin : rows.twins) AppendFixed(unit, twin.value);
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    AppendVarint(unit, rows.columns[i].id.value);
    AppendFixed(unit, static_cast<uint8_t>(rows.columns[i].kind));
    const RowsChange::Values& values = rows.values[i];
    for (size_t row = 0; row < count; row += 8) {
      uint8_t bits = 0;
      for (size_t k = 0; k < 8 && row + k < count; ++k) {
        bits = static_cast<uint8_t>(bits | (values.had[row + k] << k));
      }
      AppendFixed(unit, bits);
    }
    AppendAll(values.before, unit);
    AppendAll(values.after, unit);
  }
}

absl::Status RowsView::Decode(ByteReader* reader) {
  table_ = TableId(reader->Varint32());
  const uint64_t columns = reader->Varint(reader->rest().size());
  rows_ = reader->Varint(reader->rest().size());
  twins_ = reader->Bytes(rows_ * sizeof(uint32_t));
  columns_.clear();
  for (uint64_t i = 0; i < columns && reader->ok(); ++i) {
    Column& each = columns_.emplace_back();
    each.column.id = ColumnId(reader->Varint32());
    each.column.kind = static_cast<Value::Kind>(reader->Byte());
    if (each.column.kind != Value::Kind::kBool && each.column.kind != Value::Kind::kInt &&
        each.column.kind != Value::Kind::kDouble) {
      return DamagedRows("rows of no numbers");
    }
    each.had = reader->Bytes(BitmapBytes(rows_));
    each.before = reader->Bytes(rows_ * sizeof(uint64_t));
    each.after = reader->Bytes(rows_ * sizeof(uint64_t));
  }
  return reader->ok() ? absl::OkStatus() : DamagedRows("rows are cut short");
}

std::vector<TwinNumber> RowsView::Twins() const {
  std::vector<TwinNumber> twins(rows_);
  for (size_t i = 0; i < rows_; ++i) {
    std::memcpy(&twins[i].value, twins_.data() + i * sizeof(uint32_t), sizeof(uint32_t));
  }
  return twins;
}

void RowsView::AppendTo(Time time, std::vector<Change>* changes) const {
  changes->reserve(changes->size() + rows_ * columns_.size());
  const std::vector<TwinNumber> twins = Twins();
  for (size_t row = 0; row < rows_; ++row) {
    for (const Column& each : columns_) {
      Change& change = changes->emplace_back();
      change.kind = Change::Kind::kSetValue;
      change.number = twins[row].value;
      change.table = table_.value;
      change.column = each.column.id.value;
      change.source_time = time;
      if (BitAt(each.had, row)) {
        change.old_value = ValueOf(each.column.kind, WordAt(each.before, row));
      }
      change.new_value = ValueOf(each.column.kind, WordAt(each.after, row));
    }
  }
}

bool RowsView::IsHistorized(const graph::Catalog& catalog) const {
  if (table_.value >= catalog.tables().size()) return false;
  const std::vector<graph::ColumnSchema>& columns = catalog.table(table_).columns;
  for (const Column& each : columns_) {
    const uint32_t column = each.column.id.value;
    if (column < columns.size() && columns[column].traits.historized) return true;
  }
  return false;
}

absl::Status RowsView::Apply(Sequence sequence, Time time, graph::Graph* graph) const {
  const auto misfit = [&] {
    return DamagedRows(
        absl::StrCat("rows at sequence ", sequence.value, " do not fit the state before them"));
  };
  const graph::Catalog& catalog = graph->head().catalog();
  if (table_.value >= catalog.tables().size()) return misfit();
  const std::vector<graph::ColumnSchema>& columns = catalog.table(table_).columns;
  for (const Column& each : columns_) {
    const uint32_t column = each.column.id.value;
    if (column >= columns.size() || NumberKindOf(columns[column].type) != each.column.kind) {
      return misfit();
    }
  }
  const std::vector<TwinNumber> twins = Twins();
  std::vector<graph::TwinPlace> places(rows_);
  graph->head().FindPlaces(twins, places.data());
  std::vector<uint32_t> rows(rows_);
  for (size_t i = 0; i < rows_; ++i) {
    rows[i] = places[i].row;
    if (!(places[i].table == table_) || rows[i] == graph::GraphView::kNoRow) return misfit();
  }
  for (const Column& each : columns_) {
    graph->SetNumbers(table_, each.column.id, {rows, each.had, each.after}, time);
  }
  for (const TwinNumber twin : twins) graph->Touch(twin, sequence, time);
  return absl::OkStatus();
}

}  // namespace twin::ingest
