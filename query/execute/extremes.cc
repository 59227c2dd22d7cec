#include "query/execute/extremes.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "server/base/wide.h"

#if TWIN_HAS_WIDE
#include <immintrin.h>
#endif

namespace twin::query {
namespace {

constexpr size_t kLanes = 16;

template <typename T>
Extremes<T> OneByOne(const T* values, size_t count) {
  Extremes<T> found = {values[0], values[0]};
  for (size_t i = 1; i < count; ++i) found.Take({values[i], values[i]});
  return found;
}

// Lanes do not know which zero was the first.
double FirstZero(const double* values, size_t count) {
  return *std::find(values, values + count, 0.0);
}

// Of kLanes or more. False: one of them is NaN, or infinite.
template <typename T>
TWIN_INLINE_LOOP bool InLanes(const T* values, size_t count, Extremes<T>* found) {
  typedef T Four __attribute__((vector_size(4 * sizeof(T))));
  constexpr size_t kParts = kLanes / 4;
  Four low[kParts], high[kParts];
  Four nan[kParts] = {};  // NaN where NaN, or an infinity, was met
#pragma GCC unroll 4
  for (size_t k = 0; k < kParts; ++k) {
    std::memcpy(&low[k], values + 4 * k, sizeof(low[k]));
    high[k] = low[k];
  }
  for (size_t i = 0;; i = std::min(i + kLanes, count - kLanes)) {
#pragma GCC unroll 4
    for (size_t k = 0; k < kParts; ++k) {
      Four x;
      std::memcpy(&x, values + i + 4 * k, sizeof(x));
      low[k] = x < low[k] ? x : low[k];
      high[k] = x > high[k] ? x : high[k];
      if constexpr (std::is_same_v<T, double>) nan[k] += x * 0.0;
    }
    if (i == count - kLanes) break;
  }
#pragma GCC unroll 4
  for (size_t k = 1; k < kParts; ++k) {
    low[0] = low[k] < low[0] ? low[k] : low[0];
    high[0] = high[k] > high[0] ? high[k] : high[0];
    nan[0] += nan[k];
  }
  *found = {low[0][0], high[0][0]};
  T any_nan = 0;
  for (size_t k = 0; k < 4; ++k) {
    found->least = std::min(found->least, T{low[0][k]});
    found->greatest = std::max(found->greatest, T{high[0][k]});
    any_nan += nan[0][k];
  }
  return any_nan == 0;
}

#if TWIN_HAS_WIDE
TWIN_WIDE bool InWideLanes(const int64_t* values, size_t count, Extremes<int64_t>* found) {
  return InLanes(values, count, found);
}

TWIN_WIDE inline __m256d IsNan(__m256d a, __m256d b) { return _mm256_cmp_pd(a, b, _CMP_UNORD_Q); }

// Infinities are as good as other numbers. No arrays of lanes: g++ would keep them in memory.
TWIN_WIDE bool InWideLanes(const double* values, size_t count, Extremes<double>* found) {
  __m256d low0 = _mm256_loadu_pd(values), low1 = _mm256_loadu_pd(values + 4);
  __m256d low2 = _mm256_loadu_pd(values + 8), low3 = _mm256_loadu_pd(values + 12);
  __m256d high0 = low0, high1 = low1, high2 = low2, high3 = low3;
  __m256d nan = _mm256_or_pd(IsNan(low0, low1), IsNan(low2, low3));
  for (size_t i = kLanes; i < count; i += kLanes) {
    const double* const from = values + std::min(i, count - kLanes);
    const __m256d x0 = _mm256_loadu_pd(from), x1 = _mm256_loadu_pd(from + 4);
    const __m256d x2 = _mm256_loadu_pd(from + 8), x3 = _mm256_loadu_pd(from + 12);
    low0 = _mm256_min_pd(x0, low0);
    low1 = _mm256_min_pd(x1, low1);
    low2 = _mm256_min_pd(x2, low2);
    low3 = _mm256_min_pd(x3, low3);
    high0 = _mm256_max_pd(x0, high0);
    high1 = _mm256_max_pd(x1, high1);
    high2 = _mm256_max_pd(x2, high2);
    high3 = _mm256_max_pd(x3, high3);
    nan = _mm256_or_pd(nan, _mm256_or_pd(IsNan(x0, x1), IsNan(x2, x3)));
  }
  if (_mm256_movemask_pd(nan) != 0) return false;
  const __m256d low = _mm256_min_pd(_mm256_min_pd(low0, low1), _mm256_min_pd(low2, low3));
  const __m256d high = _mm256_max_pd(_mm256_max_pd(high0, high1), _mm256_max_pd(high2, high3));
  const __m128d lows = _mm_min_pd(_mm256_castpd256_pd128(low), _mm256_extractf128_pd(low, 1));
  const __m128d highs = _mm_max_pd(_mm256_castpd256_pd128(high), _mm256_extractf128_pd(high, 1));
  found->least = _mm_cvtsd_f64(_mm_min_sd(lows, _mm_unpackhi_pd(lows, lows)));
  found->greatest = _mm_cvtsd_f64(_mm_max_sd(highs, _mm_unpackhi_pd(highs, highs)));
  return true;
}
#endif

template <typename T, typename F>
Extremes<T> Find(const T* values, size_t count, F in_lanes) {
  Extremes<T> found;
  if (count < kLanes || !in_lanes(values, count, &found)) return OneByOne(values, count);
  if constexpr (std::is_same_v<T, double>) {
    if (found.least == 0) found.least = FirstZero(values, count);
    if (found.greatest == 0) found.greatest = FirstZero(values, count);
  }
  return found;
}

template <typename T>
Extremes<T> FindNarrow(const T* values, size_t count) {
  return Find(values, count,
              [](const T* from, size_t n, Extremes<T>* found) { return InLanes(from, n, found); });
}

template <typename T>
Extremes<T> FindAny(const T* values, size_t count) {
#if TWIN_HAS_WIDE
  if (HasWide()) {
    return Find(values, count, [](const T* from, size_t n, Extremes<T>* found) {
      return InWideLanes(from, n, found);
    });
  }
#endif
  return FindNarrow(values, count);
}

}  // namespace

Extremes<double> ExtremesOf(const double* values, size_t count) { return FindAny(values, count); }
Extremes<int64_t> ExtremesOf(const int64_t* values, size_t count) { return FindAny(values, count); }

Extremes<double> NarrowExtremesOf(const double* values, size_t count) {
  return FindNarrow(values, count);
}
Extremes<int64_t> NarrowExtremesOf(const int64_t* values, size_t count) {
  return FindNarrow(values, count);
}

}  // namespace twin::query
