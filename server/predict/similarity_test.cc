#include "server/predict/similarity.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/predict/builtin.h"
#include "server/predict/check_answer.h"
#include "tests/support/status_matchers.h"

namespace twin::predict {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

double CapacityAt(double cycle, double life, double power) {
  return 1 - 0.2 * std::pow(cycle / life, power);
}

// cell-0 … cell-7: lives of 600, 700 … cycles, each with a bend of its own.
std::string LibraryCsv() {
  std::string csv = "note,cell,cycle,capacity,life\n";
  for (int i = 0; i < 8; ++i) {
    const double life = 600 + 100 * i;
    for (double cycle = 0; cycle < life; cycle += 10) {
      absl::StrAppendFormat(&csv, "x,cell-%d,%g,%.17g,%g\r\n", i, cycle,
                            1.1 * CapacityAt(cycle, life, 1.2 + 0.1 * i), life);
    }
  }
  return csv;
}

std::vector<LifeHistory> Library() {
  const absl::StatusOr<std::vector<LifeHistory>> library = ParseLibrary(LibraryCsv());
  EXPECT_THAT(library.status(), IsOk());
  return *library;
}

LifeHistory SeenUntil(double now, double life, double power) {
  LifeHistory seen;
  for (double cycle = 0; cycle <= now; cycle += 10) {
    seen.cycles.push_back(cycle);
    seen.health.push_back(100 * CapacityAt(cycle, life, power));
  }
  seen.health = Smoothed(seen.health);
  const double level = LevelWhenNew(seen.health);
  for (double& health : seen.health) health /= level;
  return seen;
}

TEST(Similarity, GivesTheNumbersOfThePythonPackage) {
  const std::vector<LifeHistory> library = Library();
  const auto remaining = [&](double now, double life, double power, size_t count) {
    return Vote(FindNeighbours(SeenUntil(now, life, power), library, count)).cycles;
  };
  // twingraph.learn.similarity.remaining_life of the same.
  EXPECT_NEAR(remaining(300, 950, 1.7, 5), 653.4327791467156, 1e-6);
  EXPECT_NEAR(remaining(300, 950, 1.7, 2), 612.9973241660348, 1e-6);
  EXPECT_NEAR(remaining(700, 950, 1.35, 5), 242.52573365693593, 1e-6);
  EXPECT_NEAR(remaining(700, 950, 1.35, 2), 238.27407565153965, 1e-6);
  EXPECT_NEAR(remaining(250, 650, 1.5, 5), 444.19836778077735, 1e-6);
  EXPECT_NEAR(Vote(FindNeighbours(library[3].Between(0, 450), library, 5, 3)).cycles,
              430.23116915775057, 1e-6);
  EXPECT_NEAR(Vote(FindNeighbours(library[6].Between(0, 600), library, 5, 6)).cycles,
              696.602653437873, 1e-6);
}

// What is slow and plain: every stretch to its end, then sorted.
std::vector<Neighbour> FindPlainly(const LifeHistory& seen, const std::vector<LifeHistory>& library,
                                   size_t count, size_t without) {
  std::vector<Neighbour> all;
  for (size_t i = 0; i < library.size(); ++i) {
    if (i == without) continue;
    Neighbour best{.distance = std::numeric_limits<double>::infinity(), .index = i};
    for (int k = 0; k < 21; ++k) {
      const double stretch = std::exp(-0.5 + k / 20.0);
      double squares = 0;
      size_t known = 0;
      for (size_t p = 0; p < seen.cycles.size(); ++p) {
        const double at = seen.cycles[p] * stretch;
        if (at > library[i].cycles.back()) continue;
        size_t j = 0;
        while (j + 2 < library[i].cycles.size() && library[i].cycles[j + 1] < at) ++j;
        const double share =
            (at - library[i].cycles[j]) / (library[i].cycles[j + 1] - library[i].cycles[j]);
        const double health = library[i].health[j] * (1 - std::max(share, 0.0)) +
                              library[i].health[j + 1] * std::max(share, 0.0);
        squares += (health - seen.health[p]) * (health - seen.health[p]);
        ++known;
      }
      const double left = (library[i].life - seen.cycles.back() * stretch) / stretch;
      const double distance = std::sqrt(squares / static_cast<double>(known));
      if (left < 0 || known < 0.9 * static_cast<double>(seen.cycles.size())) continue;
      if (distance < best.distance) best = {.distance = distance, .left = left, .index = i};
    }
    if (std::isfinite(best.distance)) all.push_back(best);
  }
  std::sort(all.begin(), all.end());
  if (all.size() > count) all.resize(count);
  return all;
}

TEST(Similarity, GivingUpEarlyChangesNothing) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<LifeHistory> library(40);
  for (LifeHistory& history : library) {
    history.life = 400 + 1000 * uniform(random);
    const double power = 0.7 + 2 * uniform(random);
    for (double cycle = 5 * uniform(random); cycle < history.life;
         cycle += 3 + 9 * uniform(random)) {
      history.cycles.push_back(cycle);
      history.health.push_back(CapacityAt(cycle, history.life, power) + 0.004 * uniform(random));
    }
  }
  for (size_t i = 0; i < library.size(); ++i) {
    const LifeHistory seen = library[i].Between(0, (0.2 + 0.7 * uniform(random)) * library[i].life);
    const std::vector<Neighbour> found = FindNeighbours(seen, library, 5, i);
    const std::vector<Neighbour> plain = FindPlainly(seen, library, 5, i);
    ASSERT_EQ(found.size(), plain.size());
    for (size_t k = 0; k < found.size(); ++k) {
      EXPECT_EQ(found[k].index, plain[k].index);
      EXPECT_NEAR(found[k].distance, plain[k].distance, 1e-9);
      EXPECT_NEAR(found[k].left, plain[k].left, 1e-6);
    }
  }
}

TEST(Similarity, AHistoryFindsItselfAndThoseNextToIt) {
  const std::vector<LifeHistory> library = Library();
  for (size_t i = 1; i + 1 < library.size(); ++i) {
    const LifeHistory seen = library[i].Between(0, 0.6 * library[i].life);
    const std::vector<Neighbour> with_itself = FindNeighbours(seen, library, 3);
    EXPECT_EQ(with_itself[0].index, i);
    EXPECT_NEAR(with_itself[0].distance, 0, 1e-9);
    EXPECT_NEAR(with_itself[0].left, library[i].life - seen.cycles.back(), 1e-6);
    // Stretched, a curve of nearly the same bend fits best.
    const std::vector<Neighbour> others = FindNeighbours(seen, library, 2, i);
    ASSERT_EQ(others.size(), 2u);
    for (const Neighbour& other : others)
      EXPECT_LE(other.index > i ? other.index - i : i - other.index, 2u);
  }
}

TEST(Similarity, OneThatEndedEarlierHasNoVote) {
  LifeHistory seen;
  for (double cycle = 0; cycle < 5'000; cycle += 10) {
    seen.cycles.push_back(cycle);
    seen.health.push_back(1);
  }
  EXPECT_TRUE(FindNeighbours(seen, Library(), 5).empty());
}

TEST(Similarity, ALibraryIsCheckedLineByLine) {
  const auto refused = [](const std::string& csv, const std::string& message) {
    EXPECT_THAT(ParseLibrary(csv).status(),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  const std::string head = "cell,cycle,capacity,life\n";
  refused("", "'cell' is missing");
  refused("cell,cycle,capacity\n", "'life' is missing");
  refused(head + "a,1,1\n", "line 2: 3 fields");
  refused(head + "a,x,1,9\n", "line 2: cycle");
  refused(head + "a,1,-1,9\n", "line 2: capacity");
  refused(head + "a,1,1,nan\n", "line 2: life");
  refused(head + "a,1,1,9\na,1,1,9\n", "line 3: cycle: not above");
  refused(head + "a,1,1,9\na,2,1,8\n", "line 3: life: another");
  refused(head + "a,1,1,9\n", "'a' has fewer than 5 points");
  std::string many = head;
  for (size_t i = 0; i <= kHistoriesMax; ++i) absl::StrAppend(&many, "c", i, ",1,1,9\n");
  EXPECT_THAT(ParseLibrary(many).status(),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("1000 histories")));
  many = head;
  for (size_t i = 0; i <= kHistoryPointsMax; ++i) absl::StrAppend(&many, "c,", i, ",1,9\n");
  EXPECT_THAT(ParseLibrary(many).status(),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("500000 points")));
}

TEST(Similarity, SmoothsByTheMedianOfFive) {
  EXPECT_THAT(Smoothed({1, 3, 9, 3, 2, 4, 4}), ElementsAre(1, 2, 3, 3, 3, 3, 4));
  EXPECT_EQ(LevelWhenNew({4, 2, 3}), 3);
}

// --- The predictor ---

class TrajectorySimilarityTest : public ::testing::Test {
 public:
  TrajectorySimilarityTest() {
    file_ = absl::StrCat(::testing::TempDir(), "/library-", getpid(), ".csv");
    std::ofstream(file_) << LibraryCsv();
    request_.columns.resize(2);
    for (FeatureColumn& column : request_.columns) column.offsets = {0};
  }
  ~TrajectorySimilarityTest() override { unlink(file_.c_str()); }

  void Add(const std::vector<double>& cycles, const std::vector<double>& soh) {
    request_.twins.push_back(absl::StrCat("pack-", request_.twins.size()));
    for (const auto& [column, values] : {std::pair(0, &cycles), std::pair(1, &soh)}) {
      FeatureColumn& feature = request_.columns[static_cast<size_t>(column)];
      feature.doubles.insert(feature.doubles.end(), values->begin(), values->end());
      feature.offsets.push_back(static_cast<uint32_t>(feature.doubles.size()));
    }
  }
  void AddFading(double first, double now, double life, double power, double add = 0) {
    std::vector<double> cycles;
    std::vector<double> soh;
    for (double cycle = first; cycle <= now; cycle += 10) {
      cycles.push_back(cycle);
      soh.push_back(100 * CapacityAt(cycle, life, power) + add);
    }
    Add(cycles, soh);
  }
  OutputColumns Compute(BuiltinOptions options = {}) {
    options["library"] = file_;
    const auto predictor = MakeBuiltin("trajectory-similarity", options);
    EXPECT_THAT(predictor.status(), IsOk());
    const double none = std::nan("");
    const size_t rows = request_.rows();
    Answer answer;
    answer.outputs.resize(1);
    answer.outputs[0].output = "rul";
    answer.outputs[0].values.assign(rows, none);
    answer.outputs[0].lo.assign(rows, none);
    answer.outputs[0].hi.assign(rows, none);
    answer.outputs[0].statuses.assign(rows, EstimateStatus::kInsufficientData);
    EXPECT_THAT((*predictor)->Compute(request_, &answer.outputs), IsOk());
    EXPECT_THAT(CheckAnswer((*predictor)->description(), request_, &answer), IsOk());
    return answer.outputs[0];
  }

  std::string file_;
  Request request_;
};

TEST_F(TrajectorySimilarityTest, EstimatesWithAnInterval) {
  AddFading(0, 700, 950, 1.35);
  const OutputColumns rul = Compute();
  EXPECT_EQ(rul.statuses[0], EstimateStatus::kOk);
  EXPECT_NEAR(rul.values[0], 242.5, 0.5);
  EXPECT_LT(rul.lo[0], 250);
  EXPECT_GT(rul.hi[0], 250);
  EXPECT_GT(rul.lo[0], 100);
  EXPECT_LT(rul.hi[0], 400);
}

TEST_F(TrajectorySimilarityTest, SaysWhenItCannotTell) {
  AddFading(0, 40, 950, 1.35);       // too short
  Add({}, {});                       // nothing
  AddFading(0, 5'000, 5'000, 1.35);  // older than all
  AddFading(0, 400, 400, 0.2);       // like none of them
  Add({1, 2, 3}, {99, 99});          // not pairs
  const OutputColumns rul = Compute();
  EXPECT_THAT(rul.statuses,
              ElementsAre(EstimateStatus::kInsufficientData, EstimateStatus::kInsufficientData,
                          EstimateStatus::kOutOfDomain, EstimateStatus::kOutOfDomain,
                          EstimateStatus::kError));
  EXPECT_TRUE(std::isnan(rul.values[2]));
  EXPECT_FALSE(std::isnan(rul.values[3]));
  EXPECT_EQ(Compute({{"distance-max", "1"}}).statuses[3], EstimateStatus::kOk);
  EXPECT_EQ(Compute({{"cycles-min", "30"}, {"points-min", "5"}}).statuses[0], EstimateStatus::kOk);
}

TEST_F(TrajectorySimilarityTest, HealthIsAShareOfThePacksOwnWhereItWasSeenNew) {
  AddFading(0, 700, 950, 1.35);
  AddFading(0, 700, 950, 1.35, 3);  // states 3 points too much all the time: about the same fade
  AddFading(300, 700, 950, 1.35);   // nobody saw it new: SoH as it is
  const OutputColumns rul = Compute();
  EXPECT_NEAR(rul.values[1], rul.values[0], 25);
  EXPECT_NEAR(rul.values[2], rul.values[0], 25);
  EXPECT_EQ(rul.statuses[2], EstimateStatus::kOk);
}

TEST_F(TrajectorySimilarityTest, OrderAndRepetitionDoNotMatter) {
  AddFading(0, 700, 950, 1.35);
  std::vector<double> cycles(request_.columns[0].doubles.rbegin(),
                             request_.columns[0].doubles.rend());
  std::vector<double> soh(request_.columns[1].doubles.rbegin(), request_.columns[1].doubles.rend());
  cycles.push_back(cycles.back());
  soh.push_back(soh.back());
  Add(cycles, soh);
  const OutputColumns rul = Compute();
  EXPECT_EQ(rul.values[1], rul.values[0]);
}

TEST_F(TrajectorySimilarityTest, AWindowComparesTheLastCyclesOnly) {
  // Bent as nothing in the library at first, then as one of it.
  std::vector<double> cycles;
  std::vector<double> soh;
  for (double cycle = 0; cycle <= 700; cycle += 10) {
    cycles.push_back(cycle);
    soh.push_back(100 * CapacityAt(cycle, 900, 1.5) - (cycle > 60 && cycle < 360 ? 5 : 0));
  }
  Add(cycles, soh);
  EXPECT_EQ(Compute().statuses[0], EstimateStatus::kOutOfDomain);
  const OutputColumns rul = Compute({{"window", "200"}});
  EXPECT_EQ(rul.statuses[0], EstimateStatus::kOk);
  EXPECT_NEAR(rul.values[0], 200, 60);
}

TEST_F(TrajectorySimilarityTest, TheLibrarySaysHowGoodItIs) {
  const auto predictor = MakeBuiltin("trajectory-similarity", {{"library", file_}});
  ASSERT_THAT(predictor.status(), IsOk());
  const Description& description = (*predictor)->description();
  ASSERT_TRUE(description.held_out.has_value());
  EXPECT_EQ(description.held_out->cells, 8u);
  EXPECT_EQ(description.held_out->points, 47u);
  EXPECT_GT(description.held_out->rmse, description.held_out->mae);
  EXPECT_THAT(description.training_data, HasSubstr("8 histories of "));
  std::ofstream(file_, std::ios::app) << "y,cell-0,599,0.88,600\n";
  EXPECT_NE((*MakeBuiltin("trajectory-similarity", {{"library", file_}}))->description().version,
            description.version);
}

TEST_F(TrajectorySimilarityTest, TellsWhatTheCardBesideTheLibrarySays) {
  const std::string file = absl::StrReplaceAll(file_, {{".csv", ".json"}});
  std::ofstream(file) << R"({"card_version":1,"kind":"lives","training_data":"made up",)"
                      << R"("end_of_life":{"quantity":"capacity","threshold":70}})";
  const auto predictor = MakeBuiltin("trajectory-similarity", {{"library", file_}});
  std::ofstream(file) << R"({"card_version":2})";
  const absl::Status newer = MakeBuiltin("trajectory-similarity", {{"library", file_}}).status();
  unlink(file.c_str());
  ASSERT_THAT(predictor.status(), IsOk());
  const Description& description = (*predictor)->description();
  EXPECT_THAT(description.training_data, HasSubstr(".csv: made up"));
  EXPECT_EQ(description.end_of_life->threshold, 70);
  EXPECT_THAT(newer, StatusIs(StatusCode::kInvalidArgument, HasSubstr("card_version 1")));
}

TEST_F(TrajectorySimilarityTest, RefusesALibraryThatSaysNothing) {
  const auto status = [this](const std::string& k = "5") {
    return MakeBuiltin("trajectory-similarity", {{"library", file_}, {"k", k}}).status();
  };
  EXPECT_THAT(MakeBuiltin("trajectory-similarity", {}).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("options.library")));
  EXPECT_THAT(MakeBuiltin("trajectory-similarity", {{"library", "/nowhere"}}).status(),
              StatusIs(StatusCode::kNotFound, HasSubstr("/nowhere")));
  EXPECT_THAT(status("8"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("at least 9")));
  std::ofstream(file_) << "cell,cycle\n";
  EXPECT_THAT(status(), StatusIs(StatusCode::kInvalidArgument, HasSubstr(file_)));
  std::string flat = "cell,cycle,capacity,life\n";
  for (int cell = 0; cell < 6; ++cell) {
    for (int i = 0; i < 9; ++i) {
      absl::StrAppend(&flat, cell, ",", i, ",1,", std::pow(10, cell + 1), "\n");
    }
  }
  std::ofstream(file_) << flat;
  EXPECT_THAT(status(), StatusIs(StatusCode::kInvalidArgument, HasSubstr("resembles")));
}

}  // namespace
}  // namespace twin::predict
