#include "server/engine/adjacency.h"

#include <algorithm>
#include <utility>

namespace twin::engine {
namespace {

// A step along a list costs about as much as building costs for this many relationships.
constexpr uint64_t kBuiltPerStep = 8;
// A batch of that many twins is likely to be followed by more of them.
constexpr size_t kLargeBatch = 256;
constexpr size_t kEntriesMax = 1024;
constexpr uint32_t kChunk = 4096;

}  // namespace

std::shared_ptr<const Adjacency> Adjacency::Build(const graph::GraphView& view,
                                                  RelationshipTypeId type, bool outgoing) {
  struct Found {
    uint32_t twin;
    Item item;
  };
  std::vector<Found> found;
  found.reserve(type == kAllTypes ? view.relationships() : view.relationships(type));
  auto made = std::make_shared<Adjacency>();
  uint32_t least = UINT32_MAX;
  uint32_t greatest = 0;
  std::vector<uint32_t> types(kChunk);
  std::vector<uint32_t> sources(kChunk);
  std::vector<uint32_t> targets(kChunk);
  const uint32_t numbers = view.next_relationship().value;
  for (uint32_t first = 0; first < numbers; first += std::min(kChunk, numbers - first)) {
    const uint32_t count = std::min(kChunk, numbers - first);
    view.ReadLinks(first, count, types.data(), sources.data(), targets.data());
    for (uint32_t i = 0; i < count; ++i) {
      if (types[i] == UINT32_MAX || (types[i] != type.value && !(type == kAllTypes))) continue;
      const uint32_t twin = outgoing ? sources[i] : targets[i];
      const uint32_t end = outgoing ? targets[i] : sources[i];
      least = std::min(least, twin);
      greatest = std::max(greatest, twin);
      made->loops = made->loops || twin == end;
      found.push_back({twin, {first + i, end}});
    }
  }
  if (found.empty()) return made;

  // A counting sort: stable, and so each twin's are in the order of their numbers, which is that
  // of their creation.
  made->first_twin = least;
  made->offsets.assign(size_t{greatest} - least + 2, 0);
  for (const Found& each : found) ++made->offsets[each.twin - least + 1];
  for (size_t i = 1; i < made->offsets.size(); ++i) made->offsets[i] += made->offsets[i - 1];
  made->items.resize(found.size());
  std::vector<uint32_t> next(made->offsets.begin(), made->offsets.end() - 1);
  for (const Found& each : found) made->items[next[each.twin - least]++] = each.item;
  made->FindPlaces(view);
  return made;
}

void Adjacency::FindPlaces(const graph::GraphView& view) {
  constexpr size_t kPart = 256;
  uint32_t twins[kPart];
  graph::TwinPlace places[kPart];
  rows_epoch = view.rows_epoch();
  ends_rows.resize(items.size());
  for (size_t at = 0; at < items.size(); at += kPart) {
    const size_t count = std::min(kPart, items.size() - at);
    for (size_t i = 0; i < count; ++i) twins[i] = items[at + i].end;
    view.PlacesOf({twins, count}, places);
    if (at == 0) ends_table = places[0].table;
    for (size_t i = 0; i < count; ++i) {
      if (!(places[i].table == ends_table)) {
        ends_rows = {};
        return;
      }
      ends_rows[at + i] = places[i].row;
    }
  }
}

AdjacencyCache::Key AdjacencyCache::KeyOf(const graph::GraphView& view, RelationshipTypeId type,
                                          bool outgoing) {
  uint64_t topology = 0;
  if (type == kAllTypes) {
    for (uint32_t i = 0; i < view.catalog().relationship_types(); ++i) {
      topology += view.topology(RelationshipTypeId(i));
    }
  } else {
    topology = view.topology(type);
  }
  return {type.value, outgoing, topology};
}

AdjacencyCache::Entry& AdjacencyCache::Use(const Key& key) {
  if (entries_.size() >= kEntriesMax && !entries_.contains(key)) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (!it->second.building &&
          (oldest == entries_.end() || it->second.used < oldest->second.used)) {
        oldest = it;
      }
    }
    if (oldest != entries_.end()) {
      if (oldest->second.adjacency != nullptr) bytes_ -= oldest->second.adjacency->bytes();
      entries_.erase(oldest);
    }
  }
  Entry& entry = entries_[key];
  entry.used = ++ticks_;
  return entry;
}

void AdjacencyCache::EvictFor(uint64_t bytes) {
  while (bytes_ + bytes > bytes_max_) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (it->second.adjacency != nullptr &&
          (oldest == entries_.end() || it->second.used < oldest->second.used)) {
        oldest = it;
      }
    }
    if (oldest == entries_.end()) return;
    bytes_ -= oldest->second.adjacency->bytes();
    entries_.erase(oldest);
  }
}

std::shared_ptr<const Adjacency> AdjacencyCache::Get(const graph::GraphView& view,
                                                     RelationshipTypeId type, bool outgoing,
                                                     size_t twins) {
  const uint64_t relationships =
      type == kAllTypes ? view.relationships() : view.relationships(type);
  // Offsets of all twins: an upper bound.
  const uint64_t bytes_expected =
      relationships * sizeof(Adjacency::Item) + uint64_t{view.next_twin().value} * 4;
  if (bytes_expected > bytes_max_) return nullptr;
  const Key key = KeyOf(view, type, outgoing);
  {
    const MutexLock lock(&mutex_);
    Entry& entry = Use(key);
    if (entry.adjacency != nullptr || entry.building) return entry.adjacency;
    const uint64_t steps = entry.steps + (twins >= kLargeBatch ? 4 : 1) * twins;
    if (steps * kBuiltPerStep < view.next_relationship().value) return nullptr;
    entry.building = true;
  }
  std::shared_ptr<const Adjacency> made = Adjacency::Build(view, type, outgoing);
  const MutexLock lock(&mutex_);
  EvictFor(made->bytes());
  Entry& entry = Use(key);
  entry.building = false;
  entry.adjacency = made;
  bytes_ += made->bytes();
  ++built_;
  return made;
}

void AdjacencyCache::AddSteps(const graph::GraphView& view, RelationshipTypeId type, bool outgoing,
                              uint64_t steps) {
  const Key key = KeyOf(view, type, outgoing);
  const MutexLock lock(&mutex_);
  Use(key).steps += steps;
}

uint64_t AdjacencyCache::bytes() const {
  const MutexLock lock(&mutex_);
  return bytes_;
}

uint64_t AdjacencyCache::built() const {
  const MutexLock lock(&mutex_);
  return built_;
}

}  // namespace twin::engine
