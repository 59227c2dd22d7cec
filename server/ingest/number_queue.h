// Items with rising numbers, which come at the end and are forgotten at the beginning.
#ifndef TWIN_SERVER_INGEST_NUMBER_QUEUE_H_
#define TWIN_SERVER_INGEST_NUMBER_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace twin::ingest {

// Thread-compatible.
template <typename T, typename Number = uint32_t>
class NumberQueue {
 public:
  bool Has(Number number) const { return number >= first_ && number < end(); }
  // Of one that it has; valid until the next change.
  T& operator[](Number number) { return items_[gone_ + (number - first_)]; }
  const T& operator[](Number number) const { return items_[gone_ + (number - first_)]; }
  size_t size() const { return items_.size() - gone_; }
  Number end() const { return first_ + static_cast<Number>(size()); }
  void Push(const T& item) { items_.push_back(item); }
  void CutBack(Number end) { items_.resize(gone_ + (end - first_)); }
  void ForgetBelow(Number number) {
    gone_ += number - first_;
    first_ = number;
    if (gone_ < items_.size() / 2) return;
    items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(gone_));
    gone_ = 0;
  }
  // Forgets all; the next one has this number.
  void Reset(Number first) {
    items_.clear();
    gone_ = 0;
    first_ = first;
  }

 private:
  std::vector<T> items_;
  size_t gone_ = 0;  // of the items
  Number first_ = 0;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_NUMBER_QUEUE_H_
