#include "server/timeseries/store.h"

#include <unistd.h>

#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/base/sync.h"
#include "server/timeseries/head.h"
#include "server/timeseries/partitions.h"
#include "server/timeseries/reader.h"

namespace twin::timeseries {
namespace {

uint64_t QuarterOfMemory() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t bytes = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && bytes > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(bytes) / 4
                                : UINT64_MAX;
}

}  // namespace

class Store::Impl {
 public:
  explicit Impl(const StoreOptions& options)
      : head({.block_rows = options.block_rows,
              .open_bytes_max = options.open_block_bytes_max == 0 ? QuarterOfMemory()
                                                                  : options.open_block_bytes_max}) {
  }

  Head head;
  Partitions partitions;
  mutable Mutex paths_mutex;
  absl::flat_hash_map<std::string, uint32_t> paths ABSL_GUARDED_BY(paths_mutex);
};

namespace {

class PinnedSnapshot final : public Snapshot, private ReadView {
 public:
  PinnedSnapshot(const Head* head, Partitions* partitions, Sequence sequence)
      : head_(*head), partitions_(*partitions), sequence_(sequence), pinned_(partitions_.Pin()) {}
  ~PinnedSnapshot() override { partitions_.Unpin(pinned_->generation); }

  Sequence sequence() const override { return sequence_; }

  absl::Status Read(
      absl::Span<const ReadRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, ReadRows rows)> visit) const override {
    Reader reader(this);
    for (size_t i = 0; i < requests.size(); ++i) {
      ReadRows rows;
      TWIN_RETURN_IF_ERROR(reader.Read(requests[i], &rows));
      TWIN_RETURN_IF_ERROR(visit(i, std::move(rows)));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Last(SeriesKey key, WantedAs as, int64_t time,
                            ReadRows* row) const override {
    Reader reader(this);
    return reader.Last(key, as, std::numeric_limits<int64_t>::min(),
                       time == std::numeric_limits<int64_t>::max() ? time : time + 1, row);
  }

 private:
  Places Find(SeriesKey key) const override { return head_.index().Find(key); }

  void Find(GroupId group, int64_t from, int64_t to,
            std::vector<RowSourcePtr>* sources) const override {
    // Memory first: what leaves it for a file in between is found there.
    head_.Find(group, from, to, sequence_.value, sources);
    std::erase_if(*sources, [this](const RowSourcePtr& source) {
      return pinned_->floor.Hides(source->range());
    });
    const size_t memory = sources->size();
    partitions_.Get()->Find(pinned_->generation, group, from, to, sources);
    for (size_t i = memory; i < sources->size();) {
      if ((*sources)[i]->range().first_sequence <= sequence_.value) {
        i += 1;
      } else {
        sources->erase(sources->begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }

  uint64_t sequence_max() const override { return sequence_.value; }

  const Head& head_;
  Partitions& partitions_;
  const Sequence sequence_;
  const std::shared_ptr<const PartitionSet> pinned_;
};

}  // namespace

Store::Store(const StoreOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Store::~Store() = default;

PathId Store::AddPath(absl::string_view path) {
  MutexLock lock(&impl_->paths_mutex);
  const auto next = static_cast<uint32_t>(impl_->paths.size());
  return PathId{impl_->paths.try_emplace(std::string(path), next).first->second};
}

bool Store::FindPath(absl::string_view path, PathId* id) const {
  MutexLock lock(&impl_->paths_mutex);
  const auto found = impl_->paths.find(path);
  if (found == impl_->paths.end()) return false;
  *id = PathId{found->second};
  return true;
}

GroupId Store::AddGroup(GroupSpec spec) { return impl_->head.AddGroup(spec); }

GroupId Store::GroupOfSeries(SeriesKey key, ColumnKind kind) {
  return impl_->head.GroupOfSeries(key, kind);
}

void Store::Append(const Rows& rows) { impl_->head.Append(rows); }

GroupSpec Store::group(GroupId id) const { return impl_->head.Spec(id); }

bool Store::Has(SeriesKey key) const { return impl_->head.index().Has(key); }

std::shared_ptr<const Snapshot> Store::Pin(Sequence sequence) const {
  return std::make_shared<PinnedSnapshot>(&impl_->head, &impl_->partitions, sequence);
}

StoreStatus Store::status() const {
  StoreStatus status;
  status.groups = impl_->head.groups();
  status.series = impl_->head.index().size();
  status.samples = impl_->head.samples();
  status.memory = {.open = impl_->head.open_bytes(),
                   .sealed = impl_->head.sealed_bytes(),
                   .late = impl_->head.late_bytes(),
                   .groups = impl_->head.group_bytes()};
  return status;
}

}  // namespace twin::timeseries
