// How a window is divided: into blocks whose statistics are enough, rows of roll-ups, and rows that
// have to be read.
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/block_sums.h"
#include "server/timeseries/reader.h"
#include "server/timeseries/rollup.h"

namespace twin::timeseries {
namespace {

// What is left of an interval without those of `holes`, which are ascending and apart.
template <typename Interval>
void Subtract(Interval interval, const std::vector<Interval>& holes, std::vector<Interval>* left) {
  for (const Interval& hole : holes) {
    if (hole.to <= interval.from || hole.from >= interval.to) continue;
    if (hole.from > interval.from) left->push_back({interval.from, hole.from});
    interval.from = hole.to;
  }
  if (interval.from < interval.to) left->push_back(interval);
}

}  // namespace

// Divides a window.
class Reader::SummaryPlanner {
 public:
  SummaryPlanner(const ReadView& view, const SummaryRequest& request,
                 std::vector<VisibleRowsPtr> sources)
      : view_(view),
        from_(request.from),
        to_(request.to),
        step_(request.step),
        only_expired_(request.only_expired),
        sources_(std::move(sources)) {
    std::sort(sources_.begin(), sources_.end(),
              [](const VisibleRowsPtr& a, const VisibleRowsPtr& b) {
                return a->range().first_time < b->range().first_time;
              });
  }

  absl::Status Plan(absl::Span<const uint32_t> groups, SummaryPlan* plan) {
    for (const uint32_t group : groups) TWIN_RETURN_IF_ERROR(AddRollups(GroupId{group}, plan));
    AddExpired(plan);
    if (only_expired_) return absl::OkStatus();
    std::sort(covered_.begin(), covered_.end(),
              [](const Interval& a, const Interval& b) { return a.from < b.from; });
    std::vector<Interval> rows;
    int64_t last_before = INT64_MIN;
    for (size_t i = 0; i < sources_.size(); ++i) {
      const RowRange& range = sources_[i]->range();
      const bool overlaps =
          (i > 0 && range.first_time <= last_before) ||
          (i + 1 < sources_.size() && sources_[i + 1]->range().first_time <= range.last_time);
      last_before = std::max(last_before, range.last_time);
      bool is_enough = false;
      BlockSumsPtr sums;
      if (!overlaps && !IsRolledUp(*sources_[i])) {
        TWIN_RETURN_IF_ERROR(AreStatisticsEnough(sources_[i].get(), &is_enough, &sums));
      }
      if (is_enough) {
        SummaryPart& part = plan->parts.emplace_back();
        part.from = range.first_time;
        part.block = sources_[i];
        part.sums = std::move(sums);
        continue;
      }
      const Interval interval{std::max(from_, range.first_time),
                              range.last_time >= to_ ? to_ : range.last_time + 1};
      if (IsRolledUp(*sources_[i])) {
        Subtract(interval, covered_, &rows);
      } else if (interval.from < interval.to) {
        rows.push_back(interval);
      }
    }
    AddRows(std::move(rows), plan);
    std::stable_sort(plan->parts.begin(), plan->parts.end(),
                     [](const SummaryPart& a, const SummaryPart& b) { return a.from < b.from; });
    return absl::OkStatus();
  }

 private:
  bool IsRolledUp(const VisibleRows& source) const {
    return chosen_.count({source.source().file(), source.group().value}) > 0;
  }

  // `sums`: those of the block, if they are at hand.
  absl::Status AreStatisticsEnough(VisibleRows* source, bool* enough, BlockSumsPtr* sums) const {
    const RowRange& range = source->range();
    *enough = false;
    if (!source->source().has_statistics() || range.last_sequence > view_.sequence_max() ||
        range.first_time < from_ || range.last_time >= to_ ||
        StartOfStep(range.first_time, step_) != StartOfStep(range.last_time, step_)) {
      return absl::OkStatus();
    }
    TWIN_ASSIGN_OR_RETURN(*sums, source->source().Sums(0));
    if (*sums != nullptr) {
      *enough = (*sums)->ascends;
      return absl::OkStatus();
    }
    TWIN_RETURN_IF_ERROR(source->Load());
    *enough = source->ascends();
    return absl::OkStatus();
  }

  // Whether samples lie in it that are not those that were rolled up.
  bool HasOthers(GroupId group, uint32_t file, const Interval& interval) const {
    return std::any_of(sources_.begin(), sources_.end(), [&](const VisibleRowsPtr& source) {
      const bool is_other = source->group() != group || source->source().file() != file;
      return is_other && source->range().first_time < interval.to &&
             source->range().last_time >= interval.from;
    });
  }

  // Of the samples of a file: whether some block of them is in several steps.
  bool Straddles(GroupId group, uint32_t file) const {
    return std::any_of(sources_.begin(), sources_.end(), [&](const VisibleRowsPtr& source) {
      return source->group() == group && source->source().file() == file &&
             StartOfStep(source->range().first_time, step_) !=
                 StartOfStep(source->range().last_time, step_);
    });
  }

  absl::Status AddRollups(GroupId group, SummaryPlan* plan) {
    std::vector<RollupBlock> blocks;
    view_.FindRollups(group, from_, to_, &blocks);
    TWIN_RETURN_IF_ERROR(CountUnanswered(blocks, &plan->cut_rows));
    std::erase_if(blocks, [&](const RollupBlock& block) {
      return block.rows->range().last_sequence > view_.sequence_max() || step_ % block.step != 0 ||
             (!block.is_expired && (only_expired_ || step_ == 0 || !Straddles(group, block.of)));
    });
    // Of each file the longest step.
    std::map<uint32_t, int64_t> steps;
    for (const RollupBlock& block : blocks) {
      steps[block.of] = std::max(steps[block.of], block.step);
    }
    for (const RollupBlock& block : blocks) {
      if (block.is_expired) {
        TWIN_RETURN_IF_ERROR(FindExpired(group, block, steps[block.of], blocks, plan));
        continue;
      }
      if (steps[block.of] != block.step) continue;
      chosen_.insert({{block.of, group.value}, true});
      auto times = std::make_shared<std::vector<int64_t>>();
      TWIN_RETURN_IF_ERROR(block.rows->ReadTimes(times.get()));
      const RowRange& range = block.rows->range();
      const bool has_others =
          HasOthers(group, block.of, {range.first_time, range.last_time + block.step});
      bool follows = false;
      for (size_t row = 0; row < times->size(); ++row) {
        const Interval interval{(*times)[row], (*times)[row] + block.step};
        const bool is_usable =
            IsWithin(interval) && (!has_others || !HasOthers(group, block.of, interval));
        if (!is_usable) {
          follows = false;
          continue;
        }
        covered_.push_back(interval);
        if (!follows || (*times)[row - 1] + block.step != interval.from) {
          SummaryPart& part = plan->parts.emplace_back();
          part.from = interval.from;
          part.rollup = block.rows;
          part.rollup_times = times;
          part.group = group;
          part.first_row = row;
        }
        plan->parts.back().last_row = row + 1;
        follows = true;
      }
    }
    return absl::OkStatus();
  }

  // Of files whose samples are kept no longer, and whose steps do not divide those asked for.
  absl::Status CountUnanswered(const std::vector<RollupBlock>& blocks, uint64_t* cut_rows) const {
    std::vector<RollupBlock> unanswered;
    for (const RollupBlock& block : blocks) {
      const bool is_answered =
          std::any_of(blocks.begin(), blocks.end(), [&](const RollupBlock& other) {
            return other.of == block.of && step_ % other.step == 0;
          });
      if (!is_answered) unanswered.push_back(block);
    }
    return CountRollupRows(unanswered, view_.sequence_max(), from_, to_, cut_rows);
  }

  bool IsWithin(const Interval& interval) const {
    return interval.from >= from_ && interval.to <= to_;
  }

  // Rows of the longest step, and shorter ones where the window cuts one of those.
  absl::Status FindExpired(GroupId group, const RollupBlock& block, int64_t longest,
                           const std::vector<RollupBlock>& all, SummaryPlan* plan) {
    const bool is_shortest = std::none_of(all.begin(), all.end(), [&](const RollupBlock& other) {
      return other.of == block.of && other.step < block.step;
    });
    std::vector<int64_t> times;
    TWIN_RETURN_IF_ERROR(block.rows->ReadTimes(&times));
    for (size_t row = 0; row < times.size(); ++row) {
      const Interval interval{times[row], times[row] + block.step};
      const int64_t begin = StartOfStep(interval.from, longest);
      if (block.step < longest && IsWithin({begin, begin + longest})) continue;
      if (IsWithin(interval)) {
        expired_.push_back({interval.from, interval.to, block.rows, group, row});
      } else if (is_shortest && interval.from < to_ && interval.to > from_) {
        plan->cut_rows += 1;
      }
    }
    return absl::OkStatus();
  }

  // Those whose times overlap as one part.
  void AddExpired(SummaryPlan* plan) {
    std::sort(expired_.begin(), expired_.end(), [](const ExpiredRow& a, const ExpiredRow& b) {
      return std::pair(a.from, b.to) < std::pair(b.from, a.to);
    });
    int64_t end = INT64_MIN;
    for (ExpiredRow& row : expired_) {
      if (end == INT64_MIN || row.from >= end) plan->parts.emplace_back().from = row.from;
      end = std::max(end, row.to);
      plan->parts.back().expired.push_back(std::move(row));
    }
  }

  static void AddRows(std::vector<Interval> intervals, SummaryPlan* plan) {
    std::sort(intervals.begin(), intervals.end(),
              [](const Interval& a, const Interval& b) { return a.from < b.from; });
    std::vector<Interval> joined;
    for (const Interval& interval : intervals) {
      if (!joined.empty() && interval.from <= joined.back().to) {
        joined.back().to = std::max(joined.back().to, interval.to);
      } else {
        joined.push_back(interval);
      }
    }
    for (const Interval& interval : joined) {
      SummaryPart& part = plan->parts.emplace_back();
      part.from = interval.from;
      part.to = interval.to;
    }
  }

  const ReadView& view_;
  const int64_t from_, to_, step_;
  const bool only_expired_;
  std::vector<VisibleRowsPtr> sources_;                   // by first time
  std::map<std::pair<uint32_t, uint32_t>, bool> chosen_;  // files and groups that are rolled up
  std::vector<Interval> covered_;
  std::vector<ExpiredRow> expired_;
};

absl::StatusOr<const Reader::SummaryPlan*> Reader::PlanOf(const std::vector<Places>& places,
                                                          const SummaryRequest& request) {
  const bool is_single = places.size() == 1 && places[0].size() == 1 && !request.only_expired;
  const LastPlan asked{.group = is_single ? places[0][0].group.value : 0,
                       .from = request.from,
                       .to = request.to,
                       .step = request.step};
  const bool is_last = is_single && last_plan_.plan != nullptr && last_plan_.group == asked.group &&
                       last_plan_.from == asked.from && last_plan_.to == asked.to &&
                       last_plan_.step == asked.step;
  if (is_last) return last_plan_.plan;
  last_plan_ = {};
  Places all;
  for (const Places& of : places) all.insert(all.end(), of.begin(), of.end());
  Window window = WindowOf(all, request.from, request.to);
  const auto [found, added] =
      summary_plans_.try_emplace({std::move(window), request.step, request.only_expired});
  if (added) {
    std::vector<VisibleRowsPtr> sources;
    if (!request.only_expired) sources = Open(all, request.from, request.to).sources;
    SummaryPlanner planner(view_, request, std::move(sources));
    const absl::Status status = planner.Plan(std::get<Window>(found->first).groups, &found->second);
    if (!status.ok()) {
      summary_plans_.erase(found);
      return status;
    }
  }
  if (is_single) {
    last_plan_ = asked;
    last_plan_.plan = &found->second;
  }
  return &found->second;
}

}  // namespace twin::timeseries
