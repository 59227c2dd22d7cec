// `telemetry` and `history` against a server in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/str_replace.h"
#include "clients/twinctl/command_fixture.h"
#include "twingraph/v1/history_service.grpc.pb.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;
using ::testing::HasSubstr;

constexpr int64_t kTime = 1'620'177'000'000'000'000;

class FakeTelemetry : public v1::TelemetryService::Service {
 public:
  grpc::Status Publish(grpc::ServerContext*, const v1::PublishRequest* request,
                       v1::PublishResponse* response) override {
    published = *request;
    response->mutable_position()->set_sequence(7);
    return grpc::Status::OK;
  }
  grpc::Status ListLayouts(grpc::ServerContext*, const v1::ListLayoutsRequest* request,
                           v1::ListLayoutsResponse* response) override {
    v1::LayoutVersion& layout = *response->add_layouts();
    layout.mutable_layout()->set_id("l");
    v1::LayoutColumn& column = *layout.mutable_layout()->add_columns();
    column.mutable_rule()->set_twin_id("pack");
    column.mutable_rule()->add_steps("hasCell");
    column.mutable_rule()->set_path("voltage");
    column.set_encoding(v1::INT16);
    column.set_scale(0.001);
    layout.set_version(2);
    layout.set_columns(1);
    layout.set_valid_from_unix_nano(valid_from);
    if (!request->resolved()) return grpc::Status::OK;
    v1::LayoutColumn& resolved = *layout.add_resolved();
    resolved.set_encoding(v1::INT16);
    resolved.add_targets()->set_twin_id("cell-1");
    resolved.mutable_targets(0)->set_path("voltage");
    return grpc::Status::OK;
  }
  v1::PublishRequest published;
  int64_t valid_from = 0;
};

class FakeHistory : public v1::HistoryService::Service {
 public:
  // A row of two twins with different columns; nothing new when asked again.
  grpc::Status Export(grpc::ServerContext*, const v1::ExportHistoryRequest* request,
                      grpc::ServerWriter<v1::ExportHistoryResponse>* stream) override {
    exported = *request;
    for (const std::string& twin : request->twin_ids()) {
      v1::ExportHistoryResponse response;
      response.mutable_position()->set_sequence(9);
      response.mutable_samples()->add_twin_ids(twin);
      response.mutable_samples()->add_times_unix_nano(kTime);
      v1::SampleColumn& column = *response.mutable_samples()->add_columns();
      column.set_path(twin == "a" ? "voltage" : "current");
      column.add_doubles(1.5);
      stream->Write(response);
    }
    return grpc::Status::OK;
  }
  grpc::Status Import(grpc::ServerContext*, grpc::ServerReader<v1::ImportHistoryRequest>* stream,
                      v1::ImportHistoryResponse* response) override {
    v1::ImportHistoryRequest request;
    uint64_t rows = 0;
    while (stream->Read(&request)) {
      for (const std::string& twin : request.samples().twin_ids()) {
        if (twin == "no") {
          response->set_rejects_total(response->rejects_total() + 1);
          v1::Reject& reject = *response->add_rejects();
          reject.set_index(static_cast<uint32_t>(rows));
          reject.set_message("no twin 'no'");
        }
        ++rows;
      }
      imported.MergeFrom(request.samples());
    }
    response->set_rows(rows - response->rejects_total());
    return grpc::Status::OK;
  }
  v1::ExportHistoryRequest exported;
  v1::SampleBatch imported;
};

class HistoryCommandsTest : public CommandFixture {
 protected:
  HistoryCommandsTest() { Serve({&telemetry_, &history_}); }

  FakeTelemetry telemetry_;
  FakeHistory history_;
};

TEST_F(HistoryCommandsTest, Sends) {
  const Outcome sent =
      Run({"telemetry", "send", "a", R"({"voltage": 3.7})", "--time", "2021-05-05T01:10:00Z"});
  EXPECT_EQ(sent.out, "sent 1 value of 'a', sequence 7\n") << sent.err;
  EXPECT_EQ(telemetry_.published.twin_id(), "a");
  EXPECT_EQ(telemetry_.published.contents_json(), R"({"voltage": 3.7})");
  EXPECT_EQ(telemetry_.published.source_time_unix_nano(), kTime);
  EXPECT_EQ(
      Run({"telemetry", "send", "a", R"({"voltage": null, "bms": {"state": 1, "x": 2}})"}).out,
      "sent 2 values of 'a', sequence 7\n");
  EXPECT_EQ(Run({"telemetry", "send", "a", "{"}).code, 2);
  EXPECT_THAT(Run({"telemetry", "send", "a", "voltage=3"}).err,
              HasSubstr("'voltage=3' is no JSON, at byte 0: unexpected 'voltage=3'; write "
                        "{\"temperature\": 31.5}"));
  EXPECT_THAT(Run({"telemetry", "send", "a", R"({"voltage": NaN})"}).err,
              HasSubstr("is no JSON, at byte 12: unexpected 'NaN}'"));
  EXPECT_THAT(Run({"telemetry", "send", "a", R"({"voltage": 1e400})"}).err,
              HasSubstr("is no JSON, at byte 12: 1e400 is too large for a double"));
  EXPECT_THAT(Run({"telemetry", "send", "a", R"({"voltage": 1)"}).err,
              HasSubstr("is no JSON, at byte 13: it ends too early"));
  EXPECT_EQ(Run({"telemetry", "send", "a", "7"}).code, 2);
  EXPECT_THAT(Run({"telemetry", "send", "a", "{}", "--time", "now"}).err,
              HasSubstr("--time: 'now' is no time"));
}

TEST_F(HistoryCommandsTest, ListsLayouts) {
  EXPECT_EQ(Run({"telemetry", "layouts", "-o", "csv"}).out,
            "id,version,validFrom,columnCount,unresolved\nl,2,,1,0\n");
  telemetry_.valid_from = INT64_MIN;
  EXPECT_EQ(Run({"telemetry", "layouts", "-o", "csv"}).out,
            "id,version,validFrom,columnCount,unresolved\nl,2,always,1,0\n");
  EXPECT_THAT(Run({"telemetry", "layouts", "-o", "ndjson"}).out, HasSubstr(R"("validFrom":null)"));
  EXPECT_EQ(Run({"telemetry", "layouts", "l", "--resolved", "-o", "csv"}).out,
            "layout,column,targets,encoding,scale,offset\nl,0,cell-1 voltage,INT16,1.0,0.0\n");
  EXPECT_THAT(Run({"telemetry", "layouts", "-o", "ndjson"}).out,
              HasSubstr(R"("steps":["hasCell"],"path":"voltage")"));
}

TEST_F(HistoryCommandsTest, Tails) {
  const Outcome tail = Run({"telemetry", "tail", "a", "--path", "voltage", "--from",
                            "2021-05-05T01:00:00Z", "--count", "1"});
  EXPECT_EQ(tail.code, 0) << tail.err;
  EXPECT_EQ(tail.out, "2021-05-05T01:10:00Z  voltage=1.5\n");
  EXPECT_EQ(history_.exported.paths(0), "voltage");
  EXPECT_EQ(Run({"telemetry", "tail", "a", "--interval", "never"}).code, 2);
}

TEST_F(HistoryCommandsTest, Exports) {
  EXPECT_EQ(Run({"history", "export", "a", "b"}).out,
            "twin,time,voltage,current\n"
            "a,2021-05-05T01:10:00Z,1.5,\n"
            "b,2021-05-05T01:10:00Z,,1.5\n");
  EXPECT_EQ(Run({"history", "export", "a", "--path", "x", "--path", "voltage", "--from", "5"}).out,
            "twin,time,x,voltage\na,2021-05-05T01:10:00Z,,1.5\n");
  EXPECT_EQ(history_.exported.from_unix_nano(), 5);
  EXPECT_FALSE(history_.exported.has_to_unix_nano());
  EXPECT_EQ(Run({"history", "export", "a", "--to", "2021-05-05"}).code, 0);
  EXPECT_EQ(history_.exported.to_unix_nano(), kTime - (kTime % 86'400'000'000'000));
  const std::string path = PathOf("rows.ndjson");
  const Outcome file = Run({"history", "export", "a", "-o", "ndjson", "--file", path});
  EXPECT_EQ(file.err, "exported 1 row at sequence 9\n");
  std::ifstream written(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(written), {}),
            R"({"twin":"a","time":"2021-05-05T01:10:00Z","voltage":1.5})"
            "\n");
}

TEST_F(HistoryCommandsTest, TitlesOfCsvAreChecked) {
  const auto import = [&](const std::string& text) {
    const std::string file = WriteFile("titles", text);
    const Outcome outcome = Run({"history", "import", file});
    return absl::StrReplaceAll(outcome.err, {{file, "FILE"}});
  };
  EXPECT_EQ(import("twin,time\n"), "");  // an export of nothing
  EXPECT_EQ(import("twin,time\na,2021-05-05T01:10:00Z\n"),
            "twinctl: FILE:2: a row without values: the first line has no paths\n");
  EXPECT_EQ(import("twin,time,v,v\na,2021-05-05T01:10:00Z,1,2\n"),
            "twinctl: FILE:1: the first line has the title 'v' twice\n");
  EXPECT_EQ(import("time,twin,v\n"),
            "twinctl: FILE:1: the first line has no titles twin,time,PATH…\n");
}

TEST_F(HistoryCommandsTest, ImportsCsv) {
  const std::string file = WriteFile("rows",
                                     "twin,time,voltage,state\n"
                                     "a,2021-05-05T01:10:00Z,1.5,\"x\ny\"\n"
                                     "\n"
                                     "no,1620177000000000000,,on\n");
  const Outcome outcome = Run({"history", "import", file});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, file + ":5: no twin 'no'\ntwinctl: 1 row refused; the others are kept\n");
  EXPECT_EQ(outcome.out, "imported 1 row\n");
  EXPECT_EQ(history_.imported.times_unix_nano(1), kTime);
  EXPECT_EQ(history_.imported.columns(0).values(0).string_value(), "x\ny");
  EXPECT_EQ(history_.imported.columns(1).doubles(0), 1.5);
  EXPECT_EQ(Run({"history", "import", file, "--dry-run"}).out, "would import 2 rows\n");
  EXPECT_EQ(Run({"history", "import", "/no/such"}).code, 2);
}

TEST_F(HistoryCommandsTest, ImportsNdjson) {
  const std::string file =
      WriteFile("rows", R"({"twin":"a","time":"2021-05-05T01:10:00Z","voltage":1.5,"on":true})"
                        "\n");
  EXPECT_EQ(Run({"history", "import", file, "--format", "ndjson"}).out, "imported 1 row\n");
  EXPECT_TRUE(history_.imported.columns(0).values(0).bool_value());
}

TEST_F(HistoryCommandsTest, NamesTheLineOfWhatIsWrong) {
  const auto error = [&](const std::string& text, const std::string& format) {
    return Run({"history", "import", WriteFile("rows", text), "--format", format, "--dry-run"}).err;
  };
  EXPECT_THAT(error("a,b\n", "csv"), HasSubstr(":1: the first line has no titles twin,time,PATH…"));
  EXPECT_THAT(error("twin,time,v\na,now,1\n", "csv"), HasSubstr(":2: 'now' is no time"));
  EXPECT_THAT(error("twin,time,v\na,1\n", "csv"), HasSubstr(":2: 2 fields"));
  EXPECT_THAT(error("twin,time,v\n,1,1\n", "csv"), HasSubstr(":2: there is no twin"));
  EXPECT_THAT(error("\n{\"time\":1}\n", "ndjson"), HasSubstr(":2: there is no \"twin\""));
  EXPECT_THAT(error("{\"twin\":\"a\"}\n", "ndjson"), HasSubstr(":1: there is no \"time\""));
  EXPECT_THAT(error("[]\n", "ndjson"), HasSubstr(":1: the line is no object"));
}

}  // namespace
}  // namespace twin::twinctl
