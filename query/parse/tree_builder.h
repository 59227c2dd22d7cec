// ANTLR's tree → the syntax tree. Internal to query/parse.
#ifndef TWIN_QUERY_PARSE_TREE_BUILDER_H_
#define TWIN_QUERY_PARSE_TREE_BUILDER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "TqlParser.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "antlr4-runtime.h"
#include "query/ast/functions.h"
#include "query/parse/parse.h"
#include "query/parse/text_map.h"

namespace twin::query {

// Turns ANTLR's tree into ours. The first problem is kept and building goes on with NULLs in its
// place, which needs no checks on the way.
class TreeBuilder {
 public:
  using TqlParser = ::twin::query::grammar::TqlParser;

  TreeBuilder(const TextMap& map, const ParseLimits& limits) : map_(map), limits_(limits) {}
  absl::StatusOr<std::shared_ptr<const Statement>> Build(TqlParser::StatementContext* tree);
  static std::string TooDeep(const ParseLimits& limits) {
    return absl::StrCat("expressions or queries nested deeper than depth_max = ", limits.depth_max);
  }

 private:
  using ParserRuleContext = ::antlr4::ParserRuleContext;
  using Token = ::antlr4::Token;

  // Counts `levels` of the tree while it lives.
  class Deeper {
   public:
    Deeper(int* depth, int levels) : depth_(depth), levels_(levels) { *depth_ += levels_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    ~Deeper() { *depth_ -= levels_; }

   private:
    int* const depth_;
    const int levels_;
  };

  // ---- Places and problems

  Span SpanOf(const Token* token) const;
  Span SpanOf(const ParserRuleContext* context) const;
  absl::string_view TextOf(const Token* token) const { return map_.Slice(SpanOf(token)); }
  void Fail(const Span& span, absl::string_view message,
            absl::StatusCode code = absl::StatusCode::kInvalidArgument);
  // False: the tree would be deeper, or nested deeper, than the limits allow.
  bool MayDescend(size_t levels, size_t nested, const Span& span);
  ExprPtr New(ExprKind kind, const Span& span);
  template <typename... Operands>
  ExprPtr New(ExprKind kind, const Span& span, Operands... operands) {
    ExprPtr expr = New(kind, span);
    expr->operands.reserve(sizeof...(operands));
    (expr->operands.push_back(std::move(operands)), ...);
    return expr;
  }

  // ---- Names and numbers

  Name BuildName(const Token* token) const;
  Name BuildName(const TqlParser::NameContext* name) const;
  std::vector<Name> BuildNames(const std::vector<TqlParser::NameContext*>& contexts) const;
  std::string BuildString(const Token* token);
  ExprPtr BuildConstant(const Token* token);
  ExprPtr BuildCount(TqlParser::CountContext* count);
  std::optional<int64_t> BuildHops(const Token* token);

  // ---- Clauses

  Select BuildSelect(TqlParser::SelectContext* tree);
  FromClause BuildFrom(TqlParser::FromSourceContext* tree);
  void CheckCollection(const Name& name);
  SourceClause BuildClause(TqlParser::SourceClauseContext* tree);
  HistoryClause BuildHistory(TqlParser::SourceClauseContext* clause);

  // ---- Patterns

  std::vector<PathPattern> BuildPatterns(const std::vector<TqlParser::PathPatternContext*>& trees);
  NodePattern BuildNode(TqlParser::NodePatternContext* tree);
  EdgePattern BuildEdge(TqlParser::EdgePatternContext* tree);

  // ---- Expressions

  std::vector<ExprPtr> BuildExprs(const std::vector<TqlParser::ExprContext*>& trees);
  std::vector<SortKey> BuildOrder(const std::vector<TqlParser::SortKeyContext*>& trees);
  ExprPtr BuildExpr(TqlParser::ExprContext* tree);
  ExprPtr BuildConjunction(TqlParser::ConjunctionContext* tree);
  ExprPtr BuildCondition(TqlParser::ConditionContext* tree);
  // The condition without its NOTs.
  ExprPtr BuildComparison(TqlParser::ConditionContext* tree);
  // a - b + c is (+ (- a b) c): as deep as there are operators.
  template <typename Context, typename BuildTerm>
  ExprPtr BuildChain(Context* tree, BuildTerm build_term);
  ExprPtr BuildAdditive(TqlParser::AdditiveContext* tree);
  // -x; a number, a quantity or a duration is negated at once.
  ExprPtr Negate(ExprPtr expr, const Span& span);
  ExprPtr BuildOperand(TqlParser::OperandContext* tree);
  // The operand without its signs: x.y[0].z
  ExprPtr BuildSteps(TqlParser::OperandContext* tree);
  ExprPtr BuildPrimary(TqlParser::PrimaryContext* tree);
  ExprPtr BuildLiteral(TqlParser::LiteralContext* tree);
  // CASE x WHEN y THEN … is CASE WHEN x = y THEN …, with x copied.
  ExprPtr BuildCase(TqlParser::CaseExprContext* tree);

  // ---- Functions

  const FunctionInfo* FindCalled(const Name& name);
  void CheckArguments(const FunctionInfo& info, const TqlParser::ArgumentsContext& args,
                      const Span& span);
  ExprPtr BuildCall(TqlParser::PrimaryContext* tree);

  const TextMap& map_;
  const ParseLimits& limits_;
  absl::Status status_;
  Statement* statement_ = nullptr;
  std::vector<std::string> collections_;  // the names of WITH so far
  int subqueries_ = 0;
  int64_t nodes_ = 0;
  int nesting_ = 0;  // of what is being built: parentheses, calls, signs
  int depth_ = 0;    // of what is being built in the tree
};

}  // namespace twin::query

#endif  // TWIN_QUERY_PARSE_TREE_BUILDER_H_
