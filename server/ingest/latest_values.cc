#include "server/ingest/latest_values.h"

#include <algorithm>
#include <tuple>

#include "server/ingest/frame_decoder.h"

namespace twin::ingest {

using timeseries::ColumnKind;
using timeseries::ColumnRows;

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
    Item item;
    TwinNumber twin;
  };
  std::vector<Target> targets;
  for (uint32_t c = 0; c < version.columns.size(); ++c) {
    const bool is_number = version.columns[c].kind != ColumnKind::kValue;
    for (const ResolvedColumn::Target& target : version.columns[c].targets) {
      if (!head.Exists(target.twin)) continue;
      const graph::TwinPlace place = head.PlaceOf(target.twin);
      const graph::TableSchema& schema = head.catalog().table(place.table);
      const graph::ColumnSchema* const found = schema.FindColumn(target.path);
      if (found == nullptr) continue;
      const bool is_run =
          is_number && found->telemetry && !found->indexed &&
          (found->type == graph::ColumnType::kDouble || found->type == graph::ColumnType::kFloat);
      if (is_run) {
        targets.push_back({place.table, schema.IdOf(*found), {place.row, c}, target.twin});
      } else {
        plan->singles.push_back(
            {c, target.twin, schema.IdOf(*found), found->type, !found->telemetry});
      }
    }
  }
  const auto place_of = [](const Target& target) {
    return std::tuple(target.table.value, target.column.value, target.item.row);
  };
  std::stable_sort(targets.begin(), targets.end(),
                   [&](const Target& a, const Target& b) { return place_of(a) < place_of(b); });
  for (size_t i = 0; i < targets.size(); ++i) {
    const Target& target = targets[i];
    if (i > 0 && place_of(targets[i - 1]) == place_of(target)) {
      const graph::TableSchema& schema = head.catalog().table(target.table);
      plan->singles.push_back({target.item.column, target.twin, target.column,
                               schema.columns[target.column.value].type, false});
      continue;
    }
    const bool same_page = !plan->runs.empty() && plan->runs.back().table == target.table &&
                           plan->runs.back().column == target.column &&
                           plan->items.back().row / graph::GraphView::kPageRows ==
                               target.item.row / graph::GraphView::kPageRows;
    if (!same_page) plan->runs.push_back({target.table, target.column, 0});
    plan->items.push_back(target.item);
    plan->runs.back().end = static_cast<uint32_t>(plan->items.size());
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

void LatestValues::FindLatest(absl::Span<const int64_t> times,
                              absl::Span<const ColumnRows> columns) {
  newest_ = 0;  // frames come in the order of time, mostly
  bool in_order = true;
  for (uint32_t i = 1; i < times.size(); ++i) {
    in_order = in_order && times[i] >= times[i - 1];
    if (times[i] >= times[newest_]) newest_ = i;
  }
  latest_.resize(columns.size());
  for (size_t c = 0; c < columns.size(); ++c) {
    const ColumnRows& column = columns[c];
    Latest& latest = latest_[c];
    latest.has = true;
    latest.row = newest_;
    if (column.missing != nullptr && column.missing[newest_] != 0) {
      latest.has = false;
      for (uint32_t i = static_cast<uint32_t>(times.size()); i-- > 0;) {
        if (column.missing[i] != 0) continue;
        if (!latest.has || times[i] > times[latest.row]) latest.row = i;
        latest.has = true;
        if (in_order) break;
      }
    }
    if (!latest.has) continue;
    switch (column.kind) {
      case ColumnKind::kScaled:
        latest.number = static_cast<double>(column.scaled != nullptr ? column.scaled[latest.row]
                                                                     : column.ints[latest.row]) /
                        kPowersOfTen[column.decimals];
        break;
      case ColumnKind::kDouble:
        latest.number = column.doubles[latest.row];
        break;
      case ColumnKind::kInt:
        latest.number = static_cast<double>(column.ints[latest.row]);
        break;
      case ColumnKind::kValue:
        break;
    }
  }
}

void LatestValues::SetRun(const Run& run, absl::Span<const Item> items,
                          absl::Span<const int64_t> times, Time time, graph::Graph* graph) {
  rows_.clear();
  values_.clear();
  for (const Item& item : items) {
    const Latest& latest = latest_[item.column];
    if (!latest.has) continue;
    if (latest.row == newest_) {
      rows_.push_back(item.row);
      values_.push_back(latest.number);
    } else {
      graph->SetLatest(run.table, run.column, absl::MakeConstSpan(&item.row, 1),
                       absl::MakeConstSpan(&latest.number, 1), time, Time{times[latest.row]});
    }
  }
  if (rows_.empty()) return;
  graph->SetLatest(run.table, run.column, rows_, values_, time, Time{times[newest_]});
}

void LatestValues::Set(const LayoutVersion& version, absl::Span<const int64_t> times,
                       absl::Span<const ColumnRows> columns, Sequence first, Time time,
                       graph::Graph* graph) {
  const Plan& plan = PlanOf(version, *graph);
  FindLatest(times, columns);
  uint32_t begin = 0;
  for (const Run& run : plan.runs) {
    SetRun(run, absl::MakeConstSpan(plan.items).subspan(begin, run.end - begin), times, time,
           graph);
    begin = run.end;
  }
  for (const Single& single : plan.singles) {
    const Latest& latest = latest_[single.column];
    if (!latest.has) continue;
    Value value = ValueOf(columns[single.column], latest.row);
    if (!ToColumn(single.type, &value)) continue;
    if (graph->SetLatest(single.twin, single.to, value, time, Time{times[latest.row]}) &&
        single.is_property) {
      graph->Touch(single.twin, Sequence(first.value + latest.row), time);
    }
  }
}

}  // namespace twin::ingest
