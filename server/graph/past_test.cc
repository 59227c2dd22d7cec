#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/graph/graph.h"
#include "tests/support/status_matchers.h"

namespace twin::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

std::shared_ptr<const Catalog> PastCatalog(bool second_deleted = false) {
  std::vector<ModelState> states(2);
  states[0].id = "dtmi:t:Pack;1";
  states[0].text = R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Pack;1","@type":"Interface",
    "contents":[{"@type":"Property","name":"serial","schema":"string"},
      {"@type":"Property","name":"volt","schema":"double"},
      {"@type":"Relationship","name":"has","properties":[
        {"@type":"Property","name":"position","schema":"integer"}]}]})";
  states[1].id = "dtmi:t:Cell;1";
  states[1].text = R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;1","@type":"Interface",
    "contents":[{"@type":"Property","name":"volt","schema":"double"}]})";
  states[1].deleted = second_deleted;
  if (second_deleted) states[1].text.clear();
  states[1].table = TableId(1);
  auto catalog = Catalog::Create(std::move(states), nullptr);
  TWIN_CHECK(catalog.ok()) << catalog.status();
  return *catalog;
}

std::vector<EndedTwin> EndedTwinsOf(const GraphView& view) {
  std::vector<EndedTwin> all;
  EndedTwin ended;
  for (uint32_t slot = 0; slot < view.ended_twin_slots(); ++slot) {
    if (view.GetEnded(slot, &ended)) all.push_back(ended);
  }
  return all;
}

std::vector<EndedRelationship> EndedRelationshipsOf(const GraphView& view) {
  std::vector<EndedRelationship> all;
  EndedRelationship ended;
  for (uint32_t slot = 0; slot < view.ended_relationship_slots(); ++slot) {
    if (view.GetEnded(slot, &ended)) all.push_back(ended);
  }
  return all;
}

// A pack that has a cell since 100; times are source times, each change a sequence of its own.
class Past : public ::testing::Test {
 protected:
  Past() {
    graph_.SetCatalog(PastCatalog());
    graph_.CreateTwin(kPack, "pack", TableId(0), Sequence(1), Time{100}, Time{50});
    graph_.SetValue(kPack, ColumnId(1), Value::Double(3.7), Time{100}, Time{60});
    graph_.CreateTwin(kCell, "cell", TableId(1), Sequence(1), Time{100}, Time{50});
    graph_.SetValue(kCell, ColumnId(0), Value::Double(3.5), Time{100}, Time{70});
    graph_.CreateRelationship(kHas, RelationshipTypeId(0), kPack, kCell, "r", Sequence(1),
                              Time{80});
    graph_.SetValue(kHas, ColumnId(0), Value::Int(1), Time{80});
    Advance();
  }

  void Advance() {
    const Sequence next(graph_.head().sequence().value + 1);
    graph_.Advance(next, Time{100 + static_cast<int64_t>(next.value)});
  }

  static constexpr TwinNumber kPack{0};
  static constexpr TwinNumber kCell{1};
  static constexpr RelationshipNumber kHas{0};
  Graph graph_;
};

TEST_F(Past, BeginsAreSourceTimes) {
  EXPECT_EQ(graph_.head().BeginOf(kPack), Time{50});
  EXPECT_EQ(graph_.head().BeginOf(kHas), Time{80});
  EXPECT_EQ(graph_.head().ChangedOf(kHas), Time{80});
  EXPECT_EQ(graph_.head().past_entries(), 0);
}

TEST_F(Past, FindsWhatBeganSince) {
  // Pages of numbers with one time for all, and of several.
  for (uint32_t i = 2; i < 400; ++i) {
    graph_.CreateTwin(TwinNumber(i), std::to_string(i), TableId(1), Sequence(2), Time{100},
                      Time{i == 300 ? 75 : 60});
  }
  graph_.DeleteTwin(TwinNumber(5), Time{200});
  const GraphView& head = graph_.head();
  EXPECT_THAT(head.TwinsSince(Time{60}, 9), ElementsAre(TwinNumber(300)));
  EXPECT_THAT(head.TwinsSince(Time{75}, 9), IsEmpty());
  EXPECT_THAT(head.TwinsSince(Time{59}, 4),
              ElementsAre(TwinNumber(2), TwinNumber(3), TwinNumber(4), TwinNumber(6)));
  EXPECT_EQ(head.TwinsSince(Time{50}, 1000).size(), 397u);
  EXPECT_THAT(head.RelationshipsSince(Time{79}, 9), ElementsAre(kHas));
  EXPECT_THAT(head.RelationshipsSince(Time{80}, 9), IsEmpty());
}

TEST_F(Past, FindsWhatChangedSince) {
  for (uint32_t i = 2; i < 400; ++i) {
    graph_.CreateTwin(TwinNumber(i), std::to_string(i), TableId(1), Sequence(2), Time{100});
    if (i % 2 == 0) {
      graph_.SetValue(TwinNumber(i), ColumnId(0), Value::Double(i), Time{100}, Time{70});
    }
  }
  graph_.SetValue(TwinNumber(200), ColumnId(0), Value::Double(1), Time{120}, Time{90});
  graph_.SetValue(TwinNumber(210), ColumnId(0), Value::Double(1), Time{120}, Time{120});
  const auto rows = [&](Time time, bool or_missing) {
    std::vector<uint32_t> found;
    EXPECT_TRUE(graph_.head().VisitSince(TableId(1), ColumnId(0), time, or_missing,
                                         [&](uint32_t row) { return found.push_back(row), true; }));
    return found;
  };
  const uint32_t row_of_200 = graph_.head().PlaceOf(TwinNumber(200)).row;
  const uint32_t row_of_210 = graph_.head().PlaceOf(TwinNumber(210)).row;
  EXPECT_THAT(rows(Time{120}, false), IsEmpty());
  EXPECT_THAT(rows(Time{119}, false), ElementsAre(row_of_210));
  EXPECT_THAT(rows(Time{70}, false), ElementsAre(row_of_200, row_of_210));
  EXPECT_EQ(rows(Time{69}, false).size(), 200u);
  EXPECT_EQ(rows(Time{120}, true).size(), 199u);  // those without a value
  EXPECT_FALSE(graph_.head().VisitSince(TableId(1), ColumnId(0), Time{70}, false,
                                        [](uint32_t) { return false; }));
}

TEST_F(Past, KeepsFormerValuesOfRelationships) {
  graph_.SetValue(kHas, ColumnId(0), Value::Int(2), Time{90});
  graph_.SetValue(kHas, ColumnId(0), Value::Int(3), Time{90});  // of one time the first knows
  EXPECT_EQ(graph_.head().ChangedOf(kHas), Time{90});
  ASSERT_EQ(graph_.head().past_entries(), 1);
  FormerValue former;
  ASSERT_TRUE(graph_.head().GetFormer(0, &former));
  EXPECT_EQ(former.relationship, kHas);
  EXPECT_EQ(former.time, Time{90});
  EXPECT_EQ(graph_.head().FormerValueOf(0), Value::Int(1));
}

TEST_F(Past, KeepsWhatHasEndedAndASnapshotSeesItStill) {
  const std::shared_ptr<const GraphView> before = graph_.Pin();
  graph_.DeleteRelationship(kHas, Time{200});
  graph_.DeleteTwin(kCell, Time{210});
  Advance();
  EXPECT_THAT(EndedTwinsOf(*before), IsEmpty());
  EXPECT_TRUE(before->Exists(kCell));

  const GraphView& now = graph_.head();
  ASSERT_EQ(EndedTwinsOf(now).size(), 1);
  const EndedTwin twin = EndedTwinsOf(now)[0];
  EXPECT_EQ(twin.twin, kCell);
  EXPECT_EQ(twin.begin, Time{50});
  EXPECT_EQ(twin.end, Time{210});
  EXPECT_FALSE(twin.moved);
  EXPECT_EQ(now.EndedCell(0, ColumnId(0)).value, Value::Double(3.5));
  EXPECT_EQ(now.EndedCell(0, ColumnId(0)).source_time, Time{70});
  EXPECT_EQ(now.IdOf(kCell), "cell");
  ASSERT_EQ(EndedRelationshipsOf(now).size(), 1);
  const EndedRelationship relationship = EndedRelationshipsOf(now)[0];
  EXPECT_EQ(relationship.source, kPack);
  EXPECT_EQ(relationship.target, kCell);
  EXPECT_EQ(relationship.begin, Time{80});
  EXPECT_EQ(relationship.end, Time{200});
  EXPECT_EQ(now.EndedRelationshipId(0), "r");
  EXPECT_EQ(now.EndedRelationshipValue(0, ColumnId(0)), Value::Int(1));
  EXPECT_THAT(now.TwinsOf("cell"), ElementsAre(kCell));
}

TEST_F(Past, AMoveEndsALifeAndBeginsAnother) {
  graph_.MoveTwin(kPack, TableId(1), Sequence(2), Time{300}, Time{250});
  Advance();
  ASSERT_EQ(EndedTwinsOf(graph_.head()).size(), 1);
  EXPECT_TRUE(EndedTwinsOf(graph_.head())[0].moved);
  EXPECT_EQ(EndedTwinsOf(graph_.head())[0].end, Time{250});
  EXPECT_EQ(graph_.head().BeginOf(kPack), Time{250});
  EXPECT_EQ(graph_.head().EndedCell(0, ColumnId(1)).value, Value::Double(3.7));
}

TEST_F(Past, RetentionDropsEntriesAndThenCompactTheirIds) {
  graph_.DeleteRelationship(kHas, Time{200});
  graph_.DeleteTwin(kCell, Time{210});
  Advance();
  graph_.Reorder({});
  EXPECT_EQ(graph_.head().IdOf(kCell), "cell");
  EXPECT_EQ(graph_.deleted_twins(), 0);
  graph_.DropPast(Time{205});
  EXPECT_EQ(graph_.head().past_begin(), Time{205});
  EXPECT_EQ(graph_.head().past_entries(), 1);
  graph_.DropPast(Time{211});
  EXPECT_EQ(graph_.head().past_entries(), 0);
  EXPECT_EQ(graph_.deleted_twins(), 1);
  graph_.Reorder({});
  EXPECT_EQ(graph_.deleted_twins(), 0);
  EXPECT_THAT(graph_.head().TwinsOf("cell"), IsEmpty());
  graph_.DropPast(Time{100});  // never goes back
  EXPECT_EQ(graph_.head().past_begin(), Time{211});
}

TEST_F(Past, IdsOfSeveralLivesAreFoundAfterCompact) {
  graph_.DeleteRelationship(kHas, Time{200});
  graph_.DeleteTwin(kCell, Time{210});
  Advance();
  graph_.CreateTwin(TwinNumber(2), "cell", TableId(1), Sequence(3), Time{300}, Time{300});
  Advance();
  graph_.Reorder({});
  EXPECT_THAT(graph_.head().TwinsOf("cell"), ElementsAre(TwinNumber(2), kCell));
  EXPECT_EQ(graph_.head().FindTwin("cell"), TwinNumber(2));
}

TEST_F(Past, GoesWithItsModel) {
  graph_.DeleteRelationship(kHas, Time{200});
  graph_.DeleteTwin(kCell, Time{210});
  Advance();
  graph_.SetCatalog(PastCatalog(/*second_deleted=*/true));
  EXPECT_THAT(EndedTwinsOf(graph_.head()), IsEmpty());
  EXPECT_EQ(EndedRelationshipsOf(graph_.head()).size(), 1);
}

TEST_F(Past, SlotsAreUsedAgain) {
  for (int i = 0; i < 10; ++i) {
    const RelationshipNumber next = graph_.head().next_relationship();
    graph_.CreateRelationship(next, RelationshipTypeId(0), kPack, kCell, "other", Sequence(2),
                              Time{300 + i});
    graph_.DeleteRelationship(next, Time{301 + i});
    Advance();
    graph_.DropPast(Time{302 + i});
  }
  EXPECT_EQ(graph_.head().ended_relationship_slots(), 1);
}

TEST_F(Past, DamagedEntriesAreRefused) {
  graph_.DeleteRelationship(kHas, Time{200});
  graph_.DeleteTwin(kCell, Time{210});
  Advance();
  std::map<int, std::pair<PageKey, std::string>> pages;
  const CheckpointPages checkpoint = graph_.PinForCheckpoint(true);
  int count = 0;
  ASSERT_THAT(Graph::VisitPages(checkpoint,
                                [&](const PageKey& key, absl::string_view bytes) {
                                  pages[count++] = {key, std::string(bytes)};
                                  return absl::OkStatus();
                                }),
              IsOk());
  const auto load = [&](PageKind damaged, size_t at) {
    Graph graph;
    graph.SetCatalog(PastCatalog());
    for (auto [number, page] : pages) {
      if (page.first.kind == damaged) page.second[at] = static_cast<char>(page.second[at] + 5);
      TWIN_CHECK(graph.LoadPage(page.first, page.second).ok());
    }
    const GraphView& head = *checkpoint.view;
    return graph.FinishLoad(head.sequence(), head.time(), head.next_twin(),
                            head.next_relationship());
  };
  const auto refused = StatusIs(absl::StatusCode::kDataLoss, HasSubstr("slot 0"));
  EXPECT_THAT(load(PageKind::kPastBegin, 0), IsOk());
  EXPECT_THAT(load(PageKind::kEndedTwins, 0), refused);
  EXPECT_THAT(load(PageKind::kEndedTwins, 4), refused);
  EXPECT_THAT(load(PageKind::kEndedTwinValues, 0), refused);
  EXPECT_THAT(load(PageKind::kEndedRelationships, 0), refused);
  EXPECT_THAT(load(PageKind::kEndedRelationships, 4), refused);
  EXPECT_THAT(load(PageKind::kEndedRelationships, 8), refused);
  EXPECT_THAT(load(PageKind::kEndedRelationshipValues, 0), refused);
}

}  // namespace
}  // namespace twin::graph
