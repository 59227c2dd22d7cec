// The store against a reference of std::maps.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/history_world.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

using ::twin::testing::IsOk;

class StoreRandomTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(StoreRandomTest, ReadsAreTheReferences) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    HistoryWorld world(seed, GetParam());
    for (int i = 0; i < 600; ++i) {
      world.Step();
      if (world.Random(8) == 0) world.CompareSome();
      if (world.Random(40) == 0) {
        ASSERT_TRUE(world.Checkpoint(world.Random(4) == 0));
      }
      if (world.Random(80) == 0) world.Drop();
      if (world.Random(50) == 0) {
        ASSERT_THAT(world.PackDay(world.Random(2) == 0), IsOk());
      }
      if (world.Random(40) == 0) {
        ASSERT_THAT(world.MergeDay(), IsOk());
      }
      if (world.Random(10) == 0) world.store().SealNextClosed();
      if (world.Random(100) == 0) {
        ASSERT_THAT(world.Reload(), IsOk());
      }
      if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
    world.CompareAll();
    uint64_t blocks = 0;
    ASSERT_THAT(world.store().Verify(&blocks), IsOk());
  }
}

INSTANTIATE_TEST_SUITE_P(BlockRows, StoreRandomTest, ::testing::Values(1, 4, 20, 256));

}  // namespace
}  // namespace twin::timeseries
