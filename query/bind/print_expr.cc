// Expressions as the user would write them.
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "query/ast/functions.h"
#include "query/bind/aggregates.h"
#include "query/bind/bound.h"
#include "server/base/time.h"

namespace twin::query {
namespace {

std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

// As few digits as say exactly which double it is.
std::string NumberText(double number) {
  constexpr int kDigitsMax = 17;
  for (int digits = 6; digits < kDigitsMax; ++digits) {
    std::string text = absl::StrFormat("%.*g", digits, number);
    if (std::strtod(text.c_str(), nullptr) == number) return text;
  }
  return absl::StrFormat("%.*g", kDigitsMax, number);
}

std::string DurationText(int64_t ns) {
  struct Unit {
    int64_t ns;
    const char* name;
  };
  static constexpr Unit kUnits[] = {
      {7 * 86'400 * kNsPerSecond, "w"}, {86'400 * kNsPerSecond, "d"}, {3'600 * kNsPerSecond, "h"},
      {60 * kNsPerSecond, "m"},         {kNsPerSecond, "s"},          {kNsPerMs, "ms"}};
  for (const Unit& unit : kUnits) {
    if (ns % unit.ns == 0 && (ns != 0 || unit.ns == kNsPerSecond)) {
      return absl::StrCat(ns / unit.ns, unit.name);
    }
  }
  return absl::StrCat(ns, "ns");
}

std::string ConstantText(const BoundExpr& expr) {
  if (expr.value.is_null()) return "NULL";
  std::string text;
  switch (expr.value.kind()) {
    case Value::Kind::kBool:
      return expr.value.as_bool() ? "TRUE" : "FALSE";
    case Value::Kind::kInt:
      return expr.type.kind == TypeKind::kDuration ? DurationText(expr.value.as_int())
                                                   : absl::StrCat(expr.value.as_int());
    case Value::Kind::kDouble:
      return NumberText(expr.value.as_double());
    case Value::Kind::kString:
      return Quoted(expr.value.as_string());
    case Value::Kind::kTime:
      return Quoted(FormatTime(expr.value.as_time()));
    default:
      return expr.value.DebugString();
  }
}

absl::string_view FieldText(Field field, bool twin) {
  switch (field) {
    case Field::kId:
      return twin ? "$dtId" : "$relationshipId";
    case Field::kEtag:
      return "$etag";
    case Field::kModel:
      return "$metadata.$model";
    case Field::kLastUpdateTime:
      return "$metadata.$lastUpdateTime";
    case Field::kMetadata:
      return "$metadata";
    case Field::kSourceId:
      return "$sourceId";
    case Field::kTargetId:
      return "$targetId";
    case Field::kName:
      return "$relationshipName";
    case Field::kValidFrom:
      return "$validFrom";
    case Field::kValidTo:
      return "$validTo";
  }
  return "";
}

absl::string_view OperatorText(BoundKind kind) {
  switch (kind) {
    case BoundKind::kAnd:
      return " AND ";
    case BoundKind::kOr:
      return " OR ";
    case BoundKind::kAdd:
      return " + ";
    case BoundKind::kSubtract:
      return " - ";
    case BoundKind::kMultiply:
      return " * ";
    case BoundKind::kDivide:
      return " / ";
    case BoundKind::kModulo:
      return " % ";
    case BoundKind::kEqual:
      return " = ";
    case BoundKind::kNotEqual:
      return " != ";
    case BoundKind::kLess:
      return " < ";
    case BoundKind::kLessEqual:
      return " <= ";
    case BoundKind::kGreater:
      return " > ";
    case BoundKind::kGreaterEqual:
      return " >= ";
    default:
      return "";
  }
}

class Printer {
 public:
  explicit Printer(const std::vector<Slot>& slots) : slots_(slots) {}

  std::string Print(const BoundExpr& expr) const {
    switch (expr.kind) {
      case BoundKind::kConstant:
        return ConstantText(expr);
      case BoundKind::kParameter:
        return absl::StrCat("@", expr.text);
      case BoundKind::kNow:
        return "NOW()";
      case BoundKind::kSlot:
        return NameOf(expr.slot);
      case BoundKind::kProperty:
      case BoundKind::kDocument:
        return Below(expr.slot, expr.text);
      case BoundKind::kField:
        return Below(expr.slot, FieldText(expr.field, IsTwin(expr.slot)));
      case BoundKind::kUpdateTime:
        return absl::StrCat(expr.arrival ? "ARRIVAL(" : "LAST_UPDATE(", Below(expr.slot, expr.text),
                            ")");
      case BoundKind::kNot:
        return absl::StrCat("NOT ", Inner(*expr.operands[0]));
      case BoundKind::kNegate:
        return absl::StrCat("-", Inner(*expr.operands[0]));
      case BoundKind::kIn:
        return In(expr);
      case BoundKind::kLike:
        return absl::StrCat(Inner(*expr.operands[0]), expr.negated ? " NOT LIKE " : " LIKE ",
                            Inner(*expr.operands[1]));
      case BoundKind::kIsNull:
        return absl::StrCat(Inner(*expr.operands[0]), expr.negated ? " IS NOT NULL" : " IS NULL");
      case BoundKind::kCase:
        return Case(expr);
      case BoundKind::kIndex:
        return absl::StrCat(Inner(*expr.operands[0]), "[", Print(*expr.operands[1]), "]");
      case BoundKind::kMember:
        return absl::StrCat(Inner(*expr.operands[0]), ".", expr.text);
      case BoundKind::kList:
        return absl::StrCat("[", List(expr.operands), "]");
      case BoundKind::kFunction:
        return absl::StrCat(InfoOf(expr.function).name, "(", List(expr.operands), ")");
      case BoundKind::kOfModel:
        return absl::StrCat("IS_OF_MODEL(", NameOf(expr.slot), ", ", Quoted(expr.text), ")");
      case BoundKind::kAny:
      case BoundKind::kAll:
        return absl::StrCat(expr.kind == BoundKind::kAny ? "ANY(" : "ALL(", NameOf(expr.slot),
                            " IN ", Print(*expr.operands[0]), " WHERE ", Print(*expr.operands[1]),
                            ")");
      case BoundKind::kOfPart:
        return Print(*expr.operands[1]);
      case BoundKind::kExists:
        return Exists(expr);
      case BoundKind::kCast:
        return absl::StrCat("CAST(", Print(*expr.operands[0]), " AS ", TypeName(expr.type.kind),
                            ")");
      default:
        return absl::StrJoin(expr.operands, OperatorText(expr.kind),
                             [this](std::string* out, const BoundPtr& operand) {
                               absl::StrAppend(out, Inner(*operand));
                             });
    }
  }

  std::string List(const std::vector<BoundPtr>& exprs, size_t first = 0) const {
    return absl::StrJoin(
        exprs.begin() + first, exprs.end(), ", ",
        [this](std::string* out, const BoundPtr& expr) { absl::StrAppend(out, Print(*expr)); });
  }

  std::string Keys(const std::vector<BoundSortKey>& keys) const {
    return absl::StrJoin(keys, ", ", [this](std::string* out, const BoundSortKey& key) {
      absl::StrAppend(out, Print(*key.expr), key.descending ? " DESC" : "",
                      key.nulls_first ? " NULLS FIRST" : "");
    });
  }

 private:
  bool Has(SlotId slot) const { return slot >= 0 && static_cast<size_t>(slot) < slots_.size(); }
  bool IsTwin(SlotId slot) const { return Has(slot) && slots_[slot].kind == SlotKind::kTwin; }

  std::string NameOf(SlotId slot) const {
    if (Has(slot) && !slots_[slot].name.empty()) return slots_[slot].name;
    return absl::StrCat("#", slot);
  }

  std::string Below(SlotId slot, absl::string_view path) const {
    if (Has(slot) && slots_[slot].name.empty()) return std::string(path);
    return absl::StrCat(NameOf(slot), ".", path);
  }

  // In parentheses where it is an operation itself.
  std::string Inner(const BoundExpr& expr) const {
    const bool operation = !OperatorText(expr.kind).empty() || expr.kind == BoundKind::kNot ||
                           expr.kind == BoundKind::kNegate || expr.kind == BoundKind::kIn ||
                           expr.kind == BoundKind::kLike || expr.kind == BoundKind::kIsNull;
    return operation ? absl::StrCat("(", Print(expr), ")") : Print(expr);
  }

  std::string In(const BoundExpr& expr) const {
    const bool list = expr.operands.size() != 2 || expr.operands[1]->type.kind != TypeKind::kValue;
    const std::string items = List(expr.operands, 1);
    return absl::StrCat(Inner(*expr.operands[0]), expr.negated ? " NOT IN " : " IN ",
                        list ? absl::StrCat("[", items, "]") : items);
  }

  std::string Case(const BoundExpr& expr) const {
    std::string text = "CASE";
    for (size_t i = 0; i + 1 < expr.operands.size(); i += 2) {
      absl::StrAppend(&text, " WHEN ", Print(*expr.operands[i]), " THEN ",
                      Print(*expr.operands[i + 1]));
    }
    return absl::StrCat(text, " ELSE ", Print(*expr.operands.back()), " END");
  }

  std::string Edge(const BoundEdge& edge) const {
    std::string inside = edge.slot == kNoSlot ? "" : NameOf(edge.slot);
    if (!edge.any_type) absl::StrAppend(&inside, ":", edge.names);
    if (edge.variable) {
      absl::StrAppend(&inside, "*", edge.hops_min, "..",
                      edge.unbounded ? std::string() : absl::StrCat(edge.hops_max));
    }
    using Direction = BoundEdge::Direction;
    return absl::StrCat(edge.direction == Direction::kIncoming ? "<-[" : "-[", inside,
                        edge.direction == Direction::kOutgoing ? "]->" : "]-");
  }

  std::string Exists(const BoundExpr& expr) const {
    std::string text = expr.negated ? "NOT EXISTS (" : "EXISTS (";
    for (const BoundPath& path : expr.exists->paths) {
      if (&path != &expr.exists->paths.front()) text += ", ";
      for (size_t i = 0; i < path.nodes.size(); ++i) {
        if (i > 0) text += Edge(path.edges[i - 1]);
        absl::StrAppend(&text, "(", NameOf(path.nodes[i]), ")");
      }
    }
    for (const BoundPtr& condition : expr.exists->conditions) {
      absl::StrAppend(&text, condition == expr.exists->conditions.front() ? " WHERE " : " AND ",
                      Inner(*condition));
    }
    return text + ")";
  }

  const std::vector<Slot>& slots_;
};

}  // namespace

std::string ToString(const BoundExpr& expr, const std::vector<Slot>& slots) {
  return Printer(slots).Print(expr);
}

namespace binding {

std::string TextOf(const BoundAggregate& aggregate, const std::vector<Slot>& slots) {
  return absl::StrCat(InfoOf(aggregate.function).name, "(", aggregate.distinct ? "DISTINCT " : "",
                      Printer(slots).List(aggregate.arguments), ")");
}

std::string TextOf(const BoundWindow& window, const std::vector<Slot>& slots) {
  const Printer printer(slots);
  std::string over;
  if (!window.partition.empty()) {
    absl::StrAppend(&over, "PARTITION BY ", printer.List(window.partition));
  }
  if (!window.order.empty()) {
    absl::StrAppend(&over, over.empty() ? "" : " ", "ORDER BY ", printer.Keys(window.order));
  }
  return absl::StrCat(InfoOf(window.function).name, "(", printer.List(window.arguments), ") OVER (",
                      over, ")");
}

}  // namespace binding
}  // namespace twin::query
