// The stream that answers a query: when it has to end, and its messages. Internal to server/api.
#ifndef TWIN_SERVER_API_QUERY_STREAM_H_
#define TWIN_SERVER_API_QUERY_STREAM_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <chrono>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "server/api/query_runs.h"
#include "server/api/rpc_metrics.h"
#include "server/base/sync.h"
#include "twingraph/v1/query_service.pb.h"

namespace twin::api {

// Two messages take turns: one is filled while the other is on its way. The header travels with the
// first one, or alone where that takes long.
class QueryStream : public grpc::ServerWriteReactor<twingraph::v1::QueryResponse> {
 public:
  void OnWriteDone(bool ok) override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnCancel() override {
    gone_ = true;
    const std::shared_ptr<QueryRun> run = run_;  // lives through its end, this may not
    if (run->withdraw()) run->end();
  }
  void OnDone() override { delete this; }

 protected:
  using Clock = std::chrono::steady_clock;

  QueryStream(grpc::CallbackServerContext* context, Metrics* metrics, std::shared_ptr<QueryRun> run,
              std::chrono::nanoseconds time_max)
      : context_(context),
        timed_(metrics, "QueryService/Query"),
        run_(std::move(run)),
        deadline_(start_ + time_max) {}

  // Why the query must end: cancelled, no client any more, too late. Any thread may ask.
  absl::Status Interrupted() ABSL_LOCKS_EXCLUDED(mutex_);
  // What it reads was taken away; asked often, by any thread.
  virtual absl::Status Lost() const = 0;
  bool is_over() const { return run_->cancelled || gone_; }

  // Begins, and ends, a time on gRPC's own thread: there nothing can be sent, and what takes long
  // is interrupted. EndBrief() says whether it was: then all has to begin again.
  void BeginBrief() { is_brief_ = true; }
  bool EndBrief();
  bool is_brief() const { return is_brief_; }

  void SetHeader(twingraph::v1::QueryHeader header) ABSL_LOCKS_EXCLUDED(mutex_);
  twingraph::v1::QueryResponse* message() { return &messages_[filling_]; }
  // Sends message(), which is an empty one afterwards.
  absl::Status Send() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until nothing is on its way.
  absl::Status WaitForWrite() ABSL_LOCKS_EXCLUDED(mutex_);
  // Sends message() as the last one, or the error: afterwards the stream may be gone. Nothing may
  // be on its way.
  void SendLast(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  QueryRun& run() { return *run_; }
  std::shared_ptr<QueryRun> shared_run() const { return run_; }
  Clock::time_point start() const { return start_; }

 private:
  void SendHeader() ABSL_LOCKS_EXCLUDED(mutex_);
  void MoveHeader() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  grpc::CallbackServerContext* const context_;
  const TimedCall timed_;
  const std::shared_ptr<QueryRun> run_;
  const Clock::time_point start_ = Clock::now();
  const Clock::time_point deadline_;
  std::atomic<bool> gone_ = false;  // the client
  std::atomic<bool> is_brief_ = false;
  std::atomic<bool> is_too_long_ = false;

  twingraph::v1::QueryResponse messages_[2];
  int filling_ = 0;

  Mutex mutex_;
  CondVar changed_;
  twingraph::v1::QueryResponse header_ ABSL_GUARDED_BY(mutex_);
  bool has_header_ ABSL_GUARDED_BY(mutex_) = false;  // that is to be sent
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERY_STREAM_H_
