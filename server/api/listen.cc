#include "server/api/listen.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"

namespace twin::api {
namespace {

constexpr absl::string_view kUnix = "unix:";

struct HostPort {
  std::string host;  // without brackets
  std::string port;
};

absl::optional<HostPort> Split(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return absl::nullopt;
  absl::string_view host = address.substr(0, colon);
  const absl::string_view port = address.substr(colon + 1);
  const bool is_number = !port.empty() && port.size() <= 5 &&
                         std::all_of(port.begin(), port.end(), absl::ascii_isdigit);
  int number = 0;
  if (!is_number || !absl::SimpleAtoi(port, &number) || number > 65535) return absl::nullopt;
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  } else if (absl::StrContains(host, ':')) {
    return absl::nullopt;
  }
  if (host.empty()) return absl::nullopt;
  return HostPort{std::string(host), std::string(port)};
}

bool IsLoopback(const HostPort& address) {
  return absl::StartsWith(address.host, "127.") || address.host == "localhost" ||
         address.host == "::1";
}

}  // namespace

absl::Status CheckAddress(absl::string_view option, absl::string_view address, bool insecure) {
  if (absl::StartsWith(address, kUnix)) {
    if (address.size() > kUnix.size()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(option, " is '", address, "', without a path"));
  }
  const absl::optional<HostPort> parts = Split(address);
  if (!parts.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, " is '", address,
                     "'; allowed: HOST:PORT, [IPv6]:PORT or unix:PATH, the port 0 to 65535"));
  }
  if (insecure || IsLoopback(*parts)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      option, " ", address,
      " is not a loopback address, and there is no TLS: anybody who reaches it could read and "
      "write everything; add --insecure if that is meant"));
}

}  // namespace twin::api
