#include "tests/support/history_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kStart = 20'000 * kDay;

// NaN is a double like any other here.
bool SameDouble(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool IsNumber(const Value& value) {
  return value.kind() == Value::Kind::kInt || value.kind() == Value::Kind::kDouble;
}
double NumberOf(const Value& value) {
  return value.kind() == Value::Kind::kInt ? static_cast<double>(value.as_int())
                                           : value.as_double();
}

// Null: missing.
Value Wanted(const Value& value, WantedAs as) {
  switch (as) {
    case WantedAs::kDouble:
      return IsNumber(value) ? Value::Double(NumberOf(value)) : Value();
    case WantedAs::kInt: {
      if (value.kind() == Value::Kind::kInt) return value;
      if (!IsNumber(value) || std::floor(NumberOf(value)) != NumberOf(value)) return Value();
      return Value::Int(static_cast<int64_t>(NumberOf(value)));
    }
    case WantedAs::kValue:
      return value;
  }
  return Value();
}

Value Given(const ColumnValues& column, size_t row) {
  if (!column.missing.empty() && column.missing[row] != 0) return Value();
  switch (column.kind) {
    case ColumnKind::kDouble:
      return Value::Double(column.doubles[row]);
    case ColumnKind::kInt:
    case ColumnKind::kScaled:
      return Value::Int(column.ints[row]);
    case ColumnKind::kValue: {
      Value value;
      absl::string_view bytes = column.values[row];
      EXPECT_THAT(Value::Decode(&bytes, &value), testing::IsOk());
      return value;
    }
  }
  return Value();
}

bool Same(const Value& a, const Value& b) {
  if (IsNumber(a) && IsNumber(b)) return SameDouble(NumberOf(a), NumberOf(b));
  return a == b;
}

}  // namespace

void OwnedRows::AppendTo(Store* store) const {
  std::vector<ColumnRows> views(columns.size());
  std::vector<std::vector<absl::string_view>> strings(columns.size());
  for (size_t c = 0; c < columns.size(); ++c) {
    const Column& column = columns[c];
    views[c] = {.kind = column.kind, .decimals = column.decimals};
    if (!column.scaled.empty()) views[c].scaled = column.scaled.data();
    if (!column.ints.empty()) views[c].ints = column.ints.data();
    if (!column.doubles.empty()) views[c].doubles = column.doubles.data();
    strings[c].assign(column.values.begin(), column.values.end());
    if (!column.values.empty()) views[c].values = strings[c].data();
    if (!column.missing.empty()) views[c].missing = column.missing.data();
  }
  store->Append({.group = group, .times = times, .sequences = sequences, .columns = views});
}

Value OwnedRows::ValueAt(size_t column, size_t row) const {
  const Column& from = columns[column];
  if (!from.missing.empty() && from.missing[row] != 0) return Value();
  switch (from.kind) {
    case ColumnKind::kScaled: {
      const int64_t number = from.scaled.empty() ? from.ints[row] : from.scaled[row];
      return Value::Double(static_cast<double>(number) / std::pow(10.0, from.decimals));
    }
    case ColumnKind::kInt:
      return Value::Int(from.ints[row]);
    case ColumnKind::kDouble:
      return Value::Double(from.doubles[row]);
    case ColumnKind::kValue: {
      Value value;
      absl::string_view bytes = from.values[row];
      EXPECT_THAT(Value::Decode(&bytes, &value), testing::IsOk());
      return value;
    }
  }
  return Value();
}

void Reference::Add(const GroupSpec& spec, const OwnedRows& rows) {
  for (size_t c = 0; c < spec.columns.size(); ++c) {
    for (size_t i = 0; i < rows.times.size(); ++i) {
      Value value = rows.ValueAt(c, i);
      if (value.is_null()) continue;
      for (const SeriesKey& key : spec.columns[c].series) {
        samples_[{key.twin.value, key.path.value}][rows.times[i]][rows.sequences[i]] = value;
      }
    }
  }
}

std::map<int64_t, Value> Reference::Samples(SeriesKey key, uint64_t sequence, size_t drops) const {
  std::map<int64_t, Value> result;
  const auto found = samples_.find({key.twin.value, key.path.value});
  if (found == samples_.end()) return result;
  for (const auto& [time, versions] : found->second) {
    for (const auto& [number, value] : versions) {
      if (number > sequence) break;
      const bool dropped =
          std::any_of(drops_.begin(), drops_.begin() + static_cast<std::ptrdiff_t>(drops),
                      [at = time, of = number](const Drop& drop) {
                        return at < drop.before && of <= drop.sequence;
                      });
      if (!dropped) result[time] = value;
    }
  }
  return result;
}

HistoryWorld::HistoryWorld(uint64_t seed, uint32_t block_rows, uint32_t twins)
    : block_rows_(block_rows), twins_(twins), random_(seed), store_(NewStore()) {
  store_->AddPath("voltage");
  store_->AddPath("temperature");
  for (int i = 0; i < 2; ++i) AddLayout();
}

std::unique_ptr<Store> HistoryWorld::NewStore() {
  return std::make_unique<Store>(
      StoreOptions{.folder = "/data/history",
                   .file_system = &disk_,
                   .block_rows = block_rows_,
                   .retention = {.raw = 0, .samples = kDay, .rollups = kDay}});
}

ColumnSpec HistoryWorld::RandomColumn() {
  ColumnSpec column;
  column.kind = static_cast<ColumnKind>(1 + Random(4));
  column.decimals = column.kind == ColumnKind::kScaled ? static_cast<uint8_t>(Random(4)) : 0;
  return column;
}

// As of the cells of a pack: one path or both of each, alike.
void HistoryWorld::AddColumnsOfMany(GroupSpec* spec) {
  const uint64_t paths = Random(3);
  ColumnSpec columns[] = {RandomColumn(), RandomColumn()};
  for (uint64_t left = 1 + Random(twins_ / 4); left-- > 0;) {
    const auto twin = static_cast<uint32_t>(Random(twins_));
    if (!of_layouts_.insert(twin).second && Random(20) != 0) continue;
    for (uint32_t path = 0; path < 2; ++path) {
      if (paths == 1 - path) continue;
      columns[path].series = {{.twin = TwinNumber(twin), .path = PathId{path}}};
      spec->columns.push_back(columns[path]);
    }
  }
}

void HistoryWorld::AddLayout() {
  GroupSpec spec;
  std::set<std::pair<uint32_t, uint32_t>> used;
  if (has_many()) AddColumnsOfMany(&spec);
  for (uint64_t c = spec.columns.empty() ? 1 + Random(4) : 0; c-- > 0;) {
    ColumnSpec column = RandomColumn();
    for (uint64_t s = 1 + Random(4) / 3; s-- > 0;) {
      const auto twin = static_cast<uint32_t>(Random(twins_));
      const auto path = static_cast<uint32_t>(Random(2));
      if (!used.insert({twin, path}).second) continue;
      column.series.push_back({.twin = TwinNumber(twin), .path = PathId{path}});
    }
    if (!column.series.empty()) spec.columns.push_back(column);
  }
  const GroupId id = store_->AddGroup(spec);
  EXPECT_EQ(id.value, groups_.size());
  groups_.push_back(spec);
}

int64_t HistoryWorld::RandomTime() {
  return kStart +
         static_cast<int64_t>(Random(static_cast<uint64_t>((now_ - kStart) / kSecond) + 1)) *
             kSecond;
}

OwnedRows HistoryWorld::RandomRows(GroupId group) {
  const GroupSpec& spec = groups_[group.value];
  OwnedRows rows;
  rows.group = group;
  const uint64_t count = 1 + Random(Random(4) == 0 ? 12 : 2);
  const uint64_t lateness = Random(5);
  for (uint64_t i = 0; i < count; ++i) {
    now_ += static_cast<int64_t>(Random(Random(30) == 0 ? 50'000 : 60)) * kSecond;
    rows.times.push_back(lateness == 0 ? RandomTime() : now_);
    rows.sequences.push_back(++sequence_);
  }
  for (const ColumnSpec& of : spec.columns) {
    OwnedRows::Column column;
    column.kind = of.kind;
    column.decimals = of.decimals;
    // Decimals arrive in double columns, and doubles and other decimals in columns of decimals.
    if (of.kind == ColumnKind::kDouble && Random(3) == 0) {
      column.kind = ColumnKind::kScaled;
      column.decimals = 2;
    } else if (of.kind == ColumnKind::kScaled && Random(8) == 0) {
      column.kind = ColumnKind::kDouble;
      column.decimals = 0;
    } else if (of.kind == ColumnKind::kScaled && Random(8) == 0) {
      column.decimals = static_cast<uint8_t>(Random(4));
    }
    const bool wide = Random(10) == 0;
    for (uint64_t i = 0; i < count; ++i) {
      const auto number = static_cast<int64_t>(Random(2000)) - 1000;
      switch (column.kind) {
        case ColumnKind::kScaled:
          if (wide) {
            column.ints.push_back(number * 10'000'000'000);
          } else {
            column.scaled.push_back(static_cast<int32_t>(number));
          }
          break;
        case ColumnKind::kInt:
          column.ints.push_back(wide ? number << 32 : number);
          break;
        case ColumnKind::kDouble:
          column.doubles.push_back(Random(20) == 0 ? std::nan("")
                                                   : static_cast<double>(number) / 7);
          break;
        case ColumnKind::kValue: {
          std::string bytes;
          const Value value = Random(2) == 0 ? Value::String(absl::StrCat("v", number))
                                             : Value::Double(static_cast<double>(number));
          value.AppendTo(&bytes);
          column.values.push_back(bytes);
          break;
        }
      }
      if (Random(3) == 0) {
        column.missing.resize(count, 0);
        column.missing[i] = Random(2) == 0 ? 1 : 0;
      }
    }
    rows.columns.push_back(std::move(column));
  }
  return rows;
}

void HistoryWorld::AppendSome() {
  GroupId group{static_cast<uint32_t>(Random(groups_.size()))};
  if (Random(has_many() ? 20 : 4) == 0) {
    const SeriesKey key{.twin = TwinNumber(static_cast<uint32_t>(Random(twins_))),
                        .path = PathId{static_cast<uint32_t>(Random(2))}};
    const auto kind = Random(2) == 0 ? ColumnKind::kDouble : ColumnKind::kInt;
    group = store_->GroupOfSeries(key, kind);
    if (group.value == groups_.size()) groups_.push_back(store_->group(group));
    EXPECT_EQ(store_->GroupOfSeries(key, kind), group);
  }
  OwnedRows rows = RandomRows(group);
  reference_.Add(groups_[group.value], rows);
  rows.AppendTo(store_.get());
  journal_.push_back(std::move(rows));
}

void HistoryWorld::Step() {
  const uint64_t what = Random(100);
  if (what < 3 && groups_.size() < 40) {
    AddLayout();
  } else if (what < 6) {
    PinSome();
  } else if (what < 8 && !pinned_.empty()) {
    pinned_.erase(pinned_.begin() + static_cast<std::ptrdiff_t>(Random(pinned_.size())));
  } else {
    AppendSome();
  }
}

void HistoryWorld::Drop() {
  // Dropping is durable with the next checkpoint; here that follows at once.
  const int64_t before = RandomTime() / kDay * kDay;
  store_->DropExpired(before + kDay + static_cast<int64_t>(Random(kDay)), Sequence(UINT64_MAX));
  reference_.DropBefore(before, sequence_);
  EXPECT_TRUE(Checkpoint(false));
  EXPECT_TRUE(Checkpoint(false));  // also what was written meanwhile
}

bool HistoryWorld::Checkpoint(bool everything) {
  const auto checkpoint = store_->PinForCheckpoint(everything);
  const uint64_t sequence = sequence_;
  const size_t groups = groups_.size();
  // What happens meanwhile does not belong to it.
  for (uint64_t i = Random(8); i-- > 0;) AppendSome();
  Keys keys = durable_;
  const auto visit = [&](CheckpointKey key, absl::string_view bytes) {
    if (bytes.empty()) {
      keys.erase({key.kind, key.number});
    } else {
      keys[{key.kind, key.number}] = std::string(bytes);
    }
    for (uint64_t i = Random(40) / 38; i-- > 0;) AppendSome();
    return absl::OkStatus();
  };
  if (!store_->WriteCheckpoint(checkpoint.get(), visit).ok()) return false;
  durable_ = std::move(keys);
  durable_sequence_ = sequence;
  durable_groups_ = groups;
  for (uint64_t i = Random(4); i-- > 0;) AppendSome();
  store_->CheckpointDone(checkpoint);
  return true;
}

bool HistoryWorld::CheckpointWithDrop() {
  const auto checkpoint = store_->PinForCheckpoint(false);
  const int64_t before = RandomTime() / kDay * kDay;
  Keys keys = durable_;
  const auto visit = [&](CheckpointKey key, absl::string_view bytes) {
    if (bytes.empty()) {
      keys.erase({key.kind, key.number});
    } else {
      keys[{key.kind, key.number}] = std::string(bytes);
    }
    return absl::OkStatus();
  };
  if (!store_->WriteCheckpoint(checkpoint.get(), visit).ok()) return false;
  store_->DropExpired(before + kDay, Sequence(UINT64_MAX));
  reference_.DropBefore(before, sequence_);
  durable_ = std::move(keys);
  durable_sequence_ = sequence_;
  durable_groups_ = groups_.size();
  store_->CheckpointDone(checkpoint);
  return Checkpoint(false);
}

absl::Status HistoryWorld::PackDay(bool any) {
  const int64_t now = any ? INT64_MAX : RandomTime();
  const std::vector<int64_t> days = store_->DaysToPack(now, Store::PackWhich::kEnded);
  if (days.empty()) return absl::OkStatus();
  return store_->PackDay(days.front(), [](uint64_t) { return true; });
}

absl::Status HistoryWorld::MergeDay() {
  const std::vector<int64_t> days = store_->DaysToMerge(INT64_MAX);
  if (days.empty()) return absl::OkStatus();
  return store_->MergeDay(days.front(), [](uint64_t) { return true; });
}

absl::Status HistoryWorld::Reload() {
  pinned_.clear();
  store_ = NewStore();
  for (const auto& [key, bytes] : durable_) {
    absl::Status status = store_->Load({.kind = key.first, .number = key.second}, bytes);
    if (!status.ok()) return status;
  }
  absl::Status status = store_->FinishLoad();
  if (!status.ok()) return status;
  store_->AddPath("voltage");
  store_->AddPath("temperature");
  for (size_t i = store_->status().groups; i < groups_.size(); ++i) store_->AddGroup(groups_[i]);
  for (const OwnedRows& rows : journal_) {
    if (rows.sequences.front() > durable_sequence_) rows.AppendTo(store_.get());
  }
  return absl::OkStatus();
}

void HistoryWorld::PinSome() {
  const uint64_t sequence = Random(2) == 0 ? sequence_ : sequence_ - Random(sequence_ / 4 + 1);
  pinned_.push_back({store_->Pin(Sequence(sequence)), reference_.drops()});
}

ReadRequest HistoryWorld::RandomRequest() {
  ReadRequest request;
  for (uint64_t s = 1 + Random(4); s-- > 0;) {
    request.series.push_back({.key = {.twin = TwinNumber(static_cast<uint32_t>(Random(twins_))),
                                      .path = PathId{static_cast<uint32_t>(Random(2))}},
                              .as = static_cast<WantedAs>(Random(3))});
  }
  request.from = RandomTime();
  request.to = Random(4) == 0 ? INT64_MAX : request.from + (RandomTime() - kStart) / 3;
  if (Random(3) == 0) request.from = INT64_MIN;
  const int64_t before = Random(2) == 0 ? RandomTime() - kStart : 0;
  if (request.from == INT64_MIN) {
    request.before_from = INT64_MAX;
  } else if (before > 0) {
    request.before_from = request.from - before;
  }
  return request;
}

void HistoryWorld::Compare(const Pinned& pinned, const ReadRequest& request, const ReadRows& rows) {
  std::map<int64_t, std::map<size_t, Value>> expected;
  for (size_t s = 0; s < request.series.size(); ++s) {
    const std::map<int64_t, Value> samples =
        reference_.Samples(request.series[s].key, pinned.snapshot->sequence().value, pinned.drops);
    const auto note = [&](int64_t time, const Value& value) {
      Value wanted = Wanted(value, request.series[s].as);
      if (!wanted.is_null()) expected[time][s] = std::move(wanted);
    };
    auto at = samples.lower_bound(request.from);
    if (request.before_from < request.from && at != samples.begin()) {
      const auto before = std::prev(at);
      if (before->first >= request.before_from) note(before->first, before->second);
    }
    for (; at != samples.end() && at->first < request.to; ++at) note(at->first, at->second);
  }
  std::map<int64_t, std::map<size_t, Value>> given;
  for (size_t i = 0; i < rows.times.size(); ++i) {
    if (i > 0) {
      ASSERT_LT(rows.times[i - 1], rows.times[i]);
    }
    for (size_t s = 0; s < rows.columns.size(); ++s) {
      Value value = Given(rows.columns[s], i);
      if (!value.is_null()) given[rows.times[i]][s] = std::move(value);
    }
    ASSERT_EQ(given.count(rows.times[i]), 1) << "an empty row";
  }
  for (const auto& [time, values] : expected) {
    ASSERT_EQ(given.count(time), 1)
        << "no row of " << time << " from " << request.from << ", of series "
        << values.begin()->first << ": " << values.begin()->second.DebugString() << ", at sequence "
        << pinned.snapshot->sequence().value << " of " << sequence_;
    ASSERT_EQ(given[time].size(), values.size()) << time;
    for (const auto& [series, value] : values) {
      ASSERT_TRUE(Same(given[time][series], value))
          << time << ": " << given[time][series].DebugString() << " instead of "
          << value.DebugString();
    }
  }
  ASSERT_EQ(given.size(), expected.size());
}

// The last samples of all series of the requests.
void HistoryWorld::CompareLast(const Pinned& pinned, const std::vector<ReadRequest>& requests,
                               int64_t time) {
  std::vector<SeriesKey> keys;
  for (const ReadRequest& request : requests) {
    for (const ReadRequest::Series& series : request.series) keys.push_back(series.key);
  }
  std::vector<int64_t> times;
  ColumnValues values;
  ASSERT_THAT(pinned.snapshot->LastOfEach(keys, WantedAs::kValue, time, &times, &values),
              testing::IsOk());
  ASSERT_EQ(times.size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::map<int64_t, Value> samples =
        reference_.Samples(keys[i], pinned.snapshot->sequence().value, pinned.drops);
    const auto after = samples.upper_bound(time);
    if (after == samples.begin()) {
      ASSERT_EQ(times[i], Snapshot::kNoSample);
      ASSERT_TRUE(Given(values, i).is_null());
      continue;
    }
    ASSERT_EQ(times[i], std::prev(after)->first);
    ASSERT_TRUE(Same(Given(values, i), std::prev(after)->second));
  }
}

void HistoryWorld::CompareSome() {
  Pinned now{store_->Pin(Sequence(sequence_)), reference_.drops()};
  const Pinned& pinned = pinned_.empty() || Random(2) == 0 ? now : pinned_[Random(pinned_.size())];
  std::vector<ReadRequest> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(RandomRequest());
  if (Random(2) == 0) requests[1] = requests[0];
  size_t visited = 0;
  EXPECT_THAT(pinned.snapshot->Read(requests,
                                    [&](size_t request, ReadRows rows) {
                                      EXPECT_EQ(request, visited++);
                                      Compare(pinned, requests[request], rows);
                                      return absl::OkStatus();
                                    }),
              testing::IsOk());
  EXPECT_EQ(visited, requests.size());
  const SeriesKey key = requests[0].series[0].key;
  const int64_t time = RandomTime();
  CompareLast(pinned, requests, time);
  ReadRows row;
  const absl::StatusOr<bool> found = pinned.snapshot->Last(key, WantedAs::kValue, time, &row);
  ASSERT_THAT(found, testing::IsOk());
  const std::map<int64_t, Value> samples =
      reference_.Samples(key, pinned.snapshot->sequence().value, pinned.drops);
  const auto after = samples.upper_bound(time);
  ASSERT_EQ(*found, after != samples.begin());
  if (!*found) return;
  EXPECT_EQ(row.times.at(0), std::prev(after)->first);
  EXPECT_TRUE(Same(Given(row.columns.at(0), 0), std::prev(after)->second));
}

void HistoryWorld::CompareAll() {
  const Pinned now{store_->Pin(Sequence(sequence_)), reference_.drops()};
  ReadRequest request;
  request.from = INT64_MIN;
  request.to = INT64_MAX;
  for (uint32_t twin = 0; twin < twins_; ++twin) {
    for (uint32_t path = 0; path < 2; ++path) {
      request.series.push_back(
          {.key = {.twin = TwinNumber(twin), .path = PathId{path}}, .as = WantedAs::kValue});
    }
  }
  EXPECT_THAT(now.snapshot->Read({&request, 1},
                                 [&](size_t, ReadRows rows) {
                                   Compare(now, request, rows);
                                   return absl::OkStatus();
                                 }),
              testing::IsOk());
}

}  // namespace twin::timeseries
