// What a graph keeps of twins and relationships that are gone: plain data, as GraphView gives it.
//
//   a twin ends by being deleted, or by moving to another model: then it goes on under its number
//   a relationship ends by being deleted; what its properties were before is kept, value by value
//
// Entries stand in slots, which are used again when retention has dropped an entry.
#ifndef TWIN_SERVER_GRAPH_PAST_H_
#define TWIN_SERVER_GRAPH_PAST_H_

#include <cstdint>

#include "server/base/ids.h"
#include "server/base/time.h"

namespace twin::graph {

// Of source time: from `begin` on, and before `end`.
struct EndedTwin {
  TwinNumber twin;
  TableId table;
  bool moved = false;  // to another model; else deleted
  Sequence version;
  Time update_time;
  Time begin;
  Time end;
};

struct EndedRelationship {
  RelationshipNumber relationship;
  RelationshipTypeId type;
  TwinNumber source;
  TwinNumber target;
  Sequence version;
  Time begin;
  Time end;
};

// A property of a relationship, which exists or has ended, had another value before `time`.
struct FormerValue {
  RelationshipNumber relationship;
  ColumnId column;
  Time time;
};

// How many entries only a model explains.
struct PastOfModel {
  uint64_t twins = 0;  // lives as twins of the model
  uint64_t relationships = 0;
};

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_PAST_H_
