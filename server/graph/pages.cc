#include "server/graph/pages.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

namespace twin::graph {
namespace {

constexpr size_t kSlabPages = 31;  // of 1,040 bytes they make 32 KiB, with their heads
constexpr size_t kSlabsPerNode = 4;
constexpr size_t kPagesPerNode = kSlabPages * kSlabsPerNode;
// A slab is made for more pages than that, so that at least half of it is used at first.
constexpr size_t kAloneMax = kSlabPages / 2;
constexpr uint32_t kSlabPageBytesMin = 128;

std::atomic<uint64_t> page_bytes_in_use{0};

void CountBytes(uint64_t bytes) { page_bytes_in_use.fetch_add(bytes, std::memory_order_relaxed); }
void UncountBytes(uint64_t bytes) { page_bytes_in_use.fetch_sub(bytes, std::memory_order_relaxed); }

}  // namespace

struct PageArray::Head {
  std::atomic<uint32_t> references{0};  // by nodes; 0, in a slab: the place is free
  uint32_t size = 0;
  uint64_t stamp = 0;

  // The bytes of a page outside of slabs, behind its head.
  static char* NewAlone(uint32_t size) {
    CountBytes(sizeof(Head) + size);
    Head* head = new (::operator new(sizeof(Head) + size)) Head;
    head->references.store(1, std::memory_order_relaxed);
    head->size = size;
    return reinterpret_cast<char*>(head + 1);
  }
  static Head* OfAlone(char* bytes) { return reinterpret_cast<Head*>(bytes) - 1; }
};

// Heads, then the bytes of as many pages of one size. Lives as long as a node refers to it; what it
// has free may be taken by any of them.
struct PageArray::Slab {
  std::atomic<uint32_t> references{1};
  uint32_t page_size;
  uint64_t unused = 0;  // heads do not cross cache lines
  Head heads[kSlabPages];

  explicit Slab(uint32_t size) : page_size(size) {}
  char* At(size_t index) { return reinterpret_cast<char*>(this + 1) + index * page_size; }
  bool Has(const char* bytes) { return bytes >= At(0) && bytes < At(kSlabPages); }
  // nullptr: it is not free.
  char* Take(size_t index) {
    uint32_t free = 0;
    if (!heads[index].references.compare_exchange_strong(free, 1, std::memory_order_acquire)) {
      return nullptr;
    }
    heads[index].size = page_size;
    return At(index);
  }

  static size_t BytesOf(uint32_t size) { return sizeof(Slab) + kSlabPages * size; }
  // Large ones begin at pages of the processor's; else jemalloc lets each touch one more of them.
  static std::align_val_t AlignmentOf(uint32_t size) {
    return std::align_val_t(BytesOf(size) > 14336 ? 4096 : 64);
  }
  static Slab* New(uint32_t size) {
    CountBytes(BytesOf(size));
    return new (::operator new(BytesOf(size), AlignmentOf(size))) Slab(size);
  }
  static void Release(Slab* slab) {
    if (slab->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    const uint32_t size = slab->page_size;
    UncountBytes(BytesOf(size));
    slab->~Slab();
    ::operator delete(slab, AlignmentOf(size));
  }
};

struct PageArray::Node {
  std::atomic<uint32_t> references{1};
  uint64_t stamp = 0;  // the greatest of its pages
  char* pages[kPagesPerNode] = {};
  Slab* slabs[kSlabsPerNode] = {};  // page i is at its place i % kSlabPages, or outside of slabs

  static_assert(sizeof(Slab) == 512);

  Node() { CountBytes(sizeof(Node)); }
  Node(const Node& other) : stamp(other.stamp) {
    CountBytes(sizeof(Node));
    for (size_t i = 0; i < kSlabsPerNode; ++i) {
      slabs[i] = other.slabs[i];
      if (slabs[i] != nullptr) slabs[i]->references.fetch_add(1, std::memory_order_relaxed);
    }
    for (size_t i = 0; i < kPagesPerNode; ++i) {
      pages[i] = other.pages[i];
      if (pages[i] != nullptr) HeadOf(i)->references.fetch_add(1, std::memory_order_relaxed);
    }
  }
  Node& operator=(const Node&) = delete;
  ~Node() {
    for (size_t i = 0; i < kPagesPerNode; ++i) {
      if (pages[i] != nullptr) Release(i);
    }
    for (Slab* slab : slabs) {
      if (slab != nullptr) Slab::Release(slab);
    }
    UncountBytes(sizeof(Node));
  }
  static void Delete(Node* node) { delete node; }

  bool IsAlone(size_t index) const {
    const Slab* slab = slabs[index / kSlabPages];
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): whoever releases a page replaces it
    return slab == nullptr || pages[index] != const_cast<Slab*>(slab)->At(index % kSlabPages);
  }
  Head* HeadOf(size_t index) const {
    if (IsAlone(index)) return Head::OfAlone(pages[index]);
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): as above
    return &slabs[index / kSlabPages]->heads[index % kSlabPages];
  }
  // Its place in the slab, if it has one of that size and no other node's page is there.
  char* TakePlace(size_t index, uint32_t size) {
    Slab* slab = slabs[index / kSlabPages];
    if (slab == nullptr || slab->page_size != size) return nullptr;
    return slab->Take(index % kSlabPages);
  }
  bool PlaceIsFree(size_t index, uint32_t size) const {
    const Slab* slab = slabs[index / kSlabPages];
    return slab != nullptr && slab->page_size == size &&
           slab->heads[index % kSlabPages].references.load(std::memory_order_relaxed) == 0;
  }
  // Returns what the node no longer has outside of slabs: 0 or the page's bytes.
  uint64_t ReleasePage(size_t index) {
    uint64_t bytes = 0;
    if (IsAlone(index)) {
      const uint32_t size = HeadOf(index)->size;
      const bool is_shared =
          size < kSlabPageBytesMin && std::count(pages, pages + kPagesPerNode, pages[index]) > 1;
      if (!is_shared) bytes = sizeof(Head) + size;
    }
    Release(index);
    return bytes;
  }
  void Release(size_t index) {
    Head* head = HeadOf(index);
    const bool alone = IsAlone(index);
    if (head->references.fetch_sub(1, std::memory_order_acq_rel) == 1 && alone) {
      UncountBytes(sizeof(Head) + head->size);
      head->~Head();
      ::operator delete(head);
    }
  }
};

struct PageArray::Directory {
  std::atomic<uint32_t> references{1};
  std::vector<Ref<Node>> nodes;
  size_t pages = 0;
  uint64_t bytes = 0;  // of nodes, slabs, and pages outside of slabs

  Directory() = default;
  Directory(const Directory& other) : nodes(other.nodes), pages(other.pages), bytes(other.bytes) {}
  Directory& operator=(const Directory&) = delete;
  ~Directory() = default;

  void Place(Node* node, size_t index, uint32_t size, uint64_t stamp);
  void Gather(Node* node, size_t slab, uint32_t size);
};

PageArray::Holder::Holder(const Holder& other) : object(other.object) {
  if (object != nullptr) object->references.fetch_add(1, std::memory_order_relaxed);
}

PageArray::Holder::~Holder() {
  if (object != nullptr && object->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    delete object;
  }
}

uint64_t PageBytesInUse() { return page_bytes_in_use.load(std::memory_order_relaxed); }

size_t PageArray::pages() const {
  return directory_.object == nullptr ? 0 : directory_.object->pages;
}

absl::string_view PageArray::Get(size_t page) const {
  const Node* node = NodeOf(page);
  const size_t index = page % kPagesPerNode;
  if (node == nullptr || node->pages[index] == nullptr) return {};
  return {node->pages[index], node->HeadOf(index)->size};
}

const PageArray::Node* PageArray::NodeOf(size_t page) const {
  const Directory* directory = directory_.object;
  if (directory == nullptr || page >= directory->pages) return nullptr;
  return directory->nodes[page / kPagesPerNode].get();
}

const char* PageArray::Bytes(size_t page) const {
  const Node* node = NodeOf(page);
  return node == nullptr ? nullptr : node->pages[page % kPagesPerNode];
}

void PageArray::Bytes(size_t first, absl::Span<const char*> bytes) const {
  for (size_t done = 0; done < bytes.size();) {
    const size_t index = (first + done) % kPagesPerNode;
    const size_t count = std::min(bytes.size() - done, kPagesPerNode - index);
    const Node* node = NodeOf(first + done);
    for (size_t i = 0; i < count; ++i) {
      bytes[done + i] = node == nullptr ? nullptr : node->pages[index + i];
    }
    done += count;
  }
}

void PageArray::Fetch(size_t page, size_t at) const {
  const Node* node = NodeOf(page);
  const size_t index = page % kPagesPerNode;
  if (node == nullptr || node->pages[index] == nullptr) return;
  __builtin_prefetch(node->HeadOf(index), /*rw=*/1);
  __builtin_prefetch(node->pages[index], /*rw=*/1);
  __builtin_prefetch(node->pages[index] + at, /*rw=*/1);
}

void PageArray::FetchByte(size_t page, size_t at) const {
  const Node* node = NodeOf(page);
  const size_t index = page % kPagesPerNode;
  if (node == nullptr || node->pages[index] == nullptr) return;
  __builtin_prefetch(node->HeadOf(index), /*rw=*/1);
  __builtin_prefetch(node->pages[index] + at, /*rw=*/1);
}

// New room for a page, with what it had if that was as large, else zeros.
void PageArray::Directory::Place(Node* node, size_t index, uint32_t size, uint64_t stamp) {
  char* to = node->TakePlace(index, size);
  const bool alone = to == nullptr;
  if (alone) {
    to = Head::NewAlone(size);
    bytes += sizeof(Head) + size;
  }
  char*& page = node->pages[index];
  if (page != nullptr && node->HeadOf(index)->size == size) {
    std::memcpy(to, page, size);
  } else {
    std::memset(to, 0, size);
  }
  if (page != nullptr) bytes -= node->ReleasePage(index);
  page = to;
  node->HeadOf(index)->stamp = stamp;
  if (alone && size >= kSlabPageBytesMin) Gather(node, index / kSlabPages, size);
}

// Puts pages that lie alone next to each other, if they are many enough.
void PageArray::Directory::Gather(Node* node, size_t slab, uint32_t size) {
  const size_t begin = slab * kSlabPages, end = begin + kSlabPages;
  Slab*& held = node->slabs[slab];
  if (held != nullptr) {
    for (size_t i = begin; i < end; ++i) {
      if (held->Has(node->pages[i])) return;
    }
    bytes -= Slab::BytesOf(held->page_size);
    Slab::Release(std::exchange(held, nullptr));
  }
  size_t movable[kSlabPages];
  size_t count = 0;
  for (size_t i = begin; i < end; ++i) {
    if (node->pages[i] == nullptr) continue;
    const Head* head = Head::OfAlone(node->pages[i]);
    const bool only = head->references.load(std::memory_order_acquire) == 1;
    if (only && head->size == size) movable[count++] = i;
  }
  if (count <= kAloneMax) return;
  Slab* made = Slab::New(size);
  bytes += Slab::BytesOf(size);
  for (size_t i = 0; i < count; ++i) {
    const size_t index = movable[i];
    char* to = made->Take(index - begin);
    std::memcpy(to, node->pages[index], size);
    made->heads[index - begin].stamp = Head::OfAlone(node->pages[index])->stamp;
    bytes -= node->ReleasePage(index);
    node->pages[index] = to;
  }
  held = made;
}

PageArray::Node* PageArray::NodeToChange(size_t page, uint64_t stamp) {
  if (directory_.object == nullptr) {
    directory_.object = new Directory;
  } else if (directory_.object->references.load(std::memory_order_acquire) != 1) {
    Holder copy;
    copy.object = new Directory(*directory_.object);
    directory_ = std::move(copy);
  }
  Directory& directory = *directory_.object;
  if (page >= directory.pages) {
    directory.pages = page + 1;
    directory.nodes.resize(page / kPagesPerNode + 1);
  }
  Ref<Node>& node = directory.nodes[page / kPagesPerNode];
  if (!node) {
    node = Ref<Node>(new Node);
    directory.bytes += sizeof(Node);
  } else if (!node.unique()) {
    node = Ref<Node>(new Node(*node));
  }
  node->stamp = stamp;
  return node.get();
}

char* PageArray::Mutable(size_t page, uint32_t size, uint64_t stamp) {
  Node* const node = NodeToChange(page, stamp);
  const size_t index = page % kPagesPerNode;
  if (node->pages[index] != nullptr) {
    Head* head = node->HeadOf(index);
    const bool only = head->references.load(std::memory_order_acquire) == 1;
    if (only && head->size == size && !(node->IsAlone(index) && node->PlaceIsFree(index, size))) {
      head->stamp = stamp;
      return node->pages[index];
    }
  }
  directory_.object->Place(node, index, size, stamp);
  return node->pages[index];
}

// Takes a share of the page before it, if that says the same.
bool PageArray::StoreAsBefore(size_t page, absl::string_view bytes, uint64_t stamp) {
  const size_t index = page % kPagesPerNode;
  if (index == 0 || bytes.size() >= kSlabPageBytesMin) return false;
  Node* const node = NodeToChange(page, stamp);
  char* const before = node->pages[index - 1];
  if (before == nullptr || !node->IsAlone(index - 1)) return false;
  Head* const head = Head::OfAlone(before);
  if (head->stamp != stamp || absl::string_view(before, head->size) != bytes) return false;
  if (node->pages[index] == before) return true;
  head->references.fetch_add(1, std::memory_order_relaxed);
  if (node->pages[index] != nullptr) directory_.object->bytes -= node->ReleasePage(index);
  node->pages[index] = before;
  return true;
}

void PageArray::Store(size_t page, absl::string_view bytes, uint64_t stamp) {
  if (StoreAsBefore(page, bytes, stamp)) return;
  std::memcpy(Mutable(page, static_cast<uint32_t>(bytes.size()), stamp), bytes.data(),
              bytes.size());
}

void PageArray::ForEachNewer(
    uint64_t stamp, absl::FunctionRef<void(size_t page, absl::string_view bytes)> visit) const {
  if (directory_.object == nullptr) return;
  const Directory& directory = *directory_.object;
  for (size_t i = 0; i < directory.nodes.size(); ++i) {
    const Node* node = directory.nodes[i].get();
    if (node == nullptr || node->stamp <= stamp) continue;
    for (size_t j = 0; j < kPagesPerNode; ++j) {
      if (node->pages[j] == nullptr) continue;
      const Head* head = node->HeadOf(j);
      if (head->stamp <= stamp) continue;
      visit(i * kPagesPerNode + j, absl::string_view(node->pages[j], head->size));
    }
  }
}

uint64_t PageArray::bytes() const {
  return directory_.object == nullptr ? 0 : directory_.object->bytes;
}

}  // namespace twin::graph
