#include "server/graph/pages.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace twin::graph {
namespace {

constexpr size_t kPagesPerNode = 128;
std::atomic<uint64_t> page_bytes_in_use{0};

}  // namespace

struct PageArray::Page {
  std::atomic<uint32_t> references{1};
  uint32_t size;
  uint64_t stamp;

  explicit Page(uint32_t size_given, uint64_t stamp_given) : size(size_given), stamp(stamp_given) {}
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }

  static Page* New(uint32_t size, uint64_t stamp) {
    page_bytes_in_use.fetch_add(sizeof(Page) + size, std::memory_order_relaxed);
    return new (::operator new(sizeof(Page) + size)) Page(size, stamp);
  }
  static void Delete(Page* page) {
    page_bytes_in_use.fetch_sub(sizeof(Page) + page->size, std::memory_order_relaxed);
    page->~Page();
    ::operator delete(page);
  }
};

struct PageArray::Node {
  std::atomic<uint32_t> references{1};
  Ref<Page> pages[kPagesPerNode];
  uint64_t stamp = 0;  // the greatest of its pages

  Node() { page_bytes_in_use.fetch_add(sizeof(Node), std::memory_order_relaxed); }
  Node(const Node& other) : stamp(other.stamp) {
    page_bytes_in_use.fetch_add(sizeof(Node), std::memory_order_relaxed);
    for (size_t i = 0; i < kPagesPerNode; ++i) pages[i] = other.pages[i];
  }
  Node& operator=(const Node&) = delete;
  ~Node() { page_bytes_in_use.fetch_sub(sizeof(Node), std::memory_order_relaxed); }
  static void Delete(Node* node) { delete node; }
};

struct PageArray::Directory {
  std::atomic<uint32_t> references{1};
  std::vector<Ref<Node>> nodes;
  size_t pages = 0;
  uint64_t bytes = 0;  // of nodes and pages

  Directory() = default;
  Directory(const Directory& other) : nodes(other.nodes), pages(other.pages), bytes(other.bytes) {}
  Directory& operator=(const Directory&) = delete;
  ~Directory() = default;
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

const PageArray::Page* PageArray::Find(size_t page) const {
  const Directory* directory = directory_.object;
  if (directory == nullptr || page >= directory->pages) return nullptr;
  const Ref<Node>& node = directory->nodes[page / kPagesPerNode];
  return node ? node->pages[page % kPagesPerNode].get() : nullptr;
}

absl::string_view PageArray::Get(size_t page) const {
  const Page* found = Find(page);
  return found == nullptr ? absl::string_view() : absl::string_view(found->bytes(), found->size);
}

const char* PageArray::Bytes(size_t page) const {
  const Page* found = Find(page);
  return found == nullptr ? nullptr : found->bytes();
}

void PageArray::Fetch(size_t page, size_t at) const {
  const Page* found = Find(page);
  if (found == nullptr) return;
  __builtin_prefetch(found, /*rw=*/1);
  __builtin_prefetch(found->bytes() + at, /*rw=*/1);
}

char* PageArray::Mutable(size_t page, uint32_t size, uint64_t stamp) {
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
  Ref<Page>& slot = node->pages[page % kPagesPerNode];
  if (!slot || slot->size != size) {
    directory.bytes += slot ? size - uint64_t{slot->size} : sizeof(Page) + size;
    slot = Ref<Page>(Page::New(size, stamp));
    std::memset(slot->bytes(), 0, size);
  } else if (!slot.unique()) {
    Ref<Page> copy(Page::New(size, stamp));
    std::memcpy(copy->bytes(), slot->bytes(), size);
    slot = std::move(copy);
  }
  slot->stamp = stamp;
  return slot->bytes();
}

void PageArray::ForEachNewer(
    uint64_t stamp, absl::FunctionRef<void(size_t page, absl::string_view bytes)> visit) const {
  if (directory_.object == nullptr) return;
  const Directory& directory = *directory_.object;
  for (size_t i = 0; i < directory.nodes.size(); ++i) {
    if (!directory.nodes[i] || directory.nodes[i]->stamp <= stamp) continue;
    for (size_t j = 0; j < kPagesPerNode; ++j) {
      const Page* page = directory.nodes[i]->pages[j].get();
      if (page == nullptr || page->stamp <= stamp) continue;
      visit(i * kPagesPerNode + j, absl::string_view(page->bytes(), page->size));
    }
  }
}

uint64_t PageArray::bytes() const {
  return directory_.object == nullptr ? 0 : directory_.object->bytes;
}

}  // namespace twin::graph
