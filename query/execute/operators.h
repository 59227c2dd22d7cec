// Steps at work, row by row: each takes batches and pushes others on. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_OPERATORS_H_
#define TWIN_QUERY_EXECUTE_OPERATORS_H_

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "query/execute/run_context.h"

namespace twin::query {

// A step that works row by row. Belongs to one thread.
class Operator : public Consumer {
 public:
  Operator(const Plan& plan, const PlanStep& step, RunContext* run, Consumer* next)
      : plan_(plan), step_(step), run_(*run), next_(*next) {}

  absl::Status Push(Batch batch) final;
  absl::Status EndPart() final;
  bool done() const override { return next_.done(); }

 protected:
  virtual absl::Status Do(Batch batch) = 0;
  // Passes on what it has kept of the part.
  virtual absl::Status FlushPart() { return absl::OkStatus(); }

  // Passes rows on.
  absl::Status Emit(Batch batch);
  // The rows that `rows` names, of the slots that are needed after this step.
  Batch TakeLive(const Batch& batch, absl::Span<const uint32_t> rows) const;
  bool IsLive(SlotId slot) const {
    return slot != kNoSlot && (step_.live.empty() || step_.live[slot]);
  }
  const GraphReader& graph() const { return run_.graph; }
  size_t batch_rows() const { return run_.options().batch_rows; }
  // Adds to the count of rows that were read, and looks whether the query shall end.
  absl::Status Scanned(uint64_t rows);

  const Plan& plan_;
  const PlanStep& step_;
  RunContext& run_;

 private:
  Consumer& next_;
};

// Steps of a plan, chained, in front of a consumer.
class Chain : public Consumer {
 public:
  Chain(const Plan& plan, size_t first, size_t last, RunContext* run, Consumer* end);
  Chain(const Plan& plan, absl::Span<const PlanStep* const> steps, RunContext* run, Consumer* end);
  absl::Status Push(Batch batch) override { return first_->Push(std::move(batch)); }
  absl::Status EndPart() override { return first_->EndPart(); }
  bool done() const override { return first_->done(); }

 private:
  std::vector<std::unique_ptr<Operator>> operators_;  // the last one first
  Consumer* first_;
};

// Keeps what comes.
class Collector : public Consumer {
 public:
  explicit Collector(RunContext* run) : memory_(&run->statement.memory) {}
  absl::Status Push(Batch batch) override {
    absl::Status status = memory_.Add(static_cast<int64_t>(batch.bytes()));
    batches_.push_back(std::move(batch));
    return status;
  }
  std::vector<Batch>& batches() { return batches_; }

 private:
  std::vector<Batch> batches_;
  MemoryUse memory_;
};

// Rows of a kJoin's inner plan, by their keys.
struct JoinTable {
  Batch rows;
  std::vector<Vector> keys;
  absl::flat_hash_map<uint64_t, std::vector<uint32_t>> by_hash;
  std::vector<uint32_t> all;  // without keys: every row
};

std::unique_ptr<Operator> NewOperator(const Plan& plan, const PlanStep& step, RunContext* run,
                                      Consumer* next);
// One each, from the file of that name.
std::unique_ptr<Operator> NewExpand(const Plan& plan, const PlanStep& step, RunContext* run,
                                    Consumer* next);
std::unique_ptr<Operator> NewExpandVariable(const Plan& plan, const PlanStep& step, RunContext* run,
                                            Consumer* next);
std::unique_ptr<Operator> NewWindowWithinScan(const Plan& plan, const PlanStep& step,
                                              RunContext* run, Consumer* next);
std::unique_ptr<Operator> NewHistoryJoin(const Plan& plan, const PlanStep& step, RunContext* run,
                                         Consumer* next);

// How many rows OFFSET skips, and how many TOP and LIMIT leave: INT64_MAX where there is neither.
struct LimitValues {
  int64_t rows = INT64_MAX;
  int64_t offset = 0;
};
// INVALID_ARGUMENT: a parameter is negative or NULL.
absl::StatusOr<LimitValues> LimitsOf(const Plan& plan, RunContext* run);

// Makes the slots of inner plans that `batch`, of the outer one, does not have.
void AddOrdinals(const Plan& inner, Batch* batch);

// Puts the ids of twins in their place; the kind becomes kString.
void TwinsToIds(const GraphReader& graph, Vector* twins);

// A column of that many NULLs.
Vector Nulls(TypeKind kind, size_t rows);

// Rows that have a twin in the slot.
std::vector<uint32_t> RowsWithTwin(const Vector& twins);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_OPERATORS_H_
