// The file of contexts, which are names for servers:
//   current = "plant"
//   [contexts.plant]
//   address = "10.0.0.7:7480"
// Whatever else is in it stays, except for comments.
#ifndef TWIN_CLIENTS_TWINCTL_CONTEXT_FILE_H_
#define TWIN_CLIENTS_TWINCTL_CONTEXT_FILE_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace twin::twinctl {

struct Contexts {
  std::string current;                           // empty: none
  std::map<std::string, std::string> addresses;  // by name
};

// A file that does not exist has no contexts. INVALID_ARGUMENT: it is not as it should be; the
// message has "file:line:column: what". PERMISSION_DENIED and the like: it cannot be read.
absl::StatusOr<Contexts> ReadContexts(const std::string& path);

// Gives the name that address; the first one becomes current. Creates folders and file.
absl::Status SetContext(const std::string& path, const std::string& name,
                        const std::string& address);

// Makes it current. NOT_FOUND: there is no context of that name.
absl::Status UseContext(const std::string& path, const std::string& name);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_CONTEXT_FILE_H_
