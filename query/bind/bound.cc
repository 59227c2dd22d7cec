#include "query/bind/bound.h"

#include <algorithm>

namespace twin::query {
namespace {

BoundPtr CloneOrNull(const BoundPtr& expr) { return expr == nullptr ? nullptr : Clone(*expr); }

std::vector<BoundPtr> CloneAll(const std::vector<BoundPtr>& exprs) {
  std::vector<BoundPtr> clones;
  clones.reserve(exprs.size());
  for (const BoundPtr& expr : exprs) clones.push_back(CloneOrNull(expr));
  return clones;
}

bool SameColumn(const ColumnRef& a, const ColumnRef& b) {
  return a.table == b.table && a.column == b.column && a.factor == b.factor && a.offset == b.offset;
}

bool SameEdge(const BoundEdge& a, const BoundEdge& b) {
  return a.slot == b.slot && a.from == b.from && a.to == b.to && a.direction == b.direction &&
         a.types == b.types && a.any_type == b.any_type && a.variable == b.variable &&
         a.hops_min == b.hops_min && a.hops_max == b.hops_max && a.unbounded == b.unbounded;
}

bool SamePath(const BoundPath& a, const BoundPath& b) {
  return a.path == b.path && a.nodes == b.nodes &&
         std::equal(a.edges.begin(), a.edges.end(), b.edges.begin(), b.edges.end(), SameEdge);
}

bool SameExists(const BoundExists* a, const BoundExists* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return std::equal(a->paths.begin(), a->paths.end(), b->paths.begin(), b->paths.end(), SamePath) &&
         SameAll(a->conditions, b->conditions);
}

}  // namespace

BoundKind Mirrored(BoundKind comparison) {
  switch (comparison) {
    case BoundKind::kLess:
      return BoundKind::kGreater;
    case BoundKind::kLessEqual:
      return BoundKind::kGreaterEqual;
    case BoundKind::kGreater:
      return BoundKind::kLess;
    case BoundKind::kGreaterEqual:
      return BoundKind::kLessEqual;
    default:
      return comparison;
  }
}

BoundExpr::BoundExpr() = default;
BoundExpr::~BoundExpr() = default;

BoundPtr Clone(const BoundExpr& expr) {
  auto clone = std::make_unique<BoundExpr>();
  clone->kind = expr.kind;
  clone->type = expr.type;
  clone->span = expr.span;
  clone->slot = expr.slot;
  clone->field = expr.field;
  clone->function = expr.function;
  clone->negated = expr.negated;
  clone->arrival = expr.arrival;
  clone->text = expr.text;
  clone->value = expr.value;
  clone->columns = expr.columns;
  clone->tables = expr.tables;
  clone->operands = CloneAll(expr.operands);
  if (expr.exists != nullptr) {
    clone->exists = std::make_unique<BoundExists>();
    clone->exists->paths = expr.exists->paths;
    clone->exists->conditions = CloneAll(expr.exists->conditions);
    clone->exists->slots = expr.exists->slots;
  }
  return clone;
}

bool SameAll(const std::vector<BoundPtr>& a, const std::vector<BoundPtr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const BoundPtr& x, const BoundPtr& y) { return Same(*x, *y); });
}

bool Same(const BoundExpr& a, const BoundExpr& b) {
  if (a.kind != b.kind || !(a.type == b.type) || a.slot != b.slot || a.negated != b.negated ||
      a.operands.size() != b.operands.size()) {
    return false;
  }
  switch (a.kind) {
    case BoundKind::kConstant:
      if (!(a.value == b.value)) return false;
      break;
    case BoundKind::kParameter:
    case BoundKind::kDocument:
    case BoundKind::kMember:
      if (a.text != b.text) return false;
      break;
    case BoundKind::kField:
      if (a.field != b.field) return false;
      break;
    case BoundKind::kProperty:
    case BoundKind::kUpdateTime:
      if (a.text != b.text || a.arrival != b.arrival ||
          !std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                      SameColumn)) {
        return false;
      }
      break;
    case BoundKind::kFunction:
      if (a.function != b.function) return false;
      break;
    case BoundKind::kOfModel:
      if (a.tables != b.tables) return false;
      break;
    case BoundKind::kExists:
      if (!SameExists(a.exists.get(), b.exists.get())) return false;
      break;
    default:
      break;
  }
  return SameAll(a.operands, b.operands);
}

}  // namespace twin::query
