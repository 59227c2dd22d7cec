// twinctl: Twingraph on the command line. docs/twinctl.md describes it to users.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/commands.h"
#include "clients/twinctl/interrupt.h"

namespace twin::twinctl {
namespace {

int Main(const std::vector<std::string>& arguments) {
  CommandLine line("twinctl", "Twingraph on the command line", TWIN_VERSION);
  AddCommands(&line, ReadEnvironment());
  const Process process = {.out = &std::cout,
                           .err = &std::cerr,
                           .out_terminal = ProbeTerminal(STDOUT_FILENO),
                           .err_terminal = ProbeTerminal(STDERR_FILENO),
                           .color_refused = EnvironmentRefusesColor()};
  const int code = line.Run(arguments, process);
  errno = 0;
  if (!std::cout.flush()) {
    std::cerr << "twinctl: cannot write to stdout: "
              << (errno == 0 ? "an earlier write failed" : std::strerror(errno)) << '\n';
    return code == kExitDone ? kExitRefused : code;
  }
  return code;
}

}  // namespace
}  // namespace twin::twinctl

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  std::cerr.unsetf(std::ios::unitbuf);  // Findings may be many; what is printed last flushes.
  twin::twinctl::HandleInterrupts();
  try {
    return twin::twinctl::Main({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "twinctl: internal error: " << error.what() << '\n';
    return twin::twinctl::kExitRefused;
  }
}
