#include "query/bind/scope.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"

namespace twin::query::binding {

SlotId Scope::Add(Slot slot) {
  slots->push_back(std::move(slot));
  return static_cast<SlotId>(slots->size()) - 1;
}

absl::StatusOr<SlotId> Scope::Declare(const Name& name, Slot slot) {
  if (Find(name.text) != kNoSlot || FindHistory(name.text) >= 0) {
    return ErrorAt(name.span, absl::StrCat("'", name.text,
                                           "' is already the name of something "
                                           "else; choose another one"));
  }
  slot.name = name.text;
  const SlotId id = Add(std::move(slot));
  names.emplace_back(name.text, id);
  return id;
}

SlotId Scope::Find(absl::string_view name) const {
  const auto is_name = [name](const auto& entry) { return entry.first == name; };
  const auto element = std::find_if(elements.rbegin(), elements.rend(), is_name);
  if (element != elements.rend()) return element->second;
  const auto found = std::find_if(names.begin(), names.end(), is_name);
  return found == names.end() ? kNoSlot : found->second;
}

int Scope::FindHistory(absl::string_view name) const {
  const auto found = std::find_if(histories.begin(), histories.end(),
                                  [name](const auto& entry) { return entry.first == name; });
  return found == histories.end() ? -1 : found->second;
}

std::vector<absl::string_view> Scope::Names() const {
  std::vector<absl::string_view> all;
  for (const auto& [name, slot] : elements) all.push_back(name);
  for (const auto& [name, slot] : names) all.push_back(name);
  for (const auto& [name, history] : histories) all.push_back(name);
  return all;
}

}  // namespace twin::query::binding
