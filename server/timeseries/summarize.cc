// Sums up windows: by statistics of blocks, by roll-ups, and by rows where nothing else knows.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/block_sums.h"
#include "server/timeseries/conversion.h"
#include "server/timeseries/figures.h"
#include "server/timeseries/group.h"
#include "server/timeseries/reader.h"
#include "server/timeseries/rollup.h"

namespace twin::timeseries {

// Those about its rows, of what is expired.
struct RolledUpRows {
  ColumnValues rows, first_at, last_at;
};

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
  bool JoinSums(absl::Span<const SummaryPart> parts, size_t c, Figures* figures) {
    blocks_.clear();
    for (const SummaryPart& part : parts) {
      const Place* const place = PlaceIn(places_[c], part.block->group());
      if (place != nullptr) blocks_.push_back({part.sums.get(), place->column});
    }
    return FromSums(blocks_, request_, rows_.columns[c].kind, figures);
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
  std::vector<ColumnOfBlock> blocks_;
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

absl::StatusOr<size_t> Reader::BlocksFrom(const SummaryPlan& plan, size_t begin, int64_t step) {
  const std::vector<SummaryPart>& parts = plan.parts;
  size_t end = begin;
  for (; end < parts.size() && parts[end].block != nullptr; ++end) {
    const SummaryPart& part = parts[end];
    if (part.sums == nullptr) {
      TWIN_ASSIGN_OR_RETURN(part.sums, part.block->source().Sums(plan.columns));
    }
    if (part.sums == nullptr ||
        StartOfStep(part.from, step) != StartOfStep(parts[begin].from, step)) {
      break;
    }
  }
  return end;
}

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
  const absl::Span<const SummaryPart> parts = plan->parts;
  for (size_t i = 0; i < parts.size();) {
    TWIN_ASSIGN_OR_RETURN(size_t end, BlocksFrom(*plan, i, request.step));
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
