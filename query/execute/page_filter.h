// Conditions on one column each, checked in place on pages of a table: what a scan of millions of
// rows spends its time in. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_PAGE_FILTER_H_
#define TWIN_QUERY_EXECUTE_PAGE_FILTER_H_

#include <bit>
#include <optional>
#include <vector>

#include "query/execute/compare_bits.h"
#include "query/execute/evaluate.h"
#include "query/execute/readers.h"

namespace twin::query {

// Which rows of a page pass: bit i % 64 of word i / 64 is row i's.
class PageBits {
 public:
  static constexpr size_t kRowsMax = 256;
  uint64_t* words() { return words_; }
  const uint64_t* words() const { return words_; }

  // Keeps the rows in [first, first + count) alone.
  void Clip(size_t first, size_t count);
  // And of those the ones with a value in the column.
  void KeepFilled(const ColumnPage& column, size_t page_rows);
  void SetAll() {
    for (uint64_t& word : words_) word = UINT64_MAX;
  }
  bool operator==(const PageBits& other) const = default;
  bool none() const { return (words_[0] | words_[1] | words_[2] | words_[3]) == 0; }
  size_t count() const {
    size_t count = 0;
    for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
    return count;
  }
  // Calls f(row), ascending.
  template <typename F>
  void ForEach(F f) const {
    for (size_t i = 0; i < kWords; ++i) {
      for (uint64_t left = words_[i]; left != 0; left &= left - 1) {
        f(i * 64 + static_cast<size_t>(std::countr_zero(left)));
      }
    }
  }

 private:
  static constexpr size_t kWords = kRowsMax / 64;
  uint64_t words_[kWords] = {};
};

// Pages of one column, looked up more at a time the more of them are asked for one after the other.
// Not thread-safe.
class PageWindow {
 public:
  PageWindow(TableId table, ColumnId column) : table_(table), column_(column) {}

  // Valid until the next call.
  const ColumnPage& At(const GraphReader& graph, uint32_t page) {
    if (page - first_ >= count_) Fill(graph, page);
    return pages_[page - first_];
  }

 private:
  static constexpr uint32_t kPagesMax = 64;
  void Fill(const GraphReader& graph, uint32_t page);

  TableId table_;
  ColumnId column_;
  uint32_t first_ = 0;
  uint32_t count_ = 0;
  ColumnPage pages_[kPagesMax];
};

// All of some conditions, for the twins of one table. Thread-safe.
class PageFilter {
 public:
  // nullopt: one of the conditions is no comparison of a stored number with a constant, or of a
  // stored string for equality, or its column cannot be looked at in pages. `slot`: of the twins.
  static std::optional<PageFilter> Make(const std::vector<BoundPtr>& conditions, SlotId slot,
                                        TableId table, const EvaluateContext& context);

  // No row of the table passes: it lacks a column.
  bool none() const { return none_; }

  // What a thread looks at pages through.
  using Windows = std::vector<PageWindow>;
  Windows NewWindows() const;

  // The rows of the page that pass. False: none does.
  bool Check(const GraphReader& graph, uint32_t page, Windows* windows, PageBits* bits) const;
  // Appends the rows of the page that hold a twin and pass, and their twins.
  void Select(const GraphReader& graph, uint32_t page, Windows* windows,
              std::vector<uint32_t>* twins, std::vector<Place>* places) const;

 private:
  struct Condition {
    ColumnId column;
    StoredComparison comparison;
  };

  TableId table_;
  bool none_ = false;
  std::vector<Condition> conditions_;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_PAGE_FILTER_H_
