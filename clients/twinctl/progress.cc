#include "clients/twinctl/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

constexpr auto kShowTime = std::chrono::milliseconds(100);
constexpr int kBarColumns = 20;

std::string Bar(double fraction) {
  const int full = static_cast<int>(fraction * kBarColumns);
  std::string bar;
  for (int i = 0; i < kBarColumns; ++i) bar += i < full ? "█" : "·";
  return bar;
}

}  // namespace

std::string ProgressText(absl::string_view title, double fraction, absl::string_view text,
                         int columns) {
  std::string line = std::string(title);
  if (fraction >= 0) {
    fraction = std::min(fraction, 1.0);
    absl::StrAppend(&line, "  ", Bar(fraction), absl::StrFormat("  %3.0f %%", fraction * 100));
  }
  absl::StrAppend(&line, "  ", text);
  return WrapText(line, columns).front();
}

void ProgressLine::Show(double fraction, absl::string_view text) {
  if (console_.err_columns == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_at_ < kShowTime) return;
  shown_at_ = now;
  // The last column stays free: some terminals would begin a new line.
  const std::string line = ProgressText(title_, fraction, text, console_.err_columns - 1);
  const int columns = ColumnsOf(line);
  console_.err << '\r' << line
               << std::string(static_cast<size_t>(std::max(columns_ - columns, 0)), ' ')
               << std::flush;
  columns_ = std::max(columns, columns_);
}

void ProgressLine::Clear() {
  if (columns_ == 0) return;
  console_.err << '\r' << std::string(static_cast<size_t>(columns_), ' ') << '\r' << std::flush;
  columns_ = 0;
}

}  // namespace twin::twinctl
