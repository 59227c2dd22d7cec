// Graph::SetNumbers, and what is asked before: a column's values of many twins, wherever they lie.
// What some rows ask of memory is on its way while others are worked on.
#include <cstring>

#include "server/base/check.h"
#include "server/graph/graph.h"
#include "server/graph/state.h"
#include "server/graph/values.h"

namespace twin::graph {
namespace {

constexpr size_t kRowsAhead = 16;

template <typename Stored, typename Given>
void StoreNumber(char* page, uint32_t index, const char* bits) {
  Given given;
  std::memcpy(&given, bits, sizeof(given));
  const auto value = static_cast<Stored>(given);
  std::memcpy(page + kBitmapBytes + index * sizeof(value), &value, sizeof(value));
}

void StoreNumber(ColumnType type, char* page, uint32_t index, const char* bits) {
  switch (type) {
    case ColumnType::kBool:
      return StoreNumber<uint8_t, uint64_t>(page, index, bits);
    case ColumnType::kInt32:
      return StoreNumber<int32_t, int64_t>(page, index, bits);
    case ColumnType::kInt64:
      return StoreNumber<int64_t, int64_t>(page, index, bits);
    case ColumnType::kFloat:
      return StoreNumber<float, double>(page, index, bits);
    default:
      return StoreNumber<double, double>(page, index, bits);
  }
}

bool IsNumber(ColumnType type) { return !IsStringColumn(type) && type != ColumnType::kTime; }

// Most pages have a time for each row.
void StoreTimeOf(Column* column, uint32_t row, int64_t ns, uint64_t stamp) {
  constexpr size_t kBytes = kRowsPerPage * sizeof(ns);
  const uint32_t page = row / kRowsPerPage;
  if (column->update_times.Get(page).size() != kBytes) {
    return StoreTime(&column->update_times, row, ns, PageIsEmpty(*column, row), stamp);
  }
  char* const times = column->update_times.Mutable(page, kBytes, stamp);
  std::memcpy(times + row % kRowsPerPage * sizeof(ns), &ns, sizeof(ns));
}

}  // namespace

void Graph::SetNumbers(TableId table, ColumnId column, const NumberRows& numbers, Time update) {
  const ColumnType type = head_->catalog().table(table).columns[column.value].type;
  const absl::Span<const uint32_t> rows = numbers.rows;
  TWIN_CHECK(IsNumber(type) && numbers.bits.size() == rows.size() * sizeof(uint64_t) &&
             numbers.had.size() * 8 >= rows.size())
      << column.value;
  Column& stored = ChangeTable(table)->columns[column.value];
  const uint32_t value_bytes = ValueBytes(type);
  const uint32_t page_bytes = kBitmapBytes + kRowsPerPage * value_bytes;
  const auto fetch = [&](uint32_t row) {
    const uint32_t index = row % kRowsPerPage;
    stored.values.FetchByte(row / kRowsPerPage, kBitmapBytes + index * value_bytes);
    stored.update_times.FetchByte(row / kRowsPerPage, index * sizeof(int64_t));
  };
  for (size_t i = 0; i < rows.size() && i < kRowsAhead; ++i) fetch(rows[i]);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + kRowsAhead < rows.size()) fetch(rows[i + kRowsAhead]);
    const uint32_t row = rows[i];
    const uint32_t index = row % kRowsPerPage;
    StoreTimeOf(&stored, row, update.ns, stamp_);
    StoreTime(&stored.source_times, row, kAsUpdateTime, /*alone=*/false, stamp_);
    char* const page = stored.values.Mutable(row / kRowsPerPage, page_bytes, stamp_);
    if (!HasBit(numbers.had.data(), static_cast<uint32_t>(i))) {
      page[index / 8] = static_cast<char>(page[index / 8] | (1 << (index % 8)));
    }
    StoreNumber(type, page, index, numbers.bits.data() + i * sizeof(uint64_t));
  }
}

bool GraphView::AnyLater(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                         Time time) const {
  const Column& stored = state_->tables[table.value]->columns[column.value];
  for (const uint32_t row : rows) {
    if (stored.source_times.Bytes(row / kRowsPerPage) == nullptr) continue;
    const int64_t given = LoadTime(stored.source_times, row);
    if (given != kAsUpdateTime && SourceTimeOf(given) > time && HasValue(stored, row)) return true;
  }
  return false;
}

}  // namespace twin::graph
