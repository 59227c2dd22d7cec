#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/assignments.h"
#include "clients/twinctl/input.h"
#include "clients/twinctl/progress.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/terminal.h"
#include "clients/twinctl/transfer.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr size_t kPieceBytes = size_t{256} << 10;
constexpr int kWaitMs = 100;  // for input, before the connection is looked at again

struct ImportArguments {
  std::string file;
  bool dry_run = false;
  bool continue_on_error = false;
  std::string source_time;
  std::string output = "table";
};

// One import: sends the file, notes and shows what comes back.
class Job {
 public:
  Job(const ImportArguments& arguments, InputFile* file, const Console& console)
      : arguments_(arguments),
        file_(*file),
        console_(console),
        bytes_(file->SizeHint()),
        progress_(console, arguments.dry_run ? "check" : "import") {}

  absl::Status Run(client::Client* client) {
    v1::ImportOptions options;
    options.set_dry_run(arguments_.dry_run);
    options.set_continue_on_error(arguments_.continue_on_error);
    absl::Status status = SetSourceTime(arguments_.source_time, &options);
    if (!status.ok()) return status;
    status = client->Import(
        options, [this](std::string* piece) { return ReadPiece(piece); },
        [this](const v1::ImportProgress& progress) { Take(progress); });
    progress_.Clear();
    return status;
  }

  std::string Counts() const {
    return GraphCounts(last_.models(), last_.twins(), last_.relationships());
  }
  uint64_t errors() const { return last_.errors(); }
  Json Report() const {
    return {{"dryRun", arguments_.dry_run},
            {"models", last_.models()},
            {"twins", last_.twins()},
            {"relationships", last_.relationships()},
            {"errorCount", last_.errors()},
            {"errors", errors_},
            {"sequence", last_.position().sequence()}};
  }

 private:
  absl::StatusOr<bool> ReadPiece(std::string* piece) {
    if (!file_.WaitForData(kWaitMs)) return true;
    piece->resize(kPieceBytes);
    const absl::StatusOr<size_t> bytes = file_.Read(piece->data(), piece->size());
    if (!bytes.ok()) return bytes.status();
    piece->resize(*bytes);
    return *bytes > 0;
  }

  void Take(const v1::ImportProgress& progress) {
    last_ = progress;
    for (const v1::ImportProgress::Error& error : progress.new_errors()) {
      if (FormatOf(arguments_.output) == Format::kTable) {
        progress_.Clear();
        console_.err << Printable(
                            absl::StrCat(file_.name(), ":", error.line(), ": ", error.message()))
                     << '\n';
      } else {
        errors_.push_back({{"line", error.line()}, {"message", error.message()}});
      }
    }
    const double fraction =
        bytes_ == 0 ? -1 : static_cast<double>(progress.bytes()) / static_cast<double>(bytes_);
    progress_.Show(
        fraction,
        absl::StrCat(Counts(), progress.errors() == 0 ? "" : ", " + CountOf(errors(), "error")));
  }

  const ImportArguments& arguments_;
  InputFile& file_;
  const Console& console_;
  const size_t bytes_;  // 0: nobody knows
  ProgressLine progress_;
  v1::ImportProgress last_;
  Json errors_ = Json::array();
};

absl::StatusOr<ExitCode> Import(const ImportArguments& arguments, client::Client* client,
                                const Console& console) {
  absl::StatusOr<InputFile> file = InputFile::Open(arguments.file);
  if (!file.ok()) return UsageError(file.status().message());
  Job job(arguments, &*file, console);
  const absl::Status status = job.Run(client);
  if (!status.ok()) {
    if (!arguments.dry_run) console.err << "Imported so far: " << job.Counts() << ".\n";
    return status;
  }
  WriteDone(absl::StrCat(arguments.dry_run ? "would import " : "imported ", job.Counts()),
            job.Report(), FormatOf(arguments.output), console);
  if (job.errors() == 0) return kExitDone;
  console.out.flush();
  return console.Fail(kExitRefused,
                      absl::StrCat(CountOf(job.errors(), "error"),
                                   arguments.dry_run ? "" : "; what was imported stays"));
}

}  // namespace

std::string GraphCounts(uint64_t models, uint64_t twins, uint64_t relationships) {
  return absl::StrCat(CountOf(models, "model"), ", ", CountOf(twins, "twin"), ", ",
                      CountOf(relationships, "relationship"));
}

void AddImport(CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ImportArguments>();
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "import",
       .summary = "Read models, twins and relationships from a file into the server",
       .description =
           "The file is NDJSON in the form of Azure Digital Twins' import jobs, which is what "
           "export writes. Twins and relationships that exist are replaced. Errors go to stderr, "
           "each with its line; the counts go to stdout. Exit code 1 when there is an error. What "
           "was imported before an error stays, and so may some of what follows it.",
       .examples = "twinctl import fleet.ndjson --dry-run\n"
                   "zcat fleet.ndjson.gz | twinctl import - --continue-on-error"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Import(*arguments, client, console);
      }));
  command->add_option("FILE", arguments->file, "The file; - is stdin")
      ->type_name("FILE")
      ->required();
  command->add_flag("--dry-run", arguments->dry_run, "Only check it; nothing is changed");
  command->add_flag("--continue-on-error", arguments->continue_on_error,
                    "Go on behind a line that is refused, instead of ending there");
  AddSourceTime(command, &arguments->source_time);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
