#include "clients/twinctl/query_check.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "clients/twinctl/connection.h"
#include "clients/twinctl/models.h"
#include "clients/twinctl/output.h"
#include "clients/twinctl/query.h"
#include "clients/twinctl/query_text.h"
#include "query/ast/error.h"
#include "query/bind/bind.h"
#include "query/parse/parse.h"

namespace twin::twinctl {

absl::StatusOr<QueryChecker> QueryChecker::Make(const std::vector<std::string>& models,
                                                query::Dialect dialect, bool adt_limits) {
  if (models.empty()) {
    return QueryChecker(
        std::make_shared<query::Catalog>(std::vector<query::Model>(),
                                         std::vector<query::RelationshipType>(), nullptr, nullptr),
        dialect, adt_limits, false);
  }
  const absl::StatusOr<std::vector<InputText>> texts = ReadModelTexts(models);
  if (!texts.ok()) return UsageError(texts.status().message());
  const dtdl::ParseResult result = ParseTexts(*texts, {});
  if (result.models == nullptr) {
    return UsageError("the models are not valid; 'twinctl models validate' says why");
  }
  return QueryChecker(query::Catalog::OfModels(result.models), dialect, adt_limits, true);
}

absl::Status QueryChecker::Check(absl::string_view text, query::Dialect dialect) const {
  query::ParseOptions parse_options;
  parse_options.dialect = dialect;
  const absl::StatusOr<std::shared_ptr<const query::Statement>> statement =
      query::Parse(text, parse_options);
  if (!statement.ok()) return statement.status();
  query::BindOptions options;
  options.dialect = dialect;
  options.adt_limits = adt_limits_;
  options.check_names = has_models_;
  // Their types are not known here.
  for (const std::string& name : ParametersOf(text)) {
    options.parameters[name] = query::TypeKind::kValue;
  }
  return query::Bind(**statement, catalog_, options).status();
}

std::string QueryChecker::Answer(absl::string_view line, int64_t number) {
  const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  const auto refuse = [&](const std::string& why) {
    ++refused_;
    Json answer = {{"line", number}, {"error", why}};
    if (json.is_object() && json.contains("id")) answer["id"] = json["id"];
    return DumpJson(answer);
  };
  if (!json.is_object()) return refuse("it is no JSON object");
  const auto text = json.find("query");
  if (text == json.end() || !text->is_string()) return refuse("it has no string \"query\"");
  query::Dialect dialect = dialect_;
  if (const auto word = json.find("dialect"); word != json.end()) {
    if (*word != "tql" && *word != "adt") return refuse("\"dialect\" is tql or adt");
    dialect = *word == "adt" ? query::Dialect::kAdt : query::Dialect::kTql;
  }
  const absl::Status status = Check(text->get<std::string>(), dialect);
  Json answer = Json::object();
  if (const auto id = json.find("id"); id != json.end()) answer["id"] = *id;
  answer["ok"] = status.ok();
  if (status.ok()) return DumpJson(answer);
  answer["error"] = std::string(status.message());
  if (const std::optional<query::Span> span = query::SpanOf(status); span.has_value()) {
    answer["line"] = span->line;
    answer["column"] = span->column;
    answer["length"] = span->length;
  }
  return DumpJson(answer);
}

absl::Status QueryChecker::CheckAll(InputFile* file, std::ostream& out) {
  LineReader lines(file);
  int64_t number = 0;
  while (lines.Next()) {
    ++number;
    if (absl::StripAsciiWhitespace(lines.line()).empty()) continue;
    ++cases_;
    out << Answer(lines.line(), number) << '\n';
  }
  return lines.status();
}

}  // namespace twin::twinctl
