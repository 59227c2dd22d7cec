#include "query/execute/sources.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

// Enough rows for a thread to be worth asking, few enough that the last ones do not wait long.
constexpr uint32_t kRowsPerPart = 16 * 1024;

void SetTwins(std::vector<uint32_t> twins, std::vector<Place> places, Vector* out) {
  *out = Vector();
  out->kind = TypeKind::kTwin;
  out->rows = twins.size();
  out->numbers = std::move(twins);
  out->places = std::move(places);
}

class Scan : public Source {
 public:
  Scan(const Plan& plan, RunContext* run) : plan_(plan), step_(plan.steps[0]), run_(*run) {
    for (const TableId table : step_.tables) {
      const uint32_t rows = run_.graph.Rows(table);
      for (uint32_t first = 0; first < rows; first += kRowsPerPart) {
        parts_.push_back({table, first, std::min(kRowsPerPart, rows - first)});
      }
    }
  }
  size_t parts() const override { return parts_.size(); }

  absl::Status Produce(size_t part, Consumer* consumer) const override {
    const Part& of = parts_[part];
    const uint32_t step = static_cast<uint32_t>(run_.options().batch_rows);
    for (uint32_t done = 0; done < of.count && !consumer->done(); done += step) {
      const uint32_t count = std::min(step, of.count - done);
      TWIN_RETURN_IF_ERROR(run_.options().interrupted());
      std::vector<uint32_t> twins;
      std::vector<Place> places;
      twins.reserve(count);
      places.reserve(count);
      run_.graph.Scan(of.table, of.first + done, count, &twins, &places);
      run_.statement.rows_scanned.fetch_add(twins.size(), std::memory_order_relaxed);
      if (twins.empty()) continue;
      Batch batch;
      batch.rows = twins.size();
      batch.slots.resize(plan_.slots.size());
      SetTwins(std::move(twins), std::move(places), &batch.slots[step_.slot]);
      TWIN_RETURN_IF_ERROR(consumer->Push(std::move(batch)));
    }
    return absl::OkStatus();
  }

 private:
  struct Part {
    TableId table;
    uint32_t first;
    uint32_t count;
  };
  const Plan& plan_;
  const PlanStep& step_;
  RunContext& run_;
  std::vector<Part> parts_;
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
      : plan_(plan), step_(plan.steps[0]), run_(*run) {}
  size_t parts() const override {
    return (run_.graph.relationship_numbers() + kRowsPerPart - 1) / kRowsPerPart;
  }

  absl::Status Produce(size_t part, Consumer* consumer) const override {
    const uint32_t begin = static_cast<uint32_t>(part) * kRowsPerPart;
    const uint32_t end = std::min(begin + kRowsPerPart, run_.graph.relationship_numbers());
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
