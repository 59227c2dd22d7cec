// Memory for what one parse makes, freed at once. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_ARENA_H_
#define TWIN_MODELS_DTDL_ARENA_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "absl/types/span.h"

namespace twin::dtdl {

// Objects stand in it in the order in which they were made, which is the order in which later passes
// visit them. Not thread-safe.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  template <typename T>
  T* New() {
    static_assert(std::is_trivially_destructible_v<T>, "nobody calls destructors");
    return new (Allocate(sizeof(T), alignof(T))) T();
  }
  template <typename T>
  absl::Span<T> NewArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "nobody calls destructors");
    if (count == 0) return {};
    // NOLINTNEXTLINE(bugprone-sizeof-expression): T may be a pointer, and its size is meant
    T* const array = static_cast<T*>(Allocate(sizeof(T) * count, alignof(T)));
    for (size_t i = 0; i < count; ++i) new (array + i) T();
    return {array, count};
  }

 private:
  // Allocators give blocks of many megabytes back to the system at once, and the next parse would
  // pay for every page again.
  static constexpr size_t kFirstBlockBytes = 16 << 10, kBlockBytesMax = 1 << 20;

  void* Allocate(size_t bytes, size_t alignment) {
    const size_t padding = -reinterpret_cast<uintptr_t>(at_) & (alignment - 1);
    if (bytes + padding > static_cast<size_t>(end_ - at_)) {
      if (bytes > kFirstBlockBytes) return NewBlock(bytes);
      at_ = NewBlock(block_bytes_);
      end_ = at_ + block_bytes_;
      block_bytes_ = std::min(2 * block_bytes_, kBlockBytesMax);
      return Allocate(bytes, alignment);
    }
    char* const begin = at_ + padding;
    at_ = begin + bytes;
    return begin;
  }

  char* NewBlock(size_t bytes) {
    return blocks_.emplace_back(new char[bytes]).get();  // aligned for everything
  }

  char* at_ = nullptr;  // the free part of the newest block
  char* end_ = nullptr;
  size_t block_bytes_ = kFirstBlockBytes;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_ARENA_H_
