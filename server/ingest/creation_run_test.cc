// Records of many creations, which are applied together, against their units applied one by one.
#include "server/ingest/creation_run.h"

#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/ingest/change.h"
#include "tests/support/status_matchers.h"

namespace twin::ingest {
namespace {

using ::twin::testing::IsOk;

constexpr Time kNow{5'000'000};
constexpr absl::string_view kModel =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:r:A;1","@type":"Interface","contents":[
      {"@type":"Property","name":"a","schema":"string"},
      {"@type":"Property","name":"b","schema":"double"},
      {"@type":"Property","name":"c","schema":"integer"},
      {"@type":"Property","name":"d","schema":"boolean"},
      {"@type":"Property","name":"e","schema":"dateTime"},
      {"@type":"Property","name":"f","schema":{"@type":"Array","elementSchema":"double"}},
      {"@type":"Relationship","name":"has"},
      {"@type":"Relationship","name":"holds","properties":[
        {"@type":"Property","name":"position","schema":"integer"},
        {"@type":"Property","name":"since","schema":"dateTime"},
        {"@type":"Property","name":"role","schema":"string"},
        {"@type":"Property","name":"share","schema":"double"},
        {"@type":"Property","name":"spare","schema":"boolean"},
        {"@type":"Property","name":"tags","schema":{"@type":"Array","elementSchema":"double"}}]}]})";
constexpr uint32_t kColumns = 6;

Value RandomValue(uint32_t column, std::mt19937* random) {
  const auto number = static_cast<int64_t>((*random)() % 2000) - 1000;
  switch (column) {
    case 0:
      return Value::String(absl::StrCat("text ", number % 50));
    case 1:
      return Value::Double(static_cast<double>(number) / 8);
    case 2:
      return Value::Int(number);
    case 3:
      return Value::Bool(number > 0);
    case 4:
      return Value::OfTime(Time{number});
    default:
      return Value::Array({Value::Double(1), Value::Double(2)});
  }
}

// Units that fit each other, most of them of the kind that is taken together.
class Units {
 public:
  explicit Units(uint32_t seed) : random_(seed) {
    Unit& models = units_.emplace_back();
    Change& change = models.changes.emplace_back();
    change.kind = Change::Kind::kCreateModel;
    change.text = "dtmi:r:A;1";
    change.model = kModel;
  }

  void Add() {
    if (twins_ == 0 || Chance(50)) return AddTwin();
    if (Chance(80)) return AddRelationship();
    Change& change = units_.emplace_back().changes.emplace_back();
    change.number = static_cast<uint32_t>(random_() % twins_);
    change.source_time = kNow;
    if (Chance(30)) {
      change.kind = Change::Kind::kTouchTwin;
    } else {
      change.kind = Change::Kind::kSetValue;
      change.column = static_cast<uint32_t>(random_() % kColumns);
      change.new_value = RandomValue(change.column, &random_);
    }
  }
  const std::vector<Unit>& units() const { return units_; }
  std::string Encoded() const {
    std::string bytes;
    for (const Unit& unit : units_) EncodeUnit(unit, kNow, &bytes);
    return bytes;
  }

 private:
  bool Chance(uint32_t percent) { return random_() % 100 < percent; }
  Time SourceTime() { return Chance(70) ? kNow : Time{static_cast<int64_t>(random_() % 3)}; }

  void AddTwin() {
    Unit& unit = units_.emplace_back();
    const Time source = SourceTime();
    Change& made = unit.changes.emplace_back();
    made.kind = Change::Kind::kCreateTwin;
    made.number = twins_;
    made.text = texts_.emplace_back(absl::StrCat("twin-", twins_));
    made.source_time = source;
    const uint64_t columns = Chance(80) ? 0b00011u << (random_() % 3) : random_();
    const bool backwards = Chance(10);
    for (uint32_t i = 0; i < kColumns; ++i) {
      const uint32_t c = backwards ? kColumns - 1 - i : i;
      if ((columns >> c & 1) == 0) continue;
      Change& change = unit.changes.emplace_back();
      change.kind = Change::Kind::kSetValue;
      change.number = twins_;
      change.column = c;
      change.new_value = RandomValue(c, &random_);
      change.source_time = Chance(95) ? source : kNow;
    }
    ++twins_;
    if (Chance(3)) unit.changes.push_back(Change(unit.changes.back()));  // set twice, or made twice
    if (unit.changes.back().kind == Change::Kind::kCreateTwin && unit.changes.size() > 1) {
      unit.changes.pop_back();
    }
    if (Chance(5)) units_.back().changes.push_back(Relationship());
  }
  Change Relationship() {
    Change change;
    change.kind = Change::Kind::kCreateRelationship;
    change.number = relationships_++;
    change.table = static_cast<uint32_t>(random_() % 2);
    change.source = static_cast<uint32_t>(random_() % twins_);
    change.target = Chance(80) ? twins_ - 1 : static_cast<uint32_t>(random_() % twins_);
    change.text = texts_.emplace_back(absl::StrCat("r", change.number));
    change.source_time = SourceTime();
    return change;
  }
  void AddRelationship() {
    Unit& unit = units_.emplace_back();
    unit.changes.push_back(Relationship());
    if (unit.changes[0].table == 0) return;
    // As of the columns of a twin: c, e, a, b, d, f.
    constexpr uint32_t kAs[] = {2, 4, 0, 1, 3, 5};
    const uint64_t columns = Chance(80) ? 0b00011u << (random_() % 4) : random_();
    for (uint32_t c = 0; c < kColumns; ++c) {
      if ((columns >> c & 1) == 0) continue;
      Change change;
      change.kind = Change::Kind::kSetRelationshipValue;
      change.number = unit.changes[0].number;
      change.column = c;
      if (!Chance(2)) change.new_value = RandomValue(kAs[c], &random_);
      change.source_time = Chance(95) ? unit.changes[0].source_time : Time{2};
      unit.changes.push_back(std::move(change));
    }
    if (Chance(3)) unit.changes.push_back(Change(unit.changes.back()));  // set twice, or made twice
    if (unit.changes.back().kind == Change::Kind::kCreateRelationship && unit.changes.size() > 1) {
      unit.changes.pop_back();
    }
  }

  std::mt19937 random_;
  std::deque<std::string> texts_;
  std::vector<Unit> units_;
  uint32_t twins_ = 0;
  uint32_t relationships_ = 0;
};

std::string TextOf(const graph::Graph& graph) {
  const graph::GraphView& view = graph.head();
  std::string all = absl::StrCat("at ", view.sequence().value, " ", view.time().ns);
  for (uint32_t number = 0; number < view.next_twin().value; ++number) {
    const TwinNumber twin(number);
    absl::StrAppend(&all, "\n", view.IdOf(twin), " row ", view.PlaceOf(twin).row, " v",
                    view.VersionOf(twin).value, " t", view.UpdateTimeOf(twin).ns, " since ",
                    view.BeginOf(twin).ns);
    for (uint32_t c = 0; c < kColumns; ++c) {
      const graph::Cell cell = view.Get(twin, ColumnId(c));
      if (cell.value.is_null()) continue;
      absl::StrAppend(&all, " ", c, "=", cell.value.DebugString(), "@", cell.update_time.ns, "/",
                      cell.source_time.ns);
    }
    for (RelationshipNumber each = view.FirstOutgoing(twin); !(each == kNoRelationship);
         each = view.NextOutgoing(each)) {
      const graph::Relationship found = view.Get(each);
      absl::StrAppend(&all, " ", each.value, found.id, "->", found.target.value, "v",
                      found.version.value, "since", view.BeginOf(each).ns);
      if (found.type == RelationshipTypeId(0)) continue;
      for (uint32_t c = 0; c < kColumns; ++c) {
        const Value value = view.GetValue(each, ColumnId(c));
        if (!value.is_null()) absl::StrAppend(&all, ",", c, "=", value.DebugString());
      }
    }
  }
  return all;
}

absl::Status ApplyTogether(absl::string_view bytes, size_t units, graph::Graph* graph) {
  RecordHeader header;
  header.time = kNow;
  header.units = static_cast<uint32_t>(units);
  return ApplyUnits(bytes, header, Sequence(1), Sequence(0), graph, nullptr);
}

absl::Status ApplyOneByOne(absl::string_view bytes, size_t units, graph::Graph* graph) {
  RecordHeader header;
  header.time = kNow;
  header.units = static_cast<uint32_t>(units);
  std::vector<Unit> decoded;
  absl::Status status = DecodeUnits(bytes, header, &decoded);
  uint64_t sequence = 1;
  for (const Unit& unit : decoded) {
    if (!status.ok()) return status;
    status = ApplyUnit(unit, Sequence(sequence++), kNow, graph);
  }
  return status;
}

class CreationRuns : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, CreationRuns, ::testing::Range(1u, 17u));

TEST_P(CreationRuns, AreAppliedAsOneByOne) {
  Units made(GetParam());
  for (int i = 0; i < 1'500; ++i) made.Add();
  const std::string bytes = made.Encoded();
  graph::Graph together;
  graph::Graph alone;
  ASSERT_THAT(ApplyTogether(bytes, made.units().size(), &together), IsOk());
  ASSERT_THAT(ApplyOneByOne(bytes, made.units().size(), &alone), IsOk());
  EXPECT_GT(together.head().twins(), 100);
  EXPECT_GT(together.head().relationships(), 100);
  EXPECT_EQ(TextOf(together), TextOf(alone));
}

TEST_P(CreationRuns, ADamagedByteIsRefusedByBothOrTakenByBoth) {
  Units made(GetParam());
  for (int i = 0; i < 40; ++i) made.Add();
  const std::string bytes = made.Encoded();
  std::string models;
  EncodeUnit(made.units()[0], kNow, &models);
  std::mt19937 random(GetParam());
  int taken = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = bytes;
    damaged[models.size() + random() % (bytes.size() - models.size())] ^=
        static_cast<char>(1 << (random() % 8));
    graph::Graph together;
    graph::Graph alone;
    const absl::Status of_all = ApplyTogether(damaged, made.units().size(), &together);
    const absl::Status of_each = ApplyOneByOne(damaged, made.units().size(), &alone);
    ASSERT_EQ(of_all.ok(), of_each.ok()) << i << " " << of_all << " " << of_each;
    if (!of_all.ok()) continue;
    ++taken;
    ASSERT_EQ(TextOf(together), TextOf(alone)) << i;
  }
  EXPECT_GT(taken, 0);
}

}  // namespace
}  // namespace twin::ingest
