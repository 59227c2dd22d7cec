#include "clients/twinctl/output.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace twin::twinctl {
namespace {

constexpr int kGapColumns = 2;       // between two columns of a table
constexpr int kCellColumnsMin = 10;  // a column is not made narrower than this
constexpr auto kReplaceBadUtf8 = Json::error_handler_t::replace;

std::string CellText(const Json& row, const std::string& key) {
  const auto cell = row.find(key);
  if (cell == row.end() || cell->is_null()) return "";
  if (cell->is_string()) return cell->get<std::string>();
  return DumpJson(*cell);
}

// Takes columns off the widest until the table fits, or nothing more can go.
void FitWidths(int columns_max, std::vector<int>* widths) {
  const int gaps = kGapColumns * (static_cast<int>(widths->size()) - 1);
  int total = std::accumulate(widths->begin(), widths->end(), gaps);
  while (total > columns_max) {
    const auto widest = std::max_element(widths->begin(), widths->end());
    if (*widest <= kCellColumnsMin) return;
    --*widest;
    --total;
  }
}

// One row, its cells wrapped to the widths of their columns.
void WriteTableRow(const std::vector<Column>& columns, const std::vector<std::string>& cells,
                   const std::vector<int>& widths, const Style* style, std::ostream& out) {
  std::vector<std::vector<std::string>> wrapped;
  size_t lines = 1;
  for (size_t i = 0; i < columns.size(); ++i) {
    wrapped.push_back(WrapText(cells[i], widths[i]));
    lines = std::max(lines, wrapped.back().size());
  }
  for (size_t line = 0; line < lines; ++line) {
    std::string text;
    int owed = 0;  // spaces to write if something follows
    for (size_t i = 0; i < columns.size(); ++i) {
      const std::string cell = line < wrapped[i].size() ? wrapped[i][line] : "";
      const int padding = std::max(widths[i] - ColumnsOf(cell), 0);
      if (columns[i].right) owed += padding;
      if (!cell.empty()) {
        text.append(static_cast<size_t>(owed), ' ');
        absl::StrAppend(&text, style == nullptr ? cell : style->Paint(Tone::kStrong, cell));
        owed = 0;
      }
      owed += (columns[i].right ? 0 : padding) + kGapColumns;
    }
    out << text << '\n';
  }
}

std::string CsvText(std::string text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos &&
      (text.empty() || (text.front() != ' ' && text.back() != ' '))) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

std::string CsvCell(const Json& row, const Column& column) {
  std::string text = CellText(row, column.key);
  if (text.empty() && column.null_is_empty && row.value(column.key, Json()).is_string()) {
    return R"("")";
  }
  return CsvText(std::move(text));
}

}  // namespace

Format FormatOf(absl::string_view word) {
  if (word == "json") return Format::kJson;
  if (word == "ndjson") return Format::kNdjson;
  if (word == "csv") return Format::kCsv;
  if (word == "yaml") return Format::kYaml;
  return Format::kTable;
}

std::vector<Column> ColumnsOfKeys(const std::vector<std::string>& keys) {
  std::vector<Column> columns;
  columns.reserve(keys.size());
  for (const std::string& key : keys) columns.push_back({.key = key, .title = key});
  return columns;
}

void WriteData(const Data& data, Format format, std::ostream& out) {
  switch (format) {
    case Format::kJson:
      return WriteJson(data.document, out);
    case Format::kYaml:
      return WriteYaml(data.document, out);
    case Format::kNdjson:
      return WriteNdjson(data.rows, out);
    case Format::kCsv:
      return WriteCsv(data.columns, data.rows, out);
    case Format::kTable:
      return;
  }
}

void WriteTable(const std::vector<Column>& columns, const Json& rows, const TableOptions& options,
                std::ostream& out) {
  std::vector<std::string> titles;
  std::vector<int> widths;
  for (const Column& column : columns) {
    titles.push_back(column.title);
    widths.push_back(ColumnsOf(column.title));
  }
  std::vector<std::vector<std::string>> lines;
  for (const Json& row : rows) {
    lines.emplace_back();
    for (size_t i = 0; i < columns.size(); ++i) {
      lines.back().push_back(Printable(CellText(row, columns[i].key)));
      widths[i] = std::max(widths[i], ColumnsOf(lines.back().back()));
    }
  }
  if (options.columns_max > 0) FitWidths(options.columns_max, &widths);
  WriteTableRow(columns, titles, widths, &options.style, out);
  for (const std::vector<std::string>& cells : lines) {
    WriteTableRow(columns, cells, widths, nullptr, out);
  }
}

void WriteCsv(const std::vector<Column>& columns, const Json& rows, std::ostream& out,
              bool titles) {
  const auto separator = [&](size_t i) { return i + 1 < columns.size() ? ',' : '\n'; };
  for (size_t i = 0; titles && i < columns.size(); ++i) {
    out << CsvText(columns[i].key) << separator(i);
  }
  for (const Json& row : rows) {
    for (size_t i = 0; i < columns.size(); ++i) {
      out << CsvCell(row, columns[i]) << separator(i);
    }
  }
}

void WriteNdjson(const Json& rows, std::ostream& out) {
  for (const Json& row : rows) out << DumpJson(row) << '\n';
}

void WriteJson(const Json& value, std::ostream& out) {
  out << value.dump(2, ' ', false, kReplaceBadUtf8) << '\n';
}

std::string DumpJson(const Json& value) { return value.dump(-1, ' ', false, kReplaceBadUtf8); }

}  // namespace twin::twinctl
