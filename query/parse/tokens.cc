#include "query/parse/tokens.h"

#include <algorithm>
#include <string>
#include <utility>

#include "TqlLexer.h"
#include "TqlParser.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "query/ast/spelling.h"

namespace twin::query {
namespace {

using ::antlr4::Token;
using ::twin::query::grammar::TqlLexer;
using ::twin::query::grammar::TqlParser;

// The text as its bytes: a token's index is its offset.
class Bytes : public antlr4::ANTLRInputStream {
 public:
  explicit Bytes(absl::string_view text) {
    _data.reserve(text.size());
    for (const char c : text) _data.push_back(static_cast<unsigned char>(c));
  }
};

}  // namespace

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

namespace {

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
  size_t before_before;
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
    case TqlParser::RELATIONSHIPS:
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
      // Behind the name of a function, an operand may begin so.
      const bool before_operand = at.next == TqlParser::MINUS || at.next == TqlParser::PLUS ||
                                  at.next == TqlParser::LEFT_BRACKET;
      if (!of_select) {
        return at.before_before == TqlParser::WORD && before_operand ? type
                                                                     : size_t{TqlParser::WORD};
      }
      const bool before_list = at.next == TqlParser::TOP || before_operand ||
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

}  // namespace

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
    const Neighbours at = {i < 2 ? Token::EOF : type_at(i - 2),
                           i == 0 ? Token::EOF : type_at(i - 1), type_at(i + 1), type_at(i + 2)};
    dynamic_cast<antlr4::CommonToken*>(tokens[i].get())->setType(TypeInContext(type, at));
  }
  return tokens;
}

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

}  // namespace twin::query
