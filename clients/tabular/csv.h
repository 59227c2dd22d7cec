// CSV as RFC 4180 has it: fields, of which each may be quoted.
#ifndef TWIN_CLIENTS_TABULAR_CSV_H_
#define TWIN_CLIENTS_TABULAR_CSV_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "clients/tabular/lines.h"

namespace twin::tabular {

struct CsvField {
  absl::string_view text;  // without its quotes
  bool quoted = false;     // "" is an empty text, where nothing is no value
};

// Thread-compatible.
class CsvReader {
 public:
  // `lines` must outlive the reader.
  explicit CsvReader(LineReader* lines) : lines_(*lines) {}

  // Moves to the next record, over empty lines; false at the end, and when there is something
  // wrong: see status().
  bool Next();
  const std::vector<CsvField>& fields() const { return fields_; }  // live until Next()
  uint64_t line() const { return line_; }  // in which the record begins, from 1
  const absl::Status& status() const { return status_; }

 private:
  bool SplitQuoted();

  LineReader& lines_;
  std::vector<CsvField> fields_;
  std::string record_;  // with its line ends, where they stand in quotes
  std::string texts_;   // of quoted fields
  uint64_t line_ = 0;
  absl::Status status_;
};

// Appends a field that CsvReader reads back as it is. `quoted`: quote it in any case.
void AppendCsvField(absl::string_view text, bool quoted, std::string* out);

}  // namespace twin::tabular

#endif  // TWIN_CLIENTS_TABULAR_CSV_H_
