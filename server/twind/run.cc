#include "server/twind/run.h"

#include <pthread.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/api/metrics_server.h"
#include "server/base/time.h"

namespace twin::twind {
namespace {

void SetUpLog(const Options& options) {
  const auto logger = spdlog::stderr_logger_mt("twind");
  logger->set_level(spdlog::level::from_str(options.log_level));
  logger->flush_on(spdlog::level::info);
  if (options.log_format == "json") {
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})",
                        spdlog::pattern_time_type::utc);
  } else {
    logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%fZ level=%l %v", spdlog::pattern_time_type::utc);
  }
  spdlog::set_default_logger(logger);
}

// One event with its fields, in the format that was asked for.
class Event {
 public:
  Event(const Options& options, absl::string_view name) : json_(options.log_format == "json") {
    Add("event", name);
  }
  Event& Add(absl::string_view key, absl::string_view value) {
    if (!text_.empty()) text_ += json_ ? "," : " ";
    std::string quoted;
    for (const char c : value) {
      if (c == '"' || c == '\\') quoted.push_back('\\');
      if (static_cast<unsigned char>(c) >= 0x20) {
        quoted.push_back(c);
      } else {
        quoted += ' ';
      }
    }
    if (json_) {
      absl::StrAppend(&text_, "\"", key, "\":\"", quoted, "\"");
    } else {
      absl::StrAppend(&text_, key, "=\"", quoted, "\"");
    }
    return *this;
  }
  Event& Add(absl::string_view key, uint64_t value) {
    if (!text_.empty()) text_ += json_ ? "," : " ";
    absl::StrAppend(&text_, json_ ? "\"" : "", key, json_ ? "\":" : "=", value);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  const bool json_;
  std::string text_;
};

int Fail(const Options& options, absl::string_view what, const absl::Status& status) {
  spdlog::error("{}", Event(options, what).Add("message", status.message()).text());
  std::fprintf(stderr, "twind: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace

int Run(const Options& options) {
  SetUpLog(options);
  // Before any thread: they all inherit it, so that only sigwait below takes these signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail

  engine::EngineOptions engine_options = options.engine;
  engine_options.writing_changed = [&options](const absl::Status& status) {
    if (status.ok()) {
      spdlog::info("{}", Event(options, "writes_accepted").text());
    } else {
      spdlog::error("{}", Event(options, "writes_refused").Add("message", status.message()).text());
    }
  };
  auto engine = engine::Engine::Open(engine_options);
  if (!engine.ok()) return Fail(options, "open_failed", engine.status());
  const engine::EngineStatus status = (*engine)->status();
  spdlog::info("{}", Event(options, "opened")
                         .Add("data_dir", options.engine.data_dir)
                         .Add("sequence", status.sequence.value)
                         .Add("twins", status.twins)
                         .Add("relationships", status.relationships)
                         .Add("recovered_records", status.recovered_records)
                         .Add("recovery_ms", static_cast<uint64_t>(status.recovery_seconds * 1e3))
                         .text());
  api::ServerOptions server_options = options.server;
  server_options.version = kVersion;
  server_options.data_dir = options.engine.data_dir;
  auto server = api::Server::Start(server_options, engine->get());
  if (!server.ok()) return Fail(options, "listen_failed", server.status());
  std::unique_ptr<api::MetricsServer> metrics;
  if (!options.metrics_listen.empty()) {
    auto started =
        api::MetricsServer::Start(options.metrics_listen, server_options.insecure, server->get());
    if (!started.ok()) return Fail(options, "metrics_failed", started.status());
    metrics = *std::move(started);
    spdlog::info(
        "{}", Event(options, "metrics").Add("port", static_cast<uint64_t>(metrics->port())).text());
  }
  const std::string host = server_options.listen.substr(0, server_options.listen.rfind(':'));
  std::printf("twind %s is ready on %s:%d (%llu twins, data in %s)\n", kVersion, host.c_str(),
              (*server)->port(), static_cast<unsigned long long>(status.twins),
              options.engine.data_dir.c_str());
  std::fflush(stdout);

  int signal_number = 0;
  sigwait(&signals, &signal_number);
  spdlog::info(
      "{}", Event(options, "stopping").Add("signal", static_cast<uint64_t>(signal_number)).text());
  metrics.reset();
  (*server)->Stop(options.stop_grace_ms);
  server->reset();
  if (const absl::Status stopped = (*engine)->Stop(); !stopped.ok()) {
    return Fail(options, "stop_failed", stopped);
  }
  spdlog::info("{}", Event(options, "stopped").text());
  return 0;
}

}  // namespace twin::twind
