// Twins and relationships that are created one after the other: what a load is made of.
#ifndef TWIN_SERVER_GRAPH_CREATIONS_H_
#define TWIN_SERVER_GRAPH_CREATIONS_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"

namespace twin::graph {

// Plain data. Texts are views of what whoever fills it keeps.
struct Creations {
  // First values of the twins of one kind in a column that is not of kDocument: texts of kString,
  // else the bits of a double, a time in nanoseconds, an integer, or 0 or 1.
  struct Column {
    ColumnId id;
    std::vector<uint64_t> bits;
    std::vector<absl::string_view> texts;
  };
  // Twins of one table that have values in the same columns, as of one source time.
  struct Kind {
    TableId table;
    Time source;
    size_t twins = 0;
    std::vector<Column> columns;  // with `twins` values each
  };
  struct Twin {
    uint32_t kind = 0;
    absl::string_view id;
    Sequence version;
    Time begin;
  };
  struct Relationship {
    RelationshipTypeId type;
    TwinNumber source;
    TwinNumber target;
    absl::string_view id;
    Sequence version;
    Time begin;
  };

  // A first value of a relationship, as of its begin, in a column that is not of kDocument.
  struct RelationshipValue {
    uint32_t relationship = 0;  // the index below
    ColumnId column;
    Value value;             // but of kString
    absl::string_view text;  // of kString
  };

  std::vector<Kind> kinds;
  std::vector<Twin> twins;  // in the order of their numbers, and so are those of a kind
  std::vector<Relationship> relationships;  // as well; they may be of these twins
  std::vector<RelationshipValue> relationship_values;
};

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_CREATIONS_H_
