#include "server/engine/engine.h"

#include <unistd.h>

#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/engine/data_dir.h"
#include "server/storage/documents.h"
#include "tests/support/engine_folder.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr absl::string_view kModels = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string","comment":"index: equality"},
    {"@type":"Property","name":"volt","schema":"double"},
    {"@type":"Relationship","name":"hasCell","properties":[
      {"@type":"Property","name":"position","schema":"integer"}]}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":"Property","name":"volt","schema":"double"},
    {"@type":"Property","name":"tags","schema":{"@type":"Array","elementSchema":"string"}}]}])";

std::string Dump(const graph::GraphView& view) {
  std::string all = absl::StrCat("at ", view.sequence().value, "\n");
  for (uint32_t number = 0; number < view.next_twin().value; ++number) {
    const TwinNumber twin(number);
    if (!view.Exists(twin)) continue;
    const graph::TableSchema& table = view.TableOf(twin);
    absl::StrAppend(&all, view.IdOf(twin), ": ", table.model_id, " v", view.VersionOf(twin).value);
    for (const graph::ColumnSchema& column : table.columns) {
      const graph::Cell cell = view.Get(twin, table.IdOf(column));
      if (cell.value.is_null()) continue;
      absl::StrAppend(&all, " ", column.path, "=", cell.value.DebugString(), "@",
                      cell.update_time.ns);
    }
    for (RelationshipNumber each = view.FirstOutgoing(twin); !(each == kNoRelationship);
         each = view.NextOutgoing(each)) {
      const graph::Relationship found = view.Get(each);
      absl::StrAppend(&all, " [", found.id, "->", view.IdOf(found.target), " ",
                      view.GetValue(each, ColumnId(0)).DebugString(), "]");
    }
    absl::StrAppend(&all, "\n");
  }
  return all;
}

std::string DumpOf(const Engine& engine) {
  std::string text;
  engine.Read([&](const graph::GraphView& head) { text = Dump(head); });
  return text;
}

class EngineTest : public ::testing::Test {
 public:
  std::unique_ptr<Engine> Open() { return OpenEngine(options_); }

  static void CreateAll(Engine* engine) {
    ingest::WriteBatch batch;
    batch.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
    ASSERT_THAT(engine->Write(std::move(batch)).status, IsOk());
  }

  // Some hundred operations, most of which are done.
  static void WriteSome(Engine* engine, uint32_t seed) {
    std::mt19937 random(seed);
    const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    for (int i = 0; i < 60; ++i) {
      ingest::WriteBatch batch;
      batch.atomic = false;
      if (pick(4) == 0) batch.request_id = absl::StrCat("request-", seed, "-", i);
      for (int j = 0; j < 5; ++j) {
        const std::string id = absl::StrCat("t", pick(200));
        if (pick(8) == 0) {
          batch.operations.emplace_back(ingest::DeleteTwin{id, {}, true});
        } else if (pick(3) == 0) {
          ingest::PutRelationship put;
          put.source_id = id;
          put.relationship_id = absl::StrCat("r", pick(3));
          put.name = "hasCell";
          put.target_id = absl::StrCat("t", pick(200));
          put.contents.emplace_back("position", Value::Int(pick(20)));
          batch.operations.emplace_back(std::move(put));
        } else {
          ingest::PutTwin put;
          put.id = id;
          put.model_id = pick(2) == 0 ? "dtmi:t:Pack;1" : "dtmi:t:Cell;1";
          put.contents.emplace_back("volt", Value::Double(pick(1000) / 8.0));
          if (put.model_id == "dtmi:t:Pack;1") {
            put.contents.emplace_back("name", Value::String(absl::StrCat("n", pick(50))));
          }
          batch.operations.emplace_back(std::move(put));
        }
      }
      ASSERT_THAT(engine->Write(std::move(batch)).status, IsOk());
    }
  }

  // Changes one byte of a file.
  void Flip(const std::string& path, uint64_t at) {
    auto file = PosixFileSystem()->OpenToWrite(path);
    TWIN_CHECK(file.ok()) << file.status();
    std::string byte;
    TWIN_CHECK((*file)->Read(at, 1, &byte).ok() && byte.size() == 1);
    byte[0] = static_cast<char>(byte[0] ^ 0x20);
    TWIN_CHECK((*file)->Write(at, byte).ok());
  }

  const EngineFolder folder_;
  EngineOptions options_ = folder_.options();
};

TEST_F(EngineTest, FindsEverythingAfterACleanStopAndAfterNone) {
  std::string dump;
  for (int round = 0; round < 6; ++round) {
    const std::unique_ptr<Engine> engine = Open();
    if (round == 0) {
      CreateAll(engine.get());
    } else {
      ASSERT_EQ(DumpOf(*engine), dump) << "round " << round;
    }
    WriteSome(engine.get(), static_cast<uint32_t>(round));
    if (round == 3) {
      ASSERT_THAT(engine->Checkpoint(), IsOk());
    }
    WriteSome(engine.get(), static_cast<uint32_t>(round) + 100);
    dump = DumpOf(*engine);
    if (round % 2 == 0) {
      ASSERT_THAT(engine->Stop(), IsOk());
    }
  }
  std::vector<std::string> report;
  EXPECT_THAT(CheckDataDir(options_.data_dir, &report), IsOk());
}

TEST_F(EngineTest, RemembersRequestsThroughRestarts) {
  ingest::WriteBatch batch;
  batch.request_id = "once";
  batch.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
  Sequence sequence;
  {
    const std::unique_ptr<Engine> engine = Open();
    sequence = engine->Write(batch).sequence;
  }
  for (int i = 0; i < 2; ++i) {
    const std::unique_ptr<Engine> engine = Open();
    const ingest::WriteResult again = engine->Write(batch);
    EXPECT_THAT(again.status, IsOk());
    EXPECT_EQ(again.sequence, sequence);
    ASSERT_THAT(engine->Stop(), IsOk());
  }
}

TEST_F(EngineTest, RefusesAFolderThatIsInUseOrNotItsOwn) {
  {
    const std::unique_ptr<Engine> engine = Open();
    EXPECT_THAT(Engine::Open(options_).status(),
                StatusIs(StatusCode::kFailedPrecondition, HasSubstr("another twind")));
  }
  ASSERT_THAT(PosixFileSystem()->WriteWhole(JoinPath(options_.data_dir, "FORMAT"), "twingraph 9\n"),
              IsOk());
  EXPECT_THAT(Engine::Open(options_).status(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("twingraph 9")));
  options_.data_dir = folder_.Path("other");
  ASSERT_THAT(PosixFileSystem()->CreateFolder(options_.data_dir), IsOk());
  ASSERT_THAT(PosixFileSystem()->WriteWhole(JoinPath(options_.data_dir, "x"), "y"), IsOk());
  EXPECT_THAT(Engine::Open(options_).status(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not empty")));
  EXPECT_THAT(*PosixFileSystem()->List(options_.data_dir), ElementsAre("x"));
  // Nor in one of another version.
  options_.data_dir = folder_.Path("newer");
  ASSERT_THAT(PosixFileSystem()->CreateFolder(options_.data_dir), IsOk());
  ASSERT_THAT(PosixFileSystem()->WriteWhole(JoinPath(options_.data_dir, "FORMAT"), "twingraph 9\n"),
              IsOk());
  EXPECT_THAT(Engine::Open(options_).status(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("twingraph 9")));
  EXPECT_THAT(*PosixFileSystem()->List(options_.data_dir), ElementsAre("FORMAT"));
}

TEST_F(EngineTest, OptionsThatCannotBeMakeNoFolder) {
  options_.segment_bytes = options_.limits.batch_bytes_max;
  options_.data_dir = folder_.Path("never");
  EXPECT_THAT(Engine::Open(options_).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("--segment-bytes is")));
  EXPECT_FALSE(PosixFileSystem()->Exists(options_.data_dir));
}

TEST_F(EngineTest, BacksUpWhileItServes) {
  const std::unique_ptr<Engine> engine = Open();
  CreateAll(engine.get());
  WriteSome(engine.get(), 1);
  ASSERT_THAT(engine->Checkpoint(), IsOk());
  ASSERT_THAT(engine->documents().Put("predictors", "soh", "kept"), IsOk());
  WriteSome(engine.get(), 2);
  std::thread writer([&] { WriteSome(engine.get(), 3); });
  const std::string folder = folder_.Path("backup");
  const absl::Status status = engine->Backup(folder);
  writer.join();
  ASSERT_THAT(status, IsOk());
  EXPECT_THAT(engine->Backup(folder), StatusIs(StatusCode::kAlreadyExists, HasSubstr("backup")));
  EXPECT_THAT(engine->Backup("relative"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("absolute")));
  std::vector<std::string> report;
  ASSERT_THAT(CheckDataDir(folder, &report), IsOk());

  // The copy is the state at some sequence: what the journal says of it.
  EngineOptions copy_options = options_;
  copy_options.data_dir = folder;
  auto copy = Engine::Open(copy_options);
  ASSERT_THAT(copy.status(), IsOk());
  EXPECT_GE((*copy)->status().sequence, Sequence(121));
  EXPECT_GT((*copy)->status().twins, 50);
  EXPECT_EQ((*copy)->documents().Get("predictors", "soh").value_or(""), "kept");
  WriteSome(copy->get(), 4);
}

TEST_F(EngineTest, ABackupThatLacksAFileIsNoSmallerBackup) {
  const std::unique_ptr<Engine> engine = Open();
  CreateAll(engine.get());
  WriteSome(engine.get(), 1);
  const std::string folder = folder_.Path("backup");
  ASSERT_THAT(engine->Backup(folder), IsOk());
  const uint64_t sequence = engine->status().sequence.value;
  const auto names = PosixFileSystem()->List(JoinPath(folder, "journal"));
  ASSERT_THAT(names.status(), IsOk());
  for (const std::string& name : *names) {
    if (absl::StartsWith(name, "segment")) {
      ASSERT_THAT(PosixFileSystem()->Remove(JoinPath(folder, "journal/" + name)), IsOk());
    }
  }
  const auto lacks = StatusIs(
      StatusCode::kDataLoss,
      HasSubstr(absl::StrCat("was made at sequence ", sequence, ", and what is there ends at 0")));
  std::vector<std::string> report;
  EXPECT_THAT(CheckDataDir(folder, &report), lacks);
  EngineOptions copy_options = options_;
  copy_options.data_dir = folder;
  EXPECT_THAT(Engine::Open(copy_options).status(), lacks);
  ASSERT_THAT(PosixFileSystem()->WriteWhole(JoinPath(folder, "SEQUENCE"), "many"), IsOk());
  EXPECT_THAT(Engine::Open(copy_options).status(),
              StatusIs(StatusCode::kDataLoss, HasSubstr("has no sequence but 'many'")));
  ASSERT_THAT(PosixFileSystem()->Remove(JoinPath(folder, "SEQUENCE")), IsOk());
  EXPECT_THAT(Engine::Open(copy_options).status(), IsOk());  // as its message says
}

void WriteText(const std::string& path) {
  ASSERT_THAT(PosixFileSystem()->CreateFolder(FolderOf(path)), IsOk());
  ASSERT_THAT(PosixFileSystem()->WriteWhole(path, "precious"), IsOk());
}

TEST_F(EngineTest, ABackupTouchesNothingThatItDidNotMake) {
  const std::unique_ptr<Engine> engine = Open();
  const std::string outside = folder_.Path("outside/letter");
  WriteText(outside);
  const std::string precious = folder_.Path("a.partial/letter");
  WriteText(precious);
  EXPECT_THAT(engine->Backup(folder_.Path("a")),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("a.partial is there")));
  EXPECT_TRUE(PosixFileSystem()->Exists(precious));
  ASSERT_EQ(symlink(folder_.Path("outside").c_str(), folder_.Path("b.partial").c_str()), 0);
  EXPECT_THAT(engine->Backup(folder_.Path("b")),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("b.partial is there")));
  EXPECT_TRUE(PosixFileSystem()->Exists(outside));

  // What an interrupted one left is replaced; links in it lead nowhere.
  WriteText(folder_.Path("c.partial/BACKUP"));
  ASSERT_EQ(symlink(folder_.Path("outside").c_str(), folder_.Path("c.partial/store").c_str()), 0);
  ASSERT_THAT(engine->Backup(folder_.Path("c/")), IsOk());
  EXPECT_TRUE(PosixFileSystem()->Exists(outside));
  EXPECT_FALSE(PosixFileSystem()->Exists(folder_.Path("c.partial")));
  EXPECT_FALSE(PosixFileSystem()->Exists(folder_.Path("c/BACKUP")));
  std::vector<std::string> report;
  EXPECT_THAT(CheckDataDir(folder_.Path("c"), &report), IsOk());

  // Folders in folders that are no backup's end it, wherever they come from.
  WriteText(folder_.Path("d.partial/BACKUP"));
  WriteText(folder_.Path("d.partial/1/2/3/4/5/6/7/8/9/letter"));
  EXPECT_THAT(engine->Backup(folder_.Path("d")),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("too deep")));
}

TEST_F(EngineTest, ABackupHasAFolderOfItsOwn) {
  const std::unique_ptr<Engine> engine = Open();
  EXPECT_THAT(engine->Backup(""), StatusIs(StatusCode::kInvalidArgument, HasSubstr("folder")));
  for (const char end : {'\0', '\n', '\x7f'}) {
    EXPECT_THAT(engine->Backup(absl::StrCat(folder_.Path("x"), std::string(1, end), "b")),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("control characters")));
  }
  ASSERT_EQ(symlink(options_.data_dir.c_str(), folder_.Path("link").c_str()), 0);
  for (const std::string& folder : {JoinPath(options_.data_dir, "history/copy"),
                                    JoinPath(options_.data_dir, "copy/"), folder_.Path("link/a")}) {
    EXPECT_THAT(engine->Backup(folder),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("data folder of this server")));
  }
  EXPECT_THAT(engine->Backup(absl::StrCat(options_.data_dir, "-copy")), IsOk());
}

TEST_F(EngineTest, DamageIsNeverStartedOnInSilence) {
  {
    const std::unique_ptr<Engine> engine = Open();
    CreateAll(engine.get());
    WriteSome(engine.get(), 1);
    ASSERT_THAT(engine->Checkpoint(), IsOk());
    WriteSome(engine.get(), 2);
  }
  const std::string store = JoinPath(StoreFolder(options_.data_dir), "data.mdb");
  auto file = PosixFileSystem()->Open(store);
  ASSERT_THAT(file.status(), IsOk());
  const uint64_t size = *(*file)->Size();
  const std::string before = *PosixFileSystem()->ReadWhole(store);
  std::string good;
  {
    const std::unique_ptr<Engine> engine = Open();
    good = DumpOf(*engine);
  }
  int refused = 0;
  for (uint64_t at = 0; at < size; at += 997) {
    Flip(store, at);
    std::vector<std::string> report;
    const absl::Status checked = CheckDataDir(options_.data_dir, &report);
    const auto engine = Engine::Open(options_);
    if (engine.ok()) {
      // A byte that nothing reads: everything is there.
      EXPECT_EQ(DumpOf(**engine), good) << "byte " << at;
    } else {
      EXPECT_THAT(engine.status(),
                  ::testing::AnyOf(StatusIs(StatusCode::kDataLoss, HasSubstr("")),
                                   StatusIs(StatusCode::kFailedPrecondition, HasSubstr(""))));
      EXPECT_FALSE(checked.ok());
      ++refused;
    }
    ASSERT_THAT(PosixFileSystem()->WriteWhole(store, before), IsOk());
  }
  EXPECT_GT(refused, 10);
  ASSERT_EQ(truncate(store.c_str(), static_cast<off_t>(size / 2)), 0);
  EXPECT_THAT(Engine::Open(options_).status(), StatusIs(StatusCode::kDataLoss, HasSubstr("")));
}

TEST_F(EngineTest, AMissingStoreIsDataLoss) {
  {
    const std::unique_ptr<Engine> engine = Open();
    CreateAll(engine.get());
    ASSERT_THAT(engine->documents().Put("notes", "s", "kept"), IsOk());
  }
  const std::string store = JoinPath(StoreFolder(options_.data_dir), "data.mdb");
  const std::string good = *PosixFileSystem()->ReadWhole(store);
  ASSERT_THAT(RemoveTree(PosixFileSystem(), StoreFolder(options_.data_dir)), IsOk());
  const auto is_named =
      StatusIs(StatusCode::kDataLoss, HasSubstr("store/data.mdb is missing, and the journal"));
  EXPECT_THAT(Engine::Open(options_).status(), is_named);
  std::vector<std::string> report;
  EXPECT_THAT(CheckDataDir(options_.data_dir, &report), is_named);
  EXPECT_FALSE(PosixFileSystem()->Exists(store));  // and none is made
  ASSERT_THAT(PosixFileSystem()->CreateFolder(FolderOf(store)), IsOk());
  ASSERT_THAT(PosixFileSystem()->WriteWhole(store, good), IsOk());
  EXPECT_EQ(Open()->documents().Get("notes", "s").value_or(""), "kept");
  // A start that was cut off before the journal began is gone on with.
  ASSERT_THAT(RemoveTree(PosixFileSystem(), StoreFolder(options_.data_dir)), IsOk());
  ASSERT_THAT(RemoveTree(PosixFileSystem(), JournalFolder(options_.data_dir)), IsOk());
  ASSERT_THAT(PosixFileSystem()->CreateFolder(JournalFolder(options_.data_dir)), IsOk());
  EXPECT_EQ(Open()->status().twins, 0);
}

TEST_F(EngineTest, AMissingJournalIsDataLoss) {
  {
    const std::unique_ptr<Engine> engine = Open();
    CreateAll(engine.get());
    ASSERT_THAT(engine->Checkpoint(), IsOk());
    WriteSome(engine.get(), 2);
  }
  ASSERT_THAT(RemoveTree(PosixFileSystem(), JournalFolder(options_.data_dir)), IsOk());
  EXPECT_THAT(Engine::Open(options_).status(),
              StatusIs(StatusCode::kDataLoss, HasSubstr("is missing")));
}

TEST_F(EngineTest, CompactOrdersByContainment) {
  const std::unique_ptr<Engine> engine = Open();
  CreateAll(engine.get());
  ingest::WriteBatch batch;
  for (const char* id : {"c3", "p1", "c1", "x", "c2", "p0"}) {
    ingest::PutTwin put;
    put.id = id;
    put.model_id = id[0] == 'p' ? "dtmi:t:Pack;1" : "dtmi:t:Cell;1";
    batch.operations.emplace_back(std::move(put));
  }
  for (const auto& [source, target] :
       std::vector<std::pair<std::string, std::string>>{{"p1", "c3"}, {"p0", "c2"}, {"p1", "c1"}}) {
    ingest::PutRelationship put;
    put.source_id = source;
    put.relationship_id = target;
    put.name = "hasCell";
    put.target_id = target;
    batch.operations.emplace_back(std::move(put));
  }
  batch.operations.emplace_back(ingest::DeleteTwin{"x", {}, false});
  ASSERT_THAT(engine->Write(std::move(batch)).status, IsOk());
  const std::string before = DumpOf(*engine);
  const absl::StatusOr<uint64_t> reclaimed = engine->Compact();
  ASSERT_THAT(reclaimed.status(), IsOk());
  EXPECT_EQ(*reclaimed, 0u);  // the past knows it still
  EXPECT_EQ(DumpOf(*engine), before);
  std::vector<std::string> cells;
  engine->Read([&](const graph::GraphView& head) {
    uint32_t next = 0;
    for (const TwinNumber twin :
         head.ListTwins(head.catalog().FindTable("dtmi:t:Cell;1")->id, 0, 10, &next)) {
      cells.emplace_back(head.IdOf(twin));
    }
  });
  EXPECT_THAT(cells, ElementsAre("c2", "c1", "c3"));
}

TEST_F(EngineTest, AModelMayComeBackWithOtherRelationships) {
  const auto model = [](absl::string_view schema) {
    return absl::StrCat(R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:M;1",)"
                        R"("@type":"Interface","contents":[{"@type":"Relationship","name":"r",)"
                        R"("properties":[{"@type":"Property","name":"p","schema":")",
                        schema, "\"}]}]}");
  };
  for (const char* schema : {"integer", "double", "string"}) {
    const std::unique_ptr<Engine> engine = Open();
    ingest::WriteBatch batch;
    batch.operations.emplace_back(ingest::CreateModels{{model(schema)}});
    ASSERT_THAT(engine->Write(batch).status, IsOk());
    ingest::PutTwin put;
    put.id = "t";
    put.model_id = "dtmi:t:M;1";
    ingest::PutRelationship relationship;
    relationship.source_id = relationship.target_id = "t";
    relationship.relationship_id = relationship.name = "r";
    relationship.contents.emplace_back("p", schema[0] == 's' ? Value::String("x") : Value::Int(1));
    batch.operations = {put, relationship};
    ASSERT_THAT(engine->Write(batch).status, IsOk());
    ASSERT_THAT(engine->Checkpoint(), IsOk());
    batch.operations = {ingest::DeleteTwin{"t", {}, true}};
    ASSERT_THAT(engine->Write(batch).status, IsOk());
    batch.operations = {ingest::DeleteModel{"dtmi:t:M;1"}};
    EXPECT_THAT(engine->Write(batch).status,
                StatusIs(StatusCode::kFailedPrecondition,
                         HasSubstr("holds 1 former twin and 1 former relationship of the model")));
    batch.operations = {ingest::DeleteModel{"dtmi:t:M;1", /*forget_past=*/true}};
    ASSERT_THAT(engine->Write(batch).status, IsOk());
    ASSERT_THAT(engine->Stop(), IsOk());
  }
  EXPECT_EQ(Open()->status().twins, 0);
}

TEST_F(EngineTest, WaitsForASequence) {
  const std::unique_ptr<Engine> engine = Open();
  const Time now = SystemClock().Now();
  EXPECT_THAT(engine->WaitFor(Sequence(1), Time{now.ns + 1000}),
              StatusIs(StatusCode::kDeadlineExceeded, HasSubstr("sequence 1")));
  EXPECT_THAT(engine->WaitFor(Sequence(uint64_t{1} << 60), now),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("min_sequence")));
  std::thread waiter(
      [&] { EXPECT_THAT(engine->WaitFor(Sequence(1), Time{now.ns + 60 * kNsPerSecond}), IsOk()); });
  CreateAll(engine.get());
  waiter.join();
}

TEST_F(EngineTest, ManyWaitWithoutAThreadEach) {
  options_.reads_waiting_max = 50;
  const std::unique_ptr<Engine> engine = Open();
  CreateAll(engine.get());
  Mutex mutex;
  CondVar changed;
  std::vector<absl::Status> answers;
  bool cancel = false;
  const auto note = [&](absl::Status status) {
    const MutexLock lock(&mutex);
    answers.push_back(std::move(status));
    changed.Signal();
  };
  const auto wait_for = [&](size_t count) {
    const MutexLock lock(&mutex);
    while (answers.size() < count) changed.Wait(&mutex);
    EXPECT_EQ(answers.size(), count);
  };
  const auto never = [] { return false; };
  const Time later{SystemClock().Now().ns + 3600 * kNsPerSecond};
  engine->WhenReached(Sequence(1), later, never, note);
  wait_for(1);
  for (int i = 0; i < 49; ++i) engine->WhenReached(Sequence(2), later, never, note);
  engine->WhenReached(
      Sequence(2), later,
      [&] {
        const MutexLock lock(&mutex);
        return cancel;
      },
      note);
  engine->WhenReached(Sequence(2), later, never, note);
  wait_for(2);
  EXPECT_THAT(answers.back(),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("reads_waiting_max (50)")));
  {
    const MutexLock lock(&mutex);
    cancel = true;
  }
  wait_for(3);
  EXPECT_EQ(answers.back().code(), StatusCode::kCancelled);
  ingest::WriteBatch batch;
  ingest::PutTwin put;
  put.id = "t";
  put.model_id = "dtmi:t:Cell;1";
  batch.operations.emplace_back(put);
  ASSERT_THAT(engine->Write(batch).status, IsOk());
  wait_for(52);
  EXPECT_THAT(answers.back(), IsOk());
  engine->WhenReached(Sequence(100), later, never, note);
  ASSERT_THAT(engine->Stop(), IsOk());
  wait_for(53);
  EXPECT_EQ(answers.back().code(), StatusCode::kUnavailable);
}

TEST_F(EngineTest, SnapshotsThatKeepTooMuchExpire) {
  options_.snapshot_retained_bytes_max = 20'000;
  const std::unique_ptr<Engine> engine = Open();
  CreateAll(engine.get());
  WriteSome(engine.get(), 1);
  const std::shared_ptr<HeldSnapshot> old = engine->Hold(SnapshotUse::kExport);
  engine->EnforceSnapshots();
  EXPECT_THAT(old->Get(), IsOk());  // nothing was written since
  // The engine's own thread may be the one that does it.
  for (uint32_t seed = 2; old->Get().ok(); ++seed) {
    WriteSome(engine.get(), seed);
    engine->EnforceSnapshots();
  }
  EXPECT_THAT(old->Get(),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("snapshot_retained_bytes_max")));
  EXPECT_EQ(engine->status().snapshots_expired, 1u);
  EXPECT_EQ(engine->status().memory.retained, 0u);
}

TEST_F(EngineTest, CheckpointsInTheBackground) {
  options_.checkpoint_journal_bytes = 10'000;
  options_.segment_bytes = 128 << 10;
  options_.event_retention_bytes = 0;
  options_.limits.batch_bytes_max = 32 << 10;
  const std::unique_ptr<Engine> engine = Open();
  CreateAll(engine.get());
  uint32_t seed = 0;
  while (engine->status().journal_oldest <= Sequence(1)) WriteSome(engine.get(), ++seed);
  EXPECT_GT(engine->status().checkpoint_sequence, Sequence(0));
}

}  // namespace
}  // namespace twin::engine
