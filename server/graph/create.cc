// Graph::Create: many twins and relationships at once, a column of their values at a time. What one
// of them asks of memory is on its way while others are worked on.
#include <algorithm>
#include <bit>
#include <cstring>

#include "server/base/check.h"
#include "server/graph/graph.h"
#include "server/graph/state.h"
#include "server/graph/values.h"

namespace twin::graph {
namespace {

// Into rows of one page, which have no values yet.
template <typename T, typename Of>
void StoreAll(char* page, absl::Span<const uint32_t> rows, Of of) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t index = rows[i] % kRowsPerPage;
    page[index / 8] = static_cast<char>(page[index / 8] | (1 << (index % 8)));
    const T value = static_cast<T>(of(i));
    std::memcpy(page + kBitmapBytes + index * sizeof(T), &value, sizeof(T));
  }
}

void StoreAll(char* page, ColumnType type, absl::Span<const uint32_t> rows, const uint64_t* bits,
              const uint32_t* codes) {
  const auto as_int = [&](size_t i) { return static_cast<int64_t>(bits[i]); };
  const auto as_double = [&](size_t i) { return std::bit_cast<double>(bits[i]); };
  switch (type) {
    case ColumnType::kBool:
      return StoreAll<uint8_t>(page, rows, as_int);
    case ColumnType::kInt32:
      return StoreAll<int32_t>(page, rows, as_int);
    case ColumnType::kInt64:
    case ColumnType::kTime:
      return StoreAll<int64_t>(page, rows, as_int);
    case ColumnType::kFloat:
      return StoreAll<float>(page, rows, as_double);
    case ColumnType::kDouble:
      return StoreAll<double>(page, rows, as_double);
    case ColumnType::kString:
    case ColumnType::kDocument:
      return StoreAll<uint32_t>(page, rows, [&](size_t i) { return codes[i]; });
  }
}

}  // namespace

void Graph::Create(const Creations& made, Time update) {
  const uint32_t first = Change()->next_twin;
  CreateTwins(made, update);
  CreateFirstValues(made, TwinNumber(first), update);
  std::vector<absl::string_view> ids;
  ids.reserve(made.relationships.size());
  for (const Creations::Relationship& each : made.relationships) ids.push_back(each.id);
  std::vector<uint32_t> codes(ids.size());
  shared_->strings.InternAll(ids, codes.data());
  const RelationshipNumber first_relationship(state_->next_relationship);
  constexpr size_t kAtOnce = 64;
  for (size_t i = 0; i < made.relationships.size(); i += kAtOnce) {
    const auto some = absl::MakeConstSpan(made.relationships).subspan(i, kAtOnce);
    FetchEnds(some);
    for (size_t k = 0; k < some.size(); ++k) Relate(some[k], codes[i + k]);
  }
  CreateFirstValues(made, first_relationship);
}

// What Relate looks at: the twins, the first relationships of their lists, and the last ones, which
// the first ones know.
void Graph::FetchEnds(absl::Span<const Creations::Relationship> relationships) const {
  const auto for_each_first = [&](auto visit) {
    for (const Creations::Relationship& each : relationships) {
      const auto* source = EntryAt<TwinEntry>(state_->twin_entries, each.source.value);
      const auto* target = EntryAt<TwinEntry>(state_->twin_entries, each.target.value);
      if (source->first_out != kNone) visit(source->first_out, &RelationshipEntry::previous_out);
      if (target->first_in != kNone) visit(target->first_in, &RelationshipEntry::previous_in);
    }
  };
  for (const Creations::Relationship& each : relationships) {
    head_->FetchTwin(each.source);
    head_->FetchTwin(each.target);
  }
  for_each_first([&](uint32_t first, auto) { FetchRelationship(*state_, first); });
  for_each_first([&](uint32_t first, auto last) {
    FetchRelationship(*state_,
                      EntryAt<RelationshipEntry>(state_->relationship_entries, first)->*last);
  });
}

void Graph::CreateFirstValues(const Creations& made, RelationshipNumber first) {
  for (const Creations::RelationshipValue& each : made.relationship_values) {
    const RelationshipTypeId type = made.relationships[each.relationship].type;
    const auto* entry =
        EntryAt<RelationshipEntry>(state_->relationship_entries, first.value + each.relationship);
    const ColumnType kind =
        head_->catalog().relationship_type(type).columns[each.column.value].type;
    const uint32_t code =
        kind == ColumnType::kString ? shared_->strings.Intern(each.text) : kNoString;
    StoreBits(&ChangeRelationshipTable(type)->columns[each.column.value], kind, entry->row,
              each.value, code, stamp_);
  }
}

void Graph::CreateTwins(const Creations& made, Time update) {
  if (made.twins.empty()) return;
  State* state = Change();
  std::vector<absl::string_view> ids;
  ids.reserve(made.twins.size());
  for (const Creations::Twin& twin : made.twins) ids.push_back(twin.id);
  shared_->ids.AddAll(state->next_twin, ids);
  std::vector<Table*> tables;
  for (const Creations::Kind& kind : made.kinds) tables.push_back(ChangeTable(kind.table));
  for (const Creations::Twin& twin : made.twins) {
    const uint32_t number = state->next_twin++;
    const TableId table = made.kinds[twin.kind].table;
    auto* entry = MutableEntryAt<TwinEntry>(&state->twin_entries, number, stamp_);
    *entry = TwinEntry();
    entry->table = table.value + 1;
    entry->row = TakeRow(tables[twin.kind], &free_rows_[table.value], number);
    entry->version = twin.version.value;
    entry->update_time = update.ns;
    StoreTime(&state->twin_begins, number, twin.begin.ns, number % kRowsPerPage == 0, stamp_);
  }
  state->twins += made.twins.size();
}

void Graph::CreateFirstValues(const Creations& made, TwinNumber first, Time update) {
  std::vector<uint32_t> rows;
  std::vector<uint32_t> numbers;
  std::vector<uint32_t> codes;
  for (uint32_t k = 0; k < made.kinds.size(); ++k) {
    const Creations::Kind& kind = made.kinds[k];
    if (kind.columns.empty() || kind.twins == 0) continue;
    rows.clear();
    numbers.clear();
    for (size_t i = 0; i < made.twins.size(); ++i) {
      if (made.twins[i].kind != k) continue;
      numbers.push_back(first.value + static_cast<uint32_t>(i));
      rows.push_back(EntryAt<TwinEntry>(state_->twin_entries, numbers.back())->row);
    }
    const TableSchema& schema = head_->catalog().table(kind.table);
    Table* table = ChangeTable(kind.table);
    const int64_t source = kind.source == update ? kAsUpdateTime : StoredSourceTime(kind.source);
    for (const Creations::Column& values : kind.columns) {
      const ColumnSchema& column = schema.columns[values.id.value];
      TWIN_CHECK(column.type != ColumnType::kDocument);
      if (column.type == ColumnType::kString) {
        codes.resize(values.texts.size());
        shared_->strings.InternAll(values.texts, codes.data());
      }
      Column& stored = table->columns[values.id.value];
      const uint32_t bytes = kBitmapBytes + kRowsPerPage * ValueBytes(column.type);
      for (size_t begin = 0; begin < rows.size();) {
        const uint32_t page = rows[begin] / kRowsPerPage;
        size_t end = begin + 1;
        while (end < rows.size() && rows[end] / kRowsPerPage == page) ++end;
        const auto some = absl::MakeConstSpan(rows).subspan(begin, end - begin);
        const bool all = PageIsEmpty(stored, rows[begin]);
        StoreTimes(&stored.update_times, some, update.ns, all, stamp_);
        StoreTimes(&stored.source_times, some, source, all, stamp_);
        // A column has either bits or texts, of which there are codes.
        const bool has_codes = column.type == ColumnType::kString;
        StoreAll(stored.values.Mutable(page, bytes, stamp_), column.type, some,
                 has_codes ? nullptr : values.bits.data() + begin,
                 has_codes ? codes.data() + begin : nullptr);
        begin = end;
      }
      if (!column.indexed) continue;
      for (size_t i = 0; i < rows.size(); ++i) {
        shared_->equality.Add(kind.table, values.id, codes[i], numbers[i]);
      }
    }
  }
}

}  // namespace twin::graph
