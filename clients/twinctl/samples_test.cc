#include "clients/twinctl/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

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
            "\"pack, 1\",2021-05-05T01:10:00.250000002Z,,42,,0,[7]\n");
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
  builder.Set("voltage", ValueOfField("3.5", false));
  builder.Set("level", ValueOfField("2", false));
  builder.BeginRow("b", 2);
  builder.Set("voltage", ValueOfField("4", false));
  builder.Set("state", ValueOfField("4", true));
  EXPECT_EQ(builder.rows(), 2u);
  v1::SampleBatch batch;
  builder.Take(&batch);
  EXPECT_EQ(builder.rows(), 0u);
  EXPECT_EQ(batch.twin_ids(1), "b");
  EXPECT_EQ(batch.times_unix_nano(1), 2);
  ASSERT_EQ(batch.columns_size(), 3);
  EXPECT_EQ(batch.columns(0).path(), "level");
  ASSERT_EQ(batch.columns(0).values_size(), 2);
  EXPECT_EQ(batch.columns(0).values(0).int_value(), 2);
  EXPECT_EQ(batch.columns(0).values(1).kind_case(), v1::Value::KIND_NOT_SET);
  EXPECT_EQ(batch.columns(1).values(1).string_value(), "4");
  ASSERT_EQ(batch.columns(2).doubles_size(), 2);
  EXPECT_EQ(batch.columns(2).doubles(1), 4);

  builder.BeginRow("a", 3);
  builder.Set("voltage", ValueOfField("5", false));
  batch.Clear();
  builder.Take(&batch);
  EXPECT_EQ(batch.columns(0).doubles_size(), 1) << "once a double, always one";
}

TEST(SampleBuilderTest, FieldsAreWhatTheyLookLike) {
  EXPECT_EQ(ValueOfField("-7", false).int_value(), -7);
  EXPECT_EQ(ValueOfField("1e3", false).double_value(), 1000);
  EXPECT_TRUE(ValueOfField("true", false).bool_value());
  EXPECT_EQ(ValueOfField("true", true).string_value(), "true");
  EXPECT_EQ(ValueOfField("2026-01-01", false).string_value(), "2026-01-01");
  EXPECT_EQ(ValueOfField("9223372036854775808", false).double_value(), 0x1p63);
  EXPECT_EQ(ValueOfField("nan", false).kind_case(), v1::Value::KIND_NOT_SET);
}

}  // namespace
}  // namespace twin::twinctl
