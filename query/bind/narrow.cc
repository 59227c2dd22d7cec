// Which tables a pattern's twins and which types its relationships can be of.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/bind/patterns.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

using Tables = std::vector<TableId>;
using Direction = BoundEdge::Direction;

void AddTo(Tables* tables, const Tables& more) {
  Tables all;
  std::set_union(tables->begin(), tables->end(), more.begin(), more.end(), std::back_inserter(all));
  *tables = std::move(all);
}

bool Meet(const Tables& a, const Tables& b) {
  return std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end();
}

Direction Reversed(Direction direction) {
  switch (direction) {
    case Direction::kOutgoing:
      return Direction::kIncoming;
    case Direction::kIncoming:
      return Direction::kOutgoing;
    case Direction::kEither:
      return Direction::kEither;
  }
  return direction;
}

// Where relationship types start and end.
class Ends {
 public:
  explicit Ends(const Catalog& catalog) : catalog_(catalog) {
    for (const Model& model : catalog.models()) {
      if (model.interface == nullptr) continue;
      all_.push_back(model.table);
      for (const RelationshipTypeId type : model.relationships) {
        sources_[type.value].push_back(model.table);
      }
    }
  }

  const Tables& all() const { return all_; }
  const Tables& SourcesOf(RelationshipTypeId type) { return sources_[type.value]; }
  const Tables& TargetsOf(RelationshipTypeId type) {
    const std::string& target = catalog_.relationship_type(type).target;
    if (target.empty()) return all_;
    const auto [it, inserted] = targets_.try_emplace(target);
    if (inserted) it->second = catalog_.TablesOfModel(target, /*exact=*/false);
    return it->second;
  }

  // Tables that one hop along one of `types` reaches from `from`.
  Tables Step(const Tables& from, const std::vector<RelationshipTypeId>& types,
              Direction direction) {
    Tables reached;
    for (const RelationshipTypeId type : types) {
      const Tables sources = SourcesOf(type);
      const Tables targets = TargetsOf(type);
      if (direction != Direction::kIncoming && Meet(sources, from)) AddTo(&reached, targets);
      if (direction != Direction::kOutgoing && Meet(targets, from)) AddTo(&reached, sources);
    }
    return reached;
  }

 private:
  const Catalog& catalog_;
  Tables all_;
  absl::flat_hash_map<uint32_t, Tables> sources_;
  absl::flat_hash_map<std::string, Tables> targets_;
};

bool IsEmpty(const Slot& slot) {
  return slot.kind == SlotKind::kTwin && !slot.any_table && slot.tables.empty();
}

class Narrowing {
 public:
  Narrowing(const Environment& env, std::vector<Slot>* slots)
      : env_(env), slots_(*slots), ends_(*env.catalog) {}

  // Whether the slot has become narrower.
  bool Restrict(SlotId id, const Tables& tables) {
    Slot& slot = slots_[id];
    const Tables& before = TablesOf(id);
    Tables both;
    std::set_intersection(before.begin(), before.end(), tables.begin(), tables.end(),
                          std::back_inserter(both));
    if (both.size() == before.size()) return false;
    slot.any_table = false;
    slot.tables = std::move(both);
    return true;
  }

  bool Edge(const Pattern& pattern, BoundEdge* edge) {
    if (edge->any_type) return false;
    bool changed = edge->variable ? false : RestrictTypes(edge);
    const Tables from = Reach(edge->to, *edge, Reversed(edge->direction));
    const Tables to = Reach(edge->from, *edge, edge->direction);
    if (MayRestrict(pattern, edge->from)) changed |= Restrict(edge->from, from);
    if (MayRestrict(pattern, edge->to)) changed |= Restrict(edge->to, to);
    return changed;
  }

  // Whether no relationship can be at this edge.
  bool Nothing(const BoundEdge& edge) const {
    if (edge.any_type) return false;
    return edge.types.empty() || IsEmpty(slots_[edge.from]) || IsEmpty(slots_[edge.to]);
  }

  absl::Status Impossible(const BoundEdge& edge, const std::vector<RelationshipTypeId>& written) {
    std::vector<std::string> declared;
    for (const RelationshipTypeId id : written) {
      const RelationshipType& type = env_.catalog->relationship_type(id);
      declared.push_back(absl::StrCat(
          type.name, " goes from ", ShortName(type.owner), " to ",
          type.target.empty() ? absl::string_view("any twin") : ShortName(type.target)));
    }
    return ErrorAt(edge.span, absl::StrCat("no such relationship is possible between these twins: ",
                                           absl::StrJoin(declared, ", ")));
  }

 private:
  const Tables& TablesOf(SlotId id) const {
    return slots_[id].any_table ? ends_.all() : slots_[id].tables;
  }

  // What an optional pattern does not match leaves the row as it is.
  static bool MayRestrict(const Pattern& pattern, SlotId slot) {
    return !pattern.optional ||
           std::find(pattern.added.begin(), pattern.added.end(), slot) != pattern.added.end();
  }

  bool RestrictTypes(BoundEdge* edge) {
    const Tables& from = TablesOf(edge->from);
    const Tables& to = TablesOf(edge->to);
    const auto possible = [&](RelationshipTypeId type) {
      const Tables sources = ends_.SourcesOf(type);
      const Tables targets = ends_.TargetsOf(type);
      const bool out = Meet(sources, from) && Meet(targets, to);
      const bool in = Meet(sources, to) && Meet(targets, from);
      return (edge->direction != Direction::kIncoming && out) ||
             (edge->direction != Direction::kOutgoing && in);
    };
    const auto end = std::remove_if(edge->types.begin(), edge->types.end(),
                                    [&](RelationshipTypeId type) { return !possible(type); });
    const bool changed = end != edge->types.end();
    edge->types.erase(end, edge->types.end());
    return changed;
  }

  // Tables of twins that the edge's hops reach from the twins in `slot`.
  Tables Reach(SlotId slot, const BoundEdge& edge, Direction direction) {
    Tables at = TablesOf(slot);
    Tables reached;
    if (edge.hops_min == 0) reached = at;
    for (int hop = 1; hop <= edge.hops_max && !at.empty(); ++hop) {
      Tables next = ends_.Step(at, edge.types, direction);
      if (hop >= edge.hops_min) AddTo(&reached, next);
      if (next == at && hop >= edge.hops_min) break;  // it goes on like this
      at = std::move(next);
    }
    return reached;
  }

  const Environment& env_;
  std::vector<Slot>& slots_;
  Ends ends_;
};

// A relationship's slot can be of the types that its edge can.
void CopyTypes(const BoundEdge& edge, std::vector<Slot>* slots) {
  if (edge.slot == kNoSlot) return;
  Slot& slot = (*slots)[edge.slot];
  slot.any_type = edge.any_type;
  slot.types = edge.types;
}

}  // namespace

absl::Status NarrowSlots(const Environment& env, const std::vector<Pattern*>& patterns,
                         const std::vector<TableFact>& facts, std::vector<Slot>* slots) {
  std::vector<std::pair<const Pattern*, BoundEdge*>> edges;
  for (const Pattern* pattern : patterns) {
    for (BoundPath& path : *pattern->paths) {
      for (BoundEdge& edge : path.edges) edges.emplace_back(pattern, &edge);
    }
  }
  if (!env.lenient()) {
    Narrowing narrowing(env, slots);
    for (const TableFact& fact : facts) narrowing.Restrict(fact.slot, fact.tables);
    for (const Pattern* pattern : patterns) {
      for (const BoundPtr& label : *pattern->conditions) {
        const bool own = std::find(pattern->added.begin(), pattern->added.end(), label->slot) !=
                         pattern->added.end();
        if (!pattern->optional || own) narrowing.Restrict(label->slot, label->tables);
      }
    }
    std::vector<std::vector<RelationshipTypeId>> written;
    for (const auto& [pattern, edge] : edges) written.push_back(edge->types);
    // Conditions that exclude each other are for the user to see as an empty result.
    const bool refuse = !env.adt() && std::none_of(slots->begin(), slots->end(), IsEmpty);
    bool changed = !edges.empty();
    while (changed) {
      changed = false;
      for (size_t i = 0; i < edges.size(); ++i) {
        changed |= narrowing.Edge(*edges[i].first, edges[i].second);
        const BoundEdge& edge = *edges[i].second;
        if (refuse && !written[i].empty() && narrowing.Nothing(edge)) {
          return narrowing.Impossible(edge, written[i]);
        }
      }
    }
  }
  for (const auto& [pattern, edge] : edges) CopyTypes(*edge, slots);
  return absl::OkStatus();
}

}  // namespace twin::query::binding
