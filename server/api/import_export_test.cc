// Import and Export through a real server and channel.
#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/api/server_fixture.h"
#include "tests/support/status_matchers.h"

namespace twin::api {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

TEST(Api, ExportAndImportGiveTheSameGraph) {
  RunningServer first;
  first.Fill();
  const std::string data = first.Export();
  RunningServer second;
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  ASSERT_THAT(second.Import(data, pb::ImportOptions(), &progress, &errors), IsOk());
  EXPECT_TRUE(progress.done());
  EXPECT_EQ(progress.models(), 4u);
  EXPECT_EQ(progress.twins(), 4u);
  EXPECT_EQ(progress.relationships(), 2u);
  EXPECT_EQ(progress.bytes(), data.size());
  EXPECT_EQ(second.Export(), data);
}

TEST(Api, ObjectsWithoutFieldsAreExported) {
  RunningServer server;
  const std::string data = absl::StrCat(
      "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\",\"author\":\"twingraph\"}\n"
      "{\"Section\":\"Models\"}\n",
      R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:C;1","@type":"Interface","contents":[)",
      R"({"@type":"Property","name":"o","schema":{"@type":"Object","fields":[)",
      R"({"name":"x","schema":"double"}]}}]})", "\n{\"Section\":\"Twins\"}\n",
      R"({"$dtId":"a","$metadata":{"$model":"dtmi:t:C;1"},"o":{}})", "\n",
      R"({"$dtId":"b","$metadata":{"$model":"dtmi:t:C;1"}})", "\n",
      "{\"Section\":\"Relationships\"}\n");
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  ASSERT_THAT(server.Import(data, pb::ImportOptions(), &progress, &errors), IsOk());
  EXPECT_EQ(server.Export(), data);
}

// Also of fields of Objects, properties of components, and an Object without fields.
TEST(Api, SourceTimesAreExportedAndImported) {
  constexpr absl::string_view kModels = R"([
    {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:C;1","@type":"Interface","contents":[
      {"@type":"Property","name":"s","schema":"double"},
      {"@type":"Property","name":"o","schema":{"@type":"Object","fields":[
        {"name":"x","schema":"double"},{"name":"y","schema":"double"}]}},
      {"@type":"Property","name":"e","schema":{"@type":"Object","fields":[
        {"name":"x","schema":"double"}]}},
      {"@type":"Component","name":"c","schema":"dtmi:t:D;1"}]},
    {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:D;1","@type":"Interface","contents":[
      {"@type":"Property","name":"v","schema":"double"}]}])";
  constexpr int64_t kBegin = 1'700'000'000'000'000'000;
  constexpr int64_t kSecond = 1'000'000'000;
  RunningServer first;
  ASSERT_THAT(first.CreateModels(kModels), IsOk());
  pb::CreateTwinRequest create;
  create.mutable_twin()->set_id("t");
  create.mutable_twin()->set_model_id("dtmi:t:C;1");
  create.mutable_twin()->set_contents_json(R"({"s":1,"o":{"x":1},"e":{},"c":{"v":1}})");
  create.set_source_time_unix_nano(kBegin);
  pb::CreateTwinResponse created;
  ASSERT_THAT(first.Call(&pb::TwinService::Stub::CreateTwin, first.twins_.get(), create, &created),
              IsOk());
  const auto set = [](RunningServer* server, const std::string& path, int64_t time) {
    pb::UpdateTwinRequest request;
    request.set_id("t");
    pb::Edit* const edit = request.add_edits();
    edit->set_kind(pb::Edit::SET);
    edit->set_path(path);
    edit->mutable_value()->set_double_value(2);
    request.set_source_time_unix_nano(time);
    pb::UpdateTwinResponse response;
    return server->Call(&pb::TwinService::Stub::UpdateTwin, server->twins_.get(), request,
                        &response);
  };
  ASSERT_THAT(set(&first, "/o/y", kBegin + 50 * kSecond), IsOk());

  const std::string data = first.Export();
  EXPECT_THAT(data, HasSubstr(R"("e":{"sourceTime":"2023-11-14T22:13:20Z"})"));
  EXPECT_THAT(data, HasSubstr(R"("o.x":{"sourceTime":"2023-11-14T22:13:20Z"})"));
  EXPECT_THAT(data, HasSubstr(R"("o.y":{"sourceTime":"2023-11-14T22:14:10Z"})"));
  EXPECT_THAT(data, HasSubstr(R"("c.v":{"sourceTime":"2023-11-14T22:13:20Z"})"));
  RunningServer second;
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  ASSERT_THAT(second.Import(data, pb::ImportOptions(), &progress, &errors), IsOk());
  EXPECT_EQ(second.Export(), data);
  EXPECT_THAT(set(&second, "/o/y", kBegin + 49 * kSecond),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("o.y")));
  for (const char* path : {"/s", "/o/x", "/o/y", "/e/x", "/c/v"}) {
    EXPECT_THAT(set(&second, path, kBegin + 100 * kSecond), IsOk()) << path;
  }
}

TEST(Api, TelemetryIsExportedWithItsTimesIfAsked) {
  RunningServer server;
  ASSERT_THAT(server.CreateModels(R"([
    {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:C;1","@type":"Interface","contents":[
      {"@type":"Property","name":"p","schema":"double"},
      {"@type":"Telemetry","name":"v","schema":"double"}]}])"),
              IsOk());
  pb::CreateTwinRequest create;
  create.mutable_twin()->set_id("t");
  create.mutable_twin()->set_model_id("dtmi:t:C;1");
  create.mutable_twin()->set_contents_json(R"({"p":1})");
  pb::CreateTwinResponse created;
  ASSERT_THAT(
      server.Call(&pb::TwinService::Stub::CreateTwin, server.twins_.get(), create, &created),
      IsOk());
  ingest::TelemetryBatch batch;
  batch.publications.push_back(
      {"t", {{"v", Value::Double(3)}}, Time{int64_t{1'700'000'000} * 1'000'000'000}});
  ASSERT_THAT(server.engine_->Write(std::move(batch)).status, IsOk());
  EXPECT_THAT(server.Export(), HasSubstr(R"("$metadata":{"$model":"dtmi:t:C;1"},"p":1})"));
  pb::ExportRequest request;
  request.set_with_telemetry(true);
  EXPECT_THAT(server.Export(request),
              HasSubstr(R"("v":{"sourceTime":"2023-11-14T22:13:20Z"}},"p":1,"v":3})"));
}

// The longest path that has a time counts, in whatever order they stand.
TEST(Api, ASourceTimeOfAnObjectIsOfFieldsWithoutOne) {
  for (const char* times : {R"("o.y":{"sourceTime":"2023-01-02T00:00:00Z"},"o":{"sourceTime":)"
                            R"("2023-01-01T00:00:00Z"})",
                            R"("o":{"sourceTime":"2023-01-01T00:00:00Z"},"o.y":{"sourceTime":)"
                            R"("2023-01-02T00:00:00Z"})"}) {
    RunningServer server;
    pb::ImportProgress progress;
    std::vector<std::string> errors;
    const std::string data = absl::StrCat(
        "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Models\"}\n",
        R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:C;1","@type":"Interface","contents":[)",
        R"({"@type":"Property","name":"o","schema":{"@type":"Object","fields":[)",
        R"({"name":"x","schema":"double"},{"name":"y","schema":"double"}]}}]})",
        "\n{\"Section\":\"Twins\"}\n", R"({"$dtId":"t","$metadata":{"$model":"dtmi:t:C;1",)", times,
        R"(},"o":{"x":1,"y":1}})", "\n");
    ASSERT_THAT(server.Import(data, pb::ImportOptions(), &progress, &errors), IsOk());
    const std::string exported = server.Export();
    EXPECT_THAT(exported, HasSubstr(R"("o.x":{"sourceTime":"2023-01-01T00:00:00Z"})"));
    EXPECT_THAT(exported, HasSubstr(R"("o.y":{"sourceTime":"2023-01-02T00:00:00Z"})"));
  }
}

// A model that takes no new twins is exported with the twins that it has, and takes those back.
TEST(Api, DecommissionedModelsStayWhatTheyAre) {
  RunningServer first;
  first.Fill();
  const auto decommission = [](RunningServer* server) {
    ingest::WriteBatch batch;
    batch.operations.emplace_back(ingest::DecommissionModel{"dtmi:t:Cell;1", true});
    EXPECT_THAT(server->engine_->Write(std::move(batch)).status, IsOk());
  };
  decommission(&first);
  const std::string data = first.Export();
  EXPECT_THAT(data, HasSubstr(R"({"fileVersion":"1.1.0","author":"twingraph",)"
                              R"("decommissionedModels":["dtmi:t:Cell;1"]})"));
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  pb::ImportOptions dry;
  dry.set_dry_run(true);
  RunningServer second;
  ASSERT_THAT(second.Import(data, dry, &progress, &errors), IsOk());
  ASSERT_THAT(second.Import(data, pb::ImportOptions(), &progress, &errors), IsOk());
  EXPECT_EQ(progress.twins(), 4u);
  EXPECT_EQ(second.Export(), data);
  EXPECT_FALSE(second.CreateTwin("c9", "dtmi:t:Cell;1", "{}").ok());
  // Once more: twins that are there are replaced.
  ASSERT_THAT(second.Import(data, pb::ImportOptions(), &progress, &errors), IsOk());
  EXPECT_EQ(second.Export(), data);
  for (const char* wrong : {R"("dtmi:t:Cell;1")", "[1]", R"(["dtmi:t:Nothing;1"])"}) {
    const std::string file = absl::StrCat("{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.1.0\",",
                                          "\"decommissionedModels\":", wrong, "}\n");
    EXPECT_THAT(second.Import(file, pb::ImportOptions(), &progress, &errors).message(),
                HasSubstr("line 2: "));
  }
}

TEST(Api, ImportSaysWhatIsWrongAndWhere) {
  RunningServer server;
  const std::string data = absl::StrCat(
      "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Models\"}\n",
      R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:C;1","@type":"Interface"})",
      "\n{\"Section\":\"Twins\"}\n", R"({"$dtId":"a","$metadata":{"$model":"dtmi:t:C;1"}})", "\n",
      R"({"$dtId":"b","$metadata":{"$model":"dtmi:t:D;1"}})", "\n", "{\"$dtId\":\n",
      R"({"$dtId":"c","$metadata":{"$model":"dtmi:t:C;1"}})", "\n");
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  // It cannot read line 8 and ends there; what stands before counts, and line 7 is wrong.
  EXPECT_THAT(server.Import(data, pb::ImportOptions(), &progress, &errors),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 7: ")));
  EXPECT_EQ(progress.models(), 1u);
  EXPECT_EQ(progress.twins(), 1u);
  EXPECT_EQ(progress.errors(), 2u);
  EXPECT_FALSE(progress.done());
  pb::ImportOptions options;
  options.set_dry_run(true);
  EXPECT_THAT(server.Import(data, options, &progress, &errors),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 7: ")));
  options.set_continue_on_error(true);
  EXPECT_THAT(server.Import(data, options, &progress, &errors), IsOk());
  errors.clear();
  options.set_dry_run(false);
  EXPECT_THAT(server.Import(data, options, &progress, &errors), IsOk());
  EXPECT_EQ(progress.twins(), 2u);
  EXPECT_EQ(progress.errors(), 2u);
  ASSERT_EQ(errors.size(), 2u);
  std::sort(errors.begin(), errors.end());
  EXPECT_THAT(errors[0], HasSubstr("7: "));
  EXPECT_THAT(errors[1], HasSubstr("8: "));
  EXPECT_THAT(server.Import("{\"$dtId\":\"a\"}\n", pb::ImportOptions(), &progress, &errors),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no import file")));
}

TEST(Api, AnImportNamesTheLinesOfRefusedModels) {
  RunningServer server;
  const auto model = [](absl::string_view id, absl::string_view rest) {
    return absl::StrCat(R"({"@context":"dtmi:dtdl:context;3","@type":"Interface","@id":)", id, rest,
                        "}\n");
  };
  const auto import = [&](const std::string& models) {
    pb::ImportProgress progress;
    std::vector<std::string> errors;
    return server.Import(
        absl::StrCat("{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n",
                     "{\"Section\":\"Models\"}\n", models, "{\"Section\":\"Twins\"}\n"),
        pb::ImportOptions(), &progress, &errors);
  };
  EXPECT_THAT(
      import(model("\"dtmi:t:A;1\"", "") + model("\"dtmi:t:B;1\"", R"(,"extends":"dtmi:t:No;1")")),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("line 4: no model defines dtmi:t:No;1")));
  EXPECT_THAT(import(model("7", "")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 4: ")));
}

TEST(Api, PropertiesMayBeCalledSection) {
  const std::string file = absl::StrCat(
      "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\",\"author\":\"twingraph\"}\n",
      "{\"Section\":\"Models\"}\n",
      R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:S;1","@type":"Interface","contents":[)",
      R"({"@type":"Property","name":"Section","schema":"string"},)",
      R"({"@type":"Relationship","name":"r","properties":[)",
      R"({"@type":"Property","name":"Section","schema":"string"}]}]})",
      "\n{\"Section\":\"Twins\"}\n",
      R"({"$dtId":"a","$metadata":{"$model":"dtmi:t:S;1"},"Section":"Relationships"})", "\n",
      R"({"$dtId":"b\u0062","$metadata":{"$model":"dtmi:t:S;1"},"Section":"no"})",  // not plain
      "\n{\"Section\":\"Relationships\"}\n",
      R"({"$relationshipId":"x","$sourceId":"a","$targetId":"bb","$relationshipName":"r",)",
      R"("Section":"Twins"})", "\n");
  RunningServer first;
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  ASSERT_THAT(first.Import(file, pb::ImportOptions(), &progress, &errors), IsOk());
  EXPECT_EQ(progress.twins(), 2u);
  EXPECT_EQ(progress.relationships(), 1u);
  const std::string data = first.Export();
  EXPECT_THAT(data, HasSubstr(R"("Section":"Relationships"})"));
  RunningServer second;
  ASSERT_THAT(second.Import(data, pb::ImportOptions(), &progress, &errors), IsOk());
  EXPECT_EQ(second.Export(), data);
}

// More than batch_bytes_max (2 MiB here) holds, in fewer lines than a batch takes.
TEST(Api, AnImportOfLongLinesIsDivided) {
  RunningServer server;
  std::string data = absl::StrCat(
      "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Models\"}\n",
      R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:L;1","@type":"Interface","contents":[)",
      R"({"@type":"Property","name":"s","schema":"string"}]})", "\n{\"Section\":\"Twins\"}\n");
  const std::string text(50'000, 'x');
  for (int i = 0; i < 100; ++i) {
    absl::StrAppend(&data, R"({"$dtId":"t)", i, R"(","$metadata":{"$model":"dtmi:t:L;1"},"s":")",
                    text, "\"}\n");
  }
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  for (int i = 0; i < 2; ++i) {  // the second time with old values
    ASSERT_THAT(server.Import(data, pb::ImportOptions(), &progress, &errors, 1 << 20), IsOk());
    EXPECT_EQ(progress.twins(), 100u);
  }
}

TEST(Api, AnImportReadsOnlyWhatItKnows) {
  RunningServer server;
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  EXPECT_THAT(server.Import("", pb::ImportOptions(), &progress, &errors),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the file is empty")));
  EXPECT_THAT(server.Import("{\"Section\":\"Header\"}\n{\"fileVersion\":\"9.0.0\"}\n",
                            pb::ImportOptions(), &progress, &errors),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2: fileVersion")));
}

// It is an error as any other, whether a message ends in it or not.
TEST(Api, AnImportRefusesALineThatIsTooLong) {
  ServerOptions server_options;
  server_options.import_line_bytes_max = 2000;
  RunningServer server(server_options);
  const auto file_with = [](size_t line_bytes) {
    std::string line = R"({"$dtId":"b","$metadata":{"$model":"dtmi:t:C;1"}})";
    line.resize(line_bytes, ' ');
    return absl::StrCat(
        "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Models\"}\n",
        R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:C;1","@type":"Interface"})",
        "\n{\"Section\":\"Twins\"}\n", line, "\n",
        R"({"$dtId":"c","$metadata":{"$model":"dtmi:t:C;1"}})", "\n");
  };
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  EXPECT_THAT(server.Import(file_with(2001), pb::ImportOptions(), &progress, &errors),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("line 6: it is longer than import_line_bytes_max (2000 bytes)")));
  pb::ImportOptions options;
  options.set_continue_on_error(true);
  for (const size_t line_bytes : {size_t{2000}, size_t{2001}, size_t{9 << 20}}) {
    for (const size_t message_bytes : {size_t{777}, size_t{3 << 20}}) {
      errors.clear();
      ASSERT_THAT(server.Import(file_with(line_bytes), options, &progress, &errors, message_bytes),
                  IsOk());
      EXPECT_EQ(progress.twins(), line_bytes > 2000 ? 1u : 2u);
      ASSERT_EQ(errors.size(), line_bytes > 2000 ? 1u : 0u);
      if (!errors.empty()) {
        EXPECT_THAT(errors[0], HasSubstr("6: it is longer"));
      }
    }
  }
}

TEST(Api, ADryRunOfAnImportSeesWhatTheFileCreates) {
  RunningServer first;
  first.Fill();
  const std::string data = first.Export();
  RunningServer second;
  pb::ImportOptions options;
  options.set_dry_run(true);
  options.set_batch_operations(1);
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(second.Import(data, options, &progress, &errors), IsOk());
    EXPECT_EQ(progress.models(), 4u);
    EXPECT_EQ(progress.twins(), 4u);
    EXPECT_EQ(progress.relationships(), 2u);
    EXPECT_EQ(progress.errors(), 0u);
    EXPECT_EQ(progress.position().sequence(), 0u);
    EXPECT_EQ(second.engine_->status().sequence, Sequence(0));
  }
  // What is wrong is still told.
  options.set_continue_on_error(true);
  const std::string bad = absl::StrCat(
      data,
      R"({"$relationshipId":"r","$sourceId":"p","$targetId":"x","$relationshipName":"hasCell"})",
      "\n");
  ASSERT_THAT(second.Import(bad, options, &progress, &errors), IsOk());
  EXPECT_EQ(progress.errors(), 1u);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], HasSubstr("there is no twin x"));
  EXPECT_EQ(second.engine_->status().sequence, Sequence(0));
}

TEST(Api, ImportsOfManyModelsNameTheLimit) {
  std::string data =
      "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Models\"}\n";
  for (int i = 0; i < 1001; ++i) {
    absl::StrAppend(&data, R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:M)", i,
                    R"(;1","@type":"Interface"})", "\n");
  }
  pb::ImportProgress progress;
  std::vector<std::string> errors;
  {
    RunningServer server;
    for (const bool dry_run : {true, false}) {
      pb::ImportOptions options;
      options.set_dry_run(dry_run);
      EXPECT_THAT(
          server.Import(data, options, &progress, &errors),
          StatusIs(absl::StatusCode::kInvalidArgument,
                   HasSubstr("1001 models in one request; models_per_request_max is 1000")));
    }
  }
  ServerOptions options;
  options.import_models_bytes_max = 20'000;
  RunningServer server(options);
  EXPECT_THAT(
      server.Import(data, pb::ImportOptions(), &progress, &errors),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("import_models_bytes_max (20000)")));
}

TEST(Api, AnExportThatNobodyReadsEnds) {
  ServerOptions options;
  options.stream_idle_ms_max = 50;
  options.work_threads = 1;
  RunningServer server(options);
  server.Fill();
  const std::string contents = absl::StrCat("{\"name\":\"", std::string(60'000, 'x'), "\"}");
  for (int i = 0; i < 300; ++i) {
    ASSERT_THAT(server.CreateTwin(absl::StrCat("big", i), "dtmi:t:Pack;1",
                                  absl::StrCat("{\"bms\":{},", contents.substr(1))),
                IsOk());
  }
  grpc::ClientContext context;
  const auto reader = server.twins_->Export(&context, pb::ExportRequest());
  reader->WaitForInitialMetadata();  // it has begun
  // There is one thread: this comes after the export.
  pb::CheckpointResponse checkpoint;
  EXPECT_THAT(server.Call(&pb::AdminService::Stub::Checkpoint, server.admin_.get(),
                          pb::CheckpointRequest(), &checkpoint),
              IsOk());
  pb::ExportResponse piece;
  while (reader->Read(&piece)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
  while (server.engine_->status().memory.snapshots > 0) std::this_thread::yield();
}

}  // namespace
}  // namespace twin::api
