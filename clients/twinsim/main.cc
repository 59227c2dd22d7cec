// twinsim: fleets of simulated electric vehicles. README.md describes it.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "clients/twinsim/command.h"

namespace twin::twinsim {
namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler sets it

// Ctrl-C, or SIGTERM, ends what is running; an export removes what it has written. What ignores it
// (nohup, a shell's background) goes on doing so. A second one ends the program at once.
void StopWhenInterrupted() {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action = {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler == SIG_IGN) continue;
    action.sa_handler = [](int) {
      if (interrupted.exchange(true)) _exit(kExitInterrupted);
    };
    action.sa_flags = 0;  // a write that waits is broken off
    sigaction(signal, &action, nullptr);
  }
}

std::string ProgramFolder() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "." : program.parent_path().string();
}

int Main(const std::vector<std::string>& arguments) {
  const int code = Run(arguments, {.out = &std::cout,
                                   .err = &std::cerr,
                                   .err_is_terminal = isatty(STDERR_FILENO) != 0,
                                   .version = TWIN_VERSION,
                                   .program_folder = ProgramFolder(),
                                   .interrupted = [] { return interrupted.load(); },
                                   .cancelled = &interrupted});
  if (!std::cout.flush()) {
    std::cerr << "twinsim: cannot write to stdout\n";
    return code == kExitDone ? kExitRefused : code;
  }
  return code;
}

}  // namespace
}  // namespace twin::twinsim

int main(int argc, char** argv) {
  twin::twinsim::StopWhenInterrupted();
  try {
    return twin::twinsim::Main({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "twinsim: internal error: " << error.what() << '\n';
    return twin::twinsim::kExitRefused;
  }
}
