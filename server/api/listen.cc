#include "server/api/listen.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "server/base/file.h"

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

absl::Status Taken(absl::string_view option, absl::string_view address, absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", option, " ", address, ": ", why));
}

// 0, or errno.
int TryBind(int family, const sockaddr* address, socklen_t length) {
  const int socket = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno;
  const int on = 1;  // as the libraries do: what a server before left does not count
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const int error = bind(socket, address, length) == 0 && listen(socket, 1) == 0 ? 0 : errno;
  close(socket);
  return error;
}

absl::Status TryUnix(absl::string_view option, absl::string_view address) {
  const absl::string_view path = absl::StripPrefix(absl::StripPrefix(address, kUnix), "//");
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof(name.sun_path)) return Taken(option, address, "the path is too long");
  std::copy(path.begin(), path.end(), name.sun_path);
  if (access(FolderOf(path).c_str(), W_OK) != 0) return Taken(option, address, strerror(errno));
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return Taken(option, address, strerror(errno));
  const bool answers = connect(socket, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0;
  close(socket);
  return answers ? Taken(option, address, "another server is there") : absl::OkStatus();
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

absl::Status TryAddress(absl::string_view option, absl::string_view address) {
  if (absl::StartsWith(address, kUnix)) return TryUnix(option, address);
  const absl::optional<HostPort> parts = Split(address);
  if (!parts.has_value()) return Taken(option, address, "it is no HOST:PORT");
  addrinfo hints = {};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int unknown = getaddrinfo(parts->host.c_str(), parts->port.c_str(), &hints, &found);
  if (unknown != 0) return Taken(option, address, gai_strerror(unknown));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, &freeaddrinfo);
  int error = 0;
  for (const addrinfo* each = all.get(); each != nullptr; each = each->ai_next) {
    error = TryBind(each->ai_family, each->ai_addr, each->ai_addrlen);
    if (error == 0) return absl::OkStatus();
  }
  const char* const who = error == EADDRINUSE ? "; is another server there?" : "";
  return Taken(option, address, absl::StrCat(strerror(error), who));
}

}  // namespace twin::api
