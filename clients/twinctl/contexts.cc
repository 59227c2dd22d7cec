#include "clients/twinctl/contexts.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/context_file.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

// A file that is wrong is wrong usage; one that cannot be written is not.
ExitCode Refuse(const absl::Status& status, const Console& console) {
  return console.Fail(absl::IsInvalidArgument(status) ? kExitUsage : kExitRefused,
                      status.message());
}

ExitCode List(const ServerOptions& server, const std::string& output, const Console& console) {
  const std::string path = ContextPath(server.environment);
  const absl::StatusOr<Contexts> contexts = ReadContexts(path);
  if (!contexts.ok()) return console.Fail(kExitUsage, contexts.status().message());
  Json rows = Json::array();
  for (const auto& [name, address] : contexts->addresses) {
    rows.push_back({{"name", name}, {"address", address}, {"current", name == contexts->current}});
  }
  if (FormatOf(output) == Format::kTable) {
    for (Json& row : rows) row["current"] = row["current"] == true ? "*" : "";
    if (rows.empty()) console.err << "There are no contexts in " << Printable(path) << ".\n";
  }
  WriteRows({{.key = "current", .title = ""},
             {.key = "name", .title = "NAME"},
             {.key = "address", .title = "ADDRESS"}},
            rows, FormatOf(output), console);
  return kExitDone;
}

ExitCode Use(const ServerOptions& server, const std::string& name, const Console& console) {
  const absl::Status status = UseContext(ContextPath(server.environment), name);
  if (!status.ok()) return Refuse(status, console);
  console.out << "the current context is '" << Printable(name) << "'\n";
  return kExitDone;
}

ExitCode Set(const ServerOptions& server, const std::string& name, const Console& console) {
  if (server.address.empty()) {
    return console.Fail(kExitUsage, "no address is given: --address HOST:PORT");
  }
  if (name.empty()) return console.Fail(kExitUsage, "a context's name is not empty");
  const absl::StatusOr<std::string> address = client::CompleteAddress(server.address);
  if (!address.ok()) return console.Fail(kExitUsage, address.status().message());
  const absl::Status status = SetContext(ContextPath(server.environment), name, *address);
  if (!status.ok()) return Refuse(status, console);
  console.out << "the context '" << Printable(name) << "' is " << *address << '\n';
  return kExitDone;
}

}  // namespace

void AddContexts(CommandLine* line, const ServerPointer& server) {
  CLI::App* const group = line->AddGroup(
      line->root(), {.name = "context",
                     .summary = "Give names to servers, and choose one",
                     .examples = "twinctl context set plant --address 10.0.0.7:7480\n"
                                 "twinctl context use plant"});
  const auto output = std::make_shared<std::string>("table");
  CLI::App* const list = line->AddCommand(
      group,
      {.name = "list",
       .summary = "List the contexts; * is the current one",
       .examples = "twinctl context list"},
      [server, output](const Console& console) { return List(*server, *output, console); });
  CommandLine::AddOutput(list, output.get());

  const auto used = std::make_shared<std::string>();
  CLI::App* const use = line->AddCommand(
      group,
      {.name = "use",
       .summary = "Make a context the current one",
       .examples = "twinctl context use plant"},
      [server, used](const Console& console) { return Use(*server, *used, console); });
  use->add_option("NAME", *used, "The context")->type_name("NAME")->required();

  const auto named = std::make_shared<std::string>();
  CLI::App* const set = line->AddCommand(
      group,
      {.name = "set",
       .summary = "Name a server, or give the name to another one",
       .usage = {"[options] NAME --address HOST:PORT"},
       .description = "They are kept in ~/.config/twinctl/config.toml, or below XDG_CONFIG_HOME. "
                      "The first context becomes the current one.",
       .examples = "twinctl context set plant --address 10.0.0.7:7480"},
      [server, named](const Console& console) { return Set(*server, *named, console); });
  set->add_option("NAME", *named, "The context")->type_name("NAME")->required();
}

}  // namespace twin::twinctl
