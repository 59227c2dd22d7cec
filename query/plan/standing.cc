#include "query/plan/standing.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/plan/expr_util.h"

namespace twin::query {
namespace {

using VisitExpr = std::function<void(const BoundExpr&)>;

void ForEach(const std::vector<BoundPtr>& exprs, const VisitExpr& visit) {
  for (const BoundPtr& expr : exprs) ForEachExpr(*expr, visit);
}

void ForEach(const std::vector<BoundSortKey>& keys, const VisitExpr& visit) {
  for (const BoundSortKey& key : keys) ForEachExpr(*key.expr, visit);
}

// All expressions of a select but those of HISTORY clauses and AS OF.
void ForEachExprOf(const BoundSelect& select, const VisitExpr& visit) {
  for (const BoundMatch& match : select.matches) ForEach(match.conditions, visit);
  ForEach(select.where, visit);
  ForEach(select.groups, visit);
  for (const BoundAggregate& aggregate : select.aggregates) ForEach(aggregate.arguments, visit);
  ForEach(select.having, visit);
  for (const BoundWindow& window : select.windows) {
    ForEach(window.arguments, visit);
    ForEach(window.partition, visit);
    ForEach(window.order, visit);
  }
  ForEach(select.qualify, visit);
  for (const BoundOutput& output : select.outputs) ForEachExpr(*output.expr, visit);
  ForEach(select.order, visit);
  for (const BoundPtr* const count : {&select.limit, &select.top, &select.offset}) {
    if (*count != nullptr) ForEachExpr(**count, visit);
  }
}

void ForEachSelect(const BoundStatement& statement,
                   const std::function<void(const BoundSelect&)>& visit) {
  for (const BoundWith& with : statement.with) visit(*with.select);
  visit(statement.select);
}

absl::Status CheckSelect(const BoundSelect& select) {
  const auto refuse = [](const Span& span, absl::string_view message) {
    return ErrorAt(span, absl::StrCat(message, ", which a standing query cannot have"));
  };
  if (!select.histories.empty()) {
    return refuse(select.histories.front().span, "HISTORY reads recorded samples");
  }
  if (select.as_of != nullptr) return refuse(select.as_of->span, "AS OF reads the past");
  if (select.source.history_all) {
    return absl::InvalidArgumentError("HISTORY ALL reads the past, which a standing query cannot");
  }
  if (select.offset != nullptr) return refuse(select.offset->span, "OFFSET leaves rows away");
  if (select.order.empty()) {
    const BoundExpr* const count = select.limit != nullptr ? select.limit.get() : select.top.get();
    if (count != nullptr) {
      return refuse(count->span, "LIMIT or TOP without ORDER BY takes any rows");
    }
  }
  std::optional<Span> now;
  ForEachExprOf(select, [&](const BoundExpr& expr) {
    if (expr.kind == BoundKind::kNow) now = expr.span;
  });
  if (now.has_value()) return refuse(*now, "NOW() changes without a change of the graph");
  return absl::OkStatus();
}

bool HasVariableEdge(const std::vector<BoundPath>& paths) {
  return std::any_of(paths.begin(), paths.end(), [](const BoundPath& path) {
    return std::any_of(path.edges.begin(), path.edges.end(),
                       [](const BoundEdge& edge) { return edge.variable; });
  });
}

void AddTypes(const std::vector<BoundPath>& paths, GraphReads* reads) {
  for (const BoundPath& path : paths) {
    for (const BoundEdge& edge : path.edges) {
      reads->all_types = reads->all_types || edge.any_type;
      reads->types.insert(reads->types.end(), edge.types.begin(), edge.types.end());
    }
  }
}

void AddProperties(const Slot& slot, const Catalog& catalog, GraphReads* reads) {
  if (!slot.any_table) {
    reads->properties.insert(reads->properties.end(), slot.tables.begin(), slot.tables.end());
    return;
  }
  for (const Model& model : catalog.models()) reads->properties.push_back(model.table);
}

void AddExpr(const BoundExpr& expr, const BoundSelect& select, const Catalog& catalog,
             GraphReads* reads) {
  if (expr.kind == BoundKind::kExists) AddTypes(expr.exists->paths, reads);
  if (expr.slot == kNoSlot) return;
  const Slot& slot = select.slots[static_cast<size_t>(expr.slot)];
  if (slot.kind == SlotKind::kPath) {
    // Documents of all twins on it.
    for (const Model& model : catalog.models()) reads->properties.push_back(model.table);
  }
  if (slot.kind != SlotKind::kTwin) return;
  switch (expr.kind) {
    case BoundKind::kProperty:
      for (const ColumnRef& ref : expr.columns) {
        reads->columns.emplace_back(TableId(ref.table), ref.column);
      }
      return;
    case BoundKind::kUpdateTime:
      // Also telemetry; and what is set to what it was has another time.
      for (const ColumnRef& ref : expr.columns) {
        reads->columns.emplace_back(TableId(ref.table), ref.column);
      }
      break;
    case BoundKind::kField:
      if (expr.field == Field::kId || expr.field == Field::kModel) return;
      break;
    case BoundKind::kSlot:
    case BoundKind::kDocument:
      break;
    default:
      return;
  }
  AddProperties(slot, catalog, reads);
}

}  // namespace

absl::Status CheckStanding(const BoundStatement& statement, bool as_run) {
  if (!as_run && statement.mode != Statement::Mode::kRun) {
    return absl::InvalidArgumentError("a standing query is a SELECT, without EXPLAIN or PROFILE");
  }
  absl::Status status;
  ForEachSelect(statement, [&](const BoundSelect& select) { status.Update(CheckSelect(select)); });
  return status;
}

namespace {

// A twin that is the same for all rows of a group; kNoSlot: there is none.
SlotId AnchorOf(const BoundSelect& select) {
  for (const BoundPtr& key : select.groups) {
    if (key->slot == kNoSlot ||
        select.slots[static_cast<size_t>(key->slot)].kind != SlotKind::kTwin) {
      continue;
    }
    const bool is_twin = key->kind == BoundKind::kSlot ||
                         (key->kind == BoundKind::kField && key->field == Field::kId);
    if (is_twin) return key->slot;
  }
  return kNoSlot;
}

std::string WhyWhole(const BoundStatement& statement) {
  const BoundSelect& select = statement.select;
  if (!statement.with.empty() || select.source.subquery >= 0) return "it reads from a WITH";
  if (select.grouped && AnchorOf(select) == kNoSlot) {
    return "it aggregates over groups that are not within one twin";
  }
  if (select.distinct) return "DISTINCT";
  if (!select.windows.empty()) return "it compares rows with OVER";
  if (select.limit != nullptr || select.top != nullptr) return "LIMIT or TOP";
  if (select.source.collection == FromClause::Collection::kRelationships) {
    return "it reads relationships without a pattern";
  }
  for (const BoundMatch& match : select.matches) {
    if (match.optional) return "OPTIONAL MATCH";
    if (HasVariableEdge(match.paths)) return "a path of any length";
  }
  bool has_exists = false;
  ForEachExprOf(select, [&](const BoundExpr& expr) {
    has_exists = has_exists || expr.kind == BoundKind::kExists;
  });
  return has_exists ? "EXISTS" : "";
}

}  // namespace

StandingWay WayOf(const BoundStatement& statement) {
  StandingWay way;
  way.why_whole = WhyWhole(statement);
  if (!way.why_whole.empty()) {
    way.kind = StandingWay::Kind::kWhole;
  } else if (statement.select.grouped) {
    way.kind = StandingWay::Kind::kGroups;
    way.anchor = AnchorOf(statement.select);
  }
  return way;
}

GraphReads ReadsOf(const BoundStatement& statement) {
  GraphReads reads;
  ForEachSelect(statement, [&](const BoundSelect& select) {
    for (const Slot& slot : select.slots) {
      if (slot.kind == SlotKind::kTwin) {
        reads.all_tables = reads.all_tables || slot.any_table;
        reads.tables.insert(reads.tables.end(), slot.tables.begin(), slot.tables.end());
      } else if (slot.kind == SlotKind::kRelationship) {
        reads.all_types = reads.all_types || slot.any_type;
        reads.types.insert(reads.types.end(), slot.types.begin(), slot.types.end());
      }
    }
    for (const BoundMatch& match : select.matches) AddTypes(match.paths, &reads);
    ForEachExprOf(
        select, [&](const BoundExpr& expr) { AddExpr(expr, select, *statement.catalog, &reads); });
  });
  return reads;
}

}  // namespace twin::query
