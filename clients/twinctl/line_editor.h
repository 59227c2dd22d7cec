// Lines that a person types: editing, history, completion. libedit stays inside.
#ifndef TWIN_CLIENTS_TWINCTL_LINE_EDITOR_H_
#define TWIN_CLIENTS_TWINCTL_LINE_EDITOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "clients/twinctl/query_words.h"

namespace twin::twinctl {

// Where lines come from.
class LineSource {
 public:
  enum class Event : uint8_t { kLine, kInterrupt, kEnd };

  virtual ~LineSource() = default;
  // Waits for a line and puts it into `line`, without its end. kInterrupt: Ctrl-C.
  virtual Event Next(const std::string& prompt, std::string* line) = 0;
  // Keeps a statement for the arrow keys of this and later sessions.
  virtual void Remember(const std::string& statement) = 0;
};

struct LineEditorOptions {
  std::string history_path;  // empty: none is kept; its folder is made
  // What may stand at the end of a text.
  std::function<Completion(absl::string_view text)> complete;
};
// Of the terminal that stdin and stdout are. nullptr: it cannot be used.
std::unique_ptr<LineSource> MakeLineEditor(LineEditorOptions options);

// $XDG_STATE_HOME/twinctl/history, or below ~/.local/state; empty: there is no home.
std::string HistoryPath();

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_LINE_EDITOR_H_
