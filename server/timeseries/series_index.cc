#include "server/timeseries/series_index.h"

#include <utility>

namespace twin::timeseries {

void SeriesIndex::Add(SeriesKey key, Place place) {
  Part& part = parts_[PartOf(key)];
  MutexLock lock(&part.mutex);
  const auto [found, added] = part.places.try_emplace(key, place);
  if (added) return;
  Place& entry = found->second;
  if (entry.group.value != kSeveral) {
    if (entry == place) return;
    part.several.push_back({entry});
    entry = {.group = GroupId{kSeveral}, .column = static_cast<uint32_t>(part.several.size() - 1)};
  }
  part.several[entry.column].push_back(place);
}

Places SeriesIndex::Find(SeriesKey key) const {
  MutexLock lock(&parts_[PartOf(key)].mutex);
  return FindAsWriter(key);
}

Places SeriesIndex::FindAsWriter(SeriesKey key) const {
  const Part& part = parts_[PartOf(key)];
  const auto found = part.places.find(key);
  if (found == part.places.end()) return {};
  const Place& entry = found->second;
  if (entry.group.value != kSeveral) return {entry};
  const std::vector<Place>& several = part.several[entry.column];
  return Places(several.begin(), several.end());
}

bool SeriesIndex::Has(SeriesKey key) const {
  const Part& part = parts_[PartOf(key)];
  MutexLock lock(&part.mutex);
  return part.places.contains(key);
}

size_t SeriesIndex::size() const {
  size_t size = 0;
  for (const Part& part : parts_) {
    MutexLock lock(&part.mutex);
    size += part.places.size();
  }
  return size;
}

size_t SeriesIndex::bytes() const {
  size_t bytes = sizeof(*this);
  for (const Part& part : parts_) {
    MutexLock lock(&part.mutex);
    bytes += part.places.capacity() * (sizeof(SeriesKey) + sizeof(Place) + 1);
    for (const std::vector<Place>& places : part.several) {
      bytes += sizeof(places) + places.capacity() * sizeof(Place) + 16;
    }
  }
  return bytes;
}

}  // namespace twin::timeseries
