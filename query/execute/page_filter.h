// Conditions on one column each, checked in place on pages of a table: what a scan of millions of
// rows spends its time in. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_PAGE_FILTER_H_
#define TWIN_QUERY_EXECUTE_PAGE_FILTER_H_

#include <optional>
#include <vector>

#include "query/execute/evaluate.h"
#include "query/execute/readers.h"

namespace twin::query {

// All of some conditions, for the twins of one table. Thread-safe.
class PageFilter {
 public:
  // nullopt: one of the conditions is no comparison of a stored number with a constant.
  // `slot`: of the twins.
  static std::optional<PageFilter> Make(const std::vector<BoundPtr>& conditions, SlotId slot,
                                        TableId table, const EvaluateContext& context);

  // No row of the table passes: it lacks a column.
  bool none() const { return none_; }

  // Appends the rows of the page that hold a twin and pass, and their twins.
  void Select(const GraphReader& graph, uint32_t page, std::vector<uint32_t>* twins,
              std::vector<Place>* places) const;

 private:
  struct Condition {
    ColumnId column;
    BoundKind op;  // kEqual … kGreaterEqual
    bool as_int;   // compare as integers, else as doubles
    int64_t integer;
    double number;
  };

  TableId table_;
  bool none_ = false;
  std::vector<Condition> conditions_;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_PAGE_FILTER_H_
