#include "server/timeseries/conversion.h"

#include <cmath>
#include <utility>

#include "server/base/check.h"
#include "server/base/value.h"

namespace twin::timeseries {
namespace {

bool DoubleToInt(double real, int64_t* number) {
  if (!(real >= -9223372036854775808.0 && real < 9223372036854775808.0)) return false;
  *number = static_cast<int64_t>(real);
  return static_cast<double>(*number) == real && !(*number == 0 && std::signbit(real));
}

bool DecodeValue(absl::string_view bytes, Value* value) {
  return Value::Decode(&bytes, value).ok() && bytes.empty();
}

// A number inside a Value as a cell. False: it is none.
bool NumberOf(absl::string_view bytes, Cell* cell) {
  Value value;
  if (!DecodeValue(bytes, &value)) return false;
  cell->kind = ColumnKind::kInt;
  switch (value.kind()) {
    case Value::Kind::kBool:
      cell->number = value.as_bool() ? 1 : 0;
      return true;
    case Value::Kind::kInt:
      cell->number = value.as_int();
      return true;
    case Value::Kind::kTime:
      cell->number = value.as_time().ns;
      return true;
    case Value::Kind::kDouble:
      cell->kind = ColumnKind::kDouble;
      cell->real = value.as_double();
      return true;
    default:
      return false;
  }
}

void Push(bool has, ColumnValues* to) {
  if (has && to->missing.empty()) return;
  if (to->missing.empty()) to->missing.resize(SizeOf(*to) - 1, 0);
  to->missing.push_back(has ? 0 : 1);
}

Cell CellOf(const ColumnValues& from, size_t row) {
  Cell cell;
  cell.kind = from.kind;
  cell.decimals = from.decimals;
  switch (from.kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      cell.number = from.ints[row];
      break;
    case ColumnKind::kDouble:
      cell.real = from.doubles[row];
      break;
    case ColumnKind::kValue:
      cell.bytes = from.values[row];
      break;
  }
  return cell;
}

// One value, of any kind, to any kind.
void AppendCell(const ColumnValues& from, size_t row, ColumnValues* to) {
  bool has = from.missing.empty() || from.missing[row] == 0;
  const Cell cell = has ? CellOf(from, row) : Cell();
  switch (to->kind) {
    case ColumnKind::kDouble: {
      double real = 0;
      has = has && ToDouble(cell, &real);
      to->doubles.push_back(has ? real : 0);
      break;
    }
    case ColumnKind::kScaled:
    case ColumnKind::kInt: {
      int64_t number = 0;
      has = has && ToInt(cell, &number);
      to->ints.push_back(has ? number : 0);
      break;
    }
    case ColumnKind::kValue: {
      std::string bytes;
      if (has) ToValue(cell, &bytes);
      to->values.push_back(std::move(bytes));
      break;
    }
  }
  Push(has, to);
}

}  // namespace

Cell CellOf(const ColumnRows& column, size_t row) {
  Cell cell;
  cell.kind = column.kind;
  cell.decimals = column.decimals;
  switch (column.kind) {
    case ColumnKind::kScaled:
      cell.number = column.scaled != nullptr ? column.scaled[row] : column.ints[row];
      break;
    case ColumnKind::kInt:
      cell.number = column.ints[row];
      break;
    case ColumnKind::kDouble:
      cell.real = column.doubles[row];
      break;
    case ColumnKind::kValue:
      cell.bytes = column.values[row];
      break;
  }
  return cell;
}

bool ToScaled(const Cell& cell, uint8_t decimals, int64_t* number) {
  switch (cell.kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt: {
      const uint8_t have = cell.kind == ColumnKind::kInt ? 0 : cell.decimals;
      if (have == decimals) {
        *number = cell.number;
        return true;
      }
      if (have < decimals) {
        return !__builtin_mul_overflow(cell.number, kPowersOfTen[decimals - have], number);
      }
      *number = cell.number / kPowersOfTen[have - decimals];
      return cell.number % kPowersOfTen[have - decimals] == 0;
    }
    case ColumnKind::kDouble: {
      const double scaled = std::nearbyint(cell.real * static_cast<double>(kPowersOfTen[decimals]));
      if (!(std::abs(scaled) < static_cast<double>(kExactMax))) return false;
      *number = static_cast<int64_t>(scaled);
      return ScaledToDouble(*number, decimals) == cell.real &&
             !(*number == 0 && std::signbit(cell.real));
    }
    case ColumnKind::kValue:
      return false;
  }
  return false;
}

bool ToInt(const Cell& cell, int64_t* number) {
  switch (cell.kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      return ToScaled(cell, 0, number);
    case ColumnKind::kDouble:
      return DoubleToInt(cell.real, number);
    case ColumnKind::kValue: {
      Cell inside;
      return NumberOf(cell.bytes, &inside) && ToInt(inside, number);
    }
  }
  return false;
}

bool ToDouble(const Cell& cell, double* real) {
  switch (cell.kind) {
    case ColumnKind::kScaled:
      // Beyond, the double is the nearest one to within its last bit, and no integer is behind it.
      *real = ScaledToDouble(cell.number, cell.decimals);
      return cell.decimals > 0 || IsExact(cell.number);
    case ColumnKind::kInt:
      *real = static_cast<double>(cell.number);
      return IsExact(cell.number);
    case ColumnKind::kDouble:
      *real = cell.real;
      return true;
    case ColumnKind::kValue: {
      Cell inside;
      return NumberOf(cell.bytes, &inside) && ToDouble(inside, real);
    }
  }
  return false;
}

void ToValue(const Cell& cell, std::string* bytes) {
  switch (cell.kind) {
    case ColumnKind::kScaled:
      Value::Double(ScaledToDouble(cell.number, cell.decimals)).AppendTo(bytes);
      return;
    case ColumnKind::kInt:
      Value::Int(cell.number).AppendTo(bytes);
      return;
    case ColumnKind::kDouble:
      Value::Double(cell.real).AppendTo(bytes);
      return;
    case ColumnKind::kValue:
      bytes->append(cell.bytes.data(), cell.bytes.size());
      return;
  }
}

ColumnKind KindOf(WantedAs as) {
  switch (as) {
    case WantedAs::kDouble:
      return ColumnKind::kDouble;
    case WantedAs::kInt:
      return ColumnKind::kInt;
    case WantedAs::kValue:
      return ColumnKind::kValue;
  }
  return ColumnKind::kDouble;
}

size_t SizeOf(const ColumnValues& values) {
  switch (values.kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      return values.ints.size();
    case ColumnKind::kDouble:
      return values.doubles.size();
    case ColumnKind::kValue:
      return values.values.size();
  }
  return 0;
}

namespace {

// Whether some of the rows has a value that is wanted of them.
template <typename Wants>
bool AnyOf(const ColumnValues& from, absl::Span<const uint32_t> rows, size_t begin, size_t end,
           Wants wants) {
  const auto is_wanted = [&](size_t row) {
    return (from.missing.empty() || from.missing[row] == 0) && wants(row);
  };
  if (!rows.empty()) return std::any_of(rows.begin(), rows.end(), is_wanted);
  for (size_t row = begin; row < end; ++row) {
    if (is_wanted(row)) return true;
  }
  return false;
}

bool IsTooLarge(int64_t value) {
  constexpr int64_t kEnd = int64_t{1} << 50;
  return value >= kEnd || value <= -kEnd;
}

// Of what decimals the values are: those of several are not.
void NoteExact(const ColumnValues& from, absl::Span<const uint32_t> rows, size_t begin, size_t end,
               ColumnValues* to) {
  if (to->kind != ColumnKind::kDouble || to->exact == kNoDecimals) return;
  if (!AnyOf(from, rows, begin, end, [](size_t) { return true; })) return;
  uint8_t exact = from.kind == ColumnKind::kDouble ? from.exact : kNoDecimals;
  if (exact == kAnyDecimals) return;
  if (from.kind == ColumnKind::kScaled) {
    exact = from.decimals;
    const auto too_large = [&](size_t row) { return IsTooLarge(from.ints[row]); };
    if (AnyOf(from, rows, begin, end, too_large)) exact = kNoDecimals;
  }
  to->exact = to->exact == kAnyDecimals || to->exact == exact ? exact : kNoDecimals;
}

}  // namespace

void AppendConverted(const ColumnValues& from, absl::Span<const uint32_t> rows, size_t begin,
                     size_t end, ColumnValues* to) {
  NoteExact(from, rows, begin, end, to);
  if (rows.empty() && from.missing.empty() && to->missing.empty()) {
    const auto first = static_cast<std::ptrdiff_t>(begin);
    const auto last = static_cast<std::ptrdiff_t>(end);
    if (to->kind == ColumnKind::kDouble && from.kind == ColumnKind::kDouble) {
      to->doubles.insert(to->doubles.end(), from.doubles.begin() + first,
                         from.doubles.begin() + last);
      return;
    }
    if (to->kind == ColumnKind::kDouble && from.kind == ColumnKind::kScaled && from.decimals > 0) {
      const auto power = static_cast<double>(kPowersOfTen[from.decimals]);
      const size_t at = to->doubles.size();
      to->doubles.resize(at + (end - begin));
      for (size_t i = begin; i < end; ++i) {
        to->doubles[at + i - begin] = static_cast<double>(from.ints[i]) / power;
      }
      return;
    }
    if (to->kind == ColumnKind::kInt && from.kind == ColumnKind::kInt) {
      to->ints.insert(to->ints.end(), from.ints.begin() + first, from.ints.begin() + last);
      return;
    }
  }
  if (rows.empty()) {
    for (size_t i = begin; i < end; ++i) AppendCell(from, i, to);
  } else {
    for (const uint32_t row : rows) AppendCell(from, row, to);
  }
}

void AppendMissing(size_t count, ColumnValues* to) {
  if (count == 0) return;
  const size_t size = SizeOf(*to);
  if (to->missing.empty()) to->missing.resize(size, 0);
  to->missing.resize(size + count, 1);
  switch (to->kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      to->ints.resize(size + count);
      break;
    case ColumnKind::kDouble:
      to->doubles.resize(size + count);
      break;
    case ColumnKind::kValue:
      to->values.resize(size + count);
      break;
  }
}

}  // namespace twin::timeseries
