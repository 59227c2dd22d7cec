// `checkpoint`, `compact` and `backup`.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/server.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

// Of a folder on the server; not DIR, which a shell would complete with local ones.
constexpr char kFolder[] = "FOLDER";

struct FolderArguments {
  std::string folder;
  std::string output = "table";
};

absl::StatusOr<ExitCode> Checkpoint(const std::string& output, client::Client* client,
                                    const Console& console) {
  const absl::StatusOr<v1::CheckpointResponse> response = client->Checkpoint();
  if (!response.ok()) return response.status();
  const uint64_t sequence = response->position().sequence();
  WriteDone(absl::StrCat("checkpoint written at sequence ", WithCommas(sequence)),
            {{"sequence", sequence}}, FormatOf(output), console);
  return kExitDone;
}

struct CompactArguments {
  bool history = false;
  std::string output = "table";
};

absl::StatusOr<ExitCode> Compact(const CompactArguments& arguments, client::Client* client,
                                 const Console& console) {
  v1::CompactRequest request;
  request.set_history(arguments.history);
  const absl::StatusOr<v1::CompactResponse> response = client->Compact(request);
  if (!response.ok()) return response.status();
  std::string done =
      absl::StrCat("compacted; reclaimed ", CountOf(response->reclaimed_twins(), "twin"));
  Json document = {{"reclaimedTwins", response->reclaimed_twins()}};
  if (arguments.history) {
    absl::StrAppend(&done, ", re-packed ", CountOf(response->packed_days(), "day"),
                    " of the history");
    document["packedDays"] = response->packed_days();
  }
  WriteDone(done, document, FormatOf(arguments.output), console);
  return kExitDone;
}

absl::Status CheckFolder(const std::string& folder) {
  if (folder.empty()) return UsageError("no DIR is given: name a folder of the server");
  if (folder.front() == '/') return absl::OkStatus();
  return UsageError(absl::StrCat("'", folder, "' is not absolute; it is a folder of the server"));
}

absl::StatusOr<ExitCode> Backup(const FolderArguments& arguments, client::Client* client,
                                const Console& console) {
  if (const absl::Status status = CheckFolder(arguments.folder); !status.ok()) return status;
  v1::BackupRequest request;
  request.set_folder(arguments.folder);
  const absl::StatusOr<v1::BackupResponse> response = client->Backup(request);
  if (!response.ok()) return response.status();
  const uint64_t sequence = response->position().sequence();
  WriteDone(absl::StrCat("backup of ", BytesText(response->bytes()), " at sequence ",
                         WithCommas(sequence), " in '", arguments.folder, "'"),
            {{"folder", arguments.folder}, {"bytes", response->bytes()}, {"sequence", sequence}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

absl::StatusOr<ExitCode> Verify(const FolderArguments& arguments, client::Client* client,
                                const Console& console) {
  if (const absl::Status status = CheckFolder(arguments.folder); !status.ok()) return status;
  v1::VerifyBackupRequest request;
  request.set_folder(arguments.folder);
  const absl::StatusOr<v1::VerifyBackupResponse> response = client->VerifyBackup(request);
  if (!response.ok()) return response.status();
  Json report = Json::array();
  for (const std::string& line : response->report()) report.push_back(line);
  if (FormatOf(arguments.output) == Format::kTable) {
    for (const std::string& line : response->report()) console.out << Printable(line) << '\n';
  }
  WriteDone(absl::StrCat("'", arguments.folder, "' is whole"),
            {{"folder", arguments.folder}, {"whole", true}, {"report", report}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

void AddFolder(CLI::App* command, FolderArguments* arguments, const std::string& description) {
  command->add_option("DIR", arguments->folder, description)->type_name(kFolder);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace

void AddCheckpoint(CommandLine* line, const ServerPointer& server) {
  const auto output = std::make_shared<std::string>("table");
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "checkpoint",
       .summary = "Write a checkpoint now, and wait for it",
       .description = "The server writes checkpoints by itself; one just before it is stopped "
                      "makes its next start fast.",
       .examples = "twinctl checkpoint"},
      OnServer(server, [output](client::Client* client, const Console& console) {
        return Checkpoint(*output, client, console);
      }));
  CommandLine::AddOutput(command, output.get());
}

void AddCompact(CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<CompactArguments>();
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "compact",
       .summary = "Put what belongs together side by side, and forget the ids of deleted twins",
       .description = "'twinctl status' shows how many ids wait. Writes wait while it runs.",
       .examples = "twinctl compact\ntwinctl compact --history"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Compact(*arguments, client, console);
      }));
  command->add_flag("--history", arguments->history,
                    "also re-pack the history of all days that have ended; nothing waits for that");
  CommandLine::AddOutput(command, &arguments->output);
}

void AddBackup(CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<FolderArguments>();
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "backup",
       .summary = "Copy the server's data into a folder of the server, while it serves",
       .usage = {"[options] DIR", "verify [options] DIR"},
       .description = "To restore, start a twind on the copy, or on a copy of the copy.",
       .examples = "twinctl backup /var/backups/twind/2026-07-01\n"
                   "twinctl backup verify /var/backups/twind/2026-07-01"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Backup(*arguments, client, console);
      }));
  AddFolder(command, arguments.get(), "A new folder, absolute, on the server");

  const auto verify_arguments = std::make_shared<FolderArguments>();
  CLI::App* const verify = line->AddCommand(
      command,
      {.name = "verify",
       .summary = "Read a backup whole and say whether it is sound",
       .usage = {"[options] DIR"},
       .description = "Exit code 1 when it is damaged; the message says what.",
       .examples = "twinctl backup verify /var/backups/twind/2026-07-01"},
      OnServer(server, [verify_arguments](client::Client* client, const Console& console) {
        return Verify(*verify_arguments, client, console);
      }));
  AddFolder(verify, verify_arguments.get(), "The backup, absolute, on the server");
}

}  // namespace twin::twinctl
