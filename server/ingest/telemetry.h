// What a client may send of telemetry, and what it is told. Plain data, made by server/api from
// requests, which stay alive as long as it does: texts and arrays are views of them.
#ifndef TWIN_SERVER_INGEST_TELEMETRY_H_
#define TWIN_SERVER_INGEST_TELEMETRY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"

namespace twin::ingest {

// How values of a column lie in a frame batch: little-endian, one after the other.
enum class Encoding : uint8_t { kDouble, kFloat, kInt16, kInt32, kUint16, kUint8, kInt64 };
inline constexpr int kEncodings = 7;
size_t BytesOf(Encoding encoding);

struct LayoutTarget {
  std::string twin_id;
  std::string path;  // "soh.value"
  friend bool operator==(const LayoutTarget&, const LayoutTarget&) = default;
};

// Columns for the twins that `steps` lead to from a twin, in the order of the steps' `position`.
struct ArrayRule {
  std::string twin_id;
  std::vector<std::string> steps;  // relationship names
  std::string path;
  uint32_t count = 0;       // columns; 0: as many as twins are found
  std::string shared_by;    // twins with such a relationship to one of them take its value too …
  std::string shared_path;  // … as this path of theirs; empty: `path`
  friend bool operator==(const ArrayRule&, const ArrayRule&) = default;
};

// value = raw × scale + offset
struct LayoutColumn {
  std::vector<LayoutTarget> targets;
  bool has_rule = false;
  ArrayRule rule;  // instead of targets
  Encoding encoding = Encoding::kDouble;
  double scale = 1;
  double offset = 0;
  std::vector<int64_t> invalid_codes;  // raw
  friend bool operator==(const LayoutColumn&, const LayoutColumn&) = default;
};

struct Layout {
  std::string id;
  std::vector<LayoutColumn> columns;
  friend bool operator==(const Layout&, const Layout&) = default;
};

struct LayoutResult {
  absl::Status status;
  uint32_t version = 0;  // 1, 2, 3 …
  Time valid_from;
  uint32_t columns = 0;     // with rules written out
  uint32_t unresolved = 0;  // columns that lead to no twin
  std::vector<std::string> notes;
  Sequence sequence;
};

struct FrameBatch {
  absl::string_view layout_id;
  absl::Span<const int64_t> times;
  absl::string_view packed;          // columns one after the other, each in its encoding
  absl::Span<const double> doubles;  // instead: the same as numbers, NaN: missing
};

// Of the arrays one is set, with an item per row.
struct SampleColumn {
  absl::string_view path;
  absl::Span<const double> doubles;  // NaN: missing
  absl::Span<const int64_t> ints;
  std::vector<Value> values;      // null: missing
  std::vector<uint32_t> missing;  // rows of `ints` without a value, ascending
};

struct SampleBatch {
  std::vector<absl::string_view> twin_ids;  // of each row, or one of all
  absl::Span<const int64_t> times;          // of each row, or one of all
  std::vector<SampleColumn> columns;
};

// Values of one twin, as JSON shows them.
struct Publication {
  absl::string_view twin_id;
  ValueMap contents;
  std::optional<Time> time;  // else the server's
};

struct TelemetryBatch {
  std::shared_ptr<const void> keep;  // owns what the views are of
  std::string producer;              // empty: none, and no number
  uint64_t number = 0;               // rising per producer
  bool all_or_nothing = false;
  std::vector<FrameBatch> frames;
  std::vector<SampleBatch> samples;
  std::vector<Publication> publications;  // alone
  uint64_t bytes = 0;                     // of the request, for write_queue_bytes_max
};

struct Reject {
  uint32_t index = 0;  // of the frame batch, or of the row of the sample batch
  absl::Status status;
};

struct TelemetryResult {
  // Not OK: nothing of the batch is kept, and it is not the batch that is to blame (with
  // all_or_nothing it may be).
  absl::Status status;
  Sequence sequence;            // after the batch
  uint64_t rows = 0;            // frames and rows kept
  std::vector<Reject> rejects;  // the first kRejectsMax
  uint64_t rejects_total = 0;
  bool is_repeated = false;  // the producer's batch was durable already
  bool more = false;         // the result of the producer's next batch follows at once
  // Of the rows kept: those that retention will drop, and what there is to say about it.
  uint64_t expired_rows = 0;
  std::string notice;
};
inline constexpr size_t kRejectsMax = 100;

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_TELEMETRY_H_
