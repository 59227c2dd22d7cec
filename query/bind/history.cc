#include "query/bind/history.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/properties.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

using Window = HistoryClause::Window;

std::string Joined(absl::Span<const Name> path) {
  return absl::StrJoin(path, ".",
                       [](std::string* out, const Name& name) { absl::StrAppend(out, name.text); });
}

absl::StatusOr<SlotId> TwinOf(const HistoryPaths& of, const Scope& scope) {
  const SlotId slot = scope.Find(of.twin.text);
  if (slot == kNoSlot) {
    return ErrorAt(of.twin.span, absl::StrCat("unknown alias '", of.twin.text, "'",
                                              Suggestion(of.twin.text, scope.Names(), "in scope")));
  }
  if (scope.slot(slot).kind != SlotKind::kTwin) {
    return ErrorAt(of.twin.span, absl::StrCat("only twins have a history, and '", of.twin.text,
                                              "' is ", Describe(scope.slot(slot).type)));
  }
  return slot;
}

// The columns that one path names.
absl::StatusOr<MergedColumns> ColumnsOf(const Environment& env, const Slot& twin,
                                        const std::vector<Name>& path) {
  const std::string text = Joined(path);
  MergedColumns merged = FindColumns(env, twin, text);
  if (env.lenient()) {
    merged.type.kind = TypeKind::kValue;
    return merged;
  }
  const Span span = SpanOver(path);
  if (merged.columns.empty()) {
    const std::vector<std::string> below = PathsBelow(env, twin, text);
    if (below.empty()) return UnknownProperty(env, twin, text, span);
    return ErrorAt(span, absl::StrCat("'", text,
                                      "' consists of several values; name the ones to "
                                      "read: ",
                                      absl::StrJoin(below, ", ")));
  }
  if (!merged.recorded) {
    return ErrorAt(span, absl::StrCat("'", text,
                                      "' has no history: it is no telemetry, and its "
                                      "model does not make it Historized"));
  }
  return merged;
}

absl::Status CheckPositive(const BoundExpr& duration, absl::string_view what) {
  if (duration.kind != BoundKind::kConstant || IsNull(duration) || duration.value.as_int() > 0) {
    return absl::OkStatus();
  }
  return ErrorAt(duration.span, absl::StrCat(what, " must be longer than 0"));
}

// Binds one clause at a time.
class HistoryBinder {
 public:
  HistoryBinder(const Environment& env, const HistoryClause& clause, ExpressionBinder* binder,
                Scope* scope)
      : env_(env), clause_(clause), binder_(*binder), scope_(*scope) {}

  absl::Status BindWindow(BoundHistory* bound) {
    bound->optional = clause_.optional;
    bound->name = clause_.alias.text;
    bound->window = clause_.window;
    bound->fill = clause_.fill;
    bound->span = clause_.span;
    if (clause_.window == Window::kLast) {
      TWIN_RETURN_IF_ERROR(BindDuration(clause_.from, "the length of LAST", &bound->from));
    } else {
      TWIN_RETURN_IF_ERROR(BindTime(clause_.from, "where the window starts", &bound->from));
      TWIN_RETURN_IF_ERROR(BindTime(clause_.to, "where the window ends", &bound->to));
    }
    TWIN_RETURN_IF_ERROR(BindDuration(clause_.every, "the step of EVERY", &bound->every));
    TWIN_RETURN_IF_ERROR(BindDuration(clause_.max_gap, "MAX GAP", &bound->max_gap));
    if (bound->fill != HistoryClause::Fill::kNone && bound->every == nullptr) {
      return ErrorAt(clause_.span,
                     "FILL says what steps without a value get: it needs EVERY, as in "
                     "EVERY 1m FILL PREVIOUS");
    }
    return absl::OkStatus();
  }

  absl::Status BindColumns(BoundHistory* bound) {
    Slot time;
    time.name = absl::StrCat(clause_.alias.text, ".time");
    time.type.kind = TypeKind::kTime;
    bound->time = scope_.Add(std::move(time));
    for (const HistoryPaths& of : clause_.of) {
      TWIN_ASSIGN_OR_RETURN(const SlotId twin, TwinOf(of, scope_));
      for (const std::vector<Name>& path : of.paths) {
        TWIN_RETURN_IF_ERROR(BindColumn(twin, path, bound));
      }
    }
    // A name that several twins have is qualified.
    for (const HistoryColumn& column : bound->columns) {
      const auto same = std::count_if(
          bound->columns.begin(), bound->columns.end(),
          [&column](const HistoryColumn& other) { return other.path == column.path; });
      (*scope_.slots)[column.slot].name =
          same > 1 ? absl::StrCat(bound->name, ".", scope_.slot(column.twin).name, ".", column.path)
                   : absl::StrCat(bound->name, ".", column.path);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status BindTime(const ExprPtr& expr, absl::string_view what, BoundPtr* bound) {
    if (expr == nullptr) return absl::OkStatus();
    TWIN_ASSIGN_OR_RETURN(BoundPtr time, binder_.Bind(*expr));
    TWIN_ASSIGN_OR_RETURN(*bound, AsTime(env_, std::move(time), what));
    return absl::OkStatus();
  }

  absl::Status BindDuration(const ExprPtr& expr, absl::string_view what, BoundPtr* bound) {
    if (expr == nullptr) return absl::OkStatus();
    TWIN_ASSIGN_OR_RETURN(BoundPtr duration, binder_.Bind(*expr));
    TWIN_ASSIGN_OR_RETURN(*bound, AsDuration(env_, std::move(duration), what));
    return CheckPositive(**bound, what);
  }

  absl::Status BindColumn(SlotId twin, const std::vector<Name>& path, BoundHistory* bound) {
    TWIN_ASSIGN_OR_RETURN(MergedColumns merged, ColumnsOf(env_, scope_.slot(twin), path));
    HistoryColumn column;
    column.twin = twin;
    column.path = Joined(path);
    const bool twice = std::any_of(bound->columns.begin(), bound->columns.end(),
                                   [&column](const HistoryColumn& other) {
                                     return other.twin == column.twin && other.path == column.path;
                                   });
    if (twice) return absl::OkStatus();
    column.columns = std::move(merged.columns);
    Slot slot;
    slot.type = merged.type;
    column.slot = scope_.Add(std::move(slot));
    bound->columns.push_back(std::move(column));
    return absl::OkStatus();
  }

  const Environment& env_;
  const HistoryClause& clause_;
  ExpressionBinder& binder_;
  Scope& scope_;
};

void CollectSlots(const BoundExpr& expr, std::vector<SlotId>* slots) {
  if (expr.slot != kNoSlot) slots->push_back(expr.slot);
  for (const BoundPtr& operand : expr.operands) CollectSlots(*operand, slots);
  if (expr.exists == nullptr) return;
  for (const BoundPtr& condition : expr.exists->conditions) CollectSlots(*condition, slots);
}

bool Contains(const std::vector<SlotId>& slots, SlotId slot) {
  return std::find(slots.begin(), slots.end(), slot) != slots.end();
}

}  // namespace

absl::Status BindHistories(const Environment& env, const std::vector<const HistoryClause*>& clauses,
                           ExpressionBinder* binder, Scope* scope, BoundSelect* select) {
  binder->Enter({.name = "HISTORY"});
  for (const HistoryClause* clause : clauses) {
    BoundHistory bound;
    TWIN_RETURN_IF_ERROR(HistoryBinder(env, *clause, binder, scope).BindWindow(&bound));
    select->histories.push_back(std::move(bound));
  }
  for (size_t i = 0; i < clauses.size(); ++i) {
    const Name& alias = clauses[i]->alias;
    if (scope->Find(alias.text) != kNoSlot || scope->FindHistory(alias.text) >= 0) {
      return ErrorAt(alias.span, absl::StrCat("'", alias.text,
                                              "' is already the name of something "
                                              "else; choose another one"));
    }
    TWIN_RETURN_IF_ERROR(
        HistoryBinder(env, *clauses[i], binder, scope).BindColumns(&select->histories[i]));
    scope->histories.emplace_back(alias.text, static_cast<int>(i));
  }
  return absl::OkStatus();
}

absl::StatusOr<BoundPtr> BindHistoryColumn(const BoundSelect& select, const BoundHistory& history,
                                           absl::Span<const Name> path, const Span& span) {
  const auto slot_at = [&](SlotId slot) { return SlotAt(slot, select.slots[slot].type, span); };
  const std::string text = Joined(path);
  if (text == "time") return slot_at(history.time);
  std::vector<const HistoryColumn*> found;
  for (const HistoryColumn& column : history.columns) {
    const std::string qualified = absl::StrCat(select.slots[column.twin].name, ".", column.path);
    if (text == qualified) return slot_at(column.slot);
    if (text == column.path) found.push_back(&column);
  }
  if (found.size() == 1) return slot_at(found.front()->slot);
  std::vector<std::string> names;
  if (found.empty()) names.push_back(absl::StrCat(history.name, ".time"));
  for (const HistoryColumn& column : history.columns) {
    if (found.empty() || column.path == text) names.push_back(select.slots[column.slot].name);
  }
  if (found.size() > 1) {
    return ErrorAt(span, absl::StrCat("'", history.name, ".", text, "' may mean ",
                                      absl::StrJoin(names, " or ")));
  }
  if (path.empty()) {
    return ErrorAt(span, absl::StrCat("'", history.name,
                                      "' is a history, and no value; name one "
                                      "of its columns: ",
                                      absl::StrJoin(names, ", ")));
  }
  const std::vector<absl::string_view> known(names.begin(), names.end());
  return ErrorAt(span,
                 absl::StrCat("the history '", history.name, "' has no column '", text, "'",
                              Suggestion(absl::StrCat(history.name, ".", text), known, "it has")));
}

std::vector<int> HistoriesOf(const BoundSelect& select, const BoundExpr& expr) {
  std::vector<SlotId> slots;
  CollectSlots(expr, &slots);
  std::vector<int> histories;
  for (size_t i = 0; i < select.histories.size(); ++i) {
    const BoundHistory& history = select.histories[i];
    const bool reads =
        Contains(slots, history.time) ||
        std::any_of(history.columns.begin(), history.columns.end(),
                    [&slots](const HistoryColumn& column) { return Contains(slots, column.slot); });
    if (reads) histories.push_back(static_cast<int>(i));
  }
  return histories;
}

std::vector<SlotId> SeriesOf(const BoundHistory& history, const BoundExpr& expr) {
  std::vector<SlotId> slots;
  CollectSlots(expr, &slots);
  std::vector<SlotId> named;
  std::vector<SlotId> all;
  for (const HistoryColumn& column : history.columns) {
    all.push_back(column.twin);
    if (Contains(slots, column.slot)) named.push_back(column.twin);
  }
  std::vector<SlotId>& series = named.empty() ? all : named;
  std::sort(series.begin(), series.end());
  series.erase(std::unique(series.begin(), series.end()), series.end());
  return std::move(series);
}

}  // namespace twin::query::binding
