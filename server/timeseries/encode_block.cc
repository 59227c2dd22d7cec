#include <algorithm>
#include <vector>

#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"
#include "server/timeseries/block.h"
#include "server/timeseries/block_format.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/int_codec.h"
#include "server/timeseries/statistics.h"

namespace twin::timeseries {
namespace {

// Describes a part in `directory`, and puts its bytes there too or into `data`.
void AppendPart(absl::string_view bytes, std::string* directory, std::string* data) {
  AppendVarint(directory, bytes.size());
  if (bytes.size() <= kInlineBytesMax) {
    directory->append(bytes.data(), bytes.size());
    return;
  }
  AppendFixed(directory, Crc32c(bytes));
  data->append(bytes.data(), bytes.size());
}

template <typename T, typename From>
void Gather(const From* from, const uint8_t* missing, size_t rows, std::vector<T>* values) {
  values->clear();
  values->reserve(rows);
  if (missing == nullptr) {
    values->assign(from, from + rows);
    return;
  }
  for (size_t i = 0; i < rows; ++i) {
    if (missing[i] == 0) values->push_back(from[i]);
  }
}

class Encoder {
 public:
  explicit Encoder(const Rows& rows) : rows_(rows) {}

  void Encode(std::string* bytes) {
    const size_t count = rows_.times.size();
    TWIN_CHECK(count >= 1 && count <= kBlockRowsMax) << count;
    TWIN_CHECK(rows_.sequences.size() == count) << rows_.sequences.size() << " of " << count;
    std::string axes;
    EncodeAxes(&axes);
    for (size_t i = 0; i < rows_.columns.size(); ++i) {
      EncodeColumn(rows_.columns[i]);
      if ((i + 1) % kGroupColumns == 0 || i + 1 == rows_.columns.size()) EndGroup();
    }
    TWIN_CHECK(directory_.size() + data_.size() <= UINT32_MAX / 2) << data_.size();
    std::string header(kBlockMagic);
    header.push_back(static_cast<char>(kBlockVersion));
    AppendFixed(&header, static_cast<uint32_t>(kBlockFixedBytes + axes.size() + kinds_.size() +
                                               ends_.size()));
    const uint32_t crc =
        ExtendCrc32c(ExtendCrc32c(ExtendCrc32c(Crc32c(header), axes), kinds_), ends_);
    AppendFixed(&header, crc);
    bytes->reserve(bytes->size() + header.size() + axes.size() + kinds_.size() + ends_.size() +
                   directory_.size() + data_.size());
    for (const std::string* part : {&header, &axes, &kinds_, &ends_, &directory_, &data_}) {
      bytes->append(*part);
    }
  }

 private:
  // Rows, columns, times and sequences.
  void EncodeAxes(std::string* header) {
    const size_t count = rows_.times.size();
    AppendVarint(header, count);
    AppendVarint(header, rows_.columns.size());
    const int64_t first_time = rows_.times.front();
    const auto [least, greatest] =
        std::minmax_element(rows_.sequences.begin(), rows_.sequences.end());
    AppendFixed(header, first_time);
    AppendVarint(header,
                 static_cast<uint64_t>(rows_.times.back()) - static_cast<uint64_t>(first_time));
    AppendVarint(header, *least);
    AppendVarint(header, *greatest - *least);
    ints_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      TWIN_CHECK(i == 0 || rows_.times[i - 1] <= rows_.times[i]) << "row " << i;
      ints_[i] = static_cast<int64_t>(static_cast<uint64_t>(rows_.times[i]) -
                                      static_cast<uint64_t>(first_time));
    }
    AppendInts(header);
    for (size_t i = 0; i < count; ++i) {
      ints_[i] = static_cast<int64_t>(rows_.sequences[i] - *least);
    }
    AppendInts(header);
    AppendVarint(header, data_.size());
  }

  void AppendInts(std::string* header) {
    part_.clear();
    EncodeInts(ints_, &part_);
    AppendPart(part_, header, &data_);
  }

  void EncodeColumn(const ColumnRows& column) {
    const size_t rows = rows_.times.size();
    const size_t without =
        column.missing == nullptr
            ? 0
            : rows - static_cast<size_t>(std::count(column.missing, column.missing + rows, 0));
    const Presence presence = without == 0      ? Presence::kAll
                              : without == rows ? Presence::kNone
                                                : Presence::kSome;
    uint8_t decimals = column.kind == ColumnKind::kScaled ? column.decimals : 0;
    TWIN_CHECK(decimals <= kDecimalsMax) << int{decimals};
    if (presence != Presence::kNone) {
      part_.clear();
      const uint8_t* missing = nullptr;
      if (presence == Presence::kSome) {
        missing = column.missing;
        AppendVarint(&directory_, rows - without);
        EncodeMissing({missing, rows}, &part_);
      }
      EncodeValuesOf(column, missing, &decimals);
      AppendPart(part_, &directory_, &data_);
    }
    kinds_.push_back(KindByte(column.kind, decimals, presence));
  }

  // Statistics into the directory, values behind what is in `part_`.
  void EncodeValuesOf(const ColumnRows& column, const uint8_t* missing, uint8_t* decimals) {
    const size_t rows = rows_.times.size();
    bool constant = false;
    switch (column.kind) {
      case ColumnKind::kScaled:
      case ColumnKind::kInt: {
        TWIN_CHECK(column.scaled != nullptr || column.ints != nullptr);
        absl::Span<const int64_t> ints(column.ints, rows);
        if (column.scaled != nullptr) {
          Gather(column.scaled, missing, rows, &ints_);
          ints = ints_;
        } else if (missing != nullptr) {
          Gather(column.ints, missing, rows, &ints_);
          ints = ints_;
        }
        const ColumnStatistics statistics = StatisticsOf(ints, &constant);
        AppendIntStatistics(statistics, constant, &directory_);
        if (!constant) EncodeInts(ints, &part_);
        return;
      }
      case ColumnKind::kDouble: {
        TWIN_CHECK(column.doubles != nullptr);
        absl::Span<const double> doubles(column.doubles, rows);
        if (missing != nullptr) {
          Gather(column.doubles, missing, rows, &doubles_);
          doubles = doubles_;
        }
        const ColumnStatistics statistics = StatisticsOf(doubles, &constant);
        AppendDoubleStatistics(statistics, constant, decimals, &directory_);
        if (!constant) EncodeDoubles(doubles, &part_);
        return;
      }
      case ColumnKind::kValue:
        TWIN_CHECK(column.values != nullptr);
        Gather(column.values, missing, rows, &values_);
        EncodeValues(values_, &part_);
        return;
    }
    TWIN_CHECK(false) << "kind " << static_cast<int>(column.kind);
  }

  void EndGroup() {
    AppendFixed(&directory_, Crc32c(absl::string_view(directory_).substr(group_begin_)));
    group_begin_ = directory_.size();
    AppendFixed(&ends_, static_cast<uint32_t>(directory_.size()));
    AppendFixed(&ends_, static_cast<uint32_t>(data_.size()));
  }

  const Rows& rows_;
  std::string kinds_;
  std::string ends_;
  std::string directory_;
  std::string data_;
  size_t group_begin_ = 0;
  // Of the column at hand.
  std::string part_;
  std::vector<int64_t> ints_;
  std::vector<double> doubles_;
  std::vector<absl::string_view> values_;
};

}  // namespace

void EncodeBlock(const Rows& rows, std::string* bytes) { Encoder(rows).Encode(bytes); }

}  // namespace twin::timeseries
