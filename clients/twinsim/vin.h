// Vehicle identification numbers: 17 characters (ISO 3779), with the check digit of North America
// and China.
//
//   1-3 maker (WMI)   4-8 vehicle   9 check digit   10 model year   11 plant   12-17 number
#ifndef TWIN_CLIENTS_TWINSIM_VIN_H_
#define TWIN_CLIENTS_TWINSIM_VIN_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace twin::twinsim {

// A plant of one type and model year numbers its vehicles from 0 to this, less one.
inline constexpr int64_t kVinNumbers = 1000000;
// Plants that a VIN can tell apart.
inline constexpr int kVinPlants = 33;

struct VinParts {
  absl::string_view wmi;      // 3 characters
  absl::string_view vehicle;  // 5 characters
  int model_year = 2020;      // the code repeats every 30 years
  int plant = 0;              // below kVinPlants
  int64_t number = 0;         // below kVinNumbers
};
std::string MakeVin(const VinParts& parts);

// What stands, or should stand, at the ninth place of 17 characters: '0' to '9' or 'X'. '\0' when
// `vin` has another length or a character that no VIN has, such as I, O and Q.
char VinCheckDigit(absl::string_view vin);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_VIN_H_
