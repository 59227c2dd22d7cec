// How far long work is: a line on stderr that is written over, when stderr is a terminal.
#ifndef TWIN_CLIENTS_TWINCTL_PROGRESS_H_
#define TWIN_CLIENTS_TWINCTL_PROGRESS_H_

#include <chrono>
#include <string>

#include "absl/strings/string_view.h"
#include "clients/twinctl/console.h"

namespace twin::twinctl {

class ProgressLine {
 public:
  // `console` must outlive it. `title`: "import".
  ProgressLine(const Console& console, std::string title)
      : console_(console), title_(std::move(title)) {}
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Shows it, at most ten times a second.
  //   fraction   done, from 0 to 1; below 0: nobody knows
  //   text       behind it, such as counts
  void Show(double fraction, absl::string_view text);
  // Takes the line away, before something else is printed.
  void Clear();

 private:
  const Console& console_;
  const std::string title_;
  std::chrono::steady_clock::time_point shown_at_ = {};
  int columns_ = 0;  // of what stands there
};

// "import  ████▌····  45 %  1,234 twins" in at most `columns`; a long text is cut.
std::string ProgressText(absl::string_view title, double fraction, absl::string_view text,
                         int columns);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_PROGRESS_H_
