// `twinsim load`: how fast a server takes telemetry in.
#ifndef TWIN_CLIENTS_TWINSIM_LOAD_H_
#define TWIN_CLIENTS_TWINSIM_LOAD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/client.h"

namespace twin::twinsim {

enum class LoadEncoding : uint8_t { kInt16, kDouble, kRows };

struct LoadOptions {
  int vehicles = 10;  // "load-000001" …, made where they are not there
  int cells = 144;
  int probes = 0;               // not as rows
  int frames_per_message = 10;  // of one vehicle
  double seconds = 10;
  uint64_t messages_max = 0;  // 0: as the time goes
  // 0: as fast as the server takes them. Else the first frames are of the present, and those of a
  // vehicle as far apart as they are sent.
  double messages_per_second = 0;
  LoadEncoding encoding = LoadEncoding::kInt16;
  int batches_in_flight = 64;
  uint64_t seed = 1;
  int64_t start_nanos = 1'704'067'200'000'000'000;  // time of the first frames: 2024
  int64_t interval_nanos = 1'000'000'000;           // between frames of a vehicle
  std::string models = {};                          // folder of the ontology; empty: to be found
  std::string program_folder = {};
  const std::atomic<bool>* cancelled = nullptr;
};

struct LoadResult {
  uint64_t messages = 0;
  uint64_t frames = 0;
  uint64_t values = 0;
  uint64_t bytes = 0;  // of messages, before gRPC
  uint64_t rejects = 0;
  std::string reject;  // the first one
  double seconds = 0;  // until the last message was durable
  // From sending a message (which may wait for those in flight), or from when it was due, to its
  // acknowledgement; to 1 %.
  double acknowledged_p50_ms = 0;
  double acknowledged_p99_ms = 0;
};

// The same seed gives the same values, at the same times unless they are of the present. Messages
// to people go to `note`: where messages have a rate, how it goes each minute.
absl::StatusOr<LoadResult> Load(client::Client* client, const LoadOptions& options,
                                const std::function<void(absl::string_view)>& note);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_LOAD_H_
