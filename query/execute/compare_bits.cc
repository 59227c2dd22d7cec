#include "query/execute/compare_bits.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "server/base/float.h"
#include "server/base/wide.h"

#if TWIN_HAS_WIDE
#include <immintrin.h>
#endif

namespace twin::query {
namespace {

using Stored = ColumnPage::Stored;

// Bits of `rows` values, at most 64, that pass.
template <typename T, typename C, typename Passes>
uint64_t BitsOf(const char* values, C constant, size_t rows, Passes passes) {
  uint8_t lanes[64];  // a byte for each: what compilers make vector comparisons of
  for (size_t i = 0; i < rows; ++i) {
    T stored;
    std::memcpy(&stored, values + i * sizeof(T), sizeof(T));
    lanes[i] = passes(static_cast<C>(stored), constant) ? 1 : 0;
  }
  constexpr uint64_t kGather = 0x0102040810204080;  // the lowest bits of eight bytes to the top one
  uint64_t word = 0;
  for (size_t i = 0; i < rows; i += 8) {
    uint64_t eight;
    std::memcpy(&eight, lanes + i, sizeof(eight));
    word |= ((eight * kGather) >> 56) << i;
  }
  return word;
}

template <typename T, typename C, typename Passes>
void KeepWhere(const char* values, C constant, size_t rows, uint64_t* words, Passes passes) {
  for (size_t i = 0; i < rows; i += 64) {
    words[i / 64] &=
        BitsOf<T>(values + i * sizeof(T), constant, std::min<size_t>(64, rows - i), passes);
  }
}

// NaN sorts above all numbers.
template <typename T, typename C>
void KeepOf(BoundKind op, const char* values, C constant, size_t rows, uint64_t* words) {
  const auto keep = [&](auto passes) { KeepWhere<T>(values, constant, rows, words, passes); };
  switch (op) {
    case BoundKind::kEqual:
      return keep([](C a, C b) { return a == b; });
    case BoundKind::kNotEqual:
      return keep([](C a, C b) { return !(a == b); });
    case BoundKind::kLess:
      return keep([](C a, C b) { return a < b; });
    case BoundKind::kLessEqual:
      return keep([](C a, C b) { return a <= b; });
    case BoundKind::kGreater:
      return keep([](C a, C b) { return !(a <= b); });
    default:
      return keep([](C a, C b) { return !(a < b); });
  }
}

// A comparison of what floats stand for, as one of the floats themselves.
StoredComparison OfFloats(const StoredComparison& comparison) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const double number = comparison.number;
  float nearest = 0;
  if (std::abs(number) <= kGreatestOfFloats) {
    nearest = static_cast<float>(number);
  } else {
    nearest = number > 0 ? kInfinity : -kInfinity;
  }
  const double stands_for = FromFloat(nearest);
  StoredComparison out{comparison.op, 0, nearest};
  if (stands_for == number) return out;
  // What is no float lies between two of them, one of which is `nearest`.
  const bool nearest_is_below = stands_for < number;
  switch (comparison.op) {
    case BoundKind::kEqual:
      return {BoundKind::kLess, 0, -kInfinity};  // none
    case BoundKind::kNotEqual:
      return {BoundKind::kGreaterEqual, 0, -kInfinity};  // all
    case BoundKind::kLess:
    case BoundKind::kLessEqual:
      out.op = nearest_is_below ? BoundKind::kLessEqual : BoundKind::kLess;
      return out;
    default:
      out.op = nearest_is_below ? BoundKind::kGreater : BoundKind::kGreaterEqual;
      return out;
  }
}

#if TWIN_HAS_WIDE
// Bits of 64 values, 256 bits of them a comparison.
template <int kPredicate, typename T>
TWIN_WIDE inline uint64_t WideBitsOfDoubles(const T* from, __m256d right) {
  uint64_t word = 0;
#pragma GCC unroll 16
  for (size_t i = 0; i < 64; i += 4) {
    __m256d left;
    if constexpr (std::is_same_v<T, float>) {
      left = _mm256_cvtps_pd(_mm_loadu_ps(from + i));
    } else {
      left = _mm256_loadu_pd(from + i);
    }
    const __m256d passes = _mm256_cmp_pd(left, right, kPredicate);
    word |= static_cast<uint64_t>(_mm256_movemask_pd(passes)) << i;
  }
  return word;
}

template <int kPredicate, typename T>
TWIN_WIDE void KeepDoublesWide(const char* values, double constant, size_t rows, uint64_t* words) {
  const __m256d right = _mm256_set1_pd(constant);
  for (size_t i = 0; i < rows; i += 64) {
    words[i / 64] &= WideBitsOfDoubles<kPredicate>(reinterpret_cast<const T*>(values) + i, right);
  }
}

template <typename T>
void KeepDoublesWide(const StoredComparison& comparison, const char* values, size_t rows,
                     uint64_t* words) {
  const double constant = comparison.number;
  switch (comparison.op) {
    case BoundKind::kEqual:
      return KeepDoublesWide<_CMP_EQ_OQ, T>(values, constant, rows, words);
    case BoundKind::kNotEqual:
      return KeepDoublesWide<_CMP_NEQ_UQ, T>(values, constant, rows, words);
    case BoundKind::kLess:
      return KeepDoublesWide<_CMP_LT_OQ, T>(values, constant, rows, words);
    case BoundKind::kLessEqual:
      return KeepDoublesWide<_CMP_LE_OQ, T>(values, constant, rows, words);
    case BoundKind::kGreater:
      return KeepDoublesWide<_CMP_NLE_UQ, T>(values, constant, rows, words);
    default:
      return KeepDoublesWide<_CMP_NLT_UQ, T>(values, constant, rows, words);
  }
}

// What processors know of integers; the other three are the contrary of one of these.
enum class Relation { kEqual, kLess, kGreater };

TWIN_WIDE inline __m256i EqualOf(int8_t, __m256i a, __m256i b) { return _mm256_cmpeq_epi8(a, b); }
TWIN_WIDE inline __m256i EqualOf(int32_t, __m256i a, __m256i b) { return _mm256_cmpeq_epi32(a, b); }
TWIN_WIDE inline __m256i EqualOf(int64_t, __m256i a, __m256i b) { return _mm256_cmpeq_epi64(a, b); }
TWIN_WIDE inline __m256i AboveOf(int8_t, __m256i a, __m256i b) { return _mm256_cmpgt_epi8(a, b); }
TWIN_WIDE inline __m256i AboveOf(int32_t, __m256i a, __m256i b) { return _mm256_cmpgt_epi32(a, b); }
TWIN_WIDE inline __m256i AboveOf(int64_t, __m256i a, __m256i b) { return _mm256_cmpgt_epi64(a, b); }
TWIN_WIDE inline __m256i AllOf(int8_t value) { return _mm256_set1_epi8(value); }
TWIN_WIDE inline __m256i AllOf(int32_t value) { return _mm256_set1_epi32(value); }
TWIN_WIDE inline __m256i AllOf(int64_t value) { return _mm256_set1_epi64x(value); }
TWIN_WIDE inline uint64_t MaskOf(int8_t, __m256i passes) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(passes));
}
TWIN_WIDE inline uint64_t MaskOf(int32_t, __m256i passes) {
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(passes)));
}
TWIN_WIDE inline uint64_t MaskOf(int64_t, __m256i passes) {
  return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(passes)));
}

template <Relation kRelation, typename T>
TWIN_WIDE inline uint64_t WideBitsOfInts(const char* from, __m256i right) {
  constexpr size_t kLanes = sizeof(__m256i) / sizeof(T);
  uint64_t word = 0;
#pragma GCC unroll 16
  for (size_t i = 0; i < 64; i += kLanes) {
    const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i * sizeof(T)));
    __m256i passes;
    if constexpr (kRelation == Relation::kEqual) {
      passes = EqualOf(T{}, left, right);
    } else if constexpr (kRelation == Relation::kLess) {
      passes = AboveOf(T{}, right, left);
    } else {
      passes = AboveOf(T{}, left, right);
    }
    word |= MaskOf(T{}, passes) << i;
  }
  return word;
}

// `flip`: all ones where the contrary is asked for.
template <Relation kRelation, typename T>
TWIN_WIDE void KeepIntsWide(const char* values, T constant, uint64_t flip, size_t rows,
                            uint64_t* words) {
  const __m256i right = AllOf(constant);
  for (size_t i = 0; i < rows; i += 64) {
    words[i / 64] &= WideBitsOfInts<kRelation, T>(values + i * sizeof(T), right) ^ flip;
  }
}

template <Relation kRelation, typename T>
void KeepIntsOf(const char* values, int64_t constant, uint64_t flip, size_t rows, uint64_t* words) {
  using Limits = std::numeric_limits<T>;
  const bool below = constant < Limits::min();
  if (!below && constant <= Limits::max()) {
    return KeepIntsWide<kRelation>(values, static_cast<T>(constant), flip, rows, words);
  }
  const bool all = kRelation != Relation::kEqual && below == (kRelation == Relation::kGreater);
  const uint64_t word = (all ? UINT64_MAX : 0) ^ flip;
  for (size_t i = 0; i < rows; i += 64) words[i / 64] &= word;
}

template <typename T>
void KeepIntsWide(BoundKind op, const char* values, int64_t constant, size_t rows,
                  uint64_t* words) {
  switch (op) {
    case BoundKind::kEqual:
      return KeepIntsOf<Relation::kEqual, T>(values, constant, 0, rows, words);
    case BoundKind::kNotEqual:
      return KeepIntsOf<Relation::kEqual, T>(values, constant, UINT64_MAX, rows, words);
    case BoundKind::kLess:
      return KeepIntsOf<Relation::kLess, T>(values, constant, 0, rows, words);
    case BoundKind::kLessEqual:
      return KeepIntsOf<Relation::kGreater, T>(values, constant, UINT64_MAX, rows, words);
    case BoundKind::kGreater:
      return KeepIntsOf<Relation::kGreater, T>(values, constant, 0, rows, words);
    default:
      return KeepIntsOf<Relation::kLess, T>(values, constant, UINT64_MAX, rows, words);
  }
}

// Codes are equal where their bits are; what is no code is no int32 either.
int64_t CodeAsInt32(int64_t code) {
  const bool is_code = code >= 0 && code <= UINT32_MAX;
  return is_code ? static_cast<int32_t>(static_cast<uint32_t>(code)) : INT64_MAX;
}

void KeepPassingWide(const StoredComparison& comparison, const ColumnPage& page, size_t rows,
                     uint64_t* words) {
  const BoundKind op = comparison.op;
  const char* const values = page.values;
  switch (page.stored) {
    case Stored::kBool:
      return KeepIntsWide<int8_t>(op, values, comparison.integer, rows, words);
    case Stored::kInt32:
      return KeepIntsWide<int32_t>(op, values, comparison.integer, rows, words);
    case Stored::kCode:
      return KeepIntsWide<int32_t>(op, values, CodeAsInt32(comparison.integer), rows, words);
    case Stored::kInt64:
      return KeepIntsWide<int64_t>(op, values, comparison.integer, rows, words);
    case Stored::kFloat:
      return KeepDoublesWide<float>(OfFloats(comparison), values, rows, words);
    case Stored::kDouble:
      return KeepDoublesWide<double>(comparison, values, rows, words);
    case Stored::kOther:
      return;
  }
}
#endif

}  // namespace

void KeepPassing(const StoredComparison& comparison, const ColumnPage& page, size_t rows,
                 uint64_t* words) {
#if TWIN_HAS_WIDE
  if (rows % 64 == 0 && HasWide()) return KeepPassingWide(comparison, page, rows, words);
#endif
  KeepPassingNarrow(comparison, page, rows, words);
}

void KeepPassingNarrow(const StoredComparison& comparison, const ColumnPage& page, size_t rows,
                       uint64_t* words) {
  const char* const values = page.values;
  switch (page.stored) {
    case Stored::kBool:
      return KeepOf<uint8_t>(comparison.op, values, comparison.integer, rows, words);
    case Stored::kInt32:
      return KeepOf<int32_t>(comparison.op, values, comparison.integer, rows, words);
    case Stored::kCode:
      return KeepOf<uint32_t>(comparison.op, values, comparison.integer, rows, words);
    case Stored::kInt64:
      return KeepOf<int64_t>(comparison.op, values, comparison.integer, rows, words);
    case Stored::kFloat: {
      const StoredComparison floats = OfFloats(comparison);
      return KeepOf<float>(floats.op, values, floats.number, rows, words);
    }
    case Stored::kDouble:
      return KeepOf<double>(comparison.op, values, comparison.number, rows, words);
    case Stored::kOther:
      return;
  }
}

}  // namespace twin::query
