// The journal's records as events for those who want them. docs/decisions/0010-events.md says why
// it is done here and not by the writer.
#ifndef TWIN_SERVER_EVENTS_EXPANDER_H_
#define TWIN_SERVER_EVENTS_EXPANDER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/status_macros.h"
#include "server/events/change_log.h"
#include "server/events/context_reader.h"
#include "server/events/event.h"
#include "server/events/filter.h"
#include "server/events/last_values.h"
#include "server/events/later_changes.h"
#include "server/events/options.h"
#include "server/events/sources.h"
#include "server/ingest/change.h"
#include "server/ingest/frame_decoder.h"
#include "server/ingest/telemetry_record.h"

namespace twin::events {

// Events that a filter of the interest takes.
struct Delivery {
  uint32_t filter = 0;
  std::vector<EventPtr> events;  // in order
};

// Takes records one after the other for one Interest after the other: it remembers last values,
// ids, and where frames lead, until there is a gap. Thread-compatible.
class Expander {
 public:
  Expander(const Sources& sources, const Options& options)
      : sources_(sources),
        options_(options),
        last_(sources),
        later_(sources),
        context_(sources, &later_) {}

  // `interest` is asked from now on. `narrower`: there may be twins that it watches no more.
  void SetInterest(Interest* interest, bool narrower);

  // Looks up what twins of the record were that are gone or have moved since, which may take
  // reading far ahead. False: `until` is over; it is to be called again with the same record. Who
  // does not call it has Expand do that, however long it takes.
  absl::StatusOr<bool> Prepare(const RecordPtr& record, LaterChanges::SteadyTime until);
  // Events of the record that somebody wants, per filter. DATA_LOSS: it cannot be decoded.
  absl::Status Expand(const RecordPtr& record, std::vector<Delivery>* deliveries);

 private:
  // What is known of a twin, also of one that is gone.
  struct TwinInfo {
    std::string id;
    TableId table;
    Sequence until{UINT64_MAX};  // it was deleted at that sequence
  };
  // Where the values of a frame go: a twin that somebody may want to hear of.
  struct PlanColumn {
    uint32_t column = 0;
    absl::string_view path;
    graph::ColumnType type = graph::ColumnType::kDouble;
    bool is_property = false;
    timeseries::PathId path_id;
    LastValues::Series* series = nullptr;
  };
  struct PlanTwin {
    TwinNumber twin;
    uint32_t index = 0;
    TwinInfo info;
    absl::string_view model;
    EventType type = EventType::kTelemetry;
    std::vector<PlanColumn> columns;
    std::vector<uint32_t> filters;  // that may take it; to be confirmed by Filter::Matches
  };
  struct Plan {
    std::shared_ptr<const ingest::LayoutVersion> version;
    std::shared_ptr<const graph::Catalog> catalog;
    uint64_t generation = 0;
    std::vector<PlanTwin> twins;
  };
  struct Texts;

  absl::Status ExpandGraph(const RecordPtr& record);
  absl::Status ExpandFrames(const RecordPtr& record);
  absl::Status ExpandSamples(const RecordPtr& record);

  using Events = std::vector<std::shared_ptr<Event>>;
  // Events of a unit, without what Describe looks up.
  absl::StatusOr<Events> EventsOf(const ingest::Unit& unit, Sequence sequence, Time time,
                                  Texts* texts);
  // Type and ends of a relationship that is there already, or that is gone.
  absl::Status FindEnds(Event* event, Texts* texts);
  absl::Status Describe(const Events& events, Texts* texts);
  void FollowProperties(const ingest::Unit& unit, const graph::Catalog& catalog);
  absl::Status MatchUnit(const ingest::Unit& unit, Sequence sequence, const Events& events,
                         const graph::Catalog& catalog);

  // As of `sequence`. nullptr: it was gone before.
  absl::StatusOr<const TwinInfo*> InfoOf(TwinNumber twin, Sequence sequence) {
    TWIN_RETURN_IF_ERROR(LookUp(twin, sequence, LaterChanges::kNever).status());
    const TwinInfo& info = twins_.find(twin.value)->second;
    return info.until < sequence ? nullptr : &info;
  }
  // Puts it into twins_. False: `until` is over.
  absl::StatusOr<bool> LookUp(TwinNumber twin, Sequence sequence, LaterChanges::SteadyTime until);
  // The twins that the record names, and the relationships that it takes to be there.
  absl::Status ListNumbers(const ingest::AppliedRecord& record, std::vector<uint32_t>* twins,
                           std::vector<uint32_t>* relationships) const;
  // What is not in the head, which stood at `head`.
  absl::StatusOr<const LaterChanges::GoneRelationship*> FindGone(RelationshipNumber relationship,
                                                                 Sequence sequence, Sequence head);
  void Enter(const ingest::AppliedRecord& record);
  // What the layout leads to, into led_; and what of it somebody may want to hear of.
  void FindLed(const ingest::LayoutVersion& version, Sequence sequence);
  absl::StatusOr<std::vector<PlanTwin>> WatchedOf(const ingest::LayoutVersion& version,
                                                  const graph::Catalog& catalog, Sequence sequence);
  absl::StatusOr<std::shared_ptr<Plan>> PlanOf(uint32_t layout, uint32_t version,
                                               Sequence sequence);
  absl::Status ExpandFrame(const Plan& plan, const std::shared_ptr<const void>& keep,
                           absl::Span<const timeseries::ColumnRows> columns, size_t row,
                           Time source_time, Sequence first, Sequence sequence, Time time);

  void Give(uint32_t filter, EventPtr event);
  // Asks conditions, and takes what is left.
  absl::Status TakeDeliveries(std::vector<Delivery>* deliveries);
  void Forget();
  // Also what was read ahead.
  void ForgetAll();

  const Sources sources_;
  const Options& options_;
  Interest* interest_ = nullptr;
  Sequence next_;       // behind the last record
  uint64_t epoch_ = 0;  // rises with each interest and each loss of what was remembered
  LastValues last_;
  ingest::FrameDecoder decoder_;
  absl::flat_hash_map<uint32_t, TwinInfo> twins_;
  LaterChanges later_;
  ContextReader context_;
  // Of the plan that is being made: the twins of a layout, in the order in which they appear.
  struct Led {
    static constexpr uint32_t kNobody = UINT32_MAX;
    TwinNumber twin;
    bool is_present = false;  // in the head, and nothing became of it since the frame; then:
    TableId table;
    size_t id_begin = 0;  // in led_ids_
    size_t id_size = 0;
    uint32_t watched = kNobody;  // its place among the plan's twins
  };
  std::vector<Led> led_;
  std::string led_ids_;
  absl::flat_hash_map<uint32_t, uint32_t> led_places_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<Plan>> plans_;  // by layout and version

  // Of the record that is being expanded, by filter.
  std::vector<std::vector<EventPtr>> given_;
  std::vector<uint32_t> givers_;
  std::vector<uint32_t> matched_;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_EXPANDER_H_
