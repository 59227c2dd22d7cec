// The services through a real server and channel.
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "server/api/json.h"
#include "server/api/server_fixture.h"
#include "server/base/clock.h"
#include "tests/support/status_matchers.h"

namespace twin::api {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

TEST(Api, CreatesReadsPatchesDeletes) {
  RunningServer server;
  server.Fill();
  EXPECT_EQ(server.GetJson("p"), R"({"bms":{"firmware":"1"},"limits":{"a":1},"volt":400})");

  pb::UpdateTwinRequest update;
  update.set_id("p");
  update.set_json_patch(R"([{"op":"add","path":"/limits/b~1c","value":7},
    {"op":"replace","path":"/bms/firmware","value":"2"},
    {"op":"add","path":"/made","value":"2026-03-01T08:30:00.5+02:00"},
    {"op":"replace","path":"/$metadata/made/sourceTime","value":"2026-03-02T00:00:00Z"}])");
  pb::UpdateTwinResponse updated;
  ASSERT_THAT(
      server.Call(&pb::TwinService::Stub::UpdateTwin, server.twins_.get(), update, &updated),
      IsOk());
  EXPECT_EQ(server.GetJson("p"), R"({"bms":{"firmware":"2"},"limits":{"a":1,"b/c":7},)"
                                 R"("made":"2026-03-01T06:30:00.5Z","volt":400})");

  // The etag of the update is that of the twin; an older one is refused.
  pb::GetTwinRequest get;
  get.set_id("p");
  get.set_with_times(true);
  get.set_min_sequence(updated.position().sequence());
  pb::GetTwinResponse got;
  ASSERT_THAT(server.Call(&pb::TwinService::Stub::GetTwin, server.twins_.get(), get, &got), IsOk());
  EXPECT_EQ(got.twin().etag(), updated.etag());
  EXPECT_EQ(got.twin().model_id(), "dtmi:t:Pack;1");
  bool has_source_time = false;
  for (const pb::PropertyTime& time : got.twin().property_times()) {
    if (time.path() == "made") {
      has_source_time = time.source_time_unix_nano() == 1772409600000000000;
    }
  }
  EXPECT_TRUE(has_source_time);
  update.set_json_patch(R"([{"op":"add","path":"/volt","value":1}])");
  update.set_if_match("W/\"1\"");
  EXPECT_THAT(
      server.Call(&pb::TwinService::Stub::UpdateTwin, server.twins_.get(), update, &updated),
      StatusIs(absl::StatusCode::kAborted, HasSubstr("etag")));

  pb::DeleteTwinRequest gone;
  gone.set_id("p");
  pb::DeleteTwinResponse deleted;
  EXPECT_THAT(server.Call(&pb::TwinService::Stub::DeleteTwin, server.twins_.get(), gone, &deleted),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("2 outgoing")));
  gone.set_tree(true);
  gone.set_validate_only(true);
  ASSERT_THAT(server.Call(&pb::TwinService::Stub::DeleteTwin, server.twins_.get(), gone, &deleted),
              IsOk());
  EXPECT_EQ(deleted.deleted(), 5u);
  gone.set_validate_only(false);
  ASSERT_THAT(server.Call(&pb::TwinService::Stub::DeleteTwin, server.twins_.get(), gone, &deleted),
              IsOk());
  EXPECT_THAT(server.GetJson("c1"), HasSubstr("NOT_FOUND"));
  EXPECT_EQ(server.GetJson("c3"), R"({"volt":3.7})");
}

TEST(Api, ErrorsNameTheField) {
  RunningServer server;
  server.Fill();
  EXPECT_THAT(server.CreateTwin("x", "dtmi:t:Cell;1", R"({"volt":"high"})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("volt: expected a number")));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(server.details_));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "twingraph");
  google::rpc::BadRequest bad;
  ASSERT_TRUE(details.details(1).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "volt");

  // Ids are no fields, and a description ends with a whole character.
  const auto violation = [&] {
    google::rpc::Status got;
    EXPECT_TRUE(got.ParseFromString(server.details_));
    google::rpc::BadRequest found;
    EXPECT_TRUE(got.details(1).UnpackTo(&found));
    return found.field_violations(0);
  };
  EXPECT_THAT(server.CreateTwin("a: fake: b", "dtmi:t:Nothing;1", "{}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("there is no model")));
  EXPECT_EQ(violation().field(), "");
  for (size_t length = 470; length < 480; ++length) {
    std::string name(length, 'x');
    for (int i = 0; i < 30; ++i) name += "ü";
    EXPECT_THAT(server.CreateTwin("x", "dtmi:t:Cell;1", absl::StrCat("{\"", name, "\":1}")),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no such property")));
    EXPECT_EQ(violation().field(), name);
    EXPECT_GT(violation().description().size(), 490u);
    EXPECT_LE(violation().description().size(), 500u);
  }

  EXPECT_THAT(server.CreateTwin("x", "dtmi:t:Cell;1", "{"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("JSON")));
  EXPECT_THAT(server.CreateTwin("x", "dtmi:t:Cell;1", R"({"volt":1,"volt":2})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("twice")));
  EXPECT_THAT(server.CreateModels(kServedModels),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("dtmi:t:Pack;1")));
  pb::UpdateTwinRequest update;
  update.set_id("p");
  update.set_json_patch(R"([{"op":"move","path":"/volt","from":"/x"}])");
  pb::UpdateTwinResponse updated;
  EXPECT_THAT(
      server.Call(&pb::TwinService::Stub::UpdateTwin, server.twins_.get(), update, &updated),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("json_patch/0")));
  update.set_json_patch(R"([{"op":"add","path":"volt","value":1}])");
  EXPECT_THAT(
      server.Call(&pb::TwinService::Stub::UpdateTwin, server.twins_.get(), update, &updated),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("begins with '/'")));
  update.clear_json_patch();
  update.set_if_match("7");
  EXPECT_THAT(
      server.Call(&pb::TwinService::Stub::UpdateTwin, server.twins_.get(), update, &updated),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("if_match")));
  pb::GetTwinRequest get;
  get.set_id("p");
  get.set_min_sequence(uint64_t{1} << 60);
  pb::GetTwinResponse got;
  EXPECT_THAT(server.Call(&pb::TwinService::Stub::GetTwin, server.twins_.get(), get, &got),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("min_sequence")));
}

TEST(Api, ARepeatedRequestIsAnsweredAgain) {
  RunningServer server;
  pb::CreateModelsRequest request;
  request.add_texts(std::string(kServedModels));
  request.set_request_id("once");
  for (int i = 0; i < 2; ++i) {
    pb::CreateModelsResponse response;
    ASSERT_THAT(server.Call(&pb::ModelService::Stub::CreateModels, server.models_.get(), request,
                            &response),
                IsOk());
    EXPECT_EQ(response.models_size(), 4);
    EXPECT_EQ(response.position().sequence(), 1u);
  }
}

TEST(Api, AListGoesOnAfterACompact) {
  RunningServer server;
  server.Fill();
  pb::ListTwinsRequest request;
  request.set_page_size(2);
  request.set_model_id("dtmi:t:Cell;1");
  std::vector<std::string> ids;
  do {
    pb::ListTwinsResponse response;
    ASSERT_THAT(
        server.Call(&pb::TwinService::Stub::ListTwins, server.twins_.get(), request, &response),
        IsOk());
    for (const pb::Twin& twin : response.twins()) ids.push_back(twin.id());
    request.set_page_token(response.next_page_token());
    ASSERT_THAT(server.engine_->Compact().status(), IsOk());  // rows: c3, which nothing has, first
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ::testing::ElementsAre("c1", "c2", "c3"));
  request.set_page_token("1.2");
  pb::ListTwinsResponse response;
  EXPECT_THAT(
      server.Call(&pb::TwinService::Stub::ListTwins, server.twins_.get(), request, &response),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page_token")));
}

TEST(Api, WhatIsOfTheBatchIsNotOfItsOperations) {
  RunningServer server;
  server.Fill();
  for (const int operations : {1, 20}) {
    for (const bool validates : {true, false}) {
      pb::BatchWriteRequest request;
      for (int i = 0; i < operations; ++i) {
        pb::UpdateTwinRequest* const update = request.add_operations()->mutable_update_twin();
        update->set_id("c1");
        pb::Edit* const edit = update->add_edits();
        edit->set_path("/volt");
        edit->mutable_value()->set_double_value(1);
        if (i + 1 < operations) continue;
        update->set_validate_only(validates);
        if (!validates) update->set_request_id("r");
      }
      pb::BatchWriteResponse response;
      EXPECT_THAT(
          server.Call(&pb::TwinService::Stub::BatchWrite, server.twins_.get(), request, &response),
          StatusIs(absl::StatusCode::kInvalidArgument,
                   HasSubstr(validates ? "validate_only: it is" : "request_id: it is")));
    }
  }
  EXPECT_EQ(server.GetJson("c1"), R"({"volt":3.7})");
}

TEST(Api, ADryRunNamesTheModelsAndGivesNoEtag) {
  RunningServer server;
  pb::CreateModelsRequest models;
  models.add_texts(std::string(kServedModels));
  models.set_validate_only(true);
  pb::CreateModelsResponse named;
  ASSERT_THAT(
      server.Call(&pb::ModelService::Stub::CreateModels, server.models_.get(), models, &named),
      IsOk());
  ASSERT_EQ(named.models_size(), 4);
  EXPECT_THAT(named.models(0).id(), HasSubstr("dtmi:t:"));
  server.Fill();
  pb::CreateTwinRequest request;
  request.mutable_twin()->set_id("new");
  request.mutable_twin()->set_model_id("dtmi:t:Cell;1");
  for (const bool dry : {true, false}) {
    request.set_validate_only(dry);
    pb::CreateTwinResponse response;
    ASSERT_THAT(
        server.Call(&pb::TwinService::Stub::CreateTwin, server.twins_.get(), request, &response),
        IsOk());
    EXPECT_TRUE(response.created());
    EXPECT_EQ(response.etag().empty(), dry);
  }
}

TEST(Api, ListsInPages) {
  RunningServer server;
  server.Fill();
  std::vector<std::string> ids;
  pb::ListTwinsRequest request;
  request.set_page_size(2);
  request.set_model_id("dtmi:t:Cell;1");
  do {
    pb::ListTwinsResponse response;
    ASSERT_THAT(
        server.Call(&pb::TwinService::Stub::ListTwins, server.twins_.get(), request, &response),
        IsOk());
    for (const pb::Twin& twin : response.twins()) ids.push_back(twin.id());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ::testing::ElementsAre("c1", "c2", "c3"));

  pb::ListRelationshipsRequest relationships;
  relationships.set_id("p");
  relationships.set_page_size(1);
  std::vector<std::string> targets;
  do {
    pb::ListRelationshipsResponse response;
    ASSERT_THAT(server.Call(&pb::TwinService::Stub::ListRelationships, server.twins_.get(),
                            relationships, &response),
                IsOk());
    for (const pb::Relationship& each : response.relationships()) {
      targets.push_back(each.target_id());
    }
    relationships.set_page_token(response.next_page_token());
  } while (!relationships.page_token().empty());
  EXPECT_THAT(targets, ::testing::ElementsAre("c1", "c2"));
  relationships.set_id("c2");
  pb::ListRelationshipsResponse incoming;
  ASSERT_THAT(server.Call(&pb::TwinService::Stub::ListIncomingRelationships, server.twins_.get(),
                          relationships, &incoming),
              IsOk());
  ASSERT_EQ(incoming.relationships_size(), 1);
  EXPECT_EQ(incoming.relationships(0).source_id(), "p");
}

TEST(Api, KnowsItsModels) {
  RunningServer server;
  server.Fill();
  pb::ListModelsResponse list;
  ASSERT_THAT(server.Call(&pb::ModelService::Stub::ListModels, server.models_.get(),
                          pb::ListModelsRequest(), &list),
              IsOk());
  ASSERT_EQ(list.models_size(), 4);
  EXPECT_EQ(list.models(1).id(), "dtmi:t:Cell;1");
  EXPECT_EQ(list.models(1).twins(), 3u);
  pb::DiffModelsRequest diff;
  diff.set_old_id("dtmi:t:Cell;1");
  diff.set_new_id("dtmi:t:Pack;1");
  pb::DiffModelsResponse differences;
  ASSERT_THAT(
      server.Call(&pb::ModelService::Stub::DiffModels, server.models_.get(), diff, &differences),
      IsOk());
  EXPECT_TRUE(differences.breaking());
  EXPECT_EQ(differences.twins(), 3u);
  pb::ValidateModelsRequest validate;
  validate.add_texts(R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:X;1",
    "@type":"Interface","extends":"dtmi:t:Cell;2","contents":[{"@type":"Propperty"}]})");
  pb::ValidateModelsResponse verdict;
  ASSERT_THAT(server.Call(&pb::ModelService::Stub::ValidateModels, server.models_.get(), validate,
                          &verdict),
              IsOk());
  EXPECT_EQ(verdict.verdict(), pb::ValidateModelsResponse::INVALID);
  ASSERT_GT(verdict.findings_size(), 0);
  EXPECT_EQ(verdict.findings(0).line(), 2u);
  pb::MigrateTwinsRequest migrate;
  migrate.set_old_model_id("dtmi:t:Cell;1");
  migrate.set_new_model_id("dtmi:t:Cell;2");
  migrate.set_dry_run(true);
  pb::MigrateTwinsResponse migrated;
  ASSERT_THAT(
      server.Call(&pb::TwinService::Stub::MigrateTwins, server.twins_.get(), migrate, &migrated),
      IsOk());
  EXPECT_EQ(migrated.migrated(), 3u);
  migrate.set_dry_run(false);
  ASSERT_THAT(
      server.Call(&pb::TwinService::Stub::MigrateTwins, server.twins_.get(), migrate, &migrated),
      IsOk());
  migrate.set_old_model_id("dtmi:t:Cell;2");
  EXPECT_THAT(
      server.Call(&pb::TwinService::Stub::MigrateTwins, server.twins_.get(), migrate, &migrated),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("both 'dtmi:t:Cell;2'")));
  pb::DeleteModelRequest gone;
  gone.set_id("dtmi:t:Cell;1");
  pb::DeleteModelResponse deleted;
  EXPECT_THAT(
      server.Call(&pb::ModelService::Stub::DeleteModel, server.models_.get(), gone, &deleted),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("dtmi:t:Cell;2 needs the model")));
}

TEST(Api, IdleStreamsGiveTheirThreadsBack) {
  ServerOptions options;
  options.stream_idle_ms_max = 50;
  options.work_threads = 2;
  RunningServer server(options);
  server.Fill();
  constexpr int kStreams = 5;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReaderWriter<pb::ImportRequest, pb::ImportProgress>>>
      streams;
  for (int i = 0; i < kStreams; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(server.twins_->Import(contexts.back().get()));
    pb::ImportRequest request;
    request.mutable_options();
    EXPECT_TRUE(streams.back()->Write(request));
  }
  pb::CheckpointResponse checkpoint;
  EXPECT_THAT(server.Call(&pb::AdminService::Stub::Checkpoint, server.admin_.get(),
                          pb::CheckpointRequest(), &checkpoint),
              IsOk());
  for (auto& stream : streams) {
    pb::ImportProgress progress;
    while (stream->Read(&progress)) {
    }
    EXPECT_THAT(ToAbsl(stream->Finish()), StatusIs(absl::StatusCode::kDeadlineExceeded,
                                                   HasSubstr("stream_idle_ms_max (50 ms)")));
  }
}

TEST(Api, NamedSubscriptionsWorkWhileAllThreadsAreBusy) {
  ServerOptions options;
  options.work_threads = 1;
  RunningServer server(options);
  server.Fill();
  // It has the only thread until it says more, and the minute of stream_idle_ms_max is not over.
  grpc::ClientContext import_context;
  const auto import = server.twins_->Import(&import_context);
  pb::ImportRequest begin;
  begin.mutable_options();
  ASSERT_TRUE(import->Write(begin));

  pb::CreateSubscriptionRequest create;
  create.set_name("s");
  pb::Subscription subscription;
  ASSERT_THAT(server.Call(&pb::EventService::Stub::CreateSubscription, server.events_.get(), create,
                          &subscription),
              IsOk());
  grpc::ClientContext context;
  const auto stream = server.events_->StreamEvents(&context);
  pb::StreamEventsRequest request;
  request.set_subscription("s");
  request.set_consumer("c");
  request.set_credit_events(10);
  ASSERT_TRUE(stream->Write(request));
  ASSERT_THAT(server.CreateTwin("new", "dtmi:t:Cell;1", "{}"), IsOk());
  pb::StreamEventsResponse response;
  while (response.events().empty()) ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.events(0).subject(), "new");
  EXPECT_TRUE(stream->WritesDone());
  while (stream->Read(&response)) {
  }
  EXPECT_THAT(ToAbsl(stream->Finish()), IsOk());
  pb::SeekSubscriptionRequest seek;
  seek.set_name("s");
  seek.set_oldest(true);
  EXPECT_THAT(server.Call(&pb::EventService::Stub::SeekSubscription, server.events_.get(), seek,
                          &subscription),
              IsOk());
  pb::DeleteSubscriptionRequest remove;
  remove.set_name("s");
  pb::DeleteSubscriptionResponse removed;
  EXPECT_THAT(server.Call(&pb::EventService::Stub::DeleteSubscription, server.events_.get(), remove,
                          &removed),
              IsOk());
  import_context.TryCancel();
  EXPECT_FALSE(import->Finish().ok());
}

TEST(Api, ReadsThatWaitTakeNoThreads) {
  ServerOptions options;
  options.work_threads = 1;
  RunningServer server(options);
  server.Fill();
  pb::GetTwinRequest request;
  request.set_id("p");
  request.set_min_sequence(server.engine_->status().sequence.value + 1);
  std::vector<std::thread> readers;
  std::atomic<int> done{0};
  for (int i = 0; i < 10; ++i) {
    readers.emplace_back([&] {
      grpc::ClientContext context;
      pb::GetTwinResponse response;
      EXPECT_THAT(ToAbsl(server.twins_->GetTwin(&context, request, &response)), IsOk());
      EXPECT_EQ(response.position().sequence(), request.min_sequence());
      ++done;
    });
  }
  pb::CheckpointResponse checkpoint;
  EXPECT_THAT(server.Call(&pb::AdminService::Stub::Checkpoint, server.admin_.get(),
                          pb::CheckpointRequest(), &checkpoint),
              IsOk());
  EXPECT_EQ(done, 0);
  EXPECT_THAT(server.CreateTwin("new", "dtmi:t:Cell;1", "{}"), IsOk());
  for (std::thread& reader : readers) reader.join();
}

TEST(Api, AStreamAnswersBatchesInOrder) {
  RunningServer server;
  server.Fill();
  grpc::ClientContext context;
  const auto stream = server.twins_->WriteStream(&context);
  constexpr int kBatches = 200;
  std::thread writer([&] {
    for (int i = 0; i < kBatches; ++i) {
      pb::BatchWriteRequest request;
      request.set_batch_number(static_cast<uint64_t>(i));
      for (int j = 0; j < 3; ++j) {
        pb::UpdateTwinRequest* update = request.add_operations()->mutable_update_twin();
        update->set_id(i % 10 == 9 ? "nobody" : absl::StrCat("c", j + 1));
        pb::Edit* edit = update->add_edits();
        edit->set_path("/volt");
        edit->mutable_value()->set_double_value(i);
      }
      ASSERT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
  });
  pb::BatchWriteResponse response;
  uint64_t next = 0;
  while (stream->Read(&response)) {
    EXPECT_EQ(response.batch_number(), next);
    EXPECT_EQ(response.code(), next % 10 == 9 ? 5 : 0) << response.message();
    ++next;
  }
  writer.join();
  EXPECT_THAT(ToAbsl(stream->Finish()), IsOk());
  EXPECT_EQ(next, static_cast<uint64_t>(kBatches));
  EXPECT_EQ(server.GetJson("c1"), R"({"volt":198})");
}

// Batches that are read from their bytes, and such as need their messages.
TEST(Api, AStreamTakesAlikeOperationsAndOthers) {
  RunningServer server;
  server.Fill();
  grpc::ClientContext context;
  const auto stream = server.twins_->WriteStream(&context);
  const auto write = [&](const pb::BatchWriteRequest& request) {
    pb::BatchWriteResponse response;
    TWIN_CHECK(stream->Write(request) && stream->Read(&response));
    EXPECT_EQ(response.code(), 0) << response.message();
    EXPECT_EQ(response.batch_number(), request.batch_number());
    return response;
  };
  for (const std::string prefix : {"n", "é"}) {
    constexpr int kTwins = 20;
    pb::BatchWriteRequest create;
    pb::BatchWriteRequest update;
    create.set_each_for_itself(true);
    create.set_batch_number(7);
    for (int i = 0; i < kTwins; ++i) {
      pb::Twin* twin = create.add_operations()->mutable_create_twin()->mutable_twin();
      twin->set_id(absl::StrCat(prefix, i));
      twin->set_model_id("dtmi:t:Cell;1");
      pb::Member* member = twin->mutable_contents()->add_members();
      member->set_name("volt");
      member->mutable_value()->set_double_value(i);
      pb::UpdateTwinRequest* patch = update.add_operations()->mutable_update_twin();
      patch->set_id(twin->id());
      patch->add_edits()->set_path("/volt");
      patch->mutable_edits(0)->mutable_value()->set_double_value(i + 0.5);
    }
    EXPECT_EQ(write(create).results_size(), kTwins);
    EXPECT_EQ(server.GetJson(prefix + "19"), R"({"volt":19})");
    EXPECT_EQ(write(update).changed(), static_cast<uint64_t>(kTwins));
    EXPECT_EQ(server.GetJson(prefix + "19"), R"({"volt":19.5})");
  }
  EXPECT_EQ(write(pb::BatchWriteRequest()).changed(), 0u);
  stream->WritesDone();
  EXPECT_THAT(ToAbsl(stream->Finish()), IsOk());
}

TEST(Api, AStreamEndsAtBytesThatAreNoBatch) {
  RunningServer server;
  server.Fill();
  grpc::GenericStub stub(grpc::CreateChannel(absl::StrCat("127.0.0.1:", server.server_->port()),
                                             grpc::InsecureChannelCredentials()));
  grpc::CompletionQueue queue;
  const auto wait = [&] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  grpc::ClientContext context;
  const auto stream = stub.PrepareCall(&context, "/twingraph.v1.TwinService/WriteStream", &queue);
  stream->StartCall(nullptr);
  ASSERT_TRUE(wait());
  for (const std::string bytes : {"", "no batch"}) {
    const grpc::Slice slice(bytes);
    stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    ASSERT_TRUE(wait());
  }
  grpc::ByteBuffer response;
  stream->Read(&response, nullptr);
  EXPECT_TRUE(wait()) << "the first is one, of nothing";
  stream->Read(&response, nullptr);
  EXPECT_FALSE(wait());
  grpc::Status status;
  stream->Finish(&status, nullptr);
  EXPECT_TRUE(wait());
  EXPECT_THAT(ToAbsl(status), StatusIs(absl::StatusCode::kInternal, HasSubstr("BatchWrite")));
  queue.Shutdown();
  while (wait()) {
  }
}

TEST(Api, ABatchThatIsSentTwiceCountsOnceAndEndsNoStream) {
  RunningServer server;
  server.Fill();
  grpc::ClientContext context;
  const auto stream = server.telemetry_->Ingest(&context);
  pb::IngestRequest request;
  request.mutable_open()->set_producer_id("p");
  ASSERT_TRUE(stream->Write(request));
  pb::IngestResponse response;
  ASSERT_TRUE(stream->Read(&response));
  double volt = 0;
  uint64_t rows = 0;
  const auto send = [&](uint64_t number) {
    request.Clear();
    request.set_batch_number(number);
    pb::SampleBatch& samples = *request.mutable_samples();
    samples.add_twin_ids("c1");
    samples.add_times_unix_nano(SystemClock().Now().ns);
    pb::SampleColumn& column = *samples.add_columns();
    column.set_path("volt");
    column.add_doubles(++volt);
    EXPECT_TRUE(stream->Write(request));
    EXPECT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.acknowledgement().rejects_total(), 0u);
    rows += response.acknowledgement().rows();
    return response.acknowledgement().batch_number();
  };
  EXPECT_EQ(send(1), 1u);
  EXPECT_EQ(send(2), 2u);
  EXPECT_EQ(send(2), 2u);
  EXPECT_EQ(send(1), 2u);
  EXPECT_EQ(send(3), 3u);
  EXPECT_EQ(send(2), 3u);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_THAT(ToAbsl(stream->Finish()), IsOk());
  EXPECT_EQ(rows, 3u);
  EXPECT_EQ(server.GetJson("c1"), R"({"volt":5})");
}

TEST(Api, ALayoutIsFoundByItsBeginning) {
  RunningServer server;
  server.Fill();
  pb::RegisterLayoutRequest request;
  request.mutable_layout()->set_id("p-fleet-7");
  pb::LayoutColumn& column = *request.mutable_layout()->add_columns();
  column.add_targets()->set_twin_id("c1");
  column.mutable_targets(0)->set_path("volt");
  pb::RegisterLayoutResponse registered;
  ASSERT_THAT(server.Call(&pb::TelemetryService::Stub::RegisterLayout, server.telemetry_.get(),
                          request, &registered),
              IsOk());
  pb::ListLayoutsRequest list;
  pb::ListLayoutsResponse layouts;
  const auto ask = [&](const std::string& id) {
    list.set_id(id);
    return server.Call(&pb::TelemetryService::Stub::ListLayouts, server.telemetry_.get(), list,
                       &layouts);
  };
  EXPECT_THAT(ask("p"), StatusIs(absl::StatusCode::kNotFound,
                                 HasSubstr("no layout 'p'; did you mean 'p-fleet-7'")));
  EXPECT_THAT(ask("q"), StatusIs(absl::StatusCode::kNotFound, ::testing::EndsWith("layout 'q'")));
  EXPECT_THAT(ask("p-fleet-7"), IsOk());
  EXPECT_EQ(layouts.layouts(0).unresolved(), 0u);
  pb::DeleteTwinRequest remove;
  remove.set_id("c1");
  remove.set_delete_relationships(true);
  pb::DeleteTwinResponse removed;
  ASSERT_THAT(
      server.Call(&pb::TwinService::Stub::DeleteTwin, server.twins_.get(), remove, &removed),
      IsOk());
  layouts.Clear();
  EXPECT_THAT(ask("p-fleet-7"), IsOk());
  EXPECT_EQ(layouts.layouts(0).unresolved(), 1u);
}

TEST(Api, WhatIsPublishedIsOfTheModel) {
  RunningServer server;
  server.Fill();
  pb::PublishRequest request;
  request.set_twin_id("p");
  request.set_contents_json(R"({"bms":{"firmware":"9"},"volt":null})");
  pb::PublishResponse response;
  const auto publish = [&] {
    return server.Call(&pb::TelemetryService::Stub::Publish, server.telemetry_.get(), request,
                       &response);
  };
  EXPECT_THAT(publish(), IsOk());
  EXPECT_EQ(server.GetJson("p"), R"({"bms":{"firmware":"9"},"limits":{"a":1},"volt":400})");
  request.set_contents_json(R"({"$dtId":"p"})");
  EXPECT_THAT(publish(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("$dtId: no such property")));
}

// Whether they are all alike or not, and whether one read takes many twins or few.
TEST(Api, AlikePatchesDoWhatOthersDo) {
  RunningServer server;
  server.Fill();
  for (int i = 0; i < 100; ++i) {
    ASSERT_THAT(server.CreateTwin(absl::StrCat("a", i), "dtmi:t:Cell;1", "{}"), IsOk());
  }
  for (const bool with_other : {false, true}) {
    pb::BatchWriteRequest request;
    request.set_each_for_itself(true);
    for (int i = 0; i < 102; ++i) {
      pb::UpdateTwinRequest* update = request.add_operations()->mutable_update_twin();
      update->set_id(absl::StrCat("a", i));
      pb::Edit* edit = update->add_edits();
      edit->set_path("/volt");
      edit->mutable_value()->set_double_value(with_other ? -i : i);
    }
    if (with_other) {
      request.mutable_operations(7)->mutable_update_twin()->set_if_match("W/\"1\"");
      request.mutable_operations(8)->mutable_update_twin()->mutable_edits(0)->set_path("/watt");
    }
    pb::BatchWriteResponse written;
    ASSERT_THAT(
        server.Call(&pb::TwinService::Stub::BatchWrite, server.twins_.get(), request, &written),
        IsOk());
    EXPECT_EQ(written.failed(), with_other ? 4u : 2u);
    EXPECT_EQ(written.results(101).code(), static_cast<int>(absl::StatusCode::kNotFound));

    pb::BatchGetTwinsRequest get;
    get.set_format(pb::JSON);
    for (int i = 0; i < 102; ++i) get.add_ids(absl::StrCat("a", i));
    pb::BatchGetTwinsResponse all;
    ASSERT_THAT(server.Call(&pb::TwinService::Stub::BatchGetTwins, server.twins_.get(), get, &all),
                IsOk());
    ASSERT_EQ(all.twins_size(), 100);
    EXPECT_EQ(all.missing_size(), 2);
    for (int i = 0; i < 100; ++i) {
      const int expected = with_other && i != 7 && i != 8 ? -i : i;
      EXPECT_THAT(all.twins(i).contents_json(), HasSubstr(absl::StrCat("\"volt\":", expected)));
    }
    EXPECT_EQ(all.position().sequence(), written.position().sequence());
  }
}

TEST(Api, BacksUpAndVerifies) {
  RunningServer server;
  server.Fill();
  pb::BackupRequest backup;
  backup.set_folder(server.folder_.Path("backup"));
  pb::BackupResponse done;
  ASSERT_THAT(server.Call(&pb::AdminService::Stub::Backup, server.admin_.get(), backup, &done),
              IsOk());
  pb::VerifyBackupRequest verify;
  verify.set_folder(backup.folder());
  pb::VerifyBackupResponse report;
  ASSERT_THAT(
      server.Call(&pb::AdminService::Stub::VerifyBackup, server.admin_.get(), verify, &report),
      IsOk());
  EXPECT_THAT(report.report(report.report_size() - 1), HasSubstr("4 twins"));
  pb::StatusResponse status;
  ASSERT_THAT(server.Call(&pb::AdminService::Stub::Status, server.admin_.get(), pb::StatusRequest(),
                          &status),
              IsOk());
  EXPECT_EQ(status.twins(), 4u);
  EXPECT_EQ(status.version(), "test");
  EXPECT_EQ(status.writing(), "");
  pb::CompactResponse compacted;
  EXPECT_THAT(server.Call(&pb::AdminService::Stub::Compact, server.admin_.get(),
                          pb::CompactRequest(), &compacted),
              IsOk());
  pb::CheckpointResponse checkpoint;
  EXPECT_THAT(server.Call(&pb::AdminService::Stub::Checkpoint, server.admin_.get(),
                          pb::CheckpointRequest(), &checkpoint),
              IsOk());
  EXPECT_EQ(checkpoint.position().sequence(), status.position().sequence());
}

TEST(Api, ListensOnLoopbackUnlessToldOtherwise) {
  ServerOptions options;
  options.listen = "0.0.0.0:0";
  EXPECT_THAT(Server::Start(options, nullptr).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--insecure")));
}

TEST(Json, ReadsBackWhatItWrote) {
  const std::string text =
      R"({"a":[1,-2.5,true,null,"x\n\"\u0001"],"b":{"c":9007199254740993},"d":1e+300})";
  const absl::StatusOr<Value> value = ParseJson(text);
  ASSERT_THAT(value.status(), IsOk());
  std::string again;
  AppendJson(*value, &again);
  EXPECT_EQ(again, text);
  EXPECT_FALSE(ParseJson(std::string(100000, '[')).ok());
  EXPECT_FALSE(ParseJson("{\"a\":\"\xff\"}").ok());
}

}  // namespace
}  // namespace twin::api
