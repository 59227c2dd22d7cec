// A writer streams creates, patches and deletes while the server is killed with SIGKILL at random
// moments: while it writes, makes checkpoints, copies backups, or starts. After each start every
// acknowledged batch is there, whole, and nothing that was not sent; sequences have no gap.
//
// Batch i, all or nothing: creates the twin k<i>, sets the property n of the twin `hub` to i,
// relates hub to k<i>, and deletes k<i - 20> with its relationship. So the state after i batches is
// known, and hub says what i is.
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "tests/fault/kill_run.h"
#include "tests/fault/server_process.h"
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin {
namespace {

namespace pb = ::twingraph::v1;

constexpr uint64_t kAlive = 20;  // twins beside hub, once there are so many
constexpr char kModel[] =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:K;1","@type":"Interface","contents":[
      {"@type":"Property","name":"n","schema":"long"},
      {"@type":"Property","name":"text","schema":"string"},
      {"@type":"Relationship","name":"has"}]})";

void SetProperty(pb::ValueMap* contents, const std::string& name, int64_t value) {
  pb::Member* member = contents->add_members();
  member->set_name(name);
  member->mutable_value()->set_int_value(value);
}

pb::BatchWriteRequest BatchOf(uint64_t i) {
  pb::BatchWriteRequest batch;
  batch.set_batch_number(i);
  pb::Twin* twin = batch.add_operations()->mutable_create_twin()->mutable_twin();
  twin->set_id(absl::StrCat("k", i));
  twin->set_model_id("dtmi:t:K;1");
  SetProperty(twin->mutable_contents(), "n", static_cast<int64_t>(i));
  pb::Member* text = twin->mutable_contents()->add_members();
  text->set_name("text");
  text->mutable_value()->set_string_value(std::string(i % 700, 'x'));

  pb::UpdateTwinRequest* update = batch.add_operations()->mutable_update_twin();
  update->set_id("hub");
  pb::Edit* edit = update->add_edits();
  edit->set_path("/n");
  edit->mutable_value()->set_int_value(static_cast<int64_t>(i));

  pb::Relationship* relationship =
      batch.add_operations()->mutable_create_relationship()->mutable_relationship();
  relationship->set_source_id("hub");
  relationship->set_id(absl::StrCat("r", i));
  relationship->set_name("has");
  relationship->set_target_id(absl::StrCat("k", i));
  if (i > kAlive) {
    pb::DeleteTwinRequest* gone = batch.add_operations()->mutable_delete_twin();
    gone->set_id(absl::StrCat("k", i - kAlive));
    gone->set_delete_relationships(true);
  }
  return batch;
}

// What a server has, compared with what must be there after some number of batches; that number.
uint64_t CheckState(int port, uint64_t acknowledged, uint64_t sent) {
  const std::shared_ptr<grpc::Channel> channel = ChannelTo(port);
  const auto twins = pb::TwinService::NewStub(channel);
  pb::GetTwinRequest get;
  get.set_id("hub");
  pb::GetTwinResponse hub;
  grpc::ClientContext context;
  const grpc::Status status = twins->GetTwin(&context, get, &hub);
  EXPECT_TRUE(status.ok()) << status.error_message();
  uint64_t done = 0;
  for (const pb::Member& member : hub.twin().contents().members()) {
    if (member.name() == "n") done = static_cast<uint64_t>(member.value().int_value());
  }
  EXPECT_GE(done, acknowledged);
  EXPECT_LE(done, sent);
  // Model, hub, then one sequence a batch.
  EXPECT_EQ(hub.position().sequence(), done + 2);

  std::set<std::string> expected = {"hub"};
  for (uint64_t i = done > kAlive ? done - kAlive + 1 : 1; i <= done; ++i) {
    expected.insert(absl::StrCat("k", i));
  }
  std::set<std::string> found;
  grpc::ClientContext list_context;
  pb::ListTwinsResponse list;
  EXPECT_TRUE(twins->ListTwins(&list_context, pb::ListTwinsRequest(), &list).ok());
  for (const pb::Twin& twin : list.twins()) {
    found.insert(twin.id());
    for (const pb::Member& member : twin.contents().members()) {
      if (twin.id() != "hub" && member.name() == "n") {
        EXPECT_EQ(absl::StrCat("k", member.value().int_value()), twin.id());
      }
    }
  }
  EXPECT_EQ(found, expected);
  pb::ListRelationshipsRequest of_hub;
  of_hub.set_id("hub");
  grpc::ClientContext relationships_context;
  pb::ListRelationshipsResponse relationships;
  EXPECT_TRUE(twins->ListRelationships(&relationships_context, of_hub, &relationships).ok());
  std::set<std::string> targets = {"hub"};
  for (const pb::Relationship& each : relationships.relationships()) {
    targets.insert(each.target_id());
  }
  EXPECT_EQ(targets, expected);
  return done;
}

void Begin(int port) {
  const std::shared_ptr<grpc::Channel> channel = ChannelTo(port);
  ASSERT_NO_FATAL_FAILURE(CreateModels(channel, kModel));
  ASSERT_NO_FATAL_FAILURE(CreateTwin(channel, "hub", "dtmi:t:K;1"));
}

// Streams batches from `first` on until the server is gone.
void StreamBatches(int port, uint64_t first, std::atomic<uint64_t>* sent,
                   std::atomic<uint64_t>* acknowledged) {
  const auto twins = pb::TwinService::NewStub(ChannelTo(port));
  grpc::ClientContext context;
  const auto stream = twins->WriteStream(&context);
  std::atomic<bool> ended{false};
  std::thread reader([&] {
    pb::BatchWriteResponse response;
    while (stream->Read(&response)) {
      EXPECT_EQ(response.code(), 0) << response.message();
      *acknowledged = response.batch_number();
    }
    ended = true;
  });
  for (uint64_t i = first;; ++i) {
    // Before the write: a batch may be done before Write returns.
    *sent = i;
    if (!stream->Write(BatchOf(i))) break;
    // Not far ahead: what is in flight is what a kill may or may not take.
    while (i > acknowledged->load() + 200 && !ended) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  reader.join();
  stream->Finish();
}

// What a kill left of backups: one that has its name is whole; one that has not is refused, or
// whole too if only its name was missing. Removes them. Returns how many it found.
int CheckBackups(const std::string& root, uint64_t sent) {
  std::vector<std::string> backups;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    const std::string path = entry.path().string();
    if (path.find("/backup-") != std::string::npos && entry.is_directory()) backups.push_back(path);
  }
  for (const std::string& path : backups) {
    SCOPED_TRACE(path);
    const bool is_partial = path.size() > 8 && path.substr(path.size() - 8) == ".partial";
    if (!is_partial || !std::filesystem::is_empty(path)) {
      ServerProcess copy(path);
      const int port = copy.WaitForPort();
      EXPECT_TRUE(port != 0 || is_partial);
      if (port != 0) CheckState(port, 0, sent);
    }
    std::filesystem::remove_all(path);
    std::filesystem::remove(path + ".log");
  }
  return static_cast<int>(backups.size());
}

void BackUpUntilGone(int port, const std::string& root, const std::atomic<bool>* gone) {
  const auto admin = pb::AdminService::NewStub(ChannelTo(port));
  for (int i = 0; !*gone; ++i) {
    pb::BackupRequest request;
    request.set_folder(absl::StrCat(root, "/backup-", getpid(), "-", i));
    pb::BackupResponse response;
    grpc::ClientContext context;
    if (admin->Backup(&context, request, &response).ok()) {
      const std::string command = absl::StrCat("rm -rf ", request.folder());
      TWIN_CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): our own folder
    }
  }
}

TEST(Kill, NothingAcknowledgedIsEverLost) {
  const KillRun run(20);
  SCOPED_TRACE(absl::StrCat("TWIN_SEED=", run.seed()));
  const int kills = run.kills();
  std::mt19937 random(run.seed());
  const std::string data_dir = run.data_dir();

  uint64_t done = 0;
  int backups_left = 0;
  for (int round = 0; round <= kills; ++round) {
    if (round % 4 == 3) {
      // Killed while it starts.
      ServerProcess starting(data_dir);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 30000));
      starting.Kill();
    }
    ServerProcess server(data_dir);
    const int port = server.WaitForPort();
    ASSERT_NE(port, 0) << "twind did not start; see " << data_dir << ".log";
    if (round == 0) {
      Begin(port);
    }
    ASSERT_EQ(CheckState(port, done, done), done);
    if (round == kills) {
      EXPECT_EQ(server.Stop(), 0);
      break;
    }
    std::atomic<uint64_t> sent{done};
    std::atomic<uint64_t> acknowledged{done};
    std::atomic<bool> gone{false};
    std::thread writer([&] { StreamBatches(port, done + 1, &sent, &acknowledged); });
    std::thread backups([&] {
      if (round % 3 == 1) BackUpUntilGone(port, run.root(), &gone);
    });
    while (acknowledged.load() < done + 20) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 200000));
    server.Kill();
    gone = true;
    writer.join();
    backups.join();

    ServerProcess again(data_dir);
    const int new_port = again.WaitForPort();
    ASSERT_NE(new_port, 0) << "twind did not start; see " << data_dir << ".log";
    done = CheckState(new_port, acknowledged, sent);
    backups_left += CheckBackups(run.root(), sent);
    if (::testing::Test::HasFailure()) FAIL() << "round " << round << "; data in " << data_dir;
    // Every third round ends well, so that clean stops are among them.
    if (round % 3 == 0) {
      ASSERT_EQ(again.Stop(), 0);
    }
  }
  std::printf("%d kills, %llu batches, %d backups cut off\n", kills,
              static_cast<unsigned long long>(done), backups_left);
}

}  // namespace
}  // namespace twin
