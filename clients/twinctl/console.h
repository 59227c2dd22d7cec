// What every command is given to speak through, and the exit codes it may end with.
#ifndef TWIN_CLIENTS_TWINCTL_CONSOLE_H_
#define TWIN_CLIENTS_TWINCTL_CONSOLE_H_

#include <cstdint>
#include <ostream>

#include "absl/strings/string_view.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {

// A promise to scripts: docs/twinctl.md.
enum ExitCode : int {
  kExitDone = 0,
  kExitRefused = 1,   // the request was refused; a comparison found something
  kExitUsage = 2,     // the command line is wrong, or names a file that cannot be read
  kExitNoServer = 3,  // no server can be reached
  kExitInterrupted = 130,
};

// Data goes to `out`, messages to `err`.
struct Console {
  std::ostream& out;
  std::ostream& err;
  Style out_style = {};
  Style err_style = {};
  int out_columns = 0;  // of the terminal; 0: it is none, lines may be of any length
  int err_columns = 0;

  // Prints "twinctl: <message>" on err and returns `code`.
  ExitCode Fail(ExitCode code, absl::string_view message) const;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_CONSOLE_H_
