#include "server/events/outbox.h"

#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace twin::events {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kProgressNs = 1'000;

EventPtr Sample(uint64_t sequence, uint32_t twin, double value) {
  auto event = std::make_shared<Event>();
  event->sequence = Sequence(sequence);
  event->type = EventType::kTelemetry;
  event->twin = TwinNumber(twin);
  PathChange& change = event->changes.emplace_back();
  change.path = "a";
  change.new_value = Value::Double(value);
  return event;
}

std::vector<uint64_t> Sequences(const Message& message) {
  std::vector<uint64_t> sequences;
  for (const EventPtr& event : message.events) sequences.push_back(event->sequence.value);
  return sequences;
}

Outbox::Options EveryEvent(size_t message_bytes) {
  return {.interval_ns = 0,
          .progress_interval_ns = kProgressNs,
          .latest_keys_max = 2,
          .message_bytes = message_bytes};
}

Outbox::Options LatestEach(int64_t interval_ns) {
  return {.interval_ns = interval_ns,
          .progress_interval_ns = kProgressNs,
          .latest_keys_max = 2,
          .message_bytes = 1 << 20};
}

TEST(OutboxTest, AMessageThatEndsWithinATransactionSaysSo) {
  Outbox outbox(EveryEvent(/*message_bytes=*/1), Sequence(6));
  outbox.Add({Sample(7, 1, 0), Sample(7, 2, 0), Sample(8, 1, 0)}, Sequence(9));
  const auto take = [&] {
    Message message;
    EXPECT_TRUE(outbox.Take(/*has_state=*/false, /*now_ns=*/1, &message));
    EXPECT_EQ(message.more, outbox.is_in_part());
    return message;
  };
  EXPECT_TRUE(take().more);
  const Message whole = take();
  EXPECT_FALSE(whole.more);
  EXPECT_EQ(whole.through, Sequence(7));
  const Message last = take();
  EXPECT_THAT(Sequences(last), ElementsAre(8));
  EXPECT_FALSE(last.more);
  EXPECT_EQ(last.through, Sequence(9)) << "nothing more waits";
}

TEST(OutboxTest, WithoutEventsItSpeaksOnceInAnInterval) {
  Outbox outbox(EveryEvent(1 << 20), Sequence(6));
  Message message;
  EXPECT_FALSE(outbox.Take(/*has_state=*/false, kProgressNs - 1, &message));
  EXPECT_EQ(outbox.wake_ns(), kProgressNs);
  EXPECT_TRUE(outbox.Take(/*has_state=*/false, kProgressNs, &message));
  EXPECT_THAT(message.events, IsEmpty());
  EXPECT_EQ(message.through, Sequence(6));
  EXPECT_EQ(outbox.wake_ns(), 2 * kProgressNs);
}

TEST(OutboxTest, AStateIsCutOnlyAtItsEndAndItsTokenIsDueAtOnce) {
  Outbox outbox(EveryEvent(1 << 20), Sequence(6));
  Message first;
  outbox.SetState({Sample(0, 1, 0)}, /*is_last=*/false);
  EXPECT_TRUE(outbox.Take(/*has_state=*/true, kProgressNs, &first));
  EXPECT_TRUE(first.is_whole);
  EXPECT_TRUE(first.more);
  outbox.SetState({}, /*is_last=*/true);
  Message last;
  EXPECT_TRUE(outbox.Take(/*has_state=*/false, kProgressNs + 1, &last));
  EXPECT_FALSE(last.more);
  EXPECT_EQ(last.through, Sequence(6));
}

TEST(OutboxTest, LatestValuesWaitForTheirIntervalOrForTooMany) {
  constexpr int64_t kInterval = 10;
  Outbox outbox(LatestEach(kInterval), Sequence(6));
  Message message;
  outbox.Add({Sample(7, 1, 1)}, Sequence(7));
  outbox.ReleaseLatest(/*now_ns=*/5);
  ASSERT_TRUE(outbox.Take(/*has_state=*/false, 5, &message)) << "the first is due at once";
  outbox.Add({Sample(8, 1, 2), Sample(9, 1, 3)}, Sequence(9));
  outbox.ReleaseLatest(/*now_ns=*/14);
  EXPECT_TRUE(outbox.empty());
  message = Message();
  EXPECT_FALSE(outbox.Take(/*has_state=*/false, 14, &message));
  EXPECT_EQ(outbox.wake_ns(), 15);
  outbox.ReleaseLatest(/*now_ns=*/15);
  EXPECT_TRUE(outbox.Take(/*has_state=*/false, 15, &message));
  EXPECT_THAT(Sequences(message), ElementsAre(9));
  EXPECT_EQ(message.through, Sequence(9));
  outbox.Add({Sample(10, 1, 4), Sample(11, 2, 5)}, Sequence(11));
  outbox.ReleaseLatest(/*now_ns=*/16);
  EXPECT_FALSE(outbox.empty()) << "latest_keys_max wait";
}

}  // namespace
}  // namespace twin::events
