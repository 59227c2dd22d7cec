#include "query/execute/execute.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "query/ast/error.h"
#include "query/execute/operators.h"
#include "query/execute/runner.h"
#include "query/plan/plan.h"
#include "server/base/status_macros.h"
#include "server/base/sync.h"

namespace twin::query {
namespace {

using Clock = std::chrono::steady_clock;

int64_t NsSince(Clock::time_point start) {
  return std::chrono::nanoseconds(Clock::now() - start).count();
}

// Hands result rows out and counts them.
class Emitter : public Consumer {
 public:
  Emitter(const ExecuteOptions& options, absl::FunctionRef<absl::Status(const Batch&)> emit,
          ExecuteStatistics* statistics)
      : options_(options), emit_(emit), statistics_(*statistics) {}

  absl::Status Push(Batch batch) override {
    statistics_.rows += batch.rows;
    if (statistics_.rows > static_cast<uint64_t>(options_.rows_max)) {
      return absl::ResourceExhaustedError(absl::StrCat("the result has more than query_rows_max, ",
                                                       options_.rows_max,
                                                       " rows; add LIMIT, or raise the limit"));
    }
    return emit_(batch);
  }

 private:
  const ExecuteOptions& options_;
  absl::FunctionRef<absl::Status(const Batch&)> emit_;
  ExecuteStatistics& statistics_;
};

// The plan with what each step gave and how long it took.
std::string ProfileOf(const Plan& plan, const RunContext& run) {
  std::string text;
  for (size_t i = plan.steps.size(); i-- > 0;) {
    const auto found = run.profile.find(&plan.steps[i]);
    const uint64_t rows = found == run.profile.end() ? 0 : found->second.rows.load();
    const int64_t ns = found == run.profile.end() ? 0 : found->second.ns.load();
    absl::StrAppendFormat(&text, "%10d rows %10.3f ms  %s\n", rows, static_cast<double>(ns) / 1e6,
                          StepToString(plan, plan.steps[i], run.graph.catalog()));
  }
  return text;
}

absl::Status OpenPastOf(const BoundSelect& select, const GraphReader& graph,
                        const ExecuteOptions& options, PastReaders* past) {
  if (select.as_of == nullptr) return absl::OkStatus();
  EvaluateContext context;
  context.parameters = options.parameters;
  context.now = options.now;
  TWIN_ASSIGN_OR_RETURN(const Value time, EvaluateConstant(*select.as_of, context));
  if (time.kind() != Value::Kind::kTime) {
    return ErrorAt(select.as_of->span, "AS OF: a time, such as '2026-03-01T00:00:00Z'");
  }
  TWIN_ASSIGN_OR_RETURN(std::unique_ptr<GraphReader> reader, graph.AsOf(time.as_time()));
  past->emplace(&select, PastReader{time.as_time(), std::move(reader)});
  return absl::OkStatus();
}

absl::Status RunSelect(const Plan& plan, const GraphReader& graph, const PastReaders& past,
                       StatementContext* statement, Consumer* end, ExecuteStatistics* statistics) {
  const ExecuteOptions& options = statement->options;
  const auto found = past.find(plan.select);
  const GraphReader* const reader = found == past.end() ? &graph : found->second.graph.get();
  const Time now = found == past.end() ? options.now : found->second.time;
  RunContext run{.statement = *statement, .graph = *reader, .now = now};
  TWIN_RETURN_IF_ERROR(RunPlan(plan, &run, end));
  if (reader != &graph) {
    TWIN_RETURN_IF_ERROR(reader->read_error());
    statistics->unrecorded += reader->unrecorded();
  }
  if (options.profile) absl::StrAppend(&statistics->profile, ProfileOf(plan, run));
  return absl::OkStatus();
}

}  // namespace

// Of a whole statement: one for each WITH, then its own.
struct StatementPlans {
  std::vector<std::unique_ptr<Plan>> with;
  std::unique_ptr<Plan> select;
  bool rewrites = true;
  uint64_t size = 0;  // of the graph: twins and relationships
};

struct PlanHolder::Held {
  Mutex mutex;
  std::shared_ptr<const StatementPlans> plans ABSL_GUARDED_BY(mutex);
};

PlanHolder::PlanHolder() : held_(std::make_unique<Held>()) {}
PlanHolder::~PlanHolder() = default;

namespace {

uint64_t SizeOf(const GraphReader& graph) {
  uint64_t size = 0;
  for (const Model& model : graph.catalog().models()) size += graph.Twins(model.table);
  for (const RelationshipType& type : graph.catalog().relationship_types()) {
    size += graph.Relationships(type.id);
  }
  return size;
}

bool Serves(const StatementPlans& plans, bool rewrites, uint64_t size) {
  return plans.rewrites == rewrites && size <= 2 * plans.size + 1000 &&
         plans.size <= 2 * size + 1000;
}

}  // namespace

std::shared_ptr<const StatementPlans> PlansOf(const BoundStatement& statement,
                                              const GraphReader& graph, bool rewrites,
                                              PlanHolder* holder) {
  const uint64_t size = SizeOf(graph);
  PlanHolder::Held* const held = holder == nullptr ? nullptr : holder->held_.get();
  if (held != nullptr) {
    const MutexLock lock(&held->mutex);
    if (held->plans != nullptr && Serves(*held->plans, rewrites, size)) return held->plans;
  }
  auto plans = std::make_shared<StatementPlans>();
  plans->rewrites = rewrites;
  plans->size = size;
  const PlanOptions options{.rewrites = rewrites};
  for (const BoundWith& with : statement.with) {
    plans->with.push_back(MakePlan(*with.select, graph.catalog(), graph, options));
  }
  plans->select = MakePlan(statement.select, graph.catalog(), graph, options);
  if (held != nullptr) {
    const MutexLock lock(&held->mutex);
    held->plans = plans;
  }
  return plans;
}

std::vector<ResultColumn> ResultColumns(const BoundStatement& statement) {
  std::vector<ResultColumn> columns;
  for (const BoundOutput& output : statement.select.outputs) {
    columns.push_back({output.name, output.expr->type, output.whole_row});
  }
  return columns;
}

absl::StatusOr<PastReaders> OpenPast(const BoundStatement& statement, const GraphReader& graph,
                                     const ExecuteOptions& options) {
  PastReaders past;
  for (const BoundWith& with : statement.with) {
    TWIN_RETURN_IF_ERROR(OpenPastOf(*with.select, graph, options, &past));
  }
  TWIN_RETURN_IF_ERROR(OpenPastOf(statement.select, graph, options, &past));
  return past;
}

namespace {

// Keeps the rows of a WITH.
class SubqueryRows : public Consumer {
 public:
  SubqueryRows(std::vector<Batch>* rows, MemoryUse* memory) : rows_(*rows), memory_(*memory) {}
  absl::Status Push(Batch batch) override {
    absl::Status status = memory_.Add(static_cast<int64_t>(batch.bytes()));
    rows_.push_back(std::move(batch));
    return status;
  }

 private:
  std::vector<Batch>& rows_;
  MemoryUse& memory_;
};

// Every WITH in order, then the statement's own select.
absl::Status RunSelects(const StatementPlans& plans, const GraphReader& graph,
                        const PastReaders& past, StatementContext* context, Consumer* end,
                        ExecuteStatistics* statistics) {
  const std::vector<BoundWith>& with = context->statement.with;
  const bool profile = context->options.profile;
  std::vector<std::unique_ptr<MemoryUse>> kept;
  for (size_t i = 0; i < with.size(); ++i) {
    if (profile) absl::StrAppend(&statistics->profile, with[i].name, ":\n");
    kept.push_back(std::make_unique<MemoryUse>(&context->memory));
    std::vector<Batch> rows;
    SubqueryRows keeper(&rows, kept.back().get());
    TWIN_RETURN_IF_ERROR(RunSelect(*plans.with[i], graph, past, context, &keeper, statistics));
    context->subqueries.push_back(std::move(rows));
  }
  if (profile && !with.empty()) absl::StrAppend(&statistics->profile, "result:\n");
  return RunSelect(*plans.select, graph, past, context, end, statistics);
}

SummaryCounts CountsOf(const SummaryTotals& totals) {
  return {.blocks = totals.blocks.load(),
          .rollup_rows = totals.rollup_rows.load(),
          .expired_rows = totals.expired_rows.load(),
          .cut_rows = totals.cut_rows.load(),
          .rows = totals.rows.load(),
          .skipped_blocks = totals.skipped_blocks.load()};
}

// What PROFILE says of samples that were not read one by one.
std::string ProfileOf(const SummaryCounts& counts) {
  std::string profile;
  if (counts.blocks + counts.rollup_rows + counts.rows + counts.cut_rows > 0) {
    const std::string cut =
        counts.cut_rows == 0 ? "" : absl::StrCat("; ", counts.cut_rows, " more of such left out");
    absl::StrAppendFormat(&profile,
                          "samples summed up by %d block statistics, %d rows of roll-ups (%d of "
                          "samples that are kept no longer%s), %d rows read\n",
                          counts.blocks, counts.rollup_rows, counts.expired_rows, cut, counts.rows);
  }
  if (counts.skipped_blocks > 0) {
    absl::StrAppendFormat(&profile,
                          "%d blocks of samples skipped: by their statistics none could match\n",
                          counts.skipped_blocks);
  }
  return profile;
}

}  // namespace

absl::Status Execute(const BoundStatement& statement, const GraphReader& graph,
                     const SeriesReader* series, const ExecuteOptions& options,
                     absl::FunctionRef<absl::Status(const Batch& batch)> emit,
                     ExecuteStatistics* statistics) {
  const Clock::time_point start = Clock::now();
  *statistics = {};
  StatementContext context{.statement = statement,
                           .series = series,
                           .options = options,
                           .memory = MemoryBudget(options.memory_bytes_max)};
  PastReaders opened;
  const PastReaders* past = options.past;
  if (past == nullptr) {
    TWIN_ASSIGN_OR_RETURN(opened, OpenPast(statement, graph, options));
    past = &opened;
  }
  const std::shared_ptr<const StatementPlans> plans =
      PlansOf(statement, graph, options.rewrites, options.plans);
  statistics->plan_ns = NsSince(start);
  Emitter emitter(options, emit, statistics);
  absl::Status status = RunSelects(*plans, graph, *past, &context, &emitter, statistics);
  statistics->rows_scanned = context.rows_scanned.load();
  statistics->summaries = CountsOf(context.summaries);
  if (options.profile) absl::StrAppend(&statistics->profile, ProfileOf(statistics->summaries));
  statistics->memory_bytes = context.memory.greatest();
  statistics->execute_ns = NsSince(start) - statistics->plan_ns;
  return status;
}

std::string Explain(const BoundStatement& statement, const GraphReader& graph,
                    const ExecuteOptions& options) {
  std::string text;
  for (const bool physical : {false, true}) {
    absl::StrAppend(&text, physical ? "physical plan\n" : "logical plan\n");
    const PlanOptions plan_options{.rewrites = physical && options.rewrites};
    const auto append = [&](absl::string_view name, const BoundSelect& select) {
      if (!statement.with.empty()) absl::StrAppend(&text, name, ":\n");
      absl::StrAppend(&text, ToString(*MakePlan(select, graph.catalog(), graph, plan_options),
                                      graph.catalog(), /*estimates=*/physical));
    };
    for (const BoundWith& with : statement.with) append(with.name, *with.select);
    append("result", statement.select);
  }
  return text;
}

}  // namespace twin::query
