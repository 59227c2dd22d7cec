// A vehicle on a server: found there with its parts, or made there, through the API.
#ifndef TWIN_CLIENTS_TWINSIM_CAR_H_
#define TWIN_CLIENTS_TWINSIM_CAR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/client.h"
#include "clients/twinsim/column_map.h"
#include "twingraph/v1/telemetry_service.pb.h"

namespace twin::twinsim {

// What telemetry needs to know of it.
struct Car {
  std::string vehicle;
  std::string pack;
  std::string bms;       // empty: it has none
  bool modules = false;  // cells and probes stand in modules, not in the pack itself
  int module_count = 0;
  int cells = 0;
  int probes = 0;
};

// How a car is made: its cells divided among modules, as evenly as it goes, its probes likewise;
// each cell is sensed by the nearest probe.
struct CarDesign {
  std::string vehicle;  // "veh-000042"; parts are called "veh-000042-pack", "-bms", "-m01-c01", …
  int modules = 1;      // at most as many as there are cells, or probes where there are none
  int cells = 0;        // 0: the pack is not known from within
  int probes = 0;
  std::optional<int64_t> begin_nanos =
      {};  // since 1970: of its twins and relationships; not given: now
};

// NOT_FOUND: there is no such vehicle. FAILED_PRECONDITION: it has no pack.
absl::StatusOr<Car> FindCar(client::Client* client, const std::string& vehicle);

// Makes cars, all twins and relationships of one in one step each. ALREADY_EXISTS: a twin is there.
// FAILED_PRECONDITION: a former twin of one of the ids was deleted after `begin_nanos`.
absl::StatusOr<Car> MakeCar(client::Client* client, const CarDesign& design);

// Gives the server the battery ontology where it has none.
//   models: its folder; empty: to be found from `program_folder`
absl::Status EnsureModels(client::Client* client, const std::string& models,
                          const std::string& program_folder);

// The column of a layout for a column of the car: a target, or a rule with as many columns as
// `count`. Without encoding.
twingraph::v1::LayoutColumn ColumnOf(const Car& car, TargetTwin twin, const std::string& path,
                                     int count);

// "PREFIX-0123456789abcdef", the digits being a digest of the columns: another layout, another id,
// so that a layout never changes under a stream of frames.
std::string LayoutIdOf(const std::string& prefix, const twingraph::v1::Layout& layout);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_CAR_H_
