#include "query/parse/parse_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace twin::query {
namespace {

using ::testing::_;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

std::string Query(int i) { return absl::StrCat("SELECT x FROM DIGITALTWINS WHERE y = ", i); }

TEST(ParseCache, GivesTheSameTree) {
  ParseCache cache;
  const auto first = cache.Parse(Query(1), Dialect::kTql);
  const auto second = cache.Parse(Query(1), Dialect::kTql);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(cache.stats().hits, 1);
  EXPECT_EQ(cache.stats().misses, 1);
}

TEST(ParseCache, KeepsDialectsApart) {
  ParseCache cache;
  EXPECT_THAT(cache.Parse("SELECT x FROM DIGITALTWINS LIMIT 1", Dialect::kTql), IsOk());
  EXPECT_THAT(cache.Parse("SELECT x FROM DIGITALTWINS LIMIT 1", Dialect::kAdt),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST(ParseCache, KeepsNoErrors) {
  ParseCache cache;
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(cache.Parse("SELECT", Dialect::kTql),
                StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
  EXPECT_EQ(cache.stats().misses, 2);
  EXPECT_EQ(cache.stats().entries, 0);
}

TEST(ParseCache, DropsTheEntryUsedLeastRecently) {
  ParseCache cache({.entries_max = 2});
  EXPECT_THAT(cache.Parse(Query(1), Dialect::kTql), IsOk());
  EXPECT_THAT(cache.Parse(Query(2), Dialect::kTql), IsOk());
  EXPECT_THAT(cache.Parse(Query(1), Dialect::kTql), IsOk());
  EXPECT_THAT(cache.Parse(Query(3), Dialect::kTql), IsOk());  // drops 2
  EXPECT_EQ(cache.stats().entries, 2);
  EXPECT_THAT(cache.Parse(Query(1), Dialect::kTql), IsOk());
  EXPECT_EQ(cache.stats().hits, 2);
  EXPECT_THAT(cache.Parse(Query(2), Dialect::kTql), IsOk());
  EXPECT_EQ(cache.stats().misses, 4);
}

TEST(ParseCache, BoundsItsBytes) {
  ParseCache cache({.bytes_max = 20'000});
  for (int i = 0; i < 100; ++i) EXPECT_THAT(cache.Parse(Query(i), Dialect::kTql), IsOk());
  EXPECT_LE(cache.stats().bytes, 20'000);
  EXPECT_GT(cache.stats().entries, 1);

  std::string large = Query(0);
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&large, " OR y = ", i);
  EXPECT_THAT(cache.Parse(large, Dialect::kTql), IsOk());
  EXPECT_THAT(cache.Parse(large, Dialect::kTql), IsOk());
  EXPECT_EQ(cache.stats().hits, 0);  // too large to keep
}

TEST(ParseCache, ServesThreads) {
  ParseCache cache({.entries_max = 8});
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 200; ++i) {
        const auto statement = cache.Parse(Query((i * (t + 1)) % 16), Dialect::kTql);
        ASSERT_THAT(statement, IsOk());
        ASSERT_EQ((*statement)->select.items.size(), 1U);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const ParseCache::Stats stats = cache.stats();
  EXPECT_EQ(stats.hits + stats.misses, 800);
  EXPECT_LE(stats.entries, 8);
}

}  // namespace
}  // namespace twin::query
