// Which layouts a twin matters to: one, for nearly all of millions of twins.
#ifndef TWIN_SERVER_INGEST_LAYOUTS_BY_TWIN_H_
#define TWIN_SERVER_INGEST_LAYOUTS_BY_TWIN_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "server/base/ids.h"

namespace twin::ingest {

// Thread-compatible.
class LayoutsByTwin {
 public:
  bool empty() const { return one_.empty() && several_.empty(); }
  // Until the next change.
  absl::Span<const uint32_t> Find(TwinNumber twin) const {
    if (const auto one = one_.find(twin.value); one != one_.end()) {
      return absl::MakeConstSpan(&one->second, 1);
    }
    const auto several = several_.find(twin.value);
    return several == several_.end() ? absl::Span<const uint32_t>() : several->second;
  }
  // One that is there already stays.
  void Add(TwinNumber twin, uint32_t layout) {
    if (const auto found = several_.find(twin.value); found != several_.end()) {
      std::vector<uint32_t>& layouts = found->second;
      if (std::find(layouts.begin(), layouts.end(), layout) == layouts.end()) {
        layouts.push_back(layout);
      }
      return;
    }
    const auto [one, is_new] = one_.emplace(twin.value, layout);
    if (is_new || one->second == layout) return;
    several_[twin.value] = {one->second, layout};
    one_.erase(one);
  }
  void Remove(TwinNumber twin, uint32_t layout) {
    if (const auto one = one_.find(twin.value); one != one_.end()) {
      if (one->second == layout) one_.erase(one);
      return;
    }
    const auto found = several_.find(twin.value);
    if (found == several_.end()) return;
    std::vector<uint32_t>& layouts = found->second;
    layouts.erase(std::remove(layouts.begin(), layouts.end(), layout), layouts.end());
    if (layouts.size() > 1) return;
    one_.emplace(twin.value, layouts.front());
    several_.erase(found);
  }

 private:
  // A twin is in one of them.
  absl::flat_hash_map<uint32_t, uint32_t> one_;
  absl::flat_hash_map<uint32_t, std::vector<uint32_t>> several_;  // two or more
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_LAYOUTS_BY_TWIN_H_
