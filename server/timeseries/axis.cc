#include "server/timeseries/axis.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/conversion.h"

namespace twin::timeseries {

const Place* PlaceIn(absl::Span<const Place> places, GroupId group) {
  for (const Place& place : places) {
    if (place.group == group) return &place;
  }
  return nullptr;
}

absl::Status Axis::Create(absl::Span<const VisibleRowsPtr> sources, int64_t from, int64_t to,
                          Axis* axis) {
  for (const VisibleRowsPtr& source : sources) {
    if (source->range().last_time < from || source->range().first_time >= to) continue;
    TWIN_RETURN_IF_ERROR(source->Load());
    const std::vector<int64_t>& times = source->times();
    Piece piece;
    piece.begin =
        static_cast<size_t>(std::lower_bound(times.begin(), times.end(), from) - times.begin());
    piece.end =
        static_cast<size_t>(std::lower_bound(times.begin(), times.end(), to) - times.begin());
    if (piece.begin == piece.end) continue;
    piece.source = source;
    axis->pieces_.push_back(std::move(piece));
  }
  std::vector<Piece>& pieces = axis->pieces_;
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return a.first() != b.first() ? a.first() < b.first() : a.last() < b.last();
  });
  for (size_t i = 0; i < pieces.size();) {
    Part part{.begin = i, .end = i + 1};
    int64_t last = pieces[i].last();
    while (part.end < pieces.size() && pieces[part.end].first() <= last) {
      last = std::max(last, pieces[part.end].last());
      part.end += 1;
    }
    i = part.end;
    const Piece& piece = pieces[part.begin];
    if (part.end == part.begin + 1 && piece.source->ascends()) {
      const auto at = piece.source->times().begin();
      axis->times_.insert(axis->times_.end(), at + static_cast<std::ptrdiff_t>(piece.begin),
                          at + static_cast<std::ptrdiff_t>(piece.end));
    } else {
      TWIN_RETURN_IF_ERROR(axis->Merge(&part));
    }
    axis->parts_.push_back(part);
  }
  return absl::OkStatus();
}

absl::Status Axis::Merge(Part* part) {
  part->merges = true;
  const size_t first = merged_.size();
  std::vector<size_t> ends = {first};  // of the pieces, then of what they are merged into
  for (size_t p = part->begin; p < part->end; ++p) {
    const Piece& piece = pieces_[p];
    TWIN_RETURN_IF_ERROR(piece.source->LoadSequences());
    for (size_t row = piece.begin; row < piece.end; ++row) {
      merged_.push_back({static_cast<uint32_t>(p), static_cast<uint32_t>(row)});
    }
    ends.push_back(merged_.size());
  }
  const auto before = [this](const Row& a, const Row& b) {
    const VisibleRows& of_a = *pieces_[a.piece].source;
    const VisibleRows& of_b = *pieces_[b.piece].source;
    const int64_t time_a = of_a.times()[a.row];
    const int64_t time_b = of_b.times()[b.row];
    return time_a != time_b ? time_a < time_b : of_a.sequence(a.row) < of_b.sequence(b.row);
  };
  // Neighbours in pairs, so that each row moves as often as their number has bits.
  const auto at = [this](size_t row) { return merged_.begin() + static_cast<std::ptrdiff_t>(row); };
  while (ends.size() > 2) {
    std::vector<size_t> fewer = {first};
    for (size_t i = 2; i < ends.size(); i += 2) {
      std::inplace_merge(at(ends[i - 2]), at(ends[i - 1]), at(ends[i]), before);
      fewer.push_back(ends[i]);
    }
    if (fewer.back() != ends.back()) fewer.push_back(ends.back());
    ends = std::move(fewer);
  }
  part->starts_begin = starts_.size();
  for (size_t i = first; i < merged_.size(); ++i) {
    const int64_t time = pieces_[merged_[i].piece].source->times()[merged_[i].row];
    if (i > first && time == times_.back()) continue;
    times_.push_back(time);
    starts_.push_back(static_cast<uint32_t>(i));
  }
  part->starts_end = starts_.size();
  starts_.push_back(static_cast<uint32_t>(merged_.size()));
  return absl::OkStatus();
}

absl::Status Axis::Read(absl::Span<const Place> places, ColumnValues* values) const {
  ColumnValues column;
  for (const Part& part : parts_) {
    if (part.merges) {
      TWIN_RETURN_IF_ERROR(ReadMerged(part, places, values));
      continue;
    }
    const Piece& piece = pieces_[part.begin];
    const Place* const place = PlaceIn(places, piece.source->group());
    if (place == nullptr) {
      AppendMissing(piece.end - piece.begin, values);
      continue;
    }
    TWIN_RETURN_IF_ERROR(piece.source->ReadColumn(place->column, &column));
    absl::Span<const uint32_t> order = piece.source->order();
    if (!order.empty()) order = order.subspan(piece.begin, piece.end - piece.begin);
    AppendConverted(column, order, piece.begin, piece.end, values);
  }
  return absl::OkStatus();
}

absl::Status Axis::ReadMerged(const Part& part, absl::Span<const Place> places,
                              ColumnValues* values) const {
  std::vector<ColumnValues> columns(part.end - part.begin);
  std::vector<uint8_t> has(columns.size(), 0);
  for (size_t p = part.begin; p < part.end; ++p) {
    const VisibleRows& source = *pieces_[p].source;
    const Place* const place = PlaceIn(places, source.group());
    if (place == nullptr) continue;
    has[p - part.begin] = 1;
    TWIN_RETURN_IF_ERROR(source.ReadColumn(place->column, &columns[p - part.begin]));
  }
  for (size_t i = part.starts_begin; i < part.starts_end; ++i) {
    bool found = false;
    for (uint32_t m = starts_[i + 1]; m-- > starts_[i] && !found;) {
      const size_t index = merged_[m].piece - part.begin;
      const ColumnValues& column = columns[index];
      const uint32_t at = pieces_[merged_[m].piece].source->at(merged_[m].row);
      if (has[index] == 0 || (!column.missing.empty() && column.missing[at] != 0)) continue;
      AppendConverted(column, {}, at, at + 1, values);
      found = true;
    }
    if (!found) AppendMissing(1, values);
  }
  return absl::OkStatus();
}

size_t Axis::bytes() const {
  size_t bytes = times_.size() * 8 + merged_.size() * 8 + starts_.size() * 4;
  for (const Piece& piece : pieces_) bytes += piece.source->bytes() + sizeof(Piece);
  return bytes;
}

}  // namespace twin::timeseries
