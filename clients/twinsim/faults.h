// What may go wrong with a simulated vehicle, asked for as "KIND@VEHICLE[/CELL][+DELAY]".
#ifndef TWIN_CLIENTS_TWINSIM_FAULTS_H_
#define TWIN_CLIENTS_TWINSIM_FAULTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin::twinsim {

enum class FaultKind : uint8_t {
  kDrift,    // a cell that has less capacity and leaks: it falls behind, over days
  kLoose,    // a loose connection: its voltage jumps with the current, now and then
  kShort,    // an internal short: a leak that grows for hours, and warms
  kThermal,  // a thermal event: the voltage collapses within a minute, the probe nearby soars
  kStuck,    // a sensor that shows what it showed
};

struct Fault {
  FaultKind kind = FaultKind::kDrift;
  std::string vehicle;  // "veh-000007"
  int cell = 0;         // series index; 0: one is drawn
  int64_t delay = 0;    // seconds after the simulation begins
};

// "drift@veh-000007", "thermal@veh-000012/40+2h". INVALID_ARGUMENT.
absl::StatusOr<Fault> ParseFault(absl::string_view text);
// "drift, loose, short, thermal, stuck".
std::string FaultKindNames();

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_FAULTS_H_
