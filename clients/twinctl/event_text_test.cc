#include <gtest/gtest.h>

#include "clients/twinctl/event_filter.h"
#include "clients/twinctl/watch.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

v1::Event EventOf(v1::EventType type, const std::string& subject) {
  v1::Event event;
  event.set_type(type);
  event.set_sequence(1042);
  event.set_index(3);
  event.set_time_unix_nano(1'620'177'000'250'000'000);
  event.set_subject(subject);
  return event;
}

TEST(EventTextTest, CloudEventsOfAStreamHaveIdsOfTheirOwn) {
  EXPECT_EQ(EventJson(EventOf(v1::TWIN_UPDATED, "a"))["id"], "1042.3");
  EXPECT_EQ(EventJson(EventOf(v1::TWIN_STATE, "a"))["id"], "1042/a");
  EXPECT_EQ(AdtEventJson(EventOf(v1::TWIN_STATE, "b"))["id"], "1042/b");
  EXPECT_EQ(EventJson(EventOf(v1::RELATIONSHIP_STATE, "a/relationships/r"))["id"],
            "1042/a/relationships/r");
  v1::Event notice = EventOf(v1::SERVER_NOTICE, "");
  notice.mutable_notice()->set_reason("OLDEST_CHANGED");
  EXPECT_EQ(EventJson(notice)["id"], "notice/1620177000250000000/OLDEST_CHANGED");
  notice.set_subject("subscriptions/alarms");
  EXPECT_EQ(EventJson(notice)["id"],
            "notice/1620177000250000000/OLDEST_CHANGED/subscriptions/alarms");
}

TEST(EventTextTest, ASubjectIsThereOrIsLeftOut) {
  EXPECT_EQ(EventJson(EventOf(v1::TWIN_UPDATED, "a"))["subject"], "a");
  EXPECT_FALSE(EventJson(EventOf(v1::SERVER_NOTICE, "")).contains("subject"));
}

TEST(EventTextTest, ACursorIsATimeOrAToken) {
  EXPECT_TRUE(IsTimeOfCursor("2026-03-01"));
  EXPECT_TRUE(IsTimeOfCursor("2026-03-01T08:30:00Z"));
  EXPECT_FALSE(IsTimeOfCursor("t1-0000001042"));
  EXPECT_EQ(*TimeOfCursor("--from", "1970-01-02"), 86'400'000'000'000);
  EXPECT_EQ(*TimeOfCursor("--from", "1970-01-02T00:00:01Z"), 86'401'000'000'000);
  EXPECT_FALSE(TimeOfCursor("--from", "2026-13-01").ok());
}

}  // namespace
}  // namespace twin::twinctl
