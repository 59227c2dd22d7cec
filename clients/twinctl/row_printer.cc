#include "clients/twinctl/row_printer.h"

#include <algorithm>
#include <sstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

// As an element of an indented array.
std::string Indented(const Json& row) {
  std::ostringstream text;
  WriteJson(row, text);
  const std::string lines = text.str();
  std::string indented;
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&indented, indented.empty() ? "" : "\n", "  ", line);
  }
  return indented;
}

}  // namespace

void RowPrinter::Add(const Json& rows) {
  if (rows.empty()) return;
  switch (format_) {
    case Format::kTable:
      for (const Json& row : rows) rows_.push_back(row);
      break;
    case Format::kNdjson:
      WriteNdjson(rows, console_.out);
      break;
    case Format::kYaml:
      WriteYaml(rows, console_.out);  // Sequences that follow each other are one.
      break;
    case Format::kCsv:
      WriteCsv(columns_, rows, console_.out, /*titles=*/!begun_);
      break;
    case Format::kJson:
      for (const Json& row : rows) {
        console_.out << (begun_ ? ",\n" : "[\n") << Indented(row);
        begun_ = true;
      }
      break;
  }
  begun_ = true;
}

void RowPrinter::Finish() {
  if (format_ == Format::kTable) {
    WriteTable(columns_, rows_, TableOptionsOf(console_), console_.out);
  } else if (format_ == Format::kJson) {
    console_.out << (begun_ ? "\n]\n" : "[]\n");
  } else if (!begun_ && format_ == Format::kYaml) {
    WriteYaml(Json::array(), console_.out);
  } else if (!begun_ && format_ == Format::kCsv) {
    WriteCsv(columns_, Json::array(), console_.out);
  }
}

void AddLimit(CLI::App* command, uint64_t* limit) {
  command
      ->add_option("--limit", *limit,
                   "At most so many (1,000 in a table, all in the other formats)")
      ->type_name("N")
      ->check(
          [](const std::string& text) -> std::string {
            uint64_t number = 0;
            if (absl::SimpleAtoi(text, &number) && number > 0) return "";
            return absl::StrCat("'", text, "' is no number from 1 on");
          },
          "");
}

int32_t RowLimit::PageSize(uint64_t page_max) const {
  return static_cast<int32_t>(std::min(left_, page_max));
}

void RowLimit::SayMore(const Console& console) const {
  if (!of_table_) return;
  console.err << absl::StrCat("There are more than ", WithCommas(kTableDefault),
                              "; --limit N shows more of them, -o ndjson prints all.\n");
}

}  // namespace twin::twinctl
