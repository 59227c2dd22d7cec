// Memory for what one parse makes, freed at once. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_ARENA_H_
#define TWIN_MODELS_DTDL_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::dtdl {

// Objects stand in it in the order in which they were made, which is the order in which later
// passes visit them. Not thread-safe.
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
  // A copy with `padding` zero bytes behind it.
  absl::string_view Copy(absl::string_view text, size_t padding = 0) {
    char* const copy = static_cast<char*>(Allocate(text.size() + padding, 1));
    text.copy(copy, text.size());
    std::memset(copy + text.size(), 0, padding);
    return {copy, text.size()};
  }

 private:
  // Small, so that allocators keep them when they are freed: where megabytes lie side by side,
  // jemalloc gives them back to the system at once, and the next parse would pay for every page
  // again.
  static constexpr size_t kBlockBytes = 8 << 10;
  static constexpr size_t kLineBytes = 64, kAheadBytes = 1024;

  void* Allocate(size_t bytes, size_t alignment) {
    const size_t padding = -reinterpret_cast<uintptr_t>(at_) & (alignment - 1);
    if (bytes + padding > static_cast<size_t>(end_ - at_)) {
      if (bytes > kBlockBytes / 4) return NewBlock(bytes);
      at_ = NewBlock(kBlockBytes);
      end_ = at_ + kBlockBytes;
      return Allocate(bytes, alignment);
    }
    char* const begin = at_ + padding;
    at_ = begin + bytes;
    // The lines that the next objects will be written to come while this one is made.
    for (size_t line = 0; line < bytes; line += kLineBytes) {
      __builtin_prefetch(begin + kAheadBytes + line, 1);
    }
    return begin;
  }

  char* NewBlock(size_t bytes) {
    return blocks_.emplace_back(new char[bytes]).get();  // aligned for everything
  }

  char* at_ = nullptr;  // the free part of the newest block
  char* end_ = nullptr;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_ARENA_H_
