// Arrays of copy-on-write pages: what snapshots and incremental checkpoints are made of.
//
//   PageArray ─▶ Directory ─▶ Node (124 pages) ─▶ pages: some bytes, and when they last changed
//                                  │ four slabs      ▲
//                                  └─▶ heads of 31 pages, then the bytes of page 0, 1, 2 …
//
// Copying a PageArray copies one pointer; both then share everything. The one that changes a page
// copies what lies on the way to it, and only if it is shared.
//
// Pages that follow each other lie next to each other in a slab, each at its own place, as soon as
// there are 16 of one size among those that a slab is for; until then, and while a snapshot has the
// former page at that place, a page is an allocation of its own. Whoever changes a page that is not
// at its place brings it there once that is free. Where all of them have left, the slab is made
// anew.
#ifndef TWIN_SERVER_GRAPH_PAGES_H_
#define TWIN_SERVER_GRAPH_PAGES_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::graph {

// Shared ownership with the count inside. T has a member `std::atomic<uint32_t> references` and is
// deleted by `T::Delete(T*)`.
template <typename T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* taken) : object_(taken) {}  // takes over the count that it has
  Ref(const Ref& other) : object_(other.object_) {
    if (object_ != nullptr) object_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && object_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      T::Delete(object_);
    }
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  // Whoever asks this holds the only reference there is, and may change the object.
  bool unique() const { return object_->references.load(std::memory_order_acquire) == 1; }

 private:
  T* object_ = nullptr;
};

// Bytes that the pages of all arrays of this process take now.
uint64_t PageBytesInUse();

// Thread-compatible; different PageArrays that share pages may be used from different threads.
class PageArray {
 public:
  size_t pages() const;  // one more than the greatest that was ever written

  // The bytes of a page; empty: it was never written. Valid until the array changes.
  absl::string_view Get(size_t page) const;
  // Where they begin, without a look at the page itself; nullptr: it was never written.
  const char* Bytes(size_t page) const;
  // The same of bytes.size() pages from that one on.
  void Bytes(size_t first, absl::Span<const char*> bytes) const;

  // A hint: the beginning of the page and its byte `at` are about to be looked at.
  void Fetch(size_t page, size_t at) const;
  // The same without its beginning.
  void FetchByte(size_t page, size_t at) const;

  // The bytes of a page, to change: as they are if it has that size, else all zero. Other pages of
  // the array may move.
  // `stamp` says when: ForEachNewer finds the page by it.
  char* Mutable(size_t page, uint32_t size, uint64_t stamp);

  // The same, with these bytes. Small pages that follow each other and are stored as the same bytes
  // with the same stamp take room once.
  void Store(size_t page, absl::string_view bytes, uint64_t stamp);

  // Calls `visit` for the pages with a stamp greater than `stamp`.
  void ForEachNewer(uint64_t stamp,
                    absl::FunctionRef<void(size_t page, absl::string_view bytes)> visit) const;

  uint64_t bytes() const;  // that its pages take

 private:
  struct Head;
  struct Slab;
  struct Node;
  struct Directory;
  const Node* NodeOf(size_t page) const;
  Node* NodeToChange(size_t page, uint64_t stamp);
  bool StoreAsBefore(size_t page, absl::string_view bytes, uint64_t stamp);

  // Out of line, since Directory is complete only there.
  struct Holder {
    Directory* object = nullptr;
    Holder() = default;
    Holder(const Holder& other);
    Holder(Holder&& other) noexcept : object(std::exchange(other.object, nullptr)) {}
    Holder& operator=(Holder other) noexcept {
      std::swap(object, other.object);
      return *this;
    }
    ~Holder();
  };
  Holder directory_;
};

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_PAGES_H_
