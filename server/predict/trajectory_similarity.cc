// Remaining life of a pack, by the histories of others that were followed to their end. How wide an
// interval must be, the library says itself: each of its histories is estimated by the others, at
// several ages.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/crc32c.h"
#include "server/base/status_macros.h"
#include "server/predict/builtin.h"
#include "server/predict/model_card.h"
#include "server/predict/similarity.h"

namespace twin::predict {
namespace {

constexpr double kLevel = 0.9;
constexpr double kAges[] = {0.3, 0.5, 0.7, 0.9};  // of a life, at which the library is tried
constexpr size_t kTriedMax = 100;                 // histories of it
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
  double factor = 0;  // of ScaleOf, for half the width of an interval
  HeldOutMetrics metrics;
};

Trial Try(const std::vector<LifeHistory>& library, const SimilarityOptions& options) {
  Trial trial;
  std::vector<double> scores;
  double squares = 0;
  double sum = 0;
  double shares = 0;
  const size_t step = (library.size() + kTriedMax - 1) / kTriedMax;
  for (size_t i = 0; i < library.size(); i += step) {
    trial.metrics.cells += 1;
    for (const double age : kAges) {
      const LifeHistory seen = library[i].Between(0, age * library[i].life);
      if (seen.cycles.empty() || IsTooShort(seen, options)) continue;
      const std::vector<Neighbour> found =
          FindNeighbours(Recent(seen, options), library, options.neighbours(), i);
      if (found.empty() || found[0].distance > options.distance_max) continue;
      const RemainingLife life = Vote(found);
      const double now = seen.cycles.back();
      const double truth = library[i].life - now;
      const double error = std::abs(life.cycles - truth);
      scores.push_back(error / ScaleOf(life, now));
      squares += error * error;
      sum += error;
      shares += error / truth;
    }
  }
  if (scores.empty()) return trial;
  std::sort(scores.begin(), scores.end());
  const auto count = static_cast<double>(scores.size());
  const auto rank = static_cast<size_t>(std::ceil((count + 1) * kLevel));
  trial.factor = scores[std::min(rank, scores.size()) - 1];
  trial.metrics.points = static_cast<uint32_t>(scores.size());
  trial.metrics.rmse = std::sqrt(squares / count);
  trial.metrics.mae = sum / count;
  trial.metrics.mape = 100 * shares / count;
  return trial;
}

class TrajectorySimilarity : public LocalPredictor {
 public:
  TrajectorySimilarity(std::vector<LifeHistory> library, const Trial& trial,
                       const SimilarityOptions& options, const std::string& file, uint32_t checksum)
      : library_(std::move(library)), factor_(trial.factor), options_(options) {
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
    description_.training_data = absl::StrCat(library_.size(), " histories of ", file);
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
    const double half = factor_ * ScaleOf(life, seen.cycles.back());
    output->values[row] = life.cycles;
    output->lo[row] = std::max(0.0, life.cycles - half);
    output->hi[row] = life.cycles + half;
    if (found[0].distance <= options_.distance_max) output->statuses[row] = EstimateStatus::kOk;
  }

  const std::vector<LifeHistory> library_;
  const double factor_;
  const SimilarityOptions options_;
  Description description_;
};

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
  return std::make_shared<TrajectorySimilarity>(*std::move(library), trial, read, file,
                                                Crc32c(csv));
}

}  // namespace twin::predict
