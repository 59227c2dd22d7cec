// The interactive prompt of `twinctl query`.
#ifndef TWIN_CLIENTS_TWINCTL_QUERY_PROMPT_H_
#define TWIN_CLIENTS_TWINCTL_QUERY_PROMPT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "clients/twinctl/console.h"
#include "clients/twinctl/line_editor.h"
#include "clients/twinctl/query.h"
#include "clients/twinctl/query_words.h"

namespace twin::twinctl {

// Runs statements as they are typed: up to a semicolon, or an empty line. Lines that begin with a
// dot are commands: .help lists them.
class QueryPrompt {
 public:
  // All must outlive it.
  QueryPrompt(const QueryOptions& options, client::Client* client, const Console& console)
      : options_(options), client_(*client), console_(console) {}

  // Until the end of the lines, or .quit. The exit code: that of a server that is not there, else
  // 0.
  ExitCode Run(LineSource* lines);

  // For the editor's completion; fetches the words of the server's models once.
  Completion CompleteText(absl::string_view text);

 private:
  // False: the prompt ends.
  bool Obey(absl::string_view command);
  void RunStatement(const std::string& statement);
  void PrintModels();
  const QueryWords& words();

  QueryOptions options_;
  client::Client& client_;
  const Console& console_;
  std::optional<QueryWords> words_;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_QUERY_PROMPT_H_
