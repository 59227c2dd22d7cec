#include "query/execute/path_runs.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "query/plan/expr_util.h"
#include "server/base/float.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

using Direction = BoundEdge::Direction;

constexpr uint64_t kRowsPerCheck = 1 << 18;  // whether to go on: about each 0.3 ms

// Tables that have twins, of those that a slot can be of.
std::vector<TableId> TablesOf(const Plan& plan, SlotId slot, const GraphReader& graph) {
  std::vector<TableId> tables;
  const Slot& of = plan.slots[slot];
  const bool scanned = plan.steps[0].kind == StepKind::kScan && plan.steps[0].slot == slot;
  for (const Model& model : graph.catalog().models()) {
    const auto is_of = [&](const std::vector<TableId>& all) {
      return std::binary_search(all.begin(), all.end(), model.table);
    };
    const bool can_be = scanned ? is_of(plan.steps[0].tables) : of.any_table || is_of(of.tables);
    if (can_be && graph.Twins(model.table) > 0) tables.push_back(model.table);
  }
  return tables;
}

// Fills in the filters if all conditions can be checked on the pages of every table.
void FindFilters(const Plan& plan, const PlanStep& filter, RunContext* run, PathRuns* runs) {
  const EvaluateContext context = ContextOf(plan, run);
  std::vector<std::optional<PageFilter>> filters(run->graph.catalog().models().size());
  for (const Model& model : run->graph.catalog().models()) {
    if (run->graph.Twins(model.table) == 0) continue;
    std::optional<PageFilter>& made = filters[model.table.value];
    made = PageFilter::Make(filter.conditions, runs->to, model.table, context);
    if (!made.has_value()) return;
  }
  runs->filters = std::move(filters);
  runs->filtered = true;
}

std::shared_ptr<const PathRuns> RunsTo(const Plan& plan, size_t last, RunContext* run) {
  const size_t first = last + 1 - static_cast<size_t>(plan.steps[last].run_hops);
  const auto from = [](const PlanStep& step) {
    return step.reversed ? step.edge.to : step.edge.from;
  };
  const auto to = [](const PlanStep& step) {
    return step.reversed ? step.edge.from : step.edge.to;
  };
  std::vector<Hop> hops;
  for (size_t i = first; i <= last; ++i) {
    const BoundEdge& edge = plan.steps[i].edge;
    Hop hop{.direction = edge.direction, .types = edge.types, .any_type = edge.any_type};
    if (plan.steps[i].reversed && edge.direction != Direction::kEither) {
      hop.direction =
          edge.direction == Direction::kOutgoing ? Direction::kIncoming : Direction::kOutgoing;
    }
    hops.push_back(hop);
  }
  auto runs = std::make_shared<PathRuns>();
  runs->first_step = first;
  runs->from = from(plan.steps[first]);
  runs->to = to(plan.steps[last]);
  runs->by_table.resize(run->graph.catalog().models().size());
  for (const TableId table : TablesOf(plan, runs->from, run->graph)) {
    std::shared_ptr<const RowRuns> of_table =
        run->graph.RunsOf(table, hops, run->options().interrupted);
    if (of_table == nullptr) return nullptr;
    runs->by_table[table.value] = std::move(of_table);
  }
  if (last + 1 < plan.steps.size() && plan.steps[last + 1].kind == StepKind::kFilter) {
    FindFilters(plan, plan.steps[last + 1], run, runs.get());
  }
  return runs;
}

// Calls f(page, first, count) for the pages of a run, as long as it answers OK.
template <typename F>
absl::Status ForEachPage(const RowRuns::Run& run, uint32_t page_rows, F f) {
  uint32_t page = run.row / page_rows;
  uint32_t first = run.row % page_rows;
  for (uint32_t left = run.count; left > 0; ++page, first = 0) {
    const uint32_t count = std::min(left, page_rows - first);
    TWIN_RETURN_IF_ERROR(f(page, first, count));
    left -= count;
  }
  return absl::OkStatus();
}

// By table.
std::vector<PageFilter::Windows> WindowsOf(const PathRuns& runs) {
  std::vector<PageFilter::Windows> windows(runs.filters.size());
  for (size_t i = 0; i < windows.size(); ++i) {
    if (runs.filters[i].has_value()) windows[i] = runs.filters[i]->NewWindows();
  }
  return windows;
}

class ExpandRuns : public Operator {
 public:
  ExpandRuns(const Plan& plan, const PathRuns& runs, const PlanStep& last, RunContext* run,
             Consumer* next)
      : Operator(plan, last, run, next),
        runs_(runs),
        page_rows_(graph().page_rows()),
        windows_(WindowsOf(runs)) {}

 private:
  absl::Status Do(Batch batch) override {
    if (batch.slots[runs_.from].kind != TypeKind::kTwin) return absl::OkStatus();  // NULLs
    if (!batch.slots[runs_.from].nulls.empty()) {
      batch = batch.Take(RowsWithTwin(batch.slots[runs_.from]));
    }
    const absl::Span<const Place> places =
        PlacesOf(graph(), batch.slots[runs_.from], &from_places_);
    for (uint32_t row = 0; row < places.size() && !done(); ++row) {
      for (const RowRuns::Run& run : runs_.From(places[row])) {
        TWIN_RETURN_IF_ERROR(
            ForEachPage(run, page_rows_, [&](uint32_t page, uint32_t first, uint32_t count) {
              AddSlice(TableId(run.table), page, first, count, row);
              return sources_.size() < batch_rows() ? absl::OkStatus() : Flush(batch);
            }));
      }
    }
    return Flush(batch);
  }

  void AddSlice(TableId table, uint32_t page, uint32_t first, uint32_t count, uint32_t source) {
    scanned_ += count;
    const uint32_t* const numbers = graph().TwinPage(table, page);
    const uint32_t first_row = page * page_rows_ + first;
    if (runs_.filtered) {
      PageBits bits;
      if (!runs_.filters[table.value]->Check(graph(), page, &windows_[table.value], &bits)) return;
      bits.Clip(first, count);
      bits.ForEach([&](size_t row) {
        sources_.push_back(source);
        twins_.push_back(numbers[row] - 1);
        places_.push_back({table.value, page * page_rows_ + static_cast<uint32_t>(row)});
      });
      return;
    }
    const size_t at = sources_.size();
    sources_.resize(at + count, source);
    twins_.resize(at + count);
    places_.resize(at + count);
    for (uint32_t i = 0; i < count; ++i) twins_[at + i] = numbers[first + i] - 1;
    for (uint32_t i = 0; i < count; ++i) places_[at + i] = {table.value, first_row + i};
  }

  absl::Status Flush(const Batch& batch) {
    TWIN_RETURN_IF_ERROR(Scanned(std::exchange(scanned_, 0)));
    for (size_t begin = 0; begin < sources_.size() && !done(); begin += batch_rows()) {
      const size_t count = std::min(batch_rows(), sources_.size() - begin);
      Batch out = TakeLive(batch, absl::MakeConstSpan(sources_).subspan(begin, count));
      if (IsLive(runs_.to)) {
        Vector& to = out.slots[runs_.to];
        to = Vector();
        to.kind = TypeKind::kTwin;
        to.rows = count;
        const auto from = static_cast<std::ptrdiff_t>(begin);
        const auto end = static_cast<std::ptrdiff_t>(begin + count);
        to.numbers.assign(twins_.begin() + from, twins_.begin() + end);
        to.places.assign(places_.begin() + from, places_.begin() + end);
      }
      TWIN_RETURN_IF_ERROR(Emit(std::move(out)));
    }
    sources_.clear();
    twins_.clear();
    places_.clear();
    return absl::OkStatus();
  }

  const PathRuns& runs_;
  const uint32_t page_rows_;
  std::vector<PageFilter::Windows> windows_;  // by table
  std::vector<Place> from_places_;
  // Of the rows that have been found: rows of the batch, and ends.
  std::vector<uint32_t> sources_, twins_;
  std::vector<Place> places_;
  uint64_t scanned_ = 0;
};

// `value` of a page's row, as the kind that is kept.
template <typename T>
T Load(const char* values, size_t row) {
  T value;
  std::memcpy(&value, values + row * sizeof(T), sizeof(T));
  return value;
}

template <typename Out, typename T>
Out As(T stored) {
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<Out>(FromFloat(stored));
  } else {
    return static_cast<Out>(stored);
  }
}

// Whether each row of the page has a value.
bool AllFilled(const ColumnPage& page, size_t page_rows) {
  uint64_t all = UINT64_MAX;
  size_t at = 0;
  for (; at + sizeof(all) <= page_rows / 8; at += sizeof(all)) {
    uint64_t has;
    std::memcpy(&has, page.has + at, sizeof(has));
    all &= has;
  }
  for (; at < page_rows / 8; ++at) all &= page.has[at] == 0xff ? UINT64_MAX : 0;
  return all == UINT64_MAX;
}

// That an aggregate is of, maybe as a double.
const BoundExpr& PropertyOf(const BoundAggregate& aggregate) {
  const BoundExpr& expr = *aggregate.arguments[0];
  return expr.kind == BoundKind::kCast ? *expr.operands[0] : expr;
}

// Copies the rows that `bits` names, or all of a slice.
template <typename T, typename Out>
size_t CopyRows(const char* values, uint32_t first, uint32_t count, const PageBits* bits,
                Out* out) {
  if (bits == nullptr) {
    for (uint32_t i = 0; i < count; ++i) out[i] = As<Out>(Load<T>(values, first + i));
    return count;
  }
  size_t copied = 0;
  bits->ForEach([&](size_t row) { out[copied++] = As<Out>(Load<T>(values, row)); });
  return copied;
}

}  // namespace

void FindPathRuns(const Plan& plan, RunContext* run) {
  const uint32_t page_rows = run->graph.page_rows();
  if (page_rows == 0 || page_rows > PageBits::kRowsMax) return;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps[i].run_hops == 0) continue;
    std::shared_ptr<const PathRuns> runs = RunsTo(plan, i, run);
    if (runs != nullptr) run->path_runs[&plan.steps[i]] = std::move(runs);
  }
}

std::unique_ptr<Operator> NewExpandRuns(const Plan& plan, const PathRuns& runs,
                                        const PlanStep& last, RunContext* run, Consumer* next) {
  return std::make_unique<ExpandRuns>(plan, runs, last, run, next);
}

absl::Span<const Place> PlacesOf(const GraphReader& graph, const Vector& twins,
                                 std::vector<Place>* storage) {
  if (twins.places.size() == twins.rows) return twins.places;
  graph.Places(twins.numbers, storage);
  return *storage;
}

bool ArgumentsAreInPages(const Plan& plan, const GraphReader& graph) {
  const std::vector<BoundAggregate>& aggregates = plan.select->aggregates;
  return std::all_of(aggregates.begin(), aggregates.end(), [&](const BoundAggregate& aggregate) {
    if (aggregate.arguments.empty()) return true;
    const std::vector<ColumnRef>& columns = PropertyOf(aggregate).columns;
    return std::all_of(columns.begin(), columns.end(), [&](const ColumnRef& ref) {
      return graph.ValuesAreInPages(TableId(ref.table), ref.column);
    });
  });
}

RunAggregation::RunAggregation(const Plan& plan, const PathRuns& runs, RunContext* run)
    : plan_(plan),
      runs_(runs),
      run_(*run),
      page_rows_(run->graph.page_rows()),
      windows_(WindowsOf(runs)) {
  const std::vector<BoundAggregate>& aggregates = plan.select->aggregates;
  std::vector<const BoundExpr*> exprs;  // of arguments_
  for (size_t i = 0; i < aggregates.size(); ++i) {
    if (aggregates[i].arguments.empty()) {
      counts_.push_back(i);
      continue;
    }
    const BoundExpr& expr = *aggregates[i].arguments[0];
    const auto same = std::find_if(exprs.begin(), exprs.end(),
                                   [&](const BoundExpr* other) { return Same(*other, expr); });
    if (same != exprs.end()) {
      AggregatesLike(aggregates[i], &arguments_[static_cast<size_t>(same - exprs.begin())])
          .push_back(i);
      continue;
    }
    exprs.push_back(&expr);
    Argument argument;
    argument.kind = expr.type.kind;
    argument.by_table.resize(run->graph.catalog().models().size());
    AggregatesLike(aggregates[i], &argument).push_back(i);
    for (const ColumnRef& ref : PropertyOf(aggregates[i]).columns) {
      const TableId table(ref.table);
      argument.by_table[ref.table] = std::make_unique<Source>(Source{
          .factor = ref.factor, .offset = ref.offset, .pages = PageWindow(table, ref.column)});
    }
    arguments_.push_back(std::move(argument));
  }
}

std::vector<size_t>& RunAggregation::AggregatesLike(const BoundAggregate& aggregate,
                                                    Argument* argument) {
  const TypeKind kind = aggregate.arguments[0]->type.kind;
  switch (aggregate.function) {
    case Function::kCount:
      return argument->counts;
    case Function::kMin:
      return aggregate.type.kind == kind ? argument->mins : argument->others;
    case Function::kMax:
      return aggregate.type.kind == kind ? argument->maxs : argument->others;
    default:
      return argument->others;
  }
}

absl::Status RunAggregation::Add(const Batch& batch, absl::Span<const uint32_t> groups,
                                 absl::Span<const std::unique_ptr<Aggregator>> aggregators) {
  const Vector& twins = batch.slots[runs_.from];
  if (twins.kind != TypeKind::kTwin) return absl::OkStatus();  // NULLs
  if (twins.nulls.empty()) return AddTwins(twins, groups, aggregators);
  const std::vector<uint32_t> rows = RowsWithTwin(twins);
  std::vector<uint32_t> of_rows;
  of_rows.reserve(rows.size());
  for (const uint32_t row : rows) of_rows.push_back(groups[row]);
  return AddTwins(twins.Take(rows), of_rows, aggregators);
}

absl::Status RunAggregation::AddTwins(const Vector& twins, absl::Span<const uint32_t> groups,
                                      absl::Span<const std::unique_ptr<Aggregator>> aggregators) {
  const absl::Span<const Place> places = PlacesOf(run_.graph, twins, &places_);
  uint64_t scanned = 0;
  for (const uint32_t group : groups) {
    if (group >= filled_.size()) filled_.resize(size_t{group} + 1);
  }
  for (size_t i = 0; i < places.size(); ++i) {
    for (const RowRuns::Run& run : runs_.From(places[i])) {
      scanned += run.count;
      if (scanned >= kRowsPerCheck) {
        run_.statement.rows_scanned.fetch_add(std::exchange(scanned, 0), std::memory_order_relaxed);
        TWIN_RETURN_IF_ERROR(run_.options().interrupted());
      }
      TWIN_RETURN_IF_ERROR(
          ForEachPage(run, page_rows_, [&](uint32_t page, uint32_t first, uint32_t count) {
            return AddSlice({TableId(run.table), page, first, count}, groups[i], aggregators);
          }));
    }
    TWIN_RETURN_IF_ERROR(EndTwin(groups[i], aggregators));
  }
  run_.statement.rows_scanned.fetch_add(scanned, std::memory_order_relaxed);
  return run_.options().interrupted();
}

absl::Status RunAggregation::AddRows(const RowRuns::Run& rows,
                                     absl::Span<const std::unique_ptr<Aggregator>> aggregators) {
  if (filled_.empty()) filled_.resize(1);
  run_.statement.rows_scanned.fetch_add(rows.count, std::memory_order_relaxed);
  TWIN_RETURN_IF_ERROR(
      ForEachPage(rows, page_rows_, [&](uint32_t page, uint32_t first, uint32_t count) {
        return AddSlice({TableId(rows.table), page, first, count}, 0, aggregators);
      }));
  if (run_.options().profile) run_.profile.at(&plan_.steps[0]).rows += rows_;
  TWIN_RETURN_IF_ERROR(EndTwin(0, aggregators));
  return run_.options().interrupted();
}

absl::Status RunAggregation::AddSlice(const Slice& slice, uint32_t group,
                                      absl::Span<const std::unique_ptr<Aggregator>> aggregators) {
  PageBits passing;
  const PageBits* some = nullptr;
  size_t rows = slice.count;
  if (runs_.filtered) {
    const PageFilter& filter = *runs_.filters[slice.table.value];
    if (!filter.Check(run_.graph, slice.page, &windows_[slice.table.value], &passing)) {
      return absl::OkStatus();
    }
    passing.Clip(slice.first, slice.count);
    if (runs_.with_gaps) KeepTwins(run_.graph.TwinPage(slice.table, slice.page), &passing);
    rows = passing.count();
    if (rows == 0) return absl::OkStatus();
    if (rows < slice.count) some = &passing;
  }
  rows_ += rows;
  for (Argument& argument : arguments_) {
    const NumberRun values = ValuesOf(&argument, slice, some);
    if (values.count == 0) continue;
    Meet(values, &argument);
    for (const size_t i : argument.others) {
      TWIN_RETURN_IF_ERROR(aggregators[i]->AddRun(group, values));
    }
  }
  return absl::OkStatus();
}

void RunAggregation::KeepTwins(const uint32_t* numbers, PageBits* bits) const {
  if (numbers == nullptr) {
    bits->Clip(0, 0);
    return;
  }
  const ColumnPage page{.stored = ColumnPage::Stored::kCode,
                        .has = nullptr,
                        .values = reinterpret_cast<const char*>(numbers)};
  KeepPassing({.op = BoundKind::kNotEqual, .integer = 0, .number = 0}, page, page_rows_,
              bits->words());
}

void RunAggregation::Meet(const NumberRun& values, Argument* argument) {
  const bool is_first = argument->count == 0;
  argument->count += values.count;
  if (argument->mins.empty() && argument->maxs.empty()) return;
  if (values.kind == TypeKind::kDouble) {
    const Extremes<double> met = ExtremesOf(values.doubles, values.count);
    if (is_first) {
      argument->doubles = met;
    } else {
      argument->doubles.Take(met);
    }
  } else {
    const Extremes<int64_t> met = ExtremesOf(values.ints, values.count);
    if (is_first) {
      argument->ints = met;
    } else {
      argument->ints.Take(met);
    }
  }
}

absl::Status RunAggregation::EndTwin(uint32_t group,
                                     absl::Span<const std::unique_ptr<Aggregator>> aggregators) {
  if (rows_ == 0) return absl::OkStatus();
  filled_[group] = 1;
  for (const size_t i : counts_) {
    TWIN_RETURN_IF_ERROR(aggregators[i]->AddRun(group, {.kind = TypeKind::kInt, .count = rows_}));
  }
  rows_ = 0;
  for (Argument& argument : arguments_) {
    if (argument.count == 0) continue;
    for (const size_t i : argument.counts) {
      TWIN_RETURN_IF_ERROR(
          aggregators[i]->AddRun(group, {.kind = argument.kind, .count = argument.count}));
    }
    argument.count = 0;
    for (const size_t i : argument.mins) {
      TWIN_RETURN_IF_ERROR(aggregators[i]->AddRun(group, {.kind = argument.kind,
                                                          .count = 1,
                                                          .doubles = &argument.doubles.least,
                                                          .ints = &argument.ints.least}));
    }
    for (const size_t i : argument.maxs) {
      TWIN_RETURN_IF_ERROR(aggregators[i]->AddRun(group, {.kind = argument.kind,
                                                          .count = 1,
                                                          .doubles = &argument.doubles.greatest,
                                                          .ints = &argument.ints.greatest}));
    }
  }
  return absl::OkStatus();
}

void RunAggregation::Merge(const RunAggregation& later, absl::Span<const uint32_t> groups) {
  for (size_t i = 0; i < later.filled_.size(); ++i) {
    if (later.filled_[i] == 0) continue;
    filled_.resize(std::max<size_t>(filled_.size(), size_t{groups[i]} + 1));
    filled_[groups[i]] = 1;
  }
}

std::vector<uint32_t> RunAggregation::FilledOf(size_t groups) const {
  std::vector<uint32_t> filled;
  for (uint32_t i = 0; i < std::min(groups, filled_.size()); ++i) {
    if (filled_[i] != 0) filled.push_back(i);
  }
  return filled;
}

NumberRun RunAggregation::ValuesOf(Argument* argument, const Slice& slice,
                                   const PageBits* passing) {
  NumberRun run{.kind = argument->kind};
  const std::unique_ptr<Source>& of_table = argument->by_table[slice.table.value];
  if (of_table == nullptr) return run;
  Source& source = *of_table;
  const ColumnPage& page = source.pages.At(run_.graph, slice.page);
  if (page.has == nullptr) return run;
  const bool converted = source.factor != 1 || source.offset != 0;
  if (passing == nullptr && page.stored == ColumnPage::Stored::kDouble && !converted &&
      AllFilled(page, page_rows_)) {
    run.count = slice.count;
    run.doubles = reinterpret_cast<const double*>(page.values) + slice.first;
    return run;
  }
  PageBits asked;
  if (passing == nullptr) {
    asked.SetAll();
    asked.Clip(slice.first, slice.count);
  } else {
    asked = *passing;
  }
  PageBits bits = asked;
  bits.KeepFilled(page, page_rows_);
  // Most often all rows of the slice are asked for, and have a value.
  const bool all = passing == nullptr && bits == asked;
  const PageBits* const some = all ? nullptr : &bits;
  run.doubles = doubles_;
  run.ints = ints_;
  const auto copy = [&](auto stored, auto* out) {
    return CopyRows<decltype(stored)>(page.values, slice.first, slice.count, some, out);
  };
  const bool as_double = argument->kind == TypeKind::kDouble;
  switch (page.stored) {
    case ColumnPage::Stored::kInt32:
      run.count = as_double ? copy(int32_t{}, doubles_) : copy(int32_t{}, ints_);
      break;
    case ColumnPage::Stored::kInt64:
      run.count = as_double ? copy(int64_t{}, doubles_) : copy(int64_t{}, ints_);
      break;
    case ColumnPage::Stored::kFloat:
      run.count = copy(float{}, doubles_);
      break;
    case ColumnPage::Stored::kDouble:
      if (all && !converted) {
        run.count = slice.count;
        run.doubles = reinterpret_cast<const double*>(page.values) + slice.first;
        return run;
      }
      run.count = copy(double{}, doubles_);
      break;
    case ColumnPage::Stored::kBool:
    case ColumnPage::Stored::kCode:
    case ColumnPage::Stored::kOther:
      return {.kind = argument->kind};
  }
  for (size_t i = 0; converted && i < run.count; ++i) {
    doubles_[i] = doubles_[i] * source.factor + source.offset;
  }
  return run;
}

}  // namespace twin::query
