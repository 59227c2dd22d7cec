// A subscription that reads for itself: its starting state, and then the log until it has caught
// up with the matcher.
#ifndef TWIN_SERVER_EVENTS_CATCHUP_H_
#define TWIN_SERVER_EVENTS_CATCHUP_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "server/events/change_log.h"
#include "server/events/expander.h"
#include "server/events/filter.h"

namespace twin::events {

// What is under the filter's root before the change `next`, whatever it is now. Nothing to do for
// other filters. Cost: the graph below the root, and the changes since.
absl::Status LoadUnder(const Sources& sources, Sequence next, size_t twins_max, Filter* filter);

// Thread-compatible.
class Catchup {
 public:
  // From the change `next` on.
  Catchup(const Sources& sources, const Options& options, std::unique_ptr<Filter> filter,
          Sequence next);

  // Before the changes: what is there in `state`, which stands just before `next`.
  void BeginWith(std::unique_ptr<HeldState> state) { state_ = std::move(state); }
  bool has_state() const { return state_ != nullptr; }
  // The next events of the state, at least one unless that was all.
  absl::Status ReadState(std::vector<EventPtr>* events);

  // Events of the next record that holds something before `end`. False: there is none.
  absl::StatusOr<bool> ReadRecord(Sequence end, std::vector<EventPtr>* events);
  Sequence next() const { return reader_.next(); }

 private:
  absl::Status ListTwins(const graph::GraphView& view);
  void AddTwin(const graph::GraphView& view, TwinNumber twin,
               const std::shared_ptr<const void>& keep, std::vector<EventPtr>* events);
  void AddRelationships(const graph::GraphView& view, TwinNumber twin,
                        const std::shared_ptr<const void>& keep, std::vector<EventPtr>* events);
  void AddRelationship(const graph::GraphView& view, RelationshipNumber number,
                       const std::shared_ptr<const void>& keep, std::vector<EventPtr>* events);

  const Sources sources_;
  const Options& options_;
  const std::unique_ptr<Filter> filter_;
  ChangeLog::Reader reader_;
  std::optional<Interest> interest_;
  Expander expander_;
  bool is_prepared_ = false;

  std::unique_ptr<HeldState> state_;
  bool is_listed_ = false;
  std::vector<uint32_t> twins_;  // of the state that may match; sorted, unless it is all of them
  size_t at_ = 0;                // twins first, then the relationships of each
  uint32_t index_ = 0;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_CATCHUP_H_
