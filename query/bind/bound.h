// A query whose names and types are known: what the planner takes. Plain data.
//
// A row of a select has numbered slots. Patterns fill slots with twins, relationships and paths;
// HISTORY, subqueries, aggregates and windows fill slots with values. Expressions name slots.
#ifndef TWIN_QUERY_BIND_BOUND_H_
#define TWIN_QUERY_BIND_BOUND_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/ast/ast.h"
#include "query/ast/functions.h"
#include "query/bind/catalog.h"
#include "query/bind/types.h"
#include "server/base/ids.h"
#include "server/base/value.h"

namespace twin::query {

using SlotId = int;
inline constexpr SlotId kNoSlot = -1;

// System fields of twins and relationships.
enum class Field : uint8_t {
  kId,              // $dtId; $relationshipId
  kEtag,            // $etag
  kModel,           // $metadata.$model of a twin
  kLastUpdateTime,  // $metadata.$lastUpdateTime of a twin
  kMetadata,        // $metadata: a document
  kSourceId,        // of a relationship, as all below
  kTargetId,
  kName,       // $relationshipName
  kValidFrom,  // $validFrom, $validTo: RELATIONSHIPS … HISTORY ALL, AS OF
  kValidTo,
};

enum class BoundKind : uint8_t {
  kConstant,    // value
  kParameter,   // text: its name
  kNow,         // NOW()
  kSlot,        // slot: as it is
  kProperty,    // slot: a twin's or relationship's; columns: where its tables have it
  kDocument,    // slot; text: a path that names an object or a component: its values as a document
  kField,       // slot, field
  kUpdateTime,  // slot, columns: source time (arrival: server time) of the last change
  kNot,         // operands as in ast.h from here on
  kNegate,
  kAnd,
  kOr,
  kAdd,
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
  kIn,  // operands[0] in operands[1 …]; where operands[1] is a kValue alone: in its elements
  kLike,
  kIsNull,    // SQL's: absent is NULL
  kCase,      // WHEN, THEN, …, ELSE: always odd
  kIndex,     // operands[0] [ operands[1] ]
  kMember,    // operands[0] . text
  kList,      // a kValue of all operands
  kFunction,  // function: a scalar one
  kOfModel,   // slot; tables: IS_OF_MODEL is TRUE for these
  kAny,       // operands[0]: the list; operands[1]: the condition; slot: the element
  kAll,
  kOfPart,  // operands[0]: NODES(p)[i] or RELATIONSHIPS(p)[i], which is `slot` in operands[1]
  kExists,  // exists
  kCast,    // operands[0] as `type`: int to double, string to time (NULL where it is none), …
};
inline bool IsComparison(BoundKind kind) {
  return kind >= BoundKind::kEqual && kind <= BoundKind::kGreaterEqual;
}
// `a op b` is `b Mirrored(op) a`.
BoundKind Mirrored(BoundKind comparison);

// Where one table keeps a property.
struct ColumnRef {
  uint32_t table = 0;  // TableId, or RelationshipTypeId for the slot of a relationship
  ColumnId column;
  TypeKind type = TypeKind::kNull;  // as stored; converted to the expression's
  // The value there times factor plus offset is in the expression's unit.
  double factor = 1;
  double offset = 0;
};

struct BoundExpr;
using BoundPtr = std::unique_ptr<BoundExpr>;
struct BoundExists;

struct BoundExpr {
  BoundKind kind = BoundKind::kConstant;
  Type type;
  Span span;
  SlotId slot = kNoSlot;
  Field field = Field::kId;
  Function function = Function::kAbs;
  bool negated = false;            // kIn, kLike, kIsNull, kExists
  bool arrival = false;            // kUpdateTime
  std::string text;                // kParameter, kMember; the path of kProperty and kDocument
  Value value;                     // kConstant; durations as Int, times as OfTime
  std::vector<ColumnRef> columns;  // by table, ascending; tables without it are not named
  std::vector<TableId> tables;     // kOfModel, ascending
  std::vector<BoundPtr> operands;
  std::unique_ptr<BoundExists> exists;

  BoundExpr();
  BoundExpr(const BoundExpr&) = delete;
  BoundExpr& operator=(const BoundExpr&) = delete;
  ~BoundExpr();
};
BoundPtr Clone(const BoundExpr& expr);
// The same value on every row, whatever the spans.
bool Same(const BoundExpr& a, const BoundExpr& b);
bool SameAll(const std::vector<BoundPtr>& a, const std::vector<BoundPtr>& b);  // pair by pair
// As the user would write it, with the slots' names.
struct Slot;
std::string ToString(const BoundExpr& expr, const std::vector<Slot>& slots);

enum class SlotKind : uint8_t {
  kTwin,
  kRelationship,
  kPath,   // of a pattern
  kValue,  // a column: of a subquery, of HISTORY, a group key, an aggregate, a window, an element
};

struct Slot {
  std::string name;  // as the text names it; "" for what it does not name
  SlotKind kind = SlotKind::kValue;
  Type type;
  bool nullable = true;                   // kTwin, kRelationship: of an OPTIONAL MATCH
  std::vector<TableId> tables;            // kTwin: of which it can be, ascending
  bool any_table = true;                  // kTwin: of all; `tables` is empty then
  std::vector<RelationshipTypeId> types;  // kRelationship: of which it can be, ascending
  bool any_type = true;
};

struct BoundEdge {
  using Direction = EdgePattern::Direction;
  SlotId slot = kNoSlot;  // of the relationship; kNoSlot where nobody names it
  SlotId from = kNoSlot;  // twins at both ends, as the text has them
  SlotId to = kNoSlot;
  Direction direction = Direction::kOutgoing;
  std::vector<RelationshipTypeId> types;  // ascending
  bool any_type = true;                   // every type; `types` is empty then
  std::string names;                      // as the text has them: "hasModule|hasCell"
  // A single hop where both are 1 and !variable.
  bool variable = false;
  int hops_min = 1;
  int hops_max = 1;
  bool unbounded = false;  // no upper bound was written: going on past hops_max is an error
  Span span;
};

// One comma part of a MATCH: within it no relationship is used twice.
struct BoundPath {
  SlotId path = kNoSlot;  // MATCH p = …
  std::vector<SlotId> nodes;
  std::vector<BoundEdge> edges;  // edge i joins nodes i and i + 1
};

// JOIN and MATCH alike.
struct BoundMatch {
  bool optional = false;
  std::vector<BoundPath> paths;
  std::vector<BoundPtr> conditions;  // models of nodes, all of which must hold
};

// [NOT] EXISTS (pattern WHERE …). Its new slots are in the select's list.
struct BoundExists {
  std::vector<BoundPath> paths;
  std::vector<BoundPtr> conditions;
  std::vector<SlotId> slots;  // that it adds
};

// One column of a HISTORY clause.
struct HistoryColumn {
  SlotId twin = kNoSlot;
  std::string path;
  std::vector<ColumnRef> columns;  // by table
  SlotId slot = kNoSlot;           // that it fills
};

struct BoundHistory {
  using Window = HistoryClause::Window;
  using Fill = HistoryClause::Fill;
  bool optional = false;
  std::string name;
  SlotId time = kNoSlot;
  std::vector<HistoryColumn> columns;
  Window window = Window::kLast;
  BoundPtr from;  // kLast: a duration
  BoundPtr to;
  BoundPtr every;
  Fill fill = Fill::kNone;
  BoundPtr max_gap;  // nullptr: five minutes
  Span span;
};

// Twins, relationships, or the rows of a subquery.
struct BoundSource {
  FromClause::Collection collection = FromClause::Collection::kTwins;
  // kTwins without MATCH and JOIN: the slot of each twin. kRelationships: of each relationship.
  SlotId slot = kNoSlot;
  int subquery = -1;            // kSubquery: index into BoundStatement::with
  std::vector<SlotId> columns;  // kSubquery: slot of each of its outputs
  bool history_all = false;
};

struct BoundAggregate {
  Function function = Function::kCount;
  bool distinct = false;
  std::vector<BoundPtr> arguments;  // over the rows before grouping; none for COUNT()
  Type type;
  SlotId slot = kNoSlot;  // that it fills
  // HISTORY clauses whose samples it reads, ascending. Several: on their common steps.
  std::vector<int> histories;
  SlotId time = kNoSlot;       // kTimeAggregate: the time of each row
  std::vector<SlotId> series;  // kTimeAggregate: twins whose samples these are: one group each
  Span span;
};

struct BoundSortKey {
  BoundPtr expr;
  bool descending = false;
  bool nulls_first = false;
};

struct BoundWindow {
  Function function = Function::kRank;
  std::vector<BoundPtr> arguments;
  std::vector<BoundPtr> partition;
  std::vector<BoundSortKey> order;
  Type type;
  SlotId slot = kNoSlot;
  Span span;
};

struct BoundOutput {
  std::string name;
  BoundPtr expr;
  // SELECT * over a collection: each row is the document itself.
  bool whole_row = false;
};

// Run in this order: source, matches and histories, where, groups, having, windows, qualify,
// outputs, distinct, order, offset, limit.
struct BoundSelect {
  std::vector<Slot> slots;
  BoundSource source;
  std::vector<BoundMatch> matches;  // in the order written
  std::vector<BoundHistory> histories;
  BoundPtr as_of;                // nullptr: now
  std::vector<BoundPtr> where;   // conjuncts
  bool grouped = false;          // GROUP BY, or an aggregate without it
  std::vector<BoundPtr> groups;  // keys, over the rows before grouping
  std::vector<SlotId> group_slots;
  std::vector<BoundAggregate> aggregates;
  std::vector<BoundPtr> having;  // conjuncts, over group_slots and aggregates, as all below
  std::vector<BoundWindow> windows;
  std::vector<BoundPtr> qualify;
  std::vector<BoundOutput> outputs;
  bool distinct = false;
  std::vector<BoundSortKey> order;
  BoundPtr limit;  // the least of TOP and LIMIT: constants or parameters; nullptr: none
  BoundPtr top;
  BoundPtr offset;
};

struct BoundWith {
  std::string name;
  std::unique_ptr<BoundSelect> select;
};

// Refers to the Catalog that it was bound against, and keeps it.
struct BoundStatement {
  Statement::Mode mode = Statement::Mode::kRun;
  Dialect dialect = Dialect::kTql;
  std::vector<BoundWith> with;
  BoundSelect select;
  std::vector<std::string> notices;  // for the user: what was taken for what
  std::shared_ptr<const Catalog> catalog;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_BIND_BOUND_H_
