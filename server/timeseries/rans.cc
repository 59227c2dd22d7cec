#include "server/timeseries/rans.h"

#include <algorithm>
#include <cstring>

#include "server/base/check.h"

// Sixteen states at a time where the processor can look up eight places at once.
#if defined(__x86_64__)
#include <immintrin.h>
#define TWIN_RANS_AVX2 1
#else
#define TWIN_RANS_AVX2 0
#endif

namespace twin::timeseries {
namespace {

// States lie in [kLow, kLow << 16) between symbols; whatever leaves a state is 16 bits.
constexpr uint32_t kLow = 1u << 16;
constexpr size_t kManyLanes = 16;
// Fewer symbols have one state: sixteen of them take 60 bytes more.
constexpr size_t kManySymbols = 32'768;

constexpr size_t LanesFor(size_t symbols) { return symbols >= kManySymbols ? kManyLanes : 1; }

constexpr uint32_t Slot(size_t symbol, uint32_t frequency, uint32_t offset) {
  return static_cast<uint32_t>(symbol) | (frequency - 1) << 8 | offset << 19;
}

#if TWIN_RANS_AVX2
bool RansHasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}

// Which of the next words goes to which of eight states: of those that want one (a bit each), the
// first gets the first.
struct WordPlaces {
  WordPlaces() {
    for (uint32_t wanting = 0; wanting < 256; ++wanting) {
      int32_t word = 0;
      for (uint32_t lane = 0; lane < 8; ++lane) {
        places[wanting][lane] = (wanting >> lane & 1) != 0 ? word++ : 0;
      }
    }
  }
  alignas(32) int32_t places[256][8];
};
const WordPlaces& AllWordPlaces() {
  static const WordPlaces all;
  return all;
}

// One turn of eight states: their symbols, and the states after them. `at` has 16 bytes.
__attribute__((target("avx2"), always_inline)) inline __m256i TurnEight(
    const uint32_t* slots, __m256i offsets, const WordPlaces& word_places, const char** at,
    __m256i* states) {
  const __m256i mask = _mm256_set1_epi32(static_cast<int>(kRansTotal - 1));
  const __m256i slot =
      _mm256_i32gather_epi32(reinterpret_cast<const int*>(slots),
                             _mm256_add_epi32(_mm256_and_si256(*states, mask), offsets), 4);
  const __m256i frequency =
      _mm256_add_epi32(_mm256_and_si256(_mm256_srli_epi32(slot, 8), mask), _mm256_set1_epi32(1));
  const __m256i state =
      _mm256_add_epi32(_mm256_mullo_epi32(frequency, _mm256_srli_epi32(*states, kRansBits)),
                       _mm256_srli_epi32(slot, 19));
  const __m256i low = _mm256_cmpeq_epi32(_mm256_srli_epi32(state, 16), _mm256_setzero_si256());
  const auto wanting = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(low)));
  const __m256i words = _mm256_permutevar8x32_epi32(
      _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(*at))),
      _mm256_load_si256(reinterpret_cast<const __m256i*>(word_places.places[wanting])));
  *states = _mm256_blendv_epi8(state, _mm256_or_si256(_mm256_slli_epi32(state, 16), words), low);
  *at += 2 * __builtin_popcount(wanting);
  return _mm256_and_si256(slot, _mm256_set1_epi32(255));
}

// As many symbols as there are words for all states that may want one; returns how many.
__attribute__((target("avx2,popcnt"))) size_t TakeManyLanes(const uint32_t* slots,
                                                            const uint8_t* contexts, size_t count,
                                                            const char** begin, const char* end,
                                                            uint32_t* states, uint8_t* symbols) {
  const WordPlaces& word_places = AllWordPlaces();
  const char* at = *begin;
  __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(states));
  __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(states + 8));
  size_t i = 0;
  for (; i + kManyLanes <= count && end - at >= static_cast<std::ptrdiff_t>(kManyLanes * 2);
       i += kManyLanes) {
    __m256i first = _mm256_setzero_si256();
    __m256i second = _mm256_setzero_si256();
    if (contexts != nullptr) {
      const __m128i of = _mm_loadu_si128(reinterpret_cast<const __m128i*>(contexts + i));
      first = _mm256_slli_epi32(_mm256_cvtepu8_epi32(of), kRansBits);
      second = _mm256_slli_epi32(_mm256_cvtepu8_epi32(_mm_srli_si128(of, 8)), kRansBits);
    }
    first = TurnEight(slots, first, word_places, &at, &low);
    second = TurnEight(slots, second, word_places, &at, &high);
    const __m256i pairs = _mm256_permute4x64_epi64(_mm256_packus_epi32(first, second), 0xd8);
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(symbols + i),
        _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(states), low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(states + 8), high);
  *begin = at;
  return i;
}
#endif

}  // namespace

std::vector<uint16_t> Frequencies(absl::Span<const uint32_t> counts) {
  TWIN_CHECK(counts.size() <= kSymbolsMax) << counts.size();
  uint64_t all = 0;
  for (const uint32_t count : counts) all += count;
  TWIN_CHECK(all > 0) << "no symbols";
  std::vector<uint16_t> frequencies(counts.size(), 0);
  uint32_t left = kRansTotal;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const uint64_t share = (uint64_t{counts[i]} * kRansTotal + all / 2) / all;
    frequencies[i] = static_cast<uint16_t>(std::max<uint64_t>(share, 1));
    left -= frequencies[i];  // modulo 2^32: it may be less than nothing for now
  }
  // What is left, or was given twice, goes to or comes from the greatest: it matters least there.
  while (left != 0) {
    const auto most = std::max_element(frequencies.begin(), frequencies.end());
    const auto rest = static_cast<int32_t>(left);
    const int32_t change = std::max(rest, -(*most / 2));
    *most = static_cast<uint16_t>(*most + change);
    left -= static_cast<uint32_t>(change);
  }
  return frequencies;
}

bool RansTables::Init(absl::Span<const uint16_t> frequencies, size_t symbols) {
  TWIN_CHECK(symbols > 0 && symbols <= kSymbolsMax && frequencies.size() % symbols == 0) << symbols;
  contexts_ = frequencies.size() / symbols;
  symbols_ = symbols;
  frequencies_.assign(frequencies.begin(), frequencies.end());
  slots_.resize(contexts_ * kRansTotal);
  for (size_t c = 0; c < contexts_; ++c) {
    uint32_t* const slots = slots_.data() + c * kRansTotal;
    uint32_t start = 0;
    for (size_t s = 0; s < symbols; ++s) {
      const uint32_t frequency = frequencies[c * symbols + s];
      if (frequency > kRansTotal - start) return false;
      for (uint32_t i = 0; i < frequency; ++i) slots[start + i] = Slot(s, frequency, i);
      start += frequency;
    }
    if (start != kRansTotal) return false;
  }
  return true;
}

void RansEncoder::Encode(const RansTables& tables, absl::Span<const uint8_t> contexts,
                         absl::Span<const uint8_t> symbols, std::string* bytes) {
  const size_t lanes = LanesFor(symbols.size());
  const size_t row = contexts.size();
  std::vector<uint32_t> starts(tables.frequencies_.size());
  for (size_t i = 0; i < starts.size(); ++i) {
    starts[i] = i % tables.symbols_ == 0 ? 0 : starts[i - 1] + tables.frequencies_[i - 1];
  }
  uint32_t states[kManyLanes];
  std::fill(states, states + kManyLanes, kLow);
  // From the last symbol to the first: reading goes the other way.
  std::vector<uint16_t> words;
  words.reserve(symbols.size() / 4);
  for (size_t begin = symbols.size(); begin > 0;) {
    begin -= row;
    for (size_t i = row; i-- > 0;) {
      const size_t entry = contexts[i] * tables.symbols_ + symbols[begin + i];
      const uint32_t frequency = tables.frequencies_[entry];
      uint32_t& state = states[i % lanes];
      if (state >= uint64_t{frequency} << (32 - kRansBits)) {
        words.push_back(static_cast<uint16_t>(state));
        state >>= 16;
      }
      state = ((state / frequency) << kRansBits) + state % frequency + starts[entry];
    }
  }
  std::reverse(words.begin(), words.end());
  AppendVarint(bytes, words.size());
  for (size_t i = 0; i < lanes; ++i) AppendFixed(bytes, states[i]);
  bytes->append(reinterpret_cast<const char*>(words.data()), words.size() * sizeof(uint16_t));
}

RansDecoder::RansDecoder(const RansTables& tables, size_t symbols, ByteReader* reader)
    : tables_(tables), lanes_(LanesFor(symbols)) {
  const uint64_t words = reader->Varint(reader->rest().size());
  for (size_t i = 0; i < lanes_; ++i) states_[i] = reader->Fixed<uint32_t>();
  const absl::string_view bytes = reader->Bytes(words * sizeof(uint16_t));
  at_ = bytes.data();
  end_ = bytes.data() + bytes.size();
}

template <size_t kLanes>
bool RansDecoder::Take(absl::Span<const uint8_t> contexts, absl::Span<uint8_t> symbols) {
  const uint32_t* const slots = tables_.slots_.data();
  const bool one_context = tables_.contexts_ == 1;
  uint32_t states[kLanes];
  std::copy(states_, states_ + kLanes, states);
  const char* at = at_;
  const size_t count = symbols.size();
  size_t i = 0;
#if TWIN_RANS_AVX2
  if (kLanes == kManyLanes && RansHasAvx2()) {
    i = TakeManyLanes(slots, one_context ? nullptr : contexts.data(), count, &at, end_, states,
                      symbols.data());
  }
#endif
  for (; i < count; ++i) {
    const size_t lane = i % kLanes;
    const uint32_t* const of = slots + (one_context ? 0 : contexts[i] * kRansTotal);
    const uint32_t slot = of[states[lane] & (kRansTotal - 1)];
    symbols[i] = static_cast<uint8_t>(slot);
    states[lane] =
        (((slot >> 8) & (kRansTotal - 1)) + 1) * (states[lane] >> kRansBits) + (slot >> 19);
    if (states[lane] >= kLow) continue;
    if (at == end_) return false;
    uint16_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    at += sizeof(word);
    states[lane] = states[lane] << 16 | word;
  }
  std::copy(states, states + kLanes, states_);
  at_ = at;
  return true;
}

bool RansDecoder::Next(absl::Span<const uint8_t> contexts, absl::Span<uint8_t> symbols) {
  return lanes_ == 1 ? Take<1>(contexts, symbols) : Take<kManyLanes>(contexts, symbols);
}

bool RansDecoder::Done() const {
  return at_ == end_ &&
         std::all_of(states_, states_ + lanes_, [](uint32_t state) { return state == kLow; });
}

}  // namespace twin::timeseries
