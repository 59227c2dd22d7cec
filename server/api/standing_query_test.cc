#include "server/api/standing_query.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/engine/engine.h"
#include "server/events/feed.h"
#include "tests/support/engine_folder.h"
#include "tests/support/status_matchers.h"

namespace twin::api {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr absl::string_view kModels = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string"},
    {"@type":"Relationship","name":"hasCell","target":"dtmi:t:Cell;1","properties":[
      {"@type":"Property","name":"position","schema":"integer"}]},
    {"@type":"Relationship","name":"beside","target":"dtmi:t:Pack;1"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":"Property","name":"rank","schema":"integer","writable":true},
    {"@type":"Telemetry","name":"voltage","schema":"double"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:BigCell;1","@type":"Interface",
   "extends":"dtmi:t:Cell;1","contents":[
    {"@type":"Property","name":"size","schema":"integer"}]}])";

constexpr int kPacks = 4;
constexpr int kCells = 30;

// A standing query with the rows that it has told of.
struct Watch {
  std::string text;
  std::unique_ptr<StandingQuery> query;
  std::unique_ptr<events::ChangedTwinsReader> changed;
  std::map<std::string, std::string> rows;
  size_t changes = 0;  // of the last time
};

class StandingQueryTest : public ::testing::Test {
 public:
  StandingQueryTest() {
    engine_ = engine::OpenEngine(folder_.options());
    ingest::WriteBatch models;
    models.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
    Write(std::move(models));
  }

 protected:
  void Write(ingest::WriteBatch batch) {
    const ingest::WriteResult result = engine_->Write(std::move(batch));
    TWIN_CHECK(result.status.ok()) << result.status;
  }
  // Each for itself: what the state does not allow is no matter.
  void Try(std::vector<ingest::Operation> operations) {
    ingest::WriteBatch batch;
    batch.operations = std::move(operations);
    batch.atomic = false;
    Write(std::move(batch));
  }

  static std::string Pack(int i) { return absl::StrCat("pack-", i); }
  static std::string Cell(int i) { return absl::StrCat("cell-", i); }
  static ingest::PutTwin PutPack(int i, const std::string& name) {
    ingest::PutTwin put;
    put.id = Pack(i);
    put.model_id = "dtmi:t:Pack;1";
    put.contents = {{"name", Value::String(name)}};
    return put;
  }
  static ingest::PutTwin PutCell(int i, int rank) {
    ingest::PutTwin put;
    put.id = Cell(i);
    put.model_id = i % 3 == 0 ? "dtmi:t:BigCell;1" : "dtmi:t:Cell;1";
    put.contents = {{"rank", Value::Int(rank)}};
    return put;
  }
  static ingest::PutRelationship Has(int pack, int cell, int position) {
    ingest::PutRelationship put;
    put.source_id = Pack(pack);
    put.relationship_id = absl::StrCat("has-", cell);
    put.name = "hasCell";
    put.target_id = Cell(cell);
    put.contents = {{"position", Value::Int(position)}};
    return put;
  }
  static ingest::PatchTwin SetRank(int cell, int rank) {
    ingest::PatchTwin patch;
    patch.id = Cell(cell);
    patch.edits.push_back({ingest::Edit::Kind::kSet, {"rank"}, Value::Int(rank), std::nullopt});
    return patch;
  }

  void Fill() {
    ingest::WriteBatch batch;
    for (int p = 0; p < kPacks; ++p) batch.operations.emplace_back(PutPack(p, "P"));
    for (int c = 0; c < kCells; ++c) {
      batch.operations.emplace_back(PutCell(c, c));
      batch.operations.emplace_back(Has(c % kPacks, c, c / kPacks));
    }
    Write(std::move(batch));
  }

  // The latest voltage of cells, as frames.
  void Frame(const std::vector<int>& cells, double voltage) {
    ingest::Layout layout;
    layout.id = "frame";
    for (const int cell : cells) {
      ingest::LayoutColumn& column = layout.columns.emplace_back();
      column.targets = {{Cell(cell), "voltage"}};
      column.encoding = ingest::Encoding::kDouble;
      layout.id += absl::StrCat("-", cell);
    }
    if (!engine_->Register(layout).status.ok()) return;
    const std::vector<double> values(cells.size(), voltage);
    const int64_t time = ++time_;
    ingest::TelemetryBatch batch;
    batch.frames.push_back(
        {layout.id, absl::MakeConstSpan(&time, 1), {}, absl::MakeConstSpan(values)});
    TWIN_CHECK(engine_->Write(std::move(batch)).status.ok());
  }
  // A sample of a cell that may not be there.
  void Sample(int cell, double voltage) {
    const std::string id = Cell(cell);
    ingest::TelemetryBatch batch;
    ingest::Publication& sample = batch.publications.emplace_back();
    sample.twin_id = id;
    sample.contents = {{"voltage", Value::Double(voltage)}};
    sample.time = Time{++time_};
    TWIN_CHECK(engine_->Write(std::move(batch)).status.ok());
  }

  Watch Stand(const std::string& text, uint64_t rows_max = 100'000, size_t twins_max = 1000) {
    Watch watch;
    watch.text = text;
    const auto reader = engine_->OpenReader();
    auto query = StandingQuery::Create(text, Options(rows_max), reader->shared_catalog());
    TWIN_CHECK(query.ok()) << text << ": " << query.status();
    watch.query = *std::move(query);
    watch.changed = std::make_unique<events::ChangedTwinsReader>(engine_->feed().sources(),
                                                                 reader->sequence(), twins_max);
    TWIN_CHECK(Update(&watch, *reader, {}).ok());
    return watch;
  }

  static StandingQuery::Options Options(uint64_t rows_max) {
    StandingQuery::Options options;
    options.rows_max = rows_max;
    options.memory_bytes_max = 64 << 20;
    return options;
  }

  static absl::Status Update(Watch* watch, const engine::SnapshotReader& reader,
                             const events::ChangedTwins& changed) {
    std::vector<RowChange> changes;
    const absl::Status status = watch->query->Update(
        reader, changed, [] { return absl::OkStatus(); }, &changes);
    for (const RowChange& change : changes) {
      const auto known = watch->rows.find(change.key);
      const bool was_known = known != watch->rows.end();
      EXPECT_EQ(was_known, change.kind != RowChange::Kind::kAdded) << watch->text;
      if (change.kind == RowChange::Kind::kRemoved) {
        EXPECT_EQ(was_known ? known->second : "", change.row);
        watch->rows.erase(change.key);
      } else {
        EXPECT_TRUE(!was_known || known->second != change.row) << watch->text;
        watch->rows[change.key] = change.row;
      }
    }
    watch->changes = changes.size();
    return status;
  }

  // Brings it up to date, and compares with what the query yields anew.
  absl::Status Follow(Watch* watch) {
    const auto reader = engine_->OpenReader();
    events::ChangedTwins changed;
    const absl::Status read =
        watch->changed->Read(watch->query->watched(), reader->view(), &changed);
    if (!read.ok()) return read;
    const absl::Status status = Update(watch, *reader, changed);
    if (changed.models) watch->changed->Forget();
    return status;
  }
  void ExpectRight(const Watch& watch) {
    const Watch anew = Stand(watch.text);
    EXPECT_EQ(watch.rows, anew.rows) << watch.text;
  }

  engine::EngineFolder folder_;
  std::unique_ptr<engine::Engine> engine_;
  int64_t time_ = int64_t{1'700'000'000} * kNsPerSecond;
};

TEST_F(StandingQueryTest, TellsWhatComesChangesAndGoes) {
  Fill();
  Watch watch = Stand(
      "SELECT c.$dtId AS id, c.rank FROM DIGITALTWINS MATCH (p:Pack)-[:hasCell]->(c) "
      "WHERE p.$dtId = 'pack-1' AND c.rank > 20");
  EXPECT_THAT(watch.query->why_whole(), IsEmpty());
  EXPECT_THAT(watch.rows, SizeIs(3));  // 21, 25, 29
  Try({SetRank(21, 40), SetRank(25, 1), SetRank(1, 30), SetRank(2, 50)});
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_EQ(watch.changes, 3u);
  ExpectRight(watch);
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_EQ(watch.changes, 0u);
}

TEST_F(StandingQueryTest, EvaluatesOnlyTwinsThatChanged) {
  Fill();
  Watch watch = Stand("SELECT c.rank FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c)");
  events::ChangedTwins changed;
  Frame({1, 2}, 3.5);  // of no interest
  Try({SetRank(3, 99)});
  const auto reader = engine_->OpenReader();
  ASSERT_THAT(watch.changed->Read(watch.query->watched(), reader->view(), &changed), IsOk());
  EXPECT_THAT(changed.twins, ElementsAre(reader->view().FindTwin("cell-3").value));

  Watch of_telemetry = Stand("SELECT c.$dtId FROM DIGITALTWINS MATCH (c:Cell) WHERE c.voltage > 4");
  Frame({1, 2}, 4.5);
  ASSERT_THAT(Follow(&of_telemetry), IsOk());
  EXPECT_THAT(of_telemetry.rows, SizeIs(2));
  Frame({2}, 3.5);
  ASSERT_THAT(Follow(&of_telemetry), IsOk());
  EXPECT_THAT(of_telemetry.rows, SizeIs(1));
}

TEST_F(StandingQueryTest, EvaluatesOnlyGroupsOfTwinsThatChanged) {
  Fill();
  Watch watch = Stand(
      "SELECT p.$dtId, COUNT() AS n, SUM(c.rank) AS s FROM DIGITALTWINS "
      "MATCH (p:Pack)-[:hasCell]->(c) WHERE c.rank < 50 GROUP BY p.$dtId");
  EXPECT_THAT(watch.query->why_whole(), IsEmpty());
  Try({SetRank(1, 30)});
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_FALSE(watch.query->was_partial());  // it learns who is where
  Try({SetRank(1, 40)});
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_TRUE(watch.query->was_partial());
  EXPECT_EQ(watch.changes, 1u);
  // Out of the groups, into another one, gone with its pack.
  Try({SetRank(2, 60), SetRank(5, 60)});
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_EQ(watch.changes, 2u);
  ingest::DeleteRelationship away;
  away.source_id = Pack(3);
  away.relationship_id = "has-3";
  Try({away, Has(0, 3, 9)});
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_EQ(watch.changes, 2u);
  ingest::DeleteTwin gone;
  gone.id = Pack(2);
  gone.delete_relationships = true;
  Try({gone});
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_THAT(watch.rows, SizeIs(3));
  EXPECT_TRUE(watch.query->was_partial());
  ExpectRight(watch);

  // Who remembers too much evaluates the whole.
  StandingQuery::Options options = Options(100);
  options.bytes_max = 1'000;
  const auto reader = engine_->OpenReader();
  auto small = StandingQuery::Create(watch.text, options, reader->shared_catalog());
  ASSERT_THAT(small, IsOk());
  watch.query = *std::move(small);
  watch.rows.clear();
  ASSERT_THAT(Update(&watch, *reader, {}), IsOk());
  for (const int rank : {31, 32, 33}) {
    Try({SetRank(1, rank)});
    ASSERT_THAT(Follow(&watch), IsOk());
    EXPECT_FALSE(watch.query->was_partial());
    EXPECT_EQ(watch.changes, 1u);
  }
}

TEST_F(StandingQueryTest, LearnsMembersAnewAfterTooManyChanges) {
  Fill();
  Watch watch = Stand(
      "SELECT p.$dtId, COUNT() AS n FROM DIGITALTWINS "
      "MATCH (p:Pack)-[:hasCell]->(c) WHERE c.rank < 50 GROUP BY p.$dtId",
      /*rows_max=*/100'000, /*twins_max=*/8);
  for (const int rank : {30, 40}) {
    Try({SetRank(1, rank)});
    ASSERT_THAT(Follow(&watch), IsOk());
  }
  ASSERT_TRUE(watch.query->was_partial());
  std::vector<ingest::Operation> added;
  for (int cell = 100; cell < 120; ++cell) {
    added.emplace_back(PutCell(cell, 1));
    added.emplace_back(Has(0, cell, cell));
  }
  Try(std::move(added));
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_FALSE(watch.query->was_partial());
  ExpectRight(watch);
  // Only what is remembered of the cell tells the group that it leaves.
  for (const int cell : {100, 101}) {
    Try({SetRank(cell, 60)});
    ASSERT_THAT(Follow(&watch), IsOk());
    EXPECT_EQ(watch.changes, 1u);
    ExpectRight(watch);
  }
  ingest::DeleteRelationship away;
  away.source_id = Pack(0);
  away.relationship_id = "has-102";
  Try({away});
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_TRUE(watch.query->was_partial());
  ExpectRight(watch);
}

TEST_F(StandingQueryTest, RefusesWhatCannotStand) {
  Fill();
  const auto catalog = engine_->OpenReader()->shared_catalog();
  const auto why = [&](const std::string& text) {
    return StandingQuery::Create(text, Options(100), catalog).status();
  };
  const auto refused = [](const std::string& what) {
    return StatusIs(StatusCode::kInvalidArgument, HasSubstr(what));
  };
  EXPECT_THAT(why("SELECT c.$dtId FROM DIGITALTWINS c WHERE $metadata.$lastUpdateTime > NOW()"),
              refused("NOW()"));
  EXPECT_THAT(why("SELECT TOP(3) c.$dtId FROM DIGITALTWINS c"), refused("without ORDER BY"));
  EXPECT_THAT(why("SELECT c.$dtId FROM DIGITALTWINS c ORDER BY c.$dtId LIMIT 3 OFFSET 1"),
              refused("OFFSET"));
  EXPECT_THAT(why("SELECT AVG(h.voltage) FROM DIGITALTWINS MATCH (c:Cell) "
                  "HISTORY h OF c.(voltage) LAST 10m"),
              refused("HISTORY"));
  EXPECT_THAT(why("EXPLAIN SELECT c.$dtId FROM DIGITALTWINS c"), refused("EXPLAIN"));
  EXPECT_THAT(why("SELECT c.$dtId FROM DIGITALTWINS AS OF '2026-01-01T00:00:00Z' MATCH (c:Cell)"),
              refused("AS OF"));
  EXPECT_THAT(why("SELECT c.wrong FROM DIGITALTWINS MATCH (c:Cell)"), refused("wrong"));
  EXPECT_THAT(why("SELECT TOP(3) c.$dtId FROM DIGITALTWINS c ORDER BY c.$dtId"), IsOk());
}

TEST_F(StandingQueryTest, KeepsNoMoreRowsThanItMay) {
  Fill();
  const std::string text = "SELECT c.$dtId FROM DIGITALTWINS MATCH (c:Cell) WHERE c.rank > 27";
  Watch watch = Stand(text, 2);
  Try({SetRank(1, 28)});
  EXPECT_THAT(Follow(&watch),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("watch_query_rows_max")));
}

TEST_F(StandingQueryTest, FollowsTheModels) {
  Fill();
  Watch watch = Stand("SELECT c.$dtId, c.rank FROM DIGITALTWINS MATCH (c:Cell) WHERE c.rank < 3");
  ingest::WriteBatch models;
  models.operations.emplace_back(ingest::CreateModels{{R"({
    "@context":"dtmi:dtdl:context;3","@id":"dtmi:t:NewCell;1","@type":"Interface",
    "extends":"dtmi:t:Cell;1","contents":[]})"}});
  Write(std::move(models));
  ingest::PutTwin put;
  put.id = "cell-new";
  put.model_id = "dtmi:t:NewCell;1";
  put.contents = {{"rank", Value::Int(1)}};
  Try({put});
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_THAT(watch.rows, SizeIs(4));
  Try({SetRank(0, 7)});
  ASSERT_THAT(Follow(&watch), IsOk());
  EXPECT_THAT(watch.rows, SizeIs(3));
}

TEST_F(StandingQueryTest, EqualsTheQueryAfterEveryBatch) {
  Fill();
  std::vector<Watch> watches;
  for (const char* const text : {
           "SELECT * FROM DIGITALTWINS",
           "SELECT c FROM DIGITALTWINS c WHERE IS_OF_MODEL(c, 'dtmi:t:BigCell;1')",
           "SELECT c.$dtId, c.rank, c.voltage FROM DIGITALTWINS MATCH (c:Cell) WHERE c.rank > 12",
           "SELECT p.name, c.rank FROM DIGITALTWINS MATCH (p:Pack)-[r:hasCell]->(c) "
           "WHERE r.position > 2",
           "SELECT p.$dtId AS a, c.$dtId AS b FROM DIGITALTWINS MATCH (p)-[:beside]-(q)-[]->(c)",
           "SELECT a.$dtId, b.$dtId AS other FROM DIGITALTWINS "
           "MATCH (p)-[:hasCell]->(a), (p)-[:hasCell]->(b) WHERE a.rank = b.rank + 1",
           "SELECT p.$dtId, COUNT() AS n, AVG(c.rank) AS mean FROM DIGITALTWINS "
           "MATCH (p)-[:hasCell]->(c) GROUP BY p.$dtId",
           "SELECT p, MAX(c.voltage) AS v FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) GROUP BY p",
           "SELECT p.$dtId, c.rank, MIN(c.voltage) AS v FROM DIGITALTWINS "
           "MATCH (p)-[r:hasCell]->(c) WHERE r.position < 6 GROUP BY p.$dtId, c.rank",
           "SELECT p.$dtId, SUM(c.rank) AS s FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) "
           "WHERE c.rank > 9 GROUP BY p.$dtId HAVING COUNT() > 2",
           "SELECT q.$dtId, COUNT() AS n, MAX(c.rank) AS r FROM DIGITALTWINS "
           "MATCH (p)-[:beside]-(q)-[:hasCell]->(c) GROUP BY q.$dtId",
           "SELECT c.rank, COUNT() AS n FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) GROUP BY "
           "c.rank",
           "SELECT way FROM DIGITALTWINS MATCH way = (p:Pack)-[:hasCell]->(c) WHERE c.rank > 9",
           "SELECT way FROM DIGITALTWINS MATCH way = (p:Pack)-[*1..2]->(c)",
           "SELECT COUNT() AS n FROM DIGITALTWINS c WHERE c.rank < 10",
           "SELECT DISTINCT c.rank FROM DIGITALTWINS MATCH (c:Cell)",
           "SELECT DISTINCT COUNT() AS n FROM DIGITALTWINS MATCH (c:Cell) GROUP BY c.rank",
           "SELECT c.$dtId, LAST_UPDATE(c.rank) AS t FROM DIGITALTWINS MATCH (c:Cell)",
           "SELECT c.$dtId, c.rank FROM DIGITALTWINS MATCH (c:Cell) ORDER BY c.rank DESC LIMIT 5",
           "SELECT p.$dtId, c.$dtId AS cell FROM DIGITALTWINS MATCH (p:Pack) "
           "OPTIONAL MATCH (p)-[:hasCell]->(c)",
           "SELECT p.$dtId, c.$dtId AS cell FROM DIGITALTWINS MATCH (p:Pack)-[*1..3]->(c)",
           "SELECT p.$dtId FROM DIGITALTWINS MATCH (p:Pack) "
           "WHERE NOT EXISTS ((p)-[:hasCell]->(c) WHERE c.rank > 20)",
           "SELECT r FROM RELATIONSHIPS r",
           "SELECT c.$dtId, RANK() OVER (PARTITION BY p ORDER BY c.rank) AS place "
           "FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c)",
           "WITH far AS (SELECT c.rank AS rank FROM DIGITALTWINS MATCH (c:Cell) WHERE c.rank > 5) "
           "SELECT f.rank FROM far f",
       }) {
    watches.push_back(Stand(text));
  }
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
  for (int step = 0; step < 60; ++step) {
    std::vector<ingest::Operation> batch;
    for (int i = below(5); i >= 0; --i) {
      const int cell = below(kCells + 10);
      const int pack = below(kPacks);
      switch (below(10)) {
        case 0:
          batch.emplace_back(PutPack(pack, absl::StrCat("N", below(5))));
          break;
        case 1:
          batch.emplace_back(PutCell(cell, below(30)));
          break;
        case 2: {
          ingest::DeleteTwin gone;
          gone.id = Cell(cell);
          gone.delete_relationships = true;
          batch.emplace_back(gone);
          break;
        }
        case 3:
          batch.emplace_back(Has(pack, cell, below(8)));
          break;
        case 4: {
          ingest::DeleteRelationship gone;
          gone.source_id = Pack(pack);
          gone.relationship_id = absl::StrCat("has-", cell);
          batch.emplace_back(gone);
          break;
        }
        case 5: {
          ingest::PutRelationship put;
          put.source_id = Pack(pack);
          put.relationship_id = absl::StrCat("beside-", below(2));
          put.name = "beside";
          put.target_id = Pack(below(kPacks));
          batch.emplace_back(put);
          break;
        }
        case 6: {
          ingest::PatchTwin move;
          move.id = Cell(cell);
          move.model_id = below(2) == 0 ? "dtmi:t:BigCell;1" : "dtmi:t:Cell;1";
          batch.emplace_back(move);
          break;
        }
        default:
          batch.emplace_back(SetRank(cell, below(30)));
      }
    }
    Try(std::move(batch));
    if (below(2) == 0) Frame({below(kCells), kCells - 1}, below(5));
    if (below(2) == 0) Sample(below(kCells), below(5));
    for (Watch& watch : watches) {
      if (below(3) == 0) continue;  // it sees several at once the next time
      ASSERT_THAT(Follow(&watch), IsOk());
      ExpectRight(watch);
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace twin::api
