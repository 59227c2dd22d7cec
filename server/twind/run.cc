#include "server/twind/run.h"

#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/api/listen.h"
#include "server/api/metrics_server.h"
#include "server/base/status_macros.h"
#include "server/twind/log.h"

namespace twin::twind {
namespace {

int Fail(absl::string_view what, const absl::Status& status) {
  spdlog::error("{}", Event(what).Add("message", status.message()).text());
  std::fprintf(stderr, "twind: %s\n", std::string(status.message()).c_str());
  return 1;
}

absl::Status TryAddresses(const Options& options) {
  TWIN_RETURN_IF_ERROR(api::TryAddress("--listen", options.server.listen));
  if (options.metrics_listen.empty()) return absl::OkStatus();
  return api::TryAddress("--metrics-listen", options.metrics_listen);
}

}  // namespace

int Run(const Options& options) {
  SetUpLog(options.log_level, options.log_format);
  for (const std::string& warning : options.warnings) {
    spdlog::warn("{}", Event("unknown_variable").Add("message", warning).text());
  }
  // Before any thread: they all inherit it, so that only sigwait below takes these signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail

  // Before anything is recovered or made.
  if (const absl::Status status = TryAddresses(options); !status.ok()) {
    return Fail("listen_failed", status);
  }
  engine::EngineOptions engine_options = options.engine;
  engine_options.writing_changed = [](const absl::Status& status) {
    if (status.ok()) {
      spdlog::info("{}", Event("writes_accepted").text());
    } else {
      spdlog::error("{}", Event("writes_refused").Add("message", status.message()).text());
    }
  };
  auto engine = engine::Engine::Open(engine_options);
  if (!engine.ok()) return Fail("open_failed", engine.status());
  const engine::EngineStatus status = (*engine)->status();
  spdlog::info("{}", Event("opened")
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
  if (!server.ok()) return Fail("listen_failed", server.status());
  std::unique_ptr<api::MetricsServer> metrics;
  if (!options.metrics_listen.empty()) {
    auto started =
        api::MetricsServer::Start(options.metrics_listen, server_options.insecure, server->get());
    if (!started.ok()) return Fail("metrics_failed", started.status());
    metrics = *std::move(started);
    spdlog::info("{}", Event("metrics").Add("port", static_cast<uint64_t>(metrics->port())).text());
  }
  const std::string host = server_options.listen.substr(0, server_options.listen.rfind(':'));
  std::printf("twind %s is ready on %s:%d (%llu twins, data in %s)\n", kVersion, host.c_str(),
              (*server)->port(), static_cast<unsigned long long>(status.twins),
              options.engine.data_dir.c_str());
  std::fflush(stdout);

  int signal_number = 0;
  sigwait(&signals, &signal_number);
  spdlog::info("{}", Event("stopping").Add("signal", static_cast<uint64_t>(signal_number)).text());
  metrics.reset();
  (*server)->Stop(options.stop_grace_ms);
  server->reset();
  if (const absl::Status stopped = (*engine)->Stop(); !stopped.ok()) {
    return Fail("stop_failed", stopped);
  }
  spdlog::info("{}", Event("stopped").text());
  return 0;
}

}  // namespace twin::twind
