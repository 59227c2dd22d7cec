#include "clients/twinsim/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"

namespace twin::twinsim {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

class CommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "twinsim-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path(const char* name) const { return (folder_ / name).string(); }

  // Runs a line, where "FILE" stands for a file of this test's.
  Outcome RunLine(absl::string_view line, Process process = {}) const {
    std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    for (std::string& word : words) {
      if (word == "FILE") word = Path("fleet.ndjson");
    }
    std::ostringstream out, err;
    process.out = &out;
    process.err = &err;
    process.version = "1.2.3";
    process.program_folder = folder_.string();  // the ontology is found in the current folder
    const int code = twinsim::Run(words, process);
    return {code, out.str(), err.str()};
  }

  std::string Written() const {
    std::ifstream file(Path("fleet.ndjson"), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
};

TEST_F(CommandTest, WritesAFile) {
  const Outcome outcome = RunLine("fleet --vehicles 2 --export FILE");
  EXPECT_EQ(outcome.code, kExitDone);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, IsEmpty());
  const std::string text = Written();
  EXPECT_THAT(text, AllOf(StartsWith("{\"Section\":\"Header\"}\n"),
                          HasSubstr(R"("@id":"dtmi:twingraph:battery:Vehicle;1")"),
                          HasSubstr(R"("$dtId":"veh-000002")"), EndsWith("}\n")));

  ASSERT_EQ(RunLine("fleet --export FILE --seed 1 --vehicles 2").code, kExitDone);
  EXPECT_EQ(Written(), text) << "1 is the default seed";
  ASSERT_EQ(RunLine("fleet --export FILE --seed 2 --vehicles 2").code, kExitDone);
  EXPECT_NE(Written(), text);
  ASSERT_EQ(RunLine("fleet --export FILE --vehicles 2 --models models").code, kExitDone);
  EXPECT_EQ(Written(), text);
}

TEST_F(CommandTest, WritesToStdout) {
  ASSERT_EQ(RunLine("fleet --vehicles 2 --export FILE").code, kExitDone);
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(RunLine("fleet --vehicles 2 --export -").code, kExitDone);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), Written());
}

TEST_F(CommandTest, ShowsProgressOnATerminal) {
  const Outcome outcome = RunLine("fleet --vehicles 2 --export FILE", {.err_is_terminal = true});
  EXPECT_EQ(outcome.code, kExitDone);
  EXPECT_THAT(outcome.err,
              AllOf(StartsWith("\rwriting the fleet:  25 %\rwriting"),
                    HasSubstr("\r\x1b[Ktwinsim: 2 vehicles: "), EndsWith(" relationships\n")));
}

TEST_F(CommandTest, LeavesNothingWhenInterrupted) {
  for (const bool terminal : {false, true}) {
    const Outcome outcome =
        RunLine("fleet --vehicles 2 --export FILE",
                {.err_is_terminal = terminal, .interrupted = [] { return true; }});
    EXPECT_EQ(outcome.code, kExitInterrupted);
    EXPECT_TRUE(fs::is_empty(folder_));
  }
}

TEST_F(CommandTest, RefusesWhatCannotBeDone) {
  for (const auto& [line, message] : std::vector<std::pair<std::string, std::string>>{
           {"fleet --vehicles 2 --export /nowhere/x", "cannot write '/nowhere/x': No such file"},
           {"fleet --vehicles 2 --export /dev/full", "cannot write '/dev/full': No space left"},
           {"fleet --vehicles 2 --export FILE --models /nowhere", "cannot read '/nowhere'"},
           {"fleet --vehicles 2 --export FILE --models cmake", "no models (*.json) in 'cmake'"},
           {"fleet --vehicles 2 --export FILE --models tests/data/oem",
            "the models in 'tests/data/oem' lack dtmi:twingraph:battery:"},
       }) {
    const Outcome outcome = RunLine(line);
    EXPECT_EQ(outcome.code, kExitRefused) << line;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("twinsim: " + message), EndsWith("\n")));
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_TRUE(fs::is_empty(folder_)) << line;
  }
}

TEST_F(CommandTest, ExplainsWrongUse) {
  for (const auto& [line, message] : std::vector<std::pair<std::string, std::string>>{
           {"",
            "a command is missing; there are fleet, lives, replay and load\nSee 'twinsim "
            "--help'.\n"},
           {"flet --vehicles 2",
            "unknown command 'flet'; there are fleet, lives, replay and load\n"},
           {"--vrsion", "unknown option '--vrsion'\n"},
           {"fleet", "--vehicles is required\nSee 'twinsim fleet --help'.\n"},
           {"fleet --vehicles 2 --rate soon", "--rate: 'soon' is no time such as 10s, 2h or 7d\n"},
           {"fleet --vehicles 2 --speed fast", "--speed: 'fast' is no speed such as 60x\n"},
           {"fleet --vehicles 2 --since 0s", "--since: '0s' is no time"},
           {"fleet --vehicles 2 --for ever", "--for: 'ever' is no time"},
           {"fleet --vehicles 2 --from monday", "--from: 'monday' is no time such as 2026"},
           {"fleet --vehicles 2 --fault rust@veh-000001", "--fault: 'rust@veh-000001' is no fault"},
           {"fleet --export FILE", "--vehicles is required\n"},
           {"fleet --vehicles 0 --export FILE", "--vehicles: Value 0 not in range 1 to 10000000\n"},
           {"fleet --vehicles 10000001 --export FILE", "--vehicles: Value 10000001 not in range"},
           {"fleet --vehicles many --export FILE", "--vehicles: Value many not in range"},
           {"fleet --vehicles 2 --seed -1 --export FILE", "--seed: '-1' is no integer from 0"},
           {"fleet --vehicles 2 --seed 18446744073709551616 --export FILE", "--seed: '18446744"},
           {"fleet --vehicles 2 --speed 3 --export FILE", "--export excludes --speed\n"},
           {"fleet --vehicles 2 --export FILE more", "unexpected argument 'more'\n"},
       }) {
    const Outcome outcome = RunLine(line);
    EXPECT_EQ(outcome.code, kExitUsage) << line;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("twinsim: " + message), EndsWith("--help'.\n")));
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_TRUE(fs::is_empty(folder_)) << line;
  }
}

TEST_F(CommandTest, Helps) {
  const Outcome help = RunLine("--help");
  EXPECT_EQ(help.code, kExitDone);
  EXPECT_THAT(help.out, HasSubstr("fleet"));
  const Outcome of_fleet = RunLine("fleet --help");
  EXPECT_EQ(of_fleet.code, kExitDone);
  EXPECT_THAT(of_fleet.out, AllOf(HasSubstr("--vehicles N"), HasSubstr("--seed S"),
                                  HasSubstr("--export FILE"), HasSubstr("--models DIR")));
  EXPECT_EQ(RunLine("--version").out, "twinsim 1.2.3\n");
}

}  // namespace
}  // namespace twin::twinsim
