// Runs twinctl's commands against services in this process. For tests.
#ifndef TWIN_CLIENTS_TWINCTL_COMMAND_FIXTURE_H_
#define TWIN_CLIENTS_TWINCTL_COMMAND_FIXTURE_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/commands.h"

namespace twin::twinctl {

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

class CommandFixture : public ::testing::Test {
 protected:
  void TearDown() override {
    server_.reset();  // before the services, which are the derived class's
    for (const std::string& path : files_) std::remove(path.c_str());
  }

  // Once, by the derived class's constructor; it has the services.
  void Serve(std::initializer_list<grpc::Service*> services) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    for (grpc::Service* const service : services) builder.RegisterService(service);
    server_ = builder.BuildAndStart();
    environment_.address = absl::StrCat("127.0.0.1:", port);
  }

  Outcome Run(const std::vector<std::string>& arguments) {
    CommandLine line("twinctl", "A program", "0");
    AddCommands(&line, environment_);
    std::ostringstream out, err;
    const int code = line.Run(arguments, {.out = &out, .err = &err});
    return {code, out.str(), err.str()};
  }

  // Of this test: tests run at once, as processes of their own.
  std::string PathOf(const std::string& name) {
    const ::testing::TestInfo* const test = ::testing::UnitTest::GetInstance()->current_test_info();
    files_.push_back(absl::StrCat(::testing::TempDir(), test->name(), "_", getpid(), "_", name));
    return files_.back();
  }
  std::string WriteFile(const std::string& name, const std::string& text) {
    std::string path = PathOf(name);
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  Environment environment_;
  std::unique_ptr<grpc::Server> server_;

 private:
  std::vector<std::string> files_;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_COMMAND_FIXTURE_H_
