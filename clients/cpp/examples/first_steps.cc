// A pack of four cells, a minute of telemetry, a question of graph and history, a change as it
// happens. first_steps [ADDRESS]: the battery ontology must be there.
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "clients/cpp/client.h"
#include "clients/cpp/events.h"
#include "clients/cpp/telemetry.h"

namespace {

namespace v1 = ::twingraph::v1;
using ::twin::client::Client;

constexpr int kCells = 4;

std::string CellId(int cell) { return absl::StrCat("example-c", cell); }

void AddTwin(const std::string& id, absl::string_view model, v1::BatchWriteRequest* batch) {
  v1::Twin* const twin = batch->add_operations()->mutable_create_twin()->mutable_twin();
  twin->set_id(id);
  twin->set_model_id(absl::StrCat("dtmi:twingraph:battery:", model, ";1"));
}

void AddRelationship(const std::string& source, absl::string_view name, const std::string& target,
                     v1::BatchWriteRequest* batch) {
  v1::Relationship* const relationship =
      batch->add_operations()->mutable_create_relationship()->mutable_relationship();
  relationship->set_source_id(source);
  relationship->set_id(target);
  relationship->set_name(std::string(name));
  relationship->set_target_id(target);
}

// All of it at one sequence, or nothing.
absl::Status MakePack(Client* client) {
  v1::BatchWriteRequest batch;
  batch.set_request_id(twin::client::RandomRequestId());  // so that it may be repeated
  AddTwin("example", "BatteryPack", &batch);
  AddTwin("example-m", "BatteryModule", &batch);
  AddRelationship("example", "hasModule", "example-m", &batch);
  for (int cell = 0; cell < kCells; ++cell) {
    AddTwin(CellId(cell), "BatteryCell", &batch);
    AddRelationship("example-m", "hasCell", CellId(cell), &batch);
  }
  return client->BatchWrite(batch).status();
}

// One value a second, for the last minute.
absl::Status SendVoltages(Client* client) {
  auto stream = twin::client::IngestStream::Open(client, {.producer_id = "first-steps"});
  if (!stream.ok()) return stream.status();
  const int64_t begin = absl::ToUnixNanos(absl::Now() - absl::Minutes(1));
  for (int cell = 0; cell < kCells; ++cell) {
    v1::SampleBatch samples;
    samples.add_twin_ids(CellId(cell));  // of all rows
    v1::SampleColumn* const voltage = samples.add_columns();
    voltage->set_path("voltage");
    for (int second = 0; second < 60; ++second) {
      samples.add_times_unix_nano(begin + second * int64_t{1'000'000'000});
      voltage->add_doubles(3.7 + 0.01 * cell + 0.001 * second);
    }
    absl::Status sent = (*stream)->Send(std::move(samples));
    if (!sent.ok()) return sent;
  }
  return (*stream)->Close();  // all is durable
}

absl::Status Ask(Client* client) {
  v1::QueryRequest request;
  request.set_text(R"(SELECT c.$dtId AS cell, COUNT(h.voltage) AS samples, MAX(h.voltage) AS highest
                      FROM DIGITALTWINS MATCH (p)-[:hasModule]->()-[:hasCell]->(c:BatteryCell)
                      HISTORY h OF c.(voltage) LAST 5m
                      WHERE p.$dtId = @pack GROUP BY c.$dtId ORDER BY cell)");
  (*request.mutable_parameters())["pack"].set_string_value("example");
  return client->Query(request, [](const v1::QueryResponse& part) {
    const v1::ColumnBatch& batch = part.batch();
    for (int row = 0; row < static_cast<int>(batch.rows()); ++row) {
      std::cout << batch.columns(0).strings(row) << ' ' << batch.columns(1).ints(row) << ' '
                << batch.columns(2).doubles(row) << '\n';
    }
    return absl::OkStatus();
  });
}

// Waits for the first cell that gets warm; this program warms one itself.
absl::Status Watch(Client* client) {
  v1::SubscribeRequest request;
  request.mutable_filter()->set_condition("new.temperature > 45");
  request.set_progress_interval_ms(100);  // its first message says that it has begun
  bool warmed = false;
  const absl::Status ended = twin::client::EventClient(client).Subscribe(
      request, {}, [&](const v1::SubscribeResponse& message) {
        for (const v1::Event& event : message.events()) {
          std::cout << event.subject() << " is warm\n";
          return absl::CancelledError("that was all");
        }
        if (warmed) return absl::OkStatus();
        warmed = true;
        v1::PublishRequest warm;
        warm.set_twin_id(CellId(2));
        warm.set_contents_json(R"({"temperature": 46.5})");
        return twin::client::TelemetryClient(client).Publish(warm).status();
      });
  return absl::IsCancelled(ended) ? absl::OkStatus() : ended;
}

absl::Status Run(const std::string& address) {
  auto client = twin::client::Connect({.address = address});
  if (!client.ok()) return client.status();
  for (const auto step : {MakePack, SendVoltages, Ask, Watch}) {
    absl::Status status = step(client->get());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  const absl::Status status = Run(argc > 1 ? argv[1] : twin::client::kAddressDefault);
  if (status.ok()) return 0;
  std::cerr << "first_steps: " << status << '\n';
  return 1;
}
