// A re-packed block: rows of one group as fewer bytes than a block takes, since columns that
// measure the same thing are coded together (strand.h). The times, the sequences and the columns
// that are not packed are a block inside. docs/formats/history.md draws the bytes.
#ifndef TWIN_SERVER_TIMESERIES_PACKED_BLOCK_H_
#define TWIN_SERVER_TIMESERIES_PACKED_BLOCK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/coding.h"
#include "server/timeseries/block.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

inline constexpr absl::string_view kPackedMagic = "TWPB";
inline constexpr uint8_t kPackedVersion = 1;
inline constexpr size_t kPackedFixedBytes = 13;  // magic, version, bytes of the header, checksum
inline constexpr size_t kPackedCrcAt = 9;
inline constexpr uint32_t kPackedColumnsMax = 1 << 16;

// Appends a packed block. `rows`: as of EncodeBlock, up to kPackedColumnsMax columns. `families`: a
// number for each column; columns of one number measure the same thing.
void EncodePackedBlock(const Rows& rows, absl::Span<const uint32_t> families, std::string* bytes);

// Thread-safe to read. `bytes` outlive it.
class PackedBlock {
 public:
  static bool IsPacked(absl::string_view bytes);
  // Looks at the header and its checksum. DATA_LOSS: this is no packed block, or not all of it.
  // FAILED_PRECONDITION: a newer format.
  static absl::StatusOr<PackedBlock> Open(absl::string_view bytes);

  uint32_t rows() const { return rest_.rows(); }
  uint32_t columns() const { return static_cast<uint32_t>(places_.size()); }
  size_t bytes() const { return bytes_; }
  // Times and sequences, as of all rows; and the columns that are not packed, as its own.
  const Block& rest() const { return rest_; }
  ColumnKind kind(uint32_t column) const;
  uint8_t decimals(uint32_t column) const;

  // Columns are decoded together: what the last ReadColumn decoded, for the next one.
  struct Decoded {
    uint32_t strand = UINT32_MAX;
    std::vector<int64_t> values;
    uint32_t described = UINT32_MAX;           // the strand …
    std::vector<ColumnStatistics> statistics;  // … that these are of
  };
  // All rows. DATA_LOSS: a checksum is wrong, or, with one that fits, bytes that nothing writes.
  // Cost: that of all columns of its strand, unless `decoded` has them.
  absl::Status ReadColumn(uint32_t column, Decoded* decoded, ColumnValues* values) const;
  // Without decoding the column. Cost: that of all columns of its strand, unless `decoded` has
  // them.
  absl::Status ReadStatistics(uint32_t column, Decoded* decoded,
                              ColumnStatistics* statistics) const;

 private:
  struct Place {
    uint32_t strand = 0;  // 0: in the rest, then from 1
    uint32_t index = 0;   // there
  };
  struct Strand {
    ColumnKind kind = ColumnKind::kScaled;
    uint8_t decimals = 0;  // also of doubles, which are decimals
    bool some_missing = false;
    uint32_t columns = 0;
    absl::string_view description;
    absl::string_view data;
    uint32_t crc = 0;
  };

  explicit PackedBlock(const Block& rest) : rest_(rest) {}
  static absl::StatusOr<PackedBlock> TakeHeader(absl::string_view bytes, size_t header_bytes);
  bool TakeStrands(ByteReader* reader, absl::string_view* data);
  // What a strand's description says of its columns. Leaves the reader before the masks.
  bool Describe(const Strand& strand, ByteReader* reader,
                std::vector<ColumnStatistics>* statistics) const;
  bool ReadMissing(const Strand& strand, uint32_t index, std::vector<uint8_t>* missing) const;

  Block rest_;
  size_t bytes_ = 0;
  std::vector<Place> places_;
  std::vector<Strand> strands_;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_PACKED_BLOCK_H_
