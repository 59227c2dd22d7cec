// How a Store gets to the disk and back.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/timeseries/store_impl.h"

namespace twin::timeseries {
namespace {

PartitionFilePtr FileOf(const PartitionEntry& entry) {
  return std::dynamic_pointer_cast<const PartitionFile>(entry.partition);
}

template <typename T>
void SortUnique(std::vector<T>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

}  // namespace

std::vector<PartitionFilePtr> Store::Impl::LiveFiles() const {
  std::vector<PartitionFilePtr> files;
  const std::shared_ptr<const PartitionSet> set = partitions.Get();
  for (const PartitionEntry& entry : set->entries) {
    if (entry.removed != UINT64_MAX) continue;
    if (PartitionFilePtr file = FileOf(entry)) files.push_back(std::move(file));
  }
  return files;
}

std::shared_ptr<Store::Checkpoint> Store::Impl::PinForCheckpoint(bool everything) {
  auto checkpoint = std::make_shared<Checkpoint>();
  checkpoint->everything = everything;
  checkpoint->sequence = head.last_sequence();
  checkpoint->groups = head.groups();
  std::vector<GroupId> changed = head.TakeChanged();
  MutexLock lock(&mutex_);
  unfinished_.insert(unfinished_.end(), changed.begin(), changed.end());
  if (unfinished_.size() > changed.size()) SortUnique(&unfinished_);
  checkpoint->changed = unfinished_;
  checkpoint->groups_from = everything ? 0 : durable_groups_;
  checkpoint->paths_from = everything ? 0 : durable_paths_ / kPathsPerPage * kPathsPerPage;
  {
    MutexLock paths_lock(&paths_mutex_);
    checkpoint->paths.assign(paths_.begin() + checkpoint->paths_from, paths_.end());
  }
  if (everything) {
    checkpoint->live = LiveFiles();
  }
  checkpoint->removed = removed_;
  checkpoint->rewritten = RewrittenDaysToName();
  return checkpoint;
}

absl::Status Store::Impl::WriteCheckpoint(Checkpoint* checkpoint, Visit visit) {
  absl::Status status = WriteFiles(checkpoint);
  if (status.ok()) status = VisitFiles(*checkpoint, visit);
  if (status.ok()) status = VisitSpecs(*checkpoint, visit);
  if (status.ok()) status = VisitOpen(*checkpoint, visit);
  if (!status.ok()) {
    for (const PartitionFilePtr& file : checkpoint->written) {
      (void)file_system_->Remove(file->path());  // or when the store is loaded
    }
    checkpoint->written.clear();
    checkpoint->filed.clear();
  }
  return status;
}

absl::Status Store::Impl::WriteFiles(Checkpoint* checkpoint) {
  std::map<std::pair<int64_t, uint8_t>, std::vector<BlockOfGroup>> days;
  for (const GroupId id : checkpoint->changed) {
    const uint8_t rule = rules.Of(id);
    for (MemoryBlockPtr& block : head.Hold(id, checkpoint->sequence).sealed) {
      if (block->range().last_sequence > checkpoint->sequence) continue;
      checkpoint->filed[id].push_back(block);
      const int64_t day = DayOf(block->range().first_time);
      days[{day, rule}].push_back({.group = id, .block = std::move(block)});
    }
  }
  if (days.empty()) return absl::OkStatus();
  TWIN_RETURN_IF_ERROR(file_system_->CreateFolder(folder_));
  for (auto& [day_and_rule, blocks] : days) {
    TWIN_RETURN_IF_ERROR(WriteFile(day_and_rule.first, std::move(blocks), checkpoint));
  }
  return file_system_->SyncFolder(folder_);
}

absl::Status Store::Impl::WriteFile(int64_t day, std::vector<BlockOfGroup> blocks,
                                    Checkpoint* checkpoint) {
  PartitionFileInfo info;
  info.day = day;
  {
    MutexLock lock(&mutex_);
    info.number = next_file_++;
  }
  const std::string path = JoinPath(folder_, info.name());
  absl::Status status = WritePartitionFile(file_system_, path, std::move(blocks), &info);
  if (status.ok()) {
    absl::StatusOr<PartitionFilePtr> file = PartitionFile::Open(file_system_, path, info);
    status = file.status();
    if (file.ok()) checkpoint->written.push_back(*std::move(file));
  }
  if (!status.ok()) (void)file_system_->Remove(path);
  return status;
}

absl::Status Store::Impl::VisitFiles(const Checkpoint& checkpoint, Visit visit) {
  const auto add = [&](const PartitionFilePtr& file) {
    return visit({.kind = kFileKey, .number = file->info().number}, EncodeFileInfo(file->info()));
  };
  for (const PartitionFilePtr& file : checkpoint.live) TWIN_RETURN_IF_ERROR(add(file));
  for (const PartitionFilePtr& file : checkpoint.written) TWIN_RETURN_IF_ERROR(add(file));
  for (const RewrittenDay& day : checkpoint.rewritten) {
    for (const PartitionFilePtr& file : day.made) TWIN_RETURN_IF_ERROR(add(file));
  }
  const auto remove = [&](const PartitionFilePtr& file) {
    return visit({.kind = kFileKey, .number = file->info().number}, "");
  };
  for (const PartitionFilePtr& file : checkpoint.removed) TWIN_RETURN_IF_ERROR(remove(file));
  for (const RewrittenDay& day : checkpoint.rewritten) {
    for (const PartitionFilePtr& file : day.from) TWIN_RETURN_IF_ERROR(remove(file));
  }
  return absl::OkStatus();
}

absl::Status Store::Impl::VisitSpecs(const Checkpoint& checkpoint, Visit visit) const {
  const absl::Span<const std::string> paths = checkpoint.paths;
  for (size_t at = 0; at < paths.size(); at += kPathsPerPage) {
    const auto page = static_cast<uint32_t>((checkpoint.paths_from + at) / kPathsPerPage);
    TWIN_RETURN_IF_ERROR(
        visit({.kind = kPathsKey, .number = page}, EncodePaths(paths.subspan(at, kPathsPerPage))));
  }
  uint32_t page = checkpoint.groups_from / kGroupsPerPage;
  if (checkpoint.groups_from == checkpoint.groups) return absl::OkStatus();
  for (; page * kGroupsPerPage < checkpoint.groups; ++page) {
    const uint32_t begin = page * kGroupsPerPage;
    const uint32_t end = std::min(begin + kGroupsPerPage, checkpoint.groups);
    TWIN_RETURN_IF_ERROR(
        visit({.kind = kGroupsKey, .number = page}, EncodeGroups(head, begin, end)));
  }
  return absl::OkStatus();
}

absl::Status Store::Impl::VisitOpen(const Checkpoint& checkpoint, Visit visit) {
  const auto bytes_of = [&](GroupId id) {
    const auto filed = checkpoint.filed.find(id);
    return EncodeOpen(RowsOf(head.Hold(id, checkpoint.sequence), head.columns(id),
                             checkpoint.sequence,
                             filed == checkpoint.filed.end() ? absl::Span<const MemoryBlockPtr>()
                                                             : absl::MakeConstSpan(filed->second)));
  };
  // Also those that have no open rows any more: an earlier checkpoint may know some of them.
  for (const GroupId id : checkpoint.changed) {
    TWIN_RETURN_IF_ERROR(visit({.kind = kOpenKey, .number = id.value}, bytes_of(id)));
  }
  if (!checkpoint.everything) return absl::OkStatus();
  std::vector<GroupId> visited = checkpoint.changed;
  SortUnique(&visited);
  for (uint32_t number = 0; number < checkpoint.groups; ++number) {
    if (std::binary_search(visited.begin(), visited.end(), GroupId{number})) continue;
    const std::string bytes = bytes_of(GroupId{number});
    if (bytes.empty()) continue;
    TWIN_RETURN_IF_ERROR(visit({.kind = kOpenKey, .number = number}, bytes));
  }
  return absl::OkStatus();
}

void Store::Impl::CheckpointDone(const Checkpoint& checkpoint) {
  std::vector<PartitionFilePtr> dropped_meanwhile;
  std::vector<PartitionFilePtr> unnamed = checkpoint.removed;
  // The files first: a reader that does not find a block in memory any more looks there.
  partitions.Edit([&](PartitionSet* set) {
    const auto add = [&](const PartitionFilePtr& file, bool folded) {
      PartitionEntry entry{.partition = file, .added = set->generation, .folded = folded};
      // Its day was dropped while it was written.
      const std::vector<uint8_t> of_file = RulesOf(*file);
      const int64_t end = (file->info().day + 1) * kNsPerDay - 1;
      if (file->info().step == 0 && std::all_of(of_file.begin(), of_file.end(), [&](uint8_t rule) {
            return set->Hides(rule, end, file->last_sequence());
          })) {
        entry.removed = set->generation;
        dropped_meanwhile.push_back(file);
      }
      set->entries.push_back(std::move(entry));
    };
    for (const PartitionFilePtr& file : checkpoint.written) add(file, /*folded=*/false);
    for (const RewrittenDay& day : checkpoint.rewritten) {
      for (PartitionEntry& entry : set->entries) {
        const auto found = std::find(day.from.begin(), day.from.end(), FileOf(entry));
        if (found == day.from.end()) continue;
        entry.removed = std::min(entry.removed, set->generation);
      }
      unnamed.insert(unnamed.end(), day.from.begin(), day.from.end());
      // Snapshots that there are go on with the files that they were made of.
      for (const PartitionFilePtr& file : day.made) add(file, /*folded=*/true);
    }
  });
  for (const auto& [id, blocks] : checkpoint.filed) head.Forget(id, blocks);
  {
    MutexLock lock(&mutex_);
    unfinished_.clear();
    unwritten_days_.clear();
    durable_groups_ = std::max(durable_groups_, checkpoint.groups);
    durable_paths_ = std::max(
        durable_paths_, checkpoint.paths_from + static_cast<uint32_t>(checkpoint.paths.size()));
    for (const PartitionFilePtr& file : unnamed) {
      std::erase(removed_, file);
      unnamed_.push_back(file);
    }
    for (const RewrittenDay& day : checkpoint.rewritten) {
      std::erase_if(rewritten_, [&](const RewrittenDay& other) { return other.made == day.made; });
    }
    removed_.insert(removed_.end(), dropped_meanwhile.begin(), dropped_meanwhile.end());
  }
  RemoveFiles();
}

void Store::Impl::RemoveFiles() {
  partitions.Sweep();
  const std::shared_ptr<const PartitionSet> set = partitions.Get();
  std::vector<PartitionFilePtr> gone;
  {
    MutexLock lock(&mutex_);
    std::erase_if(unnamed_, [&](const PartitionFilePtr& file) {
      for (const PartitionEntry& entry : set->entries) {
        if (entry.partition == file) return false;
      }
      gone.push_back(file);
      return true;
    });
  }
  // What cannot be removed now is, as an orphan, when the store is loaded.
  for (const PartitionFilePtr& file : gone) (void)file_system_->Remove(file->path());
  MutexLock lock(&file_rules_mutex_);
  for (const PartitionFilePtr& file : gone) file_rules_.erase(file->info().number);
}

absl::Status Store::Impl::Load(CheckpointKey key, absl::string_view bytes) {
  if (key.kind < kPathsKey || key.kind > kFileKey) {
    return absl::DataLossError(absl::StrCat("a checkpoint key of kind ", key.kind));
  }
  if (!bytes.empty()) loaded_[key.kind][key.number] = std::string(bytes);
  return absl::OkStatus();
}

absl::Status Store::Impl::FinishLoad() {
  TWIN_RETURN_IF_ERROR(LoadSpecs());
  TWIN_RETURN_IF_ERROR(LoadFiles());
  TWIN_RETURN_IF_ERROR(LoadOpen());
  loaded_.clear();
  return read_only_ ? absl::OkStatus() : RemoveOrphans();
}

absl::Status Store::Impl::LoadSpecs() {
  std::vector<std::string> paths;
  for (const auto& [page, bytes] : loaded_[kPathsKey]) {
    if (paths.size() != size_t{page} * kPathsPerPage) {
      return absl::DataLossError("paths of the history are missing in the checkpoint");
    }
    TWIN_RETURN_IF_ERROR(DecodePaths(bytes, &paths));
  }
  for (const std::string& path : paths) AddPath(path);
  std::vector<GroupSpec> groups;
  for (const auto& [page, bytes] : loaded_[kGroupsKey]) {
    if (head.groups() != page * kGroupsPerPage) {
      return absl::DataLossError("series groups of the history are missing in the checkpoint");
    }
    groups.clear();
    TWIN_RETURN_IF_ERROR(DecodeGroups(bytes, &groups));
    for (const GroupSpec& group : groups) head.AddGroup(group);
  }
  MutexLock lock(&mutex_);
  durable_paths_ = static_cast<uint32_t>(paths.size());
  durable_groups_ = head.groups();
  return absl::OkStatus();
}

absl::Status Store::Impl::LoadFiles() {
  std::vector<PartitionFilePtr> files;
  files.reserve(loaded_[kFileKey].size());
  for (const auto& [number, bytes] : loaded_[kFileKey]) {
    PartitionFileInfo info;
    TWIN_RETURN_IF_ERROR(DecodeFileInfo(bytes, number, &info));
    TWIN_ASSIGN_OR_RETURN(PartitionFilePtr file,
                          PartitionFile::Open(file_system_, JoinPath(folder_, info.name()), info));
    for (const PartitionFileEntry& entry : file->entries()) {
      if (entry.group >= head.groups()) return file->Damaged(entry, "of no group");
      if (info.step == 0) head.RestoreTime(GroupId{entry.group}, entry.range.last_time);
    }
    head.RestoreSequence(file->last_sequence());
    files.push_back(std::move(file));
    MutexLock lock(&mutex_);
    next_file_ = std::max(next_file_, number + 1);
  }
  partitions.Edit([&](PartitionSet* set) {
    for (PartitionFilePtr& file : files) {
      set->entries.push_back({.partition = std::move(file), .added = 0});
    }
  });
  return absl::OkStatus();
}

absl::Status Store::Impl::LoadOpen() {
  for (const auto& [number, bytes] : loaded_[kOpenKey]) {
    if (number >= head.groups()) {
      return absl::DataLossError(absl::StrCat("an open block of no group: ", number));
    }
    const GroupId id{number};
    OpenRows rows;
    TWIN_RETURN_IF_ERROR(DecodeOpen(bytes, &rows));
    const auto fits = [&](const MemoryBlockPtr& block) {
      return block->columns() == head.columns(id);
    };
    if (!std::all_of(rows.open.begin(), rows.open.end(), fits) ||
        !std::all_of(rows.sealed.begin(), rows.sealed.end(), fits)) {
      return absl::DataLossError(absl::StrCat("an open block is not of group ", number));
    }
    for (const MemoryBlockPtr& block : rows.sealed) head.RestoreSealed(id, block);
    for (const MemoryBlockPtr& block : rows.open) head.RestoreOpen(id, block);
  }
  return absl::OkStatus();
}

absl::Status Store::Impl::RemoveOrphans() {
  std::set<std::string> named;
  for (const PartitionFilePtr& file : LiveFiles()) named.insert(file->info().name());
  if (folder_.empty() || !file_system_->Exists(folder_)) return absl::OkStatus();
  TWIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, file_system_->List(folder_));
  for (const std::string& name : names) {
    if (!IsPartitionFileName(name) || named.count(name) > 0) continue;
    TWIN_RETURN_IF_ERROR(file_system_->Remove(JoinPath(folder_, name)));
  }
  return absl::OkStatus();
}

}  // namespace twin::timeseries
