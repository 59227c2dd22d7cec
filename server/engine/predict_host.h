// What predictors need of the engine: feature queries, estimates as they stand, writes, changes.
#ifndef TWIN_SERVER_ENGINE_PREDICT_HOST_H_
#define TWIN_SERVER_ENGINE_PREDICT_HOST_H_

#include <memory>

#include "query/execute/execute.h"
#include "server/base/clock.h"
#include "server/engine/engine.h"
#include "server/predict/host.h"

namespace twin::engine {

// Memory of one feature query.
inline constexpr int64_t kFeatureQueryBytesMax = int64_t{512} << 20;
// Twins of which a feature query reads at once, so that no fleet is too large for it: of features
// that are numbers, and of sequences, which may be long.
inline constexpr size_t kFeatureTwins = 10'000;
inline constexpr size_t kFeatureTwinsOfSequences = 16;
// A model with so many twins or fewer is read whole where no feature is a sequence: that is
// quicker.
inline constexpr size_t kFeatureTwinsWhole = 250'000;

// Threads of the pool below, on so many processors: one is left to those that telemetry waits for.
constexpr int FeatureThreads(int processors) { return processors > 1 ? processors - 1 : 1; }

// The engine, and the pool that feature queries share (nullptr: none), outlive it.
std::unique_ptr<predict::Host> NewPredictHost(Engine* engine, query::TaskPool* pool,
                                              const Clock* clock = nullptr);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PREDICT_HOST_H_
