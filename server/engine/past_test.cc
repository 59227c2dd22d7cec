// The past through the engine: what AS OF and HISTORY ALL read, after checkpoints, restarts and
// retention, in backups and under snapshots.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/engine/data_dir.h"
#include "server/engine/engine.h"
#include "tests/support/engine_folder.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr absl::string_view kModels = R"([
  {"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:historization;1"],
   "@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string"},
    {"@type":["Property","Historized"],"name":"soh","schema":"double"},
    {"@type":["Property","Historized"],"name":"cap","schema":{"@type":"Object","fields":[
      {"name":"value","schema":"double"}]}},
    {"@type":"Telemetry","name":"power","schema":"double"},
    {"@type":"Relationship","name":"hasModule","properties":[
      {"@type":"Property","name":"position","schema":"integer"}]}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Module;1","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Module;2","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string"}]}])";

constexpr int64_t kDay = 24 * 3600 * kNsPerSecond;
constexpr Time kStart{20'000 * kDay};

Time Day(int64_t day) { return Time{kStart.ns + day * kDay}; }

class PastTest : public ::testing::Test {
 protected:
  PastTest() : clock_(kStart) {
    options_.clock = &clock_;
    Open();
  }

  void Open() {
    engine_.reset();
    engine_ = OpenEngine(options_);
  }

  absl::Status Try(ingest::Operation operation, Time at) {
    if (clock_.Now() < at) clock_.Set(at);
    std::visit(
        [&](auto& one) {
          if constexpr (requires { one.source_time; }) one.source_time = at;
        },
        operation);
    ingest::WriteBatch batch;
    batch.operations.push_back(std::move(operation));
    return engine_->Write(std::move(batch)).status;
  }
  void Do(ingest::Operation operation, Time at) {
    ASSERT_THAT(Try(std::move(operation), at), IsOk());
  }

  void Put(const std::string& id, const std::string& model, ValueMap contents, Time at) {
    ingest::PutTwin put;
    put.id = id;
    put.model_id = model;
    put.contents = std::move(contents);
    Do(put, at);
  }
  void Set(const std::string& id, const std::string& name, Value value, Time at) {
    ingest::PatchTwin patch;
    patch.id = id;
    patch.edits.push_back({ingest::Edit::Kind::kSet, {name}, std::move(value), std::nullopt});
    Do(patch, at);
  }
  void Link(const std::string& target, int position, Time at, const std::string& id) {
    ingest::PutRelationship put;
    put.source_id = "pack";
    put.relationship_id = id;
    put.name = "hasModule";
    put.target_id = target;
    put.contents.emplace_back("position", Value::Int(position));
    Do(put, at);
  }
  void Sample(double value, Time at) {
    if (clock_.Now() < at) clock_.Set(at);
    ingest::TelemetryBatch batch;
    ingest::SampleBatch& samples = batch.samples.emplace_back();
    samples.twin_ids = {"pack"};
    samples.times = absl::MakeConstSpan(&at.ns, 1);
    ingest::SampleColumn& column = samples.columns.emplace_back();
    column.path = "power";
    column.values = {Value::Double(value)};
    ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  }

  // A pack with two modules, of which one is exchanged on day 10.
  void MakeFleet() {
    Do(ingest::CreateModels{{std::string(kModels)}}, Day(0));
    Put("pack", "dtmi:t:Pack;1", {{"name", Value::String("P")}, {"soh", Value::Double(100)}},
        Day(1));
    Put("m1", "dtmi:t:Module;1", {{"name", Value::String("one")}}, Day(1));
    Put("m2", "dtmi:t:Module;1", {{"name", Value::String("two")}}, Day(1));
    Link("m1", 1, Day(2), "r1");
    Link("m2", 2, Day(2), "r2");
    Sample(5, Day(3));
    Sample(6, Day(6));
    Set("pack", "soh", Value::Double(95), Day(5));
    Set("pack", "name", Value::String("Q"), Day(7));
    Do(ingest::DeleteRelationship{"pack", "r2", {}}, Day(10));
    Put("m3", "dtmi:t:Module;1", {{"name", Value::String("three")}}, Day(10));
    Link("m3", 2, Day(10), "r3");
    Do(ingest::DeleteTwin{"m2", {}, false}, Day(12));
  }

  // "id.path=value" of the pack, and what it has: ids with positions.
  std::string At(int64_t day) {
    const auto reader = engine_->OpenReader();
    return At(*reader, day);
  }
  static std::string At(const SnapshotReader& present, int64_t day) {
    const auto past = present.AsOf(Day(day));
    if (!past.ok()) return past.status().ToString();
    const query::GraphReader& reader = **past;
    std::string text = absl::StrCat("twins ", reader.Twins(TableId(0)), "+",
                                    reader.Twins(TableId(1)), "+", reader.Twins(TableId(2)));
    const TwinNumber pack = reader.Find("pack");
    if (pack == kNoTwin) return text;
    std::vector<query::Place> places;
    reader.Places(absl::MakeConstSpan(&pack.value, 1), &places);
    for (const char* name : {"name", "soh", "power"}) {
      const query::Model& model = reader.catalog().model(TableId(places[0].table));
      query::Vector value;
      reader.Read(model.table, model.by_path.at(name), absl::MakeConstSpan(&places[0].row, 1),
                  &value);
      absl::StrAppend(&text, " ", name, "=", value.Get(0).DebugString());
    }
    query::Expansion found;
    reader.Expand(absl::MakeConstSpan(&pack.value, 1), 0, query::GraphReader::Direction::kOutgoing,
                  {}, /*any_type=*/true, SIZE_MAX, &found);
    query::Vector ids;
    reader.ReadField(found.targets, query::Field::kId, &ids);
    for (size_t i = 0; i < found.targets.size(); ++i) {
      query::Vector position;
      reader.ReadRelationship(RelationshipTypeId(0), ColumnId(0),
                              absl::MakeConstSpan(&found.relationships[i], 1), &position);
      absl::StrAppend(&text, " ", ids.strings[i], "@", position.Get(0).DebugString());
    }
    if (reader.unrecorded() > 0) absl::StrAppend(&text, " unrecorded ", reader.unrecorded());
    return text;
  }

  void ExpectThePast() {
    EXPECT_EQ(At(0), "twins 0+0+0");
    EXPECT_EQ(At(1), "twins 1+2+0 name=null soh=100 power=null unrecorded 1");
    EXPECT_EQ(At(4), "twins 1+2+0 name=null soh=100 power=5 m1@1 m2@2 unrecorded 1");
    EXPECT_EQ(At(5), "twins 1+2+0 name=null soh=95 power=5 m1@1 m2@2 unrecorded 1");
    EXPECT_EQ(At(8), "twins 1+2+0 name=\"Q\" soh=95 power=6 m1@1 m2@2");
    EXPECT_EQ(At(10), "twins 1+3+0 name=\"Q\" soh=95 power=6 m1@1 m3@2");
    EXPECT_EQ(At(12), "twins 1+2+0 name=\"Q\" soh=95 power=6 m1@1 m3@2");
  }

  // "id target from to" of every relationship that ever was.
  std::vector<std::string> All() {
    const auto reader = engine_->OpenReader();
    std::vector<uint32_t> numbers;
    EXPECT_THAT(reader->ScanRelationships(0, reader->relationship_numbers(), {}, true,
                                          /*history_all=*/true, &numbers),
                IsOk());
    using query::Field;
    query::Vector ids, targets, from, to;
    reader->ReadRelationshipField(numbers, Field::kId, &ids);
    reader->ReadRelationshipField(numbers, Field::kTargetId, &targets);
    reader->ReadRelationshipField(numbers, Field::kValidFrom, &from);
    reader->ReadRelationshipField(numbers, Field::kValidTo, &to);
    std::vector<std::string> lines;
    for (size_t i = 0; i < numbers.size(); ++i) {
      lines.push_back(absl::StrCat(ids.strings[i], " ", targets.strings[i], " ",
                                   (from.ints[i] - kStart.ns) / kDay, " ",
                                   to.IsNull(i) ? -1 : (to.ints[i] - kStart.ns) / kDay));
    }
    return lines;
  }

  ManualClock clock_;
  const EngineFolder folder_;
  EngineOptions options_ = folder_.options();
  std::unique_ptr<Engine> engine_;
};

TEST_F(PastTest, StandsAsItWas) {
  MakeFleet();
  ExpectThePast();
  EXPECT_THAT(All(), ElementsAre("r1 m1 2 -1", "r2 m2 2 10", "r3 m3 10 -1"));
}

TEST_F(PastTest, IsReplayed) {
  MakeFleet();
  options_.checkpoint_on_stop = false;
  Open();
  ExpectThePast();
}

TEST_F(PastTest, IsPartOfCheckpoints) {
  MakeFleet();
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  Open();
  ExpectThePast();
  EXPECT_THAT(All(), ElementsAre("r1 m1 2 -1", "r2 m2 2 10", "r3 m3 10 -1"));
  // And goes on from there, incrementally.
  Do(ingest::DeleteRelationship{"pack", "r1", {}}, Day(14));
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  Open();
  ExpectThePast();
  EXPECT_EQ(At(14), "twins 1+2+0 name=\"Q\" soh=95 power=6 m3@2");
  engine_.reset();
  std::vector<std::string> report;
  EXPECT_THAT(CheckDataDir(options_.data_dir, &report), IsOk());
  EXPECT_THAT(report,
              ::testing::Contains(HasSubstr("1 twins and 2 relationships that have ended")));
}

// Whether an Object without fields was there.
TEST_F(PastTest, KnowsEmptyObjects) {
  Do(ingest::CreateModels{{std::string(kModels)}}, Day(0));
  Put("pack", "dtmi:t:Pack;1", {{"cap", Value::Map({})}}, Day(1));
  ingest::PatchTwin patch;
  patch.id = "pack";
  patch.edits = {{ingest::Edit::Kind::kRemove, {"cap"}, Value(), std::nullopt}};
  Do(patch, Day(3));
  const auto cap = [&](int64_t day) {
    const auto reader = engine_->OpenReader();
    const auto past = reader->AsOf(Day(day));
    if (!past.ok()) return past.status().ToString();
    const TwinNumber pack = (*past)->Find("pack");
    std::vector<query::Place> places;
    (*past)->Places(absl::MakeConstSpan(&pack.value, 1), &places);
    const query::Model& model = (*past)->catalog().model(TableId(places[0].table));
    EXPECT_EQ(model.columns.back().name(), "cap");
    query::Vector value;
    (*past)->Read(model.table, ColumnId(static_cast<uint32_t>(model.columns.size() - 1)),
                  absl::MakeConstSpan(&places[0].row, 1), &value);
    return value.Get(0).DebugString();
  };
  for (const bool checkpoint : {false, true}) {
    EXPECT_EQ(cap(2), "{}");
    EXPECT_EQ(cap(4), "null");
    options_.checkpoint_on_stop = checkpoint;
    Open();
  }
  EXPECT_EQ(cap(2), "{}");
  EXPECT_EQ(cap(4), "null");
}

TEST_F(PastTest, IsPartOfBackups) {
  MakeFleet();
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  Do(ingest::DeleteRelationship{"pack", "r1", {}}, Day(14));
  ASSERT_THAT(engine_->Backup(folder_.Path("copy")), IsOk());
  options_.data_dir = folder_.Path("copy");
  Open();
  ExpectThePast();
  EXPECT_THAT(All(), ElementsAre("r1 m1 2 14", "r2 m2 2 10", "r3 m3 10 -1"));
}

TEST_F(PastTest, ASnapshotDoesNotSeeWhatEndsLater) {
  MakeFleet();
  const auto before = engine_->OpenReader();
  Do(ingest::DeleteRelationship{"pack", "r1", {}}, Day(13));
  Do(ingest::DeleteTwin{"m1", {}, true}, Day(13));
  EXPECT_EQ(At(*before, 20), "twins 1+2+0 name=\"Q\" soh=95 power=6 m1@1 m3@2");
  EXPECT_EQ(At(20), "twins 1+1+0 name=\"Q\" soh=95 power=6 m3@2");
  EXPECT_EQ(At(12), "twins 1+2+0 name=\"Q\" soh=95 power=6 m1@1 m3@2");
}

// Of m1 in the pack.
ingest::PatchRelationship ToPosition7() {
  ingest::PatchRelationship patch;
  patch.source_id = "pack";
  patch.relationship_id = "r1";
  patch.edits.push_back({ingest::Edit::Kind::kSet, {"position"}, Value::Int(7), std::nullopt});
  return patch;
}

TEST_F(PastTest, PropertiesOfRelationshipsChange) {
  MakeFleet();
  const ingest::PatchRelationship patch = ToPosition7();
  Do(patch, Day(15));
  EXPECT_THAT(At(14), HasSubstr("m1@1"));
  EXPECT_THAT(At(15), HasSubstr("m1@7"));
  EXPECT_THAT(Try(patch, Day(14)),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("before that of its last")));
  Do(ingest::DeleteRelationship{"pack", "r1", {}}, Day(16));
  EXPECT_THAT(At(14), HasSubstr("m1@1"));
  EXPECT_THAT(At(15), HasSubstr("m1@7"));
  EXPECT_THAT(Try(ingest::DeleteRelationship{"pack", "r3", {}}, Day(9)),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("before that of its last")));
}

// One that is shown is that of the state that is shown.
TEST_F(PastTest, EtagsAreKnownWhereNothingChangedSince) {
  MakeFleet();
  const ingest::PatchRelationship patch = ToPosition7();
  Do(patch, Day(15));
  const auto reader = engine_->OpenReader();
  const TwinNumber pack = reader->Find("pack");
  query::Expansion found;
  reader->Expand(absl::MakeConstSpan(&pack.value, 1), 0, query::GraphReader::Direction::kOutgoing,
                 {}, /*any_type=*/true, 1, &found);
  // Of the pack and of r1.
  const auto etags = [&](const query::GraphReader& at) {
    query::Vector twin, relationship;
    at.ReadField(absl::MakeConstSpan(&pack.value, 1), query::Field::kEtag, &twin);
    at.ReadRelationshipField(found.relationships, query::Field::kEtag, &relationship);
    return absl::StrCat(twin.Get(0).DebugString(), " ", relationship.Get(0).DebugString());
  };
  const auto etags_at = [&](int64_t day) { return etags(**reader->AsOf(Day(day))); };
  const std::vector<std::string> now = absl::StrSplit(etags(*reader), ' ');
  EXPECT_NE(now[0], now[1]);
  EXPECT_EQ(etags_at(6), "null null");  // the name was set on day 7
  EXPECT_EQ(etags_at(7), absl::StrCat(now[0], " null"));
  EXPECT_EQ(etags_at(14), absl::StrCat(now[0], " null"));
  EXPECT_EQ(etags_at(15), absl::StrCat(now[0], " ", now[1]));
  // A source time ahead of the clock.
  clock_.Set(Day(20));
  const Time ahead{Day(20).ns + 60 * kNsPerSecond};
  ingest::PatchTwin later;
  later.id = "pack";
  later.source_time = ahead;
  later.edits.push_back({ingest::Edit::Kind::kSet, {"soh"}, Value::Double(90), std::nullopt});
  ingest::WriteBatch batch;
  batch.operations.emplace_back(later);
  ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  const auto after = engine_->OpenReader();
  EXPECT_EQ(etags(**after->AsOf(Time{ahead.ns - 1})), absl::StrCat("null ", now[1]));
  EXPECT_EQ(etags(**after->AsOf(ahead)), etags(*after));
}

TEST_F(PastTest, AnIdThatIsCreatedAgainHasAPastOfItsOwn) {
  MakeFleet();
  Put("m2", "dtmi:t:Module;1", {{"name", Value::String("again")}}, Day(20));
  Link("m2", 3, Day(20), "r2");
  EXPECT_THAT(At(8), HasSubstr("m1@1 m2@2"));
  EXPECT_EQ(At(15), "twins 1+2+0 name=\"Q\" soh=95 power=6 m1@1 m3@2");
  EXPECT_EQ(At(20), "twins 1+3+0 name=\"Q\" soh=95 power=6 m1@1 m3@2 m2@3");
  const auto reader = engine_->OpenReader();
  EXPECT_FALSE((*reader->AsOf(Day(8)))->Find("m2") == reader->Find("m2"));
}

TEST_F(PastTest, AMoveToAnotherModelKeepsTheFormerOne) {
  MakeFleet();
  ingest::PatchTwin patch;
  patch.id = "m1";
  patch.model_id = "dtmi:t:Module;2";
  Do(patch, Day(20));
  EXPECT_EQ(At(19), "twins 1+2+0 name=\"Q\" soh=95 power=6 m1@1 m3@2");
  EXPECT_EQ(At(20), "twins 1+1+1 name=\"Q\" soh=95 power=6 m1@1 m3@2");
}

TEST_F(PastTest, RetentionDropsWhatEndedLongAgo) {
  MakeFleet();
  options_.history_retention_seconds = 5 * 24 * 3600;
  clock_.Set(Day(16));
  Open();
  EXPECT_THAT(At(4), HasSubstr("m2@2"));  // nothing was dropped yet
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_THAT(At(10), HasSubstr("history is kept since"));
  EXPECT_EQ(At(11), "twins 1+3+0 name=\"Q\" soh=95 power=6 m1@1 m3@2");
  EXPECT_THAT(All(), ElementsAre("r1 m1 2 -1", "r3 m3 10 -1"));
  options_.history_retention_seconds = 0;
  Open();
  EXPECT_THAT(At(10), HasSubstr("history is kept since"));
  // The id of m2 is needed until day 12 is dropped, too.
  EXPECT_EQ(*engine_->Compact(), 0);
  options_.history_retention_seconds = 5 * 24 * 3600;
  clock_.Set(Day(20));
  Open();
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_EQ(*engine_->Compact(), 1);
}

// What never was is no loss.
TEST_F(PastTest, OnlyWhatMayHaveBeenDroppedIsUnrecorded) {
  MakeFleet();
  options_.history_retention_seconds = 365 * 24 * 3600;
  clock_.Set(Day(16));
  Open();
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_EQ(At(2), "twins 1+2+0 name=null soh=100 power=null m1@1 m2@2 unrecorded 1");  // the name
  options_.history_retention_seconds = 11 * 24 * 3600;
  options_.history_rollup_retention_seconds = 11 * 24 * 3600;
  options_.history_retention_grace_seconds = 0;
  Open();
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_EQ(At(5), "twins 1+2+0 name=null soh=95 power=null m1@1 m2@2 unrecorded 2");
}

TEST_F(PastTest, ThePastHasALimit) {
  options_.limits.past_entries_max = 2;
  Open();
  MakeFleet();
  EXPECT_THAT(Try(ingest::DeleteRelationship{"pack", "r3", {}}, Day(13)),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("past_entries_max")));
  EXPECT_THAT(Try(ingest::DeleteTwin{"m3", {}, true}, Day(13)),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("past_entries_max")));
}

TEST_F(PastTest, SamplesOfATwinThatHasEnded) {
  MakeFleet();
  Do(ingest::DeleteTwin{"pack", {}, true}, Day(20));
  EXPECT_EQ(At(8), "twins 1+2+0 name=\"Q\" soh=95 power=6 m1@1 m2@2");
  EXPECT_EQ(At(5), "twins 1+2+0 name=null soh=95 power=5 m1@1 m2@2 unrecorded 1");
  const auto reader = engine_->OpenReader();
  const auto past = *reader->AsOf(Day(19));
  query::SeriesRequest request;
  request.columns = {{past->Find("pack"), "soh"}, {past->Find("pack"), "power"}};
  request.from = Day(0).ns;
  request.to = Day(19).ns;
  const auto series = engine_->OpenSeries(*reader);
  EXPECT_THAT(series->Read(absl::MakeConstSpan(&request, 1),
                           [&](size_t, const query::SeriesRows& rows) {
                             EXPECT_THAT(rows.times,
                                         ElementsAre(Day(1).ns, Day(3).ns, Day(5).ns, Day(6).ns));
                             return absl::OkStatus();
                           }),
              IsOk());
}

TEST_F(PastTest, ADamagedBlockIsAnErrorAndNoNull) {
  MakeFleet();
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  engine_.reset();
  FileSystem* const files = PosixFileSystem();
  const std::string folder = JoinPath(options_.data_dir, "history");
  const auto names = files->List(folder);
  ASSERT_THAT(names, IsOk());
  ASSERT_FALSE(names->empty());
  for (const std::string& name : *names) {
    auto bytes = files->ReadWhole(JoinPath(folder, name));
    ASSERT_THAT(bytes, IsOk());
    (*bytes)[60] = static_cast<char>((*bytes)[60] ^ 4);
    ASSERT_THAT(files->WriteWhole(JoinPath(folder, name), *bytes), IsOk());
  }
  Open();
  const auto present = engine_->OpenReader();
  const auto past = present->AsOf(Day(4));
  ASSERT_THAT(past, IsOk());
  EXPECT_THAT((*past)->read_error(), IsOk());
  std::vector<query::Place> places;
  const TwinNumber pack = (*past)->Find("pack");
  (*past)->Places(absl::MakeConstSpan(&pack.value, 1), &places);
  query::Vector power;
  (*past)->Read(TableId(places[0].table), (*past)->catalog().model(TableId(0)).by_path.at("power"),
                absl::MakeConstSpan(&places[0].row, 1), &power);
  EXPECT_THAT((*past)->read_error(), StatusIs(StatusCode::kDataLoss, HasSubstr("damaged")));
}

// What has ended cannot have begun again before that: AS OF would show two at once.
TEST_F(PastTest, WhatIsCreatedAgainBeginsAfterItsFormerLife) {
  MakeFleet();
  options_.checkpoint_on_stop = false;
  ingest::PutTwin twin;
  twin.id = "m2";  // until day 12
  twin.model_id = "dtmi:t:Module;1";
  EXPECT_THAT(Try(twin, Day(11)),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("is before that")));
  ingest::PutRelationship put;
  put.source_id = "pack";
  put.relationship_id = "r2";  // until day 10
  put.name = "hasModule";
  put.target_id = "m1";
  EXPECT_THAT(Try(put, Day(9)),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("is before that")));
  // Another one's past is none of its matter.
  put.relationship_id = "r4";
  EXPECT_THAT(Try(put, Day(9)), IsOk());
  EXPECT_THAT(Try(ingest::DeleteRelationship{"pack", "r4", {}}, Day(12)), IsOk());
  EXPECT_THAT(Try(put, Day(11)), StatusIs(StatusCode::kFailedPrecondition, ::testing::_));
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  Open();
  EXPECT_THAT(Try(put, Day(11)), StatusIs(StatusCode::kFailedPrecondition, ::testing::_));
  EXPECT_THAT(Try(put, Day(12)), IsOk());
  EXPECT_THAT(Try(twin, Day(11)), StatusIs(StatusCode::kFailedPrecondition, ::testing::_));
  EXPECT_THAT(Try(twin, Day(12)), IsOk());
  // The last life counts, also where an earlier one has its place behind it.
  EXPECT_THAT(Try(ingest::DeleteTwin{"m2", {}, false}, Day(15)), IsOk());
  Open();
  EXPECT_THAT(Try(twin, Day(14)), StatusIs(StatusCode::kFailedPrecondition, ::testing::_));
  EXPECT_THAT(Try(twin, Day(15)), IsOk());
}

// The same before anything is durable: each operation sees those before it.
TEST_F(PastTest, AFormerLifeCountsWithinABatch) {
  MakeFleet();
  clock_.Set(Day(20));
  const auto at = [&](auto operation, int64_t day) {
    operation.source_time = Day(day);
    return ingest::Operation(std::move(operation));
  };
  ingest::PutTwin twin;
  twin.id = "m3";
  twin.model_id = "dtmi:t:Module;1";
  ingest::PutRelationship put;
  put.source_id = "pack";
  put.relationship_id = "r1";
  put.name = "hasModule";
  put.target_id = "m3";
  ingest::WriteBatch batch;
  batch.atomic = false;
  batch.operations = {
      at(ingest::DeleteTwin{"m3", {}, true}, 18),           at(twin, 17), at(twin, 18),
      at(ingest::DeleteRelationship{"pack", "r1", {}}, 18), at(put, 17),  at(put, 18)};
  const ingest::WriteResult result = engine_->Write(std::move(batch));
  ASSERT_THAT(result.status, IsOk());
  std::vector<bool> taken;
  for (const ingest::OperationResult& each : result.results) taken.push_back(each.status.ok());
  EXPECT_THAT(taken, ElementsAre(true, false, true, true, false, true));
}

TEST_F(PastTest, SourceTimesAreChecked) {
  MakeFleet();
  EXPECT_THAT(Try(ingest::DeleteTwin{"m3", {}, true}, Day(9)),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("is before that")));
  ingest::WriteBatch batch;
  ingest::DeleteTwin request{"m3", {}, true, Time{clock_.Now().ns + kDay}};
  batch.operations.emplace_back(request);
  EXPECT_THAT(engine_->Write(std::move(batch)).status,
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("clock_skew_ms_max")));
}

}  // namespace
}  // namespace twin::engine
