#include "server/api/standing_query.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "query/parse/parse.h"
#include "server/api/query_rows.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;
using query::BoundExpr;
using query::BoundKind;
using query::BoundPtr;
using query::BoundSelect;
using query::SlotId;
using query::SlotKind;
using query::TypeKind;
using Kind = query::StandingWay::Kind;

constexpr size_t kIdsAtOnce = 256;     // of one evaluation of some rows
constexpr size_t kTwinsAlways = 2048;  // that are evaluated one by one, however few rows there are
constexpr uint64_t kMemberBytes = 80;  // that a twin of a group takes, about
constexpr size_t kNumberBytes = 4;
constexpr uint32_t kNoNumber = UINT32_MAX;

void AppendNumber(uint32_t number, std::string* key) {
  for (int shift = 24; shift >= 0; shift -= 8) key->push_back(static_cast<char>(number >> shift));
}

uint32_t ReadNumber(absl::string_view key) {
  uint32_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    number = (number << 8) | static_cast<unsigned char>(key[i]);
  }
  return number;
}

void AppendKey(const query::Vector& vector, size_t row, std::string* key) {
  if (vector.kind == TypeKind::kTwin || vector.kind == TypeKind::kRelationship) {
    AppendNumber(vector.IsNull(row) ? kNoNumber : vector.numbers[row], key);
  } else {
    vector.Get(row).AppendTo(key);
  }
}

BoundPtr SlotOf(const BoundSelect& select, SlotId slot) {
  auto expr = std::make_unique<BoundExpr>();
  expr->kind = BoundKind::kSlot;
  expr->type = select.slots[static_cast<size_t>(slot)].type;
  expr->slot = slot;
  return expr;
}

void AddOutput(SlotId slot, BoundSelect* select) {
  query::BoundOutput output;
  output.name = absl::StrCat("key ", select->outputs.size());
  output.expr = SlotOf(*select, slot);
  select->outputs.push_back(std::move(output));
}

// What a row of the pattern bound; false: not everything, since a path has any length.
bool Binding(BoundSelect* select, std::vector<SlotId>* twins, std::vector<SlotId>* others) {
  bool is_all = true;
  const auto add = [](SlotId slot, std::vector<SlotId>* slots) {
    if (std::find(slots->begin(), slots->end(), slot) == slots->end()) slots->push_back(slot);
  };
  if (select->source.slot != query::kNoSlot) {
    const bool is_twin =
        select->slots[static_cast<size_t>(select->source.slot)].kind == SlotKind::kTwin;
    add(select->source.slot, is_twin ? twins : others);
  }
  for (query::BoundMatch& match : select->matches) {
    for (query::BoundPath& path : match.paths) {
      for (const SlotId node : path.nodes) add(node, twins);
      for (query::BoundEdge& edge : path.edges) {
        if (edge.variable) {
          is_all = false;
          continue;
        }
        if (edge.slot == query::kNoSlot) {
          query::Slot slot;
          slot.kind = SlotKind::kRelationship;
          slot.type.kind = TypeKind::kRelationship;
          slot.types = edge.types;
          slot.any_type = edge.any_type;
          edge.slot = static_cast<SlotId>(select->slots.size());
          select->slots.push_back(std::move(slot));
        }
        add(edge.slot, others);
      }
    }
  }
  return is_all;
}

// The condition on the ids of a twin, whose ids come later.
BoundPtr IdCondition(SlotId slot) {
  auto id = std::make_unique<BoundExpr>();
  id->kind = BoundKind::kField;
  id->field = query::Field::kId;
  id->type.kind = TypeKind::kString;
  id->slot = slot;
  auto condition = std::make_unique<BoundExpr>();
  condition->kind = BoundKind::kIn;
  condition->type.kind = TypeKind::kBool;
  condition->operands.push_back(std::move(id));
  return condition;
}

void SetIds(absl::Span<const absl::string_view> ids, BoundExpr* condition) {
  condition->operands.resize(1);
  for (const absl::string_view id : ids) {
    auto constant = std::make_unique<BoundExpr>();
    constant->type.kind = TypeKind::kString;
    constant->value = Value::String(std::string(id));
    condition->operands.push_back(std::move(constant));
  }
}

events::Watched WatchedBy(const query::BoundStatement& statement) {
  const query::GraphReads reads = query::ReadsOf(statement);
  events::Watched watched;
  for (const TableId table : reads.tables) watched.AddTable(table);
  for (size_t i = 0; reads.all_tables && i < statement.catalog->models().size(); ++i) {
    watched.AddTable(statement.catalog->models()[i].table);
  }
  for (const auto& [table, column] : reads.columns) watched.AddColumn(table, column);
  for (const TableId table : reads.properties) watched.AddProperties(table);
  for (const RelationshipTypeId type : reads.types) watched.AddType(type);
  if (reads.all_types) watched.AddAllTypes();
  return watched;
}

}  // namespace

std::string StandingPlan(const query::BoundStatement& statement) {
  absl::Status status = query::CheckStanding(statement, /*as_run=*/true);
  if (!status.ok()) return absl::StrCat("standing: no: ", status.message(), "\n");
  const query::StandingWay way = query::WayOf(statement);
  switch (way.kind) {
    case query::StandingWay::Kind::kRows:
      return "standing: evaluated for twins that change\n";
    case query::StandingWay::Kind::kGroups:
      return absl::StrCat("standing: evaluated for groups of twins that change, by ",
                          statement.select.slots[static_cast<size_t>(way.anchor)].name, "\n");
    case query::StandingWay::Kind::kWhole:
      break;
  }
  return absl::StrCat("standing: evaluated as a whole at each change: ", way.why_whole, "\n");
}

absl::StatusOr<std::unique_ptr<StandingQuery>> StandingQuery::Create(
    const std::string& text, Options options, std::shared_ptr<const query::Catalog> catalog) {
  query::ParseOptions parse;
  parse.dialect = options.bind.dialect;
  TWIN_ASSIGN_OR_RETURN(std::shared_ptr<const query::Statement> parsed, query::Parse(text, parse));
  std::unique_ptr<StandingQuery> query(new StandingQuery(std::move(parsed), std::move(options)));
  TWIN_RETURN_IF_ERROR(query->Bind(std::move(catalog)));
  return query;
}

absl::Status StandingQuery::Bind(std::shared_ptr<const query::Catalog> catalog) {
  catalog_ = std::move(catalog);
  TWIN_ASSIGN_OR_RETURN(const std::shared_ptr<const query::BoundStatement> statement,
                        query::Bind(*parsed_, catalog_, options_.bind));
  TWIN_RETURN_IF_ERROR(query::CheckStanding(*statement));
  columns_ = query::ResultColumns(*statement);
  way_ = query::WayOf(*statement);
  watched_ = WatchedBy(*statement);
  TWIN_ASSIGN_OR_RETURN(whole_, MakeKeyed());
  twin_slots_.clear();
  member_slots_.clear();
  ForgetMembers();
  are_members_too_many_ = false;
  if (way_.kind == Kind::kWhole) return absl::OkStatus();
  TWIN_RETURN_IF_ERROR(AddTwinSlots([this] { return MakeKeyed(); }, &twin_slots_));
  if (way_.kind == Kind::kRows) return absl::OkStatus();
  std::erase_if(twin_slots_, [this](const TwinSlot& each) { return each.slot != way_.anchor; });
  TWIN_ASSIGN_OR_RETURN(all_members_, MakeMembers());
  return AddTwinSlots([this] { return MakeMembers(); }, &member_slots_);
}

template <typename Make>
absl::Status StandingQuery::AddTwinSlots(Make make, std::vector<TwinSlot>* slots) const {
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<Keyed> first, make());
  std::vector<SlotId> twins;
  std::vector<SlotId> others;
  Binding(&first->statement->select, &twins, &others);
  for (const SlotId slot : twins) {
    TwinSlot some;
    some.slot = slot;
    TWIN_ASSIGN_OR_RETURN(some.some, make());
    some.some->statement->select.where.push_back(IdCondition(slot));
    slots->push_back(std::move(some));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<StandingQuery::Keyed>> StandingQuery::MakeMembers() const {
  TWIN_ASSIGN_OR_RETURN(const std::shared_ptr<const query::BoundStatement> bound,
                        query::Bind(*parsed_, catalog_, options_.bind));
  auto keyed = std::make_unique<Keyed>();
  // Nobody else has it yet.
  keyed->statement = std::const_pointer_cast<query::BoundStatement>(bound);
  BoundSelect& select = keyed->statement->select;
  select.grouped = false;
  select.groups.clear();
  select.group_slots.clear();
  select.aggregates.clear();
  select.having.clear();
  select.order.clear();
  select.outputs.clear();
  std::vector<SlotId> twins;
  std::vector<SlotId> others;
  Binding(&select, &twins, &others);
  AddOutput(way_.anchor, &select);
  for (const SlotId slot : twins) AddOutput(slot, &select);
  return keyed;
}

absl::StatusOr<std::unique_ptr<StandingQuery::Keyed>> StandingQuery::MakeKeyed() const {
  TWIN_ASSIGN_OR_RETURN(const std::shared_ptr<const query::BoundStatement> bound,
                        query::Bind(*parsed_, catalog_, options_.bind));
  auto keyed = std::make_unique<Keyed>();
  // Nobody else has it yet.
  keyed->statement = std::const_pointer_cast<query::BoundStatement>(bound);
  BoundSelect& select = keyed->statement->select;
  if (select.distinct || (!select.grouped && select.source.subquery >= 0)) {
    keyed->has_row = true;  // more columns would make rows differ that are the same
  } else if (select.grouped) {
    if (way_.kind == Kind::kGroups) {
      // One more key that does not change the groups, and is the first of their names.
      select.groups.push_back(SlotOf(select, way_.anchor));
      query::Slot slot;
      slot.type = select.groups.back()->type;
      select.slots.push_back(std::move(slot));
      select.group_slots.insert(select.group_slots.begin(),
                                static_cast<SlotId>(select.slots.size() - 1));
      std::rotate(select.groups.begin(), std::prev(select.groups.end()), select.groups.end());
    }
    for (const SlotId slot : select.group_slots) AddOutput(slot, &select);
  } else {
    std::vector<SlotId> twins;
    std::vector<SlotId> others;
    keyed->has_row = !Binding(&select, &twins, &others);
    for (const SlotId slot : twins) AddOutput(slot, &select);
    for (const SlotId slot : others) AddOutput(slot, &select);
  }
  return keyed;
}

absl::Status StandingQuery::CheckSize(uint64_t rows, uint64_t bytes) const {
  if (rows > options_.rows_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the result has more than ", options_.rows_max,
                     " rows (watch_query_rows_max); narrow the query, or aggregate"));
  }
  if (bytes > options_.bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the rows of the result have more than ", options_.bytes_max,
                     " bytes (watch_query_bytes_max); select fewer columns or rows"));
  }
  return absl::OkStatus();
}

query::ExecuteOptions StandingQuery::ExecuteOptionsOf(
    const std::function<absl::Status()>& interrupted, query::PlanHolder* plans) const {
  query::ExecuteOptions options;
  options.parameters = options_.parameters;
  options.now = SystemClock().Now();
  options.memory_bytes_max = options_.memory_bytes_max;
  options.pool = options_.pool;
  options.interrupted = interrupted;
  options.plans = plans;
  return options;
}

absl::Status StandingQuery::Evaluate(Keyed* keyed, query::PlanHolder* plans,
                                     const engine::SnapshotReader& graph,
                                     const std::function<absl::Status()>& interrupted,
                                     Rows* rows) const {
  const query::ExecuteOptions options = ExecuteOptionsOf(interrupted, plans);
  RowWriter::Options form;
  form.format = pb::QueryRequest::JSON_ROWS;
  form.leave_out_absent = options_.bind.dialect == query::Dialect::kAdt;
  RowWriter writer(columns_, &graph, form);
  absl::flat_hash_map<std::string, uint32_t> repeats;
  uint64_t bytes = 0;
  for (const auto& [key, json] : *rows) bytes += key.size() + json.size();
  const auto take = [&](const query::Batch& batch) -> absl::Status {
    pb::QueryResponse message;
    writer.Append(batch, 0, batch.rows, SIZE_MAX, &message);
    size_t row = 0;
    for (const absl::string_view json : absl::StrSplit(message.rows(), '\n', absl::SkipEmpty())) {
      std::string key;
      for (size_t i = columns_.size(); i < batch.slots.size(); ++i) {
        AppendKey(batch.slots[i], row, &key);
      }
      if (keyed->has_row) absl::StrAppend(&key, json);
      ++row;
      // What is the same, and is there twice, is told apart by a number.
      if (keyed->has_row && rows->contains(key)) {
        const uint32_t ordinal = ++repeats[key];
        AppendNumber(ordinal, &key);
      }
      bytes += key.size() + json.size();
      rows->insert_or_assign(std::move(key), std::string(json));
      TWIN_RETURN_IF_ERROR(CheckSize(rows->size(), bytes));
    }
    return absl::OkStatus();
  };
  query::ExecuteStatistics statistics;
  return query::Execute(*keyed->statement, graph, nullptr, options, take, &statistics);
}

absl::Status StandingQuery::Update(const engine::SnapshotReader& graph,
                                   const events::ChangedTwins& changed,
                                   const std::function<absl::Status()>& interrupted,
                                   std::vector<RowChange>* changes) {
  was_partial_ = false;
  if (catalog_ != graph.shared_catalog()) {
    const absl::Status bound = Bind(graph.shared_catalog());
    if (!bound.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the models changed, and now the query is wrong: ", bound.message()));
    }
    return UpdateWhole(graph, interrupted, changes);
  }
  if (is_first_ || changed.models || changed.too_many) {
    ForgetMembers();  // who came where since is not known
    return UpdateWhole(graph, interrupted, changes);
  }
  if (changed.twins.empty()) return absl::OkStatus();
  const size_t of = way_.kind == Kind::kGroups ? anchors_of_.size() : rows_.size();
  const bool are_few = changed.twins.size() <= std::max(kTwinsAlways, of / 8);
  if (way_.kind == Kind::kRows && are_few) {
    return UpdateTwins(graph, changed.twins, interrupted, changes);
  }
  if (way_.kind == Kind::kGroups && are_few && are_members_known_) {
    return UpdateGroups(graph, changed.twins, interrupted, changes);
  }
  ForgetMembers();
  // Where little changes it is likely to stay so: it pays to know who is where.
  if (way_.kind == Kind::kGroups && are_few && !are_members_too_many_) {
    TWIN_RETURN_IF_ERROR(ListMembers(graph, interrupted));
  }
  return UpdateWhole(graph, interrupted, changes);
}

// --- Groups ---

void StandingQuery::ForgetMembers() {
  anchors_of_.clear();
  members_.clear();
  are_members_known_ = false;
}

absl::Status StandingQuery::AddMembers(const Keyed& keyed, query::PlanHolder* plans,
                                       const engine::SnapshotReader& graph,
                                       const std::function<absl::Status()>& interrupted,
                                       Numbers* anchors) {
  query::ExecuteOptions options = ExecuteOptionsOf(interrupted, plans);
  const auto take = [&](const query::Batch& batch) -> absl::Status {
    for (size_t row = 0; row < batch.rows; ++row) {
      const uint32_t anchor = batch.slots[0].numbers[row];
      anchors->insert(anchor);
      for (size_t i = 1; i < batch.slots.size(); ++i) {
        const uint32_t twin = batch.slots[i].numbers[row];
        if (members_.emplace(twin, anchor).second) anchors_of_[twin].push_back(anchor);
      }
      if (members_.size() * kMemberBytes > options_.bytes_max) {
        are_members_too_many_ = true;
        return absl::CancelledError("more twins than are remembered");
      }
    }
    return absl::OkStatus();
  };
  query::ExecuteStatistics statistics;
  const absl::Status status =
      query::Execute(*keyed.statement, graph, nullptr, options, take, &statistics);
  return are_members_too_many_ ? absl::OkStatus() : status;
}

absl::Status StandingQuery::ListMembers(const engine::SnapshotReader& graph,
                                        const std::function<absl::Status()>& interrupted) {
  Numbers anchors;
  TWIN_RETURN_IF_ERROR(
      AddMembers(*all_members_, &all_members_->plans, graph, interrupted, &anchors));
  are_members_known_ = !are_members_too_many_;
  if (are_members_too_many_) ForgetMembers();
  return absl::OkStatus();
}

absl::Status StandingQuery::UpdateGroups(const engine::SnapshotReader& graph, const Numbers& twins,
                                         const std::function<absl::Status()>& interrupted,
                                         std::vector<RowChange>* changes) {
  // Groups in which they were, and are now.
  Numbers anchors;
  for (const uint32_t twin : twins) {
    const auto known = anchors_of_.find(twin);
    if (known != anchors_of_.end()) anchors.insert(known->second.begin(), known->second.end());
  }
  for (const TwinSlot& slot : member_slots_) {
    TWIN_RETURN_IF_ERROR(ForEachPart(slot, graph, twins, [&] {
      return AddMembers(*slot.some, nullptr, graph, interrupted, &anchors);
    }));
  }
  if (are_members_too_many_) {
    ForgetMembers();
    return UpdateWhole(graph, interrupted, changes);
  }
  was_partial_ = true;
  Rows now;
  TWIN_RETURN_IF_ERROR(EvaluateSome(twin_slots_[0], graph, anchors, interrupted, &now));
  Replace(KeysOf(anchors), std::move(now), changes);
  return CheckSize(rows_.size(), bytes_);
}

absl::Status StandingQuery::UpdateWhole(const engine::SnapshotReader& graph,
                                        const std::function<absl::Status()>& interrupted,
                                        std::vector<RowChange>* changes) {
  Rows now;
  TWIN_RETURN_IF_ERROR(Evaluate(whole_.get(), &whole_->plans, graph, interrupted, &now));
  std::vector<std::string> before;
  before.reserve(rows_.size());
  for (const auto& [key, json] : rows_) before.push_back(key);
  Replace(std::move(before), std::move(now), changes);
  is_first_ = false;
  return absl::OkStatus();
}

absl::Status StandingQuery::UpdateTwins(const engine::SnapshotReader& graph, const Numbers& twins,
                                        const std::function<absl::Status()>& interrupted,
                                        std::vector<RowChange>* changes) {
  was_partial_ = true;
  Rows now;
  for (const TwinSlot& slot : twin_slots_) {
    TWIN_RETURN_IF_ERROR(EvaluateSome(slot, graph, twins, interrupted, &now));
  }
  Replace(KeysOf(twins), std::move(now), changes);
  return CheckSize(rows_.size(), bytes_);
}

std::vector<std::string> StandingQuery::KeysOf(const Numbers& twins) const {
  absl::flat_hash_set<const std::string*> concerned;
  for (const uint32_t twin : twins) {
    const auto found = by_twin_.find(twin);
    if (found != by_twin_.end()) concerned.insert(found->second.begin(), found->second.end());
  }
  std::vector<std::string> keys;
  keys.reserve(concerned.size());
  for (const std::string* const key : concerned) keys.push_back(*key);
  return keys;
}

template <typename Work>
absl::Status StandingQuery::ForEachPart(const TwinSlot& twin_slot,
                                        const engine::SnapshotReader& graph, const Numbers& twins,
                                        Work work) {
  const graph::GraphView& view = graph.view();
  BoundSelect& select = twin_slot.some->statement->select;
  const query::Slot& slot = select.slots[static_cast<size_t>(twin_slot.slot)];
  std::vector<absl::string_view> ids;
  for (const uint32_t number : twins) {
    const TwinNumber twin(number);
    if (!view.Exists(twin)) continue;
    const bool is_of_slot =
        slot.any_table ||
        std::binary_search(slot.tables.begin(), slot.tables.end(), view.PlaceOf(twin).table);
    if (is_of_slot) ids.push_back(view.IdOf(twin));
  }
  for (size_t first = 0; first < ids.size(); first += kIdsAtOnce) {
    SetIds(absl::MakeConstSpan(ids).subspan(first, kIdsAtOnce), select.where.back().get());
    TWIN_RETURN_IF_ERROR(work());
  }
  return absl::OkStatus();
}

absl::Status StandingQuery::EvaluateSome(const TwinSlot& twin_slot,
                                         const engine::SnapshotReader& graph, const Numbers& twins,
                                         const std::function<absl::Status()>& interrupted,
                                         Rows* rows) {
  return ForEachPart(twin_slot, graph, twins, [&] {
    return Evaluate(twin_slot.some.get(), nullptr, graph, interrupted, rows);
  });
}

void StandingQuery::Replace(std::vector<std::string> before, Rows now,
                            std::vector<RowChange>* changes) {
  // Rows of one twin follow each other, whatever the table of hashes says.
  std::sort(before.begin(), before.end());
  for (const std::string& key : before) {
    if (now.contains(key)) continue;
    changes->push_back({RowChange::Kind::kRemoved, key, rows_.find(key)->second});
    Remove(key);
  }
  std::vector<std::pair<std::string, std::string>> sorted;
  sorted.reserve(now.size());
  for (auto& [key, json] : now) sorted.emplace_back(key, std::move(json));
  std::sort(sorted.begin(), sorted.end());
  for (auto& [key, json] : sorted) {
    const auto found = rows_.find(key);
    if (found != rows_.end() && found->second == json) continue;
    changes->push_back(
        {found == rows_.end() ? RowChange::Kind::kAdded : RowChange::Kind::kChanged, key, json});
    Put(key, std::move(json));
  }
}

template <typename Visit>
void StandingQuery::ForEachTwin(const std::string& key, Visit visit) const {
  for (size_t i = 0; i < twin_slots_.size(); ++i) {
    visit(ReadNumber(absl::string_view(key).substr(i * kNumberBytes)));
  }
}

void StandingQuery::Put(const std::string& key, std::string json) {
  const auto [row, is_new] = rows_.try_emplace(key);
  bytes_ += json.size() + (is_new ? key.size() : 0);
  bytes_ -= row->second.size();
  row->second = std::move(json);
  if (!is_new) return;
  const std::string* const kept = &row->first;
  ForEachTwin(*kept, [&](uint32_t twin) { by_twin_[twin].insert(kept); });
}

void StandingQuery::Remove(const std::string& key) {
  const auto row = rows_.find(key);
  bytes_ -= row->first.size() + row->second.size();
  ForEachTwin(row->first, [&](uint32_t twin) {
    const auto found = by_twin_.find(twin);
    if (found == by_twin_.end()) return;
    found->second.erase(&row->first);
    if (found->second.empty()) by_twin_.erase(found);
  });
  rows_.erase(row);
}

}  // namespace twin::api
