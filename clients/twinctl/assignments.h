// --set path=value, and patches made of it.
#ifndef TWIN_CLIENTS_TWINCTL_ASSIGNMENTS_H_
#define TWIN_CLIENTS_TWINCTL_ASSIGNMENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/twinctl/command_line.h"
#include "clients/twinctl/history.h"
#include "clients/twinctl/output.h"
#include "twingraph/v1/types.pb.h"

namespace twin::twinctl {

// "soh.value" as the JSON Pointer "/soh/value"; what begins with "/" is one already.
// A UsageError: a name in it is empty.
absl::StatusOr<std::string> ToPointer(absl::string_view path);

struct Assignment {
  std::string pointer;
  Json value;
};
// "path=value": the value is JSON if it can be read so, else a string. A UsageError.
absl::StatusOr<Assignment> ParseAssignment(absl::string_view text);

// Puts the values into an object, with what is missing on the way. A UsageError: a path leads
// through something that is no object.
absl::Status Assign(const std::vector<std::string>& assignments, Json* object);

// `refused`, and how to write a string that looks like a number, true or null, where the server
// said that it expected one.
absl::Status WithStringHint(const absl::Status& refused,
                            const std::vector<std::string>& assignments);

// --set, as many as there are.
void AddSetOption(CLI::App* command, std::vector<std::string>* assignments,
                  const std::string& description);

// --if-match ETAG.
void AddIfMatch(CLI::App* command, std::string* etag);

// --source-time TIME: when what is written happened.
void AddSourceTime(CLI::App* command, std::string* time);
// Gives the request that time; without one the server takes its own. A UsageError.
template <typename Request>
absl::Status SetSourceTime(const std::string& time, Request* request) {
  if (time.empty()) return absl::OkStatus();
  const absl::StatusOr<int64_t> ns = TimeOption("--source-time", time);
  if (!ns.ok()) return ns.status();
  request->set_source_time_unix_nano(*ns);
  return absl::OkStatus();
}

// What a patch command takes: a JSON Patch, or --set and --remove.
struct PatchArguments {
  std::string patch;  // text, or "-"
  std::vector<std::string> sets;
  std::vector<std::string> removals;
};
void AddPatchOptions(CLI::App* command, PatchArguments* arguments);

struct Patch {
  std::string json;  // else:
  std::vector<twingraph::v1::Edit> edits;
};
// A UsageError: none is given, both are, one is wrong, or stdin cannot be read.
absl::StatusOr<Patch> ReadPatch(const PatchArguments& arguments);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_ASSIGNMENTS_H_
