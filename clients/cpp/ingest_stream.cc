#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "clients/cpp/call.h"
#include "clients/cpp/retry.h"
#include "clients/cpp/stubs.h"
#include "clients/cpp/telemetry.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::steady_clock;
using GrpcStream = grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>;

constexpr int kBufferedMax = 16;                        // messages that go out together
constexpr std::chrono::milliseconds kStopPollTime{20};  // how soon a cancellation is noticed

}  // namespace

// Threads: the caller's queues, `run_` connects and writes, a third reads while a connection
// stands. One mutex guards everything between them; nobody holds it while gRPC works.
class IngestStream::Impl {
 public:
  Impl(const Caller* caller, v1::TelemetryService::Stub* stub, IngestOptions options)
      : caller_(*caller), stub_(stub), options_(std::move(options)) {
    next_number_ = options_.first_batch_number;
    run_ = std::thread([this] { Run(); });
  }
  ~Impl() {
    {
      const std::unique_lock lock(mutex_);
      stopped_ = true;
      if (context_ != nullptr) context_->TryCancel();
    }
    wake_.notify_all();
    if (run_.joinable()) run_.join();
  }

  absl::Status WaitForOpen() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return opened_ || !status_.ok(); });
    return status_;
  }

  // `request` gets its number, unless it is a layout.
  absl::Status Send(v1::IngestRequest request) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock,
               [&] { return queue_.size() < options_.batches_in_flight_max || !status_.ok(); });
    if (!status_.ok()) return status_;
    if (closing_) return absl::FailedPreconditionError("the stream is closed");
    if (!request.has_layout()) {
      request.set_batch_number(next_number_++);
      if (request.batch_number() <= durable_) {
        ++totals_.batches;
        ++totals_.skipped;
        return absl::OkStatus();
      }
    }
    queue_.push_back(std::make_shared<const v1::IngestRequest>(std::move(request)));
    wake_.notify_all();
    return absl::OkStatus();
  }

  absl::Status Flush() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return queue_.empty() || !status_.ok(); });
    return status_;
  }

  absl::Status Close() {
    if (absl::Status status = Flush(); !status.ok()) return status;
    {
      const std::unique_lock lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    if (run_.joinable()) run_.join();
    const std::unique_lock lock(mutex_);
    return status_;
  }

  uint64_t next_number() const {
    const std::unique_lock lock(mutex_);
    return next_number_;
  }
  void set_next_number(uint64_t number) {
    const std::unique_lock lock(mutex_);
    next_number_ = std::max(next_number_, number);
  }
  IngestTotals totals() const {
    const std::unique_lock lock(mutex_);
    return totals_;
  }

 private:
  bool Cancelled() const {
    const std::atomic<bool>* const flag = caller_.options().cancelled;
    return flag != nullptr && flag->load(std::memory_order_relaxed);
  }

  void Run() {
    std::optional<Backoff> backoff(caller_.options().retry);
    for (int tries = 1;; ++tries) {
      answered_ = false;
      const grpc::Status grpc_status = Connection();
      if (answered_) {
        tries = 1;
        backoff.emplace(caller_.options().retry);
      }
      if (!TryAgain(grpc_status, tries) || !Wait(backoff->Next())) break;
    }
    wake_.notify_all();
  }

  // After a connection has ended: whether to make another. Sets status_ where that is a failure.
  bool TryAgain(const grpc::Status& grpc_status, int tries) {
    const std::unique_lock lock(mutex_);
    if (stopped_ || (closing_ && queue_.empty())) return false;
    if (answered_) lost_at_ = steady_clock::now();
    const bool transient = grpc_status.ok() || caller_.IsCutOff(grpc_status);
    const bool patient = opened_ ? steady_clock::now() - lost_at_ < options_.reconnect_time_max
                                 : tries < caller_.options().retry.tries_max;
    if (transient && patient && !Cancelled()) {
      if (opened_) ++totals_.reconnects;
      return true;
    }
    status_ = caller_.Explain(grpc_status);
    if (status_.ok()) status_ = absl::UnavailableError("the server ended the stream");
    return false;
  }

  // False: there is no reason to go on.
  bool Wait(std::chrono::milliseconds time) {
    const auto end = steady_clock::now() + time;
    std::unique_lock lock(mutex_);
    while (steady_clock::now() < end && !stopped_ && !Cancelled())
      wake_.wait_for(lock, kStopPollTime);
    if (!stopped_ && !Cancelled()) return true;
    if (!stopped_) status_ = absl::CancelledError("interrupted");
    return false;
  }

  // One connection, from its beginning to its end.
  grpc::Status Connection() {
    grpc::ClientContext context;
    if (!SetContext(&context)) return grpc::Status::CANCELLED;
    const CancelWatch watch(&context, caller_.options().cancelled);
    const std::unique_ptr<GrpcStream> stream = stub_->Ingest(&context);
    v1::IngestRequest open;
    open.mutable_open()->set_producer_id(options_.producer_id);
    open.mutable_open()->set_all_or_nothing(options_.all_or_nothing);
    v1::IngestResponse response;
    if (stream->Write(open) && stream->Read(&response) && response.has_opened()) {
      TakeOpened(response.opened());
      std::thread reader([&] { ReadAll(stream.get()); });
      WriteAll(stream.get());
      stream->WritesDone();
      reader.join();
    }
    SetContext(nullptr);
    return stream->Finish();
  }

  // False: it must not be used.
  bool SetContext(grpc::ClientContext* context) {
    const std::unique_lock lock(mutex_);
    context_ = context;
    return !stopped_;
  }

  void TakeOpened(const v1::IngestOpened& opened) {
    {
      const std::unique_lock lock(mutex_);
      if (next_number_ == 0) next_number_ = opened.last_batch_number() + 1;
      next_to_write_ = queue_.size();
      Drop(opened.last_batch_number());
      next_to_write_ = 0;  // what is left is sent again
      read_ended_ = false;
      answered_ = opened_ = true;
    }
    wake_.notify_all();
  }

  void WriteAll(GrpcStream* stream) {
    for (int buffered = 1;; ++buffered) {
      std::shared_ptr<const v1::IngestRequest> request;
      grpc::WriteOptions how;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] {
          return read_ended_ || stopped_ || next_to_write_ < queue_.size() ||
                 (closing_ && queue_.empty());
        });
        if (read_ended_ || stopped_ || next_to_write_ >= queue_.size()) return;
        request = queue_[next_to_write_++];
        // Those that wait go out together.
        if (next_to_write_ < queue_.size() && buffered < kBufferedMax) how.set_buffer_hint();
      }
      if (!how.get_buffer_hint()) buffered = 0;
      if (!stream->Write(*request, how)) return;  // Finish() says why.
    }
  }

  void ReadAll(GrpcStream* stream) {
    v1::IngestResponse response;
    while (stream->Read(&response)) {
      if (response.has_acknowledgement()) {
        if (options_.on_acknowledgement) options_.on_acknowledgement(response.acknowledgement());
        TakeAcknowledgement(response.acknowledgement());
      } else if (response.has_layout()) {
        if (options_.on_layout) options_.on_layout(response.layout());
        const std::unique_lock lock(mutex_);
        DropLayout();
      }
      wake_.notify_all();
    }
    const std::unique_lock lock(mutex_);
    read_ended_ = true;
    wake_.notify_all();
  }

  void TakeAcknowledgement(const v1::IngestAcknowledgement& acknowledgement) {
    const std::unique_lock lock(mutex_);
    totals_.rows += acknowledgement.rows();
    totals_.rejects_total += acknowledgement.rejects_total();
    totals_.expired_rows += acknowledgement.expired_rows();
    if (!acknowledgement.notice().empty()) totals_.notice = acknowledgement.notice();
    for (const v1::Reject& reject : acknowledgement.rejects()) {
      if (totals_.rejects.size() < IngestTotals::kRejectsMax) totals_.rejects.push_back(reject);
      if (reject.batch_number() == 0) DropLayout();
    }
    if (acknowledgement.has_position()) totals_.position = acknowledgement.position();
    Drop(acknowledgement.batch_number());
  }

  // Everything up to the last batch with at most that number: layouts before it are answered, too.
  void Drop(uint64_t number) {
    durable_ = std::max(durable_, number);
    size_t dropped = 0;
    for (size_t i = 0; i < queue_.size(); ++i) {
      const uint64_t at = queue_[i]->batch_number();
      if (at > number) break;
      if (at > 0) dropped = i + 1;
    }
    for (size_t i = 0; i < dropped; ++i) {
      if (queue_.front()->batch_number() > 0) ++totals_.batches;
      queue_.pop_front();
    }
    next_to_write_ -= std::min(next_to_write_, dropped);
  }

  // The first layout that waits for its answer.
  void DropLayout() {
    for (size_t i = 0; i < next_to_write_; ++i) {
      if (!queue_[i]->has_layout()) continue;
      queue_.erase(queue_.begin() + static_cast<ptrdiff_t>(i));
      --next_to_write_;
      return;
    }
  }

  const Caller& caller_;
  v1::TelemetryService::Stub* const stub_;
  const IngestOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;                                // whatever below has changed
  std::deque<std::shared_ptr<const v1::IngestRequest>> queue_;  // not acknowledged
  size_t next_to_write_ = 0;                                    // index in queue_
  uint64_t next_number_ = 0;                                    // 0: not known yet
  uint64_t durable_ = 0;
  grpc::ClientContext* context_ = nullptr;  // of the connection that stands
  bool opened_ = false;                     // once
  bool read_ended_ = false;                 // of the connection that stands
  bool closing_ = false;
  bool stopped_ = false;
  steady_clock::time_point lost_at_;  // the last connection that stood
  IngestTotals totals_;
  absl::Status status_;  // a failure: the stream has ended

  bool answered_ = false;  // the last connection; only of run_
  std::thread run_;
};

IngestStream::IngestStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
IngestStream::~IngestStream() = default;

absl::StatusOr<std::unique_ptr<IngestStream>> IngestStream::Open(Client* client,
                                                                 IngestOptions options) {
  if (options.batches_in_flight_max == 0) options.batches_in_flight_max = 1;
  auto impl = std::make_unique<Impl>(&client->stubs_->caller, client->stubs_->telemetry.get(),
                                     std::move(options));
  if (absl::Status status = impl->WaitForOpen(); !status.ok()) return status;
  return std::unique_ptr<IngestStream>(new IngestStream(std::move(impl)));
}

absl::Status IngestStream::Send(v1::Layout layout) {
  v1::IngestRequest request;
  *request.mutable_layout() = std::move(layout);
  return impl_->Send(std::move(request));
}

absl::Status IngestStream::Send(v1::FrameBatches frames) {
  v1::IngestRequest request;
  *request.mutable_frames() = std::move(frames);
  return impl_->Send(std::move(request));
}

absl::Status IngestStream::Send(v1::SampleBatch samples) {
  v1::IngestRequest request;
  *request.mutable_samples() = std::move(samples);
  return impl_->Send(std::move(request));
}

uint64_t IngestStream::next_batch_number() const { return impl_->next_number(); }
void IngestStream::set_next_batch_number(uint64_t number) { impl_->set_next_number(number); }
absl::Status IngestStream::Flush() { return impl_->Flush(); }
absl::Status IngestStream::Close() { return impl_->Close(); }
IngestTotals IngestStream::totals() const { return impl_->totals(); }

}  // namespace twin::client
