// Records of telemetry in the journal: layouts, frames, samples. docs/formats/records.md draws the
// bytes. What is decoded are views of them.
#ifndef TWIN_SERVER_INGEST_TELEMETRY_RECORD_H_
#define TWIN_SERVER_INGEST_TELEMETRY_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/coding.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/ingest/layout.h"
#include "server/timeseries/samples.h"

namespace twin::ingest {

enum class RecordKind : uint8_t { kGraph = 1, kLayout = 2, kFrames = 3, kSamples = 4 };
// 0: no bytes at all.
inline uint8_t KindOf(absl::string_view record) {
  return record.empty() ? 0 : static_cast<uint8_t>(record.front());
}

// The server time of a record, of any kind.
inline Time TimeOf(absl::string_view record) {
  ByteReader reader(record);
  reader.Byte();
  return Time{reader.Fixed<int64_t>()};
}

// One sequence.
struct LayoutRecord {
  Time time;
  Layout layout;
  LayoutVersion version;  // its group follows from the records before
};
void EncodeRecord(const LayoutRecord& record, std::string* bytes);
absl::Status DecodeRecord(absl::string_view bytes, LayoutRecord* record);

// Frames of one version of a layout: a sequence each.
struct FrameRun {
  uint32_t layout = 0;
  uint32_t version = 0;
  std::vector<int64_t> times;
  bool is_doubles = false;  // else in the columns' encodings
  absl::string_view bytes;  // column by column
};
struct FramesRecord {
  Time time;
  absl::string_view producer;
  uint64_t number = 0;
  std::vector<FrameRun> runs;
};
void EncodeRecord(const FramesRecord& record, std::string* bytes);
absl::Status DecodeRecord(absl::string_view bytes, FramesRecord* record);

// Rows of a twin, a time and values: a sequence each.
struct SampleRun {
  struct Column {
    absl::string_view path;
    // kDouble, kInt or kValue, whatever the model's type.
    timeseries::ColumnKind kind = timeseries::ColumnKind::kDouble;
    std::vector<uint8_t> missing;  // of each row
    std::vector<double> doubles;
    std::vector<int64_t> ints;
    std::vector<absl::string_view> values;  // encoded
  };
  std::vector<TwinNumber> twins;
  std::vector<int64_t> times;
  std::vector<Column> columns;
};
struct SamplesRecord {
  Time time;
  absl::string_view producer;
  uint64_t number = 0;
  std::vector<SampleRun> runs;
};
void EncodeRecord(const SamplesRecord& record, std::string* bytes);
absl::Status DecodeRecord(absl::string_view bytes, SamplesRecord* record);

// That a record of any kind can be decoded. DATA_LOSS.
absl::Status CheckRecord(absl::string_view bytes);

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_TELEMETRY_RECORD_H_
