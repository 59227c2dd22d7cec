#include "clients/twinctl/event_filter.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/twinctl/console.h"
#include "clients/twinctl/history.h"
#include "clients/twinctl/watch.h"

namespace twin::twinctl {

void AddFilterOptions(CLI::App* command, FilterArguments* arguments) {
  const auto add = [&](const char* name, auto* target, const char* value,
                       const std::string& description) {
    command->add_option(name, *target, description)->type_name(value)->allow_extra_args(false);
  };
  command->add_option("CONDITION", arguments->condition, "What must hold for a change")
      ->type_name("CONDITION");
  add("--twin", &arguments->twins, "ID", "Only this twin; may be given several times");
  command
      ->add_option("--under", arguments->under,
                   "Only this twin and what it contains: what 'contains' and relationships whose "
                   "names begin with 'has' lead to")
      ->type_name("ID");
  add("--along", &arguments->along, "NAME",
      "With --under: along relationships of this name instead; may be given several times");
  add("--type", &arguments->types, "TYPE",
      absl::StrCat("Only events of this type, one of ", EventTypeWords(),
                   "; may be given several times"));
  add("--model", &arguments->models, "DTMI",
      "Only twins of this model and of those that extend it; may be given several times");
  add("--path", &arguments->paths, "NAME",
      "Only changes of this path, such as voltage; may be given several times");
}

absl::StatusOr<twingraph::v1::EventFilter> FilterOf(const FilterArguments& arguments) {
  twingraph::v1::EventFilter filter;
  filter.set_condition(arguments.condition);
  for (const std::string& twin : arguments.twins) filter.add_twin_ids(twin);
  for (const std::string& model : arguments.models) filter.add_models(model);
  for (const std::string& path : arguments.paths) filter.add_paths(path);
  filter.set_under(arguments.under);
  for (const std::string& name : arguments.along) filter.add_under_relationships(name);
  for (const std::string& word : arguments.types) {
    const twingraph::v1::EventType type = EventTypeOf(word);
    if (type == twingraph::v1::EVENT_TYPE_UNSPECIFIED) {
      return UsageError(absl::StrCat("--type: '", word, "' is not one of ", EventTypeWords()));
    }
    filter.add_types(type);
  }
  return filter;
}

bool IsTimeOfCursor(const std::string& from) {
  // 2026-03-01, or with a time of day
  return absl::StrContains(from, ':') || (from.size() == 10 && from[4] == '-' && from[7] == '-');
}

absl::StatusOr<int64_t> TimeOfCursor(const std::string& option, const std::string& from) {
  return TimeOption(option, absl::StrContains(from, ':') ? from : from + "T00:00:00Z");
}

}  // namespace twin::twinctl
