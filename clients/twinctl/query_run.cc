// Running a text on a server, and printing what it answers.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "clients/twinctl/enough.h"
#include "clients/twinctl/query.h"
#include "clients/twinctl/query_text.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/row_printer.h"
#include "clients/twinctl/twin_json.h"
#include "query/ast/error.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

bool IsNumber(v1::QueryColumn::Type type) {
  return type == v1::QueryColumn::INT || type == v1::QueryColumn::DOUBLE ||
         type == v1::QueryColumn::DURATION;
}

// Prints rows as they come.
class Rows {
 public:
  Rows(const QueryOptions& options, const Console& console)
      : format_(FormatOf(options.output)), console_(console), limit_(options.limit, format_) {}

  void Begin(const v1::QueryHeader& header) {
    if (printer_ != nullptr) return;  // of a later page
    for (const std::string& notice : header.notices()) {
      console_.err << console_.err_style.Paint(Tone::kHint, "note:") << ' ' << Printable(notice)
                   << '\n';
    }
    columns_.assign(header.columns().begin(), header.columns().end());
    const bool alone = columns_.size() == 1;
    const auto is_alone = [&](v1::QueryColumn::Type type) {
      return alone && columns_[0].type() == type;
    };
    std::vector<Column> columns;
    if (is_alone(v1::QueryColumn::TWIN)) {
      columns = TwinColumns();
    } else if (is_alone(v1::QueryColumn::RELATIONSHIP)) {
      columns = RelationshipColumns();
    } else {
      for (const v1::QueryColumn& column : columns_) {
        columns.push_back({.key = column.name(),
                           .title = column.unit().empty()
                                        ? column.name()
                                        : absl::StrCat(column.name(), " [", column.unit(), "]"),
                           .right = IsNumber(column.type()),
                           .null_is_empty = true});
      }
    }
    printer_ = std::make_unique<RowPrinter>(format_, console_, std::move(columns));
  }

  // JSON objects, one a line. Cancelled (Enough): there were more than anybody wants.
  absl::Status Add(absl::string_view lines) {
    if (format_ == Format::kNdjson && limit_.PageSize(INT32_MAX) == INT32_MAX) {
      console_.out << lines;
      return absl::OkStatus();
    }
    Json rows = Json::array();
    bool is_enough = false;
    for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
      if (is_enough = !limit_.Take(); is_enough) break;
      if (format_ == Format::kNdjson) {
        console_.out << line << '\n';
        continue;
      }
      rows.push_back(Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false));
    }
    if (printer_ != nullptr) printer_->Add(printer_->wants_columns() ? Shown(rows) : rows);
    return is_enough ? Enough() : absl::OkStatus();
  }

  void Finish() {
    if (printer_ != nullptr) printer_->Finish();
  }
  void SayMore() const { limit_.SayMore(console_); }
  bool reached() const { return limit_.reached(); }

 private:
  // For a table or CSV: documents by what they are called.
  Json Shown(const Json& rows) const {
    if (columns_.size() == 1 && (columns_[0].type() == v1::QueryColumn::TWIN ||
                                 columns_[0].type() == v1::QueryColumn::RELATIONSHIP)) {
      Json documents = Json::array();
      for (const Json& row : rows) {
        if (columns_[0].whole_row()) {
          if (row.is_object()) documents.push_back(row);
        } else if (const auto cell = row.find(columns_[0].name());
                   cell != row.end() && cell->is_object()) {
          documents.push_back(*cell);
        }
      }
      return columns_[0].type() == v1::QueryColumn::TWIN ? TwinRows(documents)
                                                         : RelationshipRows(documents);
    }
    Json shown = rows;
    for (Json& row : shown) {
      for (const v1::QueryColumn& column : columns_) {
        const auto cell = row.find(column.name());
        if (cell == row.end() || !cell->is_object()) continue;
        const char* const id = column.type() == v1::QueryColumn::TWIN           ? "$dtId"
                               : column.type() == v1::QueryColumn::RELATIONSHIP ? "$relationshipId"
                                                                                : nullptr;
        if (id != nullptr && format_ == Format::kTable) *cell = Json((*cell)[id]);
      }
    }
    return shown;
  }

  const Format format_;
  const Console& console_;
  RowLimit limit_;
  std::vector<v1::QueryColumn> columns_;
  std::unique_ptr<RowPrinter> printer_;
};

absl::Status PrintPlan(const QueryOptions& options, const v1::QueryRequest& request,
                       client::Client* client, const Console& console) {
  const absl::StatusOr<v1::ExplainResponse> response = client->Explain(request);
  if (!response.ok()) return response.status();
  for (const std::string& notice : response->notices()) {
    console.err << console.err_style.Paint(Tone::kHint, "note:") << ' ' << Printable(notice)
                << '\n';
  }
  const Format format = FormatOf(options.output);
  if (format == Format::kTable) {
    console.out << absl::StripTrailingAsciiWhitespace(response->plan()) << '\n';
    return absl::OkStatus();
  }
  Json columns = Json::array();
  for (const v1::QueryColumn& column : response->columns()) {
    Json described = {{"name", column.name()}, {"type", v1::QueryColumn::Type_Name(column.type())}};
    if (!column.unit().empty()) described["unit"] = column.unit();
    columns.push_back(std::move(described));
  }
  WriteObject({{"plan", response->plan()}, {"columns", columns}}, format, console);
  return absl::OkStatus();
}

}  // namespace

query::Dialect DialectOf(absl::string_view word) {
  return word == "adt" ? query::Dialect::kAdt : query::Dialect::kTql;
}

absl::StatusOr<v1::QueryRequest> MakeQueryRequest(const QueryOptions& options,
                                                  const std::string& text) {
  v1::QueryRequest request;
  // The dialect adt has no semicolon; here it says that a query is complete.
  const bool is_adt = options.dialect == "adt";
  request.set_text(is_adt ? std::string(WithoutEnd(text)) : text);
  request.set_dialect(is_adt ? v1::QueryRequest::ADT : v1::QueryRequest::TQL);
  request.set_format(v1::QueryRequest::JSON_ROWS);
  request.set_include_telemetry(options.telemetry);
  request.set_include_times(options.times);
  request.set_profile(options.profile);
  request.set_page_size(static_cast<int32_t>(std::min<uint64_t>(options.page_size, INT32_MAX)));
  for (const std::string& parameter : options.parameters) {
    const size_t equals = parameter.find('=');
    const absl::string_view name =
        absl::StripPrefix(absl::string_view(parameter).substr(0, equals), "@");
    if (equals == std::string::npos || name.empty()) {
      return UsageError(
          absl::StrCat("--param ", parameter, ": it is written NAME=VALUE, as in limit=10"));
    }
    const std::string value = parameter.substr(equals + 1);
    const absl::StatusOr<Json> json = ParseJson(value, "it");
    (*request.mutable_parameters())[std::string(name)] = ToValue(json.ok() ? *json : Json(value));
  }
  if (!options.now.empty()) {
    absl::Time now;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, options.now, &now, &error)) {
      return UsageError(
          absl::StrCat("--now ", options.now, ": it is no time such as 2026-03-01T08:30:00Z"));
    }
    request.set_now_unix_nano(absl::ToUnixNanos(now));
  }
  return request;
}

absl::Status PointAt(const absl::Status& status, absl::string_view text) {
  const std::optional<client::TextPlace> place = client::PlaceOf(status);
  if (!place.has_value() || place->offset > text.size()) return status;
  const std::string prefix = absl::StrCat(place->line, ":", place->column, " ");
  const query::Span span = {.offset = place->offset,
                            .length = place->length,
                            .line = place->line,
                            .column = place->column};
  return absl::Status(
      status.code(),
      query::WithCaret(
          query::ErrorAt(span, absl::StripPrefix(status.message(), prefix), status.code()), text));
}

absl::Status RunQuery(const QueryOptions& options, const std::string& text, client::Client* client,
                      const Console& console, QueryOutcome* outcome) {
  absl::StatusOr<v1::QueryRequest> request = MakeQueryRequest(options, text);
  if (!request.ok()) return request.status();
  if (options.explain) return PointAt(PrintPlan(options, *request, client, console), text);
  Rows rows(options, console);
  std::string profile;
  uint64_t unrecorded = 0;
  uint64_t rolled_up = 0;
  uint64_t left_out = 0;
  do {
    v1::QuerySummary summary;
    const absl::Status status =
        client->Query(*request, [&](const v1::QueryResponse& message) -> absl::Status {
          if (message.has_header()) {
            outcome->query_id = message.header().query_id();
            outcome->sequence = message.header().position().sequence();
            rows.Begin(message.header());
          }
          if (message.has_summary()) summary = message.summary();
          return rows.Add(message.rows());
        });
    if (IsEnough(status)) {
      rows.Finish();
      rows.SayMore();
      return absl::OkStatus();
    }
    if (!status.ok()) return PointAt(status, text);
    outcome->rows += summary.rows();
    outcome->server_nanos += summary.plan_nanos() + summary.execute_nanos();
    profile = summary.profile();
    unrecorded += summary.unrecorded();
    rolled_up += summary.rolled_up();
    left_out += summary.rolled_up_left_out();
    request->set_page_token(summary.next_page_token());
  } while (!request->page_token().empty() && !rows.reached());
  rows.Finish();
  if (!request->page_token().empty()) rows.SayMore();
  if (unrecorded > 0) {
    console.err << "note: " << CountOf(unrecorded, "value")
                << " left out: changed since then, and not recorded before\n";
  }
  if (rolled_up > 0) {
    console.err << "note: " << CountOf(rolled_up, "step")
                << " of times whose samples are kept no longer, from roll-ups\n";
  }
  if (left_out > 0) {
    console.err << "note: " << CountOf(left_out, "step")
                << " of times whose samples are kept no longer left out; EVERY 1h, or COUNT, SUM, "
                   "AVG, MIN, MAX, FIRST and LAST by whole hours, answer from roll-ups\n";
  }
  if (!profile.empty()) console.err << absl::StripTrailingAsciiWhitespace(profile) << '\n';
  return absl::OkStatus();
}

}  // namespace twin::twinctl
