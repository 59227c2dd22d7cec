#include "server/engine/snapshot_registry.h"

#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

// A snapshot of its own each time.
std::shared_ptr<const graph::GraphView> NewView(graph::Graph* graph) {
  graph->Advance(Sequence(graph->head().sequence().value + 1), Time{1});
  return graph->Pin();
}

TEST(SnapshotRegistry, TakesTheOldestAwayAndQueriesLast) {
  graph::Graph graph;
  SnapshotRegistry registry;
  const auto query = registry.Hold(SnapshotUse::kQuery, NewView(&graph));
  const auto first = registry.Hold(SnapshotUse::kExport, NewView(&graph));
  const auto second = registry.Hold(SnapshotUse::kPage, NewView(&graph));
  EXPECT_EQ(registry.held(), 3u);
  EXPECT_FALSE(registry.Enforce(100, 100));
  EXPECT_THAT(first->Get(), IsOk());

  EXPECT_TRUE(registry.Enforce(101, 100));
  EXPECT_THAT(first->Get(), StatusIs(absl::StatusCode::kResourceExhausted,
                                     HasSubstr("snapshot_retained_bytes_max (100")));
  EXPECT_THAT(second->Get(), IsOk());
  EXPECT_THAT(query->Get(), IsOk());
  EXPECT_TRUE(registry.Enforce(101, 100));
  EXPECT_FALSE(second->Get().ok());
  EXPECT_THAT(query->Get(), IsOk());
  EXPECT_TRUE(registry.Enforce(101, 100));
  EXPECT_FALSE(query->Get().ok());
  EXPECT_FALSE(registry.Enforce(101, 100));
  EXPECT_EQ(registry.expired(), 3u);
  EXPECT_EQ(graph.memory().snapshots, 0u);
}

TEST(SnapshotRegistry, WaitsForTheOneBefore) {
  graph::Graph graph;
  SnapshotRegistry registry;
  const auto first = registry.Hold(SnapshotUse::kExport, NewView(&graph));
  const auto second = registry.Hold(SnapshotUse::kExport, NewView(&graph));
  {
    const std::shared_ptr<const graph::GraphView> in_use = *first->Get();
    EXPECT_TRUE(registry.Enforce(2, 1));
    EXPECT_FALSE(registry.Enforce(2, 1));  // its memory is not free yet
    EXPECT_EQ(in_use->sequence(), Sequence(1));
    EXPECT_FALSE(first->Get().ok());
  }
  EXPECT_THAT(second->Get(), IsOk());
  EXPECT_TRUE(registry.Enforce(2, 1));
  EXPECT_FALSE(second->Get().ok());
}

TEST(SnapshotRegistry, ForgetsWhatEnded) {
  graph::Graph graph;
  SnapshotRegistry registry;
  const auto oldest = registry.Hold(SnapshotUse::kQuery, NewView(&graph));
  for (int i = 0; i < 1000; ++i) registry.Hold(SnapshotUse::kPage, NewView(&graph));
  EXPECT_EQ(registry.held(), 1u);
  EXPECT_TRUE(registry.Enforce(2, 1));
  EXPECT_FALSE(oldest->Get().ok());
}

}  // namespace
}  // namespace twin::engine
