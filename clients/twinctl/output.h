// Data as a command prints it: a table for people, or JSON, NDJSON, CSV, YAML for programs.
#ifndef TWIN_CLIENTS_TWINCTL_OUTPUT_H_
#define TWIN_CLIENTS_TWINCTL_OUTPUT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {

// Members stay in the order in which they were added.
using Json = nlohmann::ordered_json;

enum class Format : uint8_t { kTable, kJson, kNdjson, kCsv, kYaml };

// The words of -o, as help and completion list them: "table|json|ndjson|csv|yaml".
inline constexpr absl::string_view kFormatWords = "table|json|ndjson|csv|yaml";
// One of those words.
Format FormatOf(absl::string_view word);

// A column of a table or CSV file: the member `key` of each row.
struct Column {
  std::string key;    // of the rows; CSV has it as the title
  std::string title;  // of the table
  bool right = false;
  bool null_is_empty = false;  // and CSV quotes an empty string, to tell them apart
};

// Columns that are called like their keys.
std::vector<Column> ColumnsOfKeys(const std::vector<std::string>& keys);

// `rows` is an array of objects, of which a table and CSV show the members that `columns` names, in
// their order: strings as they are, null as nothing, everything else as JSON.
struct TableOptions {
  int columns_max = 0;  // of the terminal: longer cells are wrapped; 0: no limit
  Style style;
};
void WriteTable(const std::vector<Column>& columns, const Json& rows, const TableOptions& options,
                std::ostream& out);
// RFC 4180, except that a line ends in '\n'.
void WriteCsv(const std::vector<Column>& columns, const Json& rows, std::ostream& out,
              bool titles = true);
// A row a line.
void WriteNdjson(const Json& rows, std::ostream& out);

// JSON with an indent of two, ending in a line end.
void WriteJson(const Json& value, std::ostream& out);
// The same value in YAML, block style: readable by YAML 1.1 and 1.2, which is why words like "no"
// are quoted.
void WriteYaml(const Json& value, std::ostream& out);

// Data in any format but kTable: `document` as JSON or YAML, `rows` as NDJSON or CSV.
struct Data {
  Json document;
  Json rows;
  std::vector<Column> columns;
};
void WriteData(const Data& data, Format format, std::ostream& out);

// JSON in one line. Strings that are no UTF-8 get U+FFFD for what is wrong.
std::string DumpJson(const Json& value);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_OUTPUT_H_
