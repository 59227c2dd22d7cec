#include "clients/twinctl/comparison.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/twinctl/findings.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/dtmi.h"

namespace twin::twinctl {
namespace {

using dtdl::Compatibility;
using dtdl::Interface;
using dtdl::ModelChange;
using dtdl::ModelDiff;
using dtdl::ModelSet;
using dtdl::SetDiff;

constexpr int kPathColumnsMax = 32;  // longer paths push their text aside
constexpr int kTextColumnsMin = 30;

// The model of that id, or the latest version of it.
const Interface* FindModel(const ModelSet& models, absl::string_view id) {
  if (const Interface* const exact = models.Find(id)) return exact;
  const Interface* latest = nullptr;
  for (const Interface* interface : models.interfaces()) {
    if (dtdl::SplitVersion(interface->id).id != dtdl::SplitVersion(id).id) continue;
    if (latest == nullptr ||
        dtdl::SplitVersion(latest->id).version < dtdl::SplitVersion(interface->id).version) {
      latest = interface;
    }
  }
  return latest;
}

// An id that a user wrote: its version, if any, must be the model's.
absl::StatusOr<const Interface*> Select(const ModelSet& models, const std::string& id,
                                        absl::string_view side) {
  const Interface* const found = FindModel(models, id);
  if (found != nullptr && (found->id == id || dtdl::SplitVersion(id).id == id)) return found;
  std::vector<absl::string_view> ids;
  for (const Interface* interface : models.interfaces()) ids.push_back(interface->id);
  const std::string hint = dtdl::DidYouMean(id, ids);
  return absl::NotFoundError(
      absl::StrCat(side, " has no model '", id, "'", hint.empty() ? "" : "; ", hint));
}

absl::StatusOr<const Interface*> Counterpart(const ModelSet& models, const Interface& model,
                                             absl::string_view side) {
  if (const Interface* const found = FindModel(models, model.id)) return found;
  return absl::NotFoundError(absl::StrCat(side, " has no model '", dtdl::SplitVersion(model.id).id,
                                          "' in any version; name the one to compare with"));
}

// The comparison of the sets knows more of relationship targets than that of two models alone.
SetDiff ComparePair(const ModelSet& old_models, const ModelSet& new_models, const Interface& before,
                    const Interface& after) {
  SetDiff all = dtdl::Diff(old_models, new_models);
  SetDiff pair;
  for (ModelDiff& model : all.models) {
    if (model.old_id == before.id && model.new_id == after.id) pair.models = {std::move(model)};
  }
  if (!pair.models.empty()) return pair;
  ModelDiff model = dtdl::Diff(before, after);
  if (before.id != after.id || !model.changes.empty()) pair.models = {std::move(model)};
  return pair;
}

struct Mark {
  absl::string_view sign;
  Tone tone;
};
Mark MarkOf(Compatibility compatibility) {
  switch (compatibility) {
    case Compatibility::kBreaking:
      return {"!", Tone::kError};
    case Compatibility::kAdditive:
      return {"+", Tone::kGood};
    case Compatibility::kDocumentation:
      break;
  }
  return {"~", Tone::kFaint};
}

std::string NameOf(Compatibility compatibility) {
  return std::string(dtdl::CompatibilityName(compatibility));
}

void PrintChange(const ModelChange& change, int path_columns, const Console& console) {
  const Style& style = console.out_style;
  const Mark mark = MarkOf(change.compatibility);
  std::string label = absl::StrCat(mark.sign, " ", dtdl::CompatibilityName(change.compatibility));
  label.resize(15, ' ');
  const std::string path = Printable(change.path.empty() ? "(interface)" : change.path);
  const int padding = std::max(path_columns - ColumnsOf(path), 0);
  const int left = 2 + 15 + 2 + path_columns + 2;
  const int room =
      console.out_columns == 0 ? 0 : std::max(console.out_columns - left, kTextColumnsMin);
  console.out << "  " << style.Paint(mark.tone, label) << "  " << style.Paint(Tone::kStrong, path)
              << std::string(static_cast<size_t>(padding), ' ');
  std::string before = "  ";
  const auto print = [&](const std::string& text) {
    for (const std::string& line : WrapText(Printable(text), room)) {
      console.out << before << line << '\n';
      before = std::string(static_cast<size_t>(left), ' ');
    }
  };
  print(change.what);
  if (!change.migration.empty()) print(absl::StrCat("twins: ", change.migration));
}

void PrintModel(const ModelDiff& model, const Console& console) {
  const Style& style = console.out_style;
  console.out << style.Paint(Tone::kStrong, Printable(model.old_id));
  if (model.new_id != model.old_id) {
    console.out << " → " << style.Paint(Tone::kStrong, Printable(model.new_id));
  }
  if (model.changes.empty()) {
    console.out << ": no change but the id\n";
    return;
  }
  const Compatibility compatibility = model.compatibility();
  console.out << ": " << style.Paint(MarkOf(compatibility).tone, NameOf(compatibility)) << '\n';
  int path_columns = 0;
  for (const ModelChange& change : model.changes) {
    const int columns = change.path.empty() ? 11 : ColumnsOf(Printable(change.path));
    path_columns = std::max(path_columns, std::min(columns, kPathColumnsMax));
  }
  for (const ModelChange& change : model.changes) PrintChange(change, path_columns, console);
}

// "breaking: 2 breaking, 1 additive changes in 1 model; 1 model removed".
std::string Summary(const SetDiff& diff) {
  if (CompatibilityOf(diff) == "none") return "no difference";
  int counts[3] = {};
  int total = 0;
  for (const ModelDiff& model : diff.models) {
    for (const ModelChange& change : model.changes) {
      ++counts[static_cast<int>(change.compatibility)];
      ++total;
    }
  }
  std::vector<std::string> parts, kinds;
  for (const Compatibility kind :
       {Compatibility::kBreaking, Compatibility::kAdditive, Compatibility::kDocumentation}) {
    const int count = counts[static_cast<int>(kind)];
    if (count > 0) kinds.push_back(absl::StrCat(count, " ", dtdl::CompatibilityName(kind)));
  }
  const auto models = [](size_t count) { return Count(static_cast<int64_t>(count), "model"); };
  if (total > 0) {
    parts.push_back(absl::StrCat(absl::StrJoin(kinds, ", "), total == 1 ? " change" : " changes",
                                 " in ", models(diff.models.size())));
  } else if (!diff.models.empty()) {
    parts.push_back(absl::StrCat(models(diff.models.size()), " with a new id only"));
  }
  if (!diff.removed.empty()) parts.push_back(models(diff.removed.size()) + " removed");
  if (!diff.added.empty()) parts.push_back(models(diff.added.size()) + " added");
  return absl::StrCat(CompatibilityOf(diff), ": ", absl::StrJoin(parts, "; "));
}

Json ChangeDocument(const ModelChange& change) {
  return {{"compatibility", NameOf(change.compatibility)},
          {"path", change.path},
          {"what", change.what},
          {"migration", change.migration}};
}

Json Row(const std::string& old_id, const std::string& new_id, const ModelChange& change) {
  return {{"compatibility", NameOf(change.compatibility)},
          {"old", old_id},
          {"new", new_id},
          {"path", change.path},
          {"what", change.what},
          {"migration", change.migration}};
}

// What happened to a model as a whole.
ModelChange Whole(Compatibility compatibility, std::string what) {
  return {.compatibility = compatibility, .path = "", .what = std::move(what), .migration = ""};
}

Json ComparisonRows(const SetDiff& diff) {
  Json rows = Json::array();
  for (const ModelDiff& model : diff.models) {
    for (const ModelChange& change : model.changes) {
      rows.push_back(Row(model.old_id, model.new_id, change));
    }
    if (model.changes.empty()) {
      rows.push_back(
          Row(model.old_id, model.new_id, Whole(model.compatibility(), "no change but the id")));
    }
  }
  for (const std::string& id : diff.removed) {
    rows.push_back(Row(id, "", Whole(Compatibility::kBreaking, "model removed")));
  }
  for (const std::string& id : diff.added) {
    rows.push_back(Row("", id, Whole(Compatibility::kAdditive, "model added")));
  }
  return rows;
}

}  // namespace

absl::StatusOr<SetDiff> CompareModels(const ModelSet& old_models, const ModelSet& new_models,
                                      const Selection& selection) {
  const bool single = old_models.interfaces().size() == 1 && new_models.interfaces().size() == 1;
  if (selection.old_id.empty() && selection.new_id.empty()) {
    if (!single) return dtdl::Diff(old_models, new_models);
    return ComparePair(old_models, new_models, *old_models.interfaces()[0],
                       *new_models.interfaces()[0]);
  }
  absl::StatusOr<const Interface*> before = nullptr, after = nullptr;
  if (!selection.old_id.empty()) {
    before = Select(old_models, selection.old_id, "OLD");
    if (!before.ok()) return before.status();
  }
  if (!selection.new_id.empty()) {
    after = Select(new_models, selection.new_id, "NEW");
    if (!after.ok()) return after.status();
  }
  if (selection.old_id.empty()) before = Counterpart(old_models, **after, "OLD");
  if (!before.ok()) return before.status();
  if (selection.new_id.empty()) after = Counterpart(new_models, **before, "NEW");
  if (!after.ok()) return after.status();
  return ComparePair(old_models, new_models, **before, **after);
}

absl::string_view CompatibilityOf(const SetDiff& diff) {
  if (diff.added.empty() && diff.removed.empty() && diff.models.empty()) return "none";
  return dtdl::CompatibilityName(diff.compatibility());
}

Data ComparisonData(const SetDiff& diff) {
  Data data = {
      .document = {{"compatibility", std::string(CompatibilityOf(diff))},
                   {"added", diff.added},
                   {"removed", diff.removed},
                   {"models", Json::array()}},
      .rows = ComparisonRows(diff),
      .columns = ColumnsOfKeys({"compatibility", "old", "new", "path", "what", "migration"})};
  for (const ModelDiff& model : diff.models) {
    Json changes = Json::array();
    for (const ModelChange& change : model.changes) changes.push_back(ChangeDocument(change));
    data.document["models"].push_back({{"old", model.old_id},
                                       {"new", model.new_id},
                                       {"compatibility", NameOf(model.compatibility())},
                                       {"changes", std::move(changes)}});
  }
  return data;
}

void PrintComparison(const SetDiff& diff, const Console& console) {
  const Style& style = console.out_style;
  for (const ModelDiff& model : diff.models) PrintModel(model, console);
  for (const std::string& id : diff.removed) {
    console.out << style.Paint(Tone::kStrong, Printable(id)) << ": "
                << style.Paint(Tone::kError, "removed") << '\n';
  }
  for (const std::string& id : diff.added) {
    console.out << style.Paint(Tone::kStrong, Printable(id)) << ": "
                << style.Paint(Tone::kGood, "added") << '\n';
  }
  console.out << Summary(diff) << '\n';
}

}  // namespace twin::twinctl
