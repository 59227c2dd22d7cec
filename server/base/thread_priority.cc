#include "server/base/thread_priority.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace twin {
namespace {

// As in linux/sched/types.h, which cannot stand beside <sched.h>.
struct Attributes {
  uint32_t size = sizeof(Attributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};

constexpr int kNicer = 10;  // than the process
constexpr int kNiceMax = 19;
// What the scheduler of Linux 6.12 and later interrupts for all that have shorter slices (those of
// others have some 3 ms); earlier ones go by `nice` alone.
constexpr uint64_t kSliceNs = 100'000'000;
constexpr uint64_t kShortSliceNs = 100'000;  // the least that there is

}  // namespace

void GiveWayToOthers() {
  Attributes attributes;
  attributes.policy = SCHED_BATCH;
  // By the main thread, whose number is the process's: this one may have been made by one that gave
  // way, and has what that had.
  attributes.nice =
      std::min(getpriority(PRIO_PROCESS, static_cast<id_t>(getpid())) + kNicer, kNiceMax);
  attributes.runtime_ns = kSliceNs;
  (void)syscall(SYS_sched_setattr, /*this thread*/ 0, &attributes, /*flags=*/0);
}

void WakeAtOnce() {
  Attributes attributes;
  if (syscall(SYS_sched_getattr, /*this thread*/ 0, &attributes, sizeof(attributes), 0) != 0 ||
      attributes.policy != SCHED_OTHER) {
    return;
  }
  attributes.size = sizeof(attributes);
  attributes.runtime_ns = kShortSliceNs;
  (void)syscall(SYS_sched_setattr, /*this thread*/ 0, &attributes, /*flags=*/0);
}

}  // namespace twin
