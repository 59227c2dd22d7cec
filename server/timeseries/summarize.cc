// Sums up windows: by statistics of blocks, by roll-ups, and by rows where nothing else knows.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/block_sums.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/conversion.h"
#include "server/timeseries/group.h"
#include "server/timeseries/reader.h"
#include "server/timeseries/rollup.h"

namespace twin::timeseries {

// The columns of a roll-up that are about one column. first_at and last_at are there of what is
// expired.
struct RolledUp {
  ColumnValues count, sum, min, max, first, last, first_at, last_at;
};

// Those about its rows, of what is expired.
struct RolledUpRows {
  ColumnValues rows, first_at, last_at;
};

// What one column comes to in one part.
struct Figures {
  int64_t count = 0;
  double min_double = 0, max_double = 0, first_double = 0, last_double = 0;
  int64_t min_int = 0, max_int = 0, first_int = 0, last_int = 0;
  int64_t sum = 0;
  uint8_t decimals = 0;
  // Of what is expired.
  double real_sum = 0;
  int64_t first_at = 0, last_at = 0;
};

namespace {

// NaN is above all numbers.
bool IsLessNumber(double a, double b) { return a < b || (!std::isnan(a) && std::isnan(b)); }
bool IsLessNumber(int64_t a, int64_t b) { return a < b; }

// Appends a row to a column.
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

double Real(int64_t value, uint8_t decimals) {
  return decimals == 0 ? static_cast<double>(value)
                       : static_cast<double>(value) / static_cast<double>(kPowersOfTen[decimals]);
}

// False: the statistics do not say exactly what the rows would.
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

// What a roll-up says when there are no samples to ask: as doubles, what is no integer. A count of
// 0 if its values are not of that kind. OUT_OF_RANGE: there is no sum of integers.
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

void JoinExtremes(const Figures& more, Figures* all) {
  if (IsLessNumber(more.min_double, all->min_double)) all->min_double = more.min_double;
  if (IsLessNumber(all->max_double, more.max_double)) all->max_double = more.max_double;
  all->min_int = std::min(all->min_int, more.min_int);
  all->max_int = std::max(all->max_int, more.max_int);
}

// Two that say something about one column at overlapping times. False: the sum is not exact.
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

// Takes what comes behind it in time. Their sum fits.
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

template <typename T>
void TakeValue(T value, bool is_new, T* min, T* max, T* first, T* last) {
  if (is_new) *first = value;
  *last = value;
  if (is_new || IsLessNumber(value, *min)) *min = value;
  if (is_new || IsLessNumber(*max, value)) *max = value;
}

// Rows [begin, end) of what was read; false: their sum is not known exactly.
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

}  // namespace

// Answers one request.
class Reader::Summarizer {
 public:
  Summarizer(Reader* reader, const SummaryRequest& request, const std::vector<Places>& places,
             SummaryRows* rows, SummaryCounts* counts)
      : reader_(*reader), request_(request), places_(places), rows_(*rows), counts_(*counts) {
    rows_ = SummaryRows();
    rows_.only_expired = request.only_expired;
    rows_.columns.resize(request.series.size());
    for (size_t c = 0; c < rows_.columns.size(); ++c) {
      rows_.columns[c].kind = KindOf(request.series[c].as);
    }
    decimals_.assign(rows_.columns.size(), kAnyDecimals);
    figures_.resize(rows_.columns.size());
    joined_.resize(rows_.columns.size());
  }

  absl::Status Add(const SummaryPart& part) {
    if (part.block != nullptr) return AddBlock(*part.block);
    if (part.rollup != nullptr) return AddRollup(part);
    if (!part.expired.empty()) return AddExpired(part);
    return AddRead(part);
  }
  // Blocks of one row that all have sums, as one. False: they do not say it exactly.
  bool AddSums(absl::Span<const SummaryPart> parts) {
    int64_t rows = 0;
    for (const SummaryPart& part : parts) rows += part.block->range().rows;
    for (size_t c = 0; c < places_.size(); ++c) {
      Figures figures;
      if (!JoinSums(parts, c, &figures)) return false;
      joined_[c] = figures;
    }
    for (size_t c = 0; c < places_.size(); ++c) Take(/*is_exact=*/true, joined_[c], c);
    counts_.blocks += parts.size();
    TakeRow(parts.front().from, rows);
    return true;
  }
  void Finish() {
    if (has_row_) PutRow();
  }

 private:
  // What a column comes to in blocks that follow each other.
  bool JoinSums(absl::Span<const SummaryPart> parts, size_t c, Figures* figures) const {
    int64_t count = 0;
    ColumnStatistics all;
    uint8_t kind = BlockSums::kOther;
    for (const SummaryPart& part : parts) {
      const Place* const place = PlaceIn(places_[c], part.block->group());
      if (place == nullptr) continue;
      const BlockSums::Sum& sum = part.sums->sums[place->column];
      if (sum.count == 0) continue;
      if (sum.kind == BlockSums::kOther || (count > 0 && sum.kind != kind)) return false;
      kind = sum.kind;
      if (request_.sums && __builtin_add_overflow(all.sum_int, sum.sum, &all.sum_int)) return false;
      if (request_.extremes || request_.ends) {
        const BlockSums::Ends& ends = part.sums->ends[place->column];
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
    const bool is_exact = FromStatistics(form, all, rows_.columns[c].kind, request_.sums, figures);
    figures->count = count;
    return is_exact;
  }

  // Takes figures_, of some rows at or behind `time`: what follows in one step is one row.
  void TakeRow(int64_t time, int64_t rows) {
    const bool is_plain = request_.step == 0 || request_.only_expired;
    const int64_t begin = is_plain ? time : StartOfStep(time, request_.step);
    if (has_row_ && !request_.only_expired && (is_plain || begin == row_time_) && FitsRow()) {
      row_rows_ += rows;
      for (size_t c = 0; c < figures_.size(); ++c) Follow(figures_[c], &row_[c]);
      return;
    }
    Finish();
    has_row_ = true;
    row_time_ = begin;
    row_rows_ = rows;
    row_ = figures_;
  }

  bool FitsRow() const {
    for (size_t c = 0; c < figures_.size(); ++c) {
      int64_t sum;
      if (__builtin_add_overflow(row_[c].sum, figures_[c].sum, &sum)) return false;
    }
    return true;
  }

  void PutRow() {
    rows_.times.push_back(row_time_);
    rows_.rows.push_back(row_rows_);
    for (size_t c = 0; c < row_.size(); ++c) {
      SummaryColumn& to = rows_.columns[c];
      Append(row_[c], request_, &to);
      if (!request_.sums) continue;
      if (request_.only_expired && to.kind == ColumnKind::kDouble) {
        to.real_sums.push_back(row_[c].real_sum);
      } else {
        to.sums.push_back(row_[c].sum);
      }
    }
  }

  // What a column comes to, of those that TakeRow takes.
  void Take(bool is_exact, const Figures& figures, size_t column) {
    rows_.possible = rows_.possible && is_exact;
    figures_[column] = figures;
    SummaryColumn& to = rows_.columns[column];
    const bool has_real_sum = request_.only_expired && to.kind == ColumnKind::kDouble;
    if (!request_.sums || has_real_sum || figures.count == 0) return;
    // Decimals of several kinds are added as doubles, when they are read.
    if (decimals_[column] == kAnyDecimals) decimals_[column] = to.decimals = figures.decimals;
    rows_.possible = rows_.possible && to.decimals == figures.decimals;
  }

  absl::Status AddBlock(const VisibleRows& block) {
    counts_.blocks += 1;
    for (size_t c = 0; c < places_.size() && rows_.possible; ++c) {
      Figures figures;
      bool is_exact = true;
      if (const Place* const place = PlaceIn(places_[c], block.group())) {
        ColumnForm form;
        ColumnStatistics statistics;
        TWIN_RETURN_IF_ERROR(block.source().ReadStatistics(place->column, &form, &statistics));
        is_exact = FromStatistics(form, statistics, rows_.columns[c].kind, request_.sums, &figures);
      }
      Take(is_exact, figures, c);
    }
    TakeRow(block.range().first_time, block.range().rows);
    return absl::OkStatus();
  }

  absl::Status AddRollup(const SummaryPart& part) {
    const uint64_t count = part.last_row - part.first_row;
    counts_.rollup_rows += count;
    ColumnValues axis_rows;
    TWIN_RETURN_IF_ERROR(
        part.rollup->ReadColumn(static_cast<uint32_t>(RollupOfRows::kRows), &axis_rows));
    std::vector<RolledUp> columns(places_.size());
    for (size_t c = 0; c < places_.size(); ++c) {
      const Place* const place = PlaceIn(places_[c], part.group);
      if (place == nullptr) continue;
      TWIN_RETURN_IF_ERROR(ReadRolledUp(*part.rollup, place->column, &columns[c]));
    }
    for (size_t row = part.first_row; row < part.last_row && rows_.possible; ++row) {
      for (size_t c = 0; c < places_.size(); ++c) {
        Figures figures;
        const bool is_exact =
            columns[c].count.ints.empty() ||
            FromRollup(columns[c], row, rows_.columns[c].kind, request_.sums, &figures);
        Take(is_exact, figures, c);
      }
      TakeRow((*part.rollup_times)[row], axis_rows.ints[row]);
    }
    return absl::OkStatus();
  }

  // What is known of overlapping times: of a time that several groups have, each counts.
  absl::Status AddExpired(const SummaryPart& part) {
    counts_.rollup_rows += part.expired.size();
    counts_.expired_rows += part.expired.size();
    Forget(part.from);
    int64_t count = 0;
    for (const ExpiredRow& row : part.expired) {
      TWIN_ASSIGN_OR_RETURN(const RolledUpRows* const rows, RowsOf(row.rollup));
      count += rows->rows.ints[row.row];
    }
    for (size_t c = 0; c < places_.size(); ++c) {
      Figures figures;
      bool is_exact = true;
      for (const ExpiredRow& row : part.expired) {
        const Place* const place = PlaceIn(places_[c], row.group);
        if (place == nullptr) continue;
        Figures more;
        TWIN_RETURN_IF_ERROR(ReadExpired(row, place->column, c, &more, &is_exact));
        const bool is_sum_exact = Join(more, &figures);
        is_exact = is_exact && (is_sum_exact || !request_.sums || request_.only_expired);
      }
      Take(is_exact, figures, c);
    }
    TakeRow(part.from, count);
    return absl::OkStatus();
  }

  absl::Status ReadExpired(const ExpiredRow& row, uint32_t column, size_t c, Figures* figures,
                           bool* is_exact) {
    TWIN_ASSIGN_OR_RETURN(const RolledUpRows* const rows, RowsOf(row.rollup));
    TWIN_ASSIGN_OR_RETURN(const RolledUp* const of, ColumnOf(row.rollup, column));
    const ColumnKind kind = rows_.columns[c].kind;
    if (request_.only_expired) {
      TWIN_RETURN_IF_ERROR(FromExpired(*of, row.row, kind, request_.sums, figures));
    } else if (!FromRollup(*of, row.row, kind, request_.sums, figures)) {
      *is_exact = false;
    }
    figures->first_at = row.from + rows->first_at.ints[row.row] + of->first_at.ints[row.row];
    figures->last_at = row.from + rows->last_at.ints[row.row] - of->last_at.ints[row.row];
    return absl::OkStatus();
  }

  // Columns of expired roll-ups that end before it are not asked for any more.
  void Forget(int64_t before) {
    const auto is_over = [before](const auto& item) {
      return item.second.source->range().last_time + kRollupSteps[0] <= before;
    };
    std::erase_if(rows_of_, is_over);
    std::erase_if(columns_of_, is_over);
  }

  absl::StatusOr<const RolledUpRows*> RowsOf(const RowSourcePtr& rollup) {
    const auto [found, added] = rows_of_.try_emplace(rollup.get());
    if (added) {
      found->second.source = rollup;
      const auto read = [&](RollupOfRows what, ColumnValues* values) {
        return rollup->ReadColumn(static_cast<uint32_t>(what), values);
      };
      RolledUpRows& to = found->second.values;
      TWIN_RETURN_IF_ERROR(read(RollupOfRows::kRows, &to.rows));
      TWIN_RETURN_IF_ERROR(read(RollupOfRows::kFirstAt, &to.first_at));
      TWIN_RETURN_IF_ERROR(read(RollupOfRows::kLastAt, &to.last_at));
    }
    return &found->second.values;
  }

  absl::StatusOr<const RolledUp*> ColumnOf(const RowSourcePtr& rollup, uint32_t column) {
    const auto [found, added] = columns_of_.try_emplace({rollup.get(), column});
    if (added) {
      found->second.source = rollup;
      RolledUp& to = found->second.values;
      TWIN_RETURN_IF_ERROR(ReadRolledUp(*rollup, column, &to));
      TWIN_RETURN_IF_ERROR(
          rollup->ReadColumn(RollupColumn(column, RollupOfColumn::kFirstAt), &to.first_at));
      TWIN_RETURN_IF_ERROR(
          rollup->ReadColumn(RollupColumn(column, RollupOfColumn::kLastAt), &to.last_at));
    }
    return &found->second.values;
  }

  absl::Status ReadRolledUp(const RowSource& rollup, uint32_t column, RolledUp* to) const {
    const auto read = [&](RollupOfColumn what, ColumnValues* values) {
      return rollup.ReadColumn(RollupColumn(column, what), values);
    };
    TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kCount, &to->count));
    if (request_.sums) TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kSum, &to->sum));
    TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kMin, &to->min));
    TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kMax, &to->max));
    TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kFirst, &to->first));
    return read(RollupOfColumn::kLast, &to->last);
  }

  absl::Status AddRead(const SummaryPart& part) {
    const ReadRequest request{
        .series = request_.series, .from = part.from, .to = part.to, .missing_rows = true};
    ReadRows read;
    TWIN_RETURN_IF_ERROR(reader_.ReadWindow(request, places_, &read));
    const std::vector<int64_t>& times = read.times;
    counts_.rows += times.size();
    for (size_t begin = 0; begin < times.size() && rows_.possible;) {
      const int64_t start = StartOfStep(times[begin], request_.step);
      size_t end = begin + 1;
      while (end < times.size() && StartOfStep(times[end], request_.step) == start) ++end;
      for (size_t c = 0; c < read.columns.size(); ++c) {
        Figures figures;
        const bool is_exact = FromRows(read.columns[c], begin, end, request_.sums, &figures);
        Take(is_exact, figures, c);
      }
      TakeRow(times[begin], static_cast<int64_t>(end - begin));
      begin = end;
    }
    return absl::OkStatus();
  }

  Reader& reader_;
  const SummaryRequest& request_;
  const std::vector<Places>& places_;
  SummaryRows& rows_;
  SummaryCounts& counts_;
  std::vector<uint8_t> decimals_;  // of the sums of each column: kAnyDecimals before the first
  std::vector<Figures> figures_;   // of each column, for TakeRow
  std::vector<Figures> joined_;    // of AddSums
  // The row that is not in rows_ yet.
  bool has_row_ = false;
  int64_t row_time_ = 0, row_rows_ = 0;
  std::vector<Figures> row_;
  template <typename T>
  struct OfRollup {
    RowSourcePtr source;
    T values;
  };
  std::map<const RowSource*, OfRollup<RolledUpRows>> rows_of_;
  std::map<std::pair<const RowSource*, uint32_t>, OfRollup<RolledUp>> columns_of_;
};

absl::Status Reader::Summarize(const SummaryRequest& request, SummaryRows* rows,
                               SummaryCounts* counts) {
  Trim();
  std::vector<Places> places;
  places.reserve(request.series.size());
  for (const ReadRequest::Series& series : request.series) {
    places.push_back(view_.Find(series.key));
  }
  TWIN_ASSIGN_OR_RETURN(const SummaryPlan* const plan, PlanOf(places, request));
  SummaryCounts by{.cut_rows = plan->cut_rows};
  Summarizer summarizer(this, request, places, rows, &by);
  plan->columns += static_cast<uint32_t>(request.series.size());
  const auto load_sums = [&](const SummaryPart& part) -> absl::Status {
    if (part.block == nullptr || part.sums != nullptr) return absl::OkStatus();
    TWIN_ASSIGN_OR_RETURN(part.sums, part.block->source().Sums(plan->columns));
    return absl::OkStatus();
  };
  const absl::Span<const SummaryPart> parts = plan->parts;
  for (size_t i = 0; i < parts.size();) {
    size_t end = i;
    for (; end < parts.size() && parts[end].block != nullptr; ++end) {
      TWIN_RETURN_IF_ERROR(load_sums(parts[end]));
      if (parts[end].sums == nullptr ||
          StartOfStep(parts[end].from, request.step) != StartOfStep(parts[i].from, request.step)) {
        break;
      }
    }
    if (end > i && summarizer.AddSums(parts.subspan(i, end - i))) {
      i = end;
      continue;
    }
    for (end = std::max(end, i + 1); i < end; ++i) {
      TWIN_RETURN_IF_ERROR(summarizer.Add(parts[i]));
      if (!rows->possible) return absl::OkStatus();
    }
  }
  summarizer.Finish();
  counts->Add(by);
  return absl::OkStatus();
}

}  // namespace twin::timeseries
