// The syntax tree of TQL: what the text says, before names and types are known. Plain data.
#ifndef TWIN_QUERY_AST_AST_H_
#define TWIN_QUERY_AST_AST_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace twin::query {

// A piece of the query's text. Line and column count from 1, in characters (code points).
struct Span {
  uint32_t offset = 0;  // bytes
  uint32_t length = 0;  // bytes
  uint32_t line = 1;
  uint32_t column = 1;
};

// What the text is read as: TQL, or the query language of Azure Digital Twins alone.
enum class Dialect : uint8_t { kTql, kAdt };

// An identifier without its [[ ]]; empty where the text gives none.
struct Name {
  std::string text;
  Span span;

  bool empty() const { return text.empty(); }
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
struct PathPattern;

struct SortKey {
  enum class Nulls : uint8_t { kLast, kFirst };  // by default last, in both directions
  ExprPtr expr;
  bool descending = false;
  Nulls nulls = Nulls::kLast;
};

// OVER (PARTITION BY … ORDER BY …)
struct Over {
  std::vector<ExprPtr> partition;
  std::vector<SortKey> order;
  Span span;
};

enum class ExprKind : uint8_t {
  kNull,
  kBool,       // integer: 0 or 1
  kInteger,    // integer
  kDouble,     // number
  kString,     // text
  kDuration,   // integer: nanoseconds
  kParameter,  // text: the name without @
  kPath,       // path: one name or more, the first an alias or a name in the row's scope
  kMember,     // operands[0] . path[0]: of what is no path, such as x[0].name
  kIndex,      // operands[0] [ operands[1] ]
  kList,       // [ operands … ]
  kNot,        // operands[0]
  kNegate,     // operands[0]
  kAnd,        // two operands or more
  kOr,         // two operands or more
  kAdd,        // two operands, as all below
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,        // operands[0] IN operands[1]: a list, or an expression; negated: NIN, NOT IN
  kBetween,   // operands[0] BETWEEN operands[1] AND operands[2]; negated
  kLike,      // operands[0] LIKE operands[1]; negated
  kIsNull,    // operands[0] IS NULL; negated: IS NOT NULL
  kCase,      // WHEN operands[0] THEN operands[1] WHEN … ; ELSE the last if the count is odd.
              // CASE x WHEN y … is read as CASE WHEN x = y …
  kQuantity,  // operands[0], a number, in the unit `text`: 113 'degreeFahrenheit'
  kCall,      // text: the function's name in capitals; operands: its arguments
  kAny,       // ANY(path[0] IN operands[0] WHERE operands[1])
  kAll,       // ALL(…)
  kExists,    // EXISTS (patterns [WHERE operands[0]]); negated
};

struct Expr {
  ExprKind kind = ExprKind::kNull;
  Span span;
  bool negated = false;
  bool distinct = false;  // kCall: COUNT(DISTINCT x)
  bool star = false;      // kCall: COUNT(*), taken as COUNT()
  int64_t integer = 0;
  double number = 0;
  std::string text;
  std::vector<Name> path;
  std::vector<ExprPtr> operands;
  std::unique_ptr<Over> over;         // kCall
  std::vector<PathPattern> patterns;  // kExists
};

struct NodePattern {
  Name alias;
  // (c:BatteryCell) or (c:'dtmi:…;1'): IS_OF_MODEL(c, …). Empty: none.
  Name model;
  Span span;
};

struct EdgePattern {
  enum class Direction : uint8_t { kOutgoing, kIncoming, kEither };
  Name alias;
  std::vector<Name> names;  // none: any
  Direction direction = Direction::kOutgoing;
  bool has_hops = false;
  // As written: `*3` is 3..3, `*..5` has no lower bound, `*2..` no upper one.
  std::optional<int64_t> hops_min;
  std::optional<int64_t> hops_max;
  Span span;
};

// (a)-[…]->(b)…: one node more than edges.
struct PathPattern {
  Name alias;  // MATCH p = …
  std::vector<NodePattern> nodes;
  std::vector<EdgePattern> edges;
  Span span;
};

// JOIN target RELATED source.relationship [alias]
struct JoinClause {
  Name target;
  Name source;
  Name relationship;
  Name alias;
  Span span;
};

struct MatchClause {
  bool optional = false;
  std::vector<PathPattern> paths;
  Span span;
};

// One x.(path, …) of a HISTORY clause.
struct HistoryPaths {
  Name twin;
  std::vector<std::vector<Name>> paths;
};

struct HistoryClause {
  enum class Window : uint8_t { kLast, kSince, kFromTo };
  enum class Fill : uint8_t { kNone, kPrevious, kLinear, kNull };
  bool optional = false;
  Name alias;
  std::vector<HistoryPaths> of;
  Window window = Window::kLast;
  ExprPtr from;   // kLast: a duration; kSince, kFromTo: a time
  ExprPtr to;     // kFromTo
  ExprPtr every;  // a duration, or nullptr
  Fill fill = Fill::kNone;
  ExprPtr max_gap;  // a duration, or nullptr
  Span span;
};

using SourceClause = std::variant<JoinClause, MatchClause, HistoryClause>;

struct FromClause {
  enum class Collection : uint8_t { kTwins, kRelationships, kSubquery };
  Collection collection = Collection::kTwins;
  Name name;   // kSubquery: of a WITH
  Name alias;  // empty: none
  ExprPtr as_of;
  bool history_all = false;  // RELATIONSHIPS r HISTORY ALL
  Span span;
};

struct SelectItem {
  ExprPtr expr;
  Name alias;
  std::string text;  // the expression as written
};

struct Select {
  bool distinct = false;
  ExprPtr top;        // TOP(n): a number or a parameter; or nullptr
  bool star = false;  // SELECT *, or TOP(n) alone
  std::vector<SelectItem> items;
  FromClause from;
  std::vector<SourceClause> clauses;  // in the order written
  ExprPtr where;                      // nullptr: none; as those below
  std::vector<ExprPtr> group_by;
  ExprPtr having;
  ExprPtr qualify;
  std::vector<SortKey> order_by;
  ExprPtr limit;
  ExprPtr offset;
  Span span;
};

struct WithQuery {
  Name name;
  std::unique_ptr<Select> select;
};

struct Statement {
  enum class Mode : uint8_t { kRun, kExplain, kProfile };
  Mode mode = Mode::kRun;
  std::vector<WithQuery> with;
  Select select;
};

// The tree as S-expressions, one clause a line, for tests and for looking at it.
std::string ToString(const Statement& statement);
std::string ToString(const Expr& expr);

}  // namespace twin::query

#endif  // TWIN_QUERY_AST_AST_H_
