#include "server/api/watch_query.h"

#include <grpcpp/alarm.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/convert.h"
#include "server/api/queries.h"
#include "server/api/query_call.h"
#include "server/api/query_rows.h"
#include "server/api/standing_query.h"
#include "server/base/status_macros.h"
#include "server/events/feed.h"

namespace twin::api {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int64_t kIntervalMs = 1000;
constexpr int64_t kWatchIntervalMsMax = 3'600'000;
constexpr int64_t kProgressIntervalMs = 5000;
constexpr int64_t kProgressIntervalMsMin = 100;
constexpr size_t kChangesBytes = 1 << 20;  // of one message, about

absl::StatusOr<milliseconds> IntervalOf(uint32_t asked, int64_t least) {
  if (asked == 0) return milliseconds(std::max(kIntervalMs, least));
  if (asked < least || asked > kWatchIntervalMsMax) {
    return absl::InvalidArgumentError(absl::StrCat("interval_ms is ", asked, "; it is between ",
                                                   least, " (event_interval_ms_min) and ",
                                                   kWatchIntervalMsMax));
  }
  return milliseconds(asked);
}

pb::RowChange::Kind KindOf(RowChange::Kind kind) {
  switch (kind) {
    case RowChange::Kind::kAdded:
      return pb::RowChange::ADDED;
    case RowChange::Kind::kChanged:
      return pb::RowChange::CHANGED;
    case RowChange::Kind::kRemoved:
      return pb::RowChange::REMOVED;
  }
  return pb::RowChange::KIND_UNSPECIFIED;
}

}  // namespace

// Takes turns: evaluating on a thread of Queries::runners, sending, waiting for the next time. Only
// one of these goes on at once, and that one ends the call where it has to be ended.
class WatchQueryCall final : public grpc::ServerWriteReactor<pb::WatchQueryResponse> {
 public:
  WatchQueryCall(WatchQueries* all, const Services& services, grpc::CallbackServerContext* context,
                 const pb::WatchQueryRequest& request)
      : all_(*all),
        services_(services),
        request_(request),
        deadline_(DeadlineOf(*context, services)) {}

  void Begin() {
    const absl::Status added = all_.Add(this);
    is_added_ = added.ok();
    const absl::Status status = added.ok() ? Prepare() : added;
    if (!status.ok()) return End(status);
    // The client knows that it stands, whenever the first message comes.
    StartSendInitialMetadata();
    Evaluate();
  }

  // Ends it soon. Any thread.
  void Cancel(bool server_stops) ABSL_LOCKS_EXCLUDED(mutex_) {
    if (server_stops) server_stops_ = true;
    is_cancelled_ = true;
    const MutexLock lock(&mutex_);
    alarm_.Cancel();
  }

  // --- gRPC ---
  void OnCancel() override { Cancel(/*server_stops=*/false); }
  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::CancelledError("the client is gone"));
    messages_.pop_front();
    Go();
  }
  void OnDone() override { delete this; }

 private:
  absl::Status Prepare() {
    pb::QueryRequest query;
    query.set_text(request_.text());
    query.set_dialect(request_.dialect());
    *query.mutable_parameters() = request_.parameters();
    const Queries& queries = *services_.queries;
    TWIN_ASSIGN_OR_RETURN(QueryInput input, ReadQuery(query, queries.limits));
    TWIN_ASSIGN_OR_RETURN(
        interval_,
        IntervalOf(request_.interval_ms(), services_.engine->feed().options().interval_ms_min));
    if (request_.progress_interval_ms() > 0) {
      progress_interval_ =
          milliseconds(std::max<int64_t>(request_.progress_interval_ms(), kProgressIntervalMsMin));
    }
    StandingQuery::Options options;
    options.bind = std::move(input.bind);
    options.parameters = std::move(input.parameters);
    options.rows_max = static_cast<uint64_t>(queries.limits.watch_rows_max);
    options.bytes_max = static_cast<uint64_t>(queries.limits.watch_bytes_max);
    options.memory_bytes_max = queries.limits.memory_bytes_max;
    options.pool = queries.tasks.get();
    const std::unique_ptr<engine::SnapshotReader> reader = services_.engine->OpenReader();
    TWIN_ASSIGN_OR_RETURN(query_, StandingQuery::Create(request_.text(), std::move(options),
                                                        reader->shared_catalog()));
    return absl::OkStatus();
  }

  absl::Status Interrupted() {
    if (server_stops_) return absl::UnavailableError("the server is stopping; ask again");
    if (is_cancelled_) return absl::CancelledError("the client is gone");
    if (held_ != nullptr && held_->is_taken()) return held_->Get().status();
    return absl::OkStatus();
  }

  // --- Evaluating ---

  void Evaluate() {
    evaluated_at_ = SteadyClock::now();
    const bool accepted = services_.queries->runners.Submit([this] {
      const absl::Status status = Update();
      held_.reset();
      if (!status.ok()) return End(status);
      Go();
    });
    // There is work enough: what changed until the next time comes with it.
    if (!accepted) Go();
  }

  absl::Status Update() {
    TWIN_RETURN_IF_ERROR(Interrupted());
    if (changed_ == nullptr) {
      TWIN_RETURN_IF_ERROR(services_.engine->WaitFor(Sequence(request_.min_sequence()), deadline_,
                                                     [this] { return is_cancelled_.load(); }));
    }
    const std::shared_ptr<const graph::GraphView> view = services_.engine->Pin();
    held_ = services_.engine->Hold(engine::SnapshotUse::kQuery, view);
    const std::unique_ptr<engine::SnapshotReader> reader = services_.engine->OpenReader(view);
    const bool is_first = changed_ == nullptr;
    events::ChangedTwins changed;
    if (is_first) {
      changed_ = std::make_unique<events::ChangedTwinsReader>(
          services_.engine->feed().sources(), view->sequence(),
          static_cast<size_t>(services_.queries->limits.watch_rows_max));
    } else {
      TWIN_RETURN_IF_ERROR(changed_->Read(query_->watched(), *view, &changed));
    }
    std::vector<RowChange> changes;
    TWIN_RETURN_IF_ERROR(query_->Update(
        *reader, changed, [this] { return Interrupted(); }, &changes));
    if (changed.models) changed_->Forget();  // it watches columns of other models
    seen_ = view->sequence();
    if (is_first || !changes.empty() || IsProgressDue()) {
      MakeMessages(is_first, std::move(changes));
    }
    return absl::OkStatus();
  }

  bool IsProgressDue() const { return SteadyClock::now() >= told_at_ + progress_interval_; }

  void MakeMessages(bool is_first, std::vector<RowChange> changes) {
    told_at_ = SteadyClock::now();
    size_t bytes = 0;
    const auto add = [&]() -> pb::WatchQueryResponse& {
      if (!messages_.empty()) messages_.back().set_more(true);
      bytes = 0;
      pb::WatchQueryResponse& message = messages_.emplace_back();
      message.set_time_unix_nano(SystemClock().Now().ns);
      return message;
    };
    pb::WatchQueryResponse* message = &add();
    if (is_first) {
      RowWriter::FillColumns(query_->columns(), message->mutable_columns());
      for (const std::string& notice : query_->notices()) message->add_notices(notice);
      message->set_evaluated_whole_because(query_->why_whole());
      message->set_reset(true);
    }
    for (RowChange& change : changes) {
      if (bytes >= kChangesBytes) message = &add();
      bytes += change.key.size() + change.row.size();
      pb::RowChange* const row = message->add_changes();
      row->set_kind(KindOf(change.kind));
      row->set_key(std::move(change.key));
      row->set_row(std::move(change.row));
    }
    FillPosition(seen_, message->mutable_position());
  }

  // --- Taking turns ---

  // What there is to send, or wait for. Afterwards this may be gone.
  void Go() {
    const absl::Status status = Interrupted();
    if (!status.ok()) return End(status);
    if (!messages_.empty()) return StartWrite(&messages_.front());
    Wait();
  }

  void Wait() ABSL_LOCKS_EXCLUDED(mutex_) {
    const auto due =
        std::chrono::system_clock::now() + (evaluated_at_ + interval_ - SteadyClock::now());
    const MutexLock lock(&mutex_);
    // Its callback comes on another thread, also where it is cancelled at once.
    alarm_.Set(due, [this](bool) { Wake(); });
    if (is_cancelled_) alarm_.Cancel();
  }

  void Wake() ABSL_LOCKS_EXCLUDED(mutex_) {
    // Wait has let go of its lock.
    { const MutexLock lock(&mutex_); }
    const absl::Status status = Interrupted();
    if (!status.ok()) return End(status);
    Sequence applied;
    services_.engine->Read([&](const graph::GraphView& head) { applied = head.sequence(); });
    if (seen_ == applied && !IsProgressDue()) {
      evaluated_at_ = SteadyClock::now();
      return Wait();
    }
    Evaluate();
  }

  // The last thing that anything does here: afterwards it may be gone.
  void End(const absl::Status& status) {
    if (is_added_) all_.Remove(this);
    Finish(ToGrpc(status));
  }

  WatchQueries& all_;
  const Services& services_;
  const pb::WatchQueryRequest request_;
  const Time deadline_;  // of the first result
  milliseconds interval_{kIntervalMs};
  milliseconds progress_interval_{kProgressIntervalMs};
  bool is_added_ = false;

  // Of whoever has its turn.
  std::unique_ptr<StandingQuery> query_;
  std::unique_ptr<events::ChangedTwinsReader> changed_;  // nullptr: nothing was evaluated yet
  std::shared_ptr<engine::HeldSnapshot> held_;           // while it is evaluated
  Sequence seen_;
  SteadyClock::time_point evaluated_at_;
  SteadyClock::time_point told_at_;
  std::deque<pb::WatchQueryResponse> messages_;  // the first one is on its way

  std::atomic<bool> is_cancelled_ = false;
  std::atomic<bool> server_stops_ = false;
  Mutex mutex_;
  grpc::Alarm alarm_ ABSL_GUARDED_BY(mutex_);
};

// --- WatchQueries ---

grpc::ServerWriteReactor<pb::WatchQueryResponse>* WatchQueries::Watch(
    grpc::CallbackServerContext* context, const pb::WatchQueryRequest* request) {
  auto* const call = new WatchQueryCall(this, services_, context, *request);
  call->Begin();
  return call;
}

absl::Status WatchQueries::Add(WatchQueryCall* call) {
  const MutexLock lock(&mutex_);
  if (stopping_) return absl::UnavailableError("the server is stopping");
  const int64_t calls_max = services_.queries->limits.watch_queries_max;
  if (calls_.size() >= static_cast<size_t>(calls_max)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "there are ", calls_max, " standing queries (watch_queries_max); end one first"));
  }
  calls_.insert(call);
  return absl::OkStatus();
}

void WatchQueries::Remove(WatchQueryCall* call) {
  const MutexLock lock(&mutex_);
  calls_.erase(call);
}

void WatchQueries::Stop() {
  const MutexLock lock(&mutex_);
  stopping_ = true;
  // None is gone before it has been removed.
  for (WatchQueryCall* const call : calls_) call->Cancel(/*server_stops=*/true);
}

size_t WatchQueries::size() const {
  const MutexLock lock(&mutex_);
  return calls_.size();
}

}  // namespace twin::api
