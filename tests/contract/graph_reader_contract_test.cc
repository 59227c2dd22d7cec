// GraphReader's contract, on every implementation: the reference of plain maps, and the engine's
// along arrays of relationships and along lists.
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "tests/contract/asking.h"
#include "tests/contract/boxes.h"
#include "tests/contract/subject.h"
#include "tests/support/import_file.h"
#include "tests/support/status_matchers.h"

namespace twin::testing {
namespace {

using query::Field;
using query::GraphReader;
using query::Vector;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Direction = GraphReader::Direction;

constexpr Time kNow = kContractNow;

struct Implementation {
  std::string name;
  std::unique_ptr<Subject> (*make)();

  // In the names of tests.
  friend void PrintTo(const Implementation& self, std::ostream* out) { *out << self.name; }
};

class GraphReaderContract : public ::testing::TestWithParam<Implementation> {
 protected:
  GraphReaderContract() : subject_(GetParam().make()) { subject_->Apply(BoxModels()); }
  void Apply(const ingest::Operation& operation) { subject_->Apply(operation); }

  std::unique_ptr<Subject> subject_;
};

TEST_P(GraphReaderContract, AnEmptyGraph) {
  const auto reader = subject_->Read();
  const Asking ask(*reader);
  EXPECT_THAT(ask.Scan("dtmi:t:Box;1", 10), IsEmpty());
  EXPECT_EQ(reader->Find("a"), kNoTwin);
  EXPECT_EQ(reader->Twins(ask.Table("dtmi:t:Box;1")), 0);
  EXPECT_EQ(reader->relationship_numbers(), 0);
  std::vector<uint32_t> found;
  EXPECT_THAT(reader->ScanRelationships(0, 10, {}, true, false, &found), IsOk());
  EXPECT_THAT(found, IsEmpty());
}

TEST_P(GraphReaderContract, TheCatalogHasColumnsAndTypes) {
  const auto reader = subject_->Read();
  const Asking ask(*reader);
  const query::Model& box = reader->catalog().model(ask.Table("dtmi:t:Box;1"));
  std::vector<std::string> columns;
  for (const query::Column& column : box.columns) {
    if (column.is_object) continue;
    columns.push_back(absl::StrCat(column.path, " ", query::TypeName(column.type),
                                   column.telemetry ? " telemetry" : "",
                                   column.indexed ? " indexed" : ""));
    EXPECT_EQ(box.Find(column.path), &column);
  }
  EXPECT_THAT(
      columns,
      UnorderedElementsAre(
          HasSubstr("serial string indexed"), HasSubstr("on bool"), HasSubstr("count int"),
          HasSubstr("total int"), HasSubstr("ratio double"), HasSubstr("volt double"),
          HasSubstr("made time"), HasSubstr("tags "), HasSubstr("soh.value double"),
          HasSubstr("soh.method string"), HasSubstr("heat double telemetry"),
          HasSubstr("bms.firmware string"), HasSubstr("wear double"), HasSubstr("place string")));
  EXPECT_THAT(box.components, ElementsAre("bms"));
  EXPECT_EQ(ask.Types("has").size(), 2);
  EXPECT_EQ(ask.Types("near").size(), 1);
  const query::RelationshipType& near = reader->catalog().relationship_type(ask.Types("near")[0]);
  EXPECT_EQ(near.owner, "dtmi:t:Box;1");
  EXPECT_THAT(reader->catalog().TablesOfModel("dtmi:t:Box;1", false),
              ElementsAre(ask.Table("dtmi:t:Box;1")));
}

TEST_P(GraphReaderContract, ValuesOfEveryType) {
  Apply(Box("a", R"({"serial":"S-1","on":true,"count":-3,"total":5000000000,"ratio":0.5,
    "volt":3.25,"made":"2026-02-01T00:00:00Z","tags":["x","y"],
    "soh":{"value":97.5,"method":"fit"},"bms":{"firmware":"1.2"}})"));
  Apply(Box("b"));
  Apply(Box("c", R"({"on":false,"volt":4,"tags":[],"serial":"S-1"})"));
  const auto reader = subject_->Read();
  const Asking ask(*reader);
  const std::vector<std::string> ids = {"c", "a", "b", "a"};
  EXPECT_THAT(ask.Values(ids, "serial"), ElementsAre(R"("S-1")", R"("S-1")", "null", R"("S-1")"));
  EXPECT_THAT(ask.Values(ids, "on"), ElementsAre("false", "true", "null", "true"));
  EXPECT_THAT(ask.Values(ids, "count"), ElementsAre("null", "-3", "null", "-3"));
  EXPECT_THAT(ask.Values({"a"}, "total"), ElementsAre("5000000000"));
  EXPECT_THAT(ask.Values({"a"}, "ratio"), ElementsAre("0.5"));
  EXPECT_THAT(ask.Values(ids, "volt"), ElementsAre("4.0", "3.25", "null", "3.25"));
  EXPECT_THAT(ask.Values({"a"}, "made"), ElementsAre(R"("2026-02-01T00:00:00Z")"));
  EXPECT_THAT(ask.Values({"a", "b", "c"}, "tags"), ElementsAre(R"(["x","y"])", "null", "[]"));
  EXPECT_THAT(ask.Values({"a"}, "soh.value"), ElementsAre("97.5"));
  EXPECT_THAT(ask.Values({"a"}, "bms.firmware"), ElementsAre(R"("1.2")"));
  EXPECT_THAT(ask.Values({"a"}, "heat"), ElementsAre("null"));

  const TableId table = ask.Table("dtmi:t:Box;1");
  const ColumnId serial = reader->catalog().model(table).by_path.at("serial");
  EXPECT_THAT(reader->FindEqual(table, serial, "S-1"),
              UnorderedElementsAre(reader->Find("a"), reader->Find("c")));
  EXPECT_THAT(reader->FindEqual(table, serial, "S-2"), IsEmpty());
}

TEST_P(GraphReaderContract, FieldsAndTimes) {
  ingest::PutTwin put = Box("a", R"({"volt":3.25,"soh":{"value":90}})");
  put.source_time = Time{kNow.ns - 60 * kNsPerSecond};
  Apply(put);
  const auto reader = subject_->Read();
  const Asking ask(*reader);
  const uint32_t a = reader->Find("a").value;
  EXPECT_EQ(ask.IdOf(a), "a");
  EXPECT_EQ(ask.FieldOf(a, Field::kEtag).as_string(), "W/\"2\"");
  EXPECT_EQ(ask.FieldOf(a, Field::kModel).as_string(), "dtmi:t:Box;1");
  EXPECT_EQ(ask.FieldOf(a, Field::kLastUpdateTime).as_time(), kNow);
  EXPECT_TRUE(ask.FieldOf(a, Field::kSourceId).is_null());
  EXPECT_EQ(ValueToJson(ask.FieldOf(a, Field::kMetadata)),
            R"({"$model":"dtmi:t:Box;1","$lastUpdateTime":"2026-03-01T09:00:00Z",)"
            R"("soh.value":{"lastUpdateTime":"2026-03-01T09:00:00Z",)"
            R"("sourceTime":"2026-03-01T08:59:00Z"},)"
            R"("volt":{"lastUpdateTime":"2026-03-01T09:00:00Z",)"
            R"("sourceTime":"2026-03-01T08:59:00Z"}})");
  const TableId table = ask.Table("dtmi:t:Box;1");
  const query::Model& model = reader->catalog().model(table);
  std::vector<query::Place> places;
  reader->Places({a}, &places);
  Vector times;
  reader->ReadUpdateTimes(table, model.by_path.at("volt"), {places[0].row}, false, &times);
  EXPECT_THAT(Asking::Texts(times), ElementsAre(R"("2026-03-01T08:59:00Z")"));
  reader->ReadUpdateTimes(table, model.by_path.at("volt"), {places[0].row}, true, &times);
  EXPECT_THAT(Asking::Texts(times), ElementsAre(R"("2026-03-01T09:00:00Z")"));
  reader->ReadUpdateTimes(table, model.by_path.at("on"), {places[0].row}, true, &times);
  EXPECT_THAT(Asking::Texts(times), ElementsAre("null"));
}

TEST_P(GraphReaderContract, RunsOfRowsNameNeighbours) {
  for (const char* id : {"a", "b"}) Apply(Box(id));
  for (int i = 0; i < 300; ++i) Apply(Dot(absl::StrCat("d", i)));
  for (int i = 0; i < 200; ++i) Apply(Link("a", "has", absl::StrCat("d", i), absl::StrCat(i)));
  Apply(Link("b", "has", "d250", "1"));
  Apply(Link("b", "has", "d7", "2"));
  const auto before = subject_->Read();
  const Asking ask(*before);
  const std::vector<RelationshipTypeId> types = ask.Types("has");
  const std::vector<query::Hop> hops = {{Direction::kOutgoing, types, false}};
  const TableId boxes = ask.Table("dtmi:t:Box;1");
  const auto on = [] { return absl::OkStatus(); };
  EXPECT_EQ(before->RunsOf(boxes, hops, [] { return absl::CancelledError("that is enough"); }),
            nullptr);
  const auto runs = before->RunsOf(boxes, hops, on);
  EXPECT_EQ(runs != nullptr, GetParam().name == "EngineWithArrays");
  if (runs == nullptr) return;
  std::vector<query::Place> places;
  before->Places(ask.Twins({"a", "b"}), &places);
  ASSERT_EQ(runs->From(places[0].row).size(), 1);
  EXPECT_EQ(runs->From(places[0].row)[0].count, 200);
  EXPECT_EQ(runs->From(places[1].row).size(), 2);
  EXPECT_THAT(runs->From(1000), IsEmpty());

  // One that goes leaves a hole, in new states alone; its row may become another twin's.
  ingest::DeleteTwin request;
  request.id = "d7";
  request.delete_relationships = true;
  Apply(request);
  Apply(Dot("e"));
  Apply(Link("b", "has", "e", "3"));
  const auto after = subject_->Read();
  const auto runs_after = after->RunsOf(boxes, hops, on);
  ASSERT_NE(runs_after, nullptr);
  EXPECT_EQ(runs_after->From(places[0].row).size(), 2);
  Asking(*after).Dump();
  EXPECT_EQ(before->RunsOf(boxes, hops, on)->From(places[0].row).size(), 1);
  ask.Dump();
}

TEST_P(GraphReaderContract, RunsThatAreNotWorthItAreNotTriedAtEachChange) {
  if (GetParam().name != "EngineWithArrays") GTEST_SKIP() << "has no runs";
  Apply(Box("a"));
  for (int i = 0; i < 2200; ++i) Apply(Dot(absl::StrCat("d", i)));
  for (int i = 0; i < 2200; i += 2) Apply(Link("a", "has", absl::StrCat("d", i), absl::StrCat(i)));
  int chunks = 0;
  int tries = 0;
  constexpr int kAsks = 40;
  for (int i = 0; i < kAsks; ++i) {
    Apply(Link("a", "has", "d1", absl::StrCat("more", i)));
    const auto reader = subject_->Read();
    const Asking ask(*reader);
    const std::vector<RelationshipTypeId> types = ask.Types("has");
    const std::vector<query::Hop> hops = {{Direction::kOutgoing, types, false}};
    const int before = chunks;
    EXPECT_EQ(reader->RunsOf(ask.Table("dtmi:t:Box;1"), hops,
                             [&chunks] {
                               chunks += 1;
                               return absl::OkStatus();
                             }),
              nullptr);
    if (chunks > before) tries += 1;
  }
  EXPECT_GE(tries, 2);
  EXPECT_LE(tries, 6);
}

TEST_P(GraphReaderContract, ExpandsInTheOrderOfCreation) {
  for (const char* id : {"a", "b", "c"}) Apply(Box(id));
  Apply(Dot("d"));
  Apply(Link("a", "near", "b", "r1"));
  Apply(Link("b", "near", "a", "r2"));
  Apply(Link("a", "has", "c", "r3"));
  Apply(Link("a", "near", "a", "r4"));  // to itself
  Apply(Link("d", "has", "a", "r5"));
  Apply(Link("a", "near", "b", "r6"));  // a second time
  Apply(Link("a", "has", "d", "r7"));
  Apply(ingest::DeleteRelationship{"a", "r1", {}});
  const auto reader = subject_->Read();
  const Asking ask(*reader);
  const auto near = ask.Types("near");
  const auto has = ask.Types("has");
  EXPECT_THAT(ask.Expand({"a"}, Direction::kOutgoing, {}, true),
              ElementsAre("a r3 c", "a r4 a", "a r6 b", "a r7 d"));
  EXPECT_THAT(ask.Expand({"a"}, Direction::kIncoming, {}, true),
              ElementsAre("a r2 b", "a r4 a", "a r5 d"));
  EXPECT_THAT(ask.Expand({"a"}, Direction::kEither, {}, true),
              ElementsAre("a r3 c", "a r4 a", "a r6 b", "a r7 d", "a r2 b", "a r5 d"));
  EXPECT_THAT(ask.Expand({"a"}, Direction::kOutgoing, near), ElementsAre("a r4 a", "a r6 b"));
  EXPECT_THAT(ask.Expand({"a"}, Direction::kEither, near),
              ElementsAre("a r4 a", "a r6 b", "a r2 b"));
  EXPECT_THAT(ask.Expand({"d", "a"}, Direction::kOutgoing, has),
              ElementsAre("d r5 a", "a r3 c", "a r7 d"));
  EXPECT_THAT(ask.Expand({"d", "a", "d"}, Direction::kIncoming, has),
              ElementsAre("d r7 a", "a r5 d", "d r7 a"));
  EXPECT_THAT(ask.Expand({"a"}, Direction::kOutgoing, {}), IsEmpty());
  // Types in any number, mixed: still in the order of creation.
  std::vector<RelationshipTypeId> both = has;
  both.insert(both.end(), near.begin(), near.end());
  std::sort(both.begin(), both.end());
  EXPECT_THAT(ask.Expand({"a"}, Direction::kOutgoing, both),
              ElementsAre("a r3 c", "a r4 a", "a r6 b", "a r7 d"));

  const uint64_t near_count = reader->Relationships(near[0]);
  EXPECT_EQ(near_count, 3);
}

TEST_P(GraphReaderContract, ExpandGoesOnWhereItStopped) {
  Apply(Box("hub"));
  std::vector<std::string> ids = {"hub"};
  for (int i = 0; i < 30; ++i) {
    ids.push_back(absl::StrCat("b", i));
    Apply(Box(ids.back()));
  }
  for (int i = 0; i < 30; ++i) {
    Apply(Link("hub", "near", absl::StrCat("b", i), absl::StrCat("h", i)));
    if (i % 4 != 0) Apply(Link(absl::StrCat("b", i), "near", "hub", absl::StrCat("i", i)));
    if (i % 5 == 0) Apply(Link(absl::StrCat("b", i), "has", "b3", absl::StrCat("j", i)));
  }
  const auto reader = subject_->Read();
  const Asking ask(*reader);
  std::vector<std::string> backwards(ids.rbegin(), ids.rend());
  for (const Direction direction :
       {Direction::kOutgoing, Direction::kIncoming, Direction::kEither}) {
    const auto all = ask.Expand(backwards, direction, {}, true);
    const auto near = ask.Expand(backwards, direction, ask.Types("near"));
    EXPECT_GT(all.size(), near.size());
    for (const size_t max : {size_t{1}, size_t{2}, size_t{7}, size_t{31}, size_t{1000}}) {
      EXPECT_EQ(ask.Expand(backwards, direction, {}, true, max), all) << max;
      EXPECT_EQ(ask.Expand(backwards, direction, ask.Types("near"), false, max), near) << max;
    }
  }
  query::Expansion out;
  const std::vector<uint32_t> twins = ask.Twins({"b1", "hub", "b2"});
  EXPECT_EQ(reader->Expand(twins, 0, Direction::kOutgoing, {}, true, 5, &out), 2);
  EXPECT_EQ(out.sources.size(), 31);  // all of the hub's, however small max is
  EXPECT_EQ(reader->Expand(twins, 2, Direction::kOutgoing, {}, true, 5, &out), 3);
  EXPECT_THAT(out.sources, ElementsAre(2));
  EXPECT_EQ(reader->Expand(twins, 3, Direction::kOutgoing, {}, true, 5, &out), 3);
  EXPECT_THAT(out.sources, IsEmpty());
}

TEST_P(GraphReaderContract, Relationships) {
  Apply(Box("a"));
  Apply(Box("b"));
  Apply(Dot("d"));
  Apply(
      Link("a", "has", "b", "r1", {{"position", Value::Int(4)}, {"label", Value::String("left")}}));
  Apply(Link("a", "near", "b", "r2"));
  Apply(Link("d", "has", "a", "r3"));
  Apply(Link("a", "has", "d", "r4"));
  Apply(ingest::DeleteRelationship{"a", "r2", {}});
  const auto reader = subject_->Read();
  const Asking ask(*reader);
  std::vector<uint32_t> all;
  for (uint32_t first = 0; first < reader->relationship_numbers(); first += 2) {
    EXPECT_THAT(reader->ScanRelationships(first, 2, {}, true, false, &all), IsOk());
  }
  std::vector<std::string> ids;
  for (const uint32_t each : all) {
    ids.push_back(ask.RelationshipField(each, Field::kId).as_string());
  }
  EXPECT_THAT(ids, ElementsAre("r1", "r3", "r4"));
  EXPECT_EQ(ask.RelationshipField(all[0], Field::kSourceId).as_string(), "a");
  EXPECT_EQ(ask.RelationshipField(all[0], Field::kTargetId).as_string(), "b");
  EXPECT_EQ(ask.RelationshipField(all[0], Field::kName).as_string(), "has");
  EXPECT_EQ(ask.RelationshipField(all[0], Field::kEtag).as_string(), "W/\"5\"");
  EXPECT_TRUE(ask.RelationshipField(all[0], Field::kModel).is_null());
  std::vector<uint32_t> types = {7, 7, 7, 7};  // which go
  reader->RelationshipTypes(all, &types);
  ASSERT_EQ(types.size(), 3);
  EXPECT_EQ(types[0], types[2]);
  EXPECT_NE(types[0], types[1]);
  const RelationshipTypeId type(types[0]);
  EXPECT_EQ(reader->catalog().relationship_type(type).owner, "dtmi:t:Box;1");
  std::vector<uint32_t> found;
  EXPECT_THAT(reader->ScanRelationships(0, 100, {type}, false, false, &found), IsOk());
  EXPECT_THAT(found, ElementsAre(all[0], all[2]));
  const query::RelationshipType& schema = reader->catalog().relationship_type(type);
  Vector values;
  reader->ReadRelationship(type, schema.by_path.at("position"), found, &values);
  EXPECT_THAT(Asking::Texts(values), ElementsAre("4", "null"));
  reader->ReadRelationship(type, schema.by_path.at("label"), found, &values);
  EXPECT_THAT(Asking::Texts(values), ElementsAre(R"("left")", "null"));
}

TEST_P(GraphReaderContract, AReaderStaysAsItWas) {
  Apply(Box("a", R"({"volt":1,"serial":"old"})"));
  Apply(Box("b"));
  Apply(Link("a", "near", "b", "r1"));
  const auto before = subject_->Read();
  const std::string dump = Asking(*before).Dump();
  Apply(Box("a", R"({"volt":2,"serial":"new"})"));
  Apply(Link("a", "near", "a", "r2"));
  Apply(ingest::DeleteRelationship{"a", "r1", {}});
  Apply(ingest::DeleteTwin{"b", {}, false});
  EXPECT_EQ(Asking(*before).Dump(), dump);
  const auto after = subject_->Read();
  EXPECT_EQ(after->Find("b"), kNoTwin);
  EXPECT_THAT(Asking(*after).Expand({"a"}, Direction::kEither, {}, true), ElementsAre("a r2 a"));
  EXPECT_THAT(Asking(*after).Values({"a"}, "volt"), ElementsAre("2.0"));
  EXPECT_NE(Asking(*after).Dump(), dump);
}

TEST_P(GraphReaderContract, RelationshipsThatHaveEnded) {
  Apply(Box("a"));
  Apply(Box("b"));
  Apply(Link("a", "has", "b", "r1", {{"position", Value::Int(1)}}));
  Apply(Link("a", "has", "b", "r2"));
  Apply(ingest::DeleteRelationship{"a", "r1", {}, Time{kNow.ns + 5}});
  Apply(ingest::DeleteTwin{"b", {}, true, Time{kNow.ns + 7}});
  const auto reader = subject_->Read();
  std::vector<uint32_t> now;
  EXPECT_THAT(reader->ScanRelationships(0, 10, {}, true, false, &now), IsOk());
  EXPECT_THAT(now, IsEmpty());
  std::vector<uint32_t> all;
  EXPECT_THAT(reader->ScanRelationships(0, 10, {}, true, /*history_all=*/true, &all), IsOk());
  ASSERT_EQ(all.size(), 2);
  const Asking ask(*reader);
  EXPECT_EQ(ask.RelationshipField(all[0], Field::kId).as_string(), "r1");
  EXPECT_EQ(ask.RelationshipField(all[0], Field::kTargetId).as_string(), "b");
  EXPECT_EQ(ask.RelationshipField(all[0], Field::kName).as_string(), "has");
  EXPECT_EQ(ask.RelationshipField(all[0], Field::kValidFrom).as_time(), kNow);
  EXPECT_EQ(ask.RelationshipField(all[0], Field::kValidTo).as_time(), Time{kNow.ns + 5});
  EXPECT_EQ(ask.RelationshipField(all[1], Field::kValidTo).as_time(), Time{kNow.ns + 7});
  std::vector<uint32_t> types;
  reader->RelationshipTypes(all, &types);
  ASSERT_EQ(types.size(), 2);
  const RelationshipTypeId type(types[0]);
  Vector values;
  reader->ReadRelationship(type, reader->catalog().relationship_type(type).by_path.at("position"),
                           all, &values);
  EXPECT_THAT(Asking::Texts(values), ElementsAre("1", "null"));
  const auto again = subject_->Read();  // which nobody asked for them
  again->RelationshipTypes(all, &types);
  again->ReadRelationship(type, again->catalog().relationship_type(type).by_path.at("position"),
                          all, &values);
  EXPECT_THAT(Asking::Texts(values), ElementsAre("1", "null"));
  std::vector<uint32_t> some;
  EXPECT_THAT(reader->ScanRelationships(0, 1, {type}, false, true, &some), IsOk());
  EXPECT_THAT(some, ElementsAre(all[0]));
}

// Random changes, after which both show the same.
TEST_P(GraphReaderContract, ShowsWhatTheReferenceShows) {
  const std::unique_ptr<Subject> reference = NewReference();
  reference->Apply(BoxModels());
  std::mt19937 random(11);
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  const auto apply = [&](const ingest::Operation& operation) {
    Apply(operation);
    reference->Apply(operation);
  };
  std::map<std::string, bool> twins;                          // id: is a Box
  std::map<std::string, std::pair<std::string, bool>> links;  // id: source
  for (int i = 0; i < 400; ++i) {
    const std::string a = absl::StrCat("t", pick(40));
    const std::string b = absl::StrCat("t", pick(40));
    if (!twins.contains(a)) {
      twins[a] = pick(3) != 0;
      apply(twins[a] ? Box(a, absl::StrCat(R"({"volt":)", pick(100), R"(,"serial":"s)", pick(5),
                                           R"(","tags":["t)", pick(3), R"("]})"))
                     : Dot(a));
    } else if (pick(20) == 0) {
      apply(ingest::DeleteTwin{a, {}, true});
      twins.erase(a);
      links.clear();  // their ids are not used again
    } else if (twins.contains(b)) {
      const std::string name = twins[a] && pick(2) == 0 ? "near" : "has";
      const std::string id = absl::StrCat("r", i);
      apply(Link(a, name, b, id,
                 twins[a] && name == "has" ? ValueMap{{"position", Value::Int(i)}} : ValueMap()));
      links[id] = {a, true};
    }
    if (!links.empty() && pick(6) == 0) {
      const auto it = links.begin();
      apply(ingest::DeleteRelationship{it->second.first, it->first, {}});
      links.erase(it);
    }
    if (i % 40 == 39) {
      const auto mine = subject_->Read();
      const auto theirs = reference->Read();
      ASSERT_EQ(Asking(*mine).Dump(), Asking(*theirs).Dump()) << "after " << i;
    }
  }
}

// Random changes at rising source times, after which both show the same at each of them.
TEST_P(GraphReaderContract, ShowsWhatTheReferenceShowedThen) {
  const std::unique_ptr<Subject> reference = NewReference();
  reference->Apply(BoxModels());
  std::mt19937 random(12);
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  Time at{kNow.ns - 1000 * kNsPerSecond};
  const auto apply = [&](ingest::Operation operation) {
    std::visit(
        [&](auto& one) {
          if constexpr (requires { one.source_time; }) one.source_time = at;
        },
        operation);
    Apply(operation);
    reference->Apply(operation);
  };
  std::map<std::string, bool> twins;                          // id: is a Box
  std::map<std::string, std::pair<std::string, bool>> links;  // id: source, may have position
  std::map<std::string, std::vector<std::string>> links_of;   // by twin
  for (int i = 0; i < 300; ++i) {
    if (pick(3) == 0) at.ns += kNsPerSecond;
    const std::string a = absl::StrCat("t", pick(20));
    const std::string b = absl::StrCat("t", pick(20));
    if (!twins.contains(a)) {
      twins[a] = pick(3) != 0;
      apply(twins[a] ? Box(a, absl::StrCat(R"({"wear":)", pick(100), R"(,"place":"p)", pick(5),
                                           R"(","volt":)", pick(5), "}"))
                     : Dot(a));
    } else if (pick(15) == 0) {
      apply(ingest::DeleteTwin{a, {}, true});
      twins.erase(a);
      for (const std::string& id : links_of[a]) links.erase(id);
    } else if (twins[a] && pick(3) == 0) {
      ingest::PatchTwin patch;
      patch.id = a;
      const bool is_wear = pick(2) == 0;
      const Value value =
          is_wear ? Value::Double(pick(100)) : Value::String(absl::StrCat("p", pick(5)));
      patch.edits.push_back(
          {ingest::Edit::Kind::kSet, {is_wear ? "wear" : "place"}, value, std::nullopt});
      apply(patch);
    } else if (twins.contains(b)) {
      const std::string name = twins[a] && pick(2) == 0 ? "near" : "has";
      const std::string id = absl::StrCat("r", i);
      const bool has_position = twins[a] && name == "has";
      apply(
          Link(a, name, b, id, has_position ? ValueMap{{"position", Value::Int(i)}} : ValueMap()));
      links[id] = {a, has_position};
      links_of[a].push_back(id);
      links_of[b].push_back(id);
    }
    if (links.empty() || pick(3) != 0) continue;
    const auto it = std::next(links.begin(), pick(static_cast<uint32_t>(links.size())));
    if (it->second.second && pick(2) == 0) {
      ingest::PatchRelationship patch;
      patch.source_id = it->second.first;
      patch.relationship_id = it->first;
      patch.edits.push_back({ingest::Edit::Kind::kSet, {"position"}, Value::Int(-i), std::nullopt});
      apply(patch);
    } else {
      apply(ingest::DeleteRelationship{it->second.first, it->first, {}});
      links.erase(it);
    }
  }
  const auto mine = subject_->Read();
  const auto theirs = reference->Read();
  for (Time then{kNow.ns - 1001 * kNsPerSecond}; then <= Time{at.ns + kNsPerSecond};
       then.ns += kNsPerSecond) {
    const auto my_past = mine->AsOf(then);
    const auto their_past = theirs->AsOf(then);
    ASSERT_THAT(my_past, IsOk());
    ASSERT_THAT(their_past, IsOk());
    ASSERT_EQ(Asking(**my_past).Dump(/*of_past=*/true), Asking(**their_past).Dump(/*of_past=*/true))
        << FormatTime(then);
    const auto with_place = [](const GraphReader& past) {
      const query::Model& box = past.catalog().model(Asking(past).Table("dtmi:t:Box;1"));
      return past.FindEqual(box.table, box.by_path.at("place"), "p1").size();
    };
    EXPECT_EQ(with_place(**my_past), with_place(**their_past));
    EXPECT_EQ((*my_past)->unrecorded(), 0);
  }
}

TEST_P(GraphReaderContract, ThreadsReadAtOnce) {
  for (int i = 0; i < 40; ++i) Apply(Box(absl::StrCat("b", i), R"({"volt":1})"));
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(absl::StrCat("b", i));
    Apply(Link(ids.back(), "near", absl::StrCat("b", i * 7 % 40), "r"));
    Apply(Link(ids.back(), "has", absl::StrCat("b", i * 3 % 40), "s"));
  }
  const auto reader = subject_->Read();
  const auto expected = Asking(*reader).Expand(ids, Direction::kEither, {}, true);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, other = subject_->Read()] {
      for (int i = 0; i < 20; ++i) {
        const Asking ask(i % 2 == 0 ? *reader : *other);
        EXPECT_EQ(ask.Expand(ids, Direction::kEither, {}, true), expected);
        EXPECT_EQ(ask.Values(ids, "volt")[3], "1.0");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

INSTANTIATE_TEST_SUITE_P(, GraphReaderContract,
                         ::testing::Values(Implementation{"Reference", NewReference},
                                           Implementation{"EngineWithArrays", NewEngineWithArrays},
                                           Implementation{"EngineWithLists", NewEngineWithLists}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace twin::testing
