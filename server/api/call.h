// How handlers answer unary calls, and count them. Internal to server/api.
#ifndef TWIN_SERVER_API_CALL_H_
#define TWIN_SERVER_API_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "server/api/rpc_metrics.h"
#include "server/api/status.h"
#include "server/api/work_pool.h"
#include "server/base/clock.h"
#include "server/engine/engine.h"

namespace twin::predict {
class Predictors;
}

namespace twin::api {

struct Queries;

// What every handler needs. Outlives them.
struct Services {
  engine::Engine* engine = nullptr;
  WorkPool* pool = nullptr;
  std::string version;
  std::string data_dir;
  int64_t deadline_default_ms = 30'000;
  int64_t deadline_ms_max = 600'000;
  int64_t stream_idle_ms_max = 60'000;
  int64_t import_models_bytes_max = 64 << 20;
  int64_t import_line_bytes_max = 8 << 20;
  Queries* queries = nullptr;
  predict::Predictors* predictors = nullptr;
  Metrics* metrics = nullptr;
};

// When a call has to be answered: what the client said, within the server's bounds.
inline Time DeadlineOf(const grpc::CallbackServerContext& context, const Services& services) {
  const Time now = SystemClock().Now();
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                        context.deadline() - std::chrono::system_clock::now())
                        .count();
  // Without a deadline the client's is "never", centuries away.
  int64_t ms = left;
  if (left > services.deadline_ms_max) {
    ms = left > int64_t{365} * 24 * 3600 * 1000 ? services.deadline_default_ms
                                                : services.deadline_ms_max;
  }
  return Time{now.ns + std::max<int64_t>(ms, 0) * kNsPerMs};
}

// A unary call: the first line of its handler makes one, so that the call is counted. Whoever
// answers has a copy; one of them answers, once.
class UnaryCall {
 public:
  // `method` is a literal, "TwinService/GetTwin".
  UnaryCall(grpc::CallbackServerContext* context, const Services& services,
            absl::string_view method)
      : context_(context), services_(services), timed_(services.metrics, method) {}

  // The response is what it is then. Afterwards it, the request and the context may be gone.
  grpc::ServerUnaryReactor* Answer(const absl::Status& status) const {
    timed_.End(status.ok());
    reactor_->Finish(ToGrpc(status));
    return reactor_;
  }

  // What the handler returns.
  grpc::ServerUnaryReactor* reactor() const { return reactor_; }
  const grpc::CallbackServerContext& context() const { return *context_; }
  const Services& services() const { return services_; }

 private:
  grpc::CallbackServerContext* context_;
  grpc::ServerUnaryReactor* reactor_ = context_->DefaultReactor();
  const Services& services_;
  TimedCall timed_;
};

// Gives what `work` returns to `finish`, from a thread of the pool.
template <typename Work, typename Finish>
void FinishLater(WorkPool* pool, Work work, Finish finish) {
  const bool accepted =
      pool->Submit([work = std::move(work), finish]() mutable { finish(work()); });
  if (!accepted) {
    finish(absl::ResourceExhaustedError(
        "too many long calls wait (work_waiting_max); try again later"));
  }
}

template <typename Work>
grpc::ServerUnaryReactor* AnswerLater(const UnaryCall& call, WorkPool* pool, Work work) {
  FinishLater(pool, std::move(work), [call](const absl::Status& status) { call.Answer(status); });
  return call.reactor();
}
template <typename Work>
grpc::ServerUnaryReactor* AnswerLater(const UnaryCall& call, Work work) {
  return AnswerLater(call, call.services().pool, std::move(work));
}

// Answers with what `read` makes of the state that has `min_sequence`, which is not there yet.
template <typename Read>
grpc::ServerUnaryReactor* AnswerWhenReached(const UnaryCall& call, uint64_t min_sequence,
                                            Read read) {
  call.services().engine->WhenReached(
      Sequence(min_sequence), DeadlineOf(call.context(), call.services()),
      [call] { return call.context().IsCancelled(); },
      [call, read = std::move(read)](const absl::Status& reached) mutable {
        call.Answer(reached.ok() ? read() : reached);
      });
  return call.reactor();
}

// Answers with what `read` returns: at once where the head has `min_sequence`, else when it does.
// `read` takes a GraphView and must be quick: it runs under the writer's lock.
template <typename Read>
grpc::ServerUnaryReactor* AnswerRead(const UnaryCall& call, uint64_t min_sequence, Read read) {
  absl::Status status;
  bool is_there = false;
  engine::Engine* const engine = call.services().engine;
  engine->Read([&](const graph::GraphView& head) {
    if (head.sequence() < Sequence(min_sequence)) return;
    is_there = true;
    status = read(head);
  });
  if (is_there) return call.Answer(status);
  return AnswerWhenReached(call, min_sequence, [engine, read = std::move(read)]() mutable {
    absl::Status answer;
    engine->Read([&](const graph::GraphView& head) { answer = read(head); });
    return answer;
  });
}

// The same on a snapshot: a read that takes long holds nobody up.
template <typename Read>
grpc::ServerUnaryReactor* AnswerLongRead(const UnaryCall& call, uint64_t min_sequence, Read read) {
  engine::Engine* const engine = call.services().engine;
  const std::shared_ptr<const graph::GraphView> view = engine->Pin();
  if (Sequence(min_sequence) <= view->sequence()) return call.Answer(read(*view));
  return AnswerWhenReached(call, min_sequence, [engine, read = std::move(read)]() mutable {
    return read(*engine->Pin());
  });
}

// Writes one operation and answers with what `fill` makes of its result.
template <typename Fill>
grpc::ServerUnaryReactor* AnswerWrite(const UnaryCall& call,
                                      absl::StatusOr<ingest::Operation> operation,
                                      bool validate_only, const std::string& request_id,
                                      Fill fill) {
  if (!operation.ok()) return call.Answer(operation.status());
  ingest::WriteBatch batch;
  batch.operations.push_back(*std::move(operation));
  batch.validate_only = validate_only;
  batch.request_id = request_id;
  call.services().engine->Write(
      std::move(batch), [call, fill = std::move(fill)](const ingest::WriteResult& result) mutable {
        if (result.status.ok()) fill(result);
        call.Answer(result.status);
      });
  return call.reactor();
}

}  // namespace twin::api

#endif  // TWIN_SERVER_API_CALL_H_
