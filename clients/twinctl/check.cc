#include "clients/twinctl/check.h"

#include <memory>
#include <string>
#include <vector>

#include "server/engine/engine.h"

namespace twin::twinctl {

void AddCheck(CommandLine* line) {
  const auto folder = std::make_shared<std::string>();
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "check",
       .summary = "Read a data directory or backup whole and verify it (offline)",
       .description =
           "Every checksum and every reference of the store and the journal is looked at, and "
           "nothing is changed. The server must not run on it.",
       .examples = "twinctl check /var/lib/twind"},
      [folder](const Console& console) {
        std::vector<std::string> report;
        const absl::Status status = engine::CheckDataDir(*folder, &report);
        for (const std::string& part : report) console.out << part << '\n';
        if (status.ok()) return kExitDone;
        return console.Fail(kExitRefused, status.message());
      });
  command->add_option("DIR", *folder, "The data directory")->required()->type_name("DIR");
}

}  // namespace twin::twinctl
