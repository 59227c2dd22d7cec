// Events as text and as JSON.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "clients/tabular/values.h"
#include "clients/twinctl/samples.h"
#include "clients/twinctl/terminal.h"
#include "clients/twinctl/watch.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct TypeWords {
  v1::EventType type;
  const char* name;  // --type
  const char* adt;   // nullptr: Azure Digital Twins has none
};
constexpr TypeWords kTypes[] = {
    {v1::TWIN_CREATED, "twin.created", "Microsoft.DigitalTwins.Twin.Create"},
    {v1::TWIN_UPDATED, "twin.updated", "Microsoft.DigitalTwins.Twin.Update"},
    {v1::TWIN_DELETED, "twin.deleted", "Microsoft.DigitalTwins.Twin.Delete"},
    {v1::RELATIONSHIP_CREATED, "relationship.created",
     "Microsoft.DigitalTwins.Relationship.Create"},
    {v1::RELATIONSHIP_UPDATED, "relationship.updated",
     "Microsoft.DigitalTwins.Relationship.Update"},
    {v1::RELATIONSHIP_DELETED, "relationship.deleted",
     "Microsoft.DigitalTwins.Relationship.Delete"},
    {v1::TELEMETRY, "telemetry", "microsoft.iot.telemetry"},
    {v1::MODEL_CREATED, "model.created", nullptr},
    {v1::MODEL_UPDATED, "model.updated", nullptr},
    {v1::MODEL_DELETED, "model.deleted", nullptr},
    {v1::TWIN_STATE, "twin.state", nullptr},
    {v1::RELATIONSHIP_STATE, "relationship.state", nullptr},
    {v1::SERVER_NOTICE, "server.notice", nullptr},
};

const TypeWords* WordsOf(v1::EventType type) {
  for (const TypeWords& words : kTypes) {
    if (words.type == type) return &words;
  }
  return nullptr;
}

std::string ShortText(const v1::Value& value) {
  return Printable(value.kind_case() == v1::Value::kStringValue ? value.string_value()
                                                                : DumpJson(JsonOf(value)));
}

bool HasContents(v1::EventType type) {
  return type == v1::TWIN_CREATED || type == v1::TWIN_STATE || type == v1::RELATIONSHIP_CREATED ||
         type == v1::RELATIONSHIP_STATE;
}

// {"soh": {"value": 0.97}}
Json Contents(const v1::Event& event) {
  Json contents = Json::object();
  for (const v1::PathChange& change : event.changes()) {
    Json* at = &contents;
    for (const absl::string_view part : absl::StrSplit(change.path(), '.')) {
      at = &(*at)[std::string(part)];
    }
    *at = JsonOf(change.new_value());
  }
  return contents;
}

}  // namespace

v1::EventType EventTypeOf(absl::string_view name) {
  for (const TypeWords& words : kTypes) {
    if (name == words.name) return words.type;
  }
  return v1::EVENT_TYPE_UNSPECIFIED;
}

std::string EventTypeName(v1::EventType type) {
  const TypeWords* const words = WordsOf(type);
  return words != nullptr ? words->name : "unknown";
}

std::string EventTypeWords() {
  std::string text;
  for (const TypeWords& words : kTypes) absl::StrAppend(&text, text.empty() ? "" : "|", words.name);
  return text;
}

std::string EventText(const v1::Event& event, const Style& style) {
  const TypeWords* const words = WordsOf(event.type());
  std::string line = style.Paint(Tone::kFaint, tabular::FormatTime(event.time_unix_nano()));
  absl::StrAppend(&line, "  ", style.Paint(Tone::kStrong, Printable(event.subject())));
  if (event.type() != v1::TWIN_UPDATED && event.type() != v1::TELEMETRY && words != nullptr) {
    absl::StrAppend(&line, "  ", style.Paint(Tone::kHint, words->name));
  }
  if (event.has_notice()) {
    absl::StrAppend(&line, "  ", Printable(event.notice().reason()), ": ",
                    Printable(event.notice().message()));
  }
  if (event.type() == v1::MODEL_UPDATED) {
    line += event.decommissioned() ? "  decommissioned" : "  in use again";
  }
  if (event.has_relationship()) {
    absl::StrAppend(&line, "  ", Printable(event.relationship().name()), " → ",
                    Printable(event.relationship().target_id()));
  }
  if (!event.old_model_id().empty()) {
    absl::StrAppend(&line, "  model ", Printable(event.old_model_id()), " → ",
                    Printable(event.model_id()));
  }
  for (const v1::PathChange& change : event.changes()) {
    absl::StrAppend(&line, "  ", Printable(change.path()), " ");
    if (change.has_old_value()) absl::StrAppend(&line, ShortText(change.old_value()), " → ");
    line += change.has_new_value() ? ShortText(change.new_value())
                                   : style.Paint(Tone::kFaint, "removed");
    if (change.late()) {
      absl::StrAppend(
          &line, " ",
          style.Paint(Tone::kFaint,
                      absl::StrCat("(late, of ",
                                   tabular::FormatTime(change.source_time_unix_nano()), ")")));
    }
  }
  return line;
}

namespace {

// What is no change has no index of its own: states of a sequence differ by their subjects, notices
// by their times.
std::string CloudEventId(const v1::Event& event) {
  switch (event.type()) {
    case v1::TWIN_STATE:
    case v1::RELATIONSHIP_STATE:
      return absl::StrCat(event.sequence(), "/", event.subject());
    case v1::SERVER_NOTICE:
      return absl::StrCat("notice/", event.time_unix_nano(), "/", event.notice().reason(),
                          event.subject().empty() ? "" : "/", event.subject());
    default:
      return absl::StrCat(event.sequence(), ".", event.index());
  }
}

}  // namespace

Json EventJson(const v1::Event& event) {
  Json json = Json::object();
  json["specversion"] = "1.0";
  json["id"] = CloudEventId(event);
  json["source"] = "/twingraph";
  json["type"] = absl::StrCat("twingraph.", EventTypeName(event.type()), ".v1");
  if (!event.subject().empty()) json["subject"] = event.subject();
  json["time"] = tabular::FormatTime(event.time_unix_nano());
  if (!event.model_id().empty()) json["dataschema"] = event.model_id();
  json["sequence"] = event.sequence();
  if (event.context() == v1::Event::CURRENT) json["context"] = "current";
  Json data = Json::object();
  if (event.has_notice()) {
    data["reason"] = event.notice().reason();
    data["message"] = event.notice().message();
  }
  if (!event.old_model_id().empty()) data["oldModel"] = event.old_model_id();
  if (event.type() == v1::MODEL_UPDATED) data["decommissioned"] = event.decommissioned();
  if (event.has_relationship()) {
    data["sourceId"] = event.relationship().source_id();
    data["relationshipId"] = event.relationship().id();
    data["relationshipName"] = event.relationship().name();
    data["targetId"] = event.relationship().target_id();
  }
  Json changes = Json::array();
  for (const v1::PathChange& change : event.changes()) {
    Json one = Json::object();
    one["path"] = change.path();
    if (change.has_old_value()) one["old"] = JsonOf(change.old_value());
    if (change.has_new_value()) one["new"] = JsonOf(change.new_value());
    one["sourceTime"] = tabular::FormatTime(change.source_time_unix_nano());
    if (change.late()) one["late"] = true;
    changes.push_back(std::move(one));
  }
  data["changes"] = std::move(changes);
  json["data"] = std::move(data);
  if (!event.resume_token().empty()) json["cursor"] = event.resume_token();
  return json;
}

Json AdtEventJson(const v1::Event& event) {
  const TypeWords* const words = WordsOf(event.type());
  Json json = EventJson(event);
  if (words == nullptr || words->adt == nullptr) return json;
  json["type"] = words->adt;
  json.erase("sequence");
  json["datacontenttype"] = "application/json";
  Json data = Json::object();
  if (event.type() == v1::TELEMETRY) {
    data = Contents(event);
  } else if (event.type() == v1::TWIN_UPDATED || event.type() == v1::RELATIONSHIP_UPDATED) {
    data["modelId"] = event.model_id();
    Json patch = Json::array();
    for (const v1::PathChange& change : event.changes()) {
      Json step = Json::object();
      if (change.has_new_value()) step["value"] = JsonOf(change.new_value());
      step["path"] = absl::StrCat("/", absl::StrReplaceAll(change.path(), {{".", "/"}}));
      step["op"] = !change.has_new_value() ? "remove" : change.has_old_value() ? "replace" : "add";
      patch.push_back(std::move(step));
    }
    data["patch"] = std::move(patch);
  } else {
    if (HasContents(event.type())) data = Contents(event);
    if (event.has_relationship()) {
      data["$relationshipId"] = event.relationship().id();
      data["$sourceId"] = event.relationship().source_id();
      data["$targetId"] = event.relationship().target_id();
      data["$relationshipName"] = event.relationship().name();
    } else {
      data["$dtId"] = event.subject();
      data["$metadata"] = Json{{"$model", event.model_id()}};
    }
  }
  json["data"] = std::move(data);
  return json;
}

}  // namespace twin::twinctl
