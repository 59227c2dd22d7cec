// Addresses to listen on: what may be asked for, and whether it could be had.
#ifndef TWIN_SERVER_API_LISTEN_H_
#define TWIN_SERVER_API_LISTEN_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace twin::api {

// Of `option` ("--listen"): host:port, [IPv6]:port or unix:PATH. INVALID_ARGUMENT: it is none, its
// port is above 65535, or others than this machine reach it, without `insecure`. Asks nobody.
absl::Status CheckAddress(absl::string_view option, absl::string_view address, bool insecure);

// Takes the address and gives it back: what can be had now can be had in a moment, unless another
// comes first. UNAVAILABLE: the host is unknown, the port is taken, or the system says why not.
absl::Status TryAddress(absl::string_view option, absl::string_view address);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_LISTEN_H_
