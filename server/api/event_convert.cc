#include "server/api/event_convert.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <memory>
#include <string>
#include <utility>

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
    pb::SERVER_NOTICE,
};

std::string Text(absl::string_view text) { return std::string(text); }

std::string SubjectOf(const events::Event& event) {
  if (event.notice != nullptr) return event.notice->subject;
  if (events::IsOfModel(event.type)) return Text(event.model_id);
  if (!events::IsOfRelationship(event.type)) return Text(event.twin_id);
  return absl::StrCat(event.twin_id, "/relationships/", event.relationship_id);
}

void FillFilter(const events::FilterSpec& spec, pb::EventFilter* filter) {
  for (const events::EventType type : spec.types) filter->add_types(kTypes[static_cast<int>(type)]);
  filter->mutable_models()->Assign(spec.models.begin(), spec.models.end());
  filter->mutable_twin_ids()->Assign(spec.twins.begin(), spec.twins.end());
  filter->set_under(spec.under);
  filter->mutable_under_relationships()->Assign(spec.under_relationships.begin(),
                                                spec.under_relationships.end());
  filter->mutable_paths()->Assign(spec.paths.begin(), spec.paths.end());
  filter->set_condition(spec.condition);
}

}  // namespace

absl::StatusOr<events::FilterSpec> ToFilter(const pb::EventFilter& filter) {
  events::FilterSpec spec;
  for (const int type : filter.types()) {
    bool is_known = false;
    for (int i = 0; i < events::kEventTypes; ++i) {
      if (kTypes[i] != type) continue;
      spec.types.push_back(static_cast<events::EventType>(i));
      is_known = true;
    }
    if (!is_known) {
      return absl::InvalidArgumentError(absl::StrCat("filter.types: there is no type ", type));
    }
  }
  spec.models.assign(filter.models().begin(), filter.models().end());
  spec.twins.assign(filter.twin_ids().begin(), filter.twin_ids().end());
  spec.under = filter.under();
  spec.under_relationships.assign(filter.under_relationships().begin(),
                                  filter.under_relationships().end());
  spec.paths.assign(filter.paths().begin(), filter.paths().end());
  spec.condition = filter.condition();
  return spec;
}

absl::StatusOr<events::SubscribeOptions> ToOptions(const pb::SubscribeRequest& request) {
  events::SubscribeOptions options;
  TWIN_ASSIGN_OR_RETURN(options.filter, ToFilter(request.filter()));
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
  if (event.is_context_current) message->set_context(pb::Event::CURRENT);
  if (event.notice != nullptr) {
    message->mutable_notice()->set_reason(event.notice->reason);
    message->mutable_notice()->set_message(event.notice->message);
  }
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

namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

constexpr uint32_t kItemTag = WireFormatLite::MakeTag(pb::SubscribeResponse::kEventsFieldNumber,
                                                      WireFormatLite::WIRETYPE_LENGTH_DELIMITED);

// As an item of SubscribeResponse.events. `size`: its ByteSizeLong, asked since it was filled.
void AppendItem(const pb::Event& event, size_t size, CodedOutputStream* out) {
  out->WriteTag(kItemTag);
  out->WriteVarint32(static_cast<uint32_t>(size));
  event.SerializeWithCachedSizes(out);
}

// The same for the usual form, kept with the event. `scratch`: any.
const std::string& EncodedOf(const events::Event& event, pb::Event* scratch) {
  if (const std::string* const made = event.encoded.Get()) return *made;
  scratch->Clear();
  ToProto(event, /*with_old_values=*/true, scratch);
  const size_t size = scratch->ByteSizeLong();
  // Kept as long as the event: no more than it takes.
  std::string bytes(CodedOutputStream::VarintSize32(kItemTag) +
                        CodedOutputStream::VarintSize32(static_cast<uint32_t>(size)) + size,
                    '\0');
  {
    google::protobuf::io::ArrayOutputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    CodedOutputStream out(&stream);
    AppendItem(*scratch, size, &out);
  }
  return event.encoded.Keep(std::move(bytes));
}

// Where a subscriber goes on behind the i-th event; empty: it is followed by one of its sequence.
std::string TokenBehind(const events::Message& message, size_t i) {
  const Sequence sequence = message.events[i]->sequence;
  if (i + 1 == message.events.size()) {
    if (message.more) return "";
    return events::TokenOf(message.is_whole ? message.through : sequence);
  }
  if (message.is_whole || message.events[i + 1]->sequence == sequence) return "";
  return events::TokenOf(sequence);
}

grpc::ByteBuffer BufferOf(std::string bytes) {
  auto* const kept = new std::string(std::move(bytes));
  const grpc::Slice slice(
      kept->data(), kept->size(), [](void* text) { delete static_cast<std::string*>(text); }, kept);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

grpc::ByteBuffer ToBytes(const events::Message& from, const EventForm& form) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    CodedOutputStream out(&stream);
    const bool has_tokens = form.tokens && !from.is_notice;
    const bool is_usual = form.old_values && !has_tokens;
    pb::Event one;
    for (size_t i = 0; i < from.events.size(); ++i) {
      const events::EventPtr& event = from.events[i];
      // Where nobody else has it, keeping its bytes would be in vain.
      if (is_usual && (event.use_count() > 1 || event->encoded.Get() != nullptr)) {
        out.WriteString(EncodedOf(*event, &one));
        continue;
      }
      one.Clear();
      ToProto(*event, form.old_values, &one);
      if (has_tokens) one.set_resume_token(TokenBehind(from, i));
      AppendItem(one, one.ByteSizeLong(), &out);
    }
    pb::SubscribeResponse rest;
    rest.set_more(from.more);
    rest.set_time_unix_nano(SystemClock().Now().ns);
    if (!from.more && !from.is_notice) {
      rest.set_resume_token(events::TokenOf(from.through));
      FillPosition(from.through, rest.mutable_position());
    }
    rest.SerializeToCodedStream(&out);
  }
  return BufferOf(std::move(bytes));
}

void ToProto(const events::ConsumerMessage& from, const EventForm& form,
             pb::StreamEventsResponse* message) {
  message->Clear();
  message->mutable_events()->Reserve(static_cast<int>(from.events.size()));
  for (const events::EventPtr& event : from.events) {
    ToProto(*event, form.old_values, message->add_events());
  }
  message->set_more(from.more);
  message->set_delivery(from.delivery);
  message->set_redelivered(from.redelivered);
  message->set_acknowledged_delivery(from.acknowledged);
  message->set_seek_time_unix_nano(from.sought.ns);
  FillPosition(from.through, message->mutable_position());
  message->set_time_unix_nano(SystemClock().Now().ns);
}

void ToProto(const events::NamedInfo& info, pb::Subscription* message) {
  message->set_name(info.spec.name);
  FillFilter(info.spec.filter, message->mutable_filter());
  message->set_create_time_unix_nano(info.spec.created.ns);
  message->set_acknowledged_sequence(info.acknowledged.value);
  message->set_resume_token(events::TokenOf(info.acknowledged));
  message->set_lag_sequences(info.lag_sequences);
  message->set_lag_nanos(info.lag_ns);
  message->set_expired(info.expired);
  message->set_waiting_events(info.waiting);
  for (const events::ConsumerInfo& each : info.consumers) {
    pb::Subscription::Consumer* const consumer = message->add_consumers();
    consumer->set_name(each.name);
    consumer->set_connect_time_unix_nano(each.connected.ns);
    consumer->set_share_percent(static_cast<uint32_t>(100 * each.slots / events::kSlots));
    consumer->set_unacknowledged_events(each.unacknowledged);
    consumer->set_credit_events(each.credit);
  }
}

absl::StatusOr<events::Place> ToPlace(const pb::CreateSubscriptionRequest& request) {
  events::Place place;
  if (request.start_case() == pb::CreateSubscriptionRequest::kResumeToken) {
    place.kind = events::Place::Kind::kAfter;
    TWIN_ASSIGN_OR_RETURN(place.after, events::ParseToken(request.resume_token()));
  } else if (request.start_case() == pb::CreateSubscriptionRequest::kFromUnixNano) {
    place.kind = events::Place::Kind::kTime;
    place.time = Time{request.from_unix_nano()};
  }
  return place;
}

absl::StatusOr<events::Place> ToPlace(const pb::SeekSubscriptionRequest& request) {
  events::Place place;
  if (request.to_case() == pb::SeekSubscriptionRequest::kResumeToken) {
    place.kind = events::Place::Kind::kAfter;
    TWIN_ASSIGN_OR_RETURN(place.after, events::ParseToken(request.resume_token()));
  } else if (request.to_case() == pb::SeekSubscriptionRequest::kFromUnixNano) {
    place.kind = events::Place::Kind::kTime;
    place.time = Time{request.from_unix_nano()};
  } else if (request.oldest()) {
    place.kind = events::Place::Kind::kOldest;
  }
  return place;
}

grpc::Status EndOf(const absl::Status& status, const events::Feed& feed) {
  grpc::Status answer = ToGrpc(status);
  if (!absl::IsOutOfRange(status) && !absl::IsAborted(status)) return answer;
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(answer.error_details()) || details.details().empty() ||
      !details.details(0).UnpackTo(&info)) {
    return answer;
  }
  if (absl::IsAborted(status)) {
    info.set_reason("SUBSCRIPTION_MOVED");
  } else {
    const Sequence before = feed.BeforeOldest();
    info.set_reason("RESUME_TOKEN_EXPIRED");
    auto& metadata = *info.mutable_metadata();
    metadata["oldest_sequence"] = absl::StrCat(before.value + 1);
    metadata["resume_token"] = events::TokenOf(before);
  }
  details.mutable_details(0)->PackFrom(info);
  return grpc::Status(answer.error_code(), answer.error_message(), details.SerializeAsString());
}

}  // namespace twin::api
