#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "query/bind/print.h"
#include "query/plan/plan.h"
#include "query/plan/summarize.h"

namespace twin::query {
namespace {

class Printer {
 public:
  Printer(const Plan& plan, const Catalog& catalog, bool estimates)
      : plan_(plan), catalog_(catalog), estimates_(estimates) {}

  void Print(const Plan& plan, int indent, std::string* out) const {
    for (size_t i = plan.steps.size(); i-- > 0; ++indent) {
      const PlanStep& step = plan.steps[i];
      absl::StrAppend(out, std::string(2 * indent, ' '), Line(step));
      if (estimates_) absl::StrAppendFormat(out, "  ~%.0f rows", step.rows);
      absl::StrAppend(out, "\n");
      if (step.inner != nullptr) {
        Printer(*step.inner, catalog_, estimates_).Print(*step.inner, indent + 2, out);
      }
    }
    for (const auto& [exists, inner] : plan.exists) {
      absl::StrAppend(out, "EXISTS\n");
      Printer(*inner, catalog_, estimates_).Print(*inner, 1, out);
    }
  }

  std::string Line(const PlanStep& step) const;

 private:
  std::string NameOf(SlotId slot) const {
    if (slot == kNoSlot) return "";
    const std::string& name = plan_.slots[slot].name;
    return name.empty() ? absl::StrCat("#", slot) : name;
  }

  std::string Text(const BoundExpr& expr) const { return ToString(expr, plan_.slots); }

  std::string List(const std::vector<BoundPtr>& exprs, absl::string_view separator) const {
    return absl::StrJoin(exprs, separator, [this](std::string* out, const BoundPtr& expr) {
      absl::StrAppend(out, Text(*expr));
    });
  }

  std::string Tables(const std::vector<TableId>& tables) const {
    constexpr size_t kShown = 4;
    std::vector<std::string> names;
    for (const TableId table : tables) {
      if (catalog_.model(table).interface == nullptr) continue;
      names.push_back(ModelText(catalog_.model(table).id));
    }
    const size_t all = names.size();
    if (all > kShown) names.resize(kShown);
    return absl::StrCat(
        absl::StrJoin(names, ", "),
        all > kShown ? absl::StrCat(" and ", all - kShown, " more") : std::string());
  }

  std::string Types(const std::vector<RelationshipTypeId>& types) const {
    std::vector<absl::string_view> names;
    for (const RelationshipTypeId type : types) {
      names.push_back(catalog_.relationship_type(type).name);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return absl::StrJoin(names, "|");
  }

  std::string Edge(const PlanStep& step) const {
    const BoundEdge& edge = step.edge;
    std::string inside = edge.slot == kNoSlot ? std::string() : NameOf(edge.slot);
    if (!edge.any_type) absl::StrAppend(&inside, ":", Types(edge.types));
    if (edge.variable) {
      absl::StrAppend(&inside, "*", edge.hops_min, "..",
                      edge.unbounded ? std::string() : absl::StrCat(edge.hops_max));
    }
    using Direction = BoundEdge::Direction;
    const bool incoming = (edge.direction == Direction::kIncoming) != step.reversed;
    const bool either = edge.direction == Direction::kEither;
    return absl::StrCat(
        "(", NameOf(step.reversed ? edge.to : edge.from), ")", !either && incoming ? "<-[" : "-[",
        inside, !either && !incoming ? "]->" : "]-", "(",
        NameOf(step.reversed ? edge.from : edge.to), ")", step.to_bound ? " both known" : "",
        step.ends_only ? " each end once" : "", step.run_hops > 0 ? " by runs of rows" : "");
  }

  std::string Sort(const std::vector<BoundSortKey>& keys) const {
    return absl::StrJoin(keys, ", ", [this](std::string* out, const BoundSortKey& key) {
      absl::StrAppend(out, Text(*key.expr), key.descending ? " DESC" : "",
                      key.nulls_first ? " NULLS FIRST" : "");
    });
  }

  std::string Aggregates() const {
    return absl::StrJoin(plan_.select->aggregates, ", ",
                         [this](std::string* out, const BoundAggregate& aggregate) {
                           absl::StrAppend(out, InfoOf(aggregate.function).name, "(",
                                           aggregate.distinct ? "DISTINCT " : "",
                                           List(aggregate.arguments, ", "), ")");
                         });
  }

  // What the samples are summed up by, as far as it is there.
  static std::string SummaryText(const HistorySummary& summary) {
    const std::string rollups = RollupsOf(summary.step);
    return absl::StrCat(" summed up by block statistics", rollups.empty() ? "" : ",", rollups);
  }

  // What the ends of steps are known by.
  static std::string EveryText(const BoundExpr& every) {
    if (every.kind != BoundKind::kConstant) return " every by roll-ups";
    const std::string rollups =
        every.value.kind() == Value::Kind::kInt ? RollupsOf(every.value.as_int()) : "";
    return rollups.empty() ? "" : absl::StrCat(" every by", rollups);
  }

  std::string Limit() const {
    const BoundSelect& select = *plan_.select;
    std::string text;
    for (const BoundPtr* limit : {&select.top, &select.limit}) {
      if (*limit != nullptr) absl::StrAppend(&text, text.empty() ? "" : ", ", Text(**limit));
    }
    if (select.offset != nullptr) absl::StrAppend(&text, " from ", Text(*select.offset));
    return std::string(absl::StripLeadingAsciiWhitespace(text));
  }

  const Plan& plan_;
  const Catalog& catalog_;
  const bool estimates_;
};

std::string Printer::Line(const PlanStep& step) const {
  switch (step.kind) {
    case StepKind::kOne:
      return "row";
    case StepKind::kScan:
      return absl::StrCat("scan ", NameOf(step.slot), ": ", Tables(step.tables),
                          step.conditions.empty() ? "" : " where ", List(step.conditions, " AND "));
    case StepKind::kFind:
      return absl::StrCat("find ", NameOf(step.slot), " by ",
                          step.property == nullptr ? std::string("$dtId") : Text(*step.property),
                          ": ", List(step.values, ", "));
    case StepKind::kScanRelationships:
      return absl::StrCat("scan relationships ", NameOf(step.slot),
                          step.any_type ? std::string() : absl::StrCat(": ", Types(step.types)),
                          step.history_all ? " history" : "");
    case StepKind::kSubquery:
      return absl::StrCat("rows of query ", step.subquery);
    case StepKind::kExpand:
    case StepKind::kExpandVariable:
      return absl::StrCat("expand ", Edge(step));
    case StepKind::kMakePath:
      return absl::StrCat("path ", NameOf(step.path));
    case StepKind::kFilter:
      return absl::StrCat("filter ", List(step.conditions, " AND "));
    case StepKind::kOptional:
      return "optional";
    case StepKind::kJoin: {
      if (step.outer_keys.empty()) return "join with every row";
      std::vector<std::string> pairs;
      for (size_t i = 0; i < step.outer_keys.size(); ++i) {
        pairs.push_back(absl::StrCat(Text(*step.outer_keys[i]), " = ", Text(*step.inner_keys[i])));
      }
      return absl::StrCat("join on ", absl::StrJoin(pairs, " AND "));
    }
    case StepKind::kHistory:
      return absl::StrCat(
          "history ", step.history->name, step.history->optional ? " optional" : "",
          step.aligned_with == kNoSlot ? "" : " at ", NameOf(step.aligned_with),
          step.by_ends ? EveryText(*step.history->every) : "",
          step.summary == nullptr ? "" : SummaryText(*step.summary),
          step.bounded_column < 0 ? "" : " skipping blocks by ",
          step.bounded_column < 0 ? "" : step.history->columns[step.bounded_column].path);
    case StepKind::kAggregate:
      return absl::StrCat("aggregate ", Aggregates(), step.keys.empty() ? "" : " by ",
                          List(step.keys, ", "), step.over_runs ? " in place" : "");
    case StepKind::kWindow:
      return step.within_scan ? absl::StrCat("window within each ", NameOf(plan_.steps[0].slot))
                              : "window";
    case StepKind::kProject:
      return absl::StrCat(
          "project ", absl::StrJoin(plan_.select->outputs, ", ",
                                    [this](std::string* out, const BoundOutput& output) {
                                      absl::StrAppend(out, output.name, " = ", Text(*output.expr));
                                    }));
    case StepKind::kDistinct:
      return "distinct";
    case StepKind::kSort:
      return absl::StrCat(step.sort_limited ? "top by " : "sort by ", Sort(step.sort));
    case StepKind::kLimit:
      return absl::StrCat("limit ", Limit());
  }
  return "";
}

}  // namespace

std::string StepToString(const Plan& plan, const PlanStep& step, const Catalog& catalog) {
  return Printer(plan, catalog, /*estimates=*/false).Line(step);
}

std::string ToString(const Plan& plan, const Catalog& catalog, bool estimates) {
  std::string out;
  Printer(plan, catalog, estimates).Print(plan, 0, &out);
  return out;
}

}  // namespace twin::query
