// Checker::CheckAll: a batch of alike patches, checked a column at a time. Whatever is not as most
// are makes it the long way's, which knows what to say of it.
#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "models/dtdl/values.h"
#include "server/ingest/checker.h"

namespace twin::ingest {
namespace {

// Most columns take each finite double as it is.
bool TakesDoubles(const graph::ColumnSchema& column) {
  return column.schema->kind == dtdl::Class::kDouble && !dtdl::BoundsNumbers(column.traits);
}

void SetFirst(size_t count, std::vector<uint64_t>* bits, const uint8_t* bools, const int64_t* ints,
              const double* doubles) {
  for (size_t i = 0; i < count; ++i) {
    (*bits)[i] = doubles != nullptr ? std::bit_cast<uint64_t>(doubles[i])
                 : ints != nullptr  ? static_cast<uint64_t>(ints[i])
                                    : uint64_t{bools[i]};
  }
}

}  // namespace

bool Checker::FindRows(const PatchColumns& patches) {
  const graph::GraphView& head = pending_.head();
  const size_t rows = patches.rows();
  std::vector<absl::string_view> ids(rows);
  for (size_t i = 0; i < rows; ++i) ids[i] = patches.Id(i);
  rows_.twins.resize(rows);
  head.FindTwins(ids, rows_.twins.data());
  if (std::find(rows_.twins.begin(), rows_.twins.end(), kNoTwin) != rows_.twins.end()) return false;
  places_.resize(rows);
  head.FindPlaces(rows_.twins, places_.data());
  rows_.table = places_[0].table;
  row_numbers_.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (!(places_[i].table == rows_.table)) return false;
    row_numbers_[i] = places_[i].row;
  }
  return true;
}

bool Checker::FindRowsColumns(const PatchColumns& patches) {
  const graph::TableSchema& table = pending_.catalog().table(rows_.table);
  if (!table.required.empty()) return false;
  Ahead found;
  FindColumns(patches, table, &found);
  if (found.columns_count == 0) return false;
  rows_.columns.clear();
  for (size_t i = 0; i < found.columns_count; ++i) {
    const ColumnId id = found.columns[i];
    const std::optional<Value::Kind> kind = NumberKindOf(table.columns[id.value].type);
    const bool is_other = std::none_of(rows_.columns.begin(), rows_.columns.end(),
                                       [&](const RowsColumn& each) { return each.id == id; });
    if (!kind.has_value() || !is_other) return false;
    rows_.columns.push_back({id, *kind});
  }
  return true;
}

bool Checker::CheckRowsValues(const PatchColumns& patches, size_t column) {
  const graph::TableSchema& table = pending_.catalog().table(rows_.table);
  const graph::ColumnSchema& schema = table.columns[rows_.columns[column].id.value];
  std::vector<uint64_t>& after = rows_.values[column].after;
  const size_t rows = patches.rows();
  if (TakesDoubles(schema) && patches.columns()[column].kind == Value::Kind::kDouble) {
    bool all_finite = true;
    for (size_t i = 0; i < rows; ++i) {
      after[i] = patches.Bits(i, column);
      all_finite = all_finite && std::isfinite(std::bit_cast<double>(after[i]));
    }
    return all_finite;
  }
  for (size_t i = 0; i < rows; ++i) {
    const absl::StatusOr<Value> checked =
        CheckValue(schema, patches.Get(i, column), schema.path, limits_);
    if (!checked.ok() || checked->kind() != rows_.columns[column].kind) return false;
    after[i] = BitsOf(*checked);
  }
  return true;
}

// As the head has them.
void Checker::ReadRowsValues(size_t column) {
  const graph::GraphView& head = pending_.head();
  const size_t rows = rows_.twins.size();
  const RowsColumn& of = rows_.columns[column];
  RowsChange::Values& values = rows_.values[column];
  std::vector<uint8_t> nulls;
  std::vector<uint8_t> bools(of.kind == Value::Kind::kBool ? rows : 0);
  std::vector<int64_t> ints(of.kind == Value::Kind::kInt ? rows : 0);
  std::vector<double> doubles(of.kind == Value::Kind::kDouble ? rows : 0);
  graph::ColumnBatch batch;
  batch.nulls = &nulls;
  batch.bools = bools.empty() ? nullptr : bools.data();
  batch.ints = ints.empty() ? nullptr : ints.data();
  batch.doubles = doubles.empty() ? nullptr : doubles.data();
  head.ReadColumn(rows_.table, of.id, row_numbers_, batch);
  SetFirst(rows, &values.before, batch.bools, batch.ints, batch.doubles);
  std::fill(values.had.begin(), values.had.end(), uint8_t{1});
  for (size_t i = 0; i < nulls.size(); ++i) {
    if (nulls[i] == 0) continue;
    values.had[i] = 0;
    values.before[i] = 0;
  }
}

bool Checker::CheckAll(const PatchColumns& patches, std::vector<OperationResult>* results) {
  const size_t rows = patches.rows();
  const auto columns = static_cast<int64_t>(patches.columns().size());
  if (rows == 0 || columns > limits_.patch_operations_max ||
      pending_.head().shared_catalog() != pending_.shared_catalog() || !FindRows(patches) ||
      !FindRowsColumns(patches)) {
    return false;
  }
  rows_.Resize(rows);
  for (size_t i = 0; i < rows_.columns.size(); ++i) {
    if (!CheckRowsValues(patches, i)) return false;
    if (pending_.head().AnyLater(rows_.table, rows_.columns[i].id, row_numbers_, time_)) {
      return false;
    }
    ReadRowsValues(i);
  }
  if (!pending_.SetRows(&rows_)) return false;
  OperationResult one;
  one.version = pending_.next_sequence();
  one.changed = 1;
  results->assign(rows, one);
  return true;
}

}  // namespace twin::ingest
