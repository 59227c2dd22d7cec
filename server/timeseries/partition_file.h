// Files of sealed blocks: one per day and checkpoint, or a merged or re-packed one in place of all
// of a day; immutable, with an index of their blocks at the end. docs/formats/history.md draws the
// bytes. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_PARTITION_FILE_H_
#define TWIN_SERVER_TIMESERIES_PARTITION_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/file.h"
#include "server/timeseries/mapped_file.h"
#include "server/timeseries/partitions.h"
#include "server/timeseries/row_source.h"
#include "server/timeseries/samples.h"
#include "server/timeseries/sealed_block.h"

namespace twin::timeseries {

// What a checkpoint says of a file.
struct PartitionFileInfo {
  uint32_t number = 0;  // never given twice
  int64_t day = 0;
  uint64_t bytes = 0;
  uint32_t footer_crc = 0;  // so that it is this file and no other
  bool packed = false;      // all its blocks are packed ones
  bool merged = false;      // of all files that its day had
  int64_t step = 0;         // 0: samples; else roll-ups of steps of so many nanoseconds …
  uint32_t of = 0;          // … of the samples in the file of that number

  std::string name() const;  // "20260301-00000017.blocks"
};
bool IsPartitionFileName(absl::string_view name);

struct PartitionFileEntry {
  uint32_t group = 0;
  uint32_t bytes = 0;
  uint64_t offset = 0;
  RowRange range;
};

// Thread-safe. Reads blocks when they are asked for.
class PartitionFile final : public Partition, public std::enable_shared_from_this<PartitionFile> {
 public:
  // Reads the footer. DATA_LOSS: the file is missing, cut short, damaged or another one.
  static absl::StatusOr<std::shared_ptr<const PartitionFile>> Open(FileSystem* file_system,
                                                                   std::string path,
                                                                   const PartitionFileInfo& info);
  PartitionFile(std::unique_ptr<File> file, std::unique_ptr<MappedFile> mapped, std::string path,
                const PartitionFileInfo& info, std::vector<PartitionFileEntry> entries);

  const PartitionFileInfo& info() const { return info_; }
  const std::string& path() const { return path_; }
  // By group, then time.
  const std::vector<PartitionFileEntry>& entries() const { return entries_; }
  uint64_t rows() const { return rows_; }
  uint64_t last_sequence() const { return last_sequence_; }

  // Of samples; those of a file of roll-ups are found by the other.
  void Find(GroupId group, int64_t from, int64_t to,
            std::vector<RowSourcePtr>* sources) const override;
  void FindRollups(GroupId group, int64_t from, int64_t to,
                   std::vector<RollupBlock>* blocks) const override;
  uint32_t number() const override { return info_.number; }
  uint32_t rolls_up() const override { return info_.step > 0 ? info_.of : 0; }
  // One of its entries.
  RowSourcePtr Source(const PartitionFileEntry& entry) const;
  // Of `bytes`, which it fills, or of the mapped file. DATA_LOSS: they are not that block; the
  // message names the file and the place.
  absl::StatusOr<SealedBlock> ReadBlock(const PartitionFileEntry& entry, std::string* bytes) const;
  absl::Status Damaged(const PartitionFileEntry& entry, absl::string_view what) const;
  uint64_t serial() const { return serial_; }  // of this process: given to no other file
  // Reads everything. DATA_LOSS: a checksum is wrong.
  absl::Status Verify(uint64_t* blocks) const;

 private:
  template <typename Visit>
  void VisitEntries(GroupId group, int64_t from, int64_t to, Visit visit) const;

  const std::unique_ptr<File> file_;
  const std::unique_ptr<MappedFile> mapped_;  // nullptr: it is read
  const std::string path_;
  const PartitionFileInfo info_;
  const std::vector<PartitionFileEntry> entries_;
  const uint64_t serial_;
  uint64_t rows_ = 0;
  uint64_t last_sequence_ = 0;
  int64_t first_time_ = INT64_MAX;
  int64_t last_time_ = INT64_MIN;
};
using PartitionFilePtr = std::shared_ptr<const PartitionFile>;

struct BlockOfGroup {
  GroupId group;
  MemoryBlockPtr block;
};

// Writes a file block by block. Thread-compatible. If it is not finished, or an error was returned,
// the file may be there in part.
class PartitionFileWriter {
 public:
  // `info` says number, day and whether its blocks are packed.
  static absl::StatusOr<PartitionFileWriter> Create(FileSystem* file_system,
                                                    const std::string& path,
                                                    const PartitionFileInfo& info);
  // By group, then first time.
  absl::Status Add(GroupId group, const RowRange& range, absl::string_view block);
  // Writes the index and syncs the file; its folder is left to the caller. Fills in what `info`
  // does not say yet.
  absl::Status Finish(PartitionFileInfo* info);
  uint64_t bytes() const { return written_ + bytes_.size(); }

 private:
  PartitionFileWriter(std::unique_ptr<File> file, std::string header)
      : file_(std::move(file)), header_(std::move(header)), bytes_(header_) {}

  std::unique_ptr<File> file_;
  std::string header_;
  std::string bytes_;  // that are not written yet
  std::string footer_;
  uint64_t written_ = 0;
  uint32_t blocks_ = 0;
};

// Writes the file and syncs it, as above.
absl::Status WritePartitionFile(FileSystem* file_system, const std::string& path,
                                std::vector<BlockOfGroup> blocks, PartitionFileInfo* info);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_PARTITION_FILE_H_
