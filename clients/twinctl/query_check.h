// `twinctl query --check`: texts checked without a server, one or many.
#ifndef TWIN_CLIENTS_TWINCTL_QUERY_CHECK_H_
#define TWIN_CLIENTS_TWINCTL_QUERY_CHECK_H_

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/twinctl/input.h"
#include "query/ast/ast.h"
#include "query/bind/catalog.h"

namespace twin::twinctl {

// Parses and binds. Without models names are taken as they are; with them they must exist.
class QueryChecker {
 public:
  // `models`: files and folders; none: no models. A UsageError: they cannot be read, or are wrong.
  static absl::StatusOr<QueryChecker> Make(const std::vector<std::string>& models,
                                           query::Dialect dialect, bool adt_limits);

  // INVALID_ARGUMENT: the text is wrong, and here; with the place.
  absl::Status Check(absl::string_view text) const { return Check(text, dialect_); }

  // Reads {"id", "query"} a line and prints {"id", "ok", "error"} a line, with "line", "column" and
  // "length" of the error. A line may have a "dialect". Lines that are no case are answered with
  // {"line", "error"} and counted. Fails when reading fails.
  absl::Status CheckAll(InputFile* file, std::ostream& out);
  int64_t cases() const { return cases_; }
  int64_t refused() const { return refused_; }

 private:
  QueryChecker(std::shared_ptr<const query::Catalog> catalog, query::Dialect dialect,
               bool adt_limits, bool has_models)
      : catalog_(std::move(catalog)),
        dialect_(dialect),
        adt_limits_(adt_limits),
        has_models_(has_models) {}
  absl::Status Check(absl::string_view text, query::Dialect dialect) const;
  std::string Answer(absl::string_view line, int64_t number);

  std::shared_ptr<const query::Catalog> catalog_;
  query::Dialect dialect_;
  bool adt_limits_;
  bool has_models_;
  int64_t cases_ = 0;
  int64_t refused_ = 0;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_QUERY_CHECK_H_
