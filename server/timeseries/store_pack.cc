// How a Store re-packs the files of old days.
#include <algorithm>
#include <map>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/row_buffer.h"
#include "server/timeseries/store_impl.h"

namespace twin::timeseries {
namespace {

// A day that was re-packed is so again when what came late has as many files, or a part of its rows
// that is worth the work.
constexpr size_t kLateFilesMax = 8;
constexpr uint64_t kLateRowsShare = 16;

bool IsWorthPacking(absl::Span<const PartitionFilePtr> files) {
  size_t late_files = 0;
  uint64_t late_rows = 0;
  uint64_t packed_rows = 0;
  for (const PartitionFilePtr& file : files) {
    if (file->info().packed) {
      packed_rows += file->rows();
    } else {
      late_files += 1;
      late_rows += file->rows();
    }
  }
  return late_files >= kLateFilesMax || late_rows * kLateRowsShare > packed_rows;
}

// Blocks of one group, in the order of files and in them.
struct BlocksOfGroup {
  std::vector<std::pair<const PartitionFile*, const PartitionFileEntry*>> blocks;
};

}  // namespace

std::vector<int64_t> Store::Impl::DaysToPack(int64_t before) const {
  std::map<int64_t, std::vector<PartitionFilePtr>> days;
  for (PartitionFilePtr& file : LiveFiles()) {
    const int64_t day = file->info().day;
    if (day < DayOf(before)) days[day].push_back(std::move(file));
  }
  {
    MutexLock lock(&mutex_);
    for (const PackedDay& day : packed_) days.erase(day.packed->info().day);
  }
  std::vector<int64_t> found;
  for (const auto& [day, files] : days) {
    if (IsWorthPacking(files)) found.push_back(day);
  }
  return found;
}

absl::Status Store::Impl::PackDay(int64_t day, absl::FunctionRef<bool(uint64_t bytes)> pace) {
  PartitionFileInfo info;
  info.day = day;
  info.packed = true;
  std::vector<PartitionFilePtr> files;
  for (PartitionFilePtr& file : LiveFiles()) {
    if (file->info().day == info.day) files.push_back(std::move(file));
  }
  if (files.empty()) return absl::OkStatus();  // dropped meanwhile
  std::sort(files.begin(), files.end(), [](const PartitionFilePtr& a, const PartitionFilePtr& b) {
    return a->info().number < b->info().number;
  });
  {
    MutexLock lock(&mutex_);
    info.number = next_file_++;
  }
  const std::string path = JoinPath(folder_, info.name());
  absl::StatusOr<PartitionFilePtr> packed = WritePacked(files, path, &info, pace);
  if (!packed.ok()) {
    (void)file_system_->Remove(path);  // or when the store is loaded
    return packed.status();
  }
  MutexLock lock(&mutex_);
  packed_.push_back({.packed = *std::move(packed), .from = std::move(files)});
  return absl::OkStatus();
}

std::vector<uint32_t> Store::Impl::FamiliesOf(GroupId group) const {
  const GroupSpec spec = head.Spec(group);
  std::vector<uint32_t> families;
  families.reserve(spec.columns.size());
  for (const ColumnSpec& column : spec.columns) {
    families.push_back(column.series.empty() ? UINT32_MAX : column.series.front().path.value);
  }
  return families;
}

absl::StatusOr<PartitionFilePtr> Store::Impl::WritePacked(
    absl::Span<const PartitionFilePtr> files, const std::string& path, PartitionFileInfo* info,
    absl::FunctionRef<bool(uint64_t bytes)> pace) const {
  std::map<uint32_t, BlocksOfGroup> groups;
  for (const PartitionFilePtr& file : files) {
    for (const PartitionFileEntry& entry : file->entries()) {
      groups[entry.group].blocks.emplace_back(file.get(), &entry);
    }
  }
  TWIN_ASSIGN_OR_RETURN(PartitionFileWriter writer,
                        PartitionFileWriter::Create(file_system_, path, *info));
  for (const auto& [number, of] : groups) {
    const GroupId group{number};
    RowBuffer buffer(head.columns(group));
    for (const auto& [file, entry] : of.blocks) {
      TWIN_RETURN_IF_ERROR(buffer.Add(*file->Source(*entry)));
    }
    buffer.Sort();
    TWIN_RETURN_IF_ERROR(buffer.EncodePacked(
        FamiliesOf(group), [&](const RowRange& range, absl::string_view bytes) -> absl::Status {
          return writer.Add(group, range, bytes);
        }));
    if (!pace(writer.bytes())) return absl::CancelledError("re-packing was stopped");
  }
  TWIN_RETURN_IF_ERROR(writer.Finish(info));
  TWIN_RETURN_IF_ERROR(file_system_->SyncFolder(folder_));
  return PartitionFile::Open(file_system_, path, *info);
}

std::vector<PackedDay> Store::Impl::PackedDaysToName() {
  const std::shared_ptr<const PartitionSet> set = partitions.Get();
  const auto is_live = [&](const PartitionFilePtr& file) {
    return std::any_of(set->entries.begin(), set->entries.end(), [&](const PartitionEntry& entry) {
      return entry.partition == file && entry.removed == UINT64_MAX;
    });
  };
  std::vector<PackedDay> named;
  for (PackedDay& day : packed_) {
    if (std::all_of(day.from.begin(), day.from.end(), is_live)) {
      named.push_back(std::move(day));
    } else {  // dropped meanwhile: nothing of it is wanted any more
      unnamed_.push_back(std::move(day.packed));
    }
  }
  packed_ = std::move(named);
  return packed_;
}

}  // namespace twin::timeseries
