#include "query/bind/patterns.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/models.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

constexpr int kAdtHopsMax = 10;

Slot SlotOf(SlotKind kind, bool nullable) {
  Slot slot;
  slot.kind = kind;
  slot.type.kind = kind == SlotKind::kTwin           ? TypeKind::kTwin
                   : kind == SlotKind::kRelationship ? TypeKind::kRelationship
                                                     : TypeKind::kPath;
  slot.nullable = nullable;
  return slot;
}

// The twin of that name, a new one if there is none. `span`: of what asks for it.
absl::StatusOr<SlotId> TwinAt(const Environment& env, const Name& alias, Span span, Scope* scope,
                              Pattern* pattern) {
  if (!alias.empty()) {
    const SlotId known = scope->Find(alias.text);
    if (known != kNoSlot) {
      if (scope->slot(known).kind == SlotKind::kTwin) return known;
      return ErrorAt(alias.span, absl::StrCat("'", alias.text, "' is no twin: it names ",
                                              Describe(scope->slot(known).type), " already"));
    }
  }
  // Planning grows with the cube of them.
  if (scope->slots->size() >= static_cast<size_t>(env.options->pattern_parts_max)) {
    return ErrorAt(
        span,
        absl::StrCat("the patterns of a query have at most ", env.options->pattern_parts_max,
                     " twins and named relationships (pattern_parts_max)"),
        absl::StatusCode::kResourceExhausted);
  }
  Slot slot = SlotOf(SlotKind::kTwin, pattern->optional);
  SlotId id = kNoSlot;
  if (alias.empty()) {
    id = scope->Add(std::move(slot));
  } else {
    TWIN_ASSIGN_OR_RETURN(id, scope->Declare(alias, std::move(slot)));
  }
  pattern->added.push_back(id);
  return id;
}

// A new relationship or path; kNoSlot where nobody names it.
absl::StatusOr<SlotId> NewAt(const Name& alias, SlotKind kind, Scope* scope, Pattern* pattern) {
  if (alias.empty()) return kNoSlot;
  TWIN_ASSIGN_OR_RETURN(const SlotId id, scope->Declare(alias, SlotOf(kind, pattern->optional)));
  pattern->added.push_back(id);
  return id;
}

absl::Status BindNames(const Environment& env, const std::vector<Name>& names, BoundEdge* edge) {
  edge->any_type = names.empty();
  for (const Name& name : names) {
    TWIN_ASSIGN_OR_RETURN(const std::vector<RelationshipTypeId> types, TypesNamed(env, name));
    edge->types.insert(edge->types.end(), types.begin(), types.end());
    absl::StrAppend(&edge->names, edge->names.empty() ? "" : "|", name.text);
  }
  std::sort(edge->types.begin(), edge->types.end());
  edge->types.erase(std::unique(edge->types.begin(), edge->types.end()), edge->types.end());
  return absl::OkStatus();
}

absl::Status BindHops(const Environment& env, const EdgePattern& pattern, BoundEdge* edge) {
  if (!pattern.has_hops) return absl::OkStatus();
  const int64_t most = env.adt() ? kAdtHopsMax : env.options->hops_max;
  int64_t from = pattern.hops_min.value_or(1);
  const int64_t to = pattern.hops_max.value_or(most);
  if (from < 0 || to > most || from > most) {
    return ErrorAt(pattern.span, absl::StrCat("a relationship may be followed over at most ", most,
                                              " hops", env.adt() ? "" : " (hops_max)"));
  }
  if (from > to) {
    return ErrorAt(pattern.span, absl::StrCat("'*", from, "..", to,
                                              "': the lower bound of hops is "
                                              "above the upper one"));
  }
  // ADT leaves out the lower bound of a range, and takes `*n` and `*..n` as they are.
  const bool range = pattern.hops_min.has_value() && pattern.hops_max.has_value();
  if (env.adt() && range && from != to) ++from;
  edge->hops_min = static_cast<int>(from);
  edge->hops_max = static_cast<int>(to);
  edge->unbounded = !pattern.hops_max.has_value();
  edge->variable = from != 1 || to != 1;
  return absl::OkStatus();
}

absl::Status BindEdge(const Environment& env, const EdgePattern& pattern, Scope* scope,
                      Pattern* into, BoundEdge* edge) {
  edge->direction = pattern.direction;
  edge->span = pattern.span;
  TWIN_RETURN_IF_ERROR(BindNames(env, pattern.names, edge));
  TWIN_RETURN_IF_ERROR(BindHops(env, pattern, edge));
  if (edge->variable && !pattern.alias.empty()) {
    return ErrorAt(pattern.alias.span,
                   absl::StrCat("'", pattern.alias.text, "' names one relationship, but *",
                                edge->hops_min, "..", edge->hops_max, " follows several",
                                env.adt() ? "" : "; name the whole path: MATCH p = …"));
  }
  TWIN_ASSIGN_OR_RETURN(edge->slot, NewAt(pattern.alias, SlotKind::kRelationship, scope, into));
  return absl::OkStatus();
}

absl::Status BindPath(const Environment& env, const PathPattern& path, Scope* scope,
                      Pattern* pattern) {
  BoundPath bound;
  TWIN_ASSIGN_OR_RETURN(bound.path, NewAt(path.alias, SlotKind::kPath, scope, pattern));
  for (size_t i = 0; i < path.nodes.size(); ++i) {
    const NodePattern& node = path.nodes[i];
    // A relationship is declared before the twin behind it: names stand in the order of the text.
    if (i > 0) {
      BoundEdge edge;
      TWIN_RETURN_IF_ERROR(BindEdge(env, path.edges[i - 1], scope, pattern, &edge));
      bound.edges.push_back(std::move(edge));
    }
    TWIN_ASSIGN_OR_RETURN(const SlotId twin, TwinAt(env, node.alias, node.span, scope, pattern));
    bound.nodes.push_back(twin);
    if (i > 0) {
      bound.edges.back().from = bound.nodes[i - 1];
      bound.edges.back().to = twin;
    }
    if (!node.model.empty()) {
      TWIN_ASSIGN_OR_RETURN(BoundPtr label, OfModel(env, twin, node.model, /*exact=*/false));
      pattern->conditions->push_back(std::move(label));
    }
  }
  pattern->paths->push_back(std::move(bound));
  return absl::OkStatus();
}

}  // namespace

absl::Status BindPaths(const Environment& env, const std::vector<PathPattern>& paths, Scope* scope,
                       Pattern* pattern) {
  for (const PathPattern& path : paths) {
    TWIN_RETURN_IF_ERROR(BindPath(env, path, scope, pattern));
  }
  return absl::OkStatus();
}

absl::Status BindJoin(const Environment& env, const JoinClause& join, Scope* scope,
                      Pattern* pattern) {
  const SlotId source = scope->Find(join.source.text);
  if (source == kNoSlot || scope->slot(source).kind != SlotKind::kTwin) {
    return ErrorAt(
        join.source.span,
        absl::StrCat("JOIN goes on from a twin that is already there, not from '", join.source.text,
                     "'; in scope: ", absl::StrJoin(scope->Names(), ", ")));
  }
  BoundEdge edge;
  edge.span = join.span;
  TWIN_RETURN_IF_ERROR(BindNames(env, {join.relationship}, &edge));
  edge.from = source;
  TWIN_ASSIGN_OR_RETURN(edge.to, TwinAt(env, join.target, join.span, scope, pattern));
  TWIN_ASSIGN_OR_RETURN(edge.slot, NewAt(join.alias, SlotKind::kRelationship, scope, pattern));
  BoundPath path;
  path.nodes = {edge.from, edge.to};
  path.edges.push_back(std::move(edge));
  pattern->paths->push_back(std::move(path));
  return absl::OkStatus();
}

}  // namespace twin::query::binding
