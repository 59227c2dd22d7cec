// What twins were at the sequence of an event, when the graph has gone on. It is looked for where
// it stands without anything having been kept for it:
//
//   unchanged since ─▶ the head        samples ─▶ the history at that sequence
//   overwritten     ─▶ old value of the next change, in the ring
//   deleted, moved  ─▶ what the graph keeps of lives that have ended
#ifndef TWIN_SERVER_EVENTS_CONTEXT_READER_H_
#define TWIN_SERVER_EVENTS_CONTEXT_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/events/condition.h"
#include "server/events/later_changes.h"
#include "server/events/sources.h"

namespace twin::events {

// Not exact are properties behind the ring that were overwritten since, and values of samples that
// no history keeps. Thread-compatible.
class ContextReader final : public EventContext {
 public:
  ContextReader(const Sources& sources, LaterChanges* later) : sources_(sources), later_(*later) {}

  Found ValueAt(const Event& event, absl::string_view path) override;

  // Lets go of what was read for a record. DATA_LOSS: the journal or the history is damaged.
  absl::Status EndRecord();

 private:
  struct Life {
    Sequence version;  // at its end
    uint32_t slot = 0;
  };
  const graph::GraphView& View();
  // Its cell as it is now, if it is there and of that table.
  std::optional<graph::Cell> CellNow(const Event& event, const graph::ColumnSchema& column);
  // The last sample by then; none: there was none.
  absl::StatusOr<std::optional<Value>> SampleAt(const Event& event,
                                                const graph::ColumnSchema& column);
  absl::StatusOr<Found> PropertyAt(const Event& event, const graph::ColumnSchema& column,
                                   const std::optional<graph::Cell>& now);
  void ListLives();
  // What it was at the end of the life that it had then.
  std::optional<Value> ValueAtEnd(const Event& event, const graph::ColumnSchema& column);

  const Sources sources_;
  LaterChanges& later_;
  absl::Status status_;
  std::shared_ptr<const graph::GraphView> view_;
  std::shared_ptr<const timeseries::Snapshot> history_;
  // Of twins, the first life first, as of lives_at_.
  absl::flat_hash_map<uint32_t, std::vector<Life>> lives_;
  Sequence lives_at_;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_CONTEXT_READER_H_
