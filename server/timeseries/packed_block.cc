#include "server/timeseries/packed_block.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/crc32c.h"
#include "server/base/status_macros.h"
#include "server/timeseries/block_format.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/int_codec.h"
#include "server/timeseries/strand.h"

namespace twin::timeseries {
namespace {

absl::Status DamagedPack(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("packed block: ", what));
}

int64_t Sum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

}  // namespace

bool PackedBlock::IsPacked(absl::string_view bytes) {
  return bytes.substr(0, kPackedMagic.size()) == kPackedMagic;
}

absl::StatusOr<PackedBlock> PackedBlock::Open(absl::string_view bytes) {
  ByteReader fixed(bytes);
  if (fixed.Bytes(kPackedMagic.size()) != kPackedMagic) return DamagedPack("none begins here");
  const uint8_t version = fixed.Byte();
  const auto header_bytes = fixed.Fixed<uint32_t>();
  const auto crc = fixed.Fixed<uint32_t>();
  if (!fixed.ok() || header_bytes < kPackedFixedBytes || header_bytes > bytes.size()) {
    return DamagedPack("its header is cut short");
  }
  const absl::string_view header = bytes.substr(0, header_bytes);
  if (ExtendCrc32c(Crc32c(header.substr(0, kPackedCrcAt)), header.substr(kPackedFixedBytes)) !=
      crc) {
    return DamagedPack("checksum of its header");
  }
  if (version != kPackedVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("packed block: format ", version, "; this program reads ", kPackedVersion));
  }
  return TakeHeader(bytes, header_bytes);
}

absl::StatusOr<PackedBlock> PackedBlock::TakeHeader(absl::string_view bytes, size_t header_bytes) {
  ByteReader reader(bytes.substr(kPackedFixedBytes, header_bytes - kPackedFixedBytes));
  const auto columns = static_cast<uint32_t>(reader.Varint(kPackedColumnsMax));
  const auto strands = static_cast<uint32_t>(reader.Varint(columns));
  const uint64_t rest_bytes = reader.Varint(bytes.size() - header_bytes);
  if (!reader.ok()) return DamagedPack("bytes of its header");
  TWIN_ASSIGN_OR_RETURN(const Block rest, Block::Open(bytes.substr(header_bytes, rest_bytes)));
  PackedBlock block(rest);
  if (rest.bytes() != rest_bytes) return DamagedPack("size of the block inside");

  std::vector<int64_t> numbers(columns);
  if (!DecodeInts(&reader, absl::MakeSpan(numbers))) return DamagedPack("places of its columns");
  block.strands_.resize(strands);
  block.places_.resize(columns);
  uint32_t not_packed = 0;
  for (uint32_t c = 0; c < columns; ++c) {
    if (numbers[c] < 0 || numbers[c] > strands) return DamagedPack("places of its columns");
    const auto strand = static_cast<uint32_t>(numbers[c]);
    block.places_[c] = {strand, strand == 0 ? not_packed++ : block.strands_[strand - 1].columns++};
  }
  if (not_packed != rest.columns()) return DamagedPack("columns of the block inside");
  absl::string_view data = bytes.substr(header_bytes + rest_bytes);
  const size_t behind = data.size();
  if (!block.TakeStrands(&reader, &data)) return DamagedPack("its strands");
  block.bytes_ = header_bytes + rest_bytes + (behind - data.size());
  return block;
}

bool PackedBlock::TakeStrands(ByteReader* reader, absl::string_view* data) {
  for (Strand& strand : strands_) {
    const char kind = static_cast<char>(reader->Byte());
    strand.kind = KindOf(kind);
    strand.decimals = DecimalsOfKind(kind);
    strand.some_missing = PresenceOf(kind) == Presence::kSome;
    strand.description = reader->String();
    const uint64_t size = reader->Varint(data->size());
    strand.crc = reader->Fixed<uint32_t>();
    if (!reader->ok() || strand.kind == ColumnKind::kValue || strand.decimals > kDecimalsMax ||
        (strand.kind == ColumnKind::kInt && strand.decimals != 0) ||
        (!strand.some_missing && PresenceOf(kind) != Presence::kAll) || strand.columns == 0 ||
        strand.columns > kStrandColumnsMax) {
      return false;
    }
    strand.data = data->substr(0, size);
    data->remove_prefix(size);
  }
  return reader->done();
}

ColumnKind PackedBlock::kind(uint32_t column) const {
  const Place& place = places_[column];
  return place.strand == 0 ? rest_.kind(place.index) : strands_[place.strand - 1].kind;
}

uint8_t PackedBlock::decimals(uint32_t column) const {
  const Place& place = places_[column];
  if (place.strand == 0) return rest_.decimals(place.index);
  const Strand& strand = strands_[place.strand - 1];
  return strand.kind == ColumnKind::kScaled ? strand.decimals : 0;
}

bool PackedBlock::Describe(const Strand& strand, ByteReader* reader,
                           std::vector<ColumnStatistics>* statistics) const {
  std::vector<int64_t> each(strand.columns);
  statistics->assign(strand.columns, ColumnStatistics());
  const auto next = [&](auto take) {
    if (!DecodeInts(reader, absl::MakeSpan(each))) return;
    for (uint32_t i = 0; i < strand.columns; ++i) take(each[i], &(*statistics)[i]);
  };
  using S = ColumnStatistics;
  for (S& s : *statistics) s.count = rows();
  bool counts_fit = true;
  if (strand.some_missing) {
    next([&](int64_t count, S* s) {
      counts_fit &= count >= 1 && count <= int64_t{rows()};
      s->count = static_cast<uint32_t>(count);
    });
  }
  next([](int64_t value, S* s) { s->min_int = value; });
  next([](int64_t value, S* s) { s->max_int = Sum(s->min_int, value); });
  next([](int64_t value, S* s) { s->first_int = Sum(s->min_int, value); });
  next([](int64_t value, S* s) { s->last_int = Sum(s->min_int, value); });
  next([](int64_t value, S* s) {
    s->sum_int = static_cast<int64_t>(static_cast<uint64_t>(s->min_int) * uint64_t{s->count} +
                                      static_cast<uint64_t>(value));
  });
  if (strand.kind == ColumnKind::kDouble) {
    const int decimals = strand.decimals;
    next([decimals](int64_t value, S* s) {
      s->min_double = FromDecimal(s->min_int, decimals);
      s->max_double = FromDecimal(s->max_int, decimals);
      s->first_double = FromDecimal(s->first_int, decimals);
      s->last_double = FromDecimal(s->last_int, decimals);
      const auto nearest = std::bit_cast<uint64_t>(FromDecimal(s->sum_int, decimals));
      s->sum_double = std::bit_cast<double>(nearest + static_cast<uint64_t>(value));
      s->min_int = s->max_int = s->first_int = s->last_int = s->sum_int = 0;
    });
  }
  return reader->ok() && counts_fit;
}

bool PackedBlock::ReadMissing(const Strand& strand, uint32_t index,
                              std::vector<uint8_t>* missing) const {
  ByteReader reader(strand.description);
  std::vector<ColumnStatistics> statistics;
  if (!Describe(strand, &reader, &statistics)) return false;
  // Which of the masks below is the column's; 0: it misses none.
  std::vector<int64_t> mask_of(strand.columns);
  if (!DecodeInts(&reader, absl::MakeSpan(mask_of))) return false;
  const int64_t mask = mask_of[index];
  const uint64_t masks = reader.Varint(strand.columns);
  const int64_t count = statistics[index].count;
  if (!reader.ok() || mask < 0 || mask > static_cast<int64_t>(masks)) return false;
  if (mask == 0) return count == int64_t{rows()};
  missing->assign(rows(), 0);
  for (int64_t i = 0; i < mask; ++i) {
    if (!DecodeMissing(&reader, absl::MakeSpan(*missing))) return false;
  }
  return std::count(missing->begin(), missing->end(), 0) == count;
}

absl::Status PackedBlock::ReadStatistics(uint32_t column, Decoded* decoded,
                                         ColumnStatistics* statistics) const {
  TWIN_CHECK(column < columns()) << column << " of " << columns();
  const Place& place = places_[column];
  if (place.strand == 0) return rest_.ReadStatistics(place.index, statistics);
  if (decoded->described != place.strand) {
    decoded->described = UINT32_MAX;
    const Strand& strand = strands_[place.strand - 1];
    ByteReader reader(strand.description);
    if (!Describe(strand, &reader, &decoded->statistics)) {
      return DamagedPack(absl::StrCat("statistics of column ", column));
    }
    decoded->described = place.strand;
  }
  *statistics = decoded->statistics[place.index];
  return absl::OkStatus();
}

absl::Status PackedBlock::ReadColumn(uint32_t column, Decoded* decoded,
                                     ColumnValues* values) const {
  TWIN_CHECK(column < columns()) << column << " of " << columns();
  const Place& place = places_[column];
  if (place.strand == 0) return rest_.ReadColumn(place.index, values);
  const Strand& strand = strands_[place.strand - 1];
  if (decoded->strand != place.strand) {
    decoded->strand = UINT32_MAX;
    if (Crc32c(strand.data) != strand.crc) {
      return DamagedPack(absl::StrCat("checksum of the strand of column ", column));
    }
    ByteReader reader(strand.data);
    if (!DecodeStrand(&reader, strand.columns, rows(), &decoded->values) || !reader.done()) {
      return DamagedPack(absl::StrCat("strand of column ", column));
    }
    decoded->strand = place.strand;
  }
  values->ints.clear();
  values->doubles.clear();
  values->values.clear();
  values->missing.clear();
  values->kind = strand.kind;
  values->decimals = strand.kind == ColumnKind::kScaled ? strand.decimals : 0;
  if (strand.some_missing) {
    if (!ReadMissing(strand, place.index, &values->missing)) {
      return DamagedPack(absl::StrCat("missing values of column ", column));
    }
  }
  const auto begin =
      decoded->values.begin() + static_cast<std::ptrdiff_t>(size_t{place.index} * rows());
  if (strand.kind == ColumnKind::kDouble) {
    values->doubles.resize(rows());
    std::transform(begin, begin + rows(), values->doubles.begin(),
                   [&](int64_t value) { return FromDecimal(value, strand.decimals); });
    for (size_t row = 0; row < values->missing.size(); ++row) {
      if (values->missing[row] != 0) values->doubles[row] = 0;
    }
  } else {
    values->ints.assign(begin, begin + rows());
    for (size_t row = 0; row < values->missing.size(); ++row) {
      if (values->missing[row] != 0) values->ints[row] = 0;
    }
  }
  return absl::OkStatus();
}

}  // namespace twin::timeseries
