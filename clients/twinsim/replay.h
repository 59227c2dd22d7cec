// `twinsim replay`: a recorded car, sent as frames.
#ifndef TWIN_CLIENTS_TWINSIM_REPLAY_H_
#define TWIN_CLIENTS_TWINSIM_REPLAY_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/client.h"
#include "clients/cpp/telemetry.h"
#include "clients/twinsim/car.h"
#include "clients/twinsim/recording.h"

namespace twin::twinsim {

struct ReplayOptions {
  std::string path = {};         // the recording
  std::string map = {};          // empty: the one that is compiled in
  std::string vehicle = {};      // the twin
  bool live = false;             // times are moved, so that the recording ends now
  double speed = 0;              // 60: a minute of the recording takes a second; 0: no pauses
  bool create = true;            // makes what is not there
  int frames_per_message = 100;  // where there are no pauses
  std::string producer = {};     // goes on where it was; not with `live`. Empty: of this run only
  std::string models = {};       // folder of the ontology; empty: to be found
  std::string program_folder = {};
  const std::atomic<bool>* cancelled = nullptr;
};

struct ReplayResult {
  uint64_t rows = 0;  // sent by this run
  uint64_t values = 0;
  uint64_t rows_there = 0;     // left out: durable by an earlier run of the same producer
  uint64_t rows_replaced = 0;  // by a later row of the same time
  double seconds = 0;          // of sending, until the last frame was durable
  client::IngestTotals ingest;
};

// Messages to people go to `note`, one at a time, without a line end.
absl::StatusOr<ReplayResult> Replay(client::Client* client, const ReplayOptions& options,
                                    const std::function<void(absl::string_view)>& note);

// The layout of a car's recording. Its id has a digest of the rest: another layout, another id.
twingraph::v1::Layout LayoutOf(const Car& car, const Recording& recording);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_REPLAY_H_
