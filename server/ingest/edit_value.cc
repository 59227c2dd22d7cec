#include "server/ingest/edit_value.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace twin::ingest {
namespace {

// A test of what is not there failed; any other step is wrong in itself.
absl::Status NoPlace(const Edit& edit, absl::string_view pointer, absl::string_view why) {
  const bool tests = edit.kind == Edit::Kind::kTest;
  const std::string message = absl::StrCat(pointer, tests ? ": the test failed: " : ": ", why);
  return tests ? absl::FailedPreconditionError(message) : absl::InvalidArgumentError(message);
}

absl::Status Compare(const Edit& edit, absl::string_view pointer, const Value& value) {
  if (value == edit.value) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(pointer, ": the test failed: it is ",
                                                    value.DebugString(), ", not ",
                                                    edit.value.DebugString()));
}

absl::Status EditMember(const Edit& edit, const std::string& name, absl::string_view pointer,
                        ValueMap* members) {
  const auto it = std::find_if(members->begin(), members->end(),
                               [&](const ValueMember& member) { return member.first == name; });
  const bool found = it != members->end();
  switch (edit.kind) {
    case Edit::Kind::kSet:
    case Edit::Kind::kAdd:
      if (found) {
        it->second = edit.value;
      } else {
        members->emplace_back(name, edit.value);
      }
      return absl::OkStatus();
    case Edit::Kind::kReplace:
      if (!found) return NoPlace(edit, pointer, "it is not set, so it cannot be replaced; add it");
      it->second = edit.value;
      return absl::OkStatus();
    case Edit::Kind::kRemove:
      if (!found) return NoPlace(edit, pointer, "it is not set, so it cannot be removed");
      members->erase(it);
      return absl::OkStatus();
    case Edit::Kind::kTest:
      if (!found) return NoPlace(edit, pointer, "it is not set, so it cannot be tested");
      return Compare(edit, pointer, it->second);
  }
  return absl::OkStatus();
}

absl::Status EditItem(const Edit& edit, const std::string& name, absl::string_view pointer,
                      ValueArray* items) {
  const bool adds = edit.kind == Edit::Kind::kAdd;
  size_t index = items->size();
  const bool at_end = name == "-" && adds;
  if (!at_end && (!absl::SimpleAtoi(name, &index) || index > items->size() ||
                  (index == items->size() && !adds))) {
    return NoPlace(edit, pointer, absl::StrCat("the array has ", items->size(), " elements"));
  }
  const auto at = items->begin() + static_cast<ptrdiff_t>(index);
  switch (edit.kind) {
    case Edit::Kind::kAdd:
      items->insert(at, edit.value);
      return absl::OkStatus();
    case Edit::Kind::kSet:
    case Edit::Kind::kReplace:
      *at = edit.value;
      return absl::OkStatus();
    case Edit::Kind::kRemove:
      items->erase(at);
      return absl::OkStatus();
    case Edit::Kind::kTest:
      return Compare(edit, pointer, *at);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EditValue(const Edit& edit, absl::Span<const std::string> path,
                       absl::string_view pointer, Value* value) {
  const std::string& name = path.front();
  if (value->kind() == Value::Kind::kMap) {
    if (path.size() == 1) return EditMember(edit, name, pointer, &value->as_map());
    for (auto& [key, member] : value->as_map()) {
      if (key == name) return EditValue(edit, path.subspan(1), pointer, &member);
    }
    return NoPlace(edit, pointer, absl::StrCat(name, " is not set; add the whole of it first"));
  }
  if (value->kind() == Value::Kind::kArray) {
    if (path.size() == 1) return EditItem(edit, name, pointer, &value->as_array());
    size_t index = 0;
    if (!absl::SimpleAtoi(name, &index) || index >= value->as_array().size()) {
      return NoPlace(edit, pointer,
                     absl::StrCat("the array has ", value->as_array().size(), " elements"));
    }
    return EditValue(edit, path.subspan(1), pointer, &value->as_array()[index]);
  }
  return NoPlace(edit, pointer, absl::StrCat("there is no ", name, " in ", value->DebugString(40)));
}

}  // namespace twin::ingest
