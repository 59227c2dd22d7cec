#include "clients/twinsim/vin.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace twin::twinsim {
namespace {

constexpr size_t kCheckPlace = 8;
constexpr int kWeights[] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
constexpr absl::string_view kCharacters = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789";
constexpr absl::string_view kLetterValues = "12345678123457923456789";  // of the letters above
constexpr absl::string_view kYears = "ABCDEFGHJKLMNPRSTVWXY123456789";  // from 2010, or 1980
static_assert(kCharacters.size() == kVinPlants);

// The value of a character in the checksum; -1: no VIN has it.
int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const size_t place = kCharacters.find(c);
  return place == absl::string_view::npos ? -1 : kLetterValues[place] - '0';
}

}  // namespace

char VinCheckDigit(absl::string_view vin) {
  if (vin.size() != std::size(kWeights)) return '\0';
  int sum = 0;
  for (size_t i = 0; i < vin.size(); ++i) {
    const int value = DigitValue(vin[i]);
    if (value < 0) return '\0';
    sum += value * kWeights[i];
  }
  const int remainder = sum % 11;
  return remainder == 10 ? 'X' : static_cast<char>('0' + remainder);
}

std::string MakeVin(const VinParts& parts) {
  const char year = kYears[static_cast<size_t>(parts.model_year - 1980) % kYears.size()];
  const char plant = kCharacters[static_cast<size_t>(parts.plant)];
  std::string vin = absl::StrCat(parts.wmi, parts.vehicle, "0", absl::string_view(&year, 1),
                                 absl::string_view(&plant, 1));
  absl::StrAppendFormat(&vin, "%06d", parts.number);
  vin[kCheckPlace] = VinCheckDigit(vin);
  return vin;
}

}  // namespace twin::twinsim
