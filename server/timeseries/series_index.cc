#include "server/timeseries/series_index.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace twin::timeseries {

Place& SeriesIndex::Word::At(uint32_t twin) const {
  const uint64_t below = (uint64_t{1} << twin % kTwinsOfWord) - 1;
  return places[static_cast<size_t>(std::popcount(has & below))];
}

void SeriesIndex::Add(SeriesKey key, Place place) {
  const SeriesKey range = RangeOf(key.path, key.twin.value);
  Part& part = parts_[PartOf(range)];
  MutexLock lock(&part.mutex);
  std::unique_ptr<Range>& of = part.ranges[range];
  if (of == nullptr) of = std::make_unique<Range>();
  Word& word = of->Of(key.twin.value);
  if (word.Has(key.twin.value)) {
    Place& entry = word.At(key.twin.value);
    if (entry.group.value != kSeveral) {
      if (entry == place) return;
      part.several.push_back({entry});
      entry = {.group = GroupId{kSeveral},
               .column = static_cast<uint32_t>(part.several.size() - 1)};
    }
    part.several[entry.column].push_back(place);
    return;
  }
  const auto count = static_cast<size_t>(std::popcount(word.has));
  if (count == 0 || std::has_single_bit(count)) {
    const size_t room = std::max<size_t>(1, count * 2);
    auto more = std::make_unique<Place[]>(room);
    std::copy_n(word.places.get(), count, more.get());
    word.places = std::move(more);
    part.place_bytes += (room - count) * sizeof(Place);
  }
  word.has |= uint64_t{1} << key.twin.value % kTwinsOfWord;
  Place* const at = &word.At(key.twin.value);
  std::copy_backward(at, word.places.get() + count, word.places.get() + count + 1);
  *at = place;
  part.size += 1;
}

Places SeriesIndex::Find(SeriesKey key) const {
  MutexLock lock(&parts_[PartOf(RangeOf(key.path, key.twin.value))].mutex);
  return FindAsWriter(key);
}

Places SeriesIndex::FindAsWriter(SeriesKey key) const {
  const SeriesKey range = RangeOf(key.path, key.twin.value);
  const Part& part = parts_[PartOf(range)];
  const auto found = part.ranges.find(range);
  if (found == part.ranges.end()) return {};
  const Word& word = found->second->Of(key.twin.value);
  if (!word.Has(key.twin.value)) return {};
  const Place& entry = word.At(key.twin.value);
  if (entry.group.value != kSeveral) return {entry};
  const std::vector<Place>& several = part.several[entry.column];
  return Places(several.begin(), several.end());
}

void SeriesIndex::Fetch(SeriesKey key) const {
  const SeriesKey range = RangeOf(key.path, key.twin.value);
  const Part& part = parts_[PartOf(range)];
  const auto found = part.ranges.find(range);
  if (found != part.ranges.end()) __builtin_prefetch(&found->second->Of(key.twin.value));
}

bool SeriesIndex::Has(SeriesKey key) const { return !Find(key).empty(); }

void SeriesIndex::FindEach(PathId path, absl::Span<const uint32_t> twins,
                           std::vector<FoundPlace>* found) const {
  for (size_t i = 0; i < twins.size();) {
    const SeriesKey key = RangeOf(path, twins[i]);
    size_t end = i + 1;
    while (end < twins.size() && twins[end] / kTwinsOfRange == key.twin.value) ++end;
    const Part& part = parts_[PartOf(key)];
    MutexLock lock(&part.mutex);
    const auto range = part.ranges.find(key);
    if (range == part.ranges.end()) {
      i = end;
      continue;
    }
    for (; i < end; ++i) {
      const Word& word = range->second->Of(twins[i]);
      if (!word.Has(twins[i])) continue;
      const auto index = static_cast<uint32_t>(i);
      const Place& entry = word.At(twins[i]);
      if (entry.group.value != kSeveral) {
        found->push_back({index, entry});
        continue;
      }
      for (const Place& place : part.several[entry.column]) found->push_back({index, place});
    }
  }
}

size_t SeriesIndex::size() const {
  size_t size = 0;
  for (const Part& part : parts_) {
    MutexLock lock(&part.mutex);
    size += part.size;
  }
  return size;
}

size_t SeriesIndex::bytes() const {
  size_t bytes = sizeof(*this);
  for (const Part& part : parts_) {
    MutexLock lock(&part.mutex);
    bytes += part.ranges.capacity() * (sizeof(SeriesKey) + sizeof(void*) + 1);
    bytes += part.ranges.size() * sizeof(Range) + part.place_bytes;
    for (const std::vector<Place>& places : part.several) {
      bytes += sizeof(places) + places.capacity() * sizeof(Place) + 16;
    }
  }
  return bytes;
}

}  // namespace twin::timeseries
