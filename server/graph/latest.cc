// Latest values of telemetry, a page's rows at a time: what a frame does to the cells of a pack.
#include <cstring>

#include "server/base/check.h"
#include "server/graph/graph.h"
#include "server/graph/state.h"
#include "server/graph/values.h"

namespace twin::graph {
namespace {

// The source times of a page's rows, as they are before a run of values.
class PageTimes {
 public:
  PageTimes(const Column& column, uint32_t page)
      : updates_(column.update_times.Get(page)), sources_(column.source_times.Get(page)) {}

  // Whether all rows have one time, and it is not beyond that.
  bool AllUpTo(int64_t ns) const {
    return sources_.size() <= sizeof(ns) && updates_.size() <= sizeof(ns) && Source(0) <= ns;
  }
  int64_t Source(uint32_t index) const {
    const int64_t stored = At(sources_, index);
    return stored == kAsUpdateTime ? At(updates_, index) : SourceTimeOf(stored).ns;
  }

 private:
  static int64_t At(absl::string_view page, uint32_t index) {
    int64_t ns = 0;
    if (page.empty()) return ns;
    const size_t at = page.size() == sizeof(ns) ? 0 : index * sizeof(ns);
    std::memcpy(&ns, page.data() + at, sizeof(ns));
    return ns;
  }

  const absl::string_view updates_;
  const absl::string_view sources_;
};

}  // namespace

void Graph::SetLatest(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                      absl::Span<const double> values, Time update, Time source) {
  const ColumnType type = head_->catalog().table(table).columns[column.value].type;
  TWIN_CHECK(type == ColumnType::kDouble || type == ColumnType::kFloat) << column.value;
  Column& stored = ChangeTable(table)->columns[column.value];
  const uint32_t page = rows.front() / kRowsPerPage;
  const PageTimes times(stored, page);
  char* const bytes =
      stored.values.Mutable(page, kBitmapBytes + kRowsPerPage * ValueBytes(type), stamp_);
  uint64_t present[2];  // of the page's rows, those with a value
  static_assert(sizeof(present) == kBitmapBytes);
  std::memcpy(present, bytes, sizeof(present));
  uint64_t taken[2] = {};
  uint32_t taken_rows[kRowsPerPage];
  size_t count = 0;
  const bool takes_all = times.AllUpTo(source.ns);
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t index = rows[i] % kRowsPerPage;
    const uint64_t bit = uint64_t{1} << (index % 64);
    if (!takes_all && (present[index / 64] & bit) != 0 && times.Source(index) > source.ns) continue;
    if (type == ColumnType::kDouble) {
      std::memcpy(bytes + kBitmapBytes + index * sizeof(double), &values[i], sizeof(double));
    } else {
      const auto value = static_cast<float>(values[i]);
      std::memcpy(bytes + kBitmapBytes + index * sizeof(float), &value, sizeof(float));
    }
    taken[index / 64] |= bit;
    taken_rows[count++] = rows[i];
  }
  if (count == 0) return;
  const bool all = (present[0] & ~taken[0]) == 0 && (present[1] & ~taken[1]) == 0;
  for (int i = 0; i < 2; ++i) present[i] |= taken[i];
  std::memcpy(bytes, present, sizeof(present));
  const absl::Span<const uint32_t> changed(taken_rows, count);
  StoreTimes(&stored.update_times, changed, update.ns, all, stamp_);
  StoreTimes(&stored.source_times, changed,
             source == update ? kAsUpdateTime : StoredSourceTime(source), all, stamp_);
}

}  // namespace twin::graph
