// twind: the server.
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/twind/options.h"
#include "server/twind/run.h"

// jemalloc reads it: what is freed goes back to the system within seconds, also while nothing is
// allocated (docs/decisions/0005-allocator.md).
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true";

int main(int argc, char** argv) {
  twin::twind::Options options;
  const absl::StatusOr<std::optional<std::string>> instead =
      twin::twind::ReadOptions(std::vector<std::string>(argv + 1, argv + argc), &options);
  if (!instead.ok()) {
    std::fprintf(stderr, "twind: %s\nSee 'twind --help'.\n",
                 std::string(instead.status().message()).c_str());
    return 2;
  }
  if (instead->has_value()) {
    std::fputs((*instead)->c_str(), stdout);
    return 0;
  }
  return twin::twind::Run(options);
}
