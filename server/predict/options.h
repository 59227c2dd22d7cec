// What predictors may take.
#ifndef TWIN_SERVER_PREDICT_OPTIONS_H_
#define TWIN_SERVER_PREDICT_OPTIONS_H_

#include <cstdint>

namespace twin::predict {

// The names are those of twind's options, after `predictor_`.
struct Options {
  int32_t threads = 2;                    // that compute, for all predictors inside the server
  int32_t runs_at_once = 4;               // of different predictors
  int64_t count_max = 64;                 // registered
  int64_t rows_max = 2'000'000;           // of one run
  int64_t forecast_rows_max = 2'000'000;  // kept of each predictor, the oldest go first
  int64_t changed_twins_max = 1'000'000;  // that wait for a triggered run; more: a run of all
  int32_t breaker_failures = 5;           // batches in a row, then it is left alone
  int64_t breaker_open_ms = 30'000;       // for so long
};

// Of one registration.
inline constexpr int64_t kBatchRowsMax = 10'000;
inline constexpr int64_t kBatchesInFlightDefault = 2;
inline constexpr int64_t kBatchesInFlightMax = 8;
inline constexpr int64_t kIntervalMsMin = 1'000;
inline constexpr int64_t kChangeDelayMsDefault = 1'000;
inline constexpr int64_t kDeadlineMsMax = 600'000;
inline constexpr int kTries = 3;               // of one batch
inline constexpr int64_t kRetryDelayMs = 100;  // then three times that
// Telemetry that arrives meanwhile waits while one write is checked or applied: with so many twins,
// some tenths of a millisecond.
inline constexpr size_t kWriteTwins = 32;
inline constexpr int kWritesInFlight = 2;  // of a run: one is applied while the next syncs
// One after the other, for so many writes, when somebody else has written.
inline constexpr int kWritesAlone = 100;
inline constexpr size_t kRunsKept = 100;  // of each predictor
inline constexpr size_t kQueryBytesMax = 64 << 10;
inline constexpr size_t kOptionBytesMax = 4 << 10;
inline constexpr size_t kSpecBytesMax = 256 << 10;
inline constexpr size_t kRunTwinsMax = 100'000;    // that a RunNow may name
inline constexpr size_t kTruthsWaitMax = 100'000;  // of a predictor; more are not compared

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_OPTIONS_H_
