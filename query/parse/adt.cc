#include "query/parse/adt.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/ast/functions.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

constexpr int64_t kHopsMax = 10;

constexpr absl::string_view kAdtReserved[] = {"ALL",
                                              "AND",
                                              "AS",
                                              "ASC",
                                              "AVG",
                                              "BY",
                                              "COUNT",
                                              "DESC",
                                              "DEVICES",
                                              "DEVICES_JOBS",
                                              "DEVICES_MODULES",
                                              "ENDS_WITH",
                                              "FALSE",
                                              "FROM",
                                              "GROUP",
                                              "IN",
                                              "IS_BOOL",
                                              "IS_DEFINED",
                                              "IS_NULL",
                                              "IS_NUMBER",
                                              "IS_OBJECT",
                                              "IS_OF_MODEL",
                                              "IS_PRIMITIVE",
                                              "IS_STRING",
                                              "MAX",
                                              "MIN",
                                              "NOT",
                                              "NOT_IN",
                                              "NULL",
                                              "OR",
                                              "ORDER",
                                              "SELECT",
                                              "STARTS_WITH",
                                              "SUM",
                                              "TOP",
                                              "TRUE",
                                              "WHERE"};

absl::Status Refuse(const Span& span, absl::string_view what) {
  return ErrorAt(span, absl::StrCat(what, " not part of the dialect adt"));
}

bool IsLiteral(const Expr& expr) {
  return expr.kind == ExprKind::kNull || expr.kind == ExprKind::kBool ||
         expr.kind == ExprKind::kInteger || expr.kind == ExprKind::kDouble ||
         expr.kind == ExprKind::kString;
}

// Whether the expression names alias.$dtId of one of the aliases.
bool NamesTwinId(const Expr& expr, const std::vector<std::string>& aliases) {
  if (expr.kind == ExprKind::kPath && expr.path.size() == 2 && expr.path[1].text == "$dtId") {
    return std::find(aliases.begin(), aliases.end(), expr.path[0].text) != aliases.end();
  }
  return std::any_of(expr.operands.begin(), expr.operands.end(),
                     [&aliases](const ExprPtr& operand) { return NamesTwinId(*operand, aliases); });
}

class AdtChecker {
 public:
  AdtChecker(absl::Span<const SyntaxToken> tokens, const TextMap& map)
      : tokens_(tokens), map_(map) {}

  absl::Status Check(const Statement& statement) {
    TWIN_RETURN_IF_ERROR(CheckTokens());
    const Span begin = map_.At(0, 0);
    if (statement.mode != Statement::Mode::kRun) return Refuse(begin, "EXPLAIN and PROFILE are");
    const Select& select = statement.select;
    // The names of queries in FROM are none that a text can spell.
    if (!statement.with.empty() && !absl::StartsWith(statement.with[0].name.text, "[")) {
      return Refuse(statement.with[0].name.span, "WITH is");
    }
    if (select.from.collection == FromClause::Collection::kSubquery) {
      return Refuse(select.from.span, "a query in FROM is");
    }
    if (select.distinct) return Refuse(begin, "DISTINCT is");
    if (select.top != nullptr && select.top->kind != ExprKind::kInteger) {
      return Refuse(select.top->span, "a parameter is");
    }
    TWIN_RETURN_IF_ERROR(CheckFrom(select));
    TWIN_RETURN_IF_ERROR(CheckItems(select));
    if (select.where != nullptr) TWIN_RETURN_IF_ERROR(CheckCondition(*select.where));
    return CheckClausesOfTql(select);
  }

 private:
  // What only the text shows.
  absl::Status CheckTokens() const {
    const char* end = map_.text().data();
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const SyntaxToken& token = tokens_[i];
      const absl::string_view gap(end, static_cast<size_t>(token.text.data() - end));
      if (const size_t at = gap.find_first_not_of(" \t\r\n"); at != absl::string_view::npos) {
        const auto offset = static_cast<size_t>(gap.data() - map_.text().data()) + at;
        return Refuse(map_.At(offset, 2), "a comment is");
      }
      end = token.text.data() + token.text.size();
      const Span span = map_.At(token.offset, token.text.size());
      if (token.kind == "SEMICOLON") return Refuse(span, "';' at the end is");
      if (token.kind == "PARAMETER") return Refuse(span, "a parameter is");
      if (token.kind == "UNEQUAL") return Refuse(span, "'<>', written != there, is");
      if (token.kind == "STRING" && token.text[0] == '"') {
        return Refuse(span, "a string in \", written in ' there, is");
      }
      if (token.kind == "IN" && i > 0 && tokens_[i - 1].kind == "NOT") {
        return Refuse(span, "NOT IN, written NIN there, is");
      }
    }
    return absl::OkStatus();
  }

  // A name where ADT has no reserved word without [[ ]].
  absl::Status CheckIdentifier(const Name& name) const {
    if (name.empty() || absl::StartsWith(map_.Slice(name.span), "[[")) return absl::OkStatus();
    for (const absl::string_view word : kAdtReserved) {
      if (!absl::EqualsIgnoreCase(word, name.text)) continue;
      return ErrorAt(name.span, absl::StrCat("'", name.text,
                                             "' is a reserved word of ADT; as a name "
                                             "it is written [[",
                                             name.text, "]]"));
    }
    return absl::OkStatus();
  }

  absl::Status AddAlias(const Name& name) {
    TWIN_RETURN_IF_ERROR(CheckIdentifier(name));
    if (!name.empty()) aliases_.push_back(name.text);
    return absl::OkStatus();
  }

  absl::Status CheckFrom(const Select& select) {
    const FromClause& from = select.from;
    if (from.as_of != nullptr) return Refuse(from.as_of->span, "AS OF is");
    if (from.history_all) return Refuse(from.span, "HISTORY ALL is");
    TWIN_RETURN_IF_ERROR(AddAlias(from.alias));
    if (select.clauses.empty()) return absl::OkStatus();
    joined_ = true;
    if (from.collection == FromClause::Collection::kRelationships) {
      return Refuse(from.span, "RELATIONSHIPS with JOIN or MATCH is");
    }
    for (const SourceClause& clause : select.clauses) {
      if (const auto* join = std::get_if<JoinClause>(&clause); join != nullptr) {
        if (from.alias.empty()) {
          return ErrorAt(join->span, "JOIN needs an alias before it: FROM DIGITALTWINS s");
        }
        TWIN_RETURN_IF_ERROR(CheckJoin(*join));
      } else if (const auto* match = std::get_if<MatchClause>(&clause); match != nullptr) {
        if (select.clauses.size() > 1 || !from.alias.empty()) {
          return Refuse(match->span, "MATCH beside an alias, JOIN or another MATCH is");
        }
        TWIN_RETURN_IF_ERROR(CheckMatch(*match, select.where.get()));
      } else {
        return Refuse(std::get<HistoryClause>(clause).span, "HISTORY is");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckJoin(const JoinClause& join) {
    TWIN_RETURN_IF_ERROR(CheckIdentifier(join.source));
    TWIN_RETURN_IF_ERROR(AddAlias(join.target));
    TWIN_RETURN_IF_ERROR(AddAlias(join.alias));
    // An unnamed relationship goes by its name in one of ADT's own examples.
    if (join.alias.empty()) aliases_.push_back(join.relationship.text);
    return absl::OkStatus();
  }

  absl::Status CheckMatch(const MatchClause& match, const Expr* where) {
    if (match.optional) return Refuse(match.span, "OPTIONAL is");
    if (match.paths.size() > 1) return Refuse(match.paths[1].span, "a second pattern is");
    const PathPattern& path = match.paths[0];
    if (!path.alias.empty()) return Refuse(path.alias.span, "the name of a path is");
    std::vector<std::string> twins;
    for (const NodePattern& node : path.nodes) {
      if (!node.model.empty()) return Refuse(node.model.span, "a model in a pattern is");
      TWIN_RETURN_IF_ERROR(AddAlias(node.alias));
      if (!node.alias.empty()) twins.push_back(node.alias.text);
    }
    for (const EdgePattern& edge : path.edges) {
      TWIN_RETURN_IF_ERROR(CheckHops(edge));
      TWIN_RETURN_IF_ERROR(AddAlias(edge.alias));
    }
    if (where == nullptr || !NamesTwinId(*where, twins)) {
      return ErrorAt(match.span,
                     absl::StrCat("in the dialect adt MATCH needs a condition on a twin's "
                                  "$dtId: WHERE ",
                                  twins.empty() ? "a" : twins[0], ".$dtId = '…'"));
    }
    return absl::OkStatus();
  }

  static absl::Status CheckHops(const EdgePattern& edge) {
    if (!edge.has_hops) return absl::OkStatus();
    if (!edge.hops_max.has_value()) return Refuse(edge.span, "a range of hops without an end is");
    if (*edge.hops_max > kHopsMax || edge.hops_min.value_or(0) > kHopsMax) {
      return ErrorAt(edge.span, absl::StrCat("more than ", kHopsMax,
                                             " hops, which is the limit of the dialect adt"));
    }
    const bool one = edge.hops_min == 1 && edge.hops_max == 1;
    if (!edge.alias.empty() && !one) {
      return Refuse(edge.alias.span, "a name for a relationship of several hops is");
    }
    return absl::OkStatus();
  }

  absl::Status CheckItems(const Select& select) const {
    if (select.star && joined_) {
      return Refuse(select.span, "SELECT * with JOIN or MATCH is");
    }
    for (const SelectItem& item : select.items) {
      const Expr& expr = *item.expr;
      const bool count = expr.kind == ExprKind::kCall && expr.text == "COUNT";
      if (count && expr.operands.empty() && !expr.star && expr.over == nullptr) {
        if (select.items.size() > 1) return Refuse(expr.span, "COUNT() beside other columns is");
        if (!item.alias.empty()) return Refuse(item.alias.span, "a name for COUNT() is");
        continue;
      }
      if (count) return Refuse(expr.span, "COUNT with an argument is");
      if (expr.kind == ExprKind::kCall) {
        return Refuse(expr.span, absl::StrCat(expr.text, " in SELECT is"));
      }
      if (expr.kind != ExprKind::kPath) return Refuse(expr.span, "an expression in SELECT is");
      TWIN_RETURN_IF_ERROR(CheckPath(expr));
      TWIN_RETURN_IF_ERROR(CheckIdentifier(item.alias));
    }
    return absl::OkStatus();
  }

  static absl::Status CheckClausesOfTql(const Select& select) {
    if (!select.group_by.empty()) return Refuse(select.group_by[0]->span, "GROUP BY is");
    if (select.having != nullptr) return Refuse(select.having->span, "HAVING is");
    if (select.qualify != nullptr) return Refuse(select.qualify->span, "QUALIFY is");
    if (!select.order_by.empty()) return Refuse(select.order_by[0].expr->span, "ORDER BY is");
    if (select.limit != nullptr) return Refuse(select.limit->span, "LIMIT, TOP(n) there, is");
    if (select.offset != nullptr) return Refuse(select.offset->span, "OFFSET is");
    return absl::OkStatus();
  }

  absl::Status CheckPath(const Expr& expr) const {
    const Name& first = expr.path[0];
    TWIN_RETURN_IF_ERROR(CheckIdentifier(first));
    const bool known = std::find(aliases_.begin(), aliases_.end(), first.text) != aliases_.end();
    if (!joined_ || known) return absl::OkStatus();
    return ErrorAt(first.span,
                   absl::StrCat("unknown alias '", first.text,
                                "': with JOIN or MATCH every path begins with an alias"));
  }

  absl::Status CheckAll(const Expr& expr) const {
    for (const ExprPtr& operand : expr.operands) TWIN_RETURN_IF_ERROR(CheckCondition(*operand));
    return absl::OkStatus();
  }

  absl::Status CheckCondition(const Expr& expr) const {
    switch (expr.kind) {
      case ExprKind::kNull:
      case ExprKind::kBool:
      case ExprKind::kInteger:
      case ExprKind::kDouble:
      case ExprKind::kString:
        return absl::OkStatus();
      case ExprKind::kPath:
        return CheckPath(expr);
      case ExprKind::kAnd:
      case ExprKind::kOr:
      case ExprKind::kNot:
      case ExprKind::kEqual:
      case ExprKind::kNotEqual:
      case ExprKind::kLess:
      case ExprKind::kLessEqual:
      case ExprKind::kGreater:
      case ExprKind::kGreaterEqual:
        return CheckAll(expr);
      case ExprKind::kIn:
        return CheckIn(expr);
      case ExprKind::kCall:
        return CheckCall(expr);
      case ExprKind::kBetween:
        return Refuse(expr.span, "BETWEEN is");
      case ExprKind::kLike:
        return Refuse(expr.span, "LIKE is");
      case ExprKind::kIsNull:
        return Refuse(expr.span, "IS NULL, written IS_NULL(…) there, is");
      case ExprKind::kCase:
        return Refuse(expr.span, "CASE is");
      case ExprKind::kExists:
        return Refuse(expr.span, "EXISTS is");
      case ExprKind::kAny:
      case ExprKind::kAll:
        return Refuse(expr.span, "ANY and ALL are");
      case ExprKind::kDuration:
        return Refuse(expr.span, "a duration is");
      case ExprKind::kQuantity:
        return Refuse(expr.span, "a unit is");
      case ExprKind::kList:
        return Refuse(expr.span, "a list that is not IN's or NIN's is");
      case ExprKind::kIndex:
      case ExprKind::kMember:
        return Refuse(expr.span, "an index is");
      default:
        return Refuse(expr.span, "arithmetic is");
    }
  }

  absl::Status CheckIn(const Expr& expr) const {
    TWIN_RETURN_IF_ERROR(CheckCondition(*expr.operands[0]));
    const Expr& list = *expr.operands[1];
    if (list.kind != ExprKind::kList || list.operands.empty()) {
      return ErrorAt(list.span, "in the dialect adt IN and NIN take a list of literals: [1, 2]");
    }
    for (const ExprPtr& item : list.operands) {
      if (!IsLiteral(*item)) return Refuse(item->span, "in the list of IN what is no literal is");
    }
    return absl::OkStatus();
  }

  absl::Status CheckCall(const Expr& expr) const {
    const FunctionInfo* const info = FindFunction(expr.text);
    if (info == nullptr || !info->adt || info->kind != FunctionKind::kScalar ||
        expr.over != nullptr || expr.distinct) {
      return Refuse(expr.span, absl::StrCat(expr.text, " in WHERE is"));
    }
    if (info->function == Function::kIsOfModel) return CheckIsOfModel(expr);
    const Expr& subject = *expr.operands[0];
    if (subject.kind != ExprKind::kPath) {
      return ErrorAt(subject.span,
                     absl::StrCat("in the dialect adt ", expr.text, " takes a property's path"));
    }
    TWIN_RETURN_IF_ERROR(CheckPath(subject));
    if (expr.operands.size() < 2) return absl::OkStatus();
    const Expr& value = *expr.operands[1];
    const bool any_literal = info->function == Function::kArrayContains;
    if (any_literal ? !IsLiteral(value) : value.kind != ExprKind::kString) {
      return ErrorAt(value.span,
                     absl::StrCat("in the dialect adt the second argument of ", expr.text, " is a ",
                                  any_literal ? "literal" : "string"));
    }
    return absl::OkStatus();
  }

  // IS_OF_MODEL([alias,] 'dtmi:…' [, exact])
  absl::Status CheckIsOfModel(const Expr& expr) const {
    size_t i = 0;
    const auto is_word = [&expr](size_t at) {
      return at < expr.operands.size() && expr.operands[at]->kind == ExprKind::kPath &&
             expr.operands[at]->path.size() == 1;
    };
    if (is_word(0)) {
      TWIN_RETURN_IF_ERROR(CheckPath(*expr.operands[0]));
      ++i;
    }
    const bool model = i < expr.operands.size() && expr.operands[i]->kind == ExprKind::kString;
    if (model) ++i;
    if (is_word(i) && absl::EqualsIgnoreCase(expr.operands[i]->path[0].text, "exact")) ++i;
    if (model && i == expr.operands.size()) return absl::OkStatus();
    const Span& span = i < expr.operands.size() ? expr.operands[i]->span : expr.span;
    return ErrorAt(span, "IS_OF_MODEL takes [alias,] 'dtmi:…;1' [, exact]");
  }

  const absl::Span<const SyntaxToken> tokens_;
  const TextMap& map_;
  std::vector<std::string> aliases_;
  bool joined_ = false;  // by JOIN or MATCH
};

}  // namespace

absl::Status CheckAdt(const Statement& statement, absl::Span<const SyntaxToken> tokens,
                      const TextMap& map) {
  return AdtChecker(tokens, map).Check(statement);
}

}  // namespace twin::query
