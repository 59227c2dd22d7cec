#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "clients/cpp/client.h"
#include "tests/support/status_matchers.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

// A pack with two modules, a page each.
class FakeTwins : public v1::TwinService::Service {
 public:
  grpc::Status ListRelationships(grpc::ServerContext*, const v1::ListRelationshipsRequest* request,
                                 v1::ListRelationshipsResponse* response) override {
    const bool first = request->page_token().empty();
    v1::Relationship& relationship = *response->add_relationships();
    relationship.set_id(first ? "m1" : "m2");
    relationship.set_name(request->name());
    relationship.set_target_id(first ? "module-1" : "module-2");
    relationship.set_etag("e");
    relationship.set_contents_json(
        R"({"$etag":"e","position":2,"mountedAt":"2024-01-01T00:00:00Z"})");
    if (first) response->set_next_page_token("2");
    return grpc::Status::OK;
  }
  grpc::Status BatchWrite(grpc::ServerContext*, const v1::BatchWriteRequest* request,
                          v1::BatchWriteResponse* response) override {
    batch = *request;
    response->mutable_position()->set_sequence(9);
    return grpc::Status::OK;
  }
  v1::BatchWriteRequest batch;
};

TEST(ReplaceModuleTest, IsOneBatch) {
  FakeTwins twins;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&twins);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const std::unique_ptr<Client> client = *Connect({.address = "127.0.0.1:" + std::to_string(port)});

  const absl::StatusOr<v1::BatchWriteResponse> done =
      client->ReplaceModule({.pack = "pack",
                             .old_module = "module-2",
                             .new_module = "module-9",
                             .mounted_at = "2026-07-01T00:00:00Z"});
  ASSERT_THAT(done.status(), IsOk());
  EXPECT_EQ(done->position().sequence(), 9u);
  EXPECT_FALSE(twins.batch.each_for_itself());
  EXPECT_EQ(twins.batch.request_id().size(), 32u);
  ASSERT_EQ(twins.batch.operations_size(), 2);
  EXPECT_EQ(twins.batch.operations(0).delete_relationship().source_id(), "pack");
  EXPECT_EQ(twins.batch.operations(0).delete_relationship().id(), "m2");
  const v1::CreateRelationshipRequest& mount = twins.batch.operations(1).create_relationship();
  EXPECT_TRUE(mount.create_only());
  EXPECT_EQ(mount.relationship().name(), "hasModule");
  EXPECT_EQ(mount.relationship().target_id(), "module-9");
  EXPECT_EQ(mount.relationship().contents_json(),
            R"({"position":2,"mountedAt":"2026-07-01T00:00:00Z"})");
  EXPECT_THAT(
      client->ReplaceModule({.pack = "pack", .old_module = "no", .new_module = "x"}).status(),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("to 'no'")));
}

}  // namespace
}  // namespace twin::client
