// FROM and what follows it: where rows come from.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/history.h"
#include "query/bind/select.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {

absl::Status SelectBinder::BindSource() {
  if (select_.from.as_of != nullptr) {
    binder_.Enter({.name = "AS OF", .rows = false});
    TWIN_ASSIGN_OR_RETURN(BoundPtr time, binder_.Bind(*select_.from.as_of));
    TWIN_ASSIGN_OR_RETURN(bound_.as_of, AsTime(env_, std::move(time), "AS OF"));
  }
  bound_.source.collection = select_.from.collection;
  bound_.source.history_all = select_.from.history_all;
  switch (select_.from.collection) {
    case FromClause::Collection::kTwins:
      return BindTwins();
    case FromClause::Collection::kRelationships:
      return BindRelationships();
    case FromClause::Collection::kSubquery:
      return BindSubquery();
  }
  return absl::OkStatus();
}

// Whether the pattern that comes first is about the alias of FROM, so that it needs no scan.
bool SelectBinder::StartsWithAlias() const {
  const std::string& alias = select_.from.alias.text;
  for (const SourceClause& clause : select_.clauses) {
    if (const auto* join = std::get_if<JoinClause>(&clause)) return join->source.text == alias;
    const auto* match = std::get_if<MatchClause>(&clause);
    if (match == nullptr) continue;
    if (match->optional) return false;
    for (const PathPattern& path : match->paths) {
      for (const NodePattern& node : path.nodes) {
        if (node.alias.text == alias) return true;
      }
    }
    return false;
  }
  return false;
}

Pattern* SelectBinder::NextMatch(bool optional) {
  BoundMatch& match = bound_.matches.emplace_back();  // there is room: see BindTwins
  match.optional = optional;
  Pattern& pattern = patterns_.emplace_back();
  pattern.paths = &match.paths;
  pattern.conditions = &match.conditions;
  pattern.optional = optional;
  return &pattern;
}

absl::Status SelectBinder::BindTwins() {
  // References to matches last.
  bound_.matches.reserve(select_.clauses.size() + 1);
  patterns_.reserve(select_.clauses.size() + 1);
  const bool patterned = std::any_of(
      select_.clauses.begin(), select_.clauses.end(),
      [](const SourceClause& clause) { return !std::holds_alternative<HistoryClause>(clause); });
  const Name& alias = select_.from.alias;
  Slot slot;
  slot.kind = SlotKind::kTwin;
  slot.type.kind = TypeKind::kTwin;
  slot.nullable = false;
  if (!patterned) {
    if (alias.empty()) {
      bound_.source.slot = scope_.Add(std::move(slot));
    } else {
      TWIN_ASSIGN_OR_RETURN(bound_.source.slot, scope_.Declare(alias, std::move(slot)));
    }
    scope_.collection = bound_.source.slot;
  } else if (!alias.empty()) {
    TWIN_ASSIGN_OR_RETURN(const SlotId id, scope_.Declare(alias, std::move(slot)));
    if (!StartsWithAlias()) {
      Pattern* const pattern = NextMatch(/*optional=*/false);
      BoundPath path;
      path.nodes.push_back(id);
      pattern->paths->push_back(std::move(path));
    }
  }
  return BindClauses();
}

absl::Status SelectBinder::BindClauses() {
  for (const SourceClause& clause : select_.clauses) {
    if (const auto* history = std::get_if<HistoryClause>(&clause)) {
      histories_.push_back(history);
    } else if (const auto* join = std::get_if<JoinClause>(&clause)) {
      TWIN_RETURN_IF_ERROR(BindJoin(env_, *join, &scope_, NextMatch(/*optional=*/false)));
      if (env_.adt() && join->alias.empty()) {
        scope_.joined.emplace_back(join->relationship.text,
                                   static_cast<int>(bound_.matches.size()) - 1);
      }
    } else {
      const auto& match = std::get<MatchClause>(clause);
      if (match.optional && bound_.matches.empty()) {
        return ErrorAt(match.span,
                       "OPTIONAL MATCH goes on from what is there already; begin with "
                       "MATCH, or with an alias: FROM DIGITALTWINS x");
      }
      TWIN_RETURN_IF_ERROR(BindPaths(env_, match.paths, &scope_, NextMatch(match.optional)));
    }
  }
  std::vector<Pattern*> patterns;
  for (Pattern& pattern : patterns_) patterns.push_back(&pattern);
  std::vector<TableFact> facts;
  if (select_.where != nullptr) facts = FactsOf(env_, scope_, *select_.where);
  TWIN_RETURN_IF_ERROR(NarrowSlots(env_, patterns, facts, &bound_.slots));
  return BindHistories(env_, histories_, &binder_, &scope_, &bound_);
}

absl::Status SelectBinder::BindRelationships() {
  if (!select_.clauses.empty()) {
    return ErrorAt(select_.from.span,
                   "FROM RELATIONSHIPS stands alone; for JOIN, MATCH and HISTORY write FROM "
                   "DIGITALTWINS");
  }
  Slot slot;
  slot.kind = SlotKind::kRelationship;
  slot.type.kind = TypeKind::kRelationship;
  slot.nullable = false;
  if (select_.from.alias.empty()) {
    bound_.source.slot = scope_.Add(std::move(slot));
  } else {
    TWIN_ASSIGN_OR_RETURN(bound_.source.slot, scope_.Declare(select_.from.alias, std::move(slot)));
  }
  scope_.collection = bound_.source.slot;
  if (select_.where == nullptr) return absl::OkStatus();
  auto types = TypesOf(env_, scope_, scope_.collection, *select_.where);
  if (types.has_value()) {
    Slot& narrowed = bound_.slots[scope_.collection];
    narrowed.any_type = false;
    narrowed.types = *std::move(types);
  }
  return absl::OkStatus();
}

absl::Status SelectBinder::BindSubquery() {
  const FromClause& from = select_.from;
  const auto found =
      std::find_if(env_.with->begin(), env_.with->end(),
                   [&from](const BoundWith& with) { return with.name == from.name.text; });
  if (found == env_.with->end()) {
    std::vector<absl::string_view> known = {"DIGITALTWINS", "RELATIONSHIPS"};
    for (const BoundWith& with : *env_.with) known.push_back(with.name);
    return ErrorAt(from.name.span, absl::StrCat("unknown source '", from.name.text, "'",
                                                Suggestion(from.name.text, known, "there are")));
  }
  if (!select_.clauses.empty() || from.as_of != nullptr) {
    return ErrorAt(from.span, absl::StrCat("'", from.name.text,
                                           "' has rows of its own: MATCH, JOIN, "
                                           "HISTORY and AS OF belong into its WITH"));
  }
  bound_.source.subquery = static_cast<int>(found - env_.with->begin());
  scope_.subquery = from.alias.empty() ? from.name.text : from.alias.text;
  for (const BoundOutput& output : found->select->outputs) {
    Slot slot;
    if (output.expr->kind == BoundKind::kSlot) slot = found->select->slots[output.expr->slot];
    slot.name = output.name;
    slot.type = output.expr->type;
    slot.nullable = true;
    const SlotId id = scope_.Add(std::move(slot));
    scope_.names.emplace_back(output.name, id);
    bound_.source.columns.push_back(id);
  }
  return absl::OkStatus();
}

}  // namespace twin::query::binding
