#include "server/base/thread_priority.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "gtest/gtest.h"

namespace twin {
namespace {

// Of the calling thread.
int Nice() { return getpriority(PRIO_PROCESS, 0); }

// Some containers allow no other scheduling.
bool IsRefused() {
  bool is_refused = false;
  std::thread([&is_refused] {
    GiveWayToOthers();
    is_refused = sched_getscheduler(0) != SCHED_BATCH;
  }).join();
  return is_refused;
}

TEST(ThreadPriority, OnlyTheCallingThreadGivesWay) {
  if (IsRefused()) GTEST_SKIP() << "the system refuses sched_setattr";
  const int before = Nice();
  const int policy = sched_getscheduler(0);
  std::thread([before] {
    GiveWayToOthers();
    EXPECT_EQ(Nice(), std::min(before + 10, 19));
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
  }).join();
  EXPECT_EQ(Nice(), before);
  EXPECT_EQ(sched_getscheduler(0), policy);
}

TEST(ThreadPriority, AThreadOfOneThatGaveWayGivesNoMore) {
  if (IsRefused()) GTEST_SKIP() << "the system refuses sched_setattr";
  const int before = Nice();
  std::thread([before] {
    GiveWayToOthers();
    GiveWayToOthers();
    EXPECT_EQ(Nice(), std::min(before + 10, 19));
    std::thread([before] {
      GiveWayToOthers();
      EXPECT_EQ(Nice(), std::min(before + 10, 19));
    }).join();
  }).join();
}

TEST(ThreadPriority, WakingAtOnceChangesNothingElse) {
  const int before = Nice();
  const int policy = sched_getscheduler(0);
  std::thread([before, policy] {
    WakeAtOnce();
    EXPECT_EQ(Nice(), before);
    EXPECT_EQ(sched_getscheduler(0), policy);
  }).join();
}

// Whoever gives way goes on to.
TEST(ThreadPriority, OneThatGivesWayDoesNotWakeAtOnce) {
  if (IsRefused()) GTEST_SKIP() << "the system refuses sched_setattr";
  const int before = Nice();
  std::thread([before] {
    GiveWayToOthers();
    WakeAtOnce();
    EXPECT_EQ(Nice(), std::min(before + 10, 19));
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
  }).join();
}

}  // namespace
}  // namespace twin
