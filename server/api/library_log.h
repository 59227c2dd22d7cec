// What gRPC and protobuf say, for the log of the server instead of stderr.
#ifndef TWIN_SERVER_API_LIBRARY_LOG_H_
#define TWIN_SERVER_API_LIBRARY_LOG_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "server/base/sync.h"
#include "server/base/time.h"

namespace twin::api {

// Lets so many lines through in any period that begins with one. Thread-safe.
class LineLimiter {
 public:
  LineLimiter(int lines_max, int64_t period_ns) : lines_max_(lines_max), period_ns_(period_ns) {}

  // How many were left out since the last that went through; nullopt: leave this one out, too.
  std::optional<uint64_t> Admit(Time now) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const int lines_max_;
  const int64_t period_ns_;
  Mutex mutex_;
  Time began_ ABSL_GUARDED_BY(mutex_);
  int lines_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

struct LibraryLine {
  enum class Level { kDebug, kInfo, kWarning, kError };
  Level level = Level::kError;
  absl::string_view library;  // "grpc", "protobuf"
  absl::string_view message;
  std::string place;      // "wire_format_lite.cc:584", in the library
  uint64_t left_out = 0;  // lines since the last one: clients can make them write many
};

// From now on `sink` gets their lines, ten in ten seconds at most, but each that says why the
// process ends. It is called on any thread, until the process ends; call this once, before either
// is used.
void RouteLibraryLogs(std::function<void(const LibraryLine&)> sink);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_LIBRARY_LOG_H_
