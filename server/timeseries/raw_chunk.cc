#include "server/timeseries/raw_chunk.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

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

template <typename T, typename From>
bool CopyNumbers(const From* from, size_t count, T* to) {
  bool fits = true;
  for (size_t i = 0; i < count; ++i) {
    const From number = from[i];
    fits &= number > std::numeric_limits<T>::min() && number <= std::numeric_limits<T>::max();
    to[i] = static_cast<T>(number);
  }
  return fits;
}

template <typename T>
bool StoreNumbers(const RawColumn& to, const ColumnRows& rows, size_t begin, size_t end, char* at) {
  auto* const cells = reinterpret_cast<T*>(at);
  const size_t count = end - begin;
  if (rows.missing == nullptr && rows.kind == to.kind && rows.decimals == to.decimals) {
    return rows.scaled != nullptr ? CopyNumbers(rows.scaled + begin, count, cells)
                                  : CopyNumbers(rows.ints + begin, count, cells);
  }
  for (size_t i = begin; i < end; ++i) {
    if (rows.missing != nullptr && rows.missing[i] != 0) {
      cells[i - begin] = kMissingInt<T>;
    } else if (!StoreNumber(to, CellOf(rows, i), &cells[i - begin])) {
      return false;
    }
  }
  return true;
}

bool StoreDoubles(const ColumnRows& rows, size_t begin, size_t end, uint64_t* cells) {
  if (rows.missing == nullptr && rows.kind == ColumnKind::kDouble) {
    bool fits = true;
    for (size_t i = begin; i < end; ++i) {
      cells[i - begin] = std::bit_cast<uint64_t>(rows.doubles[i]);
      fits &= cells[i - begin] != kMissingDouble;
    }
    return fits;
  }
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

void StoreValues(const ColumnRows& rows, size_t begin, size_t end, char** cells) {
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

bool StoreColumn(const RawColumn& to, const ColumnRows& rows, size_t begin, size_t end,
                 char* cells) {
  switch (to.kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      return to.bytes == 2   ? StoreNumbers<int16_t>(to, rows, begin, end, cells)
             : to.bytes == 4 ? StoreNumbers<int32_t>(to, rows, begin, end, cells)
                             : StoreNumbers<int64_t>(to, rows, begin, end, cells);
    case ColumnKind::kDouble:
      return StoreDoubles(rows, begin, end, reinterpret_cast<uint64_t*>(cells));
    case ColumnKind::kValue:
      StoreValues(rows, begin, end, reinterpret_cast<char**>(cells));
      return true;
  }
  return false;
}

// False: some are missing.
template <typename T>
TWIN_INLINE_LOOP bool WidenOnAny(const T* numbers, size_t rows, int64_t* to) {
  bool complete = true;
  for (size_t i = 0; i < rows; ++i) {
    complete &= numbers[i] != kMissingInt<T>;
    to[i] = numbers[i];
  }
  return complete;
}

#if TWIN_HAS_WIDE
template <typename T>
TWIN_WIDE bool WidenOnWide(const T* numbers, size_t rows, int64_t* to) {
  return WidenOnAny(numbers, rows, to);
}
#endif

template <typename T>
bool Widen(const T* numbers, size_t rows, int64_t* to) {
#if TWIN_HAS_WIDE
  if (HasWide()) return WidenOnWide(numbers, rows, to);
#endif
  return WidenOnAny(numbers, rows, to);
}

template <typename T>
void ReadNumbers(const char* cells, size_t rows, ColumnValues* values) {
  const auto* numbers = reinterpret_cast<const T*>(cells);
  if (values->missing.empty()) {
    const size_t size = values->ints.size();
    values->ints.resize(size + rows);
    if (Widen(numbers, rows, values->ints.data() + size)) return;
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

// False: some are missing, or were before, and nothing has changed.
bool ReadDoubles(const char* cells, size_t rows, ColumnValues* values) {
  const auto* bits = reinterpret_cast<const uint64_t*>(cells);
  if (!values->missing.empty() || std::count(bits, bits + rows, kMissingDouble) > 0) return false;
  const size_t size = values->doubles.size();
  values->doubles.resize(size + rows);
  std::memcpy(values->doubles.data() + size, cells, rows * sizeof(double));
  return true;
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
    form->row_bytes = 16;
    for (const uint8_t bytes : {8, 4, 2}) {  // so that all are aligned
      for (RawColumn& column : columns) {
        if (column.bytes != bytes) continue;
        column.offset = form->row_bytes;
        form->row_bytes += bytes;
      }
    }
    form->columns = std::move(columns);
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
  const size_t bytes = sizeof(RawChunk) + size_t{form->row_bytes} * capacity;
  void* const memory = std::malloc(bytes);
  TWIN_CHECK(memory != nullptr) << bytes << " bytes";
  auto* const chunk = new (memory) RawChunk(form, capacity);
  for (uint32_t c = 0; c < form->columns.size(); ++c) {
    if (form->columns[c].kind == ColumnKind::kValue) {
      std::memset(chunk->cells(c), 0, size_t{8} * capacity);
    }
  }
  return RawChunkPtr(chunk);
}

RawChunkPtr RawChunk::Grown(const RawChunk& chunk, uint32_t capacity) {
  RawChunkPtr grown = Create(chunk.form_, capacity);
  const size_t size = chunk.size();
  std::memcpy(grown->data(), chunk.data(), size * 8);
  std::memcpy(grown->data() + size_t{8} * capacity, chunk.data() + size_t{8} * chunk.capacity_,
              size * 8);
  for (uint32_t c = 0; c < chunk.form_->columns.size(); ++c) {
    const RawColumn& column = chunk.form_->columns[c];
    std::memcpy(grown->cells(c), chunk.cells(c), size * column.bytes);
    if (column.kind != ColumnKind::kValue) continue;
    auto** const cells = reinterpret_cast<char**>(grown->cells(c));
    for (size_t i = 0; i < size; ++i) {
      if (cells[i] != nullptr) cells[i] = CopyValue(ValueAt(cells[i]));
    }
  }
  grown->Commit(size);
  return grown;
}

void RawChunk::Delete() {
  for (uint32_t c = 0; c < form_->columns.size(); ++c) {
    if (form_->columns[c].kind != ColumnKind::kValue) continue;
    auto** const values = reinterpret_cast<char**>(cells(c));
    for (size_t i = 0; i < capacity_; ++i) std::free(values[i]);
  }
  this->~RawChunk();
  std::free(this);
}

size_t RawChunk::bytes() const { return sizeof(RawChunk) + size_t{form_->row_bytes} * capacity_; }

bool RawChunk::Store(const Rows& rows, size_t begin, size_t end) {
  const size_t count = end - begin;
  const size_t size = this->size();
  TWIN_CHECK(size + count <= capacity_ && rows.columns.size() == form_->columns.size())
      << count << " rows of " << rows.columns.size() << " columns";
  for (uint32_t c = 0; c < form_->columns.size(); ++c) {
    const RawColumn& column = form_->columns[c];
    char* const at = cells(c) + size * column.bytes;
    if (!StoreColumn(column, rows.columns[c], begin, end, at)) return false;
  }
  std::memcpy(data() + size * 8, &rows.times[begin], count * 8);
  std::memcpy(data() + size_t{8} * (capacity_ + size), &rows.sequences[begin], count * 8);
  return true;
}

void RawChunk::FetchNext() const {
  const size_t at = size();
  __builtin_prefetch(times() + at, /*rw=*/1);
  __builtin_prefetch(sequences() + at, /*rw=*/1);
  for (uint32_t c = 0; c < form_->columns.size(); ++c) {
    __builtin_prefetch(cells(c) + at * form_->columns[c].bytes, /*rw=*/1);
  }
}

void RawChunk::ReadColumn(uint32_t column, size_t rows, ColumnValues* values) const {
  const RawColumn& from = form_->columns[column];
  const char* const at = cells(column);
  values->kind = from.kind;
  values->decimals = from.decimals;
  switch (from.kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      if (from.bytes == 2) {
        ReadNumbers<int16_t>(at, rows, values);
      } else if (from.bytes == 4) {
        ReadNumbers<int32_t>(at, rows, values);
      } else {
        ReadNumbers<int64_t>(at, rows, values);
      }
      return;
    case ColumnKind::kDouble:
      if (ReadDoubles(at, rows, values)) return;
      for (size_t i = 0; i < rows; ++i) {
        const uint64_t bits = reinterpret_cast<const uint64_t*>(at)[i];
        if (bits == kMissingDouble) {
          AppendMissing(1, values);
          continue;
        }
        values->doubles.push_back(std::bit_cast<double>(bits));
        if (!values->missing.empty()) values->missing.push_back(0);
      }
      return;
    case ColumnKind::kValue:
      for (size_t i = 0; i < rows; ++i) {
        const char* const cell = reinterpret_cast<char* const*>(at)[i];
        if (cell == nullptr) {
          AppendMissing(1, values);
          continue;
        }
        values->values.emplace_back(ValueAt(cell));
        if (!values->missing.empty()) values->missing.push_back(0);
      }
      return;
  }
}

RawColumn ColumnFor(RawColumn column, const ColumnRows& rows, size_t begin, size_t end) {
  std::vector<char> cells((end - begin) * 8);
  const auto fits = [&](ColumnKind kind, uint8_t decimals, uint8_t bytes) {
    column = RawColumn{.kind = kind, .decimals = decimals, .bytes = bytes};
    return kind != ColumnKind::kValue && StoreColumn(column, rows, begin, end, cells.data());
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
