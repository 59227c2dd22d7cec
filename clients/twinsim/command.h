// The command line of twinsim.
#ifndef TWIN_CLIENTS_TWINSIM_COMMAND_H_
#define TWIN_CLIENTS_TWINSIM_COMMAND_H_

#include <atomic>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace twin::twinsim {

// A promise to scripts, the same as twinctl's.
enum ExitCode : int {
  kExitDone = 0,
  kExitRefused = 1,   // the request failed: a model is wrong, a file cannot be written
  kExitUsage = 2,     // the command line is wrong
  kExitNoServer = 3,  // no server can be reached
  kExitInterrupted = 130,
};

// What main() knows of the process.
struct Process {
  std::ostream* out = nullptr;  // help and version; exports to "-" go to the file descriptor
  std::ostream* err = nullptr;
  bool err_is_terminal = false;  // progress is shown
  std::string version = {};
  std::string program_folder = {};               // "/usr/bin"
  std::function<bool()> interrupted = {};        // whether the user asked to stop; may be empty
  const std::atomic<bool>* cancelled = nullptr;  // the same, for calls to a server; may be null
};

// Reads the arguments (without the program's name) and does what they say. Returns an ExitCode.
// Messages go to err, "twinsim: <what is wrong>".
int Run(const std::vector<std::string>& arguments, const Process& process);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_COMMAND_H_
