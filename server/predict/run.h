// One run of a predictor: features → batches → estimates → written back.
//
//   query ─▶ rows ─▶ batch ─▶ Predictor::Predict, several in flight
//                                   │ answer: checked
//                                   ▼
//               forecasts + run, one commit ─▶ writes, each by a request id of its own
//
// Forecasts are durable before their write begins. So after a crash the blocks of the run say what
// was predicted: their writes are repeated under the same request ids, which changes nothing where
// they had been done, and the run goes on with the other twins. Internal to server/predict.
#ifndef TWIN_SERVER_PREDICT_RUN_H_
#define TWIN_SERVER_PREDICT_RUN_H_

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/base/sync.h"
#include "server/predict/forecasts.h"
#include "server/predict/host.h"
#include "server/predict/options.h"
#include "server/predict/registration.h"
#include "server/predict/write_back.h"

namespace twin::predict {

inline constexpr char kRunCollection[] = "predictor_runs";
std::string NameOfRun(const RunRecord& run);

// What a run works with. All of it outlives the run.
struct RunParts {
  Registration registration;
  std::shared_ptr<Predictor> predictor;
  Host* host = nullptr;
  Forecasts* forecasts = nullptr;
  const Options* options = nullptr;
  const std::atomic<bool>* stopping = nullptr;
  // Held while estimates are written and it is noted until when they hold: what marks those that
  // are too old waits for it.
  Mutex* writing = nullptr;
  // The circuit breaker: whether to call, and how a call ended.
  std::function<absl::Status()> may_call;
  std::function<void(const absl::Status&)> called;
  // Forecasts that are kept and written now, of one path.
  std::function<void(const ForecastBlock& block)> made;
};

// Thread-compatible: made, executed once and destroyed by one thread.
class Run {
 public:
  Run(RunParts parts, RunRecord record);

  // Runs to the end, and answers with the record, which is durable then. Where the server stops
  // meanwhile it is left as RUNNING, to be recovered.
  RunRecord Execute();

  // The same for a run that a former process left: finishes its writes, then goes on with the other
  // twins.
  RunRecord Recover();

 private:
  struct Batch {
    uint64_t number = 0;
    std::vector<std::string> twins;        // all of it
    std::vector<EstimateStatus> statuses;  // of those that are not sent
    std::vector<uint32_t> sent;            // rows of the request, as rows of the batch
    std::shared_ptr<const Request> request;
    int tries = 0;
    absl::Status error;
  };
  using BatchPtr = std::shared_ptr<Batch>;
  // Answers as they come, from any thread; outlives the run if need be.
  struct Inbox {
    Mutex mutex;
    CondVar changed;
    std::deque<std::pair<BatchPtr, absl::StatusOr<Answer>>> answers ABSL_GUARDED_BY(mutex);
  };

  absl::Status CheckPredictor();
  absl::Status CheckService();
  absl::Status MarkGone();
  // Rows that have no new value; those that never had one are errors.
  void Count(EstimateStatus status, uint64_t marked, uint64_t without_value);
  absl::Status Produce();
  absl::Status Take(FeatureRows rows, Host::MayGoOn may_go_on);
  absl::Status Launch(Host::MayGoOn may_go_on);
  BatchPtr MakeBatch();
  void Send(const BatchPtr& batch);
  // Handles answers until at most so many batches are in flight.
  absl::Status Drain(size_t in_flight_max, Host::MayGoOn may_go_on);
  absl::Status Handle(const BatchPtr& batch, absl::StatusOr<Answer> answer);
  absl::Status Fail(const BatchPtr& batch, const absl::Status& error);
  // Of a batch that failed: what was not sent has its statuses from here.
  absl::Status FinishUnsent(const BatchPtr& batch);
  // None of it was sent.
  absl::Status FinishUnasked(const BatchPtr& batch);
  absl::Status Finish(const BatchPtr& batch, const Answer& answer);
  absl::Status Write(const std::vector<std::string>& twins, const std::vector<PathEstimates>& paths,
                     uint64_t batch);
  // Each kWriteTwins of the rows, under request ids that begin so.
  absl::Status WriteRows(const std::vector<std::string>& twins,
                         const std::vector<PathEstimates>& paths, absl::Span<const size_t> rows,
                         const std::string& request_id);
  void LookForOthers(Sequence written, uint64_t operations);
  absl::Status WriteKept();
  RunRecord End(const absl::Status& status);
  bool is_stopping() const { return parts_.stopping->load(std::memory_order_relaxed); }
  absl::Status Interrupted() const;
  // Waits before a call is tried again, but not much longer than until the server stops.
  void WaitToRetry(int tries) const;
  std::string RequestId(uint64_t batch) const;
  storage::Documents::Change RecordChange() const;

  const RunParts parts_;
  const Registration& registration_;
  Host& host_;
  RunRecord record_;
  const size_t batch_rows_;
  const std::string schema_hash_;

  absl::flat_hash_set<std::string> seen_;
  FeatureRows pending_;  // rows of no batch yet
  size_t pending_bytes_ = 0;
  uint64_t next_batch_ = 1;
  size_t in_flight_ = 0;
  Sequence written_;      // by the last write
  int others_write_ = 0;  // so many writes go one after the other
  uint64_t failed_batches_ = 0;
  std::string first_error_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
};

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_RUN_H_
