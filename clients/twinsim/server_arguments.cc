#include "clients/twinsim/server_arguments.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace twin::twinsim {
namespace {

// CLI11 would take -1 for the largest seed.
std::string CheckSeed(const std::string& word) {
  uint64_t seed = 0;
  if (!word.empty() && absl::ascii_isdigit(static_cast<unsigned char>(word[0])) &&
      absl::SimpleAtoi(word, &seed)) {
    return "";
  }
  return absl::StrCat("'", word, "' is no integer from 0 to 2^64 - 1");
}

}  // namespace

void AddServer(CLI::App* command, ServerArguments* server) {
  command
      ->add_option("--address", server->address,
                   "The server, HOST:PORT (default: TWINCTL_ADDRESS, else 127.0.0.1:7480)")
      ->type_name("ADDRESS");
}

void AddModels(CLI::App* command, std::string* models) {
  command
      ->add_option("--models", *models,
                   "Folder of the battery ontology, for a server that has none (default: the one "
                   "that came with twinsim)")
      ->type_name("DIR");
}

void AddSeed(CLI::App* command, uint64_t* seed, const std::string& help) {
  command->add_option("--seed", *seed, help)->type_name("S")->check(CheckSeed, "");
}

absl::StatusOr<std::unique_ptr<client::Client>> ConnectTo(const ServerArguments& server,
                                                          const std::atomic<bool>* cancelled) {
  client::ClientOptions options;
  const char* const environment = std::getenv("TWINCTL_ADDRESS");
  if (!server.address.empty()) {
    options.address = server.address;
  } else if (environment != nullptr && *environment != '\0') {
    options.address = environment;
  }
  options.cancelled = cancelled;
  return client::Connect(std::move(options));
}

void Note(const Process& process, absl::string_view message) {
  *process.err << "twinsim: " << message << '\n' << std::flush;
}

int Fail(const absl::Status& status, const Process& process) {
  if (absl::IsCancelled(status)) {
    Note(process, "interrupted");
    return kExitInterrupted;
  }
  Note(process, status.message());
  return client::IsUnreachable(status) ? kExitNoServer : kExitRefused;
}

double ParseSpeed(absl::string_view text) {
  double speed = 0;
  return absl::SimpleAtod(absl::StripSuffix(text, "x"), &speed) && speed > 0 && speed <= 1e9 ? speed
                                                                                             : 0;
}

std::string CheckSpeed(const std::string& word) {
  return ParseSpeed(word) > 0 ? "" : absl::StrCat("'", word, "' is no speed such as 60x");
}

std::string PerSecond(uint64_t count, double seconds) {
  return absl::StrFormat("%.0f", static_cast<double>(count) / (seconds > 0 ? seconds : 1));
}

}  // namespace twin::twinsim
