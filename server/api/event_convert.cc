#include "server/api/event_convert.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/api/convert.h"
#include "server/api/status.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"
#include "server/events/token.h"

namespace twin::api {
namespace {

// In the order of events::EventType.
constexpr pb::EventType kTypes[events::kEventTypes] = {
    pb::TWIN_CREATED,         pb::TWIN_UPDATED,         pb::TWIN_DELETED, pb::RELATIONSHIP_CREATED,
    pb::RELATIONSHIP_UPDATED, pb::RELATIONSHIP_DELETED, pb::TELEMETRY,    pb::MODEL_CREATED,
    pb::MODEL_UPDATED,        pb::MODEL_DELETED,        pb::TWIN_STATE,   pb::RELATIONSHIP_STATE,
};

std::string Text(absl::string_view text) { return std::string(text); }

std::string SubjectOf(const events::Event& event) {
  if (events::IsOfModel(event.type)) return Text(event.model_id);
  if (!events::IsOfRelationship(event.type)) return Text(event.twin_id);
  return absl::StrCat(event.twin_id, "/relationships/", event.relationship_id);
}

}  // namespace

absl::StatusOr<events::SubscribeOptions> ToOptions(const pb::SubscribeRequest& request) {
  events::SubscribeOptions options;
  const pb::EventFilter& filter = request.filter();
  for (const int type : filter.types()) {
    bool is_known = false;
    for (int i = 0; i < events::kEventTypes; ++i) {
      if (kTypes[i] != type) continue;
      options.filter.types.push_back(static_cast<events::EventType>(i));
      is_known = true;
    }
    if (!is_known) {
      return absl::InvalidArgumentError(absl::StrCat("filter.types: there is no type ", type));
    }
  }
  options.filter.models.assign(filter.models().begin(), filter.models().end());
  options.filter.twins.assign(filter.twin_ids().begin(), filter.twin_ids().end());
  options.filter.under = filter.under();
  options.filter.under_relationships.assign(filter.under_relationships().begin(),
                                            filter.under_relationships().end());
  options.filter.paths.assign(filter.paths().begin(), filter.paths().end());
  options.filter.condition = filter.condition();
  options.interval_ms = request.interval_ms();
  options.progress_interval_ms = request.progress_interval_ms();
  using Start = events::SubscribeOptions::Start;
  switch (request.start_case()) {
    case pb::SubscribeRequest::kResumeToken: {
      options.start = Start::kAfter;
      TWIN_ASSIGN_OR_RETURN(options.after, events::ParseToken(request.resume_token()));
      break;
    }
    case pb::SubscribeRequest::kFromUnixNano:
      options.start = Start::kTime;
      options.time = Time{request.from_unix_nano()};
      break;
    case pb::SubscribeRequest::kStartingState:
      if (request.starting_state()) options.start = Start::kState;
      break;
    case pb::SubscribeRequest::START_NOT_SET:
      break;
  }
  return options;
}

void ToProto(const events::Event& event, bool with_old_values, pb::Event* message) {
  message->set_type(kTypes[static_cast<int>(event.type)]);
  message->set_sequence(event.sequence.value);
  message->set_index(event.index);
  message->set_time_unix_nano(event.time.ns);
  message->set_subject(SubjectOf(event));
  message->set_model_id(Text(event.model_id));
  if (!event.old_model.empty()) message->set_old_model_id(Text(event.old_model));
  if (events::IsOfRelationship(event.type)) {
    pb::Event::RelationshipOf* const relationship = message->mutable_relationship();
    relationship->set_source_id(Text(event.twin_id));
    relationship->set_id(Text(event.relationship_id));
    relationship->set_name(Text(event.name));
    relationship->set_target_id(Text(event.target_id));
  }
  message->set_decommissioned(event.decommissioned);
  message->mutable_changes()->Reserve(static_cast<int>(event.changes.size()));
  for (const events::PathChange& change : event.changes) {
    pb::PathChange* const out = message->add_changes();
    out->set_path(Text(change.path));
    if (with_old_values && !change.old_value.is_null()) {
      ToProto(change.old_value, out->mutable_old_value());
    }
    if (!change.new_value.is_null()) ToProto(change.new_value, out->mutable_new_value());
    out->set_source_time_unix_nano(change.source_time.ns);
    out->set_late(change.late);
  }
}

void ToProto(const events::Message& from, const EventForm& form, pb::SubscribeResponse* message) {
  message->Clear();
  const size_t count = from.events.size();
  message->mutable_events()->Reserve(static_cast<int>(count));
  for (size_t i = 0; i < count; ++i) {
    const events::Event& event = *from.events[i];
    pb::Event* const out = message->add_events();
    ToProto(event, form.old_values, out);
    if (!form.tokens) continue;
    const bool is_last = i + 1 == count;
    if (is_last && !from.more) {
      out->set_resume_token(events::TokenOf(from.is_whole ? from.through : event.sequence));
    } else if (!is_last && !from.is_whole && !(from.events[i + 1]->sequence == event.sequence)) {
      out->set_resume_token(events::TokenOf(event.sequence));
    }
  }
  message->set_more(from.more);
  message->set_time_unix_nano(SystemClock().Now().ns);
  if (from.more) return;
  message->set_resume_token(events::TokenOf(from.through));
  FillPosition(from.through, message->mutable_position());
}

grpc::Status EndOf(const absl::Status& status, const events::Feed& feed) {
  grpc::Status answer = ToGrpc(status);
  if (!absl::IsOutOfRange(status)) return answer;
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(answer.error_details()) || details.details().empty() ||
      !details.details(0).UnpackTo(&info)) {
    return answer;
  }
  const Sequence before = feed.BeforeOldest();
  info.set_reason("RESUME_TOKEN_EXPIRED");
  auto& metadata = *info.mutable_metadata();
  metadata["oldest_sequence"] = absl::StrCat(before.value + 1);
  metadata["resume_token"] = events::TokenOf(before);
  details.mutable_details(0)->PackFrom(info);
  return grpc::Status(answer.error_code(), answer.error_message(), details.SerializeAsString());
}

}  // namespace twin::api
