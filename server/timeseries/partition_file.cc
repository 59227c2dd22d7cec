#include "server/timeseries/partition_file.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"
#include "server/base/status_macros.h"

namespace twin::timeseries {
namespace {

constexpr absl::string_view kMagic("TWINHIST", 8);
constexpr absl::string_view kEndMagic("TSIHNIWT", 8);
constexpr uint32_t kVersion = 1;
constexpr uint32_t kPackedFileVersion = 2;
constexpr uint32_t kRollupFileVersion = 3;
constexpr absl::string_view kSuffix = ".blocks";
constexpr size_t kHeaderBytes = 8 + 4 + 4 + 8;
constexpr size_t kEntryBytes = 4 + 4 + 8 + 4 + 4 * 8;
constexpr size_t kTrailerBytes = 4 + 4 + 8;
constexpr size_t kWriteBytes = 1 << 20;

void AppendEntry(const PartitionFileEntry& entry, std::string* bytes) {
  AppendFixed(bytes, entry.group);
  AppendFixed(bytes, entry.bytes);
  AppendFixed(bytes, entry.offset);
  AppendFixed(bytes, entry.range.rows);
  AppendFixed(bytes, entry.range.first_time);
  AppendFixed(bytes, entry.range.last_time);
  AppendFixed(bytes, entry.range.first_sequence);
  AppendFixed(bytes, entry.range.last_sequence);
}

PartitionFileEntry ReadEntry(ByteReader* reader) {
  PartitionFileEntry entry;
  entry.group = reader->Fixed<uint32_t>();
  entry.bytes = reader->Fixed<uint32_t>();
  entry.offset = reader->Fixed<uint64_t>();
  entry.range.rows = reader->Fixed<uint32_t>();
  entry.range.first_time = reader->Fixed<int64_t>();
  entry.range.last_time = reader->Fixed<int64_t>();
  entry.range.first_sequence = reader->Fixed<uint64_t>();
  entry.range.last_sequence = reader->Fixed<uint64_t>();
  return entry;
}

std::string Header(const PartitionFileInfo& info) {
  std::string bytes(kMagic);
  AppendFixed(&bytes, info.step > 0 ? kRollupFileVersion
                      : info.packed ? kPackedFileVersion
                                    : kVersion);
  AppendFixed(&bytes, info.number);
  AppendFixed(&bytes, info.day);
  return bytes;
}

absl::Status DamagedFile(absl::string_view path, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the history file ", path, " is damaged: ", what,
                                          "; start on a backup, or ask `twinctl check DIR`"));
}

BlockSumsCache& SumsOfFiles() {
  static auto* const cache = new BlockSumsCache();
  return *cache;
}

uint64_t NextSerial() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// A block of a file. One reader's: it keeps the bytes that it has read.
class FileBlock final : public RowSource {
 public:
  FileBlock(PartitionFilePtr file, const PartitionFileEntry& entry)
      : RowSource(entry.range), file_(std::move(file)), entry_(entry) {}

  absl::Status ReadTimes(std::vector<int64_t>* times) const override {
    TWIN_RETURN_IF_ERROR(Load());
    return Named(block_->axes().ReadTimes(times));
  }
  absl::Status ReadSequences(std::vector<uint64_t>* sequences) const override {
    TWIN_RETURN_IF_ERROR(Load());
    return Named(block_->axes().ReadSequences(sequences));
  }
  absl::Status ReadColumn(uint32_t column, ColumnValues* values) const override {
    TWIN_RETURN_IF_ERROR(Load());
    return Named(block_->ReadColumn(column, &decoded_, values));
  }
  bool has_statistics() const override { return true; }
  absl::Status ReadStatistics(uint32_t column, ColumnForm* form,
                              ColumnStatistics* statistics) const override {
    TWIN_RETURN_IF_ERROR(Load());
    *form = block_->form(column);
    return Named(block_->ReadStatistics(column, &decoded_, statistics));
  }
  absl::StatusOr<BlockSumsPtr> Sums(uint32_t asked_for) const override {
    const BlockSumsCache::Key key{file_->serial(), entry_.offset};
    BlockSumsPtr sums = SumsOfFiles().Find(key);
    if (sums != nullptr || asked_for == 0) return sums;
    TWIN_RETURN_IF_ERROR(Load());
    if (asked_for * kPartOfSums < block_->columns()) return nullptr;
    TWIN_ASSIGN_OR_RETURN(sums, MakeBlockSums(*this, block_->columns()));
    SumsOfFiles().Add(key, sums);
    return sums;
  }
  uint32_t file() const override { return file_->number(); }

 private:
  absl::Status Load() const {
    if (block_.has_value()) return absl::OkStatus();
    TWIN_ASSIGN_OR_RETURN(block_, file_->ReadBlock(entry_, &bytes_));
    return absl::OkStatus();
  }
  absl::Status Named(const absl::Status& status) const {
    return status.ok() ? status : file_->Damaged(entry_, status.message());
  }

  const PartitionFilePtr file_;
  const PartitionFileEntry entry_;
  mutable std::string bytes_;
  mutable std::optional<SealedBlock> block_;
  mutable PackedBlock::Decoded decoded_;
};

}  // namespace

std::string PartitionFileInfo::name() const {
  const absl::CivilDay civil = absl::CivilDay(1970, 1, 1) + day;
  return absl::StrFormat("%04d%02d%02d-%08d%s", civil.year(), civil.month(), civil.day(), number,
                         kSuffix);
}

bool IsPartitionFileName(absl::string_view name) { return absl::EndsWith(name, kSuffix); }

PartitionFile::PartitionFile(std::unique_ptr<File> file, std::unique_ptr<MappedFile> mapped,
                             std::string path, const PartitionFileInfo& info,
                             std::vector<PartitionFileEntry> entries)
    : file_(std::move(file)),
      mapped_(std::move(mapped)),
      path_(std::move(path)),
      info_(info),
      entries_(std::move(entries)),
      serial_(NextSerial()) {
  for (const PartitionFileEntry& entry : entries_) {
    rows_ += entry.range.rows;
    last_sequence_ = std::max(last_sequence_, entry.range.last_sequence);
    first_time_ = std::min(first_time_, entry.range.first_time);
    last_time_ = std::max(last_time_, entry.range.last_time);
  }
}

absl::StatusOr<PartitionFilePtr> PartitionFile::Open(FileSystem* file_system, std::string path,
                                                     const PartitionFileInfo& info) {
  absl::StatusOr<std::unique_ptr<File>> file = file_system->Open(path);
  if (absl::IsNotFound(file.status())) return DamagedFile(path, "it is not there");
  TWIN_RETURN_IF_ERROR(file.status());
  TWIN_ASSIGN_OR_RETURN(const uint64_t size, (*file)->Size());
  if (size != info.bytes || size < kHeaderBytes + kTrailerBytes) {
    return DamagedFile(path, absl::StrCat(size, " bytes long instead of ", info.bytes));
  }
  std::string header;
  TWIN_RETURN_IF_ERROR((*file)->Read(0, kHeaderBytes, &header));
  std::string trailer;
  TWIN_RETURN_IF_ERROR((*file)->Read(size - kTrailerBytes, kTrailerBytes, &trailer));
  ByteReader at_end(trailer);
  const auto count = at_end.Fixed<uint32_t>();
  const auto crc = at_end.Fixed<uint32_t>();
  const uint64_t footer_bytes = uint64_t{count} * kEntryBytes;
  if (at_end.rest() != kEndMagic || header != Header(info) || crc != info.footer_crc ||
      footer_bytes > size - kHeaderBytes - kTrailerBytes) {
    return DamagedFile(path, "its first or last bytes are not a history file's");
  }
  std::string footer;
  TWIN_RETURN_IF_ERROR((*file)->Read(size - kTrailerBytes - footer_bytes, footer_bytes, &footer));
  if (footer.size() != footer_bytes || ExtendCrc32c(Crc32c(header), footer) != crc) {
    return DamagedFile(path, "the checksum of its index is wrong");
  }
  ByteReader reader(footer);
  std::vector<PartitionFileEntry> entries(count);
  for (PartitionFileEntry& entry : entries) entry = ReadEntry(&reader);
  std::unique_ptr<MappedFile> mapped =
      file_system == PosixFileSystem() ? MappedFile::Open(path) : nullptr;
  if (mapped != nullptr && mapped->bytes().size() != info.bytes) mapped.reset();
  return std::make_shared<const PartitionFile>(*std::move(file), std::move(mapped), std::move(path),
                                               info, std::move(entries));
}

template <typename Visit>
void PartitionFile::VisitEntries(GroupId group, int64_t from, int64_t to, Visit visit) const {
  auto entry =
      std::lower_bound(entries_.begin(), entries_.end(), group.value,
                       [](const PartitionFileEntry& e, uint32_t value) { return e.group < value; });
  for (; entry != entries_.end() && entry->group == group.value; ++entry) {
    if (entry->range.first_time < to && entry->range.last_time >= from) visit(*entry);
  }
}

void PartitionFile::Find(GroupId group, int64_t from, int64_t to,
                         std::vector<RowSourcePtr>* sources) const {
  if (info_.step > 0 || first_time_ >= to || last_time_ < from) return;
  VisitEntries(group, from, to,
               [&](const PartitionFileEntry& entry) { sources->push_back(Source(entry)); });
}

void PartitionFile::FindRollups(GroupId group, int64_t from, int64_t to,
                                std::vector<RollupBlock>* blocks) const {
  // Its rows stand where their steps begin.
  const int64_t begun = from < INT64_MIN + info_.step ? INT64_MIN : from - info_.step;
  if (info_.step == 0 || first_time_ >= to || last_time_ < begun) return;
  VisitEntries(group, begun, to, [&](const PartitionFileEntry& entry) {
    blocks->push_back({.rows = Source(entry), .step = info_.step, .of = info_.of});
  });
}

RowSourcePtr PartitionFile::Source(const PartitionFileEntry& entry) const {
  return std::make_shared<const FileBlock>(shared_from_this(), entry);
}

absl::Status PartitionFile::Damaged(const PartitionFileEntry& entry, absl::string_view what) const {
  return DamagedFile(path_, absl::StrCat("block at ", entry.offset, ": ", what));
}

absl::StatusOr<SealedBlock> PartitionFile::ReadBlock(const PartitionFileEntry& entry,
                                                     std::string* bytes) const {
  absl::string_view view;
  if (mapped_ != nullptr) {
    const absl::string_view all = mapped_->bytes();
    view = all.substr(std::min<uint64_t>(entry.offset, all.size()), entry.bytes);
  } else {
    TWIN_RETURN_IF_ERROR(file_->Read(entry.offset, entry.bytes, bytes));
    view = *bytes;
  }
  absl::StatusOr<SealedBlock> opened = SealedBlock::Open(view);
  if (!opened.ok() || opened->bytes() != entry.bytes || RangeOf(opened->axes()) != entry.range) {
    bytes->clear();
    return Damaged(entry, opened.ok() ? "it is another block" : opened.status().message());
  }
  return opened;
}

absl::Status PartitionFile::Verify(uint64_t* blocks) const {
  ColumnValues values;
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  std::string bytes;
  for (const PartitionFileEntry& entry : entries_) {
    TWIN_ASSIGN_OR_RETURN(const SealedBlock block, ReadBlock(entry, &bytes));
    absl::Status status = block.axes().ReadTimes(&times);
    if (status.ok()) status = block.axes().ReadSequences(&sequences);
    PackedBlock::Decoded decoded;
    for (uint32_t c = 0; status.ok() && c < block.columns(); ++c) {
      status = block.ReadColumn(c, &decoded, &values);
    }
    if (!status.ok()) return Damaged(entry, status.message());
    *blocks += 1;
  }
  return absl::OkStatus();
}

absl::StatusOr<PartitionFileWriter> PartitionFileWriter::Create(FileSystem* file_system,
                                                                const std::string& path,
                                                                const PartitionFileInfo& info) {
  TWIN_ASSIGN_OR_RETURN(std::unique_ptr<File> file, file_system->Create(path));
  return PartitionFileWriter(std::move(file), Header(info));
}

absl::Status PartitionFileWriter::Add(GroupId group, const RowRange& range,
                                      absl::string_view block) {
  AppendEntry({.group = group.value,
               .bytes = static_cast<uint32_t>(block.size()),
               .offset = bytes(),
               .range = range},
              &footer_);
  bytes_.append(block.data(), block.size());
  blocks_ += 1;
  if (bytes_.size() < kWriteBytes) return absl::OkStatus();
  TWIN_RETURN_IF_ERROR(file_->Write(written_, bytes_));
  written_ += bytes_.size();
  bytes_.clear();
  return absl::OkStatus();
}

absl::Status PartitionFileWriter::Finish(PartitionFileInfo* info) {
  info->footer_crc = ExtendCrc32c(Crc32c(header_), footer_);
  bytes_ += footer_;
  AppendFixed(&bytes_, blocks_);
  AppendFixed(&bytes_, info->footer_crc);
  bytes_.append(kEndMagic.data(), kEndMagic.size());
  info->bytes = bytes();
  TWIN_RETURN_IF_ERROR(file_->Write(written_, bytes_));
  return file_->Sync();
}

absl::Status WritePartitionFile(FileSystem* file_system, const std::string& path,
                                std::vector<BlockOfGroup> blocks, PartitionFileInfo* info) {
  std::sort(blocks.begin(), blocks.end(), [](const BlockOfGroup& a, const BlockOfGroup& b) {
    return std::make_tuple(a.group.value, a.block->range().first_time) <
           std::make_tuple(b.group.value, b.block->range().first_time);
  });
  TWIN_ASSIGN_OR_RETURN(PartitionFileWriter writer,
                        PartitionFileWriter::Create(file_system, path, *info));
  for (const BlockOfGroup& block : blocks) {
    TWIN_RETURN_IF_ERROR(writer.Add(block.group, block.block->range(), block.block->bytes()));
  }
  return writer.Finish(info);
}

}  // namespace twin::timeseries
