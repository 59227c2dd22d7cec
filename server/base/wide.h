// Loops over many values, compiled once more for processors with wider registers than those that
// every processor of the architecture has:
//
//   TWIN_INLINE_LOOP uint64_t SumOnAny(absl::Span<const uint64_t> values) { … }
//   #if TWIN_HAS_WIDE
//   TWIN_WIDE uint64_t SumOnWide(absl::Span<const uint64_t> values) { return SumOnAny(values); }
//   #endif
//
//   if (HasWide()) return SumOnWide(values);
#ifndef TWIN_SERVER_BASE_WIDE_H_
#define TWIN_SERVER_BASE_WIDE_H_

#if defined(__x86_64__)
#define TWIN_HAS_WIDE 1
#define TWIN_WIDE __attribute__((target("avx2")))
#define TWIN_INLINE_LOOP __attribute__((always_inline)) inline
#else
#define TWIN_HAS_WIDE 0
#define TWIN_INLINE_LOOP inline
#endif

namespace twin {

#if TWIN_HAS_WIDE
inline bool HasWide() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}
#endif

}  // namespace twin

#endif  // TWIN_SERVER_BASE_WIDE_H_
