// Places, names, clauses and patterns; tree_builder_expressions.cc has the rest.
#include "query/parse/tree_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/ast/spelling.h"
#include "query/parse/literals.h"

namespace twin::query {

absl::StatusOr<std::shared_ptr<const Statement>> TreeBuilder::Build(
    TqlParser::StatementContext* tree) {
  auto statement = std::make_shared<Statement>();
  statement_ = statement.get();
  if (tree->verb != nullptr) {
    statement->mode = tree->verb->getType() == TqlParser::EXPLAIN ? Statement::Mode::kExplain
                                                                  : Statement::Mode::kProfile;
  }
  for (TqlParser::WithQueryContext* with : tree->with) {
    const Name name = BuildName(with->alias);
    auto select = std::make_unique<Select>(BuildSelect(with->query));
    statement->with.push_back({name, std::move(select)});
    collections_.push_back(name.text);
  }
  statement->select = BuildSelect(tree->query);
  if (!status_.ok()) return status_;
  return statement;
}

// ---- Places and problems

Span TreeBuilder::SpanOf(const Token* token) const {
  if (token->getType() == Token::EOF) return map_.At(map_.text().size(), 0);
  return map_.At(token->getStartIndex(), token->getStopIndex() + 1 - token->getStartIndex());
}

Span TreeBuilder::SpanOf(const ParserRuleContext* context) const {
  const Token* const start = context->start;
  const Token* const stop = context->stop == nullptr ? start : context->stop;
  return Cover(SpanOf(start), SpanOf(stop));
}

void TreeBuilder::Fail(const Span& span, absl::string_view message, absl::StatusCode code) {
  if (status_.ok()) status_ = ErrorAt(span, message, code);
}

bool TreeBuilder::MayDescend(size_t levels, size_t nested, const Span& span) {
  if (static_cast<size_t>(nesting_) + nested > static_cast<size_t>(limits_.depth_max) + 1) {
    Fail(span, TooDeep(limits_), absl::StatusCode::kResourceExhausted);
    return false;
  }
  if (static_cast<size_t>(depth_) + levels > static_cast<size_t>(limits_.tree_depth_max)) {
    Fail(span,
         absl::StrCat("more than tree_depth_max = ", limits_.tree_depth_max,
                      " operators in a row; of the operators only AND and OR may be that many"),
         absl::StatusCode::kResourceExhausted);
    return false;
  }
  return true;
}

ExprPtr TreeBuilder::New(ExprKind kind, const Span& span) {
  if (++nodes_ > limits_.nodes_max) {
    Fail(span, absl::StrCat("a tree of more than nodes_max = ", limits_.nodes_max, " nodes"),
         absl::StatusCode::kResourceExhausted);
  }
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->span = span;
  return expr;
}

// ---- Names and numbers

Name TreeBuilder::BuildName(const Token* token) const {
  const Span span = SpanOf(token);
  absl::string_view text = map_.Slice(span);
  if (token->getType() == TqlParser::QUOTED) text = text.substr(2, text.size() - 4);
  return {std::string(text), span};
}

Name TreeBuilder::BuildName(const TqlParser::NameContext* name) const {
  return name == nullptr ? Name() : BuildName(name->start);
}

std::vector<Name> TreeBuilder::BuildNames(
    const std::vector<TqlParser::NameContext*>& contexts) const {
  std::vector<Name> names;
  names.reserve(contexts.size());
  for (const TqlParser::NameContext* name : contexts) names.push_back(BuildName(name));
  return names;
}

std::string TreeBuilder::BuildString(const Token* token) {
  const Span span = SpanOf(token);
  absl::StatusOr<std::string> text = ReadString(map_.Slice(span), span);
  if (text.ok()) return *std::move(text);
  if (status_.ok()) status_ = text.status();
  return "";
}

ExprPtr TreeBuilder::BuildConstant(const Token* token) {
  const Span span = SpanOf(token);
  const absl::string_view text = map_.Slice(span);
  ExprPtr expr = New(ExprKind::kNull, span);
  switch (token->getType()) {
    case TqlParser::TRUE:
    case TqlParser::FALSE:
      expr->kind = ExprKind::kBool;
      expr->integer = token->getType() == TqlParser::TRUE ? 1 : 0;
      break;
    case TqlParser::STRING:
      expr->kind = ExprKind::kString;
      expr->text = BuildString(token);
      break;
    case TqlParser::PARAMETER:
      expr->kind = ExprKind::kParameter;
      expr->text = std::string(text.substr(1));
      break;
    case TqlParser::DURATION: {
      const absl::StatusOr<int64_t> nanoseconds = ReadDuration(text, span);
      if (!nanoseconds.ok() && status_.ok()) status_ = nanoseconds.status();
      expr->kind = ExprKind::kDuration;
      expr->integer = nanoseconds.value_or(0);
      break;
    }
    case TqlParser::INTEGER:
    case TqlParser::NUMBER: {
      const absl::Status read = ReadNumber(text, span, expr.get());
      if (!read.ok() && status_.ok()) status_ = read;
      break;
    }
    default:
      break;
  }
  return expr;
}

ExprPtr TreeBuilder::BuildCount(TqlParser::CountContext* count) {
  return count == nullptr ? nullptr : BuildConstant(count->start);
}

std::optional<int64_t> TreeBuilder::BuildHops(const Token* token) {
  if (token == nullptr) return std::nullopt;
  int64_t hops = 0;
  if (!absl::SimpleAtoi(TextOf(token), &hops)) Fail(SpanOf(token), "too many hops");
  return hops;
}

// ---- Clauses

Select TreeBuilder::BuildSelect(TqlParser::SelectContext* tree) {
  Select select;
  select.span = SpanOf(tree);
  select.distinct = tree->distinct != nullptr;
  select.top = BuildCount(tree->top);
  select.star = tree->star != nullptr || (tree->items.empty() && tree->top != nullptr);
  if (tree->items.empty() && !select.star) {
    Fail(SpanOf(tree->start), "SELECT needs a list: *, or expressions separated by commas");
  }
  for (TqlParser::SelectItemContext* item : tree->items) {
    select.items.push_back({BuildExpr(item->value), BuildName(item->alias),
                            std::string(map_.Slice(SpanOf(item->value)))});
  }
  select.from = BuildFrom(tree->source);
  for (TqlParser::SourceClauseContext* clause : tree->clauses) {
    select.clauses.push_back(BuildClause(clause));
  }
  select.where = BuildExpr(tree->where);
  select.group_by = BuildExprs(tree->group);
  select.having = BuildExpr(tree->having);
  select.qualify = BuildExpr(tree->qualify);
  select.order_by = BuildOrder(tree->order);
  select.limit = BuildCount(tree->limit);
  select.offset = BuildCount(tree->offset);
  return select;
}

FromClause TreeBuilder::BuildFrom(TqlParser::FromSourceContext* tree) {
  FromClause from;
  from.span = SpanOf(tree);
  from.alias = BuildName(tree->alias);
  from.history_all = tree->all != nullptr;
  if (tree->asOf != nullptr) from.as_of = BuildAdditive(tree->asOf);
  if (tree->collection != nullptr) {
    from.collection = FromClause::Collection::kSubquery;
    from.name = BuildName(tree->collection);
    CheckCollection(from.name);
    if (from.as_of != nullptr) {
      Fail(from.as_of->span, "AS OF stands in the query that the name is for");
    }
  } else if (tree->kind->getType() == TqlParser::LEFT_PAREN) {
    // FROM (SELECT …) is FROM a name that no text can spell, of a WITH query of its own.
    auto select = std::make_unique<Select>(BuildSelect(tree->query));
    from.collection = FromClause::Collection::kSubquery;
    from.name = {absl::StrCat("[subquery ", ++subqueries_, "]"), from.span};
    statement_->with.push_back({from.name, std::move(select)});
  } else if (tree->kind->getType() == TqlParser::RELATIONSHIPS) {
    from.collection = FromClause::Collection::kRelationships;
  }
  return from;
}

void TreeBuilder::CheckCollection(const Name& name) {
  if (std::find(collections_.begin(), collections_.end(), name.text) != collections_.end()) {
    return;
  }
  std::vector<absl::string_view> known(collections_.begin(), collections_.end());
  known.emplace_back("DIGITALTWINS");
  known.emplace_back("RELATIONSHIPS");
  std::string hint = DidYouMean(name.text, known);
  if (hint.empty()) hint = "; there are DIGITALTWINS, RELATIONSHIPS and the names that WITH gives";
  Fail(name.span, absl::StrCat("unknown collection '", name.text, "'", hint));
}

SourceClause TreeBuilder::BuildClause(TqlParser::SourceClauseContext* tree) {
  if (TqlParser::JoinClauseContext* const join = tree->join; join != nullptr) {
    return JoinClause{BuildName(join->target), BuildName(join->origin),
                      BuildName(join->relationship), BuildName(join->alias), SpanOf(join)};
  }
  if (TqlParser::MatchClauseContext* const match = tree->match_; match != nullptr) {
    return MatchClause{tree->optional != nullptr, BuildPatterns(match->paths), SpanOf(tree)};
  }
  return BuildHistory(tree);
}

HistoryClause TreeBuilder::BuildHistory(TqlParser::SourceClauseContext* clause) {
  TqlParser::HistoryClauseContext* const tree = clause->history;
  HistoryClause history;
  history.optional = clause->optional != nullptr;
  history.span = SpanOf(clause);
  history.alias = BuildName(tree->alias);
  for (TqlParser::HistoryPathsContext* of : tree->of) {
    HistoryPaths paths;
    paths.twin = BuildName(of->twin);
    for (TqlParser::PathContext* path : of->paths) paths.paths.push_back(BuildNames(path->names));
    history.of.push_back(std::move(paths));
  }
  using Window = HistoryClause::Window;
  const size_t window = tree->window->getType();
  history.window = window == TqlParser::LAST    ? Window::kLast
                   : window == TqlParser::SINCE ? Window::kSince
                                                : Window::kFromTo;
  history.from = BuildAdditive(tree->lower);
  if (tree->upper != nullptr) history.to = BuildAdditive(tree->upper);
  if (tree->every != nullptr) history.every = BuildAdditive(tree->every);
  if (tree->fill != nullptr) {
    using Fill = HistoryClause::Fill;
    const size_t fill = tree->fill->getType();
    history.fill = fill == TqlParser::PREVIOUS ? Fill::kPrevious
                   : fill == TqlParser::LINEAR ? Fill::kLinear
                                               : Fill::kNull;
  }
  if (tree->gap != nullptr) history.max_gap = BuildAdditive(tree->gap);
  return history;
}

// ---- Patterns

std::vector<PathPattern> TreeBuilder::BuildPatterns(
    const std::vector<TqlParser::PathPatternContext*>& trees) {
  std::vector<PathPattern> paths;
  paths.reserve(trees.size());
  for (TqlParser::PathPatternContext* tree : trees) {
    PathPattern path;
    path.span = SpanOf(tree);
    path.alias = BuildName(tree->alias);
    for (TqlParser::NodePatternContext* node : tree->nodes) path.nodes.push_back(BuildNode(node));
    for (TqlParser::EdgePatternContext* edge : tree->edges) path.edges.push_back(BuildEdge(edge));
    paths.push_back(std::move(path));
  }
  return paths;
}

NodePattern TreeBuilder::BuildNode(TqlParser::NodePatternContext* tree) {
  NodePattern node;
  node.span = SpanOf(tree);
  node.alias = BuildName(tree->alias);
  node.model = BuildName(tree->model);
  if (tree->modelId != nullptr) {
    node.model = {BuildString(tree->modelId), SpanOf(tree->modelId)};
    if (node.model.empty()) Fail(node.model.span, "a model id is not empty");
  }
  return node;
}

EdgePattern TreeBuilder::BuildEdge(TqlParser::EdgePatternContext* tree) {
  EdgePattern edge;
  edge.span = SpanOf(tree);
  edge.alias = BuildName(tree->alias);
  edge.names = BuildNames(tree->names);
  using Direction = EdgePattern::Direction;
  edge.direction = tree->outgoing != nullptr   ? Direction::kOutgoing
                   : tree->incoming != nullptr ? Direction::kIncoming
                                               : Direction::kEither;
  if (tree->outgoing != nullptr && tree->incoming != nullptr) {
    Fail(edge.span, "a relationship has one direction: -[ ]-> or <-[ ]-; -[ ]- is either");
  }
  if (tree->range == nullptr) return edge;
  edge.has_hops = true;
  edge.hops_min = BuildHops(tree->range->low);
  edge.hops_max = tree->range->dots == nullptr ? edge.hops_min : BuildHops(tree->range->high);
  if (edge.hops_min.value_or(0) > edge.hops_max.value_or(INT64_MAX)) {
    Fail(SpanOf(tree->range),
         absl::StrCat("from ", *edge.hops_min, " to ", *edge.hops_max, " hops there are none"));
  }
  return edge;
}

}  // namespace twin::query
