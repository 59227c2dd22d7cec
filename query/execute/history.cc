// kHistory: each row with the samples of its twins.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/execute/history_window.h"
#include "query/execute/operators.h"
#include "query/execute/resample.h"
#include "query/plan/expr_util.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

constexpr int64_t kMaxGapDefault = 5 * 60 * kNsPerSecond;

absl::StatusOr<int64_t> Length(const BoundExpr& expr, const Value& value) {
  if (value.kind() == Value::Kind::kInt && value.as_int() > 0) return value.as_int();
  return ErrorAt(expr.span, value.is_null()
                                ? "this is no length of time like 10m, 1.5h or 'PT1H30M'"
                                : "a length of time is more than 0, such as 10m");
}

absl::StatusOr<int64_t> TimeOf(const BoundExpr& expr, const Value& value) {
  if (value.kind() == Value::Kind::kTime) return value.as_time().ns;
  return ErrorAt(expr.span, "the bound of a window is a time, such as '2026-03-01T00:00:00Z'");
}

}  // namespace

absl::StatusOr<HistoryWindow> WindowOf(const BoundHistory& history, const Value& from,
                                       const Value& to, const EvaluateContext& context, Time end) {
  using Window = BoundHistory::Window;
  HistoryWindow window;
  switch (history.window) {
    case Window::kLast: {
      TWIN_ASSIGN_OR_RETURN(const int64_t length, Length(*history.from, from));
      window.from = end.ns < INT64_MIN + length ? INT64_MIN : end.ns - length;
      window.to = end.ns;
      window.from_excluded = true;
      window.to_included = true;
      break;
    }
    case Window::kSince: {
      TWIN_ASSIGN_OR_RETURN(window.from, TimeOf(*history.from, from));
      window.to = end.ns;
      window.to_included = true;
      break;
    }
    case Window::kFromTo: {
      TWIN_ASSIGN_OR_RETURN(window.from, TimeOf(*history.from, from));
      TWIN_ASSIGN_OR_RETURN(window.to, TimeOf(*history.to, to));
      break;
    }
  }
  window.max_gap = kMaxGapDefault;
  if (history.max_gap != nullptr) {
    TWIN_ASSIGN_OR_RETURN(const Value gap, EvaluateConstant(*history.max_gap, context));
    TWIN_ASSIGN_OR_RETURN(window.max_gap, Length(*history.max_gap, gap));
  }
  if (history.every != nullptr) {
    TWIN_ASSIGN_OR_RETURN(const Value every, EvaluateConstant(*history.every, context));
    TWIN_ASSIGN_OR_RETURN(window.every, Length(*history.every, every));
    constexpr uint64_t kStepsMax = 10'000'000;
    if (StepsAtMost(window) > kStepsMax + 1) {
      return ErrorAt(history.every->span,
                     absl::StrCat("the window has more than ", kStepsMax, " steps"),
                     absl::StatusCode::kResourceExhausted);
    }
  }
  return window;
}

namespace {

bool BoundsAreConstant(const BoundHistory& history) {
  return IsRowless(*history.from) && (history.to == nullptr || IsRowless(*history.to));
}

absl::StatusOr<HistoryWindow> WindowOfAll(const BoundHistory& history,
                                          const EvaluateContext& context, Time end) {
  TWIN_ASSIGN_OR_RETURN(const Value from, EvaluateConstant(*history.from, context));
  Value to;
  if (history.to != nullptr) {
    TWIN_ASSIGN_OR_RETURN(to, EvaluateConstant(*history.to, context));
  }
  return WindowOf(history, from, to, context, end);
}

class HistoryJoin : public Operator {
 public:
  HistoryJoin(const Plan& plan, const PlanStep& step, RunContext* run, Consumer* next)
      : Operator(plan, step, run, next),
        history_(*step.history),
        context_(ContextOf(plan, run)),
        constant_(BoundsAreConstant(*step.history)),
        has_units_(
            std::any_of(step.history->columns.begin(), step.history->columns.end(), HasUnits)) {}

 private:
  absl::Status Do(Batch batch) override {
    if (run_.statement.series == nullptr) {
      return ErrorAt(history_.span, "HISTORY: no samples can be read here; ask a server",
                     absl::StatusCode::kFailedPrecondition);
    }
    TWIN_RETURN_IF_ERROR(FindWindows(&batch));
    FindBounds();
    FindRecorded(batch);
    if (step_.summary != nullptr && constant_) {
      TWIN_RETURN_IF_ERROR(ReadSummariesOfAll(batch));
      return EmitUnmatched(batch);
    }
    std::vector<SeriesRequest> requests;
    std::vector<Run> runs;
    for (uint32_t row = 0; row < batch.rows;) {
      const Run run{row, EndOfRun(batch, row)};
      row = run.end;
      SeriesRequest request;
      if (recorded_[run.begin] == 0 || !MakeRequest(batch, run.begin, &request)) {
        for (uint32_t one = run.begin; one < run.end; ++one) unmatched_.push_back(one);
        continue;
      }
      requests.push_back(std::move(request));
      runs.push_back(run);
    }
    if (step_.summary != nullptr) {
      TWIN_RETURN_IF_ERROR(ReadSummaries(batch, runs, std::move(requests)));
      TWIN_RETURN_IF_ERROR(FlushSummaries(batch));
    } else {
      TWIN_RETURN_IF_ERROR(
          run_.statement.series->Read(requests, [&](size_t request, SeriesRows samples) {
            return Add(batch, runs[request], std::move(samples));
          }));
      TWIN_RETURN_IF_ERROR(Flush(batch));
    }
    return EmitUnmatched(batch);
  }

  // Rows [begin, end) of the batch that the same samples belong to. Unless this HISTORY is aligned
  // with another one, a single row.
  struct Run {
    uint32_t begin = 0;
    uint32_t end = 0;
  };

  bool is_aligned() const { return step_.aligned_with != kNoSlot; }

  uint32_t EndOfRun(const Batch& batch, uint32_t begin) const {
    uint32_t end = begin + 1;
    while (is_aligned() && end < batch.rows && SameSamples(batch, begin, end)) ++end;
    return end;
  }

  bool SameSamples(const Batch& batch, uint32_t a, uint32_t b) const {
    return WindowAt(a) == WindowAt(b) &&
           std::all_of(history_.columns.begin(), history_.columns.end(),
                       [&batch, a, b](const HistoryColumn& column) {
                         const Vector& twins = batch.slots[column.twin];
                         return !twins.IsNull(a) && !twins.IsNull(b) &&
                                twins.numbers[a] == twins.numbers[b];
                       });
  }

  absl::Status FindWindows(Batch* batch) {
    unmatched_.clear();
    windows_.clear();
    if (constant_) {
      TWIN_ASSIGN_OR_RETURN(const HistoryWindow window, WindowOfAll(history_, context_, run_.now));
      windows_.push_back(window);
      return absl::OkStatus();
    }
    Vector from, to;
    TWIN_RETURN_IF_ERROR(Evaluate(*history_.from, context_, batch, &from));
    if (history_.to != nullptr) {
      TWIN_RETURN_IF_ERROR(Evaluate(*history_.to, context_, batch, &to));
    }
    for (size_t row = 0; row < batch->rows; ++row) {
      const bool known = !from.IsNull(row) && (history_.to == nullptr || !to.IsNull(row));
      HistoryWindow none;  // Empty: a row without bounds has no samples.
      if (known) {
        TWIN_ASSIGN_OR_RETURN(
            none, WindowOf(history_, from.Get(row), history_.to == nullptr ? Value() : to.Get(row),
                           context_, run_.now));
      }
      windows_.push_back(none);
    }
    return absl::OkStatus();
  }

  // Rows that may have samples.
  void FindRecorded(const Batch& batch) {
    recorded_.assign(batch.rows, 1);
    if (!constant_) return;
    const HistoryWindow& window = windows_[0];
    if (window.every > 0 && history_.fill != BoundHistory::Fill::kNone) return;
    recorded_.assign(batch.rows, 0);
    const int64_t before = BeforeMax(window);
    const int64_t from = window.from < INT64_MIN + before ? INT64_MIN : window.from - before;
    for (const HistoryColumn& column : history_.columns) {
      const Vector& twins = batch.slots[column.twin];
      if (twins.nulls.empty()) {
        run_.statement.series->FindRecorded(twins.numbers, column.path, from, window.to,
                                            recorded_.data());
        continue;
      }
      std::vector<uint32_t> rows = RowsWithTwin(twins);
      std::vector<uint32_t> numbers;
      numbers.reserve(rows.size());
      for (const uint32_t row : rows) numbers.push_back(twins.numbers[row]);
      std::vector<uint8_t> recorded(rows.size(), 0);
      run_.statement.series->FindRecorded(numbers, column.path, from, window.to, recorded.data());
      for (size_t i = 0; i < rows.size(); ++i) recorded_[rows[i]] |= recorded[i];
    }
  }

  // What the step's conditions say; nothing, if one of them compares with what is no number, or
  // cannot be evaluated, which is an error only if there is a row to evaluate it for.
  void FindBounds() {
    if (step_.bounded_column < 0 || has_bounds_) return;
    has_bounds_ = true;
    SeriesRequest::Bounds bounds;
    bounds.column = step_.bounded_column;
    bounds.keeps_ends = step_.bounds_for_time;
    for (const PlanStep::Bound& bound : step_.bounds) {
      const absl::StatusOr<Value> value = EvaluateConstant(*bound.value, context_);
      if (!value.ok()) return;
      const bool is_int = value->kind() == Value::Kind::kInt;
      if (!is_int && value->kind() != Value::Kind::kDouble) return;
      // No double is nearer to the integer: what compares with it compares with that, or is equal.
      const double number = is_int ? static_cast<double>(value->as_int()) : value->as_double();
      if (std::isnan(number)) return;
      const bool is_upper =
          bound.comparison == BoundKind::kLess || bound.comparison == BoundKind::kLessEqual;
      const bool is_lower =
          bound.comparison == BoundKind::kGreater || bound.comparison == BoundKind::kGreaterEqual;
      if (!is_lower) bounds.max = std::min(bounds.max, number);
      if (!is_upper) bounds.min = std::max(bounds.min, number);
    }
    bounds_ = bounds;
  }

  const HistoryWindow& WindowAt(size_t row) const { return windows_[constant_ ? 0 : row]; }

  bool WithBefore(const HistoryWindow& window) const {
    return step_.with_before && window.every == 0;
  }

  // How long before the window samples are looked for.
  int64_t BeforeMax(const HistoryWindow& window) const {
    if (window.every > 0) return LookBack(history_.fill, window);
    return step_.with_before ? window.max_gap : 0;
  }

  bool MakeRequest(const Batch& batch, uint32_t row, SeriesRequest* request) const {
    const HistoryWindow& window = WindowAt(row);
    if (window.from >= window.to) return false;
    for (const HistoryColumn& column : history_.columns) {
      const Vector& twins = batch.slots[column.twin];
      if (twins.IsNull(row)) return false;
      request->columns.push_back({TwinNumber(twins.numbers[row]), column.path});
    }
    SetWindow(window, request);
    return true;
  }

  void SetWindow(const HistoryWindow& window, SeriesRequest* request) const {
    request->from = window.from;
    request->to = window.to;
    request->from_excluded = window.from_excluded;
    request->to_included = window.to_included;
    request->bounds = bounds_;
    request->before_max = BeforeMax(window);
    if (window.every > 0) {
      // Roll-ups are of minutes and hours.
      constexpr int64_t kMinute = 60 * kNsPerSecond;
      if (step_.by_ends && window.every % kMinute == 0) {
        // Steps of roll-ups begin at 1970: those of weeks are made of days.
        request->ends_of = window.every % kNsPerWeek == 0 ? kNsPerDay : window.every;
      }
    }
  }

  // Of a window that is the same for all rows.
  absl::Status ReadSummariesOfAll(const Batch& batch) {
    std::vector<uint32_t> asked;  // rows
    asked.reserve(batch.rows);
    const bool is_empty = windows_[0].from >= windows_[0].to;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      const bool has_all = std::all_of(
          history_.columns.begin(), history_.columns.end(),
          [&](const HistoryColumn& column) { return !batch.slots[column.twin].IsNull(row); });
      if (recorded_[row] != 0 && !is_empty && has_all) asked.push_back(row);
    }
    std::vector<uint8_t> has_samples(batch.rows, 0);
    if (!asked.empty()) TWIN_RETURN_IF_ERROR(ReadSummariesOf(batch, asked, &has_samples));
    if (!history_.optional) return absl::OkStatus();
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (has_samples[row] == 0) unmatched_.push_back(row);
    }
    return absl::OkStatus();
  }

  absl::Status ReadSummariesOf(const Batch& batch, const std::vector<uint32_t>& asked,
                               std::vector<uint8_t>* has_samples) {
    SummariesRequest request;
    SetWindow(windows_[0], &request.of_each.rows);
    SetSummary(&request.of_each);
    std::vector<std::vector<uint32_t>> twins;
    twins.reserve(history_.columns.size());
    for (const HistoryColumn& column : history_.columns) {
      std::vector<uint32_t>& of = twins.emplace_back();
      of.reserve(asked.size());
      for (const uint32_t row : asked) of.push_back(batch.slots[column.twin].numbers[row]);
      request.columns.push_back({of, column.path});
    }
    SummaryCounts counts;
    const absl::Status status = run_.statement.series->SummarizeEach(
        request,
        [&](SeriesSummaries summaries) {
          std::vector<uint32_t> rows;
          rows.reserve(summaries.requests.size());
          for (const uint32_t of : summaries.requests) {
            rows.push_back(asked[of]);
            (*has_samples)[asked[of]] = 1;
          }
          return Gather(batch, std::move(rows), std::move(summaries.summary));
        },
        &counts);
    TWIN_RETURN_IF_ERROR(AddSummaryCounts(counts, status));
    return FlushSummaries(batch);
  }

  void SetSummary(SummaryRequest* request) const {
    request->step = step_.summary->step;
    request->sums = step_.summary->sums;
    request->extremes = step_.summary->extremes;
    request->ends = step_.summary->ends;
  }

  absl::Status AddSummaryCounts(const SummaryCounts& counts, const absl::Status& status) {
    run_.statement.summaries.Add(counts);
    TWIN_RETURN_IF_ERROR(status);
    return Scanned(counts.blocks + counts.rollup_rows + counts.rows);
  }

  absl::Status ReadSummaries(const Batch& batch, const std::vector<Run>& runs,
                             std::vector<SeriesRequest> requests) {
    std::vector<SummaryRequest> summaries;
    summaries.reserve(requests.size());
    for (SeriesRequest& request : requests) {
      SummaryRequest& summary = summaries.emplace_back();
      summary.rows = std::move(request);
      SetSummary(&summary);
    }
    SummaryCounts counts;
    const absl::Status status = run_.statement.series->Summarize(
        summaries,
        [&](size_t request, SeriesSummary summary) {
          const uint32_t row = runs[request].begin;
          if (summary.times.empty()) {
            unmatched_.push_back(row);
            return absl::OkStatus();
          }
          std::vector<uint32_t> rows(summary.times.size(), row);
          return Gather(batch, std::move(rows), std::move(summary));
        },
        &counts);
    return AddSummaryCounts(counts, status);
  }

  // What the summary says, each of its rows of that row of the batch, goes on with what waits.
  absl::Status Gather(const Batch& batch, std::vector<uint32_t> rows, SeriesSummary summary) {
    if (rows.empty()) return absl::OkStatus();
    // Sums of one kind or another are taken differently, each all by themselves.
    const bool mixes =
        step_.summary->sums && !rows_.empty() &&
        !std::equal(summary.columns.begin(), summary.columns.end(), summaries_.begin(),
                    [](const auto& a, const auto& b) {
                      return a.sums.kind == b.sums.kind && a.sums.decimals == b.sums.decimals;
                    });
    if (mixes) TWIN_RETURN_IF_ERROR(FlushSummaries(batch));
    if (rows_.empty()) {
      rows_ = std::move(rows);
      times_ = std::move(summary.times);
      row_counts_ = std::move(summary.rows);
      summaries_ = std::move(summary.columns);
    } else {
      Append(rows, summary);
    }
    return rows_.size() < batch_rows() ? absl::OkStatus() : FlushSummaries(batch);
  }

  void Append(const std::vector<uint32_t>& rows, const SeriesSummary& summary) {
    rows_.insert(rows_.end(), rows.begin(), rows.end());
    times_.insert(times_.end(), summary.times.begin(), summary.times.end());
    row_counts_.insert(row_counts_.end(), summary.rows.begin(), summary.rows.end());
    for (size_t i = 0; i < summaries_.size(); ++i) {
      const SeriesSummary::Column& from = summary.columns[i];
      SeriesSummary::Column& to = summaries_[i];
      to.counts.Append(from.counts);
      if (step_.summary->sums) to.sums.Append(from.sums);
      if (step_.summary->extremes) {
        to.mins.Append(from.mins);
        to.maxs.Append(from.maxs);
      }
      if (step_.summary->ends) {
        to.firsts.Append(from.firsts);
        to.lasts.Append(from.lasts);
      }
    }
  }

  absl::Status FlushSummaries(const Batch& batch) {
    if (rows_.empty()) return absl::OkStatus();
    Batch out = TakeLive(batch, rows_);
    const auto set_ints = [&](SlotId slot, TypeKind kind, std::vector<int64_t> ints) {
      out.slots[slot].Reset(kind, ints.size());
      out.slots[slot].ints = std::move(ints);
    };
    set_ints(history_.time, TypeKind::kTime, std::move(times_));
    set_ints(step_.summary->rows, TypeKind::kInt, std::move(row_counts_));
    for (size_t i = 0; i < summaries_.size(); ++i) {
      const HistorySummary::Column& slots = step_.summary->columns[i];
      SeriesSummary::Column& column = summaries_[i];
      out.slots[slots.counts] = std::move(column.counts);
      const auto set = [&](SlotId slot, Vector* values) {
        if (slot != kNoSlot) out.slots[slot] = std::move(*values);
      };
      set(slots.sums, &column.sums);
      set(slots.mins, &column.mins);
      set(slots.maxs, &column.maxs);
      set(slots.firsts, &column.firsts);
      set(slots.lasts, &column.lasts);
    }
    rows_.clear();
    times_.clear();
    row_counts_.clear();
    summaries_.clear();
    return Emit(std::move(out));
  }

  // Whether columns go on as they are: sums of decimals are exact, and must not mix with others.
  // A column without a value fits any decimals.
  bool GoesOn(const SeriesRows& samples) const {
    return rows_.empty() || std::equal(columns_.begin(), columns_.end(), samples.columns.begin(),
                                       samples.columns.end(), [](const Vector& a, const Vector& b) {
                                         return a.decimals == b.decimals ||
                                                (a.decimals >= 0 && b.decimals >= 0 &&
                                                 std::count(b.nulls.begin(), b.nulls.end(), 1) ==
                                                     static_cast<std::ptrdiff_t>(b.rows));
                                       });
  }

  absl::Status Add(const Batch& batch, const Run& run, SeriesRows samples) {
    const HistoryWindow& window = WindowAt(run.begin);
    run_.statement.summaries.Add(samples.counts);
    TWIN_RETURN_IF_ERROR(Scanned(samples.times.size()));
    if (has_units_) ConvertUnits(batch, run.begin, &samples);
    MemoryUse steps(&run_.statement.memory);
    if (window.every > 0) {
      TWIN_RETURN_IF_ERROR(run_.options().interrupted());
      const size_t step_bytes = (1 + samples.columns.size()) * sizeof(Value);
      TWIN_RETURN_IF_ERROR(steps.Add(static_cast<int64_t>(StepsAtMost(window) * step_bytes)));
      samples = Resample(samples, window, history_.fill);
    }
    if (!GoesOn(samples)) TWIN_RETURN_IF_ERROR(Flush(batch));
    columns_.resize(history_.columns.size());
    return is_aligned() ? AddAligned(batch, run, window, samples)
                        : AddAll(batch, run.begin, window, samples);
  }

  static bool IsBefore(int64_t time, const HistoryWindow& window) {
    return time < window.from || (time == window.from && window.from_excluded);
  }

  void AddRow(uint32_t row, int64_t time, const HistoryWindow& window) {
    const bool before = IsBefore(time, window);
    rows_.push_back(row);
    times_.push_back(before ? window.from : time);
    if (step_.before != kNoSlot) {
      recorded_times_.push_back(time);
      inside_.push_back(before ? 0 : 1);
    }
    if (step_.window_from != kNoSlot) {
      from_.push_back(window.from);
      to_.push_back(window.to);
    }
  }

  absl::Status FlushIfFull(const Batch& batch) {
    return rows_.size() < batch_rows() ? absl::OkStatus() : Flush(batch);
  }

  // Each row of the run with the samples at its time: several, where one is from before the window.
  absl::Status AddAligned(const Batch& batch, const Run& run, const HistoryWindow& window,
                          const SeriesRows& samples) {
    const Vector& wanted = batch.slots[step_.aligned_with];
    std::vector<int64_t> times = samples.times;
    for (int64_t& time : times) {
      if (IsBefore(time, window)) time = window.from;
    }
    std::vector<uint32_t> found;
    for (uint32_t row = run.begin; row < run.end; ++row) {
      const auto [first, last] =
          wanted.IsNull(row) ? std::pair(times.end(), times.end())
                             : std::equal_range(times.begin(), times.end(), wanted.ints[row]);
      if (first == last) unmatched_.push_back(row);
      for (auto at = first; at != last; ++at) {
        found.push_back(static_cast<uint32_t>(at - times.begin()));
        AddRow(row, samples.times[found.back()], window);
      }
    }
    for (size_t i = 0; i < columns_.size(); ++i) columns_[i].Append(samples.columns[i], found);
    return FlushIfFull(batch);
  }

  absl::Status AddAll(const Batch& batch, uint32_t row, const HistoryWindow& window,
                      const SeriesRows& samples) {
    if (samples.times.empty()) {
      unmatched_.push_back(row);
      return absl::OkStatus();
    }
    bool inside = false;
    for (int64_t time : samples.times) {
      inside = inside || !IsBefore(time, window);
      AddRow(row, time, window);
    }
    if (!inside) unmatched_.push_back(row);  // also where functions of time see one before
    for (size_t i = 0; i < columns_.size(); ++i) columns_[i].Append(samples.columns[i]);
    return FlushIfFull(batch);
  }

  absl::Status Flush(const Batch& batch) {
    if (rows_.empty()) return absl::OkStatus();
    Batch out = TakeLive(batch, rows_);
    Vector& time = out.slots[history_.time];
    time.Reset(TypeKind::kTime, rows_.size());
    time.ints = times_;
    for (size_t i = 0; i < columns_.size(); ++i) {
      Convert(history_.columns[i], &columns_[i]);
      out.slots[history_.columns[i].slot] = std::move(columns_[i]);
    }
    SetWindowSlots(&out);
    rows_.clear();
    times_.clear();
    columns_.clear();
    return Emit(std::move(out));
  }

  void SetWindowSlots(Batch* out) {
    const auto set = [out](SlotId slot, std::vector<int64_t>* times) -> Vector* {
      if (slot == kNoSlot) return nullptr;
      Vector& vector = out->slots[slot];
      vector.Reset(TypeKind::kTime, times->size());
      vector.ints = std::exchange(*times, {});
      return &vector;
    };
    if (Vector* const before = set(step_.before, &recorded_times_)) {
      if (std::find(inside_.begin(), inside_.end(), 0) == inside_.end()) {
        before->Reset(TypeKind::kNull, out->rows);
      } else {
        before->nulls = inside_;
      }
      inside_.clear();
    }
    set(step_.window_from, &from_);
    set(step_.window_to, &to_);
  }

  static void MakeDoubles(Vector* values) {
    if (values->kind != TypeKind::kInt) return;
    values->doubles.assign(values->ints.begin(), values->ints.end());
    values->ints.clear();
    values->kind = TypeKind::kDouble;
  }

  // To the type of the slot, where models keep the path in different ones.
  void Convert(const HistoryColumn& column, Vector* values) const {
    if (plan_.slots[column.slot].type.kind == TypeKind::kDouble) MakeDoubles(values);
  }

  static bool HasUnits(const HistoryColumn& column) {
    return std::any_of(column.columns.begin(), column.columns.end(),
                       [](const ColumnRef& ref) { return ref.factor != 1 || ref.offset != 0; });
  }

  // Samples of the row's twins to the units of the slots, where models keep a path in different
  // ones.
  void ConvertUnits(const Batch& batch, uint32_t row, SeriesRows* samples) const {
    for (size_t i = 0; i < history_.columns.size(); ++i) {
      const HistoryColumn& column = history_.columns[i];
      if (!HasUnits(column)) continue;
      std::vector<Place> places;
      run_.graph.Places({batch.slots[column.twin].numbers[row]}, &places);
      const auto ref =
          std::find_if(column.columns.begin(), column.columns.end(),
                       [&](const ColumnRef& each) { return each.table == places[0].table; });
      Vector& values = samples->columns[i];
      MakeDoubles(&values);
      if (ref == column.columns.end() || values.kind != TypeKind::kDouble ||
          (ref->factor == 1 && ref->offset == 0)) {
        continue;
      }
      values.decimals = -1;
      for (double& value : values.doubles) value = value * ref->factor + ref->offset;
    }
  }

  absl::Status EmitUnmatched(const Batch& batch) {
    if (!history_.optional || unmatched_.empty()) return absl::OkStatus();
    std::sort(unmatched_.begin(), unmatched_.end());
    Batch rest = TakeLive(batch, unmatched_);
    rest.slots[history_.time] = Nulls(TypeKind::kTime, rest.rows);
    for (const HistoryColumn& column : history_.columns) {
      rest.slots[column.slot] = Nulls(plan_.slots[column.slot].type.kind, rest.rows);
    }
    for (const SlotId slot : {step_.before, step_.window_from, step_.window_to}) {
      if (slot != kNoSlot) rest.slots[slot] = Nulls(TypeKind::kTime, rest.rows);
    }
    if (step_.summary != nullptr) {
      // One row without a value.
      for (const SlotId slot : step_.summary->Slots()) {
        rest.slots[slot] = Nulls(plan_.slots[slot].type.kind, rest.rows);
      }
      Vector& rows = rest.slots[step_.summary->rows];
      rows.Reset(TypeKind::kInt, rest.rows);
      std::fill(rows.ints.begin(), rows.ints.end(), 1);
      for (const HistorySummary::Column& column : step_.summary->columns) {
        rest.slots[column.counts].Reset(TypeKind::kInt, rest.rows);
      }
    }
    return Emit(std::move(rest));
  }

  const BoundHistory& history_;
  const EvaluateContext context_;
  const bool constant_;
  const bool has_units_;  // models keep a path in different ones
  bool has_bounds_ = false;
  SeriesRequest::Bounds bounds_;
  std::vector<HistoryWindow> windows_;
  std::vector<uint8_t> recorded_;  // 1: the row may have samples
  std::vector<uint32_t> unmatched_;
  std::vector<uint32_t> rows_;
  std::vector<int64_t> times_;
  std::vector<int64_t> recorded_times_;
  std::vector<uint8_t> inside_;  // 0: recorded before the window
  std::vector<int64_t> from_, to_;
  std::vector<Vector> columns_;
  // Of a summary, instead.
  std::vector<int64_t> row_counts_;
  std::vector<SeriesSummary::Column> summaries_;
};

}  // namespace

absl::StatusOr<HistoryWindow> ConstantWindow(const BoundHistory& history, const Plan& plan,
                                             RunContext* run) {
  const EvaluateContext context = ContextOf(plan, run);
  if (BoundsAreConstant(history)) return WindowOfAll(history, context, run->now);
  HistoryWindow window;
  window.max_gap = kMaxGapDefault;
  if (history.max_gap != nullptr) {
    TWIN_ASSIGN_OR_RETURN(const Value gap, EvaluateConstant(*history.max_gap, context));
    TWIN_ASSIGN_OR_RETURN(window.max_gap, Length(*history.max_gap, gap));
  }
  return window;
}

std::unique_ptr<Operator> NewHistoryJoin(const Plan& plan, const PlanStep& step, RunContext* run,
                                         Consumer* next) {
  return std::make_unique<HistoryJoin>(plan, step, run, next);
}

}  // namespace twin::query
