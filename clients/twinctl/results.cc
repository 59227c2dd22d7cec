#include "clients/twinctl/results.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace twin::twinctl {
namespace {

void AppendFields(const std::string& prefix, const Json& object, Json* rows) {
  for (const auto& [key, value] : object.items()) {
    const std::string path = absl::StrCat(prefix, key);
    if (value.is_object() && !value.empty()) {
      AppendFields(path + ".", value, rows);
    } else {
      rows->push_back({{"field", path}, {"value", value}});
    }
  }
}

// The columns of an object that is one row.
std::vector<Column> ColumnsOf(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return ColumnsOfKeys(keys);
}

}  // namespace

TableOptions TableOptionsOf(const Console& console) {
  return {.columns_max = console.out_columns, .style = console.out_style};
}

void WriteDone(const std::string& sentence, const Json& object, Format format,
               const Console& console) {
  if (format == Format::kTable) {
    console.out << Printable(sentence) << '\n';
  } else {
    WriteObject(object, format, console);
  }
}

void WriteObject(const Json& object, Format format, const Console& console) {
  if (format == Format::kTable) {
    WriteTable({{.key = "field", .title = "FIELD"}, {.key = "value", .title = "VALUE"}},
               Fields(object), TableOptionsOf(console), console.out);
  } else {
    WriteData({.document = object, .rows = Json::array({object}), .columns = ColumnsOf(object)},
              format, console.out);
  }
}

Json Fields(const Json& object) {
  Json rows = Json::array();
  AppendFields("", object, &rows);
  return rows;
}

void WriteRows(const std::vector<Column>& columns, const Json& rows, Format format,
               const Console& console) {
  if (format == Format::kTable) {
    WriteTable(columns, rows, TableOptionsOf(console), console.out);
  } else {
    WriteData({.document = rows, .rows = rows, .columns = columns}, format, console.out);
  }
}

std::string WithCommas(uint64_t number) {
  const std::string digits = absl::StrCat(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string CountOf(uint64_t count, absl::string_view noun) {
  return absl::StrCat(WithCommas(count), " ", noun, count == 1 ? "" : "s");
}

std::string BytesText(uint64_t bytes) {
  constexpr std::array<absl::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return unit == 0 ? absl::StrCat(bytes, " B") : absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string TimeText(int64_t unix_nano) {
  if (unix_nano == 0) return "";
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", absl::FromUnixNanos(unix_nano),
                          absl::UTCTimeZone());
}

}  // namespace twin::twinctl
