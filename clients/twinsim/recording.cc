#include "clients/twinsim/recording.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "clients/tabular/csv.h"
#include "clients/tabular/lines.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;
using tabular::CsvField;
using tabular::Decimal;

constexpr int kPlacesMax = 9;  // of a layout's scale and offset, where they are exact

// What the values of a column look like.
struct Range {
  bool decimal = true;  // all are decimals that fit
  int digits = 0;
  int64_t min = 0;
  int64_t max = 0;
  bool any = false;

  void Take(const std::optional<Decimal>& value) {
    if (!value.has_value()) decimal = false;
    if (!decimal) return;
    const Decimal shortened = tabular::Shortened(*value);
    const int more = shortened.digits - digits;
    if (more > 0) {
      const std::optional<int64_t> low = tabular::MantissaAt({min, digits}, shortened.digits);
      const std::optional<int64_t> high = tabular::MantissaAt({max, digits}, shortened.digits);
      decimal = low.has_value() && high.has_value();
      min = low.value_or(0);
      max = high.value_or(0);
      digits = shortened.digits;
    }
    const std::optional<int64_t> raw = tabular::MantissaAt(shortened, digits);
    if (!raw.has_value()) decimal = false;
    min = any ? std::min(min, raw.value_or(0)) : raw.value_or(0);
    max = any ? std::max(max, raw.value_or(0)) : raw.value_or(0);
    any = true;
  }
};

// Integers that a frame may hold, the smallest first; one code is kept for "missing".
struct IntegerEncoding {
  v1::Encoding encoding;
  int64_t min;
  int64_t max;
  int64_t missing;
};
constexpr int64_t kExactMax = int64_t{1} << 53;  // what a double holds
constexpr std::array<IntegerEncoding, 5> kIntegers = {
    {{v1::UINT8, 0, 254, 255},
     {v1::INT16, -32767, 32767, -32768},
     {v1::UINT16, 0, 65534, 65535},
     {v1::INT32, -2147483647, 2147483647, std::numeric_limits<int32_t>::min()},
     {v1::INT64, -kExactMax, kExactMax, std::numeric_limits<int64_t>::min()}}};

void ChooseEncoding(const Range& range, RecordedColumn* column) {
  const MappedColumn& mapped = column->mapped;
  if (!range.decimal || mapped.scale.digits + range.digits > kPlacesMax ||
      mapped.offset.digits > kPlacesMax) {
    return;
  }
  // The server takes 64-bit integers of a scale as doubles, which are not multiplied exactly.
  const bool is_whole = mapped.scale.digits + range.digits + mapped.offset.digits == 0;
  for (const IntegerEncoding& integer : kIntegers) {
    if (integer.encoding == v1::INT64 && !is_whole) return;
    if (range.min < integer.min || range.max > integer.max) continue;
    column->encoding = integer.encoding;
    column->digits = range.digits;
    column->missing_raw = integer.missing;
    return;
  }
}

bool IsInvalid(const std::optional<Decimal>& value, const MappedColumn& mapped) {
  if (!value.has_value()) return false;
  const Decimal shortened = tabular::Shortened(*value);
  return std::any_of(mapped.invalid.begin(), mapped.invalid.end(), [&](const Decimal& code) {
    return code.mantissa == shortened.mantissa && code.digits == shortened.digits;
  });
}

double ValueOf(const std::optional<Decimal>& decimal, double number, const MappedColumn& mapped) {
  if (decimal.has_value()) {
    const std::optional<Decimal> product = tabular::Multiply(*decimal, mapped.scale);
    const std::optional<Decimal> sum =
        product.has_value() ? tabular::Add(*product, mapped.offset) : std::nullopt;
    if (sum.has_value()) return tabular::ToDouble(*sum);
  }
  return number * tabular::ToDouble(mapped.scale) + tabular::ToDouble(mapped.offset);
}

// The file's rows, each of which has all fields.
class Rows {
 public:
  explicit Rows(tabular::LineReader* lines, size_t fields)
      : lines_(*lines), csv_(lines), fields_(fields) {}

  bool Next() {
    if (!csv_.Next()) {
      status_ = csv_.status();
      return false;
    }
    if (fields_ != 0 && csv_.fields().size() != fields_) {
      status_ =
          Error(absl::StrCat(csv_.fields().size(), " fields, where the first line has ", fields_));
      return false;
    }
    return true;
  }
  const std::vector<CsvField>& fields() const { return csv_.fields(); }
  const absl::Status& status() const { return status_; }
  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(lines_.name(), ":", csv_.line(), ": ", what));
  }

 private:
  tabular::LineReader& lines_;
  tabular::CsvReader csv_;
  const size_t fields_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Recording> Recording::Open(const std::string& path, ColumnMap map,
                                          const std::atomic<bool>* cancelled) {
  if (path == "-") {
    return absl::InvalidArgumentError("a recording is read twice: it cannot be stdin");
  }
  Recording recording(path, std::move(map), cancelled);
  if (absl::Status status = recording.Scan(); !status.ok()) return status;
  return recording;
}

int Recording::CountOf(TargetTwin twin) const {
  size_t count = 0;
  for (const RecordedColumn& column : columns_) {
    if (column.mapped.twin == twin) count = std::max(count, column.fields.size());
  }
  return static_cast<int>(count);
}

absl::Status Recording::ReadHeader(absl::Span<const std::string> names) {
  absl::flat_hash_map<std::string, size_t> at;
  for (size_t i = 0; i < names.size(); ++i) at.emplace(names[i], i);
  absl::flat_hash_set<std::string> taken(map_.ignore.begin(), map_.ignore.end());
  const auto time = at.find(map_.time_column);
  if (time == at.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ":1: there is no column '", map_.time_column, "', which the map has for the time"));
  }
  time_field_ = time->second;
  fields_ = names.size();
  taken.insert(map_.time_column);
  for (const MappedColumn& mapped : map_.columns) {
    RecordedColumn column = {.mapped = mapped};
    const bool many = mapped.twin == TargetTwin::kCell || mapped.twin == TargetTwin::kProbe;
    for (int i = 1; i == 1 || many; ++i) {
      const std::string name = absl::StrReplaceAll(mapped.source, {{"{i}", absl::StrCat(i)}});
      const auto found = at.find(name);
      if (found == at.end()) break;
      column.fields.push_back(found->second);
      taken.insert(name);
    }
    if (!column.fields.empty()) columns_.push_back(std::move(column));
  }
  for (const std::string& name : names) {
    if (!taken.contains(name)) unmapped_.push_back(name);
  }
  if (!columns_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path_, ":1: no column is one of the map's"));
}

absl::Status Recording::Scan() {
  absl::StatusOr<tabular::LineReader> lines = tabular::LineReader::Open(path_, cancelled_);
  if (!lines.ok()) return lines.status();
  {
    Rows header(&*lines, 0);
    if (!header.Next()) {
      return header.status().ok() ? absl::InvalidArgumentError(absl::StrCat(path_, " is empty"))
                                  : header.status();
    }
    std::vector<std::string> names;
    for (const CsvField& field : header.fields()) names.emplace_back(field.text);
    if (absl::Status status = ReadHeader(names); !status.ok()) return status;
  }
  std::vector<Range> ranges(columns_.size());
  std::vector<int64_t> times;
  Rows rows(&*lines, fields_);
  while (rows.Next()) {
    const absl::StatusOr<int64_t> time = ParseRecordedTime(rows.fields()[time_field_].text, map_);
    if (!time.ok()) return rows.Error(time.status().message());
    times.push_back(*time);
    for (size_t i = 0; i < columns_.size(); ++i) {
      for (const size_t field : columns_[i].fields) {
        const absl::string_view text = rows.fields()[field].text;
        if (text.empty()) continue;
        const std::optional<Decimal> decimal = tabular::ParseDecimal(text);
        double number = 0;
        if (!decimal.has_value() && (!absl::SimpleAtod(text, &number) || !std::isfinite(number))) {
          return rows.Error(absl::StrCat("'", text, "' is no number; a missing value is empty"));
        }
        ranges[i].Take(decimal);
      }
    }
  }
  if (!rows.status().ok()) return rows.status();
  if (times.empty()) return absl::InvalidArgumentError(absl::StrCat(path_, " has no rows"));
  for (size_t i = 0; i < columns_.size(); ++i) ChooseEncoding(ranges[i], &columns_[i]);

  // The last row of each time stands.
  std::vector<uint64_t> order(times.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint64_t a, uint64_t b) { return times[a] < times[b]; });
  kept_.assign(times.size(), false);
  for (size_t i = 0; i < order.size(); ++i) {
    const bool last = i + 1 == order.size() || times[order[i]] != times[order[i + 1]];
    kept_[order[i]] = last;
    if (last) ++rows_;
  }
  rows_of_file_ = times.size();
  first_nanos_ = times[order.front()];
  last_nanos_ = times[order.back()];
  return absl::OkStatus();
}

absl::Status Recording::Visit(absl::FunctionRef<absl::Status(const Row&)> visit) const {
  absl::StatusOr<tabular::LineReader> lines = tabular::LineReader::Open(path_, cancelled_);
  if (!lines.ok()) return lines.status();
  Rows rows(&*lines, fields_);
  rows.Next();  // the header
  Row row;
  for (uint64_t number = 0; rows.Next(); ++number) {
    if (number >= kept_.size()) return rows.Error("the file has grown while it was read");
    if (!kept_[number]) continue;
    const absl::StatusOr<int64_t> time = ParseRecordedTime(rows.fields()[time_field_].text, map_);
    if (!time.ok()) return rows.Error(time.status().message());
    row.time_nanos = *time;
    row.values = 0;
    row.raws.clear();
    row.doubles.clear();
    for (const RecordedColumn& column : columns_) {
      for (const size_t field : column.fields) {
        const absl::string_view text = rows.fields()[field].text;
        const std::optional<Decimal> decimal = tabular::ParseDecimal(text);
        double number_read = 0;
        if (!decimal.has_value() && !text.empty() && !absl::SimpleAtod(text, &number_read)) {
          return rows.Error("the file has changed while it was read");
        }
        const bool missing = text.empty() || IsInvalid(decimal, column.mapped);
        if (!missing) ++row.values;
        if (column.encoding == v1::DOUBLE) {
          row.raws.push_back(0);
          row.doubles.push_back(missing ? std::numeric_limits<double>::quiet_NaN()
                                        : ValueOf(decimal, number_read, column.mapped));
          continue;
        }
        // Codes of the source go as they are: the layout names them.
        const std::optional<int64_t> raw =
            decimal.has_value() ? tabular::MantissaAt(tabular::Shortened(*decimal), column.digits)
                                : std::nullopt;
        row.raws.push_back(raw.value_or(column.missing_raw));
        row.doubles.push_back(0);
      }
    }
    if (absl::Status status = visit(row); !status.ok()) return status;
  }
  return rows.status();
}

}  // namespace twin::twinsim
