// The writer's part for telemetry: layouts, frames and samples on the way of every other write.
#include <algorithm>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/ingest/writer.h"

namespace twin::ingest {
namespace {

template <typename Is>
bool AnyOf(const ResolvedColumns& columns, const Is& is) {
  const ResolvedColumns::Targets targets = columns.all_targets();
  return std::any_of(targets.begin(), targets.end(), is);
}

// Whether twins are led to, or followed, that the version knows nothing of.
bool LeadsElsewhere(const ResolvedLayout& layout, const LayoutVersion& version) {
  absl::flat_hash_set<uint32_t> known;
  for (const TwinNumber twin : version.watched) known.insert(twin.value);
  for (const ColumnTarget target : version.columns.all_targets()) known.insert(target.twin.value);
  const auto is_new = [&](TwinNumber twin) { return !known.contains(twin.value); };
  return std::any_of(layout.watched.begin(), layout.watched.end(), is_new) ||
         AnyOf(layout.columns, [&](ColumnTarget target) { return is_new(target.twin); });
}

// Whether the version leads to twins that are there and that the layout does not lead to.
bool LeadsToLess(const ResolvedLayout& layout, const LayoutVersion& version,
                 const graph::GraphView& head) {
  absl::flat_hash_set<uint32_t> led_to;
  for (const ColumnTarget target : layout.columns.all_targets()) led_to.insert(target.twin.value);
  return AnyOf(version.columns, [&](ColumnTarget target) {
    return head.Exists(target.twin) && !led_to.contains(target.twin.value);
  });
}

}  // namespace

void Writer::Submit(TelemetryBatch batch, TelemetryDone done) {
  Waiting waiting;
  waiting.bytes = batch.bytes + 256;
  waiting.telemetry = std::make_unique<TelemetryBatch>(std::move(batch));
  waiting.telemetry_done = std::move(done);
  TelemetryResult result;
  if (!Enqueue(&waiting, &result.status)) waiting.telemetry_done(std::move(result));
}

void Writer::Register(Layout layout, bool validate_only, LayoutDone done) {
  // A task waits in the queue as a batch does, and runs when nothing is in flight.
  auto shared = std::make_shared<LayoutDone>(std::move(done));
  Waiting waiting;
  waiting.bytes = 256 + layout.columns.size() * sizeof(LayoutColumn);
  waiting.task = [this, layout = std::move(layout), validate_only, shared]() mutable {
    LayoutResult result = ProcessLayout(std::move(layout), validate_only, Time{INT64_MIN});
    AnswerNow([shared, result = std::move(result)](
                  const WriteResult&) mutable { (*shared)(std::move(result)); },
              WriteResult());
  };
  LayoutResult result;
  if (!Enqueue(&waiting, &result.status)) (*shared)(std::move(result));
}

absl::Status Writer::MayWrite() {
  const MutexLock lock(&mutex_);
  if (!writing_.ok()) return writing_;
  return failing_ ? absl::ResourceExhaustedError("the disk is full") : absl::OkStatus();
}

// An acknowledgement speaks for all batches of its stream before it: those must be durable.
void Writer::AnswerInTurn(const std::string& producer, std::shared_ptr<TelemetryResult> result,
                          TelemetryDone done) {
  auto in_flight = std::make_shared<InFlight>();
  in_flight->is_record = false;
  in_flight->is_complete = true;
  in_flight->producer = producer;
  in_flight->telemetry_result = result;
  in_flight->done = [result = std::move(result), done = std::move(done)](
                        const WriteResult&) mutable { done(std::move(*result)); };
  {
    const MutexLock lock(&mutex_);
    if (!in_flight_.empty()) {
      in_flight_.push_back(std::move(in_flight));
      return;
    }
  }
  AnswerNow(std::move(in_flight->done), WriteResult());
}

void Writer::ProcessTelemetry(const TelemetryBatch& batch, TelemetryDone done) {
  auto result = std::make_shared<TelemetryResult>();
  const auto answer = [&] {
    result->sequence = Sequence(pending_.next_sequence().value - 1);
    AnswerInTurn(batch.producer, result, std::move(done));
  };
  // Relationships that are about to change may change what a frame means; a batch that may be in
  // flight already must not be taken twice.
  if (pending_.has_relationship_changes()) {
    Drain();
    ResolveStale();
  }
  if (!batch.producer.empty()) {
    const auto in_flight = producers_in_flight_.find(batch.producer);
    if (in_flight != producers_in_flight_.end() && batch.number <= in_flight->second) Drain();
    if (batch.number <= telemetry_.LastBatch(batch.producer)) {
      result->is_repeated = true;
      return answer();
    }
    if (telemetry_.LastBatch(batch.producer) == 0 &&
        telemetry_.producers() >= static_cast<size_t>(options_.limits.producers_max)) {
      result->status = absl::ResourceExhaustedError(
          absl::StrCat("producer '", batch.producer, "' would be one more than producers_max (",
                       options_.limits.producers_max, ")"));
      return answer();
    }
  }
  result->status = MayWrite();
  if (!result->status.ok()) return answer();
  const Time now = std::max(clock_.Now(), last_time_);
  CheckedTelemetry checked = telemetry_checker_.Check(batch, now);
  *result = std::move(checked.result);
  if (checked.record.empty()) return answer();
  if (static_cast<int64_t>(checked.record.size()) > options_.limits.batch_bytes_max) {
    *result = TelemetryResult();
    result->status = absl::InvalidArgumentError(absl::StrCat(
        "a batch whose record takes ", checked.record.size(), " bytes; batch_bytes_max is ",
        options_.limits.batch_bytes_max, "; divide it"));
    return answer();
  }
  auto in_flight = std::make_shared<InFlight>();
  in_flight->first = pending_.next_sequence();
  in_flight->sequences = checked.sequences;
  in_flight->producer = batch.producer;
  in_flight->batch_number = batch.number;
  in_flight->sets_properties = checked.sets_properties;
  if (!batch.producer.empty()) producers_in_flight_[batch.producer] = batch.number;
  if (checked.sets_properties) ++property_frames_in_flight_;
  last_time_ = now;
  pending_.TakeSequences(checked.sequences);
  result->sequence = Sequence(pending_.next_sequence().value - 1);
  in_flight->result.sequence = result->sequence;
  in_flight->result.time = now;
  in_flight->telemetry_result = result;
  in_flight->done = [result, done = std::move(done)](WriteResult written) mutable {
    if (!written.status.ok()) {
      *result = TelemetryResult();
      result->status = std::move(written.status);
    }
    done(std::move(*result));
  };
  journal::Record record;
  record.first = in_flight->first;
  record.count = static_cast<uint32_t>(checked.sequences);
  record.bytes = checked.record;
  in_flight->telemetry = std::move(checked.record);
  in_flight->number = next_record_++;
  pending_.EndRecord(in_flight->number);
  Append(std::move(in_flight), std::move(record));
}

// Runs when nothing is in flight; the layout is applied when it returns. `valid_from`: the earliest
// time there is stands for "of a client": from now on, or from the beginning if it is the first.
LayoutResult Writer::ProcessLayout(Layout layout, bool validate_only, Time valid_from) {
  LayoutResult result;
  result.sequence = Sequence(pending_.next_sequence().value - 1);
  result.status = MayWrite();
  if (!result.status.ok()) return result;
  const graph::GraphView& head = *Head();
  const uint32_t* const known = telemetry_.FindLayout(layout.id);
  absl::StatusOr<ResolvedLayout> resolved = ResolveLayout(layout, head, options_.limits);
  if (absl::IsNotFound(resolved.status()) && known != nullptr && valid_from.ns != INT64_MIN) {
    // Without what is gone, where that changes where the values go.
    const LayoutVersion& last = *telemetry_.layout(*known).versions.back();
    absl::StatusOr<ResolvedLayout> rest =
        ResolveLayout(layout, head, options_.limits, Missing::kUnresolved);
    if (rest.ok() && (LeadsElsewhere(*rest, last) || LeadsToLess(*rest, last, head))) {
      resolved = std::move(rest);
    }
  }
  if (!resolved.ok()) {
    result.status = resolved.status();
    return result;
  }
  if (known == nullptr &&
      telemetry_.layouts() >= static_cast<size_t>(options_.limits.layouts_max)) {
    result.status = absl::ResourceExhaustedError(
        absl::StrCat("layout '", layout.id, "' would be one more than layouts_max (",
                     options_.limits.layouts_max, ")"));
    return result;
  }
  auto in_flight = std::make_shared<InFlight>();
  LayoutRecord record;
  record.time = std::max(clock_.Now(), last_time_);
  record.version.layout = known != nullptr ? *known : static_cast<uint32_t>(telemetry_.layouts());
  record.version.version = 1;
  record.version.valid_from = Time{INT64_MIN};
  if (known != nullptr) {
    const LayoutVersion& last = *telemetry_.layout(*known).versions.back();
    record.version.version = last.version + 1;
    const Time from = valid_from.ns == INT64_MIN ? record.time : valid_from;
    record.version.valid_from = std::max(from, last.valid_from);
    if (last.columns == resolved->columns && last.watched == resolved->watched &&
        telemetry_.layout(*known).encoded == EncodeLayout(layout)) {
      record.version.version = last.version;
      record.version.valid_from = last.valid_from;
      validate_only = true;  // nothing new
    }
  }
  result.version = record.version.version;
  result.valid_from = record.version.valid_from;
  result.columns = static_cast<uint32_t>(resolved->columns.size());
  result.unresolved = resolved->unresolved;
  result.notes = std::move(resolved->notes);
  if (validate_only) return result;
  record.version.columns = std::move(resolved->columns);
  record.version.watched = std::move(resolved->watched);
  record.version.unresolved = resolved->unresolved;
  record.layout = std::move(layout);
  in_flight->first = pending_.next_sequence();
  in_flight->sequences = 1;
  EncodeRecord(record, &in_flight->telemetry);
  if (static_cast<int64_t>(in_flight->telemetry.size()) > options_.limits.batch_bytes_max) {
    result.status = absl::InvalidArgumentError(
        absl::StrCat("layout '", record.layout.id, "' takes ", in_flight->telemetry.size(),
                     " bytes; batch_bytes_max is ", options_.limits.batch_bytes_max));
    return result;
  }
  last_time_ = record.time;
  pending_.TakeSequences(1);
  result.sequence = Sequence(pending_.next_sequence().value - 1);
  auto written = std::make_shared<absl::Status>();
  in_flight->number = next_record_++;
  pending_.EndRecord(in_flight->number);
  journal::Record journaled;
  journaled.first = in_flight->first;
  journaled.count = 1;
  journaled.bytes = in_flight->telemetry;
  const std::shared_ptr<InFlight> appended = in_flight;
  Append(std::move(in_flight), std::move(journaled));
  Drain();
  result.status = appended->status;
  return result;
}

// Layouts whose rules follow relationships that have changed get a new version, from the time of
// the change on.
void Writer::ResolveStale() {
  if (!MayWrite().ok()) return;
  Drain();
  while (telemetry_.may_be_stale()) {
    uint32_t number = 0;
    Time since;
    {
      const MutexLock lock(&graph_.mutex);
      const std::map<uint32_t, Time>& found = telemetry_.FindStale();
      if (found.empty()) break;
      std::tie(number, since) = *found.begin();
    }
    const LayoutResult result =
        ProcessLayout(telemetry_.layout(number).Read(), /*validate_only=*/false, since);
    if (absl::IsUnavailable(result.status) || absl::IsResourceExhausted(result.status)) return;
    // Unchanged, or what is named is gone with all that it led to: the last version stays.
    const MutexLock lock(&graph_.mutex);
    telemetry_.StaleDone(number);
  }
  pending_.Reset();
}

}  // namespace twin::ingest
