// Cards of trained models: what docs/model-card.md describes. Internal to server/predict.
#ifndef TWIN_SERVER_PREDICT_MODEL_CARD_H_
#define TWIN_SERVER_PREDICT_MODEL_CARD_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/predict/description.h"

namespace twin::predict {

// From what the model says to an estimate.
struct CardOutput {
  enum class Transform : uint8_t { kIdentity, kExp, kSquare, kLog10 };
  std::string name;
  Transform transform = Transform::kIdentity;
  std::optional<double> min, max;
  double level = 0.9;
  double absolute = 0, relative = 0, floor = 0;  // of the interval's half width
};

struct ModelCard {
  Description description;
  std::string model_file;           // relative to the card
  std::string model_sha256;         // of that file, hexadecimal
  std::vector<CardOutput> outputs;  // in the order of the description's
};

// INVALID_ARGUMENT, naming what is wrong.
absl::StatusOr<ModelCard> ParseCard(absl::string_view json);

// Of a library of lives: what is told of it. Empty, where the card does not say.
struct LibraryCard {
  std::string training_data;
  std::optional<EndOfLife> end_of_life;
};
// INVALID_ARGUMENT, naming what is wrong.
absl::StatusOr<LibraryCard> ParseLibraryCard(absl::string_view json);

struct CardEstimate {
  double value = 0, lo = 0, hi = 0;
};
CardEstimate Apply(const CardOutput& output, double raw);

// A whole file. NOT_FOUND, or what the file system says; INVALID_ARGUMENT: the path has a NUL;
// RESOURCE_EXHAUSTED: it is larger than that.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t bytes_max);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_MODEL_CARD_H_
