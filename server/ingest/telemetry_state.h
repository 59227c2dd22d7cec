// What the server knows of telemetry beside the graph: layouts and their versions, the last batch
// of each producer, and which history a change belongs to.
//
//   record ─▶ Apply ─▶ timeseries::Store (history)  +  graph (latest values)
#ifndef TWIN_SERVER_INGEST_TELEMETRY_STATE_H_
#define TWIN_SERVER_INGEST_TELEMETRY_STATE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/graph/graph.h"
#include "server/ingest/change.h"
#include "server/ingest/frame_decoder.h"
#include "server/ingest/latest_values.h"
#include "server/ingest/layout.h"
#include "server/ingest/layouts_by_twin.h"
#include "server/ingest/property_history.h"
#include "server/ingest/row_groups.h"
#include "server/ingest/telemetry_record.h"
#include "server/timeseries/store.h"

namespace twin::ingest {

// Thread-compatible: under the writer's lock, as the graph.
class TelemetryState {
 public:
  struct LayoutState {
    std::string id;
    std::string encoded;  // as it was last registered; texts of many columns take a tenth so
    std::vector<std::shared_ptr<const LayoutVersion>> versions;  // 1, 2, 3 …

    Layout Read() const;
  };

  // `history`: nullptr keeps none, only latest values. Outlives this.
  explicit TelemetryState(timeseries::Store* history = nullptr) : history_(history) {}
  void SetHistory(timeseries::Store* history) {
    history_ = history;
    groups_of_rows_ = RowGroups();
  }
  timeseries::Store* history() const { return history_; }

  // --- Layouts and producers ---
  size_t layouts() const { return layouts_.size(); }
  const LayoutState& layout(uint32_t number) const { return *layouts_[number]; }
  const uint32_t* FindLayout(absl::string_view id) const;  // its number; nullptr: none
  // nullptr: there is none.
  std::shared_ptr<const LayoutVersion> FindVersion(uint32_t layout, uint32_t version) const;
  // The one that frames of that source time mean.
  static const LayoutVersion& VersionAt(const LayoutState& layout, int64_t time);
  uint64_t LastBatch(absl::string_view producer) const;  // 0: none
  size_t producers() const { return producers_.size(); }

  // --- Changes ---
  // Applies a record of telemetry whose first sequence is `first`, but nothing of a sequence up to
  // `applied`. `count`: how many sequences it has. DATA_LOSS: it does not fit the state.
  absl::Status Apply(absl::string_view record, Sequence first, uint64_t count, Sequence applied,
                     graph::Graph* graph);

  // Before properties of one twin are set in the graph, all at one source time and each once, in
  // the order of their columns: what history keeps of them.
  void BeforeSet(absl::Span<const Change> changes, Sequence sequence, const graph::GraphView& head);
  // A hint: some of these changes, of which any may be damaged, are about to be applied.
  void LookAhead(absl::Span<const Change> changes, const graph::GraphView& head);

  // A relationship of `source` or `target` was created, changed or deleted at that source time:
  // layouts that follow it wait to be resolved again.
  void TopologyChanged(TwinNumber source, TwinNumber target, Time time);
  // A twin was created at that source time. Where its id was another's before, layouts that name it
  // wait as well.
  void TwinCreated(absl::string_view id, Time time, const graph::GraphView& head);
  // A twin went on as one of another model, where what leads to it may have another type or none:
  // layouts that name it, or follow a relationship to it, wait.
  void TwinMoved(TwinNumber twin, Time time, const graph::GraphView& head);
  // Layouts may wait.
  bool may_be_stale() const { return !stale_.empty() || !renewed_.empty(); }
  // Those that wait, and since when. Cost after TwinCreated or TwinMoved: a look at all names of
  // all layouts; about a microsecond for one of rules.
  const std::map<uint32_t, Time>& FindStale();
  void StaleDone(uint32_t layout);

  // --- Checkpoints ---
  // What one writes. It stays as it is while the state goes on, and needs no lock.
  class Pinned {
   public:
    // Kinds 1 layouts, by number; 2 producers, 3 stale layouts: number 0. Until an error.
    absl::Status Visit(
        absl::FunctionRef<absl::Status(uint32_t kind, uint32_t number, absl::string_view bytes)>
            visit) const;

   private:
    friend class TelemetryState;
    std::vector<std::pair<uint32_t, std::shared_ptr<const LayoutState>>> layouts_;
    std::string producers_;
    std::string stale_;
  };
  // `everything`: else layouts that have changed since the last call.
  Pinned PinForCheckpoint(bool everything);
  absl::Status Load(uint32_t kind, uint32_t number, absl::string_view bytes);
  absl::Status FinishLoad();

 private:
  absl::Status ApplyLayout(absl::string_view bytes, Sequence sequence, graph::Graph* graph);
  absl::Status ApplyFrames(absl::string_view bytes, Sequence first, uint64_t count,
                           Sequence applied, graph::Graph* graph);
  absl::Status ApplySamples(absl::string_view bytes, Sequence first, uint64_t count,
                            Sequence applied, graph::Graph* graph);
  // apply_samples.cc
  // Where samples of one path go in one table.
  struct SampleColumnPlace {
    const graph::ColumnSchema* schema = nullptr;  // nullptr: nowhere
    ColumnId column;
    timeseries::ColumnKind kind = timeseries::ColumnKind::kDouble;  // of its history
    timeseries::PathId path;
    bool in_rows = false;    // what is sent is what history keeps, in rows with others
    bool is_number = false;  // and its latest values are set a page's rows at a time
  };
  absl::Status ApplyRun(const SampleRun& run, Sequence first, Time time, graph::Graph* graph);
  void FindColumns(const SampleRun& run, TableId table, const graph::GraphView& head);
  // Of rows [begin, end), which are of one table.
  void AppendRows(const SampleRun& run, size_t begin, size_t end);
  void SortRows(size_t begin, size_t end);
  void SetLatestNumbers(const SampleRun& run, size_t column, TableId table, Time time,
                        graph::Graph* graph);
  absl::Status ApplyRow(const SampleRun& run, size_t row, Time time, graph::Graph* graph);
  void SetLatest(const SampleRun& run, size_t row, size_t column, Time time,
                 graph::Graph* graph) const;
  absl::Status ApplySample(const SampleRun& run, size_t row, size_t column, Sequence sequence,
                           Time time, graph::Graph* graph);
  static absl::Status Damaged(absl::string_view what, Sequence sequence);
  void AddVersion(const Layout& layout, std::shared_ptr<LayoutVersion> version);
  void Watch(const LayoutVersion& version);
  void KeepBaseline(TwinNumber twin, absl::string_view path, std::optional<Time> next,
                    Sequence sequence, const graph::GraphView& head);
  void Remember(absl::string_view producer, uint64_t number, Time time);

  timeseries::Store* history_;
  RowGroups groups_of_rows_;
  // Of the frames or samples at hand.
  FramesRecord frames_;
  SamplesRecord samples_;
  std::vector<graph::TwinPlace> twin_places_;  // by row
  std::vector<uint64_t> row_sequences_;
  std::vector<timeseries::GroupId> row_groups_;
  std::vector<SampleColumnPlace> columns_;
  std::vector<size_t> in_rows_;  // columns, by path
  RowGroups::Form form_;
  std::vector<timeseries::ColumnRows> row_columns_;
  std::vector<uint32_t> sorted_rows_;
  std::vector<uint32_t> latest_rows_;
  std::vector<double> latest_numbers_;
  std::vector<std::shared_ptr<const LayoutState>> layouts_;
  absl::flat_hash_map<std::string, uint32_t> by_id_;
  absl::flat_hash_set<uint32_t> changed_;  // layouts, since the last checkpoint
  LayoutsByTwin watching_;
  std::map<uint32_t, Time> stale_;                  // layouts
  absl::flat_hash_map<std::string, Time> renewed_;  // ids that FindStale has not looked for
  struct Producer {
    uint64_t number = 0;
    Time time;
  };
  absl::flat_hash_map<std::string, Producer> producers_;
  PropertyHistory properties_;
  FrameDecoder decoder_;
  LatestValues latest_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_TELEMETRY_STATE_H_
