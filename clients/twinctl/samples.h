// Samples as text: what `history` and `telemetry tail` print, and `history import` reads.
//
//   CSV     twin,time,voltage,state        no value: an empty field. Texts stand in quotes, so that
//           pack-1,2026-…Z,3.7,"DRIVING"   they are not taken for numbers or Booleans;
//           lists and objects are "json:[1,2]"
//   NDJSON  {"twin":"pack-1","time":"2026-…Z","voltage":3.7,"state":"DRIVING"}
#ifndef TWIN_CLIENTS_TWINCTL_SAMPLES_H_
#define TWIN_CLIENTS_TWINCTL_SAMPLES_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "clients/twinctl/output.h"
#include "twingraph/v1/telemetry_service.pb.h"

namespace twin::twinctl {

// The rows of a batch, whose columns have a value each.
class SampleRows {
 public:
  // `batch` must outlive it.
  explicit SampleRows(const twingraph::v1::SampleBatch& batch);

  int size() const { return size_; }
  const std::string& twin(int row) const;
  int64_t time(int row) const;
  bool IsMissing(int column, int row) const;
  // Append nothing for a missing value.
  void AppendCsv(int column, int row, std::string* out) const;
  void AppendJson(int column, int row, std::string* out) const;  // null for a missing one

 private:
  const twingraph::v1::SampleBatch& batch_;
  int size_ = 0;
};

// A row as a line, with its end. `columns`: of the batch, in the order of the titles; -1: none.
void AppendCsvRow(const SampleRows& rows, int row, const std::vector<int>& columns,
                  std::string* out);
void AppendNdjsonRow(const twingraph::v1::SampleBatch& batch, const SampleRows& rows, int row,
                     std::string* out);
// "twin,time,voltage\n".
std::string CsvTitles(const std::vector<std::string>& paths);

// Gathers rows into batches, each of rows with values of the same paths: what a row does not name
// is not recorded, be it as missing. A path's values go as doubles once one of them had a fraction,
// else as values of their own kind: the server knows which are integers.
class SampleBuilder {
 public:
  //   line: where it stands
  void BeginRow(absl::string_view twin, int64_t time_unix_nano, uint64_t line = 0);
  // A value of the row. Without a kind: none.
  void Set(absl::string_view path, twingraph::v1::Value value);

  size_t rows() const { return rows_.size(); }
  size_t bytes() const { return bytes_; }  // about
  struct Piece {
    twingraph::v1::SampleBatch batch;
    std::vector<uint64_t> lines;  // of its rows
  };
  // What was gathered, once: rows of one twin and time in their order. Rows without a value are
  // left out.
  std::deque<Piece> Take();

 private:
  struct Path {
    bool fraction = false;  // ever seen
  };
  using Paths = std::map<std::string, Path, std::less<>>;
  struct Row {
    std::string twin;
    int64_t time = 0;
    uint64_t line = 0;
    std::vector<std::pair<Paths::value_type*, twingraph::v1::Value>> values = {};
  };
  Piece MakePiece(absl::Span<const size_t> rows);

  std::vector<Row> rows_;
  Paths paths_;
  size_t bytes_ = 0;
};

// As JSON: times as ISO 8601, without a kind null.
Json JsonOf(const twingraph::v1::Value& value);

// The value of a CSV field that is not missing: json:[1,2] is what that JSON is; else quoted is a
// text, and what is not is 42, 1.5, true, or a text. INVALID_ARGUMENT: that is no JSON.
absl::StatusOr<twingraph::v1::Value> ValueOfField(absl::string_view text, bool quoted);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_SAMPLES_H_
