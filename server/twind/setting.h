// One of twind's options: what it is called, what it may be, and where it goes. The command line,
// the environment, the configuration file, --help and --print-config are all made of these.
#ifndef TWIN_SERVER_TWIND_SETTING_H_
#define TWIN_SERVER_TWIND_SETTING_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace twin::twind {

// How a number is shown; it is always given in bytes, milliseconds or seconds, as its name says.
enum class Unit { kNone, kBytes, kMilliseconds, kSeconds };

struct Setting {
  using Target = std::variant<bool*, int32_t*, uint32_t*, int64_t*, uint64_t*, std::string*,
                              std::vector<std::string>*>;

  std::string name;  // "twins-max": --twins-max, TWIND_TWINS_MAX, the key twins-max of a file
  Target target;     // has the default until Set
  std::string help;
  Unit unit = Unit::kNone;
  int64_t min = 0, max = 0;          // of a number, inclusive
  std::vector<std::string> choices;  // of a text; empty: any
};

// The heading under which --help, a printed configuration and docs/twind.md have them.
struct Section {
  std::string name;
  std::vector<Setting> settings;
};

// Takes what came for it: a list takes all texts, and the words of each; others have one.
// INVALID_ARGUMENT: "is 0; allowed: 1 to 64".
absl::Status Set(const Setting& setting, absl::Span<const std::string> texts);

// What it has now: of a list, its words with spaces between.
std::string TextOf(const Setting& setting);

// "1 to 64", "64 KiB to 1 TiB", "debug, info, warn or error"; empty: any text.
std::string Allowed(const Setting& setting);

// "BYTES", "MS", "N", "TEXT", as --help has it; empty: a flag.
std::string TypeName(const Setting& setting);

// TWIND_TWINS_MAX.
std::string EnvironmentName(const Setting& setting);

}  // namespace twin::twind

#endif  // TWIN_SERVER_TWIND_SETTING_H_
