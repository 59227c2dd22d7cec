// Asks a running Twingraph server for one kind of work and prints its figures as a JSON object: the
// part of ./bench --peers that an interpreter would be too slow for.
//
//   peers_driver ADDRESS read    vehicles=N count=N clients=N
//   peers_driver ADDRESS update  vehicles=N count=N window=N batch=N
//   peers_driver ADDRESS query   text=TQL count=N
//   peers_driver ADDRESS ingest  file=PATH vehicles=N frames=N together=N
//   peers_driver ADDRESS events  vehicles=N rate=N count=N
//
// The graph is that of fleet.py, which names and numbers what this file names again.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "twingraph/v1/event_service.grpc.pb.h"
#include "twingraph/v1/query_service.grpc.pb.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::peers {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr int kModules = 12, kCellsPerModule = 12, kCells = kModules * kCellsPerModule;
constexpr int64_t kBegin = 1'772'323'200'000'000'000;  // 2026-03-01T00:00:00Z
constexpr int64_t kStep = 10'000'000'000;
// Columns of a frame: each quantity of all cells, as integers.
struct Quantity {
  const char* path;
  double scale;
};
constexpr Quantity kQuantities[] = {{"voltage", 0.001}, {"temperature", 0.1}, {"soc", 0.1}};
constexpr int kColumns = 3 * kCells;

[[noreturn]] void Die(const std::string& message) {
  std::cerr << "peers_driver: " << message << '\n';
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): nothing is worth keeping
}

void Require(const grpc::Status& status) {
  if (!status.ok()) Die(status.error_message());
}

int64_t NowNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

std::string VehicleId(int vehicle) { return absl::StrFormat("veh-%06d", vehicle + 1); }
std::string CellId(int vehicle, int cell) {
  return absl::StrFormat("%s-m%02d-c%02d", VehicleId(vehicle), cell / kCellsPerModule + 1,
                         cell % kCellsPerModule + 1);
}

// Cells in an order that no cache foresees; the same in each run.
class CellOrder {
 public:
  CellOrder(int vehicles, uint64_t seed) : vehicles_(vehicles), state_(seed * 2 + 1) {}
  std::string Next() {
    state_ = state_ * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    const auto number =
        static_cast<int>((state_ >> 33) % static_cast<uint64_t>(vehicles_ * kCells));
    return CellId(number / kCells, number % kCells);
  }

 private:
  const int vehicles_;
  uint64_t state_;
};

// Percentiles in microseconds, and how many a second.
Json Figures(std::vector<int64_t> nanos, double seconds) {
  std::sort(nanos.begin(), nanos.end());
  const auto at = [&](double share) {
    return static_cast<double>(
               nanos[static_cast<size_t>(share * static_cast<double>(nanos.size() - 1))]) /
           1e3;
  };
  return {{"p50_us", at(0.5)},
          {"p99_us", at(0.99)},
          {"per_second", static_cast<double>(nanos.size()) / seconds}};
}

class Driver {
 public:
  Driver(const std::string& address, std::map<std::string, std::string> options)
      : address_(address), options_(std::move(options)) {}

  Json Read() {
    const int clients = Number("clients"), each = Number("count") / clients;
    std::vector<std::vector<int64_t>> nanos(static_cast<size_t>(clients));
    std::vector<std::thread> threads;
    threads.reserve(static_cast<size_t>(clients));
    const int64_t begin = NowNanos();
    for (int client = 0; client < clients; ++client) {
      threads.emplace_back([&, client] {
        const auto stub = v1::TwinService::NewStub(Channel());
        CellOrder order(Number("vehicles"), static_cast<uint64_t>(client));
        for (int i = 0; i < each; ++i) {
          v1::GetTwinRequest request;
          request.set_id(order.Next());
          v1::GetTwinResponse response;
          grpc::ClientContext context;
          const int64_t start = NowNanos();
          Require(stub->GetTwin(&context, request, &response));
          nanos[static_cast<size_t>(client)].push_back(NowNanos() - start);
          if (response.twin().id() != request.id()) Die("another twin than asked for");
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    const double seconds = static_cast<double>(NowNanos() - begin) / 1e9;
    std::vector<int64_t> all;
    for (const auto& some : nanos) all.insert(all.end(), some.begin(), some.end());
    return Figures(std::move(all), seconds);
  }

  // Durable updates: `window` messages of `batch` updates wait for their answer at once.
  Json Update() {
    const int batch = Number("batch"), messages = Number("count") / batch;
    const auto stub = v1::TwinService::NewStub(Channel());
    grpc::ClientContext context;
    const auto stream = stub->WriteStream(&context);
    std::counting_semaphore<> window(Number("window"));
    std::vector<int64_t> sent(static_cast<size_t>(messages)), nanos;
    const int64_t begin = NowNanos();
    std::thread writer([&] {
      CellOrder order(Number("vehicles"), 1);
      for (int i = 0; i < messages; ++i) {
        v1::BatchWriteRequest request = Updates(&order, batch, i);
        window.acquire();
        sent[static_cast<size_t>(i)] = NowNanos();
        if (!stream->Write(request)) Die("the stream of writes broke");
      }
      stream->WritesDone();
    });
    v1::BatchWriteResponse response;
    for (int i = 0; i < messages && stream->Read(&response); ++i) {
      if (response.code() != 0) Die(response.message());
      nanos.push_back(NowNanos() - sent[static_cast<size_t>(i)]);
      window.release();
    }
    writer.join();
    Require(stream->Finish());
    Json figures = Figures(nanos, static_cast<double>(NowNanos() - begin) / 1e9);
    figures["per_second"] = figures["per_second"].get<double>() * batch;
    return figures;
  }

  // The rows of the first call are printed; the others are timed, all rows received.
  Json Query() {
    const auto stub = v1::QueryService::NewStub(Channel());
    v1::QueryRequest request;
    request.set_text(options_["text"]);
    const auto ask = [&] {
      std::string rows;
      grpc::ClientContext context;
      const auto stream = stub->Query(&context, request);
      v1::QueryResponse response;
      while (stream->Read(&response)) rows += response.rows();
      Require(stream->Finish());
      return rows;
    };
    request.set_format(v1::QueryRequest::JSON_ROWS);
    const int64_t first = NowNanos();
    const std::string rows = ask();
    const double first_ms = static_cast<double>(NowNanos() - first) / 1e6;
    request.set_format(v1::QueryRequest::COLUMNS);
    std::vector<int64_t> nanos;
    const int64_t begin = NowNanos();
    for (int i = 0; i < Number("count"); ++i) {
      const int64_t start = NowNanos();
      ask();
      nanos.push_back(NowNanos() - start);
    }
    Json figures = Figures(std::move(nanos), static_cast<double>(NowNanos() - begin) / 1e9);
    figures["first_ms"] = first_ms;
    figures["rows"] = rows;
    return figures;
  }

  // Durable frames: the file has them by vehicle, frame and column, as int16 of this machine.
  Json Ingest() {
    const int vehicles = Number("vehicles"), frames = Number("frames");
    const int together = Number("together");
    std::ifstream file(options_["file"], std::ios::binary);
    std::vector<int16_t> values(static_cast<size_t>(vehicles) * static_cast<size_t>(frames) *
                                kColumns);
    file.read(reinterpret_cast<char*>(values.data()),
              static_cast<std::streamsize>(values.size() * 2));
    if (!file) Die(absl::StrCat("cannot read ", options_["file"]));
    const auto stub = v1::TelemetryService::NewStub(Channel());
    for (int vehicle = 0; vehicle < vehicles; ++vehicle) RegisterLayout(stub.get(), vehicle);
    grpc::ClientContext context;
    const auto stream = stub->Ingest(&context);
    v1::IngestRequest open;
    open.mutable_open()->set_producer_id("peers");
    stream->Write(open);
    std::counting_semaphore<> window(64);
    const int64_t begin = NowNanos();
    uint64_t messages = 0;
    std::atomic<uint64_t> total =
        static_cast<uint64_t>(vehicles) * static_cast<uint64_t>((frames + together - 1) / together);
    std::thread reader([&] {
      v1::IngestResponse response;
      uint64_t acknowledged = 0;
      while (acknowledged < total && stream->Read(&response)) {
        if (!response.has_acknowledgement()) continue;
        if (response.acknowledgement().rejects_total() > 0)
          Die(response.acknowledgement().rejects(0).message());
        const uint64_t now = response.acknowledgement().batch_number();
        window.release(static_cast<ptrdiff_t>(now - acknowledged));
        acknowledged = now;
      }
    });
    for (int frame = 0; frame < frames; frame += together) {
      for (int vehicle = 0; vehicle < vehicles; ++vehicle) {
        v1::IngestRequest request;
        request.set_batch_number(++messages);
        v1::FrameBatch* const batch = request.mutable_frames()->add_batches();
        Pack(values, vehicle, frames, frame, std::min(frame + together, frames), batch);
        window.acquire();
        if (!stream->Write(request)) Die("the stream of frames broke");
      }
    }
    reader.join();
    const double seconds = static_cast<double>(NowNanos() - begin) / 1e9;
    stream->WritesDone();
    Require(stream->Finish());
    return {{"per_second", static_cast<double>(values.size()) / seconds}, {"seconds", seconds}};
  }

  // From before an update is sent until its event has come.
  Json Events() {
    const int count = Number("count"), rate = Number("rate");
    const auto events = v1::EventService::NewStub(Channel());
    v1::SubscribeRequest subscribe;
    subscribe.mutable_filter()->add_paths("sent");
    subscribe.set_progress_interval_ms(100);
    subscribe.set_without_old_values(true);
    grpc::ClientContext context;
    const auto stream = events->Subscribe(&context, subscribe);
    v1::SubscribeResponse message;
    if (!stream->Read(&message)) Require(stream->Finish());
    std::vector<int64_t> nanos;
    std::thread reader([&] {
      while (static_cast<int>(nanos.size()) < count && stream->Read(&message)) {
        const int64_t now = NowNanos();
        for (const v1::Event& event : message.events())
          for (const v1::PathChange& change : event.changes())
            nanos.push_back(now - change.new_value().int_value());
      }
      context.TryCancel();
    });
    const int64_t begin = NowNanos();
    const auto twins = v1::TwinService::NewStub(Channel());
    grpc::ClientContext write_context;
    const auto writes = twins->WriteStream(&write_context);
    std::thread drain([&] {
      v1::BatchWriteResponse response;
      while (writes->Read(&response))
        if (response.code() != 0) Die(response.message());
    });
    CellOrder order(Number("vehicles"), 2);
    for (int i = 0; i < count; ++i) {
      const int64_t due = begin + int64_t{i} * 1'000'000'000 / rate;
      if (const int64_t now = NowNanos(); now < due)
        std::this_thread::sleep_for(std::chrono::nanoseconds(due - now));
      if (!writes->Write(Updates(&order, 1, i))) Die("the stream of writes broke");
    }
    writes->WritesDone();
    reader.join();
    drain.join();
    Require(writes->Finish());
    return Figures(std::move(nanos), static_cast<double>(NowNanos() - begin) / 1e9);
  }

 private:
  int Number(const std::string& name) {
    int number = 0;
    const auto found = options_.find(name);
    if (found == options_.end() || !absl::SimpleAtoi(found->second, &number) || number < 1)
      Die(absl::StrCat("the option ", name, "=NUMBER is missing"));
    return number;
  }

  // A connection of its own.
  std::shared_ptr<grpc::Channel> Channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
  }

  static v1::BatchWriteRequest Updates(CellOrder* order, int count, int number) {
    v1::BatchWriteRequest request;
    request.set_each_for_itself(true);
    request.set_batch_number(static_cast<uint64_t>(number) + 1);
    for (int i = 0; i < count; ++i) {
      v1::UpdateTwinRequest* const update = request.add_operations()->mutable_update_twin();
      update->set_id(order->Next());
      v1::Edit* const edit = update->add_edits();
      edit->set_path("/sent");
      edit->mutable_value()->set_int_value(NowNanos());
    }
    return request;
  }

  static void RegisterLayout(v1::TelemetryService::Stub* stub, int vehicle) {
    v1::RegisterLayoutRequest request;
    request.mutable_layout()->set_id(VehicleId(vehicle));
    for (const Quantity& quantity : kQuantities) {
      for (int cell = 0; cell < kCells; ++cell) {
        v1::LayoutColumn* const column = request.mutable_layout()->add_columns();
        v1::LayoutTarget* const target = column->add_targets();
        target->set_twin_id(CellId(vehicle, cell));
        target->set_path(quantity.path);
        column->set_encoding(v1::INT16);
        column->set_scale(quantity.scale);
      }
    }
    v1::RegisterLayoutResponse response;
    grpc::ClientContext context;
    Require(stub->RegisterLayout(&context, request, &response));
  }

  // Frames begin to end of a vehicle, column by column.
  static void Pack(const std::vector<int16_t>& values, int vehicle, int frames, int begin, int end,
                   v1::FrameBatch* batch) {
    batch->set_layout_id(VehicleId(vehicle));
    for (int frame = begin; frame < end; ++frame)
      batch->add_times_unix_nano(kBegin + frame * kStep);
    std::string* const packed = batch->mutable_packed();
    packed->reserve(static_cast<size_t>(end - begin) * kColumns * 2);
    for (int column = 0; column < kColumns; ++column) {
      for (int frame = begin; frame < end; ++frame) {
        const size_t at = (static_cast<size_t>(vehicle) * static_cast<size_t>(frames) +
                           static_cast<size_t>(frame)) *
                              kColumns +
                          static_cast<size_t>(column);
        packed->append(reinterpret_cast<const char*>(&values[at]), 2);
      }
    }
  }

  const std::string address_;
  std::map<std::string, std::string> options_;
};

int Main(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) Die("usage: peers_driver ADDRESS WORK NAME=VALUE...");
  std::map<std::string, std::string> options;
  for (size_t i = 2; i < arguments.size(); ++i) {
    const size_t equals = arguments[i].find('=');
    if (equals == std::string::npos) Die(absl::StrCat("no option NAME=VALUE: ", arguments[i]));
    options[arguments[i].substr(0, equals)] = arguments[i].substr(equals + 1);
  }
  const std::map<std::string, Json (Driver::*)()> works = {{"read", &Driver::Read},
                                                           {"update", &Driver::Update},
                                                           {"query", &Driver::Query},
                                                           {"ingest", &Driver::Ingest},
                                                           {"events", &Driver::Events}};
  const auto work = works.find(arguments[1]);
  if (work == works.end()) Die(absl::StrCat("no such work: ", arguments[1]));
  Driver driver(arguments[0], std::move(options));
  std::cout << (driver.*work->second)().dump() << '\n';
  return 0;
}

}  // namespace
}  // namespace twin::peers

int main(int argc, char** argv) { return twin::peers::Main({argv + 1, argv + argc}); }
