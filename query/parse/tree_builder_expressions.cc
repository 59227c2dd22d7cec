// Expressions and calls of functions.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/functions.h"
#include "query/ast/spelling.h"
#include "query/parse/tree_builder.h"

namespace twin::query {

namespace {

using ::twin::query::grammar::TqlParser;

ExprPtr Clone(const Expr& expr);

std::unique_ptr<Over> Clone(const Over& over) {
  auto copy = std::make_unique<Over>();
  copy->span = over.span;
  for (const ExprPtr& key : over.partition) copy->partition.push_back(Clone(*key));
  for (const SortKey& key : over.order) {
    copy->order.push_back({Clone(*key.expr), key.descending, key.nulls});
  }
  return copy;
}

ExprPtr Clone(const Expr& expr) {
  auto copy = std::make_unique<Expr>();
  copy->kind = expr.kind;
  copy->span = expr.span;
  copy->negated = expr.negated;
  copy->distinct = expr.distinct;
  copy->star = expr.star;
  copy->integer = expr.integer;
  copy->number = expr.number;
  copy->text = expr.text;
  copy->path = expr.path;
  copy->operands.reserve(expr.operands.size());
  for (const ExprPtr& operand : expr.operands) copy->operands.push_back(Clone(*operand));
  if (expr.over != nullptr) copy->over = Clone(*expr.over);
  copy->patterns = expr.patterns;
  return copy;
}

ExprKind KindOfOperator(size_t type) {
  switch (type) {
    case TqlParser::EQUAL:
      return ExprKind::kEqual;
    case TqlParser::NOT_EQUAL:
    case TqlParser::UNEQUAL:
      return ExprKind::kNotEqual;
    case TqlParser::LESS:
      return ExprKind::kLess;
    case TqlParser::LESS_EQUAL:
      return ExprKind::kLessEqual;
    case TqlParser::GREATER:
      return ExprKind::kGreater;
    case TqlParser::GREATER_EQUAL:
      return ExprKind::kGreaterEqual;
    case TqlParser::IN:
    case TqlParser::NIN:
      return ExprKind::kIn;
    case TqlParser::BETWEEN:
      return ExprKind::kBetween;
    case TqlParser::LIKE:
      return ExprKind::kLike;
    case TqlParser::IS:
      return ExprKind::kIsNull;
    case TqlParser::PLUS:
      return ExprKind::kAdd;
    case TqlParser::MINUS:
      return ExprKind::kSubtract;
    case TqlParser::STAR:
      return ExprKind::kMultiply;
    case TqlParser::SLASH:
      return ExprKind::kDivide;
    default:
      return ExprKind::kModulo;
  }
}

}  // namespace

// ---- Expressions

std::vector<ExprPtr> TreeBuilder::BuildExprs(const std::vector<TqlParser::ExprContext*>& trees) {
  std::vector<ExprPtr> exprs;
  exprs.reserve(trees.size());
  for (TqlParser::ExprContext* tree : trees) exprs.push_back(BuildExpr(tree));
  return exprs;
}

std::vector<SortKey> TreeBuilder::BuildOrder(const std::vector<TqlParser::SortKeyContext*>& trees) {
  std::vector<SortKey> keys;
  for (TqlParser::SortKeyContext* tree : trees) {
    SortKey key;
    key.expr = BuildExpr(tree->value);
    key.descending = tree->direction != nullptr && tree->direction->getType() == TqlParser::DESC;
    const bool first = tree->nulls != nullptr && tree->nulls->getType() == TqlParser::FIRST;
    key.nulls = first ? SortKey::Nulls::kFirst : SortKey::Nulls::kLast;
    keys.push_back(std::move(key));
  }
  return keys;
}

ExprPtr TreeBuilder::BuildExpr(TqlParser::ExprContext* tree) {
  if (tree == nullptr) return nullptr;
  const Deeper nested(&nesting_, 1);
  if (tree->terms.size() == 1) return BuildConjunction(tree->terms[0]);
  const Deeper deeper(&depth_, 1);
  ExprPtr expr = New(ExprKind::kOr, SpanOf(tree));
  for (TqlParser::ConjunctionContext* term : tree->terms) {
    expr->operands.push_back(BuildConjunction(term));
  }
  return expr;
}

ExprPtr TreeBuilder::BuildConjunction(TqlParser::ConjunctionContext* tree) {
  if (tree->terms.size() == 1) return BuildCondition(tree->terms[0]);
  const Deeper deeper(&depth_, 1);
  ExprPtr expr = New(ExprKind::kAnd, SpanOf(tree));
  for (TqlParser::ConditionContext* term : tree->terms) {
    expr->operands.push_back(BuildCondition(term));
  }
  return expr;
}

ExprPtr TreeBuilder::BuildCondition(TqlParser::ConditionContext* tree) {
  const size_t nots = tree->nots.size();
  if (!MayDescend(nots, nots, SpanOf(tree->start))) return New(ExprKind::kNull, SpanOf(tree));
  const Deeper nested(&nesting_, static_cast<int>(nots));
  const Deeper deeper(&depth_, static_cast<int>(nots));
  ExprPtr expr = BuildComparison(tree);
  for (size_t i = nots; i-- > 0;) {
    const Span span = Cover(SpanOf(tree->nots[i]), SpanOf(tree));
    if (expr->kind == ExprKind::kExists && !expr->negated) {
      expr->negated = true;
      expr->span = span;
    } else {
      expr = New(ExprKind::kNot, span, std::move(expr));
    }
  }
  return expr;
}

ExprPtr TreeBuilder::BuildComparison(TqlParser::ConditionContext* tree) {
  if (tree->op == nullptr) return BuildAdditive(tree->left);
  const Deeper deeper(&depth_, 1);
  const size_t op = tree->op->getType();
  ExprPtr expr = New(KindOfOperator(op), Cover(SpanOf(tree->left), SpanOf(tree)));
  expr->negated = op == TqlParser::NIN || tree->negated != nullptr;
  for (TqlParser::AdditiveContext* operand : {tree->left, tree->right, tree->upper}) {
    if (operand != nullptr) expr->operands.push_back(BuildAdditive(operand));
  }
  return expr;
}

template <typename Context, typename BuildTerm>
ExprPtr TreeBuilder::BuildChain(Context* tree, BuildTerm build_term) {
  const auto& terms = tree->terms;
  if (terms.size() == 1) return build_term(terms[0]);
  if (!MayDescend(terms.size() - 1, 0, SpanOf(tree->start))) {
    return New(ExprKind::kNull, SpanOf(tree));
  }
  const Deeper deeper(&depth_, static_cast<int>(terms.size()) - 1);
  ExprPtr expr = build_term(terms[0]);
  for (size_t i = 1; i < terms.size(); ++i) {
    const Span span = Cover(SpanOf(terms[0]), SpanOf(terms[i]));
    ExprPtr term = build_term(terms[i]);
    expr = New(KindOfOperator(tree->ops[i - 1]->getType()), span, std::move(expr), std::move(term));
  }
  return expr;
}

ExprPtr TreeBuilder::BuildAdditive(TqlParser::AdditiveContext* tree) {
  return BuildChain(tree, [this](TqlParser::MultiplicativeContext* factor) {
    return BuildChain(factor,
                      [this](TqlParser::OperandContext* term) { return BuildOperand(term); });
  });
}

ExprPtr TreeBuilder::Negate(ExprPtr expr, const Span& span) {
  switch (expr->kind) {
    case ExprKind::kDouble:
      // The one number that fits into 64 bits only with its sign.
      if (map_.Slice(expr->span) == "9223372036854775808") {
        expr->kind = ExprKind::kInteger;
        expr->integer = INT64_MIN;
      }
      expr->number = expr->kind == ExprKind::kDouble ? -expr->number : 0;
      break;
    case ExprKind::kInteger:
    case ExprKind::kDuration:
      if (expr->integer == INT64_MIN) return New(ExprKind::kNegate, span, std::move(expr));
      expr->integer = -expr->integer;
      break;
    case ExprKind::kQuantity:
      expr->operands[0] = Negate(std::move(expr->operands[0]), span);
      break;
    default:
      return New(ExprKind::kNegate, span, std::move(expr));
  }
  expr->span = span;
  return expr;
}

ExprPtr TreeBuilder::BuildOperand(TqlParser::OperandContext* tree) {
  const auto minus = [](const Token* sign) { return sign->getType() == TqlParser::MINUS; };
  const auto count =
      static_cast<size_t>(std::count_if(tree->signs.begin(), tree->signs.end(), minus));
  if (!MayDescend(count, tree->signs.size(), SpanOf(tree->start))) {
    return New(ExprKind::kNull, SpanOf(tree));
  }
  const Deeper nested(&nesting_, static_cast<int>(tree->signs.size()));
  const Deeper deeper(&depth_, static_cast<int>(count));
  ExprPtr expr = BuildSteps(tree);
  for (size_t i = tree->signs.size(); i-- > 0;) {
    if (!minus(tree->signs[i])) continue;
    expr = Negate(std::move(expr), Cover(SpanOf(tree->signs[i]), SpanOf(tree)));
  }
  return expr;
}

ExprPtr TreeBuilder::BuildSteps(TqlParser::OperandContext* tree) {
  if (!MayDescend(tree->steps.size(), 0, SpanOf(tree->base))) {
    return New(ExprKind::kNull, SpanOf(tree->base));
  }
  const Deeper deeper(&depth_, static_cast<int>(tree->steps.size()));
  ExprPtr expr = BuildPrimary(tree->base);
  for (TqlParser::StepContext* step : tree->steps) {
    const Span span = Cover(SpanOf(tree->base), SpanOf(step));
    if (step->index != nullptr) {
      ExprPtr index = BuildExpr(step->index);
      expr = New(ExprKind::kIndex, span, std::move(expr), std::move(index));
      continue;
    }
    if (expr->kind != ExprKind::kPath) expr = New(ExprKind::kMember, span, std::move(expr));
    expr->path.push_back(BuildName(step->member));
    expr->span = span;
  }
  return expr;
}

ExprPtr TreeBuilder::BuildPrimary(TqlParser::PrimaryContext* tree) {
  if (tree->args != nullptr) return BuildCall(tree);
  if (tree->word != nullptr) {
    ExprPtr expr = New(ExprKind::kPath, SpanOf(tree));
    expr->path.push_back(BuildName(tree->word));
    return expr;
  }
  if (tree->inner != nullptr) return BuildExpr(tree->inner);
  if (tree->value != nullptr) return BuildLiteral(tree->value);
  const Deeper deeper(&depth_, 1);
  if (tree->items != nullptr) {
    ExprPtr expr = New(ExprKind::kList, SpanOf(tree));
    expr->operands = BuildExprs(tree->items->items);
    return expr;
  }
  if (tree->choice != nullptr) return BuildCase(tree->choice);
  if (tree->any != nullptr) {
    const bool any = tree->any->quantifier->getType() == TqlParser::ANY;
    ExprPtr expr = New(any ? ExprKind::kAny : ExprKind::kAll, SpanOf(tree));
    expr->path.push_back(BuildName(tree->any->element));
    expr->operands.push_back(BuildAdditive(tree->any->of));
    expr->operands.push_back(BuildExpr(tree->any->where));
    return expr;
  }
  ExprPtr expr = New(ExprKind::kExists, SpanOf(tree));
  expr->patterns = BuildPatterns(tree->some->paths);
  if (tree->some->where != nullptr) {
    expr->operands.push_back(BuildExpr(tree->some->where));
  }
  return expr;
}

ExprPtr TreeBuilder::BuildLiteral(TqlParser::LiteralContext* tree) {
  if (tree->constant != nullptr) return BuildConstant(tree->constant);
  ExprPtr number = BuildConstant(tree->number);
  if (tree->unit == nullptr) return number;
  ExprPtr expr = New(ExprKind::kQuantity, SpanOf(tree), std::move(number));
  expr->text = BuildString(tree->unit);
  return expr;
}

ExprPtr TreeBuilder::BuildCase(TqlParser::CaseExprContext* tree) {
  ExprPtr expr = New(ExprKind::kCase, SpanOf(tree));
  const Deeper deeper(&depth_, 1);
  ExprPtr operand;
  int64_t operand_nodes = 0;
  if (tree->subject != nullptr) {
    const int64_t before = nodes_;
    operand = BuildAdditive(tree->subject);
    operand_nodes = nodes_ - before;
  }
  for (TqlParser::WhenContext* when : tree->whens) {
    ExprPtr condition = BuildExpr(when->test);
    if (operand != nullptr && status_.ok()) {
      nodes_ += operand_nodes;
      const Span span = condition->span;
      condition = New(ExprKind::kEqual, span, Clone(*operand), std::move(condition));
    }
    expr->operands.push_back(std::move(condition));
    expr->operands.push_back(BuildExpr(when->result));
  }
  if (tree->otherwise != nullptr) expr->operands.push_back(BuildExpr(tree->otherwise));
  return expr;
}

// ---- Functions

const FunctionInfo* TreeBuilder::FindCalled(const Name& name) {
  const FunctionInfo* const info = FindFunction(name.text);
  if (info != nullptr) return info;
  std::vector<absl::string_view> known;
  for (const FunctionInfo& function : Functions()) known.push_back(function.name);
  Fail(name.span, absl::StrCat("unknown function '", name.text, "'", DidYouMean(name.text, known)));
  return nullptr;
}

void TreeBuilder::CheckArguments(const FunctionInfo& info, const TqlParser::ArgumentsContext& args,
                                 const Span& span) {
  const auto count = static_cast<int>(args.items.size());
  const bool many = info.arguments_max < 0;
  if (args.star != nullptr && info.function != Function::kCount) {
    Fail(SpanOf(args.star), absl::StrCat(info.name, "(*): only COUNT takes *"));
  }
  if (args.distinct != nullptr && info.kind != FunctionKind::kAggregate) {
    Fail(SpanOf(args.distinct), absl::StrCat(info.name, " takes no DISTINCT: it is no aggregate"));
  }
  if (args.star == nullptr &&
      (count < info.arguments_min || (!many && count > info.arguments_max))) {
    const auto noun = [](int n) { return n == 1 ? " argument" : " arguments"; };
    const std::string takes =
        info.arguments_max == 0 ? "no argument"
        : many ? absl::StrCat(info.arguments_min, noun(info.arguments_min), " or more")
        : info.arguments_min == info.arguments_max
            ? absl::StrCat(info.arguments_max, noun(info.arguments_max))
            : absl::StrCat(info.arguments_min, " to ", info.arguments_max, " arguments");
    Fail(span, absl::StrCat(info.name, " takes ", takes, ", found ", count));
  }
  if (args.window != nullptr && info.kind == FunctionKind::kScalar) {
    Fail(SpanOf(args.window),
         absl::StrCat("OVER stands after aggregates, RANK and ROBUST_Z; ", info.name, " is none"));
  }
  if (args.window == nullptr && info.kind == FunctionKind::kWindow) {
    Fail(span, absl::StrCat(info.name, " needs OVER (PARTITION BY … ORDER BY …)"));
  }
}

ExprPtr TreeBuilder::BuildCall(TqlParser::PrimaryContext* tree) {
  const Deeper deeper(&depth_, 1);
  const TqlParser::ArgumentsContext& args = *tree->args;
  ExprPtr expr = New(ExprKind::kCall, SpanOf(tree));
  const Name name = BuildName(tree->word);
  if (const FunctionInfo* const info = FindCalled(name); info != nullptr) {
    expr->text = std::string(info->name);
    CheckArguments(*info, args, expr->span);
  }
  expr->distinct = args.distinct != nullptr;
  expr->star = args.star != nullptr;
  expr->operands = BuildExprs(args.items);
  if (args.window != nullptr) {
    expr->over = std::make_unique<Over>();
    expr->over->span = SpanOf(args.window);
    expr->over->partition = BuildExprs(args.window->partition);
    expr->over->order = BuildOrder(args.window->order);
  }
  return expr;
}

}  // namespace twin::query
