// Text → tokens → ANTLR's tree → the syntax tree. What ANTLR throws ends here.
#include "query/parse/parse.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "TqlLexer.h"
#include "TqlParser.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "antlr4-runtime.h"
#include "query/ast/error.h"
#include "query/ast/functions.h"
#include "query/ast/spelling.h"
#include "query/parse/adt.h"
#include "query/parse/literals.h"
#include "query/parse/syntax_error.h"
#include "query/parse/text_map.h"
#include "server/base/sync.h"

namespace twin::query {
namespace {

using ::antlr4::ParserRuleContext;
using ::antlr4::Token;
using ::twin::query::grammar::TqlLexer;
using ::twin::query::grammar::TqlParser;
using Tokens = std::vector<std::unique_ptr<Token>>;

// ---- Tokens

// The text as its bytes: a token's index is its offset.
class Bytes : public antlr4::ANTLRInputStream {
 public:
  explicit Bytes(absl::string_view text) {
    _data.reserve(text.size());
    for (const char c : text) _data.push_back(static_cast<unsigned char>(c));
  }
};

// The grammar's name of a token type: WORD, LEFT_PAREN, SELECT; of the text's end: EOF.
absl::string_view KindOf(size_t type) {
  static const auto* const kinds = [] {
    auto* names = new std::vector<std::string>;
    Bytes nothing("");
    TqlLexer lexer(&nothing);
    antlr4::CommonTokenStream stream(&lexer);
    const TqlParser parser(&stream);  // The lexer does not know the words.
    for (size_t i = 0; i <= TqlParser::WITH; ++i) {
      names->push_back(parser.getVocabulary().getSymbolicName(i));
    }
    return names;
  }();
  return type < kinds->size() ? absl::string_view((*kinds)[type]) : "EOF";
}

// The type of the keyword that the word spells, or WORD.
size_t TypeOfWord(absl::string_view word) {
  constexpr size_t kKeywordBytesMax = 16;
  static const auto* const keywords = [] {
    auto* types = new absl::flat_hash_map<std::string, size_t>;
    for (size_t type = TqlParser::ALL; type <= TqlParser::WITH; ++type) {
      if (type != TqlParser::CASE_OF) types->emplace(KindOf(type), type);
    }
    types->emplace("NULL", TqlParser::NULL_);
    return types;
  }();
  if (word.size() > kKeywordBytesMax) return TqlParser::WORD;
  char capitals[kKeywordBytesMax];
  std::transform(word.begin(), word.end(), capitals,
                 [](char c) { return absl::ascii_toupper(static_cast<unsigned char>(c)); });
  const auto found = keywords->find(absl::string_view(capitals, word.size()));
  return found == keywords->end() ? size_t{TqlParser::WORD} : found->second;
}

// Where ANY, CASE, DISTINCT or EXISTS stands: the types of the tokens around it.
struct Neighbours {
  size_t before;
  size_t next;
  size_t after_next;
};

// Whether an expression may begin with `next` that no name is followed by: after `x` there may be
// an operator, say, but no other name.
bool BeginsOperand(const Neighbours& at) {
  switch (at.next) {
    case TqlParser::WORD:
    case TqlParser::QUOTED:
    case TqlParser::PARAMETER:
    case TqlParser::INTEGER:
    case TqlParser::NUMBER:
    case TqlParser::DURATION:
    case TqlParser::STRING:
    case TqlParser::LEFT_PAREN:
    case TqlParser::TRUE:
    case TqlParser::FALSE:
    case TqlParser::NULL_:
    case TqlParser::ANY:
    case TqlParser::ALL:
    case TqlParser::CASE:
    case TqlParser::EXISTS:
      return true;
    case TqlParser::FIRST:
    case TqlParser::LAST:
    case TqlParser::MAX:
      return at.after_next == TqlParser::LEFT_PAREN || at.after_next == TqlParser::DOT;
    default:
      return at.next >= TqlParser::BETWEEN && at.after_next == TqlParser::DOT;
  }
}

// A keyword that the grammar takes for no name is made a WORD where it is one.
size_t TypeInContext(size_t type, const Neighbours& at) {
  switch (type) {
    case TqlParser::ANY:
    case TqlParser::EXISTS:
      return at.next == TqlParser::LEFT_PAREN ? type : size_t{TqlParser::WORD};
    case TqlParser::CASE:
      if (at.next == TqlParser::WHEN) return type;
      return BeginsOperand(at) ? TqlParser::CASE_OF : TqlParser::WORD;
    case TqlParser::DISTINCT: {
      const bool of_select = at.before == TqlParser::SELECT;
      if (!of_select && at.before != TqlParser::LEFT_PAREN) return TqlParser::WORD;
      if (BeginsOperand(at) || at.next == TqlParser::NOT) return type;
      if (!of_select) return TqlParser::WORD;
      const bool before_list = at.next == TqlParser::TOP || at.next == TqlParser::MINUS ||
                               (at.next == TqlParser::STAR && at.after_next == TqlParser::FROM);
      const bool before_name =
          at.next >= TqlParser::ANY &&
          (at.after_next == TqlParser::COMMA || at.after_next == TqlParser::FROM ||
           at.after_next == TqlParser::AS || at.after_next == TqlParser::LEFT_PAREN);
      return before_list || before_name ? type : size_t{TqlParser::WORD};
    }
    default:
      return type;
  }
}

// Whether the comment at `offset` is rather meant as a relationship: (a)--(b), (a)-->(b),
// (a)<--(b).
bool LooksLikeEdge(absl::string_view text, size_t offset) {
  if (offset == 0 || offset + 2 >= text.size() || text[offset] != '-') return false;
  const bool after = text[offset - 1] == ')' || text[offset - 1] == '<';
  return after && (text[offset + 2] == '(' || text[offset + 2] == '>' || text[offset + 2] == '[');
}

// The tokens of the text, comments left out, each with the type that Tql.g4 tells of.
Tokens ReadTokens(absl::string_view text) {
  Bytes bytes(text);
  TqlLexer lexer(&bytes);
  lexer.removeErrorListeners();
  Tokens tokens;
  size_t before = Token::EOF;
  for (bool more = true; more;) {
    std::unique_ptr<Token> token = lexer.nextToken();
    const size_t type = token->getType();
    more = type != Token::EOF;
    if (type == TqlParser::COMMENT) {
      if (!LooksLikeEdge(text, token->getStartIndex())) continue;
      auto* const edge = dynamic_cast<antlr4::CommonToken*>(token.get());
      edge->setType(TqlParser::BAD_OPERATOR);
      edge->setStopIndex(token->getStartIndex() + 1);
    } else if (type == TqlParser::WORD) {
      const absl::string_view word =
          text.substr(token->getStartIndex(), token->getStopIndex() - token->getStartIndex() + 1);
      const bool name_only =
          before == TqlParser::DOT || before == TqlParser::COLON || before == TqlParser::BAR;
      auto* const common = dynamic_cast<antlr4::CommonToken*>(token.get());
      if (!IsWord(word)) {
        common->setType(TqlParser::OTHER);
      } else if (!name_only) {
        common->setType(TypeOfWord(word));
      }
    }
    before = token->getType();
    tokens.push_back(std::move(token));
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto type_at = [&tokens](size_t k) {
      return k < tokens.size() ? tokens[k]->getType() : Token::EOF;
    };
    const size_t type = type_at(i);
    if (type < TqlParser::ANY || type > TqlParser::EXISTS) continue;
    const Neighbours at = {i == 0 ? Token::EOF : type_at(i - 1), type_at(i + 1), type_at(i + 2)};
    dynamic_cast<antlr4::CommonToken*>(tokens[i].get())->setType(TypeInContext(type, at));
  }
  return tokens;
}

// ---- Parsing

// The generated parser, without the nodes of its tree that nobody reads. It stops before nesting
// exhausts the stack, and remembers where it was when it took its last token.
class WatchedParser : public TqlParser, private antlr4::tree::ParseTreeListener {
 public:
  WatchedParser(antlr4::TokenStream* tokens, int depth_max)
      : TqlParser(tokens), depth_max_(depth_max) {
    setBuildParseTree(false);
    removeErrorListeners();
    addParseListener(this);
  }

  // The token at which nesting was too deep; nullptr: it never was.
  const Token* too_deep() const { return too_deep_; }

  // What may come after the last token taken. The runtime keeps what it finds in the ATN that all
  // parsers share, behind a flag that it reads without its lock.
  antlr4::misc::IntervalSet ExpectedTokens() const {
    static Mutex* const mutex = new Mutex();
    const MutexLock lock(mutex);
    const antlr4::atn::ATN& atn = getATN();
    if (taken_ == nullptr) return atn.nextTokens(atn.ruleToStartState[RuleStatement]);
    for (const antlr4::atn::Transition* way : atn.states[state_]->transitions) {
      if (way->matches(taken_->getType(), Token::MIN_USER_TOKEN_TYPE, atn.maxTokenType)) {
        return atn.getExpectedTokens(way->target->stateNumber, context_);
      }
    }
    return {};
  }

  void reset() override {
    TqlParser::reset();
    depth_ = 0;
    taken_ = nullptr;
  }

  Token* consume() override {
    Token* const token = getCurrentToken();
    taken_ = token;
    state_ = getState();
    context_ = getContext();
    if (token->getType() != Token::EOF) getInputStream()->consume();
    return token;
  }

 private:
  static bool IsNesting(const ParserRuleContext* context) {
    const size_t rule = context->getRuleIndex();
    return rule == RulePrimary || rule == RuleStep || rule == RuleSelect;
  }
  void enterEveryRule(ParserRuleContext* context) override {
    // The query itself and its innermost operands do not count.
    if (!IsNesting(context) || ++depth_ <= depth_max_ + 2) return;
    too_deep_ = getCurrentToken();
    throw antlr4::ParseCancellationException("nesting");
  }
  void exitEveryRule(ParserRuleContext* context) override {
    if (IsNesting(context)) --depth_;
  }
  void visitTerminal(antlr4::tree::TerminalNode* /*node*/) override {}
  void visitErrorNode(antlr4::tree::ErrorNode* /*node*/) override {}

  const int depth_max_;
  int depth_ = 0;
  const Token* too_deep_ = nullptr;
  const Token* taken_ = nullptr;
  size_t state_ = 0;
  ParserRuleContext* context_ = nullptr;
};

// Ends the parse at the first syntax error and keeps it.
class FirstError : public antlr4::BailErrorStrategy {
 public:
  // nullptr: none yet.
  const Token* found() const { return found_; }
  const antlr4::misc::IntervalSet& expected() const { return expected_; }

  explicit FirstError(const WatchedParser* parser) : parser_(parser) {}

  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) override {
    found_ = error.getOffendingToken();
    expected_ = parser_->ExpectedTokens();
    const auto* const lookahead = dynamic_cast<const antlr4::NoViableAltException*>(&error);
    if (found_ == parser->getCurrentToken() || lookahead == nullptr ||
        lookahead->getDeadEndConfigs() == nullptr) {
      return;
    }
    // The alternatives that were still open all ended some tokens further on.
    expected_ = {};
    for (const auto& config : lookahead->getDeadEndConfigs()->configs) {
      for (const antlr4::atn::Transition* way : config->state->transitions) {
        if (!way->isEpsilon()) expected_.addAll(way->label());
      }
    }
  }
  antlr4::Token* recoverInline(antlr4::Parser* parser) override {
    found_ = parser->getCurrentToken();
    expected_ = parser_->ExpectedTokens();
    throw antlr4::ParseCancellationException("syntax error");
  }
  void reset(antlr4::Parser* parser) override {
    antlr4::BailErrorStrategy::reset(parser);
    found_ = nullptr;
  }

 private:
  const WatchedParser* const parser_;
  const Token* found_ = nullptr;
  antlr4::misc::IntervalSet expected_;
};

// ---- The syntax tree

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

// Turns ANTLR's tree into ours. The first problem is kept and building goes on with NULLs in its
// place, which needs no checks on the way.
class TreeBuilder {
 public:
  TreeBuilder(const TextMap& map, const ParseLimits& limits) : map_(map), limits_(limits) {}

  absl::StatusOr<std::shared_ptr<const Statement>> Build(TqlParser::StatementContext* tree) {
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

 private:
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

  Span SpanOf(const Token* token) const {
    if (token->getType() == Token::EOF) return map_.At(map_.text().size(), 0);
    return map_.At(token->getStartIndex(), token->getStopIndex() + 1 - token->getStartIndex());
  }
  Span SpanOf(const ParserRuleContext* context) const {
    const Token* const start = context->start;
    const Token* const stop = context->stop == nullptr ? start : context->stop;
    return Cover(SpanOf(start), SpanOf(stop));
  }
  absl::string_view TextOf(const Token* token) const { return map_.Slice(SpanOf(token)); }

  void Fail(const Span& span, absl::string_view message,
            absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    if (status_.ok()) status_ = ErrorAt(span, message, code);
  }

  // False: the tree would be deeper, or nested deeper, than the limits allow.
  bool MayDescend(size_t levels, size_t nested, const Span& span) {
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

 public:
  static std::string TooDeep(const ParseLimits& limits) {
    return absl::StrCat("expressions or queries nested deeper than depth_max = ", limits.depth_max);
  }

 private:
  ExprPtr New(ExprKind kind, const Span& span) {
    if (++nodes_ > limits_.nodes_max) {
      Fail(span, absl::StrCat("a tree of more than nodes_max = ", limits_.nodes_max, " nodes"),
           absl::StatusCode::kResourceExhausted);
    }
    auto expr = std::make_unique<Expr>();
    expr->kind = kind;
    expr->span = span;
    return expr;
  }
  template <typename... Operands>
  ExprPtr New(ExprKind kind, const Span& span, Operands... operands) {
    ExprPtr expr = New(kind, span);
    expr->operands.reserve(sizeof...(operands));
    (expr->operands.push_back(std::move(operands)), ...);
    return expr;
  }

  // ---- Names and numbers

  Name BuildName(const Token* token) const {
    const Span span = SpanOf(token);
    absl::string_view text = map_.Slice(span);
    if (token->getType() == TqlParser::QUOTED) text = text.substr(2, text.size() - 4);
    return {std::string(text), span};
  }
  Name BuildName(const TqlParser::NameContext* name) const {
    return name == nullptr ? Name() : BuildName(name->start);
  }
  std::vector<Name> BuildNames(const std::vector<TqlParser::NameContext*>& contexts) const {
    std::vector<Name> names;
    names.reserve(contexts.size());
    for (const TqlParser::NameContext* name : contexts) names.push_back(BuildName(name));
    return names;
  }

  std::string BuildString(const Token* token) {
    const Span span = SpanOf(token);
    absl::StatusOr<std::string> text = ReadString(map_.Slice(span), span);
    if (text.ok()) return *std::move(text);
    if (status_.ok()) status_ = text.status();
    return "";
  }

  ExprPtr BuildConstant(const Token* token) {
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

  ExprPtr BuildCount(TqlParser::CountContext* count) {
    return count == nullptr ? nullptr : BuildConstant(count->start);
  }

  std::optional<int64_t> BuildHops(const Token* token) {
    if (token == nullptr) return std::nullopt;
    int64_t hops = 0;
    if (!absl::SimpleAtoi(TextOf(token), &hops)) Fail(SpanOf(token), "too many hops");
    return hops;
  }

  // ---- Clauses

  Select BuildSelect(TqlParser::SelectContext* tree) {
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

  FromClause BuildFrom(TqlParser::FromSourceContext* tree) {
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

  void CheckCollection(const Name& name) {
    if (std::find(collections_.begin(), collections_.end(), name.text) != collections_.end()) {
      return;
    }
    std::vector<absl::string_view> known(collections_.begin(), collections_.end());
    known.emplace_back("DIGITALTWINS");
    known.emplace_back("RELATIONSHIPS");
    std::string hint = DidYouMean(name.text, known);
    if (hint.empty())
      hint = "; there are DIGITALTWINS, RELATIONSHIPS and the names that WITH gives";
    Fail(name.span, absl::StrCat("unknown collection '", name.text, "'", hint));
  }

  SourceClause BuildClause(TqlParser::SourceClauseContext* tree) {
    if (TqlParser::JoinClauseContext* const join = tree->join; join != nullptr) {
      return JoinClause{BuildName(join->target), BuildName(join->origin),
                        BuildName(join->relationship), BuildName(join->alias), SpanOf(join)};
    }
    if (TqlParser::MatchClauseContext* const match = tree->match_; match != nullptr) {
      return MatchClause{tree->optional != nullptr, BuildPatterns(match->paths), SpanOf(tree)};
    }
    return BuildHistory(tree);
  }

  HistoryClause BuildHistory(TqlParser::SourceClauseContext* clause) {
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

  std::vector<PathPattern> BuildPatterns(const std::vector<TqlParser::PathPatternContext*>& trees) {
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

  NodePattern BuildNode(TqlParser::NodePatternContext* tree) {
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

  EdgePattern BuildEdge(TqlParser::EdgePatternContext* tree) {
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

  // ---- Expressions

  std::vector<ExprPtr> BuildExprs(const std::vector<TqlParser::ExprContext*>& trees) {
    std::vector<ExprPtr> exprs;
    exprs.reserve(trees.size());
    for (TqlParser::ExprContext* tree : trees) exprs.push_back(BuildExpr(tree));
    return exprs;
  }

  std::vector<SortKey> BuildOrder(const std::vector<TqlParser::SortKeyContext*>& trees) {
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

  ExprPtr BuildExpr(TqlParser::ExprContext* tree) {
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

  ExprPtr BuildConjunction(TqlParser::ConjunctionContext* tree) {
    if (tree->terms.size() == 1) return BuildCondition(tree->terms[0]);
    const Deeper deeper(&depth_, 1);
    ExprPtr expr = New(ExprKind::kAnd, SpanOf(tree));
    for (TqlParser::ConditionContext* term : tree->terms) {
      expr->operands.push_back(BuildCondition(term));
    }
    return expr;
  }

  static ExprKind KindOfOperator(size_t type) {
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

  ExprPtr BuildCondition(TqlParser::ConditionContext* tree) {
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

  // The condition without its NOTs.
  ExprPtr BuildComparison(TqlParser::ConditionContext* tree) {
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

  // a - b + c is (+ (- a b) c): as deep as there are operators.
  template <typename Context, typename BuildTerm>
  ExprPtr BuildChain(Context* tree, BuildTerm build_term) {
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
      expr =
          New(KindOfOperator(tree->ops[i - 1]->getType()), span, std::move(expr), std::move(term));
    }
    return expr;
  }

  ExprPtr BuildAdditive(TqlParser::AdditiveContext* tree) {
    return BuildChain(tree, [this](TqlParser::MultiplicativeContext* factor) {
      return BuildChain(factor,
                        [this](TqlParser::OperandContext* term) { return BuildOperand(term); });
    });
  }

  // -x; a number, a quantity or a duration is negated at once.
  ExprPtr Negate(ExprPtr expr, const Span& span) {
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

  ExprPtr BuildOperand(TqlParser::OperandContext* tree) {
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

  // The operand without its signs: x.y[0].z
  ExprPtr BuildSteps(TqlParser::OperandContext* tree) {
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

  ExprPtr BuildPrimary(TqlParser::PrimaryContext* tree) {
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

  ExprPtr BuildLiteral(TqlParser::LiteralContext* tree) {
    if (tree->constant != nullptr) return BuildConstant(tree->constant);
    ExprPtr number = BuildConstant(tree->number);
    if (tree->unit == nullptr) return number;
    ExprPtr expr = New(ExprKind::kQuantity, SpanOf(tree), std::move(number));
    expr->text = BuildString(tree->unit);
    return expr;
  }

  // CASE x WHEN y THEN … is CASE WHEN x = y THEN …, with x copied.
  ExprPtr BuildCase(TqlParser::CaseExprContext* tree) {
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

  const FunctionInfo* FindCalled(const Name& name) {
    const FunctionInfo* const info = FindFunction(name.text);
    if (info != nullptr) return info;
    std::vector<absl::string_view> known;
    for (const FunctionInfo& function : Functions()) known.push_back(function.name);
    Fail(name.span,
         absl::StrCat("unknown function '", name.text, "'", DidYouMean(name.text, known)));
    return nullptr;
  }

  void CheckArguments(const FunctionInfo& info, const TqlParser::ArgumentsContext& args,
                      const Span& span) {
    const auto count = static_cast<int>(args.items.size());
    const bool many = info.arguments_max < 0;
    if (args.star != nullptr && info.function != Function::kCount) {
      Fail(SpanOf(args.star), absl::StrCat(info.name, "(*): only COUNT takes *"));
    }
    if (args.distinct != nullptr && info.kind != FunctionKind::kAggregate) {
      Fail(SpanOf(args.distinct),
           absl::StrCat(info.name, " takes no DISTINCT: it is no aggregate"));
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
      Fail(SpanOf(args.window), absl::StrCat("OVER stands after aggregates, RANK and ROBUST_Z; ",
                                             info.name, " is none"));
    }
    if (args.window == nullptr && info.kind == FunctionKind::kWindow) {
      Fail(span, absl::StrCat(info.name, " needs OVER (PARTITION BY … ORDER BY …)"));
    }
  }

  ExprPtr BuildCall(TqlParser::PrimaryContext* tree) {
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

// ---- Everything together

std::vector<SyntaxToken> Describe(const Tokens& tokens, absl::string_view text) {
  std::vector<SyntaxToken> described;
  described.reserve(tokens.size());
  for (const auto& token : tokens) {
    const bool end = token->getType() == Token::EOF;
    const size_t begin = end ? text.size() : token->getStartIndex();
    const size_t length = end ? 0 : token->getStopIndex() + 1 - begin;
    described.push_back({KindOf(token->getType()), text.substr(begin, length), begin});
  }
  return described;
}

absl::Status SyntaxErrorAt(const std::vector<SyntaxToken>& tokens, size_t found,
                           const antlr4::misc::IntervalSet& expected, Dialect dialect,
                           const TextMap& map) {
  std::vector<absl::string_view> kinds;
  for (const ssize_t type : expected.toList()) kinds.push_back(KindOf(static_cast<size_t>(type)));
  const SyntaxError error = DescribeSyntaxError(tokens, found, kinds, dialect);
  const SyntaxToken& token = tokens[error.token];
  return ErrorAt(map.At(token.offset, token.text.size()), error.message);
}

absl::StatusOr<std::shared_ptr<const Statement>> ParseOrThrow(const TextMap& map,
                                                              const ParseOptions& options) {
  Tokens tokens = ReadTokens(map.text());
  const std::vector<SyntaxToken> described = Describe(tokens, map.text());
  antlr4::ListTokenSource source(std::move(tokens));
  antlr4::CommonTokenStream stream(&source);
  WatchedParser parser(&stream, options.limits.depth_max);
  const auto first_error = std::make_shared<FirstError>(&parser);
  parser.setErrorHandler(first_error);

  // The cheaper prediction first: what it takes is right, what it refuses may be right as well.
  TqlParser::StatementContext* tree = nullptr;
  for (const auto mode : {antlr4::atn::PredictionMode::SLL, antlr4::atn::PredictionMode::LL}) {
    parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(mode);
    parser.reset();
    try {
      tree = parser.statement();
      break;
    } catch (const antlr4::ParseCancellationException&) {
      if (const Token* const token = parser.too_deep(); token != nullptr) {
        const SyntaxToken& at = described[token->getTokenIndex()];
        return ErrorAt(map.At(at.offset, at.text.size()), TreeBuilder::TooDeep(options.limits),
                       absl::StatusCode::kResourceExhausted);
      }
    }
  }
  if (tree == nullptr) {
    return SyntaxErrorAt(described, first_error->found()->getTokenIndex(), first_error->expected(),
                         options.dialect, map);
  }
  auto statement = TreeBuilder(map, options.limits).Build(tree);
  if (statement.ok() && options.dialect == Dialect::kAdt) {
    const absl::Status adt = CheckAdt(**statement, described, map);
    if (!adt.ok()) return adt;
  }
  return statement;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Statement>> Parse(absl::string_view text,
                                                       const ParseOptions& options) {
  if (text.size() > static_cast<size_t>(options.limits.text_bytes_max)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a query of ", text.size(),
                     " bytes: more than text_bytes_max = ", options.limits.text_bytes_max));
  }
  const TextMap map(text);
  if (const std::optional<size_t> offset = FindInvalidUtf8(text); offset.has_value()) {
    return ErrorAt(map.At(*offset, 1), "the query is not UTF-8 here");
  }
  try {
    return ParseOrThrow(map, options);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("the parser failed: ", error.what()));
  } catch (...) {
    return absl::InternalError("the parser failed");
  }
}

}  // namespace twin::query
