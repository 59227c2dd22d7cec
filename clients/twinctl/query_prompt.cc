#include "clients/twinctl/query_prompt.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "clients/twinctl/interrupt.h"
#include "clients/twinctl/query_text.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr char kHelp[] =
    "Type a query; it runs at a semicolon or an empty line. Tab completes, Ctrl-C cancels.\n"
    "  .models             the models of the server\n"
    "  .dialect [tql|adt]  the language\n"
    "  .format [FORMAT]    table, json, ndjson, csv or yaml\n"
    "  .help               this\n"
    "  .quit               ends, as Ctrl-D does\n";

bool IsOneOf(absl::string_view word, absl::string_view words) {
  for (const absl::string_view each : absl::StrSplit(words, '|')) {
    if (each == word) return true;
  }
  return false;
}

}  // namespace

ExitCode QueryPrompt::Run(LineSource* lines) {
  console_.err << "Connected to " << client_.address()
               << ". A query ends in ';' or an empty line; .help lists commands.\n";
  console_.err.flush();
  std::string statement;
  std::string line;
  while (true) {
    console_.out.flush();
    console_.err.flush();
    const std::string prompt = statement.empty() ? absl::StrCat(options_.dialect, "> ") : "...> ";
    const LineSource::Event event = lines->Next(prompt, &line);
    if (event == LineSource::Event::kEnd) return kExitDone;
    if (event == LineSource::Event::kInterrupt) {
      ForgetInterrupt();
      statement.clear();
      continue;
    }
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    if (statement.empty()) {
      if (stripped.empty()) continue;
      if (stripped[0] == '.') {
        if (!Obey(stripped)) return kExitDone;
        continue;
      }
    }
    if (!stripped.empty()) absl::StrAppend(&statement, statement.empty() ? "" : "\n", line);
    if (!stripped.empty() && !EndsStatement(statement)) continue;
    lines->Remember(statement);
    RunStatement(statement);
    statement.clear();
  }
}

void QueryPrompt::RunStatement(const std::string& statement) {
  QueryOutcome outcome;
  const auto start = std::chrono::steady_clock::now();
  const absl::Status status = RunQuery(options_, statement, &client_, console_, &outcome);
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (Interrupted()) {
    ForgetInterrupt();
    // The server ends it when it sees that nobody reads; this is for one that does not see it.
    if (!outcome.query_id.empty()) {
      v1::CancelQueryRequest request;
      request.set_id(outcome.query_id);
      static_cast<void>(client_.CancelQuery(request));
    }
    console_.err << absl::StrFormat("cancelled after %.1f ms\n", ms);
    return;
  }
  if (!status.ok()) {
    Report(status, console_);
    return;
  }
  console_.out.flush();
  console_.err << console_.err_style.Paint(
                      Tone::kFaint, absl::StrFormat("%s, %.1f ms (server %.1f ms), sequence %u",
                                                    CountOf(outcome.rows, "row"), ms,
                                                    static_cast<double>(outcome.server_nanos) / 1e6,
                                                    outcome.sequence))
               << '\n';
}

bool QueryPrompt::Obey(absl::string_view command) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(command, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  const absl::string_view name = parts[0];
  const auto set = [&](absl::string_view words, std::string* option) {
    if (parts.size() == 1) {
      console_.err << *option << '\n';
    } else if (IsOneOf(parts[1], words)) {
      *option = std::string(parts[1]);
    } else {
      console_.Fail(kExitUsage, absl::StrCat("'", parts[1], "' is not one of ", words));
    }
  };
  if (name == ".quit" || name == ".exit") return false;
  if (name == ".help") {
    console_.err << kHelp;
  } else if (name == ".models") {
    PrintModels();
  } else if (name == ".dialect") {
    set(kDialectWords, &options_.dialect);
  } else if (name == ".format") {
    set(kFormatWords, &options_.output);
  } else {
    console_.Fail(kExitUsage, absl::StrCat("no command ", name, "; .help lists them"));
  }
  return true;
}

void QueryPrompt::PrintModels() {
  Json rows = Json::array();
  v1::ListModelsRequest request;
  do {
    const absl::StatusOr<v1::ListModelsResponse> response = client_.ListModels(request);
    if (!response.ok()) {
      Report(response.status(), console_);
      ForgetInterrupt();
      return;
    }
    for (const v1::Model& model : response->models()) {
      rows.push_back({{"id", model.id()}, {"twins", model.twins()}});
    }
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty());
  WriteTable({{.key = "id", .title = "MODEL"}, {.key = "twins", .title = "TWINS", .right = true}},
             rows, TableOptionsOf(console_), console_.out);
}

const QueryWords& QueryPrompt::words() {
  if (!words_.has_value()) {
    absl::StatusOr<QueryWords> fetched = FetchQueryWords(&client_);
    words_ = fetched.ok() ? *std::move(fetched) : QueryWords();
  }
  return *words_;
}

Completion QueryPrompt::CompleteText(absl::string_view text) { return Complete(text, words()); }

}  // namespace twin::twinctl
