// The names of one select and what they stand for. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_SCOPE_H_
#define TWIN_QUERY_BIND_SCOPE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/bind/bound.h"

namespace twin::query::binding {

// Copies share the slots: EXISTS binds in a copy, whose new names end with it.
struct Scope {
  explicit Scope(std::vector<Slot>* all_slots) : slots(all_slots) {}

  // A slot that the text does not name.
  SlotId Add(Slot slot);
  // One that it does. An error: something else has the name.
  absl::StatusOr<SlotId> Declare(const Name& name, Slot slot);
  // kNoSlot: no slot has that name. Elements of ANY and ALL hide what is outside of them.
  SlotId Find(absl::string_view name) const;
  // -1: no HISTORY clause has that name.
  int FindHistory(absl::string_view name) const;
  std::vector<absl::string_view> Names() const;

  const Slot& slot(SlotId id) const { return (*slots)[id]; }

  std::vector<Slot>* slots;
  std::vector<std::pair<std::string, SlotId>> names;  // in the order of appearance
  std::vector<std::pair<std::string, int>> histories;
  // The one collection: names that nothing else has are its properties. kNoSlot: there is a
  // pattern, or the rows of a subquery.
  SlotId collection = kNoSlot;
  std::string subquery;  // as FROM names it; its columns are in `names`
  std::vector<std::pair<std::string, SlotId>> elements;
  std::vector<SlotId>
      parts;  // that NODES(p)[i] and RELATIONSHIPS(p)[i] are where members are named
  // Dialect adt: relationships that JOIN names only by their type, and the match of each.
  std::vector<std::pair<std::string, int>> joined;
};

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_SCOPE_H_
