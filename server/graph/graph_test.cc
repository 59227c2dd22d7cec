#include "server/graph/graph.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "tests/support/status_matchers.h"

namespace twin::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr absl::string_view kModels[] = {
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:A;1","@type":"Interface","contents":[
      {"@type":"Property","name":"serial","schema":"string","comment":"index: equality"},
      {"@type":"Property","name":"volt","schema":"double"},
      {"@type":"Property","name":"count","schema":"integer"},
      {"@type":"Property","name":"tags","schema":{"@type":"Array","elementSchema":"string"}},
      {"@type":"Relationship","name":"has","properties":[
        {"@type":"Property","name":"position","schema":"integer"},
        {"@type":"Property","name":"label","schema":"string"}]},
      {"@type":"Relationship","name":"feeds"}]})",
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:B;1","@type":"Interface","contents":[
      {"@type":"Property","name":"volt","schema":"double"},
      {"@type":"Property","name":"on","schema":"boolean"}]})"};

std::shared_ptr<const Catalog> TestCatalog() {
  std::vector<ModelState> states;
  states.reserve(2);
  for (uint32_t i = 0; i < 2; ++i) {
    ModelState state;
    state.id = i == 0 ? "dtmi:t:A;1" : "dtmi:t:B;1";
    state.text = std::string(kModels[i]);
    state.table = TableId(i);
    states.push_back(std::move(state));
  }
  auto catalog = Catalog::Create(std::move(states), nullptr);
  TWIN_CHECK(catalog.ok()) << catalog.status();
  return *catalog;
}

ColumnId ColumnNamed(const Catalog& catalog, uint32_t table, absl::string_view path) {
  return catalog.table(TableId(table)).by_path.at(path);
}

// What a view knows of what has ended, one entry a line.
std::string DumpPast(const GraphView& view) {
  std::vector<std::string> lines;
  const auto life = [](const auto& ended) {
    return absl::StrCat(" v", ended.version.value, " from ", ended.begin.ns, " to ", ended.end.ns);
  };
  EndedTwin twin;
  for (uint32_t slot = 0; slot < view.ended_twin_slots(); ++slot) {
    if (!view.GetEnded(slot, &twin)) continue;
    std::string line = absl::StrCat("twin ", view.IdOf(twin.twin), " ", twin.table.value, " moved ",
                                    twin.moved, " t", twin.update_time.ns, life(twin));
    for (uint32_t c = 0; c < view.catalog().table(twin.table).columns.size(); ++c) {
      const Cell cell = view.EndedCell(slot, ColumnId(c));
      absl::StrAppend(&line, " ", cell.value.DebugString(1000), "@", cell.source_time.ns);
    }
    lines.push_back(line);
  }
  EndedRelationship relationship;
  for (uint32_t slot = 0; slot < view.ended_relationship_slots(); ++slot) {
    if (!view.GetEnded(slot, &relationship)) continue;
    std::string line =
        absl::StrCat("relationship ", relationship.relationship.value, " ", relationship.type.value,
                     " ", view.IdOf(relationship.source), " ", view.EndedRelationshipId(slot), " ",
                     view.IdOf(relationship.target), life(relationship));
    for (uint32_t c = 0; c < 2; ++c) {
      absl::StrAppend(&line, " ", view.EndedRelationshipValue(slot, ColumnId(c)).DebugString());
    }
    lines.push_back(line);
  }
  FormerValue former;
  for (uint32_t slot = 0; slot < view.former_value_slots(); ++slot) {
    if (!view.GetFormer(slot, &former)) continue;
    lines.push_back(absl::StrCat("value ", former.relationship.value, " ", former.column.value,
                                 " until ", former.time.ns, " ",
                                 view.FormerValueOf(slot).DebugString()));
  }
  EXPECT_EQ(lines.size(), view.past_entries());
  std::sort(lines.begin(), lines.end());
  return absl::StrCat("past since ", view.past_begin().ns, "\n", absl::StrJoin(lines, "\n"));
}

// Everything that a view shows, as text.
std::string Dump(const GraphView& view) {
  std::map<std::string, std::string> twins;
  for (uint32_t number = 0; number < view.next_twin().value; ++number) {
    const TwinNumber twin(number);
    if (!view.Exists(twin)) continue;
    std::string text =
        absl::StrCat(view.TableOf(twin).model_id, " v", view.VersionOf(twin).value, " t",
                     view.UpdateTimeOf(twin).ns, " since ", view.BeginOf(twin).ns);
    const TableSchema& table = view.TableOf(twin);
    for (const ColumnSchema& column : table.columns) {
      const Cell cell = view.Get(twin, table.IdOf(column));
      if (cell.value.is_null()) continue;
      absl::StrAppend(&text, " ", column.path, "=", cell.value.DebugString(1000), "@",
                      cell.update_time.ns, "/", cell.source_time.ns);
    }
    for (RelationshipNumber each = view.FirstOutgoing(twin); !(each == kNoRelationship);
         each = view.NextOutgoing(each)) {
      const Relationship found = view.Get(each);
      absl::StrAppend(&text, "\n  ", found.id, "->", view.IdOf(found.target), " v",
                      found.version.value, " since ", view.BeginOf(each).ns);
      const RelationshipType& type = view.catalog().relationship_type(found.type);
      for (uint32_t c = 0; c < type.columns.size(); ++c) {
        absl::StrAppend(&text, " ", view.GetValue(each, ColumnId(c)).DebugString());
      }
      EXPECT_TRUE(view.FindRelationship(twin, found.id) == each);
    }
    for (RelationshipNumber each = view.FirstIncoming(twin); !(each == kNoRelationship);
         each = view.NextIncoming(each)) {
      absl::StrAppend(&text, "\n  <-", view.IdOf(view.Get(each).source));
    }
    absl::StrAppend(&text, "\n  ", view.OutDegree(twin), " ", view.InDegree(twin), " ",
                    view.CountOutgoing(twin, RelationshipTypeId(0)));
    EXPECT_TRUE(view.FindTwin(view.IdOf(twin)) == twin) << view.IdOf(twin);
    twins[std::string(view.IdOf(twin))] = text;
  }
  EXPECT_EQ(twins.size(), view.twins());
  std::string all = absl::StrCat("sequence ", view.sequence().value, " relationships ",
                                 view.relationships(), "\n");
  for (const auto& [id, text] : twins) absl::StrAppend(&all, id, ": ", text, "\n");
  absl::StrAppend(&all, DumpPast(view));
  return all;
}

TEST(GraphView, TellsOfATwinWhereItStands) {
  Graph graph;
  graph.SetCatalog(TestCatalog());
  graph.CreateTwin(TwinNumber(0), "a", TableId(0), Sequence(1), Time{1});
  graph.CreateTwin(TwinNumber(1), "b", TableId(0), Sequence(2), Time{2});
  const ColumnId volt = ColumnNamed(graph.head().catalog(), 0, "volt");
  const TwinFacts facts = graph.head().FactsOf(TwinNumber(1));
  ASSERT_TRUE(facts.exists);
  EXPECT_EQ(facts.place.row, 1u);
  EXPECT_EQ(facts.version, Sequence(2));
  EXPECT_FALSE(graph.head().FactsOf(TwinNumber(2)).exists);
  EXPECT_FALSE(graph.head().FactsOf(TwinNumber(1'000'000)).exists);

  std::optional<Time> given = Time{9};
  EXPECT_TRUE(graph.head().ValueAt(facts.place, volt, &given).is_null());
  EXPECT_EQ(given, std::nullopt);
  graph.SetValue(TwinNumber(1), facts.place, volt, Value::Double(3.5), Time{5}, Time{5});
  EXPECT_EQ(graph.head().ValueAt(facts.place, volt, &given), Value::Double(3.5));
  EXPECT_EQ(given, std::nullopt);  // the update time stands for it
  EXPECT_EQ(graph.head().Get(TwinNumber(1), volt).source_time, Time{5});
  EXPECT_TRUE(graph.head().GetValue(TwinNumber(0), volt).is_null());
  graph.SetValue(TwinNumber(1), facts.place, volt, Value::Double(4), Time{6}, Time{7});
  EXPECT_EQ(graph.head().ValueAt(facts.place, volt, &given), Value::Double(4));
  EXPECT_EQ(given, Time{7});
}

// Hints may be wrong, but not where there is one twin alone, and never disturb anything.
TEST(GraphView, GuessesATwinByTheHashOfItsId) {
  Graph graph;
  graph.SetCatalog(TestCatalog());
  const size_t hashes[] = {GraphView::HashOf("a"), GraphView::HashOf("b")};
  TwinNumber twins[2];
  graph.head().FetchIds(hashes);
  graph.head().GuessTwins(hashes, twins);
  EXPECT_EQ(twins[0], kNoTwin);
  graph.CreateTwin(TwinNumber(0), "a", TableId(0), Sequence(1), Time{1});
  graph.head().GuessTwins(hashes, twins);
  ASSERT_EQ(twins[0], TwinNumber(0));
  TwinPlace place;
  graph.head().FetchTwin(twins[0]);
  ASSERT_TRUE(graph.head().FindPlace(twins[0], &place));
  EXPECT_EQ(place.table, TableId(0));
  EXPECT_EQ(place.row, graph.head().PlaceOf(TwinNumber(0)).row);
  const ColumnId volt = ColumnNamed(graph.head().catalog(), 0, "volt");
  graph.head().FetchCell(place, volt);  // of a page that is not there
  graph.SetValue(TwinNumber(0), volt, Value::Double(3.5), Time{1}, Time{1});
  graph.head().FetchIdPlace(twins[0]);
  graph.head().FetchId(twins[0]);
  graph.head().FetchCell(place, volt);
  graph.head().FetchValue(place, volt);
  EXPECT_EQ(graph.head().GetValue(TwinNumber(0), volt), Value::Double(3.5));
  graph.DeleteTwin(TwinNumber(0), Time{2});
  EXPECT_FALSE(graph.head().FindPlace(TwinNumber(0), &place));
  EXPECT_FALSE(graph.head().FindPlace(TwinNumber(7), &place));
}

TEST(GraphView, FindsManyTwinsAsItFindsEach) {
  Graph graph;
  graph.SetCatalog(TestCatalog());
  constexpr uint32_t kTwins = 300;
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < kTwins; ++i) {
    ids.push_back(absl::StrCat("twin-", i));
    graph.CreateTwin(TwinNumber(i), ids.back(), TableId(0), Sequence(1), Time{1});
  }
  for (uint32_t i = 0; i < kTwins; i += 7) graph.DeleteTwin(TwinNumber(i), Time{2});
  graph.CreateTwin(TwinNumber(kTwins), ids[7], TableId(0), Sequence(2), Time{3});
  ids.push_back("nobody");
  const std::vector<absl::string_view> asked(ids.begin(), ids.end());
  std::vector<TwinNumber> found(asked.size());
  graph.head().FindTwins(asked, found.data());
  std::vector<TwinPlace> places(found.size());
  graph.head().FindPlaces(found, places.data());
  for (size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(found[i], graph.head().FindTwin(asked[i])) << asked[i];
    if (found[i] == kNoTwin) {
      EXPECT_EQ(places[i].row, GraphView::kNoRow) << asked[i];
    } else {
      EXPECT_EQ(places[i].row, graph.head().PlaceOf(found[i]).row) << asked[i];
    }
  }
  EXPECT_EQ(found[7], TwinNumber(kTwins));
}

// Random changes of a graph.
// A model of few twins, which are the last ones, one of many, and both.
TEST(GraphView, ListsTwinsOfTablesByNumber) {
  Graph graph;
  graph.SetCatalog(TestCatalog());
  constexpr uint32_t kTwins = 1000;
  for (uint32_t i = 0; i < kTwins; ++i) {
    const bool is_rare = i > 0 && (i == 500 || i >= kTwins - 7);
    graph.CreateTwin(TwinNumber(i), absl::StrCat("t", i), TableId(is_rare ? 1 : 0), Sequence(i + 1),
                     Time{1});
  }
  // Rows are given again, in another order than numbers.
  for (const uint32_t gone : {995u, 500u, 3u, 998u}) graph.DeleteTwin(TwinNumber(gone));
  for (uint32_t i = 0; i < 3; ++i) {
    graph.CreateTwin(TwinNumber(kTwins + i), absl::StrCat("new", i), TableId(i % 2),
                     Sequence(kTwins + i + 1), Time{1});
  }
  const GraphView& view = graph.head();
  const std::vector<std::vector<TableId>> asked = {
      {TableId(0)}, {TableId(1)}, {TableId(0), TableId(1)}, {}};
  for (const std::vector<TableId>& tables : asked) {
    std::vector<TwinNumber> all;
    for (uint32_t i = 0; i < view.next_twin().value; ++i) {
      const TwinNumber twin(i);
      if (view.Exists(twin) &&
          std::find(tables.begin(), tables.end(), view.PlaceOf(twin).table) != tables.end()) {
        all.push_back(twin);
      }
    }
    for (const uint32_t from : {0u, 1u, 499u, 994u, 1000u, 1003u, 5000u}) {
      for (const size_t max : {size_t{1}, size_t{3}, size_t{2000}}) {
        std::vector<TwinNumber> expected;
        for (const TwinNumber twin : all) {
          if (twin.value >= from && expected.size() < max) expected.push_back(twin);
        }
        EXPECT_EQ(view.TwinsFrom(tables, TwinNumber(from), max), expected)
            << tables.size() << " tables from " << from << ", " << max;
      }
    }
  }
}

class Changes {
 public:
  Changes(Graph* graph, uint32_t seed) : graph_(*graph), random_(seed) {}

  void One() {
    const Sequence sequence(graph_.head().sequence().value + 1);
    const Time time{1000 + static_cast<int64_t>(sequence.value / 7)};
    const GraphView& head = graph_.head();
    const TwinNumber twin = Any();
    switch (twin == kNoTwin ? 0 : Pick(12)) {
      case 0:
      case 1:
      case 2:
        graph_.CreateTwin(head.next_twin(), FreshId(), TableId(Pick(4) == 0 ? 1 : 0), sequence,
                          time);
        break;
      case 3:
      case 4:
      case 5:
      case 6:
        Set(twin, time, sequence);
        break;
      case 7:
      case 8: {
        const TwinNumber target = Any();
        const std::string id = absl::StrCat("r", Pick(200));
        if (head.TableOf(twin).id.value != 0) break;
        const RelationshipNumber existing = head.FindRelationship(twin, id);
        if (!(existing == kNoRelationship)) {
          if (!head.catalog().relationship_type(head.Get(existing).type).columns.empty()) {
            graph_.SetValue(existing, ColumnId(Pick(2) == 0 ? 1 : 0), Value(),
                            Time{head.ChangedOf(existing).ns + Pick(3)});
          }
          graph_.Touch(existing, sequence);
          break;
        }
        const RelationshipNumber number = head.next_relationship();
        const RelationshipTypeId type(Pick(2));
        graph_.CreateRelationship(number, type, twin, target, id, sequence);
        if (!head.catalog().relationship_type(type).columns.empty()) {
          graph_.SetValue(number, ColumnId(0), Value::Int(Pick(9)));
          graph_.SetValue(number, ColumnId(1), Value::String(absl::StrCat("l", Pick(9))));
        }
        break;
      }
      case 9: {
        const RelationshipNumber number = head.FirstOutgoing(twin);
        if (!(number == kNoRelationship)) graph_.DeleteRelationship(number);
        break;
      }
      case 10:
        if (head.OutDegree(twin) == 0) {
          graph_.MoveTwin(twin, TableId(Pick(2)), sequence, time);
        }
        break;
      case 11:
        if (Pick(3) == 0) Delete(twin);
        if (Pick(20) == 0) graph_.DropPast(Time{time.ns - Pick(20)});
        break;
    }
    graph_.Advance(sequence, time);
  }

  uint32_t Pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

 private:
  TwinNumber Any() {
    const uint32_t end = graph_.head().next_twin().value;
    for (int i = 0; i < 20 && end > 0; ++i) {
      const TwinNumber twin(Pick(3) == 0 ? Pick(std::min(end, 3u)) : Pick(end));
      if (graph_.head().Exists(twin)) return twin;
    }
    return kNoTwin;
  }

  std::string FreshId() {
    while (true) {
      std::string id = absl::StrCat("twin-", Pick(100000));
      if (graph_.head().FindTwin(id) == kNoTwin) return id;
    }
  }

  void Set(TwinNumber twin, Time time, Sequence sequence) {
    const TableSchema& table = graph_.head().TableOf(twin);
    const ColumnSchema& column = table.columns[Pick(static_cast<uint32_t>(table.columns.size()))];
    Value value;
    if (Pick(5) != 0) {
      switch (column.type) {
        case ColumnType::kBool:
          value = Value::Bool(Pick(2) == 1);
          break;
        case ColumnType::kInt32:
          value = Value::Int(static_cast<int64_t>(Pick(1000)) - 500);
          break;
        case ColumnType::kDouble:
          value = Value::Double(Pick(1000) / 8.0);
          break;
        case ColumnType::kString:
          value = Value::String(absl::StrCat("s", Pick(20)));
          break;
        default:
          value = Value::Array({Value::String(std::string(Pick(400), 'x')), Value::Int(7)});
      }
    }
    const Time source = Pick(3) == 0 ? Time{static_cast<int64_t>(Pick(1000))} : time;
    graph_.SetValue(twin, table.IdOf(column), value, time, source);
    graph_.Touch(twin, sequence, time);
  }

  void Delete(TwinNumber twin) {
    const GraphView& head = graph_.head();
    while (head.OutDegree(twin) > 0) graph_.DeleteRelationship(head.FirstOutgoing(twin));
    while (head.InDegree(twin) > 0) graph_.DeleteRelationship(head.FirstIncoming(twin));
    graph_.DeleteTwin(twin);
  }

  Graph& graph_;
  std::mt19937 random_;
};

using Pages = std::map<std::array<uint32_t, 4>, std::string>;

void Save(const CheckpointPages& checkpoint, Pages* pages) {
  const absl::Status status =
      Graph::VisitPages(checkpoint, [&](const PageKey& key, absl::string_view bytes) {
        (*pages)[{static_cast<uint32_t>(key.kind), key.table, key.column, key.page}] =
            std::string(bytes);
        return absl::OkStatus();
      });
  ASSERT_THAT(status, IsOk());
}

absl::Status Load(const Pages& pages, const GraphView& like, Graph* graph) {
  graph->SetCatalog(like.shared_catalog());
  for (const auto& [key, bytes] : pages) {
    absl::Status status =
        graph->LoadPage({static_cast<PageKind>(key[0]), key[1], key[2], key[3]}, bytes);
    if (!status.ok()) return status;
  }
  return graph->FinishLoad(like.sequence(), like.time(), like.next_twin(),
                           like.next_relationship());
}

class GraphRandom : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, GraphRandom, ::testing::Range(1u, 9u));

TEST_P(GraphRandom, SnapshotsNeverChange) {
  Graph graph;
  graph.SetCatalog(TestCatalog());
  Changes changes(&graph, GetParam());
  std::vector<std::pair<std::shared_ptr<const GraphView>, std::string>> pinned;
  for (int i = 0; i < 3000; ++i) {
    changes.One();
    if (changes.Pick(100) == 0) {
      auto view = graph.Pin();
      std::string dump = Dump(*view);
      pinned.emplace_back(std::move(view), std::move(dump));
    }
    if (!pinned.empty() && changes.Pick(60) == 0) {
      const size_t which = changes.Pick(static_cast<uint32_t>(pinned.size()));
      ASSERT_EQ(Dump(*pinned[which].first), pinned[which].second) << "seed " << GetParam();
      pinned.erase(pinned.begin() + static_cast<ptrdiff_t>(which));
    }
  }
  for (const auto& [view, dump] : pinned) ASSERT_EQ(Dump(*view), dump) << "seed " << GetParam();
}

// Of some of its twins.
std::vector<TwinNumber> AnyOrder(const GraphView& view, uint32_t seed) {
  std::vector<TwinNumber> order;
  for (uint32_t number = 0; number < view.next_twin().value; ++number) {
    if (number % 5 != 0) order.push_back(TwinNumber(number));
  }
  std::shuffle(order.begin(), order.end(), std::mt19937(seed));
  return order;
}

TEST_P(GraphRandom, CheckpointsGiveTheStateBack) {
  Graph first;
  first.SetCatalog(TestCatalog());
  auto graph = std::make_unique<Graph>();
  graph->SetCatalog(TestCatalog());
  Pages pages;
  for (int round = 0; round < 6; ++round) {
    Changes changes(graph.get(), GetParam() * 100 + static_cast<uint32_t>(round));
    for (int i = 0; i < 400; ++i) changes.One();
    if (round % 3 == 2) {
      const std::string before = Dump(graph->head());
      graph->Reorder(AnyOrder(graph->head(), GetParam() + static_cast<uint32_t>(round)));
      ASSERT_EQ(Dump(graph->head()), before) << "seed " << GetParam() << " round " << round;
    }
    const CheckpointPages checkpoint = graph->PinForCheckpoint(round == 0);
    const std::string dump = Dump(graph->head());
    for (int i = 0; i < 50; ++i) changes.One();  // while it is written
    Save(checkpoint, &pages);
    graph->CheckpointDone(checkpoint);
    auto loaded = std::make_unique<Graph>();
    ASSERT_THAT(Load(pages, *checkpoint.view, loaded.get()), IsOk());
    ASSERT_EQ(Dump(loaded->head()), dump) << "seed " << GetParam() << " round " << round;
    ASSERT_EQ(Dump(*checkpoint.view), dump);
    if (round == 3) graph = std::move(loaded);  // goes on incrementally after a restart
  }
}

TEST(Graph, ReorderedTwinsAreListedInThatOrder) {
  Graph graph;
  graph.SetCatalog(TestCatalog());
  constexpr uint32_t kTwins = 300;
  for (uint32_t number = 0; number < kTwins; ++number) {
    graph.CreateTwin(TwinNumber(number), absl::StrCat("t", number), TableId(0),
                     Sequence(number + 1), Time{1});
  }
  graph.DeleteTwin(TwinNumber(7));
  std::vector<TwinNumber> order;
  for (uint32_t i = 0; i < kTwins; ++i) order.push_back(TwinNumber(i * 7 % kTwins));
  order.erase(std::find(order.begin(), order.end(), TwinNumber(0)));  // it follows
  graph.Reorder(order);
  order.erase(std::find(order.begin(), order.end(), TwinNumber(7)));
  order.push_back(TwinNumber(0));
  const auto listed = [&] {
    uint32_t next = 0;
    return graph.head().ListTwins(TableId(0), 0, kTwins, &next);
  };
  EXPECT_EQ(listed(), order);
  graph.Reorder(order);  // as it is already
  EXPECT_EQ(listed(), order);
}

TEST(Graph, AnsweredByIdThroughDeletionAndReturn) {
  Graph graph;
  graph.SetCatalog(TestCatalog());
  graph.CreateTwin(TwinNumber(0), "a", TableId(0), Sequence(1), Time{1});
  graph.Advance(Sequence(1), Time{1});
  const auto before = graph.Pin();
  graph.DeleteTwin(TwinNumber(0));
  graph.Advance(Sequence(2), Time{2});
  const auto between = graph.Pin();
  graph.CreateTwin(TwinNumber(1), "a", TableId(1), Sequence(3), Time{3});
  graph.Advance(Sequence(3), Time{3});
  EXPECT_TRUE(before->FindTwin("a") == TwinNumber(0));
  EXPECT_TRUE(between->FindTwin("a") == kNoTwin);
  EXPECT_TRUE(graph.head().FindTwin("a") == TwinNumber(1));
}

TEST(Graph, FindsByIndexedValueAtEachSnapshot) {
  Graph graph;
  const auto catalog = TestCatalog();
  graph.SetCatalog(catalog);
  const ColumnId serial = ColumnNamed(*catalog, 0, "serial");
  for (uint32_t i = 0; i < 4; ++i) {
    graph.CreateTwin(TwinNumber(i), absl::StrCat("t", i), TableId(0), Sequence(i + 1), Time{1});
    graph.SetValue(TwinNumber(i), serial, Value::String(i < 2 ? "x" : "y"), Time{1}, Time{1});
    graph.Advance(Sequence(i + 1), Time{1});
  }
  const auto before = graph.Pin();
  graph.SetValue(TwinNumber(0), serial, Value::String("y"), Time{2}, Time{2});
  graph.SetValue(TwinNumber(2), serial, Value(), Time{2}, Time{2});
  graph.Advance(Sequence(5), Time{2});
  const auto found = [&](const GraphView& view, absl::string_view value) {
    std::vector<uint32_t> numbers;
    for (const TwinNumber twin : view.FindEqual(TableId(0), serial, value)) {
      numbers.push_back(twin.value);
    }
    return numbers;
  };
  EXPECT_THAT(found(*before, "x"), UnorderedElementsAre(0, 1));
  EXPECT_THAT(found(*before, "y"), UnorderedElementsAre(2, 3));
  EXPECT_THAT(found(graph.head(), "x"), ElementsAre(1));
  EXPECT_THAT(found(graph.head(), "y"), UnorderedElementsAre(0, 3));
  EXPECT_THAT(found(graph.head(), "z"), IsEmpty());

  Pages pages;
  Save(graph.PinForCheckpoint(/*everything=*/true), &pages);
  Graph loaded;
  ASSERT_THAT(Load(pages, graph.head(), &loaded), IsOk());
  EXPECT_THAT(found(loaded.head(), "x"), ElementsAre(1));
  EXPECT_THAT(found(loaded.head(), "y"), UnorderedElementsAre(0, 3));
}

TEST(Graph, ASnapshotCostsNothingUntilSomethingIsWritten) {
  Graph graph;
  graph.SetCatalog(TestCatalog());
  for (uint32_t i = 0; i < 1000; ++i) {
    graph.CreateTwin(TwinNumber(i), absl::StrCat("t", i), TableId(0), Sequence(i + 1), Time{1});
    graph.SetValue(TwinNumber(i), ColumnId(0), Value::Int(1), Time{1}, Time{1});
  }
  graph.Advance(Sequence(1000), Time{1});
  const auto view = graph.Pin();
  EXPECT_EQ(graph.Pin().get(), view.get());
  EXPECT_EQ(graph.memory().retained, 0);
  graph.Touch(TwinNumber(5), Sequence(1001), Time{2});
  const uint64_t one_page = graph.memory().retained;
  EXPECT_GT(one_page, 0);
  EXPECT_LT(one_page, 4000);
  graph.Touch(TwinNumber(6), Sequence(1001), Time{2});
  EXPECT_EQ(graph.memory().retained, one_page);
}

TEST(Graph, RefusesPagesThatDoNotFitTogether) {
  Graph graph;
  graph.SetCatalog(TestCatalog());
  Changes changes(&graph, 5);
  for (int i = 0; i < 300; ++i) changes.One();
  Pages pages;
  const CheckpointPages checkpoint = graph.PinForCheckpoint(true);
  Save(checkpoint, &pages);
  for (const auto& [key, bytes] : pages) {
    const auto kind = static_cast<PageKind>(key[0]);
    if (kind != PageKind::kTwins && kind != PageKind::kRelationships && kind != PageKind::kRows &&
        kind != PageKind::kIds && kind != PageKind::kStrings) {
      continue;
    }
    Pages damaged = pages;
    damaged.erase(key);
    Graph loaded;
    EXPECT_THAT(Load(damaged, *checkpoint.view, &loaded),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("checkpoint page")))
        << key[0] << " " << key[3];
  }
}

TEST(Graph, StringsThatNobodyUsesMakeRoom) {
  Graph graph;
  const auto catalog = TestCatalog();
  graph.SetCatalog(catalog);
  const ColumnId serial = ColumnNamed(*catalog, 0, "serial");
  graph.CreateTwin(TwinNumber(0), "t", TableId(0), Sequence(1), Time{1});
  uint64_t early = 0;
  for (uint32_t i = 0; i < 100000; ++i) {
    const auto pinned = i % 10 == 0 ? graph.Pin() : nullptr;
    graph.SetValue(TwinNumber(0), serial, Value::String(absl::StrCat("serial-", 100000 + i)),
                   Time{1}, Time{1});
    graph.Advance(Sequence(i + 2), Time{1});
    if (i == 1001) early = graph.memory().strings;
  }
  EXPECT_EQ(graph.memory().strings, early);
  EXPECT_GT(graph.memory().index, 0);
  EXPECT_LT(graph.memory().index, 10'000);
}

}  // namespace
}  // namespace twin::graph
