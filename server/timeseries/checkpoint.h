// What a checkpoint writes of the history, as bytes. docs/formats/history.md draws them. Internal
// to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_CHECKPOINT_H_
#define TWIN_SERVER_TIMESERIES_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/timeseries/head.h"
#include "server/timeseries/partition_file.h"
#include "server/timeseries/row_source.h"
#include "server/timeseries/samples.h"
#include "server/timeseries/store.h"

namespace twin::timeseries {

// Kinds of keys.
inline constexpr uint32_t kPathsKey = 1;
inline constexpr uint32_t kGroupsKey = 2;
inline constexpr uint32_t kOpenKey = 3;
inline constexpr uint32_t kFileKey = 4;

inline constexpr uint32_t kPathsPerPage = 256;
inline constexpr uint32_t kGroupsPerPage = 64;

std::string EncodePaths(absl::Span<const std::string> paths);
absl::Status DecodePaths(absl::string_view bytes, std::vector<std::string>* paths);

std::string EncodeGroups(const Head& head, uint32_t begin, uint32_t end);
absl::Status DecodeGroups(absl::string_view bytes, std::vector<GroupSpec>* groups);

// A group's rows that are in no file: blocks of the open block, and sealed ones.
struct OpenRows {
  std::vector<MemoryBlockPtr> open;
  std::vector<MemoryBlockPtr> sealed;
};
std::string EncodeOpen(const OpenRows& rows);  // no rows: no bytes
absl::Status DecodeOpen(absl::string_view bytes, OpenRows* rows);
// Of what a group holds the rows up to `sequence_max`, without the sealed blocks in `filed`.
OpenRows RowsOf(const Head::Held& held, uint32_t columns, uint64_t sequence_max,
                absl::Span<const MemoryBlockPtr> filed);

std::string EncodeFileInfo(const PartitionFileInfo& info);
absl::Status DecodeFileInfo(absl::string_view bytes, uint32_t number, PartitionFileInfo* info);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_CHECKPOINT_H_
