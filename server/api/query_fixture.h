// For tests: a server with a small graph, and what a query answers there.
#ifndef TWIN_SERVER_API_QUERY_FIXTURE_H_
#define TWIN_SERVER_API_QUERY_FIXTURE_H_

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "server/api/server.h"
#include "server/base/check.h"
#include "server/engine/engine.h"
#include "tests/support/engine_folder.h"
#include "tests/support/manual_clock.h"
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/query_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {

namespace pb = ::twingraph::v1;

inline constexpr absl::string_view kQueryModels = R"([
  {"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:quantitativeTypes;1"],
   "@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string"},
    {"@type":["Property","Voltage"],"name":"volt","schema":"double","unit":"volt"},
    {"@type":"Property","name":"made","schema":"dateTime"},
    {"@type":"Property","name":"count","schema":"long"},
    {"@type":"Property","name":"on","schema":"boolean"},
    {"@type":"Property","name":"soh","schema":{"@type":"Object","fields":[
      {"name":"value","schema":"double"}]}},
    {"@type":"Property","name":"limits","schema":{"@type":"Map","mapKey":{"name":"k",
      "schema":"string"},"mapValue":{"name":"v","schema":"integer"}}},
    {"@type":"Component","name":"bms","schema":"dtmi:t:Bms;1"},
    {"@type":"Relationship","name":"hasCell","target":"dtmi:t:Cell;1","properties":[
      {"@type":"Property","name":"position","schema":"integer"}]}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Bms;1","@type":"Interface","contents":[
    {"@type":"Property","name":"firmware","schema":"string"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":"Property","name":"serial","schema":"string"},
    {"@type":"Property","name":"rank","schema":"integer"}]}])";

inline absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// What a query answers, all messages together.
struct Answer {
  absl::Status status;
  google::rpc::ErrorInfo info;  // of an error
  int messages = 0;
  pb::QueryHeader header;
  std::vector<std::string> rows;
  std::vector<pb::ColumnBatch> batches;
  pb::QuerySummary summary;
};

// A pack of cells on a server on a folder of its own.
class QueryFixture : public ::testing::Test {
 protected:
  explicit QueryFixture(uint64_t snapshot_retained_bytes_max = 0)
      : clock_(Time{1'000'000 * kNsPerSecond}) {
    engine::EngineOptions engine_options = folder_.options();
    engine_options.segment_bytes = 4 << 20;
    engine_options.limits.batch_bytes_max = 2 << 20;
    engine_options.snapshot_retained_bytes_max = snapshot_retained_bytes_max;
    engine_ = engine::OpenEngine(engine_options);
  }
  // With a pack-1 and that many cells.
  void Start(int cells, QueryLimits limits = {}) {
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.queries = limits;
    options.queries.clock = &clock_;
    auto server = Server::Start(options, engine_.get());
    TWIN_CHECK(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                             grpc::InsecureChannelCredentials());
    models_ = pb::ModelService::NewStub(channel);
    twins_ = pb::TwinService::NewStub(channel);
    queries_ = pb::QueryService::NewStub(channel);
    admin_ = pb::AdminService::NewStub(channel);
    Fill(cells);
  }

  Answer Query(const pb::QueryRequest& request, int64_t deadline_ms = 60'000) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(deadline_ms));
    const auto stream = queries_->Query(&context, request);
    Answer answer;
    pb::QueryResponse message;
    bool ended = false;
    while (stream->Read(&message)) {
      EXPECT_EQ(message.has_header(), answer.messages == 0);
      EXPECT_FALSE(ended);
      EXPECT_LE(message.ByteSizeLong(), 2u << 20);
      ++answer.messages;
      if (message.has_header()) answer.header = message.header();
      for (const absl::string_view row : absl::StrSplit(message.rows(), '\n', absl::SkipEmpty())) {
        answer.rows.emplace_back(row);
      }
      if (message.has_batch()) answer.batches.push_back(message.batch());
      ended = message.has_summary();
      if (ended) answer.summary = message.summary();
    }
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.ok(), ended);
    answer.status = ToAbsl(status);
    google::rpc::Status details;
    details.ParseFromString(status.error_details());
    for (const auto& detail : details.details()) detail.UnpackTo(&answer.info);
    return answer;
  }
  static pb::QueryRequest Json(const std::string& text) {
    pb::QueryRequest request;
    request.set_text(text);
    request.set_format(pb::QueryRequest::JSON_ROWS);
    return request;
  }
  std::vector<std::string> Rows(const std::string& text) {
    const Answer answer = Query(Json(text));
    EXPECT_TRUE(answer.status.ok()) << text << ": " << answer.status;
    return answer.rows;
  }

  ManualClock clock_;
  engine::EngineFolder folder_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<pb::ModelService::Stub> models_;
  std::unique_ptr<pb::TwinService::Stub> twins_;
  std::unique_ptr<pb::QueryService::Stub> queries_;
  std::unique_ptr<pb::AdminService::Stub> admin_;
  uint64_t sequence_ = 0;  // of the last write

 private:
  void Fill(int cells) {
    pb::CreateModelsRequest models;
    models.add_texts(std::string(kQueryModels));
    pb::CreateModelsResponse created;
    grpc::ClientContext models_context;
    TWIN_CHECK(models_->CreateModels(&models_context, models, &created).ok());
    pb::BatchWriteRequest batch;
    pb::Twin* pack = batch.add_operations()->mutable_create_twin()->mutable_twin();
    pack->set_id("pack-1");
    pack->set_model_id("dtmi:t:Pack;1");
    pack->set_contents_json(
        R"({"name":"P \"1\"","volt":3.5,"made":"2026-03-01T08:30:00.25Z","count":9007199254740993,)"
        R"("on":true,"soh":{"value":0.5},"limits":{"a":1},"bms":{}})");
    for (int i = 0; i < cells; ++i) {
      const std::string id = absl::StrCat("cell-", i);
      pb::Twin* cell = batch.add_operations()->mutable_create_twin()->mutable_twin();
      cell->set_id(id);
      cell->set_model_id("dtmi:t:Cell;1");
      cell->set_contents_json(i % 2 == 0 ? absl::StrCat(R"({"serial":"s","rank":)", i, "}")
                                         : absl::StrCat(R"({"rank":)", i, "}"));
    }
    for (int i = 0; i < std::min(cells, 10); ++i) {
      pb::Relationship* cell =
          batch.add_operations()->mutable_create_relationship()->mutable_relationship();
      cell->set_source_id("pack-1");
      cell->set_id(absl::StrCat("r-", i));
      cell->set_name("hasCell");
      cell->set_target_id(absl::StrCat("cell-", i));
      cell->set_contents_json(absl::StrCat(R"({"position":)", i, "}"));
    }
    pb::BatchWriteResponse written;
    grpc::ClientContext context;
    const grpc::Status status = twins_->BatchWrite(&context, batch, &written);
    TWIN_CHECK(status.ok()) << status.error_message();
    sequence_ = written.position().sequence();
  }
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERY_FIXTURE_H_
