#include "tests/golden/session.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "query/bind/bind.h"
#include "query/bind/print.h"
#include "query/execute/execute.h"
#include "query/parse/parse.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"
#include "tests/golden/render.h"
#include "tests/support/import_file.h"

namespace twin::testing {
namespace {

constexpr int64_t kNsPerDay = 24 * 3600 * kNsPerSecond;

// Values of `load`: 20, _ (missing), 20x3 (three times), 20+2x3 (20 and three more, each 2 more).
absl::StatusOr<std::vector<Value>> ExpandValues(const std::string& word) {
  const auto number = [](absl::string_view text) -> absl::StatusOr<Value> {
    if (text == "_") return Value();
    return ValueFromJson(text);
  };
  const std::pair<std::string, std::string> parts = absl::StrSplit(word, absl::MaxSplits('x', 1));
  int count = 0;
  if (parts.second.empty() || !absl::SimpleAtoi(parts.second, &count)) {
    TWIN_ASSIGN_OR_RETURN(Value one, number(word));
    return std::vector<Value>{std::move(one)};
  }
  const size_t sign = parts.first.find_first_of("+-", 1);
  if (sign == std::string::npos) {
    TWIN_ASSIGN_OR_RETURN(const Value one, number(parts.first));
    return std::vector<Value>(static_cast<size_t>(count), one);
  }
  double first = 0;
  double step = 0;
  if (!absl::SimpleAtod(parts.first.substr(0, sign), &first) ||
      !absl::SimpleAtod(parts.first.substr(sign), &step)) {
    return absl::InvalidArgumentError(absl::StrCat("no values: ", word));
  }
  std::vector<Value> values;
  for (int i = 0; i <= count; ++i) {
    // As it would be written: 3.7+0.1x2 is 3.7 3.8 3.9.
    double value = 0;
    (void)absl::SimpleAtod(absl::StrCat(first + i * step), &value);
    values.push_back(Value::Double(value));
  }
  return values;
}

struct CaseOptions {
  query::Dialect dialect = query::Dialect::kTql;
  bool adt_limits = false;
  bool sorted = false;
  std::map<std::string, Value> parameters;
  std::map<std::string, query::TypeKind> types;
  std::set<std::string> lengths;
};

absl::Status AddParameter(absl::string_view word, CaseOptions* options) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(word.substr(1), absl::MaxSplits('=', 1));
  absl::string_view text = parts.second;
  Value value;
  query::TypeKind type = query::TypeKind::kValue;
  if (absl::ConsumePrefix(&text, "time:")) {
    TWIN_ASSIGN_OR_RETURN(const Time time, ParseTime(text));
    value = Value::OfTime(time);
    type = query::TypeKind::kTime;
  } else if (absl::ConsumePrefix(&text, "duration:")) {
    TWIN_ASSIGN_OR_RETURN(const int64_t ns, ParseDuration(text));
    value = Value::Int(ns);
    type = query::TypeKind::kDuration;
  } else {
    TWIN_ASSIGN_OR_RETURN(value, ValueFromJson(text));
    static const auto* const kTypes = new std::map<Value::Kind, query::TypeKind>{
        {Value::Kind::kNull, query::TypeKind::kNull},
        {Value::Kind::kBool, query::TypeKind::kBool},
        {Value::Kind::kInt, query::TypeKind::kInt},
        {Value::Kind::kDouble, query::TypeKind::kDouble},
        {Value::Kind::kString, query::TypeKind::kString}};
    const auto it = kTypes->find(value.kind());
    if (it != kTypes->end()) type = it->second;
  }
  options->types[parts.first] = type;
  if (type == query::TypeKind::kString && ParseDuration(value.as_string()).ok()) {
    options->lengths.insert(parts.first);
  }
  options->parameters[parts.first] = std::move(value);
  return absl::OkStatus();
}

absl::StatusOr<CaseOptions> OptionsOf(const PageStatement& statement) {
  CaseOptions options;
  for (const std::string& word : statement.words) {
    if (word == "adt" || word == "adt-limits") {
      options.dialect = query::Dialect::kAdt;
      options.adt_limits = word == "adt-limits";
    } else if (word == "rowsort") {
      options.sorted = true;
    } else if (absl::StartsWith(word, "@")) {
      TWIN_RETURN_IF_ERROR(AddParameter(word, &options));
    } else {
      return absl::InvalidArgumentError(absl::StrCat("no option of a case: ", word));
    }
  }
  return options;
}

std::string StatusText(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), " ", status.message());
}

}  // namespace

std::string SortedLines(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  std::sort(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

Session::Session(const Setting& setting)
    : setting_(setting), world_(setting.engine ? NewEngineWorld() : NewReferenceWorld()) {}

absl::StatusOr<Time> Session::TimeOf(const std::string& text) const {
  if (text == "now") return now_;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    TWIN_ASSIGN_OR_RETURN(const int64_t ns, ParseDuration(absl::string_view(text).substr(1)));
    return Time{text[0] == '-' ? now_.ns - ns : now_.ns + ns};
  }
  return ParseTime(text);
}

absl::Status Session::ApplyAll(const std::vector<ingest::Operation>& operations) {
  for (const ingest::Operation& operation : operations) {
    TWIN_RETURN_IF_ERROR(world_->Apply(operation, at_));
  }
  return absl::OkStatus();
}

absl::Status Session::Change(const PageStatement& statement) {
  const std::vector<std::string>& words = statement.words;
  const std::string& keyword = statement.keyword;
  if (keyword == "now" && words.size() == 1) {
    TWIN_ASSIGN_OR_RETURN(now_, ParseTime(words[0]));
    at_ = Time{now_.ns - kNsPerDay};
    return absl::OkStatus();
  }
  if (keyword == "at" && words.size() == 1) {
    TWIN_ASSIGN_OR_RETURN(at_, TimeOf(words[0]));
    return absl::OkStatus();
  }
  if (keyword == "history_from" && words.size() == 1) {
    TWIN_ASSIGN_OR_RETURN(const Time begin, TimeOf(words[0]));
    return world_->SetHistoryBegin(begin);
  }
  if (keyword == "restart" && words.empty()) return world_->Restart();
  changed_ = true;
  if (keyword == "models") return Models(statement);
  if (keyword == "graph") return Graph(statement);
  if (keyword == "twin" && words.size() >= 2) return Twin(statement);
  if (keyword == "relate" && words.size() >= 3) return Relate(statement);
  if ((keyword == "set" && words.size() >= 3) || (keyword == "clear" && words.size() == 2)) {
    return Set(statement);
  }
  if (keyword == "delete" && words.size() == 1) {
    return world_->Apply(ingest::DeleteTwin{words[0], {}, /*delete_relationships=*/true}, at_);
  }
  if (keyword == "unrelate" && words.size() == 3) {
    const std::string id = absl::StrJoin(words, "-");
    return world_->Apply(ingest::DeleteRelationship{words[0], id, {}}, at_);
  }
  if (keyword == "load" && words.size() >= 3) return Load(statement);
  return absl::InvalidArgumentError(
      absl::StrCat("no such statement: ", keyword, " ", statement.rest));
}

absl::Status Session::Models(const PageStatement& statement) {
  ingest::CreateModels create;
  for (const std::string& path : statement.words) create.texts.push_back(ReadFileOrDie(path));
  if (!statement.body.empty()) create.texts.push_back(statement.body);
  return world_->Apply(create, at_);
}

absl::Status Session::Graph(const PageStatement& statement) {
  for (const std::string& path : statement.words) {
    TWIN_ASSIGN_OR_RETURN(const std::vector<ingest::Operation> operations,
                          ReadImportFile(ReadFileOrDie(path)));
    TWIN_RETURN_IF_ERROR(ApplyAll(operations));
  }
  TWIN_ASSIGN_OR_RETURN(const std::vector<ingest::Operation> operations,
                        ReadImportFile(statement.body));
  return ApplyAll(operations);
}

// What follows the first `words` words of a text.
std::string After(absl::string_view text, int words) {
  for (; words > 0; --words) {
    text = absl::StripLeadingAsciiWhitespace(text.substr(std::min(text.find(' '), text.size())));
  }
  return std::string(text);
}

absl::Status Session::Twin(const PageStatement& statement) {
  ingest::PutTwin put;
  put.id = statement.words[0];
  put.model_id = statement.words[1];
  if (statement.words.size() > 2) {
    TWIN_ASSIGN_OR_RETURN(const Value contents, ValueFromJson(After(statement.rest, 2)));
    put.contents = contents.as_map();
  }
  return world_->Apply(put, at_);
}

absl::Status Session::Relate(const PageStatement& statement) {
  ingest::PutRelationship put;
  put.source_id = statement.words[0];
  put.name = statement.words[1];
  put.target_id = statement.words[2];
  put.relationship_id = absl::StrCat(put.source_id, "-", put.name, "-", put.target_id);
  if (statement.words.size() > 3) {
    TWIN_ASSIGN_OR_RETURN(const Value contents, ValueFromJson(After(statement.rest, 3)));
    put.contents = contents.as_map();
  }
  return world_->Apply(put, at_);
}

absl::Status Session::Set(const PageStatement& statement) {
  ingest::PatchTwin patch;
  patch.id = statement.words[0];
  ingest::Edit edit;
  edit.path = absl::StrSplit(statement.words[1], '.');
  if (statement.keyword == "clear") {
    edit.kind = ingest::Edit::Kind::kRemove;
  } else {
    TWIN_ASSIGN_OR_RETURN(edit.value, ValueFromJson(After(statement.rest, 2)));
  }
  patch.edits.push_back(std::move(edit));
  return world_->Apply(patch, at_);
}

absl::Status Session::Load(const PageStatement& statement) {
  TWIN_ASSIGN_OR_RETURN(const int64_t step, ParseDuration(statement.words[0]));
  size_t i = 1;
  std::string from;
  if (statement.words[i] == "from") {
    from = statement.words[i + 1];
    i += 2;
  }
  const std::pair<std::string, std::string> place =
      absl::StrSplit(statement.words[i], absl::MaxSplits('.', 1));
  std::vector<Value> values;
  for (++i; i < statement.words.size(); ++i) {
    TWIN_ASSIGN_OR_RETURN(const std::vector<Value> more, ExpandValues(statement.words[i]));
    values.insert(values.end(), more.begin(), more.end());
  }
  Time time{now_.ns - step * (static_cast<int64_t>(values.size()) - 1)};
  if (!from.empty()) {
    TWIN_ASSIGN_OR_RETURN(time, TimeOf(from));
  }
  for (const Value& value : values) {
    TWIN_RETURN_IF_ERROR(world_->AddSample(place.first, place.second, time, value));
    time.ns += step;
  }
  return absl::OkStatus();
}

std::string Session::Skipped(const PageStatement& statement) const {
  if (statement.keyword == "plan" && !setting_.is_default) return "plans are the default setting's";
  return "";
}

absl::StatusOr<std::string> Session::Run(const PageStatement& statement) {
  if (changed_ && setting_.restarts) TWIN_RETURN_IF_ERROR(world_->Restart());
  changed_ = false;
  TWIN_ASSIGN_OR_RETURN(const CaseOptions options, OptionsOf(statement));
  query::ParseOptions parse_options;
  parse_options.dialect = options.dialect;
  const auto parsed = query::Parse(statement.body, parse_options);
  if (!parsed.ok()) return StatusText(parsed.status());
  if (statement.keyword == "tree") return query::ToString(**parsed);
  WorldReaders readers = world_->Read();
  query::BindOptions bind_options;
  bind_options.dialect = options.dialect;
  bind_options.parameters = options.types;
  bind_options.lengths = options.lengths;
  bind_options.adt_limits = options.adt_limits;
  const auto bound = query::Bind(**parsed, readers.catalog, bind_options);
  if (!bound.ok()) return StatusText(bound.status());
  if (statement.keyword == "bound") return query::ToString(**bound);
  if (statement.keyword == "plan") {
    query::ExecuteOptions execute;
    execute.parameters = options.parameters;
    execute.now = now_;
    return query::Explain(**bound, *readers.graph, execute);
  }
  return RunQuery(**bound, options.parameters, &readers, options.sorted);
}

absl::StatusOr<std::string> Session::RunQuery(const query::BoundStatement& bound,
                                              const std::map<std::string, Value>& parameters,
                                              WorldReaders* readers, bool sorted) {
  query::ExecuteOptions options;
  options.parameters = parameters;
  options.now = now_;
  options.batch_rows = setting_.batch_rows;
  options.rewrites = setting_.rewrites;
  const std::vector<query::ResultColumn> columns = query::ResultColumns(bound);
  std::vector<std::string> lines;
  query::ExecuteStatistics statistics;
  absl::StatusOr<query::PastReaders> past = query::OpenPast(bound, *readers->graph, options);
  if (!past.ok()) return StatusText(past.status());
  if (setting_.batch_rows == 2) options.past = &*past;  // as the server does; else it opens its own
  const absl::Status status = query::Execute(
      bound, *readers->graph, readers->series.get(), options,
      [&](const query::Batch& batch) {
        if (batch.rows > setting_.batch_rows && setting_.batch_rows > 2) {
          return absl::InternalError("a batch is larger than batch_rows");
        }
        for (size_t row = 0; row < batch.rows; ++row) {
          lines.push_back(RowToJson(columns, batch, row, *readers->graph));
        }
        return absl::OkStatus();
      },
      &statistics);
  if (!status.ok()) return StatusText(status);
  if (statistics.rows != lines.size()) return absl::InternalError("statistics.rows is wrong");
  if (sorted) std::sort(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

}  // namespace twin::testing
