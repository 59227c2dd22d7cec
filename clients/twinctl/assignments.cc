#include "clients/twinctl/assignments.h"

#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "clients/twinctl/connection.h"
#include "clients/twinctl/input.h"
#include "clients/twinctl/twin_json.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

v1::Edit MakeEdit(v1::Edit::Kind kind, const std::string& pointer) {
  v1::Edit edit;
  edit.set_kind(kind);
  edit.set_path(pointer);
  return edit;
}

// 3.0 is 3, as the server takes values of patches that are no JSON text. Above 2^53 a double no
// longer says which integer was meant.
Json ByValue(Json value) {
  if (value.is_structured()) {
    for (Json& inner : value) inner = ByValue(std::move(inner));
  } else if (value.is_number_float()) {
    const auto number = value.get<double>();
    const bool is_whole = std::trunc(number) == number && !(number == 0 && std::signbit(number));
    if (is_whole && std::fabs(number) <= 9007199254740992.0) return static_cast<int64_t>(number);
  }
  return value;
}

absl::Status AssignOne(const Assignment& assignment, Json* object) {
  Json* at = object;
  for (const absl::string_view part : absl::StrSplit(assignment.pointer.substr(1), '/')) {
    if (!at->is_object()) {
      return UsageError(absl::StrCat("--set ", assignment.pointer, ": what stands before '", part,
                                     "' is no object"));
    }
    // In this order: "~01" is "~1".
    Json& next =
        (*at)[absl::StrReplaceAll(absl::StrReplaceAll(part, {{"~1", "/"}}), {{"~0", "~"}})];
    if (next.is_null()) next = Json::object();
    at = &next;
  }
  *at = ByValue(assignment.value);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ToPointer(absl::string_view path) {
  if (absl::StartsWith(path, "/")) return std::string(path);
  std::string pointer;
  for (const absl::string_view name : absl::StrSplit(path, '.')) {
    if (name.empty()) {
      return UsageError(absl::StrCat("'", path,
                                     "' is no path; it is written as soh.value or, where "
                                     "a name has a dot in it, as /soh/value"));
    }
    absl::StrAppend(&pointer, "/", absl::StrReplaceAll(name, {{"~", "~0"}, {"/", "~1"}}));
  }
  return pointer;
}

absl::StatusOr<Assignment> ParseAssignment(absl::string_view text) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos) {
    return UsageError(absl::StrCat("--set ", text, ": there is no '='; write path=value"));
  }
  absl::StatusOr<std::string> pointer = ToPointer(text.substr(0, equals));
  if (!pointer.ok()) return pointer.status();
  const absl::string_view value = text.substr(equals + 1);
  absl::StatusOr<Json> json = ParseJson(value, "value");
  return Assignment{*std::move(pointer), json.ok() ? *std::move(json) : Json(std::string(value))};
}

absl::Status Assign(const std::vector<std::string>& assignments, Json* object) {
  for (const std::string& text : assignments) {
    const absl::StatusOr<Assignment> assignment = ParseAssignment(text);
    if (!assignment.ok()) return assignment.status();
    if (absl::Status status = AssignOne(*assignment, object); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status WithStringHint(const absl::Status& refused,
                            const std::vector<std::string>& assignments) {
  if (!absl::IsInvalidArgument(refused)) return refused;
  for (const std::string& text : assignments) {
    const absl::StatusOr<Assignment> assignment = ParseAssignment(text);
    if (!assignment.ok() || assignment->value.is_string() || assignment->value.is_structured()) {
      continue;
    }
    // It names the path as "/soh/note" or "soh.note".
    const std::string& pointer = assignment->pointer;
    const std::string dotted = absl::StrReplaceAll(pointer.substr(1), {{"/", "."}});
    const bool is_of_this =
        absl::StrContains(refused.message(), absl::StrCat(pointer, ": expected a string")) ||
        absl::StrContains(refused.message(), absl::StrCat(" ", dotted, ": expected a string"));
    if (!is_of_this) continue;
    const size_t equals = text.find('=');
    return absl::InvalidArgumentError(
        absl::StrCat(refused.message(), "\na string that looks like JSON is quoted twice: --set '",
                     text.substr(0, equals), "=\"", text.substr(equals + 1), "\"'"));
  }
  return refused;
}

void AddSetOption(CLI::App* command, std::vector<std::string>* assignments,
                  const std::string& description) {
  command->add_option("--set", *assignments, description)
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
}

void AddSourceTime(CLI::App* command, std::string* time) {
  command
      ->add_option("--source-time", *time,
                   "When it happened: ISO 8601, or nanoseconds since 1970 (the server's time)")
      ->type_name("TIME");
}

void AddIfMatch(CLI::App* command, std::string* etag) {
  command
      ->add_option("--if-match", *etag,
                   "Refuse it unless this is its etag, so that no change of others is lost")
      ->type_name("ETAG");
}

void AddPatchOptions(CLI::App* command, PatchArguments* arguments) {
  command
      ->add_option("PATCH", arguments->patch,
                   "JSON Patch (RFC 6902), an array of operations; - reads it from stdin")
      ->type_name("PATCH");
  AddSetOption(command, &arguments->sets,
               "Instead of PATCH: set a value, whatever was there, such as soh.value=0.97; VALUE "
               "is JSON if it can be read so, else a string; several: the option again");
  command
      ->add_option("--remove", arguments->removals,
                   "Instead of PATCH: remove a value; several: the option again")
      ->type_name("PATH")
      ->allow_extra_args(false);
}

absl::StatusOr<Patch> ReadPatch(const PatchArguments& arguments) {
  const bool with_edits = !arguments.sets.empty() || !arguments.removals.empty();
  if (with_edits == !arguments.patch.empty()) {
    return UsageError(with_edits ? "PATCH goes without --set and --remove"
                                 : "nothing to change: give PATCH, --set or --remove");
  }
  Patch patch;
  for (const std::string& text : arguments.sets) {
    const absl::StatusOr<Assignment> assignment = ParseAssignment(text);
    if (!assignment.ok()) return assignment.status();
    patch.edits.push_back(MakeEdit(v1::Edit::SET, assignment->pointer));
    *patch.edits.back().mutable_value() = ToValue(assignment->value);
  }
  for (const std::string& path : arguments.removals) {
    const absl::StatusOr<std::string> pointer = ToPointer(path);
    if (!pointer.ok()) return pointer.status();
    patch.edits.push_back(MakeEdit(v1::Edit::REMOVE, *pointer));
  }
  if (with_edits) return patch;
  absl::StatusOr<std::string> text =
      arguments.patch == "-" ? ReadText("-") : absl::StatusOr<std::string>(arguments.patch);
  if (!text.ok()) return text.status();
  const absl::StatusOr<Json> json = ParseJson(*text, "PATCH");
  if (!json.ok() || !json->is_array()) {
    return UsageError(
        "PATCH is no JSON Patch; it is an array such as "
        R"([{"op": "replace", "path": "/soh/value", "value": 0.97}])");
  }
  patch.json = *std::move(text);
  return patch;
}

}  // namespace twin::twinctl
