// Reads of one call on one snapshot: finds blocks, decodes their times once, and answers requests
// from them. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_READER_H_
#define TWIN_SERVER_TIMESERIES_READER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/timeseries/axis.h"
#include "server/timeseries/series_index.h"
#include "server/timeseries/store.h"
#include "server/timeseries/visible_rows.h"

namespace twin::timeseries {

// Where a reader finds things. Thread-safe.
class ReadView {
 public:
  virtual ~ReadView() = default;
  virtual Places Find(SeriesKey key) const = 0;
  virtual void FindEach(PathId path, absl::Span<const uint32_t> twins,
                        std::vector<FoundPlace>* found) const = 0;
  // Appends blocks and rows of from <= time < to that the snapshot may see, in any order.
  virtual void Find(GroupId group, int64_t from, int64_t to,
                    std::vector<RowSourcePtr>* sources) const = 0;
  virtual void FindRollups(GroupId group, int64_t from, int64_t to,
                           std::vector<RollupBlock>* blocks) const = 0;
  // Whether there may be roll-ups whose samples are kept no longer.
  virtual bool has_expired() const = 0;
  virtual uint64_t sequence_max() const = 0;
};

// Thread-compatible; for one call, since what it has decoded it keeps.
class Reader {
 public:
  explicit Reader(const ReadView* view) : view_(*view) {}

  absl::Status Read(const ReadRequest& request, ReadRows* rows);
  absl::Status Summarize(const SummaryRequest& request, SummaryRows* rows, SummaryCounts* counts);
  absl::Status SummarizeEach(const SummariesRequest& request,
                             absl::FunctionRef<absl::Status(SummaryRows rows)> visit,
                             absl::FunctionRef<absl::Status(size_t request)> other,
                             SummaryCounts* counts);
  // The last sample of from <= time < to.
  absl::StatusOr<bool> Last(SeriesKey key, WantedAs as, int64_t from, int64_t to, ReadRows* row);
  // Of each series, before `to`: as Snapshot::LastOfEach.
  absl::Status LastOfEach(absl::Span<const SeriesKey> keys, WantedAs as, int64_t to,
                          std::vector<int64_t>* times, ColumnValues* values);
  absl::StatusOr<bool> HasSampleAt(SeriesKey key, WantedAs as, int64_t time);

 private:
  // The groups that some series are in, ascending, and a window.
  struct Window {
    std::vector<uint32_t> groups;
    int64_t from = 0;
    int64_t to = 0;
    friend auto operator<=>(const Window&, const Window&) = default;
  };
  struct Opened {
    std::vector<VisibleRowsPtr> sources;  // the last ones first
    std::unique_ptr<Axis> axis;
  };
  struct LastSample {
    bool found = false;
    int64_t time = 0;
    uint64_t sequence = 0;
    ColumnValues value;  // one
  };

  static Window WindowOf(const Places& places, int64_t from, int64_t to);
  Opened& Open(const Places& places, int64_t from, int64_t to);
  absl::StatusOr<const Axis*> AxisOf(const Places& places, int64_t from, int64_t to);
  absl::Status FindLast(const Places& places, WantedAs as, int64_t from, int64_t to,
                        LastSample* sample);
  // The same, but one that does not fit what is wanted is not found.
  absl::Status FindFittingLast(const Places& places, WantedAs as, int64_t from, int64_t to,
                               LastSample* sample);
  absl::Status ReadWindow(const ReadRequest& request, const std::vector<Places>& places,
                          ReadRows* rows);
  absl::Status ReadBefore(const ReadRequest& request, const std::vector<Places>& places,
                          ReadRows* rows);
  // summary_plan.cc, summarize.cc: how a window is summed up, in parts in the order of time.
  // Of a roll-up whose samples are kept no longer.
  struct ExpiredRow {
    int64_t from = 0, to = 0;
    RowSourcePtr rollup;
    GroupId group;
    size_t row = 0;
  };
  struct SummaryPart {
    int64_t from = 0, to = 0;   // rows that are read, if nothing of the below is there
    VisibleRowsPtr block;       // whose statistics are enough
    mutable BlockSumsPtr sums;  // of it, if they are at hand
    RowSourcePtr rollup;        // rows [first_row, last_row)
    std::shared_ptr<const std::vector<int64_t>> rollup_times;
    GroupId group;
    size_t first_row = 0, last_row = 0;
    std::vector<ExpiredRow> expired;  // about times that overlap: to be made one
  };
  struct SummaryPlan {
    std::vector<SummaryPart> parts;
    uint64_t cut_rows = 0;         // SummaryCounts
    mutable uint32_t columns = 0;  // that were asked for
  };
  // Neighbours are mostly of one group.
  struct LastPlan {
    uint32_t group = 0;
    int64_t from = 0, to = 0, step = 0;
    const SummaryPlan* plan = nullptr;  // nullptr: there is none
  };
  struct Interval {
    int64_t from = 0, to = 0;
  };
  class SummaryPlanner;
  // read_ends.cc: the same for a request of `ends_of`; `rows` has what is before the window.
  // False: its rows have to be read.
  struct Ends;
  class EndsReader;
  absl::StatusOr<bool> ReadEnds(const ReadRequest& request, const std::vector<Places>& places,
                                ReadRows* rows);
  // The same for a request with bounds. False: few blocks can be left out.
  absl::StatusOr<bool> ReadWithin(const ReadRequest& request, const std::vector<Places>& places,
                                  ReadRows* rows);
  // How many steps of from <= time < to of these series are in roll-ups alone.
  absl::StatusOr<uint64_t> CountExpired(const std::vector<Places>& places, int64_t from,
                                        int64_t to);
  // Where the steps of a roll-up begin, and how far from there its first and last rows are.
  struct RollupAxis {
    RowSourcePtr source;
    std::vector<int64_t> times;
    ColumnValues first_at, last_at;
  };
  absl::StatusOr<const RollupAxis*> AxisOfRollup(const RowSourcePtr& rollup);
  class Summarizer;
  class EachSummarizer;  // summarize_each.cc
  // Parts [begin, end) that are blocks of one step with sums at hand; begin == end: there is none.
  static absl::StatusOr<size_t> BlocksFrom(const SummaryPlan& plan, size_t begin, int64_t step);
  absl::StatusOr<const SummaryPlan*> PlanOf(const std::vector<Places>& places,
                                            const SummaryRequest& request);
  void Trim();

  const ReadView& view_;
  std::map<Window, Opened> opened_;
  std::map<Window, Opened>::value_type* last_ = nullptr;                    // of opened_
  std::map<std::tuple<Window, int64_t, bool>, SummaryPlan> summary_plans_;  // step, only_expired
  LastPlan last_plan_;
  std::map<Window, uint64_t> expired_;  // CountExpired
  std::map<const RowSource*, RollupAxis> rollup_axes_;
  ColumnValues column_;  // of FindLast: its memory is used again
  size_t bytes_ = 0;     // of what is decoded, about
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_READER_H_
