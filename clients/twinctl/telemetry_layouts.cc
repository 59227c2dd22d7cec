#include <limits>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cpp/telemetry.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/row_printer.h"
#include "clients/twinctl/telemetry.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr uint64_t kPageMax = 1'000;

struct LayoutArguments {
  std::string id;
  bool resolved = false;
  uint64_t limit = 0;
  std::string output = "table";
};

Json ColumnJson(const v1::LayoutColumn& column) {
  Json json = Json::object();
  Json targets = Json::array();
  for (const v1::LayoutTarget& target : column.targets()) {
    targets.push_back({{"twin", target.twin_id()}, {"path", target.path()}});
  }
  if (column.has_rule()) {
    const v1::ArrayRule& rule = column.rule();
    Json steps = Json::array();
    for (const std::string& step : rule.steps()) steps.push_back(step);
    json["rule"] = {
        {"twin", rule.twin_id()}, {"steps", steps}, {"path", rule.path()}, {"count", rule.count()}};
    if (!rule.shared_by().empty()) {
      json["rule"]["sharedBy"] = rule.shared_by();
      json["rule"]["sharedPath"] = rule.shared_path().empty() ? rule.path() : rule.shared_path();
    }
  } else {
    json["targets"] = targets;
  }
  json["encoding"] = v1::Encoding_Name(column.encoding());
  json["scale"] = column.scale() == 0 ? 1 : column.scale();
  json["offset"] = column.offset();
  json["invalidCodes"] = Json::array();
  for (const int64_t code : column.invalid_codes()) json["invalidCodes"].push_back(code);
  return json;
}

// The least time there is stands for the beginning of all.
Json ValidFrom(const v1::LayoutVersion& layout, bool for_columns) {
  const int64_t from = layout.valid_from_unix_nano();
  if (from != std::numeric_limits<int64_t>::min()) return TimeText(from);
  return for_columns ? Json("always") : Json(nullptr);
}

Json LayoutJson(const v1::LayoutVersion& layout, bool resolved, bool for_columns) {
  Json json = {{"id", layout.layout().id()},
               {"version", layout.version()},
               {"validFrom", ValidFrom(layout, for_columns)},
               {"columnCount", layout.columns()},
               {"unresolved", layout.unresolved()}};
  json["columns"] = Json::array();
  for (const v1::LayoutColumn& column : layout.layout().columns()) {
    json["columns"].push_back(ColumnJson(column));
  }
  if (!resolved) return json;
  json["resolved"] = Json::array();
  for (const v1::LayoutColumn& column : layout.resolved()) {
    json["resolved"].push_back(ColumnJson(column));
  }
  return json;
}

// A row for each column, in the order of a frame.
Json ResolvedRows(const v1::LayoutVersion& layout) {
  Json rows = Json::array();
  for (int i = 0; i < layout.resolved_size(); ++i) {
    const v1::LayoutColumn& column = layout.resolved(i);
    const std::string targets =
        absl::StrJoin(column.targets(), ", ", [](std::string* out, const v1::LayoutTarget& target) {
          absl::StrAppend(out, target.twin_id(), " ", target.path());
        });
    rows.push_back({{"layout", layout.layout().id()},
                    {"column", i},
                    {"targets", targets.empty() ? "nowhere" : targets},
                    {"encoding", v1::Encoding_Name(column.encoding())},
                    {"scale", column.scale() == 0 ? 1 : column.scale()},
                    {"offset", column.offset()}});
  }
  return rows;
}

std::vector<Column> Columns(bool resolved) {
  if (resolved) {
    return {{"layout", "LAYOUT"},     {"column", "COLUMN", true}, {"targets", "TARGETS"},
            {"encoding", "ENCODING"}, {"scale", "SCALE", true},   {"offset", "OFFSET", true}};
  }
  return {{"id", "ID"},
          {"version", "VERSION", true},
          {"validFrom", "VALID FROM"},
          {"columnCount", "COLUMNS", true},
          {"unresolved", "UNRESOLVED", true}};
}

absl::StatusOr<ExitCode> List(const LayoutArguments& arguments, client::Client* client,
                              const Console& console) {
  RowPrinter printer(FormatOf(arguments.output), console, Columns(arguments.resolved));
  v1::ListLayoutsRequest request;
  request.set_id(arguments.id);
  request.set_resolved(arguments.resolved);
  return printer.PrintPages(
      request, {.limit = arguments.limit, .page_max = kPageMax},
      [&](const v1::ListLayoutsRequest& of_page) {
        return client::TelemetryClient(client).ListLayouts(of_page);
      },
      [&](const v1::ListLayoutsResponse& page, RowLimit* limit, Json* rows) {
        for (const v1::LayoutVersion& layout : page.layouts()) {
          if (!limit->Take()) continue;
          if (arguments.resolved && printer.wants_columns()) {
            for (const Json& row : ResolvedRows(layout)) rows->push_back(row);
          } else {
            rows->push_back(LayoutJson(layout, arguments.resolved, printer.wants_columns()));
          }
        }
      });
}

}  // namespace

void AddTelemetryLayouts(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<LayoutArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "layouts",
       .summary = "List the layouts of frames, or one of them",
       .description = "A layout says which twins the columns of a frame lead to. With --resolved a "
                      "table and CSV have a row for each column, with the twins that rules lead to "
                      "now.",
       .examples = "twinctl telemetry layouts\n"
                   "twinctl telemetry layouts bms-7 --resolved -o csv"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return List(*arguments, client, console);
      }));
  command->add_option("ID", arguments->id, "One layout (default: all)")->type_name("ID");
  command->add_flag("--resolved", arguments->resolved, "With the twins that rules lead to");
  AddLimit(command, &arguments->limit);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
