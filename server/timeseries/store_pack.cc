// How a Store writes the files of days anew: merged, or re-packed.
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/rollup.h"
#include "server/timeseries/row_buffer.h"
#include "server/timeseries/store_impl.h"
#include "server/timeseries/summaries.h"

namespace twin::timeseries {
namespace {

// A day that was written anew is so again when what came late has as many files, or a part of its
// rows that is worth the work.
constexpr size_t kLateFilesMax = 8;
constexpr uint64_t kLateRowsShare = 16;
// Most of what comes late has come by then.
constexpr int64_t kMergeAfterNs = int64_t{3600} * 1'000'000'000;
// Of a merged block. More: less to look at for who wants all of a day; fewer: for who wants little.
constexpr uint32_t kMergedBlockRows = 1024;

// `is_done`: whether a file is one that was made so.
template <typename IsDone>
bool IsWorthRewriting(absl::Span<const PartitionFilePtr> files, size_t files_min, IsDone is_done) {
  size_t late_files = 0;
  uint64_t late_rows = 0;
  uint64_t done_rows = 0;
  for (const PartitionFilePtr& file : files) {
    if (is_done(file->info())) {
      done_rows += file->rows();
    } else {
      late_files += 1;
      late_rows += file->rows();
    }
  }
  return late_files >= kLateFilesMax ||
         (late_files >= files_min && late_rows * kLateRowsShare > done_rows);
}

bool IsPacked(const PartitionFilePtr& file) { return file->info().packed; }

// Of pairs of a day and a rule.
template <typename RulesOfDays>
bool HasDay(const RulesOfDays& rules_of_days, int64_t day) {
  const auto found = rules_of_days.lower_bound({day, 0});
  return found != rules_of_days.end() && found->first == day;
}

absl::Span<const BlockInFile> BlocksOf(const BlocksOfRules& day, GroupId group, uint8_t rule) {
  const auto groups = day.find(rule);
  if (groups == day.end()) return {};
  const auto found = groups->second.find(group.value);
  return found == groups->second.end() ? absl::Span<const BlockInFile>() : found->second;
}

}  // namespace

bool Store::Impl::AwaitsRollups(const RulesOfDays& without_rollups, int64_t day,
                                int64_t now) const {
  const std::vector<Retention> all = rules.All();
  for (auto at = without_rollups.lower_bound({day, 0});
       at != without_rollups.end() && at->first == day; ++at) {
    if (day < OldestDayKept(all[at->second].samples, now)) return true;
  }
  return false;
}

Store::Impl::FilesOfDays Store::Impl::FilesToRewrite() const {
  FilesOfDays days;
  for (PartitionFilePtr& file : LiveFiles()) {
    if (file->info().step == 0) days[file->info().day].push_back(std::move(file));
  }
  MutexLock lock(&mutex_);
  for (const RewrittenDay& day : rewritten_) days.erase(day.day);
  return days;
}

std::vector<int64_t> Store::Impl::DaysToMerge(int64_t now) const {
  const int64_t ended = DayOf(now < INT64_MIN + kMergeAfterNs ? now : now - kMergeAfterNs);
  const RulesOfDays without_rollups = WithoutRollups(LiveFiles(), now);
  std::vector<int64_t> found;
  for (const auto& [day, files] : FilesToRewrite()) {
    if (day >= ended) break;
    // What is packed already is not unpacked again.
    if (std::any_of(files.begin(), files.end(), IsPacked)) continue;
    // Of each rule of retention there is one at least.
    std::map<uint8_t, size_t> of_rule;
    for (const PartitionFilePtr& file : files) {
      for (const uint8_t rule : RulesOf(*file)) of_rule[rule] += 1;
    }
    const bool several = std::any_of(of_rule.begin(), of_rule.end(),
                                     [](const auto& rule) { return rule.second > 1; });
    const auto is_merged = [](const PartitionFileInfo& info) { return info.merged; };
    const bool is_first =
        std::none_of(files.begin(), files.end(),
                     [&](const PartitionFilePtr& file) { return is_merged(file->info()); });
    if ((several && IsWorthRewriting(files, 2, is_merged)) ||
        (is_first && HasDay(without_rollups, day)) || AwaitsRollups(without_rollups, day, now)) {
      found.push_back(day);
    }
  }
  return found;
}

std::vector<int64_t> Store::Impl::DaysToPack(int64_t now, PackWhich which) const {
  const RulesOfDays without_rollups = WithoutRollups(LiveFiles(), now);
  std::vector<int64_t> found;
  for (const auto& [day, files] : FilesToRewrite()) {
    if (day >= DayOf(now)) break;
    const bool is_due =
        which == PackWhich::kEnded ||
        std::all_of(files.begin(), files.end(), [&, of = day](const PartitionFilePtr& file) {
          return file->info().packed || of < OldestDayKept(RetentionOf(*file).raw, now);
        });
    // Packed by a version that made no roll-ups; or what came late, when its time is over.
    const bool wants_rollups = std::all_of(files.begin(), files.end(), IsPacked)
                                   ? HasDay(without_rollups, day)
                                   : std::any_of(files.begin(), files.end(), IsPacked) &&
                                         AwaitsRollups(without_rollups, day, now);
    if (wants_rollups || (is_due && IsWorthRewriting(files, 1, [](const PartitionFileInfo& info) {
                            return info.packed;
                          }))) {
      found.push_back(day);
    }
  }
  return found;
}

absl::Status Store::Impl::RewriteDay(int64_t day, bool packed,
                                     absl::FunctionRef<bool(uint64_t bytes)> pace) {
  RewrittenDay rewritten;
  rewritten.day = day;
  {
    MutexLock lock(&mutex_);
    for (const RewrittenDay& other : rewritten_) {
      if (other.day == day) return absl::OkStatus();  // it waits for a checkpoint
    }
  }
  std::vector<PartitionFilePtr> files = LiveFiles();
  std::erase_if(files, [&](const PartitionFilePtr& file) { return file->info().day != day; });
  std::set<uint32_t> samples;
  for (const PartitionFilePtr& file : files) {
    if (file->info().step == 0) samples.insert(file->info().number);
  }
  for (PartitionFilePtr& file : files) {
    // Roll-ups whose samples have expired stay: nothing else knows what was there.
    const bool is_expired = file->info().step > 0 && samples.count(file->info().of) == 0;
    if (!is_expired) rewritten.from.push_back(std::move(file));
  }
  if (rewritten.from.empty()) return absl::OkStatus();  // dropped meanwhile
  std::sort(rewritten.from.begin(), rewritten.from.end(),
            [](const PartitionFilePtr& a, const PartitionFilePtr& b) {
              return a->info().number < b->info().number;
            });
  absl::Status status = WriteDay(day, packed, pace, &rewritten);
  if (!status.ok()) {
    for (const PartitionFilePtr& file : rewritten.made) {
      (void)file_system_->Remove(file->path());  // or when the store is loaded
    }
    return status;
  }
  MutexLock lock(&mutex_);
  rewritten_.push_back(std::move(rewritten));
  return absl::OkStatus();
}

// Files of a day's groups of one rule of retention: their samples, and roll-ups of each step.
class Store::Impl::DayWriter {
 public:
  DayWriter(Impl* store, int64_t day, bool packed) : store_(*store), packed_(packed) {
    samples_.info.day = day;
    samples_.info.packed = packed;
    samples_.info.merged = !packed;
  }
  ~DayWriter() {
    // What was not handed over; or when the store is loaded.
    for (const std::string& path : paths_) (void)store_.file_system_->Remove(path);
  }
  DayWriter(const DayWriter&) = delete;
  DayWriter& operator=(const DayWriter&) = delete;

  // `rows`: in order.
  absl::Status Add(GroupId group, const RowBuffer& rows) {
    TWIN_RETURN_IF_ERROR(Create(&samples_));
    if (packed_) {
      TWIN_RETURN_IF_ERROR(rows.EncodePacked(store_.FamiliesOf(group),
                                             [&](const RowRange& range, absl::string_view bytes) {
                                               return samples_.writer->Add(group, range, bytes);
                                             }));
    } else {
      TWIN_RETURN_IF_ERROR(AddBlocks(group, rows, kMergedBlockRows, &samples_));
    }
    return absl::OkStatus();
  }

  // After its samples.
  absl::Status AddRollups(GroupId group, const Unreplaced& samples) {
    for (const int64_t step : kRollupSteps) {
      if (!IsRollupWorthIt(samples.rows(), step)) continue;
      const RowBuffer rollup = RollUp(samples.rows(), step, samples.gone());
      OneFile& file = rollups_[step];
      file.info.day = samples_.info.day;
      file.info.step = step;
      file.info.of = samples_.info.number;
      TWIN_RETURN_IF_ERROR(Create(&file));
      TWIN_RETURN_IF_ERROR(AddBlocks(group, rollup, kBlockRowsMax, &file));
    }
    return absl::OkStatus();
  }

  uint64_t bytes() const {
    uint64_t bytes = samples_.writer.has_value() ? samples_.writer->bytes() : 0;
    for (const auto& [step, file] : rollups_) bytes += file.writer->bytes();
    return bytes;
  }

  // Makes them durable, and hands them over.
  absl::Status Finish(std::vector<PartitionFilePtr>* made) {
    std::vector<OneFile*> all = {&samples_};
    for (auto& [step, file] : rollups_) all.push_back(&file);
    for (OneFile* const file : all) TWIN_RETURN_IF_ERROR(file->writer->Finish(&file->info));
    TWIN_RETURN_IF_ERROR(store_.file_system_->SyncFolder(store_.folder_));
    std::vector<PartitionFilePtr> opened;
    for (size_t i = 0; i < all.size(); ++i) {
      TWIN_ASSIGN_OR_RETURN(
          PartitionFilePtr file,
          PartitionFile::Open(store_.file_system_, paths_[all[i]->path], all[i]->info));
      opened.push_back(std::move(file));
    }
    std::move(opened.begin(), opened.end(), std::back_inserter(*made));
    paths_.clear();
    return absl::OkStatus();
  }

 private:
  struct OneFile {
    PartitionFileInfo info;
    std::optional<PartitionFileWriter> writer;
    size_t path = 0;
  };

  absl::Status Create(OneFile* file) {
    if (file->writer.has_value()) return absl::OkStatus();
    {
      MutexLock lock(&store_.mutex_);
      file->info.number = store_.next_file_++;
    }
    const std::string path = JoinPath(store_.folder_, file->info.name());
    absl::StatusOr<PartitionFileWriter> writer =
        PartitionFileWriter::Create(store_.file_system_, path, file->info);
    file->path = paths_.size();
    paths_.push_back(path);
    TWIN_RETURN_IF_ERROR(writer.status());
    file->writer.emplace(*std::move(writer));
    return absl::OkStatus();
  }

  static absl::Status AddBlocks(GroupId group, const RowBuffer& rows, uint32_t rows_max,
                                OneFile* file) {
    for (const MemoryBlockPtr& block : rows.Encode(rows_max)) {
      TWIN_RETURN_IF_ERROR(file->writer->Add(group, block->range(), block->bytes()));
    }
    return absl::OkStatus();
  }

  Impl& store_;
  const bool packed_;
  OneFile samples_;
  std::map<int64_t, OneFile> rollups_;  // by step
  std::vector<std::string> paths_;      // of the samples, and others in the order of creation
};

absl::Status Store::Impl::WriteDay(int64_t day, bool packed,
                                   absl::FunctionRef<bool(uint64_t bytes)> pace,
                                   RewrittenDay* rewritten) {
  BlocksOfRules of_rules;
  for (const PartitionFilePtr& file : rewritten->from) {
    if (file->info().step > 0) continue;
    for (const PartitionFileEntry& entry : file->entries()) {
      of_rules[rules.Of(GroupId{entry.group})][entry.group].push_back({file.get(), &entry});
    }
  }
  uint64_t bytes_before = 0;
  for (const auto& [rule, groups] : of_rules) {
    DayWriter writer(this, day, packed);
    for (const auto& [number, blocks] : groups) {
      TWIN_RETURN_IF_ERROR(WriteGroup(GroupId{number}, of_rules, &writer));
      if (!pace(bytes_before + writer.bytes())) {
        return absl::CancelledError("the upkeep of the history was stopped");
      }
    }
    bytes_before += writer.bytes();
    TWIN_RETURN_IF_ERROR(writer.Finish(&rewritten->made));
  }
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

absl::Status Store::Impl::WriteGroup(GroupId group, const BlocksOfRules& day,
                                     DayWriter* writer) const {
  RowBuffer buffer(head.columns(group));
  for (const BlockInFile& block : BlocksOf(day, group, rules.Of(group))) {
    TWIN_RETURN_IF_ERROR(buffer.Add(*block.file->Source(*block.entry)));
  }
  buffer.Sort();
  TWIN_RETURN_IF_ERROR(writer->Add(group, buffer));
  const GroupSpec spec = head.Spec(group);
  TWIN_ASSIGN_OR_RETURN(const Unreplaced samples,
                        WithoutReplaced(group, std::move(buffer), spec, day));
  return writer->AddRollups(group, samples);
}

// Other groups with series of this one are those of other layouts, or of single samples; most have
// none at the same times.
absl::StatusOr<Unreplaced> Store::Impl::WithoutReplaced(GroupId group, RowBuffer rows,
                                                        const GroupSpec& spec,
                                                        const BlocksOfRules& day) const {
  const int64_t first = rows.times().front();
  const int64_t last = rows.times().back();
  Unreplaced samples(std::move(rows), spec);
  for (const ColumnSpec& column : spec.columns) {
    for (const SeriesKey& series : column.series) {
      for (const Place& place : head.index().Find(series)) {
        if (place.group == group) continue;
        for (const BlockInFile& block : BlocksOf(day, place.group, rules.Of(place.group))) {
          const RowRange& range = block.entry->range;
          if (range.first_time > last || range.last_time < first) continue;
          TWIN_RETURN_IF_ERROR(
              samples.Take(*block.file->Source(*block.entry), place.column, series));
        }
      }
    }
  }
  samples.Finish();
  return samples;
}

std::vector<RewrittenDay> Store::Impl::RewrittenDaysToName() {
  const std::shared_ptr<const PartitionSet> set = partitions.Get();
  const auto is_live = [&](const PartitionFilePtr& file) {
    return std::any_of(set->entries.begin(), set->entries.end(), [&](const PartitionEntry& entry) {
      return entry.partition == file && entry.removed == UINT64_MAX;
    });
  };
  std::vector<RewrittenDay> named;
  for (RewrittenDay& day : rewritten_) {
    if (std::all_of(day.from.begin(), day.from.end(), is_live)) {
      named.push_back(std::move(day));
    } else {  // dropped meanwhile: nothing of it is wanted any more
      std::move(day.made.begin(), day.made.end(), std::back_inserter(unnamed_));
    }
  }
  rewritten_ = std::move(named);
  return rewritten_;
}

}  // namespace twin::timeseries
