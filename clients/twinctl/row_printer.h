// Rows that come page by page, of which there may be millions.
#ifndef TWIN_CLIENTS_TWINCTL_ROW_PRINTER_H_
#define TWIN_CLIENTS_TWINCTL_ROW_PRINTER_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/twinctl/command_line.h"
#include "clients/twinctl/console.h"
#include "clients/twinctl/output.h"

namespace twin::twinctl {

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

  struct PageOptions {
    uint64_t limit = 0;     // of rows, as --limit gives it; 0: not given
    uint64_t page_max = 0;  // rows that the server gives at a time
  };
  // Prints a whole list, page by page, from `request` on: `list(request)` asks for one, and
  // `add_rows(response, &limit, &rows)` adds those of its rows that the limit takes. Instead of
  // Finish.
  template <typename Request, typename List, typename AddRows>
  absl::StatusOr<ExitCode> PrintPages(Request request, const PageOptions& options, List list,
                                      AddRows add_rows) {
    RowLimit limit(options.limit, format_);
    do {
      request.set_page_size(limit.PageSize(options.page_max));
      const auto response = list(request);
      if (!response.ok()) return response.status();
      Json rows = Json::array();
      add_rows(*response, &limit, &rows);
      Add(rows);
      request.set_page_token(response->next_page_token());
    } while (!request.page_token().empty() && !limit.reached());
    Finish();
    if (!request.page_token().empty()) limit.SayMore(console_);
    return kExitDone;
  }

 private:
  const Format format_;
  const Console& console_;
  const std::vector<Column> columns_;
  Json rows_ = Json::array();  // of a table
  bool begun_ = false;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_ROW_PRINTER_H_
