#include "server/timeseries/head.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "server/base/check.h"

namespace twin::timeseries {
namespace {

// Rows that a group holds raw. Fewer: more small pieces; more: more memory for each active series.
constexpr uint32_t kRawRows = 16;
// Pieces of about one size that become one.
constexpr size_t kFanIn = 4;

bool OnlyWider(const RawForm& form, const RawForm& wider) {
  return std::equal(form.columns.begin(), form.columns.end(), wider.columns.begin(),
                    [](const RawColumn& a, const RawColumn& b) {
                      return a.kind == b.kind && a.decimals == b.decimals;
                    });
}

uint32_t Even(uint64_t rows) { return static_cast<uint32_t>(rows + (rows & 1)); }

}  // namespace

Head::Head(const HeadOptions& options)
    : options_(options), raw_rows_(Even(std::clamp<uint32_t>(options.block_rows, 2, kRawRows))) {}

GroupId Head::AddGroup(const GroupSpec& spec) {
  Group group;
  if (spec.columns.size() == 1 && spec.columns[0].series.size() == 1) {
    group.key = spec.columns[0].series[0];
    group.kind = spec.columns[0].kind;
    group.decimals = spec.columns[0].decimals;
    TWIN_CHECK(group.decimals <= kDecimalsMax) << int{group.decimals};
  } else {
    auto packed = std::make_unique<PackedSpec>(spec);
    spec_bytes_.fetch_add(packed->bytes(), std::memory_order_relaxed);
    group.spec = std::move(packed);
  }
  group.raw_rows = static_cast<uint8_t>(raw_rows_);
  const GroupId id = groups_.Add(std::move(group));
  for (uint32_t c = 0; c < spec.columns.size(); ++c) {
    for (const SeriesKey& key : spec.columns[c].series) {
      index_.Add(key, {.group = id, .column = c});
    }
  }
  return id;
}

GroupId Head::GroupOfSeries(SeriesKey key, ColumnKind kind) {
  for (const Place& place : index_.FindAsWriter(key)) {
    const Group& group = groups_[place.group];
    if (group.spec == nullptr && group.kind == kind) return place.group;
  }
  GroupSpec spec;
  spec.columns.push_back({.kind = kind, .decimals = 0, .series = {key}});
  return AddGroup(spec);
}

bool Head::HasRowsOf(const Group& group, absl::Span<const SeriesKey> series,
                     absl::Span<const ColumnKind> kinds) {
  if (group.spec == nullptr || group.columns() != series.size()) return false;
  for (uint32_t c = 0; c < series.size(); ++c) {
    const absl::Span<const SeriesKey> keys = group.spec->series(c);
    if (keys.size() != 1 || keys[0] != series[c] || group.kind_of(c) != kinds[c]) return false;
  }
  return true;
}

std::optional<GroupId> Head::FindGroupOfRows(absl::Span<const SeriesKey> series,
                                             absl::Span<const ColumnKind> kinds) const {
  for (const Place& place : index_.FindAsWriter(series[0])) {
    if (HasRowsOf(groups_[place.group], series, kinds)) return place.group;
  }
  return std::nullopt;
}

std::optional<GroupId> Head::GroupOfRows(absl::Span<const SeriesKey> series,
                                         absl::Span<const ColumnKind> kinds) {
  if (series.size() == 1) return GroupOfSeries(series[0], kinds[0]);
  const Places places = index_.FindAsWriter(series[0]);
  for (const Place& place : places) {
    if (HasRowsOf(groups_[place.group], series, kinds)) return place.group;
  }
  if (places.size() >= kRowGroupsMax) return std::nullopt;
  GroupSpec spec;
  for (size_t c = 0; c < series.size(); ++c) {
    spec.columns.push_back({.kind = kinds[c], .decimals = 0, .series = {series[c]}});
  }
  return AddGroup(spec);
}

void Head::LookAhead(absl::Span<const SeriesKey> series) const {
  for (const SeriesKey& key : series) index_.Fetch(key);
  absl::InlinedVector<GroupId, 64> groups;
  for (const SeriesKey& key : series) {
    for (const Place& place : index_.FindAsWriter(key)) groups.push_back(place.group);
  }
  Fetch(groups);
}

uint64_t Head::group_bytes() const {
  return groups_.bytes() + spec_bytes_.load(std::memory_order_relaxed) + index_.bytes();
}

const RawForm* Head::FormOf(const Group& group) {
  std::vector<RawColumn> columns(group.columns());
  for (uint32_t c = 0; c < columns.size(); ++c) {
    const ColumnKind kind = group.kind_of(c);
    columns[c] = {.kind = kind,
                  .decimals = group.decimals_of(c),
                  .bytes = kind == ColumnKind::kDouble || kind == ColumnKind::kValue ? uint8_t{8}
                                                                                     : uint8_t{2}};
  }
  return forms_.Get(std::move(columns));
}

const RawForm* Head::FormFor(const Group& group, const Rows& rows, size_t begin, size_t end) {
  std::vector<RawColumn> columns = FormOf(group)->columns;
  for (size_t c = 0; c < columns.size(); ++c) {
    columns[c] = ColumnFor(columns[c], rows.columns[c], begin, end);
  }
  return forms_.Get(std::move(columns));
}

void Head::Append(const Rows& rows) {
  TWIN_CHECK(rows.group.value < groups_.size()) << rows.group.value;
  const size_t count = rows.times.size();
  TWIN_CHECK(rows.sequences.size() == count && rows.columns.size() == columns(rows.group))
      << rows.columns.size() << " columns for " << columns(rows.group);
  if (count == 0) return;
  AppendSome(rows.group, rows, 0, count);
  last_sequence_ = std::max(last_sequence_, rows.sequences[count - 1]);
  samples_.fetch_add(count * rows.columns.size(), std::memory_order_relaxed);
}

void Head::AppendEach(const RowsOfGroups& rows) {
  constexpr size_t kAhead = 32;
  const size_t count = rows.times.size();
  TWIN_CHECK(rows.sequences.size() == count && rows.groups.size() == count) << count;
  Rows one{.group = {}, .times = rows.times, .sequences = rows.sequences, .columns = rows.columns};
  size_t appended = 0;
  size_t fetched = 0;
  for (size_t i = 0; i < count;) {
    if (i >= fetched) {
      Fetch(rows.groups.subspan(i, kAhead));
      fetched = i + kAhead;
    }
    one.group = rows.groups[i];
    size_t end = i + 1;
    while (end < count && rows.groups[end] == one.group) ++end;
    if (one.group != RowsOfGroups::kNone) {
      TWIN_CHECK(one.group.value < groups_.size() && columns(one.group) == rows.columns.size())
          << one.group.value;
      AppendSome(one.group, one, i, end);
      appended += end - i;
    }
    i = end;
  }
  if (appended == 0) return;
  last_sequence_ = std::max(last_sequence_, rows.sequences[count - 1]);
  samples_.fetch_add(appended * rows.columns.size(), std::memory_order_relaxed);
}

// What appending looks at lies all over memory: it is asked for of all groups, step by step.
void Head::Fetch(absl::Span<const GroupId> groups) const {
  const auto for_each = [&](auto fetch) {
    for (const GroupId id : groups) {
      if (id != RowsOfGroups::kNone) fetch(groups_[id]);
    }
  };
  for_each([](const Group& group) {
    __builtin_prefetch(&group.spec);
    __builtin_prefetch(&group.changed_in, /*rw=*/1);
  });
  for_each([](const Group& group) {
    if (group.raw) __builtin_prefetch(group.raw.get(), /*rw=*/1);
    __builtin_prefetch(group.spec.get());
  });
  for_each([](const Group& group) {
    if (group.raw) group.raw->FetchNext();
    if (group.spec != nullptr) group.spec->Fetch();
  });
}

void Head::AppendSome(GroupId id, const Rows& rows, size_t begin, size_t end) {
  Group& group = groups_[id];
  MarkChanged(id);
  if (end - begin == 1 && AppendQuickly(&group, rows, begin)) return;
  while (begin < end) {
    const int64_t time = rows.times[begin];
    const int64_t day = DayOf(time);
    const bool late = time <= group.last_time;
    size_t to = begin + 1;
    for (; to < end && DayOf(rows.times[to]) == day; ++to) {
      if (late ? rows.times[to] > group.last_time : rows.times[to] <= rows.times[to - 1]) break;
    }
    if (late) {
      AppendLate(id, day, rows, begin, to);
    } else {
      AppendInOrder(id, rows, begin, to);
    }
    begin = to;
  }
  if (open_bytes() > options_.open_bytes_max) SealOldest();
}

size_t Head::StoreSome(Group* group, RawChunkPtr* raw, bool active, const Rows& rows, size_t begin,
                       size_t end) {
  const size_t wanted = end - begin;
  if (!*raw) {
    const uint32_t capacity =
        active ? raw_rows_ : std::min(raw_rows_, Even(std::max<size_t>(wanted, 2)));
    const size_t count = std::min<size_t>(wanted, capacity);
    GroupParts* const parts = group->parts.get();
    const RawForm* form = parts != nullptr ? parts->form : nullptr;
    if (form == nullptr) form = FormOf(*group);
    *raw = RawChunk::Create(form, capacity);
    if (!(*raw)->Store(rows, begin, begin + count)) {
      form = FormFor(*group, rows, begin, begin + count);
      *raw = RawChunk::Create(form, capacity);
      TWIN_CHECK((*raw)->Store(rows, begin, begin + count)) << "group " << rows.group.value;
    }
    if (parts != nullptr) parts->form = form;
    return count;
  }
  const uint32_t size = (*raw)->size();
  uint32_t capacity = (*raw)->capacity();
  if (size == capacity && capacity < raw_rows_) {
    capacity = std::min(raw_rows_, std::max(capacity * 2, Even(size + wanted)));
    *raw = RawChunk::Grown(**raw, capacity);
  }
  const size_t count = std::min<size_t>(wanted, capacity - size);
  return (*raw)->Store(rows, begin, begin + count) ? count : 0;
}

bool Head::AppendQuickly(Group* group, const Rows& rows, size_t row) {
  if (!group->raw) return false;
  RawChunk* const raw = group->raw.get();
  const int64_t time = rows.times[row];
  // The chunk's last row makes a piece of it.
  if (raw->size() == raw->capacity() || raw->size() + 1 >= group->raw_rows ||
      time <= group->last_time || DayOf(time) != DayOf(group->last_time) ||
      !raw->Store(rows, row, row + 1)) {
    return false;
  }
  raw->Commit(1);  // readers see it with the lock or without
  group->last_time = time;
  return true;
}

void Head::AppendInOrder(GroupId id, const Rows& rows, size_t begin, size_t end) {
  Group& group = groups_[id];
  const int64_t day = DayOf(rows.times[begin]);
  const bool new_day = group.last_time == kNoTime || DayOf(group.last_time) != day;
  if (new_day && IsOpen(group)) Close(id);
  if (new_day) StaggerFirstBlock(id);
  // Of a day that was dropped, groups are not known any more.
  if (new_day || (day < dropped_day_ && !IsOpen(group))) NoteDay(id, day);
  while (begin < end) {
    const bool was_open = IsOpen(group);
    const bool active = group.parts != nullptr && !group.parts->pieces.empty();
    RawChunkPtr raw = group.raw;
    const size_t stored = StoreSome(&group, &raw, active, rows, begin, end);
    if (stored == 0) {
      // Of another kind: another block. Only wider: another piece of this one.
      if (OnlyWider(group.raw->form(), *FormFor(group, rows, begin, begin + 1))) {
        if (group.parts != nullptr) group.parts->form = nullptr;
        Join(id, group.parts == nullptr ? 0 : group.parts->pieces.size());
      } else {
        Seal(id);
      }
      continue;
    }
    const auto grown =
        static_cast<int64_t>(BytesOf(raw)) - static_cast<int64_t>(BytesOf(group.raw));
    {
      MutexLock lock(shard(id));
      raw->Commit(stored);
      std::swap(group.raw, raw);
      group.last_time = rows.times[begin + stored - 1];
    }
    open_bytes_.fetch_add(grown, std::memory_order_relaxed);
    if (!was_open) NoteOpened(id, rows.sequences[begin]);
    begin += stored;
    if (group.raw->size() >= group.raw_rows) {
      Compact(id);
      group.raw_rows = static_cast<uint8_t>(raw_rows_);
    }
  }
}

// Sources that begin together, or go on together after midnight, are not to fill their blocks
// together: many at once hold everybody up. So the first block of a day is shorter by the group's
// number, up to a half, and where there are many columns its first piece, too.
void Head::StaggerFirstBlock(GroupId id) {
  constexpr uint32_t kManyColumns = 8;  // of few, a piece takes more memory than raw rows do
  constexpr uint32_t kLengths = 8;
  Group& group = groups_[id];
  group.shorter = static_cast<uint8_t>(id.value % kLengths);
  if (group.columns() < kManyColumns) return;
  const uint32_t less = id.value / kLengths % (raw_rows_ / 2) / 2 * 2;
  group.raw_rows = static_cast<uint8_t>(raw_rows_ - less);
}

void Head::Compact(GroupId id) {
  const Group& group = groups_[id];
  size_t rows = group.raw->size();
  size_t total = rows;
  size_t first = 0;
  if (group.parts != nullptr) {
    const std::vector<RowSourcePtr>& pieces = group.parts->pieces;
    for (const RowSourcePtr& piece : pieces) total += piece->range().rows;
    // As many as are not larger than what is joined so far: so each row is coded a few times, and
    // there are few pieces.
    first = pieces.size();
    while (true) {
      size_t begin = first;
      while (begin > 0 && pieces[begin - 1]->range().rows <= rows) --begin;
      if (first - begin + 1 < kFanIn) break;
      for (; first > begin; --first) rows += pieces[first - 1]->range().rows;
    }
  }
  const uint32_t block_rows = options_.block_rows - options_.block_rows * group.shorter / 16;
  if (total + raw_rows_ > block_rows) {  // there is no room for another piece
    Seal(id);
  } else {
    Join(id, first);
  }
}

std::vector<RowSourcePtr> Head::Pieces(GroupId id, size_t first) const {
  const Group& group = groups_[id];
  std::vector<RowSourcePtr> sources;
  if (group.parts != nullptr) {
    const std::vector<RowSourcePtr>& pieces = group.parts->pieces;
    sources.assign(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end());
  }
  if (group.raw) {
    sources.push_back(std::make_shared<const RawRows>(group.raw, group.raw->size()));
  }
  return sources;
}

void Head::Join(GroupId id, size_t first) {
  Group& group = groups_[id];
  const std::vector<RowSourcePtr> joined = Pieces(id, first);
  std::vector<RowSourcePtr> pieces;
  if (joined.size() == 1 && group.raw) {
    const RawChunk& raw = *group.raw;
    pieces.push_back(coder_.Encode({raw.times(), raw.size()}, {raw.sequences(), raw.size()},
                                   group.columns(), [&](uint32_t c) -> const ColumnValues& {
                                     column_.Clear();
                                     raw.ReadColumn(c, raw.size(), &column_);
                                     return column_;
                                   }));
  } else {
    FillBuffer(joined, group.columns());
    pieces.push_back(
        coder_.Encode(buffer_.times(), buffer_.sequences(), group.columns(),
                      [&](uint32_t c) -> const ColumnValues& { return buffer_.column(c); }));
  }
  if (pieces[0] == nullptr) {  // of values of any kind
    FillBuffer(joined, group.columns());
    const std::vector<MemoryBlockPtr> blocks = buffer_.Encode();
    pieces.assign(blocks.begin(), blocks.end());
  }
  open_bytes_.fetch_add(
      static_cast<int64_t>(BytesOf(pieces)) - static_cast<int64_t>(BytesOf(joined)),
      std::memory_order_relaxed);
  RawChunkPtr raw;
  MutexLock lock(shard(id));
  std::vector<RowSourcePtr>* const to = &group.mutable_parts()->pieces;
  to->resize(first);
  to->insert(to->end(), pieces.begin(), pieces.end());
  std::swap(group.raw, raw);
}

void Head::FillBuffer(const std::vector<RowSourcePtr>& sources, uint32_t columns) {
  buffer_.Clear(columns);
  for (const RowSourcePtr& source : sources) buffer_.AddOfMemory(*source);
}

void Head::Find(GroupId id, int64_t from, int64_t to, uint64_t sequence_max,
                std::vector<RowSourcePtr>* sources) const {
  std::vector<std::pair<RawChunkPtr, uint32_t>> raws;
  {
    const Group& group = groups_[id];
    MutexLock lock(shard(id));
    const auto add = [&](const auto& source) {
      const RowRange& range = source->range();
      if (range.first_time < to && range.last_time >= from &&
          range.first_sequence <= sequence_max) {
        sources->push_back(source);
      }
    };
    if (group.parts != nullptr) {
      std::for_each(group.parts->sealed.begin(), group.parts->sealed.end(), add);
      std::for_each(group.parts->closed.begin(), group.parts->closed.end(), add);
      std::for_each(group.parts->pieces.begin(), group.parts->pieces.end(), add);
      for (const auto& [day, run] : group.parts->late) {
        std::for_each(run.pieces.begin(), run.pieces.end(), add);
        if (run.raw && run.raw->size() > 0) raws.emplace_back(run.raw, run.raw->size());
      }
    }
    if (group.raw) {
      const uint32_t size = group.raw->size();
      if (group.raw->time(0) < to && group.raw->time(size - 1) >= from) {
        raws.emplace_back(group.raw, size);
      }
    }
  }
  for (auto& [raw, size] : raws) {
    // Sequences never fall in the order of arrival.
    const uint64_t* const end =
        std::upper_bound(raw->sequences(), raw->sequences() + size, sequence_max);
    const auto rows = static_cast<uint32_t>(end - raw->sequences());
    if (rows == 0) continue;
    auto source = std::make_shared<const RawRows>(std::move(raw), rows);
    if (source->range().first_time < to && source->range().last_time >= from) {
      sources->push_back(std::move(source));
    }
  }
}

}  // namespace twin::timeseries
