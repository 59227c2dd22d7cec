#include "server/api/library_log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/clock.h"

namespace twin::api {
namespace {

using Level = LibraryLine::Level;

constexpr int kLinesMax = 10;
constexpr int64_t kPeriodNs = 10 * kNsPerSecond;

struct Route {
  std::function<void(const LibraryLine&)> sink;
  LineLimiter limiter{kLinesMax, kPeriodNs};
};
Route* route = nullptr;  // lives as long as the process: the libraries' threads may

void Pass(Level level, absl::string_view library, absl::string_view file, int line,
          absl::string_view message, bool is_last) {
  std::optional<uint64_t> left_out = route->limiter.Admit(SystemClock().Now());
  if (!left_out.has_value() && !is_last) return;
  const absl::string_view name = file.substr(file.rfind('/') + 1);  // npos + 1: all of it
  route->sink({.level = level,
               .library = library,
               .message = absl::StripSuffix(message, "\n"),
               .place = absl::StrCat(name, ":", line),
               .left_out = left_out.value_or(0)});
}

void TakeFromGrpc(gpr_log_func_args* line) {
  const Level level = line->severity == GPR_LOG_SEVERITY_ERROR  ? Level::kError
                      : line->severity == GPR_LOG_SEVERITY_INFO ? Level::kInfo
                                                                : Level::kDebug;
  Pass(level, "grpc", line->file, line->line, line->message,
       absl::StartsWith(line->message, "assertion failed"));
}

void TakeFromProtobuf(google::protobuf::LogLevel severity, const char* file, int line,
                      const std::string& message) {
  const Level level = severity == google::protobuf::LOGLEVEL_INFO      ? Level::kInfo
                      : severity == google::protobuf::LOGLEVEL_WARNING ? Level::kWarning
                                                                       : Level::kError;
  Pass(level, "protobuf", file, line, message, severity == google::protobuf::LOGLEVEL_FATAL);
}

}  // namespace

std::optional<uint64_t> LineLimiter::Admit(Time now) {
  const MutexLock lock(&mutex_);
  if (lines_ == 0 || now.ns >= began_.ns + period_ns_ || now < began_) {
    began_ = now;
    lines_ = 0;
  }
  if (lines_ == lines_max_) {
    ++left_out_;
    return std::nullopt;
  }
  ++lines_;
  return std::exchange(left_out_, 0);
}

void RouteLibraryLogs(std::function<void(const LibraryLine&)> sink) {
  route = new Route{.sink = std::move(sink)};
  gpr_set_log_function(&TakeFromGrpc);
  google::protobuf::SetLogHandler(&TakeFromProtobuf);
}

}  // namespace twin::api
