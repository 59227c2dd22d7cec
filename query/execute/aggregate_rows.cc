// kAggregate: groups and the states of their aggregates.
#include <algorithm>
#include <optional>
#include <utility>

#include "query/execute/aggregate.h"
#include "query/execute/breakers.h"
#include "query/execute/group_table.h"
#include "query/execute/history_window.h"
#include "query/execute/operators.h"
#include "query/execute/path_runs.h"
#include "query/execute/series_groups.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

class AggregateRows : public Breaker {
 public:
  // `runs`: the ends of the rows that come are aggregated, else the rows themselves.
  AggregateRows(const Plan& plan, const PlanStep& step, RunContext* run, const PathRuns* runs,
                std::vector<std::unique_ptr<Aggregator>> aggregators,
                std::vector<std::optional<SeriesGroups>> series)
      : plan_(plan),
        step_(step),
        run_(*run),
        context_(ContextOf(plan, run)),
        table_(step.key_depends, runs != nullptr && step.key_is_scanned),
        aggregators_(std::move(aggregators)),
        series_(std::move(series)),
        memory_(&run->statement.memory) {
    if (runs != nullptr) over_runs_.emplace(plan, *runs, run);
    for (size_t i = 0; i < aggregators_.size(); ++i) argument_of_.push_back(ArgumentOf(i));
    of_buckets_ = std::any_of(series_.begin(), series_.end(),
                              [](const auto& of) { return of.has_value() && of->has_buckets(); });
  }

  void SetBranch(const std::vector<bool>& aggregates) override { branch_ = aggregates; }

  absl::Status Push(Batch batch) override {
    std::vector<Vector> keys(step_.keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      TWIN_RETURN_IF_ERROR(Evaluate(*step_.keys[i], context_, &batch, &keys[i]));
    }
    table_.Find(keys, batch.rows, &groups_);
    if (over_runs_.has_value()) {
      TWIN_RETURN_IF_ERROR(AddRuns(batch));
    } else if (step_.summary != nullptr) {
      TWIN_RETURN_IF_ERROR(AddSummaries(batch));
    } else {
      TWIN_RETURN_IF_ERROR(AddTimeAggregates(keys, &batch));
      TWIN_RETURN_IF_ERROR(AddOthers(&batch));
    }
    size_t bytes = table_.bytes();
    for (const std::unique_ptr<Aggregator>& aggregator : aggregators_) {
      bytes += aggregator->bytes();
    }
    return memory_.Set(static_cast<int64_t>(bytes));
  }

  absl::Status PushRows(const RowRuns::Run& rows) override {
    table_.Find({}, 1, &groups_);
    for (const std::unique_ptr<Aggregator>& aggregator : aggregators_) aggregator->Resize(1);
    return over_runs_->AddRows(rows, aggregators_);
  }

  absl::Status Merge(Breaker* later) override {
    AggregateRows& other = *static_cast<AggregateRows*>(later);
    table_.Find(other.table_.keys(), other.table_.groups(), &groups_);
    for (size_t i = 0; i < aggregators_.size(); ++i) {
      aggregators_[i]->Resize(table_.groups());
      other.aggregators_[i]->Resize(other.table_.groups());
      TWIN_RETURN_IF_ERROR(aggregators_[i]->Merge(*other.aggregators_[i], groups_));
    }
    if (over_runs_.has_value()) over_runs_->Merge(*other.over_runs_, groups_);
    if (of_buckets_) {
      has_samples_.resize(table_.groups());
      for (size_t i = 0; i < other.has_samples_.size(); ++i) {
        has_samples_[groups_[i]] |= other.has_samples_[i];
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Batch>> Finish() override {
    const BoundSelect& select = *plan_.select;
    Batch rows;
    rows.rows = step_.keys.empty() ? 1 : table_.groups();
    rows.slots.resize(plan_.slots.size());
    for (size_t i = 0; i < step_.keys.size(); ++i) {
      Vector& out = rows.slots[select.group_slots[i]];
      out = std::move(table_.keys()[i]);
      if (step_.key_is_id[i] && !step_.key_is_late[i]) TwinsToIds(run_.graph, &out);
    }
    for (size_t i = 0; i < aggregators_.size(); ++i) {
      aggregators_[i]->Resize(rows.rows);
      TWIN_RETURN_IF_ERROR(aggregators_[i]->Finish(&rows.slots[select.aggregates[i].slot]));
    }
    if (over_runs_.has_value() && !step_.keys.empty()) {
      const std::vector<uint32_t> filled = over_runs_->FilledOf(rows.rows);
      if (filled.size() < rows.rows) rows = rows.Take(filled);
    }
    if (of_buckets_) {
      std::vector<uint32_t> kept;
      for (uint32_t group = 0; group < rows.rows; ++group) {
        if (group < has_samples_.size() && has_samples_[group] != 0) kept.push_back(group);
      }
      if (kept.size() < rows.rows) rows = rows.Take(kept);
    }
    return InBatches(std::move(rows), run_.options().batch_rows);
  }

 private:
  // The first aggregate that has the same one argument, maybe itself.
  size_t ArgumentOf(size_t aggregate) const {
    const std::vector<BoundAggregate>& all = plan_.select->aggregates;
    for (size_t i = 0; i < aggregate && all[aggregate].arguments.size() == 1; ++i) {
      if (!IsOfTime(all[i]) && all[i].arguments.size() == 1 &&
          Same(*all[i].arguments[0], *all[aggregate].arguments[0])) {
        return i;
      }
    }
    return aggregate;
  }

  bool Reads(size_t aggregate) const { return branch_.empty() || branch_[aggregate]; }

  static bool IsOfTime(const BoundAggregate& aggregate) {
    return InfoOf(aggregate.function).kind == FunctionKind::kTimeAggregate;
  }

  absl::Status Add(size_t index, const std::vector<uint32_t>& groups, size_t rows,
                   const std::vector<Vector>& arguments) {
    Aggregator& aggregator = *aggregators_[index];
    aggregator.Resize(std::max<size_t>(1, table_.groups()));
    if (step_.keys.empty()) return aggregator.AddAll(0, rows, arguments);
    return aggregator.Add(groups, rows, arguments);
  }

  absl::Status AddRuns(const Batch& batch) {
    for (const std::unique_ptr<Aggregator>& aggregator : aggregators_) {
      aggregator->Resize(std::max<size_t>(1, table_.groups()));
    }
    return over_runs_->Add(batch, groups_, aggregators_);
  }

  // Samples that come summed up.
  absl::Status AddSummaries(const Batch& batch) {
    for (size_t i = 0; i < aggregators_.size(); ++i) {
      const int of = step_.summary->of_aggregates[i];
      if (of < 0) {
        const Vector& rows = batch.slots[step_.summary->rows];
        TWIN_RETURN_IF_ERROR(AddSums(i, rows, rows));
        continue;
      }
      const HistorySummary::Column& column = step_.summary->columns[static_cast<size_t>(of)];
      const Vector& counts = batch.slots[column.counts];
      switch (plan_.select->aggregates[i].function) {
        case Function::kSum:
        case Function::kAvg: {
          const Vector& sums = batch.slots[column.sums];
          // Single samples are added as they are elsewhere: in the same lanes.
          const bool are_sums =
              sums.kind == TypeKind::kInt ||
              (sums.kind == TypeKind::kDouble && std::any_of(counts.ints.begin(), counts.ints.end(),
                                                             [](int64_t n) { return n > 1; }));
          TWIN_RETURN_IF_ERROR(are_sums ? AddSums(i, counts, sums)
                                        : Add(i, groups_, batch.rows, {sums}));
          break;
        }
        case Function::kMin:
          TWIN_RETURN_IF_ERROR(Add(i, groups_, batch.rows, {batch.slots[column.mins]}));
          break;
        case Function::kMax:
          TWIN_RETURN_IF_ERROR(Add(i, groups_, batch.rows, {batch.slots[column.maxs]}));
          break;
        case Function::kFirst:
          TWIN_RETURN_IF_ERROR(Add(i, groups_, batch.rows, {batch.slots[column.firsts]}));
          break;
        case Function::kLast:
          TWIN_RETURN_IF_ERROR(Add(i, groups_, batch.rows, {batch.slots[column.lasts]}));
          break;
        default:
          TWIN_RETURN_IF_ERROR(AddSums(i, counts, counts));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddSums(size_t index, const Vector& counts, const Vector& sums) {
    aggregators_[index]->Resize(std::max<size_t>(1, table_.groups()));
    if (!step_.keys.empty()) return aggregators_[index]->AddSums(groups_, counts, sums);
    return aggregators_[index]->AddSums(std::vector<uint32_t>(counts.rows, 0), counts, sums);
  }

  // Functions of time see the sample before the window too.
  absl::Status AddTimeAggregates(const std::vector<Vector>& keys, Batch* batch) {
    for (size_t i = 0; i < aggregators_.size(); ++i) {
      const BoundAggregate& aggregate = plan_.select->aggregates[i];
      if (!IsOfTime(aggregate) || !Reads(i)) continue;
      std::vector<Vector> arguments(1);
      TWIN_RETURN_IF_ERROR(Evaluate(*aggregate.arguments[0], context_, batch, arguments.data()));
      TWIN_RETURN_IF_ERROR(series_[i]->AddArguments(keys, context_, batch, &arguments));
      TWIN_RETURN_IF_ERROR(Add(i, groups_, batch->rows, arguments));
    }
    return absl::OkStatus();
  }

  absl::Status AddOthers(Batch* batch) {
    DropBefore(batch);
    if (of_buckets_) {
      has_samples_.resize(table_.groups());
      for (const uint32_t group : groups_) has_samples_[group] = 1;
    }
    std::vector<std::vector<Vector>> arguments(aggregators_.size());
    for (size_t i = 0; i < aggregators_.size(); ++i) {
      const BoundAggregate& aggregate = plan_.select->aggregates[i];
      if (IsOfTime(aggregate) || !Reads(i)) continue;
      std::vector<Vector>& values = arguments[argument_of_[i]];
      for (size_t j = values.size(); j < aggregate.arguments.size(); ++j) {
        TWIN_RETURN_IF_ERROR(
            Evaluate(*aggregate.arguments[j], context_, batch, &values.emplace_back()));
      }
      TWIN_RETURN_IF_ERROR(Add(i, groups_, batch->rows, values));
    }
    return absl::OkStatus();
  }

  // Takes the rows away that stand before a window, and their groups_.
  void DropBefore(Batch* batch) {
    for (const PlanStep& step : plan_.steps) {
      if (step.before == kNoSlot || batch->slots[step.before].kind == TypeKind::kNull) continue;
      const Vector& before = batch->slots[step.before];
      std::vector<uint32_t> rows, groups;
      for (uint32_t row = 0; row < batch->rows; ++row) {
        if (!before.IsNull(row)) continue;
        rows.push_back(row);
        groups.push_back(groups_[row]);
      }
      if (rows.size() == batch->rows) continue;
      *batch = batch->Take(rows);
      groups_ = std::move(groups);
    }
  }

  const Plan& plan_;
  const PlanStep& step_;
  RunContext& run_;
  const EvaluateContext context_;
  GroupTable table_;
  std::vector<std::unique_ptr<Aggregator>> aggregators_;
  std::vector<std::optional<SeriesGroups>> series_;  // by aggregate: of functions of time
  std::optional<RunAggregation> over_runs_;
  std::vector<size_t> argument_of_;  // by aggregate: whose argument it shares
  std::vector<uint32_t> groups_;
  std::vector<bool> branch_;  // by aggregate: whether it reads the rows that come; empty: all
  // A bucket into which a value from before the window holds, without a sample, has no row.
  bool of_buckets_ = false;
  std::vector<uint8_t> has_samples_;  // by group
  MemoryUse memory_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Breaker>> NewAggregateRows(const Plan& plan, const PlanStep& step,
                                                          RunContext* run, const PathRuns* runs) {
  std::vector<std::unique_ptr<Aggregator>> aggregators;
  std::vector<std::optional<SeriesGroups>> series;
  for (const BoundAggregate& aggregate : plan.select->aggregates) {
    AggregateOptions options;
    if (!aggregate.histories.empty()) {
      const BoundHistory& history = plan.select->histories[aggregate.histories[0]];
      TWIN_ASSIGN_OR_RETURN(const HistoryWindow window, ConstantWindow(history, plan, run));
      options.max_gap_ns = window.max_gap;
      options.from_ns = window.from;
      options.to_ns = window.to;
    }
    std::optional<SeriesGroups>& of = series.emplace_back();
    if (InfoOf(aggregate.function).kind == FunctionKind::kTimeAggregate) {
      of.emplace(plan, step, aggregate, &options);
    }
    aggregators.push_back(NewAggregator(aggregate, options));
  }
  return std::unique_ptr<Breaker>(std::make_unique<AggregateRows>(
      plan, step, run, runs, std::move(aggregators), std::move(series)));
}

}  // namespace twin::query
