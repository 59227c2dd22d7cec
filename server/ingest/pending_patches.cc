#include "server/ingest/pending_patches.h"

#include <algorithm>
#include <utility>

namespace twin::ingest {

void PendingPatches::Begin(Batch batch, size_t rows) {
  Kept& kept = batches_.emplace_back();
  kept.batch = std::move(batch);
  kept.first = rows_.end();
  kept.bits.reserve(rows * kept.batch.columns.size());
  ++of_record_;
}

void PendingPatches::Add(TwinNumber twin) {
  const uint64_t row = rows_.end();
  const auto batch = static_cast<uint32_t>(first_batch_ + batches_.size() - 1);
  rows_.Push({std::exchange(last_[twin.value % kEnds], row), twin.value, batch});
}

void PendingPatches::SetValues(const RowsChange& rows) {
  std::vector<uint64_t>& bits = batches_.back().bits;
  for (size_t row = 0; row < rows.twins.size(); ++row) {
    for (const RowsChange::Values& values : rows.values) bits.push_back(values.after[row]);
  }
}

void PendingPatches::EndRecord(uint64_t record) {
  if (of_record_ == 0) return;
  records_.push_back({record, rows_.end(), std::exchange(of_record_, 0)});
}

void PendingPatches::Applied(uint64_t record) {
  for (; !records_.empty() && records_.front().number <= record; records_.pop_front()) {
    rows_.ForgetBelow(records_.front().end);
    for (size_t i = 0; i < records_.front().batches; ++i) batches_.pop_front();
    first_batch_ += static_cast<uint32_t>(records_.front().batches);
  }
}

void PendingPatches::Reset() {
  rows_.Reset(rows_.end());
  first_batch_ += static_cast<uint32_t>(batches_.size());
  batches_.clear();
  records_.clear();
  of_record_ = 0;
}

Value PendingPatches::ValueAt(uint64_t row, size_t column) const {
  const Kept& kept = KeptOf(row);
  const std::vector<RowsColumn>& columns = kept.batch.columns;
  return ValueOf(columns[column].kind, kept.bits[(row - kept.first) * columns.size() + column]);
}

bool PendingPatches::Find(uint64_t row, ColumnId column, Value* value, const Batch** batch) const {
  for (; row != kNone; row = Before(row)) {
    const std::vector<RowsColumn>& columns = BatchOf(row).columns;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (!(columns[i].id == column)) continue;
      *value = ValueAt(row, i);
      *batch = &BatchOf(row);
      return true;
    }
  }
  return false;
}

}  // namespace twin::ingest
