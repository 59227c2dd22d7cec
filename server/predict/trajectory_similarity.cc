// Remaining life of a pack, by the histories of others that were followed to their end. How wide an
// interval must be, the library says itself: each of its histories is estimated by the others, at
// several ages.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "server/base/crc32c.h"
#include "server/base/status_macros.h"
#include "server/predict/builtin.h"
#include "server/predict/model_card.h"
#include "server/predict/similarity.h"

namespace twin::predict {
namespace {

constexpr double kLevel = 0.9;
// Of a life, at which the library is tried: the young are less certain than the old.
constexpr std::array kAges = {0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9};
constexpr size_t kLibraryCardBytesMax = 64 << 10;
constexpr size_t kTriedMax = 100;  // histories of it
constexpr size_t kLibraryMin = 5;
constexpr double kLifeShare = 0.01;  // of the whole life, which neighbours that agree may all miss

struct SimilarityOptions {
  double k = 5;                // neighbours
  double window = 0;           // cycles back from now that are compared; 0: all
  double cycles_min = 50;      // that a history must cover
  double points_min = 8;       // that it must have
  double distance_max = 0.02;  // of the nearest neighbour: root mean square difference of health
  double new_cycles = 50;      // a history that begins earlier begins when the pack was new

  size_t neighbours() const { return static_cast<size_t>(k); }
};

bool IsTooShort(const LifeHistory& seen, const SimilarityOptions& options) {
  return static_cast<double>(seen.cycles.size()) < options.points_min ||
         seen.cycles.back() - seen.cycles.front() < options.cycles_min;
}

// What of a history is compared.
LifeHistory Recent(const LifeHistory& seen, const SimilarityOptions& options) {
  if (options.window == 0) return seen;
  return seen.Between(seen.cycles.back() - options.window, seen.cycles.back());
}

// In proportion to this, intervals are wide.
double ScaleOf(const RemainingLife& life, double now) {
  return life.spread + kLifeShare * (now + life.cycles);
}

// What the library's own histories came to, each estimated by the others.
struct Trial {
  std::array<double, kAges.size()> factors{};  // of ScaleOf, for half the width of an interval
  HeldOutMetrics metrics;

  double FactorAt(double age) const {
    size_t nearest = 0;
    for (size_t i = 1; i < kAges.size(); ++i) {
      if (std::abs(kAges[i] - age) < std::abs(kAges[nearest] - age)) nearest = i;
    }
    return factors[nearest];
  }
};

// What kLevel of them do not exceed, of so few as there are: counted as one that is not known yet.
double QuantileOf(std::vector<double> scores) {
  std::sort(scores.begin(), scores.end());
  const auto rank = static_cast<size_t>(std::ceil(static_cast<double>(scores.size() + 1) * kLevel));
  return scores[std::min(rank, scores.size()) - 1];
}

// Of each age, by the scores of that and the two next to it; where nothing was tried, of all.
std::array<double, kAges.size()> FactorsOf(
    const std::array<std::vector<double>, kAges.size()>& scores) {
  std::array<double, kAges.size()> factors{};
  std::vector<double> all;
  for (const std::vector<double>& of_age : scores)
    all.insert(all.end(), of_age.begin(), of_age.end());
  for (size_t i = 0; i < kAges.size(); ++i) {
    std::vector<double> near;
    for (size_t j = i == 0 ? 0 : i - 1; j < std::min(i + 2, kAges.size()); ++j) {
      near.insert(near.end(), scores[j].begin(), scores[j].end());
    }
    factors[i] = QuantileOf(near.empty() ? all : near);
  }
  return factors;
}

Trial Try(const std::vector<LifeHistory>& library, const SimilarityOptions& options) {
  Trial trial;
  std::array<std::vector<double>, kAges.size()> scores;
  double squares = 0;
  double sum = 0;
  double shares = 0;
  const size_t step = (library.size() + kTriedMax - 1) / kTriedMax;
  for (size_t i = 0; i < library.size(); i += step) {
    trial.metrics.cells += 1;
    for (size_t a = 0; a < kAges.size(); ++a) {
      const LifeHistory seen = library[i].Between(0, kAges[a] * library[i].life);
      if (seen.cycles.empty() || IsTooShort(seen, options)) continue;
      const std::vector<Neighbour> found =
          FindNeighbours(Recent(seen, options), library, options.neighbours(), i);
      if (found.empty() || found[0].distance > options.distance_max) continue;
      const RemainingLife life = Vote(found);
      const double now = seen.cycles.back();
      const double truth = library[i].life - now;
      const double error = std::abs(life.cycles - truth);
      scores[a].push_back(error / ScaleOf(life, now));
      trial.metrics.points += 1;
      squares += error * error;
      sum += error;
      shares += error / truth;
    }
  }
  if (trial.metrics.points == 0) return trial;
  trial.factors = FactorsOf(scores);
  const auto count = static_cast<double>(trial.metrics.points);
  trial.metrics.rmse = std::sqrt(squares / count);
  trial.metrics.mae = sum / count;
  trial.metrics.mape = 100 * shares / count;
  return trial;
}

class TrajectorySimilarity : public LocalPredictor {
 public:
  TrajectorySimilarity(std::vector<LifeHistory> library, const Trial& trial,
                       const SimilarityOptions& options, const LibraryCard& card,
                       const std::string& file, uint32_t checksum)
      : library_(std::move(library)), trial_(trial), options_(options) {
    description_.name = "trajectory-similarity";
    description_.version = absl::StrFormat("1-%08x", checksum);  // another library, another version
    description_.description =
        "Remaining cycles of a pack by the most similar histories of a library.";
    description_.method = "trajectorySimilarity";
    description_.target_model = "dtmi:twingraph:battery:BatteryPack;1";
    description_.features = {
        {.name = "cycles",
         .type = FeatureType::kSequence,
         .description = "full equivalent cycles, each with the health at that time",
         .required = true},
        {.name = "soh",
         .type = FeatureType::kSequence,
         .unit = "percent",
         .description = "state of health, as it was estimated then",
         .required = true},
    };
    description_.outputs = {{.name = "rul", .path = "rulCycles", .unit = "", .level = kLevel}};
    description_.default_query =
        "SELECT p.$dtId AS twin,\n"
        "  COLLECT(CASE WHEN h.soh.value IS NOT NULL THEN h.fullEquivalentCycles END) AS cycles,\n"
        "  COLLECT(CASE WHEN h.fullEquivalentCycles IS NOT NULL THEN h.soh.value END) AS soh\n"
        "FROM DIGITALTWINS MATCH (p:BatteryPack)\n"
        "OPTIONAL HISTORY h OF p.(fullEquivalentCycles, soh.value) LAST 3650d EVERY 7d MAX GAP "
        "30d\n"
        "GROUP BY p.$dtId";
    description_.deadline_ms = 60'000;
    description_.training_data =
        absl::StrCat(library_.size(), " histories of ", file,
                     card.training_data.empty() ? "" : ": ", card.training_data);
    description_.end_of_life = card.end_of_life;
    if (trial.metrics.points > 0) description_.held_out = trial.metrics;
  }

  const Description& description() const override { return description_; }

  absl::Status Compute(const Request& request, std::vector<OutputColumns>* outputs) override {
    for (size_t row = 0; row < request.rows(); ++row) {
      const auto sequence = [&](size_t column) {
        const FeatureColumn& values = request.columns[column];
        return absl::MakeConstSpan(values.doubles)
            .subspan(values.offsets[row], values.offsets[row + 1] - values.offsets[row]);
      };
      if (sequence(0).size() != sequence(1).size()) {
        (*outputs)[0].statuses[row] = EstimateStatus::kError;
        continue;
      }
      Estimate(SeenOf(sequence(0), sequence(1)), row, &(*outputs)[0]);
    }
    return absl::OkStatus();
  }

 private:
  // Health as the library has it: a share of the pack's own when new, where that was seen.
  LifeHistory SeenOf(absl::Span<const double> cycles, absl::Span<const double> soh) const {
    std::vector<std::pair<double, double>> points;
    points.reserve(cycles.size());
    for (size_t i = 0; i < cycles.size(); ++i) points.emplace_back(cycles[i], soh[i]);
    std::stable_sort(points.begin(), points.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    LifeHistory seen;
    for (const auto& [cycle, percent] : points) {
      // A pack that stood still: its last estimate counts.
      if (!seen.cycles.empty() && seen.cycles.back() == cycle) {
        seen.health.back() = percent;
        continue;
      }
      seen.cycles.push_back(cycle);
      seen.health.push_back(percent);
    }
    if (seen.cycles.empty()) return seen;
    seen.health = Smoothed(seen.health);
    const double level =
        seen.cycles.front() <= options_.new_cycles ? LevelWhenNew(seen.health) : 100;
    for (double& health : seen.health) health /= level;
    return seen;
  }

  void Estimate(const LifeHistory& seen, size_t row, OutputColumns* output) const {
    if (seen.cycles.empty() || IsTooShort(seen, options_)) return;  // INSUFFICIENT_DATA, as it came
    const std::vector<Neighbour> found =
        FindNeighbours(Recent(seen, options_), library_, options_.neighbours());
    output->statuses[row] = EstimateStatus::kOutOfDomain;
    if (found.empty()) return;  // it is older than all, or its end has been
    const RemainingLife life = Vote(found);
    const double now = seen.cycles.back();
    const double half = trial_.FactorAt(now / (now + life.cycles)) * ScaleOf(life, now);
    output->values[row] = life.cycles;
    output->lo[row] = std::max(0.0, life.cycles - half);
    output->hi[row] = life.cycles + half;
    if (found[0].distance <= options_.distance_max) output->statuses[row] = EstimateStatus::kOk;
  }

  const std::vector<LifeHistory> library_;
  const Trial trial_;
  const SimilarityOptions options_;
  Description description_;
};

// The card of lives.csv is lives.json beside it; there need not be one.
absl::StatusOr<LibraryCard> ReadLibraryCard(const std::string& library) {
  const absl::string_view stem = absl::StripSuffix(library, ".csv");
  if (stem.size() == library.size()) return LibraryCard();
  const absl::StatusOr<std::string> json =
      ReadWholeFile(absl::StrCat(stem, ".json"), kLibraryCardBytesMax);
  if (absl::IsNotFound(json.status())) return LibraryCard();
  TWIN_RETURN_IF_ERROR(json.status());
  return ParseLibraryCard(*json);
}

}  // namespace

absl::StatusOr<std::shared_ptr<LocalPredictor>> MakeTrajectorySimilarity(
    const BuiltinOptions& options) {
  SimilarityOptions read;
  std::string file;
  OptionReader reader(options);
  TWIN_RETURN_IF_ERROR(reader.Text("library", &file));
  TWIN_RETURN_IF_ERROR(reader.Number("k", 1, 100, &read.k));
  TWIN_RETURN_IF_ERROR(reader.Number("window", 0, 1e6, &read.window));
  TWIN_RETURN_IF_ERROR(reader.Number("cycles-min", 1, 1e6, &read.cycles_min));
  TWIN_RETURN_IF_ERROR(reader.Number("points-min", 5, 1e6, &read.points_min));
  TWIN_RETURN_IF_ERROR(reader.Number("distance-max", 1e-4, 1, &read.distance_max));
  TWIN_RETURN_IF_ERROR(reader.Number("new-cycles", 0, 1e6, &read.new_cycles));
  TWIN_RETURN_IF_ERROR(reader.End("trajectory-similarity"));
  if (file.empty()) {
    return absl::InvalidArgumentError(
        "options.library: name the file of histories on the server, a CSV with the columns cell, "
        "cycle, capacity and life");
  }
  TWIN_ASSIGN_OR_RETURN(const std::string csv, ReadWholeFile(file, kLibraryBytesMax));
  absl::StatusOr<std::vector<LifeHistory>> library = ParseLibrary(csv);
  if (!library.ok()) {
    return absl::Status(library.status().code(),
                        absl::StrCat(file, ": ", std::string(library.status().message())));
  }
  if (const size_t least = std::max(kLibraryMin, read.neighbours() + 1); library->size() < least) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": ", library->size(), " histories; at least ", least, " are needed"));
  }
  const Trial trial = Try(*library, read);
  if (trial.metrics.points == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        file,
        ": no history of it resembles another, so nothing says how wide an interval must be; take "
        "histories of one chemistry, or a greater distance-max"));
  }
  TWIN_ASSIGN_OR_RETURN(const LibraryCard card, ReadLibraryCard(file));
  return std::make_shared<TrajectorySimilarity>(*std::move(library), trial, read, card, file,
                                                Crc32c(csv));
}

}  // namespace twin::predict
