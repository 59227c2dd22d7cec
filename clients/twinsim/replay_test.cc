#include "clients/twinsim/replay.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "clients/twinsim/load.h"
#include "tests/support/status_matchers.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

// Has every model; keeps twins, relationships, layouts and frames.
class FakeModels : public v1::ModelService::Service {
 public:
  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest*, v1::Model*) override {
    return grpc::Status::OK;
  }
};

class FakeTwins : public v1::TwinService::Service {
 public:
  grpc::Status GetTwin(grpc::ServerContext*, const v1::GetTwinRequest* request,
                       v1::GetTwinResponse*) override {
    return twins.contains(request->id()) ? grpc::Status::OK
                                         : grpc::Status(grpc::StatusCode::NOT_FOUND, "no twin");
  }
  grpc::Status ListRelationships(grpc::ServerContext*, const v1::ListRelationshipsRequest* request,
                                 v1::ListRelationshipsResponse* response) override {
    for (const v1::Relationship& relationship : relationships) {
      if (relationship.source_id() == request->id() && relationship.name() == request->name()) {
        *response->add_relationships() = relationship;
      }
    }
    return grpc::Status::OK;
  }
  grpc::Status BatchWrite(grpc::ServerContext*, const v1::BatchWriteRequest* request,
                          v1::BatchWriteResponse*) override {
    for (const v1::WriteOperation& operation : request->operations()) {
      if (operation.has_create_twin()) {
        const v1::Twin& twin = operation.create_twin().twin();
        twins.insert(twin.id());
        contents[twin.id()] = twin.contents_json();
      }
      if (operation.has_create_relationship()) {
        relationships.push_back(operation.create_relationship().relationship());
      }
    }
    return grpc::Status::OK;
  }

  std::string TargetOf(const std::string& source, const std::string& name) const {
    for (const v1::Relationship& relationship : relationships) {
      if (relationship.source_id() == source && relationship.name() == name) {
        return relationship.target_id();
      }
    }
    return "";
  }

  std::set<std::string> twins;
  std::map<std::string, std::string> contents;  // as JSON
  std::vector<v1::Relationship> relationships;
};

class FakeTelemetry : public v1::TelemetryService::Service {
 public:
  grpc::Status RegisterLayout(grpc::ServerContext*, const v1::RegisterLayoutRequest* request,
                              v1::RegisterLayoutResponse* response) override {
    layouts[request->layout().id()] = request->layout();
    response->set_unresolved(unresolved);
    return grpc::Status::OK;
  }
  grpc::Status Ingest(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::IngestResponse, v1::IngestRequest>* stream) override {
    v1::IngestRequest request;
    v1::IngestResponse response;
    stream->Read(&request);
    const std::string producer = request.open().producer_id();
    response.mutable_opened()->set_last_batch_number(last[producer]);
    stream->Write(response);
    while (stream->Read(&request)) {
      response.mutable_acknowledgement()->set_batch_number(request.batch_number());
      batches.push_back(request);
      last[producer] = request.batch_number();
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

  uint32_t unresolved = 0;
  std::map<std::string, v1::Layout> layouts;
  std::vector<v1::IngestRequest> batches;
  std::map<std::string, uint64_t> last;  // of each producer
};

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&models_);
    builder.RegisterService(&twins_);
    builder.RegisterService(&telemetry_);
    server_ = builder.BuildAndStart();
    client_ = *client::Connect({.address = absl::StrCat("127.0.0.1:", port)});
    std::ofstream(path_)
        << "time_local,pack_current_a,bms_warning_level,v1_mv,v2_mv,v3_mv,t1_c,t2_c\n"
           "2021-05-05 09:10:00,0.75,0,3658,3657,3656,29.0,28.5\n"
           "2021-05-05 09:10:10,-1.8,1,3659,,5000,254,28.0\n"
           "2021-05-05 09:10:10,-1.8,1,3660,,5000,254,28.0\n";
  }
  void TearDown() override { std::remove(path_.c_str()); }

  absl::StatusOr<ReplayResult> Run(ReplayOptions options) {
    options.path = path_;
    if (options.vehicle.empty()) options.vehicle = "veh-1";
    return Replay(client_.get(), options,
                  [&](absl::string_view note) { absl::StrAppend(&notes_, note, "\n"); });
  }

  const std::string path_ =
      absl::StrCat(::testing::TempDir(), "replay_", getpid(), "_",
                   ::testing::UnitTest::GetInstance()->current_test_info()->name(), ".csv");
  FakeModels models_;
  FakeTwins twins_;
  FakeTelemetry telemetry_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<client::Client> client_;
  std::string notes_;
};

TEST_F(ReplayTest, MakesTheVehicleAndSendsItsFrames) {
  const absl::StatusOr<ReplayResult> result = Run({});
  ASSERT_THAT(result.status(), IsOk());
  EXPECT_EQ(result->rows, 2u);
  EXPECT_EQ(result->values, 7u + 4u);
  EXPECT_EQ(result->rows_replaced, 1u);
  EXPECT_THAT(notes_, HasSubstr("its 3 cells are divided into 3 modules, with 2 probes"));
  EXPECT_EQ(twins_.twins.size(), 1u + 1 + 1 + 3 + 3 + 2);
  EXPECT_EQ(twins_.TargetOf("veh-1-m01-c01", "sensedBy"), "veh-1-m01-p1");
  EXPECT_EQ(twins_.TargetOf("veh-1-m03-c01", "sensedBy"), "veh-1-m02-p1");

  ASSERT_EQ(telemetry_.layouts.size(), 1u);
  const v1::Layout& layout = telemetry_.layouts.begin()->second;
  ASSERT_EQ(layout.columns_size(), 4);
  EXPECT_EQ(layout.columns(0).targets(0).twin_id(), "veh-1-pack");
  EXPECT_EQ(layout.columns(0).encoding(), v1::INT16);
  EXPECT_EQ(layout.columns(0).scale(), -0.01);
  EXPECT_THAT(layout.columns(0).invalid_codes(), ElementsAre(-32768));
  const v1::ArrayRule& cells = layout.columns(2).rule();
  EXPECT_EQ(cells.twin_id(), "veh-1-pack");
  EXPECT_THAT(cells.steps(), ElementsAre("hasModule", "hasCell"));
  EXPECT_EQ(cells.count(), 3u);
  EXPECT_EQ(layout.columns(2).scale(), 0.001);
  EXPECT_THAT(layout.columns(2).invalid_codes(), ElementsAre(-32768, 5000));
  EXPECT_EQ(layout.columns(3).rule().shared_by(), "sensedBy");

  ASSERT_EQ(telemetry_.batches.size(), 1u);
  const v1::FrameBatch& frames = telemetry_.batches[0].frames().batches(0);
  EXPECT_EQ(frames.layout_id(), layout.id());
  EXPECT_THAT(frames.times_unix_nano(),
              ElementsAre(1'620'177'000'000'000'000, 1'620'177'010'000'000'000));
  // current 75, -180; level 0, 1; cells 3658 3660, 3657 missing, 3656 5000; probes 290 2540, …
  EXPECT_EQ(frames.packed(), std::string("\x4B\0\x4C\xFF"
                                         "\0\x01"
                                         "\x4A\x0E\x4C\x0E\x49\x0E\0\x80\x48\x0E\x88\x13"
                                         "\x22\x01\xEC\x09\x1D\x01\x18\x01",
                                         26));
}

// What the file does not know is not made up.
TEST_F(ReplayTest, APackAloneHasNoCells) {
  std::ofstream(path_) << "time_local,pack_current_a\n2021-05-05 09:10:00,0.75\n";
  for (int run = 0; run < 2; ++run) {  // made, and found
    const absl::StatusOr<ReplayResult> result = Run({});
    ASSERT_THAT(result.status(), IsOk());
    EXPECT_EQ(result->values, 1u);
  }
  EXPECT_THAT(notes_, HasSubstr("the file has no cells and no probes, so its pack has none"));
  EXPECT_THAT(twins_.twins, ElementsAre("veh-1", "veh-1-bms", "veh-1-pack"));
  EXPECT_EQ(twins_.contents["veh-1-pack"], "{}");
  EXPECT_EQ(twins_.contents["veh-1-bms"], "{}");
}

TEST_F(ReplayTest, ProbesAloneStandInModules) {
  std::ofstream(path_) << "time_local,t1_c,t2_c\n2021-05-05 09:10:00,20,21\n";
  ASSERT_THAT(Run({}).status(), IsOk());
  EXPECT_THAT(notes_, HasSubstr("its 0 cells are divided into 2 modules, with 2 probes"));
  EXPECT_EQ(twins_.twins.size(), 3u + 2 + 2);
  EXPECT_EQ(twins_.contents["veh-1-pack"], R"({"moduleCount":2})");
}

TEST_F(ReplayTest, FindsAVehicleAndTellsWhatDoesNotFit) {
  EXPECT_THAT(Run({.vehicle = "veh-2", .create = false}).status(),
              StatusIs(absl::StatusCode::kNotFound, ::testing::_));
  ASSERT_THAT(
      MakeCar(client_.get(), {.vehicle = "veh-2", .modules = 2, .cells = 2, .probes = 2}).status(),
      IsOk());
  EXPECT_THAT(Run({.vehicle = "veh-2"}).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("has 2 cells and 2 probes; the recording has 3 and 2")));
  ASSERT_THAT(
      MakeCar(client_.get(), {.vehicle = "veh-3", .modules = 2, .cells = 4, .probes = 2}).status(),
      IsOk());
  EXPECT_THAT(Run({.vehicle = "veh-3"}).status(), IsOk());
  EXPECT_TRUE(notes_.empty()) << notes_;
  telemetry_.unresolved = 1;
  EXPECT_THAT(Run({.vehicle = "veh-3"}).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("1 columns")));
}

TEST_F(ReplayTest, PacesAndMovesTimes) {
  const absl::StatusOr<ReplayResult> result = Run({.live = true, .speed = 1e6});
  ASSERT_THAT(result.status(), IsOk());
  ASSERT_FALSE(telemetry_.batches.empty());
  std::vector<int64_t> times;
  for (const v1::IngestRequest& request : telemetry_.batches) {
    for (const int64_t time : request.frames().batches(0).times_unix_nano()) times.push_back(time);
  }
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(times[1] - times[0], 10'000'000'000);
  EXPECT_GT(times[1], 1'700'000'000'000'000'000);
}

TEST_F(ReplayTest, GoesOnBehindTheRowsThatAreThere) {
  ASSERT_THAT(Run({.producer = "p"}).status(), IsOk());
  ASSERT_EQ(telemetry_.last.size(), 1u);
  const std::string producer = telemetry_.last.begin()->first;
  EXPECT_EQ(telemetry_.last[producer], 2u);  // rows

  // As if it had been broken off behind the first row; another pace and size of batches.
  telemetry_.last[producer] = 1;
  telemetry_.batches.clear();
  absl::StatusOr<ReplayResult> result =
      Run({.speed = 1e9, .frames_per_message = 1, .producer = "p"});
  ASSERT_THAT(result.status(), IsOk());
  EXPECT_EQ(result->rows, 1u);
  EXPECT_EQ(result->values, 4u);
  EXPECT_EQ(result->rows_there, 1u);
  ASSERT_EQ(telemetry_.batches.size(), 1u);
  EXPECT_THAT(telemetry_.batches[0].frames().batches(0).times_unix_nano(),
              ElementsAre(1'620'177'010'000'000'000));

  telemetry_.batches.clear();
  result = Run({.producer = "p"});
  ASSERT_THAT(result.status(), IsOk());
  EXPECT_EQ(result->rows, 0u);
  EXPECT_EQ(result->rows_there, 2u);
  EXPECT_TRUE(telemetry_.batches.empty());
}

TEST_F(ReplayTest, AnotherVehicleOrRecordingOfAProducerBeginsAnew) {
  ASSERT_THAT(Run({.producer = "p"}).status(), IsOk());
  absl::StatusOr<ReplayResult> result = Run({.vehicle = "veh-2", .producer = "p"});
  ASSERT_THAT(result.status(), IsOk());
  EXPECT_EQ(result->rows, 2u);
  std::ofstream(path_, std::ios::app) << "2021-05-05 09:10:20,-1.8,1,3660,,5000,254,28.0\n";
  result = Run({.producer = "p"});
  ASSERT_THAT(result.status(), IsOk());
  EXPECT_EQ(result->rows, 3u);
  EXPECT_EQ(telemetry_.last.size(), 3u);
}

TEST_F(ReplayTest, MovedTimesHaveNothingToGoOnWith) {
  EXPECT_THAT(Run({.live = true, .producer = "p"}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leave one of the two out")));
}

TEST_F(ReplayTest, LoadIsTheSameForASeed) {
  LoadOptions options = {
      .vehicles = 2, .cells = 13, .frames_per_message = 3, .messages_max = 4, .seed = 7};
  const auto run = [&] {
    telemetry_.batches.clear();
    const absl::StatusOr<LoadResult> result = Load(client_.get(), options, [](auto) {});
    EXPECT_THAT(result.status(), IsOk());
    std::string sent;
    for (const v1::IngestRequest& request : telemetry_.batches) {
      absl::StrAppend(&sent, request.ShortDebugString(), "\n");
    }
    return std::pair(sent, result.ok() ? *result : LoadResult());
  };
  const auto [first, result] = run();
  EXPECT_EQ(result.messages, 4u);
  EXPECT_EQ(result.values, 4u * 3 * 13);
  EXPECT_GT(result.acknowledged_p99_ms, 0);
  EXPECT_EQ(run().first, first);
  options.seed = 8;
  EXPECT_NE(run().first, first);
  options.encoding = LoadEncoding::kRows;
  run();
  EXPECT_EQ(telemetry_.batches[0].samples().twin_ids_size(), 39);
  for (const std::string& id : telemetry_.batches[0].samples().twin_ids()) {
    EXPECT_TRUE(twins_.twins.contains(id)) << id;
  }
}

}  // namespace
}  // namespace twin::twinsim
