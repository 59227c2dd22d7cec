// The SELECT list: columns and their names.
#include <algorithm>
#include <functional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/select.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

// Whether the item has a name that it did not choose itself, and which.
std::string DefaultName(const SelectItem& item) {
  if (!item.alias.empty()) return item.alias.text;
  const Expr& expr = *item.expr;
  if (expr.kind == ExprKind::kPath) return expr.path.back().text;
  if (expr.kind == ExprKind::kCall && expr.text == "COUNT" && expr.operands.empty() &&
      expr.over == nullptr) {
    return "COUNT";
  }
  return item.text;
}

std::string WholePath(const Expr& expr) {
  std::string text;
  for (const Name& name : expr.path) absl::StrAppend(&text, text.empty() ? "" : ".", name.text);
  return text;
}

template <typename Parts>
bool Fills(const Parts& parts, SlotId slot) {
  return std::any_of(parts.begin(), parts.end(),
                     [slot](const auto& part) { return part.slot == slot; });
}

bool Reads(const BoundExpr& expr, const std::function<bool(SlotId)>& matches) {
  if (expr.kind == BoundKind::kSlot) return matches(expr.slot);
  return std::any_of(expr.operands.begin(), expr.operands.end(),
                     [&matches](const BoundPtr& operand) { return Reads(*operand, matches); });
}

}  // namespace

bool ExpressionBinder::HasWindow(const BoundSelect& select, const BoundExpr& expr) {
  return Reads(expr, [&select](SlotId slot) { return Fills(select.windows, slot); });
}

bool ExpressionBinder::HasAggregate(const BoundSelect& select, const BoundExpr& expr) {
  return Reads(expr, [&select](SlotId slot) {
    return Fills(select.aggregates, slot) || Fills(select.windows, slot);
  });
}

absl::Status SelectBinder::BindOutputs(bool named) {
  bound_.distinct = select_.distinct;
  if (select_.star) return BindStar(named);
  binder_.Enter({.name = "SELECT", .aggregates = true, .windows = true});
  for (const SelectItem& item : select_.items) {
    BoundOutput output;
    TWIN_ASSIGN_OR_RETURN(output.expr, binder_.Bind(*item.expr));
    bound_.outputs.push_back(std::move(output));
  }
  for (size_t i = 0; i < select_.items.size(); ++i) {
    if (select_.items[i].alias.empty()) continue;
    const BoundExpr* const expr = bound_.outputs[i].expr.get();
    binder_.aliases().push_back(
        {select_.items[i].alias.text, expr, ExpressionBinder::HasAggregate(bound_, *expr)});
  }
  return NameOutputs();
}

absl::Status SelectBinder::NameOutputs() {
  absl::flat_hash_map<std::string, int> uses;
  for (const SelectItem& item : select_.items) ++uses[DefaultName(item)];
  absl::flat_hash_map<std::string, size_t> taken;
  std::vector<BoundOutput> outputs;
  for (size_t i = 0; i < select_.items.size(); ++i) {
    const SelectItem& item = select_.items[i];
    std::string name = DefaultName(item);
    const bool path = item.alias.empty() && item.expr->kind == ExprKind::kPath;
    if (path && uses[name] > 1) name = WholePath(*item.expr);
    const auto [it, inserted] = taken.emplace(name, i);
    if (!inserted) {
      // The same twice says no more than once.
      if (env_.adt()) continue;
      return ErrorAt(
          item.alias.empty() ? item.expr->span : item.alias.span,
          absl::StrCat("two columns are called '", name, "'; give one of them another name: AS …"));
    }
    bound_.outputs[i].name = std::move(name);
    outputs.push_back(std::move(bound_.outputs[i]));
  }
  bound_.outputs = std::move(outputs);
  return absl::OkStatus();
}

absl::Status SelectBinder::BindStar(bool named) {
  const auto add = [this](const std::string& name, SlotId slot) {
    BoundOutput output;
    output.name = name;
    output.expr = SlotAt(slot, scope_.slot(slot).type, select_.span);
    bound_.outputs.push_back(std::move(output));
  };
  if (scope_.collection != kNoSlot && histories_.empty()) {
    const std::string& alias = scope_.slot(scope_.collection).name;
    if (named && alias.empty()) {
      return ErrorAt(select_.span, "a column needs a name in WITH: SELECT x FROM DIGITALTWINS x");
    }
    add(alias.empty() ? "*" : alias, scope_.collection);
    bound_.outputs.back().whole_row = !named;
    return absl::OkStatus();
  }
  for (const auto& [name, slot] : scope_.names) add(name, slot);
  for (const BoundHistory& history : bound_.histories) {
    add(scope_.slot(history.time).name, history.time);
    for (const HistoryColumn& column : history.columns) {
      add(scope_.slot(column.slot).name, column.slot);
    }
  }
  if (!bound_.outputs.empty()) return absl::OkStatus();
  return ErrorAt(select_.span, "SELECT * shows what has an alias, and nothing here has one");
}

}  // namespace twin::query::binding
