#include "tests/sim/reference.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/sim/describe.h"
#include "tests/sim/unit.h"

namespace twin::sim {
namespace {

using Code = absl::StatusCode;

std::string TextOf(absl::StatusCode code, uint64_t version, bool created, uint64_t changed) {
  if (code != Code::kOk) return absl::StatusCodeToString(code);
  return absl::StrCat("v", version, created ? " new" : "", " ", changed);
}

}  // namespace

Answer Reference::WriteAll(const ingest::WriteBatch& batch, Time time) {
  Answer answer;
  State after = state_;
  Unit unit(&after, time);
  const bool of_models = IsOfModels(batch.operations.front());
  for (size_t i = 0; i < batch.operations.size(); ++i) {
    OperationAnswer one;
    if (batch.operations.size() > 1 && (of_models || IsOfModels(batch.operations[i]))) {
      one.code = Code::kInvalidArgument;
    } else {
      one = unit.Apply(batch.operations[i]);
    }
    if (one.code != Code::kOk) {
      answer.code = one.code;
      answer.failed_operation = static_cast<int>(i);
      return answer;
    }
    answer.results.push_back(one);
  }
  answer.code = unit.End();
  if (answer.code == Code::kOk) state_ = std::move(after);
  return answer;
}

Answer Reference::WriteEach(const ingest::WriteBatch& batch, Time time) {
  Answer answer;
  for (const ingest::Operation& operation : batch.operations) {
    State after = state_;
    Unit unit(&after, time);
    OperationAnswer one;
    one.code = Code::kInvalidArgument;
    if (!IsOfModels(operation)) one = unit.Apply(operation);
    if (one.code == Code::kOk) one.code = unit.End();
    if (one.code == Code::kOk) state_ = std::move(after);
    answer.results.push_back(one);
  }
  return answer;
}

std::string Reference::ContentOf(const ingest::WriteBatch& batch) {
  const std::string text = Describe(batch);
  return absl::StrCat(batch.atomic, text.substr(std::min(text.find('|'), text.size())));
}

Answer Reference::Write(const ingest::WriteBatch& batch, Time now) {
  if (const auto known = requests_.find(batch.request_id); known != requests_.end()) {
    if (batch.operations.empty() || ContentOf(batch) == known->second.content) {
      return known->second.answer;
    }
    Answer answer;
    answer.code = Code::kInvalidArgument;
    answer.sequence = state_.sequence;
    answer.time = state_.time;
    return answer;
  }
  const Time time = std::max(now, state_.time);
  State before;
  if (batch.validate_only) before = state_;
  const uint64_t sequence = state_.sequence;
  Answer answer;
  if (!batch.operations.empty()) {
    const bool all = batch.atomic || IsOfModels(batch.operations.front());
    answer = all ? WriteAll(batch, time) : WriteEach(batch, time);
  }
  if (batch.validate_only) {
    state_ = std::move(before);
    for (OperationAnswer& each : answer.results) each.version = 0;  // what is not there has none
  }
  if (answer.code != Code::kOk) answer.results.clear();
  answer.sequence = state_.sequence;
  answer.time = state_.time;
  if (!batch.request_id.empty() && state_.sequence > sequence) {
    requests_[batch.request_id] = {ContentOf(batch), answer};
  }
  return answer;
}

// --- Texts ---

std::string TextOf(const Answer& answer) {
  std::string text =
      absl::StrCat(absl::StatusCodeToString(answer.code), " failed ", answer.failed_operation,
                   " at ", answer.sequence, " ", answer.time.ns);
  for (const OperationAnswer& each : answer.results) {
    absl::StrAppend(&text, "; ", TextOf(each.code, each.version, each.created, each.changed));
  }
  return text;
}

std::string TextOf(const ingest::WriteResult& result) {
  std::string text =
      absl::StrCat(absl::StatusCodeToString(result.status.code()), " failed ",
                   result.failed_operation, " at ", result.sequence.value, " ", result.time.ns);
  for (const ingest::OperationResult& each : result.results) {
    absl::StrAppend(&text, "; ",
                    TextOf(each.status.code(), each.version.value, each.created, each.changed));
  }
  return text;
}

namespace {

std::string LineOf(const std::string& id, const Twin& twin) {
  std::string line =
      absl::StrCat("\n", id, ": ", twin.model, " v", twin.version, "@", twin.update.ns);
  for (const auto& [path, cell] : twin.values) {
    absl::StrAppend(&line, " ", path, "=", cell.value.DebugString(), "@", cell.update.ns, "/",
                    cell.source.ns);
  }
  return line;
}

std::string ArrowOf(const std::string& id, const Relationship& relationship) {
  return absl::StrCat(" [", id, " ", relationship.kind.owner, ".", relationship.kind.name, "->",
                      relationship.target, " v", relationship.version, " ",
                      relationship.position.value_or(Value()).DebugString(), "]");
}

Twin TwinOf(const graph::GraphView& view, TwinNumber number) {
  const graph::TableSchema& table = view.TableOf(number);
  Twin twin;
  twin.model = table.model_id;
  twin.version = view.VersionOf(number).value;
  twin.update = view.UpdateTimeOf(number);
  for (const graph::ColumnSchema& column : table.columns) {
    const graph::Cell cell = view.Get(number, table.IdOf(column));
    if (cell.value.is_null()) continue;
    twin.values[column.path] = {cell.value, cell.update_time, cell.source_time};
  }
  return twin;
}

std::string ArrowOf(const graph::GraphView& view, RelationshipNumber number) {
  const graph::Relationship found = view.Get(number);
  const graph::RelationshipType& type = view.catalog().relationship_type(found.type);
  Relationship relationship;
  relationship.kind.owner = type.owner;
  relationship.kind.name = type.name;
  relationship.target = std::string(view.IdOf(found.target));
  relationship.version = found.version.value;
  if (!type.columns.empty()) relationship.position = view.GetValue(number, ColumnId(0));
  return ArrowOf(std::string(found.id), relationship);
}

std::string HeadLine(uint64_t sequence, Time time, size_t twins, size_t relationships) {
  return absl::StrCat("at ", sequence, " ", time.ns, ": ", twins, " twins, ", relationships,
                      " relationships");
}

std::string ModelLines(const std::map<std::string, bool>& models) {
  std::string lines;
  for (const auto& [id, decommissioned] : models) {
    absl::StrAppend(&lines, "\n", id, decommissioned ? " decommissioned" : "");
  }
  return lines;
}

// By indexed value, the twins that have it, as the scan finds them and as the index does.
using Named = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;

std::string NamedLines(const Named& named) {
  std::string lines;
  for (const auto& [key, ids] : named) {
    absl::StrAppend(&lines, "\n", key.first, " named ", key.second, ":");
    for (const std::string& id : ids) absl::StrAppend(&lines, " ", id);
  }
  return lines;
}

Named NamedIn(const graph::GraphView& view, const std::vector<std::string>& names) {
  Named named;
  for (const char* model : {"dtmi:t:Note;1", "dtmi:t:Note;2", "dtmi:t:Pack;1"}) {
    const graph::TableSchema* table = view.catalog().FindTable(model);
    if (table == nullptr) continue;
    for (const std::string& name : names) {
      std::vector<std::string> ids;
      for (const TwinNumber twin :
           view.FindEqual(table->id, table->IdOf(*table->FindColumn("name")), name)) {
        ids.emplace_back(view.IdOf(twin));
      }
      std::sort(ids.begin(), ids.end());
      if (!ids.empty()) named[{model, name}] = std::move(ids);
    }
  }
  return named;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  names.reserve(4);
  for (int i = 0; i < 4; ++i) names.push_back(absl::StrCat("text", i));
  return names;
}

}  // namespace

std::string TextOf(const State& state) {
  std::string text =
      HeadLine(state.sequence, state.time, state.twins.size(), state.relationships.size());
  absl::StrAppend(&text, ModelLines(state.models));
  std::map<uint64_t, const std::pair<const RelationshipKey, Relationship>*> in_order;
  for (const auto& each : state.relationships) in_order[each.second.number] = &each;
  std::map<std::string, std::string> arrows;
  for (const auto& [number, each] : in_order) {
    absl::StrAppend(&arrows[each->first.first], ArrowOf(each->first.second, each->second));
  }
  for (const auto& [number, each] : in_order) {
    absl::StrAppend(&arrows[each->second.target], " <-", each->first.first);
  }
  Named named;
  for (const auto& [id, twin] : state.twins) {
    absl::StrAppend(&text, LineOf(id, twin), arrows[id]);
    const auto it = twin.values.find("name");
    if (it != twin.values.end()) named[{twin.model, it->second.value.as_string()}].push_back(id);
  }
  return text + NamedLines(named);
}

std::string TextOf(const graph::GraphView& view) {
  std::string text =
      HeadLine(view.sequence().value, view.time(), view.twins(), view.relationships());
  std::map<std::string, bool> models;
  std::map<std::string, std::string> lines;
  for (const graph::ModelState& state : view.catalog().states()) {
    if (state.deleted) continue;
    models[state.id] = state.decommissioned;
    uint32_t next = 0;
    for (const TwinNumber twin : view.ListTwins(state.table, 0, 1000, &next)) {
      const std::string id(view.IdOf(twin));
      std::string& line = lines[id];
      line = LineOf(id, TwinOf(view, twin));
      for (RelationshipNumber each = view.FirstOutgoing(twin); !(each == kNoRelationship);
           each = view.NextOutgoing(each)) {
        absl::StrAppend(&line, ArrowOf(view, each));
      }
      for (RelationshipNumber each = view.FirstIncoming(twin); !(each == kNoRelationship);
           each = view.NextIncoming(each)) {
        absl::StrAppend(&line, " <-", view.IdOf(view.Get(each).source));
      }
      if (!(view.FindTwin(id) == twin)) absl::StrAppend(&line, " is not found by its id");
    }
  }
  absl::StrAppend(&text, ModelLines(models));
  for (const auto& [id, line] : lines) absl::StrAppend(&text, line);
  return text + NamedLines(NamedIn(view, Names()));
}

}  // namespace twin::sim
