#include "server/timeseries/store.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/timeseries/store_impl.h"

namespace twin::timeseries {
namespace {

uint64_t QuarterOfMemory() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t bytes = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && bytes > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(bytes) / 4
                                : UINT64_MAX;
}

}  // namespace

Store::Impl::Impl(const StoreOptions& options)
    : head({.block_rows = options.block_rows,
            .open_bytes_max = options.open_block_bytes_max == 0 ? QuarterOfMemory()
                                                                : options.open_block_bytes_max}),
      rules(options.retention),
      folder_(options.folder),
      read_only_(options.read_only),
      file_system_(options.file_system == nullptr ? PosixFileSystem() : options.file_system) {
  TWIN_CHECK(options.block_rows > 0 && options.block_rows <= kBlockRowsMax) << options.block_rows;
}

PathId Store::Impl::AddPath(absl::string_view path) {
  MutexLock lock(&paths_mutex_);
  const auto next = static_cast<uint32_t>(paths_.size());
  const auto [found, added] = path_ids_.try_emplace(std::string(path), next);
  if (added) paths_.emplace_back(path);
  return PathId{found->second};
}

bool Store::Impl::FindPath(absl::string_view path, PathId* id) const {
  MutexLock lock(&paths_mutex_);
  const auto found = path_ids_.find(path);
  if (found == path_ids_.end()) return false;
  *id = PathId{found->second};
  return true;
}

Store::Store(const StoreOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Store::~Store() = default;

PathId Store::AddPath(absl::string_view path) { return impl_->AddPath(path); }

bool Store::FindPath(absl::string_view path, PathId* id) const { return impl_->FindPath(path, id); }

GroupId Store::AddGroup(const GroupSpec& spec) { return impl_->head.AddGroup(spec); }

GroupId Store::GroupOfSeries(SeriesKey key, ColumnKind kind) {
  return impl_->head.GroupOfSeries(key, kind);
}

std::optional<GroupId> Store::GroupOfRows(absl::Span<const SeriesKey> series,
                                          absl::Span<const ColumnKind> kinds) {
  return impl_->head.GroupOfRows(series, kinds);
}

std::optional<GroupId> Store::FindGroupOfRows(absl::Span<const SeriesKey> series,
                                              absl::Span<const ColumnKind> kinds) const {
  return impl_->head.FindGroupOfRows(series, kinds);
}

void Store::LookAhead(absl::Span<const SeriesKey> series) const { impl_->head.LookAhead(series); }

void Store::Append(const Rows& rows) { impl_->head.Append(rows); }

void Store::AppendEach(const RowsOfGroups& rows) { impl_->head.AppendEach(rows); }

GroupSpec Store::group(GroupId id) const { return impl_->head.Spec(id); }

bool Store::Has(SeriesKey key) const { return impl_->head.index().Has(key); }

void Store::FindSeries(PathId path, absl::Span<const uint32_t> twins, uint8_t* have) const {
  std::vector<FoundPlace> found;
  impl_->head.index().FindEach(path, twins, &found);
  for (const FoundPlace& place : found) have[place.index] = 1;
}

std::shared_ptr<const Snapshot> Store::Pin(Sequence sequence) const {
  return MakeSnapshot(&impl_->head, &impl_->partitions, &impl_->rules, sequence);
}

std::shared_ptr<Store::Checkpoint> Store::PinForCheckpoint(bool everything) {
  return impl_->PinForCheckpoint(everything);
}

absl::Status Store::WriteCheckpoint(
    Checkpoint* checkpoint,
    absl::FunctionRef<absl::Status(CheckpointKey key, absl::string_view bytes)> visit) {
  return impl_->WriteCheckpoint(checkpoint, visit);
}

void Store::CheckpointDone(std::shared_ptr<Checkpoint> checkpoint) {
  impl_->CheckpointDone(*checkpoint);
}

absl::Status Store::Load(CheckpointKey key, absl::string_view bytes) {
  return impl_->Load(key, bytes);
}

absl::Status Store::FinishLoad() { return impl_->FinishLoad(); }

void Store::AssignRetention(absl::FunctionRef<Retention(const GroupSpec& group)> rule_of) {
  impl_->rules.Assign(impl_->head.groups(),
                      [&](GroupId id) { return rule_of(impl_->head.Spec(id)); });
}

int64_t Store::dropped_before() const { return impl_->dropped_before.load(); }
void Store::DropExpired(int64_t now, Sequence arrived) { impl_->DropExpired(now, arrived.value); }

bool Store::HasExpired(int64_t now, Sequence arrived) const {
  return !impl_->ExpiredFiles(now, arrived.value).empty();
}

std::vector<int64_t> Store::DaysToMerge(int64_t now) const { return impl_->DaysToMerge(now); }

std::vector<int64_t> Store::DaysToPack(int64_t now, PackWhich which) const {
  return impl_->DaysToPack(now, which);
}

bool Store::SealNextClosed() { return impl_->head.SealNextClosed(); }

absl::Status Store::MergeDay(int64_t day, absl::FunctionRef<bool(uint64_t bytes)> pace) {
  return impl_->RewriteDay(day, /*packed=*/false, pace);
}

absl::Status Store::PackDay(int64_t day, absl::FunctionRef<bool(uint64_t bytes)> pace) {
  return impl_->RewriteDay(day, /*packed=*/true, pace);
}

std::vector<std::string> Store::Files() const {
  std::vector<std::string> paths;
  for (const PartitionFilePtr& file : impl_->LiveFiles()) paths.push_back(file->path());
  return paths;
}

absl::Status Store::Verify(uint64_t* blocks) const {
  *blocks = 0;
  for (const PartitionFilePtr& file : impl_->LiveFiles()) {
    TWIN_RETURN_IF_ERROR(file->Verify(blocks));
  }
  return absl::OkStatus();
}

StoreStatus Store::status() const {
  StoreStatus status;
  const Head& head = impl_->head;
  status.groups = head.groups();
  status.series = head.index().size();
  status.samples = head.samples();
  status.memory = {.open = head.open_bytes(),
                   .sealed = head.sealed_bytes(),
                   .late = head.late_bytes(),
                   .groups = head.group_bytes()};
  int64_t oldest = head.oldest_day();
  for (const PartitionFilePtr& file : impl_->LiveFiles()) {
    if (file->info().step > 0) {
      status.rollup_files += 1;
      status.rollup_bytes += file->info().bytes;
      status.rollup_rows += file->rows();
      continue;
    }
    status.files += 1;
    status.file_bytes += file->info().bytes;
    status.file_rows += file->rows();
    if (file->info().packed) {
      status.packed_files += 1;
      status.packed_bytes += file->info().bytes;
      status.packed_rows += file->rows();
    }
    if (oldest == kNoTime || file->info().day < oldest) oldest = file->info().day;
  }
  status.oldest_time = oldest == kNoTime ? 0 : oldest * kNsPerDay;
  return status;
}

}  // namespace twin::timeseries
