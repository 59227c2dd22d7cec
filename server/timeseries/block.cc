#include "server/timeseries/block.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"
#include "server/base/status_macros.h"
#include "server/timeseries/block_format.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/int_codec.h"
#include "server/timeseries/statistics.h"

namespace twin::timeseries {
namespace {

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("block: ", what));
}

uint32_t EndAt(absl::string_view ends, size_t at) {
  uint32_t end = 0;
  std::memcpy(&end, ends.data() + at, sizeof(end));
  return end;
}

// Of the header's bytes but those of the checksum itself.
uint32_t HeaderCrc(absl::string_view header) {
  return ExtendCrc32c(Crc32c(header.substr(0, kBlockCrcAt)), header.substr(kBlockFixedBytes));
}

// Moves the values, which stand first, to the rows that have one. The others get an empty one.
template <typename T>
void Spread(const std::vector<uint8_t>& missing, size_t count, std::vector<T>* values) {
  for (size_t row = missing.size(); row-- > 0;) {
    if (missing[row] != 0) {
      (*values)[row] = T();
    } else if (--count != row) {
      (*values)[row] = std::move((*values)[count]);
    }
  }
}

bool DecodeItems(ByteReader* reader, absl::Span<int64_t> values) {
  return DecodeInts(reader, values);
}
bool DecodeItems(ByteReader* reader, absl::Span<double> values) {
  return DecodeDoubles(reader, values);
}
bool DecodeItems(ByteReader* reader, absl::Span<std::string> values) {
  return DecodeValues(reader, values);
}

// Fills one item for each row from what codes `count` of them.
template <typename T>
bool ReadItems(ByteReader* reader, size_t count, const T* constant, size_t rows,
               const std::vector<uint8_t>& missing, std::vector<T>* items) {
  if (constant != nullptr) {
    items->assign(rows, *constant);
    for (size_t row = 0; row < missing.size(); ++row) {
      if (missing[row] != 0) (*items)[row] = T();
    }
    return true;
  }
  items->resize(rows);
  if (!DecodeItems(reader, absl::MakeSpan(*items).first(count))) return false;
  if (count < rows) Spread(missing, count, items);
  return true;
}

}  // namespace

void Block::TakePart(ByteReader* reader, absl::string_view* data, Part* part) {
  const uint64_t size = reader->Varint();
  part->is_inline = size <= kInlineBytesMax;
  if (part->is_inline) {
    part->bytes = reader->Bytes(size);
    return;
  }
  part->crc = reader->Fixed<uint32_t>();
  if (size > data->size()) {
    reader->Fail();
    return;
  }
  part->bytes = data->substr(0, size);
  data->remove_prefix(size);
}

absl::StatusOr<Block> Block::Open(absl::string_view bytes) {
  ByteReader fixed(bytes);
  if (fixed.Bytes(kBlockMagic.size()) != kBlockMagic) return Damaged("no block begins here");
  const uint8_t version = fixed.Byte();
  const auto header_bytes = fixed.Fixed<uint32_t>();
  const auto crc = fixed.Fixed<uint32_t>();
  if (!fixed.ok() || header_bytes < kBlockFixedBytes || header_bytes > bytes.size()) {
    return Damaged("its header is cut short");
  }
  const absl::string_view header = bytes.substr(0, header_bytes);
  if (HeaderCrc(header) != crc) return Damaged("checksum of its header");
  if (version != kBlockVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("block: format ", version, "; this program reads ", kBlockVersion));
  }
  Block block;
  block.bytes_ = bytes;
  ByteReader reader(header.substr(kBlockFixedBytes));
  TWIN_RETURN_IF_ERROR(block.TakeHeader(&reader));
  return block;
}

absl::Status Block::TakeHeader(ByteReader* reader) {
  const size_t header_bytes = kBlockFixedBytes + reader->rest().size();
  rows_ = static_cast<uint32_t>(reader->Varint(kBlockRowsMax));
  columns_ = reader->Varint32();
  first_time_ = reader->Fixed<int64_t>();
  last_time_ = static_cast<int64_t>(static_cast<uint64_t>(first_time_) + reader->Varint());
  first_sequence_ = reader->Varint();
  last_sequence_ = first_sequence_ + reader->Varint();
  // Where the directory ends is known further on.
  const ByteReader axes = *reader;
  absl::string_view anything = bytes_;
  for (Part* part : {&times_, &sequences_}) TakePart(reader, &anything, part);
  const uint64_t axes_bytes = reader->Varint(bytes_.size());
  kinds_ = reader->Bytes(columns_);
  const uint64_t groups = (uint64_t{columns_} + kGroupColumns - 1) / kGroupColumns;
  ends_ = reader->Bytes(groups * kGroupEndsBytes);
  if (!reader->ok() || !reader->done() || rows_ == 0) return Damaged("bytes of its header");

  uint64_t directory_bytes = 0;
  uint64_t data_bytes = axes_bytes;
  for (size_t at = 0; at < ends_.size(); at += kGroupEndsBytes) {
    const uint32_t directory_end = EndAt(ends_, at);
    const uint32_t data_end = EndAt(ends_, at + 4);
    if (directory_end < directory_bytes + sizeof(uint32_t) || data_end < data_bytes) {
      return Damaged("ends of its columns");
    }
    directory_bytes = directory_end;
    data_bytes = data_end;
  }
  if (header_bytes + directory_bytes + data_bytes > bytes_.size()) return Damaged("cut short");
  for (const char kind : kinds_) {
    if (DecimalsOfKind(kind) > kDecimalsMax || PresenceOf(kind) > Presence::kSome) {
      return Damaged("kinds of its columns");
    }
  }
  bytes_ = bytes_.substr(0, header_bytes + directory_bytes + data_bytes);
  directory_ = bytes_.substr(header_bytes, directory_bytes);
  data_ = bytes_.substr(header_bytes + directory_bytes);
  ByteReader again = axes;
  absl::string_view axes_data = data_.substr(0, axes_bytes);
  for (Part* part : {&times_, &sequences_}) TakePart(&again, &axes_data, part);
  if (!again.ok() || !axes_data.empty()) return Damaged("size of its times and sequences");
  return absl::OkStatus();
}

ColumnKind Block::kind(uint32_t column) const {
  TWIN_CHECK(column < columns_) << column << " of " << columns_;
  return KindOf(kinds_[column]);
}

uint8_t Block::decimals(uint32_t column) const {
  return kind(column) == ColumnKind::kScaled ? DecimalsOfKind(kinds_[column]) : 0;
}

void Block::TakeEntry(uint32_t column, ByteReader* reader, absl::string_view* data,
                      Entry* entry) const {
  const char kind_byte = kinds_[column];
  const Presence presence = PresenceOf(kind_byte);
  if (presence == Presence::kNone) return;
  entry->statistics.count =
      presence == Presence::kAll ? rows_ : static_cast<uint32_t>(reader->Varint(rows_));
  switch (KindOf(kind_byte)) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      TakeIntStatistics(reader, &entry->statistics, &entry->constant);
      break;
    case ColumnKind::kDouble:
      TakeDoubleStatistics(reader, DecimalsOfKind(kind_byte), &entry->statistics, &entry->constant);
      break;
    case ColumnKind::kValue:
      break;
  }
  TakePart(reader, data, &entry->part);
}

absl::Status Block::Find(uint32_t column, Entry* entry) const {
  TWIN_CHECK(column < columns_) << column << " of " << columns_;
  const uint32_t group = column / kGroupColumns;
  const size_t at = group * kGroupEndsBytes;
  // Of the first group, the data begins behind those of times and sequences.
  uint32_t begin = 0;
  uint32_t data_begin = 0;
  if (group > 0) {
    begin = EndAt(ends_, at - kGroupEndsBytes);
    data_begin = EndAt(ends_, at - kGroupEndsBytes + 4);
  } else {
    for (const Part* part : {&times_, &sequences_}) {
      if (!part->is_inline) data_begin += static_cast<uint32_t>(part->bytes.size());
    }
  }
  const uint32_t end = EndAt(ends_, at) - static_cast<uint32_t>(sizeof(uint32_t));
  const absl::string_view entries = directory_.substr(begin, end - begin);
  if (Crc32c(entries) != EndAt(directory_, end)) {
    return Damaged(absl::StrCat("checksum of the directory at column ", column));
  }
  ByteReader reader(entries);
  absl::string_view data = data_.substr(data_begin, EndAt(ends_, at + 4) - data_begin);
  for (uint32_t i = group * kGroupColumns; i <= column; ++i) {
    *entry = Entry();
    TakeEntry(i, &reader, &data, entry);
  }
  if (!reader.ok()) return Damaged(absl::StrCat("directory at column ", column));
  return absl::OkStatus();
}

absl::Status Block::ReadPart(const Part& part, absl::string_view what,
                             absl::Span<int64_t> ints) const {
  if (!part.is_inline && Crc32c(part.bytes) != part.crc) {
    return Damaged(absl::StrCat("checksum of its ", what));
  }
  ByteReader reader(part.bytes);
  if (!DecodeInts(&reader, ints) || !reader.done()) {
    return Damaged(absl::StrCat("bytes of its ", what));
  }
  return absl::OkStatus();
}

absl::Status Block::ReadTimes(std::vector<int64_t>* times) const {
  times->resize(rows_);
  TWIN_RETURN_IF_ERROR(ReadPart(times_, "times", absl::MakeSpan(*times)));
  for (int64_t& time : *times) {
    time = static_cast<int64_t>(static_cast<uint64_t>(time) + static_cast<uint64_t>(first_time_));
  }
  if (times->front() != first_time_ || times->back() != last_time_) {
    return Damaged("its times are not those of its header");
  }
  return absl::OkStatus();
}

absl::Status Block::ReadSequences(std::vector<uint64_t>* sequences) const {
  sequences->resize(rows_);
  const absl::Span<int64_t> ints(reinterpret_cast<int64_t*>(sequences->data()), rows_);
  TWIN_RETURN_IF_ERROR(ReadPart(sequences_, "sequences", ints));
  for (uint64_t& sequence : *sequences) sequence += first_sequence_;
  return absl::OkStatus();
}

absl::Status Block::ReadStatistics(uint32_t column, ColumnStatistics* statistics) const {
  Entry entry;
  TWIN_RETURN_IF_ERROR(Find(column, &entry));
  *statistics = entry.statistics;
  return absl::OkStatus();
}

absl::Status Block::ReadColumn(uint32_t column, ColumnValues* values) const {
  values->Clear();
  values->kind = kind(column);
  values->decimals = decimals(column);
  Entry entry;
  TWIN_RETURN_IF_ERROR(Find(column, &entry));
  const Part& part = entry.part;
  if (!part.is_inline && Crc32c(part.bytes) != part.crc) {
    return Damaged(absl::StrCat("checksum of column ", column));
  }
  const ColumnStatistics& statistics = entry.statistics;
  const size_t count = statistics.count;
  ByteReader reader(part.bytes);
  if (PresenceOf(kinds_[column]) != Presence::kAll) {
    values->missing.assign(rows_, 1);
    if (count > 0) DecodeMissing(&reader, absl::MakeSpan(values->missing));
    const auto present = std::count(values->missing.begin(), values->missing.end(), 0);
    if (!reader.ok() || static_cast<size_t>(present) != count) {
      return Damaged(absl::StrCat("missing values of column ", column));
    }
  }
  bool ok = false;
  switch (values->kind) {
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      ok = ReadItems(&reader, count, entry.constant ? &statistics.first_int : nullptr, rows_,
                     values->missing, &values->ints);
      break;
    case ColumnKind::kDouble:
      ok = ReadItems(&reader, count, entry.constant ? &statistics.first_double : nullptr, rows_,
                     values->missing, &values->doubles);
      break;
    case ColumnKind::kValue:
      ok = ReadItems<std::string>(&reader, count, nullptr, rows_, values->missing, &values->values);
      break;
  }
  if (!ok || !reader.done()) return Damaged(absl::StrCat("bytes of column ", column));
  return absl::OkStatus();
}

}  // namespace twin::timeseries
