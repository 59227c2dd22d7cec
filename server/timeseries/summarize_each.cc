// Sums up one window for many series, group by group: where the rows of an answer lie in time is
// found out once for all columns of a group.
#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/block_sums.h"
#include "server/timeseries/conversion.h"
#include "server/timeseries/figures.h"
#include "server/timeseries/reader.h"
#include "server/timeseries/rollup.h"

namespace twin::timeseries {

class Reader::EachSummarizer {
 public:
  EachSummarizer(Reader* reader, const SummariesRequest& request,
                 absl::FunctionRef<absl::Status(SummaryRows rows)> visit,
                 absl::FunctionRef<absl::Status(size_t request)> other, SummaryCounts* counts)
      : reader_(*reader), request_(request), visit_(visit), other_(other), counts_(*counts) {
    Begin();
  }

  absl::Status Run() {
    FindPlaces();
    for (size_t i = 0; i < groups_.size();) {
      size_t end = i + 1;
      while (end < groups_.size() && groups_[end] == groups_[i]) ++end;
      bool is_done = false;
      if (groups_[i] != kNoGroup) {
        TWIN_ASSIGN_OR_RETURN(is_done, OpenGroup(GroupId{groups_[i]}, end - i));
      }
      for (; i < end; ++i) {
        bool is_answered = false;
        if (is_done) {
          TWIN_ASSIGN_OR_RETURN(is_answered, SumUp(i));
        }
        TWIN_RETURN_IF_ERROR(is_answered ? Put(i) : PutOther(i));
      }
    }
    return Flush();
  }

 private:
  static constexpr uint32_t kNoGroup = UINT32_MAX;
  static constexpr size_t kRowsAtOnce = 1024;

  // What is known of some rows of an answer's row: by blocks, or else values [begin, end) of those
  // that are read along an axis.
  struct Piece {
    size_t row = 0;  // of rows_of_group_
    size_t blocks_begin = 0, blocks_end = 0;
    const Axis* axis = nullptr;
    size_t begin = 0, end = 0;
  };
  struct Row {
    int64_t time = 0;
    int64_t rows = 0;
  };

  size_t columns() const { return request_.columns.size(); }

  void Begin() {
    answer_ = SummaryRows();
    answer_.columns.resize(columns());
    decimals_.assign(columns(), kAnyDecimals);
    for (size_t c = 0; c < columns(); ++c) {
      answer_.columns[c].kind = KindOf(request_.columns[c].as);
    }
  }

  // The group of requests whose series each are in one place, all in the same group.
  void FindPlaces() {
    const size_t requests = request_.columns[0].twins.size();
    groups_.assign(requests, kNoGroup);
    places_.resize(requests * columns());
    std::vector<FoundPlace> found;
    for (size_t c = 0; c < columns(); ++c) {
      found.clear();
      reader_.view_.FindEach(request_.columns[c].path, request_.columns[c].twins, &found);
      size_t at = 0;
      for (size_t i = 0; i < requests; ++i) {
        size_t count = 0;
        for (; at < found.size() && found[at].index == i; ++at, ++count) {
          places_[i * columns() + c] = found[at].place.column;
        }
        const uint32_t group = count == 1 ? found[at - 1].place.group.value : kNoGroup;
        if (c == 0 || groups_[i] != group) groups_[i] = c == 0 ? group : kNoGroup;
      }
    }
  }

  // False: its plan needs more than blocks with sums and rows.
  absl::StatusOr<bool> OpenGroup(GroupId group, size_t requests) {
    reader_.Trim();
    group_ = group;
    pieces_.clear();
    blocks_.clear();
    rows_of_group_.clear();
    const std::vector<Places> places(1, Places(1, Place{.group = group, .column = 0}));
    TWIN_ASSIGN_OR_RETURN(const SummaryPlan* const plan, reader_.PlanOf(places, request_.of_each));
    plan->columns += static_cast<uint32_t>(requests * columns());
    by_ = {.cut_rows = plan->cut_rows};
    const std::vector<SummaryPart>& parts = plan->parts;
    for (size_t i = 0; i < parts.size();) {
      const SummaryPart& part = parts[i];
      if (part.rollup != nullptr || !part.expired.empty()) return false;
      if (part.block == nullptr) {
        TWIN_RETURN_IF_ERROR(AddRead(places[0], part));
        i += 1;
        continue;
      }
      TWIN_ASSIGN_OR_RETURN(const size_t end, BlocksFrom(*plan, i, request_.of_each.step));
      if (end == i) return false;
      AddBlocks(absl::MakeSpan(parts).subspan(i, end - i));
      i = end;
    }
    return true;
  }

  void AddBlocks(absl::Span<const SummaryPart> parts) {
    Piece piece;
    int64_t rows = 0;
    piece.blocks_begin = blocks_.size();
    for (const SummaryPart& part : parts) {
      blocks_.push_back({part.sums.get(), 0});
      rows += part.block->range().rows;
    }
    piece.blocks_end = blocks_.size();
    by_.blocks += parts.size();
    AddPiece(parts.front().from, rows, piece);
  }

  absl::Status AddRead(const Places& places, const SummaryPart& part) {
    Piece piece;
    TWIN_ASSIGN_OR_RETURN(piece.axis, reader_.AxisOf(places, part.from, part.to));
    const std::vector<int64_t>& times = piece.axis->times();
    const int64_t step = request_.of_each.step;
    by_.rows += times.size();
    for (; piece.begin < times.size(); piece.begin = piece.end) {
      const int64_t start = StartOfStep(times[piece.begin], step);
      piece.end = piece.begin + 1;
      while (piece.end < times.size() && StartOfStep(times[piece.end], step) == start) ++piece.end;
      AddPiece(times[piece.begin], static_cast<int64_t>(piece.end - piece.begin), piece);
    }
    return absl::OkStatus();
  }

  // What follows in one step is one row.
  void AddPiece(int64_t time, int64_t rows, Piece piece) {
    const int64_t step = request_.of_each.step;
    const int64_t begin = step == 0 ? time : StartOfStep(time, step);
    const bool goes_on =
        !rows_of_group_.empty() && (step == 0 || rows_of_group_.back().time == begin);
    if (!goes_on) rows_of_group_.push_back({.time = begin, .rows = 0});
    rows_of_group_.back().rows += rows;
    piece.row = rows_of_group_.size() - 1;
    pieces_.push_back(piece);
  }

  // False: the pieces do not say exactly what the rows would.
  absl::StatusOr<bool> SumUp(size_t request) {
    const size_t rows = rows_of_group_.size();
    figures_.assign(rows * columns(), Figures());
    own_decimals_.assign(columns(), kAnyDecimals);
    for (size_t c = 0; c < columns(); ++c) {
      const uint32_t column = places_[request * columns() + c];
      for (ColumnOfBlock& block : blocks_) block.column = column;
      const ColumnKind kind = answer_.columns[c].kind;
      const Axis* read = nullptr;
      for (const Piece& piece : pieces_) {
        Figures figures;
        bool is_exact = false;
        if (piece.axis == nullptr) {
          const absl::Span<const ColumnOfBlock> blocks = absl::MakeSpan(blocks_).subspan(
              piece.blocks_begin, piece.blocks_end - piece.blocks_begin);
          is_exact = FromSums(blocks, request_.of_each, kind, &figures);
        } else {
          if (piece.axis != read) {
            read = piece.axis;
            TWIN_RETURN_IF_ERROR(Read(*read, column, kind));
          }
          is_exact = FromRows(values_, piece.begin, piece.end, request_.of_each.sums, &figures);
        }
        if (!is_exact || !Take(figures, &own_decimals_[c], &figures_[c * rows + piece.row])) {
          return false;
        }
      }
    }
    return true;
  }

  absl::Status Read(const Axis& axis, uint32_t column, ColumnKind kind) {
    values_.kind = kind;
    values_.exact = kAnyDecimals;
    values_.ints.clear();
    values_.doubles.clear();
    values_.missing.clear();
    const Place place{.group = group_, .column = column};
    return axis.Read(absl::MakeSpan(&place, 1), &values_);
  }

  bool Take(const Figures& figures, uint8_t* decimals, Figures* all) const {
    if (request_.of_each.sums && figures.count > 0) {
      if (*decimals == kAnyDecimals) *decimals = figures.decimals;
      int64_t sum = 0;
      if (*decimals != figures.decimals || __builtin_add_overflow(all->sum, figures.sum, &sum)) {
        return false;
      }
    }
    Follow(figures, all);
    return true;
  }

  absl::Status Put(size_t request) {
    for (size_t c = 0; c < columns(); ++c) {
      const bool is_other = decimals_[c] != kAnyDecimals && own_decimals_[c] != kAnyDecimals &&
                            decimals_[c] != own_decimals_[c];
      if (is_other) TWIN_RETURN_IF_ERROR(Flush());
    }
    counts_.Add(by_);
    const size_t rows = rows_of_group_.size();
    for (const Row& row : rows_of_group_) {
      answer_.times.push_back(row.time);
      answer_.rows.push_back(row.rows);
    }
    answer_.requests.insert(answer_.requests.end(), rows, static_cast<uint32_t>(request));
    for (size_t c = 0; c < columns(); ++c) {
      SummaryColumn& to = answer_.columns[c];
      for (size_t row = 0; row < rows; ++row) {
        const Figures& figures = figures_[c * rows + row];
        Append(figures, request_.of_each, &to);
        if (request_.of_each.sums) to.sums.push_back(figures.sum);
      }
      if (own_decimals_[c] != kAnyDecimals) decimals_[c] = to.decimals = own_decimals_[c];
    }
    return answer_.times.size() < kRowsAtOnce ? absl::OkStatus() : Flush();
  }

  absl::Status PutOther(size_t request) {
    TWIN_RETURN_IF_ERROR(Flush());
    return other_(request);
  }

  absl::Status Flush() {
    if (answer_.times.empty()) return absl::OkStatus();
    SummaryRows rows = std::move(answer_);
    Begin();
    return visit_(std::move(rows));
  }

  Reader& reader_;
  const SummariesRequest& request_;
  const absl::FunctionRef<absl::Status(SummaryRows rows)> visit_;
  const absl::FunctionRef<absl::Status(size_t request)> other_;
  SummaryCounts& counts_;
  std::vector<uint32_t> groups_;  // by request
  std::vector<uint32_t> places_;  // by request and column
  // Of the group.
  GroupId group_;
  SummaryCounts by_;
  std::vector<Piece> pieces_;
  std::vector<ColumnOfBlock> blocks_;
  std::vector<Row> rows_of_group_;
  // Of the request.
  std::vector<Figures> figures_;  // by column and row
  std::vector<uint8_t> own_decimals_;
  ColumnValues values_;
  // That have not been given out.
  SummaryRows answer_;
  std::vector<uint8_t> decimals_;  // of the sums of each column: kAnyDecimals before the first
};

absl::Status Reader::SummarizeEach(const SummariesRequest& request,
                                   absl::FunctionRef<absl::Status(SummaryRows rows)> visit,
                                   absl::FunctionRef<absl::Status(size_t request)> other,
                                   SummaryCounts* counts) {
  return EachSummarizer(this, request, visit, other, counts).Run();
}

}  // namespace twin::timeseries
