#include "clients/twinsim/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "clients/twinsim/json_line.h"
#include "clients/twinsim/models_folder.h"
#include "clients/twinsim/output_file.h"
#include "tests/support/status_matchers.h"

namespace twin::twinsim {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::twin::testing::IsOk;
using ::twin::testing::IsOkAndHolds;
using ::twin::testing::StatusIs;

bool Always(double) { return true; }

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A folder of its own, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "twinsim-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  fs::path operator/(const char* name) const { return path_ / name; }
  std::string path() const { return path_.string(); }
  void Write(const char* name, absl::string_view text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

 private:
  fs::path path_;
};

// --- The file ------------------------------------------------------------------------------------

std::string ExportToString(const FleetOptions& options, const std::vector<std::string>& models) {
  std::string text;
  const auto counts = ExportFleet(
      Fleet(options), models,
      [&](absl::string_view bytes) {
        EXPECT_FALSE(bytes.empty());
        text.append(bytes.data(), bytes.size());
        return absl::OkStatus();
      },
      Always);
  EXPECT_THAT(counts, IsOk());
  return text;
}

TEST(Export, HasFourSections) {
  const std::string text = ExportToString({.vehicles = 2}, {R"({"@id":"a"})", R"({"@id":"b"})"});
  EXPECT_THAT(text, EndsWith("}\n"));
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  lines.pop_back();
  ASSERT_GT(lines.size(), 300u);
  EXPECT_EQ(lines[0], R"({"Section":"Header"})");
  EXPECT_EQ(lines[1], R"({"fileVersion":"1.0.0","author":"twinsim","organization":"Twingraph"})");
  EXPECT_EQ(lines[2], R"({"Section":"Models"})");
  EXPECT_EQ(lines[3], R"({"@id":"a"})");
  EXPECT_EQ(lines[4], R"({"@id":"b"})");
  EXPECT_EQ(lines[5], R"({"Section":"Twins"})");
  EXPECT_THAT(lines[6], StartsWith(R"({"$dtId":"fleet-001","$metadata":{"$model":"dtmi:)"));
  EXPECT_THAT(lines[7], StartsWith(R"({"$dtId":"veh-000001","$metadata":{"$model":"dtmi:)"));
  size_t relationships = 8;
  while (relationships < lines.size() && lines[relationships] != R"({"Section":"Relationships"})") {
    ++relationships;
  }
  ASSERT_LT(relationships + 1, lines.size());
  EXPECT_THAT(lines[relationships + 1],
              StartsWith(R"({"$relationshipId":"v1","$sourceId":"fleet-001","$targetId":)"
                         R"("veh-000001","$relationshipName":"contains","since":")"));
}

TEST(Export, EveryLineIsAnObject) {
  const std::string text = ExportToString({.vehicles = 30}, {});
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const auto json = nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
    ASSERT_TRUE(json.is_object()) << line;
  }
}

TEST(Export, IsTheSameForTheSameFleet) {
  const std::string text = ExportToString({.vehicles = 30, .seed = 5}, {});
  EXPECT_EQ(text, ExportToString({.vehicles = 30, .seed = 5}, {}));
  EXPECT_NE(text, ExportToString({.vehicles = 30, .seed = 6}, {}));
}

TEST(Export, CountsAndReportsProgress) {
  size_t bytes = 0;
  std::vector<double> shares;
  const auto counts = ExportFleet(
      Fleet({.vehicles = 2}), {},
      [&](absl::string_view piece) {
        bytes += piece.size();
        return absl::OkStatus();
      },
      [&](double share) {
        shares.push_back(share);
        return true;
      });
  ASSERT_THAT(counts, IsOk());
  EXPECT_GT(counts->twins, 260);
  EXPECT_GT(counts->relationships, counts->twins);
  EXPECT_GT(bytes, 100'000u);
  EXPECT_THAT(shares, ElementsAre(0.25, 0.5, 0.75, 1));
}

TEST(Export, WritesPiecesAndStopsWhenOneFails) {
  int pieces = 0;
  const auto counts = ExportFleet(
      Fleet({.vehicles = 1000}), {},
      [&](absl::string_view bytes) {
        EXPECT_GT(bytes.size(), 1u << 20);
        return ++pieces == 3 ? absl::UnavailableError("full") : absl::OkStatus();
      },
      Always);
  EXPECT_THAT(counts, StatusIs(absl::StatusCode::kUnavailable, "full"));
  EXPECT_EQ(pieces, 3);
}

TEST(Export, StopsWhenAsked) {
  for (const int stop_after : {1, 5}) {  // among twins, among relationships
    int vehicles = 0;
    const auto counts = ExportFleet(
        Fleet({.vehicles = 3}), {}, [](absl::string_view) { return absl::OkStatus(); },
        [&](double) { return ++vehicles < stop_after; });
    EXPECT_THAT(counts, StatusIs(absl::StatusCode::kCancelled, "interrupted"));
    EXPECT_EQ(vehicles, stop_after);
  }
}

// --- JSON ----------------------------------------------------------------------------------------

std::string JsonOf(const Value& value) {
  std::string text;
  AppendJsonValue(value, &text);
  return text;
}

TEST(JsonLine, EscapesStrings) {
  EXPECT_EQ(JsonOf(""), R"("")");
  EXPECT_EQ(JsonOf("Zürich 充电"), R"("Zürich 充电")");
  EXPECT_EQ(JsonOf("a\"b\\c\nd\x1f\x7f"), "\"a\\\"b\\\\c\\nd\\u001f\x7f\"");
  EXPECT_EQ(JsonOf(absl::string_view("\0", 1)), R"("\u0000")");
}

TEST(JsonLine, WritesNumbersWithoutExponents) {
  EXPECT_EQ(JsonOf(0), "0");
  EXPECT_EQ(JsonOf(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(JsonOf(0.1), "0.1");
  EXPECT_EQ(JsonOf(100000.0), "100000");
  EXPECT_EQ(JsonOf(1e-7), "0.0000001");
  EXPECT_THAT(JsonOf(-std::numeric_limits<double>::max()), SizeIs(310));
  EXPECT_THAT(JsonOf(std::numeric_limits<double>::denorm_min()), StartsWith("0.000"));
  EXPECT_EQ(JsonOf(std::nan("")), "null");
}

TEST(JsonLine, WritesObjects) {
  const Property fields[] = {{"lowest", -30.0}, {"on", true}};
  EXPECT_EQ(JsonOf(absl::Span<const Property>(fields)), R"({"lowest":-30,"on":true})");
  EXPECT_EQ(JsonOf(absl::Span<const Property>()), "{}");
  std::string line;
  AppendTwinLine({.id = "a\"b", .model = "dtmi:m;1", .properties = {}}, &line);
  EXPECT_EQ(line, "{\"$dtId\":\"a\\\"b\",\"$metadata\":{\"$model\":\"dtmi:m;1\"}}\n");
}

// --- The models ----------------------------------------------------------------------------------

TEST(Models, AreTheOntologyInOneLineEach) {
  const auto models = ReadModels("models/battery", FleetModels());
  ASSERT_THAT(models, IsOk());
  EXPECT_THAT(*models, SizeIs(14));
  for (const std::string& model : *models) {
    EXPECT_EQ(model.find('\n'), std::string::npos);
    EXPECT_TRUE(nlohmann::json::parse(model).contains("contents"));
  }
  EXPECT_EQ(nlohmann::json::parse(models->back()),
            nlohmann::json::parse(ReadAll("models/battery/Vehicle.json")));
}

TEST(Models, AreReadFromFoldersBelowAndFromArrays) {
  const TemporaryFolder folder;
  folder.Write("b.json", "[{\"@id\": \"2\"},\n {\"@id\": \"3\"}]");
  folder.Write("a/x.json", R"({"z": 1.50, "@id": "1"})");
  folder.Write(".hidden.json", "{");
  folder.Write("README.md", "{");
  EXPECT_THAT(
      ReadModels(folder.path(), {"1", "3"}),
      IsOkAndHolds(ElementsAre(R"({"z":1.5,"@id":"1"})", R"({"@id":"2"})", R"({"@id":"3"})")));
  EXPECT_THAT(ReadModels(folder.path(), {"4"}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("lack 4,")));
}

TEST(Models, ThatAreWrongAreRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(ReadModels(folder.path(), {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no models (*.json) in")));
  EXPECT_THAT(ReadModels((folder / "x").string(), {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("No such file or directory")));
  folder.Write("a.json", "{");
  EXPECT_THAT(ReadModels(folder.path(), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a.json' is not JSON")));
  for (const char* text : {"{}", "3", R"({"@id": 3})", "[[]]"}) {
    folder.Write("a.json", text);
    EXPECT_THAT(ReadModels(folder.path(), {}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a.json' is no model")))
        << text;
  }
}

TEST(Models, AreLookedForBesideTheProgram) {
  EXPECT_THAT(ModelsFolders("/opt/bin"),
              ElementsAre("/opt/bin/../share/twingraph/models/battery",
                          "/opt/bin/../../../models/battery", "./models/battery"));
  const TemporaryFolder folder;
  folder.Write("there/x.json", "");
  const std::string missing = (folder / "missing").string();
  const std::string there = (folder / "there").string();
  EXPECT_THAT(FindModelsFolder({missing, there, folder.path()}), IsOkAndHolds(there));
  EXPECT_THAT(FindModelsFolder({missing, there + "/x.json"}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(missing), HasSubstr("x.json"), HasSubstr("--models"))));
}

// --- Where it goes -------------------------------------------------------------------------------

TEST(OutputFile, AppearsWhenItIsWhole) {
  const TemporaryFolder folder;
  const fs::path path = folder / "out";
  folder.Write("out", "old");
  {
    auto file = OutputFile::Create(path.string());
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT(file->Write("one "), IsOk());
    EXPECT_THAT(file->Write("two"), IsOk());
    EXPECT_EQ(ReadAll(path), "old");
    EXPECT_THAT(file->Commit(), IsOk());
  }
  EXPECT_EQ(ReadAll(path), "one two");
  EXPECT_FALSE(fs::exists(folder / "out.part"));
}

TEST(OutputFile, LeavesNothingWhenItIsGivenUp) {
  const TemporaryFolder folder;
  {
    auto file = OutputFile::Create((folder / "out").string());
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT(file->Write("half"), IsOk());
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(OutputFile, WritesThroughLinks) {
  const TemporaryFolder folder;
  folder.Write("file", "old");
  fs::create_symlink(folder / "file", folder / "link");
  auto file = OutputFile::Create((folder / "link").string());
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->Write("new"), IsOk());
  EXPECT_THAT(file->Commit(), IsOk());
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(ReadAll(folder / "file"), "new");
}

TEST(OutputFile, StopsWhenInterrupted) {
  bool interrupted = false;
  auto file = OutputFile::Create("/dev/null", [&] { return interrupted; });
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->Write("x"), IsOk());
  interrupted = true;
  EXPECT_THAT(file->Write("x"), StatusIs(absl::StatusCode::kCancelled, "interrupted"));
}

TEST(OutputFile, SaysWhatIsWrong) {
  EXPECT_THAT(OutputFile::Create("/nowhere/x"),
              StatusIs(absl::StatusCode::kUnavailable,
                       "cannot write '/nowhere/x': No such file or directory"));
  auto full = OutputFile::Create("/dev/full");
  ASSERT_THAT(full, IsOk());
  EXPECT_THAT(full->Write("x"), StatusIs(absl::StatusCode::kUnavailable,
                                         "cannot write '/dev/full': No space left on device"));
}

}  // namespace
}  // namespace twin::twinsim
