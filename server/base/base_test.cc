// The small words: time, checksums, codings, locks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"
#include "server/base/sync.h"
#include "server/base/time.h"
#include "tests/support/status_matchers.h"

namespace twin {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

TEST(Time, IsWrittenShortAndReadExactly) {
  for (const char* text : {"1970-01-01T00:00:00Z", "2026-03-01T08:30:00.25Z",
                           "1969-12-31T23:59:59.999999999Z", "2261-12-31T23:59:59Z"}) {
    const absl::StatusOr<Time> time = ParseTime(text);
    ASSERT_THAT(time, IsOk());
    EXPECT_EQ(FormatTime(*time), text);
  }
}

TEST(Time, TakesOffsets) {
  EXPECT_EQ(ParseTime("2026-03-01T10:30:00+02:00")->ns, ParseTime("2026-03-01T08:30:00Z")->ns);
}

// As it is read with an offset of nothing, which is another way.
TEST(Time, ReadsTheShortFormAsTheOther) {
  std::mt19937 random(1);
  const auto pick = [&](int first, int last) {
    return first + static_cast<int>(random() % static_cast<uint32_t>(last - first + 1));
  };
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = absl::StrFormat(
        "%04d-%02d-%02dT%02d:%02d:%02d", pick(0, 3) == 0 ? pick(1670, 2270) : pick(1899, 2101),
        pick(0, 3) == 0 ? 2 : pick(0, 13), pick(0, 3) == 0 ? pick(28, 31) : pick(0, 32),
        pick(0, 24), pick(0, 60), pick(0, 60));
    const absl::StatusOr<Time> time = ParseTime(text + "Z");
    const absl::StatusOr<Time> expected = ParseTime(text + "+00:00");
    ASSERT_EQ(time.ok(), expected.ok()) << text;
    if (!time.ok()) continue;
    ++good;
    ASSERT_EQ(time->ns, expected->ns) << text;
  }
  EXPECT_GT(good, 5'000);
}

TEST(Duration, IsACountAndAUnitOrIso8601) {
  const std::pair<const char*, int64_t> durations[] = {
      {"0s", 0},
      {"500ms", 500'000'000},
      {"1.5h", 5400 * kNsPerSecond},
      {"2w", 14 * 86400 * kNsPerSecond},
      {"PT10M", 600 * kNsPerSecond},
      {"PT1H30M0.25S", 5400 * kNsPerSecond + 250'000'000},
      {"P1DT12H", 36 * 3600 * kNsPerSecond},
      {"P1W", 7 * 86400 * kNsPerSecond},
      {"PT600.123456S", 600'123'456'000}};
  for (const auto& [text, ns] : durations) {
    const absl::StatusOr<int64_t> parsed = ParseDuration(text);
    ASSERT_THAT(parsed, IsOk()) << text;
    EXPECT_EQ(*parsed, ns) << text;
  }
}

TEST(Duration, RefusesAnythingElse) {
  for (const char* text : {"", "10", "m", "10 m", "10M", "-5m", "1h30m", "1.2.3s", "1.s", "P", "PT",
                           "P1DT", "P1Y", "P1M", "PT1S1H", "PT1H1H", "PT5", "P5S", "PT1H "}) {
    EXPECT_THAT(ParseDuration(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)))
        << text;
  }
  EXPECT_THAT(ParseDuration("99999w"), StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("292")));
}

TEST(Time, RefusesAnythingElse) {
  for (const char* text :
       {"", "2026-03-01", "2026-03-01T08:30:00", "yesterday", "2026-13-01T00:00:00Z",
        "1500-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "infinite-future"}) {
    EXPECT_THAT(ParseTime(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  }
}

// RFC 3720, B.4.
TEST(Crc32c, AgreesWithTheStandard) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aa);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising.push_back(c);
  EXPECT_EQ(Crc32c(rising), 0x46dd794e);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283);
}

TEST(Crc32c, BothWaysAgreeInPiecesOfEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes.push_back(static_cast<char>(i * 37));
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const absl::string_view all(bytes);
    const uint32_t first = Crc32c(all.substr(0, cut));
    EXPECT_EQ(ExtendCrc32c(first, all.substr(cut)), Crc32c(all));
    EXPECT_EQ(first, internal::ExtendCrc32cByTable(0, all.substr(0, cut)));
  }
}

TEST(Coding, ReadsWhatItWrote) {
  std::string bytes;
  for (const uint64_t number : {0ull, 127ull, 128ull, 1ull << 35, ~0ull}) {
    AppendVarint(&bytes, number);
  }
  for (const int64_t number : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
    AppendSigned(&bytes, number);
  }
  AppendString(&bytes, "pack");
  AppendFixed(&bytes, 3.25);

  ByteReader reader(bytes);
  for (const uint64_t number : {0ull, 127ull, 128ull, 1ull << 35, ~0ull}) {
    EXPECT_EQ(reader.Varint(), number);
  }
  for (const int64_t number : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
    EXPECT_EQ(reader.Signed(), number);
  }
  EXPECT_EQ(reader.String(), "pack");
  EXPECT_EQ(reader.Fixed<double>(), 3.25);
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.done());
}

TEST(Coding, FailsOnceAndForAllWhenBytesAreMissing) {
  std::string bytes;
  AppendString(&bytes, "pack");
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader(absl::string_view(bytes).substr(0, size));
    reader.String();
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.Fixed<uint64_t>(), 0u);
    EXPECT_EQ(reader.Varint(), 0u);
  }
  const std::string ones(11, '\xff');
  ByteReader endless(ones);
  endless.Varint();
  EXPECT_FALSE(endless.ok());
}

TEST(Sync, AWaiterSeesWhatItWaitsFor) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::jthread setter([&] {
    MutexLock lock(&mutex);
    ready = true;
    changed.SignalAll();
  });
  MutexLock lock(&mutex);
  while (!ready) changed.Wait(&mutex);
  EXPECT_FALSE(changed.WaitFor(&mutex, std::chrono::nanoseconds(1)));
}

}  // namespace
}  // namespace twin
