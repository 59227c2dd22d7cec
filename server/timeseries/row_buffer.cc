#include "server/timeseries/row_buffer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/types/span.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/timeseries/conversion.h"
#include "server/timeseries/packed_block.h"
#include "server/timeseries/sealed_block.h"

namespace twin::timeseries {
namespace {

// Appends the same kind's values, rows[i] or all.
void AppendSame(const ColumnValues& from, const std::vector<uint32_t>* rows, size_t count,
                ColumnValues* to) {
  const size_t size = SizeOf(*to);
  const auto copy = [&](const auto& source, auto* target) {
    if (rows == nullptr) {
      target->insert(target->end(), source.begin(), source.end());
    } else {
      target->reserve(target->size() + rows->size());
      for (const uint32_t row : *rows) target->push_back(source[row]);
    }
  };
  switch (from.kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      copy(from.ints, &to->ints);
      break;
    case ColumnKind::kDouble:
      copy(from.doubles, &to->doubles);
      break;
    case ColumnKind::kValue:
      copy(from.values, &to->values);
      break;
  }
  if (from.missing.empty() && to->missing.empty()) return;
  if (to->missing.empty()) to->missing.resize(size, 0);
  if (from.missing.empty()) {
    to->missing.resize(size + count, 0);
  } else {
    copy(from.missing, &to->missing);
  }
}

bool AllMissing(const ColumnValues& values) {
  return std::all_of(values.missing.begin(), values.missing.end(),
                     [](uint8_t missing) { return missing != 0; }) &&
         values.missing.size() == SizeOf(values);
}

bool FitsDouble(const ColumnValues& values) {
  switch (values.kind) {
    case ColumnKind::kDouble:
      return true;
    case ColumnKind::kScaled:
      return std::all_of(values.ints.begin(), values.ints.end(), IsExact);
    case ColumnKind::kInt:
    case ColumnKind::kValue:
      return false;
  }
  return false;
}

void Convert(ColumnKind kind, ColumnValues* values) {
  ColumnValues converted;
  converted.kind = kind;
  AppendConverted(*values, {}, 0, SizeOf(*values), &converted);
  *values = std::move(converted);
}

// Gives two columns one kind.
void Unify(ColumnValues* a, ColumnValues* b) {
  if (a->kind == b->kind && a->decimals == b->decimals) return;
  // A column without any value has no kind of its own.
  if (AllMissing(*a) || AllMissing(*b)) {
    ColumnValues* const empty = AllMissing(*a) ? a : b;
    const ColumnValues* const other = empty == a ? b : a;
    const size_t size = SizeOf(*empty);
    *empty = ColumnValues();
    empty->kind = other->kind;
    empty->decimals = other->decimals;
    AppendMissing(size, empty);
    return;
  }
  const ColumnKind kind =
      FitsDouble(*a) && FitsDouble(*b) ? ColumnKind::kDouble : ColumnKind::kValue;
  for (ColumnValues* values : {a, b}) {
    if (values->kind != kind) Convert(kind, values);
  }
}

}  // namespace

void RowBuffer::Clear(uint32_t columns) {
  times_.clear();
  sequences_.clear();
  columns_.resize(columns);
  for (ColumnValues& column : columns_) column.Clear();
}

absl::Status RowBuffer::Add(const RowSource& source, uint64_t sequence_max) {
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  TWIN_RETURN_IF_ERROR(source.ReadTimes(&times));
  TWIN_RETURN_IF_ERROR(source.ReadSequences(&sequences));
  std::vector<uint32_t> rows;
  const bool all = source.range().last_sequence <= sequence_max;
  for (uint32_t i = 0; i < times.size(); ++i) {
    if (!all && sequences[i] > sequence_max) continue;
    times_.push_back(times[i]);
    sequences_.push_back(sequences[i]);
    if (!all) rows.push_back(i);
  }
  const size_t count = all ? times.size() : rows.size();
  if (count == 0) return absl::OkStatus();
  ColumnValues values;
  for (uint32_t c = 0; c < columns_.size(); ++c) {
    TWIN_RETURN_IF_ERROR(source.ReadColumn(c, &values));
    if (times_.size() == count) {
      columns_[c].kind = values.kind;
      columns_[c].decimals = values.decimals;
    } else {
      Unify(&columns_[c], &values);
    }
    AppendSame(values, all ? nullptr : &rows, count, &columns_[c]);
  }
  return absl::OkStatus();
}

void RowBuffer::Permute(const std::vector<uint32_t>& order) {
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  times.reserve(order.size());
  sequences.reserve(order.size());
  for (const uint32_t row : order) {
    times.push_back(times_[row]);
    sequences.push_back(sequences_[row]);
  }
  times_ = std::move(times);
  sequences_ = std::move(sequences);
  for (ColumnValues& column : columns_) {
    ColumnValues moved;
    moved.kind = column.kind;
    moved.decimals = column.decimals;
    AppendSame(column, &order, order.size(), &moved);
    column = std::move(moved);
  }
}

void RowBuffer::AddOfMemory(const RowSource& source, uint64_t sequence_max) {
  const absl::Status status = Add(source, sequence_max);
  TWIN_CHECK(status.ok()) << status;
}

void RowBuffer::Sort() {
  const auto before = [this](uint32_t a, uint32_t b) {
    return times_[a] != times_[b] ? times_[a] < times_[b] : sequences_[a] < sequences_[b];
  };
  std::vector<uint32_t> order(rows());
  std::iota(order.begin(), order.end(), 0);
  if (std::is_sorted(order.begin(), order.end(), before)) return;
  std::stable_sort(order.begin(), order.end(), before);
  Permute(order);
}

void RowBuffer::VisitRows(uint32_t rows_max, absl::FunctionRef<void(const Rows&)> visit) const {
  TWIN_CHECK(rows() > 0);
  std::vector<std::vector<absl::string_view>> views(columns_.size());
  for (size_t begin = 0; begin < rows(); begin += rows_max) {
    const size_t count = std::min<size_t>(rows_max, rows() - begin);
    std::vector<ColumnRows> columns(columns_.size());
    for (size_t c = 0; c < columns_.size(); ++c) {
      const ColumnValues& from = columns_[c];
      ColumnRows& to = columns[c];
      to.kind = from.kind;
      to.decimals = from.decimals;
      if (!from.ints.empty()) to.ints = from.ints.data() + begin;
      if (!from.doubles.empty()) to.doubles = from.doubles.data() + begin;
      if (!from.values.empty()) {
        if (views[c].empty()) views[c].assign(from.values.begin(), from.values.end());
        to.values = views[c].data() + begin;
      }
      if (!from.missing.empty()) to.missing = from.missing.data() + begin;
    }
    Rows rows;
    rows.times = absl::MakeSpan(times_).subspan(begin, count);
    rows.sequences = absl::MakeSpan(sequences_).subspan(begin, count);
    rows.columns = columns;
    visit(rows);
  }
}

std::vector<MemoryBlockPtr> RowBuffer::Encode(uint32_t rows_max) const {
  std::vector<MemoryBlockPtr> blocks;
  blocks.reserve(rows() / rows_max + 1);
  VisitRows(rows_max, [&](const Rows& rows) {
    std::string bytes;
    EncodeBlock(rows, &bytes);
    absl::StatusOr<MemoryBlockPtr> block = MemoryBlock::Open(bytes);
    TWIN_CHECK(block.ok()) << block.status();
    blocks.push_back(*std::move(block));
  });
  return blocks;
}

absl::Status RowBuffer::EncodePacked(
    absl::Span<const uint32_t> families,
    absl::FunctionRef<absl::Status(const RowRange& range, absl::string_view bytes)> visit) const {
  absl::Status status;
  VisitRows(kBlockRowsMax, [&](const Rows& rows) {
    if (!status.ok()) return;
    std::string bytes;
    if (rows.columns.size() <= kPackedColumnsMax) {
      EncodePackedBlock(rows, families, &bytes);
    } else {
      EncodeBlock(rows, &bytes);
    }
    const absl::StatusOr<SealedBlock> block = SealedBlock::Open(bytes);
    TWIN_CHECK(block.ok()) << block.status();
    status = visit(RangeOf(block->axes()), bytes);
  });
  return status;
}

}  // namespace twin::timeseries
