#include "server/ingest/frame_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "server/ingest/layout.h"

namespace twin::ingest {
namespace {

using timeseries::ColumnKind;
using timeseries::ColumnRows;
using timeseries::ColumnRun;

ColumnForm Decimals(Encoding encoding, uint8_t decimals, int64_t factor) {
  ColumnForm column;
  column.encoding = encoding;
  column.kind = ColumnKind::kScaled;
  column.decimals = decimals;
  column.factor = factor;
  column.invalid_codes = {255};
  return column;
}

LayoutVersion Version(const std::vector<ColumnForm>& forms) {
  LayoutVersion version;
  for (const ColumnForm& form : forms) version.columns.Add(form, {});
  return version;
}

// Packed values of all columns, and what they mean.
struct Frames {
  std::string packed;
  std::vector<Value> values;  // column by column
};

Frames MakeFrames(const LayoutVersion& version, size_t frames, bool complete,
                  std::mt19937* random) {
  Frames made;
  for (size_t c = 0; c < version.columns.size(); ++c) {
    const ColumnForm& column = version.columns.form(c);
    for (size_t i = 0; i < frames; ++i) {
      uint8_t raw = static_cast<uint8_t>((*random)() % 256);
      if (complete && raw == 255) raw = 0;
      made.packed.push_back(static_cast<char>(raw));
      if (column.encoding == Encoding::kInt16) made.packed.push_back('\0');
      made.values.push_back(raw == 255 ? Value()
                                       : Value::Double(static_cast<double>(raw * column.factor) /
                                                       kPowersOfTen[column.decimals]));
    }
  }
  return made;
}

// The columns of the runs, one by one.
std::vector<ColumnRows> Apart(absl::Span<const ColumnRun> runs, size_t frames) {
  std::vector<ColumnRows> columns;
  for (const ColumnRun& run : runs) {
    ColumnRows column = run.first;
    for (uint32_t c = 0; c < run.columns; ++c) {
      columns.push_back(column);
      if (column.scaled != nullptr) column.scaled += frames;
      if (column.ints != nullptr) column.ints += frames;
      if (column.doubles != nullptr) column.doubles += frames;
      if (column.missing != nullptr) column.missing += frames;
    }
  }
  return columns;
}

TEST(LayoutVersionTest, ColumnsThatAreAlikeAreRuns) {
  const ColumnForm volts = Decimals(Encoding::kInt16, 3, 1);
  ColumnForm other_codes = volts;
  other_codes.invalid_codes = {254};
  const LayoutVersion version =
      Version({volts, volts, other_codes, Decimals(Encoding::kUint8, 3, 1), volts});
  std::vector<uint32_t> ends;
  for (const ResolvedColumns::Run& run : version.columns.runs()) ends.push_back(run.end);
  EXPECT_THAT(ends, ::testing::ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(version.frame_bytes(), 9U);
}

// One decoder takes frames of any form in turn; what it made of the last ones does not stay.
TEST(FrameDecoderTest, FramesOfFormsInTurnAreDecodedAsEachForItself) {
  std::mt19937 random(3);
  const ColumnForm volts = Decimals(Encoding::kInt16, 3, 1);
  const ColumnForm degrees = Decimals(Encoding::kUint8, 1, 5);
  const std::vector<LayoutVersion> versions = {
      Version({volts, volts, volts, degrees, degrees}), Version({volts, degrees, volts, degrees}),
      Version({volts, volts, degrees, degrees, degrees}), Version({degrees})};
  FrameDecoder decoder;
  for (int turn = 0; turn < 2000; ++turn) {
    const LayoutVersion& version = versions[random() % versions.size()];
    const size_t frames = 1 + random() % 3;
    const Frames sent = MakeFrames(version, frames, random() % 4 != 0, &random);
    const absl::Span<const ColumnRows> columns = decoder.Decode(version, frames, sent.packed, {});
    ASSERT_EQ(columns.size(), version.columns.size());
    const std::vector<ColumnRows> apart = Apart(decoder.runs(), frames);
    ASSERT_EQ(apart.size(), version.columns.size());
    for (size_t c = 0; c < columns.size(); ++c) {
      for (size_t i = 0; i < frames; ++i) {
        ASSERT_EQ(ValueOf(columns[c], i), sent.values[c * frames + i]) << turn << ' ' << c;
        ASSERT_EQ(ValueOf(apart[c], i), sent.values[c * frames + i]) << turn << ' ' << c;
      }
    }
  }
}

}  // namespace
}  // namespace twin::ingest
