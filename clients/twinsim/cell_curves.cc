#include "clients/twinsim/cell_curves.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/types/span.h"

namespace twin::twinsim {
namespace {

struct CurvePoint {
  double soc;
  double volts;
};

// Typical curves at rest and 25 °C. NMC rises all the way; LFP has a plateau, on which a millivolt
// is several points of charge.
constexpr CurvePoint kNmc[] = {{0, 3.00},   {0.05, 3.38}, {0.1, 3.46}, {0.2, 3.54},
                               {0.3, 3.60}, {0.4, 3.645}, {0.5, 3.69}, {0.6, 3.77},
                               {0.7, 3.86}, {0.8, 3.96},  {0.9, 4.06}, {1, 4.18}};
constexpr CurvePoint kLfp[] = {{0, 2.60},    {0.05, 3.00}, {0.1, 3.17},  {0.2, 3.25},  {0.3, 3.285},
                               {0.4, 3.297}, {0.5, 3.302}, {0.6, 3.312}, {0.7, 3.332}, {0.8, 3.336},
                               {0.9, 3.342}, {0.97, 3.37}, {1, 3.48}};

// What a full cell's voltage at rest lies below the highest that it is charged with.
constexpr double kRestBelowFullNmc = 0.02;
constexpr double kOverchargeVoltsPerSoc = 4.0;
constexpr double kDeepDischargeVoltsPerSoc = 20.0;

double Interpolate(absl::Span<const CurvePoint> curve, double soc) {
  size_t next = 1;
  while (next + 1 < curve.size() && curve[next].soc < soc) ++next;
  const CurvePoint& a = curve[next - 1];
  const CurvePoint& b = curve[next];
  return a.volts + (b.volts - a.volts) * (soc - a.soc) / (b.soc - a.soc);
}

}  // namespace

CellCurves::CellCurves(const PackDesign& pack) {
  const bool is_lfp = pack.chemistry == "LFP";
  const absl::Span<const CurvePoint> curve =
      is_lfp ? absl::Span<const CurvePoint>(kLfp) : absl::Span<const CurvePoint>(kNmc);
  // Packs that are charged higher are used higher, too.
  const double lift = is_lfp ? 0 : pack.cell_voltage_max - kRestBelowFullNmc - curve.back().volts;
  for (int i = 0; i <= kSteps; ++i) {
    const double soc = static_cast<double>(i) / kSteps;
    volts_[static_cast<size_t>(i)] = Interpolate(curve, soc) + lift * soc;
  }
}

double CellCurves::RestVoltage(double soc) const {
  if (soc <= 0) return std::max(volts_.front() + soc * kDeepDischargeVoltsPerSoc, 0.0);
  if (soc >= 1) return volts_.back() + (soc - 1) * kOverchargeVoltsPerSoc;
  const double at = soc * kSteps;
  const auto i = static_cast<size_t>(at);
  return volts_[i] + (volts_[i + 1] - volts_[i]) * (at - static_cast<double>(i));
}

double CellCurves::Slope(double soc) const {
  const auto i = static_cast<size_t>(std::clamp(soc, 0.0, 1 - 1e-9) * kSteps);
  return (volts_[i + 1] - volts_[i]) * kSteps;
}

double CellCurves::ChargeAt(double rest_voltage) const {
  if (rest_voltage <= volts_.front()) return 0;
  if (rest_voltage >= volts_.back()) return 1;
  const auto* const above = std::upper_bound(volts_.begin(), volts_.end(), rest_voltage);
  const auto i = static_cast<double>(above - volts_.begin() - 1);
  return (i + (rest_voltage - *(above - 1)) / (*above - *(above - 1))) / kSteps;
}

double CellCurves::ResistanceFactor(double celsius) {
  constexpr double kActivationKelvin = 2300;  // 0.2 eV: twice at 0 °C
  return std::exp(kActivationKelvin * (1 / (celsius + 273.15) - 1 / 298.15));
}

}  // namespace twin::twinsim
