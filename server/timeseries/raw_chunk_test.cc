#include "server/timeseries/raw_chunk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace twin::timeseries {
namespace {

constexpr uint32_t kCapacity = 16;

// Rows of columns whose arrays lie one behind the other, in runs.
class Sent {
 public:
  explicit Sent(size_t rows) : times_(rows), sequences_(rows) {
    for (size_t i = 0; i < rows; ++i) {
      times_[i] = static_cast<int64_t>(1000 + i);
      sequences_[i] = 7 + i;
    }
  }
  template <typename T>
  void AddRun(ColumnKind kind, uint8_t decimals, uint32_t columns, const std::vector<T>* items,
              const std::vector<uint8_t>* missing = nullptr) {
    ColumnRun& run = runs_.emplace_back();
    run.columns = columns;
    run.first.kind = kind;
    run.first.decimals = decimals;
    for (uint32_t c = 0; c < columns; ++c) {
      ColumnRows& column = columns_.emplace_back(run.first);
      const auto set = [&](ColumnRows* to, size_t at) {
        if constexpr (std::is_same_v<T, double>) to->doubles = items->data() + at;
        if constexpr (std::is_same_v<T, int32_t>) to->scaled = items->data() + at;
        if constexpr (std::is_same_v<T, int64_t>) to->ints = items->data() + at;
        if (missing != nullptr) to->missing = missing->data() + at;
      };
      set(&column, c * times_.size());
      if (c == 0) set(&run.first, 0);
    }
  }
  Rows rows(bool with_runs) const {
    Rows rows{.group = {}, .times = times_, .sequences = sequences_, .columns = columns_};
    if (with_runs) rows.runs = runs_;
    return rows;
  }

 private:
  std::vector<int64_t> times_;
  std::vector<uint64_t> sequences_;
  std::vector<ColumnRows> columns_;
  std::vector<ColumnRun> runs_;
};

RawColumn Column(ColumnKind kind, uint8_t decimals, uint8_t bytes) {
  return {.kind = kind, .decimals = decimals, .bytes = bytes, .offset = 0, .alike = 1};
}

std::string Text(const RawChunk& chunk) {
  std::string text;
  const auto add = [&](auto number) { text += std::to_string(number) + ' '; };
  for (uint32_t i = 0; i < chunk.size(); ++i) {
    add(chunk.time(i));
    add(chunk.sequence(i));
  }
  for (uint32_t c = 0; c < chunk.form().columns.size(); ++c) {
    ColumnValues values;
    chunk.ReadColumn(c, chunk.size(), &values);
    text += "\n" + std::to_string(c) + ": ";
    for (uint32_t i = 0; i < chunk.size(); ++i) {
      if (!values.missing.empty() && values.missing[i] != 0) {
        text += "- ";
      } else if (!values.ints.empty()) {
        add(values.ints[i]);
      } else {
        add(std::bit_cast<uint64_t>(values.doubles[i]));
      }
    }
  }
  return text;
}

TEST(RawChunkTest, RunsAreStoredAsTheirColumnsAre) {
  std::mt19937 random(7);
  RawForms forms;
  // A run of decimals meets columns of several widths.
  const RawForm* const form =
      forms.Get({Column(ColumnKind::kScaled, 3, 2), Column(ColumnKind::kScaled, 3, 2),
                 Column(ColumnKind::kScaled, 3, 4), Column(ColumnKind::kScaled, 3, 2),
                 Column(ColumnKind::kInt, 0, 8), Column(ColumnKind::kDouble, 0, 8),
                 Column(ColumnKind::kDouble, 0, 8)});
  for (int turn = 0; turn < 100; ++turn) {
    const size_t count = 1 + random() % 5;
    std::vector<int32_t> scaled(4 * count);
    std::vector<uint8_t> missing(4 * count);
    std::vector<int64_t> ints(count);
    std::vector<double> doubles(2 * count);
    for (int32_t& item : scaled) item = static_cast<int32_t>(random() % 65535) - 32767;
    for (uint8_t& item : missing) item = random() % 3 == 0 ? 1 : 0;
    for (int64_t& item : ints) item = static_cast<int64_t>(random()) << 20;
    for (double& item : doubles) item = static_cast<double>(random()) / 7;
    Sent sent(count);
    sent.AddRun(ColumnKind::kScaled, 3, 4, &scaled, turn % 2 == 0 ? nullptr : &missing);
    sent.AddRun(ColumnKind::kInt, 0, 1, &ints);
    sent.AddRun(ColumnKind::kDouble, 0, 2, &doubles);
    const RawChunkPtr of_runs = RawChunk::Create(form, kCapacity);
    const RawChunkPtr of_columns = RawChunk::Create(form, kCapacity);
    const auto store = [&](size_t begin, size_t end) {
      for (const bool with_runs : {true, false}) {
        RawChunk* const chunk = with_runs ? of_runs.get() : of_columns.get();
        ASSERT_TRUE(chunk->Store(sent.rows(with_runs), begin, end));
        chunk->Commit(end - begin);
      }
    };
    store(0, count);
    for (size_t i = 0; i < count; ++i) store(i, i + 1);
    ASSERT_EQ(Text(*of_runs), Text(*of_columns)) << turn;
    for (uint32_t c = 0; c < 4; ++c) {
      ColumnValues values;
      of_runs->ReadColumn(c, count, &values);
      for (size_t i = 0; i < count; ++i) {
        if (turn % 2 == 0 || missing[c * count + i] == 0) {
          ASSERT_EQ(values.ints[i], scaled[c * count + i]) << c;
        } else {
          ASSERT_EQ(values.missing[i], 1) << c;
        }
      }
    }
    const RawChunkPtr grown = RawChunk::Grown(*of_runs, 2 * kCapacity);
    ASSERT_EQ(Text(*grown), Text(*of_runs));
  }
}

TEST(RawChunkTest, ARunWithANumberThatIsTooGreatForOneOfItsColumnsIsRefused) {
  RawForms forms;
  const RawForm* const form =
      forms.Get({Column(ColumnKind::kScaled, 1, 2), Column(ColumnKind::kScaled, 1, 2)});
  for (const int32_t wrong : {32768, -32768, std::numeric_limits<int32_t>::max()}) {
    for (size_t at = 0; at < 4; ++at) {
      std::vector<int32_t> scaled = {1, 32767, 3, -32767};
      scaled[at] = wrong;
      Sent sent(2);
      sent.AddRun(ColumnKind::kScaled, 1, 2, &scaled);
      const RawChunkPtr chunk = RawChunk::Create(form, kCapacity);
      EXPECT_FALSE(chunk->Store(sent.rows(true), 0, 2)) << wrong << ' ' << at;
      EXPECT_EQ(chunk->size(), 0U);
      scaled[at] = 5;
      EXPECT_TRUE(chunk->Store(sent.rows(true), 0, 2));
    }
  }
}

}  // namespace
}  // namespace twin::timeseries
