// Blocks from anywhere: opening and reading one ends in values or DATA_LOSS, and what was read can
// be encoded and read again.
//
// The first byte of an input says what the others are:
//   0   a block
//   1   a block whose checksums are put right
//   2   changes of a sound block: position 2, byte 1; checksums are put right
//   3   a column's bytes: its kind 1, its rows 2, what codes them
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"
#include "server/timeseries/block.h"
#include "server/timeseries/block_format.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/int_codec.h"
#include "tests/fuzz/stored_bytes.h"

namespace twin::timeseries {
namespace {

constexpr uint32_t kColumnsMax = 64;  // read of one block

void SetCrc(absl::string_view of, size_t at, std::string* bytes) {
  const uint32_t crc = Crc32c(of);
  std::memcpy(bytes->data() + at, &crc, sizeof(crc));
}

// Makes the checksums of the header and of the directory fit.
void PutRight(std::string* bytes) {
  if (bytes->size() < kBlockFixedBytes) return;
  uint32_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes->data() + 5, sizeof(header_bytes));
  if (header_bytes < kBlockFixedBytes || header_bytes > bytes->size()) return;
  const absl::string_view all(*bytes);
  const uint32_t crc = ExtendCrc32c(Crc32c(all.substr(0, kBlockCrcAt)),
                                    all.substr(kBlockFixedBytes, header_bytes - kBlockFixedBytes));
  std::memcpy(bytes->data() + kBlockCrcAt, &crc, sizeof(crc));
  const absl::StatusOr<Block> block = Block::Open(*bytes);
  if (!block.ok()) return;
  const size_t groups = (block->columns() + kGroupColumns - 1) / kGroupColumns;
  uint32_t begin = 0;
  for (size_t i = 0; i < groups; ++i) {
    uint32_t end = 0;
    std::memcpy(&end, bytes->data() + header_bytes - (groups - i) * kGroupEndsBytes, sizeof(end));
    SetCrc(all.substr(header_bytes + begin, end - begin - 4), header_bytes + end - 4, bytes);
    begin = end;
  }
}

const std::string& SoundBlock() {
  static const auto* const bytes = [] {
    constexpr size_t kRows = 100;
    std::vector<int64_t> times(kRows);
    std::vector<uint64_t> sequences(kRows);
    std::vector<int32_t> scaled(kRows);
    std::vector<double> doubles(kRows);
    std::vector<std::string> texts(kRows);
    std::vector<uint8_t> missing(kRows);
    for (size_t i = 0; i < kRows; ++i) {
      times[i] = static_cast<int64_t>(i * i * 1000);
      sequences[i] = i * 7 % 100;
      scaled[i] = static_cast<int32_t>(3700 + i * 13 % 29);
      doubles[i] = i == 50 ? -0.0 : static_cast<double>(i % 7) / 10;
      texts[i] = absl::StrCat("text ", i % 5);
      missing[i] = i % 9 == 0 ? 1 : 0;
    }
    const std::vector<absl::string_view> views(texts.begin(), texts.end());
    std::vector<ColumnRows> columns(8);
    for (size_t i = 0; i < columns.size(); ++i) {
      columns[i].kind = static_cast<ColumnKind>(1 + i % 4);
      columns[i].decimals = i == 0 ? 3 : 0;
      columns[i].scaled = columns[i].kind == ColumnKind::kScaled ? scaled.data() : nullptr;
      columns[i].ints = times.data();
      columns[i].doubles = doubles.data();
      columns[i].values = views.data();
      if (i >= 4) columns[i].missing = missing.data();
    }
    auto* const made = new std::string();
    EncodeBlock({.group = {}, .times = times, .sequences = sequences, .columns = columns}, made);
    return made;
  }();
  return *bytes;
}

// A column that was read is encoded and read again, alone.
void CheckAgain(uint32_t rows, const ColumnValues& values) {
  std::vector<int64_t> times(rows);
  std::vector<uint64_t> sequences(rows);
  const std::vector<absl::string_view> views(values.values.begin(), values.values.end());
  ColumnRows column;
  column.kind = values.kind;
  column.decimals = values.decimals;
  column.ints = values.ints.data();
  column.doubles = values.doubles.data();
  column.values = views.data();
  column.missing = values.missing.empty() ? nullptr : values.missing.data();
  std::string bytes;
  EncodeBlock({.group = {}, .times = times, .sequences = sequences, .columns = {&column, 1}},
              &bytes);
  const absl::StatusOr<Block> block = Block::Open(bytes);
  TWIN_CHECK(block.ok()) << block.status();
  ColumnValues again;
  const absl::Status status = block->ReadColumn(0, &again);
  TWIN_CHECK(status.ok()) << status;
  TWIN_CHECK(again.ints == values.ints && again.values == values.values);
  TWIN_CHECK(again.doubles.size() == values.doubles.size());
  TWIN_CHECK(values.doubles.empty() ||
             std::memcmp(again.doubles.data(), values.doubles.data(), rows * sizeof(double)) == 0);
}

void ReadBlock(absl::string_view bytes) {
  const absl::StatusOr<Block> block = Block::Open(bytes);
  CheckOpened(block.status());
  if (!block.ok()) return;
  std::vector<int64_t> times;
  CheckRead(block->ReadTimes(&times));
  std::vector<uint64_t> sequences;
  CheckRead(block->ReadSequences(&sequences));
  for (uint32_t i = 0; i < block->columns() && i < kColumnsMax; ++i) {
    ColumnStatistics statistics;
    CheckRead(block->ReadStatistics(i, &statistics));
    ColumnValues values;
    const absl::Status status = block->ReadColumn(i, &values);
    CheckRead(status);
    if (status.ok()) CheckAgain(block->rows(), values);
  }
}

void ReadCoded(absl::string_view input) {
  ByteReader reader(input);
  const uint8_t kind = reader.Byte();
  const size_t rows = reader.Fixed<uint16_t>() % kBlockRowsMax + 1;
  if (!reader.ok()) return;
  std::vector<int64_t> ints(rows);
  std::vector<double> doubles(rows);
  std::vector<std::string> values(rows);
  std::vector<uint8_t> missing(rows);
  bool ok = false;
  switch (kind % 4) {
    case 0:
      ok = DecodeInts(&reader, absl::MakeSpan(ints));
      break;
    case 1:
      ok = DecodeDoubles(&reader, absl::MakeSpan(doubles));
      break;
    case 2:
      ok = DecodeValues(&reader, absl::MakeSpan(values));
      break;
    default:
      ok = DecodeMissing(&reader, absl::MakeSpan(missing));
      break;
  }
  TWIN_CHECK(ok == reader.ok());
}

void Run(uint8_t mode, absl::string_view input) {
  if (mode == 3) {
    ReadCoded(input);
    return;
  }
  std::string bytes = mode == 2 ? Edited(SoundBlock(), input) : std::string(input);
  if (mode > 0) PutRight(&bytes);
  ReadBlock(bytes);
}

}  // namespace
}  // namespace twin::timeseries

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  twin::timeseries::Run(data[0] % 4, {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
