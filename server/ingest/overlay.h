// Objects by number, over something larger that has the rest: what PendingState is made of.
#ifndef TWIN_SERVER_INGEST_OVERLAY_H_
#define TWIN_SERVER_INGEST_OVERLAY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace twin::ingest {

// Objects keep their addresses. One that goes is kept for the next one, with the memory that it
// grew: an overlay through which much passes allocates little. T has Clear(). Thread-compatible.
template <typename T>
class Overlay {
 public:
  // nullptr: not here. Operations ask for one object several times, so the last answer is
  // remembered.
  T* Find(uint32_t number) const {
    if (has_last_ && last_number_ == number) return last_;
    const auto it = objects_.find(number);
    Remember(number, it == objects_.end() ? nullptr : it->second.get());
    return last_;
  }

  bool empty() const { return objects_.empty(); }

  // A cleared object; the number has none yet.
  T* Add(uint32_t number) {
    std::unique_ptr<T>& object = objects_[number];
    if (spare_.empty()) {
      object = std::make_unique<T>();
    } else {
      object = std::move(spare_.back());
      spare_.pop_back();
    }
    Remember(number, object.get());
    return last_;
  }

  void Remove(uint32_t number) {
    has_last_ = false;
    const auto it = objects_.find(number);
    if (spare_.size() < kSpareMax) {
      it->second->Clear();
      spare_.push_back(std::move(it->second));
    }
    objects_.erase(it);
  }

  void Clear() {
    has_last_ = false;
    objects_.clear();
  }

 private:
  static constexpr size_t kSpareMax = 16 << 10;  // more than a batch makes, a few MiB

  void Remember(uint32_t number, T* object) const {
    has_last_ = true;
    last_number_ = number;
    last_ = object;
  }

  absl::flat_hash_map<uint32_t, std::unique_ptr<T>> objects_;
  std::vector<std::unique_ptr<T>> spare_;
  mutable bool has_last_ = false;
  mutable uint32_t last_number_ = 0;
  mutable T* last_ = nullptr;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_OVERLAY_H_
