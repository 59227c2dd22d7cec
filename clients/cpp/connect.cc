#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clients/cpp/client.h"
#include "clients/cpp/stubs.h"

namespace twin::client {
namespace {

constexpr int kPortDefault = 7480;
constexpr int kKeepaliveTimeoutMs = 10'000;

grpc::ChannelArguments ArgumentsOf(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes_max));
  arguments.SetMaxSendMessageSize(-1);  // The server has a limit, and says so.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options.keepalive.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  // gRPC 1.51 loses a streaming call that it repeats by itself: it never ends, not even at its
  // deadline. Calls are repeated here instead.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A try finds a connection that is tried again, too.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   static_cast<int>(options.retry.backoff_min.count()) / 2);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
                   static_cast<int>(OfStandingStream(options.retry).backoff_max.count()));
  // An address is what it says, whatever proxy the environment has for the web.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace

absl::StatusOr<std::string> CompleteAddress(absl::string_view address) {
  if (absl::StartsWith(address, "unix:")) return std::string(address);
  const size_t bracket = address.rfind(']');
  const size_t colon = address.rfind(':');
  const bool with_port =
      colon != absl::string_view::npos && (bracket == absl::string_view::npos || colon > bracket);
  const absl::string_view host = address.substr(0, with_port ? colon : address.size());
  int port = kPortDefault;
  if (host.empty() || host.find_first_of(" /\t\r\n") != absl::string_view::npos ||
      (bracket == absl::string_view::npos && absl::StrContains(host, ':')) ||
      (with_port &&
       (!absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 1 || port > 65535))) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", address, "' is no address; it is HOST:PORT, such as ", kAddressDefault));
  }
  return absl::StrCat(host, ":", port);
}

absl::StatusOr<std::unique_ptr<Client>> Connect(ClientOptions options) {
  absl::StatusOr<std::string> address = CompleteAddress(options.address);
  if (!address.ok()) return address.status();
  options.address = *std::move(address);
  const std::shared_ptr<grpc::Channel> channel = grpc::CreateCustomChannel(
      options.address, grpc::InsecureChannelCredentials(), ArgumentsOf(options));
  return std::unique_ptr<Client>(
      new Client(std::make_unique<Client::Stubs>(std::move(options), channel)));
}

}  // namespace twin::client
