// What completion in the prompt of `twinctl query` knows.
#ifndef TWIN_CLIENTS_TWINCTL_QUERY_WORDS_H_
#define TWIN_CLIENTS_TWINCTL_QUERY_WORDS_H_

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/client.h"
#include "models/dtdl/model.h"

namespace twin::twinctl {

struct QueryWords {
  std::set<std::string> model_ids;    // DTMIs
  std::set<std::string> model_names;  // their last segments
  std::set<std::string> properties;   // also telemetry, and parts of objects and components
  std::set<std::string> relationships;

  void Add(const dtdl::ModelSet& models);
};
// Of all models of a server.
absl::StatusOr<QueryWords> FetchQueryWords(client::Client* client);

struct Completion {
  size_t begin = 0;                     // of what the words take the place of
  std::vector<std::string> candidates;  // in alphabetical order
};
// What may stand at the end of `text`. Keywords come in the case of what is typed.
Completion Complete(absl::string_view text, const QueryWords& words);

// The longest text that all of them begin with; empty: there are none.
std::string CommonPrefix(const std::vector<std::string>& words);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_QUERY_WORDS_H_
