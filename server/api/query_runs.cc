#include "server/api/query_runs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace twin::api {
namespace {

// At most that many bytes, without a half of a character.
absl::string_view Cut(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

std::shared_ptr<QueryRun> QueryRuns::Begin(absl::string_view text, std::string client, Time now,
                                           std::function<bool()> withdraw,
                                           std::function<void()> end) {
  auto run = std::make_shared<QueryRun>();
  run->text = std::string(Cut(text, kTextBytesMax));
  run->client = std::move(client);
  run->start = now;
  run->withdraw = std::move(withdraw);
  run->end = std::move(end);
  const MutexLock lock(&mutex_);
  run->id = next_id_++;
  running_.emplace_hint(running_.end(), run->id, run);
  return run;
}

void QueryRuns::End(const QueryRun& run, const absl::Status& status,
                    const query::ExecuteStatistics& statistics, Time now) {
  const int64_t duration_ns = std::max<int64_t>(now.ns - run.start.ns, 0);
  twingraph::v1::FinishedQuery slow;
  const bool is_slow = duration_ns >= slow_ns_;
  if (is_slow) {
    slow.set_id(absl::StrCat(run.id));
    slow.set_text(run.text);
    slow.set_start_time_unix_nano(run.start.ns);
    slow.set_client(run.client);
    slow.set_duration_nanos(duration_ns);
    slow.set_plan_nanos(statistics.plan_ns);
    slow.set_execute_nanos(statistics.execute_ns);
    slow.set_rows(run.rows.load(std::memory_order_relaxed));
    slow.set_rows_scanned(statistics.rows_scanned);
    slow.set_memory_bytes(statistics.memory_bytes);
    slow.set_code(static_cast<int32_t>(status.code()));
    slow.set_message(std::string(Cut(status.message(), kTextBytesMax)));
  }
  const MutexLock lock(&mutex_);
  running_.erase(run.id);
  ++finished_;
  if (!status.ok()) ++failed_;
  if (!is_slow) return;
  slow_.push_front(std::move(slow));
  if (slow_.size() > kSlowMax) slow_.pop_back();
}

absl::Status QueryRuns::Cancel(absl::string_view id) {
  uint64_t number = 0;
  std::shared_ptr<QueryRun> run;
  bool withdrawn = false;
  if (absl::SimpleAtoi(id, &number)) {
    const MutexLock lock(&mutex_);  // So that its call is still there.
    const auto found = running_.find(number);
    if (found != running_.end()) {
      run = found->second;
      run->cancelled = true;
      withdrawn = run->withdraw();
    }
  }
  if (withdrawn) run->end();  // It is nobody else's now.
  if (run != nullptr) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      "no query ", id, " runs; ListQueries (`twinctl queries list`) has those that do"));
}

void QueryRuns::List(twingraph::v1::ListQueriesResponse* response) const {
  const MutexLock lock(&mutex_);
  for (const auto& [id, run] : running_) {
    twingraph::v1::RunningQuery* message = response->add_queries();
    message->set_id(absl::StrCat(id));
    message->set_text(run->text);
    message->set_start_time_unix_nano(run->start.ns);
    message->set_client(run->client);
    message->set_rows(run->rows.load(std::memory_order_relaxed));
    message->set_waiting(run->waiting);
  }
}

void QueryRuns::ListSlow(int limit, twingraph::v1::SlowQueriesResponse* response) const {
  const MutexLock lock(&mutex_);
  for (const twingraph::v1::FinishedQuery& query : slow_) {
    if (response->queries_size() >= limit) break;
    *response->add_queries() = query;
  }
}

void QueryRuns::Fill(twingraph::v1::StatusResponse::Queries* counts) const {
  const MutexLock lock(&mutex_);
  uint64_t waiting = 0;
  for (const auto& [id, run] : running_) waiting += run->waiting ? 1 : 0;
  counts->set_running(running_.size() - waiting);
  counts->set_waiting(waiting);
  counts->set_finished(finished_);
  counts->set_failed(failed_);
}

}  // namespace twin::api
