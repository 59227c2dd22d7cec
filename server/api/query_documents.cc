// Documents: read column by column for all twins of a model, written row by row.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/dtdl/model.h"
#include "server/api/json.h"
#include "server/api/query_rows.h"
#include "server/base/check.h"

namespace twin::api {
namespace {

using query::Field;
using query::Vector;

std::string KeyOf(absl::string_view name) {
  std::string key;
  AppendJsonString(name, &key);
  key.push_back(':');
  return key;
}

void AppendField(absl::string_view key, const Vector& field, size_t row, std::string* text) {
  absl::StrAppend(text, key);
  if (field.IsNull(row)) {
    text->append("null");
  } else {
    AppendJson(field, row, text);
  }
}

// Indices of `items` by their group, in the order in which groups appear.
std::vector<std::pair<uint32_t, std::vector<uint32_t>>> GroupsOf(absl::Span<const uint32_t> items) {
  std::vector<std::pair<uint32_t, std::vector<uint32_t>>> groups;
  absl::flat_hash_map<uint32_t, size_t> at;
  for (uint32_t i = 0; i < items.size(); ++i) {
    // Neighbours are mostly of one group.
    if (groups.empty() || groups.back().first != items[i]) {
      const auto [found, is_new] = at.try_emplace(items[i], groups.size());
      if (is_new) {
        groups.push_back({items[i], {}});
      } else {
        groups[found->second].second.push_back(i);
        continue;
      }
    }
    groups.back().second.push_back(i);
  }
  return groups;
}

}  // namespace

void DocumentWriter::Put(absl::string_view path, int column, std::vector<Member>* members) {
  const size_t dot = path.find('.');
  const absl::string_view name = path.substr(0, dot);
  auto it = std::find_if(members->begin(), members->end(),
                         [&](const Member& member) { return member.name == name; });
  if (it == members->end()) {
    Member member;
    member.name = std::string(name);
    member.key = KeyOf(name);
    members->push_back(std::move(member));
    it = members->end() - 1;
  }
  if (dot == absl::string_view::npos) {
    it->column = column;
  } else if (dot + 1 == path.size()) {
    it->object_column = column;
  } else {
    Put(path.substr(dot + 1), column, &it->members);
  }
}

const DocumentWriter::Table& DocumentWriter::TableOf(TableId id) {
  const auto [found, is_new] = tables_.try_emplace(id.value);
  Table& table = found->second;
  if (!is_new) return table;
  const query::Model& model = graph_.catalog().model(id);
  // Components come first, also where they hold nothing.
  const auto add_components = [](const auto& self, const dtdl::Interface& interface,
                                 std::vector<Member>* members) -> void {
    for (const dtdl::Content* content : interface.contents) {
      if (content->kind != dtdl::Class::kComponent) continue;
      Member member;
      member.name = std::string(content->name);
      member.key = KeyOf(content->name);
      member.always = true;
      self(self, *content->component, &member.members);
      members->push_back(std::move(member));
    }
  };
  if (model.interface != nullptr) {
    add_components(add_components, *model.interface, &table.members);
  }
  for (uint32_t i = 0; i < model.columns.size(); ++i) {
    if (model.columns[i].telemetry && !options_.include_telemetry) continue;
    Put(model.columns[i].path, static_cast<int>(table.columns.size()), &table.members);
    table.columns.emplace_back(i);
  }
  return table;
}

bool DocumentWriter::Append(const std::vector<Member>& members, absl::Span<const Vector> columns,
                            size_t row, bool first, std::string* text) {
  for (const Member& member : members) {
    const size_t before = text->size();
    if (!first) text->push_back(',');
    text->append(member.key);
    if (member.column >= 0) {
      const Vector& column = columns[static_cast<size_t>(member.column)];
      if (column.IsNull(row)) {
        text->resize(before);
        continue;
      }
      AppendJson(column, row, text);
    } else {
      text->push_back('{');
      const bool empty = Append(member.members, columns, row, true, text);
      const bool always =
          member.always || (member.object_column >= 0 &&
                            !columns[static_cast<size_t>(member.object_column)].IsNull(row));
      if (empty && !always) {
        text->resize(before);
        continue;
      }
      text->push_back('}');
    }
    first = false;
  }
  return first;
}

void DocumentWriter::Twins(absl::Span<const uint32_t> twins, std::vector<std::string>* documents) {
  documents->assign(twins.size(), "");
  if (twins.empty()) return;
  std::vector<query::Place> places;
  graph_.Places(twins, &places);
  TWIN_CHECK(places.size() == twins.size());
  Vector ids, etags, metadata, models, times;
  graph_.ReadField(twins, Field::kId, &ids);
  graph_.ReadField(twins, Field::kEtag, &etags);
  if (options_.include_times) {
    graph_.ReadField(twins, Field::kMetadata, &metadata);
  } else {
    graph_.ReadField(twins, Field::kModel, &models);
    graph_.ReadField(twins, Field::kLastUpdateTime, &times);
  }

  std::vector<uint32_t> table_of_twin;
  table_of_twin.reserve(places.size());
  for (const query::Place& place : places) table_of_twin.push_back(place.table);
  std::vector<Vector> columns;
  std::vector<uint32_t> rows;
  for (const auto& [table_id, members] : GroupsOf(table_of_twin)) {
    const Table& table = TableOf(TableId(table_id));
    rows.clear();
    for (const uint32_t i : members) rows.push_back(places[i].row);
    columns.resize(table.columns.size());
    for (size_t c = 0; c < table.columns.size(); ++c) {
      graph_.Read(TableId(table_id), table.columns[c], rows, &columns[c]);
    }
    for (size_t r = 0; r < members.size(); ++r) {
      const uint32_t i = members[r];
      std::string& text = (*documents)[i];
      AppendField("{\"$dtId\":", ids, i, &text);
      AppendField(",\"$etag\":", etags, i, &text);
      if (options_.include_times) {
        AppendField(",\"$metadata\":", metadata, i, &text);
      } else {
        AppendField(",\"$metadata\":{\"$model\":", models, i, &text);
        AppendField(",\"$lastUpdateTime\":", times, i, &text);
        text.push_back('}');
      }
      Append(table.members, columns, r, false, &text);
      text.push_back('}');
    }
  }
}

void DocumentWriter::Relationships(absl::Span<const uint32_t> relationships,
                                   std::vector<std::string>* documents) {
  documents->assign(relationships.size(), "");
  if (relationships.empty()) return;
  std::vector<uint32_t> types;
  graph_.RelationshipTypes(relationships, &types);
  TWIN_CHECK(types.size() == relationships.size());
  Vector ids, etags, sources, names, targets;
  graph_.ReadRelationshipField(relationships, Field::kId, &ids);
  graph_.ReadRelationshipField(relationships, Field::kEtag, &etags);
  graph_.ReadRelationshipField(relationships, Field::kSourceId, &sources);
  graph_.ReadRelationshipField(relationships, Field::kName, &names);
  graph_.ReadRelationshipField(relationships, Field::kTargetId, &targets);

  std::vector<Vector> columns;
  std::vector<uint32_t> some;
  for (const auto& [type_id, rows] : GroupsOf(types)) {
    const query::RelationshipType& type =
        graph_.catalog().relationship_type(RelationshipTypeId(type_id));
    some.clear();
    for (const uint32_t i : rows) some.push_back(relationships[i]);
    columns.resize(type.columns.size());
    std::vector<Member> members;
    for (uint32_t c = 0; c < type.columns.size(); ++c) {
      graph_.ReadRelationship(type.id, ColumnId(c), some, &columns[c]);
      Put(type.columns[c].path, static_cast<int>(c), &members);
    }
    for (size_t r = 0; r < rows.size(); ++r) {
      const uint32_t i = rows[r];
      std::string& text = (*documents)[i];
      AppendField("{\"$relationshipId\":", ids, i, &text);
      AppendField(",\"$etag\":", etags, i, &text);
      AppendField(",\"$sourceId\":", sources, i, &text);
      AppendField(",\"$relationshipName\":", names, i, &text);
      AppendField(",\"$targetId\":", targets, i, &text);
      Append(members, columns, r, false, &text);
      text.push_back('}');
    }
  }
}

void DocumentWriter::Paths(absl::Span<const query::PathValue* const> paths,
                           std::vector<std::string>* documents) {
  documents->assign(paths.size(), "");
  std::vector<uint32_t> twins, relationships;
  for (const query::PathValue* path : paths) {
    if (path == nullptr) continue;
    for (size_t i = 0; i < path->size(); ++i) {
      (i % 2 == 0 ? twins : relationships).push_back((*path)[i]);
    }
  }
  std::vector<std::string> twin_documents, relationship_documents;
  Twins(twins, &twin_documents);
  Relationships(relationships, &relationship_documents);
  size_t twin = 0;
  size_t relationship = 0;
  for (size_t p = 0; p < paths.size(); ++p) {
    if (paths[p] == nullptr) continue;
    std::string& text = (*documents)[p];
    text.push_back('[');
    for (size_t i = 0; i < paths[p]->size(); ++i) {
      if (i > 0) text.push_back(',');
      text.append(i % 2 == 0 ? twin_documents[twin++] : relationship_documents[relationship++]);
    }
    text.push_back(']');
  }
}

}  // namespace twin::api
