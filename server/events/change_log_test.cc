#include "server/events/change_log.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/ingest/telemetry_record.h"
#include "server/journal/memory_journal.h"
#include "tests/support/status_matchers.h"

namespace twin::events {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::StatusIs;

class ChangeLogTest : public ::testing::Test {
 public:
  // Records of samples of 100 bytes and two sequences each, a second apart.
  void Append(int count) {
    for (int i = 0; i < count; ++i) {
      journal::Record record;
      record.first = next_;
      record.count = 2;
      AppendFixed(&record.bytes, static_cast<uint8_t>(ingest::RecordKind::kSamples));
      AppendFixed(&record.bytes, static_cast<int64_t>(next_.value) * kNsPerSecond);
      record.bytes.resize(100, 'x');
      ingest::AppliedRecord applied;
      applied.first = next_;
      applied.count = 2;
      applied.time = ingest::TimeOf(record.bytes);
      applied.bytes = record.bytes;
      journal_.Append(epoch_, std::move(record),
                      [](const absl::Status& status) { TWIN_CHECK(status.ok()); });
      std::vector<ingest::AppliedRecord> records;
      records.push_back(std::move(applied));
      log_.Take(std::move(records));
      next_ = Sequence(next_.value + 2);
    }
  }
  std::vector<uint64_t> ReadFrom(uint64_t sequence) {
    ChangeLog::Reader reader(&log_, Sequence(sequence));
    std::vector<uint64_t> read;
    while (true) {
      const auto record = reader.Next();
      TWIN_CHECK(record.ok()) << record.status();
      if (*record == nullptr) break;
      EXPECT_EQ((*record)->time.ns, static_cast<int64_t>((*record)->first.value) * kNsPerSecond);
      EXPECT_EQ((*record)->bytes.size(), 100u);
      read.push_back((*record)->first.value);
    }
    EXPECT_EQ(reader.next().value, log_.applied().value + 1);
    return read;
  }

 protected:
  journal::MemoryJournal journal_;
  journal::Epoch epoch_ = *journal_.Claim();
  ChangeLog log_{&journal_, Sequence(0), /*ring_bytes=*/1000};
  Sequence next_{1};
};

TEST_F(ChangeLogTest, ReadsFromAnywhereInMemoryAndBehindIt) {
  Append(50);
  EXPECT_EQ(log_.applied().value, 100u);
  for (uint64_t from = 1; from <= 101; ++from) {
    std::vector<uint64_t> expected;
    // A record that begins before holds something of it.
    for (uint64_t first = (from - 1) / 2 * 2 + 1; first <= 100; first += 2) {
      expected.push_back(first);
    }
    EXPECT_EQ(ReadFrom(from), expected) << from;
  }
}

TEST_F(ChangeLogTest, WhatIsTrimmedIsOutOfRange) {
  Append(50);
  ASSERT_TRUE(journal_.Trim(Sequence(41)).ok());
  EXPECT_EQ(log_.oldest().value, 41u);
  EXPECT_EQ(ReadFrom(41).size(), 30u);
  ChangeLog::Reader reader(&log_, Sequence(39));
  EXPECT_THAT(reader.Next(), StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("41")));
}

TEST_F(ChangeLogTest, FindsTimes) {
  Append(50);
  for (uint64_t first = 1; first < 100; first += 2) {
    const Time at{static_cast<int64_t>(first) * kNsPerSecond};
    EXPECT_EQ(log_.FindTime(at)->value, first);
    EXPECT_EQ(log_.FindTime(Time{at.ns + 1})->value, first + 2);
  }
  EXPECT_EQ(log_.FindTime(Time{0})->value, 1u);
  ASSERT_TRUE(journal_.Trim(Sequence(41)).ok());
  EXPECT_THAT(log_.FindTime(Time{0}), StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("41")));
}

}  // namespace
}  // namespace twin::events
