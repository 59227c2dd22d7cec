#include "server/events/shared_delivery.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace twin::events {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr uint64_t kMessageBytes = 1 << 20;

EventPtr EventOf(uint64_t sequence, int twin, uint32_t index = 0) {
  auto event = std::make_shared<Event>();
  const auto id = std::make_shared<const std::string>(absl::StrCat("twin-", twin));
  event->sequence = Sequence(sequence);
  event->index = index;
  event->twin_id = *id;
  event->keep = id;
  return event;
}

std::vector<uint64_t> SequencesOf(const ConsumerMessage& message) {
  std::vector<uint64_t> sequences;
  for (const EventPtr& event : message.events) sequences.push_back(event->sequence.value);
  return sequences;
}

ConsumerMessage NextOf(SharedDelivery* shared, SharedDelivery::ConsumerId consumer) {
  ConsumerMessage message;
  shared->Next(consumer, 0, &message);
  return message;
}

TEST(SlotCursors, AreReadAsTheyWereWritten) {
  SlotCursors cursors(Sequence(70'000));
  cursors.Raise(0, Sequence(70'001));
  cursors.Raise(63, Sequence(1'000'000'000'000));
  cursors.Raise(5, Sequence(3));
  const auto read = SlotCursors::Decode(cursors.Encode());
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->through(), Sequence(70'000));
  EXPECT_EQ(read->of(0), Sequence(70'001));
  EXPECT_EQ(read->of(63), Sequence(1'000'000'000'000));
  EXPECT_EQ(read->of(5), Sequence(70'000));
  const std::string bytes = cursors.Encode();
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THAT(SlotCursors::Decode(absl::string_view(bytes).substr(0, length)),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
  }
}

TEST(SharedDelivery, CreditIsEventsAndATransactionIsWhole) {
  SharedDelivery shared(SlotCursors(Sequence(10)), kMessageBytes);
  shared.Join(1);
  shared.Take({EventOf(10, 1), EventOf(11, 1), EventOf(12, 1, 0), EventOf(12, 2, 1)}, false,
              Sequence(15));
  EXPECT_THAT(SequencesOf(NextOf(&shared, 1)), IsEmpty());
  shared.AddCredit(1, 2);
  const ConsumerMessage message = NextOf(&shared, 1);
  EXPECT_THAT(SequencesOf(message), ElementsAre(11, 12, 12));
  EXPECT_EQ(message.delivery, 1);
  EXPECT_EQ(shared.credit(1), -1);
  EXPECT_EQ(shared.unacknowledged(1), 3);
  EXPECT_EQ(shared.cursors().through(), Sequence(10));
  EXPECT_THAT(shared.Acknowledge(1, 2), StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
  EXPECT_THAT(shared.Acknowledge(1, 1), IsOk());
  EXPECT_EQ(shared.cursors().through(), Sequence(15));
  EXPECT_EQ(shared.events(), 0);
  EXPECT_EQ(shared.bytes(), 0);
}

TEST(SharedDelivery, ALongTransactionComesInPartsWithOneDelivery) {
  SharedDelivery shared(SlotCursors(Sequence(0)), 1);
  shared.Join(1);
  shared.AddCredit(1, 1);
  // The feed's message was cut inside the transaction.
  shared.Take({EventOf(1, 1, 0), EventOf(1, 2, 1)}, true, Sequence(1));
  EXPECT_THAT(SequencesOf(NextOf(&shared, 1)), IsEmpty());
  shared.Take({EventOf(1, 3, 2), EventOf(2, 3)}, false, Sequence(2));
  for (int part = 0; part < 3; ++part) {
    const ConsumerMessage message = NextOf(&shared, 1);
    EXPECT_THAT(SequencesOf(message), ElementsAre(1));
    EXPECT_EQ(message.more, part < 2);
    EXPECT_EQ(message.delivery, part < 2 ? 0 : 1);
  }
  EXPECT_THAT(SequencesOf(NextOf(&shared, 1)), IsEmpty());
}

TEST(SharedDelivery, WhatALostConsumerHadGoesToTheOthersBeforeWhatFollows) {
  SharedDelivery shared(SlotCursors(Sequence(0)), kMessageBytes);
  shared.Join(1);
  shared.AddCredit(1, 100);
  shared.Take({EventOf(1, 1), EventOf(2, 1)}, false, Sequence(2));
  EXPECT_THAT(SequencesOf(NextOf(&shared, 1)), ElementsAre(1, 2));
  shared.Take({EventOf(3, 1)}, false, Sequence(3));
  shared.Join(2);
  shared.AddCredit(2, 100);
  shared.Leave(1);
  const ConsumerMessage message = NextOf(&shared, 2);
  EXPECT_THAT(SequencesOf(message), ElementsAre(1, 2, 3));
  EXPECT_TRUE(message.redelivered);
  EXPECT_EQ(shared.slots(2), kSlots);
}

TEST(SharedDelivery, WhatIsAcknowledgedForAllIsGivenToNobody) {
  SharedDelivery shared(SlotCursors(Sequence(0)), kMessageBytes);
  shared.Join(1);
  shared.AddCredit(1, 1);
  shared.Take({EventOf(1, 1), EventOf(2, 1), EventOf(3, 1)}, false, Sequence(3));
  EXPECT_THAT(SequencesOf(NextOf(&shared, 1)), ElementsAre(1));
  shared.AcknowledgeThrough(Sequence(2));
  shared.Leave(1);
  shared.Join(2);
  shared.AddCredit(2, 100);
  EXPECT_THAT(SequencesOf(NextOf(&shared, 2)), ElementsAre(3));
  EXPECT_THAT(shared.Acknowledge(2, 1), IsOk());
  EXPECT_EQ(shared.events(), 0);
}

// Consumers come and go and acknowledge as they like, also while only a part of a transaction is
// there, and now and then all is begun anew from the stored cursors: of each twin every change
// comes, in order, and nothing that was acknowledged.
TEST(SharedDelivery, RandomConsumersMissNothingAndSeeEachTwinInOrder) {
  const char* given = std::getenv("TWIN_SEED");  // NOLINT(concurrency-mt-unsafe)
  std::mt19937 random(given != nullptr ? static_cast<uint32_t>(std::atoi(given)) : 1);
  constexpr int kTwins = 200;
  struct Seen {
    uint64_t acknowledged = 0;
    uint64_t last = 0;
  };
  for (int round = 0; round < 30; ++round) {
    std::vector<std::vector<std::pair<uint64_t, uint32_t>>> changes(kTwins);
    std::map<int, Seen> seen;  // by twin
    // What each consumer has of each delivery.
    std::map<uint64_t, std::map<uint64_t, std::vector<EventPtr>>> sent;
    std::map<uint64_t, std::vector<EventPtr>> part;
    std::vector<EventPtr> all;
    std::deque<EventPtr> coming;  // not taken yet
    auto shared = std::make_unique<SharedDelivery>(SlotCursors(Sequence(0)), 400);
    uint64_t next_sequence = 1;
    uint64_t next_consumer = 1;
    std::set<uint64_t> consumers;
    const auto twin_of = [](const EventPtr& event) {
      return std::atoi(std::string(event->twin_id.substr(5)).c_str());
    };
    // As the feed gives them: cut anywhere.
    const auto take = [&](size_t count) {
      if (count == 0 && !coming.empty()) return;
      std::vector<EventPtr> events;
      for (; events.size() < count && !coming.empty(); coming.pop_front()) {
        events.push_back(coming.front());
      }
      const bool more =
          !coming.empty() && !events.empty() && coming.front()->sequence == events.back()->sequence;
      shared->Take(events, more,
                   Sequence((coming.empty() ? next_sequence : coming.front()->sequence.value) - 1));
    };
    const auto write_some = [&](int count) {
      std::vector<EventPtr> events;
      for (int i = 0; i < count; ++i, ++next_sequence) {
        const auto size = static_cast<uint32_t>(random() % 6);
        const auto first = static_cast<uint32_t>(random());
        for (uint32_t index = 0; index < size; ++index) {
          events.push_back(
              EventOf(next_sequence, static_cast<int>((first + index) % kTwins), index));
        }
      }
      all.insert(all.end(), events.begin(), events.end());
      coming.insert(coming.end(), events.begin(), events.end());
    };
    const auto receive = [&](uint64_t consumer) {
      ConsumerMessage message;
      if (!shared->Next(consumer, 0, &message)) return false;
      for (const EventPtr& event : message.events) {
        Seen& twin = seen[twin_of(event)];
        EXPECT_GT(event->sequence.value, twin.acknowledged) << "came again";
        // In order, unless it was lost on the way.
        if (!message.redelivered) {
          EXPECT_GT(event->sequence.value, twin.last);
        }
        twin.last = event->sequence.value;
        part[consumer].push_back(event);
      }
      if (!message.more) {
        sent[consumer][message.delivery] = std::move(part[consumer]);
        part[consumer].clear();
      }
      return true;
    };
    const auto acknowledge = [&](uint64_t consumer, uint64_t delivery) {
      EXPECT_THAT(shared->Acknowledge(consumer, delivery), IsOk());
      auto& of = sent[consumer];
      while (!of.empty() && of.begin()->first <= delivery) {
        for (const EventPtr& event : of.begin()->second) {
          Seen& twin = seen[twin_of(event)];
          // Whatever was acknowledged last follows what was acknowledged before: nothing between
          // is left out.
          changes[static_cast<size_t>(twin_of(event))].emplace_back(event->sequence.value,
                                                                    event->index);
          twin.acknowledged = event->sequence.value;
        }
        of.erase(of.begin());
      }
    };
    for (int step = 0; step < 400; ++step) {
      const auto what = random() % 100;
      if (what < 6 && consumers.size() < 5) {
        consumers.insert(next_consumer);
        shared->Join(next_consumer++);
      } else if (what < 10 && !consumers.empty()) {
        const uint64_t gone = *std::next(consumers.begin(), random() % consumers.size());
        consumers.erase(gone);
        shared->Leave(gone);
        sent.erase(gone);
        part.erase(gone);
        for (auto& [twin, of] : seen) of.last = of.acknowledged;  // may come again
      } else if (what < 30) {
        write_some(static_cast<int>(random() % 10));
        take(random() % 30);
      } else if (what < 32) {
        // The server was killed: only the cursors are left.
        const auto cursors = SlotCursors::Decode(shared->cursors().Encode());
        ASSERT_THAT(cursors, IsOk());
        shared = std::make_unique<SharedDelivery>(*cursors, 400);
        consumers.clear();
        sent.clear();
        part.clear();
        for (auto& [twin, of] : seen) of.last = of.acknowledged;
        coming.clear();
        for (const EventPtr& event : all) {
          if (cursors->through() < event->sequence) coming.push_back(event);
        }
        take(random() % (coming.size() + 1));
      } else if (!consumers.empty()) {
        const uint64_t consumer = *std::next(consumers.begin(), random() % consumers.size());
        shared->AddCredit(consumer, static_cast<int64_t>(random() % 20));
        receive(consumer);
        if (random() % 2 == 0 && !sent[consumer].empty()) {
          auto some = sent[consumer].begin();
          std::advance(some, random() % sent[consumer].size());
          acknowledge(consumer, some->first);
        }
      }
    }
    // The rest.
    take(coming.size());
    if (consumers.empty()) {
      consumers.insert(next_consumer);
      shared->Join(next_consumer++);
    }
    for (bool more = true; more;) {
      more = false;
      for (const uint64_t consumer : consumers) {
        shared->AddCredit(consumer, 1000);
        while (receive(consumer)) more = true;
        if (!sent[consumer].empty()) acknowledge(consumer, sent[consumer].rbegin()->first);
      }
    }
    EXPECT_EQ(shared->events(), 0);
    EXPECT_EQ(shared->bytes(), 0);
    EXPECT_EQ(shared->cursors().through(), Sequence(next_sequence - 1));
    std::vector<std::vector<std::pair<uint64_t, uint32_t>>> expected(kTwins);
    for (const EventPtr& event : all) {
      expected[static_cast<size_t>(twin_of(event))].emplace_back(event->sequence.value,
                                                                 event->index);
    }
    EXPECT_EQ(changes, expected);
    if (::testing::Test::HasFailure()) FAIL() << "round " << round;
  }
}

}  // namespace
}  // namespace twin::events
