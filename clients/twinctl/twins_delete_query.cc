// `twins delete --query`: the query first, then its twins in batches.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "clients/twinctl/query.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/twins.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

// Which twin a row names.
class IdColumn {
 public:
  // A UsageError: the columns do not say it.
  absl::Status Choose(const v1::QueryHeader& header) {
    std::vector<std::string> names;
    const v1::QueryColumn* chosen = nullptr;
    for (const v1::QueryColumn& column : header.columns()) {
      names.push_back(column.name());
      if (column.name() == "$dtId" && column.type() == v1::QueryColumn::STRING) chosen = &column;
    }
    if (chosen == nullptr && header.columns_size() == 1) chosen = &header.columns(0);
    if (chosen == nullptr ||
        (chosen->type() != v1::QueryColumn::STRING && chosen->type() != v1::QueryColumn::TWIN)) {
      return UsageError(absl::StrCat(
          "the query does not say which twins: it gives ", absl::StrJoin(names, ", "),
          "; let it give one column of ids or of twins, or call a column $dtId, as in SELECT "
          "c.$dtId, c.voltage …"));
    }
    name_ = chosen->name();
    is_twin_ = chosen->type() == v1::QueryColumn::TWIN;
    whole_row_ = chosen->whole_row();
    return absl::OkStatus();
  }

  // Empty: none, as where an OPTIONAL MATCH found nothing.
  std::string IdOf(const Json& row) const {
    const Json* cell = &row;
    if (!whole_row_) {
      const auto found = row.find(name_);
      if (found == row.end()) return "";
      cell = &*found;
    }
    if (is_twin_) {
      if (!cell->is_object() || !cell->contains("$dtId")) return "";
      cell = &(*cell)["$dtId"];
    }
    return cell->is_string() ? cell->get<std::string>() : "";
  }

 private:
  std::string name_;
  bool is_twin_ = false;
  bool whole_row_ = false;
};

// Each once, in the order of the rows.
absl::StatusOr<std::vector<std::string>> IdsOf(const DeleteByQuery& options,
                                               client::Client* client) {
  std::string text = options.text;
  if (text == "-") {
    absl::StatusOr<std::string> read = ReadText("-");
    if (!read.ok()) return read.status();
    text = *std::move(read);
  }
  QueryOptions query;
  query.parameters = options.parameters;
  absl::StatusOr<v1::QueryRequest> request = MakeQueryRequest(query, text);
  if (!request.ok()) return request.status();
  IdColumn column;
  std::vector<std::string> ids;
  std::set<std::string> known;
  const absl::Status status =
      client->Query(*request, [&](const v1::QueryResponse& message) -> absl::Status {
        if (message.has_header()) {
          const absl::Status chosen = column.Choose(message.header());
          if (!chosen.ok()) return chosen;
        }
        for (const absl::string_view line :
             absl::StrSplit(message.rows(), '\n', absl::SkipEmpty())) {
          std::string id = column.IdOf(
              Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false));
          if (!id.empty() && known.insert(id).second) ids.push_back(std::move(id));
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return PointAt(status, text);
  return ids;
}

struct Deleted {
  uint64_t twins = 0;
  uint64_t relationships = 0;
  uint64_t batches = 0;
  uint64_t sequence = 0;
};

std::string DeletedText(const Deleted& deleted, const DeleteByQuery& options) {
  return absl::StrCat(
      options.dry_run ? "would delete " : "deleted ", CountOf(deleted.twins, "twin"), " and ",
      // A relationship between twins of two batches is counted with either.
      options.dry_run && deleted.batches > 1 ? "at most " : "",
      CountOf(deleted.relationships, "relationship"),
      deleted.batches > 1 ? absl::StrCat(" in ", WithCommas(deleted.batches), " batches") : "");
}

absl::Status DeleteBatch(const std::vector<std::string>& ids, size_t first, size_t end,
                         const DeleteByQuery& options, client::Client* client, Deleted* deleted) {
  v1::BatchWriteRequest request;
  request.set_validate_only(options.dry_run);
  request.set_request_id(client::RandomRequestId());
  for (size_t i = first; i < end; ++i) {
    v1::DeleteTwinRequest* const one = request.add_operations()->mutable_delete_twin();
    one->set_id(ids[i]);
    one->set_delete_relationships(options.relationships);
    if (absl::Status set = SetSourceTime(options.source_time, one); !set.ok()) return set;
  }
  const absl::StatusOr<v1::BatchWriteResponse> response = client->BatchWrite(request);
  if (!response.ok()) return response.status();
  ++deleted->batches;
  deleted->twins += end - first;
  deleted->relationships += response->changed() - std::min(response->changed(), end - first);
  deleted->sequence = response->position().sequence();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExitCode> DeleteTwinsOfQuery(const DeleteByQuery& options, client::Client* client,
                                            const Console& console) {
  const absl::StatusOr<std::vector<std::string>> ids = IdsOf(options, client);
  if (!ids.ok()) return ids.status();
  Deleted deleted;
  for (size_t first = 0; first < ids->size(); first += options.batch_size) {
    const size_t end = std::min<size_t>(first + options.batch_size, ids->size());
    const absl::Status status = DeleteBatch(*ids, first, end, options, client, &deleted);
    if (status.ok()) continue;
    return absl::Status(
        status.code(),
        absl::StrCat(status.message(), "; ",
                     deleted.batches == 0
                         ? std::string("nothing was deleted")
                         : absl::StrCat(DeletedText(deleted, options), " before that, ",
                                        CountOf(ids->size() - first, "twin"),
                                        options.dry_run ? " were not tried" : " are still there")));
  }
  WriteDone(DeletedText(deleted, options),
            {{"twins", deleted.twins},
             {"relationships", deleted.relationships},
             {"batches", deleted.batches},
             {"dryRun", options.dry_run},
             {"sequence", deleted.sequence}},
            FormatOf(options.output), console);
  return kExitDone;
}

}  // namespace twin::twinctl
