#include "server/timeseries/checkpoint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"
#include "server/timeseries/row_buffer.h"

namespace twin::timeseries {
namespace {

constexpr uint8_t kOpenBlock = 0;
constexpr uint8_t kSealedBlock = 1;
constexpr uint8_t kPackedFlag = 1;  // of a file
constexpr uint8_t kMergedFlag = 2;
constexpr uint8_t kRollupFlag = 3;
constexpr int64_t kNsPerSecondOfStep = 1'000'000'000;

absl::Status DamagedCheckpoint(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the checkpoint of the history is damaged: ", what,
                                          "; start on a backup, or ask `twinctl check DIR`"));
}

bool IsForm(uint8_t kind, uint8_t decimals) {
  return kind >= static_cast<uint8_t>(ColumnKind::kScaled) &&
         kind <= static_cast<uint8_t>(ColumnKind::kValue) && decimals <= kDecimalsMax;
}

// Blocks of those rows of the sources that are not too new.
void AddJoined(uint64_t sequence_max, uint32_t columns, absl::Span<const RowSourcePtr> sources,
               std::vector<MemoryBlockPtr>* blocks) {
  RowBuffer buffer(columns);
  for (const RowSourcePtr& source : sources) {
    if (source->range().first_sequence > sequence_max) continue;
    buffer.AddOfMemory(*source, sequence_max);
  }
  if (buffer.rows() == 0) return;
  buffer.Sort();
  const std::vector<MemoryBlockPtr> encoded = buffer.Encode();
  blocks->insert(blocks->end(), encoded.begin(), encoded.end());
}

void AddUpTo(uint64_t sequence_max, uint32_t columns, const MemoryBlockPtr& block,
             std::vector<MemoryBlockPtr>* blocks) {
  if (block->range().first_sequence > sequence_max) return;
  if (block->range().last_sequence <= sequence_max) {
    blocks->push_back(block);
  } else {
    AddJoined(sequence_max, columns, {block}, blocks);
  }
}

void AddUpTo(uint64_t sequence_max, uint32_t columns, const RowSourcePtr& source,
             std::vector<MemoryBlockPtr>* blocks) {
  if (const auto block = std::dynamic_pointer_cast<const MemoryBlock>(source)) {
    AddUpTo(sequence_max, columns, block, blocks);
  } else if (source->range().first_sequence <= sequence_max) {
    AddJoined(sequence_max, columns, {source}, blocks);
  }
}

}  // namespace

std::string EncodePaths(absl::Span<const std::string> paths) {
  std::string bytes;
  for (const std::string& path : paths) AppendString(&bytes, path);
  return bytes;
}

absl::Status DecodePaths(absl::string_view bytes, std::vector<std::string>* paths) {
  ByteReader reader(bytes);
  while (reader.ok() && !reader.done()) paths->emplace_back(reader.String());
  return reader.ok() ? absl::OkStatus() : DamagedCheckpoint("its paths");
}

std::string EncodeGroups(const Head& head, uint32_t begin, uint32_t end) {
  std::string bytes;
  for (uint32_t number = begin; number < end; ++number) {
    const GroupSpec spec = head.Spec(GroupId{number});
    AppendVarint(&bytes, spec.columns.size());
    int64_t twin = 0;
    for (const ColumnSpec& column : spec.columns) {
      AppendFixed(&bytes, static_cast<uint8_t>(column.kind));
      AppendFixed(&bytes, column.decimals);
      AppendVarint(&bytes, column.series.size());
      for (const SeriesKey& key : column.series) {
        AppendSigned(&bytes, int64_t{key.twin.value} - twin);
        AppendVarint(&bytes, key.path.value);
        twin = key.twin.value;
      }
    }
  }
  return bytes;
}

absl::Status DecodeGroups(absl::string_view bytes, std::vector<GroupSpec>* groups) {
  ByteReader reader(bytes);
  while (reader.ok() && !reader.done()) {
    GroupSpec spec;
    spec.columns.resize(reader.Varint(reader.rest().size()));
    int64_t twin = 0;
    for (ColumnSpec& column : spec.columns) {
      const uint8_t kind = reader.Byte();
      column.decimals = reader.Byte();
      if (!IsForm(kind, column.decimals)) reader.Fail();
      column.kind = static_cast<ColumnKind>(kind);
      column.series.resize(reader.Varint(reader.rest().size()));
      for (SeriesKey& key : column.series) {
        twin = static_cast<uint32_t>(twin + reader.Signed());
        key.twin = TwinNumber(static_cast<uint32_t>(twin));
        key.path = PathId{reader.Varint32()};
      }
      if (!reader.ok()) break;
    }
    groups->push_back(std::move(spec));
  }
  return reader.ok() ? absl::OkStatus() : DamagedCheckpoint("its series groups");
}

std::string EncodeOpen(const OpenRows& rows) {
  std::string bytes;
  const auto append = [&bytes](uint8_t kind, const std::vector<MemoryBlockPtr>& blocks) {
    for (const MemoryBlockPtr& block : blocks) {
      AppendFixed(&bytes, kind);
      AppendString(&bytes, block->bytes());
    }
  };
  append(kSealedBlock, rows.sealed);
  append(kOpenBlock, rows.open);
  return bytes;
}

absl::Status DecodeOpen(absl::string_view bytes, OpenRows* rows) {
  ByteReader reader(bytes);
  while (reader.ok() && !reader.done()) {
    const uint8_t kind = reader.Byte();
    const absl::string_view block = reader.String();
    if (!reader.ok() || kind > kSealedBlock) return DamagedCheckpoint("an open block");
    TWIN_ASSIGN_OR_RETURN(MemoryBlockPtr opened, MemoryBlock::Open(block));
    TWIN_RETURN_IF_ERROR(opened->Verify());
    std::vector<MemoryBlockPtr>* const to = kind == kOpenBlock ? &rows->open : &rows->sealed;
    to->push_back(std::move(opened));
  }
  return absl::OkStatus();
}

OpenRows RowsOf(const Head::Held& held, uint32_t columns, uint64_t sequence_max,
                absl::Span<const MemoryBlockPtr> filed) {
  OpenRows rows;
  for (const MemoryBlockPtr& block : held.sealed) {
    if (std::find(filed.begin(), filed.end(), block) != filed.end()) continue;
    AddUpTo(sequence_max, columns, block, &rows.sealed);
  }
  AddJoined(sequence_max, columns, held.closed, &rows.sealed);
  for (const RowSourcePtr& source : held.late) {
    AddUpTo(sequence_max, columns, source, &rows.sealed);
  }
  if (held.open.size() == 1) {
    AddUpTo(sequence_max, columns, held.open[0], &rows.open);
  } else {
    AddJoined(sequence_max, columns, held.open, &rows.open);
  }
  return rows;
}

std::string EncodeFileInfo(const PartitionFileInfo& info) {
  std::string bytes;
  AppendSigned(&bytes, info.day);
  AppendVarint(&bytes, info.bytes);
  AppendFixed(&bytes, info.footer_crc);
  if (info.step > 0) {
    bytes.push_back(static_cast<char>(kRollupFlag));
    AppendVarint(&bytes, static_cast<uint64_t>(info.step / kNsPerSecondOfStep));
    AppendVarint(&bytes, info.of);
  } else if (info.packed || info.merged) {
    bytes.push_back(static_cast<char>(info.packed ? kPackedFlag : kMergedFlag));
  }
  return bytes;
}

absl::Status DecodeFileInfo(absl::string_view bytes, uint32_t number, PartitionFileInfo* info) {
  ByteReader reader(bytes);
  info->number = number;
  info->day = reader.Signed();
  info->bytes = reader.Varint();
  info->footer_crc = reader.Fixed<uint32_t>();
  if (reader.ok() && !reader.done()) {
    const uint8_t flag = reader.Byte();
    info->packed = flag == kPackedFlag;
    info->merged = flag == kMergedFlag;
    if (flag == kRollupFlag) {
      info->step = static_cast<int64_t>(reader.Varint(86'400)) * kNsPerSecondOfStep;
      info->of = reader.Varint32();
      if (info->step == 0) reader.Fail();
    } else if (!info->packed && !info->merged) {
      reader.Fail();
    }
  }
  return reader.ok() && reader.done() ? absl::OkStatus() : DamagedCheckpoint("its list of files");
}

}  // namespace twin::timeseries
