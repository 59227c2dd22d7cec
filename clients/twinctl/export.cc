#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "clients/twinctl/output_file.h"
#include "clients/twinctl/progress.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/transfer.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr char kStdout[] = "-";

struct ExportArguments {
  std::string file;
  bool telemetry = false;
};

double Fraction(const v1::ExportResponse& part) {
  const uint64_t total = part.twins_total() + part.relationships_total();
  if (total == 0) return -1;
  return static_cast<double>(part.twins() + part.relationships()) / static_cast<double>(total);
}

absl::StatusOr<ExitCode> Export(const ExportArguments& arguments, client::Client* client,
                                const Console& console) {
  std::optional<OutputFile> file;
  if (arguments.file != kStdout) {
    absl::StatusOr<OutputFile> created = OutputFile::Create(arguments.file);
    if (!created.ok()) return created.status();
    file.emplace(*std::move(created));
  }
  ProgressLine progress(console, "export");
  v1::ExportResponse last;
  v1::ExportRequest request;
  request.set_with_telemetry(arguments.telemetry);
  absl::Status status = client->Export(request, [&](const v1::ExportResponse& part) {
    last = part;
    last.clear_data();
    progress.Show(Fraction(part), GraphCounts(part.models(), part.twins(), part.relationships()));
    if (file.has_value()) return file->Append(part.data());
    console.out << part.data();
    return console.out ? absl::OkStatus() : absl::CancelledError("stdout");
  });
  if (status.ok() && file.has_value()) status = file->Commit();
  progress.Clear();
  if (!console.out) return kExitRefused;  // main() says why.
  if (!status.ok()) return status;
  // On stderr, since stdout may be the file.
  console.err << "exported " << GraphCounts(last.models(), last.twins(), last.relationships())
              << " at sequence " << WithCommas(last.position().sequence()) << '\n';
  return kExitDone;
}

}  // namespace

void AddExport(CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ExportArguments>();
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "export",
       .summary = "Write all models, twins and relationships to a file, as they are at one time",
       .description =
           "The file is NDJSON in the form of Azure Digital Twins' import jobs; imported into an "
           "empty server it gives the same graph. It is written as FILE.partial and gets its name "
           "when it is whole.",
       .examples = "twinctl export graph.ndjson\n"
                   "twinctl export - | gzip > graph.ndjson.gz"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Export(*arguments, client, console);
      }));
  command->add_option("FILE", arguments->file, "The file; - is stdout")
      ->type_name("FILE")
      ->required();
  command->add_flag("--telemetry", arguments->telemetry, "Also the latest values of telemetry");
}

}  // namespace twin::twinctl
