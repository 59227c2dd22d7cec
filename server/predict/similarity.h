// Remaining life from the histories that resemble one most.
// clients/python/twingraph/learn/similarity.py has the same method; both give the same numbers.
// Internal to server/predict.
#ifndef TWIN_SERVER_PREDICT_SIMILARITY_H_
#define TWIN_SERVER_PREDICT_SIMILARITY_H_

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::predict {

inline constexpr size_t kHistoriesMax = 1'000;        // of a library
inline constexpr size_t kHistoryPointsMax = 500'000;  // of all of them
inline constexpr size_t kLibraryBytesMax = 64 << 20;  // of its file
inline constexpr size_t kHistoryPointsMin = 5;        // of each
inline constexpr size_t kHealthWindow = 5;            // points of the running median

// A cell's health over its life so far.
struct LifeHistory {
  std::string cell;
  std::vector<double> cycles;  // rising
  std::vector<double> health;  // smoothed; 1: as new
  double life =
      std::numeric_limits<double>::quiet_NaN();  // cycles until its end, of one that is complete

  LifeHistory Between(double first, double last) const;  // cycles, both included
};

// Each value becomes the median of itself and the four before it.
std::vector<double> Smoothed(absl::Span<const double> values);
// What health is measured by: the median of the first five of what Smoothed gave.
double LevelWhenNew(absl::Span<const double> smoothed);

// From a CSV with the columns cell, cycle, capacity (any unit, one for each cell) and life; others
// are passed over. INVALID_ARGUMENT, naming the line: it is no such file. RESOURCE_EXHAUSTED: it is
// more than the limits above.
absl::StatusOr<std::vector<LifeHistory>> ParseLibrary(absl::string_view csv);

// What one history says of another.
struct Neighbour {
  double distance = 0;  // root mean square difference of health
  double left = 0;      // cycles
  size_t index = 0;     // in the library

  friend bool operator<(const Neighbour& a, const Neighbour& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.left < b.left;
  }
};

// The nearest `count`, the nearest first; `without` is left out. Each history of the library is
// stretched in time by up to e^±0.5, as it fits best. One that ended earlier has no vote.
std::vector<Neighbour> FindNeighbours(const LifeHistory& seen,
                                      absl::Span<const LifeHistory> library, size_t count,
                                      std::optional<size_t> without = std::nullopt);

// Their mean, weighted by the inverse square of the distance, and the weighted standard deviation.
struct RemainingLife {
  double cycles = 0;
  double spread = 0;
};
RemainingLife Vote(absl::Span<const Neighbour> neighbours);  // at least one

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_SIMILARITY_H_
