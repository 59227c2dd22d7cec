// A subscription that reads for itself: its starting state, and then the log until it has caught
// up with the matcher.
#ifndef TWIN_SERVER_EVENTS_CATCHUP_H_
#define TWIN_SERVER_EVENTS_CATCHUP_H_

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/events/change_log.h"
#include "server/events/expander.h"
#include "server/events/filter.h"

namespace twin::events {

// Finds what is under the filter's root before the change `next`, whatever it is now: the graph
// below the root, and the changes since. Thread-compatible.
class UnderLoader {
 public:
  UnderLoader(const Sources& sources, Sequence next, size_t twins_max, Filter* filter);

  // False: `until` is over; to be called again. Nothing to do for filters without a root.
  absl::StatusOr<bool> Load(LaterChanges::SteadyTime until = LaterChanges::kNever);

 private:
  void GoBack(const ingest::AppliedRecord& record, const std::vector<ingest::Unit>& units);

  const Sources sources_;
  const size_t twins_max_;
  UnderSet* const under_;
  ChangeLog::Reader reader_;
  std::shared_ptr<const graph::GraphView> view_;
  // What came or went first of that id says who had it before.
  std::optional<TwinNumber> root_;
  RelationshipNumber first_new_;
  UnderSet::Gone gone_;
};

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

  // Events of the next record that holds something before `end`; none where `until` was over before
  // all was known. False: there is no record.
  absl::StatusOr<bool> ReadRecord(Sequence end, LaterChanges::SteadyTime until,
                                  std::vector<EventPtr>* events);
  Sequence next() const { return next_; }

  // Reads on to `place`, where a record begins, without events: for who goes on from there with the
  // filter, which knows what is under its root then.
  absl::Status Follow(Sequence place);
  // As of next(). Afterwards nothing is to be read any more.
  std::unique_ptr<Filter> TakeFilter() { return std::move(filter_); }

 private:
  absl::StatusOr<bool> Prepare(LaterChanges::SteadyTime until);
  absl::Status ListTwins(const graph::GraphView& view);
  void AddTwin(const graph::GraphView& view, TwinNumber twin,
               const std::shared_ptr<const void>& keep, std::vector<EventPtr>* events);
  void AddRelationships(const graph::GraphView& view, TwinNumber twin,
                        const std::shared_ptr<const void>& keep, std::vector<EventPtr>* events);
  void AddRelationship(const graph::GraphView& view, RelationshipNumber number,
                       const std::shared_ptr<const void>& keep, std::vector<EventPtr>* events);

  const Sources sources_;
  const Options& options_;
  std::unique_ptr<Filter> filter_;
  ChangeLog::Reader reader_;
  std::optional<Interest> interest_;
  Expander expander_;
  std::unique_ptr<UnderLoader> loader_;
  bool is_prepared_ = false;
  RecordPtr record_;  // begun, and not expanded yet
  Sequence next_;     // behind what was expanded

  std::unique_ptr<HeldState> state_;
  bool is_listed_ = false;
  std::vector<uint32_t> twins_;  // of the state that may match; sorted, unless it is all of them
  size_t at_ = 0;                // twins first, then the relationships of each
  uint32_t index_ = 0;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_CATCHUP_H_
