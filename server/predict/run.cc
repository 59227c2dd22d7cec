#include "server/predict/run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/status_macros.h"
#include "server/predict/check_answer.h"
#include "server/predict/document_value.h"

namespace twin::predict {
namespace {

// Of a run; batches of its recoveries are numbered behind them.
constexpr uint64_t kBatchesOfRecovery = 100'000'000;
constexpr size_t kTwinIdBytesMax = 512;  // 128 characters, as twins have at most
// Of a batch, about: where rows have sequences it has fewer of them.
constexpr size_t kBatchBytesMax = 4 << 20;
constexpr int64_t kDescribeMsMax = 10'000;
constexpr std::chrono::milliseconds kPollTime{100};
constexpr size_t kMessageBytesMax = 1 << 10;  // of a run's message

int64_t Ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

// Row i of `from` behind what is in `to`; the type says which lists there are.
void AppendRow(const FeatureColumn& from, size_t row, size_t rows_before, FeatureType type,
               FeatureColumn* to) {
  const bool is_null = from.IsNull(row);
  if (is_null && to->nulls.empty()) to->nulls.assign(rows_before, 0);
  if (is_null || !to->nulls.empty()) to->nulls.push_back(is_null ? 1 : 0);
  switch (type) {
    case FeatureType::kDouble:
      to->doubles.push_back(from.doubles[row]);
      break;
    case FeatureType::kString:
      to->strings.push_back(from.strings[row]);
      break;
    case FeatureType::kSequence:
      if (to->offsets.empty()) to->offsets.push_back(0);
      to->doubles.insert(to->doubles.end(), from.doubles.begin() + from.offsets[row],
                         from.doubles.begin() + from.offsets[row + 1]);
      to->offsets.push_back(static_cast<uint32_t>(to->doubles.size()));
      break;
  }
}

// What a query calls `twin` is kept in lines of a forecast, even where there is no such twin.
absl::Status CheckTwinId(absl::string_view id) {
  const bool is_plain = std::all_of(id.begin(), id.end(),
                                    [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
  if (!id.empty() && is_plain && id.size() <= kTwinIdBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the feature query has a row whose `twin` is no id (\"",
                   absl::CHexEscape(id.substr(0, kTwinIdBytesMax)), "\"); select $dtId AS twin"));
}

// The beginning of a UTF-8 text, without half a character at its end.
absl::string_view WholeCharacters(absl::string_view text, size_t bytes_max) {
  size_t end = std::min(text.size(), bytes_max);
  while (end > 0 && end < text.size() && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

// Bytes of a row, about.
size_t BytesOfRow(const std::vector<Feature>& features, const FeatureRows& rows, size_t row) {
  size_t bytes = rows.twins[row].size();
  for (size_t i = 0; i < features.size(); ++i) {
    const FeatureColumn& column = rows.columns[i];
    if (features[i].type == FeatureType::kSequence && !column.IsNull(row)) {
      bytes += sizeof(double) * (column.offsets[row + 1] - column.offsets[row]);
    } else {
      bytes += sizeof(double);
    }
  }
  return bytes;
}

// kOk: the row may be sent.
EstimateStatus CheckRow(const std::vector<Feature>& features, const FeatureRows& rows, size_t row) {
  EstimateStatus status = EstimateStatus::kOk;
  for (size_t i = 0; i < features.size(); ++i) {
    const Feature& feature = features[i];
    const FeatureColumn& column = rows.columns[i];
    const bool is_empty = feature.type == FeatureType::kSequence && !column.IsNull(row) &&
                          column.offsets[row] == column.offsets[row + 1];
    if (column.IsNull(row) || is_empty) {
      if (feature.required) return EstimateStatus::kInsufficientData;
      continue;
    }
    if (feature.type != FeatureType::kDouble) continue;
    const double value = column.doubles[row];
    if (value < feature.min.value_or(value) || value > feature.max.value_or(value)) {
      status = EstimateStatus::kOutOfDomain;
    }
  }
  return status;
}

bool HasValue(const std::vector<PathEstimates>& paths, size_t row) {
  return std::any_of(paths.begin(), paths.end(),
                     [row](const PathEstimates& path) { return path.estimates[row].has_value(); });
}

}  // namespace

std::string NameOfRun(const RunRecord& run) {
  return absl::StrFormat("%s/%020d", run.predictor, run.number);
}

Run::Run(RunParts parts, RunRecord record)
    : parts_(std::move(parts)),
      registration_(parts_.registration),
      host_(*parts_.host),
      record_(std::move(record)),
      batch_rows_(static_cast<size_t>(BatchRowsOf(registration_))),
      schema_hash_(FeatureSchemaHash(registration_.description.features)) {
  pending_.columns.resize(registration_.description.features.size());
}

std::string Run::RequestId(uint64_t batch) const {
  return absl::StrCat("predict/", record_.predictor, "/", registration_.registered.ns, "/",
                      record_.number, "/", batch);
}

storage::Documents::Change Run::RecordChange() const {
  return {kRunCollection, NameOfRun(record_), ToBytes(Encode(record_))};
}

absl::Status Run::Interrupted() const {
  return is_stopping() ? absl::CancelledError("the server is stopping") : absl::OkStatus();
}

void Run::WaitToRetry(int tries) const {
  int64_t delay_ms = kRetryDelayMs;
  for (int i = 1; i < tries; ++i) delay_ms *= 3;
  for (; delay_ms > 0 && !is_stopping(); delay_ms -= kPollTime.count()) {
    std::this_thread::sleep_for(std::min(kPollTime, std::chrono::milliseconds(delay_ms)));
  }
}

RunRecord Run::Execute() {
  absl::Status status = CheckPredictor();
  if (status.ok()) {
    status = Produce();
  } else if (const absl::Status marked = MarkGone(); !marked.ok()) {
    status = marked;
  }
  return End(status);
}

RunRecord Run::Recover() {
  const absl::Status status = WriteKept();
  if (!status.ok()) return End(status);
  if (record_.twins_dropped) {
    return End(absl::AbortedError("interrupted by the server's end; run it again for the rest"));
  }
  return Execute();
}

// Nobody renews what it estimated.
absl::Status Run::MarkGone() {
  if (registration_.spec.is_shadow) return absl::OkStatus();
  for (const Output& output : registration_.description.outputs) {
    const std::string path = PathOf(registration_, output);
    std::vector<std::string> twins = record_.twins;
    if (twins.empty()) {
      TWIN_ASSIGN_OR_RETURN(twins, host_.FindEstimates(registration_.description.target_model, path,
                                                       registration_.spec.name));
    }
    TWIN_ASSIGN_OR_RETURN(
        const uint64_t without_value,
        MarkEstimates(registration_.spec.name, path, registration_.description.version,
                      EstimateStatus::kStale, twins, &host_));
    if (&output != &registration_.description.outputs.front()) continue;
    record_.rows += twins.size();
    Count(EstimateStatus::kStale, twins.size(), without_value);
  }
  return absl::OkStatus();
}

void Run::Count(EstimateStatus status, uint64_t marked, uint64_t without_value) {
  record_.by_status[static_cast<size_t>(EstimateStatus::kError)] += without_value;
  record_.by_status[static_cast<size_t>(status)] += marked - without_value;
}

absl::Status Run::CheckPredictor() {
  TWIN_RETURN_IF_ERROR(parts_.may_call());
  if (registration_.spec.address.empty()) return absl::OkStatus();
  for (int tries = 1;; ++tries) {
    absl::Status status = CheckService();
    if (status.ok() || !IsTransient(status) || tries == kTries) return status;
    record_.retries += 1;
    WaitToRetry(tries);
    TWIN_RETURN_IF_ERROR(Interrupted());
    TWIN_RETURN_IF_ERROR(parts_.may_call());
  }
}

// A service may have been replaced since it was registered.
absl::Status Run::CheckService() {
  const absl::StatusOr<Description> description = parts_.predictor->Describe(
      std::min(DeadlineMsOf(registration_), kDescribeMsMax), [this] { return is_stopping(); });
  absl::Status status = description.status();
  if (status.ok()) {
    const std::string hash = FeatureSchemaHash(description->features);
    if (hash != schema_hash_) {
      status = absl::FailedPreconditionError(
          absl::StrCat("the service has other features now (schema ", hash, " instead of ",
                       schema_hash_, "); register it again with --replace"));
    } else {
      status = CheckDescription(*description);
      if (status.ok()) status = CheckSameOutputs(registration_.description, *description);
    }
  }
  parts_.called(status);
  return status;
}

absl::Status Run::Produce() {
  FeatureQuery query;
  query.text = QueryOf(registration_);
  query.model = registration_.description.target_model;
  query.features = &registration_.description.features;
  query.twins = record_.twins.empty() ? nullptr : &record_.twins;
  query.now = record_.as_of;
  const int64_t start = Ns();
  const int64_t predict_before = record_.predict_ns;
  const int64_t write_before = record_.write_ns;
  absl::StatusOr<Sequence> sequence = host_.ReadFeatures(
      query, [this] { return Interrupted(); },
      [this](FeatureRows rows, Host::MayGoOn may_go_on) {
        return Take(std::move(rows), may_go_on);
      });
  record_.query_ns +=
      Ns() - start - (record_.predict_ns - predict_before) - (record_.write_ns - write_before);
  TWIN_RETURN_IF_ERROR(sequence.status());
  record_.sequence = *sequence;
  const auto may_go_on = [this] { return Interrupted(); };
  if (!pending_.twins.empty()) TWIN_RETURN_IF_ERROR(Launch(may_go_on));
  return Drain(0, may_go_on);
}

absl::Status Run::Take(FeatureRows rows, Host::MayGoOn may_go_on) {
  const std::vector<Feature>& features = registration_.description.features;
  const bool is_recovery = record_.trigger == Trigger::kRecovery;
  for (size_t row = 0; row < rows.twins.size(); ++row) {
    TWIN_RETURN_IF_ERROR(CheckTwinId(rows.twins[row]));
    if (!seen_.insert(rows.twins[row]).second) {
      if (is_recovery) continue;  // it has its estimate of this run
      return absl::InvalidArgumentError(absl::StrCat("the feature query has more than one row of '",
                                                     rows.twins[row], "'; group by the twin"));
    }
    pending_bytes_ += BytesOfRow(features, rows, row);
    for (size_t i = 0; i < features.size(); ++i) {
      AppendRow(rows.columns[i], row, pending_.twins.size(), features[i].type,
                &pending_.columns[i]);
    }
    pending_.twins.push_back(std::move(rows.twins[row]));
    if (pending_.twins.size() < batch_rows_ && pending_bytes_ < kBatchBytesMax) continue;
    TWIN_RETURN_IF_ERROR(Launch(may_go_on));
    pending_bytes_ = 0;
  }
  if (static_cast<int64_t>(seen_.size()) > parts_.options->rows_max) {
    return absl::ResourceExhaustedError(absl::StrCat("the feature query has more than ",
                                                     parts_.options->rows_max,
                                                     " rows (predictor_rows_max)"));
  }
  return absl::OkStatus();
}

Run::BatchPtr Run::MakeBatch() {
  const std::vector<Feature>& features = registration_.description.features;
  const size_t rows = pending_.twins.size();
  FeatureRows taken = std::move(pending_);
  pending_ = {};
  pending_.columns.resize(features.size());
  auto batch = std::make_shared<Batch>();
  batch->number = next_batch_++;
  batch->statuses.resize(rows);
  for (size_t row = 0; row < rows; ++row) {
    batch->statuses[row] = CheckRow(features, taken, row);
    if (batch->statuses[row] == EstimateStatus::kOk) {
      batch->sent.push_back(static_cast<uint32_t>(row));
    }
  }
  auto request = std::make_shared<Request>();
  request->id = RequestId(batch->number);
  request->predictor = registration_.description.name;
  request->schema_hash = schema_hash_;
  request->as_of = record_.as_of;
  if (batch->sent.size() == rows) {
    request->columns = std::move(taken.columns);
    request->twins = taken.twins;
  } else {
    request->columns.resize(features.size());
    for (const uint32_t row : batch->sent) {
      for (size_t i = 0; i < features.size(); ++i) {
        AppendRow(taken.columns[i], row, request->twins.size(), features[i].type,
                  &request->columns[i]);
      }
      request->twins.push_back(taken.twins[row]);
    }
  }
  batch->twins = std::move(taken.twins);
  batch->request = std::move(request);
  return batch;
}

absl::Status Run::Launch(Host::MayGoOn may_go_on) {
  const int64_t in_flight_max = registration_.spec.batches_in_flight > 0
                                    ? registration_.spec.batches_in_flight
                                    : kBatchesInFlightDefault;
  TWIN_RETURN_IF_ERROR(Drain(static_cast<size_t>(in_flight_max) - 1, may_go_on));
  const BatchPtr batch = MakeBatch();
  record_.batches += 1;
  record_.rows += batch->twins.size();
  if (!batch->sent.empty()) {
    ++in_flight_;
    Send(batch);
    return absl::OkStatus();
  }
  return FinishUnasked(batch);
}

void Run::Send(const BatchPtr& batch) {
  batch->tries += 1;
  if (const absl::Status status = parts_.may_call(); !status.ok()) {
    const MutexLock lock(&inbox_->mutex);
    inbox_->answers.emplace_back(batch, status);
    batch->tries = kTries;
    return;
  }
  parts_.predictor->Predict(batch->request, DeadlineMsOf(registration_),
                            [batch, inbox = inbox_](absl::StatusOr<Answer> answer) {
                              const MutexLock lock(&inbox->mutex);
                              inbox->answers.emplace_back(batch, std::move(answer));
                              inbox->changed.Signal();
                            });
}

absl::Status Run::Drain(size_t in_flight_max, Host::MayGoOn may_go_on) {
  while (in_flight_ > in_flight_max) {
    const int64_t start = Ns();
    std::deque<std::pair<BatchPtr, absl::StatusOr<Answer>>> answers;
    {
      const MutexLock lock(&inbox_->mutex);
      if (inbox_->answers.empty()) inbox_->changed.WaitFor(&inbox_->mutex, kPollTime);
      answers.swap(inbox_->answers);
    }
    record_.predict_ns += Ns() - start;
    TWIN_RETURN_IF_ERROR(may_go_on());
    for (auto& [batch, answer] : answers) {
      TWIN_RETURN_IF_ERROR(Handle(batch, std::move(answer)));
    }
  }
  return absl::OkStatus();
}

absl::Status Run::Handle(const BatchPtr& batch, absl::StatusOr<Answer> answer) {
  absl::Status status = answer.status();
  if (status.ok()) status = CheckAnswer(registration_.description, *batch->request, &*answer);
  parts_.called(status);
  if (status.ok()) {
    --in_flight_;
    return Finish(batch, *answer);
  }
  if (IsTransient(status) && batch->tries < kTries) {
    record_.retries += 1;
    WaitToRetry(batch->tries);
    Send(batch);
    return absl::OkStatus();
  }
  --in_flight_;
  return Fail(batch, status);
}

// The last good values stay, and say that they were not renewed.
absl::Status Run::Fail(const BatchPtr& batch, const absl::Status& error) {
  failed_batches_ += 1;
  if (first_error_.empty()) first_error_ = std::string(error.message());
  const EstimateStatus status =
      IsTransient(error) ? EstimateStatus::kStale : EstimateStatus::kError;
  std::vector<std::string> failed;
  for (const uint32_t row : batch->sent) failed.push_back(batch->twins[row]);
  uint64_t without_value = 0;
  if (!registration_.spec.is_shadow) {
    for (const Output& output : registration_.description.outputs) {
      TWIN_ASSIGN_OR_RETURN(
          without_value, MarkEstimates(registration_.spec.name, PathOf(registration_, output),
                                       registration_.description.version, status, failed, &host_));
    }
  }
  Count(status, failed.size(), without_value);
  return FinishUnsent(batch);
}

absl::Status Run::FinishUnsent(const BatchPtr& batch) {
  auto rest = std::make_shared<Batch>();
  rest->number = batch->number;
  for (size_t row = 0; row < batch->twins.size(); ++row) {
    if (batch->statuses[row] == EstimateStatus::kOk) continue;
    rest->twins.push_back(batch->twins[row]);
    rest->statuses.push_back(batch->statuses[row]);
  }
  if (rest->twins.empty()) return absl::OkStatus();
  auto request = std::make_shared<Request>();
  request->id = RequestId(batch->number);
  request->columns.resize(registration_.description.features.size());
  rest->request = std::move(request);
  return FinishUnasked(rest);
}

absl::Status Run::FinishUnasked(const BatchPtr& batch) {
  Answer answer;
  answer.request_id = batch->request->id;
  for (const Output& output : registration_.description.outputs) {
    answer.outputs.emplace_back();
    answer.outputs.back().output = output.name;
  }
  TWIN_RETURN_IF_ERROR(CheckAnswer(registration_.description, *batch->request, &answer));
  return Finish(batch, answer);
}

absl::Status Run::Finish(const BatchPtr& batch, const Answer& answer) {
  if (!answer.model_version.empty()) record_.model_version = answer.model_version;
  std::vector<PathEstimates> paths;
  std::vector<ForecastBlock> blocks;
  const Time now = host_.Now();
  for (size_t i = 0; i < answer.outputs.size(); ++i) {
    const OutputColumns& columns = answer.outputs[i];
    PathEstimates of_path;
    of_path.path = PathOf(registration_, registration_.description.outputs[i]);
    Estimate none;
    none.value = none.lo = none.hi = std::nan("");
    none.level = columns.level;
    none.method = columns.method;
    none.model_version = answer.model_version;
    none.as_of = record_.as_of;
    of_path.estimates.assign(batch->twins.size(), none);
    for (size_t row = 0; row < batch->twins.size(); ++row) {
      of_path.estimates[row].status = batch->statuses[row];
    }
    ForecastBlock block;
    block.run = record_.number;
    block.batch = batch->number;
    block.path = of_path.path;
    block.made = now;
    block.as_of = record_.as_of;
    block.level = columns.level;
    block.method = columns.method;
    block.model_version = answer.model_version;
    block.is_shadow = registration_.spec.is_shadow;
    for (size_t k = 0; k < batch->sent.size(); ++k) {
      Estimate& estimate = of_path.estimates[batch->sent[k]];
      estimate.value = columns.values[k];
      estimate.lo = columns.lo[k];
      estimate.hi = columns.hi[k];
      estimate.status = columns.statuses[k];
      if (!estimate.has_value()) continue;
      block.twins.push_back(batch->twins[batch->sent[k]]);
      block.values.push_back(estimate.value);
      block.lo.push_back(estimate.lo);
      block.hi.push_back(estimate.hi);
      block.statuses.push_back(estimate.status);
      if (!columns.valid_until_ns.empty()) {
        block.valid_until_ns.push_back(columns.valid_until_ns[k]);
      }
    }
    blocks.push_back(std::move(block));
    paths.push_back(std::move(of_path));
  }
  for (size_t row = 0; row < batch->twins.size(); ++row) {
    const size_t status = static_cast<size_t>(paths[0].estimates[row].status);
    record_.by_status[status] += 1;
    record_.kept_by_status[status] += HasValue(paths, row) ? 1 : 0;
  }
  const int64_t start = Ns();
  TWIN_RETURN_IF_ERROR(parts_.forecasts->Add(record_.predictor, blocks, {RecordChange()}));
  const MutexLock writing(parts_.writing);
  TWIN_RETURN_IF_ERROR(Write(batch->twins, paths, batch->number));
  record_.write_ns += Ns() - start;
  for (const ForecastBlock& block : blocks) parts_.made(block);
  return absl::OkStatus();
}

absl::Status Run::Write(const std::vector<std::string>& twins,
                        const std::vector<PathEstimates>& paths, uint64_t batch) {
  if (registration_.spec.is_shadow) return absl::OkStatus();
  // What has a value is kept as a forecast. After a crash these rows are known, and the others are
  // not: so they go apart, in an order that is the same then.
  std::vector<size_t> with;
  std::vector<size_t> without;
  for (size_t row = 0; row < twins.size(); ++row) {
    (HasValue(paths, row) ? with : without).push_back(row);
  }
  std::sort(with.begin(), with.end(), [&](size_t a, size_t b) { return twins[a] < twins[b]; });
  TWIN_RETURN_IF_ERROR(WriteRows(twins, paths, with, RequestId(batch)));
  return WriteRows(twins, paths, without, absl::StrCat(RequestId(batch), "/s"));
}

// Each operation of this run has taken one sequence at most.
void Run::LookForOthers(Sequence written, uint64_t operations) {
  const bool is_shared = written_.value > 0 && written.value > written_.value + operations;
  others_write_ = is_shared ? kWritesAlone : std::max(others_write_ - 1, 0);
  written_ = std::max(written_, written);
}

absl::Status Run::WriteRows(const std::vector<std::string>& twins,
                            const std::vector<PathEstimates>& paths, absl::Span<const size_t> rows,
                            const std::string& request_id) {
  const auto make = [&](size_t part) {
    const size_t first = part * kWriteTwins;
    return MakeWrite(registration_.spec.name, twins, paths, rows.subspan(first, kWriteTwins),
                     &host_, absl::StrCat(request_id, "/", first));
  };
  Mutex mutex;
  CondVar changed;
  int in_flight = 0;
  std::vector<ingest::WriteResult> results((rows.size() + kWriteTwins - 1) / kWriteTwins);
  for (size_t part = 0; part < results.size(); ++part) {
    ingest::WriteBatch write = make(part);
    if (write.operations.empty()) continue;
    {
      const MutexLock lock(&mutex);
      while (in_flight >= (others_write_ > 0 ? 1 : kWritesInFlight)) changed.Wait(&mutex);
      ++in_flight;
    }
    const uint64_t operations = write.operations.size();
    host_.Write(std::move(write), [&, part, operations](ingest::WriteResult result) {
      const MutexLock lock(&mutex);
      LookForOthers(result.sequence, operations);
      results[part] = std::move(result);
      --in_flight;
      changed.Signal();
    });
  }
  {
    const MutexLock lock(&mutex);
    while (in_flight > 0) changed.Wait(&mutex);
  }
  for (size_t part = 0; part < results.size(); ++part) {
    ingest::WriteResult& result = results[part];
    for (int tries = 1; absl::IsResourceExhausted(result.status) && tries < kTries; ++tries) {
      WaitToRetry(tries);
      result = host_.Write(make(part));
    }
    TWIN_RETURN_IF_ERROR(result.status);
    for (const ingest::OperationResult& operation : result.results) {
      // A twin may have been deleted since the features were read.
      if (!operation.status.ok() && !absl::IsNotFound(operation.status) && first_error_.empty()) {
        first_error_ = std::string(operation.status.message());
      }
    }
  }
  return absl::OkStatus();
}

// Blocks of this run, as far as it came: their writes again, under their request ids.
absl::Status Run::WriteKept() {
  std::vector<std::vector<ForecastBlock>> batches;
  TWIN_RETURN_IF_ERROR(parts_.forecasts->Visit(record_.predictor, [&](const ForecastBlock& block) {
    if (block.run != record_.number) return block.run > record_.number;
    if (batches.empty() || batches.back()[0].batch != block.batch) batches.emplace_back();
    batches.back().push_back(block);
    seen_.insert(block.twins.begin(), block.twins.end());
    return true;
  }));
  for (const std::vector<ForecastBlock>& blocks : batches) {
    // All of a batch at once, as it was: a block or more for each path, the twins not always the
    // same.
    std::vector<std::string> twins;
    absl::flat_hash_map<std::string, size_t> row_of;
    for (const ForecastBlock& block : blocks) {
      for (const std::string& twin : block.twins) {
        if (row_of.emplace(twin, twins.size()).second) twins.push_back(twin);
      }
    }
    Estimate absent;
    absent.is_absent = true;
    std::vector<PathEstimates> paths;
    for (const ForecastBlock& block : blocks) {
      auto path = std::find_if(paths.begin(), paths.end(), [&](const PathEstimates& of_path) {
        return of_path.path == block.path;
      });
      if (path == paths.end()) {
        paths.push_back({block.path, std::vector<Estimate>(twins.size(), absent)});
        path = std::prev(paths.end());
      }
      for (size_t i = 0; i < block.twins.size(); ++i) {
        path->estimates[row_of[block.twins[i]]] = {.value = block.values[i],
                                                   .lo = block.lo[i],
                                                   .hi = block.hi[i],
                                                   .level = block.level,
                                                   .status = block.statuses[i],
                                                   .method = block.method,
                                                   .model_version = block.model_version,
                                                   .as_of = block.as_of};
      }
    }
    const MutexLock writing(parts_.writing);
    TWIN_RETURN_IF_ERROR(Write(twins, paths, blocks[0].batch));
    for (const ForecastBlock& block : blocks) parts_.made(block);
  }
  record_.trigger = Trigger::kRecovery;
  // What has no forecast is asked for and counted again.
  record_.batches = batches.size();
  record_.by_status = record_.kept_by_status;
  record_.rows = std::accumulate(record_.by_status.begin(), record_.by_status.end(), uint64_t{0});
  // Request ids that were used without a block must not be used again.
  record_.recoveries += 1;
  next_batch_ = record_.recoveries * kBatchesOfRecovery + 1;
  return absl::OkStatus();
}

RunRecord Run::End(const absl::Status& status) {
  if (is_stopping()) return record_;
  record_.end = host_.Now();
  if (!status.ok()) {
    record_.state = RunState::kFailed;
    record_.message = std::string(status.message());
  } else if (failed_batches_ > 0) {
    record_.state = failed_batches_ == record_.batches ? RunState::kFailed : RunState::kPartly;
    record_.message = first_error_;
  } else {
    record_.state = RunState::kDone;
    record_.message = first_error_;
  }
  if (record_.message.size() > kMessageBytesMax) {
    record_.message = absl::StrCat(WholeCharacters(record_.message, kMessageBytesMax), "…");
  }
  std::vector<storage::Documents::Change> changes = {RecordChange()};
  if (record_.number > kRunsKept) {
    RunRecord old = record_;
    old.number -= kRunsKept;
    changes.push_back({kRunCollection, NameOfRun(old), {}});
  }
  const absl::Status committed = host_.documents().Commit(changes);
  if (!committed.ok() && record_.message.empty())
    record_.message = std::string(committed.message());
  return record_;
}

}  // namespace twin::predict
