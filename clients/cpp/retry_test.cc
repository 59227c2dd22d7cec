#include "clients/cpp/retry.h"

#include <gtest/gtest.h>

#include "clients/cpp/client.h"

namespace twin::client {
namespace {

using std::chrono::milliseconds;

TEST(BackoffTest, DoublesUpToTheMaximum) {
  Backoff backoff({.backoff_min = milliseconds(100), .backoff_max = milliseconds(2000)});
  for (const int whole : {100, 200, 400, 800, 1600, 2000, 2000}) {
    const milliseconds wait = backoff.Next();
    EXPECT_LE(wait, milliseconds(whole));
    EXPECT_GE(wait, milliseconds(whole * 3 / 4));
  }
}

TEST(BackoffTest, AStandingStreamWaitsForASecondAtMost) {
  Backoff backoff(OfStandingStream(RetryOptions()));
  for (int i = 0; i < 20; ++i) EXPECT_LE(backoff.Next(), milliseconds(1000));
  EXPECT_EQ(OfStandingStream({.backoff_max = milliseconds(8)}).backoff_max, milliseconds(8));
}

TEST(BackoffTest, MayBeNone) {
  Backoff backoff({.backoff_min = milliseconds(0)});
  EXPECT_EQ(backoff.Next(), milliseconds(0));
  EXPECT_EQ(backoff.Next(), milliseconds(0));
}

TEST(RequestIdTest, IsRandom) {
  const std::string id = RandomRequestId();
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(id, RandomRequestId());
}

}  // namespace
}  // namespace twin::client
