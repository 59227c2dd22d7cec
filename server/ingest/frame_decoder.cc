#include "server/ingest/frame_decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "server/base/check.h"
#include "server/base/float.h"

namespace twin::ingest {

using timeseries::ColumnKind;
using timeseries::ColumnRows;
using timeseries::ColumnRun;

const double kPowersOfTen[timeseries::kDecimalsMax + 1] = {1e0, 1e1, 1e2, 1e3, 1e4,
                                                           1e5, 1e6, 1e7, 1e8, 1e9};

namespace {

// Beyond it a number is missing.
double GreatestOf(const ColumnForm& column) {
  return column.is_of_floats() ? kGreatestOfFloats : std::numeric_limits<double>::max();
}

// As their columns keep them.
void KeepAsFloats(const uint8_t* missing, size_t count, double* doubles) {
  for (size_t i = 0; i < count; ++i) doubles[i] = missing[i] != 0 ? 0 : AsFloat(doubles[i]);
}

template <typename Raw>
Raw Load(const char* raw, size_t i) {
  Raw value;
  std::memcpy(&value, raw + i * sizeof(Raw), sizeof(Raw));
  return value;
}

template <typename Raw>
double NumberAt(const char* raw, size_t i) {
  if constexpr (std::is_same_v<Raw, float>) {
    return FromFloat(Load<float>(raw, i));
  } else {
    return static_cast<double>(Load<Raw>(raw, i));
  }
}

// Whether |raw × factor + shift| stays below 2^31 for all of Raw.
template <typename Raw>
bool Fits32(const ColumnForm& column) {
  if constexpr (sizeof(Raw) > 4) return false;
  constexpr double kRawMax = sizeof(Raw) == 4 ? 2147483648.0 : sizeof(Raw) == 2 ? 65536.0 : 256.0;
  return std::abs(static_cast<double>(column.factor)) * kRawMax +
             std::abs(static_cast<double>(column.shift)) <
         2147483647.0;
}

bool IsIn(const std::vector<int64_t>& codes, int64_t raw) {
  return std::find(codes.begin(), codes.end(), raw) != codes.end();
}

// Columns whose values lie one column after the other behind those of `first`.
void AddColumns(ColumnRows first, size_t frames, size_t count, std::vector<ColumnRows>* columns) {
  for (size_t c = 0; c < count; ++c) {
    ColumnRows& column = columns->emplace_back(first);
    if (first.missing != nullptr) {
      if (std::memchr(first.missing, 1, frames) == nullptr) column.missing = nullptr;
      first.missing += frames;
    }
    if (first.scaled != nullptr) first.scaled += frames;
    if (first.ints != nullptr) first.ints += frames;
    if (first.doubles != nullptr) first.doubles += frames;
  }
}

}  // namespace

template <typename Raw>
void FrameDecoder::Integers(const ColumnForm& column, const char* raw, size_t frames,
                            ColumnRows* out) {
  uint8_t* const missing = missing_.data() + at_;
  bool any_missing = false;
  for (const int64_t code : column.invalid_codes) {
    for (size_t i = 0; i < frames; ++i) {
      const bool is = static_cast<int64_t>(Load<Raw>(raw, i)) == code;
      missing[i] |= static_cast<uint8_t>(is);
      any_missing |= is;
    }
  }
  if (column.kind == ColumnKind::kScaled && Fits32<Raw>(column)) {
    int32_t* const scaled = scaled_.data() + at_;
    const auto factor = static_cast<int32_t>(column.factor);
    const auto shift = static_cast<int32_t>(column.shift);
    for (size_t i = 0; i < frames; ++i) {
      scaled[i] = static_cast<int32_t>(Load<Raw>(raw, i)) * factor + shift;
    }
    out->scaled = scaled;
  } else if (column.kind == ColumnKind::kDouble) {
    double* const doubles = doubles_.data() + at_;
    const double greatest = GreatestOf(column);
    for (size_t i = 0; i < frames; ++i) {
      doubles[i] = static_cast<double>(Load<Raw>(raw, i)) * column.scale + column.offset;
      const bool wrong = !(std::abs(doubles[i]) <= greatest);
      missing[i] |= static_cast<uint8_t>(wrong);
      any_missing |= wrong;
    }
    if (column.is_of_floats()) KeepAsFloats(missing, frames, doubles);
    out->doubles = doubles;
  } else {
    int64_t* const ints = ints_.data() + at_;
    for (size_t i = 0; i < frames; ++i) {
      int64_t value = 0;
      const bool wrong =
          __builtin_mul_overflow(static_cast<int64_t>(Load<Raw>(raw, i)), column.factor, &value) ||
          __builtin_add_overflow(value, column.shift, &value) || value < column.min ||
          value > column.max;
      ints[i] = wrong ? 0 : value;
      missing[i] |= static_cast<uint8_t>(wrong);
      any_missing |= wrong;
    }
    out->ints = ints;
  }
  if (any_missing) out->missing = missing;
}

template <typename Raw>
void FrameDecoder::Fractions(const ColumnForm& column, const char* raw, size_t frames,
                             ColumnRows* out) {
  uint8_t* const missing = missing_.data() + at_;
  if (column.kind == ColumnKind::kDouble && column.invalid_codes.empty()) {
    double* const doubles = doubles_.data() + at_;
    const double scale = column.scale;
    const double offset = column.offset;
    const double greatest = GreatestOf(column);
    bool complete = true;
    for (size_t i = 0; i < frames; ++i) {
      const double value = NumberAt<Raw>(raw, i) * scale + offset;
      complete &= std::abs(value) <= greatest;  // false for NaN, too
      doubles[i] = value;
    }
    out->doubles = doubles;
    if (!complete) {
      for (size_t i = 0; i < frames; ++i) {
        missing[i] = static_cast<uint8_t>(std::abs(doubles[i]) <= greatest ? 0 : 1);
        if (missing[i] != 0) doubles[i] = 0;
      }
      out->missing = missing;
    }
    if (column.is_of_floats()) KeepAsFloats(missing, frames, doubles);
    return;
  }
  const double greatest = GreatestOf(column);
  bool any_missing = false;
  for (size_t i = 0; i < frames; ++i) {
    const double value = NumberAt<Raw>(raw, i);
    bool is_missing = std::isnan(value);
    if (!is_missing && !column.invalid_codes.empty() && std::abs(value) < 9e15 &&
        value == std::trunc(value)) {
      is_missing = IsIn(column.invalid_codes, static_cast<int64_t>(value));
    }
    double result = is_missing ? 0 : value * column.scale + column.offset;
    if (!(std::abs(result) <= greatest)) {
      is_missing = true;
      result = 0;
    }
    if (column.kind == ColumnKind::kInt) {
      // Only what is exactly an integer is one.
      const bool fits = result == std::trunc(result) && std::abs(result) < 9.2e18 &&
                        result >= static_cast<double>(column.min) &&
                        result <= static_cast<double>(column.max);
      is_missing = is_missing || !fits;
      ints_[at_ + i] = is_missing ? 0 : static_cast<int64_t>(result);
    } else {
      doubles_[at_ + i] = column.is_of_floats() ? AsFloat(result) : result;
    }
    missing[i] = static_cast<uint8_t>(is_missing);
    any_missing |= is_missing;
  }
  if (column.kind == ColumnKind::kInt) {
    out->ints = ints_.data() + at_;
  } else {
    out->doubles = doubles_.data() + at_;
  }
  if (any_missing) out->missing = missing;
}

// Numbers sent as doubles instead of raw values: scale, offset and codes are taken as done.
void FrameDecoder::OfDoubles(const ColumnForm& column, const char* raw, size_t frames,
                             ColumnRows* out) {
  const bool is_plain = column.kind == ColumnKind::kDouble && column.scale == 1 &&
                        column.offset == 0 && column.invalid_codes.empty();
  if (is_plain) return Fractions<double>(column, raw, frames, out);
  ColumnForm plain;
  plain.kind = column.kind == ColumnKind::kScaled ? ColumnKind::kDouble : column.kind;
  plain.min = column.min;
  plain.max = column.max;
  out->kind = plain.kind;
  Fractions<double>(plain, raw, frames, out);
  if (column.kind != ColumnKind::kScaled) return;
  // Where all of them are exactly such decimals, the column stays one.
  const double power = kPowersOfTen[column.decimals];
  const double* const doubles = doubles_.data() + at_;
  int64_t* const ints = ints_.data() + at_;
  for (size_t i = 0; i < frames; ++i) {
    if (out->missing != nullptr && out->missing[i] != 0) {
      ints[i] = 0;
      continue;
    }
    const double scaled = std::round(doubles[i] * power);
    if (!(std::abs(scaled) < 1e15) || scaled / power != doubles[i]) return;
    ints[i] = static_cast<int64_t>(scaled);
  }
  out->kind = ColumnKind::kScaled;
  out->decimals = column.decimals;
  out->doubles = nullptr;
  out->ints = ints;
}

absl::Span<const ColumnRows> FrameDecoder::Decode(const LayoutVersion& version, size_t frames,
                                                  absl::string_view packed,
                                                  absl::string_view doubles) {
  const size_t all = version.columns.size() * frames;
  runs_.clear();
  if (scaled_.size() < all) {
    scaled_.resize(all);
    ints_.resize(all);
    doubles_.resize(all);
    missing_.resize(all);
  }
  std::fill_n(missing_.begin(), all, uint8_t{0});
  at_ = 0;
  const char* raw = packed.data();
  uint32_t c = 0;
  for (const ResolvedColumns::Run& same : version.columns.runs()) {
    const ColumnForm& column = same.form;
    while (c < same.end) {
      // Columns of the same form lie next to each other: they are decoded as one. Doubles of one of
      // decimals may turn out to be none.
      const bool as_one = !packed.empty() || column.kind == ColumnKind::kDouble;
      const uint32_t alike = as_one ? same.end - c : 1;
      const size_t items = alike * frames;
      ColumnRun& run = runs_.emplace_back();
      run.columns = alike;
      run.first.kind = column.kind;
      run.first.decimals = column.decimals;
      if (packed.empty()) {
        OfDoubles(column, doubles.data() + at_ * sizeof(double), items, &run.first);
      } else {
        OfRaw(column, raw, items, &run.first);
        raw += BytesOf(column.encoding) * items;
      }
      at_ += items;
      c += alike;
    }
  }
  Spread(frames);
  return columns_;
}

void FrameDecoder::OfRaw(const ColumnForm& column, const char* raw, size_t items, ColumnRows* out) {
  switch (column.encoding) {
    case Encoding::kDouble:
      return Fractions<double>(column, raw, items, out);
    case Encoding::kFloat:
      return Fractions<float>(column, raw, items, out);
    case Encoding::kInt16:
      return Integers<int16_t>(column, raw, items, out);
    case Encoding::kInt32:
      return Integers<int32_t>(column, raw, items, out);
    case Encoding::kUint16:
      return Integers<uint16_t>(column, raw, items, out);
    case Encoding::kUint8:
      return Integers<uint8_t>(column, raw, items, out);
    case Encoding::kInt64:
      return Integers<int64_t>(column, raw, items, out);
  }
}

// Frames of one form after the other, all of them complete, leave the columns as they are.
void FrameDecoder::Spread(size_t frames) {
  const bool complete = std::all_of(runs_.begin(), runs_.end(), [](const ColumnRun& run) {
    return run.first.missing == nullptr;
  });
  if (complete && frames == spread_frames_ && runs_ == spread_) return;
  columns_.clear();
  for (const ColumnRun& run : runs_) AddColumns(run.first, frames, run.columns, &columns_);
  spread_frames_ = complete ? frames : 0;
  spread_ = runs_;
}

Value ValueOf(const ColumnRows& column, size_t row) {
  if (column.missing != nullptr && column.missing[row] != 0) return Value();
  switch (column.kind) {
    case ColumnKind::kScaled: {
      const int64_t scaled = column.scaled != nullptr ? column.scaled[row] : column.ints[row];
      return Value::Double(static_cast<double>(scaled) / kPowersOfTen[column.decimals]);
    }
    case ColumnKind::kDouble:
      return Value::Double(column.doubles[row]);
    case ColumnKind::kInt:
      return Value::Int(column.ints[row]);
    case ColumnKind::kValue: {
      absl::string_view bytes = column.values[row];
      Value value;
      TWIN_CHECK(Value::Decode(&bytes, &value).ok());
      return value;
    }
  }
  return Value();
}

}  // namespace twin::ingest
