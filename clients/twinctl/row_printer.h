// Rows that come page by page, of which there may be millions.
#ifndef TWIN_CLIENTS_TWINCTL_ROW_PRINTER_H_
#define TWIN_CLIENTS_TWINCTL_ROW_PRINTER_H_

#include <cstdint>
#include <vector>

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/console.h"
#include "clients/twinctl/output.h"

namespace twin::twinctl {

// Prints NDJSON, CSV, JSON and YAML as they come; a table at the end, when its widths are known.
class RowPrinter {
 public:
  // `console` must outlive the printer.
  RowPrinter(Format format, const Console& console, std::vector<Column> columns)
      : format_(format), console_(console), columns_(std::move(columns)) {}

  // Whether rows are shown by columns, rather than whole.
  bool wants_columns() const { return format_ == Format::kTable || format_ == Format::kCsv; }
  // An array of objects.
  void Add(const Json& rows);
  // Call it once, at the end.
  void Finish();

 private:
  const Format format_;
  const Console& console_;
  const std::vector<Column> columns_;
  Json rows_ = Json::array();  // of a table
  bool begun_ = false;
};

// --limit N.
void AddLimit(CLI::App* command, uint64_t* limit);

// How many rows are taken: those of --limit, else 1,000 for a table and all for programs.
class RowLimit {
 public:
  static constexpr uint64_t kTableDefault = 1000;

  // `limit`: 0: not given.
  RowLimit(uint64_t limit, Format format)
      : left_(limit > 0                  ? limit
              : format == Format::kTable ? kTableDefault
                                         : UINT64_MAX),
        of_table_(limit == 0 && format == Format::kTable) {}

  // False: it is reached.
  bool Take() { return left_ > 0 && left_-- > 0; }
  bool reached() const { return left_ == 0; }
  int32_t PageSize(uint64_t page_max) const;
  // There were more rows: says so, unless the user gave the limit.
  void SayMore(const Console& console) const;

 private:
  uint64_t left_;
  const bool of_table_;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_ROW_PRINTER_H_
