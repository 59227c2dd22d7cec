#include "clients/twinctl/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "clients/twinctl/context_file.h"
#include "tests/support/status_matchers.h"

namespace twin::twinctl {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::twin::testing::IsOk;
using ::twin::testing::IsOkAndHolds;
using ::twin::testing::StatusIs;

TEST(ContextPathTest, FollowsXdg) {
  EXPECT_EQ(ContextPath({.home = "/home/u"}), "/home/u/.config/twinctl/config.toml");
  EXPECT_EQ(ContextPath({.config_home = "/etc/xdg", .home = "/home/u"}),
            "/etc/xdg/twinctl/config.toml");
  EXPECT_EQ(ContextPath({.config_home = "not/absolute", .home = "/home/u"}),
            "/home/u/.config/twinctl/config.toml");
}

class ChooseServerTest : public ::testing::Test {
 protected:
  ChooseServerTest() {
    options_.environment.config_home =
        ::testing::TempDir() + "choose_server_" +
        ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(options_.environment.config_home);
  }
  ~ChooseServerTest() override { std::filesystem::remove_all(options_.environment.config_home); }

  std::string Choose() {
    const absl::StatusOr<ServerChoice> choice = ChooseServer(options_);
    return choice.ok() ? choice->address + " by " + choice->reason
                       : std::string(choice.status().message());
  }

  ServerOptions options_;
};

TEST_F(ChooseServerTest, TheNearestCounts) {
  EXPECT_EQ(Choose(), "127.0.0.1:7480 by the default");
  const std::string path = ContextPath(options_.environment);
  ASSERT_THAT(SetContext(path, "plant", "p:1"), IsOk());
  ASSERT_THAT(SetContext(path, "home", "h:1"), IsOk());
  EXPECT_EQ(Choose(), "p:1 by the context 'plant'");
  options_.environment.context = "home";
  EXPECT_EQ(Choose(), "h:1 by the context 'home'");
  options_.environment.address = "e:1";
  EXPECT_EQ(Choose(), "e:1 by TWINCTL_ADDRESS");
  options_.context = "plant";
  EXPECT_EQ(Choose(), "p:1 by the context 'plant'");
  options_.address = "a:1";
  EXPECT_EQ(Choose(), "a:1 by --address");
}

TEST_F(ChooseServerTest, SaysWhoNamesAContextThatIsNotThere) {
  options_.environment.context = "nope";
  EXPECT_THAT(Choose(), StartsWith("TWINCTL_CONTEXT: no context is called 'nope'"));
  options_.context = "plan";
  ASSERT_THAT(SetContext(ContextPath(options_.environment), "plant", "p:1"), IsOk());
  EXPECT_THAT(Choose(), StartsWith("--context: no context is called 'plan'"));
  EXPECT_THAT(Choose(), HasSubstr("did you mean 'plant'?"));
}

TEST(TimeoutTest, HasAUnitOrIsSeconds) {
  EXPECT_THAT(ParseTimeout("5s"), IsOkAndHolds(milliseconds(5000)));
  EXPECT_THAT(ParseTimeout("1m30s"), IsOkAndHolds(milliseconds(90'000)));
  EXPECT_THAT(ParseTimeout("500ms"), IsOkAndHolds(milliseconds(500)));
  EXPECT_THAT(ParseTimeout("2"), IsOkAndHolds(milliseconds(2000)));
  EXPECT_THAT(ParseTimeout("0.25"), IsOkAndHolds(milliseconds(250)));
  for (const char* text : {"", "x", "5x", "0", "-1s", "25h", "inf", "nan", "0.1ms"}) {
    EXPECT_THAT(ParseTimeout(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("such as 5s, 500ms or 2m")))
        << text;
  }
}

std::string Reported(const absl::Status& status, int code) {
  std::ostringstream out, err;
  EXPECT_EQ(Report(status, Console{.out = out, .err = err}), code);
  EXPECT_EQ(out.str(), "");
  return err.str();
}

TEST(ReportTest, TellsKindsOfFailuresApart) {
  EXPECT_EQ(Reported(UsageError("no"), 2), "twinctl: no\n");
  EXPECT_EQ(Reported(absl::InvalidArgumentError("no"), 1), "twinctl: no\n");
  EXPECT_EQ(Reported(absl::UnavailableError("the disk failed"), 1), "twinctl: the disk failed\n");
  EXPECT_EQ(Reported(absl::AbortedError(""), 1), "twinctl: ABORTED\n");
}

TEST(ReportTest, KeepsLinesAndWhatCouldSteerTheTerminal) {
  EXPECT_EQ(Reported(absl::InvalidArgumentError("one\ntwo\x1b[2J\n\nthree\n"), 1),
            "twinctl: one\n  two\uFFFD[2J\n  three\n");
}

TEST(OnServerTest, NoServerIsExitCode3) {
  const auto options = std::make_shared<ServerOptions>();
  options->address = "127.0.0.1:1";
  options->timeout = "5s";
  const Action action =
      OnServer(options, [](client::Client* client, const Console&) -> absl::StatusOr<ExitCode> {
        return client->Status().status();
      });
  std::ostringstream out, err;
  EXPECT_EQ(action(Console{.out = out, .err = err}), 3);
  EXPECT_THAT(err.str(), StartsWith("twinctl: no server can be reached at 127.0.0.1:1: "));
  EXPECT_THAT(err.str(), HasSubstr("Start one with 'twind --data-dir DIR'"));
}

TEST(OnServerTest, AWrongAddressIsWrongUsage) {
  const auto options = std::make_shared<ServerOptions>();
  options->address = "http://here";
  const Action action =
      OnServer(options, [](client::Client*, const Console&) { return kExitDone; });
  std::ostringstream out, err;
  EXPECT_EQ(action(Console{.out = out, .err = err}), 2);
  EXPECT_THAT(err.str(), HasSubstr("'http://here' is no address"));
}

}  // namespace
}  // namespace twin::twinctl
