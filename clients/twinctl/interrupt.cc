#include "clients/twinctl/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include "clients/twinctl/console.h"

namespace twin::twinctl {
namespace {

std::atomic<bool> taken = false;
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler sets them

void OnInterrupt(int /*signal*/) {
  if (!taken.load() || interrupted.exchange(true)) _exit(kExitInterrupted);
}

}  // namespace

void HandleInterrupts() {
  struct sigaction action = {};
  sigaction(SIGINT, nullptr, &action);
  if (action.sa_handler == SIG_IGN) return;
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, nullptr);
}

const std::atomic<bool>* TakeInterrupts() {
  taken = true;
  return &interrupted;
}

bool Interrupted() { return interrupted.load(); }

void ForgetInterrupt() { interrupted = false; }

}  // namespace twin::twinctl
