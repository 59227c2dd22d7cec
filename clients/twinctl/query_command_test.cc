// `query`, its prompt and `queries` against a server in this process: what they ask, print, return.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <sstream>
#include <vector>

#include "clients/twinctl/command_fixture.h"
#include "clients/twinctl/query_prompt.h"
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/query_service.grpc.pb.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void AddColumn(const std::string& name, v1::QueryColumn::Type type, v1::QueryResponse* response) {
  v1::QueryColumn* column = response->mutable_header()->add_columns();
  column->set_name(name);
  column->set_type(type);
}

// Two rows, by page_size one a page; keeps the last request. "wrong" is refused with a place.
class FakeQueries : public v1::QueryService::Service {
 public:
  v1::QueryRequest request;
  std::vector<std::string> texts;

  grpc::Status Query(grpc::ServerContext*, const v1::QueryRequest* asked,
                     grpc::ServerWriter<v1::QueryResponse>* stream) override {
    request = *asked;
    texts.push_back(asked->text());
    if (asked->text() == "wrong\nwords") return Wrong();
    v1::QueryResponse response;
    response.mutable_header()->set_query_id("17");
    response.mutable_header()->mutable_position()->set_sequence(7);
    if (asked->text() == "twins") {
      AddColumn("T", v1::QueryColumn::TWIN, &response);
      response.set_rows(R"({"T":{"$dtId":"a","$etag":"e","$metadata":{"$model":"dtmi:x;1"},"b":1}})"
                        "\n");
    } else {
      response.mutable_header()->add_notices("BatteryCell is dtmi:x:BatteryCell;1");
      AddColumn("$dtId", v1::QueryColumn::STRING, &response);
      AddColumn("volt", v1::QueryColumn::DOUBLE, &response);
      response.mutable_header()->mutable_columns(1)->set_unit("volt");
      const char* const rows[] = {R"({"$dtId":"a","volt":3.5})", R"({"$dtId":"b"})"};
      const bool second = asked->page_token() == "next";
      response.set_rows(std::string(rows[second ? 1 : 0]) + "\n");
      if (asked->page_size() == 0) {
        stream->Write(response);
        response.Clear();
        response.set_rows(std::string(rows[1]) + "\n");
      } else if (!second) {
        response.mutable_summary()->set_next_page_token("next");
      }
      response.mutable_summary()->set_rows(asked->page_size() == 0 ? 2 : 1);
    }
    if (asked->text() == "twins AS OF") response.mutable_summary()->set_unrecorded(1200);
    if (asked->text() == "old days") response.mutable_summary()->set_rolled_up_left_out(24);
    if (asked->profile()) response.mutable_summary()->set_profile("scan 2 rows\n");
    response.mutable_summary();
    stream->Write(response);
    return grpc::Status::OK;
  }
  grpc::Status Explain(grpc::ServerContext*, const v1::QueryRequest* asked,
                       v1::ExplainResponse* response) override {
    request = *asked;
    response->set_plan("scan\n  filter\n");
    return grpc::Status::OK;
  }

 private:
  static grpc::Status Wrong() {
    google::rpc::ErrorInfo info;
    (*info.mutable_metadata())["line"] = "2";
    (*info.mutable_metadata())["column"] = "1";
    (*info.mutable_metadata())["offset"] = "6";
    (*info.mutable_metadata())["length"] = "5";
    google::rpc::Status details;
    details.add_details()->PackFrom(info);
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "2:1 no such words",
                        details.SerializeAsString());
  }
};

class FakeAdmin : public v1::AdminService::Service {
 public:
  grpc::Status ListQueries(grpc::ServerContext*, const v1::ListQueriesRequest*,
                           v1::ListQueriesResponse* response) override {
    v1::RunningQuery* query = response->add_queries();
    query->set_id("17");
    query->set_text("SELECT\n1");
    query->set_client("ipv4:127.0.0.1:5");
    query->set_rows(1234);
    return grpc::Status::OK;
  }
  grpc::Status CancelQuery(grpc::ServerContext*, const v1::CancelQueryRequest* request,
                           v1::CancelQueryResponse*) override {
    if (request->id() == "17") return grpc::Status::OK;
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no query " + request->id() + " runs");
  }
  grpc::Status SlowQueries(grpc::ServerContext*, const v1::SlowQueriesRequest*,
                           v1::SlowQueriesResponse* response) override {
    v1::FinishedQuery* query = response->add_queries();
    query->set_text("SELECT 2");
    query->set_duration_nanos(1'500'000'000);
    return grpc::Status::OK;
  }
};

class FakeModels : public v1::ModelService::Service {
 public:
  grpc::Status ListModels(grpc::ServerContext*, const v1::ListModelsRequest* request,
                          v1::ListModelsResponse* response) override {
    v1::Model* model = response->add_models();
    model->set_id("dtmi:t:Pack;1");
    model->set_twins(3);
    if (request->with_text()) {
      model->set_text(R"({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Pack;1",
          "@type": "Interface", "contents": [
            {"@type": "Property", "name": "voltage", "schema": "double"}]})");
    }
    return grpc::Status::OK;
  }
};

class QueryCommandTest : public CommandFixture {
 protected:
  QueryCommandTest() { Serve({&queries_, &admin_, &models_}); }

  FakeQueries queries_;
  FakeAdmin admin_;
  FakeModels models_;
};

TEST_F(QueryCommandTest, PrintsRowsInEachFormat) {
  const Outcome table = Run({"query", "SELECT"});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_EQ(table.out,
            "$dtId  volt [volt]\n"
            "a              3.5\n"
            "b\n");
  EXPECT_EQ(table.err, "note: BatteryCell is dtmi:x:BatteryCell;1\n");
  EXPECT_EQ(Run({"query", "SELECT", "-o", "ndjson"}).out,
            "{\"$dtId\":\"a\",\"volt\":3.5}\n{\"$dtId\":\"b\"}\n");
  EXPECT_EQ(Json::parse(Run({"query", "SELECT", "-o", "json"}).out).size(), 2u);
  EXPECT_EQ(Run({"query", "SELECT", "-o", "csv"}).out, "$dtId,volt\na,3.5\nb,\n");
  EXPECT_EQ(Run({"query", "SELECT", "-o", "yaml"}).out,
            "- \"$dtId\": a\n  volt: 3.5\n- \"$dtId\": b\n");
  EXPECT_EQ(Run({"query", "SELECT", "-o", "ndjson", "--limit", "1"}).out,
            "{\"$dtId\":\"a\",\"volt\":3.5}\n");
}

TEST_F(QueryCommandTest, ATableShowsTwinsByTheirContents) {
  EXPECT_EQ(Run({"query", "twins"}).out,
            "ID  MODEL     ETAG  CONTENTS\n"
            "a   dtmi:x;1  e     {\"b\":1}\n");
}

TEST_F(QueryCommandTest, SaysHowManyValuesWereLeftOut) {
  EXPECT_THAT(Run({"query", "twins AS OF"}).err,
              HasSubstr("note: 1,200 values left out: changed since then"));
  EXPECT_THAT(
      Run({"query", "old days"}).err,
      HasSubstr("note: 24 steps of times whose samples are kept no longer left out; EVERY"));
}

TEST_F(QueryCommandTest, SendsWhatItIsGiven) {
  EXPECT_EQ(Run({"query", "SELECT", "--param", "a=1", "--param", "@b=x=y", "--param", "c=\"7\"",
                 "--now", "2026-03-01T08:30:00Z", "--dialect", "adt", "--telemetry", "--profile"})
                .err,
            "note: BatteryCell is dtmi:x:BatteryCell;1\nscan 2 rows\n");
  EXPECT_EQ(queries_.request.text(), "SELECT");
  EXPECT_EQ(queries_.request.dialect(), v1::QueryRequest::ADT);
  EXPECT_EQ(queries_.request.format(), v1::QueryRequest::JSON_ROWS);
  EXPECT_EQ(queries_.request.parameters().at("a").int_value(), 1);
  EXPECT_EQ(queries_.request.parameters().at("b").string_value(), "x=y");
  EXPECT_EQ(queries_.request.parameters().at("c").string_value(), "7");
  EXPECT_EQ(queries_.request.now_unix_nano(), 1772353800000000000);
  EXPECT_TRUE(queries_.request.include_telemetry());
  EXPECT_EQ(Run({"query", "SELECT", "--now", "yesterday"}).code, 2);
  EXPECT_EQ(Run({"query", "SELECT", "--param", "a"}).code, 2);
}

TEST_F(QueryCommandTest, GoesFromPageToPage) {
  EXPECT_EQ(Run({"query", "SELECT", "--page-size", "1", "-o", "ndjson"}).out,
            "{\"$dtId\":\"a\",\"volt\":3.5}\n{\"$dtId\":\"b\"}\n");
  EXPECT_EQ(queries_.request.page_token(), "next");
}

TEST_F(QueryCommandTest, PrintsPlans) {
  EXPECT_EQ(Run({"query", "--explain", "SELECT"}).out, "scan\n  filter\n");
  EXPECT_EQ(Json::parse(Run({"query", "--explain", "SELECT", "-o", "json"}).out)["plan"],
            "scan\n  filter\n");
}

TEST_F(QueryCommandTest, PointsAtAnError) {
  const Outcome refused = Run({"query", "wrong\nwords"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_EQ(refused.err,
            "twinctl: 2:1 no such words\n"
            "  words\n"
            "  ^^^^^\n");
}

TEST_F(QueryCommandTest, ChecksWithoutAServer) {
  server_->Shutdown();
  EXPECT_EQ(Run({"query", "--check", "SELECT T FROM DIGITALTWINS T WHERE T.x > @y"}).out,
            "valid\n");
  const Outcome wrong = Run({"query", "--check", "SELECT T FRM DIGITALTWINS T"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("^^^"));
  EXPECT_EQ(
      Run({"query", "--check", "--dialect", "adt", "SELECT T FROM DIGITALTWINS T LIMIT 1"}).code,
      1);
  EXPECT_EQ(Run({"query", "--check"}).code, 2);
}

TEST_F(QueryCommandTest, ChecksNamesAgainstModels) {
  const std::string models =
      WriteFile("models.json", R"({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Pack;1",
          "@type": "Interface", "contents": [
            {"@type": "Property", "name": "voltage", "schema": "double"}]})");
  EXPECT_EQ(Run({"query", "--check", "--models", models,
                 "SELECT T FROM DIGITALTWINS T WHERE T.voltage > 3"})
                .code,
            0);
  const Outcome wrong = Run({"query", "--check", "--models", models,
                             "SELECT T FROM DIGITALTWINS T WHERE T.volttage > 3"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("voltage"));
  EXPECT_EQ(Run({"query", "--check", "--models", "/no/such", "SELECT"}).code, 2);
}

TEST_F(QueryCommandTest, ChecksManyLines) {
  const std::string cases =
      WriteFile("cases.jsonl", R"({"id": "a", "query": "SELECT T FROM DIGITALTWINS T"}
{"id": 2, "query": "SELECT"}

{"query": "SELECT T FROM DIGITALTWINS T LIMIT 1", "dialect": "adt"}
[]
{"id": "e", "query": 5}
)");
  const Outcome checked = Run({"query", "--check", "--jsonl", cases});
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.err, HasSubstr("2 of 5 lines could not be answered"));
  std::istringstream lines(checked.out);
  std::vector<Json> answers;
  for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
  ASSERT_EQ(answers.size(), 5u);
  EXPECT_EQ(answers[0], Json::parse(R"({"id": "a", "ok": true})"));
  EXPECT_EQ(answers[1]["id"], 2);
  EXPECT_EQ(answers[1]["ok"], false);
  EXPECT_TRUE(answers[1]["error"].is_string());
  EXPECT_TRUE(answers[1]["column"].is_number());
  EXPECT_EQ(answers[2]["ok"], false);
  EXPECT_EQ(answers[3]["line"], 5);
  EXPECT_EQ(answers[4]["id"], "e");
}

TEST_F(QueryCommandTest, ListsAndCancelsQueries) {
  EXPECT_THAT(Run({"queries", "list"}).out, HasSubstr("ipv4:127.0.0.1:5  running  1234  SELECT 1"));
  EXPECT_EQ(Json::parse(Run({"queries", "list", "-o", "json"}).out)[0]["query"], "SELECT\n1");
  EXPECT_EQ(Run({"queries", "cancel", "17"}).out, "query 17 is being cancelled\n");
  EXPECT_EQ(Run({"queries", "cancel", "18"}).code, 1);
  EXPECT_THAT(Run({"queries", "slow"}).out, HasSubstr("1500.0 ms"));
}

// Lines that a test types.
class FakeLines : public LineSource {
 public:
  std::deque<std::pair<Event, std::string>> lines;
  std::vector<std::string> prompts;
  std::vector<std::string> remembered;

  Event Next(const std::string& prompt, std::string* line) override {
    prompts.push_back(prompt);
    if (lines.empty()) return Event::kEnd;
    const auto [event, text] = lines.front();
    lines.pop_front();
    *line = text;
    return event;
  }
  void Remember(const std::string& statement) override { remembered.push_back(statement); }
};

class QueryPromptTest : public QueryCommandTest {
 protected:
  QueryPromptTest() : client_(*client::Connect({.address = environment_.address})) {}

  Outcome Type(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) lines_.lines.push_back({LineSource::Event::kLine, line});
    std::ostringstream out, err;
    const Console console = {.out = out, .err = err};
    QueryPrompt prompt(QueryOptions(), client_.get(), console);
    const ExitCode code = prompt.Run(&lines_);
    return {code, out.str(), err.str()};
  }

  std::unique_ptr<client::Client> client_;
  FakeLines lines_;
};

TEST_F(QueryPromptTest, RunsStatementsOfManyLines) {
  const Outcome outcome = Type({"SELECT 1", "", "SELECT ';", "' AS a;", ".format ndjson", "x;"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(queries_.texts, ElementsAre("SELECT 1", "SELECT ';\n' AS a;", "x;"));
  EXPECT_THAT(lines_.remembered, ElementsAre("SELECT 1", "SELECT ';\n' AS a;", "x;"));
  EXPECT_THAT(lines_.prompts,
              ElementsAre("tql> ", "...> ", "tql> ", "...> ", "tql> ", "tql> ", "tql> "));
  EXPECT_THAT(outcome.out, HasSubstr("\"volt\":3.5}\n{"));
  EXPECT_THAT(outcome.err, HasSubstr("2 rows, "));
  EXPECT_THAT(outcome.err, HasSubstr("sequence 7"));
}

TEST_F(QueryPromptTest, ObeysCommands) {
  const Outcome outcome = Type({".help", ".models", ".dialect adt", ".dialect", ".dialect x",
                                ".nonsense", "  ", "y;", ".quit", "z;"});
  EXPECT_THAT(outcome.err, HasSubstr(".format [FORMAT]"));
  EXPECT_THAT(outcome.out, HasSubstr("dtmi:t:Pack;1      3"));
  EXPECT_THAT(outcome.err, HasSubstr("\nadt\n"));
  EXPECT_THAT(outcome.err, HasSubstr("'x' is not one of tql|adt"));
  EXPECT_THAT(outcome.err, HasSubstr("no command .nonsense"));
  EXPECT_THAT(queries_.texts, ElementsAre("y"));  // ADT has no semicolon.
  EXPECT_EQ(queries_.request.dialect(), v1::QueryRequest::ADT);
}

TEST_F(QueryPromptTest, GoesOnAfterAnError) {
  EXPECT_THAT(Type({"wrong", "words", "", "x;"}).err, HasSubstr("  ^^^^^\n"));
  EXPECT_THAT(queries_.texts, ElementsAre("wrong\nwords", "x;"));
}

TEST_F(QueryPromptTest, AnInterruptDropsWhatWasTyped) {
  lines_.lines = {{LineSource::Event::kLine, "SELECT"}, {LineSource::Event::kInterrupt, ""}};
  Type({"x;"});
  EXPECT_THAT(queries_.texts, ElementsAre("x;"));
}

TEST_F(QueryPromptTest, CompletesFromTheServersModels) {
  std::ostringstream out, err;
  const Console console = {.out = out, .err = err};
  QueryPrompt prompt(QueryOptions(), client_.get(), console);
  EXPECT_THAT(prompt.CompleteText("SELECT T.vol").candidates, ElementsAre("voltage"));
  EXPECT_THAT(prompt.CompleteText("MATCH (p:P").candidates, ElementsAre("Pack"));
}

}  // namespace
}  // namespace twin::twinctl
