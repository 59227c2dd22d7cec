// `twinctl check` on a data directory of an engine: what it prints and returns.
#include "clients/twinctl/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "clients/twinctl/command_line.h"
#include "server/engine/engine.h"

namespace twin::twinctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

Outcome Check(const std::vector<std::string>& arguments) {
  CommandLine line("twinctl", "A program", "0");
  AddCheck(&line);
  std::vector<std::string> all = {"check"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::ostringstream out, err;
  Outcome outcome;
  outcome.code = line.Run(all, {.out = &out, .err = &err});
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

class CheckTest : public ::testing::Test {
 protected:
  CheckTest() {
    root_ = ::testing::TempDir() + "/check-XXXXXX";
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    options_.data_dir = root_ + "/data";
    options_.segment_bytes = 1 << 20;
    options_.limits.batch_bytes_max = 512 << 10;
    options_.reserve_bytes = 0;
  }
  ~CheckTest() override {
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }

  std::unique_ptr<engine::Engine> Open() const {
    auto engine = engine::Engine::Open(options_);
    EXPECT_TRUE(engine.ok()) << engine.status();
    return engine.ok() ? *std::move(engine) : nullptr;
  }
  // A model and three twins.
  static void Fill(engine::Engine* engine) {
    ingest::WriteBatch batch;
    batch.operations.emplace_back(ingest::CreateModels{
        {R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:M;1","@type":"Interface"})"}});
    EXPECT_TRUE(engine->Write(batch).status.ok());
    batch.operations.clear();
    for (const char* id : {"a", "b", "c"}) {
      ingest::PutTwin put;
      put.id = id;
      put.model_id = "dtmi:t:M;1";
      batch.operations.emplace_back(put);
    }
    EXPECT_TRUE(engine->Write(batch).status.ok());
  }
  void Flip(const std::string& path, uint64_t at) const {
    auto file = PosixFileSystem()->OpenToWrite(path);
    ASSERT_TRUE(file.ok()) << file.status();
    std::string byte;
    ASSERT_TRUE((*file)->Read(at, 1, &byte).ok() && byte.size() == 1);
    byte[0] = static_cast<char>(byte[0] ^ 1);
    ASSERT_TRUE((*file)->Write(at, byte).ok());
  }

  std::string root_;
  engine::EngineOptions options_;
};

TEST_F(CheckTest, SaysWhatEachPartHas) {
  {
    const std::unique_ptr<engine::Engine> engine = Open();
    Fill(engine.get());
    const Outcome in_use = Check({options_.data_dir});
    EXPECT_EQ(in_use.code, 1);
    EXPECT_THAT(in_use.err, HasSubstr("another twind uses"));
  }
  const Outcome journal_only = Check({options_.data_dir});
  EXPECT_EQ(journal_only.code, 0) << journal_only.err;
  EXPECT_EQ(journal_only.err, "");
  EXPECT_THAT(journal_only.out,
              AllOf(HasSubstr("store: checkpoint 0 at sequence 0: good\n"),
                    HasSubstr("journal: sequences 1 to 2 in 1 segment, 2 records: good\n"),
                    HasSubstr("state: 3 twins, 0 relationships at sequence 2; 0 twins and 0 "
                              "relationships that have ended: good\n")));
  EXPECT_TRUE(Open()->Stop().ok());
  EXPECT_THAT(Check({options_.data_dir}).out,
              StartsWith("store: checkpoint 1 at sequence 2: good\n"));
}

TEST_F(CheckTest, SaysThatTheJournalIsEmpty) {
  { const std::unique_ptr<engine::Engine> engine = Open(); }
  EXPECT_THAT(Check({options_.data_dir}).out,
              HasSubstr("journal: no sequences in 1 segment, 0 records"));
}

TEST_F(CheckTest, NamesWhatIsDamagedAndReadsTheRest) {
  {
    const std::unique_ptr<engine::Engine> engine = Open();
    Fill(engine.get());
    EXPECT_TRUE(engine->Stop().ok());
  }
  const std::string segment = options_.data_dir + "/journal/segment-0000000000000001";
  Flip(segment, 4096 + 70);
  Outcome outcome = Check({options_.data_dir});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("store: checkpoint 1 at sequence 2: good\n"),
                                 HasSubstr("segment-0000000000000001 at byte 4096")));
  EXPECT_THAT(outcome.err, AllOf(StartsWith("twinctl: "), HasSubstr("journal damaged")));
  Flip(segment, 4096 + 70);
  EXPECT_EQ(Check({options_.data_dir}).code, 0);

  std::filesystem::resize_file(options_.data_dir + "/store/data.mdb", 8192);
  outcome = Check({options_.data_dir});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("data.mdb"), HasSubstr("journal: sequences 1 to 2")));
}

TEST_F(CheckTest, RefusesWhatIsNoDataDirectory) {
  EXPECT_EQ(Check({root_ + "/none"}).code, 1);
  EXPECT_THAT(Check({root_ + "/none"}).err, HasSubstr("there is no folder"));
  EXPECT_THAT(Check({root_}).err, HasSubstr("is no data directory of twind"));
  EXPECT_EQ(Check({}).code, 2);
}

}  // namespace
}  // namespace twin::twinctl
