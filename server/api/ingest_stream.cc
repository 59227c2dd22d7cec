#include "server/api/ingest_stream.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/convert.h"
#include "server/api/rpc_metrics.h"
#include "server/api/telemetry_convert.h"
#include "server/ingest/telemetry.h"

namespace twin::api {

void ProducerStreams::Begin(const std::string& producer, std::shared_ptr<ProducerStream> stream) {
  std::shared_ptr<ProducerStream> before;
  {
    const MutexLock lock(&mutex_);
    std::shared_ptr<ProducerStream>& place = streams_[producer];
    before = std::exchange(place, std::move(stream));
  }
  if (before != nullptr) before->TakenOver();
}

void ProducerStreams::End(const std::string& producer, const ProducerStream* stream) {
  const MutexLock lock(&mutex_);
  const auto it = streams_.find(producer);
  if (it != streams_.end() && it->second.get() == stream) streams_.erase(it);
}

namespace {

constexpr size_t kBatchesInFlightMax = 1024;
constexpr uint64_t kInFlightBytesMax = 16 << 20;
constexpr size_t kSparesMax = 64;
constexpr uint64_t kSpareBytesMax = 1 << 20;

class IngestStream final : public grpc::ServerBidiReactor<pb::IngestRequest, pb::IngestResponse>,
                           public ProducerStream,
                           public std::enable_shared_from_this<IngestStream> {
 public:
  IngestStream(const Services& services, ProducerStreams* producers)
      : services_(services), producers_(*producers), metrics_(services.metrics->ingest) {
    metrics_.streams.fetch_add(1, std::memory_order_relaxed);
  }

  // Nothing happens before there is a shared_ptr of it.
  void Begin() {
    self_ = shared_from_this();
    Read();
  }

  void OnReadDone(bool ok) override {
    absl::Status status;
    if (ok) status = Take();
    Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      reads_done_ = !ok;
      reading_ = false;
      if (!status.ok()) End(std::move(status));
    });
  }

  void OnWriteDone(bool ok) override {
    Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      writing_ = false;
      broken_ = broken_ || !ok;
    });
  }

  void OnCancel() override {
    Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      broken_ = true;
      End(absl::CancelledError("the client is gone"));
    });
  }

  void OnDone() override {
    if (!producer_.empty()) producers_.End(producer_, this);
    metrics_.streams.fetch_sub(1, std::memory_order_relaxed);
    self_.reset();
  }

  void TakenOver() override {
    Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      End(absl::AbortedError(
          absl::StrCat("another stream of the producer '", producer_, "' took over")));
    });
  }

 private:
  // Messages are used again: their arrays keep their room.
  void Read() {
    {
      const MutexLock lock(&mutex_);
      if (!spares_.empty()) {
        request_ = std::move(spares_.back());
        spares_.pop_back();
      }
    }
    if (request_ == nullptr) request_ = std::make_shared<pb::IngestRequest>();
    StartRead(request_.get());
  }

  absl::Status Take() {
    const std::shared_ptr<pb::IngestRequest> request = std::move(request_);
    if (request->has_open()) return TakeOpen(request->open());
    if (!is_open_) return absl::InvalidArgumentError("the first request of a stream is `open`");
    switch (request->message_case()) {
      case pb::IngestRequest::kLayout:
        return TakeLayout(request->layout());
      case pb::IngestRequest::kFrames:
      case pb::IngestRequest::kSamples:
        return TakeBatch(request);
      default:
        return absl::InvalidArgumentError(
            "a request has one of `open`, `layout`, `frames` and `samples`");
    }
  }

  absl::Status TakeOpen(const pb::IngestOpen& open) {
    if (is_open_) return absl::InvalidArgumentError("a second `open` on the same stream");
    if (open.producer_id().size() > 128) {
      return absl::InvalidArgumentError("open.producer_id: it has more than 128 characters");
    }
    is_open_ = true;
    all_or_nothing_ = open.all_or_nothing();
    producer_ = open.producer_id();
    uint64_t last = 0;
    if (!producer_.empty()) {
      producers_.Begin(producer_, shared_from_this());
      services_.engine->ReadTelemetry(
          [&](const ingest::TelemetryState& state, const graph::GraphView&) {
            last = state.LastBatch(producer_);
          });
    }
    pb::IngestResponse response;
    response.mutable_opened()->set_last_batch_number(last);
    Change(
        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { responses_.push_back(std::move(response)); });
    return absl::OkStatus();
  }

  absl::Status TakeLayout(const pb::Layout& message) {
    absl::StatusOr<ingest::Layout> layout = ToLayout(message);
    if (!layout.ok()) {
      LayoutDone(message.id(), layout.status(), {});
      return absl::OkStatus();
    }
    {
      const MutexLock lock(&mutex_);
      ++in_flight_;
    }
    services_.engine->Register(
        *std::move(layout), /*validate_only=*/false,
        [self = shared_from_this(), id = message.id()](const ingest::LayoutResult& result) {
          self->LayoutDone(id, result.status, result);
          self->Finished();
        });
    return absl::OkStatus();
  }

  void LayoutDone(const std::string& id, const absl::Status& status,
                  const ingest::LayoutResult& result) {
    Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (status.ok()) {
        FillResponse(id, result, responses_.emplace_back().mutable_layout());
      } else {
        NoteReject(0, 0, status);
      }
    });
  }

  absl::Status TakeBatch(const std::shared_ptr<pb::IngestRequest>& request) {
    const uint64_t number = request->batch_number();
    if (number == 0) {
      return absl::InvalidArgumentError(
          "batch_number: frames and samples need one; they rise from 1");
    }
    ingest::TelemetryBatch batch;
    batch.keep = request;
    batch.producer = producer_;
    batch.number = producer_.empty() ? 0 : number;
    batch.all_or_nothing = all_or_nothing_;
    batch.bytes = request->ByteSizeLong();
    absl::Status wrong;
    if (request->has_samples()) {
      absl::StatusOr<ingest::SampleBatch> samples = ToSamples(request->samples());
      wrong = samples.status();
      if (samples.ok()) batch.samples.push_back(*std::move(samples));
    } else {
      batch.frames.reserve(static_cast<size_t>(request->frames().batches_size()));
      for (const pb::FrameBatch& frames : request->frames().batches()) {
        batch.frames.push_back(ToFrames(frames));
      }
    }
    const uint64_t bytes = batch.bytes;
    {
      const MutexLock lock(&mutex_);
      ++in_flight_;
      in_flight_bytes_ += bytes;
    }
    auto done =
        [self = shared_from_this(), number, bytes, request,
         begun = std::chrono::steady_clock::now()](const ingest::TelemetryResult& result) mutable {
          self->Note(result, bytes, begun);
          self->Finished(number, result, bytes, std::move(request));
        };
    if (!wrong.ok()) {
      // It takes its place in the order all the same.
      batch.samples.clear();
      services_.engine->Write(std::move(batch), [done = std::move(done),
                                                 wrong](ingest::TelemetryResult result) mutable {
        result.rejects.push_back({0, wrong});
        result.rejects_total = 1;
        done(result);
      });
    } else {
      services_.engine->Write(std::move(batch), std::move(done));
    }
    return absl::OkStatus();
  }

  void Note(const ingest::TelemetryResult& result, uint64_t bytes,
            std::chrono::steady_clock::time_point begun) {
    metrics_.batches.fetch_add(1, std::memory_order_relaxed);
    metrics_.rows.fetch_add(result.rows, std::memory_order_relaxed);
    metrics_.rejects.fetch_add(result.rejects_total, std::memory_order_relaxed);
    metrics_.bytes.fetch_add(bytes, std::memory_order_relaxed);
    metrics_.latency.Add(std::chrono::steady_clock::now() - begun);
  }

  void Finished(uint64_t number, const ingest::TelemetryResult& result, uint64_t bytes,
                std::shared_ptr<pb::IngestRequest> request) {
    Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      BatchDone(number, result);
      more_follow_ = result.more;
      OneLess(bytes, std::move(request));
    });
  }
  void Finished() {
    Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { OneLess(0, nullptr); });
  }

  void BatchDone(uint64_t number, const ingest::TelemetryResult& result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (absl::IsUnavailable(result.status)) return End(result.status);
    // One that was sent again is behind others.
    acknowledged_ = std::max(acknowledged_, number);
    acknowledgement_.set_batch_number(acknowledged_);
    if (result.sequence > Sequence(acknowledgement_.position().sequence())) {
      FillPosition(result.sequence, acknowledgement_.mutable_position());
    }
    acknowledgement_.set_rows(acknowledgement_.rows() + result.rows);
    if (result.expired_rows > 0) {
      acknowledgement_.set_expired_rows(acknowledgement_.expired_rows() + result.expired_rows);
      acknowledgement_.set_notice(result.notice);
    }
    if (!result.status.ok() && result.rejects_total == 0) NoteReject(number, 0, result.status);
    for (const ingest::Reject& reject : result.rejects) {
      NoteReject(number, reject.index, reject.status);
    }
    acknowledgement_.set_rejects_total(acknowledgement_.rejects_total() + result.rejects_total -
                                       result.rejects.size());
    has_news_ = true;
  }

  void NoteReject(uint64_t number, uint32_t index, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    acknowledgement_.set_rejects_total(acknowledgement_.rejects_total() + 1);
    if (acknowledgement_.rejects_size() < static_cast<int>(ingest::kRejectsMax)) {
      FillReject(number, index, status, acknowledgement_.add_rejects());
    }
    has_news_ = true;
  }

  void OneLess(uint64_t bytes, std::shared_ptr<pb::IngestRequest> request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    --in_flight_;
    in_flight_bytes_ -= bytes;
    if (request != nullptr && bytes <= kSpareBytesMax && spares_.size() < kSparesMax) {
      spares_.push_back(std::move(request));
    }
  }

  bool MayRead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !reading_ && !reads_done_ && !end_.has_value() && !broken_ &&
           in_flight_ < kBatchesInFlightMax && in_flight_bytes_ < kInFlightBytesMax;
  }

  void End(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!end_.has_value()) end_ = std::move(status);
  }

  // Changes the state, and then does what follows from it. gRPC may call back from within.
  template <typename Function>
  void Change(Function change) ABSL_LOCKS_EXCLUDED(mutex_) {
    bool read = false;
    bool write = false;
    bool finish = false;
    absl::Status end;
    {
      const MutexLock lock(&mutex_);
      change();
      read = MayRead();
      reading_ = reading_ || read;
      write = TakeResponse();
      finish = !write && !writing_ && !finished_ &&
               (end_.has_value() || (reads_done_ && in_flight_ == 0));
      finished_ = finished_ || finish;
      end = end_.value_or(absl::OkStatus());
    }
    if (write) StartWrite(&response_);
    if (read) Read();
    if (finish) Finish(ToGrpc(end));
  }

  // The next thing to say, if nothing is being said.
  bool TakeResponse() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool has_news = has_news_ && !more_follow_;
    if (writing_ || finished_ || broken_ || (responses_.empty() && !has_news)) return false;
    if (!responses_.empty()) {
      response_ = std::move(responses_.front());
      responses_.pop_front();
    } else {
      response_.Clear();
      response_.mutable_acknowledgement()->Swap(&acknowledgement_);
      acknowledgement_.Clear();
      has_news_ = false;
    }
    writing_ = true;
    return true;
  }

  const Services& services_;
  ProducerStreams& producers_;
  IngestMetrics& metrics_;
  std::shared_ptr<IngestStream> self_;

  // Of the one read that runs.
  std::shared_ptr<pb::IngestRequest> request_;
  bool is_open_ = false;
  bool all_or_nothing_ = false;
  std::string producer_;

  Mutex mutex_;
  std::vector<std::shared_ptr<pb::IngestRequest>> spares_ ABSL_GUARDED_BY(mutex_);
  size_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t in_flight_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<pb::IngestResponse> responses_ ABSL_GUARDED_BY(mutex_);
  pb::IngestAcknowledgement acknowledgement_ ABSL_GUARDED_BY(mutex_);  // since the last one sent
  uint64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;                  // a batch number
  bool has_news_ ABSL_GUARDED_BY(mutex_) = false;
  bool more_follow_ ABSL_GUARDED_BY(mutex_) = false;  // batches that may share an acknowledgement
  pb::IngestResponse response_;                       // that is being written
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

grpc::ServerBidiReactor<pb::IngestRequest, pb::IngestResponse>* NewIngestStream(
    const Services& services, ProducerStreams* producers) {
  const auto stream = std::make_shared<IngestStream>(services, producers);
  stream->Begin();
  return stream.get();
}

}  // namespace twin::api
