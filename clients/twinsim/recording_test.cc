#include "clients/twinsim/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "clients/twinsim/frames.h"
#include "tests/support/status_matchers.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr char kMap[] = R"(
ignore = ["note"]
[time]
column = "t"
format = "unix"
[[column]]
source = "current"
twin = "pack"
path = "current"
sign = -1
[[column]]
source = "v{i}_mv"
twin = "cell"
path = "voltage"
unit = "mV"
invalid = [5000]
)";

class RecordingTest : public ::testing::Test {
 protected:
  ~RecordingTest() override { std::remove(path_.c_str()); }
  absl::StatusOr<Recording> Open(const std::string& text, const std::string& map = kMap) {
    std::ofstream(path_, std::ios::binary) << text;
    absl::StatusOr<ColumnMap> parsed = ParseColumnMap(map, "map");
    if (!parsed.ok()) return parsed.status();
    return Recording::Open(path_, *std::move(parsed));
  }
  const std::string path_ =
      absl::StrCat(::testing::TempDir(), "recording_", getpid(), "_",
                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(RecordingTest, TheLastRowOfATimeStandsWhole) {
  const absl::StatusOr<Recording> recording = Open(
      "t,current,v1_mv,v2_mv,note,other\n"
      "10,0.75,3658,3657,a,1\n"
      "30,-1,3660,,b,2\n"
      "10,0.5,,5000,c,3\n"
      "20.5,,66535,3.50e3,d,4\n");
  ASSERT_THAT(recording.status(), IsOk());
  EXPECT_EQ(recording->rows(), 3u);
  EXPECT_EQ(recording->rows_replaced(), 1u);
  EXPECT_EQ(recording->cells(), 2);
  EXPECT_EQ(recording->probes(), 0);
  EXPECT_EQ(recording->first_nanos(), 10'000'000'000);
  EXPECT_EQ(recording->last_nanos(), 30'000'000'000);
  EXPECT_THAT(recording->unmapped(), ElementsAre("other"));
  ASSERT_EQ(recording->columns().size(), 2u);
  EXPECT_EQ(recording->columns()[0].encoding, v1::INT16);
  EXPECT_EQ(recording->columns()[0].digits, 2);
  EXPECT_EQ(recording->columns()[1].encoding, v1::DOUBLE);  // an exponent is no plain decimal
  std::vector<std::string> rows;
  EXPECT_THAT(recording->Visit([&](const Recording::Row& row) {
    rows.push_back(absl::StrCat(row.time_nanos / 1'000'000, ":", row.raws[0], ",", row.doubles[1],
                                ",", row.doubles[2], "=", row.values));
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_THAT(rows, ElementsAre("30000:-100,3.66,nan=2", "10000:50,nan,nan=1",
                                "20500:-32768,66.535,3.5=2"));
}

TEST_F(RecordingTest, TakesTheSmallestEncodingThatHoldsAllValues) {
  const auto encoding = [&](const std::string& value) {
    const absl::StatusOr<Recording> recording = Open("t,current\n1," + value + "\n2,\n");
    EXPECT_THAT(recording.status(), IsOk());
    return recording->columns()[0].encoding;
  };
  EXPECT_EQ(encoding("25.4"), v1::UINT8);
  EXPECT_EQ(encoding("25.5"), v1::INT16);
  EXPECT_EQ(encoding("-3.2767"), v1::INT16);
  EXPECT_EQ(encoding("65534"), v1::UINT16);
  EXPECT_EQ(encoding("65535"), v1::INT32);
  EXPECT_EQ(encoding("-2147483648"), v1::INT64);
  EXPECT_EQ(encoding("9007199254740993"), v1::DOUBLE);
  EXPECT_EQ(encoding("0.0000000001"), v1::DOUBLE);
}

TEST_F(RecordingTest, LongFractionsSpoilNoOthers) {
  const absl::StatusOr<Recording> recording =
      Open("t,v1_mv,v2_mv\n1,3658,5000\n2,3673.123456,3651\n");
  ASSERT_THAT(recording.status(), IsOk());
  EXPECT_EQ(recording->columns()[0].encoding, v1::DOUBLE);
  std::vector<double> values;
  const absl::Status status = recording->Visit([&](const Recording::Row& row) {
    values.insert(values.end(), row.doubles.begin(), row.doubles.end());
    return absl::OkStatus();
  });
  ASSERT_THAT(status, IsOk());
  EXPECT_THAT(values, ElementsAre(3.658, ::testing::IsNan(), 3.673123456, 3.651));
}

TEST_F(RecordingTest, NamesTheLineOfWhatIsWrong) {
  const auto message = [&](const std::string& text) {
    return std::string(absl::StrReplaceAll(Open(text).status().message(), {{path_, "FILE"}}));
  };
  EXPECT_EQ(message("t,v1_mv\n1,3\n\nx,4\n"), "FILE:4: 'x' is no number of seconds");
  EXPECT_EQ(message("t,v1_mv\n1,3\n2,abc\n"),
            "FILE:3: 'abc' is no number; a missing value is empty");
  EXPECT_EQ(message("t,v1_mv\n1,3\n2\n"), "FILE:3: 1 fields, where the first line has 2");
  EXPECT_EQ(message("t,x\n1,3\n"), "FILE:1: no column is one of the map's");
  EXPECT_EQ(message("x,v1_mv\n1,3\n"),
            "FILE:1: there is no column 't', which the map has for the time");
  EXPECT_EQ(message("t,v1_mv\n"), "FILE has no rows");
  EXPECT_EQ(message(""), "FILE is empty");
}

TEST(ColumnMapTest, TheDefaultMapIsRight) {
  const absl::StatusOr<ColumnMap> map = ParseColumnMap(DefaultMapText(), "default");
  ASSERT_THAT(map.status(), IsOk());
  EXPECT_EQ(map->modules, 12);
  EXPECT_EQ(*ParseRecordedTime("2021-05-05 09:10:00", *map), 1'620'177'000'000'000'000);
  EXPECT_THAT(ParseRecordedTime("2021-05-05", *map).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
  for (const MappedColumn& column : map->columns) {
    if (column.path == "current") {
      EXPECT_EQ(column.scale.mantissa, -1);
    } else if (column.source == "v{i}_mv") {
      EXPECT_EQ(tabular::ToDouble(column.scale), 0.001);
    }
  }
}

TEST(ColumnMapTest, NamesThePlaceOfWhatIsWrong) {
  const auto message = [](const std::string& text) {
    return std::string(ParseColumnMap(text, "m").status().message());
  };
  const std::string time = "[time]\ncolumn = 't'\nformat = 'unix'\n";
  EXPECT_THAT(message("x = "), HasSubstr("m:1:"));
  EXPECT_THAT(message("[[column]]\n"), HasSubstr("there is no [time]"));
  EXPECT_THAT(message(time), HasSubstr("there is no [[column]]"));
  EXPECT_THAT(message(time + "zone = 'Mars'\n[[column]]\n"), HasSubstr("'Mars' is no time zone"));
  EXPECT_THAT(message(time + "[[column]]\nsource='a'\npath='b'\ntwin='car'\n"),
              HasSubstr("m:4:1: 'twin' is one of vehicle, pack, bms, cell, probe"));
  EXPECT_THAT(message(time + "[[column]]\nsource='a'\npath='b'\ntwin='cell'\n"),
              HasSubstr("has {i} for their number"));
  EXPECT_THAT(message(time + "[[column]]\nsource='a'\npath='b'\ntwin='pack'\nunit='mile'\n"),
              HasSubstr("'unit' is one of V, mV"));
  EXPECT_THAT(message(time + "[[column]]\nsource='a'\npath='b'\ntwin='pack'\nsgn=1\n"),
              HasSubstr("m:8:5: unknown key 'sgn'"));
}

TEST(FramePackerTest, PacksColumnByColumn) {
  FramePacker packer("l", {v1::INT16, v1::UINT8, v1::DOUBLE});
  packer.Add(1, {-2, 7, 0}, {0, 0, 1.0});
  packer.Add(2, {258, 255, 0}, {0, 0, -2.0});
  EXPECT_EQ(packer.frames(), 2);
  const v1::FrameBatch batch = packer.Take();
  EXPECT_EQ(batch.layout_id(), "l");
  EXPECT_THAT(batch.times_unix_nano(), ElementsAre(1, 2));
  EXPECT_EQ(batch.packed(), std::string("\xFE\xFF\x02\x01\x07\xFF"
                                        "\0\0\0\0\0\0\xF0\x3F\0\0\0\0\0\0\0\xC0",
                                        22));
  EXPECT_EQ(packer.frames(), 0);
  EXPECT_TRUE(packer.Take().packed().empty());
  EXPECT_TRUE(Holds(v1::UINT8, 255));
  EXPECT_FALSE(Holds(v1::UINT8, 256));
  EXPECT_TRUE(Holds(v1::INT16, -32768));
  EXPECT_FALSE(Holds(v1::INT16, 32768));
}

}  // namespace
}  // namespace twin::twinsim
