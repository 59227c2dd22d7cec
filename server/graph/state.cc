#include "server/graph/state.h"

namespace twin::graph {

uint32_t ValueBytes(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return 1;
    case ColumnType::kInt32:
    case ColumnType::kFloat:
    case ColumnType::kString:
    case ColumnType::kDocument:
      return 4;
    case ColumnType::kInt64:
    case ColumnType::kDouble:
    case ColumnType::kTime:
      return 8;
  }
  return 8;
}

bool IsStringColumn(ColumnType type) {
  return type == ColumnType::kString || type == ColumnType::kDocument;
}

// --- TwinIds ---

void TwinIds::Reserve(uint32_t numbers) {
  const MutexLock lock(&mutex_);
  places_.Reserve(numbers);
  for (; numbers_ < numbers; ++numbers_) places_[numbers_] = kNone;
}

void TwinIds::Add(uint32_t number, absl::string_view id) {
  const MutexLock lock(&mutex_);
  places_.Reserve(number + 1);
  for (; numbers_ <= number; ++numbers_) places_[numbers_] = kNone;
  places_[number] = arena_.Add(id);
  Index(number, NumbersByText<TwinIds>::HashOf(id));
}

void TwinIds::AddAll(uint32_t first, absl::Span<const absl::string_view> ids) {
  constexpr size_t kAtOnce = 32;
  size_t hashes[kAtOnce];
  const MutexLock lock(&mutex_);
  const auto end = static_cast<uint32_t>(first + ids.size());
  places_.Reserve(end);
  for (; numbers_ < end; ++numbers_) places_[numbers_] = kNone;
  for (size_t begin = 0; begin < ids.size(); begin += kAtOnce) {
    const absl::Span<const absl::string_view> some = ids.subspan(begin, kAtOnce);
    for (size_t i = 0; i < some.size(); ++i) {
      hashes[i] = NumbersByText<TwinIds>::HashOf(some[i]);
      by_id_.Fetch(hashes[i]);
    }
    for (size_t i = 0; i < some.size(); ++i) {
      const auto number = static_cast<uint32_t>(first + begin + i);
      places_[number] = arena_.Add(some[i]);
      Index(number, hashes[i]);
    }
  }
}

void TwinIds::Index(uint32_t number, size_t hash) {
  const uint32_t before = by_id_.Put(number, Get(number), hash);
  if (before != kNone) before_[number] = before;
}

void TwinIds::IndexRange(uint32_t begin, uint32_t end) {
  constexpr size_t kAtOnce = 32;
  uint32_t some[kAtOnce];
  size_t hashes[kAtOnce];
  size_t count = 0;
  const auto index = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (size_t i = 0; i < count; ++i) Index(some[i], hashes[i]);
    count = 0;
  };
  for (uint32_t number = begin; number < end; ++number) {
    if (places_[number] == kNone) continue;
    some[count] = number;
    hashes[count] = NumbersByText<TwinIds>::HashOf(Get(number));
    by_id_.Fetch(hashes[count]);
    if (++count == kAtOnce) index();
  }
  index();
}

bool TwinIds::Load(uint32_t number, absl::string_view id) {
  if (places_[number] != kNone) return false;
  places_[number] = arena_.Add(id);
  return true;
}

void TwinIds::IndexAll() {
  const MutexLock lock(&mutex_);
  by_id_.Reserve(numbers_);
  IndexRange(0, numbers_);
}

uint32_t TwinIds::Find(absl::string_view id, size_t hash) const {
  const MutexLock lock(&mutex_);
  return by_id_.Find(id, hash);
}

void TwinIds::Fetch(absl::Span<const size_t> hashes) const {
  const MutexLock lock(&mutex_);
  for (const size_t hash : hashes) by_id_.Fetch(hash);
}

void TwinIds::Guess(absl::Span<const size_t> hashes, uint32_t* numbers) const {
  const MutexLock lock(&mutex_);
  for (const size_t hash : hashes) *numbers++ = by_id_.Guess(hash);
}

uint32_t TwinIds::Before(uint32_t number) const {
  const MutexLock lock(&mutex_);
  const auto it = before_.find(number);
  return it == before_.end() ? kNone : it->second;
}

void TwinIds::Retain(uint32_t numbers, absl::FunctionRef<bool(uint32_t)> keep) {
  const MutexLock lock(&mutex_);
  for (uint32_t number = 0; number < numbers; ++number) {
    if (places_[number] == kNone || keep(number)) continue;
    arena_.Free(places_[number]);
    places_[number] = kNone;
  }
  before_.clear();
  by_id_.Clear();
  IndexRange(0, numbers);
}

size_t TwinIds::bytes() const {
  const MutexLock lock(&mutex_);
  return arena_.bytes() + size_t{numbers_} * 4 + by_id_.bytes();
}

// --- EqualityIndex ---

void EqualityIndex::Add(TableId table, ColumnId column, uint32_t code, uint32_t twin) {
  const MutexLock lock(&mutex_);
  const Key key{table.value, column.value, code};
  removed_.erase({key, twin});
  Add(key, twin);
}

void EqualityIndex::AddAll(TableId table, ColumnId column, absl::Span<const Entry> entries) {
  constexpr size_t kAhead = 16;
  const auto key = [&](size_t i) { return Key{table.value, column.value, entries[i].code}; };
  std::vector<bool> codes;  // that occur
  size_t different = 0;
  for (const Entry& entry : entries) {
    if (entry.code >= codes.size())
      codes.resize(std::max<size_t>(entry.code + 1, 2 * codes.size()));
    if (!codes[entry.code]) ++different;
    codes[entry.code] = true;
  }
  const MutexLock lock(&mutex_);
  single_.reserve(single_.size() + different);
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i + kAhead < entries.size()) single_.prefetch(key(i + kAhead));
    if (!removed_.empty()) removed_.erase({key(i), entries[i].twin});
    Add(key(i), entries[i].twin);
  }
}

void EqualityIndex::Add(const Key& key, uint32_t twin) {
  const auto [it, is_new] = single_.emplace(key, twin);
  if (is_new || it->second == twin) return;
  if (many_[key].insert(twin).second) ++in_many_;
}

void EqualityIndex::Remove(TableId table, ColumnId column, uint32_t code, uint32_t twin) {
  const MutexLock lock(&mutex_);
  const Key key{table.value, column.value, code};
  const uint64_t now = pins_.Now();
  removed_[{key, twin}] = now;
  waiting_.push_back({key, twin, now});
}

void EqualityIndex::Collect() {
  const MutexLock lock(&mutex_);
  while (!waiting_.empty() && pins_.NoneBelow(waiting_.front().now)) {
    const Waiting last = waiting_.front();
    waiting_.pop_front();
    const auto removed = removed_.find({last.key, last.twin});
    if (removed == removed_.end() || removed->second != last.now) continue;
    removed_.erase(removed);
    const auto many = many_.find(last.key);
    if (many != many_.end()) {
      in_many_ -= many->second.erase(last.twin);
      if (const auto it = single_.find(last.key);
          it != single_.end() && it->second == last.twin && !many->second.empty()) {
        it->second = *many->second.begin();
        many->second.erase(many->second.begin());
        --in_many_;
      } else if (it != single_.end() && it->second == last.twin) {
        single_.erase(it);
      }
      if (many->second.empty()) many_.erase(many);
    } else if (const auto it = single_.find(last.key);
               it != single_.end() && it->second == last.twin) {
      single_.erase(it);
    }
  }
}

std::vector<uint32_t> EqualityIndex::Find(TableId table, ColumnId column, uint32_t code) const {
  const MutexLock lock(&mutex_);
  const Key key{table.value, column.value, code};
  std::vector<uint32_t> twins;
  if (const auto it = single_.find(key); it != single_.end()) twins.push_back(it->second);
  if (const auto it = many_.find(key); it != many_.end()) {
    twins.insert(twins.end(), it->second.begin(), it->second.end());
  }
  return twins;
}

size_t EqualityIndex::bytes() const {
  const MutexLock lock(&mutex_);
  size_t bytes = single_.capacity() * (sizeof(Key) + 5);
  bytes += many_.capacity() * (sizeof(Key) + 40);
  return bytes + in_many_ * 10;  // tables are half full, roughly
}

// --- RelationshipIndex ---

void RelationshipIndex::Add(uint32_t source, uint32_t id, uint32_t type, uint32_t number) {
  const MutexLock lock(&mutex_);
  numbers_[Key(source, id)] = number;
  ++counts_[Key(source, type)];
}

void RelationshipIndex::Remove(uint32_t source, uint32_t id, uint32_t type) {
  const MutexLock lock(&mutex_);
  numbers_.erase(Key(source, id));
  const auto it = counts_.find(Key(source, type));
  if (it != counts_.end() && --it->second == 0) counts_.erase(it);
}

uint32_t RelationshipIndex::Find(uint32_t source, uint32_t id) const {
  const MutexLock lock(&mutex_);
  const auto it = numbers_.find(Key(source, id));
  return it == numbers_.end() ? kNone : it->second;
}

uint32_t RelationshipIndex::Count(uint32_t source, uint32_t type) const {
  const MutexLock lock(&mutex_);
  const auto it = counts_.find(Key(source, type));
  return it == counts_.end() ? 0 : it->second;
}

bool RelationshipIndex::Covers(uint32_t source) const {
  const uint64_t marks = marks_[source % kMarks / 64].load(std::memory_order_acquire);
  if ((marks >> (source % 64) & 1) == 0) return false;
  const MutexLock lock(&mutex_);
  return covered_.contains(source);
}

void RelationshipIndex::CoverAll(absl::Span<const Entry> entries) {
  const MutexLock lock(&mutex_);
  numbers_.reserve(numbers_.size() + entries.size());
  for (const Entry& each : entries) {
    numbers_[Key(each.source, each.id)] = each.number;
    ++counts_[Key(each.source, each.type)];
    if (!covered_.insert(each.source).second) continue;
    marks_[each.source % kMarks / 64].fetch_or(uint64_t{1} << (each.source % 64),
                                               std::memory_order_release);
  }
}

size_t RelationshipIndex::bytes() const {
  const MutexLock lock(&mutex_);
  return (numbers_.capacity() + counts_.capacity()) * 13 + covered_.capacity() * 5;
}

// --- ChangeTimes ---

void ChangeTimes::Set(uint32_t relationship, uint32_t column, int64_t time) {
  const MutexLock lock(&mutex_);
  times_[Key(relationship, column)] = time;
}

bool ChangeTimes::Find(uint32_t relationship, uint32_t column, int64_t* time) const {
  const MutexLock lock(&mutex_);
  const auto it = times_.find(Key(relationship, column));
  if (it == times_.end()) return false;
  *time = it->second;
  return true;
}

void ChangeTimes::Remove(uint32_t relationship, uint32_t column) {
  const MutexLock lock(&mutex_);
  times_.erase(Key(relationship, column));
}

size_t ChangeTimes::bytes() const {
  const MutexLock lock(&mutex_);
  return times_.capacity() * 17;
}

// --- FormerHolders ---

uint64_t FormerHolders::KeyOf(absl::string_view twin_id) { return absl::HashOf(twin_id); }

uint64_t FormerHolders::KeyOf(TwinNumber source, absl::string_view relationship_id) {
  return absl::HashOf(source.value, relationship_id);
}

void FormerHolders::Set(uint64_t key, uint32_t slot, Time end) {
  const MutexLock lock(&mutex_);
  slots_[key] = slot;
  last_end_.store(std::max(last_end_.load(std::memory_order_relaxed), end.ns),
                  std::memory_order_relaxed);
}

uint32_t FormerHolders::Find(uint64_t key) const {
  const MutexLock lock(&mutex_);
  const auto it = slots_.find(key);
  return it == slots_.end() ? kNone : it->second;
}

void FormerHolders::Remove(uint64_t key, uint32_t slot) {
  const MutexLock lock(&mutex_);
  const auto it = slots_.find(key);
  if (it != slots_.end() && it->second == slot) slots_.erase(it);
}

size_t FormerHolders::bytes() const {
  const MutexLock lock(&mutex_);
  return slots_.capacity() * 17;
}

// --- MovedTwins ---

void MovedTwins::Add(uint32_t twin, uint32_t slot) {
  const MutexLock lock(&mutex_);
  slots_[twin].push_back(slot);
}

void MovedTwins::Remove(uint32_t twin, uint32_t slot) {
  const MutexLock lock(&mutex_);
  const auto it = slots_.find(twin);
  if (it == slots_.end()) return;
  std::erase(it->second, slot);
  if (it->second.empty()) slots_.erase(it);
}

std::vector<uint32_t> MovedTwins::Find(uint32_t twin) const {
  const MutexLock lock(&mutex_);
  const auto it = slots_.find(twin);
  return it == slots_.end() ? std::vector<uint32_t>() : it->second;
}

size_t MovedTwins::bytes() const {
  const MutexLock lock(&mutex_);
  return slots_.capacity() * (sizeof(uint32_t) + sizeof(std::vector<uint32_t>) + 1) +
         slots_.size() * sizeof(uint32_t);
}

}  // namespace twin::graph
