#include "query/execute/sources.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "query/execute/page_filter.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

// Enough rows for a thread to be worth asking, few enough that all threads have something to do
// to the end, even where each row leads to many others. A multiple of all sizes of pages.
uint32_t RowsPerPart(uint64_t rows, const RunContext& run) {
  constexpr uint64_t kUnit = 256, kUnitsMax = 64;
  const TaskPool* pool = run.options().pool;
  const uint64_t parts = 8 * static_cast<uint64_t>(pool == nullptr ? 1 : pool->threads());
  return static_cast<uint32_t>(kUnit * std::clamp<uint64_t>(rows / parts / kUnit, 1, kUnitsMax));
}

void SetTwins(std::vector<uint32_t> twins, std::vector<Place> places, Vector* out) {
  *out = Vector();
  out->kind = TypeKind::kTwin;
  out->rows = twins.size();
  out->numbers = std::move(twins);
  out->places = std::move(places);
}

class Scan : public Source {
 public:
  Scan(const Plan& plan, RunContext* run)
      : plan_(plan), step_(plan.steps[0]), run_(*run), context_(ContextOf(plan, run)) {
    const bool before_aggregate = plan.steps.size() > 1 && plan.steps[1].over_runs;
    uint64_t all = 0;
    for (const TableId table : step_.tables) all += run_.graph.Rows(table);
    const uint32_t rows_per_part = RowsPerPart(all, run_);
    for (const TableId table : step_.tables) {
      Table of{.id = table};
      if ((!step_.conditions.empty() || before_aggregate) && run_.graph.TwinsAreInPages(table)) {
        of.filter = PageFilter::Make(step_.conditions, step_.slot, table, context_);
        if (of.filter.has_value() && of.filter->none()) continue;
      }
      tables_.push_back(std::move(of));
      const uint32_t rows = run_.graph.Rows(table);
      for (uint32_t first = 0; first < rows; first += rows_per_part) {
        parts_.push_back({tables_.size() - 1, first, std::min(rows_per_part, rows - first)});
      }
    }
    if (before_aggregate) FindInPlace();
  }
  size_t parts() const override { return parts_.size(); }
  const PathRuns* in_place() const override {
    return in_place_.has_value() ? &*in_place_ : nullptr;
  }
  RowRuns::Run RowsOf(size_t part) const override {
    const Part& of = parts_[part];
    return {tables_[of.table].id.value, of.first, of.count};
  }

  absl::Status Produce(size_t part, Consumer* consumer) const override {
    const Table& table = tables_[parts_[part].table];
    if (table.filter.has_value() && !step_.conditions.empty()) {
      return ProducePages(parts_[part], *table.filter, consumer);
    }
    return ProduceRows(parts_[part], table.id, consumer);
  }

 private:
  struct Table {
    TableId id;
    std::optional<PageFilter> filter = std::nullopt;
  };
  struct Part {
    size_t table;  // of tables_
    uint32_t first;
    uint32_t count;
  };

  void FindInPlace() {
    const uint32_t page_rows = run_.graph.page_rows();
    if (page_rows == 0 || page_rows > PageBits::kRowsMax) return;
    PathRuns rows;
    rows.from = rows.to = step_.slot;
    rows.filtered = rows.with_gaps = true;
    rows.filters.resize(run_.graph.catalog().models().size());
    for (const Table& table : tables_) {
      if (!table.filter.has_value()) return;
      rows.filters[table.id.value] = table.filter;
    }
    in_place_ = std::move(rows);
  }

  absl::Status ProduceRows(const Part& part, TableId table, Consumer* consumer) const {
    const uint32_t step = static_cast<uint32_t>(run_.options().batch_rows);
    for (uint32_t done = 0; done < part.count && !consumer->done(); done += step) {
      const uint32_t count = std::min(step, part.count - done);
      TWIN_RETURN_IF_ERROR(run_.options().interrupted());
      std::vector<uint32_t> twins;
      std::vector<Place> places;
      twins.reserve(count);
      places.reserve(count);
      run_.graph.Scan(table, part.first + done, count, &twins, &places);
      run_.statement.rows_scanned.fetch_add(twins.size(), std::memory_order_relaxed);
      Batch batch = MakeBatch(&twins, &places);
      if (!step_.conditions.empty() && batch.rows > 0) {
        std::vector<uint32_t> rows;
        TWIN_RETURN_IF_ERROR(Filter(step_.conditions, context_, &batch, &rows));
        if (rows.size() < batch.rows) batch = batch.Take(rows);
      }
      TWIN_RETURN_IF_ERROR(PushOn(std::move(batch), consumer));
    }
    return absl::OkStatus();
  }

  // Parts begin at pages: looks at each in place, and makes rows of what passes alone.
  absl::Status ProducePages(const Part& part, const PageFilter& filter, Consumer* consumer) const {
    const uint32_t page_rows = run_.graph.page_rows();
    TWIN_RETURN_IF_ERROR(run_.options().interrupted());
    run_.statement.rows_scanned.fetch_add(part.count, std::memory_order_relaxed);
    std::vector<uint32_t> twins;
    std::vector<Place> places;
    const uint32_t end = part.first + part.count;
    PageFilter::Windows windows = filter.NewWindows();
    for (uint32_t row = part.first; row < end && !consumer->done(); row += page_rows) {
      filter.Select(run_.graph, row / page_rows, &windows, &twins, &places);
      if (twins.size() < run_.options().batch_rows && row + page_rows < end) continue;
      TWIN_RETURN_IF_ERROR(PushOn(MakeBatch(&twins, &places), consumer));
    }
    return absl::OkStatus();
  }

  Batch MakeBatch(std::vector<uint32_t>* twins, std::vector<Place>* places) const {
    Batch batch;
    batch.rows = twins->size();
    batch.slots.resize(plan_.slots.size());
    SetTwins(std::move(*twins), std::move(*places), &batch.slots[step_.slot]);
    twins->clear();
    places->clear();
    return batch;
  }

  absl::Status PushOn(Batch batch, Consumer* consumer) const {
    if (batch.rows == 0) return absl::OkStatus();
    if (run_.options().profile) run_.profile.at(&step_).rows += batch.rows;
    return consumer->Push(std::move(batch));
  }

  const Plan& plan_;
  const PlanStep& step_;
  RunContext& run_;
  const EvaluateContext context_;
  std::vector<Table> tables_;
  std::vector<Part> parts_;
  std::optional<PathRuns> in_place_;
};

// The twins that ids or values of an indexed column name, each once.
absl::StatusOr<std::vector<uint32_t>> FindTwins(const Plan& plan, RunContext* run) {
  const PlanStep& step = plan.steps[0];
  const EvaluateContext context = ContextOf(plan, run);
  std::vector<uint32_t> twins;
  absl::flat_hash_set<uint32_t> seen;
  const auto add = [&](TwinNumber twin) {
    if (twin != kNoTwin && seen.insert(twin.value).second) twins.push_back(twin.value);
  };
  for (const BoundPtr& expr : step.values) {
    TWIN_ASSIGN_OR_RETURN(const Value value, EvaluateConstant(*expr, context));
    if (value.kind() != Value::Kind::kString) continue;
    if (step.property == nullptr) {
      add(run->graph.Find(value.as_string()));
      continue;
    }
    for (const ColumnRef& ref : step.property->columns) {
      std::vector<TwinNumber> found =
          run->graph.FindEqual(TableId(ref.table), ref.column, value.as_string());
      std::sort(found.begin(), found.end());
      for (const TwinNumber twin : found) add(twin);
    }
  }
  return twins;
}

class ScanRelationships : public Source {
 public:
  ScanRelationships(const Plan& plan, RunContext* run)
      : plan_(plan),
        step_(plan.steps[0]),
        run_(*run),
        rows_per_part_(RowsPerPart(run->graph.relationship_numbers(), *run)) {}
  size_t parts() const override {
    return (run_.graph.relationship_numbers() + rows_per_part_ - 1) / rows_per_part_;
  }

  absl::Status Produce(size_t part, Consumer* consumer) const override {
    const uint32_t begin = static_cast<uint32_t>(part) * rows_per_part_;
    const uint32_t end = std::min(begin + rows_per_part_, run_.graph.relationship_numbers());
    const uint32_t step = static_cast<uint32_t>(run_.options().batch_rows);
    for (uint32_t first = begin; first < end && !consumer->done(); first += step) {
      TWIN_RETURN_IF_ERROR(run_.options().interrupted());
      std::vector<uint32_t> found;
      TWIN_RETURN_IF_ERROR(run_.graph.ScanRelationships(first, std::min(step, end - first),
                                                        step_.types, step_.any_type,
                                                        step_.history_all, &found));
      run_.statement.rows_scanned.fetch_add(found.size(), std::memory_order_relaxed);
      if (found.empty()) continue;
      Batch batch;
      batch.rows = found.size();
      batch.slots.resize(plan_.slots.size());
      Vector& out = batch.slots[step_.slot];
      out.kind = TypeKind::kRelationship;
      out.rows = found.size();
      out.numbers = std::move(found);
      TWIN_RETURN_IF_ERROR(consumer->Push(std::move(batch)));
    }
    return absl::OkStatus();
  }

 private:
  const Plan& plan_;
  const PlanStep& step_;
  RunContext& run_;
  const uint32_t rows_per_part_;
};

class Rows : public Source {
 public:
  Rows(std::vector<Batch> batches, RunContext* run) : batches_(std::move(batches)), run_(*run) {}
  size_t parts() const override { return batches_.size(); }
  absl::Status Produce(size_t part, Consumer* consumer) const override {
    TWIN_RETURN_IF_ERROR(run_.options().interrupted());
    return consumer->Push(std::move(batches_[part]));  // Each part is asked for once.
  }

 private:
  mutable std::vector<Batch> batches_;
  RunContext& run_;
};

// Outputs of a subquery, in the slots that stand for them.
std::vector<Batch> SubqueryRows(const Plan& plan, const RunContext& run) {
  const PlanStep& step = plan.steps[0];
  std::vector<Batch> batches;
  for (const Batch& rows : run.statement.subqueries[step.subquery]) {
    Batch batch;
    batch.rows = rows.rows;
    batch.slots.resize(plan.slots.size());
    for (size_t i = 0; i < step.columns.size(); ++i) batch.slots[step.columns[i]] = rows.slots[i];
    batches.push_back(std::move(batch));
  }
  return batches;
}

}  // namespace

std::unique_ptr<Source> NewSource(std::vector<Batch> batches, RunContext* run) {
  return std::make_unique<Rows>(std::move(batches), run);
}

absl::StatusOr<std::unique_ptr<Source>> NewSource(const Plan& plan, RunContext* run) {
  const PlanStep& step = plan.steps[0];
  switch (step.kind) {
    case StepKind::kScan:
      return std::unique_ptr<Source>(std::make_unique<Scan>(plan, run));
    case StepKind::kScanRelationships:
      return std::unique_ptr<Source>(std::make_unique<ScanRelationships>(plan, run));
    case StepKind::kSubquery:
      return NewSource(SubqueryRows(plan, *run), run);
    case StepKind::kFind: {
      TWIN_ASSIGN_OR_RETURN(std::vector<uint32_t> twins, FindTwins(plan, run));
      if (twins.empty()) return NewSource(std::vector<Batch>(), run);
      std::vector<Batch> one(1);
      one[0].rows = twins.size();
      one[0].slots.resize(plan.slots.size());
      SetTwins(std::move(twins), {}, &one[0].slots[step.slot]);
      return NewSource(std::move(one), run);
    }
    case StepKind::kOne: {
      std::vector<Batch> one(1);
      one[0].rows = 1;
      one[0].slots.resize(plan.slots.size());
      return NewSource(std::move(one), run);
    }
    default:
      break;
  }
  TWIN_CHECK(false) << "no source";
  return absl::InternalError("no source");
}

}  // namespace twin::query
