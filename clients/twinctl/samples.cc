#include "clients/twinctl/samples.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clients/tabular/csv.h"
#include "clients/tabular/values.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

int ValuesOf(const v1::SampleColumn& column) {
  return std::max(
      {column.doubles_size(), column.ints_size(), column.strings_size(), column.values_size()});
}

void AppendJsonNumber(double number, std::string* out) {
  if (std::isfinite(number)) {
    tabular::AppendNumber(number, out);
  } else {
    *out += "null";
  }
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
    tabular::AppendNumber(column.doubles(row), out);
  } else if (!column.ints().empty()) {
    absl::StrAppend(out, column.ints(row));
  } else if (!column.strings().empty()) {
    tabular::AppendCsvField(column.strings(row), /*quoted=*/true, out);
  } else {
    const v1::Value& value = column.values(row);
    if (value.has_double_value()) {
      tabular::AppendNumber(value.double_value(), out);
    } else if (value.has_string_value()) {
      tabular::AppendCsvField(value.string_value(), /*quoted=*/true, out);
    } else if (value.has_time_unix_nano()) {
      tabular::AppendTime(value.time_unix_nano(), out);
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

void SampleBuilder::BeginRow(absl::string_view twin, int64_t time_unix_nano) {
  twins_.emplace_back(twin);
  times_.push_back(time_unix_nano);
  bytes_ += twin.size() + 10;
}

void SampleBuilder::Set(absl::string_view name, v1::Value value) {
  if (value.kind_case() == v1::Value::KIND_NOT_SET) return;
  auto found = paths_.find(name);
  if (found == paths_.end()) found = paths_.emplace(std::string(name), Path()).first;
  Path& path = found->second;
  path.fraction = path.fraction || value.has_double_value();
  path.number = path.number && (value.has_double_value() || value.has_int_value());
  bytes_ += 10 + (value.has_string_value() ? value.string_value().size() : 0);
  path.values.emplace_back(twins_.size() - 1, std::move(value));
}

void SampleBuilder::Take(v1::SampleBatch* batch) {
  for (std::string& twin : twins_) batch->add_twin_ids(std::move(twin));
  for (const int64_t time : times_) batch->add_times_unix_nano(time);
  const size_t rows = twins_.size();
  for (auto& [name, path] : paths_) {
    if (path.values.empty()) continue;
    v1::SampleColumn& column = *batch->add_columns();
    column.set_path(name);
    if (path.number && path.fraction) {
      column.mutable_doubles()->Resize(static_cast<int>(rows),
                                       std::numeric_limits<double>::quiet_NaN());
      for (const auto& [row, value] : path.values) {
        column.set_doubles(static_cast<int>(row), value.has_double_value()
                                                      ? value.double_value()
                                                      : static_cast<double>(value.int_value()));
      }
    } else {
      for (size_t row = 0; row < rows; ++row) column.add_values();
      for (auto& [row, value] : path.values) {
        *column.mutable_values(static_cast<int>(row)) = std::move(value);
      }
    }
    path.values.clear();
    path.number = true;
  }
  twins_.clear();
  times_.clear();
  bytes_ = 0;
}

v1::Value ValueOfField(absl::string_view text, bool quoted) {
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
