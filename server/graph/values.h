// Values in and out of the pages of a column. Internal to server/graph.
#ifndef TWIN_SERVER_GRAPH_VALUES_H_
#define TWIN_SERVER_GRAPH_VALUES_H_

#include "absl/types/span.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/graph/state.h"

namespace twin::graph {

// Source times as pages hold them: 0 stands for the update time, so that pages begin as zeros, and
// 1970 itself for the earliest time there is (in 1677, which reads as a nanosecond later).
inline constexpr int64_t kAsUpdateTime = 0;
inline constexpr int64_t kStored1970 = INT64_MIN;
inline int64_t StoredSourceTime(Time source) {
  if (source.ns == 0) return kStored1970;
  return source.ns == kStored1970 ? kStored1970 + 1 : source.ns;
}
inline Time SourceTimeOf(int64_t stored) { return Time{stored == kStored1970 ? 0 : stored}; }

// Whether the row of that index in a page of values has one.
inline bool HasBit(const char* page, uint32_t index) {
  return ((static_cast<uint8_t>(page[index / 8]) >> (index % 8)) & 1) != 0;
}
bool HasValue(const Column& column, uint32_t row);
Value LoadValue(const Column& column, ColumnType type, uint32_t row, const StringPool& strings);
// The string code of a row that has a value.
uint32_t LoadCode(const Column& column, uint32_t row);
int64_t LoadTime(const PageArray& times, uint32_t row);
// kNone: the row is free.
uint32_t LoadRow(const Table& table, uint32_t row);

// `alone`: no other row of the page has a value, so the time becomes that of the whole page.
void StoreTime(PageArray* times, uint32_t row, int64_t ns, bool alone, uint64_t stamp);
// The same for rows of one page, which lie in ascending order. `all`: no other row of it has a
// value.
void StoreTimes(PageArray* times, absl::Span<const uint32_t> rows, int64_t ns, bool all,
                uint64_t stamp);
void StoreRow(Table* table, uint32_t row, uint32_t number, uint64_t stamp);
// No row of the page has a value.
bool PageIsEmpty(const Column& column, uint32_t row);
// Values of string columns are codes, which the caller counts.
void StoreBits(Column* column, ColumnType type, uint32_t row, const Value& value, uint32_t code,
               uint64_t stamp);
void ClearValue(Column* column, ColumnType type, uint32_t row, uint64_t stamp);
// The bytes that stand for a document, or a string itself.
std::string StringForm(ColumnType type, const Value& value);

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_VALUES_H_
