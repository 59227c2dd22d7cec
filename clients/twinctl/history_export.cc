#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cpp/history.h"
#include "clients/twinctl/history.h"
#include "clients/twinctl/output_file.h"
#include "clients/twinctl/progress.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/samples.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr char kStdout[] = "-";
constexpr size_t kPieceBytes = size_t{256} << 10;

struct ExportArguments {
  std::vector<std::string> twins;
  std::vector<std::string> paths;
  std::string from;
  std::string to;
  std::string output = "csv";
  std::string file = kStdout;
};

// Batches that wait on disk until all columns are known: a file without a name.
class Spool {
 public:
  Spool() : file_(std::tmpfile()) {}
  ~Spool() {
    if (file_ != nullptr) std::fclose(file_);
  }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  absl::Status Write(const v1::SampleBatch& batch) {
    const std::string bytes = batch.SerializeAsString();
    const uint64_t size = bytes.size();
    if (file_ == nullptr || std::fwrite(&size, sizeof(size), 1, file_) != 1 ||
        std::fwrite(bytes.data(), 1, size, file_) != size) {
      return absl::UnavailableError("cannot write a temporary file");
    }
    return absl::OkStatus();
  }
  void Rewind() { std::rewind(file_); }
  // False: there is no other.
  absl::StatusOr<bool> Read(v1::SampleBatch* batch) {
    uint64_t size = 0;
    if (std::fread(&size, sizeof(size), 1, file_) != 1) return false;
    std::string bytes(size, '\0');
    if (std::fread(bytes.data(), 1, size, file_) != size || !batch->ParseFromString(bytes)) {
      return absl::DataLossError("cannot read the temporary file");
    }
    return true;
  }

 private:
  std::FILE* const file_;
};

class ExportJob {
 public:
  ExportJob(const ExportArguments& arguments, const Console& console)
      : arguments_(arguments), console_(console), progress_(console, "export") {}

  absl::Status Run(client::Client* client) {
    v1::ExportHistoryRequest request;
    for (const std::string& twin : arguments_.twins) request.add_twin_ids(twin);
    for (const std::string& path : arguments_.paths) request.add_paths(path);
    if (!arguments_.from.empty()) {
      const absl::StatusOr<int64_t> from = TimeOption("--from", arguments_.from);
      if (!from.ok()) return from.status();
      request.set_from_unix_nano(*from);
    }
    if (!arguments_.to.empty()) {
      const absl::StatusOr<int64_t> to = TimeOption("--to", arguments_.to);
      if (!to.ok()) return to.status();
      request.set_to_unix_nano(*to);
    }
    if (arguments_.file != kStdout) {
      absl::StatusOr<OutputFile> created = OutputFile::Create(arguments_.file);
      if (!created.ok()) return created.status();
      file_.emplace(*std::move(created));
    }
    const bool csv = arguments_.output == "csv";
    const bool spooled = csv && arguments_.paths.empty();
    paths_ = arguments_.paths;
    if (csv && !spooled) text_ = CsvTitles(paths_);
    absl::Status status = client::HistoryClient(client).Export(
        request, [&](const v1::ExportHistoryResponse& message) {
          if (message.has_position()) sequence_ = message.position().sequence();
          return spooled ? Keep(message.samples()) : Write(message.samples());
        });
    if (status.ok() && spooled) status = WriteKept();
    if (status.ok()) status = Flush();
    if (status.ok() && file_.has_value()) status = file_->Commit();
    progress_.Clear();
    return status;
  }

  uint64_t rows() const { return rows_; }
  uint64_t sequence() const { return sequence_; }

 private:
  absl::Status Keep(const v1::SampleBatch& batch) {
    for (const v1::SampleColumn& column : batch.columns()) {
      if (std::find(paths_.begin(), paths_.end(), column.path()) == paths_.end()) {
        paths_.push_back(column.path());
      }
    }
    kept_rows_ += static_cast<uint64_t>(SampleRows(batch).size());
    progress_.Show(-1, CountOf(kept_rows_, "row"));
    return spool_.Write(batch);
  }

  absl::Status WriteKept() {
    text_ = CsvTitles(paths_);
    if (kept_rows_ == 0) return absl::OkStatus();
    spool_.Rewind();
    v1::SampleBatch batch;
    while (true) {
      const absl::StatusOr<bool> more = spool_.Read(&batch);
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      if (absl::Status status = Write(batch); !status.ok()) return status;
    }
  }

  absl::Status Write(const v1::SampleBatch& batch) {
    const SampleRows rows(batch);
    std::vector<int> columns(paths_.size(), -1);
    for (int i = 0; i < batch.columns_size(); ++i) {
      const auto at = std::find(paths_.begin(), paths_.end(), batch.columns(i).path());
      if (at != paths_.end()) columns[static_cast<size_t>(at - paths_.begin())] = i;
      if (arguments_.output != "csv" &&
          (batch.columns(i).path() == "twin" || batch.columns(i).path() == "time")) {
        return absl::FailedPreconditionError(
            absl::StrCat("a path is called '", batch.columns(i).path(),
                         "', as the twin or time of a row is; use -o csv"));
      }
    }
    for (int row = 0; row < rows.size(); ++row) {
      if (arguments_.output == "csv") {
        AppendCsvRow(rows, row, columns, &text_);
      } else {
        AppendNdjsonRow(batch, rows, row, &text_);
      }
      if (text_.size() < kPieceBytes) continue;
      if (absl::Status status = Flush(); !status.ok()) return status;
    }
    rows_ += static_cast<uint64_t>(rows.size());
    progress_.Show(
        kept_rows_ == 0 ? -1 : static_cast<double>(rows_) / static_cast<double>(kept_rows_),
        CountOf(rows_, "row"));
    return absl::OkStatus();
  }

  absl::Status Flush() {
    absl::Status status;
    if (file_.has_value()) {
      status = file_->Append(text_);
    } else {
      console_.out << text_;
      if (!console_.out) status = absl::CancelledError("stdout");
    }
    text_.clear();
    return status;
  }

  const ExportArguments& arguments_;
  const Console& console_;
  ProgressLine progress_;
  std::optional<OutputFile> file_;
  std::vector<std::string> paths_;  // the columns of CSV
  Spool spool_;
  uint64_t kept_rows_ = 0;
  std::string text_;
  uint64_t rows_ = 0;
  uint64_t sequence_ = 0;
};

absl::StatusOr<ExitCode> Export(const ExportArguments& arguments, client::Client* client,
                                const Console& console) {
  ExportJob job(arguments, console);
  const absl::Status status = job.Run(client);
  if (!console.out) return kExitRefused;  // main() says why.
  if (!status.ok()) return status;
  if (arguments.file != kStdout) {
    console.err << "exported " << CountOf(job.rows(), "row") << " at sequence "
                << WithCommas(job.sequence()) << '\n';
  }
  return kExitDone;
}

}  // namespace

void AddHistoryExport(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ExportArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "export",
       .summary = "Write the recorded samples of twins, oldest first, one twin after the other",
       .description =
           "CSV has the columns twin and time and one for each path; an empty field is a missing "
           "value, and texts stand in quotes. NDJSON has an object for each row, without the "
           "missing ones. Times are ISO 8601 in UTC; numbers have the digits that it takes to read "
           "them back as they are. 'history import' reads both.",
       .examples = "twinctl history export cell-1 cell-2 --path voltage\n"
                   "twinctl history export pack-1 --from 2026-07-01T00:00:00Z -o ndjson\n"
                   "twinctl history export pack-1 --file pack-1.csv"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Export(*arguments, client, console);
      }));
  command->add_option("TWIN", arguments->twins, "The twins, at most 10,000")
      ->type_name("TWIN")
      ->required();
  command
      ->add_option("--path", arguments->paths,
                   "Only this path, such as voltage or soh.value; may be given several times "
                   "(default: all that is recorded)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--from", arguments->from, "Samples of this time and later")
      ->type_name("TIME");
  command->add_option("--to", arguments->to, "Samples before this time")->type_name("TIME");
  CommandLine::AddChoice(command, "-o,--output", &arguments->output, "csv|ndjson",
                         "The form of the rows (default: csv)");
  command->add_option("--file", arguments->file, "The file; - is stdout (default: -)")
      ->type_name("FILE");
}

}  // namespace twin::twinctl
