// The tree as text, for example:
//
//   (select
//     c.$dtId (as (AVG h.temperature) t)
//     (from twins)
//     (match (c:BatteryCell))
//     (history h (of c temperature) (last 1h))
//     (group-by c.$dtId)
//     (order-by (desc t)))
#include <charconv>
#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "query/ast/ast.h"

namespace twin::query {
namespace {

std::string Quoted(absl::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted.push_back('\\');
    if (c == '\n') {
      absl::StrAppend(&quoted, "\\n");
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('\'');
  return quoted;
}

bool IsPlain(absl::string_view name) {
  if (!name.empty() && name[0] == '[') return true;  // the parser's, which no text can spell
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) return false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_isalnum(byte) && c != '_' && c != '$' && byte < 0x80) return false;
  }
  return true;
}

std::string NameText(const Name& name) {
  return IsPlain(name.text) ? name.text : absl::StrCat("[[", name.text, "]]");
}

std::string PathText(const std::vector<Name>& path) {
  std::string text;
  for (const Name& name : path) absl::StrAppend(&text, text.empty() ? "" : ".", NameText(name));
  return text;
}

std::string DurationText(int64_t nanoseconds) {
  struct Unit {
    absl::string_view name;
    int64_t nanoseconds;
  };
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr Unit kUnits[] = {
      {"w", 7 * 86400 * kSecond}, {"d", 86400 * kSecond}, {"h", 3600 * kSecond},
      {"m", 60 * kSecond},        {"s", kSecond},         {"ms", kSecond / 1000}};
  for (const Unit& unit : kUnits) {
    if (nanoseconds != 0 && nanoseconds % unit.nanoseconds == 0) {
      return absl::StrCat(nanoseconds / unit.nanoseconds, unit.name);
    }
  }
  return nanoseconds == 0 ? "0s" : absl::StrCat(nanoseconds, "ns");
}

// The shortest text that reads as the same number, recognisable as no integer.
std::string DoubleText(double number) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
  std::string text(buffer, end);
  if (std::isfinite(number) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// The word that opens the expression: (word operands …); empty for what is printed otherwise.
absl::string_view WordOf(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kList:
      return "list";
    case ExprKind::kNot:
      return "not";
    case ExprKind::kNegate:
      return "negate";
    case ExprKind::kAnd:
      return "and";
    case ExprKind::kOr:
      return "or";
    case ExprKind::kAdd:
      return "+";
    case ExprKind::kSubtract:
      return "-";
    case ExprKind::kMultiply:
      return "*";
    case ExprKind::kDivide:
      return "/";
    case ExprKind::kModulo:
      return "%";
    case ExprKind::kEqual:
      return "=";
    case ExprKind::kNotEqual:
      return "!=";
    case ExprKind::kLess:
      return "<";
    case ExprKind::kLessEqual:
      return "<=";
    case ExprKind::kGreater:
      return ">";
    case ExprKind::kGreaterEqual:
      return ">=";
    case ExprKind::kIn:
      return expr.negated ? "not-in" : "in";
    case ExprKind::kBetween:
      return expr.negated ? "not-between" : "between";
    case ExprKind::kLike:
      return expr.negated ? "not-like" : "like";
    case ExprKind::kIsNull:
      return expr.negated ? "is-not-null" : "is-null";
    case ExprKind::kCase:
      return "case";
    case ExprKind::kIndex:
      return "at";
    default:
      return "";
  }
}

class Printer {
 public:
  std::string Take() { return std::move(text_); }

  void Print(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kNull:
        return Add("null");
      case ExprKind::kBool:
        return Add(expr.integer != 0 ? "true" : "false");
      case ExprKind::kInteger:
        return Add(absl::StrCat(expr.integer));
      case ExprKind::kDouble:
        return Add(DoubleText(expr.number));
      case ExprKind::kString:
        return Add(Quoted(expr.text));
      case ExprKind::kDuration:
        return Add(DurationText(expr.integer));
      case ExprKind::kParameter:
        return Add(absl::StrCat("@", expr.text));
      case ExprKind::kPath:
        return Add(PathText(expr.path));
      case ExprKind::kMember:
        return List("member", expr, absl::StrCat(" ", PathText(expr.path)));
      case ExprKind::kQuantity:
        return List("quantity", expr, absl::StrCat(" ", Quoted(expr.text)));
      case ExprKind::kCall:
        return Call(expr);
      case ExprKind::kAny:
      case ExprKind::kAll:
        Add(absl::StrCat(expr.kind == ExprKind::kAny ? "(any " : "(all ", PathText(expr.path)));
        return Operands(expr);
      case ExprKind::kExists:
        Add(expr.negated ? "(not-exists" : "(exists");
        for (const PathPattern& path : expr.patterns) {
          Add(" ");
          Print(path);
        }
        return Operands(expr);
      default:
        return List(WordOf(expr), expr, "");
    }
  }

  void Print(const Statement& statement) {
    if (statement.mode == Statement::Mode::kExplain) Add("(explain)\n");
    if (statement.mode == Statement::Mode::kProfile) Add("(profile)\n");
    for (const WithQuery& with : statement.with) {
      Add(absl::StrCat("(with ", NameText(with.name)));
      indent_ += 2;
      NewLine();
      Print(*with.select);
      indent_ -= 2;
      Add(")\n");
    }
    Print(statement.select);
  }

 private:
  void Add(absl::string_view text) { absl::StrAppend(&text_, text); }
  void NewLine() {
    Add("\n");
    text_.append(indent_, ' ');
  }

  // " operand operand …)"
  void Operands(const Expr& expr) {
    for (const ExprPtr& operand : expr.operands) {
      Add(" ");
      Print(*operand);
    }
    Add(")");
  }
  void List(absl::string_view word, const Expr& expr, absl::string_view before) {
    Add(absl::StrCat("(", word, before));
    Operands(expr);
  }

  void Call(const Expr& expr) {
    if (expr.over != nullptr) Add("(over ");
    Add(absl::StrCat("(", expr.text, expr.distinct ? " distinct" : "", expr.star ? " *" : ""));
    Operands(expr);
    if (expr.over == nullptr) return;
    if (!expr.over->partition.empty()) {
      Add(" (partition-by");
      for (const ExprPtr& key : expr.over->partition) {
        Add(" ");
        Print(*key);
      }
      Add(")");
    }
    if (!expr.over->order.empty()) {
      Add(" ");
      PrintOrder(expr.over->order);
    }
    Add(")");
  }

  void PrintOrder(const std::vector<SortKey>& keys) {
    Add("(order-by");
    for (const SortKey& key : keys) {
      const bool first = key.nulls == SortKey::Nulls::kFirst;
      Add(absl::StrCat(" ", first ? "(nulls-first " : "", key.descending ? "(desc " : ""));
      Print(*key.expr);
      Add(absl::StrCat(key.descending ? ")" : "", first ? ")" : ""));
    }
    Add(")");
  }

  void Print(const NodePattern& node) {
    Add(absl::StrCat("(", node.alias.empty() ? "" : NameText(node.alias)));
    if (!node.model.empty()) Add(absl::StrCat(":", NameText(node.model)));
    Add(")");
  }

  void Print(const EdgePattern& edge) {
    using Direction = EdgePattern::Direction;
    Add(edge.direction == Direction::kIncoming ? "<-[" : "-[");
    if (!edge.alias.empty()) Add(NameText(edge.alias));
    for (size_t i = 0; i < edge.names.size(); ++i) {
      Add(absl::StrCat(i == 0 ? ":" : "|", NameText(edge.names[i])));
    }
    if (edge.has_hops) {
      Add("*");
      if (edge.hops_min.has_value()) Add(absl::StrCat(*edge.hops_min));
      Add("..");
      if (edge.hops_max.has_value()) Add(absl::StrCat(*edge.hops_max));
    }
    Add(edge.direction == Direction::kOutgoing ? "]->" : "]-");
  }

  void Print(const PathPattern& path) {
    if (!path.alias.empty()) Add(absl::StrCat("(path ", NameText(path.alias), " "));
    for (size_t i = 0; i < path.nodes.size(); ++i) {
      if (i > 0) Print(path.edges[i - 1]);
      Print(path.nodes[i]);
    }
    if (!path.alias.empty()) Add(")");
  }

  void Print(const JoinClause& join) {
    Add(absl::StrCat("(join ", NameText(join.target), " ", NameText(join.source), ".",
                     NameText(join.relationship)));
    if (!join.alias.empty()) Add(absl::StrCat(" ", NameText(join.alias)));
    Add(")");
  }

  void Print(const MatchClause& match) {
    Add(match.optional ? "(optional-match" : "(match");
    for (const PathPattern& path : match.paths) {
      Add(" ");
      Print(path);
    }
    Add(")");
  }

  void Print(const HistoryClause& history) {
    Add(absl::StrCat(history.optional ? "(optional-history " : "(history ",
                     NameText(history.alias)));
    for (const HistoryPaths& of : history.of) {
      Add(absl::StrCat(" (of ", NameText(of.twin)));
      for (const std::vector<Name>& path : of.paths) Add(absl::StrCat(" ", PathText(path)));
      Add(")");
    }
    constexpr absl::string_view kWindows[] = {"last", "since", "from"};
    Add(absl::StrCat(" (", kWindows[static_cast<int>(history.window)], " "));
    Print(*history.from);
    if (history.to != nullptr) {
      Add(" ");
      Print(*history.to);
    }
    Add(")");
    Optional(" (every ", history.every);
    constexpr absl::string_view kFills[] = {"", " (fill previous)", " (fill linear)",
                                            " (fill null)"};
    Add(kFills[static_cast<int>(history.fill)]);
    Optional(" (max-gap ", history.max_gap);
    Add(")");
  }

  void Print(const FromClause& from) {
    using Collection = FromClause::Collection;
    Add("(from ");
    Add(from.collection == Collection::kTwins           ? "twins"
        : from.collection == Collection::kRelationships ? "relationships"
                                                        : NameText(from.name));
    if (!from.alias.empty()) Add(absl::StrCat(" ", NameText(from.alias)));
    if (from.history_all) Add(" (history all)");
    Optional(" (as-of ", from.as_of);
    Add(")");
  }

  // Prefix, expression and ")", unless there is none.
  void Optional(absl::string_view prefix, const ExprPtr& expr) {
    if (expr == nullptr) return;
    Add(prefix);
    Print(*expr);
    Add(")");
  }

  // As Optional, on a line of its own.
  void Clause(absl::string_view prefix, const ExprPtr& expr) {
    if (expr == nullptr) return;
    NewLine();
    Optional(prefix, expr);
  }

  void PrintItems(const Select& select) {
    if (select.star) Add("*");
    for (size_t i = 0; i < select.items.size(); ++i) {
      const SelectItem& item = select.items[i];
      if (i > 0) Add(" ");
      if (!item.alias.empty()) Add("(as ");
      Print(*item.expr);
      if (!item.alias.empty()) Add(absl::StrCat(" ", NameText(item.alias), ")"));
    }
  }

  void Print(const Select& select) {
    Add(select.distinct ? "(select distinct" : "(select");
    Optional(" (top ", select.top);
    indent_ += 2;
    NewLine();
    PrintItems(select);
    NewLine();
    Print(select.from);
    for (const SourceClause& clause : select.clauses) {
      NewLine();
      std::visit([this](const auto& c) { Print(c); }, clause);
    }
    Clause("(where ", select.where);
    if (!select.group_by.empty()) {
      NewLine();
      Add("(group-by");
      for (const ExprPtr& key : select.group_by) {
        Add(" ");
        Print(*key);
      }
      Add(")");
    }
    Clause("(having ", select.having);
    Clause("(qualify ", select.qualify);
    if (!select.order_by.empty()) {
      NewLine();
      PrintOrder(select.order_by);
    }
    Clause("(limit ", select.limit);
    Clause("(offset ", select.offset);
    indent_ -= 2;
    Add(")");
  }

  std::string text_;
  size_t indent_ = 0;
};

}  // namespace

std::string ToString(const Statement& statement) {
  Printer printer;
  printer.Print(statement);
  return printer.Take();
}

std::string ToString(const Expr& expr) {
  Printer printer;
  printer.Print(expr);
  return printer.Take();
}

}  // namespace twin::query
