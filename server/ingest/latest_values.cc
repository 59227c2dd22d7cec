#include "server/ingest/latest_values.h"

#include <algorithm>
#include <tuple>

#include "server/ingest/frame_decoder.h"

namespace twin::ingest {

using timeseries::ColumnKind;
using timeseries::ColumnRows;
using timeseries::ColumnRun;

bool ToColumn(graph::ColumnType type, Value* value) {
  switch (type) {
    case graph::ColumnType::kFloat:
    case graph::ColumnType::kDouble:
      if (value->kind() == Value::Kind::kInt) {
        *value = Value::Double(static_cast<double>(value->as_int()));
      }
      return value->kind() == Value::Kind::kDouble;
    case graph::ColumnType::kBool:
      if (value->kind() == Value::Kind::kInt) *value = Value::Bool(value->as_int() != 0);
      return value->kind() == Value::Kind::kBool;
    case graph::ColumnType::kInt32:
    case graph::ColumnType::kInt64:
      if (value->kind() == Value::Kind::kDouble) {
        const double number = value->as_double();
        if (!(number >= -9.2e18 && number <= 9.2e18)) return false;
        *value = Value::Int(static_cast<int64_t>(number));
      }
      return value->kind() == Value::Kind::kInt;
    case graph::ColumnType::kTime:
      if (value->kind() == Value::Kind::kInt) *value = Value::OfTime(Time{value->as_int()});
      return value->kind() == Value::Kind::kTime;
    case graph::ColumnType::kString:
      return value->kind() == Value::Kind::kString;
    case graph::ColumnType::kDocument:
      return true;
  }
  return false;
}

void LatestValues::MakePlan(const LayoutVersion& version, const graph::GraphView& head,
                            Plan* plan) {
  struct Target {
    TableId table;
    ColumnId column;
    uint32_t row = 0;
    uint32_t from = 0;  // column of the layout
    TwinNumber twin;
  };
  std::vector<Target> targets;
  for (uint32_t c = 0; c < version.columns.size(); ++c) {
    const bool is_number = version.columns.form(c).kind != ColumnKind::kValue;
    for (const ColumnTarget target : version.columns.targets(c)) {
      if (!head.Exists(target.twin)) continue;
      const graph::TwinPlace place = head.PlaceOf(target.twin);
      const graph::TableSchema& schema = head.catalog().table(place.table);
      const graph::ColumnSchema* const found = schema.FindColumn(target.path);
      if (found == nullptr) continue;
      const bool is_run =
          is_number && found->telemetry && !found->indexed &&
          (found->type == graph::ColumnType::kDouble || found->type == graph::ColumnType::kFloat);
      if (is_run) {
        targets.push_back({place.table, schema.IdOf(*found), place.row, c, target.twin});
      } else {
        plan->singles.push_back(
            {c, target.twin, schema.IdOf(*found), found->type, !found->telemetry});
      }
    }
  }
  const auto place_of = [](const Target& target) {
    return std::tuple(target.table.value, target.column.value, target.row);
  };
  std::stable_sort(targets.begin(), targets.end(),
                   [&](const Target& a, const Target& b) { return place_of(a) < place_of(b); });
  for (size_t i = 0; i < targets.size(); ++i) {
    const Target& target = targets[i];
    if (i > 0 && place_of(targets[i - 1]) == place_of(target)) {
      const graph::TableSchema& schema = head.catalog().table(target.table);
      plan->singles.push_back({target.from, target.twin, target.column,
                               schema.columns[target.column.value].type, false});
      continue;
    }
    const bool same_page =
        !plan->runs.empty() && plan->runs.back().table == target.table &&
        plan->runs.back().column == target.column &&
        plan->rows.back() / graph::GraphView::kPageRows == target.row / graph::GraphView::kPageRows;
    if (!same_page) plan->runs.push_back({.table = target.table, .column = target.column});
    Run& run = plan->runs.back();
    run.in_order = run.in_order && (!same_page || plan->columns.back() + 1 == target.from);
    plan->rows.push_back(target.row);
    plan->columns.push_back(target.from);
    run.end = static_cast<uint32_t>(plan->rows.size());
  }
}

const LatestValues::Plan& LatestValues::PlanOf(const LayoutVersion& version,
                                               const graph::Graph& graph) {
  std::unique_ptr<Plan>& plan = plans_[&version];
  if (plan == nullptr || plan->epoch != graph.head().rows_epoch()) {
    plan = std::make_unique<Plan>();
    plan->epoch = graph.head().rows_epoch();
    MakePlan(version, graph.head(), plan.get());
  }
  return *plan;
}

namespace {

double NumberOf(const ColumnRows& column, size_t row) {
  switch (column.kind) {
    case ColumnKind::kScaled:
      return static_cast<double>(column.scaled != nullptr ? column.scaled[row] : column.ints[row]) /
             kPowersOfTen[column.decimals];
    case ColumnKind::kDouble:
      return column.doubles[row];
    case ColumnKind::kInt:
      return static_cast<double>(column.ints[row]);
    case ColumnKind::kValue:
      break;
  }
  return 0;
}

// Of columns whose values lie one behind the other, `step` of each.
void NumbersOf(const ColumnRows& first, size_t row, size_t step, size_t columns, double* numbers) {
  if (first.kind == ColumnKind::kScaled && first.scaled != nullptr) {
    const int32_t* const scaled = first.scaled + row;
    const double power = kPowersOfTen[first.decimals];
    if (step == 1) {
      for (size_t c = 0; c < columns; ++c) numbers[c] = static_cast<double>(scaled[c]) / power;
    } else {
      for (size_t c = 0; c < columns; ++c) {
        numbers[c] = static_cast<double>(scaled[c * step]) / power;
      }
    }
    return;
  }
  for (size_t c = 0; c < columns; ++c) numbers[c] = NumberOf(first, row + c * step);
}

}  // namespace

void LatestValues::FindLatest(absl::Span<const int64_t> times, absl::Span<const ColumnRun> runs) {
  newest_ = 0;  // frames come in the order of time, mostly
  in_order_ = true;
  for (uint32_t i = 1; i < times.size(); ++i) {
    in_order_ = in_order_ && times[i] >= times[i - 1];
    if (times[i] >= times[newest_]) newest_ = i;
  }
  size_t columns = 0;
  for (const ColumnRun& run : runs) columns += run.columns;
  latest_.assign(columns, newest_);
  numbers_.resize(columns);
  all_newest_ = true;
  size_t at = 0;
  for (const ColumnRun& run : runs) {
    NumbersOf(run.first, newest_, times.size(), run.columns, numbers_.data() + at);
    if (run.first.missing != nullptr) FindPresent(times, run, at);
    at += run.columns;
  }
}

// Of those that have no value in the newest row.
void LatestValues::FindPresent(absl::Span<const int64_t> times, const ColumnRun& run, size_t at) {
  const size_t frames = times.size();
  for (size_t c = 0; c < run.columns; ++c) {
    const uint8_t* const missing = run.first.missing + c * frames;
    if (missing[newest_] == 0) continue;
    all_newest_ = false;
    uint32_t& latest = latest_[at + c];
    latest = kNone;
    for (auto i = static_cast<uint32_t>(frames); i-- > 0;) {
      if (missing[i] != 0) continue;
      if (latest == kNone || times[i] > times[latest]) latest = i;
      if (in_order_) break;
    }
    if (latest != kNone) numbers_[at + c] = NumberOf(run.first, c * frames + latest);
  }
}

void LatestValues::SetRun(const Run& run, absl::Span<const uint32_t> rows,
                          absl::Span<const uint32_t> columns, absl::Span<const int64_t> times,
                          Time time, graph::Graph* graph) {
  const Time newest{times[newest_]};
  if (all_newest_ && run.in_order) {
    graph->SetLatest(run.table, run.column, rows,
                     absl::MakeConstSpan(numbers_).subspan(columns.front(), columns.size()), time,
                     newest);
    return;
  }
  rows_.clear();
  values_.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t latest = latest_[columns[i]];
    if (latest == kNone) continue;
    const double& number = numbers_[columns[i]];
    if (latest == newest_) {
      rows_.push_back(rows[i]);
      values_.push_back(number);
    } else {
      graph->SetLatest(run.table, run.column, rows.subspan(i, 1), absl::MakeConstSpan(&number, 1),
                       time, Time{times[latest]});
    }
  }
  if (!rows_.empty()) graph->SetLatest(run.table, run.column, rows_, values_, time, newest);
}

void LatestValues::Set(const LayoutVersion& version, absl::Span<const int64_t> times,
                       absl::Span<const ColumnRows> columns, absl::Span<const ColumnRun> runs,
                       Sequence first, Time time, graph::Graph* graph) {
  const Plan& plan = PlanOf(version, *graph);
  FindLatest(times, runs);
  uint32_t begin = 0;
  for (const Run& run : plan.runs) {
    const uint32_t count = run.end - begin;
    SetRun(run, absl::MakeConstSpan(plan.rows).subspan(begin, count),
           absl::MakeConstSpan(plan.columns).subspan(begin, count), times, time, graph);
    begin = run.end;
  }
  for (const Single& single : plan.singles) {
    const uint32_t latest = latest_[single.column];
    if (latest == kNone) continue;
    Value value = ValueOf(columns[single.column], latest);
    if (!ToColumn(single.type, &value)) continue;
    if (graph->SetLatest(single.twin, single.to, value, time, Time{times[latest]}) &&
        single.is_property) {
      graph->Touch(single.twin, Sequence(first.value + latest), time);
    }
  }
}

}  // namespace twin::ingest
