// The writer's part for telemetry: layouts, frames and samples on the way of every other write.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

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
    LayoutResult result = ProcessLayout(std::move(layout), validate_only);
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

// Runs when nothing is in flight; the layout is applied when it returns.
LayoutResult Writer::ProcessLayout(Layout layout, bool validate_only) {
  LayoutChange change;
  change.layout = std::move(layout);
  change.validate_only = validate_only;
  ChangeLayout(&change);
  if (change.in_flight == nullptr) return std::move(change.result);
  Drain();
  change.result.status = change.in_flight->status;
  return std::move(change.result);
}

absl::StatusOr<ResolvedLayout> Writer::Resolve(const LayoutChange& change,
                                               const LayoutVersion* last) {
  const graph::GraphView& head = *Head();
  absl::StatusOr<ResolvedLayout> resolved = ResolveLayout(change.layout, head, options_.limits);
  if (!absl::IsNotFound(resolved.status()) || last == nullptr || change.IsOfClient()) {
    return resolved;
  }
  // Without what is gone, where that changes where the values go.
  absl::StatusOr<ResolvedLayout> rest =
      ResolveLayout(change.layout, head, options_.limits, Missing::kUnresolved);
  const bool leads_elsewhere =
      rest.ok() && (LeadsElsewhere(*rest, *last) || LeadsToLess(*rest, *last, head));
  return leads_elsewhere ? std::move(rest) : std::move(resolved);
}

// Of different layouts several may be in flight, of one layout one.
void Writer::ChangeLayout(LayoutChange* change) {
  LayoutResult& result = change->result;
  result.sequence = Sequence(pending_.next_sequence().value - 1);
  result.status = MayWrite();
  if (!result.status.ok()) return;
  const uint32_t* const number = telemetry_.FindLayout(change->layout.id);
  const TelemetryState::LayoutState* const known =
      number == nullptr ? nullptr : &telemetry_.layout(*number);
  const LayoutVersion* const last = known == nullptr ? nullptr : known->versions.back().get();
  absl::StatusOr<ResolvedLayout> resolved = Resolve(*change, last);
  if (!resolved.ok()) {
    result.status = resolved.status();
    return;
  }
  if (last == nullptr && telemetry_.layouts() >= static_cast<size_t>(options_.limits.layouts_max)) {
    result.status = absl::ResourceExhaustedError(
        absl::StrCat("layout '", change->layout.id, "' would be one more than layouts_max (",
                     options_.limits.layouts_max, ")"));
    return;
  }
  LayoutRecord record;
  record.time = std::max(clock_.Now(), last_time_);
  LayoutVersion& version = record.version;
  version.layout = last != nullptr ? *number : static_cast<uint32_t>(telemetry_.layouts());
  version.version = last != nullptr ? last->version + 1 : 1;
  version.valid_from = Time{INT64_MIN};
  bool is_new = true;
  if (last != nullptr) {
    const Time from = change->IsOfClient() ? record.time : change->valid_from;
    version.valid_from = std::max(from, last->valid_from);
    if (last->columns == resolved->columns && last->watched == resolved->watched &&
        known->encoded == EncodeLayout(change->layout)) {
      version.version = last->version;
      version.valid_from = last->valid_from;
      is_new = false;
    }
  }
  result.version = version.version;
  result.valid_from = version.valid_from;
  result.columns = static_cast<uint32_t>(resolved->columns.size());
  result.unresolved = resolved->unresolved;
  result.notes = std::move(resolved->notes);
  if (change->validate_only || !is_new) return;
  version.columns = std::move(resolved->columns);
  version.watched = std::move(resolved->watched);
  version.unresolved = resolved->unresolved;
  record.layout = std::move(change->layout);
  AppendLayout(record, change);
}

void Writer::AppendLayout(const LayoutRecord& record, LayoutChange* change) {
  auto in_flight = std::make_shared<InFlight>();
  in_flight->first = pending_.next_sequence();
  in_flight->sequences = 1;
  EncodeRecord(record, &in_flight->telemetry);
  if (static_cast<int64_t>(in_flight->telemetry.size()) > options_.limits.batch_bytes_max) {
    change->result.status = absl::InvalidArgumentError(
        absl::StrCat("layout '", record.layout.id, "' takes ", in_flight->telemetry.size(),
                     " bytes; batch_bytes_max is ", options_.limits.batch_bytes_max));
    return;
  }
  last_time_ = record.time;
  pending_.TakeSequences(1);
  change->result.sequence = Sequence(pending_.next_sequence().value - 1);
  in_flight->number = next_record_++;
  pending_.EndRecord(in_flight->number);
  journal::Record journaled;
  journaled.first = in_flight->first;
  journaled.count = 1;
  journaled.bytes = in_flight->telemetry;
  change->in_flight = in_flight;
  Append(std::move(in_flight), std::move(journaled));
}

// Layouts whose rules follow relationships that have changed get a new version, from the time of
// the change on. Many at once, so that they share syncs: frames wait.
void Writer::ResolveStale() {
  constexpr size_t kAtOnce = 256;
  if (!MayWrite().ok()) return;
  Drain();
  while (telemetry_.may_be_stale()) {
    std::vector<std::pair<uint32_t, LayoutChange>> changes;  // by number of the layout
    {
      const MutexLock lock(&graph_.mutex);
      for (const auto& [number, since] : telemetry_.FindStale()) {
        if (changes.size() == kAtOnce) break;
        changes.emplace_back(number, LayoutChange()).second.valid_from = since;
      }
    }
    for (auto& [number, change] : changes) {
      change.layout = telemetry_.layout(number).Read();
      ChangeLayout(&change);
    }
    Drain();
    const MutexLock lock(&graph_.mutex);
    for (const auto& [number, change] : changes) {
      const absl::Status& status =
          change.in_flight != nullptr ? change.in_flight->status : change.result.status;
      if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) return;
      // Unchanged, or what is named is gone with all that it led to: the last version stays.
      telemetry_.StaleDone(number);
    }
  }
  pending_.Reset();
}

}  // namespace twin::ingest
