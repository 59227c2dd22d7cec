// A change of many twins at once: the same columns of numbers of twins of one table get other
// values, now. What a batch of alike patches is to the journal; docs/formats/records.md draws it.
#ifndef TWIN_SERVER_INGEST_ROWS_CHANGE_H_
#define TWIN_SERVER_INGEST_ROWS_CHANGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/coding.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/graph/graph.h"

namespace twin::ingest {

struct Change;

inline constexpr uint8_t kRowsChangeKind = 13;  // beside those of Change::Kind

// How values of a column are written; nullopt: it is of texts, or of documents.
std::optional<Value::Kind> NumberKindOf(graph::ColumnType type);
// Of kBool, kInt and kDouble: 0 or 1, the integer, the bits of the double.
uint64_t BitsOf(const Value& value);
Value ValueOf(Value::Kind kind, uint64_t bits);

struct RowsColumn {
  ColumnId id;
  Value::Kind kind = Value::Kind::kDouble;
};

// As it is made: by row, of which each is of another twin.
struct RowsChange {
  struct Values {
    std::vector<uint8_t> had;  // 1: there was a value before
    std::vector<uint64_t> before, after;

    void Resize(size_t rows);
  };
  TableId table;
  std::vector<TwinNumber> twins;
  std::vector<RowsColumn> columns;
  std::vector<Values> values;  // of each column

  void Resize(size_t rows);
  // Row `to` gets what row `from` has; or only what it has afterwards.
  void Move(size_t from, size_t to);
  void SetAfter(size_t to, size_t from);
};

// A whole unit.
void EncodeRows(const RowsChange& rows, std::string* unit);

// One that was written: views of its bytes.
class RowsView {
 public:
  // From behind the byte of the kind on. DATA_LOSS: these are none.
  absl::Status Decode(ByteReader* reader);

  size_t rows() const { return rows_; }
  // The same change, as one Change for each row and column.
  void AppendTo(Time time, std::vector<Change>* changes) const;
  // Applies it. `sequence` and `time`: of its unit. DATA_LOSS: it does not fit the state.
  absl::Status Apply(Sequence sequence, Time time, graph::Graph* graph) const;
  // Whether the history keeps former values of any of the columns; of a table that is there.
  bool IsHistorized(const graph::Catalog& catalog) const;

 private:
  struct Column {
    RowsColumn column;
    absl::string_view had, before, after;
  };
  std::vector<TwinNumber> Twins() const;

  TableId table_;
  size_t rows_ = 0;
  absl::string_view twins_;
  std::vector<Column> columns_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_ROWS_CHANGE_H_
