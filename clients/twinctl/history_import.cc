#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/history.h"
#include "clients/tabular/csv.h"
#include "clients/tabular/lines.h"
#include "clients/tabular/values.h"
#include "clients/twinctl/history.h"
#include "clients/twinctl/interrupt.h"
#include "clients/twinctl/progress.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/samples.h"
#include "clients/twinctl/terminal.h"
#include "clients/twinctl/twin_json.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr size_t kRowsMax = 5'000;  // of a message
constexpr size_t kBytesMax = size_t{1} << 20;

struct ImportArguments {
  std::string file;
  std::string format;  // empty: by the name, else by the first character
  bool dry_run = false;
  std::string output = "table";
};

// Which line a row stood in. Rows mostly follow each other line by line; only where they do not,
// something is kept.
class LineNumbers {
 public:
  void Add(uint64_t row, uint64_t line) {
    if (runs_.empty() || line - row != runs_.back().second) runs_.emplace_back(row, line - row);
  }
  uint64_t LineOf(uint64_t row) const {
    uint64_t difference = 0;
    for (const auto& [first, value] : runs_) {
      if (first > row) break;
      difference = value;
    }
    return row + difference;
  }

 private:
  std::vector<std::pair<uint64_t, uint64_t>> runs_;  // first row, line - row
};

// The rows of a file in either form.
class RowReader {
 public:
  RowReader(tabular::LineReader* lines, std::string format)
      : lines_(*lines), csv_(lines), format_(std::move(format)) {}

  // Adds the next row; false at the end.
  absl::StatusOr<bool> Next(SampleBuilder* rows) {
    if (format_.empty()) {
      const std::string& name = lines_.name();
      const bool ndjson = absl::StrContains(name, ".ndjson") || absl::StrContains(name, ".jsonl");
      format_ = ndjson ? "ndjson" : "csv";
    }
    return format_ == "csv" ? NextCsv(rows) : NextNdjson(rows);
  }
  uint64_t line() const { return line_; }

 private:
  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(lines_.name(), ":", line_, ": ", what));
  }

  absl::StatusOr<bool> NextCsv(SampleBuilder* rows) {
    if (titles_.empty()) {
      if (!csv_.Next()) return NoRow();
      line_ = csv_.line();
      for (const tabular::CsvField& field : csv_.fields()) titles_.emplace_back(field.text);
      if (titles_.size() < 2 || titles_[0] != "twin" || titles_[1] != "time") {
        return Error("the first line has no titles twin,time,PATH…");
      }
      absl::flat_hash_set<absl::string_view> known;
      for (const std::string& title : titles_) {
        if (!known.insert(title).second) {
          return Error(absl::StrCat("the first line has the title '", title, "' twice"));
        }
      }
    }
    if (!csv_.Next()) return NoRow();
    line_ = csv_.line();
    const std::vector<tabular::CsvField>& fields = csv_.fields();
    if (fields.size() != titles_.size()) {
      return Error(
          absl::StrCat(fields.size(), " fields, where the first line has ", titles_.size()));
    }
    if (titles_.size() == 2) return Error("a row without values: the first line has no paths");
    const absl::StatusOr<int64_t> time = tabular::ParseTime(fields[1].text);
    if (!time.ok()) return Error(time.status().message());
    if (fields[0].text.empty()) return Error("there is no twin");
    rows->BeginRow(fields[0].text, *time, line_);
    for (size_t i = 2; i < fields.size(); ++i) {
      if (fields[i].text.empty() && !fields[i].quoted) continue;
      absl::StatusOr<v1::Value> value = ValueOfField(fields[i].text, fields[i].quoted);
      if (!value.ok()) return Error(value.status().message());
      rows->Set(titles_[i], *std::move(value));
    }
    return true;
  }
  absl::StatusOr<bool> NoRow() const {
    if (!csv_.status().ok()) return csv_.status();
    return false;
  }

  absl::StatusOr<bool> NextNdjson(SampleBuilder* rows) {
    do {
      if (!lines_.Next()) {
        if (!lines_.status().ok()) return lines_.status();
        return false;
      }
      line_ = lines_.number();
    } while (lines_.line().empty());
    const absl::StatusOr<Json> json = ParseJson(lines_.line(), "the line");
    if (!json.ok()) return Error(json.status().message());
    if (!json->is_object()) return Error("the line is no object");
    const auto twin = json->find("twin");
    if (twin == json->end() || !twin->is_string()) return Error("there is no \"twin\"");
    const auto time = json->find("time");
    if (time == json->end() || (!time->is_string() && !time->is_number_integer())) {
      return Error("there is no \"time\", ISO 8601 as text or nanoseconds");
    }
    const absl::StatusOr<int64_t> nanos =
        time->is_string() ? tabular::ParseTime(time->get<std::string>()) : time->get<int64_t>();
    if (!nanos.ok()) return Error(nanos.status().message());
    rows->BeginRow(twin->get<std::string>(), *nanos, line_);
    for (const auto& [name, value] : json->items()) {
      if (name != "twin" && name != "time") rows->Set(name, ToValue(value));
    }
    return true;
  }

  tabular::LineReader& lines_;
  tabular::CsvReader csv_;
  std::string format_;
  std::vector<std::string> titles_;
  uint64_t line_ = 0;
};

class ImportJob {
 public:
  ImportJob(const ImportArguments& arguments, tabular::LineReader* lines, const Console& console)
      : lines_(*lines),
        reader_(lines, arguments.format),
        progress_(console, arguments.dry_run ? "check" : "import") {}

  absl::StatusOr<v1::ImportHistoryResponse> Run(bool dry_run, client::Client* client) {
    const auto next = [&](v1::SampleBatch* batch) { return Next(batch); };
    absl::StatusOr<v1::ImportHistoryResponse> response = v1::ImportHistoryResponse();
    if (dry_run) {
      v1::SampleBatch batch;
      absl::StatusOr<bool> more = true;
      while (more.ok() && *more) {
        batch.Clear();
        more = next(&batch);
      }
      if (!more.ok()) response = more.status();
      if (response.ok()) response->set_rows(rows_);
    } else {
      response = client::HistoryClient(client).Import(next);
    }
    progress_.Clear();
    return response;
  }

  uint64_t LineOf(uint64_t row) const { return numbers_.LineOf(row); }

 private:
  // The next message; false at the end of the file.
  absl::StatusOr<bool> Next(v1::SampleBatch* batch) {
    while (pieces_.empty()) {
      bool more = true;
      while (more && builder_.rows() < kRowsMax && builder_.bytes() < kBytesMax) {
        const absl::StatusOr<bool> next = reader_.Next(&builder_);
        if (!next.ok()) return next.status();
        more = *next;
      }
      if (builder_.rows() == 0) return false;
      pieces_ = builder_.Take();
    }
    SampleBuilder::Piece piece = std::move(pieces_.front());
    pieces_.pop_front();
    for (const uint64_t line : piece.lines) numbers_.Add(rows_++, line);
    progress_.Show(lines_.Share(), CountOf(rows_, "row"));
    *batch = std::move(piece.batch);
    return true;
  }

  tabular::LineReader& lines_;
  RowReader reader_;
  SampleBuilder builder_;
  std::deque<SampleBuilder::Piece> pieces_;  // that are not sent yet
  LineNumbers numbers_;
  uint64_t rows_ = 0;
  ProgressLine progress_;
};

absl::StatusOr<ExitCode> Import(const ImportArguments& arguments, client::Client* client,
                                const Console& console) {
  absl::StatusOr<tabular::LineReader> lines =
      tabular::LineReader::Open(arguments.file, TakeInterrupts());
  if (!lines.ok()) return UsageError(lines.status().message());
  ImportJob job(arguments, &*lines, console);
  const absl::StatusOr<v1::ImportHistoryResponse> response = job.Run(arguments.dry_run, client);
  if (!response.ok()) return response.status();
  const Format format = FormatOf(arguments.output);
  Json rejects = Json::array();
  for (const v1::Reject& reject : response->rejects()) {
    const uint64_t line = job.LineOf(reject.index());
    if (format == Format::kTable) {
      console.err << Printable(absl::StrCat(lines->name(), ":", line, ": ", reject.message()))
                  << '\n';
    } else {
      rejects.push_back({{"line", line}, {"message", reject.message()}});
    }
  }
  if (response->expired_rows() > 0) {
    console.err << Printable(absl::StrCat(CountOf(response->expired_rows(), "row"), ": ",
                                          response->notice()))
                << '\n';
  }
  WriteDone(absl::StrCat(arguments.dry_run ? "would import " : "imported ",
                         CountOf(response->rows(), "row")),
            {{"dryRun", arguments.dry_run},
             {"rows", response->rows()},
             {"expiredRows", response->expired_rows()},
             {"rejectCount", response->rejects_total()},
             {"rejects", rejects},
             {"sequence", response->position().sequence()}},
            format, console);
  if (response->rejects_total() == 0) return kExitDone;
  console.out.flush();
  return console.Fail(kExitRefused, absl::StrCat(CountOf(response->rejects_total(), "row"),
                                                 " refused; the others are kept"));
}

}  // namespace

void AddHistoryImport(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ImportArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "import",
       .summary = "Read samples from a file into the history of twins",
       .description =
           "The file is CSV with the titles twin,time,PATH… or NDJSON, as 'history export' writes "
           "them, plain or gzip. Of samples of the same twin, path and time the last one stands, "
           "so "
           "the same file may be imported again. Rows that the server refuses are named with "
           "their line, the others are kept; a line that cannot be read ends the import. Exit code "
           "1 when there is such a row or line.",
       .examples = "twinctl history import cells.csv.gz --dry-run\n"
                   "twinctl history import cells.csv.gz\n"
                   "twinctl history import - --format ndjson < samples.ndjson"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Import(*arguments, client, console);
      }));
  command->add_option("FILE", arguments->file, "The file; - is stdin")
      ->type_name("FILE")
      ->required();
  CommandLine::AddChoice(command, "--format", &arguments->format, "csv|ndjson",
                         "What the file is (default: by its name, else csv)");
  command->add_flag("--dry-run", arguments->dry_run, "Only read the file; the server is not asked");
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
