// Packed blocks from anywhere: opening and reading one ends in values or DATA_LOSS, and never takes
// more memory than the most that a block may hold.
//
// The first byte of an input says what the others are:
//   0   a packed block
//   1   a packed block whose checksums are put right
//   2   changes of a sound one: position 2, byte 1; checksums are put right
//   3   a strand: its columns 1, its rows 2, its bytes
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"
#include "server/timeseries/packed_block.h"
#include "server/timeseries/strand.h"
#include "tests/fuzz/stored_bytes.h"

namespace twin::timeseries {
namespace {

constexpr uint32_t kReadColumnsMax = 64;  // of one block

// Makes the checksum of the header fit. Those of strands are in it: they are what a change of the
// data has to get past, so a change of the header reads them as they were.
void PutHeaderRight(std::string* bytes) {
  if (bytes->size() < kPackedFixedBytes) return;
  uint32_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes->data() + 5, sizeof(header_bytes));
  if (header_bytes < kPackedFixedBytes || header_bytes > bytes->size()) return;
  const absl::string_view all(*bytes);
  const uint32_t crc =
      ExtendCrc32c(Crc32c(all.substr(0, kPackedCrcAt)),
                   all.substr(kPackedFixedBytes, header_bytes - kPackedFixedBytes));
  std::memcpy(bytes->data() + kPackedCrcAt, &crc, sizeof(crc));
}

const std::string& SoundPackedBlock() {
  static const auto* const bytes = [] {
    constexpr size_t kRows = 60;
    constexpr size_t kColumns = 12;
    std::vector<int64_t> times(kRows);
    std::vector<uint64_t> sequences(kRows);
    std::vector<std::vector<int32_t>> cells(kColumns, std::vector<int32_t>(kRows));
    std::vector<double> doubles(kRows);
    std::vector<uint8_t> missing(kRows);
    for (size_t t = 0; t < kRows; ++t) {
      times[t] = static_cast<int64_t>(t) * 10'000'000'000;
      sequences[t] = t + 1;
      doubles[t] = static_cast<double>(t % 7) / 10;
      missing[t] = t % 9 == 4 ? 1 : 0;
      for (size_t c = 0; c < kColumns; ++c) {
        cells[c][t] = static_cast<int32_t>(3700 + t * 13 % 29 + c * 2 + (t * c) % 3);
      }
    }
    std::vector<ColumnRows> columns(kColumns);
    std::vector<uint32_t> families(kColumns);
    for (size_t c = 0; c < kColumns; ++c) {
      families[c] = c < 6 ? 0 : 1;
      columns[c].kind = c < 6    ? ColumnKind::kScaled
                        : c < 10 ? ColumnKind::kInt
                                 : ColumnKind::kDouble;
      columns[c].decimals = c < 6 ? 3 : 0;
      if (c < 6) columns[c].scaled = cells[c].data();
      columns[c].ints = times.data();
      columns[c].doubles = doubles.data();
      if (c % 4 == 3) columns[c].missing = missing.data();
    }
    auto* const made = new std::string();
    EncodePackedBlock({.group = {}, .times = times, .sequences = sequences, .columns = columns},
                      families, made);
    return made;
  }();
  return *bytes;
}

void ReadPacked(absl::string_view bytes) {
  const absl::StatusOr<PackedBlock> block = PackedBlock::Open(bytes);
  CheckOpened(block.status());
  if (!block.ok()) return;
  std::vector<int64_t> times;
  CheckRead(block->rest().ReadTimes(&times));
  PackedBlock::Decoded decoded;
  for (uint32_t c = 0; c < block->columns() && c < kReadColumnsMax; ++c) {
    ColumnStatistics statistics;
    CheckRead(block->ReadStatistics(c, &decoded, &statistics));
    ColumnValues values;
    const absl::Status status = block->ReadColumn(c, &decoded, &values);
    CheckRead(status);
    if (!status.ok()) continue;
    TWIN_CHECK(values.kind == block->kind(c) && values.decimals == block->decimals(c));
    TWIN_CHECK(values.missing.empty() || values.missing.size() == block->rows());
  }
}

// What is read can be coded and read again.
void ReadStrand(absl::string_view input) {
  ByteReader reader(input);
  const size_t columns = reader.Byte() % kStrandColumnsMax + 1;
  const size_t rows = reader.Fixed<uint16_t>() % kStrandRowsMax + 1;
  std::vector<int64_t> values;
  if (!reader.ok() || !DecodeStrand(&reader, columns, rows, &values)) return;
  std::vector<StrandColumn> again(columns);
  for (size_t c = 0; c < columns; ++c) again[c].values = values.data() + c * rows;
  for (const int64_t value : values) {
    if (value <= -kStrandValueEnd || value >= kStrandValueEnd) return;
  }
  std::string bytes;
  EncodeStrand(again, rows, &bytes);
  ByteReader coded(bytes);
  std::vector<int64_t> read;
  TWIN_CHECK(DecodeStrand(&coded, columns, rows, &read) && coded.done());
  TWIN_CHECK(read == values);
}

void RunPacked(uint8_t mode, absl::string_view input) {
  if (mode == 3) {
    ReadStrand(input);
    return;
  }
  std::string bytes = mode == 2 ? Edited(SoundPackedBlock(), input) : std::string(input);
  if (mode > 0) PutHeaderRight(&bytes);
  ReadPacked(bytes);
}

}  // namespace
}  // namespace twin::timeseries

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  twin::timeseries::RunPacked(data[0] % 4, {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
