// A placeholder of the block format.
#include "server/timeseries/block.h"

#include <algorithm>

#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"

namespace twin::timeseries {

void EncodeBlock(const Rows& rows, std::string* out) {
  std::string body;
  const size_t n = rows.times.size();
  AppendFixed<uint32_t>(&body, static_cast<uint32_t>(n));
  AppendFixed<uint32_t>(&body, static_cast<uint32_t>(rows.columns.size()));
  for (size_t i = 0; i < n; ++i) AppendFixed(&body, rows.times[i]);
  for (size_t i = 0; i < n; ++i) AppendFixed(&body, rows.sequences[i]);
  for (const ColumnRows& column : rows.columns) {
    std::string bytes;
    for (size_t i = 0; i < n; ++i) {
      const bool missing = column.missing != nullptr && column.missing[i] != 0;
      AppendFixed<uint8_t>(&bytes, missing ? 1 : 0);
      if (column.kind == ColumnKind::kDouble) AppendFixed(&bytes, column.doubles[i]);
      if (column.kind == ColumnKind::kInt) AppendFixed(&bytes, column.ints[i]);
      if (column.kind == ColumnKind::kScaled) {
        AppendFixed<int64_t>(&bytes, column.scaled != nullptr ? column.scaled[i] : column.ints[i]);
      }
      if (column.kind == ColumnKind::kValue) {
        AppendString(&bytes, missing ? absl::string_view() : column.values[i]);
      }
    }
    AppendFixed(&body, static_cast<uint8_t>(column.kind));
    AppendFixed(&body, column.decimals);
    AppendFixed(&body, static_cast<uint32_t>(bytes.size()));
    body += bytes;
  }
  AppendFixed<uint32_t>(out, static_cast<uint32_t>(body.size()));
  AppendFixed<uint32_t>(out, Crc32c(body));
  *out += body;
}

absl::StatusOr<Block> Block::Open(absl::string_view bytes) {
  ByteReader reader(bytes);
  const uint32_t size = reader.Fixed<uint32_t>();
  const uint32_t crc = reader.Fixed<uint32_t>();
  const absl::string_view body = reader.Bytes(size);
  if (!reader.ok() || Crc32c(body) != crc) return absl::DataLossError("no block");
  Block block;
  block.bytes_ = bytes.substr(0, 8 + size);
  ByteReader in(body);
  block.rows_ = in.Fixed<uint32_t>();
  block.columns_ = in.Fixed<uint32_t>();
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  (void)block.ReadTimes(&times);
  (void)block.ReadSequences(&sequences);
  block.first_time_ = times.front();
  block.last_time_ = times.back();
  block.first_sequence_ = *std::min_element(sequences.begin(), sequences.end());
  block.last_sequence_ = *std::max_element(sequences.begin(), sequences.end());
  return block;
}

absl::Status Block::ReadTimes(std::vector<int64_t>* times) const {
  ByteReader in(bytes_.substr(16));
  times->clear();
  for (uint32_t i = 0; i < rows_; ++i) times->push_back(in.Fixed<int64_t>());
  return absl::OkStatus();
}

absl::Status Block::ReadSequences(std::vector<uint64_t>* sequences) const {
  ByteReader in(bytes_.substr(16 + 8 * rows_));
  sequences->clear();
  for (uint32_t i = 0; i < rows_; ++i) sequences->push_back(in.Fixed<uint64_t>());
  return absl::OkStatus();
}

absl::Status Block::ReadColumn(uint32_t column, ColumnValues* values) const {
  ByteReader in(bytes_.substr(16 + 16 * rows_));
  *values = ColumnValues();
  for (uint32_t c = 0; c <= column; ++c) {
    values->kind = static_cast<ColumnKind>(in.Byte());
    values->decimals = in.Byte();
    const auto size = in.Fixed<uint32_t>();
    const absl::string_view cells = in.Bytes(size);
    if (c < column) continue;
    ByteReader cell(cells);
    bool some = false;
    for (uint32_t i = 0; i < rows_; ++i) {
      values->missing.push_back(cell.Byte());
      some |= values->missing.back() != 0;
      switch (values->kind) {
        case ColumnKind::kDouble:
          values->doubles.push_back(cell.Fixed<double>());
          break;
        case ColumnKind::kInt:
        case ColumnKind::kScaled:
          values->ints.push_back(cell.Fixed<int64_t>());
          break;
        case ColumnKind::kValue:
          values->values.emplace_back(cell.String());
          break;
      }
    }
    if (!some) values->missing.clear();
  }
  return absl::OkStatus();
}

}  // namespace twin::timeseries
