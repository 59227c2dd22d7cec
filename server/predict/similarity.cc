#include "server/predict/similarity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"

namespace twin::predict {
namespace {

constexpr size_t kStretches = 21;
constexpr double kOffset = 1e-4;     // keeps the vote of an exact match finite
constexpr double kKnownShare = 0.9;  // of what was seen lies within the other's record

// Another cell may age so much slower or faster and still be alike.
const std::array<double, kStretches>& Stretches() {
  static const std::array<double, kStretches> stretches = [] {
    std::array<double, kStretches> made{};
    for (size_t i = 0; i < kStretches; ++i) {
      made[i] = std::exp(-0.5 + static_cast<double>(i) / (kStretches - 1));
    }
    return made;
  }();
  return stretches;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// The sum of squared differences of the first `points` of `seen` to `other` at `stretch` times the
// age; whatever is more than `limit` where it becomes more than that.
double SquaresOf(const LifeHistory& seen, size_t points, const LifeHistory& other, double stretch,
                 double limit) {
  double squares = 0;
  size_t j = 0;
  const size_t last = other.cycles.size() - 1;
  for (size_t i = 0; i < points && squares <= limit; ++i) {
    const double at = seen.cycles[i] * stretch;
    while (j < last && other.cycles[j + 1] <= at) ++j;
    double health = other.health[j];
    if (j < last && at > other.cycles[j]) {
      health += (other.health[j + 1] - health) / (other.cycles[j + 1] - other.cycles[j]) *
                (at - other.cycles[j]);
    }
    const double difference = health - seen.health[i];
    squares += difference * difference;
  }
  return squares;
}

// At the stretch that fits best; none: no stretch has a say, or all are farther than `farthest`.
std::optional<Neighbour> Compare(const LifeHistory& seen, const LifeHistory& other,
                                 double farthest) {
  std::optional<Neighbour> best;
  for (const double stretch : Stretches()) {
    const double left = (other.life - seen.cycles.back() * stretch) / stretch;
    const auto end =
        std::partition_point(seen.cycles.begin(), seen.cycles.end(),
                             [&](double cycle) { return cycle * stretch <= other.cycles.back(); });
    const auto points = static_cast<size_t>(end - seen.cycles.begin());
    const auto known = static_cast<double>(points);
    if (!(left >= 0) || known / static_cast<double>(seen.cycles.size()) < kKnownShare) continue;
    // A little more, so that rounding decides nothing.
    const double limit = farthest * farthest * known * (1 + 1e-9);
    const double distance = std::sqrt(SquaresOf(seen, points, other, stretch, limit) / known);
    if (distance > farthest || (best.has_value() && distance >= best->distance)) continue;
    best = Neighbour{.distance = distance, .left = left};
    farthest = distance;
  }
  return best;
}

struct CsvColumns {
  size_t cell = 0, cycle = 0, capacity = 0, life = 0;
  size_t count = 0;
};

absl::StatusOr<CsvColumns> ParseHeader(absl::string_view line) {
  const std::vector<absl::string_view> names = absl::StrSplit(line, ',');
  CsvColumns columns;
  columns.count = names.size();
  for (const auto& [name, column] :
       {std::pair("cell", &columns.cell), std::pair("cycle", &columns.cycle),
        std::pair("capacity", &columns.capacity), std::pair("life", &columns.life)}) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "line 1: the column '", name, "' is missing; a library has cell, cycle, capacity, life"));
    }
    *column = static_cast<size_t>(found - names.begin());
  }
  return columns;
}

absl::Status AddPoint(absl::string_view line, size_t number, const CsvColumns& columns,
                      absl::flat_hash_map<std::string, size_t>* index,
                      std::vector<LifeHistory>* histories) {
  const auto wrong = [number](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", what));
  };
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ',');
  if (fields.size() != columns.count) {
    return wrong(absl::StrCat(fields.size(), " fields, but ", columns.count, " in the first line"));
  }
  const auto read = [&](size_t column, double least, double* value) {
    return absl::SimpleAtod(fields[column], value) && std::isfinite(*value) && *value >= least;
  };
  double cycle = 0;
  double capacity = 0;
  double life = 0;
  if (!read(columns.cycle, 0, &cycle)) return wrong("cycle: no number of 0 or more");
  if (!read(columns.capacity, 1e-9, &capacity)) return wrong("capacity: no number above 0");
  if (!read(columns.life, 1e-9, &life)) return wrong("life: no number above 0");
  const auto [at, is_new] = index->emplace(fields[columns.cell], histories->size());
  if (is_new) {
    if (histories->size() == kHistoriesMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat("line ", number, ": more than ", kHistoriesMax, " histories"));
    }
    histories->emplace_back();
    histories->back().cell = at->first;
    histories->back().life = life;
  }
  LifeHistory& history = (*histories)[at->second];
  if (history.life != life) return wrong("life: another one than in the cell's first line");
  if (!history.cycles.empty() && history.cycles.back() >= cycle) {
    return wrong("cycle: not above that of the cell's line before");
  }
  history.cycles.push_back(cycle);
  history.health.push_back(capacity);
  return absl::OkStatus();
}

}  // namespace

LifeHistory LifeHistory::Between(double first, double last) const {
  const auto begin = std::lower_bound(cycles.begin(), cycles.end(), first) - cycles.begin();
  const auto end = std::upper_bound(cycles.begin(), cycles.end(), last) - cycles.begin();
  LifeHistory part;
  part.cell = cell;
  part.life = life;
  if (begin >= end) return part;
  part.cycles.assign(cycles.begin() + begin, cycles.begin() + end);
  part.health.assign(health.begin() + begin, health.begin() + end);
  return part;
}

std::vector<double> Smoothed(absl::Span<const double> values) {
  std::vector<double> smoothed;
  smoothed.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t first = i + 1 < kHealthWindow ? 0 : i + 1 - kHealthWindow;
    smoothed.push_back(Median({values.begin() + static_cast<std::ptrdiff_t>(first),
                               values.begin() + static_cast<std::ptrdiff_t>(i) + 1}));
  }
  return smoothed;
}

double LevelWhenNew(absl::Span<const double> smoothed) {
  const absl::Span<const double> first = smoothed.subspan(0, kHealthWindow);
  return Median({first.begin(), first.end()});
}

absl::StatusOr<std::vector<LifeHistory>> ParseLibrary(absl::string_view csv) {
  std::vector<LifeHistory> histories;
  absl::flat_hash_map<std::string, size_t> index;
  CsvColumns columns;
  size_t number = 0;
  size_t points = 0;
  for (absl::string_view line : absl::StrSplit(csv, '\n')) {
    number += 1;
    line = absl::StripAsciiWhitespace(line);
    if (number == 1) {
      TWIN_ASSIGN_OR_RETURN(columns, ParseHeader(line));
      continue;
    }
    if (line.empty()) continue;
    if (++points > kHistoryPointsMax) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "line ", number, ": more than ", kHistoryPointsMax, " points; take every second one"));
    }
    TWIN_RETURN_IF_ERROR(AddPoint(line, number, columns, &index, &histories));
  }
  for (LifeHistory& history : histories) {
    if (history.cycles.size() < kHistoryPointsMin) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", history.cell, "' has fewer than ", kHistoryPointsMin, " points"));
    }
    history.health = Smoothed(history.health);
    const double level = LevelWhenNew(history.health);
    for (double& health : history.health) health /= level;
  }
  return histories;
}

std::vector<Neighbour> FindNeighbours(const LifeHistory& seen,
                                      absl::Span<const LifeHistory> library, size_t count,
                                      std::optional<size_t> without) {
  std::vector<Neighbour> nearest;
  for (size_t i = 0; i < library.size(); ++i) {
    if (i == without) continue;
    const double farthest =
        nearest.size() < count ? std::numeric_limits<double>::infinity() : nearest.back().distance;
    std::optional<Neighbour> found = Compare(seen, library[i], farthest);
    if (!found.has_value()) continue;
    found->index = i;
    nearest.insert(std::upper_bound(nearest.begin(), nearest.end(), *found), *found);
    if (nearest.size() > count) nearest.pop_back();
  }
  return nearest;
}

RemainingLife Vote(absl::Span<const Neighbour> neighbours) {
  double weights = 0;
  double sum = 0;
  for (const Neighbour& neighbour : neighbours) {
    const double weight = 1 / ((neighbour.distance + kOffset) * (neighbour.distance + kOffset));
    weights += weight;
    sum += weight * neighbour.left;
  }
  RemainingLife life;
  life.cycles = sum / weights;
  double squares = 0;
  for (const Neighbour& neighbour : neighbours) {
    const double weight = 1 / ((neighbour.distance + kOffset) * (neighbour.distance + kOffset));
    squares += weight * (neighbour.left - life.cycles) * (neighbour.left - life.cycles);
  }
  life.spread = std::sqrt(squares / weights);
  return life;
}

}  // namespace twin::predict
