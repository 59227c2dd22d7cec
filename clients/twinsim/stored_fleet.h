// A fleet on a server: put there where it is missing, and what its vehicles last reported.
#ifndef TWIN_CLIENTS_TWINSIM_STORED_FLEET_H_
#define TWIN_CLIENTS_TWINSIM_STORED_FLEET_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/client.h"
#include "clients/twinsim/fleet.h"
#include "clients/twinsim/vehicle_life.h"

namespace twin::twinsim {

struct FleetSource {
  std::string models = {};  // folder of the ontology; empty: to be found from `program_folder`
  std::string program_folder = {};
  int64_t source_time_nanos = 0;  // when what is imported began
  const std::atomic<bool>* cancelled = nullptr;
};

// Imports the vehicles that the server does not have. Returns how many those were.
// FAILED_PRECONDITION: it has some, but not the first ones; a file cannot be imported so.
absl::StatusOr<int64_t> EnsureFleet(client::Client* client, const Fleet& fleet,
                                    const FleetSource& source,
                                    const std::function<void(absl::string_view)>& note);

// What vehicle 1, 2 … last reported; time 0: nothing yet.
absl::StatusOr<std::vector<StoredLife>> ReadStoredLives(client::Client* client, const Fleet& fleet);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_STORED_FLEET_H_
