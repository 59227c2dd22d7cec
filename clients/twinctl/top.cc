// `top`: what a server does, now and again.
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "clients/twinctl/interrupt.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/server.h"
#include "clients/twinctl/top_view.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::steady_clock;

struct TopArguments {
  std::string output = "table";
  double interval = 1;  // seconds
  bool once = false;
};

// Until then, or until Ctrl-C.
void SleepUntil(steady_clock::time_point time) {
  constexpr std::chrono::milliseconds kLook{50};
  while (!Interrupted() && steady_clock::now() < time) {
    std::this_thread::sleep_for(
        std::min<steady_clock::duration>(kLook, time - steady_clock::now()));
  }
}

// Rows of the terminal that stdout is.
int TerminalRows() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

// The whole page, from the terminal's first row, over the one before.
void Redraw(const std::vector<std::string>& lines, std::ostream& out) {
  out << "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) {
    out << lines[i] << "\x1b[K" << (i + 1 < lines.size() ? "\n" : "");
  }
  out << "\x1b[J" << std::flush;
}

absl::StatusOr<ExitCode> Top(const TopArguments& arguments, client::Client* client,
                             const Console& console) {
  TakeInterrupts();
  absl::StatusOr<v1::StatusResponse> before = client->Status();
  if (!before.ok()) return before.status();
  const Format format = FormatOf(arguments.output);
  const bool is_page = format == Format::kTable && console.out_columns > 0 && !arguments.once;
  // A screen of its own, and the one before it again at the end.
  if (is_page) console.out << "\x1b[?1049h\x1b[?25l";
  absl::Status failed;
  auto due = steady_clock::now();
  while (!Interrupted()) {
    due += std::chrono::duration_cast<steady_clock::duration>(
        std::chrono::duration<double>(arguments.interval));
    SleepUntil(due);
    if (Interrupted()) break;
    absl::StatusOr<v1::StatusResponse> now = client->Status();
    if (!now.ok()) {
      failed = now.status();
      break;
    }
    const TopView view(*before, *now);
    if (format != Format::kTable) {
      WriteObject(view.ToJson(), format, console);
    } else {
      const std::vector<std::string> lines = view.Lines(
          client->address(), console.out_columns, is_page ? TerminalRows() : 0, console.out_style);
      if (is_page) {
        Redraw(lines, console.out);
      } else {
        for (const std::string& line : lines) console.out << line << '\n';
      }
    }
    console.out << std::flush;
    before = std::move(now);
    // Not a terminal: one look is what a script or a pipe wants, unless it reads a stream of JSON.
    if (arguments.once || (format == Format::kTable && !is_page)) break;
  }
  if (is_page) console.out << "\x1b[?25h\x1b[?1049l" << std::flush;
  if (!failed.ok()) return failed;
  return Interrupted() && !is_page ? kExitInterrupted : kExitDone;
}

}  // namespace

void AddTop(CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<TopArguments>();
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "top",
       .summary = "Watch the server: rates, latencies, memory, disk, subscribers, calls",
       .description = "Shows what happened in each interval, until Ctrl-C. One look, where stdout "
                      "is no terminal.",
       .examples = "twinctl top\n"
                   "twinctl top --once\n"
                   "twinctl top -o ndjson | jq .valuesPerSecond"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Top(*arguments, client, console);
      }));
  command->add_option("--interval", arguments->interval, "Seconds between two looks (default: 1)")
      ->type_name("S")
      ->check(CLI::Range(0.1, 3600.0).description(""));
  command->add_flag("--once", arguments->once, "One look, and end");
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
