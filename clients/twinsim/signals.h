// How a simulated vehicle's telematics sends its readings: a frame of scaled integers, as its
// protocol has them. One signal is one column of its layout; cells and probes are a rule each.
#ifndef TWIN_CLIENTS_TWINSIM_SIGNALS_H_
#define TWIN_CLIENTS_TWINSIM_SIGNALS_H_

#include <cstdint>
#include <vector>

#include "clients/twinsim/car.h"
#include "clients/twinsim/reading.h"
#include "clients/twinsim/vehicle.h"
#include "twingraph/v1/telemetry_service.pb.h"

namespace twin::twinsim {

// Immutable, thread-safe.
class SignalTable {
 public:
  // Vehicles of GB/T 32960 count discharging positive; their layout turns that round.
  explicit SignalTable(const VehicleType& type);

  // The parts of a vehicle as its fleet calls them.
  static Car CarOf(const Vehicle& vehicle);
  twingraph::v1::Layout LayoutOf(const Vehicle& vehicle) const;
  const std::vector<twingraph::v1::Encoding>& encodings() const { return encodings_; }
  // Of one frame.
  size_t values() const { return encodings_.size(); }

  // A reading, cut to the steps of its sensors: 1 mV, 1 °C, 0.1 A, 1 % or 0.1 % of charge. What is
  // missing, or beyond what the encoding holds, is an invalid code.
  //   raws: one for each column
  void Quantise(const Reading& reading, std::vector<int64_t>* raws) const;

 private:
  std::vector<twingraph::v1::Encoding> encodings_;
  int cells_;
  int probes_;
  bool discharging_positive_;
  bool coarse_charge_;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_SIGNALS_H_
