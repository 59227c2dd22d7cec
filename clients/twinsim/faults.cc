#include "clients/twinsim/faults.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

namespace twin::twinsim {
namespace {

constexpr absl::string_view kFaultNames[] = {"drift", "loose", "short", "thermal", "stuck"};
constexpr int64_t kThermalDelay = 3600;  // there is something to compare with, before

}  // namespace

std::string FaultKindNames() { return absl::StrJoin(kFaultNames, ", "); }

absl::StatusOr<Fault> ParseFault(absl::string_view text) {
  const auto wrong = [text](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", text, "' is no fault such as drift@veh-000007 or thermal@veh-000012/40+2h: ", why));
  };
  const std::pair<absl::string_view, absl::string_view> at =
      absl::StrSplit(text, absl::MaxSplits('@', 1));
  Fault fault;
  bool known = false;
  for (size_t i = 0; i < std::size(kFaultNames); ++i) {
    if (kFaultNames[i] != at.first) continue;
    fault.kind = static_cast<FaultKind>(i);
    known = true;
  }
  if (!known) return wrong(absl::StrCat("the kinds are ", FaultKindNames()));
  if (fault.kind == FaultKind::kThermal) fault.delay = kThermalDelay;

  absl::string_view rest = at.second;
  if (const size_t plus = rest.find('+'); plus != absl::string_view::npos) {
    absl::Duration delay;
    if (!absl::ParseDuration(rest.substr(plus + 1), &delay) || delay < absl::ZeroDuration()) {
      return wrong("the delay is a time such as 90s or 2h");
    }
    fault.delay = absl::ToInt64Seconds(delay);
    rest = rest.substr(0, plus);
  }
  if (const size_t slash = rest.find('/'); slash != absl::string_view::npos) {
    if (!absl::SimpleAtoi(rest.substr(slash + 1), &fault.cell) || fault.cell < 1) {
      return wrong("cells are counted from 1");
    }
    rest = rest.substr(0, slash);
  }
  if (rest.empty()) return wrong("the vehicle is missing");
  fault.vehicle = std::string(rest);
  return fault;
}

}  // namespace twin::twinsim
