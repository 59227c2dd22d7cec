#include "server/twind/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace twin::twind {
namespace {

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

class OptionsTest : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& name : variables_) unsetenv(name.c_str());
  }

  void SetVariable(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
    variables_.push_back(name);
  }

  // Returns its path.
  std::string WriteFile(const std::string& text, const std::string& name = "twind.toml") {
    std::string path = absl::StrCat(::testing::TempDir(), "/", getpid(), "-", name);
    std::ofstream(path) << text;
    return path;
  }

  absl::StatusOr<std::optional<std::string>> Read(std::vector<std::string> arguments) {
    options_ = Options();
    arguments.insert(arguments.begin(), {"--data-dir", "twins"});
    return ReadOptions(arguments, &options_);
  }
  absl::Status Refuse(const std::vector<std::string>& arguments) {
    return Read(arguments).status();
  }

  Options options_;
  std::vector<std::string> variables_;
};

std::vector<Setting> Flat(Options* options) {
  std::vector<Setting> all;
  for (const Section& section : AllSettings(options)) {
    all.insert(all.end(), section.settings.begin(), section.settings.end());
  }
  return all;
}

TEST_F(OptionsTest, EveryDefaultIsAllowed) {
  Options defaults;
  std::set<std::string> names;
  for (const Setting& setting : Flat(&defaults)) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name << " is there twice";
    EXPECT_THAT(Set(setting, {TextOf(setting)}), IsOk()) << setting.name;
  }
  EXPECT_GT(names.size(), 80u);
  EXPECT_THAT(Refuse({}), IsOk());
}

// Both ends of the range of every number, through the command line.
TEST_F(OptionsTest, EveryNumberHasBounds) {
  Options defaults;
  int numbers = 0;
  for (const Setting& setting : Flat(&defaults)) {
    if (absl::StrContains(TypeName(setting), "TEXT") || TypeName(setting).empty()) continue;
    ++numbers;
    EXPECT_GT(setting.max, setting.min) << setting.name;
    const std::string flag = absl::StrCat("--", setting.name);
    for (const std::string& text :
         {absl::StrCat(setting.min - 1), std::string("-9223372036854775808"),
          absl::StrCat(static_cast<uint64_t>(setting.max) + 1), std::string("18446744073709551615"),
          std::string("99999999999999999999"), std::string("many"), std::string("1.5"),
          std::string("64MiB")}) {
      EXPECT_THAT(Refuse({flag, text}),
                  StatusIs(StatusCode::kInvalidArgument,
                           AllOf(HasSubstr(flag), HasSubstr(text),
                                 HasSubstr(absl::StrCat("allowed: ", setting.min)),
                                 HasSubstr(absl::StrCat(setting.max)))))
          << text;
    }
  }
  EXPECT_GT(numbers, 75);
}

TEST_F(OptionsTest, MessagesSayWhatCameAndWhatIsAllowed) {
  EXPECT_EQ(Refuse({"--twin-id-length-max", "-5"}).message(),
            "--twin-id-length-max is -5; allowed: 1 to 128");
  EXPECT_EQ(Refuse({"--message-bytes-max=0"}).message(),
            "--message-bytes-max is 0; allowed: 65536 (64 KiB) to 1073741824 (1 GiB)");
  EXPECT_EQ(Refuse({"--deadline-default-ms", "-1"}).message(),
            "--deadline-default-ms is -1; allowed: 1 (1 ms) to 604800000 (7 days)");
  EXPECT_EQ(Refuse({"--log-level", "loud"}).message(),
            "--log-level is 'loud'; allowed: debug, info, warn or error");
  EXPECT_EQ(Refuse({"--twins-max", "1e6"}).message(),
            "--twins-max is '1e6', no whole number; allowed: 1 to 4000000000");
}

TEST_F(OptionsTest, AMessageNamesTheFileOrTheVariable) {
  const std::string file = WriteFile("twins-max = 0\n");
  EXPECT_EQ(Refuse({"--config", file}).message(),
            absl::StrCat(file, ": twins-max is 0; allowed: 1 to 4000000000"));
  SetVariable("TWIND_WORK_THREADS", "0");
  EXPECT_EQ(Refuse({}).message(), "TWIND_WORK_THREADS is 0; allowed: 1 to 256");
  EXPECT_EQ(Refuse({"--config", WriteFile("insecure = maybe\n")}).message(),
            absl::StrCat(file, ": insecure is 'maybe'; allowed: true or false"));
}

TEST_F(OptionsTest, SoDoesOneOfOptionsTogether) {
  const std::string file = WriteFile("listen = \"nowhere\"\n");
  EXPECT_THAT(
      Refuse({"--config", file}),
      StatusIs(StatusCode::kInvalidArgument,
               ::testing::StartsWith(absl::StrCat(file, ": listen is 'nowhere'; allowed:"))));
  WriteFile("listen = \"0.0.0.0:1\"\n");
  EXPECT_THAT(
      Refuse({"--config", file}),
      StatusIs(StatusCode::kInvalidArgument,
               ::testing::StartsWith(absl::StrCat(file, ": listen 0.0.0.0:1 is not a loopback"))));
  WriteFile("history-retention-of = [\"Pack=raw:7d\", \"Cell=samples:1parsec\"]\n");
  EXPECT_THAT(Refuse({"--config", file}),
              StatusIs(StatusCode::kInvalidArgument, ::testing::StartsWith(absl::StrCat(
                                                         file, ": history-retention-of: 'Cell="))));
  WriteFile("deadline-ms-max = 1000\n");
  EXPECT_THAT(Refuse({"--config", file}),
              StatusIs(StatusCode::kInvalidArgument,
                       ::testing::StartsWith("--deadline-default-ms is 30000")));
  SetVariable("TWIND_METRICS_LISTEN", "nowhere");
  EXPECT_THAT(Refuse({}), StatusIs(StatusCode::kInvalidArgument,
                                   ::testing::StartsWith("TWIND_METRICS_LISTEN is 'nowhere'")));
}

TEST_F(OptionsTest, VariablesThatAreNoOptionsAreTold) {
  SetVariable("TWIND_TWINS_MAX", "30");
  ASSERT_THAT(Refuse({}), IsOk());
  EXPECT_THAT(options_.warnings, ::testing::IsEmpty());
  SetVariable("TWIND_TWIN_MAX", "30");
  SetVariable("TWIND_", "1");
  ASSERT_THAT(Refuse({}), IsOk());
  ASSERT_EQ(options_.warnings.size(), 2u);
  EXPECT_THAT(options_.warnings[0], HasSubstr("TWIND_ is no option's"));
  EXPECT_EQ(options_.warnings[1], "TWIND_TWIN_MAX is no option's; did you mean TWIND_TWINS_MAX?");
  EXPECT_EQ(**Read({"--check-config"}),
            absl::StrCat("Warning: ", options_.warnings[0], "\nWarning: ", options_.warnings[1],
                         "\nThe configuration is good.\n"));
}

TEST_F(OptionsTest, ArgumentsComeBeforeTheFileAndThatBeforeTheEnvironment) {
  const std::string file = WriteFile("twins-max = 20\nmodels-max = 20\n");
  SetVariable("TWIND_TWINS_MAX", "30");
  SetVariable("TWIND_MODELS_MAX", "30");
  SetVariable("TWIND_LAYOUTS_MAX", "30");
  ASSERT_THAT(Refuse({"--config", file, "--twins-max", "10"}), IsOk());
  EXPECT_EQ(options_.engine.limits.twins_max, 10);
  EXPECT_EQ(options_.engine.limits.models_max, 20);
  EXPECT_EQ(options_.engine.limits.layouts_max, 30);
}

TEST_F(OptionsTest, TheEnvironmentNamesAFile) {
  SetVariable("TWIND_CONFIG", WriteFile("twins-max = 20\n"));
  ASSERT_THAT(Refuse({}), IsOk());
  EXPECT_EQ(options_.engine.limits.twins_max, 20);
  ASSERT_THAT(Refuse({"--config", WriteFile("twins-max = 40\n", "other.toml")}), IsOk());
  EXPECT_EQ(options_.engine.limits.twins_max, 40) << "the argument comes first";
  SetVariable("TWIND_CONFIG", "/nowhere/twind.toml");
  EXPECT_EQ(Refuse({}).message(), "there is no file /nowhere/twind.toml to read options from");
}

TEST_F(OptionsTest, AnUnknownKeyIsNamedWithItsFile) {
  const std::string file = WriteFile("twin-max = 20\n");
  EXPECT_EQ(Refuse({"--config", file}).message(),
            absl::StrCat(file, ": there is no option 'twin-max'; did you mean 'twins-max'?"));
  EXPECT_EQ(Refuse({"--config", WriteFile("[limits]\ntwins-max = 20\n")}).message(),
            absl::StrCat(file, ": 'limits' is a section; options stand without any"));
}

TEST_F(OptionsTest, AnUnknownOptionIsNamedBeforeOneThatIsMissing) {
  EXPECT_EQ(ReadOptions({"--lisen=x"}, &options_).status().message(),
            "unknown option '--lisen'; did you mean '--listen'?");
  EXPECT_EQ(ReadOptions({"serve"}, &options_).status().message(), "unexpected argument 'serve'");
  EXPECT_EQ(ReadOptions({}, &options_).status().message(), "--data-dir is required");
}

TEST_F(OptionsTest, WhatOptionsMustBeTogether) {
  EXPECT_THAT(Refuse({"--segment-bytes", "131072"}).message(),
              AllOf(HasSubstr("--segment-bytes is 131072"), HasSubstr("--batch-bytes-max")));
  EXPECT_THAT(Refuse({"--segment-bytes", "131072", "--batch-bytes-max", "65536"}), IsOk());
  EXPECT_THAT(Refuse({"--deadline-ms-max", "1000"}).message(),
              HasSubstr("--deadline-default-ms is 30000; allowed: at most --deadline-ms-max"));
  EXPECT_THAT(Refuse({"--listen", "127.0.0.1:99999"}).message(), HasSubstr("0 to 65535"));
  EXPECT_THAT(Refuse({"--metrics-listen", "0.0.0.0:7481"}).message(), HasSubstr("--insecure"));
  EXPECT_THAT(Refuse({"--history-retention-of", "Cell=samples:1parsec"}).message(),
              HasSubstr("parsec"));
}

TEST_F(OptionsTest, TheFolderIsNamed) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--data-dir", ""},
                                                    {"--data-dir", "", "--check-config"},
                                                    {"--data-dir=", "--check-config"},
                                                    {"--data-dir="},
                                                    {"--check-config", "--data-dir="}}) {
    EXPECT_EQ(ReadOptions(arguments, &options_).status().message(),
              "--data-dir is empty; name the folder of the data");
  }
  const std::string file = WriteFile("data-dir = \"\"\n");
  EXPECT_EQ(ReadOptions({"--config", file, "--check-config"}, &options_).status().message(),
            absl::StrCat(file, ": data-dir is empty; name the folder of the data"));
  EXPECT_EQ(Refuse({"--log-level=", "--check-config"}).message(),
            "--log-level is ''; allowed: debug, info, warn or error");
}

TEST_F(OptionsTest, AListTakesWordsFromEverywhere) {
  const std::vector<std::string> both = {"Cell=samples:90d,rollups:2y", "Pack=raw:7d"};
  ASSERT_THAT(Refuse({"--history-retention-of", both[0], "--history-retention-of", both[1]}),
              IsOk());
  EXPECT_EQ(options_.engine.history_retention_of, both);
  // A word that stands alone is no value of the option before it.
  EXPECT_EQ(Refuse({"--history-retention-of", both[0], both[1]}).message(),
            absl::StrCat("unexpected argument '", both[1], "'"));
  const std::string list =
      absl::StrCat("history-retention-of = [\"", both[0], "\", \"", both[1], "\"]\n");
  ASSERT_THAT(Refuse({"--config", WriteFile(list)}), IsOk());
  EXPECT_EQ(options_.engine.history_retention_of, both);
  SetVariable("TWIND_HISTORY_RETENTION_OF", absl::StrCat(both[0], " ", both[1]));
  ASSERT_THAT(Refuse({}), IsOk());
  EXPECT_EQ(options_.engine.history_retention_of, both);
}

// A form to fill in.
TEST_F(OptionsTest, OptionsArePrintedWithoutAFolder) {
  const auto printed = ReadOptions({"--print-config"}, &options_);
  ASSERT_THAT(printed.status(), IsOk());
  EXPECT_THAT(**printed, HasSubstr("\ndata-dir = \"\"\n"));
  const std::string file = WriteFile(**printed);
  EXPECT_EQ(**ReadOptions({"--config", file, "--print-config"}, &options_), **printed);
  EXPECT_THAT(ReadOptions({"--config", file}, &options_).status().message(),
              HasSubstr("data-dir is empty"));
  EXPECT_THAT(ReadOptions({"--config", file, "--data-dir", "twins"}, &options_).status(), IsOk());
}

// A printed configuration says the same again, whatever the options are.
TEST_F(OptionsTest, APrintedConfigurationIsReadAgain) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"--insecure", "--listen", "0.0.0.0:1", "--twins-max", "7", "--adt-limits",
       "--history-retention-of", "Cell=samples:90d,rollups:2y", "--log-format", "json"},
  };
  for (std::vector<std::string> arguments : cases) {
    arguments.push_back("--print-config");
    const auto printed = Read(arguments);
    ASSERT_THAT(printed.status(), IsOk());
    const std::string file = WriteFile(**printed);
    Options again;
    const auto printed_again = ReadOptions({"--config", file, "--print-config"}, &again);
    ASSERT_THAT(printed_again.status(), IsOk());
    EXPECT_EQ(**printed_again, **printed);
    EXPECT_EQ(again.server.insecure, options_.server.insecure);
    EXPECT_EQ(again.engine.history_retention_of, options_.engine.history_retention_of);
  }
}

TEST_F(OptionsTest, WhatIsPrintedInsteadOfServing) {
  EXPECT_EQ(**Read({"--check-config"}), "The configuration is good.\n");
  EXPECT_EQ(**ReadOptions({"--version"}, &options_), absl::StrCat("twind ", kVersion, "\n"));
  const std::string help = **ReadOptions({"--help"}, &options_);
  EXPECT_THAT(help, AllOf(HasSubstr("--segment-bytes BYTES=67108864 (Env:TWIND_SEGMENT_BYTES)"),
                          HasSubstr("size of a journal file (128 KiB to 1 GiB)")));
  EXPECT_FALSE(Read({})->has_value());
}

}  // namespace
}  // namespace twin::twind
