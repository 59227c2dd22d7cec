// Commands against a server in this process: what they ask, print and return.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "clients/twinctl/command_fixture.h"
#include "clients/twinctl/output.h"
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const grpc::Status kNotFound(grpc::StatusCode::NOT_FOUND, "there is no twin x");

// A pack of two cells; keeps the last request of each kind.
class FakeTwins : public v1::TwinService::Service {
 public:
  v1::CreateTwinRequest created;
  v1::UpdateTwinRequest updated;
  v1::ImportOptions import_options;
  std::string imported;

  grpc::Status CreateTwin(grpc::ServerContext*, const v1::CreateTwinRequest* request,
                          v1::CreateTwinResponse* response) override {
    created = *request;
    response->set_etag("e1");
    response->set_created(true);
    response->mutable_position()->set_sequence(7);
    return grpc::Status::OK;
  }
  grpc::Status UpdateTwin(grpc::ServerContext*, const v1::UpdateTwinRequest* request,
                          v1::UpdateTwinResponse* response) override {
    updated = *request;
    if (request->if_match() == "old") {
      return grpc::Status(grpc::StatusCode::ABORTED, "its etag is e2\nread it again");
    }
    response->set_etag("e2");
    return grpc::Status::OK;
  }
  grpc::Status GetTwin(grpc::ServerContext*, const v1::GetTwinRequest* request,
                       v1::GetTwinResponse* response) override {
    return Find(request->id(), request->format(), response->mutable_twin()) ? grpc::Status::OK
                                                                            : kNotFound;
  }
  grpc::Status BatchGetTwins(grpc::ServerContext*, const v1::BatchGetTwinsRequest* request,
                             v1::BatchGetTwinsResponse* response) override {
    for (const std::string& id : request->ids()) {
      v1::Twin twin;
      if (Find(id, request->format(), &twin)) {
        *response->add_twins() = twin;
      } else {
        response->add_missing(id);
      }
    }
    return grpc::Status::OK;
  }
  // A twin a page.
  grpc::Status ListTwins(grpc::ServerContext*, const v1::ListTwinsRequest* request,
                         v1::ListTwinsResponse* response) override {
    const std::vector<std::string> ids = {"pack", "cell-1", "cell-2"};
    const size_t at = request->page_token().empty() ? 0 : request->page_token().size();
    Find(ids[at], request->format(), response->add_twins());
    if (at + 1 < ids.size()) response->set_next_page_token(std::string(at + 1, 'x'));
    return grpc::Status::OK;
  }
  grpc::Status ListRelationships(grpc::ServerContext*, const v1::ListRelationshipsRequest* request,
                                 v1::ListRelationshipsResponse* response) override {
    if (request->id() != "pack") return grpc::Status::OK;
    for (const char* name : {"hasCell", "feeds"}) {
      for (const char* target : {"cell-1", "cell-2"}) {
        v1::Relationship& relationship = *response->add_relationships();
        relationship.set_source_id("pack");
        relationship.set_id(std::string(name) + "-" + target);
        relationship.set_name(name);
        relationship.set_target_id(target);
      }
    }
    return grpc::Status::OK;
  }
  grpc::Status Import(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ImportProgress, v1::ImportRequest>* stream) override {
    v1::ImportRequest request;
    while (stream->Read(&request)) {
      if (request.has_options()) import_options = request.options();
      imported += request.data();
    }
    v1::ImportProgress progress;
    progress.set_twins(1);
    progress.set_done(true);
    if (imported.find("bad") != std::string::npos) {
      progress.set_errors(1);
      progress.add_new_errors()->set_line(2);
      progress.mutable_new_errors(0)->set_message("no twin");
    }
    stream->Write(progress);
    return grpc::Status::OK;
  }

 private:
  static bool Find(const std::string& id, v1::ContentsFormat format, v1::Twin* twin) {
    twin->set_id(id);
    twin->set_model_id(id == "pack" ? "dtmi:x:Pack;1" : "dtmi:x:Cell;1");
    if (format == v1::JSON) twin->set_contents_json(R"({"soh":{"value":0.5}})");
    return id != "x";
  }
};

class FakeModels : public v1::ModelService::Service {
 public:
  grpc::Status CreateModels(grpc::ServerContext*, const v1::CreateModelsRequest*,
                            v1::CreateModelsResponse*) override {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "dtmi:x:Pack;1:3:5: wrong [code]");
  }
  grpc::Status ValidateModels(grpc::ServerContext*, const v1::ValidateModelsRequest*,
                              v1::ValidateModelsResponse* response) override {
    v1::Finding& finding = *response->add_findings();
    finding.set_code("code");
    finding.set_message("wrong; write it right");
    finding.set_line(3);
    finding.set_column(5);
    return grpc::Status::OK;
  }
  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest* request,
                        v1::Model* model) override {
    model->set_id(request->id());
    if (request->with_text()) model->set_text("{ \"@id\" :  1.50}");
    return grpc::Status::OK;
  }
};

class ServerCommandsTest : public CommandFixture {
 protected:
  ServerCommandsTest() { Serve({&twins_, &models_}); }

  FakeTwins twins_;
  FakeModels models_;
};

TEST_F(ServerCommandsTest, CreatesATwin) {
  const Outcome outcome = Run({"twins", "create", "a b", "--model", "dtmi:x:Pack;1", "--set",
                               "soh.value=0.5", "--set", "serial=A7", "--create-only"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "created twin 'a b', etag e1\n");
  EXPECT_EQ(twins_.created.twin().id(), "a b");
  EXPECT_EQ(twins_.created.twin().model_id(), "dtmi:x:Pack;1");
  EXPECT_EQ(twins_.created.twin().contents_json(), R"({"soh":{"value":0.5},"serial":"A7"})");
  EXPECT_TRUE(twins_.created.create_only());
  EXPECT_EQ(twins_.created.request_id().size(), 32u);
}

TEST_F(ServerCommandsTest, CreatesATwinOfJson) {
  const std::string path = WriteFile(
      "twin.json",
      R"({"$dtId": "a", "$etag": "e", "$metadata": {"$model": "dtmi:x:Pack;1"}, "b": 1})");
  const Outcome outcome =
      Run({"twins", "create", "a", "--json", path, "--set", "c=2", "-o", "ndjson"});
  EXPECT_EQ(outcome.out, R"({"$dtId":"a","$etag":"e1","created":true,"sequence":7})"
                         "\n");
  EXPECT_EQ(twins_.created.twin().model_id(), "dtmi:x:Pack;1");
  EXPECT_EQ(twins_.created.twin().contents_json(), R"({"b":1,"c":2})");
  EXPECT_THAT(Run({"twins", "create", "b", "--json", path}).err,
              HasSubstr("is the twin 'a', not 'b'"));
  EXPECT_EQ(Run({"twins", "create", "b", "--json", path}).code, 2);
  EXPECT_EQ(Run({"twins", "create", "b"}).code, 2);
  EXPECT_EQ(Run({"twins", "create", "b", "--json", "/no/such"}).code, 2);
}

TEST_F(ServerCommandsTest, PatchesATwin) {
  EXPECT_EQ(Run({"twins", "patch", "a", "--set", "b=1", "--remove", "c", "--if-match", "e1"}).out,
            "changed twin 'a', etag e2\n");
  EXPECT_EQ(twins_.updated.edits_size(), 2);
  EXPECT_EQ(twins_.updated.if_match(), "e1");
  EXPECT_EQ(Run({"twins", "patch", "a", "[]"}).code, 0);
  EXPECT_EQ(twins_.updated.json_patch(), "[]");
  const Outcome refused = Run({"twins", "patch", "a", "[]", "--if-match", "old"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err, "twinctl: its etag is e2\n  read it again\n");
}

TEST_F(ServerCommandsTest, GetsTwins) {
  EXPECT_EQ(Run({"twins", "get", "pack"}).out,
            "FIELD             VALUE\n"
            "$dtId             pack\n"
            "$metadata.$model  dtmi:x:Pack;1\n"
            "soh.value         0.5\n");
  EXPECT_EQ(Run({"twins", "get", "x"}).err, "twinctl: there is no twin x\n");
  const Outcome some = Run({"twins", "get", "pack", "x", "cell-1", "-o", "csv"});
  EXPECT_EQ(some.code, 1);
  EXPECT_EQ(some.err, "twinctl: there is no twin 'x'\n");
  EXPECT_EQ(some.out,
            "$dtId,model,$etag,contents\n"
            "pack,dtmi:x:Pack;1,,\"{\"\"soh\"\":{\"\"value\"\":0.5}}\"\n"
            "cell-1,dtmi:x:Cell;1,,\"{\"\"soh\"\":{\"\"value\"\":0.5}}\"\n");
}

TEST_F(ServerCommandsTest, ListsPageByPage) {
  EXPECT_EQ(Run({"twins", "list"}).out,
            "ID      MODEL          ETAG\n"
            "pack    dtmi:x:Pack;1\n"
            "cell-1  dtmi:x:Cell;1\n"
            "cell-2  dtmi:x:Cell;1\n");
  EXPECT_EQ(Json::parse(Run({"twins", "list", "-o", "json", "--limit", "2"}).out).size(), 2u);
}

TEST_F(ServerCommandsTest, DrawsATree) {
  EXPECT_EQ(Run({"twins", "tree", "pack"}).out,
            "pack  Pack;1\n"
            "├─ hasCell  cell-1  Cell;1\n"
            "└─ hasCell  cell-2  Cell;1\n");
  EXPECT_EQ(Run({"twins", "tree", "pack", "--depth", "0"}).out, "pack  Pack;1  …\n");
}

TEST_F(ServerCommandsTest, ListsRelationships) {
  EXPECT_THAT(Run({"relationships", "list", "pack"}).out,
              StartsWith("SOURCE  NAME     TARGET  ID              CONTENTS\n"
                         "pack    hasCell  cell-1  hasCell-cell-1\n"));
}

TEST_F(ServerCommandsTest, Imports) {
  const std::string path = WriteFile("import.ndjson", "one\ntwo\n");
  const Outcome done = Run({"import", path, "--dry-run", "--continue-on-error"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "would import 0 models, 1 twin, 0 relationships\n");
  EXPECT_EQ(twins_.imported, "one\ntwo\n");
  EXPECT_TRUE(twins_.import_options.dry_run());
  EXPECT_TRUE(twins_.import_options.continue_on_error());
  WriteFile("import.ndjson", "bad\n");
  const Outcome refused = Run({"import", path});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err, path + ":2: no twin\ntwinctl: 1 error; what was imported stays\n");
  EXPECT_THAT(Run({"import", path, "-o", "json"}).out, HasSubstr(R"("message": "no twin")"));
  EXPECT_EQ(Run({"import", "/no/such"}).code, 2);
}

TEST_F(ServerCommandsTest, NamesTheFileOfAModelsFinding) {
  const std::string path = WriteFile("model.json", "{}");
  const Outcome refused = Run({"models", "create", path});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err, path + ":3:5: error: wrong; write it right [code]\n" +
                             "twinctl: no model was created: 1 error\n");
}

TEST_F(ServerCommandsTest, PrintsAModelAsItCame) {
  EXPECT_EQ(Run({"models", "get", "dtmi:x:Pack;1", "-o", "json"}).out, "{ \"@id\" :  1.50}\n");
  EXPECT_THAT(Run({"models", "get", "dtmi:x:Pack;1"}).out, HasSubstr("dtmi:x:Pack;1"));
}

TEST_F(ServerCommandsTest, AnOlderServerIsAnError) {
  const Outcome refused = Run({"status"});  // not among its services
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, StartsWith("twinctl: "));
}

}  // namespace
}  // namespace twin::twinctl
