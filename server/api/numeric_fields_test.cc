// Every number of every request: what it may not be is refused with a status that names it.
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/generic/generic_stub.h>

#include <chrono>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/api/server_fixture.h"
#include "twingraph/v1/history_service.grpc.pb.h"
#include "twingraph/v1/predictor_service.grpc.pb.h"
#include "twingraph/v1/query_service.grpc.pb.h"

namespace twin::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::TextFormat;
using ::testing::HasSubstr;

enum class Takes {
  kCount,    // 0 and the greatest, nothing negative
  kRange,    // 0, and not the greatest
  kRound,    // 0 and the greatest: it has no sign
  kNotHuge,  // 0; the greatest is a sequence that no server has given out
};

struct NumericField {
  std::string method;  // "ModelService/ListModels"
  std::string path;    // "spec.interval_ms"
  Takes takes;
  std::string base;   // the rest of the request
  std::string after;  // a message that follows, on a stream
};

constexpr char kQuery[] = R"(text: "SELECT * FROM DIGITALTWINS")";
constexpr char kSpec[] = R"(spec { name: "n" builtin: "coulomb-counting" query: "SELECT 1 AS x" })";
constexpr char kLayout[] = R"(layout { id: "l" columns {
  targets { twin_id: "c1" path: "volt" } encoding: DOUBLE } })";

std::vector<NumericField> NumericFields() {
  std::vector<NumericField> fields = {
      {"ModelService/ListModels", "page_size", Takes::kCount, "", ""},
      {"TwinService/ListTwins", "page_size", Takes::kCount, "", ""},
      {"TwinService/ListRelationships", "page_size", Takes::kCount, "id: 'p'", ""},
      {"TwinService/ListIncomingRelationships", "page_size", Takes::kCount, "id: 'p'", ""},
      {"TwinService/Import", "options.batch_operations", Takes::kCount, "",
       R"(data: "{\"Section\":\"Header\"}\n")"},
      {"TwinService/BatchWrite", "batch_number", Takes::kRound, "", ""},
      {"TwinService/WriteStream", "batch_number", Takes::kRound, "", ""},
      {"TelemetryService/ListLayouts", "page_size", Takes::kCount, "", ""},
      {"TelemetryService/Ingest", "batch_number", Takes::kRound, "", ""},
      {"QueryService/Query", "page_size", Takes::kCount, kQuery, ""},
      {"QueryService/Explain", "page_size", Takes::kCount, kQuery, ""},
      {"QueryService/Query", "memory_bytes_max", Takes::kCount, kQuery, ""},
      {"QueryService/Explain", "memory_bytes_max", Takes::kCount, kQuery, ""},
      {"AdminService/SlowQueries", "limit", Takes::kCount, "", ""},
      {"PredictorService/ListRuns", "limit", Takes::kCount, "", ""},
      {"PredictorService/ListForecasts", "limit", Takes::kCount, "twin_id: 'p'", ""},
      {"PredictorService/RegisterPredictor", "spec.interval_ms", Takes::kRange, kSpec, ""},
      {"PredictorService/RegisterPredictor", "spec.change_delay_ms", Takes::kRange, kSpec, ""},
      {"PredictorService/RegisterPredictor", "spec.batch_rows", Takes::kRange, kSpec, ""},
      {"PredictorService/RegisterPredictor", "spec.batches_in_flight", Takes::kRange, kSpec, ""},
      {"PredictorService/RegisterPredictor", "spec.deadline_ms", Takes::kRange, kSpec, ""},
      {"EventService/Subscribe", "interval_ms", Takes::kRange, "", ""},
      {"EventService/Subscribe", "progress_interval_ms", Takes::kRound, "", ""},
      {"EventService/WatchQuery", "interval_ms", Takes::kRange, kQuery, ""},
      {"EventService/WatchQuery", "progress_interval_ms", Takes::kRound, kQuery, ""},
      {"EventService/ListSubscriptions", "page_size", Takes::kRound, "", ""},
      {"EventService/StreamEvents", "credit_events", Takes::kRange,
       "subscription: 's' consumer: 'c'", ""},
      {"EventService/StreamEvents", "acknowledged_delivery", Takes::kNotHuge,
       "subscription: 's' consumer: 'c'", ""},
  };
  for (const char* method :
       {"TwinService/GetTwin", "TwinService/BatchGetTwins", "TwinService/ListTwins",
        "TwinService/GetComponent", "TwinService/GetRelationship", "TwinService/ListRelationships",
        "TwinService/ListIncomingRelationships", "TwinService/Export", "HistoryService/Export",
        "QueryService/Query", "QueryService/Explain", "EventService/WatchQuery"}) {
    const bool is_query = absl::StrContains(method, "Query");
    fields.push_back({method, "min_sequence", Takes::kNotHuge, is_query ? kQuery : "", ""});
  }
  return fields;
}

// Values of the user's, places in time and codes are not counts.
bool IsCount(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return !field.is_repeated() && !absl::EndsWith(field.name(), "_unix_nano");
    default:
      return false;
  }
}

void FindCounts(const Descriptor& message, const std::string& prefix, int depth,
                std::vector<std::string>* paths) {
  if (depth > 4 || message.full_name() == "twingraph.v1.Value") return;
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    if (IsCount(field)) paths->push_back(absl::StrCat(prefix, field.name()));
    if (field.message_type() != nullptr) {
      FindCounts(*field.message_type(), absl::StrCat(prefix, field.name(), "."), depth + 1, paths);
    }
  }
}

// What is beside the table: frames and rows have tests of their own.
bool IsTestedElsewhere(absl::string_view method, absl::string_view path) {
  return absl::StartsWith(path, "frames.") || absl::StartsWith(path, "samples.") ||
         absl::EndsWith(path, "rule.count") || method == "HistoryService/Import";
}

TEST(NumericFieldsTest, NoneIsForgotten) {
  std::set<std::string> known;
  for (const NumericField& field : NumericFields()) {
    known.insert(absl::StrCat(field.method, " ", field.path));
  }
  int counts = 0;
  for (const char* service : {"ModelService", "TwinService", "TelemetryService", "HistoryService",
                              "QueryService", "EventService", "PredictorService", "AdminService"}) {
    const auto* const descriptor =
        DescriptorPool::generated_pool()->FindServiceByName(absl::StrCat("twingraph.v1.", service));
    ASSERT_NE(descriptor, nullptr) << service;
    for (int i = 0; i < descriptor->method_count(); ++i) {
      const std::string method = absl::StrCat(service, "/", descriptor->method(i)->name());
      std::vector<std::string> paths;
      FindCounts(*descriptor->method(i)->input_type(), "", 0, &paths);
      for (const std::string& path : paths) {
        if (IsTestedElsewhere(method, path)) continue;
        ++counts;
        EXPECT_EQ(known.count(absl::StrCat(method, " ", path)), 1u)
            << method << " takes " << path << ", which no test sends";
      }
    }
  }
  EXPECT_GT(counts, 35);
}

// Calls methods by their names.
class NumericFieldsCallTest : public ::testing::Test {
 protected:
  NumericFieldsCallTest()
      : stub_(grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_.server_->port()),
                                  grpc::InsecureChannelCredentials())) {
    server_.Fill();
    pb::CreateSubscriptionRequest request;
    request.set_name("s");
    pb::Subscription created;
    EXPECT_THAT(server_.Call(&pb::EventService::Stub::CreateSubscription, server_.events_.get(),
                             request, &created),
                testing::IsOk());
  }

  static const MethodDescriptor& Method(const NumericField& field) {
    const std::vector<std::string> names = absl::StrSplit(field.method, '/');
    return *DescriptorPool::generated_pool()
                ->FindServiceByName(absl::StrCat("twingraph.v1.", names[0]))
                ->FindMethodByName(names[1]);
  }

  static std::unique_ptr<Message> Parse(const Descriptor& type, const std::string& text) {
    std::unique_ptr<Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
    EXPECT_TRUE(TextFormat::ParseFromString(text, message.get())) << text;
    return message;
  }

  static std::string Request(const NumericField& field, const std::string& value) {
    const Descriptor& type = *Method(field).input_type();
    const std::unique_ptr<Message> message = Parse(type, field.base);
    // The field, in what the base has already.
    Message* owner = message.get();
    std::vector<std::string> names = absl::StrSplit(field.path, '.');
    for (size_t i = 0; i + 1 < names.size(); ++i) {
      const FieldDescriptor* const step = owner->GetDescriptor()->FindFieldByName(names[i]);
      owner = step->is_repeated() ? owner->GetReflection()->MutableRepeatedMessage(owner, step, 0)
                                  : owner->GetReflection()->MutableMessage(owner, step);
    }
    TextFormat::Parser merge;
    EXPECT_TRUE(merge.MergeFromString(absl::StrCat(names.back(), ": ", value), owner))
        << field.path;
    return message->SerializeAsString();
  }

  // Of a stream that goes on: DEADLINE_EXCEEDED.
  absl::Status Call(const NumericField& field, const std::string& value) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
    grpc::CompletionQueue queue;
    const auto wait = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    const auto call =
        stub_.PrepareCall(&context, absl::StrCat("/twingraph.v1.", field.method), &queue);
    call->StartCall(nullptr);
    wait();
    std::vector<std::string> messages = {Request(field, value)};
    if (!field.after.empty()) {
      messages.push_back(Parse(*Method(field).input_type(), field.after)->SerializeAsString());
    }
    for (const std::string& message : messages) {
      const grpc::Slice slice(message);
      call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
      if (!wait()) break;
    }
    call->WritesDone(nullptr);
    wait();
    grpc::ByteBuffer answer;
    do {
      call->Read(&answer, nullptr);
    } while (wait());
    grpc::Status status;
    call->Finish(&status, nullptr);
    wait();
    return ToAbsl(status);
  }

  RunningServer server_;
  grpc::GenericStub stub_;
};

std::string Greatest(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(std::numeric_limits<int32_t>::max());
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(std::numeric_limits<uint32_t>::max());
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(std::numeric_limits<uint64_t>::max());
    default:
      return absl::StrCat(std::numeric_limits<int64_t>::max());
  }
}

const FieldDescriptor& FieldOf(const Descriptor& message, const std::string& path) {
  const Descriptor* at = &message;
  const FieldDescriptor* field = nullptr;
  for (const absl::string_view name : absl::StrSplit(path, '.')) {
    field = at->FindFieldByName(std::string(name));
    at = field->message_type();
  }
  return *field;
}

TEST_F(NumericFieldsCallTest, WhatCannotBeIsRefusedByName) {
  for (const NumericField& field : NumericFields()) {
    const FieldDescriptor& descriptor = FieldOf(*Method(field).input_type(), field.path);
    const auto expect = [&](const std::string& value, bool is_refused) {
      SCOPED_TRACE(absl::StrCat(field.method, " ", field.path, " = ", value));
      const absl::Status status = Call(field, value);
      const bool is_named = absl::StrContains(status.message(), descriptor.name());
      if (is_refused) {
        EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
        EXPECT_TRUE(is_named) << status;
        return;
      }
      // The rest of the request may be refused, and a stream may go on.
      EXPECT_FALSE(is_named && status.code() == absl::StatusCode::kInvalidArgument) << status;
      EXPECT_NE(status.code(), absl::StatusCode::kInternal) << status;
      EXPECT_NE(status.code(), absl::StatusCode::kUnknown) << status;
      EXPECT_NE(status.code(), absl::StatusCode::kUnavailable) << status;
    };
    const bool is_signed = descriptor.cpp_type() == FieldDescriptor::CPPTYPE_INT32 ||
                           descriptor.cpp_type() == FieldDescriptor::CPPTYPE_INT64;
    expect("0", false);
    expect(Greatest(descriptor), field.takes == Takes::kRange || field.takes == Takes::kNotHuge);
    if (is_signed) expect("-1", true);
  }
  EXPECT_THAT(server_.GetJson("p"), HasSubstr("400")) << "it still serves";
}

// Those of a layout are factors, of any sign, but numbers.
TEST_F(NumericFieldsCallTest, FactorsAreFinite) {
  for (const char* path : {"layout.columns.scale", "layout.columns.offset"}) {
    const NumericField field = {"TelemetryService/RegisterLayout", path, Takes::kRound, kLayout,
                                ""};
    for (const char* value : {"nan", "inf", "-inf"}) {
      EXPECT_THAT(Call(field, value),
                  testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("finite")))
          << path << " = " << value;
    }
    EXPECT_THAT(Call(field, "-2"), testing::IsOk()) << path;
  }
}

}  // namespace
}  // namespace twin::api
