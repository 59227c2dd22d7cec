#include "server/ingest/writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/base/status_reason.h"
#include "server/base/thread_name.h"
#include "server/base/thread_priority.h"

namespace twin::ingest {
namespace {

// What a waiting batch takes in memory, roughly: enough to bound the queue.
constexpr uint64_t kStringBytes = 32;  // of a std::string itself

uint64_t BytesOf(const Value& value) {
  uint64_t bytes = sizeof(Value);
  if (value.kind() == Value::Kind::kString) {
    bytes += value.as_string().size();
  } else if (value.kind() == Value::Kind::kArray) {
    for (const Value& item : value.as_array()) bytes += BytesOf(item);
  } else if (value.kind() == Value::Kind::kMap) {
    for (const auto& [name, member] : value.as_map()) {
      bytes += kStringBytes + name.size() + BytesOf(member);
    }
  }
  return bytes;
}

uint64_t BytesOf(const ValueMap& contents) {
  uint64_t bytes = 0;
  for (const auto& [name, value] : contents) bytes += kStringBytes + name.size() + BytesOf(value);
  return bytes;
}

uint64_t BytesOf(const std::vector<Edit>& edits) {
  uint64_t bytes = 0;
  for (const Edit& edit : edits) {
    bytes += sizeof(edit) + BytesOf(edit.value);
    for (const std::string& part : edit.path) bytes += kStringBytes + part.size();
  }
  return bytes;
}

uint64_t BytesOf(const WriteBatch& batch) {
  uint64_t bytes = 256;
  if (batch.patches.has_value()) bytes += batch.patches->bytes();
  for (const Operation& operation : batch.operations) {
    bytes += sizeof(operation);
    if (const auto* put = std::get_if<PutTwin>(&operation)) {
      bytes += BytesOf(put->contents);
    } else if (const auto* put_relationship = std::get_if<PutRelationship>(&operation)) {
      bytes += BytesOf(put_relationship->contents);
    } else if (const auto* patch = std::get_if<PatchTwin>(&operation)) {
      bytes += BytesOf(patch->edits);
    } else if (const auto* patch_relationship = std::get_if<PatchRelationship>(&operation)) {
      bytes += BytesOf(patch_relationship->edits);
    } else if (const auto* create = std::get_if<CreateModels>(&operation)) {
      for (const std::string& text : create->texts) bytes += text.size();
    }
  }
  return bytes;
}

constexpr size_t kManyOperations = 64;  // of a batch
constexpr size_t kUnitBytesGuessedMax = 256;
constexpr size_t kHeaderBytes = 64;  // of a record, without what a request id adds; roughly

// The graph is locked while records are applied, and nobody is answered before all are.
constexpr size_t kAppliedAtOnceMax = 64;
constexpr uint64_t kOperationsAppliedAtOnce = 32;  // but of a record all
constexpr uint64_t kCheckedFirstBytes = 16 << 10;  // in between, and the batch that exceeds it

absl::Status InBatch(const absl::Status& status, size_t index, size_t count) {
  if (count == 1) return status;
  return WithMessage(status, absl::StrCat("operation ", index, ": ", status.message()));
}

}  // namespace

Writer::Writer(const WriterOptions& options, GuardedGraph* graph, journal::Journal* journal,
               journal::Epoch epoch)
    : options_(options),
      clock_(options.clock != nullptr ? *options.clock : SystemClock()),
      graph_(*graph),
      journal_(*journal),
      epoch_(epoch),
      pending_(Head()),
      checker_(options_.limits, &pending_),
      telemetry_(*Telemetry()),
      telemetry_checker_(options_.limits, options_.expiry, &pending_, &telemetry_) {
  {
    const MutexLock lock(&graph_.mutex);
    last_time_ = graph_.graph.head().time();
  }
  thread_ = std::thread([this] { Run(); });
}

// The head's address never changes, and only this writer changes what it shows, so its thread reads
// it without the lock.
const graph::GraphView* Writer::Head() {
  const MutexLock lock(&graph_.mutex);
  return &graph_.graph.head();
}

TelemetryState* Writer::Telemetry() {
  const MutexLock lock(&graph_.mutex);
  return &graph_.telemetry;
}

Writer::~Writer() { Stop(); }

void Writer::Stop() {
  {
    const MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  answers_.Stop();
}

absl::Status Writer::writing() const {
  const MutexLock lock(&mutex_);
  return writing_;
}

bool Writer::Enqueue(Waiting* waiting, absl::Status* refused) {
  const MutexLock lock(&mutex_);
  if (stopping_) {
    *refused = absl::UnavailableError("the server is stopping");
  } else if (!writing_.ok()) {
    *refused = writing_;
  } else if (queued_bytes_ > 0 &&
             queued_bytes_ + waiting->bytes >
                 static_cast<uint64_t>(options_.limits.write_queue_bytes_max)) {
    *refused = absl::ResourceExhaustedError(
        absl::StrCat("more than write_queue_bytes_max (", options_.limits.write_queue_bytes_max,
                     " bytes) of writes wait; send them again, more slowly"));
  } else {
    queued_bytes_ += waiting->bytes;
    const bool is_of_operations = waiting->task == nullptr && waiting->telemetry == nullptr;
    (is_of_operations ? operations_ : queue_).push_back(std::move(*waiting));
    changed_.Signal();
    return true;
  }
  return false;
}

void Writer::Submit(WriteBatch batch, Done done) {
  Waiting waiting;
  waiting.bytes = BytesOf(batch);
  if (!batch.request_id.empty() && !batch.made_anew) waiting.digest = DigestOf(batch);
  waiting.batch = std::move(batch);
  waiting.done = std::move(done);
  WriteResult result;
  if (!Enqueue(&waiting, &result.status)) waiting.done(std::move(result));
}

bool Writer::RunAlone(absl::AnyInvocable<void()> task) {
  const MutexLock lock(&mutex_);
  if (stopping_) return false;
  Waiting& waiting = queue_.emplace_back();
  waiting.task = std::move(task);
  changed_.Signal();
  return true;
}

bool Writer::MayStart() const {
  return !failing_ && in_flight_.size() < static_cast<size_t>(options_.records_in_flight_max) &&
         bytes_in_flight_ < options_.bytes_in_flight_max &&
         operations_in_flight_ < options_.operations_in_flight_max;
}

Writer::Waiting Writer::TakeNext() {
  telemetry_time_ = is_operations_turn_ ? worked_ : telemetry_time_ - worked_;
  worked_ = {};
  is_operations_turn_ = queue_.empty() || (!operations_.empty() && telemetry_time_.count() <= 0);
  Waiting next;
  if (is_operations_turn_) {
    next = std::move(operations_.front());
    operations_.pop_front();
  } else {
    next = std::move(queue_.front());
    queue_.pop_front();
  }
  queued_bytes_ -= next.bytes;
  return next;
}

std::vector<std::shared_ptr<Writer::InFlight>> Writer::TakeComplete() {
  std::vector<std::shared_ptr<InFlight>> complete;
  uint64_t operations = 0;
  while (!in_flight_.empty() && in_flight_.front()->is_complete &&
         complete.size() < kAppliedAtOnceMax && operations < kOperationsAppliedAtOnce) {
    bytes_in_flight_ -= in_flight_.front()->bytes;
    operations += in_flight_.front()->operations;
    operations_in_flight_ -= in_flight_.front()->operations;
    complete.push_back(std::move(in_flight_.front()));
    in_flight_.pop_front();
  }
  return complete;
}

void Writer::Run() {
  NameThread("writer");
  WakeAtOnce();
  // Telemetry that arrived while records were applied does not wait for more of these: so many
  // bytes.
  uint64_t first_bytes = 0;
  while (true) {
    std::vector<std::shared_ptr<InFlight>> complete;
    Waiting next;
    bool has_next = false;
    {
      const MutexLock lock(&mutex_);
      while (true) {
        const bool has_turn = first_bytes > 0 && !queue_.empty() && MayStart();
        if (!has_turn) complete = TakeComplete();
        if (!complete.empty()) break;
        if (!is_queue_empty() && MayStart()) {
          next = TakeNext();
          first_bytes -= std::min(first_bytes, next.bytes);
          has_next = true;
          break;
        }
        if (stopping_ && is_queue_empty() && in_flight_.empty()) return;
        changed_.Wait(&mutex_);
      }
    }
    const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    if (!complete.empty()) {
      Finish(complete);
      first_bytes = kCheckedFirstBytes;
    }
    if (has_next) Process(std::move(next));
    if (telemetry_.may_be_stale()) ResolveStale();
    worked_ += std::chrono::steady_clock::now() - start;
  }
}

void Writer::Drain() {
  while (true) {
    std::vector<std::shared_ptr<InFlight>> complete;
    {
      const MutexLock lock(&mutex_);
      if (in_flight_.empty()) return;
      while ((complete = TakeComplete()).empty()) changed_.Wait(&mutex_);
    }
    Finish(complete);
  }
}

void Writer::LookAhead(const WriteBatch& batch, size_t at) {
  if (at % Checker::kLookAhead != 0) return;
  if (batch.patches.has_value()) {
    checker_.LookAhead(*batch.patches, at);
  } else {
    checker_.LookAhead(absl::MakeConstSpan(batch.operations).subspan(at, Checker::kLookAhead));
  }
}

absl::Status Writer::Check(const WriteBatch& batch, size_t at, OperationResult* result) {
  return batch.patches.has_value() ? checker_.Check(*batch.patches, at, result)
                                   : checker_.Check(batch.operations[at], result);
}

absl::Status Writer::CheckBatch(const WriteBatch& batch, InFlight* record) {
  WriteResult& result = record->result;
  result.results.reserve(batch.size());
  checker_.BeginUnit(record->header.time);
  if (batch.patches.has_value() && !batch.validate_only &&
      checker_.CheckAll(*batch.patches, &result.results)) {
    pending_.EndUnit(&record->units);
    ++record->header.units;
    return absl::OkStatus();
  }
  const bool of_models = batch.of_models();
  for (size_t i = 0; i < batch.size(); ++i) {
    LookAhead(batch, i);
    OperationResult one;
    absl::Status status;
    if (of_models && batch.size() > 1) {
      status = absl::InvalidArgumentError("an operation on models stands in a batch of its own");
    } else if (of_models) {
      status = checker_.CheckModels(batch.operations[i], &one);
    } else {
      status = Check(batch, i, &one);
    }
    if (!status.ok()) {
      pending_.RollBack();
      result.failed_operation = static_cast<int>(i);
      return InBatch(status, i, batch.size());
    }
    result.results.push_back(std::move(one));
  }
  if (absl::Status status = checker_.EndUnit(); !status.ok()) {
    pending_.RollBack();
    return status;
  }
  if (batch.validate_only) {
    pending_.RollBack();
    return absl::OkStatus();
  }
  pending_.EndUnit(&record->units);
  ++record->header.units;
  return absl::OkStatus();
}

void Writer::CheckEach(const WriteBatch& batch, InFlight* record) {
  record->result.results.reserve(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    LookAhead(batch, i);
    checker_.BeginUnit(record->header.time, /*alone=*/true);
    OperationResult one;
    one.status = Check(batch, i, &one);
    if (one.status.ok()) one.status = checker_.EndUnit();
    if (!one.status.ok()) {
      absl::Status status = std::move(one.status);
      one = OperationResult();
      one.status = std::move(status);
      pending_.RollBack();
    } else {
      // Also of a dry run, since later operations may rely on this one: all are taken back at its
      // end.
      pending_.EndUnit(&record->units);
      ++record->header.units;
    }
    record->result.results.push_back(std::move(one));
  }
}

absl::Status Writer::CheckForm(const WriteBatch& batch) const {
  if (static_cast<int64_t>(batch.size()) > options_.limits.batch_operations_max) {
    return absl::InvalidArgumentError(absl::StrCat("a batch of ", batch.size(),
                                                   " operations; batch_operations_max is ",
                                                   options_.limits.batch_operations_max));
  }
  if (static_cast<int64_t>(batch.request_id.size()) > options_.limits.request_id_length_max) {
    return absl::InvalidArgumentError(absl::StrCat("request_id has ", batch.request_id.size(),
                                                   " bytes; request_id_length_max is ",
                                                   options_.limits.request_id_length_max));
  }
  return absl::OkStatus();
}

void Writer::AnswerNow(Done done, WriteResult result) {
  std::vector<Answer> answers;
  answers.push_back({std::move(done), std::move(result)});
  answers_.Give(std::move(answers), /*here=*/false);
}

// Whether the request was done before, and with what result.
absl::Status Writer::FindDone(const Waiting& waiting, bool* is_known, WriteResult* result) {
  const MutexLock lock(&graph_.mutex);
  const RequestIds::Done* const before = graph_.request_ids.Find(waiting.batch.request_id);
  if (before == nullptr) return absl::OkStatus();
  // A batch of nothing asks what became of the request.
  if (waiting.batch.size() > 0 && before->digest != 0 && waiting.digest != 0 &&
      before->digest != waiting.digest) {
    return absl::InvalidArgumentError(
        "request_id: another request has had it; give each request an id of its own");
  }
  *is_known = true;
  *result = before->result;
  return absl::OkStatus();
}

// What was decided becomes a record, or is taken back where that would be too large.
absl::Status Writer::EncodeInto(journal::Record* record, size_t operations, InFlight* in_flight) {
  RecordHeader& header = in_flight->header;
  WriteResult& result = in_flight->result;
  std::string& units = in_flight->units;
  last_time_ = header.time;
  result.sequence = Sequence(pending_.next_sequence().value - 1);
  result.time = last_time_;
  if (!header.request_id.empty()) header.results = result.results;
  record->first = in_flight->first;
  record->count = header.units;
  if (operations >= kManyOperations) {
    unit_bytes_ = units.size() / operations + 1;
    if (units.capacity() / 2 > units.size()) units.shrink_to_fit();  // it is kept for a while
  }
  record->bytes.reserve(units.size() + header.request_id.size() + kHeaderBytes);
  EncodeRecord(header, units, &record->bytes);
  in_flight->number = next_record_++;
  pending_.EndRecord(in_flight->number);
  const size_t bytes = record->bytes.size();
  if (static_cast<int64_t>(bytes) <= options_.limits.batch_bytes_max) return absl::OkStatus();
  Drain();
  pending_.Reset();
  result = WriteResult();
  return absl::InvalidArgumentError(absl::StrCat("a batch whose record takes ", bytes,
                                                 " bytes; batch_bytes_max is ",
                                                 options_.limits.batch_bytes_max, "; divide it"));
}

void Writer::Process(Waiting waiting) {
  if (waiting.task != nullptr) {
    Drain();
    waiting.task();
    pending_.Reset();
    return;
  }
  if (waiting.telemetry != nullptr) {
    return ProcessTelemetry(*waiting.telemetry, std::move(waiting.telemetry_done));
  }
  const WriteBatch& batch = waiting.batch;
  auto in_flight = std::make_shared<InFlight>();
  WriteResult& result = in_flight->result;
  const auto answer = [&](absl::Status status) {
    result.status = std::move(status);
    if (!result.status.ok()) result.results.clear();
    result.sequence = Sequence(pending_.next_sequence().value - 1);
    result.time = last_time_;
    AnswerNow(std::move(waiting.done), std::move(result));
  };
  if (batch.size() == 0 && batch.request_id.empty()) return answer(absl::OkStatus());
  if (absl::Status status = CheckForm(batch); !status.ok()) return answer(std::move(status));
  // What depends on records that are not applied, and is not in the PendingState, waits for them;
  // so does a dry run of several operations, which is taken back by forgetting all that is pending.
  const bool dry_each = batch.validate_only && !batch.atomic;
  const bool of_models = batch.of_models();
  if (request_ids_in_flight_.contains(batch.request_id) || of_models || dry_each ||
      property_frames_in_flight_ > 0) {
    Drain();
  }
  {
    const MutexLock lock(&mutex_);
    if (failing_ || !writing_.ok()) {
      result.status = !writing_.ok() ? writing_ : absl::ResourceExhaustedError("the disk is full");
    }
  }
  if (!result.status.ok()) return answer(result.status);
  if (!batch.request_id.empty()) {
    bool is_known = false;
    if (absl::Status status = FindDone(waiting, &is_known, &result); !status.ok()) {
      return answer(std::move(status));
    }
    if (is_known) return AnswerNow(std::move(waiting.done), std::move(result));
    if (batch.size() == 0) return answer(absl::OkStatus());
  }

  RecordHeader& header = in_flight->header;
  header.time = std::max(clock_.Now(), last_time_);
  if (!batch.request_id.empty()) {
    header.request_id = StoredRequestId(batch.request_id, waiting.digest);
  }
  in_flight->first = pending_.next_sequence();
  // A long string that grows is copied several times, each time into fresh memory.
  std::string& units = in_flight->units;
  if (batch.size() >= kManyOperations) {
    units.reserve(std::min(unit_bytes_, kUnitBytesGuessedMax) * batch.size());
  }
  if (batch.atomic || of_models) {
    absl::Status checked = CheckBatch(batch, in_flight.get());
    if (!checked.ok()) return answer(std::move(checked));
  } else {
    CheckEach(batch, in_flight.get());
  }
  if (dry_each) pending_.Reset();
  // What was not written has no etag: the next write would have the same.
  if (batch.validate_only) {
    for (OperationResult& one : result.results) one.version = Sequence();
  }
  if (batch.validate_only || header.units == 0) return answer(absl::OkStatus());

  journal::Record record;
  if (absl::Status status = EncodeInto(&record, batch.size(), in_flight.get()); !status.ok()) {
    return answer(std::move(status));
  }
  in_flight->operations = batch.size();
  in_flight->done = std::move(waiting.done);
  if (!header.request_id.empty()) request_ids_in_flight_.insert(batch.request_id);
  Append(std::move(in_flight), std::move(record));
  if (batch.operations.size() >= kManyOperations) {
    // To free what they hold takes a while, and is nobody's hurry.
    AnswerNow([held = std::move(waiting.batch.operations)](const WriteResult&) {}, {});
  }
  // The PendingState knows no pending models: what follows is checked against the new ones.
  if (of_models) Drain();
}

void Writer::Append(std::shared_ptr<InFlight> in_flight, journal::Record record) {
  in_flight->bytes = record.bytes.size();
  bytes_written_.fetch_add(in_flight->bytes, std::memory_order_relaxed);
  bool is_alone = false;
  {
    const MutexLock lock(&mutex_);
    in_flight_.push_back(in_flight);
    bytes_in_flight_ += in_flight->bytes;
    operations_in_flight_ += in_flight->operations;
    is_alone = in_flight_.size() == 1 && is_queue_empty();
  }
  const auto done = [this, in_flight](absl::Status status) {
    const MutexLock lock(&mutex_);
    in_flight->status = std::move(status);
    in_flight->is_complete = true;
    if (!in_flight->status.ok()) {
      failing_ = true;
      if (in_flight->status.code() != absl::StatusCode::kResourceExhausted) {
        writing_ = in_flight->status;
      }
    }
    changed_.Signal();
  };
  // With nothing to check meanwhile, this thread may as well wait for the disk itself.
  if (is_alone) {
    journal_.AppendAndWait(epoch_, std::move(record), done);
  } else {
    journal_.Append(epoch_, std::move(record), done);
  }
}

void Writer::Publish(const std::vector<std::shared_ptr<InFlight>>& complete) {
  if (options_.applied == nullptr) return;
  std::vector<AppliedRecord> records;
  records.reserve(complete.size());
  for (const std::shared_ptr<InFlight>& each : complete) {
    if (!each->status.ok() || !each->is_record) continue;
    AppliedRecord& record = records.emplace_back();
    record.first = each->first;
    record.is_graph = each->telemetry.empty();
    record.count = record.is_graph ? each->header.units : each->sequences;
    record.time = record.is_graph ? each->header.time : TimeOf(each->telemetry);
    record.units = each->header.units;
    record.bytes = std::move(record.is_graph ? each->units : each->telemetry);
  }
  options_.applied->Take(std::move(records));
}

// Of results that are told together, all but a producer's last may wait for it.
void Writer::MarkFollowed(const std::vector<std::shared_ptr<InFlight>>& complete) {
  absl::flat_hash_set<absl::string_view> producers;
  for (auto each = complete.rbegin(); each != complete.rend(); ++each) {
    const InFlight& in_flight = **each;
    if (in_flight.producer.empty() || !in_flight.status.ok()) continue;
    in_flight.telemetry_result->more = !producers.insert(in_flight.producer).second;
  }
}

void Writer::Finish(const std::vector<std::shared_ptr<InFlight>>& complete) {
  {
    const MutexLock lock(&graph_.mutex);
    for (const std::shared_ptr<InFlight>& each : complete) {
      if (!each->status.ok() || !each->is_record) continue;
      const absl::Status status =
          each->telemetry.empty()
              ? ApplyUnits(each->units, each->header, each->first, /*applied=*/Sequence(0),
                           &graph_.graph, &graph_.telemetry)
              : graph_.telemetry.Apply(each->telemetry, each->first, each->sequences,
                                       /*applied=*/Sequence(0), &graph_.graph);
      TWIN_CHECK(status.ok()) << status;
      if (!each->header.request_id.empty()) {
        graph_.request_ids.Add(each->header.request_id, each->result, options_.limits);
      }
    }
    graph_.advanced.SignalAll();
  }
  Publish(complete);
  MarkFollowed(complete);
  std::vector<Answer> answers;
  answers.reserve(complete.size());
  for (const std::shared_ptr<InFlight>& each : complete) {
    if (each->status.ok()) {
      if (each->is_record) pending_.Applied(each->number);
    } else {
      const int failed = each->result.failed_operation;
      each->result = WriteResult();
      each->result.failed_operation = failed;
      each->result.status = each->status;
    }
    if (!each->producer.empty()) {
      const auto it = producers_in_flight_.find(each->producer);
      if (it != producers_in_flight_.end() && it->second == each->batch_number) {
        producers_in_flight_.erase(it);
      }
    }
    if (each->sets_properties) --property_frames_in_flight_;
    request_ids_in_flight_.erase(PlainRequestId(each->header.request_id));
    if (each->done != nullptr) answers.push_back({std::move(each->done), std::move(each->result)});
  }
  bool is_idle = false;
  {
    const MutexLock lock(&mutex_);
    is_idle = is_queue_empty() && in_flight_.empty();
    if (failing_ && in_flight_.empty()) {
      // Everything refused is about to be told; what follows begins where the graph stands.
      pending_.Reset();
      failing_ = false;
    }
  }
  answers_.Give(std::move(answers), /*here=*/is_idle);
}

}  // namespace twin::ingest
