#include <algorithm>
#include <bit>
#include <map>
#include <tuple>
#include <vector>

#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"
#include "server/timeseries/block.h"
#include "server/timeseries/block_format.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/int_codec.h"
#include "server/timeseries/packed_block.h"
#include "server/timeseries/statistics.h"
#include "server/timeseries/strand.h"

namespace twin::timeseries {
namespace {

// Of many rows a strand has fewer columns: who reads one of them decodes them all.
constexpr size_t kManyRows = 1024;
constexpr size_t kColumnsOfManyRows = 48;

// A column whose values are integers of a strand.
struct Packable {
  uint32_t column = 0;
  ColumnKind kind = ColumnKind::kInt;
  uint8_t decimals = 0;
  std::vector<int64_t> values;
  const uint8_t* missing = nullptr;
  ColumnStatistics statistics;
};

class PackedEncoder {
 public:
  PackedEncoder(const Rows& rows, absl::Span<const uint32_t> families)
      : rows_(rows), families_(families), count_(rows.times.size()) {}

  void Encode(std::string* bytes) {
    const size_t columns = rows_.columns.size();
    TWIN_CHECK(columns <= kPackedColumnsMax && families_.size() == columns) << columns;
    // By family and form, in the order of columns.
    std::map<std::tuple<uint32_t, ColumnKind, uint8_t>, std::vector<Packable>> alike;
    for (uint32_t c = 0; c < columns; ++c) {
      Packable packable;
      if (!TakePackable(c, &packable)) continue;
      alike[{families_[c], packable.kind, packable.decimals}].push_back(std::move(packable));
    }
    numbers_.assign(columns, 0);
    for (const auto& [form, all] : alike) AddStrands(all);

    std::string rest;
    std::vector<ColumnRows> not_packed;
    for (uint32_t c = 0; c < columns; ++c) {
      if (numbers_[c] == 0) not_packed.push_back(rows_.columns[c]);
    }
    Rows rest_rows = rows_;
    rest_rows.columns = not_packed;
    EncodeBlock(rest_rows, &rest);

    std::string header;
    AppendVarint(&header, columns);
    AppendVarint(&header, strands_);
    AppendVarint(&header, rest.size());
    EncodeInts(numbers_, &header);
    header += descriptions_;
    std::string fixed(kPackedMagic);
    fixed.push_back(static_cast<char>(kPackedVersion));
    AppendFixed(&fixed, static_cast<uint32_t>(kPackedFixedBytes + header.size()));
    AppendFixed(&fixed, ExtendCrc32c(Crc32c(fixed), header));
    for (const std::string* part : {&fixed, &header, &rest, &data_}) bytes->append(*part);
  }

 private:
  bool TakePackable(uint32_t column, Packable* packable) const {
    const ColumnRows& from = rows_.columns[column];
    packable->column = column;
    packable->kind = from.kind;
    if (from.missing != nullptr &&
        std::count(from.missing, from.missing + count_, 0) != static_cast<std::ptrdiff_t>(count_)) {
      packable->missing = from.missing;
    }
    switch (from.kind) {
      case ColumnKind::kScaled:
        packable->decimals = from.decimals;
        if (from.scaled != nullptr) {
          packable->values.assign(from.scaled, from.scaled + count_);
          break;
        }
        [[fallthrough]];
      case ColumnKind::kInt:
        packable->values.assign(from.ints, from.ints + count_);
        break;
      case ColumnKind::kDouble:
        if (!TakeDecimals(from, packable)) return false;
        break;
      case ColumnKind::kValue:
        return false;
    }
    const std::vector<int64_t> present = Present(*packable, packable->values);
    if (present.empty()) return false;
    bool constant = false;
    packable->statistics = StatisticsOf(present, &constant);
    if (packable->statistics.min_int <= -kStrandValueEnd ||
        packable->statistics.max_int >= kStrandValueEnd) {
      return false;
    }
    if (from.kind == ColumnKind::kDouble) {
      std::vector<double> doubles;
      for (size_t t = 0; t < count_; ++t) {
        if (Has(*packable, t)) doubles.push_back(from.doubles[t]);
      }
      packable->statistics.sum_double = StatisticsOf(doubles, &constant).sum_double;
    }
    return true;
  }

  // Doubles as integers of as many decimals as the column needs.
  bool TakeDecimals(const ColumnRows& from, Packable* packable) const {
    int decimals = 0;
    for (size_t t = 0; t < count_; ++t) {
      if (!Has(*packable, t)) continue;
      const int of = DecimalsOf(from.doubles[t]);
      if (of < 0) return false;
      decimals = std::max(decimals, of);
    }
    packable->decimals = static_cast<uint8_t>(decimals);
    packable->values.assign(count_, 0);
    for (size_t t = 0; t < count_; ++t) {
      if (Has(*packable, t) && !ToDecimal(from.doubles[t], decimals, &packable->values[t])) {
        return false;
      }
    }
    return true;
  }

  static bool Has(const Packable& packable, size_t row) {
    return packable.missing == nullptr || packable.missing[row] == 0;
  }

  std::vector<int64_t> Present(const Packable& packable, const std::vector<int64_t>& values) const {
    if (packable.missing == nullptr) return values;
    std::vector<int64_t> present;
    for (size_t t = 0; t < count_; ++t) {
      if (Has(packable, t)) present.push_back(values[t]);
    }
    return present;
  }

  // Strands of about the same size.
  void AddStrands(absl::Span<const Packable> all) {
    const size_t most = count_ > kManyRows ? kColumnsOfManyRows : kStrandColumnsMax;
    const size_t parts = (all.size() + most - 1) / most;
    for (size_t i = 0; i < parts; ++i) {
      const size_t begin = all.size() * i / parts;
      AddStrand(all.subspan(begin, all.size() * (i + 1) / parts - begin));
    }
  }

  void AddStrand(absl::Span<const Packable> columns) {
    std::vector<StrandColumn> strand;
    bool some_missing = false;
    for (const Packable& column : columns) {
      strand.push_back({column.values.data(), column.missing});
      some_missing |= column.missing != nullptr;
    }
    std::string coded;
    EncodeStrand(strand, count_, &coded);
    // One column by itself may take less as of a block.
    if (columns.size() == 1) {
      std::string alone;
      EncodeInts(columns[0].values, &alone);
      if (alone.size() <= coded.size()) return;
    }
    strands_ += 1;
    for (const Packable& column : columns) numbers_[column.column] = strands_;
    descriptions_.push_back(KindByte(columns[0].kind, columns[0].decimals,
                                     some_missing ? Presence::kSome : Presence::kAll));
    AppendString(&descriptions_, Describe(columns, some_missing));
    AppendVarint(&descriptions_, coded.size());
    AppendFixed(&descriptions_, Crc32c(coded));
    data_ += coded;
  }

  // Statistics and masks.
  std::string Describe(absl::Span<const Packable> columns, bool some_missing) const {
    std::string bytes;
    std::vector<int64_t> each(columns.size());
    const auto append = [&](auto figure) {
      for (size_t i = 0; i < each.size(); ++i) each[i] = figure(columns[i].statistics);
      EncodeInts(each, &bytes);
    };
    using S = ColumnStatistics;
    if (some_missing) append([](const S& s) { return int64_t{s.count}; });
    append([](const S& s) { return s.min_int; });
    append([](const S& s) { return s.max_int - s.min_int; });
    append([](const S& s) { return s.first_int - s.min_int; });
    append([](const S& s) { return s.last_int - s.min_int; });
    append([](const S& s) { return s.sum_int - s.min_int * int64_t{s.count}; });
    if (columns[0].kind == ColumnKind::kDouble) {
      const int decimals = columns[0].decimals;
      append([decimals](const S& s) {
        return static_cast<int64_t>(std::bit_cast<uint64_t>(s.sum_double) -
                                    std::bit_cast<uint64_t>(FromDecimal(s.sum_int, decimals)));
      });
    }
    if (some_missing) AppendMasks(columns, &bytes);
    return bytes;
  }

  void AppendMasks(absl::Span<const Packable> columns, std::string* bytes) const {
    std::map<std::string, int64_t> numbers;
    std::string masks;
    std::vector<int64_t> mask_of(columns.size(), 0);
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].missing == nullptr) continue;
      std::string mask;
      EncodeMissing({columns[i].missing, count_}, &mask);
      const auto [found, added] =
          numbers.try_emplace(mask, static_cast<int64_t>(numbers.size()) + 1);
      if (added) masks += mask;
      mask_of[i] = found->second;
    }
    EncodeInts(mask_of, bytes);
    AppendVarint(bytes, numbers.size());
    *bytes += masks;
  }

  const Rows& rows_;
  const absl::Span<const uint32_t> families_;
  const size_t count_;
  std::vector<int64_t> numbers_;  // of each column the strand, from 1; 0: not packed
  uint32_t strands_ = 0;
  std::string descriptions_;
  std::string data_;
};

}  // namespace

void EncodePackedBlock(const Rows& rows, absl::Span<const uint32_t> families, std::string* bytes) {
  PackedEncoder(rows, families).Encode(bytes);
}

}  // namespace twin::timeseries
