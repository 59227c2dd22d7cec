#include "query/execute/runner.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "query/ast/error.h"
#include "query/execute/branches.h"
#include "query/execute/breakers.h"
#include "query/execute/operators.h"
#include "query/execute/path_runs.h"
#include "query/execute/sources.h"
#include "query/plan/expr_util.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

class Runner {
 public:
  Runner(const Plan& plan, RunContext* run) : plan_(plan), run_(*run) {}

  absl::Status Run(Consumer* end) {
    TWIN_RETURN_IF_ERROR(BuildJoins(plan_));
    if (run_.options().profile) AddProfiles(plan_);
    FindPathRuns(plan_, &run_);
    TWIN_ASSIGN_OR_RETURN(source_, NewSource(plan_, &run_));
    size_t begin = 1;
    for (;;) {
      const auto last = std::find_if(plan_.steps.begin() + static_cast<int64_t>(begin),
                                     plan_.steps.end(), IsBreaker);
      const size_t breaker = static_cast<size_t>(last - plan_.steps.begin());
      if (breaker == plan_.steps.size()) return RunToEnd(begin, end);
      TWIN_RETURN_IF_ERROR(RunToBreaker(begin, breaker));
      begin = breaker + 1;
    }
  }

 private:
  int threads() const {
    return run_.options().pool == nullptr ? 1 : run_.options().pool->threads();
  }

  // Tables of joins, of inner plans too, before rows flow and threads share them.
  absl::Status BuildJoins(const Plan& plan) {
    for (const PlanStep& step : plan.steps) {
      if (step.inner != nullptr && step.kind != StepKind::kJoin) {
        TWIN_RETURN_IF_ERROR(BuildJoins(*step.inner));
      }
      if (step.kind == StepKind::kJoin) TWIN_RETURN_IF_ERROR(BuildJoin(step));
    }
    for (const auto& [exists, inner] : plan.exists) TWIN_RETURN_IF_ERROR(BuildJoins(*inner));
    return absl::OkStatus();
  }

  absl::Status BuildJoin(const PlanStep& step) {
    Collector rows(&run_);
    TWIN_RETURN_IF_ERROR(RunPlan(*step.inner, &run_, &rows));
    auto table = std::make_shared<JoinTable>();
    for (const Batch& batch : rows.batches()) table->rows.Append(batch);
    table->rows.slots.resize(step.inner->slots.size());
    const EvaluateContext context = ContextOf(*step.inner, &run_);
    table->keys.resize(step.inner_keys.size());
    std::vector<uint64_t> hashes(table->rows.rows, 0);
    for (size_t i = 0; i < table->keys.size(); ++i) {
      TWIN_RETURN_IF_ERROR(Evaluate(*step.inner_keys[i], context, &table->rows, &table->keys[i]));
      Hash(table->keys[i], &hashes);
    }
    for (uint32_t row = 0; row < table->rows.rows; ++row) {
      if (table->keys.empty()) {
        table->all.push_back(row);
      } else {
        table->by_hash[hashes[row]].push_back(row);
      }
    }
    TWIN_RETURN_IF_ERROR(
        run_.statement.memory.Add(static_cast<int64_t>(table->rows.bytes() + hashes.size() * 32)));
    run_.joins[&step] = std::move(table);
    return absl::OkStatus();
  }

  void AddProfiles(const Plan& plan) {
    for (const PlanStep& step : plan.steps) {
      run_.profile[&step];
      if (step.inner != nullptr) AddProfiles(*step.inner);
    }
    for (const auto& [exists, inner] : plan.exists) AddProfiles(*inner);
  }

  // Runs parts of the source on all threads, each through a consumer of its own.
  absl::Status InParallel(size_t tasks, absl::FunctionRef<absl::Status(size_t task)> task) {
    std::vector<absl::Status> statuses(tasks);
    run_.options().pool->Run(static_cast<int>(tasks),
                             [&](int i) { statuses[i] = task(static_cast<size_t>(i)); });
    for (absl::Status& status : statuses) {
      if (!status.ok()) return std::move(status);
    }
    return absl::OkStatus();
  }

  // Neighbouring parts go to the same breaker, and breakers are merged in order, so that the first
  // row of the input stays the first.
  absl::Status RunToBreaker(size_t begin, size_t breaker) {
    const PlanStep& step = plan_.steps[breaker];
    const size_t branch = FirstBranch(begin, breaker);
    const PathRuns* const runs = RunsBefore(begin, breaker);
    const size_t end = runs == nullptr ? breaker : runs->first_step;  // of the row by row steps
    const size_t parts = branch == breaker ? source_->parts() : 1;
    // More where merging costs next to nothing: they end sooner after each other.
    const size_t tasks_max = static_cast<size_t>(threads()) * (step.keys.empty() ? 4 : 2);
    const size_t tasks = threads() > 1 && parts > 1 ? std::min(parts, tasks_max) : 1;
    const bool in_place = runs != nullptr && runs == source_->in_place();
    std::vector<std::unique_ptr<Breaker>> breakers;
    for (size_t i = 0; i < tasks; ++i) {
      TWIN_ASSIGN_OR_RETURN(std::unique_ptr<Breaker> one, NewBreaker(plan_, step, &run_, runs));
      breakers.push_back(std::move(one));
    }
    if (branch != breaker) {
      TWIN_RETURN_IF_ERROR(RunBranches(begin, branch, breaker, breakers[0].get()));
    } else if (tasks == 1) {
      TWIN_RETURN_IF_ERROR(in_place ? PushParts(0, 1, breakers[0].get())
                                    : RunSerial(begin, end, breakers[0].get()));
    } else {
      TWIN_RETURN_IF_ERROR(InParallel(tasks, [&](size_t task) -> absl::Status {
        if (in_place) return PushParts(task, tasks, breakers[task].get());
        Chain chain(plan_, begin, end, &run_, breakers[task].get());
        const size_t parts_end = (task + 1) * parts / tasks;
        for (size_t part = task * parts / tasks; part < parts_end; ++part) {
          if (absl::Status status = ProducePart(part, &chain); !status.ok()) return status;
        }
        return absl::OkStatus();
      }));
      for (size_t i = 1; i < tasks; ++i) {
        TWIN_RETURN_IF_ERROR(breakers[0]->Merge(breakers[i].get()));
        breakers[i].reset();
      }
    }
    TWIN_ASSIGN_OR_RETURN(std::vector<Batch> rows, breakers[0]->Finish());
    if (run_.options().profile) {
      for (const Batch& batch : rows) run_.profile.at(&step).rows += batch.rows;
    }
    source_ = NewSource(std::move(rows), &run_);
    return absl::OkStatus();
  }

  // The runs that an aggregation takes over from the hops, and the filter, before it.
  const PathRuns* RunsBefore(size_t begin, size_t breaker) const {
    if (!plan_.steps[breaker].over_runs || !ArgumentsAreInPages(plan_, run_.graph)) return nullptr;
    if (breaker == 1) return source_->in_place();
    const bool filtered = plan_.steps[breaker - 1].kind == StepKind::kFilter;
    const auto found = run_.path_runs.find(&plan_.steps[breaker - (filtered ? 2 : 1)]);
    if (found == run_.path_runs.end() || found->second->first_step < begin ||
        found->second->filtered != filtered) {
      return nullptr;
    }
    return found->second.get();
  }

  // The first of several HISTORY clauses under one grouping, whose samples are no rows of each
  // other; else `breaker`.
  size_t FirstBranch(size_t begin, size_t breaker) const {
    size_t first = breaker;
    int histories = 0;
    for (size_t i = breaker; i-- > begin;) {
      if (plan_.steps[i].kind != StepKind::kHistory) continue;
      first = i;
      ++histories;
    }
    const bool grouped = plan_.steps[breaker].kind == StepKind::kAggregate;
    return grouped && histories > 1 ? first : breaker;
  }

  // The pattern's rows once for each branch, with its samples alone.
  absl::Status RunBranches(size_t begin, size_t first, size_t breaker, Breaker* end) {
    Collector pattern(&run_);
    TWIN_RETURN_IF_ERROR(RunSerial(begin, first, &pattern));
    for (const HistoryBranch& branch : BranchesOf(*plan_.select)) {
      std::deque<PlanStep> own;
      TWIN_ASSIGN_OR_RETURN(const std::vector<const PlanStep*> steps,
                            StepsOf(branch, plan_, first, breaker, &own));
      if (run_.options().profile) {
        for (const PlanStep& step : own) run_.profile[&step];
      }
      end->SetBranch(branch.aggregates);
      Chain chain(plan_, steps, &run_, end);
      for (const Batch& batch : pattern.batches()) {
        TWIN_RETURN_IF_ERROR(chain.Push(batch));
      }
    }
    return absl::OkStatus();
  }

  // The parts of the task where they stand.
  absl::Status PushParts(size_t task, size_t tasks, Breaker* breaker) {
    const size_t end = (task + 1) * source_->parts() / tasks;
    for (size_t part = task * source_->parts() / tasks; part < end; ++part) {
      TWIN_RETURN_IF_ERROR(breaker->PushRows(source_->RowsOf(part)));
    }
    return absl::OkStatus();
  }

  absl::Status ProducePart(size_t part, Chain* chain) {
    absl::Status status = source_->Produce(part, chain);
    return status.ok() ? chain->EndPart() : status;
  }

  absl::Status RunSerial(size_t begin, size_t end, Consumer* consumer) {
    Chain chain(plan_, begin, end, &run_, consumer);
    for (size_t part = 0; part < source_->parts() && !chain.done(); ++part) {
      TWIN_RETURN_IF_ERROR(ProducePart(part, &chain));
    }
    return absl::OkStatus();
  }

  // Rows leave in the order of the parts: threads work on some parts ahead of what has left. From
  // LIMIT on, one chain sees all rows.
  absl::Status RunToEnd(size_t begin, Consumer* end) {
    const size_t limit = static_cast<size_t>(
        std::find_if(plan_.steps.begin() + static_cast<int64_t>(begin), plan_.steps.end(),
                     [](const PlanStep& step) { return step.kind == StepKind::kLimit; }) -
        plan_.steps.begin());
    const size_t parts = source_->parts();
    if (threads() == 1 || parts == 1 || limit == begin) {
      return RunSerial(begin, plan_.steps.size(), end);
    }
    Chain serial(plan_, limit, plan_.steps.size(), &run_, end);
    // More at once as it goes on, for the sake of those that stop early; many where few rows come.
    const auto all_threads = static_cast<size_t>(threads());
    size_t together = limit < plan_.steps.size() ? all_threads : 4 * all_threads;
    for (size_t first = 0; first < parts && !serial.done();) {
      const size_t count = std::min(together, parts - first);
      std::vector<std::optional<Collector>> collected(count);
      TWIN_RETURN_IF_ERROR(InParallel(count, [&](size_t i) {
        collected[i].emplace(&run_);
        Chain chain(plan_, begin, limit, &run_, &*collected[i]);
        return ProducePart(first + i, &chain);
      }));
      size_t rows = 0;
      for (std::optional<Collector>& part : collected) {
        for (Batch& batch : part->batches()) {
          rows += batch.rows;
          if (serial.done()) return absl::OkStatus();
          TWIN_RETURN_IF_ERROR(serial.Push(std::move(batch)));
        }
      }
      first += count;
      constexpr size_t kFewRows = 256;  // of a part
      together = rows < kFewRows * count ? std::min(together * 8, 64 * all_threads)
                                         : std::min(together * 2, 8 * all_threads);
    }
    return absl::OkStatus();
  }

  const Plan& plan_;
  RunContext& run_;
  std::unique_ptr<Source> source_;
};

}  // namespace

absl::Status RunPlan(const Plan& plan, RunContext* run, Consumer* end) {
  return Runner(plan, run).Run(end);
}

}  // namespace twin::query
