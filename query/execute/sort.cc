#include "query/execute/sort.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "query/execute/compare.h"
#include "query/execute/evaluate.h"

namespace twin::query {
namespace {

constexpr uint64_t kTopBit = uint64_t{1} << 63;

// A row with the start of its first key: 8 bytes whose order as an unsigned number is the key's.
struct Entry {
  uint64_t prefix;
  uint32_t row;
};

// Doubles in the order of OrderDoubles.
uint64_t PrefixOf(double value) {
  if (value == 0) value = 0.0;  // -0.0 too
  if (std::isnan(value)) return UINT64_MAX;
  const auto bits = std::bit_cast<uint64_t>(value);
  return (bits & kTopBit) != 0 ? ~bits : bits | kTopBit;
}
uint64_t PrefixOf(int64_t value) { return static_cast<uint64_t>(value) ^ kTopBit; }
uint64_t PrefixOf(absl::string_view text) {
  uint64_t prefix = 0;
  if (text.empty()) return prefix;  // Its data() may be nullptr, which memcpy must not have.
  std::memcpy(&prefix, text.data(), std::min(text.size(), sizeof(prefix)));
  return __builtin_bswap64(prefix);
}

// The order of rows by all keys; equal prefixes are the only thing that asks for it.
class Order {
 public:
  Order(absl::Span<const SortColumn> keys, bool prefix_decides)
      : keys_(keys), from_(prefix_decides ? 1 : 0) {}

  bool operator()(const Entry& a, const Entry& b) const {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int order = CompareRows(keys_.subspan(from_), a.row, b.row);
    return order != 0 ? order < 0 : a.row < b.row;
  }

 private:
  absl::Span<const SortColumn> keys_;
  size_t from_;
};

// Calls f with the array of the vector's values, if their order is that of prefixes. False: it is
// not.
template <typename F>
bool WithOrdered(const Vector& vector, F f) {
  switch (vector.kind) {
    case TypeKind::kInt:
    case TypeKind::kTime:
    case TypeKind::kDuration:
      f(vector.ints);
      return true;
    case TypeKind::kDouble:
      f(vector.doubles);
      return true;
    case TypeKind::kString:
      f(vector.strings);
      return true;
    default:
      return false;
  }
}

// Fills in prefixes. True: equal prefixes mean equal keys.
bool SetPrefixes(const SortColumn& key, std::vector<Entry>* entries) {
  const Vector& vector = *key.vector;
  const uint64_t flip = key.descending ? UINT64_MAX : 0;
  const bool ordered = WithOrdered(vector, [&](const auto& values) {
    for (Entry& entry : *entries) entry.prefix = PrefixOf(values[entry.row]) ^ flip;
  });
  if (ordered) return vector.kind != TypeKind::kString;
  for (Entry& entry : *entries) entry.prefix = 0;
  return false;
}

// Appends the first `limit` of `filled`, rows whose first key is not NULL, in their order.
void AppendFilled(absl::Span<const SortColumn> keys, const std::vector<uint32_t>& filled,
                  size_t limit, std::vector<uint32_t>* out) {
  std::vector<Entry> entries(filled.size());
  for (size_t i = 0; i < filled.size(); ++i) entries[i].row = filled[i];
  const Order order(keys, SetPrefixes(keys[0], &entries));
  limit = std::min(limit, entries.size());
  const auto end = entries.begin() + static_cast<std::ptrdiff_t>(limit);
  if (limit < entries.size()) std::nth_element(entries.begin(), end, entries.end(), order);
  std::sort(entries.begin(), end, order);
  for (size_t i = 0; i < limit; ++i) out->push_back(entries[i].row);
}

// The same for any rows, ascending. Those whose first key is NULL stand before or behind the
// others.
void AppendSorted(absl::Span<const SortColumn> keys, const std::vector<uint32_t>& rows,
                  size_t limit, std::vector<uint32_t>* out) {
  if (keys.empty()) {
    limit = std::min(limit, rows.size());
    out->insert(out->end(), rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(limit));
    return;
  }
  std::vector<uint32_t> nulls;
  std::vector<uint32_t> filled;
  filled.reserve(rows.size());
  for (const uint32_t row : rows) (keys[0].vector->IsNull(row) ? nulls : filled).push_back(row);
  const size_t end = out->size() + limit;
  if (keys[0].nulls_first) AppendSorted(keys.subspan(1), nulls, limit, out);
  AppendFilled(keys, filled, end - out->size(), out);
  if (!keys[0].nulls_first) AppendSorted(keys.subspan(1), nulls, end - out->size(), out);
}

}  // namespace

std::vector<uint32_t> RowsUpTo(const SortColumn& key, const Vector& bound, size_t at) {
  const Vector& vector = *key.vector;
  std::vector<uint32_t> rows;
  const bool bound_null = bound.IsNull(at);
  if (bound_null && !key.nulls_first) {
    rows.resize(vector.rows);
    std::iota(rows.begin(), rows.end(), 0U);
    return rows;
  }
  const uint64_t flip = key.descending ? UINT64_MAX : 0;
  uint64_t last = UINT64_MAX;  // of prefixes
  if (!bound_null && vector.kind == bound.kind) {
    WithOrdered(bound, [&](const auto& values) { last = PrefixOf(values[at]) ^ flip; });
  }
  const bool ordered = WithOrdered(vector, [&](const auto& values) {
    for (uint32_t row = 0; row < vector.rows; ++row) {
      const bool keeps = vector.IsNull(row) ? key.nulls_first
                                            : !bound_null && (PrefixOf(values[row]) ^ flip) <= last;
      if (keeps) rows.push_back(row);
    }
  });
  if (ordered) return rows;
  for (uint32_t row = 0; row < vector.rows; ++row) {
    if (vector.IsNull(row) ? key.nulls_first : !bound_null) rows.push_back(row);
  }
  return rows;
}

int CompareRows(absl::Span<const SortColumn> keys, size_t a, size_t b) {
  for (const SortColumn& key : keys) {
    const bool a_null = key.vector->IsNull(a);
    const bool b_null = key.vector->IsNull(b);
    if (a_null && b_null) continue;
    if (a_null || b_null) return a_null == key.nulls_first ? -1 : 1;
    const int order = Compare(*key.vector, a, *key.vector, b);
    if (order != 0) return key.descending ? -order : order;
  }
  return 0;
}

std::vector<uint32_t> SortRows(absl::Span<const SortColumn> keys, size_t rows) {
  return SortRowsTop(keys, rows, rows);
}

std::vector<uint32_t> SortRowsTop(absl::Span<const SortColumn> keys, size_t rows, size_t limit) {
  std::vector<uint32_t> all(rows);
  std::iota(all.begin(), all.end(), 0);
  std::vector<uint32_t> out;
  out.reserve(std::min(limit, rows));
  AppendSorted(keys, all, std::min(limit, rows), &out);
  return out;
}

}  // namespace twin::query
