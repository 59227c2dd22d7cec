// twinctl: Twingraph on the command line. docs/twinctl.md describes it to users.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/completion.h"
#include "clients/twinctl/models.h"

namespace twin::twinctl {
namespace {

// Ctrl-C ends the program at once. What ignores it (nohup, a shell's background) goes on doing so.
void ExitWhenInterrupted() {
  struct sigaction action = {};
  sigaction(SIGINT, nullptr, &action);
  if (action.sa_handler == SIG_IGN) return;
  action.sa_handler = [](int) { _exit(kExitInterrupted); };
  sigaction(SIGINT, &action, nullptr);
}

int Main(const std::vector<std::string>& arguments) {
  CommandLine line("twinctl", "Twingraph on the command line: models of digital twins",
                   TWIN_VERSION);
  AddModels(&line);
  AddCompletion(&line);
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
  twin::twinctl::ExitWhenInterrupted();
  try {
    return twin::twinctl::Main({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "twinctl: internal error: " << error.what() << '\n';
    return twin::twinctl::kExitRefused;
  }
}
