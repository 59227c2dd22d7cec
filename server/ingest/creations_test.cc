// Operations each for itself, most of which create something, with many records in flight: against
// the same operations as batches of one, one after the other, whose creations are pending as all
// else is. Results, records and states are the same.
#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/ingest/pending_creations.h"
#include "server/ingest/writer_fixture.h"
#include "tests/support/status_matchers.h"

namespace twin::ingest {
namespace {

using ::twin::testing::IsOk;

constexpr char kNodes[] = R"([
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:n:Node;1","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string"},
    {"@type":"Property","name":"volt","schema":"double"},
    {"@type":"Property","name":"count","schema":"integer"},
    {"@type":"Property","name":"tags","schema":{"@type":"Array","elementSchema":"string"}},
    {"@type":"Relationship","name":"feeds"},
    {"@type":"Relationship","name":"has","maxMultiplicity":2},
    {"@type":"Relationship","name":"holds","properties":[
      {"@type":"Property","name":"position","schema":"integer"},
      {"@type":"Property","name":"since","schema":"dateTime"},
      {"@type":"Property","name":"role","schema":"string"}]},
    {"@type":"Relationship","name":"sensedBy","maxMultiplicity":2,"properties":[
      {"@type":"Property","name":"since","schema":"dateTime"}]},
    {"@type":"Relationship","name":"needs","properties":[
      {"@type":["Property","Required"],"name":"amount","schema":"integer"}]}]},
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:n:Leaf;1","@type":"Interface","extends":"dtmi:n:Node;1","contents":[
    {"@type":["Property","Required"],"name":"serial","schema":"string"}]}])";

class Creations : public ::testing::TestWithParam<uint32_t> {
 protected:
  Creations() : random_(GetParam()) {}

  uint32_t Pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool Chance(uint32_t percent) { return Pick(100) < percent; }
  // New ones mostly, and some of those that were there lately.
  std::string AnyTwin() {
    const uint32_t back = Pick(Chance(80) ? 12 : 60);
    return absl::StrCat("t", next_ > back ? next_ - back : 0);
  }
  std::optional<Time> AnyTime() {
    if (Chance(80)) return std::nullopt;
    return Time{static_cast<int64_t>(Pick(4)) * 400'000};
  }

  Operation AnyPut() {
    PutTwin put;
    put.id = Chance(85) ? absl::StrCat("t", ++next_) : AnyTwin();
    put.model_id = Chance(50) ? "dtmi:n:Node;1" : "dtmi:n:Leaf;1";
    if (Chance(95) && put.model_id == "dtmi:n:Leaf;1") {
      put.contents.emplace_back("serial", Value::String(absl::StrCat("s", Pick(20))));
    }
    if (Chance(60)) put.contents.emplace_back("volt", Value::Double(Pick(100) / 8.0));
    if (Chance(30)) put.contents.emplace_back("name", Value::String(absl::StrCat("n", Pick(9))));
    if (Chance(30)) put.contents.emplace_back("count", Value::Int(Pick(1000)));
    if (Chance(10)) put.contents.emplace_back("tags", Value::Array({Value::String("tag")}));
    if (Chance(3)) put.contents.emplace_back("weight", Value::Int(1));  // unknown
    if (Chance(3)) put.contents.emplace_back("volt2", Value::String("x"));
    put.condition.create_only = Chance(20);
    put.source_time = AnyTime();
    if (Chance(5)) put.source_times.emplace_back("volt", Time{300'000});
    return put;
  }
  Operation AnyLink() {
    PutRelationship put;
    put.source_id = Chance(25) ? "t1" : AnyTwin();
    put.target_id = Chance(10) ? "t1" : AnyTwin();
    put.relationship_id = absl::StrCat("r", Chance(70) ? ++next_link_ : Pick(40));
    constexpr const char* kNames[] = {"feeds", "feeds", "has",  "sensedBy",
                                      "holds", "holds", "needs"};
    put.name = kNames[Pick(7)];
    if (put.name == "holds" && Chance(50)) put.contents.emplace_back("position", Value::Int(1));
    if (put.name == "holds" && Chance(5)) put.contents.emplace_back("position", Value::Int(2));
    if (put.name == "holds" && Chance(30)) {
      put.contents.emplace_back("role", Value::String(absl::StrCat("role ", Pick(5))));
    }
    if ((put.name == "holds" || put.name == "sensedBy") && Chance(60)) {
      put.contents.emplace_back("since", Value::String("2026-03-01T08:30:00Z"));
    }
    if (put.name == "needs" && Chance(80)) put.contents.emplace_back("amount", Value::Int(2));
    put.condition.create_only = Chance(20);
    put.source_time = AnyTime();
    return put;
  }
  Operation AnyOperation() {
    if (Chance(40)) return AnyPut();
    if (Chance(65)) return AnyLink();
    switch (Pick(7)) {
      case 0:
        return DeleteTwin{AnyTwin(), {}, Chance(70), AnyTime()};
      case 1:
        return DeleteTree{AnyTwin(), {"feeds", "has"}, AnyTime()};
      case 2:
        return DeleteRelationship{
            AnyTwin(), absl::StrCat("r", Pick(next_link_ + 1)), {}, AnyTime()};
      case 3: {
        PatchRelationship patch;
        patch.source_id = "t1";
        patch.relationship_id = absl::StrCat("r", next_link_ - Pick(next_link_ + 1));
        patch.edits.push_back(Step(Edit::Kind::kSet, {"position"}, Value::Int(Pick(9))));
        return patch;
      }
      case 4: {
        PatchTwin patch = PatchOf(AnyTwin(), {});
        patch.model_id = Chance(50) ? "dtmi:n:Node;1" : "dtmi:n:Leaf;1";
        if (Chance(50)) {
          patch.edits.push_back(Step(Edit::Kind::kSet, {"serial"}, Value::String("moved")));
        }
        return patch;
      }
      default:
        return PatchOf(AnyTwin(), {Step(Chance(50) ? Edit::Kind::kReplace : Edit::Kind::kAdd,
                                        {"volt"}, Value::Double(Pick(100))),
                                   Step(Edit::Kind::kSet, {"count"}, Value::Int(Pick(9)))});
    }
  }

  static WriteResult Models(Bench* bench) {
    WriteBatch batch;
    batch.operations.emplace_back(CreateModels{{kNodes}});
    return bench->Write(std::move(batch));
  }
  // All units of all records, one behind the other.
  static std::string Units(Bench* bench) {
    auto reader = bench->journal_.ReadFrom(Sequence(1));
    TWIN_CHECK(reader.ok());
    std::string all;
    journal::Record record;
    while (*(*reader)->Next(&record)) {
      absl::string_view units = record.bytes;
      RecordHeader header;
      TWIN_CHECK(DecodeHeader(&units, &header).ok());
      absl::StrAppend(&all, units);
    }
    return all;
  }
  static std::string Text(const OperationResult& result) {
    return absl::StrCat(result.status.ToString(), " v", result.version.value, " ", result.created,
                        " ", result.changed);
  }

  std::mt19937 random_;
  uint32_t next_ = 0;
  uint32_t next_link_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Seeds, Creations, ::testing::Range(1u, 17u));

TEST_P(Creations, EndAsOneByOne) {
  Bench held(/*hold=*/true);
  Bench direct;
  Models(&direct);
  std::thread releaser([&] {
    held.WaitForWaiting(1);
    held.journal_.Release();
  });
  Models(&held);
  releaser.join();
  constexpr size_t kBatches = 120;
  std::vector<std::vector<std::string>> results(kBatches);
  std::vector<std::vector<std::string>> expected(kBatches);
  for (size_t i = 0; i < kBatches; ++i) {
    WriteBatch batch;
    batch.atomic = false;
    const uint32_t count = 1 + Pick(60);
    for (uint32_t k = 0; k < count; ++k) {
      Operation operation = AnyOperation();
      batch.operations.push_back(operation);
      WriteBatch one;
      one.operations.push_back(std::move(operation));
      const WriteResult result = direct.Write(std::move(one));
      expected[i].push_back(result.results.empty() ? result.status.ToString()
                                                   : Text(result.results[0]));
    }
    held.writer_->Submit(std::move(batch), [&, i](const WriteResult& got) {
      for (const OperationResult& each : got.results) {
        results[i].push_back(each.status.ok() ? Text(each) : each.status.ToString());
      }
    });
    if (Chance(15)) held.journal_.Release();
  }
  std::atomic<bool> stopped{false};
  std::thread last([&] {
    while (!stopped) {
      held.journal_.Release();
      std::this_thread::yield();
    }
  });
  held.writer_->Stop();
  stopped = true;
  last.join();
  size_t made = 0;
  for (size_t i = 0; i < kBatches; ++i) {
    ASSERT_EQ(results[i], expected[i]) << "batch " << i;
    for (const std::string& each : results[i]) made += each.substr(0, 2) == "OK" ? 1 : 0;
  }
  EXPECT_GT(made, 1'000);
  EXPECT_EQ(Units(&held), Units(&direct));
  EXPECT_EQ(held.DumpHead(), direct.DumpHead());
  EXPECT_EQ(held.DumpReplay(), held.DumpHead());
}

// --- The part of PendingState ---

PendingCreations::Twin TwinWithId(const std::string& bytes) {
  PendingCreations::Twin twin;
  twin.bytes = bytes;
  twin.id = absl::string_view(bytes).substr(1);
  return twin;
}

TwinNumber FindTwin(const PendingCreations& pending, absl::string_view id) {
  return pending.FindTwin(id, graph::GraphView::HashOf(id));
}

TEST(PendingCreations, ForgetsRecordByRecord) {
  PendingCreations pending;
  pending.Reset(10, 20);
  const std::string first = "!first";
  const std::string second = "!second";
  pending.Add(TwinWithId(first));
  pending.Add(
      {RelationshipTypeId(0), TwinNumber(10), TwinNumber(3), Sequence(1), Time{1}, "a", ""});
  pending.EndRecord(1);
  pending.SkipTwin();
  pending.Add(TwinWithId(second));
  pending.SkipRelationship();
  pending.Add(
      {RelationshipTypeId(0), TwinNumber(12), TwinNumber(3), Sequence(2), Time{1}, "a", ""});
  pending.EndRecord(2);
  EXPECT_EQ(FindTwin(pending, "first"), TwinNumber(10));
  EXPECT_EQ(pending.Find(TwinNumber(11)), nullptr);
  EXPECT_EQ(FindTwin(pending, "second"), TwinNumber(12));
  EXPECT_EQ(pending.FindRelationship(TwinNumber(10), "a"), RelationshipNumber(20));
  EXPECT_EQ(pending.FindRelationship(TwinNumber(12), "a"), RelationshipNumber(22));
  const auto into = [&](TwinNumber twin) {
    std::vector<uint32_t> numbers;
    pending.ForEachIncoming(
        twin, [&](RelationshipNumber each, const auto&) { numbers.push_back(each.value); });
    return numbers;
  };
  EXPECT_EQ(into(TwinNumber(3)), (std::vector<uint32_t>{22, 20}));
  EXPECT_TRUE(into(TwinNumber(3 + (1 << 14))).empty());  // its number ends alike
  pending.Applied(1);
  EXPECT_EQ(pending.Find(TwinNumber(10)), nullptr);
  EXPECT_EQ(FindTwin(pending, "first"), kNoTwin);
  EXPECT_EQ(pending.Find(TwinNumber(12))->id, "second");
  EXPECT_EQ(into(TwinNumber(3)), (std::vector<uint32_t>{22}));
  pending.Applied(2);
  EXPECT_FALSE(pending.has_twins());
  EXPECT_EQ(pending.relationships(), 0);
  EXPECT_TRUE(into(TwinNumber(3)).empty());
}

TEST(PendingCreations, ANumberThatIsGivenAgainIsAnothers) {
  PendingCreations pending;
  pending.Reset(0, 0);
  const std::string first = "!first";
  const std::string second = "!second";
  pending.Add(TwinWithId(first));
  pending.Add({RelationshipTypeId(0), TwinNumber(0), TwinNumber(0), Sequence(1), Time{1}, "a", ""});
  pending.Add({RelationshipTypeId(0), TwinNumber(0), TwinNumber(0), Sequence(1), Time{1}, "b", ""});
  pending.CutBack(0, 1);
  EXPECT_EQ(FindTwin(pending, "first"), kNoTwin);
  EXPECT_EQ(pending.FindRelationship(TwinNumber(0), "b"), kNoRelationship);
  pending.Add(TwinWithId(second));
  EXPECT_EQ(FindTwin(pending, "first"), kNoTwin);
  EXPECT_EQ(FindTwin(pending, "second"), TwinNumber(0));
  std::vector<uint32_t> numbers;
  pending.ForEachOutgoing(
      TwinNumber(0), [&](RelationshipNumber each, const auto&) { numbers.push_back(each.value); });
  EXPECT_EQ(numbers, std::vector<uint32_t>{0});
}

// More than its indexes and blocks of text hold at first, many times over.
TEST(PendingCreations, ManyPassThrough) {
  PendingCreations pending;
  pending.Reset(0, 0);
  constexpr uint32_t kRecords = 60;
  constexpr uint32_t kTwins = 700;
  for (uint32_t record = 0; record < kRecords; ++record) {
    for (uint32_t i = 0; i < kTwins; ++i) {
      const std::string bytes = absl::StrCat("!twin-", record * kTwins + i) +
                                std::string(i % 100 == 0 ? 70'000 : 50, 'x');
      pending.Add(TwinWithId(bytes));
    }
    pending.EndRecord(record);
    if (record >= 3) pending.Applied(record - 3);
    const uint32_t first = record < 3 ? 0 : (record - 2) * kTwins;
    for (const uint32_t number : {first, first + kTwins / 2, (record + 1) * kTwins - 1}) {
      const PendingCreations::Twin* found = pending.Find(TwinNumber(number));
      ASSERT_NE(found, nullptr) << record;
      ASSERT_EQ(FindTwin(pending, found->id), TwinNumber(number));
      ASSERT_EQ(found->id.substr(0, 5), "twin-");
    }
  }
}

}  // namespace
}  // namespace twin::ingest
