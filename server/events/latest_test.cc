#include "server/events/latest.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace twin::events {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

EventPtr Sample(uint64_t sequence, uint32_t twin, absl::string_view path, double before,
                double after, bool late = false) {
  auto event = std::make_shared<Event>();
  event->sequence = Sequence(sequence);
  event->type = EventType::kTelemetry;
  event->twin = TwinNumber(twin);
  PathChange& change = event->changes.emplace_back();
  change.path = path;
  if (!late) change.old_value = Value::Double(before);
  change.new_value = Value::Double(after);
  change.late = late;
  return event;
}

EventPtr Deleted(uint64_t sequence, uint32_t twin) {
  auto event = std::make_shared<Event>();
  event->sequence = Sequence(sequence);
  event->type = EventType::kTwinDeleted;
  event->twin = TwinNumber(twin);
  return event;
}

std::vector<std::string> Texts(const std::vector<EventPtr>& events) {
  std::vector<std::string> texts;
  for (const EventPtr& event : events) {
    std::string text =
        absl::StrCat(event->sequence.value, " ", NameOf(event->type), " ", event->twin.value);
    for (const PathChange& change : event->changes) {
      absl::StrAppend(&text, " ", change.path, ":", change.old_value.DebugString(), ">",
                      change.new_value.DebugString(), change.late ? " late" : "");
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

TEST(LatestTest, KeepsTheLastValueAndTheFirstOldOne) {
  Latest latest;
  latest.Add(Sample(1, 7, "a", 1, 2));
  latest.Add(Sample(2, 8, "a", 5, 6));
  latest.Add(Sample(3, 7, "a", 2, 3));
  latest.Add(Sample(4, 7, "b", 0, 1));
  EXPECT_EQ(latest.size(), 3u);
  EXPECT_THAT(Texts(latest.Take()),
              ElementsAre("2 telemetry 8 a:5>6", "4 telemetry 7 a:1>3 b:0>1"));
  EXPECT_EQ(latest.size(), 0u);
  EXPECT_THAT(Texts(latest.Take()), IsEmpty());
}

TEST(LatestTest, ALateSampleIsNoLatestValue) {
  Latest latest;
  latest.Add(Sample(1, 7, "a", 1, 2));
  latest.Add(Sample(2, 7, "a", 0, 9, /*late=*/true));
  latest.Add(Sample(3, 8, "a", 0, 9, /*late=*/true));
  latest.Add(Sample(4, 8, "a", 4, 5));
  EXPECT_THAT(Texts(latest.Take()), ElementsAre("2 telemetry 7 a:1>2", "4 telemetry 8 a:4>5"));
}

TEST(LatestTest, OtherEventsStayInOrder) {
  Latest latest;
  latest.Add(Sample(1, 7, "a", 1, 2));
  latest.Add(Deleted(2, 7));
  latest.Add(Sample(3, 8, "a", 1, 2));
  EXPECT_THAT(Texts(latest.Take()),
              ElementsAre("1 telemetry 7 a:1>2", "2 twin.deleted 7", "3 telemetry 8 a:1>2"));
}

}  // namespace
}  // namespace twin::events
