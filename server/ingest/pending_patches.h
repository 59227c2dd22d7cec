// What batches of alike patches gave twins, and is not yet applied. A part of PendingState.
#ifndef TWIN_SERVER_INGEST_PENDING_PATCHES_H_
#define TWIN_SERVER_INGEST_PENDING_PATCHES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/ingest/number_queue.h"
#include "server/ingest/rows_change.h"

namespace twin::ingest {

// A queue of rows, one of which is what a batch gave one twin: they are forgotten in the order in
// which they came. Rows of twins whose numbers end alike are linked. Thread-compatible.
class PendingPatches {
 public:
  // What the rows of a batch have in common.
  struct Batch {
    Sequence version;
    Time time;  // update and source time of all its values
    std::vector<RowsColumn> columns;
  };
  PendingPatches() : last_(kEnds, kNone) {}

  bool empty() const { return rows_.size() == 0; }
  // The rows that follow belong to it, at most as many.
  void Begin(Batch batch, size_t rows);
  // A row of the twin; its values are there after SetValues.
  void Add(TwinNumber twin);
  // Of all rows since Begin, in their order.
  void SetValues(const RowsChange& rows);
  // What came since the last call belongs to that record; numbers of records rise.
  void EndRecord(uint64_t record);
  // Forgets what belongs to records up to that one.
  void Applied(uint64_t record);
  void Reset();

  // The last row of a twin; then the one before it. Valid until the next change.
  static constexpr uint64_t kNone = UINT64_MAX;
  uint64_t Last(TwinNumber twin) const { return Find(last_[twin.value % kEnds], twin); }
  uint64_t Before(uint64_t row) const {
    return Find(rows_[row].before, TwinNumber(rows_[row].twin));
  }
  const Batch& BatchOf(uint64_t row) const { return KeptOf(row).batch; }
  Value ValueAt(uint64_t row, size_t column) const;  // the batch's column
  // Whether the row came after Begin, and as which one.
  bool IsOfBatch(uint64_t row) const { return row != kNone && row >= batches_.back().first; }
  size_t IndexOf(uint64_t row) const { return row - batches_.back().first; }
  // The value that the column got last, of a twin's rows from that one back. False: none.
  bool Find(uint64_t row, ColumnId column, Value* value, const Batch** batch) const;

 private:
  static constexpr uint32_t kEnds = 1 << 14;
  struct Row {
    uint64_t before;  // of those whose twins' numbers end alike
    uint32_t twin;
    uint32_t batch;  // its number's last 32 bits
  };
  struct Kept {
    Batch batch;
    uint64_t first = 0;          // row
    std::vector<uint64_t> bits;  // row by row
  };
  struct Record {
    uint64_t number;
    uint64_t end;    // of its rows
    size_t batches;  // that it has
  };

  const Kept& KeptOf(uint64_t row) const { return batches_[rows_[row].batch - first_batch_]; }
  uint64_t Find(uint64_t row, TwinNumber twin) const {
    while (rows_.Has(row) && rows_[row].twin != twin.value) row = rows_[row].before;
    return rows_.Has(row) ? row : kNone;
  }

  NumberQueue<Row, uint64_t> rows_;
  std::vector<uint64_t> last_;
  std::deque<Kept> batches_;
  uint32_t first_batch_ = 0;  // the number of batches_.front()
  size_t of_record_ = 0;      // batches since EndRecord
  std::deque<Record> records_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_PENDING_PATCHES_H_
