// When a vehicle can be heard: tunnels, garages, and telematics units that lose what they kept.
#ifndef TWIN_CLIENTS_TWINSIM_CONNECTIVITY_H_
#define TWIN_CLIENTS_TWINSIM_CONNECTIVITY_H_

#include <cstdint>

namespace twin::twinsim {

enum class Link : uint8_t {
  kUp,
  kWaits,  // readings are kept in the vehicle and sent later
  kLost,   // and these are not
};

// Immutable, thread-safe. Some days have a time without connection, of minutes to hours.
class Connectivity {
 public:
  Connectivity(int64_t vehicle, uint64_t seed) : vehicle_(vehicle), seed_(seed) {}
  // Cost: a day's times are drawn for each call.
  Link At(int64_t time) const;

 private:
  int64_t vehicle_;
  uint64_t seed_;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_CONNECTIVITY_H_
