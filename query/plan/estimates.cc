#include "query/plan/estimates.h"

#include <algorithm>
#include <cmath>

namespace twin::query {
namespace {

constexpr double kTwinsMax = 1e12;

}  // namespace

double Estimates::Twins(const Slot& slot) const {
  double twins = 0;
  if (slot.any_table) {
    for (const Model& model : catalog_.models()) {
      twins += static_cast<double>(statistics_.Twins(model.table));
    }
  } else {
    for (const TableId table : slot.tables) twins += static_cast<double>(statistics_.Twins(table));
  }
  return twins;
}

// The usual guesses, as System R made them (Selinger et al., Access Path Selection, 1979, table 1).
double Estimates::Selectivity(const BoundExpr& condition) {
  switch (condition.kind) {
    case BoundKind::kEqual:
      return 0.1;
    case BoundKind::kLess:
    case BoundKind::kLessEqual:
    case BoundKind::kGreater:
    case BoundKind::kGreaterEqual:
      return 1.0 / 3;
    case BoundKind::kIn: {
      const double share = std::min(0.5, 0.1 * static_cast<double>(condition.operands.size() - 1));
      return condition.negated ? 1 - share : share;
    }
    case BoundKind::kNot:
      return 1 - Selectivity(*condition.operands[0]);
    case BoundKind::kAnd: {
      double share = 1;
      for (const BoundPtr& operand : condition.operands) share *= Selectivity(*operand);
      return share;
    }
    case BoundKind::kOr: {
      double share = 0;
      for (const BoundPtr& operand : condition.operands) share += Selectivity(*operand);
      return std::min(1.0, share);
    }
    case BoundKind::kNotEqual:
      return 0.9;
    default:
      return 0.5;
  }
}

std::vector<TableId> Estimates::EndTables(const BoundEdge& edge, bool targets) const {
  if (edge.any_type) return {};
  std::vector<TableId> tables;
  for (const RelationshipTypeId type : edge.types) {
    if (targets) {
      const std::string& target = catalog_.relationship_type(type).target;
      if (target.empty()) return {};
      const std::vector<TableId> of_target = catalog_.TablesOfModel(target, /*exact=*/false);
      tables.insert(tables.end(), of_target.begin(), of_target.end());
      continue;
    }
    for (const Model& model : catalog_.models()) {
      if (std::find(model.relationships.begin(), model.relationships.end(), type) !=
          model.relationships.end()) {
        tables.push_back(model.table);
      }
    }
  }
  std::sort(tables.begin(), tables.end());
  tables.erase(std::unique(tables.begin(), tables.end()), tables.end());
  return tables;
}

double Estimates::FanOutOnce(const BoundEdge& edge, bool reversed) const {
  double relationships = 0;
  for (const RelationshipType& type : catalog_.relationship_types()) {
    if (edge.any_type ||
        std::find(edge.types.begin(), edge.types.end(), type.id) != edge.types.end()) {
      relationships += static_cast<double>(statistics_.Relationships(type.id));
    }
  }
  const bool at_targets = reversed != (edge.direction == BoundEdge::Direction::kIncoming);
  Slot ends;
  ends.tables = EndTables(edge, at_targets);
  ends.any_table = ends.tables.empty();
  const double per_twin = relationships / std::max(1.0, Twins(ends));
  return edge.direction == BoundEdge::Direction::kEither ? 2 * per_twin : per_twin;
}

double Estimates::FanOut(const BoundEdge& edge, bool reversed) const {
  const double once = FanOutOnce(edge, reversed);
  if (!edge.variable) return once;
  double ends = edge.hops_min == 0 ? 1 : 0;
  double level = 1;
  for (int hop = 1; hop <= edge.hops_max && level < kTwinsMax; ++hop) {
    level *= once;
    if (hop >= edge.hops_min) ends += level;
    if (level < 1e-3) break;
  }
  return std::min(ends, kTwinsMax);
}

}  // namespace twin::query
