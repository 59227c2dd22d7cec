// Streams for work that reads and writes one thing after the other on a thread of its own, over
// gRPC's callback API. Internal to server/api.
//
// A thread of the pool waits for the client, so waiting has a bound: stream_idle_ms_max.
#ifndef TWIN_SERVER_API_BLOCKING_STREAM_H_
#define TWIN_SERVER_API_BLOCKING_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "server/api/call.h"
#include "server/base/sync.h"

namespace twin::api {

inline absl::Status IdleError(const Services& services) {
  return absl::DeadlineExceededError(
      absl::StrCat("the client neither sent nor took anything for stream_idle_ms_max (",
                   services.stream_idle_ms_max, " ms)"));
}

// One operation of gRPC's that a thread waits for.
class Awaited {
 public:
  void Begin() {
    const MutexLock lock(&mutex_);
    is_done_ = false;
  }
  void Done(bool ok) {
    const MutexLock lock(&mutex_);
    is_done_ = true;
    ok_ = ok;
    changed_.Signal();
  }
  // False: it is not done after so long.
  bool WaitFor(int64_t ms) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    const MutexLock lock(&mutex_);
    while (!is_done_) {
      const auto left = end - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds::zero()) return false;
      changed_.WaitFor(&mutex_, left);
    }
    return true;
  }
  bool Wait() {
    const MutexLock lock(&mutex_);
    while (!is_done_) changed_.Wait(&mutex_);
    return ok_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool is_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool ok_ ABSL_GUARDED_BY(mutex_) = false;
};

// The writes of a stream, one after the other. A client that takes nothing for too long is given
// up.
class BlockingWrites {
 public:
  BlockingWrites(int64_t idle_ms_max, grpc::CallbackServerContext* context)
      : idle_ms_max_(idle_ms_max), context_(*context) {}

  // `start` begins one, whose end is told to Done. False: the client is gone, or takes nothing.
  bool Write(absl::FunctionRef<void()> start) {
    if (idle_) return false;
    written_.Begin();
    start();
    if (!written_.WaitFor(idle_ms_max_)) {
      idle_ = true;
      context_.TryCancel();
    }
    return written_.Wait() && !idle_;
  }
  void Done(bool ok) { written_.Done(ok); }
  void GiveUp() { idle_ = true; }
  bool idle() const { return idle_; }
  int64_t idle_ms_max() const { return idle_ms_max_; }

 private:
  const int64_t idle_ms_max_;
  grpc::CallbackServerContext& context_;
  Awaited written_;
  bool idle_ = false;
};

// A bidirectional stream. `Run` is called on a thread of the pool; Read and Write block there.
template <typename Request, typename Response>
class BlockingBidi : public grpc::ServerBidiReactor<Request, Response> {
 public:
  BlockingBidi(const Services& services, grpc::CallbackServerContext* context)
      : writes_(services.stream_idle_ms_max, context) {}

  // The next message; false: the client has sent all, or is gone, or idle.
  bool Read(Request* request) {
    if (idle()) return false;
    read_.Begin();
    this->StartRead(&incoming_);
    if (!read_.WaitFor(writes_.idle_ms_max())) {
      writes_.GiveUp();  // Finish ends the read
      return false;
    }
    if (!read_.Wait()) return false;
    request->Swap(&incoming_);
    return true;
  }
  // False: the client is gone, or takes nothing.
  bool Write(const Response& response) {
    return writes_.Write([&] { this->StartWrite(&response); });
  }
  // The client was idle for too long. Nothing can be read or written any more.
  bool idle() const { return writes_.idle(); }
  bool cancelled() {
    const MutexLock lock(&mutex_);
    return cancelled_;
  }

  void OnReadDone(bool ok) override { read_.Done(ok); }
  void OnWriteDone(bool ok) override { writes_.Done(ok); }
  void OnCancel() override {
    const MutexLock lock(&mutex_);
    cancelled_ = true;
  }
  void OnDone() override { delete this; }

 protected:
  virtual absl::Status Run() = 0;

  void Start(const Services& services) {
    FinishLater(
        services.pool, [this] { return Run(); },
        [this](const absl::Status& status) { this->Finish(ToGrpc(status)); });
  }

 private:
  BlockingWrites writes_;
  Request incoming_;  // also after Run has returned
  Awaited read_;
  Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

// A server's stream, the same way.
template <typename Response>
class BlockingWriter : public grpc::ServerWriteReactor<Response> {
 public:
  // `method` is a literal, "TwinService/Export".
  BlockingWriter(const Services& services, grpc::CallbackServerContext* context,
                 absl::string_view method)
      : context_(*context),
        writes_(services.stream_idle_ms_max, context),
        timed_(services.metrics, method) {}

  bool Write(const Response& response) {
    return writes_.Write([&] { this->StartWrite(&response); });
  }
  bool idle() const { return writes_.idle(); }
  void OnWriteDone(bool ok) override { writes_.Done(ok); }
  void OnCancel() override {}
  void OnDone() override { delete this; }

 protected:
  virtual absl::Status Run() = 0;

  // When the head has `min_sequence`.
  void StartAt(const Services& services, uint64_t min_sequence) {
    services.engine->WhenReached(
        Sequence(min_sequence), DeadlineOf(context_, services),
        [this] { return context_.IsCancelled(); },
        [this, &services](const absl::Status& reached) {
          if (reached.ok()) {
            FinishLater(
                services.pool, [this] { return Run(); },
                [this](const absl::Status& status) { End(status); });
          } else {
            End(reached);
          }
        });
  }

 private:
  // Afterwards this may be gone.
  void End(const absl::Status& status) {
    timed_.End(status.ok());
    this->Finish(ToGrpc(status));
  }

  grpc::CallbackServerContext& context_;
  BlockingWrites writes_;
  const TimedCall timed_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_BLOCKING_STREAM_H_
