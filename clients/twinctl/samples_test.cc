#include "clients/twinctl/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <deque>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/tabular/csv.h"
#include "clients/tabular/lines.h"
#include "clients/twinctl/twin_json.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr int64_t kTime = 1'620'177'000'250'000'000;

// Three rows of one twin, with a column of each kind.
v1::SampleBatch Batch() {
  v1::SampleBatch batch;
  batch.add_twin_ids("pack, 1");
  for (int i = 0; i < 3; ++i) batch.add_times_unix_nano(kTime + i);
  v1::SampleColumn* column = batch.add_columns();
  column->set_path("voltage");
  for (const double number : {3.658, std::nan(""), 42.0}) column->add_doubles(number);
  column = batch.add_columns();
  column->set_path("level");
  for (const int number : {1, 0, 0}) column->add_ints(number);
  column->add_missing(1);
  column = batch.add_columns();
  column->set_path("state");
  for (const char* text : {"a \"b\"", "", ""}) column->add_strings(text);
  column->add_missing(2);
  column = batch.add_columns();
  column->set_path("any");
  column->add_values()->set_bool_value(true);
  column->add_values();
  column->add_values()->mutable_array_value()->add_values()->set_int_value(7);
  return batch;
}

TEST(SamplesTest, AreCsv) {
  const v1::SampleBatch batch = Batch();
  const SampleRows rows(batch);
  std::string text = CsvTitles({"state", "voltage", "no", "level", "any"});
  for (int row = 0; row < rows.size(); ++row) {
    AppendCsvRow(rows, row, {2, 0, -1, 1, 3}, &text);
  }
  EXPECT_EQ(text,
            "twin,time,state,voltage,no,level,any\n"
            "\"pack, 1\",2021-05-05T01:10:00.25Z,\"a \"\"b\"\"\",3.658,,1,true\n"
            "\"pack, 1\",2021-05-05T01:10:00.250000001Z,\"\",,,,\n"
            "\"pack, 1\",2021-05-05T01:10:00.250000002Z,,42,,0,\"json:[7]\"\n");
}

TEST(SamplesTest, ListsAndTextsComeBackFromCsv) {
  for (const char* json :
       {R"([1,2.5,"a,b"])", R"([])", R"({"x":[true,null]})", R"("[1,2]")", R"("json:[1]")"}) {
    v1::SampleBatch batch;
    batch.add_twin_ids("a");
    batch.add_times_unix_nano(0);
    *batch.add_columns()->add_values() = ToValue(Json::parse(json));
    std::string field;
    SampleRows(batch).AppendCsv(0, 0, &field);
    const std::string path = absl::StrCat(::testing::TempDir(), "/field-", getpid(), ".csv");
    std::ofstream(path) << field << '\n';
    absl::StatusOr<tabular::LineReader> lines = tabular::LineReader::Open(path);
    ASSERT_TRUE(lines.ok());
    tabular::CsvReader reader(&*lines);
    ASSERT_TRUE(reader.Next()) << field;
    ASSERT_EQ(reader.fields().size(), 1U) << field;
    const absl::StatusOr<v1::Value> value =
        ValueOfField(reader.fields()[0].text, reader.fields()[0].quoted);
    ASSERT_TRUE(value.ok()) << field;
    EXPECT_EQ(JsonOf(*value).dump(), json) << field;
  }
  EXPECT_FALSE(ValueOfField("json:[1", true).ok());
}

TEST(SamplesTest, AreNdjson) {
  const v1::SampleBatch batch = Batch();
  const SampleRows rows(batch);
  std::string text;
  for (int row = 0; row < rows.size(); ++row) AppendNdjsonRow(batch, rows, row, &text);
  EXPECT_EQ(text,
            R"({"twin":"pack, 1","time":"2021-05-05T01:10:00.25Z","voltage":3.658,"level":1,)"
            R"("state":"a \"b\"","any":true})"
            "\n"
            R"({"twin":"pack, 1","time":"2021-05-05T01:10:00.250000001Z","state":""})"
            "\n"
            R"({"twin":"pack, 1","time":"2021-05-05T01:10:00.250000002Z","voltage":42,"level":0,)"
            R"("any":[7]})"
            "\n");
}

TEST(SamplesTest, ABatchWithoutTwinsHasNoRows) {
  EXPECT_EQ(SampleRows(v1::SampleBatch()).size(), 0);
}

TEST(SampleBuilderTest, SendsNumbersWithAFractionAsDoubles) {
  SampleBuilder builder;
  builder.BeginRow("a", 1);
  builder.Set("voltage", *ValueOfField("3.5", false));
  builder.Set("level", *ValueOfField("2", false));
  builder.Set("state", *ValueOfField("4", true));
  builder.BeginRow("b", 2);
  builder.Set("level", *ValueOfField("3", false));
  builder.Set("voltage", *ValueOfField("4", false));
  builder.Set("state", *ValueOfField("5", false));
  EXPECT_EQ(builder.rows(), 2u);
  std::deque<SampleBuilder::Piece> pieces = builder.Take();
  EXPECT_EQ(builder.rows(), 0u);
  ASSERT_EQ(pieces.size(), 1u);
  const v1::SampleBatch& batch = pieces[0].batch;
  EXPECT_EQ(batch.twin_ids(1), "b");
  EXPECT_EQ(batch.times_unix_nano(1), 2);
  ASSERT_EQ(batch.columns_size(), 3);
  EXPECT_EQ(batch.columns(0).path(), "level");
  ASSERT_EQ(batch.columns(0).values_size(), 2);
  EXPECT_EQ(batch.columns(0).values(0).int_value(), 2);
  EXPECT_EQ(batch.columns(1).values(0).string_value(), "4");
  ASSERT_EQ(batch.columns(2).doubles_size(), 2);
  EXPECT_EQ(batch.columns(2).doubles(1), 4);

  builder.BeginRow("a", 3);
  builder.Set("voltage", *ValueOfField("5", false));
  pieces = builder.Take();
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].batch.columns(0).doubles_size(), 1) << "once a double, always one";
}

TEST(SampleBuilderTest, WhatARowDoesNotNameIsNotSent) {
  SampleBuilder builder;
  const auto add = [&](const char* twin, int64_t time, uint64_t line,
                       const std::vector<std::string>& paths) {
    builder.BeginRow(twin, time, line);
    for (const std::string& path : paths) {
      builder.Set(path, *ValueOfField(std::to_string(line), false));
    }
  };
  add("a", 1, 1, {"x"});
  add("a", 2, 2, {"y", "x"});
  add("a", 3, 3, {});
  add("a", 4, 4, {"x"});
  add("a", 2, 5, {"x"});  // must not overtake, and must not be overtaken by, line 2
  add("a", 5, 6, {"x", "y"});
  std::vector<std::vector<uint64_t>> lines;
  for (const SampleBuilder::Piece& piece : builder.Take()) {
    lines.push_back(piece.lines);
    EXPECT_EQ(piece.batch.twin_ids_size(), static_cast<int>(piece.lines.size()));
    for (const v1::SampleColumn& column : piece.batch.columns()) {
      ASSERT_EQ(column.values_size(), static_cast<int>(piece.lines.size()));
      for (int row = 0; row < column.values_size(); ++row) {
        EXPECT_EQ(column.values(row).int_value(),
                  static_cast<int64_t>(piece.lines[static_cast<size_t>(row)]));
      }
    }
  }
  using ::testing::ElementsAre;
  EXPECT_THAT(lines,
              ElementsAre(ElementsAre(1, 4), ElementsAre(2), ElementsAre(5), ElementsAre(6)));
}

TEST(SamplesTest, AZeroKeepsItsSign) {
  v1::SampleBatch batch;
  batch.add_twin_ids("a");
  batch.add_times_unix_nano(kTime);
  v1::SampleColumn& column = *batch.add_columns();
  column.set_path("x");
  column.add_doubles(-0.0);
  const SampleRows rows(batch);
  std::string text;
  rows.AppendCsv(0, 0, &text);
  EXPECT_EQ(text, "-0.0");
  EXPECT_TRUE(std::signbit(ValueOfField(text, false)->double_value()));
  text.clear();
  rows.AppendJson(0, 0, &text);
  EXPECT_EQ(text, "-0.0");
}

TEST(SampleBuilderTest, FieldsAreWhatTheyLookLike) {
  EXPECT_EQ(ValueOfField("-7", false)->int_value(), -7);
  EXPECT_EQ(ValueOfField("1e3", false)->double_value(), 1000);
  EXPECT_TRUE(ValueOfField("true", false)->bool_value());
  EXPECT_EQ(ValueOfField("true", true)->string_value(), "true");
  EXPECT_EQ(ValueOfField("2026-01-01", false)->string_value(), "2026-01-01");
  EXPECT_EQ(ValueOfField("9223372036854775808", false)->double_value(), 0x1p63);
  EXPECT_EQ(ValueOfField("nan", false)->kind_case(), v1::Value::KIND_NOT_SET);
}

}  // namespace
}  // namespace twin::twinctl
