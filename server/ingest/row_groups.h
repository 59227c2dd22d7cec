// Which series group the rows of a twin go to, remembered by twin: what Store::GroupOfRows answers.
#ifndef TWIN_SERVER_INGEST_ROW_GROUPS_H_
#define TWIN_SERVER_INGEST_ROW_GROUPS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/timeseries/samples.h"
#include "server/timeseries/store.h"

namespace twin::ingest {

// Groups stay and twin numbers are never given again, so an answer holds for good. Takes 4 bytes
// for each twin near one that has such rows. Thread-compatible: under the writer's lock, as the
// store.
class RowGroups {
 public:
  // What rows have: a value of each of these paths, of these kinds.
  struct Form {
    std::vector<timeseries::PathId> paths;
    std::vector<timeseries::ColumnKind> kinds;
    friend bool operator==(const Form&, const Form&) = default;
  };

  // The rows that Find is asked about from now on.
  void Select(const Form& form);
  // RowsOfGroups::kNone: the store has no group for them.
  timeseries::GroupId Find(TwinNumber twin, timeseries::Store* store);

 private:
  static constexpr size_t kFormsMax = 64;  // beyond, all are forgotten
  static constexpr uint32_t kPageTwins = 1024;
  struct Page {
    uint32_t groups[kPageTwins];  // + 1; 0: not asked yet
  };
  struct OfForm {
    Form form;
    std::vector<std::unique_ptr<Page>> pages;  // by twin number
  };

  std::vector<std::unique_ptr<OfForm>> forms_;
  OfForm* selected_ = nullptr;
  std::vector<timeseries::SeriesKey> series_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_ROW_GROUPS_H_
