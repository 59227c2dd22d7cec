#include <atomic>
#include <limits>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/reader.h"
#include "server/timeseries/store_impl.h"

namespace twin::timeseries {
namespace {

class PinnedSnapshot final : public Snapshot, private ReadView {
 public:
  PinnedSnapshot(const Head* head, Partitions* partitions, const RetentionRules* rules,
                 Sequence sequence)
      : head_(*head),
        partitions_(*partitions),
        rules_(*rules),
        sequence_(sequence),
        pinned_(partitions_.Pin()) {}
  ~PinnedSnapshot() override { partitions_.Unpin(pinned_->generation); }

  Sequence sequence() const override { return sequence_; }

  absl::Status Read(
      absl::Span<const ReadRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, ReadRows rows)> visit) const override {
    Reader reader(this);
    for (size_t i = 0; i < requests.size(); ++i) {
      ReadRows rows;
      TWIN_RETURN_IF_ERROR(reader.Read(requests[i], &rows));
      TWIN_RETURN_IF_ERROR(visit(i, std::move(rows)));
    }
    return absl::OkStatus();
  }

  absl::Status Summarize(absl::Span<const SummaryRequest> requests,
                         absl::FunctionRef<absl::Status(size_t request, SummaryRows rows)> visit,
                         SummaryCounts* counts) const override {
    Reader reader(this);
    for (size_t i = 0; i < requests.size(); ++i) {
      SummaryRows rows;
      TWIN_RETURN_IF_ERROR(reader.Summarize(requests[i], &rows, counts));
      TWIN_RETURN_IF_ERROR(visit(i, std::move(rows)));
    }
    return absl::OkStatus();
  }

  absl::Status SummarizeEach(const SummariesRequest& request,
                             absl::FunctionRef<absl::Status(SummaryRows rows)> visit,
                             absl::FunctionRef<absl::Status(size_t request)> other,
                             SummaryCounts* counts) const override {
    Reader reader(this);
    return reader.SummarizeEach(request, visit, other, counts);
  }

  absl::StatusOr<bool> Last(SeriesKey key, WantedAs as, int64_t time,
                            ReadRows* row) const override {
    Reader reader(this);
    return reader.Last(key, as, std::numeric_limits<int64_t>::min(),
                       time == std::numeric_limits<int64_t>::max() ? time : time + 1, row);
  }
  absl::Status LastOfEach(absl::Span<const SeriesKey> keys, WantedAs as, int64_t time,
                          std::vector<int64_t>* times, ColumnValues* values) const override {
    Reader reader(this);
    const int64_t to = time == std::numeric_limits<int64_t>::max() ? time : time + 1;
    return reader.LastOfEach(keys, as, to, times, values);
  }
  absl::Status HaveSamplesAt(absl::Span<const ReadRequest::Series> series,
                             absl::Span<const int64_t> times,
                             std::vector<bool>* have) const override {
    Reader reader(this);
    have->assign(series.size(), false);
    for (size_t i = 0; i < series.size(); ++i) {
      TWIN_ASSIGN_OR_RETURN((*have)[i], reader.HasSampleAt(series[i].key, series[i].as, times[i]));
    }
    return absl::OkStatus();
  }

 private:
  Places Find(SeriesKey key) const override { return head_.index().Find(key); }
  void FindEach(PathId path, absl::Span<const uint32_t> twins,
                std::vector<FoundPlace>* found) const override {
    head_.index().FindEach(path, twins, found);
  }

  void Find(GroupId group, int64_t from, int64_t to,
            std::vector<RowSourcePtr>* sources) const override {
    // Memory first: what leaves it for a file in between is found there.
    head_.Find(group, from, to, sequence_.value, sources);
    if (!pinned_->floors.empty()) {
      std::erase_if(*sources, [this, rule = rules_.Of(group)](const RowSourcePtr& source) {
        return pinned_->Hides(rule, source->range().last_time, source->range().last_sequence);
      });
    }
    const size_t memory = sources->size();
    partitions_.Get()->Find(pinned_->generation, group, from, to, sources);
    for (size_t i = memory; i < sources->size();) {
      if ((*sources)[i]->range().first_sequence <= sequence_.value) {
        i += 1;
      } else {
        sources->erase(sources->begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }

  void FindRollups(GroupId group, int64_t from, int64_t to,
                   std::vector<RollupBlock>* blocks) const override {
    partitions_.Get()->FindRollups(pinned_->generation, group, from, to, blocks);
  }

  bool has_expired() const override {
    // Of files that were dropped after it was pinned it still has the samples, and of those that
    // were written after that it may have the roll-ups: what it finds out first stays true enough.
    int8_t known = has_expired_.load(std::memory_order_relaxed);
    if (known < 0) {
      known = partitions_.Get()->HasExpired(pinned_->generation) ? 1 : 0;
      has_expired_.store(known, std::memory_order_relaxed);
    }
    return known > 0;
  }

  uint64_t sequence_max() const override { return sequence_.value; }

  const Head& head_;
  Partitions& partitions_;
  const RetentionRules& rules_;
  const Sequence sequence_;
  const std::shared_ptr<const PartitionSet> pinned_;
  mutable std::atomic<int8_t> has_expired_{-1};  // it is not known yet
};

}  // namespace

std::shared_ptr<const Snapshot> MakeSnapshot(const Head* head, Partitions* partitions,
                                             const RetentionRules* rules, Sequence sequence) {
  return std::make_shared<PinnedSnapshot>(head, partitions, rules, sequence);
}

}  // namespace twin::timeseries
