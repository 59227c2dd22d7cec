// Ctrl-C: it ends the program at once, unless a command takes care of it.
#ifndef TWIN_CLIENTS_TWINCTL_INTERRUPT_H_
#define TWIN_CLIENTS_TWINCTL_INTERRUPT_H_

#include <atomic>

namespace twin::twinctl {

// Takes over SIGINT. What ignores it (nohup, a shell's background) goes on doing so.
void HandleInterrupts();

// From now on the first Ctrl-C only sets the flag, and ends what waits for input; the second one
// ends the program.
const std::atomic<bool>* TakeInterrupts();

// Whether the flag is set.
bool Interrupted();

// Clears it: what was interrupted has ended, and the program goes on.
void ForgetInterrupt();

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_INTERRUPT_H_
