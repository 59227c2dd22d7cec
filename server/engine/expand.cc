#include "server/engine/expand.h"

#include <algorithm>
#include <utility>

namespace twin::engine {
namespace {

using Direction = query::GraphReader::Direction;
using Item = Adjacency::Item;

// Twins whose ranges are looked up before the first one's items are copied.
constexpr size_t kBlock = 256;
constexpr size_t kOffsetsAhead = 24;
constexpr size_t kItemsAhead = 12;

// Ranges of items of a block of twins.
struct Ranges {
  uint32_t begin[kBlock];
  uint32_t end[kBlock];
};

void FindRanges(const Adjacency& list, absl::Span<const uint32_t> twins, Ranges* ranges) {
  const uint32_t* offsets = list.offsets.data();
  for (size_t i = 0; i < twins.size(); ++i) {
    if (i + kOffsetsAhead < twins.size() && list.Has(twins[i + kOffsetsAhead])) {
      __builtin_prefetch(offsets + (twins[i + kOffsetsAhead] - list.first_twin));
    }
    ranges->begin[i] = list.begin(twins[i]);
    ranges->end[i] = list.end(twins[i]);
  }
}

// One type, one direction: most calls.
size_t ExpandOne(const Adjacency& list, absl::Span<const uint32_t> twins, size_t first, size_t max,
                 bool with_places, query::Expansion* out) {
  Ranges ranges;
  size_t size = 0;
  for (size_t from = first; from < twins.size(); from += kBlock) {
    const absl::Span<const uint32_t> block = twins.subspan(from, kBlock);
    FindRanges(list, block, &ranges);
    size_t count = 0;
    size_t total = size;
    while (count < block.size() && (total < max || count == 0)) {
      total += ranges.end[count] - ranges.begin[count];
      ++count;
    }
    out->sources.resize(total);
    out->relationships.resize(total);
    out->targets.resize(total);
    if (with_places) {
      out->places.resize(total);
      query::Place* places = out->places.data() + size;
      for (size_t i = 0; i < count; ++i) {
        for (uint32_t item = ranges.begin[i]; item < ranges.end[i]; ++item) {
          *places++ = {list.ends_table.value, list.ends_rows[item]};
        }
      }
    }
    uint32_t* sources = out->sources.data() + size;
    uint32_t* relationships = out->relationships.data() + size;
    uint32_t* targets = out->targets.data() + size;
    for (size_t i = 0; i < count; ++i) {
      if (i + kItemsAhead < count) {
        __builtin_prefetch(list.items.data() + ranges.begin[i + kItemsAhead]);
      }
      const Item* item = list.items.data() + ranges.begin[i];
      const Item* const end = list.items.data() + ranges.end[i];
      for (; item != end; ++item) {
        *sources++ = static_cast<uint32_t>(from + i);
        *relationships++ = item->relationship;
        *targets++ = item->end;
      }
    }
    size = total;
    if (size >= max) return from + count;
  }
  return twins.size();
}

// All of one twin in one direction, by number: the order of creation.
void Collect(const std::vector<const Adjacency*>& lists, uint32_t twin, std::vector<Item>* items) {
  items->clear();
  int filled = 0;
  for (const Adjacency* list : lists) {
    const uint32_t begin = list->begin(twin);
    const uint32_t end = list->end(twin);
    if (begin == end) continue;
    items->insert(items->end(), list->items.begin() + begin, list->items.begin() + end);
    ++filled;
  }
  if (filled > 1) {
    std::sort(items->begin(), items->end(),
              [](const Item& a, const Item& b) { return a.relationship < b.relationship; });
  }
}

}  // namespace

size_t Expander::ExpandArrays(const Arrays& arrays, absl::Span<const uint32_t> twins, size_t first,
                              size_t max, query::Expansion* out) const {
  if (arrays.outgoing.size() + arrays.incoming.size() == 1) {
    const Adjacency* list = arrays.outgoing.empty() ? arrays.incoming[0] : arrays.outgoing[0];
    return ExpandOne(*list, twins, first, max, list->KnowsPlaces(view_), out);
  }
  std::vector<Item> items;
  for (size_t i = first; i < twins.size(); ++i) {
    const uint32_t twin = twins[i];
    Collect(arrays.outgoing, twin, &items);
    for (const Item& item : items) {
      out->sources.push_back(static_cast<uint32_t>(i));
      out->relationships.push_back(item.relationship);
      out->targets.push_back(item.end);
    }
    Collect(arrays.incoming, twin, &items);
    for (const Item& item : items) {
      if (arrays.both() && item.end == twin) continue;  // it was there already
      out->sources.push_back(static_cast<uint32_t>(i));
      out->relationships.push_back(item.relationship);
      out->targets.push_back(item.end);
    }
    if (out->sources.size() >= max) return i + 1;
  }
  return twins.size();
}

uint64_t Expander::CountArrays(const Arrays& arrays, absl::Span<const uint32_t> twins) {
  uint64_t count = 0;
  for (const std::vector<const Adjacency*>* each : {&arrays.outgoing, &arrays.incoming}) {
    for (const Adjacency* list : *each) {
      for (const uint32_t twin : twins) count += list->end(twin) - list->begin(twin);
    }
  }
  if (!arrays.both()) return count;
  for (const Adjacency* list : arrays.incoming) {
    if (!list->loops) continue;
    for (const uint32_t twin : twins) {
      for (uint32_t i = list->begin(twin); i < list->end(twin); ++i) {
        if (list->items[i].end == twin) --count;
      }
    }
  }
  return count;
}

// The same along the graph's lists.
class Expander::Walk {
 public:
  Walk(const graph::GraphView& view, Direction direction, const Types& types)
      : view_(view), direction_(direction) {
    if (types[0] == kAllTypes) return;
    wanted_.resize(view.catalog().relationship_types());
    for (const RelationshipTypeId type : types) wanted_[type.value] = 1;
  }

  size_t Expand(absl::Span<const uint32_t> twins, size_t first, size_t max, query::Expansion* out) {
    for (size_t i = first; i < twins.size(); ++i) {
      ForEach(TwinNumber(twins[i]), [&](RelationshipNumber relationship, TwinNumber end) {
        out->sources.push_back(static_cast<uint32_t>(i));
        out->relationships.push_back(relationship.value);
        out->targets.push_back(end.value);
      });
      if (out->sources.size() >= max) return i + 1;
    }
    return twins.size();
  }

  uint64_t Count(absl::Span<const uint32_t> twins) {
    uint64_t count = 0;
    for (const uint32_t number : twins) {
      const TwinNumber twin(number);
      if (wanted_.empty() && direction_ != Direction::kEither) {
        count += direction_ == Direction::kOutgoing ? view_.OutDegree(twin) : view_.InDegree(twin);
        continue;
      }
      ForEach(twin, [&](RelationshipNumber, TwinNumber) { ++count; });
    }
    return count;
  }

  uint64_t steps() const { return steps_; }  // along lists, so far

 private:
  // Calls visit(relationship, the twin at its other end).
  template <typename Visit>
  void ForEach(TwinNumber twin, Visit visit) {
    const auto is_wanted = [&](const graph::Link& link) {
      return wanted_.empty() || wanted_[link.type.value] != 0;
    };
    ++steps_;
    if (direction_ != Direction::kIncoming) {
      for (RelationshipNumber each = view_.FirstOutgoing(twin); !(each == kNoRelationship);) {
        const graph::Link link = view_.LinkOf(each);
        ++steps_;
        if (is_wanted(link)) visit(each, link.target);
        each = link.next_outgoing;
      }
    }
    if (direction_ == Direction::kOutgoing) return;
    for (RelationshipNumber each = view_.FirstIncoming(twin); !(each == kNoRelationship);) {
      const graph::Link link = view_.LinkOf(each);
      ++steps_;
      const bool is_seen = direction_ == Direction::kEither && link.source == twin;
      if (is_wanted(link) && !is_seen) visit(each, link.source);
      each = link.next_incoming;
    }
  }

  const graph::GraphView& view_;
  const Direction direction_;
  std::vector<uint8_t> wanted_;  // by type; empty: all
  uint64_t steps_ = 0;
};

Expander::Expander(const graph::GraphView& view, AdjacencyCache* cache)
    : view_(view), cache_(*cache), found_(2 * (view.catalog().relationship_types() + 1)) {}

size_t Expander::Expand(absl::Span<const uint32_t> twins, size_t first,
                        const ExpandOptions& options, size_t max, query::Expansion* out) const {
  out->clear();
  const Types types = Existing(options);
  if (types.empty() || first >= twins.size()) return twins.size();
  Arrays arrays;
  if (Find(types, options, twins.size() - first, &arrays)) {
    return ExpandArrays(arrays, twins, first, max, out);
  }
  Walk walk(view_, options.direction, types);
  const size_t next = walk.Expand(twins, first, max, out);
  AddSteps(types, options, walk.steps());
  return next;
}

uint64_t Expander::Count(absl::Span<const uint32_t> twins, const ExpandOptions& options) const {
  const Types types = Existing(options);
  if (types.empty()) return 0;
  Arrays arrays;
  if (Find(types, options, twins.size(), &arrays)) return CountArrays(arrays, twins);
  Walk walk(view_, options.direction, types);
  const uint64_t count = walk.Count(twins);
  AddSteps(types, options, walk.steps());
  return count;
}

// Those of which there are any; kAllTypes alone for all.
Expander::Types Expander::Existing(const ExpandOptions& options) const {
  if (options.any_type) return {kAllTypes};
  Types types;
  for (const RelationshipTypeId type : options.types) {
    if (view_.relationships(type) > 0) types.push_back(type);
  }
  return types;
}

bool Expander::Find(const Types& types, const ExpandOptions& options, size_t twins,
                    Arrays* arrays) const {
  for (const RelationshipTypeId type : types) {
    if (options.direction != Direction::kIncoming) {
      arrays->outgoing.push_back(Find(type, true, twins));
      if (arrays->outgoing.back() == nullptr) return false;
    }
    if (options.direction != Direction::kOutgoing) {
      arrays->incoming.push_back(Find(type, false, twins));
      if (arrays->incoming.back() == nullptr) return false;
    }
  }
  return true;
}

const Adjacency* Expander::Find(RelationshipTypeId type, bool outgoing, size_t twins) const {
  const size_t index = type == kAllTypes ? found_.size() / 2 - 1 : type.value;
  std::atomic<const Adjacency*>& slot = found_[2 * index + (outgoing ? 1 : 0)];
  const Adjacency* found = slot.load(std::memory_order_acquire);
  if (found != nullptr) return found;
  std::shared_ptr<const Adjacency> kept = cache_.Get(view_, type, outgoing, twins);
  if (kept == nullptr) return nullptr;
  const MutexLock lock(&mutex_);
  slot.store(kept.get(), std::memory_order_release);
  kept_.push_back(kept);
  return kept.get();
}

void Expander::AddSteps(const Types& types, const ExpandOptions& options, uint64_t steps) const {
  for (const RelationshipTypeId type : types) {
    if (options.direction != Direction::kIncoming) cache_.AddSteps(view_, type, true, steps);
    if (options.direction != Direction::kOutgoing) cache_.AddSteps(view_, type, false, steps);
  }
}

}  // namespace twin::engine
