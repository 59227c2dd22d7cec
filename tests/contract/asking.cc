#include "tests/contract/asking.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/float.h"
#include "tests/support/import_file.h"

namespace twin::testing {

using query::Field;
using query::Vector;

TableId Asking::Table(absl::string_view model) const {
  for (const query::Model& each : reader_.catalog().models()) {
    if (each.id == model) return each.table;
  }
  TWIN_CHECK(false) << model;
  return TableId();
}

std::vector<RelationshipTypeId> Asking::Types(absl::string_view name) const {
  return reader_.catalog().TypesNamed(name);
}

std::string Asking::IdOf(uint32_t twin) const { return FieldOf(twin, Field::kId).as_string(); }
Value Asking::FieldOf(uint32_t twin, Field field) const {
  Vector out;
  reader_.ReadField({twin}, field, &out);
  return out.Get(0);
}

Value Asking::RelationshipField(uint32_t relationship, Field field) const {
  Vector out;
  reader_.ReadRelationshipField({relationship}, field, &out);
  return out.Get(0);
}

std::vector<uint32_t> Asking::Twins(const std::vector<std::string>& ids) const {
  std::vector<uint32_t> twins;
  twins.reserve(ids.size());
  for (const std::string& id : ids) twins.push_back(reader_.Find(id).value);
  return twins;
}

std::vector<std::string> Asking::Values(const std::vector<std::string>& ids,
                                        absl::string_view path) const {
  std::vector<query::Place> places;
  reader_.Places(Twins(ids), &places);
  std::vector<uint32_t> rows;
  for (const query::Place& place : places) rows.push_back(place.row);
  const query::Model& model = reader_.catalog().model(TableId(places[0].table));
  Vector out;
  reader_.Read(model.table, model.by_path.at(path), rows, &out);
  EXPECT_EQ(out.rows, ids.size());
  EXPECT_EQ(out.kind, model.Find(path)->type);
  return Texts(out);
}

std::vector<std::string> Asking::Texts(const Vector& vector) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < vector.rows; ++i) texts.push_back(ValueToJson(vector.Get(i)));
  return texts;
}

std::vector<std::string> Asking::Expand(const std::vector<std::string>& ids, Direction direction,
                                        const std::vector<RelationshipTypeId>& types, bool any,
                                        size_t max) const {
  const std::vector<uint32_t> twins = Twins(ids);
  std::vector<std::string> found;
  query::Expansion out;
  for (size_t first = 0; first < twins.size();) {
    const size_t next = reader_.Expand(twins, first, direction, types, any, max, &out);
    EXPECT_GT(next, first);
    EXPECT_EQ(out.sources.size(), out.targets.size());
    EXPECT_EQ(out.sources.size(), out.relationships.size());
    for (size_t i = 0; i < out.sources.size(); ++i) {
      EXPECT_TRUE(out.sources[i] >= first && out.sources[i] < next);
      found.push_back(absl::StrCat(ids[out.sources[i]], " ",
                                   RelationshipField(out.relationships[i], Field::kId).as_string(),
                                   " ", IdOf(out.targets[i])));
    }
    EXPECT_TRUE(next == twins.size() || out.sources.size() >= max);
    first = next;
  }
  EXPECT_EQ(found.size(), reader_.CountExpand(twins, direction, types, any));
  return found;
}

std::vector<std::string> Asking::Scan(absl::string_view model, uint32_t chunk) const {
  std::vector<std::string> ids;
  const TableId table = Table(model);
  for (uint32_t first = 0; first < reader_.Rows(table); first += chunk) {
    std::vector<uint32_t> twins;
    std::vector<query::Place> places;
    reader_.Scan(table, first, chunk, &twins, &places);
    std::vector<query::Place> again;
    reader_.Places(twins, &again);
    EXPECT_EQ(places.size(), twins.size());
    for (size_t i = 0; i < twins.size(); ++i) {
      ids.push_back(IdOf(twins[i]));
      EXPECT_EQ(places[i].table, table.value);
      EXPECT_TRUE(places[i].row >= first && places[i].row - first < chunk);
      EXPECT_EQ(places[i].row, again[i].row);
      EXPECT_EQ(places[i].table, again[i].table);
    }
  }
  return ids;
}

void Asking::CheckPages(const query::Model& model) const {
  using Stored = query::ColumnPage::Stored;
  const uint32_t page_rows = reader_.page_rows();
  if (page_rows == 0 || !reader_.TwinsAreInPages(model.table)) return;
  EXPECT_EQ(page_rows % 8, 0);
  for (uint32_t row = 0; row < reader_.Rows(model.table); ++row) {
    std::vector<uint32_t> twins;
    std::vector<query::Place> places;
    reader_.Scan(model.table, row, 1, &twins, &places);
    const uint32_t index = row % page_rows;
    const uint32_t* page = reader_.TwinPage(model.table, row / page_rows);
    ASSERT_EQ(page == nullptr ? 0 : page[index], twins.empty() ? 0 : twins[0] + 1);
    for (uint32_t c = 0; c < model.columns.size() && !twins.empty(); ++c) {
      if (!reader_.ValuesAreInPages(model.table, ColumnId(c))) continue;
      query::ColumnPage pages[3];  // two of them may be none
      const uint32_t first = row / page_rows - std::min(row / page_rows, row % 2);
      reader_.PagesOf(model.table, ColumnId(c), first, absl::MakeSpan(pages));
      const query::ColumnPage& column = pages[row / page_rows - first];
      Vector one;
      reader_.Read(model.table, ColumnId(c), {row}, &one);
      const bool has = column.has != nullptr && ((column.has[index / 8] >> (index % 8)) & 1) != 0;
      ASSERT_EQ(has, !one.IsNull(0)) << model.columns[c].path;
      if (!has) continue;
      const auto stored = [&](auto value) {
        std::memcpy(&value, column.values + index * sizeof(value), sizeof(value));
        return value;
      };
      if (column.stored == Stored::kBool) {
        EXPECT_EQ(stored(uint8_t{}), one.bools[0]);
      }
      if (column.stored == Stored::kCode) {
        EXPECT_EQ(int64_t{stored(uint32_t{})}, reader_.CodeOf(one.strings[0]));
        EXPECT_NE(int64_t{stored(uint32_t{})}, reader_.CodeOf(absl::StrCat(one.strings[0], "~")));
      }
      if (column.stored == Stored::kInt32) {
        EXPECT_EQ(stored(int32_t{}), one.ints[0]);
      }
      if (column.stored == Stored::kInt64) {
        EXPECT_EQ(stored(int64_t{}), one.ints[0]);
      }
      if (column.stored == Stored::kFloat) {
        EXPECT_EQ(FromFloat(stored(float{})), one.doubles[0]);
      }
      if (column.stored == Stored::kDouble) {
        EXPECT_EQ(stored(double{}), one.doubles[0]);
      }
    }
  }
}

void Asking::CheckRuns(const query::Model& model) const {
  const std::vector<RelationshipTypeId> has = Types("has");
  std::vector<query::Hop> all;
  for (const Direction direction :
       {Direction::kOutgoing, Direction::kIncoming, Direction::kEither}) {
    all.push_back({direction, has, false});
    all.push_back({direction, {}, true});
  }
  std::vector<uint32_t> twins;
  std::vector<query::Place> places;
  reader_.Scan(model.table, 0, reader_.Rows(model.table), &twins, &places);
  for (size_t path = 0; path < all.size() * (all.size() + 1); ++path) {
    std::vector<query::Hop> hops = {all[path % all.size()]};
    if (path >= all.size()) hops.push_back(all[path / all.size() - 1]);
    const std::shared_ptr<const query::RowRuns> runs =
        reader_.RunsOf(model.table, hops, [] { return absl::OkStatus(); });
    for (size_t i = 0; i < twins.size() && runs != nullptr; ++i) {
      std::vector<uint32_t> ends = {twins[i]};
      for (const query::Hop& hop : hops) {
        query::Expansion found;
        reader_.Expand(ends, 0, hop.direction, hop.types, hop.any_type, SIZE_MAX, &found);
        ends = found.targets;
      }
      std::vector<uint32_t> got;
      for (const query::RowRuns::Run& run : runs->From(places[i].row)) {
        std::vector<query::Place> unused;
        reader_.Scan(TableId(run.table), run.row, run.count, &got, &unused);
      }
      ASSERT_EQ(got, ends);
    }
  }
}

std::string Asking::Dump(bool of_past) const {
  std::map<std::string, std::string> lines;
  for (const query::Model& model : reader_.catalog().models()) {
    const std::vector<std::string> ids = Scan(model.id, 7);
    EXPECT_EQ(ids.size(), reader_.Twins(model.table));
    CheckPages(model);
    CheckRuns(model);
    for (const std::string& id : ids) {
      const uint32_t twin = reader_.Find(id).value;
      std::string text = ValueToJson(FieldOf(twin, Field::kMetadata));
      if (!of_past) absl::StrAppend(&text, " ", FieldOf(twin, Field::kEtag).as_string());
      for (const query::Column& column : model.columns) {
        if (column.is_object) continue;
        absl::StrAppend(&text, " ", Values({id}, column.path)[0]);
      }
      for (const Direction direction :
           {Direction::kOutgoing, Direction::kIncoming, Direction::kEither}) {
        absl::StrAppend(&text, "\n  ", absl::StrJoin(Expand({id}, direction, {}, true), "; "));
        absl::StrAppend(&text, "\n  ", absl::StrJoin(Expand({id}, direction, Types("has")), "; "));
      }
      lines[id] = text;
    }
  }
  std::string all = absl::StrCat("at ", reader_.sequence().value, "\n");
  for (const auto& [id, text] : lines) absl::StrAppend(&all, id, ": ", text, "\n");
  return all;
}

}  // namespace twin::testing
