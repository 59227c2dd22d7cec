// What every test that kills servers begins with: how often, by which seed, in which folder; and a
// channel to the server.
#ifndef TWIN_TESTS_FAULT_KILL_RUN_H_
#define TWIN_TESTS_FAULT_KILL_RUN_H_

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin {

inline std::shared_ptr<grpc::Channel> ChannelTo(int port) {
  return grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials());
}

// TWIN_LONG: 200 kills; TWIN_SEED: repeats a run, as far as threads let it.
class KillRun {
 public:
  // `kills`: without TWIN_LONG.
  explicit KillRun(int kills) {
    // No other thread runs yet.
    const char* const seed = std::getenv("TWIN_SEED");     // NOLINT(concurrency-mt-unsafe)
    if (std::getenv("TWIN_LONG") != nullptr) kills = 200;  // NOLINT(concurrency-mt-unsafe)
    kills_ = kills;
    seed_ = static_cast<uint32_t>(seed != nullptr ? std::atoi(seed) : getpid());
    TWIN_CHECK(mkdtemp(root_.data()) != nullptr) << root_;
  }
  // The folder stays for whoever looks into a failure.
  ~KillRun() {
    if (::testing::Test::HasFailure()) return;
    const std::string command = absl::StrCat("rm -rf ", root_);
    TWIN_CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): our own folder
  }
  KillRun(const KillRun&) = delete;
  KillRun& operator=(const KillRun&) = delete;

  int kills() const { return kills_; }
  uint32_t seed() const { return seed_; }
  const std::string& root() const { return root_; }
  std::string data_dir() const { return absl::StrCat(root_, "/data"); }

 private:
  std::string root_ = absl::StrCat(::testing::TempDir(), "/kill-XXXXXX");
  int kills_ = 0;
  uint32_t seed_ = 0;
};

// `texts`: a model, or an array of them.
inline void CreateModels(const std::shared_ptr<grpc::Channel>& channel, const std::string& texts) {
  ::twingraph::v1::CreateModelsRequest request;
  request.add_texts(texts);
  ::twingraph::v1::CreateModelsResponse response;
  grpc::ClientContext context;
  const grpc::Status status =
      ::twingraph::v1::ModelService::NewStub(channel)->CreateModels(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

// Without contents.
inline void CreateTwin(const std::shared_ptr<grpc::Channel>& channel, const std::string& id,
                       const std::string& model) {
  ::twingraph::v1::CreateTwinRequest request;
  request.mutable_twin()->set_id(id);
  request.mutable_twin()->set_model_id(model);
  ::twingraph::v1::CreateTwinResponse response;
  grpc::ClientContext context;
  const grpc::Status status =
      ::twingraph::v1::TwinService::NewStub(channel)->CreateTwin(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

}  // namespace twin

#endif  // TWIN_TESTS_FAULT_KILL_RUN_H_
