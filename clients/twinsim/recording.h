// A recorded car: a CSV file read through a column map. It is read twice: first to learn what is in
// it (times, digits, ranges), so that the second time every value has an exact encoding.
#ifndef TWIN_CLIENTS_TWINSIM_RECORDING_H_
#define TWIN_CLIENTS_TWINSIM_RECORDING_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "clients/twinsim/column_map.h"
#include "twingraph/v1/telemetry_service.pb.h"

namespace twin::twinsim {

// A column of the map as the file has it: one field of a row, or one per cell or probe.
struct RecordedColumn {
  MappedColumn mapped;
  std::vector<size_t> fields = {};  // indexes in a row

  // How its values go into frames. raw = text × 10^digits; missing is `missing_raw`. Values that no
  // integer holds exactly go as DOUBLE, in the ontology's unit, missing as NaN.
  twingraph::v1::Encoding encoding = twingraph::v1::DOUBLE;
  int digits = 0;
  int64_t missing_raw = 0;
};

// Thread-compatible.
class Recording {
 public:
  // Reads the file once. INVALID_ARGUMENT, with file and line: what it has is not what the map
  // says.
  //   cancelled: ends reading with CANCELLED; may be null
  static absl::StatusOr<Recording> Open(const std::string& path, ColumnMap map,
                                        const std::atomic<bool>* cancelled = nullptr);

  const ColumnMap& map() const { return map_; }
  absl::Span<const RecordedColumn> columns() const { return columns_; }
  // Columns of the file that the map neither takes nor ignores.
  const std::vector<std::string>& unmapped() const { return unmapped_; }
  int cells() const { return CountOf(TargetTwin::kCell); }
  int probes() const { return CountOf(TargetTwin::kProbe); }
  // Rows of distinct times: of rows of one time the last stands, whole.
  uint64_t rows() const { return rows_; }
  uint64_t rows_replaced() const { return rows_of_file_ - rows_; }
  int64_t first_nanos() const { return first_nanos_; }
  int64_t last_nanos() const { return last_nanos_; }

  // One row: raws or doubles of all columns' fields, one after the other.
  struct Row {
    int64_t time_nanos = 0;
    uint64_t values = 0;               // that are not missing
    std::vector<int64_t> raws = {};    // of fields with an integer encoding, else 0
    std::vector<double> doubles = {};  // of fields with DOUBLE, else 0
  };
  // Reads the file again, and hands out those rows in the order of the file. Fails as `visit` does.
  absl::Status Visit(absl::FunctionRef<absl::Status(const Row&)> visit) const;

 private:
  Recording(std::string path, ColumnMap map, const std::atomic<bool>* cancelled)
      : path_(std::move(path)), map_(std::move(map)), cancelled_(cancelled) {}
  absl::Status ReadHeader(absl::Span<const std::string> names);
  absl::Status Scan();
  int CountOf(TargetTwin twin) const;

  std::string path_;
  ColumnMap map_;
  const std::atomic<bool>* cancelled_;
  size_t time_field_ = 0;
  size_t fields_ = 0;  // of a row
  std::vector<RecordedColumn> columns_;
  std::vector<std::string> unmapped_;
  uint64_t rows_of_file_ = 0;
  uint64_t rows_ = 0;
  std::vector<bool> kept_;  // of each row of the file: no later row has its time
  int64_t first_nanos_ = 0;
  int64_t last_nanos_ = 0;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_RECORDING_H_
