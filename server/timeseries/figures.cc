#include "server/timeseries/figures.h"

#include <algorithm>
#include <cmath>

#include "server/timeseries/block_sums.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/conversion.h"

namespace twin::timeseries {
namespace {

// NaN is above all numbers.
bool IsLessNumber(double a, double b) { return a < b || (!std::isnan(a) && std::isnan(b)); }
bool IsLessNumber(int64_t a, int64_t b) { return a < b; }

double Real(int64_t value, uint8_t decimals) {
  return decimals == 0 ? static_cast<double>(value)
                       : static_cast<double>(value) / static_cast<double>(kPowersOfTen[decimals]);
}

void JoinExtremes(const Figures& more, Figures* all) {
  if (IsLessNumber(more.min_double, all->min_double)) all->min_double = more.min_double;
  if (IsLessNumber(all->max_double, more.max_double)) all->max_double = more.max_double;
  all->min_int = std::min(all->min_int, more.min_int);
  all->max_int = std::max(all->max_int, more.max_int);
}

template <typename T>
void TakeValue(T value, bool is_new, T* min, T* max, T* first, T* last) {
  if (is_new) *first = value;
  *last = value;
  if (is_new || IsLessNumber(value, *min)) *min = value;
  if (is_new || IsLessNumber(*max, value)) *max = value;
}

}  // namespace

void Append(const Figures& figures, const SummaryRequest& request, SummaryColumn* column) {
  const auto append = [&](double real, int64_t integer, SummaryColumn::Values* values) {
    if (column->kind == ColumnKind::kDouble) {
      values->doubles.push_back(real);
    } else {
      values->ints.push_back(integer);
    }
  };
  if (request.extremes) {
    append(figures.min_double, figures.min_int, &column->min);
    append(figures.max_double, figures.max_int, &column->max);
  }
  if (request.ends) {
    append(figures.first_double, figures.first_int, &column->first);
    append(figures.last_double, figures.last_int, &column->last);
  }
  column->counts.push_back(figures.count);
}

bool FromStatistics(const ColumnForm& form, const ColumnStatistics& s, ColumnKind wanted, bool sums,
                    Figures* figures) {
  figures->count = s.count;
  if (s.count == 0) return true;
  if (form.kind == ColumnKind::kDouble) {
    // Of zeros the sign is not known, of sums the order of adding.
    if (wanted != ColumnKind::kDouble || sums || s.has_nan || s.min_double == 0 ||
        s.max_double == 0) {
      return false;
    }
    figures->min_double = s.min_double;
    figures->max_double = s.max_double;
    figures->first_double = s.first_double;
    figures->last_double = s.last_double;
    return true;
  }
  if (form.kind == ColumnKind::kValue || IsBeyondExact(s.min_int) || IsBeyondExact(s.max_int)) {
    return false;
  }
  if (sums && s.sum_overflows) return false;
  figures->sum = s.sum_int;
  if (wanted == ColumnKind::kInt) {
    if (form.decimals > 0) return false;
    figures->min_int = s.min_int;
    figures->max_int = s.max_int;
    figures->first_int = s.first_int;
    figures->last_int = s.last_int;
    return true;
  }
  if (sums && form.kind != ColumnKind::kScaled) return false;
  figures->decimals = form.decimals;
  figures->min_double = Real(s.min_int, form.decimals);
  figures->max_double = Real(s.max_int, form.decimals);
  figures->first_double = Real(s.first_int, form.decimals);
  figures->last_double = Real(s.last_int, form.decimals);
  return true;
}

bool FromSums(absl::Span<const ColumnOfBlock> blocks, const SummaryRequest& request,
              ColumnKind wanted, Figures* figures) {
  int64_t count = 0;
  ColumnStatistics all;
  uint8_t kind = BlockSums::kOther;
  for (const ColumnOfBlock& block : blocks) {
    const BlockSums::Sum& sum = block.sums->sums[block.column];
    if (sum.count == 0) continue;
    if (sum.kind == BlockSums::kOther || (count > 0 && sum.kind != kind)) return false;
    kind = sum.kind;
    if (request.sums && __builtin_add_overflow(all.sum_int, sum.sum, &all.sum_int)) return false;
    if (request.extremes || request.ends) {
      const BlockSums::Ends& ends = block.sums->ends[block.column];
      all.min_int = count == 0 ? ends.min : std::min(all.min_int, ends.min);
      all.max_int = count == 0 ? ends.max : std::max(all.max_int, ends.max);
      if (count == 0) all.first_int = ends.first;
      all.last_int = ends.last;
    }
    count += sum.count;
  }
  if (count == 0) return true;
  const ColumnForm form{.kind = kind == BlockSums::kInt ? ColumnKind::kInt : ColumnKind::kScaled,
                        .decimals = kind == BlockSums::kInt ? uint8_t{0} : kind};
  all.count = 1;  // there are some
  const bool is_exact = FromStatistics(form, all, wanted, request.sums, figures);
  figures->count = count;
  return is_exact;
}

bool FromRollup(const RolledUp& from, size_t row, ColumnKind wanted, bool sums, Figures* figures) {
  figures->count = from.count.ints[row];
  if (figures->count == 0) return true;
  const ColumnKind kind = from.min.kind;
  if (IsMissing(from.min, row)) return false;  // of values that are no numbers
  if (kind == ColumnKind::kDouble) {
    if (wanted != ColumnKind::kDouble || sums) return false;
    figures->min_double = from.min.doubles[row];
    figures->max_double = from.max.doubles[row];
    figures->first_double = from.first.doubles[row];
    figures->last_double = from.last.doubles[row];
    return true;
  }
  const ColumnForm form{.kind = kind, .decimals = from.min.decimals};
  ColumnStatistics s;
  s.count = static_cast<uint32_t>(figures->count);
  s.min_int = from.min.ints[row];
  s.max_int = from.max.ints[row];
  s.first_int = from.first.ints[row];
  s.last_int = from.last.ints[row];
  if (sums) {
    s.sum_overflows = IsMissing(from.sum, row);
    s.sum_int = from.sum.ints[row];
  }
  return FromStatistics(form, s, wanted, sums, figures);
}

absl::Status FromExpired(const RolledUp& from, size_t row, ColumnKind wanted, bool sums,
                         Figures* figures) {
  const ColumnForm form{.kind = from.min.kind, .decimals = from.min.decimals};
  const bool is_double = form.kind == ColumnKind::kDouble;
  if (from.count.ints[row] == 0 || IsMissing(from.min, row)) return absl::OkStatus();
  if (wanted == ColumnKind::kInt && (is_double || form.decimals > 0)) return absl::OkStatus();
  const bool has_sum = from.sum.kind == form.kind && !IsMissing(from.sum, row);
  figures->count = from.count.ints[row];
  if (wanted == ColumnKind::kInt) {
    if (sums && !has_sum) {
      return absl::OutOfRangeError(
          "the sum of integers whose samples are kept no longer does not fit 64 bits; ask for a "
          "window without them, or not for SUM and AVG");
    }
    figures->min_int = from.min.ints[row];
    figures->max_int = from.max.ints[row];
    figures->first_int = from.first.ints[row];
    figures->last_int = from.last.ints[row];
    if (sums) figures->sum = from.sum.ints[row];
    return absl::OkStatus();
  }
  const auto real = [&](const ColumnValues& values) {
    return is_double ? values.doubles[row] : Real(values.ints[row], form.decimals);
  };
  figures->min_double = real(from.min);
  figures->max_double = real(from.max);
  figures->first_double = real(from.first);
  figures->last_double = real(from.last);
  if (sums) figures->real_sum = has_sum ? real(from.sum) : std::nan("");
  return absl::OkStatus();
}

bool Join(const Figures& more, Figures* all) {
  if (more.count == 0) return true;
  if (all->count == 0) {
    *all = more;
    return true;
  }
  if (more.first_at < all->first_at) {
    all->first_at = more.first_at;
    all->first_double = more.first_double;
    all->first_int = more.first_int;
  }
  if (more.last_at > all->last_at) {
    all->last_at = more.last_at;
    all->last_double = more.last_double;
    all->last_int = more.last_int;
  }
  JoinExtremes(more, all);
  all->count += more.count;
  all->real_sum += more.real_sum;
  return all->decimals == more.decimals && !__builtin_add_overflow(all->sum, more.sum, &all->sum);
}

void Follow(const Figures& more, Figures* all) {
  if (more.count == 0) return;
  if (all->count == 0) {
    *all = more;
    return;
  }
  JoinExtremes(more, all);
  all->last_double = more.last_double;
  all->last_int = more.last_int;
  all->count += more.count;
  all->sum += more.sum;
}

bool FromRows(const ColumnValues& values, size_t begin, size_t end, bool sums, Figures* figures) {
  const bool is_double = values.kind == ColumnKind::kDouble;
  const bool is_exact = values.exact != kNoDecimals;
  const uint8_t decimals = is_double && values.exact <= kDecimalsMax ? values.exact : 0;
  const auto power = static_cast<double>(kPowersOfTen[decimals]);
  figures->decimals = decimals;
  for (size_t row = begin; row < end; ++row) {
    if (IsMissing(values, row)) continue;
    const bool is_new = figures->count == 0;
    int64_t integer = 0;
    if (is_double) {
      const double value = values.doubles[row];
      TakeValue(value, is_new, &figures->min_double, &figures->max_double, &figures->first_double,
                &figures->last_double);
      if (sums) {
        if (!is_exact) return false;
        integer = std::llround(value * power);
      }
    } else {
      integer = values.ints[row];
      TakeValue(integer, is_new, &figures->min_int, &figures->max_int, &figures->first_int,
                &figures->last_int);
    }
    if (sums && __builtin_add_overflow(figures->sum, integer, &figures->sum)) return false;
    figures->count += 1;
  }
  return true;
}

}  // namespace twin::timeseries
