#include "server/events/event.h"

#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace twin::events {
namespace {

TEST(SharedBytes, TheFirstOnesStay) {
  const SharedBytes bytes;
  EXPECT_EQ(bytes.Get(), nullptr);
  const std::string& first = bytes.Keep("first");
  EXPECT_EQ(first, "first");
  EXPECT_EQ(&bytes.Keep("second"), &first);
  EXPECT_EQ(bytes.Get(), &first);
}

TEST(SharedBytes, ACopyOfAnEventBeginsWithout) {
  Event event;
  event.encoded.Keep("as it was");
  const Event copy = event;  // which may be changed before it is shared
  EXPECT_EQ(copy.encoded.Get(), nullptr);
  EXPECT_EQ(*event.encoded.Get(), "as it was");
}

TEST(SharedBytes, AllThreadsGetTheSame) {
  constexpr size_t kThreads = 4;
  for (int round = 0; round < 200; ++round) {
    const SharedBytes bytes;
    std::latch begin(kThreads);
    std::vector<const std::string*> kept(kThreads);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        begin.arrive_and_wait();
        kept[i] = &bytes.Keep(std::to_string(i));
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string* const each : kept) ASSERT_EQ(each, bytes.Get());
  }
}

}  // namespace
}  // namespace twin::events
