// Files of sealed blocks: one per day and checkpoint, immutable, with an index of their blocks at
// the end. docs/formats/history.md draws the bytes. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_PARTITION_FILE_H_
#define TWIN_SERVER_TIMESERIES_PARTITION_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/file.h"
#include "server/timeseries/partitions.h"
#include "server/timeseries/row_source.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

// What a checkpoint says of a file.
struct PartitionFileInfo {
  uint32_t number = 0;  // never given twice
  int64_t day = 0;
  uint64_t bytes = 0;
  uint32_t footer_crc = 0;  // so that it is this file and no other

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
  PartitionFile(std::unique_ptr<File> file, std::string path, const PartitionFileInfo& info,
                std::vector<PartitionFileEntry> entries);

  const PartitionFileInfo& info() const { return info_; }
  const std::string& path() const { return path_; }
  // By group, then time.
  const std::vector<PartitionFileEntry>& entries() const { return entries_; }
  uint64_t rows() const { return rows_; }
  uint64_t last_sequence() const { return last_sequence_; }

  void Find(GroupId group, int64_t from, int64_t to,
            std::vector<RowSourcePtr>* sources) const override;
  // Of `bytes`, which it fills. DATA_LOSS: they are not that block; the message names the file and
  // the place.
  absl::StatusOr<Block> ReadBlock(const PartitionFileEntry& entry, std::string* bytes) const;
  absl::Status Damaged(const PartitionFileEntry& entry, absl::string_view what) const;
  // Reads everything. DATA_LOSS: a checksum is wrong.
  absl::Status Verify(uint64_t* blocks) const;

 private:
  const std::unique_ptr<File> file_;
  const std::string path_;
  const PartitionFileInfo info_;
  const std::vector<PartitionFileEntry> entries_;
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

// Writes the file and syncs it; its folder is left to the caller. After an error the file may be
// there in part. Fills in what `info` does not say yet.
absl::Status WritePartitionFile(FileSystem* file_system, const std::string& path,
                                std::vector<BlockOfGroup> blocks, PartitionFileInfo* info);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_PARTITION_FILE_H_
