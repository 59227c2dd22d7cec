#include "clients/twinctl/line_editor.h"

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "clients/twinctl/interrupt.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

constexpr int kHistoryLines = 1000;
constexpr size_t kShownCandidates = 60;

class LibeditLines final : public LineSource {
 public:
  explicit LibeditLines(LineEditorOptions options)
      : options_(std::move(options)),
        history_(history_init()),
        editor_(el_init("twinctl", stdin, stdout, stderr)) {
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistoryLines);
    history(history_, &event, H_SETUNIQUE, 1);
    if (!options_.history_path.empty()) {
      history(history_, &event, H_LOAD, options_.history_path.c_str());
    }
    if (editor_ == nullptr) return;
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, &LibeditLines::Prompt);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_GETCFN, &LibeditLines::GetCharacter);
    el_set(editor_, EL_ADDFN, "twin-complete", "Complete the word", &LibeditLines::OnComplete);
    el_set(editor_, EL_BIND, "^I", "twin-complete", nullptr);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(editor_, nullptr);  // the user's ~/.editrc
  }
  ~LibeditLines() override {
    if (editor_ != nullptr) el_end(editor_);
    history_end(history_);
  }
  LibeditLines(const LibeditLines&) = delete;
  LibeditLines& operator=(const LibeditLines&) = delete;

  bool works() const { return editor_ != nullptr; }

  Event Next(const std::string& prompt, std::string* line) override {
    prompt_ = prompt;
    line->clear();
    el_resize(editor_);
    int count = 0;
    const char* const text = el_gets(editor_, &count);
    if (Interrupted()) {
      el_reset(editor_);
      std::fputs("^C\n", stdout);
      return Event::kInterrupt;
    }
    if (text == nullptr || count <= 0) {
      std::fputs("\n", stdout);
      return Event::kEnd;
    }
    *line = text;
    while (!line->empty() && (line->back() == '\n' || line->back() == '\r')) line->pop_back();
    return Event::kLine;
  }

  void Remember(const std::string& statement) override {
    HistEvent event;
    history(history_, &event, H_ENTER, absl::StrReplaceAll(statement, {{"\n", " "}}).c_str());
    if (options_.history_path.empty()) return;
    std::error_code error;
    const std::filesystem::path path(options_.history_path);
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) return;  // history is a comfort
    const mode_t before = umask(077);
    history(history_, &event, H_SAVE, options_.history_path.c_str());
    umask(before);
  }

 private:
  static LibeditLines* Of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return static_cast<LibeditLines*>(self);
  }
  static const char* Prompt(EditLine* editor) { return Of(editor)->prompt_.c_str(); }

  // One character of the terminal. Ctrl-C ends the wait, which libedit's own does not let it.
  static int GetCharacter(EditLine* /*editor*/, wchar_t* character) {
    std::string bytes;
    while (true) {
      char byte = 0;
      const ssize_t got = read(STDIN_FILENO, &byte, 1);
      if (Interrupted()) return -1;
      if (got < 0 && errno == EINTR) continue;  // the terminal has another size
      if (got <= 0) return static_cast<int>(got);
      bytes.push_back(byte);
      mbstate_t state = {};
      const size_t used = mbrtowc(character, bytes.data(), bytes.size(), &state);
      if (used == static_cast<size_t>(-2) && bytes.size() < 8) continue;  // there is more of it
      if (used == static_cast<size_t>(-1) || used == static_cast<size_t>(-2)) bytes.clear();
      if (bytes.empty()) continue;
      return 1;
    }
  }

  static unsigned char OnComplete(EditLine* editor, int /*key*/) {
    const LibeditLines& self = *Of(editor);
    if (!self.options_.complete) return CC_ERROR;
    const LineInfo* const info = el_line(editor);
    const absl::string_view text(info->buffer, static_cast<size_t>(info->cursor - info->buffer));
    const Completion completion = self.options_.complete(text);
    if (completion.candidates.empty()) return CC_ERROR;
    const std::string prefix = CommonPrefix(completion.candidates);
    const std::string typed(text.substr(completion.begin));
    const bool single = completion.candidates.size() == 1;
    if (single || prefix.size() > typed.size()) {
      // In characters, not bytes.
      int characters = 0;
      for (const char c : typed) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      el_deletestr(editor, characters);
      el_insertstr(editor, absl::StrCat(prefix, single ? " " : "").c_str());
      return CC_REFRESH;
    }
    std::fputs(absl::StrCat("\n", Candidates(completion.candidates), "\n").c_str(), stdout);
    return CC_REDISPLAY;
  }

  static std::string Candidates(const std::vector<std::string>& candidates) {
    std::string text;
    for (size_t i = 0; i < candidates.size() && i < kShownCandidates; ++i) {
      absl::StrAppend(&text, i > 0 ? "  " : "", Printable(candidates[i]));
    }
    if (candidates.size() > kShownCandidates) {
      absl::StrAppend(&text, "  … ", candidates.size() - kShownCandidates, " more");
    }
    const int columns = ProbeTerminal(STDOUT_FILENO).columns;
    std::string wrapped;
    for (const std::string& line : WrapText(text, columns)) {
      absl::StrAppend(&wrapped, wrapped.empty() ? "" : "\n", line);
    }
    return wrapped;
  }

  const LineEditorOptions options_;
  std::string prompt_;
  History* const history_;
  EditLine* const editor_;
};

}  // namespace

std::unique_ptr<LineSource> MakeLineEditor(LineEditorOptions options) {
  // libedit reads characters by the locale; without UTF-8 nothing but ASCII could be typed.
  setlocale(LC_CTYPE, "");
  if (absl::string_view(nl_langinfo(CODESET)) != "UTF-8") setlocale(LC_CTYPE, "C.UTF-8");
  auto lines = std::make_unique<LibeditLines>(std::move(options));
  if (!lines->works()) return nullptr;
  return lines;
}

std::string HistoryPath() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return absl::StrCat(state, "/twinctl/history");
  const char* const home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return "";
  return absl::StrCat(home, "/.local/state/twinctl/history");
}

}  // namespace twin::twinctl
