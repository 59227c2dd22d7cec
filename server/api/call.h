// How handlers answer unary calls. Internal to server/api.
#ifndef TWIN_SERVER_API_CALL_H_
#define TWIN_SERVER_API_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "server/api/status.h"
#include "server/api/work_pool.h"
#include "server/base/clock.h"
#include "server/engine/engine.h"

namespace twin::predict {
class Predictors;
}

namespace twin::api {

struct Metrics;
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

inline grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                        const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

// Finishes the call with what `work` returns, from a thread of the pool.
template <typename Reactor, typename Work>
void FinishLater(WorkPool* pool, Reactor* reactor, Work work) {
  const bool accepted = pool->Submit(
      [reactor, work = std::move(work)]() mutable { reactor->Finish(ToGrpc(work())); });
  if (!accepted) {
    reactor->Finish(ToGrpc(absl::ResourceExhaustedError(
        "too many long calls wait (work_waiting_max); try again later")));
  }
}

template <typename Work>
grpc::ServerUnaryReactor* AnswerLater(grpc::CallbackServerContext* context, WorkPool* pool,
                                      Work work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  FinishLater(pool, reactor, std::move(work));
  return reactor;
}
template <typename Work>
grpc::ServerUnaryReactor* AnswerLater(grpc::CallbackServerContext* context,
                                      const Services& services, Work work) {
  return AnswerLater(context, services.pool, std::move(work));
}

// Answers with what `read` returns: at once where the head has `min_sequence`, else when it does.
// `read` takes a GraphView and must be quick: it runs under the writer's lock.
template <typename Read>
grpc::ServerUnaryReactor* AnswerRead(grpc::CallbackServerContext* context, const Services& services,
                                     uint64_t min_sequence, Read read) {
  absl::Status status;
  bool is_there = false;
  services.engine->Read([&](const graph::GraphView& head) {
    if (head.sequence() < Sequence(min_sequence)) return;
    is_there = true;
    status = read(head);
  });
  if (is_there) return Answer(context, status);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  services.engine->WhenReached(
      Sequence(min_sequence), DeadlineOf(*context, services),
      [context] { return context->IsCancelled(); },
      [&services, reactor, read = std::move(read)](absl::Status answer) mutable {
        if (answer.ok()) {
          services.engine->Read([&](const graph::GraphView& head) { answer = read(head); });
        }
        reactor->Finish(ToGrpc(answer));
      });
  return reactor;
}

// The same on a snapshot: a read that takes long holds nobody up.
template <typename Read>
grpc::ServerUnaryReactor* AnswerLongRead(grpc::CallbackServerContext* context,
                                         const Services& services, uint64_t min_sequence,
                                         Read read) {
  const std::shared_ptr<const graph::GraphView> view = services.engine->Pin();
  if (Sequence(min_sequence) <= view->sequence()) return Answer(context, read(*view));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  services.engine->WhenReached(
      Sequence(min_sequence), DeadlineOf(*context, services),
      [context] { return context->IsCancelled(); },
      [&services, reactor, read = std::move(read)](absl::Status answer) mutable {
        if (answer.ok()) answer = read(*services.engine->Pin());
        reactor->Finish(ToGrpc(answer));
      });
  return reactor;
}

// Writes one operation and answers with what `fill` makes of its result.
template <typename Fill>
grpc::ServerUnaryReactor* AnswerWrite(grpc::CallbackServerContext* context,
                                      const Services& services,
                                      absl::StatusOr<ingest::Operation> operation,
                                      bool validate_only, const std::string& request_id,
                                      Fill fill) {
  if (!operation.ok()) return Answer(context, operation.status());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  ingest::WriteBatch batch;
  batch.operations.push_back(*std::move(operation));
  batch.validate_only = validate_only;
  batch.request_id = request_id;
  services.engine->Write(std::move(batch), [reactor, fill = std::move(fill)](
                                               const ingest::WriteResult& result) mutable {
    if (result.status.ok()) fill(result);
    reactor->Finish(ToGrpc(result.status));
  });
  return reactor;
}

}  // namespace twin::api

#endif  // TWIN_SERVER_API_CALL_H_
