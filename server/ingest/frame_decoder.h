// Raw frame columns into the arrays that a series group takes.
#ifndef TWIN_SERVER_INGEST_FRAME_DECODER_H_
#define TWIN_SERVER_INGEST_FRAME_DECODER_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/ingest/layout.h"
#include "server/timeseries/samples.h"

namespace twin::ingest {

// Keeps its arrays from call to call. Thread-compatible.
class FrameDecoder {
 public:
  // Of `frames` frames: `packed` has version.frame_bytes() for each, column by column; or `doubles`
  // has an item of each column and frame. What it returns lives until the next call.
  absl::Span<const timeseries::ColumnRows> Decode(const LayoutVersion& version, size_t frames,
                                                  absl::string_view packed,
                                                  absl::string_view doubles);

  // The same columns as runs.
  absl::Span<const timeseries::ColumnRun> runs() const { return runs_; }

 private:
  template <typename Raw>
  void Integers(const ColumnForm& column, const char* raw, size_t frames,
                timeseries::ColumnRows* out);
  template <typename Raw>
  void Fractions(const ColumnForm& column, const char* raw, size_t frames,
                 timeseries::ColumnRows* out);
  void OfDoubles(const ColumnForm& column, const char* raw, size_t frames,
                 timeseries::ColumnRows* out);
  void OfRaw(const ColumnForm& column, const char* raw, size_t items, timeseries::ColumnRows* out);
  void Spread(size_t frames);

  std::vector<timeseries::ColumnRun> runs_;
  std::vector<timeseries::ColumnRows> columns_;
  // What `columns_` was made of; 0 frames: it serves no other frames.
  std::vector<timeseries::ColumnRun> spread_;
  size_t spread_frames_ = 0;
  // One run of `frames` items for each column.
  std::vector<int32_t> scaled_;
  std::vector<int64_t> ints_;
  std::vector<double> doubles_;
  std::vector<uint8_t> missing_;
  size_t at_ = 0;  // of the column in the arrays
};

// The value of a row as the graph keeps it; null: missing.
Value ValueOf(const timeseries::ColumnRows& column, size_t row);
// 10^0 … 10^9.
extern const double kPowersOfTen[timeseries::kDecimalsMax + 1];

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_FRAME_DECODER_H_
