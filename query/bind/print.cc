#include "query/bind/print.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/bind/aggregates.h"
#include "query/bind/environment.h"

namespace twin::query {
namespace {

constexpr size_t kModelsShown = 3;

std::string Typed(const Type& type) {
  return absl::StrCat(TypeName(type.kind), type.unit == nullptr ? "" : " ",
                      type.unit == nullptr ? "" : type.unit->name);
}

class SelectPrinter {
 public:
  SelectPrinter(const BoundStatement& statement, const BoundSelect& select)
      : statement_(statement), catalog_(*statement.catalog), select_(select) {}

  std::string Print() {
    Line("from", Source());
    if (select_.as_of != nullptr) Line("as of", Text(*select_.as_of));
    for (const BoundMatch& match : select_.matches) {
      Line(match.optional ? "optional match" : "match", Match(match));
    }
    for (const BoundHistory& history : select_.histories) Line("history", History(history));
    Line("where", List(select_.where));
    if (select_.grouped) Line("group by", select_.groups.empty() ? "()" : List(select_.groups));
    for (const BoundAggregate& aggregate : select_.aggregates)
      Line("aggregate", Aggregate(aggregate));
    Line("having", List(select_.having));
    for (const BoundWindow& window : select_.windows) {
      Line("window",
           absl::StrCat(binding::TextOf(window, select_.slots), ": ", Typed(window.type)));
    }
    Line("qualify", List(select_.qualify));
    for (const BoundOutput& output : select_.outputs) Line("select", Output(output));
    if (select_.distinct) text_ += "distinct\n";
    Line("order by", Order());
    if (select_.top != nullptr) Line("top", Text(*select_.top));
    if (select_.limit != nullptr) Line("limit", Text(*select_.limit));
    if (select_.offset != nullptr) Line("offset", Text(*select_.offset));
    return std::move(text_);
  }

 private:
  void Line(absl::string_view word, absl::string_view rest) {
    if (!rest.empty()) absl::StrAppend(&text_, word, " ", rest, "\n");
  }

  std::string Text(const BoundExpr& expr) const { return ToString(expr, select_.slots); }

  std::string List(const std::vector<BoundPtr>& exprs) const {
    return absl::StrJoin(exprs, "; ", [this](std::string* out, const BoundPtr& expr) {
      absl::StrAppend(out, Text(*expr));
    });
  }

  std::string Order() const {
    return absl::StrJoin(select_.order, ", ", [this](std::string* out, const BoundSortKey& key) {
      absl::StrAppend(out, Text(*key.expr), key.descending ? " DESC" : "",
                      key.nulls_first ? " NULLS FIRST" : "");
    });
  }

  std::string Node(SlotId id) const {
    const Slot& slot = select_.slots[id];
    if (slot.any_table) return slot.name;
    if (slot.tables.empty()) return absl::StrCat(slot.name, ":none");
    if (slot.tables.size() > kModelsShown) {
      return absl::StrCat(slot.name, ":", slot.tables.size(), " models");
    }
    return absl::StrCat(slot.name, ":",
                        absl::StrJoin(slot.tables, "|", [this](std::string* out, TableId table) {
                          absl::StrAppend(out, ModelText(catalog_.model(table).id));
                        }));
  }

  std::string Edge(const BoundEdge& edge) const {
    std::vector<std::string> names;
    for (const RelationshipTypeId type : edge.types) {
      names.push_back(catalog_.relationship_type(type).name);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string inside = edge.slot == kNoSlot ? "" : select_.slots[edge.slot].name;
    if (!edge.any_type) absl::StrAppend(&inside, ":", absl::StrJoin(names, "|"));
    if (edge.variable) {
      absl::StrAppend(&inside, "*", edge.hops_min, "..", edge.hops_max, edge.unbounded ? "+" : "");
    }
    using Direction = EdgePattern::Direction;
    return absl::StrCat(edge.direction == Direction::kIncoming ? "<-[" : "-[", inside,
                        edge.direction == Direction::kOutgoing ? "]->" : "]-");
  }

  std::string Match(const BoundMatch& match) const {
    std::vector<std::string> paths;
    for (const BoundPath& path : match.paths) {
      std::string text = path.path == kNoSlot ? "" : select_.slots[path.path].name + " = ";
      for (size_t i = 0; i < path.nodes.size(); ++i) {
        if (i > 0) text += Edge(path.edges[i - 1]);
        absl::StrAppend(&text, "(", Node(path.nodes[i]), ")");
      }
      paths.push_back(std::move(text));
    }
    std::string text = absl::StrJoin(paths, ", ");
    if (!match.conditions.empty()) absl::StrAppend(&text, " if ", List(match.conditions));
    return text;
  }

  std::string Source() const {
    const BoundSource& source = select_.source;
    switch (source.collection) {
      case FromClause::Collection::kTwins:
        return source.slot == kNoSlot ? "twins" : absl::StrCat("twins (", Node(source.slot), ")");
      case FromClause::Collection::kRelationships:
        return absl::StrCat("relationships [", select_.slots[source.slot].name, "]",
                            source.history_all ? " history all" : "");
      case FromClause::Collection::kSubquery:
        break;
    }
    return absl::StrCat(statement_.with[source.subquery].name, "(",
                        absl::StrJoin(source.columns, ", ",
                                      [this](std::string* out, SlotId slot) {
                                        absl::StrAppend(out, select_.slots[slot].name, ": ",
                                                        Typed(select_.slots[slot].type));
                                      }),
                        ")");
  }

  std::string History(const BoundHistory& history) const {
    std::string text = absl::StrCat(history.optional ? "optional " : "", history.name, " of");
    for (const HistoryColumn& column : history.columns) {
      absl::StrAppend(&text, " ", select_.slots[column.slot].name, ": ",
                      Typed(select_.slots[column.slot].type));
    }
    switch (history.window) {
      case BoundHistory::Window::kLast:
        absl::StrAppend(&text, " last ", Text(*history.from));
        break;
      case BoundHistory::Window::kSince:
        absl::StrAppend(&text, " since ", Text(*history.from));
        break;
      case BoundHistory::Window::kFromTo:
        absl::StrAppend(&text, " from ", Text(*history.from), " to ", Text(*history.to));
        break;
    }
    if (history.every != nullptr) absl::StrAppend(&text, " every ", Text(*history.every));
    static constexpr absl::string_view kFills[] = {"", " fill previous", " fill linear",
                                                   " fill null"};
    absl::StrAppend(&text, kFills[static_cast<int>(history.fill)]);
    if (history.max_gap != nullptr) absl::StrAppend(&text, " max gap ", Text(*history.max_gap));
    return text;
  }

  std::string Aggregate(const BoundAggregate& aggregate) const {
    std::string text =
        absl::StrCat(binding::TextOf(aggregate, select_.slots), ": ", Typed(aggregate.type));
    for (const int history : aggregate.histories) {
      absl::StrAppend(&text, history == aggregate.histories.front() ? " of " : ", ",
                      select_.histories[history].name);
    }
    if (aggregate.time != kNoSlot) {
      absl::StrAppend(&text, " along ", select_.slots[aggregate.time].name);
    }
    for (const SlotId twin : aggregate.series) {
      absl::StrAppend(&text, twin == aggregate.series.front() ? " by " : ", ",
                      select_.slots[twin].name);
    }
    return text;
  }

  std::string Output(const BoundOutput& output) const {
    const std::string expr = Text(*output.expr);
    return absl::StrCat(output.whole_row ? "row " : "", expr,
                        output.name == expr ? "" : absl::StrCat(" as ", output.name), ": ",
                        Typed(output.expr->type));
  }

  const BoundStatement& statement_;
  const Catalog& catalog_;
  const BoundSelect& select_;
  std::string text_;
};

}  // namespace

std::string ModelText(absl::string_view id) {
  const absl::string_view version = id.substr(std::min(id.size(), id.find(';')));
  return absl::StrCat(binding::ShortName(id), version == ";1" ? "" : version);
}

std::string ToString(const BoundStatement& statement) {
  std::string text;
  for (const std::string& notice : statement.notices) absl::StrAppend(&text, "-- ", notice, "\n");
  for (const BoundWith& with : statement.with) {
    absl::StrAppend(&text, "with ", with.name, "\n",
                    SelectPrinter(statement, *with.select).Print());
  }
  if (!statement.with.empty()) text += "then\n";
  return absl::StrCat(text, SelectPrinter(statement, statement.select).Print());
}

}  // namespace twin::query
