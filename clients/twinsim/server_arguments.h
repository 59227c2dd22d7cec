// What the commands that talk to a server share.
#ifndef TWIN_CLIENTS_TWINSIM_SERVER_ARGUMENTS_H_
#define TWIN_CLIENTS_TWINSIM_SERVER_ARGUMENTS_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/client.h"
#include "clients/twinsim/command.h"

namespace twin::twinsim {

struct ServerArguments {
  std::string address;  // empty: TWINCTL_ADDRESS, else the default
};

void AddServer(CLI::App* command, ServerArguments* server);
void AddModels(CLI::App* command, std::string* models);
void AddSeed(CLI::App* command, uint64_t* seed, const std::string& help);

//   cancelled: ends calls when it becomes true; may be null
absl::StatusOr<std::unique_ptr<client::Client>> ConnectTo(const ServerArguments& server,
                                                          const std::atomic<bool>* cancelled);

// To stderr, "twinsim: <message>".
void Note(const Process& process, absl::string_view message);
// The same for a failure; returns the exit code.
int Fail(const absl::Status& status, const Process& process);

// "60x", "60", "0.5x"; 0: it is none.
double ParseSpeed(absl::string_view text);
// CLI11's form of a check of it.
std::string CheckSpeed(const std::string& word);
std::string PerSecond(uint64_t count, double seconds);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_SERVER_ARGUMENTS_H_
