// `twinsim fleet` without --export: lives the lives of a fleet, and sends what its sensors show.
#ifndef TWIN_CLIENTS_TWINSIM_FLEET_DRIVE_H_
#define TWIN_CLIENTS_TWINSIM_FLEET_DRIVE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/client.h"
#include "clients/cpp/telemetry.h"
#include "clients/twinsim/faults.h"
#include "clients/twinsim/fleet.h"

namespace twin::twinsim {

// Simulated time runs `speed` times as fast as the clock until it has caught up with it, and from
// then on with it: no reading is from the future.
struct DriveOptions {
  FleetOptions fleet;
  int64_t rate = 10;  // seconds between frames of a vehicle that is on
  double speed = 1;   // 0: without pauses
  // Where simulated time begins: `from`, else so long before now. A fleet that the server has
  // reports from there goes on where it stopped; what lies between that and the beginning is lived,
  // and not reported.
  std::optional<int64_t> from = std::nullopt;  // seconds since 1970
  int64_t since = 0;                           // seconds
  int64_t length = 0;                          // of simulated seconds; 0: until it is stopped
  std::vector<Fault> faults = {};              // at most one of a vehicle
  // Of a fleet that is made: what each BMS reported of its pack's health each month before.
  bool past_health = false;
  std::string models = {};
  std::string program_folder = {};
  double report_seconds = 10;
  const std::atomic<bool>* stopped = nullptr;
};

struct DriveProgress {
  int64_t time = 0;    // simulated, seconds since 1970
  int64_t behind = 0;  // the clock, in seconds
  int64_t vehicles = 0;
  int64_t vehicles_on = 0;
  uint64_t frames = 0;
  uint64_t values = 0;
  uint64_t late_frames = 0;
  uint64_t state_changes = 0;
  uint64_t in_flight = 0;  // messages that are not acknowledged
  double seconds = 0;      // since the first one
  client::IngestTotals ingest;
};

// Runs until the length is over or it is stopped; then everything sent is durable. `report` hears
// how it goes every report_seconds; messages to people go to `note`.
// NOT_FOUND: a fault's vehicle. INVALID_ARGUMENT: two faults of one, or a beginning in the future.
absl::StatusOr<DriveProgress> DriveFleet(client::Client* client, const DriveOptions& options,
                                         const std::function<void(absl::string_view)>& note,
                                         const std::function<void(const DriveProgress&)>& report);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_FLEET_DRIVE_H_
