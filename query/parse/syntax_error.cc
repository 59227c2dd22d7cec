#include "query/parse/syntax_error.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/spelling.h"

namespace twin::query {
namespace {

using Kinds = std::vector<absl::string_view>;

bool IsOneOf(absl::string_view kind, absl::Span<const absl::string_view> kinds) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

// The clauses of a SELECT with their order in it.
struct Clause {
  absl::string_view kind;
  absl::string_view name;
  int rank;
};
constexpr Clause kClauses[] = {
    {"JOIN", "JOIN", 0},       {"MATCH", "MATCH", 0},    {"HISTORY", "HISTORY", 0},
    {"WHERE", "WHERE", 1},     {"GROUP", "GROUP BY", 2}, {"HAVING", "HAVING", 3},
    {"QUALIFY", "QUALIFY", 4}, {"ORDER", "ORDER BY", 5}, {"LIMIT", "LIMIT", 6},
    {"OFFSET", "OFFSET", 7},
};

const Clause* FindClause(absl::string_view kind) {
  const auto* const found = std::find_if(std::begin(kClauses), std::end(kClauses),
                                         [kind](const Clause& c) { return c.kind == kind; });
  return found == std::end(kClauses) ? nullptr : found;
}

// Words that people misspell; functions are looked up elsewhere.
constexpr absl::string_view kSpelled[] = {
    "ALL",       "AND",      "BETWEEN", "CASE",    "DESC",     "DIGITALTWINS",  "DISTINCT",
    "ELSE",      "EVERY",    "EXISTS",  "EXPLAIN", "FILL",     "FROM",          "GROUP",
    "HAVING",    "HISTORY",  "JOIN",    "LAST",    "LIKE",     "LIMIT",         "LINEAR",
    "MATCH",     "NULL",     "NULLS",   "OFFSET",  "OPTIONAL", "ORDER",         "OVER",
    "PARTITION", "PREVIOUS", "PROFILE", "QUALIFY", "RELATED",  "RELATIONSHIPS", "SELECT",
    "SINCE",     "THEN",     "WHEN",    "WHERE",   "WITH",
};

constexpr absl::string_view kReserved[] = {
    "ALL", "AND", "AS",    "ASC", "BY",    "DESC",   "FALSE", "FROM", "GROUP",
    "IN",  "NOT", "NULL_", "OR",  "ORDER", "SELECT", "TOP",   "TRUE", "WHERE",
};

constexpr absl::string_view kOperators[] = {
    "EQUAL", "NOT_EQUAL", "UNEQUAL", "LESS",    "LESS_EQUAL", "GREATER", "GREATER_EQUAL",
    "IN",    "NIN",       "LIKE",    "BETWEEN", "IS",         "PLUS",    "MINUS",
    "STAR",  "SLASH",     "PERCENT", "AND",     "OR",
};

// What may begin an expression besides the names that are also keywords.
constexpr absl::string_view kOperandStarts[] = {
    "WORD",    "QUOTED",     "PARAMETER",    "INTEGER", "NUMBER", "DURATION",
    "STRING",  "LEFT_PAREN", "LEFT_BRACKET", "PLUS",    "MINUS",  "NOT",
    "TRUE",    "FALSE",      "NULL_",        "ANY",     "ALL",    "CASE",
    "CASE_OF", "EXISTS",     "DISTINCT",     "TOP",
};

// Keywords that are taken for names where a name is expected.
constexpr absl::string_view kSoft[] = {
    "BETWEEN",       "DIGITALTWINS", "ELSE",     "END",     "EVERY",   "EXPLAIN",
    "FILL",          "FIRST",        "GAP",      "HAVING",  "HISTORY", "IS",
    "JOIN",          "LAST",         "LIKE",     "LIMIT",   "LINEAR",  "MATCH",
    "MAX",           "NIN",          "NULLS",    "OF",      "OFFSET",  "OPTIONAL",
    "OVER",          "PARTITION",    "PREVIOUS", "PROFILE", "QUALIFY", "RELATED",
    "RELATIONSHIPS", "SINCE",        "THEN",     "TO",      "WHEN",    "WITH",
};

std::string PlainKind(absl::string_view kind) {
  constexpr std::pair<absl::string_view, absl::string_view> kNames[] = {
      {"DOT", "'.'"},
      {"COMMA", "','"},
      {"COLON", "':'"},
      {"SEMICOLON", "';'"},
      {"LEFT_PAREN", "'('"},
      {"RIGHT_PAREN", "')'"},
      {"LEFT_BRACKET", "'['"},
      {"RIGHT_BRACKET", "']'"},
      {"STAR", "'*'"},
      {"PLUS", "'+'"},
      {"MINUS", "'-'"},
      {"SLASH", "'/'"},
      {"PERCENT", "'%'"},
      {"EQUAL", "'='"},
      {"NOT_EQUAL", "'!='"},
      {"UNEQUAL", "'<>'"},
      {"LESS", "'<'"},
      {"LESS_EQUAL", "'<='"},
      {"GREATER", "'>'"},
      {"GREATER_EQUAL", "'>='"},
      {"BAR", "'|'"},
      {"DOTS", "'..'"},
      {"WORD", "a name"},
      {"PARAMETER", "a parameter"},
      {"INTEGER", "a whole number"},
      {"NUMBER", "a number"},
      {"DURATION", "a duration"},
      {"STRING", "a string"},
      {"NULL_", "NULL"},
      {"GROUP", "GROUP BY"},
      {"ORDER", "ORDER BY"},
      {"PARTITION", "PARTITION BY"},
      {"AS", "AS"},
      {"EOF", "the end of the query"},
  };
  for (const auto& [name, plain] : kNames) {
    if (name == kind) return std::string(plain);
  }
  return std::string(kind);
}

// The text, cut to what fits into a message.
std::string Short(absl::string_view text) {
  constexpr size_t kBytesMax = 40;
  if (text.size() <= kBytesMax) return std::string(text);
  size_t end = kBytesMax;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "…");
}

class Describer {
 public:
  Describer(absl::Span<const SyntaxToken> tokens, size_t found,
            absl::Span<const absl::string_view> expected, Dialect dialect)
      : tokens_(tokens), found_(found), expected_(expected), dialect_(dialect) {}

  SyntaxError Describe() const {
    // The first that knows the mistake tells of it.
    for (const auto rule :
         {&Describer::Exists, &Describer::BadToken, &Describer::FirstWord, &Describer::Join,
          &Describer::MissingFrom, &Describer::MissingCondition, &Describer::Count,
          &Describer::Pattern, &Describer::ModelId, &Describer::AdjacentStrings,
          &Describer::AliasWithAs, &Describer::AsOf, &Describer::ApartUnit,
          &Describer::HistoryPaths, &Describer::Brackets, &Describer::Misspelled,
          &Describer::ClauseOrder, &Describer::ReservedWord}) {
      if (std::optional<SyntaxError> error = (this->*rule)(); error.has_value()) return *error;
    }
    return {found_, absl::StrCat("found ", Found(), ", expected ", ExpectedText(), Hint())};
  }

 private:
  using Result = std::optional<SyntaxError>;

  // The kind of the token that stands `distance` from the culprit; EOF beyond either end.
  absl::string_view KindAt(int distance) const {
    const int64_t at = static_cast<int64_t>(found_) + distance;
    return at < 0 || at >= static_cast<int64_t>(tokens_.size())
               ? "EOF"
               : tokens_[static_cast<size_t>(at)].kind;
  }
  absl::string_view found_kind() const { return tokens_[found_].kind; }
  absl::string_view found_text() const { return tokens_[found_].text; }
  bool Expects(absl::string_view kind) const { return IsOneOf(kind, expected_); }
  bool ExpectsOnly(absl::string_view kind) const { return expected_.size() == 1 && Expects(kind); }
  bool ExpectsOperand() const { return Expects("WORD") && Expects("INTEGER") && Expects("STRING"); }
  bool FoundEnd() const {
    return IsOneOf(found_kind(), {"EOF", "SEMICOLON", "RIGHT_PAREN"}) ||
           FindClause(found_kind()) != nullptr;
  }
  static bool IsName(absl::string_view kind) {
    return kind == "WORD" || kind == "QUOTED" || IsOneOf(kind, kSoft);
  }

  std::string Found() const {
    const absl::string_view kind = found_kind();
    if (kind == "EOF") return "the end of the query";
    if (kind == "STRING") return absl::StrCat("the string ", Short(found_text()));
    return absl::StrCat("'", Short(found_text()), "'");
  }

  std::string ExpectedText() const {
    Kinds rest(expected_.begin(), expected_.end());
    const auto drop = [&rest](absl::Span<const absl::string_view> kinds) {
      rest.erase(std::remove_if(rest.begin(), rest.end(),
                                [kinds](absl::string_view kind) { return IsOneOf(kind, kinds); }),
                 rest.end());
    };
    std::vector<std::string> words;
    const bool clauses = Expects("WHERE");
    if (ExpectsOperand()) {
      words.emplace_back("an expression");
      drop(kOperandStarts);
      drop(kSoft);
    } else if (Expects("WORD")) {
      words.emplace_back("a name");
      drop({"WORD", "QUOTED"});
      if (clauses) {  // An alias, or the clause after it.
        for (const absl::string_view kind : kSoft) {
          if (FindClause(kind) == nullptr) drop({kind});
        }
      } else {
        drop(kSoft);
      }
    }
    if (Expects("PLUS") && Expects("EQUAL")) {
      words.emplace_back("an operator");
      drop(kOperators);
      drop({"DOT", "LEFT_BRACKET", "LEFT_PAREN", "NOT", "OVER", "STRING"});
    }
    if (Expects("PLUS") && !Expects("EQUAL")) {  // An operand may go on, or its condition.
      drop({"DOT", "LEFT_BRACKET", "LEFT_PAREN", "STRING", "STAR", "PLUS", "MINUS", "SLASH",
            "PERCENT"});
    }
    if (Expects("EOF")) drop({"SEMICOLON"});
    drop({"OPTIONAL", "CASE_OF"});
    if (dialect_ == Dialect::kAdt) {
      drop({"HISTORY", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "SEMICOLON"});
      if (clauses) drop({"AS"});  // AS OF
    }
    // First what goes on here, then the clauses in their order, then the end.
    const auto order = [](absl::string_view kind) {
      const Clause* const clause = FindClause(kind);
      return kind == "EOF"       ? 2 + std::size(kClauses)
             : clause == nullptr ? 0
                                 : 1 + static_cast<size_t>(clause - kClauses);
    };
    std::stable_sort(rest.begin(), rest.end(), [&order](absl::string_view a, absl::string_view b) {
      return order(a) < order(b);
    });
    for (const absl::string_view kind : rest) words.push_back(PlainKind(kind));
    if (words.empty()) return "nothing more";
    const std::string last = std::move(words.back());
    words.pop_back();
    return words.empty() ? last : absl::StrCat(absl::StrJoin(words, ", "), " or ", last);
  }

  std::string Hint() const {
    if (found_kind() == "WORD" && Expects("AS") && Expects("FROM")) {
      return absl::StrCat("; an alias is written AS ", Short(found_text()));
    }
    if (KindAt(-1) == "COMMA" && (FoundEnd() || found_kind() == "FROM")) {
      return "; the comma before it is one too many, or something is missing behind it";
    }
    constexpr absl::string_view kComparisons[] = {"EQUAL",      "NOT_EQUAL", "UNEQUAL",      "LESS",
                                                  "LESS_EQUAL", "GREATER",   "GREATER_EQUAL"};
    if (IsOneOf(found_kind(), kComparisons) && Expects("PLUS")) {
      return "; comparisons are joined by AND";
    }
    return "";
  }

  // ---- Mistakes with a message of their own

  // EXISTS as other languages write it: EXISTS (a)-[]->(b), EXISTS { … }, EXISTS (MATCH …).
  Result Exists() const {
    const bool is_brace = found_text() == "{" && found_ > 0 &&  // EXISTS is a name before it
                          absl::EqualsIgnoreCase(tokens_[found_ - 1].text, "EXISTS");
    const bool is_query = KindAt(-2) == "EXISTS" && KindAt(-1) == "LEFT_PAREN";
    const bool is_bare = KindAt(-3) == "EXISTS" && KindAt(-2) == "LEFT_PAREN" && Expects("EQUAL");
    if (!is_brace && !is_query && !is_bare) return std::nullopt;
    return {{found_, "a pattern stands in parentheses: EXISTS ((a)-[:relationship]->(b) WHERE …)"}};
  }

  Result BadToken() const {
    const absl::string_view kind = found_kind();
    const absl::string_view text = found_text();
    if (kind == "UNCLOSED_STRING") {
      return {{found_, absl::StrCat("the string that begins here is not closed; in it ",
                                    text.substr(0, 1), " is written \\", text.substr(0, 1))}};
    }
    if (kind == "UNCLOSED_NAME") {
      return {
          {found_, "'[[' begins a name, which no ']]' ends; a list of lists is written [ [ ] ]"}};
    }
    if (kind == "UNCLOSED_COMMENT") return {{found_, "the comment that begins here is not closed"}};
    if (kind == "BAD_NUMBER") {
      return {{found_,
               absl::StrCat("'", Short(text), "' is no number and no name; durations end in ",
                            "ms, s, m, h, d or w; as a name it is written [[", Short(text), "]]")}};
    }
    if (kind == "BAD_OPERATOR") return {{found_, BadOperator(text)}};
    if (kind != "OTHER") return std::nullopt;
    if (static_cast<unsigned char>(text[0]) >= 0x80 || text.size() > 1) {
      return {{found_,
               absl::StrCat("found '", Short(text), "', which has a character that no name has;",
                            " strings stand in ' or \", and [[ ]] escapes names")}};
    }
    if (text == "`") return {{found_, "names are escaped by [[ ]], not by `"}};
    if (text == "@") return {{found_, "a parameter is written @name"}};
    return {{found_, absl::StrCat("found '", text, "', which has no meaning here; expected ",
                                  ExpectedText())}};
  }

  static std::string BadOperator(absl::string_view text) {
    if (text == "--") {
      return "'--' begins a comment; a relationship is written -[ ]-, -[ ]-> or <-[ ]-";
    }
    constexpr std::pair<absl::string_view, absl::string_view> kMeant[] = {
        {"==", "="}, {"&&", "AND"}, {"||", "OR"}, {"!", "NOT"}, {"=<", "<="}, {"=>", ">="}};
    for (const auto& [wrong, right] : kMeant) {
      if (text == wrong) return absl::StrCat("there is no '", text, "'; write ", right);
    }
    return "";
  }

  Result FirstWord() const {
    if (found_ != 0) return std::nullopt;
    if (found_kind() == "EOF") return {{found_, "the query is empty; it begins with SELECT"}};
    constexpr absl::string_view kWriting[] = {"INSERT", "UPDATE", "DELETE", "CREATE",
                                              "MERGE",  "SET",    "DROP",   "UPSERT"};
    for (const absl::string_view word : kWriting) {
      if (!absl::EqualsIgnoreCase(found_text(), word)) continue;
      return {{found_, absl::StrCat("queries only read: there is no ", word)}};
    }
    return {
        {found_, absl::StrCat("a query begins with SELECT, found ", Found(),
                              DidYouMean(found_text(), {"SELECT", "EXPLAIN", "PROFILE", "WITH"}))}};
  }

  Result Join() const {
    static constexpr absl::string_view kOuter[] = {"LEFT",  "RIGHT", "FULL",
                                                   "OUTER", "INNER", "CROSS"};
    const auto is_outer = [this](size_t at) {
      return at < tokens_.size() &&
             std::any_of(std::begin(kOuter), std::end(kOuter), [this, at](absl::string_view word) {
               return absl::EqualsIgnoreCase(tokens_[at].text, word);
             });
    };
    // LEFT may have been taken for an alias.
    const size_t first =
        is_outer(found_) && found_ > 0 && is_outer(found_ - 1) ? found_ - 1 : found_;
    if (is_outer(first)) {
      const size_t join = first + (is_outer(first + 1) ? 2 : 1);
      if (join < tokens_.size() && tokens_[join].kind == "JOIN") {
        return {{first,
                 "JOIN has no LEFT, RIGHT, INNER or OUTER; what may be missing is written "
                 "OPTIONAL MATCH (s)-[:relationship]->(t)"}};
      }
    }
    if (ExpectsOnly("RELATED")) {
      return {{found_, absl::StrCat("found ", Found(), ", expected RELATED: a join is written ",
                                    "JOIN t RELATED s.relationship")}};
    }
    if (KindAt(-2) == "RELATED" && ExpectsOnly("DOT")) {
      return {
          {found_, absl::StrCat("found ", Found(), ", expected '.' and a relationship's name: a ",
                                "join is written JOIN t RELATED s.relationship")}};
    }
    return std::nullopt;
  }

  Result MissingFrom() const {
    if (!Expects("FROM") || !IsOneOf(found_kind(), {"DIGITALTWINS", "RELATIONSHIPS"})) {
      return std::nullopt;
    }
    return {{found_, absl::StrCat("FROM is missing before ", found_text())}};
  }

  Result MissingCondition() const {
    const absl::string_view before = KindAt(-1);
    if (!IsOneOf(before, {"WHERE", "HAVING", "QUALIFY"}) || !ExpectsOperand() || !FoundEnd()) {
      return std::nullopt;
    }
    return {{found_, absl::StrCat(before, " needs a condition, found ", Found())}};
  }

  // TOP 5, TOP(-1), LIMIT x
  Result Count() const {
    if (KindAt(-1) == "TOP" && ExpectsOnly("LEFT_PAREN")) {
      return {{found_, absl::StrCat("found ", Found(), ", expected '(': TOP is written TOP(5)")}};
    }
    if (expected_.size() != 2 || !Expects("INTEGER") || !Expects("PARAMETER")) return std::nullopt;
    const absl::string_view clause = KindAt(-1) == "LEFT_PAREN" ? "TOP" : KindAt(-1);
    return {
        {found_, absl::StrCat(clause, " takes a whole number or a parameter, found ", Found())}};
  }

  Result Pattern() const {
    if (ExpectsOnly("EQUAL") && IsOneOf(found_kind(), {"MINUS", "LESS"})) {
      const absl::string_view name = tokens_[found_ - 1].text;
      return {{found_ - 1,
               absl::StrCat("a twin of a pattern stands in parentheses: (", Short(name), ")")}};
    }
    const bool after_node = KindAt(-2) == "RIGHT_PAREN" || KindAt(-2) == "LESS";
    if (ExpectsOnly("LEFT_BRACKET") && KindAt(-1) == "MINUS" && after_node) {
      return {{found_, absl::StrCat("found ", Found(), ", expected '[': a relationship is written ",
                                    "-[ ]-, -[ ]-> or <-[ ]-")}};
    }
    return std::nullopt;
  }

  Result ModelId() const {
    if (found_kind() != "COLON" || !absl::EqualsIgnoreCase(tokens_[found_ - 1].text, "dtmi")) {
      return std::nullopt;
    }
    return {{found_ - 1, "a model id is a string: 'dtmi:example:Room;1'"}};
  }

  Result AdjacentStrings() const {
    if (found_kind() != "STRING" || KindAt(-1) != "STRING") return std::nullopt;
    const absl::string_view before = tokens_[found_ - 1].text;
    if (before.data() + before.size() != found_text().data()) return std::nullopt;
    return {{found_, absl::StrCat("found a second string; ", found_text().substr(0, 1),
                                  " in a string is written \\", found_text().substr(0, 1))}};
  }

  Result AliasWithAs() const {
    if (!ExpectsOnly("OF") || KindAt(-1) != "AS" || !IsName(found_kind())) return std::nullopt;
    return {{found_ - 1, absl::StrCat("an alias of FROM stands without AS: ",
                                      tokens_[found_ - 2].text, " ", Short(found_text()))}};
  }

  // FROM DIGITALTWINS MATCH (p) AS OF NOW() - 10m
  Result AsOf() const {
    if (dialect_ == Dialect::kAdt || found_kind() != "AS" || KindAt(1) != "OF") return std::nullopt;
    return {{found_, "AS OF stands right behind FROM: FROM DIGITALTWINS AS OF time MATCH …"}};
  }

  // 10 m
  Result ApartUnit() const {
    if (dialect_ == Dialect::kAdt || KindAt(-1) != "INTEGER") return std::nullopt;
    if (!IsOneOf(found_text(), {"ms", "s", "m", "h", "d", "w"}) || Expects("AS")) {
      return std::nullopt;
    }
    const std::string duration = absl::StrCat(tokens_[found_ - 1].text, found_text());
    return {{found_ - 1, absl::StrCat("a duration is written in one word: ", duration)}};
  }

  Result HistoryPaths() const {
    if (ExpectsOnly("OF") && KindAt(-2) == "HISTORY") {
      return {{found_, absl::StrCat("found ", Found(), ", expected OF: a history has a name, ",
                                    "HISTORY h OF x.(path, …)")}};
    }
    if (!ExpectsOnly("LEFT_PAREN") || KindAt(-1) != "DOT" || !IsName(found_kind())) {
      return std::nullopt;
    }
    return {{found_, absl::StrCat("the paths of a HISTORY stand in parentheses: ",
                                  tokens_[found_ - 2].text, ".(", Short(found_text()), ")")}};
  }

  Result Brackets() const {
    std::vector<size_t> open;
    for (size_t i = 0; i < found_; ++i) {
      const absl::string_view kind = tokens_[i].kind;
      if (kind == "LEFT_PAREN" || kind == "LEFT_BRACKET") open.push_back(i);
      if ((kind == "RIGHT_PAREN" || kind == "RIGHT_BRACKET") && !open.empty()) open.pop_back();
    }
    const absl::string_view kind = found_kind();
    if (open.empty()) {
      if (kind != "RIGHT_PAREN" && kind != "RIGHT_BRACKET") return std::nullopt;
      return {{found_, absl::StrCat("'", found_text(), "' closes nothing")}};
    }
    const bool closes = Expects("RIGHT_PAREN") || Expects("RIGHT_BRACKET");
    const bool ends = kind == "EOF" || kind == "SEMICOLON";
    if (!ends && !(closes && FindClause(kind) != nullptr)) return std::nullopt;
    const SyntaxToken& bracket = tokens_[open.back()];
    return {{open.back(), absl::StrCat("'", bracket.text, "' is not closed before ",
                                       ends ? "the end of the query" : found_text())}};
  }

  // Empty where the word is one of them.
  static absl::string_view OtherWord(absl::string_view word,
                                     absl::Span<const absl::string_view> known) {
    const absl::string_view closest = ClosestWord(word, known);
    return absl::EqualsIgnoreCase(closest, word) ? "" : closest;
  }

  Result Misspelled() const {
    if (found_kind() == "WORD" && KindAt(-1) != "DOT") {
      Kinds keywords;
      for (const absl::string_view kind : expected_) {
        if (IsOneOf(kind, kSpelled)) keywords.push_back(kind);
      }
      const absl::string_view meant = OtherWord(found_text(), keywords);
      if (!meant.empty()) {
        return {{found_, absl::StrCat("found '", found_text(), "'; did you mean '", meant, "'?")}};
      }
      if (absl::EqualsIgnoreCase(found_text(), "RETURN")) {
        return {{found_, "there is no RETURN: a query begins with SELECT and what it gives"}};
      }
    }
    // WHRE in `FROM DIGITALTWINS WHRE x = 1` was an alias until now.
    constexpr size_t kLettersMin = 4;
    if (found_ < 2 || KindAt(-1) != "WORD" || !IsName(found_kind())) return std::nullopt;
    const absl::string_view before = tokens_[found_ - 1].text;
    if (before.size() < kLettersMin || KindAt(-2) == "DOT") return std::nullopt;
    const absl::string_view meant = OtherWord(before, kSpelled);
    if (meant.empty()) return std::nullopt;
    return {
        {found_ - 1, absl::StrCat("found '", before, "', which is taken for a name; did you mean '",
                                  meant, "'?")}};
  }

  // A clause after one that it precedes.
  Result ClauseOrder() const {
    const Clause* const clause = FindClause(found_kind());
    const bool may_end = Expects("EOF") || Expects("RIGHT_PAREN");
    if (clause == nullptr || Expects(found_kind()) || !may_end) return std::nullopt;
    int depth = 0;
    for (size_t i = found_; i-- > 0;) {
      const absl::string_view kind = tokens_[i].kind;
      if (kind == "RIGHT_PAREN") ++depth;
      if (kind == "LEFT_PAREN" && --depth < 0) break;
      const Clause* const other = FindClause(kind);
      if (depth != 0 || other == nullptr || other->rank < clause->rank) continue;
      const bool is_count = kind == "LIMIT" || kind == "OFFSET";
      if (is_count && !IsOneOf(tokens_[i + 1].kind, {"INTEGER", "PARAMETER"})) continue;
      if (other->rank > clause->rank) {
        return {{found_, absl::StrCat(clause->name, " stands before ", other->name)}};
      }
      return {{found_, absl::StrCat(clause->name, " stands here a second time",
                                    clause->rank == 1 ? "; conditions are joined by AND" : "")}};
    }
    return std::nullopt;
  }

  Result ReservedWord() const {
    if (KindAt(-1) == "ALL" && ExpectsOnly("LEFT_PAREN")) return Escaped(found_ - 1);
    if (!Expects("WORD") || !IsOneOf(found_kind(), kReserved)) return std::nullopt;
    if (ExpectsOperand()) {
      // A name only if what follows follows a name.
      constexpr absl::string_view kAfterName[] = {
          "DOT",        "COMMA",   "EQUAL",         "NOT_EQUAL",   "UNEQUAL", "LESS",
          "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "RIGHT_PAREN", "FROM",    "AS",
          "IN",         "NIN",     "LIKE",          "IS",          "BETWEEN"};
      const bool structure = IsOneOf(found_kind(), {"FROM", "WHERE", "AND", "OR", "AS", "IN"});
      if (structure || !IsOneOf(KindAt(1), kAfterName)) return std::nullopt;
    } else if (Expects("EOF") || Expects("RIGHT_PAREN") ||
               IsOneOf(found_kind(), {"SELECT", "FROM", "WHERE"})) {
      return std::nullopt;
    }
    return Escaped(found_);
  }
  Result Escaped(size_t at) const {
    return {
        {at, absl::StrCat("'", tokens_[at].text, "' is a reserved word; as a name it is written [[",
                          tokens_[at].text, "]]")}};
  }

  const absl::Span<const SyntaxToken> tokens_;
  const size_t found_;
  const absl::Span<const absl::string_view> expected_;
  const Dialect dialect_;
};

}  // namespace

SyntaxError DescribeSyntaxError(absl::Span<const SyntaxToken> tokens, size_t found,
                                absl::Span<const absl::string_view> expected, Dialect dialect) {
  return Describer(tokens, found, expected, dialect).Describe();
}

bool IsWord(absl::string_view word) {
  for (size_t i = 0; i < word.size(); ++i) {
    const auto byte = [word](size_t at) -> uint32_t {
      return at < word.size() ? static_cast<unsigned char>(word[at]) : 0;
    };
    const uint32_t first = byte(i);
    if (first < 0xC0) continue;
    const uint32_t c = first < 0xE0 ? (first & 0x1F) << 6 | (byte(i + 1) & 0x3F)
                       : first < 0xF0
                           ? (first & 0x0F) << 12 | (byte(i + 1) & 0x3F) << 6 | (byte(i + 2) & 0x3F)
                           : 0x10000;
    const bool latin_sign = c < 0xC0 && c != 0xAA && c != 0xB5 && c != 0xBA;
    const bool punctuation = (c >= 0x2000 && c <= 0x206F) || (c >= 0x3000 && c <= 0x3004) ||
                             (c >= 0x3008 && c <= 0x3020);
    if (latin_sign || punctuation || c == 0xD7 || c == 0xF7 || c == 0xFEFF) return false;
  }
  return true;
}

}  // namespace twin::query
