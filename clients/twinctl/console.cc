#include "clients/twinctl/console.h"

namespace twin::twinctl {

ExitCode Console::Fail(ExitCode code, absl::string_view message) const {
  err << err_style.Paint(Tone::kError, "twinctl:") << ' ' << Printable(message) << '\n';
  return code;
}

}  // namespace twin::twinctl
