// Batches of rows, read page by page: what a query does instead of one Value after the other.
#include <algorithm>
#include <cstring>

#include "server/base/check.h"
#include "server/base/float.h"
#include "server/graph/graph.h"
#include "server/graph/state.h"
#include "server/graph/values.h"

namespace twin::graph {
namespace {

// Rows whose pages are looked up before the first of them is read, so that memory answers for all
// of them at once.
constexpr size_t kLookAhead = 64;
// Shorter runs of consecutive rows are read one by one.
constexpr size_t kRunMin = 8;

bool HasAllBits(const char* page, uint32_t first, size_t count) {
  uint64_t words[2];
  std::memcpy(words, page, sizeof(words));
  if ((words[0] & words[1]) == UINT64_MAX) return true;
  for (uint32_t i = first; i < first + count; ++i) {
    if (!HasBit(page, i)) return false;
  }
  return true;
}

// The vector of NULLs, which is made when the first one is met.
class Nulls {
 public:
  Nulls(std::vector<uint8_t>* nulls, size_t rows) : nulls_(*nulls), rows_(rows) { nulls->clear(); }

  void Set(size_t row) {
    if (nulls_.empty()) nulls_.assign(rows_, 0);
    nulls_[row] = 1;
  }
  void SetAll(size_t row, size_t count) {
    if (nulls_.empty()) nulls_.assign(rows_, 0);
    std::fill_n(nulls_.begin() + static_cast<std::ptrdiff_t>(row), count, uint8_t{1});
  }
  void SetFrom(size_t row, const char* page, uint32_t first, size_t count) {
    if (HasAllBits(page, first, count)) return;
    if (nulls_.empty()) nulls_.assign(rows_, 0);
    for (size_t i = 0; i < count; ++i) {
      nulls_[row + i] = HasBit(page, first + static_cast<uint32_t>(i)) ? 0 : 1;
    }
  }

 private:
  std::vector<uint8_t>& nulls_;
  const size_t rows_;
};

// How many rows from `at` on follow each other within a page.
size_t RunAt(absl::Span<const uint32_t> rows, size_t at) {
  const uint32_t first = rows[at];
  const size_t count = std::min<size_t>(rows.size() - at, kRowsPerPage - first % kRowsPerPage);
  const uint32_t* run = rows.data() + at;
  if (run[count - 1] == first + count - 1) {  // as a rule all of them do: looked at in lanes
    uint32_t differences = 0;
    for (size_t i = 0; i < count; ++i) differences |= run[i] ^ (first + static_cast<uint32_t>(i));
    if (differences == 0) return count;
  }
  size_t i = 1;
  while (i < count && run[i] == first + i) ++i;
  return i;
}

// Calls run(row, page, index, count) for consecutive rows and one(row, page, index) for others;
// page is nullptr where it was never written.
template <size_t kValueBytes, typename Run, typename One>
void ForEachRow(const PageArray& pages, absl::Span<const uint32_t> rows, Run run, One one) {
  const char* ahead[kLookAhead];
  size_t i = 0;
  while (i < rows.size()) {
    const size_t length = RunAt(rows, i);
    if (length >= kRunMin) {
      run(i, pages.Bytes(rows[i] / kRowsPerPage), rows[i] % kRowsPerPage, length);
      i += length;
      continue;
    }
    const size_t count = std::min(kLookAhead, rows.size() - i);
    uint32_t last = UINT32_MAX;
    const char* page = nullptr;
    for (size_t k = 0; k < count; ++k) {
      const uint32_t row = rows[i + k];
      if (row / kRowsPerPage != last) {
        last = row / kRowsPerPage;
        page = pages.Bytes(last);
        if (page != nullptr) __builtin_prefetch(page);
      }
      ahead[k] = page;
      if (page != nullptr) {
        __builtin_prefetch(page + kBitmapBytes + row % kRowsPerPage * kValueBytes);
      }
    }
    for (size_t k = 0; k < count; ++k) one(i + k, ahead[k], rows[i + k] % kRowsPerPage);
    i += count;
  }
}

template <typename Stored>
Stored ValueAt(const char* page, uint32_t index) {
  Stored value;
  std::memcpy(&value, page + kBitmapBytes + index * sizeof(Stored), sizeof(Stored));
  return value;
}

// As LoadTime reads them.
class TimePage {
 public:
  explicit TimePage(absl::string_view page)
      : bytes_(page.empty() ? kZero : page.data()), step_(page.size() > sizeof(int64_t) ? 1 : 0) {}
  int64_t At(uint32_t index) const {
    int64_t ns = 0;
    std::memcpy(&ns, bytes_ + index * step_ * sizeof(ns), sizeof(ns));
    return ns;
  }

 private:
  static constexpr char kZero[sizeof(int64_t)] = {};
  const char* const bytes_;
  const size_t step_;  // 0: one time for all
};

template <typename Out, typename Stored>
Out As(Stored value) {
  if constexpr (std::is_same_v<Stored, float>) {
    return FromFloat(value);
  } else {
    return static_cast<Out>(value);
  }
}

template <typename Stored, typename Out>
void ReadNumbers(const PageArray& pages, absl::Span<const uint32_t> rows, Nulls nulls, Out* out) {
  const auto run = [&](size_t at, const char* page, uint32_t index, size_t count) {
    if (page == nullptr) {
      nulls.SetAll(at, count);
      return;
    }
    nulls.SetFrom(at, page, index, count);
    const char* from = page + kBitmapBytes + index * sizeof(Stored);
    if constexpr (std::is_same_v<Stored, Out>) {
      std::memcpy(out + at, from, count * sizeof(Stored));
    } else {
      for (size_t i = 0; i < count; ++i) {
        Stored value;
        std::memcpy(&value, from + i * sizeof(Stored), sizeof(Stored));
        out[at + i] = As<Out>(value);
      }
    }
  };
  const auto one = [&](size_t at, const char* page, uint32_t index) {
    if (page == nullptr || !HasBit(page, index)) {
      nulls.Set(at);
      return;
    }
    out[at] = As<Out>(ValueAt<Stored>(page, index));
  };
  ForEachRow<sizeof(Stored)>(pages, rows, run, one);
}

void ReadStrings(const PageArray& pages, absl::Span<const uint32_t> rows, const StringPool& strings,
                 Nulls nulls, absl::string_view* out) {
  const auto one = [&](size_t at, const char* page, uint32_t index) {
    if (page == nullptr || !HasBit(page, index)) {
      nulls.Set(at);
      return;
    }
    out[at] = strings.Get(ValueAt<uint32_t>(page, index));
  };
  const auto run = [&](size_t at, const char* page, uint32_t index, size_t count) {
    uint32_t last = kNoString;
    absl::string_view text;  // neighbours often have the same
    for (size_t i = 0; i < count; ++i, ++index) {
      if (page == nullptr || !HasBit(page, index)) {
        nulls.Set(at + i);
        continue;
      }
      const auto code = ValueAt<uint32_t>(page, index);
      if (code != last) {
        last = code;
        text = strings.Get(code);
      }
      out[at + i] = text;
    }
  };
  ForEachRow<sizeof(uint32_t)>(pages, rows, run, one);
}

void ReadPages(const Column& column, ColumnType type, absl::Span<const uint32_t> rows,
               const StringPool& strings, const ColumnBatch& out) {
  const Nulls nulls(out.nulls, rows.size());
  switch (type) {
    case ColumnType::kBool:
      return ReadNumbers<uint8_t>(column.values, rows, nulls, out.bools);
    case ColumnType::kInt32:
      return ReadNumbers<int32_t>(column.values, rows, nulls, out.ints);
    case ColumnType::kInt64:
    case ColumnType::kTime:
      return ReadNumbers<int64_t>(column.values, rows, nulls, out.ints);
    case ColumnType::kFloat:
      return ReadNumbers<float>(column.values, rows, nulls, out.doubles);
    case ColumnType::kDouble:
      return ReadNumbers<double>(column.values, rows, nulls, out.doubles);
    case ColumnType::kString:
    case ColumnType::kDocument:
      return ReadStrings(column.values, rows, strings, nulls, out.strings);
  }
}

}  // namespace

uint32_t GraphView::Rows(TableId table) const {
  return table.value < state_->tables.size() ? state_->tables[table.value]->rows : 0;
}

void GraphView::ListRows(TableId table, uint32_t first, uint32_t count,
                         std::vector<uint32_t>* twins, std::vector<uint32_t>* rows) const {
  const uint32_t end = std::min<uint64_t>(uint64_t{first} + count, Rows(table));
  if (first >= end) return;
  const PageArray& numbers = state_->tables[table.value]->numbers;
  twins->reserve(twins->size() + end - first);
  rows->reserve(rows->size() + end - first);
  for (uint32_t row = first; row < end;) {
    const uint32_t page_end = std::min(end, (row / kRowsPerPage + 1) * kRowsPerPage);
    const char* page = numbers.Bytes(row / kRowsPerPage);
    for (; page != nullptr && row < page_end; ++row) {
      uint32_t number = 0;
      std::memcpy(&number, page + row % kRowsPerPage * sizeof(number), sizeof(number));
      if (number == 0) continue;
      twins->push_back(number - 1);
      rows->push_back(row);
    }
    row = page_end;
  }
}

static_assert(GraphView::kPageRows == kRowsPerPage);

const uint32_t* GraphView::TwinPage(TableId table, uint32_t page) const {
  return reinterpret_cast<const uint32_t*>(state_->tables[table.value]->numbers.Bytes(page));
}

int64_t GraphView::CodeOf(absl::string_view text) const {
  const uint32_t code = shared_->strings.Find(text);
  return code == kNoString ? -1 : int64_t{code};
}

void GraphView::ColumnPages(TableId table, ColumnId column, uint32_t first,
                            absl::Span<const char*> pages) const {
  state_->tables[table.value]->columns[column.value].values.Bytes(first, pages);
}

void GraphView::PlacesOf(absl::Span<const uint32_t> twins, TwinPlace* places) const {
  const TwinEntry* ahead[kLookAhead];
  for (size_t i = 0; i < twins.size(); i += kLookAhead) {
    const size_t count = std::min(kLookAhead, twins.size() - i);
    for (size_t k = 0; k < count; ++k) {
      const uint32_t number = twins[i + k];
      const char* page = state_->twin_entries.Bytes(number / kEntriesPerPage);
      TWIN_CHECK(page != nullptr) << "no twin " << number;
      ahead[k] = reinterpret_cast<const TwinEntry*>(page) + number % kEntriesPerPage;
      __builtin_prefetch(ahead[k]);
    }
    for (size_t k = 0; k < count; ++k) {
      TWIN_CHECK(ahead[k]->table != 0) << "no twin " << twins[i + k];
      places[i + k] = {TableId(ahead[k]->table - 1), ahead[k]->row};
    }
  }
}

void GraphView::ReadColumn(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                           const ColumnBatch& out) const {
  ReadPages(state_->tables[table.value]->columns[column.value],
            state_->catalog->table(table).columns[column.value].type, rows, shared_->strings, out);
}

void GraphView::ReadTimes(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                          bool source, std::vector<uint8_t>* nulls, int64_t* times) const {
  const Column& stored = state_->tables[table.value]->columns[column.value];
  Nulls missing(nulls, rows.size());
  for (size_t i = 0; i < rows.size();) {
    const uint32_t page = rows[i] / kRowsPerPage;
    const size_t count = RunAt(rows, i);
    const char* const values = stored.values.Bytes(page);
    if (values == nullptr) {
      missing.SetAll(i, count);
    } else {
      missing.SetFrom(i, values, rows[i] % kRowsPerPage, count);
      const TimePage updates(stored.update_times.Get(page));
      const TimePage sources(stored.source_times.Get(page));
      for (size_t k = 0; k < count; ++k) {
        const uint32_t index = rows[i + k] % kRowsPerPage;
        const int64_t given = source ? sources.At(index) : kAsUpdateTime;
        times[i + k] = given == kAsUpdateTime ? updates.At(index) : SourceTimeOf(given).ns;
      }
    }
    i += count;
  }
}

void GraphView::ReadColumn(RelationshipTypeId type, ColumnId column,
                           absl::Span<const uint32_t> relationships, const ColumnBatch& out) const {
  std::vector<uint32_t> rows;
  rows.reserve(relationships.size());
  for (const uint32_t number : relationships) {
    const auto* entry = EntryAt<RelationshipEntry>(state_->relationship_entries, number);
    TWIN_CHECK(entry != nullptr && entry->type == type.value + 1) << number << " of " << type.value;
    rows.push_back(entry->row);
  }
  ReadPages(state_->relationship_tables[type.value]->columns[column.value],
            state_->catalog->relationship_type(type).columns[column.value].type, rows,
            shared_->strings, out);
}

Link GraphView::LinkOf(RelationshipNumber relationship) const {
  const auto* entry = EntryAt<RelationshipEntry>(state_->relationship_entries, relationship.value);
  TWIN_CHECK(entry != nullptr && entry->type != 0) << "no relationship " << relationship.value;
  return {RelationshipTypeId(entry->type - 1), TwinNumber(entry->source), TwinNumber(entry->target),
          RelationshipNumber(entry->next_out), RelationshipNumber(entry->next_in)};
}

uint64_t GraphView::relationships(RelationshipTypeId type) const {
  return type.value < state_->relationship_tables.size()
             ? state_->relationship_tables[type.value]->live
             : 0;
}

uint64_t GraphView::topology(RelationshipTypeId type) const {
  return type.value < state_->relationship_tables.size()
             ? state_->relationship_tables[type.value]->topology
             : 0;
}

void GraphView::ReadLinks(uint32_t first, uint32_t count, uint32_t* types, uint32_t* sources,
                          uint32_t* targets) const {
  for (uint32_t i = 0; i < count; ++i) {
    const auto* entry = EntryAt<RelationshipEntry>(state_->relationship_entries, first + i);
    types[i] = entry == nullptr ? UINT32_MAX : entry->type - 1;
    if (types[i] == UINT32_MAX) continue;
    sources[i] = entry->source;
    targets[i] = entry->target;
  }
}

}  // namespace twin::graph
