#include "clients/twinctl/samples.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clients/tabular/csv.h"
#include "clients/tabular/values.h"
#include "clients/twinctl/twin_json.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

int ValuesOf(const v1::SampleColumn& column) {
  return std::max(
      {column.doubles_size(), column.ints_size(), column.strings_size(), column.values_size()});
}

// So that it is not taken for an integer, where it would lose its sign.
void AppendDouble(double number, std::string* out) {
  if (number == 0 && std::signbit(number)) {
    *out += "-0.0";
  } else {
    tabular::AppendNumber(number, out);
  }
}

void AppendJsonNumber(double number, std::string* out) {
  if (std::isfinite(number)) {
    AppendDouble(number, out);
  } else {
    *out += "null";
  }
}

// A quoted field is a text; of one with a comma nothing else could be told, so that lists and
// objects are marked.
constexpr absl::string_view kJsonMark = "json:";

void AppendCsvJson(const Json& json, std::string* out) {
  tabular::AppendCsvField(absl::StrCat(kJsonMark, DumpJson(json)), /*quoted=*/true, out);
}

void AppendCsvText(const std::string& text, std::string* out) {
  if (absl::StartsWith(text, kJsonMark)) return AppendCsvJson(text, out);
  tabular::AppendCsvField(text, /*quoted=*/true, out);
}

}  // namespace

Json JsonOf(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kBoolValue:
      return value.bool_value();
    case v1::Value::kIntValue:
      return value.int_value();
    case v1::Value::kDoubleValue:
      return value.double_value();
    case v1::Value::kStringValue:
      return value.string_value();
    case v1::Value::kTimeUnixNano:
      return tabular::FormatTime(value.time_unix_nano());
    case v1::Value::kArrayValue: {
      Json array = Json::array();
      for (const v1::Value& item : value.array_value().values()) array.push_back(JsonOf(item));
      return array;
    }
    case v1::Value::kMapValue: {
      Json object = Json::object();
      for (const v1::Member& member : value.map_value().members()) {
        object[member.name()] = JsonOf(member.value());
      }
      return object;
    }
    case v1::Value::KIND_NOT_SET:
      break;
  }
  return nullptr;
}

SampleRows::SampleRows(const v1::SampleBatch& batch) : batch_(batch) {
  size_ = std::max(batch.twin_ids_size(), batch.times_unix_nano_size());
  for (const v1::SampleColumn& column : batch.columns()) size_ = std::max(size_, ValuesOf(column));
  if (batch.twin_ids().empty() || batch.times_unix_nano().empty()) size_ = 0;
}

const std::string& SampleRows::twin(int row) const {
  return batch_.twin_ids(batch_.twin_ids_size() == 1 ? 0 : row);
}

int64_t SampleRows::time(int row) const {
  return batch_.times_unix_nano(batch_.times_unix_nano_size() == 1 ? 0 : row);
}

bool SampleRows::IsMissing(int column_index, int row) const {
  const v1::SampleColumn& column = batch_.columns(column_index);
  if (row >= ValuesOf(column)) return true;
  if (!column.doubles().empty()) return std::isnan(column.doubles(row));
  if (!column.values().empty()) return column.values(row).kind_case() == v1::Value::KIND_NOT_SET;
  return std::binary_search(column.missing().begin(), column.missing().end(),
                            static_cast<uint32_t>(row));
}

void SampleRows::AppendCsv(int column_index, int row, std::string* out) const {
  if (IsMissing(column_index, row)) return;
  const v1::SampleColumn& column = batch_.columns(column_index);
  if (!column.doubles().empty()) {
    AppendDouble(column.doubles(row), out);
  } else if (!column.ints().empty()) {
    absl::StrAppend(out, column.ints(row));
  } else if (!column.strings().empty()) {
    AppendCsvText(column.strings(row), out);
  } else {
    const v1::Value& value = column.values(row);
    if (value.has_double_value()) {
      AppendDouble(value.double_value(), out);
    } else if (value.has_string_value()) {
      AppendCsvText(value.string_value(), out);
    } else if (value.has_time_unix_nano()) {
      tabular::AppendTime(value.time_unix_nano(), out);
    } else if (value.has_array_value() || value.has_map_value()) {
      AppendCsvJson(JsonOf(value), out);
    } else {
      tabular::AppendCsvField(DumpJson(JsonOf(value)), /*quoted=*/false, out);
    }
  }
}

void SampleRows::AppendJson(int column_index, int row, std::string* out) const {
  if (IsMissing(column_index, row)) {
    *out += "null";
    return;
  }
  const v1::SampleColumn& column = batch_.columns(column_index);
  if (!column.doubles().empty()) {
    AppendJsonNumber(column.doubles(row), out);
  } else if (!column.ints().empty()) {
    absl::StrAppend(out, column.ints(row));
  } else if (!column.strings().empty()) {
    *out += DumpJson(column.strings(row));
  } else if (column.values(row).has_double_value()) {
    AppendJsonNumber(column.values(row).double_value(), out);
  } else {
    *out += DumpJson(JsonOf(column.values(row)));
  }
}

void AppendCsvRow(const SampleRows& rows, int row, const std::vector<int>& columns,
                  std::string* out) {
  tabular::AppendCsvField(rows.twin(row), /*quoted=*/false, out);
  *out += ',';
  tabular::AppendTime(rows.time(row), out);
  for (const int column : columns) {
    *out += ',';
    if (column >= 0) rows.AppendCsv(column, row, out);
  }
  *out += '\n';
}

void AppendNdjsonRow(const v1::SampleBatch& batch, const SampleRows& rows, int row,
                     std::string* out) {
  absl::StrAppend(out, "{\"twin\":", DumpJson(rows.twin(row)), ",\"time\":\"");
  tabular::AppendTime(rows.time(row), out);
  *out += '"';
  for (int column = 0; column < batch.columns_size(); ++column) {
    if (rows.IsMissing(column, row)) continue;
    absl::StrAppend(out, ",", DumpJson(batch.columns(column).path()), ":");
    rows.AppendJson(column, row, out);
  }
  *out += "}\n";
}

std::string CsvTitles(const std::vector<std::string>& paths) {
  std::string titles = "twin,time";
  for (const std::string& path : paths) {
    titles += ',';
    tabular::AppendCsvField(path, /*quoted=*/false, &titles);
  }
  return titles + "\n";
}

void SampleBuilder::BeginRow(absl::string_view twin, int64_t time_unix_nano, uint64_t line) {
  rows_.push_back({.twin = std::string(twin), .time = time_unix_nano, .line = line});
  bytes_ += twin.size() + 10;
}

void SampleBuilder::Set(absl::string_view name, v1::Value value) {
  if (value.kind_case() == v1::Value::KIND_NOT_SET) return;
  auto found = paths_.find(name);
  if (found == paths_.end()) found = paths_.emplace(std::string(name), Path()).first;
  found->second.fraction = found->second.fraction || value.has_double_value();
  bytes_ += 10 + (value.has_string_value() ? value.string_value().size() : 0);
  rows_.back().values.emplace_back(&*found, std::move(value));
}

std::deque<SampleBuilder::Piece> SampleBuilder::Take() {
  std::deque<Piece> pieces;
  std::map<std::vector<std::string>, size_t> set_of_paths;
  std::vector<std::vector<size_t>> sets;  // rows
  std::map<std::pair<absl::string_view, int64_t>, size_t> set_of_row;
  const auto end_sets = [&] {
    for (const std::vector<size_t>& rows : sets) pieces.push_back(MakePiece(rows));
    set_of_paths.clear();
    sets.clear();
    set_of_row.clear();
  };
  for (size_t i = 0; i < rows_.size(); ++i) {
    std::vector<std::string> names;
    for (const auto& [path, value] : rows_[i].values) names.push_back(path->first);
    if (names.empty()) continue;
    std::sort(names.begin(), names.end());
    const std::pair<absl::string_view, int64_t> key(rows_[i].twin, rows_[i].time);
    const auto same = set_of_row.find(key);
    const auto known = set_of_paths.find(names);
    const bool overtakes =
        same != set_of_row.end() && (known == set_of_paths.end() || known->second != same->second);
    if (overtakes) end_sets();
    const auto [set, is_new] = set_of_paths.try_emplace(std::move(names), sets.size());
    if (is_new) sets.emplace_back();
    sets[set->second].push_back(i);
    set_of_row[key] = set->second;
  }
  end_sets();
  rows_.clear();
  bytes_ = 0;
  return pieces;
}

SampleBuilder::Piece SampleBuilder::MakePiece(absl::Span<const size_t> rows) {
  Piece piece;
  std::map<absl::string_view, std::vector<v1::Value>> columns;
  for (size_t i = 0; i < rows.size(); ++i) {
    Row& row = rows_[rows[i]];
    piece.lines.push_back(row.line);
    piece.batch.add_twin_ids(row.twin);
    piece.batch.add_times_unix_nano(row.time);
    for (auto& [path, value] : row.values) {
      std::vector<v1::Value>& values = columns[path->first];
      values.resize(rows.size());
      values[i] = std::move(value);
    }
  }
  for (auto& [path, values] : columns) {
    v1::SampleColumn& column = *piece.batch.add_columns();
    column.set_path(std::string(path));
    const bool numbers = std::all_of(values.begin(), values.end(), [](const v1::Value& value) {
      return value.has_double_value() || value.has_int_value();
    });
    const bool fractions = paths_.find(path)->second.fraction;
    for (v1::Value& value : values) {
      if (numbers && fractions) {
        column.add_doubles(value.has_double_value() ? value.double_value()
                                                    : static_cast<double>(value.int_value()));
      } else {
        *column.add_values() = std::move(value);
      }
    }
  }
  return piece;
}

absl::StatusOr<v1::Value> ValueOfField(absl::string_view text, bool quoted) {
  if (absl::StartsWith(text, kJsonMark)) {
    const absl::StatusOr<Json> json =
        ParseJson(std::string(text.substr(kJsonMark.size())), "the field");
    if (!json.ok()) return json.status();
    return ToValue(*json);
  }
  v1::Value value;
  int64_t integer = 0;
  double number = 0;
  if (quoted) {
    value.set_string_value(std::string(text));
  } else if (text == "true" || text == "false") {
    value.set_bool_value(text == "true");
  } else if (text.find_first_not_of("+-0123456789") == absl::string_view::npos &&
             absl::SimpleAtoi(text, &integer)) {
    value.set_int_value(integer);
  } else if (text.find_first_not_of("+-.0123456789eE") == absl::string_view::npos &&
             absl::SimpleAtod(text, &number)) {
    value.set_double_value(number);
  } else if (text == "inf" || text == "-inf") {
    value.set_double_value(text == "inf" ? std::numeric_limits<double>::infinity()
                                         : -std::numeric_limits<double>::infinity());
  } else if (text != "nan") {
    value.set_string_value(std::string(text));
  }
  return value;
}

}  // namespace twin::twinctl
