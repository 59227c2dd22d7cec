#include "server/timeseries/narrow_rows.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "server/base/check.h"
#include "server/base/wide.h"
#include "server/timeseries/bits.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {
namespace {

constexpr uint8_t kSomeMissing = 0x80;  // of a width
constexpr uint8_t kWidthMask = 0x7f;
constexpr uint8_t kAsBits = 15;  // doubles as their bits
constexpr size_t kSlack = 8;     // what unpacking may read behind the last value

struct Extremes {
  int64_t least = INT64_MAX;
  int64_t greatest = INT64_MIN;
};

TWIN_INLINE_LOOP Extremes ExtremesOnAny(absl::Span<const int64_t> values) {
  Extremes all;
  for (const int64_t value : values) {
    all.least = std::min(all.least, value);
    all.greatest = std::max(all.greatest, value);
  }
  return all;
}

#if TWIN_HAS_WIDE
TWIN_WIDE Extremes ExtremesOnWide(absl::Span<const int64_t> values) {
  return ExtremesOnAny(values);
}
#endif

Extremes ExtremesOf(absl::Span<const int64_t> values) {
#if TWIN_HAS_WIDE
  if (HasWide()) return ExtremesOnWide(values);
#endif
  return ExtremesOnAny(values);
}

Extremes ExtremesOf(absl::Span<const int64_t> values, const std::vector<uint8_t>& missing) {
  if (missing.empty()) return ExtremesOf(values);
  Extremes all;
  for (size_t i = 0; i < values.size(); ++i) {
    if (missing[i] != 0) continue;
    all.least = std::min(all.least, values[i]);
    all.greatest = std::max(all.greatest, values[i]);
  }
  if (all.least > all.greatest) return {.least = 0, .greatest = 0};  // none has a value
  return all;
}

uint8_t FormOf(ColumnKind kind, uint8_t decimals) {
  return static_cast<uint8_t>(static_cast<uint8_t>(kind) << 4 | decimals);
}

uint8_t ByteAt(const char* bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

// Bytes that so many columns take for each eight rows.
size_t RowBytes(const char* widths, size_t columns) {
  size_t bytes = 0;
  size_t c = 0;
  for (; c + 8 <= columns; c += 8) {  // eight at a time: none is more than 65
    uint64_t word = 0;
    std::memcpy(&word, widths + c, sizeof(word));
    word = (word & 0x7f7f'7f7f'7f7f'7f7f) + ((word >> 7) & 0x0101'0101'0101'0101);
    word = (word & 0x00ff'00ff'00ff'00ff) + ((word >> 8) & 0x00ff'00ff'00ff'00ff);
    bytes += word * 0x0001'0001'0001'0001 >> 48;
  }
  for (; c < columns; ++c) {
    const uint8_t width = ByteAt(widths, c);
    bytes += static_cast<size_t>(width & kWidthMask) + (width >> 7);
  }
  return bytes;
}

uint8_t BytesFor(absl::Span<const int64_t> bases) {
  uint64_t all = 0;
  for (const int64_t base : bases) all |= static_cast<uint64_t>(base < 0 ? ~base : base);
  const int width = static_cast<int>(std::bit_width(all)) + 1;
  return width <= 16 ? 2 : width <= 32 ? 4 : 8;
}

int64_t LoadBase(const char* from, uint8_t bytes) {
  const auto load = [from](auto base) {
    std::memcpy(&base, from, sizeof(base));
    return int64_t{base};
  };
  return bytes == 2 ? load(int16_t{}) : bytes == 4 ? load(int32_t{}) : load(int64_t{});
}

}  // namespace

void NarrowRows::ReadSteps(const Steps& steps, size_t at, uint64_t first,
                           absl::Span<uint64_t> out) const {
  const size_t rows = out.size();
  out[0] = first;
  if (rows == 1) return;
  Unpack({bytes_.get() + at, size_ - at}, steps.width, out.subspan(1));
  for (size_t i = 1; i < rows; ++i) out[i] += out[i - 1] + steps.least;
}

absl::Status NarrowRows::ReadTimes(std::vector<int64_t>* times) const {
  times->resize(range().rows);
  const size_t at = size_t{columns_} * (2 + base_bytes_);
  ReadSteps(times_, at, static_cast<uint64_t>(range().first_time),
            {reinterpret_cast<uint64_t*>(times->data()), times->size()});
  return absl::OkStatus();
}

absl::Status NarrowRows::ReadSequences(std::vector<uint64_t>* sequences) const {
  sequences->resize(range().rows);
  const size_t at = size_t{columns_} * (2 + base_bytes_) + groups() * times_.width;
  ReadSteps(sequences_, at, range().first_sequence, absl::MakeSpan(*sequences));
  return absl::OkStatus();
}

absl::Status NarrowRows::ReadColumn(uint32_t column, ColumnValues* values) const {
  TWIN_CHECK(column < columns_) << column << " of " << columns_;
  const size_t rows = range().rows;
  const char* const widths = bytes_.get() + columns_;
  const uint8_t form = ByteAt(bytes_.get(), column);
  const uint8_t width = ByteAt(widths, column);
  const auto kind = static_cast<ColumnKind>(form >> 4);
  const auto decimals = static_cast<uint8_t>(form & 15);
  const size_t before = size_t{times_.width} + sequences_.width + RowBytes(widths, column);
  size_t at = size_t{columns_} * (2 + base_bytes_) + before * groups();

  values->kind = kind;
  values->decimals = kind == ColumnKind::kScaled ? decimals : 0;
  values->Clear();
  if ((width & kSomeMissing) != 0) {
    values->missing.resize(rows);
    for (size_t i = 0; i < rows; ++i) {
      values->missing[i] = (ByteAt(bytes_.get() + at, i / 8) >> (i % 8)) & 1;
    }
    at += groups();
  }
  const int64_t base = LoadBase(widths + columns_ + size_t{column} * base_bytes_, base_bytes_);
  values->ints.resize(rows);
  auto* const items = reinterpret_cast<uint64_t*>(values->ints.data());
  Unpack({bytes_.get() + at, size_ - at}, width & kWidthMask, {items, rows});
  for (size_t i = 0; i < rows; ++i) items[i] += static_cast<uint64_t>(base);
  if (kind != ColumnKind::kDouble) return absl::OkStatus();
  values->doubles.resize(rows);
  if (decimals == kAsBits) {
    std::memcpy(values->doubles.data(), items, rows * sizeof(double));
  } else {
    FromDecimals(values->ints, decimals, values->doubles.data());
  }
  values->ints.clear();
  return absl::OkStatus();
}

std::shared_ptr<const NarrowRows> NarrowCoder::Encode(absl::Span<const int64_t> times,
                                                      absl::Span<const uint64_t> sequences,
                                                      uint32_t columns, Columns column_of) {
  const size_t rows = times.size();
  TWIN_CHECK(rows > 0 && sequences.size() == rows) << rows << ", " << sequences.size();
  const std::shared_ptr<NarrowRows> made(new NarrowRows({.rows = static_cast<uint32_t>(rows),
                                                         .first_time = times.front(),
                                                         .last_time = times.back(),
                                                         .first_sequence = sequences.front(),
                                                         .last_sequence = sequences.back()}));
  groups_ = made->groups();
  forms_.clear();
  widths_.clear();
  bases_.clear();
  data_.clear();
  AddSteps({reinterpret_cast<const uint64_t*>(times.data()), rows}, &made->times_);
  AddSteps(sequences, &made->sequences_);
  for (uint32_t c = 0; c < columns; ++c) {
    const ColumnValues& values = column_of(c);
    if (values.kind == ColumnKind::kValue) return nullptr;
    AddColumn(values);
  }
  const uint8_t base_bytes = BytesFor(bases_);
  made->columns_ = columns;
  made->base_bytes_ = base_bytes;
  made->size_ = static_cast<uint32_t>(size_t{columns} * (2 + base_bytes) + data_.size() + kSlack);
  made->bytes_.reset(new char[made->size_]);
  char* to = made->bytes_.get();
  for (const std::string* part : {&forms_, &widths_}) {
    std::memcpy(to, part->data(), columns);
    to += columns;
  }
  for (const int64_t base : bases_) {  // the lowest bytes stand first
    std::memcpy(to, &base, base_bytes);
    to += base_bytes;
  }
  std::memcpy(to, data_.data(), data_.size());
  std::memset(to + data_.size(), 0, kSlack);
  return made;
}

void NarrowCoder::AddSteps(absl::Span<const uint64_t> values, NarrowRows::Steps* steps) {
  if (values.size() == 1) return;
  packed_.resize(values.size() - 1);
  uint64_t least = UINT64_MAX;
  uint64_t greatest = 0;
  for (size_t i = 0; i < packed_.size(); ++i) {
    packed_[i] = values[i + 1] - values[i];
    least = std::min(least, packed_[i]);
    greatest = std::max(greatest, packed_[i]);
  }
  for (uint64_t& step : packed_) step -= least;
  steps->least = least;
  steps->width = static_cast<uint8_t>(std::bit_width(greatest - least));
  AddPacked(packed_, steps->width);
}

void NarrowCoder::AddColumn(const ColumnValues& values) {
  if (values.kind != ColumnKind::kDouble) {
    AddInts(FormOf(values.kind, values.decimals), values.ints, values.missing);
    return;
  }
  uint8_t decimals = 0;
  if (FindDecimals(values, &decimals)) {
    AddInts(FormOf(values.kind, decimals), ints_, values.missing);
    return;
  }
  ints_.resize(values.doubles.size());
  std::memcpy(ints_.data(), values.doubles.data(), ints_.size() * sizeof(int64_t));
  AddInts(FormOf(values.kind, kAsBits), ints_, values.missing);
}

void NarrowCoder::AddInts(uint8_t form, absl::Span<const int64_t> values,
                          const std::vector<uint8_t>& missing) {
  const auto [least, greatest] = ExtremesOf(values, missing);
  // Differences modulo 2^64: those of the extremes fit, too.
  const auto base = static_cast<uint64_t>(least);
  const int width = static_cast<int>(std::bit_width(static_cast<uint64_t>(greatest) - base));
  packed_.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) packed_[i] = static_cast<uint64_t>(values[i]) - base;
  if (!missing.empty()) {
    const size_t at = data_.size();
    data_.resize(at + groups_, '\0');
    for (size_t i = 0; i < missing.size(); ++i) {
      if (missing[i] == 0) continue;
      data_[at + i / 8] |= static_cast<char>(1 << (i % 8));
      packed_[i] = 0;
    }
  }
  AddPacked(packed_, width);
  forms_.push_back(static_cast<char>(form));
  widths_.push_back(static_cast<char>(width | (missing.empty() ? 0 : kSomeMissing)));
  bases_.push_back(least);
}

void NarrowCoder::AddPacked(absl::Span<const uint64_t> values, int width) {
  const size_t end = data_.size() + groups_ * static_cast<size_t>(width);
  Pack(values, width, &data_);
  data_.resize(end, '\0');
}

bool NarrowCoder::FindDecimals(const ColumnValues& values, uint8_t* decimals) {
  const size_t rows = values.doubles.size();
  ints_.resize(rows);
  if (values.missing.empty()) {
    const int guess =
        std::max({DecimalsOf(values.doubles.front()), DecimalsOf(values.doubles[rows / 2]),
                  DecimalsOf(values.doubles.back())});
    if (guess < 0) return false;
    *decimals = static_cast<uint8_t>(guess);
    if (ToDecimals(values.doubles, guess, ints_.data())) return true;
  }
  int most = 0;
  for (size_t i = 0; i < rows;) {
    const bool is_missing = !values.missing.empty() && values.missing[i] != 0;
    if (is_missing || ToDecimal(values.doubles[i], most, &ints_[i])) {
      ++i;
      continue;
    }
    const int found = DecimalsOf(values.doubles[i]);
    if (found <= most) return false;  // none, or too large for so many decimals
    most = found;
    i = 0;
  }
  *decimals = static_cast<uint8_t>(most);
  return true;
}

}  // namespace twin::timeseries
