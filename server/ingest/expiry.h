// Telemetry that is older than the history keeps it: it is taken all the same, and its sender is
// told. Internal to server/ingest but for its options.
#ifndef TWIN_SERVER_INGEST_EXPIRY_H_
#define TWIN_SERVER_INGEST_EXPIRY_H_

#include <cstdint>
#include <functional>

#include "absl/container/flat_hash_map.h"
#include "server/base/time.h"
#include "server/graph/graph.h"
#include "server/ingest/layout.h"
#include "server/ingest/pending.h"
#include "server/ingest/telemetry.h"
#include "server/ingest/telemetry_record.h"
#include "server/ingest/telemetry_state.h"

namespace twin::ingest {

struct ExpiryOptions {
  // How long samples of a model's twins are kept; 0: for ever. Empty: all are.
  std::function<int64_t(const graph::TableSchema& model)> kept_ns;
  int64_t grace_ns = 0;  // no sooner dropped after their arrival
};

// Thread-compatible.
class ExpiryCheck {
 public:
  ExpiryCheck(const ExpiryOptions& options, const PendingState* pending,
              const TelemetryState* state)
      : options_(options), pending_(*pending), state_(*state) {}

  // Fills in what `result` says of it. Cost: a comparison for each row.
  void Note(const FramesRecord& frames, const SamplesRecord& samples, Time now,
            TelemetryResult* result);

 private:
  struct Expired {
    uint64_t rows = 0;
    int64_t kept_ns = 0;  // the shortest of them
  };
  void Add(int64_t time, int64_t kept_ns, Time now, Expired* expired) const;
  int64_t KeptFor(const FrameRun& run);  // as its model that is kept the longest
  int64_t KeptFor(TableId table);

  const ExpiryOptions& options_;
  const PendingState& pending_;
  const TelemetryState& state_;
  absl::flat_hash_map<const LayoutVersion*, int64_t> of_versions_;  // live as long as the state
  const graph::Catalog* catalog_ = nullptr;                         // that `of_tables_` is of
  absl::flat_hash_map<uint32_t, int64_t> of_tables_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_EXPIRY_H_
