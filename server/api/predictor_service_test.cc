// Predictors over gRPC on both sides: a client that registers, a service that is asked.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/api/server.h"
#include "server/base/check.h"
#include "server/predict/description.h"
#include "tests/support/engine_folder.h"
#include "twingraph/v1/predictor.grpc.pb.h"
#include "twingraph/v1/predictor_service.grpc.pb.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;
using ::testing::HasSubstr;

constexpr absl::string_view kModels = R"([
  {"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:quantitativeTypes;1"],
   "@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":["Property","Voltage"],"name":"volt","schema":"double","unit":"volt"},
    {"@type":"Property","name":"maker","schema":"string"},
    {"@type":"Property","name":"soh","schema":{"@type":"Object","fields":[
      {"@type":["Field","Concentration"],"name":"value","schema":"double","unit":"percent"},
      {"@type":["Field","Concentration"],"name":"lo","schema":"double","unit":"percent"},
      {"@type":["Field","Concentration"],"name":"hi","schema":"double","unit":"percent"},
      {"name":"level","schema":"double"},{"name":"method","schema":"string"},
      {"name":"source","schema":"string"},{"name":"modelVersion","schema":"string"},
      {"name":"asOf","schema":"dateTime"},{"name":"status","schema":"string"}]}}]}])";

// Answers 10 times the voltage ± 5, unless it is told to misbehave.
class FakePredictor final : public pb::Predictor::Service {
 public:
  FakePredictor() {
    description.set_name("fake");
    description.set_version("3");
    description.set_method("tenfold");
    description.set_target_model("dtmi:t:Cell;1");
    auto* feature = description.add_features();
    feature->set_name("volt");
    feature->set_unit("volt");
    feature->set_required(true);
    feature->set_max(100);
    feature = description.add_features();
    feature->set_name("maker");
    feature->set_type(pb::PredictorDescription::Feature::STRING);
    description.set_feature_schema_hash(
        predict::FeatureSchemaHash({{.name = "volt", .unit = "volt"},
                                    {.name = "maker", .type = predict::FeatureType::kString}}));
    auto* output = description.add_outputs();
    output->set_name("soh");
    output->set_path("soh");
    output->set_unit("percent");
    output->set_level(0.9);
    description.set_default_query(
        "SELECT c.$dtId AS twin, c.volt AS volt, c.maker AS maker FROM DIGITALTWINS MATCH "
        "(c:Cell)");
    description.set_deadline_ms(200);
  }

  grpc::Status Describe(grpc::ServerContext* /*context*/, const pb::DescribeRequest* /*request*/,
                        pb::PredictorDescription* response) override {
    *response = description;
    return grpc::Status::OK;
  }
  grpc::Status Predict(grpc::ServerContext* context, const pb::PredictRequest* request,
                       pb::PredictResponse* response) override {
    last = *request;
    if (hangs) {
      while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return grpc::Status::CANCELLED;
    }
    response->set_request_id(request->request_id());
    response->set_model_version("3");
    auto* output = response->add_outputs();
    output->set_output("soh");
    for (const double volt : request->columns(0).doubles()) {
      output->add_values(10 * volt);
      output->add_lo(10 * volt - 5);
      output->add_hi(10 * volt + 5);
      output->add_statuses(pb::OutputColumns::OK);
    }
    if (garbles) garbles(response);
    return grpc::Status::OK;
  }

  pb::PredictorDescription description;
  pb::PredictRequest last;
  std::atomic<bool> hangs = false;
  std::function<void(pb::PredictResponse*)> garbles;
};

class PredictorServiceTest : public ::testing::Test {
 public:
  PredictorServiceTest() {
    engine_ = engine::OpenEngine(folder_.options());
    ServerOptions server_options;
    server_options.listen = "127.0.0.1:0";
    server_options.predictors.breaker_failures = 1000;
    auto server = Server::Start(server_options, engine_.get());
    TWIN_CHECK(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = pb::PredictorService::NewStub(grpc::CreateChannel(
        absl::StrCat("127.0.0.1:", server_->port()), grpc::InsecureChannelCredentials()));
    ingest::WriteBatch models;
    models.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
    TWIN_CHECK(engine_->Write(std::move(models)).status.ok());
    ingest::WriteBatch twins;
    for (int i = 1; i <= 3; ++i) {
      ingest::PutTwin put;
      put.id = absl::StrCat("cell-", i);
      put.model_id = "dtmi:t:Cell;1";
      put.contents = {{"volt", Value::Double(i)}};
      if (i != 2) put.contents.emplace_back("maker", Value::String("acme"));
      twins.operations.emplace_back(std::move(put));
    }
    TWIN_CHECK(engine_->Write(std::move(twins)).status.ok());
    StartService(0);
  }
  ~PredictorServiceTest() override { StopService(); }

  void StartService(int port) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(),
                             &service_port_);
    builder.RegisterService(&fake_);
    service_ = builder.BuildAndStart();
    TWIN_CHECK(service_ != nullptr);
  }
  void StopService() {
    if (service_ == nullptr) return;
    service_->Shutdown(std::chrono::system_clock::now());
    service_ = nullptr;
  }

  grpc::Status Register(pb::PredictorInfo* info) {
    grpc::ClientContext context;
    pb::RegisterPredictorRequest request;
    request.mutable_spec()->set_name("remote");
    request.mutable_spec()->set_address(absl::StrCat("127.0.0.1:", service_port_));
    return stub_->RegisterPredictor(&context, request, info);
  }
  pb::PredictorRun RunNow() {
    grpc::ClientContext context;
    pb::RunNowRequest request;
    request.set_name("remote");
    pb::PredictorRun run;
    const grpc::Status status = stub_->RunNow(&context, request, &run);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return run;
  }
  std::string StatusOf(const std::string& id) {
    const auto view = engine_->Pin();
    const TwinNumber twin = view->FindTwin(id);
    const graph::TableSchema& table = view->TableOf(twin);
    const Value value = view->GetValue(twin, table.IdOf(*table.FindColumn("soh.status")));
    return value.is_null() ? "" : value.as_string();
  }

  engine::EngineFolder folder_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<pb::PredictorService::Stub> stub_;
  FakePredictor fake_;
  std::unique_ptr<grpc::Server> service_;
  int service_port_ = 0;
};

TEST_F(PredictorServiceTest, AsksAServiceInColumns) {
  pb::PredictorInfo info;
  ASSERT_TRUE(Register(&info).ok());
  EXPECT_EQ(info.description().version(), "3");
  EXPECT_EQ(info.spec().paths().at("soh"), "soh");
  const pb::PredictorRun run = RunNow();
  EXPECT_EQ(run.state(), pb::PredictorRun::DONE) << run.message();
  EXPECT_EQ(run.ok(), 3u);
  EXPECT_EQ(run.model_version(), "3");
  EXPECT_EQ(fake_.last.twin_ids_size(), 3);
  EXPECT_EQ(fake_.last.columns(0).nulls(), "");
  EXPECT_EQ(fake_.last.columns(1).strings(0), "acme");
  EXPECT_EQ(fake_.last.columns(1).nulls(), std::string(1, '\x02'));
  EXPECT_EQ(fake_.last.feature_schema_hash(), fake_.description.feature_schema_hash());

  grpc::ClientContext context;
  pb::ListForecastsRequest request;
  request.set_twin_id("cell-3");
  pb::ListForecastsResponse forecasts;
  ASSERT_TRUE(stub_->ListForecasts(&context, request, &forecasts).ok());
  ASSERT_EQ(forecasts.forecasts_size(), 1);
  EXPECT_EQ(forecasts.forecasts(0).value(), 30);
}

TEST_F(PredictorServiceTest, AServiceThatHangsCostsItsDeadline) {
  pb::PredictorInfo info;
  ASSERT_TRUE(Register(&info).ok());
  RunNow();
  fake_.hangs = true;
  const pb::PredictorRun run = RunNow();
  EXPECT_EQ(run.state(), pb::PredictorRun::FAILED);
  EXPECT_EQ(run.stale(), 3u);
  EXPECT_EQ(run.retries(), 2u);
  EXPECT_EQ(StatusOf("cell-1"), "STALE");
}

TEST_F(PredictorServiceTest, AServiceThatDiesAndComesBack) {
  pb::PredictorInfo info;
  ASSERT_TRUE(Register(&info).ok());
  RunNow();
  StopService();
  pb::PredictorRun run = RunNow();
  EXPECT_EQ(run.state(), pb::PredictorRun::FAILED);
  EXPECT_EQ(StatusOf("cell-2"), "STALE");
  StartService(service_port_);
  while (RunNow().state() != pb::PredictorRun::DONE) {  // until it is connected again
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(StatusOf("cell-2"), "OK");
}

TEST_F(PredictorServiceTest, AServiceThatAnswersGarbage) {
  pb::PredictorInfo info;
  ASSERT_TRUE(Register(&info).ok());
  RunNow();
  fake_.garbles = [](pb::PredictResponse* response) {
    response->mutable_outputs(0)->set_statuses(0, static_cast<pb::OutputColumns::Status>(77));
    response->mutable_outputs(0)->set_values(1, std::nan(""));
  };
  pb::PredictorRun run = RunNow();
  EXPECT_EQ(run.errors(), 2u);
  EXPECT_EQ(StatusOf("cell-1"), "ERROR");
  EXPECT_EQ(StatusOf("cell-3"), "OK");
  fake_.garbles = [](pb::PredictResponse* response) { response->clear_outputs(); };
  run = RunNow();
  EXPECT_EQ(run.state(), pb::PredictorRun::FAILED);
  EXPECT_THAT(run.message(), HasSubstr("'soh' is missing"));
}

TEST_F(PredictorServiceTest, AServiceThatAnswersSomethingElse) {
  pb::PredictorInfo info;
  ASSERT_TRUE(Register(&info).ok());
  RunNow();
  const auto run_with = [this](std::function<void(pb::PredictResponse*)> garbles) {
    fake_.garbles = std::move(garbles);
    return RunNow();
  };
  // Another number of values than rows.
  pb::PredictorRun run = run_with(
      [](pb::PredictResponse* response) { response->mutable_outputs(0)->mutable_lo()->Clear(); });
  EXPECT_EQ(run.state(), pb::PredictorRun::FAILED);
  EXPECT_THAT(run.message(), HasSubstr("0 lo for 3 rows"));
  EXPECT_EQ(StatusOf("cell-1"), "ERROR");
  run = run_with([](pb::PredictResponse* response) { response->set_request_id("another"); });
  EXPECT_THAT(run.message(), HasSubstr("'another'"));
  // Another schema: it is not even asked.
  run = run_with(nullptr);
  ASSERT_EQ(StatusOf("cell-1"), "OK");
  fake_.description.mutable_features(0)->set_unit("ampere");
  fake_.description.clear_feature_schema_hash();
  run = RunNow();
  EXPECT_EQ(run.state(), pb::PredictorRun::FAILED);
  EXPECT_THAT(run.message(), HasSubstr("other features"));
  EXPECT_EQ(StatusOf("cell-1"), "STALE");
}

TEST_F(PredictorServiceTest, AListGoesOnInAnotherMessage) {
  // Each description of 200 KiB: twelve of them are more than a message has.
  fake_.description.set_training_data(std::string(200 << 10, 'x'));
  constexpr int kPredictors = 12;
  for (int i = 0; i < kPredictors; ++i) {
    grpc::ClientContext context;
    pb::RegisterPredictorRequest request;
    request.mutable_spec()->set_name(absl::StrCat("p", 10 + i));
    request.mutable_spec()->set_address(absl::StrCat("127.0.0.1:", service_port_));
    request.mutable_spec()->set_role(pb::PredictorSpec::SHADOW);
    pb::PredictorInfo info;
    const grpc::Status status = stub_->RegisterPredictor(&context, request, &info);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  pb::ListPredictorsRequest request;
  std::vector<std::string> names;
  int pages = 0;
  do {
    grpc::ClientContext context;
    pb::ListPredictorsResponse page;
    ASSERT_TRUE(stub_->ListPredictors(&context, request, &page).ok());
    EXPECT_LE(page.ByteSizeLong(), size_t{2} << 20);
    for (const pb::PredictorInfo& info : page.predictors()) names.push_back(info.spec().name());
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(pages, 2);
  ASSERT_EQ(names.size(), size_t{kPredictors});
  EXPECT_EQ(names.front(), "p10");
  EXPECT_EQ(names.back(), "p21");

  request.set_page_token("nobody");
  grpc::ClientContext context;
  pb::ListPredictorsResponse page;
  EXPECT_EQ(stub_->ListPredictors(&context, request, &page).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  pb::PredictorInfo info;
  fake_.description.set_training_data(std::string(300 << 10, 'x'));
  EXPECT_THAT(Register(&info).error_message(), HasSubstr("description takes"));
}

TEST_F(PredictorServiceTest, ErrorsAreThoseOfTheProto) {
  pb::PredictorInfo info;
  fake_.description.set_feature_schema_hash("ffffffffffffffff");
  EXPECT_EQ(Register(&info).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  fake_.description.clear_feature_schema_hash();
  EXPECT_TRUE(Register(&info).ok());
  EXPECT_EQ(Register(&info).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  grpc::ClientContext context;
  pb::GetPredictorRequest request;
  request.set_name("nobody");
  EXPECT_EQ(stub_->GetPredictor(&context, request, &info).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace twin::api
