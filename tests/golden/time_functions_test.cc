// Functions of time against their definition, second by second: random series and windows, the
// sample before a window, MAX GAP, buckets, EVERY, windows of the row, subqueries.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "query/bind/bind.h"
#include "query/execute/execute.h"
#include "query/parse/parse.h"
#include "tests/golden/world.h"

namespace twin::testing {
namespace {

constexpr int64_t kDay = 20'000;
constexpr int64_t kStart = kDay * 86'400;  // seconds; a midnight
constexpr int kTwins = 6;

constexpr char kModels[] = R"({
  "@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Cell;1", "@type": "Interface", "contents": [
    {"@type": "Telemetry", "name": "v", "schema": "double"},
    {"@type": "Telemetry", "name": "w", "schema": "double"},
    {"@type": "Property", "name": "begin", "schema": "dateTime"},
    {"@type": "Property", "name": "end", "schema": "dateTime"}]})";

struct Sample {
  int64_t time = 0;  // seconds
  double value = 0;
};
using Samples = std::vector<Sample>;

struct Window {
  int64_t from = 0;
  int64_t to = 0;
  int64_t gap = 300;
  bool is_last = false;  // (from, to], else [from, to)
  int64_t bucket = 0;    // 0: none
  int64_t every = 0;
  bool open_ended = false;  // of a subquery: values hold to the last sample

  bool Has(int64_t time) const {
    return is_last ? time > from && time <= to : time >= from && time < to;
  }
  int64_t BucketOf(int64_t time) const { return bucket == 0 ? 0 : time / bucket * bucket; }
};

constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

// TIME_AVG(v), TIME_WHERE(v >= 4), DELTA, RATE, INTEGRAL, SLOPE.
using Answers = std::vector<double>;

Answers AnswersOf(const Samples& samples, int64_t from, int64_t to, const Window& window) {
  if (samples.empty()) return Answers(6, kNull);
  const auto counted = [from](const Sample& sample) { return std::max(sample.time, from); };
  double held = 0, weighted = 0, where = 0, integral = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    int64_t end = std::min(to, samples[i].time + window.gap);
    if (i + 1 < samples.size()) end = std::min(end, samples[i + 1].time);
    const auto seconds = static_cast<double>(std::max<int64_t>(0, end - counted(samples[i])));
    held += seconds;
    weighted += seconds * samples[i].value;
    where += samples[i].value >= 4 ? seconds : 0;
    if (i > 0 && samples[i].time - samples[i - 1].time <= window.gap) {
      integral += (samples[i].value + samples[i - 1].value) / 2 *
                  static_cast<double>(counted(samples[i]) - counted(samples[i - 1]));
    }
  }
  const auto n = static_cast<double>(samples.size());
  double time = 0, value = 0, products = 0, squares = 0;
  for (const Sample& sample : samples) {
    time += static_cast<double>(counted(sample) - from) / n;
    value += sample.value / n;
  }
  for (const Sample& sample : samples) {
    const double apart = static_cast<double>(counted(sample) - from) - time;
    products += apart * (sample.value - value);
    squares += apart * apart;
  }
  const auto span = static_cast<double>(counted(samples.back()) - counted(samples.front()));
  const double delta = samples.back().value - samples.front().value;
  return {held > 0 ? weighted / held : value, where,    delta,
          span > 0 ? delta / span : kNull,    integral, squares > 0 ? products / squares : kNull};
}

Samples Steps(const Samples& all, const Window& window) {
  Samples steps;
  for (int64_t step = window.from / window.every * window.every; step <= window.to;
       step += window.every) {
    if (!window.Has(step)) continue;
    const Sample* last = nullptr;
    for (const Sample& sample : all) {
      if (sample.time <= step && step - sample.time <= window.gap) last = &sample;
    }
    if (last != nullptr) steps.push_back({step, last->value});
  }
  return steps;
}

// By bucket. Each is a window of its own, if anything was recorded in it; without buckets, also if
// a value from before still holds.
std::map<int64_t, Answers> Expected(const Samples& all, const Window& window) {
  const Samples samples = window.every > 0 ? Steps(all, window) : all;
  std::set<int64_t> buckets;
  for (const Sample& sample : samples) {
    if (window.Has(sample.time)) {
      buckets.insert(window.BucketOf(sample.time));
    } else if (window.bucket == 0 && sample.time <= window.from &&
               sample.time + window.gap >= window.from) {
      buckets.insert(window.BucketOf(window.from));
    }
  }
  std::map<int64_t, Answers> expected;
  for (const int64_t bucket : buckets) {
    const int64_t from = window.bucket == 0 ? window.from : std::max(window.from, bucket);
    int64_t to = window.bucket == 0 ? window.to : std::min(window.to, bucket + window.bucket);
    Samples of_bucket;
    for (const Sample& sample : samples) {
      if (window.Has(sample.time) && window.BucketOf(sample.time) == bucket) {
        if (sample.time == from) of_bucket.clear();
        of_bucket.push_back(sample);
      } else if (sample.time <= from && sample.time + window.gap >= from) {
        of_bucket = {sample};
      }
    }
    if (window.open_ended) to = std::min(to, samples.back().time);
    expected[bucket] = AnswersOf(of_bucket, from, to, window);
  }
  return expected;
}

std::string TimeText(int64_t seconds) {
  return absl::StrCat("'", FormatTime(Time{seconds * kNsPerSecond}), "'");
}

constexpr char kFunctions[] =
    "TIME_AVG(h.v) AS a, TIME_WHERE(h.v >= 4) AS b, DELTA(h.v) AS c, RATE(h.v) AS d, "
    "INTEGRAL(h.v) AS e, SLOPE(h.v) AS f";

class TimeFunctionsTest : public ::testing::Test {
 protected:
  TimeFunctionsTest() : random_(17), reference_(NewReferenceWorld()), engine_(NewEngineWorld()) {
    ingest::CreateModels models;
    models.texts.emplace_back(kModels);
    Apply(ingest::Operation(models));
    for (int i = 0; i < kTwins; ++i) {
      ingest::PutTwin twin;
      twin.id = absl::StrCat("t", i);
      twin.model_id = "dtmi:t:Cell;1";
      windows_.push_back(RandomWindow());
      twin.contents.emplace_back("begin", Value::OfTime(Time{windows_[i].from * kNsPerSecond}));
      twin.contents.emplace_back("end", Value::OfTime(Time{windows_[i].to * kNsPerSecond}));
      Apply(ingest::Operation(std::move(twin)));
      AddSamples(i);
    }
  }

  // Some evenly, with gaps, some of them at the bounds of windows.
  void AddSamples(int twin) {
    Samples& samples = samples_.emplace_back();
    const int64_t step = std::vector<int64_t>{5, 10, 30, 7, 60, 100}[static_cast<size_t>(twin)];
    for (int64_t time = kStart; time < kStart + 1500; time += step) {
      if (Below(12) == 0) time += Below(40) * step / 2;
      const std::string id = absl::StrCat("t", twin);
      const Time at{time * kNsPerSecond};
      // Rows without a value, too.
      if (Below(5) == 0) AddSample(id, "w", at, Value::Double(1));
      if (Below(7) == 0) continue;
      samples.push_back({time, static_cast<double>(Below(9))});
      AddSample(id, "v", at, Value::Double(samples.back().value));
    }
  }

  int64_t Below(int n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }

  Window RandomWindow() {
    Window window;
    window.from = kStart + (Below(2) == 0 ? Below(120) * 10 : Below(1200));
    window.to = window.from + (Below(2) == 0 ? Below(60) * 10 : Below(600)) + 1;
    window.gap = std::vector<int64_t>{300, 15, 60, 1, 10}[static_cast<size_t>(Below(5))];
    window.bucket = std::vector<int64_t>{0, 60, 10, 7, 3600}[static_cast<size_t>(Below(5))];
    return window;
  }

  void Apply(const ingest::Operation& operation) {
    for (World* world : {reference_.get(), engine_.get()}) {
      const absl::Status status = world->Apply(operation, Time{kStart * kNsPerSecond});
      ASSERT_TRUE(status.ok()) << status;
    }
  }
  void AddSample(const std::string& twin, const std::string& path, Time at, const Value& value) {
    for (World* world : {reference_.get(), engine_.get()}) {
      ASSERT_TRUE(world->AddSample(twin, path, at, value).ok());
    }
  }

  using Rows = std::map<std::pair<std::string, int64_t>, Answers>;  // by twin and bucket

  // Columns: id, bucket, the functions.
  Rows Run(const std::string& text, const WorldReaders& readers, bool rewrites, size_t batch_rows,
           int64_t now) {
    Rows rows;
    const auto parsed = query::Parse(text);
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    if (!parsed.ok()) return rows;
    const auto bound = query::Bind(**parsed, readers.catalog);
    EXPECT_TRUE(bound.ok()) << bound.status();
    if (!bound.ok()) return rows;
    query::ExecuteOptions options;
    options.rewrites = rewrites;
    options.batch_rows = batch_rows;
    options.now = Time{now * kNsPerSecond};
    query::ExecuteStatistics statistics;
    const absl::Status status = query::Execute(
        **bound, *readers.graph, readers.series.get(), options,
        [&](const query::Batch& batch) {
          for (size_t row = 0; row < batch.rows; ++row) {
            Answers& answers =
                rows[{std::string(batch.slots[0].strings[row]),
                      batch.slots[1].IsNull(row) ? 0 : batch.slots[1].ints[row] / kNsPerSecond}];
            for (size_t i = 2; i < batch.slots.size(); ++i) {
              answers.push_back(batch.slots[i].IsNull(row) ? kNull : batch.slots[i].doubles[row]);
            }
          }
          return absl::OkStatus();
        },
        &statistics);
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }

  static void Compare(const Rows& got, const Rows& expected) {
    const auto keys = [](const Rows& rows) {
      std::vector<std::string> texts;
      for (const auto& [key, answers] : rows) {
        texts.push_back(absl::StrCat(key.first, " ", key.second));
      }
      return texts;
    };
    ASSERT_EQ(keys(got), keys(expected));
    for (const auto& [key, answers] : expected) {
      const Answers& of = got.at(key);
      ASSERT_EQ(of.size(), answers.size());
      for (size_t i = 0; i < answers.size(); ++i) {
        ASSERT_EQ(std::isnan(of[i]), std::isnan(answers[i]))
            << key.first << " " << key.second << ", function " << i;
        if (!std::isnan(of[i])) {
          ASSERT_NEAR(of[i], answers[i], 1e-9)
              << key.first << " " << key.second << ", function " << i;
        }
      }
    }
  }

  void Check(const std::string& text, const Rows& expected, int64_t now = kStart + 2000) {
    SCOPED_TRACE(text);
    for (World* world : {reference_.get(), engine_.get()}) {
      const WorldReaders readers = world->Read();
      for (const bool rewrites : {true, false}) {
        for (const size_t batch_rows : {size_t{1024}, size_t{2}}) {
          SCOPED_TRACE(absl::StrCat("engine ", world == engine_.get(), ", rewrites ", rewrites,
                                    ", batches of ", batch_rows));
          Compare(Run(text, readers, rewrites, batch_rows, now), expected);
          if (HasFatalFailure()) return;
        }
      }
    }
  }

  static std::string Bucket(const Window& window, const std::string& time) {
    return window.bucket == 0 ? "NULL"
                              : absl::StrCat("TIME_BUCKET(", window.bucket, "s, ", time, ")");
  }
  static std::string By(const Window& window, const std::string& time) {
    return window.bucket == 0 ? "" : absl::StrCat(", ", Bucket(window, time));
  }

  Rows ExpectedOf(const Window& window) const {
    Rows expected;
    for (int i = 0; i < kTwins; ++i) AddExpected(i, window, &expected);
    return expected;
  }
  void AddExpected(int twin, const Window& window, Rows* expected) const {
    for (auto& [bucket, answers] : Expected(samples_[static_cast<size_t>(twin)], window)) {
      (*expected)[{absl::StrCat("t", twin), bucket}] = answers;
    }
  }

  std::mt19937_64 random_;
  const std::unique_ptr<World> reference_;
  const std::unique_ptr<World> engine_;
  std::vector<Samples> samples_;
  std::vector<Window> windows_;  // of the twins' properties
};

TEST_F(TimeFunctionsTest, WindowsAndBuckets) {
  for (int i = 0; i < 30 && !HasFatalFailure(); ++i) {
    Window window = RandomWindow();
    window.is_last = Below(3) == 0;
    const std::string of =
        window.is_last ? absl::StrCat("LAST ", window.to - window.from, "s")
                       : absl::StrCat("FROM ", TimeText(window.from), " TO ", TimeText(window.to));
    Check(absl::StrCat("SELECT c.$dtId, ", Bucket(window, "h.time"), " AS t, ", kFunctions,
                       " FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(v) ", of, " MAX GAP ",
                       window.gap, "s GROUP BY c.$dtId", By(window, "h.time")),
          ExpectedOf(window), window.to);
  }
}

TEST_F(TimeFunctionsTest, Steps) {
  for (int i = 0; i < 15 && !HasFatalFailure(); ++i) {
    Window window = RandomWindow();
    window.every = std::vector<int64_t>{5, 10, 60, 7}[static_cast<size_t>(Below(4))];
    Check(absl::StrCat("SELECT c.$dtId, ", Bucket(window, "h.time"), " AS t, ", kFunctions,
                       " FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(v) FROM ",
                       TimeText(window.from), " TO ", TimeText(window.to), " EVERY ", window.every,
                       "s MAX GAP ", window.gap, "s GROUP BY c.$dtId", By(window, "h.time")),
          ExpectedOf(window));
  }
}

TEST_F(TimeFunctionsTest, WindowsOfTheRow) {
  for (const int64_t gap : {300, 15}) {
    for (const int64_t bucket : {0, 60, 7}) {
      Rows expected;
      for (int twin = 0; twin < kTwins; ++twin) {
        Window window = windows_[static_cast<size_t>(twin)];
        window.gap = gap;
        window.bucket = bucket;
        AddExpected(twin, window, &expected);
      }
      Window window;
      window.bucket = bucket;
      Check(absl::StrCat("SELECT c.$dtId, ", Bucket(window, "h.time"), " AS t, ", kFunctions,
                         " FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(v) FROM c.begin TO "
                         "c.end MAX GAP ",
                         gap, "s GROUP BY c.$dtId", By(window, "h.time")),
            expected);
    }
  }
}

// A row in which another column has a value opens its bucket for what held before.
TEST_F(TimeFunctionsTest, RowsWithoutAValueDoNotEndWhatHeld) {
  Window window;
  window.from = kStart + 100;
  window.to = kStart + 700;
  Check(absl::StrCat("SELECT c.$dtId, NULL AS t, ", kFunctions,
                     " FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(v, w) FROM ",
                     TimeText(window.from), " TO ", TimeText(window.to), " GROUP BY c.$dtId"),
        ExpectedOf(window));
}

// Rows of a subquery come in any order; what held last holds to the last row.
TEST_F(TimeFunctionsTest, Subqueries) {
  for (const int64_t bucket : {0, 60, 7}) {
    Window window;
    window.from = 0;
    window.to = kStart * 2;
    window.bucket = bucket;
    window.open_ended = true;
    Rows expected;
    for (int twin = 0; twin < kTwins; ++twin) {
      Window of_twin = window;
      if (bucket == 0) of_twin.from = samples_[static_cast<size_t>(twin)].front().time;
      AddExpected(twin, of_twin, &expected);
    }
    Check(absl::StrCat("WITH h AS (SELECT c.$dtId AS id, g.time AS time, g.v AS v FROM "
                       "DIGITALTWINS MATCH (c:Cell) HISTORY g OF c.(v) LAST 2d WHERE g.v IS NOT "
                       "NULL ORDER BY g.v, g.time DESC) SELECT h.id, ",
                       Bucket(window, "h.time"), " AS t, ", kFunctions, " FROM h GROUP BY h.id",
                       By(window, "h.time")),
          expected, kStart + 80'000);
  }
}

// Under a group of the value itself each second counts for the value that held.
TEST_F(TimeFunctionsTest, GroupsOfTheValue) {
  for (int i = 0; i < 10 && !HasFatalFailure(); ++i) {
    Window window = RandomWindow();
    Rows expected;
    for (int twin = 0; twin < kTwins; ++twin) {
      Samples held;  // from the window's start on
      for (const Sample& sample : samples_[static_cast<size_t>(twin)]) {
        if (sample.time <= window.from) held.clear();
        if (sample.time < window.to && sample.time + window.gap > window.from) {
          held.push_back(sample);
        }
      }
      for (size_t s = 0; s < held.size(); ++s) {
        int64_t end = std::min(window.to, held[s].time + window.gap);
        if (s + 1 < held.size()) end = std::min(end, held[s + 1].time);
        const int64_t seconds = end - std::max(held[s].time, window.from);
        if (seconds <= 0) continue;
        const std::string group = absl::StrCat("t", twin, held[s].value >= 4 ? " high" : " low");
        Answers& answers = expected[{group, 0}];
        answers.resize(1, 0);
        answers[0] += static_cast<double>(seconds);
      }
    }
    Check(absl::StrCat("SELECT CONCAT(c.$dtId, CASE WHEN h.v >= 4 THEN ' high' ELSE ' low' END) "
                       "AS k, NULL AS t, TIME_WHERE(h.v >= 0) AS s FROM DIGITALTWINS MATCH "
                       "(c:Cell) HISTORY h OF c.(v) FROM ",
                       TimeText(window.from), " TO ", TimeText(window.to), " MAX GAP ", window.gap,
                       "s GROUP BY c.$dtId, h.v >= 4 HAVING TIME_WHERE(h.v >= 0) > 0"),
          expected);
  }
}

}  // namespace
}  // namespace twin::testing
