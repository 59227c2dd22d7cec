#include "server/timeseries/strand.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "server/base/check.h"
#include "server/timeseries/int_codec.h"
#include "server/timeseries/rans.h"

// As in int_codec.cc: loops over all values are compiled once more for wider registers.
#if defined(__x86_64__)
#define TWIN_STRAND_AVX2 1
#define TWIN_STRAND_INLINE __attribute__((always_inline)) inline
#else
#define TWIN_STRAND_AVX2 0
#define TWIN_STRAND_INLINE inline
#endif

namespace twin::timeseries {
namespace {

// What a column is predicted from, beside itself.
enum class Base : uint8_t { kNone = 0, kBefore = 1, kMean = 2 };

// value - base is predicted as a level that goes 2^-slowness of each error after it: 0 is the last
// difference, greater ones a mean of the last ones.
struct Predictor {
  Base base = Base::kNone;
  uint8_t slowness = 0;
};
constexpr uint8_t kSlownessMax = 7;
constexpr int kSlownessBits = 3;
constexpr int kLevelBits = 8;  // of the level, behind the point

constexpr uint8_t kHasMean = 1;

// Errors, zigzag-coded: small ones are a symbol, of others the symbol says how many bits follow.
constexpr uint64_t kSmallErrors = 48;
constexpr size_t kErrorSymbols = kSmallErrors + 64;

constexpr size_t kContextsMax = 6;
constexpr uint8_t kTriedSlowness[] = {0, 1, 2, 3, 5};
constexpr size_t kTriedRows = 256;  // to choose a predictor by

// A frequency is described by half powers of two, 0: none. Sixteenths of 2^((i - 1) / 2).
constexpr uint32_t kSizes[] = {0,    16,   23,   32,   45,    64,    91,    128,
                               181,  256,  362,  512,  724,   1024,  1448,  2048,
                               2896, 4096, 5793, 8192, 11585, 16384, 23170, 32768};
constexpr size_t kSizesCount = sizeof(kSizes) / sizeof(kSizes[0]);

TWIN_STRAND_INLINE uint64_t Unsigned(int64_t value) { return static_cast<uint64_t>(value); }
TWIN_STRAND_INLINE int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }
TWIN_STRAND_INLINE int64_t Unzigzag(uint64_t folded) {
  return Signed((folded >> 1) ^ (0 - (folded & 1)));
}

uint8_t SymbolOf(uint64_t folded) {
  return static_cast<uint8_t>(folded < kSmallErrors
                                  ? folded
                                  : kSmallErrors - 1 + std::bit_width(folded - kSmallErrors + 1));
}
// Bits that follow a symbol: the value is 1 and then these.
constexpr int BitsBehind(uint8_t symbol) {
  return symbol < kSmallErrors ? 0 : symbol - static_cast<int>(kSmallErrors);
}

// Where a level stands when the sum of errors so far is `sum`.
TWIN_STRAND_INLINE int64_t LevelAt(int64_t start, uint64_t sum, uint8_t slowness) {
  const uint64_t moved = sum << (kLevelBits - slowness);
  return start + (Signed(moved + (uint64_t{1} << (kLevelBits - 1))) >> kLevelBits);
}

// Fills `errors` (zigzag-coded) with what is left of a column; values that are missing become what
// is predicted.
void PredictErrors(const Predictor& predictor, int64_t start, const int64_t* base,
                   const uint8_t* missing, size_t rows, int64_t* values, uint64_t* errors) {
  uint64_t sum = 0;
  for (size_t t = 0; t < rows; ++t) {
    const int64_t predicted =
        LevelAt(start, sum, predictor.slowness) + (base == nullptr ? 0 : base[t]);
    if (missing != nullptr && missing[t] != 0) values[t] = predicted;
    const int64_t error = values[t] - predicted;
    errors[t] = ZigZag(error);
    sum += Unsigned(error);
  }
}

// The other way. Of any errors: sums are modulo 2^64.
TWIN_STRAND_INLINE void RestoreOnAny(const Predictor& predictor, int64_t start, const int64_t* base,
                                     size_t rows, int64_t* errors) {
  uint64_t sum = 0;
  if (predictor.slowness == 0) {  // the level is start + sum
    sum = Unsigned(start);
    for (size_t t = 0; t < rows; ++t) errors[t] = Signed(sum += Unsigned(errors[t]));
  } else {
    for (size_t t = 0; t < rows; ++t) {
      const uint64_t before = sum;
      sum += Unsigned(errors[t]);
      errors[t] = Signed(Unsigned(errors[t]) + Unsigned(start) +
                         Unsigned(LevelAt(0, before, predictor.slowness)));
    }
  }
  if (base == nullptr) return;
  for (size_t t = 0; t < rows; ++t) errors[t] = Signed(Unsigned(errors[t]) + Unsigned(base[t]));
}

// Symbols as the errors that they are if they are small; returns the greatest symbol.
TWIN_STRAND_INLINE uint8_t ToErrorsOnAny(const uint8_t* symbols, size_t rows, int64_t* errors) {
  uint8_t greatest = 0;
  for (size_t t = 0; t < rows; ++t) greatest = std::max(greatest, symbols[t]);
  for (size_t t = 0; t < rows; ++t) errors[t] = Unzigzag(symbols[t]);
  return greatest;
}

#if TWIN_STRAND_AVX2
__attribute__((target("avx2"))) void RestoreOnAvx2(const Predictor& predictor, int64_t start,
                                                   const int64_t* base, size_t rows,
                                                   int64_t* errors) {
  RestoreOnAny(predictor, start, base, rows, errors);
}
__attribute__((target("avx2"))) uint8_t ToErrorsOnAvx2(const uint8_t* symbols, size_t rows,
                                                       int64_t* errors) {
  return ToErrorsOnAny(symbols, rows, errors);
}
bool StrandHasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}
#endif

void RestoreColumn(const Predictor& predictor, int64_t start, const int64_t* base, size_t rows,
                   int64_t* errors) {
#if TWIN_STRAND_AVX2
  if (StrandHasAvx2()) return RestoreOnAvx2(predictor, start, base, rows, errors);
#endif
  RestoreOnAny(predictor, start, base, rows, errors);
}

uint8_t ToErrors(const uint8_t* symbols, size_t rows, int64_t* errors) {
#if TWIN_STRAND_AVX2
  if (StrandHasAvx2()) return ToErrorsOnAvx2(symbols, rows, errors);
#endif
  return ToErrorsOnAny(symbols, rows, errors);
}

// The size nearest to each count's share.
void AppendSizes(absl::Span<const uint32_t> counts, std::vector<int64_t>* sizes) {
  double all = 0;
  for (const uint32_t count : counts) all += count;
  for (const uint32_t count : counts) {
    const double share = count * kRansTotal / all;
    const int64_t size = count == 0 ? 0 : 1 + std::lround(2 * std::log2(std::max(share, 1.0)));
    sizes->push_back(size);
  }
}

std::vector<uint16_t> SharesOf(absl::Span<const int64_t> sizes) {
  std::vector<uint32_t> counts(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) counts[i] = kSizes[sizes[i]];
  return Frequencies(counts);
}

class BitWriter {
 public:
  void Add(uint64_t value, int bits) {
    for (; bits > 0; --bits, value >>= 1) {
      if (used_ % 8 == 0) bytes_.push_back('\0');
      bytes_.back() |= static_cast<char>((value & 1) << (used_++ % 8));
    }
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  size_t used_ = 0;
};

class BitReader {
 public:
  explicit BitReader(absl::string_view bytes) : bytes_(bytes) {}
  bool Take(int bits, uint64_t* value) {
    *value = 0;
    if (used_ + static_cast<size_t>(bits) > bytes_.size() * 8) return false;
    for (int i = 0; i < bits; ++i, ++used_) {
      const auto byte = static_cast<unsigned char>(bytes_[used_ / 8]);
      *value |= static_cast<uint64_t>((byte >> (used_ % 8)) & 1) << i;
    }
    return true;
  }
  bool Done() const { return (used_ + 7) / 8 == bytes_.size(); }

 private:
  const absl::string_view bytes_;
  size_t used_ = 0;
};

size_t FirstPresent(const StrandColumn& column, size_t rows) {
  if (column.missing == nullptr) return 0;
  return static_cast<size_t>(std::find(column.missing, column.missing + rows, 0) - column.missing);
}

class StrandEncoder {
 public:
  StrandEncoder(absl::Span<const StrandColumn> columns, size_t rows)
      : columns_(columns), rows_(rows), tried_(std::min(rows, kTriedRows)) {
    TWIN_CHECK(!columns.empty() && columns.size() <= kStrandColumnsMax) << columns.size();
    TWIN_CHECK(rows >= 1 && rows <= kStrandRowsMax) << rows;
  }

  void Encode(std::string* bytes) {
    values_.resize(columns_.size() * rows_);
    for (size_t c = 0; c < columns_.size(); ++c) {
      std::copy(columns_[c].values, columns_[c].values + rows_, values_.begin() + At(c));
    }
    if (columns_.size() > 2) FindMean();
    predictors_.resize(columns_.size());
    starts_.resize(columns_.size());
    errors_.resize(columns_.size() * rows_);
    double saved = 0;
    for (size_t c = 0; c < columns_.size(); ++c) saved += Choose(c);
    const bool uses_mean = saved > 0 && saved > ChooseForMean();
    if (!uses_mean && saved > 0) {
      mean_.clear();
      for (size_t c = 0; c < columns_.size(); ++c) Choose(c);
    }
    if (uses_mean) AppendMean();
    bytes->push_back(static_cast<char>(uses_mean ? kHasMean : 0));
    AppendPredictors(bytes);
    AppendErrors(bytes);
  }

 private:
  std::ptrdiff_t At(size_t column) const { return static_cast<std::ptrdiff_t>(column * rows_); }

  void FindMean() {
    mean_.resize(rows_);
    std::vector<int32_t> count(rows_, 0);
    for (size_t c = 0; c < columns_.size(); ++c) {
      const uint8_t* const missing = columns_[c].missing;
      for (size_t t = 0; t < rows_; ++t) {
        if (missing != nullptr && missing[t] != 0) continue;
        mean_[t] += columns_[c].values[t];
        count[t] += 1;
      }
    }
    int64_t before = 0;
    for (size_t t = 0; t < rows_; ++t) {
      if (count[t] > 0) {
        before = static_cast<int64_t>(
            std::lround(static_cast<double>(mean_[t]) / static_cast<double>(count[t])));
      }
      mean_[t] = before;
    }
  }

  const int64_t* BaseOf(const Predictor& predictor, size_t column) const {
    switch (predictor.base) {
      case Base::kNone:
        return nullptr;
      case Base::kBefore:
        return values_.data() + At(column - 1);
      case Base::kMean:
        return mean_.data();
    }
    return nullptr;
  }

  // About how many bits the errors take, from those of the first rows.
  double Price(const Predictor& predictor, int64_t start, const int64_t* base,
               const uint8_t* missing, const int64_t* values) {
    scratch_.assign(values, values + tried_);
    folded_.resize(tried_);
    PredictErrors(predictor, start, base, missing, tried_, scratch_.data(), folded_.data());
    uint64_t sum = 0;
    for (const uint64_t folded : folded_) sum += std::min(folded, 4 * kSmallErrors);
    return static_cast<double>(rows_) *
           std::log2(1 + static_cast<double>(sum) / static_cast<double>(tried_));
  }

  // Returns how many bits the mean saves.
  double Choose(size_t column) {
    const StrandColumn& from = columns_[column];
    int64_t* const values = values_.data() + At(column);
    const size_t first = FirstPresent(from, rows_);
    TWIN_CHECK(first < rows_) << "column " << column << " has no value";
    const auto start_of = [&](const Predictor& predictor) {
      const int64_t* const base = BaseOf(predictor, column);
      return values[first] - (base == nullptr ? 0 : base[first]);
    };
    Predictor best;
    double best_price = HUGE_VAL;
    double without_mean = HUGE_VAL;
    for (const Base base : {Base::kNone, Base::kBefore, Base::kMean}) {
      if ((base == Base::kBefore && column == 0) || (base == Base::kMean && mean_.empty())) {
        continue;
      }
      for (const uint8_t slowness : kTriedSlowness) {
        const Predictor tried{base, slowness};
        const double price =
            Price(tried, start_of(tried), BaseOf(tried, column), from.missing, values);
        if (price >= best_price) continue;
        best = tried;
        best_price = price;
      }
      if (base != Base::kMean) without_mean = best_price;
    }
    predictors_[column] = best;
    starts_[column] = start_of(best);
    PredictErrors(best, starts_[column], BaseOf(best, column), from.missing, rows_, values,
                  errors_.data() + At(column));
    return without_mean - best_price;
  }

  // Returns how many bits it takes.
  double ChooseForMean() {
    double best_price = HUGE_VAL;
    for (const uint8_t slowness : kTriedSlowness) {
      const Predictor tried{Base::kNone, slowness};
      const double price = Price(tried, mean_[0], nullptr, nullptr, mean_.data());
      if (price >= best_price) continue;
      of_mean_ = tried;
      best_price = price;
    }
    return best_price;
  }

  // In front of the columns.
  void AppendMean() {
    predictors_.insert(predictors_.begin(), of_mean_);
    starts_.insert(starts_.begin(), mean_[0]);
    errors_.insert(errors_.begin(), rows_, 0);
    PredictErrors(of_mean_, mean_[0], nullptr, nullptr, rows_, mean_.data(), errors_.data());
  }

  void AppendPredictors(std::string* bytes) const {
    std::vector<int64_t> ways(predictors_.size());
    for (size_t i = 0; i < ways.size(); ++i) {
      ways[i] =
          static_cast<int64_t>(predictors_[i].base) << kSlownessBits | predictors_[i].slowness;
    }
    EncodeInts(ways, bytes);
    EncodeInts(starts_, bytes);
  }

  // Rows in which errors are about as large get a context of their own.
  std::vector<uint8_t> Contexts(size_t count) const {
    std::vector<uint8_t> contexts(rows_, 0);
    if (count == 1) return contexts;
    std::vector<uint64_t> sums(rows_, 0);
    for (size_t i = 0; i < errors_.size(); ++i) {
      sums[i % rows_] += std::min<uint64_t>(errors_[i], 4 * kSmallErrors);
    }
    std::vector<uint64_t> sorted = sums;
    std::sort(sorted.begin(), sorted.end());
    for (size_t t = 0; t < rows_; ++t) {
      for (size_t c = 1; c < count; ++c) {
        if (sums[t] > sorted[rows_ * c / count]) contexts[t] = static_cast<uint8_t>(c);
      }
    }
    // One that nothing is in would have no frequencies.
    std::array<bool, kContextsMax> used{};
    for (const uint8_t context : contexts) used[context] = true;
    std::array<uint8_t, kContextsMax> number{};
    uint8_t next = 0;
    for (size_t c = 0; c < count; ++c) {
      number[c] = next;
      if (used[c]) ++next;
    }
    for (uint8_t& context : contexts) context = number[context];
    return contexts;
  }

  void AppendErrors(std::string* bytes) const {
    std::vector<uint8_t> symbols(errors_.size());
    for (size_t i = 0; i < symbols.size(); ++i) symbols[i] = SymbolOf(errors_[i]);
    const size_t used = size_t{*std::max_element(symbols.begin(), symbols.end())} + 1;
    std::vector<uint8_t> contexts;
    std::vector<uint16_t> frequencies;
    std::string described;  // contexts and frequencies
    double least_bits = HUGE_VAL;
    for (const size_t count : {size_t{1}, size_t{3}, kContextsMax}) {
      if (count > 1 && columns_.size() == 1) break;
      std::vector<uint8_t> tried = Contexts(count);
      const size_t tables = size_t{*std::max_element(tried.begin(), tried.end())} + 1;
      std::vector<uint32_t> counts(tables * used, 0);
      for (size_t c = 0; c < predictors_.size(); ++c) {
        for (size_t t = 0; t < rows_; ++t) counts[tried[t] * used + symbols[c * rows_ + t]] += 1;
      }
      std::vector<int64_t> each;  // sizes
      std::vector<uint16_t> shares_of_all;
      double bits = 0;
      for (size_t table = 0; table < tables; ++table) {
        const absl::Span<const uint32_t> of(counts.data() + table * used, used);
        const size_t at = each.size();
        AppendSizes(of, &each);
        const std::vector<uint16_t> shares = SharesOf({each.data() + at, used});
        for (size_t s = 0; s < used; ++s) {
          if (of[s] > 0) bits += of[s] * (kRansBits - std::log2(static_cast<double>(shares[s])));
        }
        shares_of_all.insert(shares_of_all.end(), shares.begin(), shares.end());
      }
      std::string description = Describe(tried, tables, each, used);
      bits += 8.0 * static_cast<double>(description.size());
      if (bits >= least_bits) continue;
      least_bits = bits;
      contexts = std::move(tried);
      frequencies = std::move(shares_of_all);
      described = std::move(description);
    }
    bytes->append(described);
    RansTables tables;
    TWIN_CHECK(tables.Init(frequencies, used)) << used;
    RansEncoder::Encode(tables, contexts, symbols, bytes);
    BitWriter behind;
    for (size_t i = 0; i < symbols.size(); ++i) {
      behind.Add(errors_[i] - kSmallErrors + 1, BitsBehind(symbols[i]));
    }
    AppendString(bytes, behind.bytes());
  }

  static std::string Describe(absl::Span<const uint8_t> contexts, size_t tables,
                              absl::Span<const int64_t> sizes, size_t symbols) {
    std::string bytes;
    bytes.push_back(static_cast<char>(tables));
    if (tables > 1) {
      EncodeInts(std::vector<int64_t>(contexts.begin(), contexts.end()), &bytes);
    }
    bytes.push_back(static_cast<char>(symbols - 1));
    EncodeInts(sizes, &bytes);
    return bytes;
  }

  const absl::Span<const StrandColumn> columns_;
  const size_t rows_;
  const size_t tried_;
  std::vector<int64_t> values_;  // column after column
  std::vector<int64_t> mean_;
  Predictor of_mean_;
  // If the mean is used, its own stand first.
  std::vector<Predictor> predictors_;
  std::vector<int64_t> starts_;
  std::vector<uint64_t> errors_;
  std::vector<int64_t> scratch_;
  std::vector<uint64_t> folded_;
};

// Reads what describes the columns and the contexts. False: the reader has failed.
bool TakePredictors(ByteReader* reader, absl::Span<Predictor> predictors,
                    absl::Span<int64_t> starts) {
  std::vector<int64_t> ways(predictors.size());
  if (!DecodeInts(reader, absl::MakeSpan(ways)) || !DecodeInts(reader, starts)) return false;
  for (size_t i = 0; i < ways.size(); ++i) {
    if (ways[i] < 0 || ways[i] >> kSlownessBits > static_cast<int64_t>(Base::kMean)) return false;
    predictors[i] = {static_cast<Base>(ways[i] >> kSlownessBits),
                     static_cast<uint8_t>(ways[i] & kSlownessMax)};
  }
  return true;
}

bool TakeTables(ByteReader* reader, absl::Span<uint8_t> contexts, RansTables* tables) {
  const size_t count = reader->Byte();
  if (!reader->ok() || count < 1 || count > kContextsMax) return false;
  if (count > 1) {
    std::vector<int64_t> each(contexts.size());
    if (!DecodeInts(reader, absl::MakeSpan(each))) return false;
    for (size_t t = 0; t < each.size(); ++t) {
      if (each[t] < 0 || each[t] >= static_cast<int64_t>(count)) return false;
      contexts[t] = static_cast<uint8_t>(each[t]);
    }
  }
  const size_t symbols = size_t{reader->Byte()} + 1;
  if (symbols > kErrorSymbols) return false;
  std::vector<int64_t> each(count * symbols);
  if (!DecodeInts(reader, absl::MakeSpan(each))) return false;
  std::vector<uint16_t> frequencies;
  frequencies.reserve(each.size());
  for (size_t at = 0; at < each.size(); at += symbols) {
    const absl::Span<const int64_t> sizes(each.data() + at, symbols);
    bool some = false;
    for (const int64_t size : sizes) {
      if (size < 0 || size >= static_cast<int64_t>(kSizesCount)) return false;
      some |= size > 0;
    }
    if (!some) return false;
    const std::vector<uint16_t> shares = SharesOf(sizes);
    frequencies.insert(frequencies.end(), shares.begin(), shares.end());
  }
  return tables->Init(frequencies, symbols);
}

// What stands behind the symbols, in place of those that have such bits.
bool TakeBehind(absl::Span<const uint8_t> symbols, BitReader* behind, absl::Span<int64_t> errors) {
  for (size_t t = 0; t < symbols.size(); ++t) {
    if (symbols[t] < kSmallErrors) continue;
    const int count = BitsBehind(symbols[t]);
    uint64_t bits = 0;
    if (!behind->Take(count, &bits)) return false;
    errors[t] = Unzigzag((uint64_t{1} << count | bits) + kSmallErrors - 1);
  }
  return true;
}

bool DecodeColumns(ByteReader* reader, size_t columns, size_t rows, std::vector<int64_t>* values) {
  const uint8_t flags = reader->Byte();
  if (!reader->ok() || flags > kHasMean) return false;
  const bool has_mean = flags == kHasMean;
  const size_t all = columns + (has_mean ? 1 : 0);
  std::vector<Predictor> predictors(all);
  std::vector<int64_t> starts(all);
  std::vector<uint8_t> contexts(rows, 0);
  RansTables tables;
  if (!TakePredictors(reader, absl::MakeSpan(predictors), absl::MakeSpan(starts)) ||
      !TakeTables(reader, absl::MakeSpan(contexts), &tables)) {
    return false;
  }
  RansDecoder decoder(tables, all * rows, reader);
  BitReader behind(reader->String());
  if (!reader->ok()) return false;
  values->resize(columns * rows);
  std::vector<int64_t> mean(has_mean ? rows : 0);
  std::vector<uint8_t> symbols(rows);
  for (size_t i = 0; i < all; ++i) {
    const bool is_mean = has_mean && i == 0;
    const size_t column = i - (has_mean ? 1 : 0);
    int64_t* const to = is_mean ? mean.data() : values->data() + column * rows;
    const int64_t* base = nullptr;
    switch (predictors[i].base) {
      case Base::kNone:
        break;
      case Base::kBefore:
        if (is_mean || column == 0) return false;
        base = to - rows;
        break;
      case Base::kMean:
        if (is_mean || !has_mean) return false;
        base = mean.data();
        break;
    }
    if (!decoder.Next(contexts, absl::MakeSpan(symbols))) return false;
    const uint8_t greatest = ToErrors(symbols.data(), rows, to);
    if (greatest >= kSmallErrors && !TakeBehind(symbols, &behind, {to, rows})) return false;
    RestoreColumn(predictors[i], starts[i], base, rows, to);
  }
  return decoder.Done() && behind.Done();
}

}  // namespace

void EncodeStrand(absl::Span<const StrandColumn> columns, size_t rows, std::string* bytes) {
  StrandEncoder(columns, rows).Encode(bytes);
}

bool DecodeStrand(ByteReader* reader, size_t columns, size_t rows, std::vector<int64_t>* values) {
  if (reader->ok() && DecodeColumns(reader, columns, rows, values)) return true;
  reader->Fail();
  return false;
}

}  // namespace twin::timeseries
