#include "server/graph/values.h"

#include <algorithm>
#include <cstring>

#include "server/base/check.h"
#include "server/base/float.h"

namespace twin::graph {
namespace {

template <typename T>
T Load(const char* page, uint32_t index) {
  T value;
  std::memcpy(&value, page + kBitmapBytes + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void Store(char* page, uint32_t index, T value) {
  std::memcpy(page + kBitmapBytes + index * sizeof(T), &value, sizeof(T));
}

constexpr uint32_t kTimePageBytes = kRowsPerPage * sizeof(int64_t);

}  // namespace

bool HasValue(const Column& column, uint32_t row) {
  const char* page = column.values.Bytes(row / kRowsPerPage);
  return page != nullptr && HasBit(page, row % kRowsPerPage);
}

Value LoadValue(const Column& column, ColumnType type, uint32_t row, const StringPool& strings) {
  const char* page = column.values.Bytes(row / kRowsPerPage);
  const uint32_t index = row % kRowsPerPage;
  if (page == nullptr || !HasBit(page, index)) return Value();
  switch (type) {
    case ColumnType::kBool:
      return Value::Bool(Load<uint8_t>(page, index) != 0);
    case ColumnType::kInt32:
      return Value::Int(Load<int32_t>(page, index));
    case ColumnType::kInt64:
      return Value::Int(Load<int64_t>(page, index));
    case ColumnType::kFloat:
      return Value::Double(FromFloat(Load<float>(page, index)));
    case ColumnType::kDouble:
      return Value::Double(Load<double>(page, index));
    case ColumnType::kTime:
      return Value::OfTime(Time{Load<int64_t>(page, index)});
    case ColumnType::kString:
      return Value::String(strings.Get(Load<uint32_t>(page, index)));
    case ColumnType::kDocument: {
      absl::string_view bytes = strings.Get(Load<uint32_t>(page, index));
      Value value;
      const absl::Status status = Value::Decode(&bytes, &value);
      TWIN_CHECK(status.ok()) << status;
      return value;
    }
  }
  return Value();
}

uint32_t LoadCode(const Column& column, uint32_t row) {
  return Load<uint32_t>(column.values.Bytes(row / kRowsPerPage), row % kRowsPerPage);
}

int64_t LoadTime(const PageArray& times, uint32_t row) {
  const absl::string_view page = times.Get(row / kRowsPerPage);
  if (page.empty()) return 0;
  int64_t ns = 0;
  const size_t at = page.size() == sizeof(ns) ? 0 : row % kRowsPerPage * sizeof(ns);
  std::memcpy(&ns, page.data() + at, sizeof(ns));
  return ns;
}

uint32_t LoadRow(const Table& table, uint32_t row) {
  const char* page = table.numbers.Bytes(row / kRowsPerPage);
  if (page == nullptr) return kNone;
  uint32_t number = 0;
  std::memcpy(&number, page + row % kRowsPerPage * sizeof(number), sizeof(number));
  return number - 1;
}

void StoreTime(PageArray* times, uint32_t row, int64_t ns, bool alone, uint64_t stamp) {
  StoreTimes(times, absl::MakeConstSpan(&row, 1), ns, alone, stamp);
}

void StoreTimes(PageArray* times, absl::Span<const uint32_t> rows, int64_t ns, bool all,
                uint64_t stamp) {
  const uint32_t page = rows.front() / kRowsPerPage;
  const absl::string_view before = times->Get(page);
  if (before.empty() && ns == 0) return;
  int64_t constant = 0;
  if (before.size() <= sizeof(constant)) {
    if (!before.empty()) std::memcpy(&constant, before.data(), sizeof(constant));
    if (constant == ns && !before.empty()) return;
    if (all) {
      times->Store(page, absl::string_view(reinterpret_cast<const char*>(&ns), sizeof(ns)), stamp);
      return;
    }
    char* bytes = times->Mutable(page, kTimePageBytes, stamp);
    for (uint32_t i = 0; i < kRowsPerPage; ++i) {
      std::memcpy(bytes + i * sizeof(constant), &constant, sizeof(constant));
    }
  }
  char* bytes = times->Mutable(page, kTimePageBytes, stamp);
  for (const uint32_t row : rows) {
    std::memcpy(bytes + row % kRowsPerPage * sizeof(ns), &ns, sizeof(ns));
  }
}

void StoreRow(Table* table, uint32_t row, uint32_t number, uint64_t stamp) {
  char* page = table->numbers.Mutable(row / kRowsPerPage, kRowsPerPage * sizeof(number), stamp);
  const uint32_t stored = number + 1;
  std::memcpy(page + row % kRowsPerPage * sizeof(stored), &stored, sizeof(stored));
}

bool PageIsEmpty(const Column& column, uint32_t row) {
  const absl::string_view page = column.values.Get(row / kRowsPerPage);
  return page.empty() ||
         std::all_of(page.begin(), page.begin() + kBitmapBytes, [](char c) { return c == 0; });
}

void StoreBits(Column* column, ColumnType type, uint32_t row, const Value& value, uint32_t code,
               uint64_t stamp) {
  const uint32_t bytes = kBitmapBytes + kRowsPerPage * ValueBytes(type);
  char* page = column->values.Mutable(row / kRowsPerPage, bytes, stamp);
  const uint32_t index = row % kRowsPerPage;
  page[index / 8] = static_cast<char>(page[index / 8] | (1 << (index % 8)));
  switch (type) {
    case ColumnType::kBool:
      Store<uint8_t>(page, index, value.as_bool() ? 1 : 0);
      break;
    case ColumnType::kInt32:
      Store(page, index, static_cast<int32_t>(value.as_int()));
      break;
    case ColumnType::kInt64:
      Store(page, index, value.as_int());
      break;
    case ColumnType::kFloat:
      Store(page, index, static_cast<float>(value.as_double()));
      break;
    case ColumnType::kDouble:
      Store(page, index, value.as_double());
      break;
    case ColumnType::kTime:
      Store(page, index, value.as_time().ns);
      break;
    case ColumnType::kString:
    case ColumnType::kDocument:
      Store(page, index, code);
      break;
  }
}

void ClearValue(Column* column, ColumnType type, uint32_t row, uint64_t stamp) {
  if (!HasValue(*column, row)) return;
  const uint32_t bytes = kBitmapBytes + kRowsPerPage * ValueBytes(type);
  char* page = column->values.Mutable(row / kRowsPerPage, bytes, stamp);
  const uint32_t index = row % kRowsPerPage;
  page[index / 8] = static_cast<char>(page[index / 8] & ~(1 << (index % 8)));
}

std::string StringForm(ColumnType type, const Value& value) {
  if (type == ColumnType::kString) return value.as_string();
  std::string bytes;
  value.AppendTo(&bytes);
  return bytes;
}

}  // namespace twin::graph
