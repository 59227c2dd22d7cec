// An entropy coder: symbols of known frequencies take about as many bits as they are rare (rANS,
// Duda 2013). Several states take turns, so that a processor works on many symbols at once.
// docs/formats/history.md draws the bytes.
#ifndef TWIN_SERVER_TIMESERIES_RANS_H_
#define TWIN_SERVER_TIMESERIES_RANS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/base/coding.h"

namespace twin::timeseries {

inline constexpr int kRansBits = 11;
inline constexpr uint32_t kRansTotal = 1u << kRansBits;  // what frequencies add up to
inline constexpr size_t kSymbolsMax = 256;

// Frequencies that add up to kRansTotal, each as near as can be to its share of `counts`, and none
// of those that occur 0. Some count is not 0. Of one symbol alone: its frequency is kRansTotal.
std::vector<uint16_t> Frequencies(absl::Span<const uint32_t> counts);

// How symbols of one or several contexts are distributed.
class RansTables {
 public:
  // `frequencies`: of context 0, then 1 …, of `symbols` symbols each. False: those of a context do
  // not add up to kRansTotal.
  bool Init(absl::Span<const uint16_t> frequencies, size_t symbols);
  size_t contexts() const { return contexts_; }

 private:
  friend class RansEncoder;
  friend class RansDecoder;
  size_t contexts_ = 0;
  size_t symbols_ = 0;
  std::vector<uint16_t> frequencies_;
  // Of each context kRansTotal: symbol in bits 0-7, frequency - 1 in 8-18, place - start in 19-29.
  std::vector<uint32_t> slots_;
};

// Rows of symbols, each row of the same length, with a context for each place in a row.
class RansEncoder {
 public:
  // Appends `symbols`, which are rows of contexts.size() symbols. Each has a frequency.
  static void Encode(const RansTables& tables, absl::Span<const uint8_t> contexts,
                     absl::Span<const uint8_t> symbols, std::string* bytes);
};

// Thread-compatible. The bytes and the tables outlive it.
class RansDecoder {
 public:
  // Takes what Encode made of so many symbols off `reader`.
  RansDecoder(const RansTables& tables, size_t symbols, ByteReader* reader);

  // The next row. False: these are no such bytes.
  bool Next(absl::Span<const uint8_t> contexts, absl::Span<uint8_t> symbols);
  // After the last row: whether the bytes ended with it.
  bool Done() const;

 private:
  template <size_t kLanes>
  bool Take(absl::Span<const uint8_t> contexts, absl::Span<uint8_t> symbols);

  static constexpr size_t kLanesMax = 16;
  const RansTables& tables_;
  size_t lanes_ = 1;
  uint32_t states_[kLanesMax] = {};
  const char* at_ = nullptr;
  const char* end_ = nullptr;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_RANS_H_
