// `twinctl query` and `twinctl queries`.
#ifndef TWIN_CLIENTS_TWINCTL_QUERY_H_
#define TWIN_CLIENTS_TWINCTL_QUERY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/events.h"
#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"
#include "clients/twinctl/output.h"
#include "query/ast/ast.h"
#include "twingraph/v1/query_service.pb.h"

namespace twin::twinctl {

void AddQuery(CommandLine* line, const ServerPointer& server);
// list, cancel, slow.
void AddQueries(CommandLine* line, const ServerPointer& server);

inline constexpr absl::string_view kDialectWords = "tql|adt";

// How a text is run, whichever text it is.
struct QueryOptions {
  std::vector<std::string> parameters;  // "name=value", with or without @
  std::string now;                      // ISO 8601; empty: the server's clock
  std::string dialect = "tql";
  std::string output = "table";
  bool explain = false;
  bool profile = false;
  bool telemetry = false;
  bool times = false;
  uint64_t page_size = 0;  // 0: in one stream
  uint64_t limit = 0;      // 0: not given
};
query::Dialect DialectOf(absl::string_view word);

// UsageError: a parameter or the time is none.
absl::StatusOr<twingraph::v1::QueryRequest> MakeQueryRequest(const QueryOptions& options,
                                                             const std::string& text);

// What a query was, beside its rows.
struct QueryOutcome {
  uint64_t rows = 0;
  uint64_t sequence = 0;
  int64_t server_nanos = 0;
  std::string query_id;  // as soon as it is known
};
// Runs a text and prints its rows, or its plan. Notices and profiles go to console.err. A status
// that has a place in the text shows it (PointAt).
absl::Status RunQuery(const QueryOptions& options, const std::string& text, client::Client* client,
                      const Console& console, QueryOutcome* outcome);

// A standing query: prints how its rows come, change and go, until it is interrupted.
struct WatchQueryOptions {
  std::vector<std::string> parameters;
  std::string dialect = "tql";
  std::string output;        // "text", "ndjson"; empty: text on a terminal, else ndjson
  uint32_t interval_ms = 0;  // 0: the server's default
  uint64_t count = 0;        // ends after so many changes; 0: never
  client::EventOptions connection;
};
absl::Status WatchQuery(const WatchQueryOptions& options, const std::string& text,
                        client::Client* client, const Console& console);

// The status with the text's line and a caret, where it says what place is meant.
absl::Status PointAt(const absl::Status& status, absl::string_view text);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_QUERY_H_
