#include "server/base/thread_priority.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "gtest/gtest.h"

namespace twin {
namespace {

TEST(ThreadPriority, OnlyTheCallingThreadGivesWay) {
  const int before = getpriority(PRIO_PROCESS, 0);
  const int policy = sched_getscheduler(0);
  std::thread([&] {
    GiveWayToOthers();
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), std::min(before + 10, 19));
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
  }).join();
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), before);
  EXPECT_EQ(sched_getscheduler(0), policy);
}

}  // namespace
}  // namespace twin
