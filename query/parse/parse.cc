// Text → tokens → ANTLR's tree → the syntax tree. What ANTLR throws ends here.
#include "query/parse/parse.h"

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "TqlParser.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "antlr4-runtime.h"
#include "query/ast/error.h"
#include "query/parse/adt.h"
#include "query/parse/syntax_error.h"
#include "query/parse/text_map.h"
#include "query/parse/tokens.h"
#include "query/parse/tree_builder.h"
#include "server/base/sync.h"

namespace twin::query {
namespace {

using ::antlr4::ParserRuleContext;
using ::antlr4::Token;
using ::twin::query::grammar::TqlParser;

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
