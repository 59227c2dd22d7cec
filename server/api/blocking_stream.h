// Streams for work that reads and writes one thing after the other on a thread of its own, over
// gRPC's callback API. Internal to server/api.
#ifndef TWIN_SERVER_API_BLOCKING_STREAM_H_
#define TWIN_SERVER_API_BLOCKING_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/api/call.h"
#include "server/base/sync.h"

namespace twin::api {

// A bidirectional stream. `Run` is called on a thread of the pool; Read and Write block there.
template <typename Request, typename Response>
class BlockingBidi : public grpc::ServerBidiReactor<Request, Response> {
 public:
  // The next message; false: the client has sent all, or is gone.
  bool Read(Request* request) {
    {
      const MutexLock lock(&mutex_);
      is_read_ = false;
    }
    this->StartRead(request);
    const MutexLock lock(&mutex_);
    while (!is_read_) changed_.Wait(&mutex_);
    return read_ok_;
  }
  // False: the client is gone.
  bool Write(const Response& response) {
    {
      const MutexLock lock(&mutex_);
      is_written_ = false;
    }
    this->StartWrite(&response);
    const MutexLock lock(&mutex_);
    while (!is_written_) changed_.Wait(&mutex_);
    return write_ok_;
  }
  bool cancelled() {
    const MutexLock lock(&mutex_);
    return cancelled_;
  }

  void OnReadDone(bool ok) override {
    const MutexLock lock(&mutex_);
    is_read_ = true;
    read_ok_ = ok;
    changed_.Signal();
  }
  void OnWriteDone(bool ok) override {
    const MutexLock lock(&mutex_);
    is_written_ = true;
    write_ok_ = ok;
    changed_.Signal();
  }
  void OnCancel() override {
    const MutexLock lock(&mutex_);
    cancelled_ = true;
  }
  void OnDone() override { delete this; }

 protected:
  virtual absl::Status Run() = 0;

  void Start(const Services& services) {
    const bool accepted = services.pool->Submit([this] { this->Finish(ToGrpc(Run())); });
    if (!accepted) {
      this->Finish(ToGrpc(absl::ResourceExhaustedError(
          "too many long calls wait (work_waiting_max); try again later")));
    }
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool is_read_ ABSL_GUARDED_BY(mutex_) = false;
  bool read_ok_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_written_ ABSL_GUARDED_BY(mutex_) = false;
  bool write_ok_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

// A server's stream, the same way.
template <typename Response>
class BlockingWriter : public grpc::ServerWriteReactor<Response> {
 public:
  bool Write(const Response& response) {
    {
      const MutexLock lock(&mutex_);
      is_written_ = false;
    }
    this->StartWrite(&response);
    const MutexLock lock(&mutex_);
    while (!is_written_) changed_.Wait(&mutex_);
    return write_ok_;
  }
  void OnWriteDone(bool ok) override {
    const MutexLock lock(&mutex_);
    is_written_ = true;
    write_ok_ = ok;
    changed_.Signal();
  }
  void OnCancel() override {}
  void OnDone() override { delete this; }

 protected:
  virtual absl::Status Run() = 0;

  void Start(const Services& services) {
    const bool accepted = services.pool->Submit([this] { this->Finish(ToGrpc(Run())); });
    if (!accepted) {
      this->Finish(ToGrpc(absl::ResourceExhaustedError(
          "too many long calls wait (work_waiting_max); try again later")));
    }
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool is_written_ ABSL_GUARDED_BY(mutex_) = false;
  bool write_ok_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_BLOCKING_STREAM_H_
