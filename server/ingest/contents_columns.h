// Which columns the contents of a new twin go to. Twins are mostly given as the one before them
// was: the same model and the same properties, in the same order.
#ifndef TWIN_SERVER_INGEST_CONTENTS_COLUMNS_H_
#define TWIN_SERVER_INGEST_CONTENTS_COLUMNS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/base/value.h"
#include "server/graph/catalog.h"
#include "server/ingest/check_value.h"
#include "server/ingest/limits.h"

namespace twin::ingest {

// Thread-compatible.
class ContentsColumns {
 public:
  // FlattenContents of a table of that catalog.
  absl::Status Flatten(const std::shared_ptr<const graph::Catalog>& catalog,
                       const graph::TableSchema& table, const ValueMap& contents,
                       const Limits& limits, std::vector<ColumnValue>* values);

 private:
  // Contents of which each is a property with a column of its own.
  struct Form {
    TableId table;
    std::vector<std::string> names;
    std::vector<ColumnId> columns;
  };
  static constexpr size_t kForms = 8;

  static bool FlattenAs(const Form& form, const graph::TableSchema& table, const ValueMap& contents,
                        const Limits& limits, std::vector<ColumnValue>* values);

  std::shared_ptr<const graph::Catalog> catalog_;
  Form forms_[kForms];  // of a table: at the remainder of its id
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_CONTENTS_COLUMNS_H_
