#include "server/timeseries/raw_chunk.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

#include "absl/types/span.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/wide.h"
#include "server/timeseries/conversion.h"

namespace twin::timeseries {
namespace {

// Of integers of the type.
template <typename T>
constexpr T kMissingInt = std::numeric_limits<T>::min();
// A NaN with a payload that no arithmetic makes; a value with these bits goes into kValue.
constexpr uint64_t kMissingDouble = 0xfff8'7477'696e'0001;

// Values of kValue are on the heap: their size in 4 bytes, then they.
char* CopyValue(absl::string_view value) {
  const auto size = static_cast<uint32_t>(value.size());
  auto* const copy = static_cast<char*>(std::malloc(sizeof(size) + value.size()));
  TWIN_CHECK(copy != nullptr) << value.size() << " bytes";
  std::memcpy(copy, &size, sizeof(size));
  if (!value.empty()) std::memcpy(copy + sizeof(size), value.data(), value.size());
  return copy;
}

absl::string_view ValueAt(const char* copy) {
  uint32_t size = 0;
  std::memcpy(&size, copy, sizeof(size));
  return {copy + sizeof(size), size};
}

template <typename T>
bool StoreNumber(const RawColumn& to, const Cell& cell, T* number) {
  int64_t wide = 0;
  if (cell.kind == ColumnKind::kValue) return false;
  if (to.kind == ColumnKind::kScaled ? !ToScaled(cell, to.decimals, &wide) : !ToInt(cell, &wide)) {
    return false;
  }
  if (wide <= std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) return false;
  *number = static_cast<T>(wide);
  return true;
}

// Values that lie so many bytes apart, each where its type may lie.
template <typename T, typename Byte = char>
struct Strided {
  Byte* at;
  size_t step;
  auto& operator[](size_t i) const {
    using Item = std::conditional_t<std::is_const_v<Byte>, const T, T>;
    return *reinterpret_cast<Item*>(at + i * step);
  }
};

template <typename T>
bool StoreNumbers(const RawColumn& to, const ColumnRows& rows, size_t begin, size_t end,
                  Strided<T> cells) {
  for (size_t i = begin; i < end; ++i) {
    if (rows.missing != nullptr && rows.missing[i] != 0) {
      cells[i - begin] = kMissingInt<T>;
    } else if (!StoreNumber(to, CellOf(rows, i), &cells[i - begin])) {
      return false;
    }
  }
  return true;
}

bool StoreDoubles(const ColumnRows& rows, size_t begin, size_t end, Strided<uint64_t> cells) {
  for (size_t i = begin; i < end; ++i) {
    if (rows.missing != nullptr && rows.missing[i] != 0) {
      cells[i - begin] = kMissingDouble;
      continue;
    }
    double real = 0;
    const Cell cell = CellOf(rows, i);
    if (cell.kind == ColumnKind::kValue || !ToDouble(cell, &real)) return false;
    if (cell.kind == ColumnKind::kScaled && !IsExact(cell.number)) return false;
    cells[i - begin] = std::bit_cast<uint64_t>(real);
    if (cells[i - begin] == kMissingDouble) return false;
  }
  return true;
}

void StoreValues(const ColumnRows& rows, size_t begin, size_t end, Strided<char*> cells) {
  std::string bytes;
  for (size_t i = begin; i < end; ++i) {
    char*& cell = cells[i - begin];
    std::free(cell);  // of a row that was stored and not committed
    cell = nullptr;
    if (rows.missing != nullptr && rows.missing[i] != 0) continue;
    bytes.clear();
    ToValue(CellOf(rows, i), &bytes);
    cell = CopyValue(bytes);
  }
}

// Values of rows [begin, end), to cells so far apart.
bool StoreColumn(const RawColumn& to, const ColumnRows& rows, size_t begin, size_t end, char* at,
                 size_t step) {
  switch (to.kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      return to.bytes == 2   ? StoreNumbers<int16_t>(to, rows, begin, end, {at, step})
             : to.bytes == 4 ? StoreNumbers<int32_t>(to, rows, begin, end, {at, step})
                             : StoreNumbers<int64_t>(to, rows, begin, end, {at, step});
    case ColumnKind::kDouble:
      return StoreDoubles(rows, begin, end, {at, step});
    case ColumnKind::kValue:
      StoreValues(rows, begin, end, {at, step});
      return true;
  }
  return false;
}

template <typename T, typename From>
TWIN_INLINE_LOOP bool CopyNumbers(const From* from, size_t step, size_t count, T* to) {
  bool fits = true;
  for (size_t i = 0; i < count; ++i) {
    const From number = from[i * step];
    fits &= number > std::numeric_limits<T>::min() && number <= std::numeric_limits<T>::max();
    to[i] = static_cast<T>(number);
  }
  return fits;
}

#if TWIN_HAS_WIDE
template <typename T, typename From>
TWIN_WIDE bool CopyNumbersOnWide(const From* from, size_t count, T* to) {
  return CopyNumbers(from, 1, count, to);
}
#endif

// Of `count` columns, `step` items each, one row.
template <typename T, typename From>
bool StoreRow(const From* from, size_t step, size_t count, T* to) {
  if (step != 1) return CopyNumbers(from, step, count, to);
#if TWIN_HAS_WIDE
  if (HasWide()) return CopyNumbersOnWide(from, count, to);
#endif
  return CopyNumbers(from, 1, count, to);
}

template <typename From>
bool StoreRow(const RawColumn& to, const From* from, size_t step, size_t count, char* at) {
  return to.bytes == 2   ? StoreRow(from, step, count, reinterpret_cast<int16_t*>(at))
         : to.bytes == 4 ? StoreRow(from, step, count, reinterpret_cast<int32_t*>(at))
                         : StoreRow(from, step, count, reinterpret_cast<int64_t*>(at));
}

bool StoreRow(const double* from, size_t step, size_t count, uint64_t* to) {
  bool fits = true;
  for (size_t i = 0; i < count; ++i) {
    to[i] = std::bit_cast<uint64_t>(from[i * step]);
    fits &= to[i] != kMissingDouble;
  }
  return fits;
}

// Whether values of `rows` are stored as they are.
bool Suits(const ColumnRows& rows, const RawColumn& to) {
  return rows.missing == nullptr && rows.kind == to.kind && rows.decimals == to.decimals &&
         rows.kind != ColumnKind::kValue;
}

// Row `row` of so many columns that suit, whose arrays lie one behind the other, `step` items each.
bool StoreRow(const RawColumn& to, const ColumnRows& first, size_t row, size_t step, size_t count,
              char* at) {
  if (to.kind == ColumnKind::kDouble) {
    return StoreRow(first.doubles + row, step, count, reinterpret_cast<uint64_t*>(at));
  }
  return first.scaled != nullptr ? StoreRow(to, first.scaled + row, step, count, at)
                                 : StoreRow(to, first.ints + row, step, count, at);
}

template <typename T>
void ReadNumbers(const char* at, size_t step, size_t rows, ColumnValues* values) {
  const Strided<T, const char> numbers{at, step};
  if (values->missing.empty()) {
    const size_t size = values->ints.size();
    values->ints.resize(size + rows);
    int64_t* const to = values->ints.data() + size;
    bool complete = true;
    for (size_t i = 0; i < rows; ++i) {
      complete &= numbers[i] != kMissingInt<T>;
      to[i] = numbers[i];
    }
    if (complete) return;
    values->ints.resize(size);
  }
  for (size_t i = 0; i < rows; ++i) {
    if (numbers[i] == kMissingInt<T>) {
      AppendMissing(1, values);
    } else {
      values->ints.push_back(numbers[i]);
      if (!values->missing.empty()) values->missing.push_back(0);
    }
  }
}

void ReadDoubles(const char* at, size_t step, size_t rows, ColumnValues* values) {
  const Strided<uint64_t, const char> bits{at, step};
  if (values->missing.empty()) {
    const size_t size = values->doubles.size();
    values->doubles.resize(size + rows);
    double* const to = values->doubles.data() + size;
    bool complete = true;
    for (size_t i = 0; i < rows; ++i) {
      complete &= bits[i] != kMissingDouble;
      to[i] = std::bit_cast<double>(bits[i]);
    }
    if (complete) return;
    values->doubles.resize(size);
  }
  for (size_t i = 0; i < rows; ++i) {
    if (bits[i] == kMissingDouble) {
      AppendMissing(1, values);
      continue;
    }
    values->doubles.push_back(std::bit_cast<double>(bits[i]));
    if (!values->missing.empty()) values->missing.push_back(0);
  }
}

void ReadValues(const char* at, size_t step, size_t rows, ColumnValues* values) {
  const Strided<char*, const char> cells{at, step};
  for (size_t i = 0; i < rows; ++i) {
    if (cells[i] == nullptr) {
      AppendMissing(1, values);
      continue;
    }
    values->values.emplace_back(ValueAt(cells[i]));
    if (!values->missing.empty()) values->missing.push_back(0);
  }
}

// Where the columns lie in a row.
void LayOut(RawForm* form) {
  std::vector<RawColumn>& columns = form->columns;
  uint32_t widest = 1;
  for (const uint8_t bytes : {8, 4, 2}) {  // so that all are aligned
    for (RawColumn& column : columns) {
      if (column.bytes != bytes) continue;
      column.offset = form->row_bytes;
      form->row_bytes += bytes;
      widest = std::max<uint32_t>(widest, bytes);
    }
  }
  form->row_bytes = (form->row_bytes + widest - 1) / widest * widest;
  for (size_t c = columns.size(); c-- > 1;) {
    const RawColumn& next = columns[c];
    RawColumn& column = columns[c - 1];
    const bool alike =
        column.kind == next.kind && column.decimals == next.decimals && column.bytes == next.bytes;
    column.alike = alike ? next.alike + 1 : 1;
  }
}

}  // namespace

const RawForm* RawForms::Get(std::vector<RawColumn> columns) {
  std::string key;
  key.reserve(columns.size() * 3);
  for (const RawColumn& column : columns) {
    key.push_back(static_cast<char>(column.kind));
    key.push_back(static_cast<char>(column.decimals));
    key.push_back(static_cast<char>(column.bytes));
  }
  std::unique_ptr<RawForm>& form = forms_[key];
  if (form == nullptr) {
    form = std::make_unique<RawForm>();
    form->columns = std::move(columns);
    LayOut(form.get());
  }
  return form.get();
}

size_t RawForms::bytes() const {
  size_t bytes = 0;
  for (const auto& [key, form] : forms_) {
    bytes += key.capacity() + sizeof(RawForm) + form->columns.capacity() * sizeof(RawColumn) + 32;
  }
  return bytes;
}

RawChunkPtr::RawChunkPtr(const RawChunkPtr& other) : chunk_(other.chunk_) {
  if (chunk_ != nullptr) chunk_->references_.fetch_add(1, std::memory_order_relaxed);
}

RawChunkPtr::~RawChunkPtr() {
  if (chunk_ != nullptr && chunk_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    chunk_->Delete();
  }
}

RawChunkPtr RawChunk::Create(const RawForm* form, uint32_t capacity) {
  TWIN_CHECK(capacity > 0 && capacity % 2 == 0) << capacity;
  const size_t bytes = sizeof(RawChunk) + (kAxisBytes + form->row_bytes) * capacity;
  void* const memory = std::malloc(bytes);
  TWIN_CHECK(memory != nullptr) << bytes << " bytes";
  auto* const chunk = new (memory) RawChunk(form, capacity);
  const bool has_values =
      std::any_of(form->columns.begin(), form->columns.end(),
                  [](const RawColumn& column) { return column.kind == ColumnKind::kValue; });
  if (has_values) std::memset(chunk->row(0), 0, size_t{form->row_bytes} * capacity);
  return RawChunkPtr(chunk);
}

RawChunkPtr RawChunk::Grown(const RawChunk& chunk, uint32_t capacity) {
  RawChunkPtr grown = Create(chunk.form_, capacity);
  const size_t size = chunk.size();
  std::memcpy(grown->data(), chunk.data(), size * 8);
  std::memcpy(grown->data() + size_t{8} * capacity, chunk.data() + size_t{8} * chunk.capacity_,
              size * 8);
  std::memcpy(grown->row(0), chunk.row(0), size * chunk.form_->row_bytes);
  for (const RawColumn& column : chunk.form_->columns) {
    if (column.kind != ColumnKind::kValue) continue;
    const Strided<char*> cells{grown->row(0) + column.offset, chunk.form_->row_bytes};
    for (size_t i = 0; i < size; ++i) {
      if (cells[i] != nullptr) cells[i] = CopyValue(ValueAt(cells[i]));
    }
  }
  grown->Commit(size);
  return grown;
}

void RawChunk::Delete() {
  for (const RawColumn& column : form_->columns) {
    if (column.kind != ColumnKind::kValue) continue;
    const Strided<char*> values{row(0) + column.offset, form_->row_bytes};
    for (size_t i = 0; i < capacity_; ++i) std::free(values[i]);
  }
  this->~RawChunk();
  std::free(this);
}

// Columns [at, columns_end) behind the last row. `complete`: their arrays lie one behind the other,
// and all have values.
bool RawChunk::StoreColumns(const Rows& rows, uint32_t at, uint32_t columns_end, bool complete,
                            size_t begin, size_t end) {
  while (at < columns_end) {
    const RawColumn& to = form_->columns[at];
    const ColumnRows& from = rows.columns[at];
    char* cells = row(size()) + to.offset;
    if (!Suits(from, to)) {
      if (!StoreColumn(to, from, begin, end, cells, form_->row_bytes)) return false;
      ++at;
      continue;
    }
    const uint32_t columns = complete ? std::min(to.alike, columns_end - at) : 1;
    for (size_t i = begin; i < end; ++i, cells += form_->row_bytes) {
      if (!StoreRow(to, from, i, rows.times.size(), columns, cells)) return false;
    }
    at += columns;
  }
  return true;
}

bool RawChunk::Store(const Rows& rows, size_t begin, size_t end) {
  const size_t count = end - begin;
  const size_t size = this->size();
  const auto columns = static_cast<uint32_t>(form_->columns.size());
  TWIN_CHECK(size + count <= capacity_ && rows.columns.size() == columns)
      << count << " rows of " << rows.columns.size() << " columns";
  uint32_t at = 0;
  for (const ColumnRun& run : rows.runs) {
    const bool complete = run.first.missing == nullptr;
    if (!StoreColumns(rows, at, at + run.columns, complete, begin, end)) return false;
    at += run.columns;
  }
  if (!StoreColumns(rows, at, columns, /*complete=*/false, begin, end)) return false;
  std::memcpy(data() + size * 8, &rows.times[begin], count * 8);
  std::memcpy(data() + size_t{8} * (capacity_ + size), &rows.sequences[begin], count * 8);
  return true;
}

void RawChunk::FetchNext() const {
  constexpr size_t kLine = 64;
  const size_t at = size();
  __builtin_prefetch(times() + at, /*rw=*/1);
  __builtin_prefetch(sequences() + at, /*rw=*/1);
  for (const char* line = row(at); line < row(at + 1); line += kLine) {
    __builtin_prefetch(line, /*rw=*/1);
  }
}

void RawChunk::ReadColumn(uint32_t column, size_t rows, ColumnValues* values) const {
  const RawColumn& from = form_->columns[column];
  const char* const at = row(0) + from.offset;
  const size_t step = form_->row_bytes;
  values->kind = from.kind;
  values->decimals = from.decimals;
  switch (from.kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      if (from.bytes == 2) return ReadNumbers<int16_t>(at, step, rows, values);
      if (from.bytes == 4) return ReadNumbers<int32_t>(at, step, rows, values);
      return ReadNumbers<int64_t>(at, step, rows, values);
    case ColumnKind::kDouble:
      return ReadDoubles(at, step, rows, values);
    case ColumnKind::kValue:
      return ReadValues(at, step, rows, values);
  }
}

RawColumn ColumnFor(RawColumn column, const ColumnRows& rows, size_t begin, size_t end) {
  std::vector<char> cells((end - begin) * 8);
  const auto fits = [&](ColumnKind kind, uint8_t decimals, uint8_t bytes) {
    column = RawColumn{.kind = kind, .decimals = decimals, .bytes = bytes};
    return kind != ColumnKind::kValue && StoreColumn(column, rows, begin, end, cells.data(), bytes);
  };
  const auto fits_in = [&](ColumnKind kind, uint8_t decimals) {
    if (kind == ColumnKind::kDouble) return fits(kind, 0, 8);
    return fits(kind, decimals, 2) || fits(kind, decimals, 4) || fits(kind, decimals, 8);
  };
  const ColumnKind kind = column.kind;
  if (kind != ColumnKind::kValue &&
      (fits_in(kind, column.decimals) || fits_in(rows.kind, rows.decimals))) {
    return column;
  }
  return RawColumn{.kind = ColumnKind::kValue, .decimals = 0, .bytes = 8};
}

}  // namespace twin::timeseries
