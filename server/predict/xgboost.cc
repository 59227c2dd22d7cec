// Models of XGBoost, by its C API, with the card that docs/model-card.md describes. A booster is
// used by one thread at a time: each that computes takes one that is free, or loads another.
#include <xgboost/c_api.h>

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/status_macros.h"
#include "server/base/sync.h"
#include "server/predict/builtin.h"
#include "server/predict/model_card.h"
#include "server/predict/sha256.h"

namespace twin::predict {
namespace {

constexpr size_t kCardBytesMax = 4 << 20;
constexpr size_t kModelBytesMax = 256 << 20;

absl::Status Failed(absl::string_view what) {
  absl::string_view error = XGBGetLastError();  // a stack follows
  error = error.substr(0, error.find('\n'));
  return absl::InvalidArgumentError(absl::StrCat("xgboost: ", what, ": ", error));
}

class Booster {
 public:
  static absl::StatusOr<std::unique_ptr<Booster>> Load(const std::string& bytes) {
    std::unique_ptr<Booster> booster(new Booster());
    if (XGBoosterCreate(nullptr, 0, &booster->handle_) != 0) return Failed("create");
    if (XGBoosterLoadModelFromBuffer(booster->handle_, bytes.data(), bytes.size()) != 0) {
      return Failed("the model cannot be loaded");
    }
    // Batches are divided among threads by who asks.
    if (XGBoosterSetParam(booster->handle_, "nthread", "1") != 0) return Failed("nthread");
    if (XGBoosterGetNumFeature(booster->handle_, &booster->features_) != 0)
      return Failed("features");
    return booster;
  }
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;
  ~Booster() {
    if (handle_ != nullptr) XGBoosterFree(handle_);
  }

  size_t features() const { return features_; }

  // One number a row of the matrix, which is stored by rows; NaN: missing.
  absl::Status Predict(const std::vector<float>& matrix, size_t rows, std::vector<float>* raw) {
    const std::string array =
        absl::StrFormat(R"({"data":[%d,true],"shape":[%d,%d],"typestr":"<f4","version":3})",
                        reinterpret_cast<uintptr_t>(matrix.data()), rows, features_);
    constexpr char kConfig[] =
        R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,)"
        R"("cache_id":0,"missing":NaN})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* result = nullptr;
    if (XGBoosterPredictFromDense(handle_, array.c_str(), kConfig, nullptr, &shape, &dimensions,
                                  &result) != 0) {
      return Failed("predict");
    }
    size_t count = 1;
    for (bst_ulong i = 0; i < dimensions; ++i) count *= shape[i];
    if (count != rows) {
      return absl::InternalError(absl::StrCat("xgboost: ", count, " numbers for ", rows,
                                              " rows; the booster must have one output"));
    }
    raw->assign(result, result + count);
    return absl::OkStatus();
  }

 private:
  Booster() = default;
  BoosterHandle handle_ = nullptr;
  bst_ulong features_ = 0;
};

class Xgboost : public LocalPredictor {
 public:
  Xgboost(ModelCard card, std::string model, std::unique_ptr<Booster> booster)
      : card_(std::move(card)), model_(std::move(model)) {
    free_.push_back(std::move(booster));
  }

  const Description& description() const override { return card_.description; }

  absl::Status Compute(const Request& request, std::vector<OutputColumns>* outputs) override {
    const size_t features = request.columns.size();
    std::vector<float> matrix(request.rows() * features);
    for (size_t f = 0; f < features; ++f) {
      const FeatureColumn& column = request.columns[f];
      for (size_t row = 0; row < request.rows(); ++row) {
        matrix[row * features + f] = column.IsNull(row) ? std::numeric_limits<float>::quiet_NaN()
                                                        : static_cast<float>(column.doubles[row]);
      }
    }
    TWIN_ASSIGN_OR_RETURN(std::unique_ptr<Booster> booster, Take());
    std::vector<float> raw;
    const absl::Status status = booster->Predict(matrix, request.rows(), &raw);
    Give(std::move(booster));
    TWIN_RETURN_IF_ERROR(status);
    const CardOutput& card = card_.outputs[0];
    OutputColumns& output = (*outputs)[0];
    output.level = card.level;
    for (size_t row = 0; row < request.rows(); ++row) {
      const CardEstimate estimate = Apply(card, static_cast<double>(raw[row]));
      output.values[row] = estimate.value;
      output.lo[row] = estimate.lo;
      output.hi[row] = estimate.hi;
      output.statuses[row] = EstimateStatus::kOk;
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<std::unique_ptr<Booster>> Take() ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      const MutexLock lock(&mutex_);
      if (!free_.empty()) {
        std::unique_ptr<Booster> booster = std::move(free_.back());
        free_.pop_back();
        return booster;
      }
    }
    return Booster::Load(model_);
  }
  void Give(std::unique_ptr<Booster> booster) ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    free_.push_back(std::move(booster));
  }

  const ModelCard card_;
  const std::string model_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Booster>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::shared_ptr<LocalPredictor>> MakeXgboost(const BuiltinOptions& options) {
  OptionReader reader(options);
  std::string folder;
  TWIN_RETURN_IF_ERROR(reader.Text("model", &folder));
  TWIN_RETURN_IF_ERROR(reader.End("xgboost"));
  if (folder.empty()) {
    return absl::InvalidArgumentError(
        "options.model: name the folder of the model on the server, with card.json and the "
        "booster");
  }
  TWIN_ASSIGN_OR_RETURN(const std::string json,
                        ReadWholeFile(absl::StrCat(folder, "/card.json"), kCardBytesMax));
  TWIN_ASSIGN_OR_RETURN(ModelCard card, ParseCard(json));
  TWIN_ASSIGN_OR_RETURN(std::string model,
                        ReadWholeFile(absl::StrCat(folder, "/", card.model_file), kModelBytesMax));
  if (Sha256(model) != card.model_sha256) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder, "/", card.model_file,
        " is not the file that the card was made for: its SHA-256 is not model.sha256"));
  }
  TWIN_ASSIGN_OR_RETURN(std::unique_ptr<Booster> booster, Booster::Load(model));
  if (booster->features() != card.description.features.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the model has ", booster->features(),
                                                   " features, its card ",
                                                   card.description.features.size()));
  }
  return std::make_shared<Xgboost>(std::move(card), std::move(model), std::move(booster));
}

}  // namespace twin::predict
