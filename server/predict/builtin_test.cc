#include "server/predict/builtin.h"

#include <cmath>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/predict/check_answer.h"
#include "server/predict/model_card.h"
#include "server/predict/sha256.h"
#include "server/predict/tasks.h"
#include "tests/support/status_matchers.h"

namespace twin::predict {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

// Rows of coulomb counting.
struct Packs {
  Request request;
  Packs() { request.columns.resize(4); }

  // Discharges from `high` to `low` and charges again, `cycles` times, each after a rest.
  void Add(double rated, double capacity, double high, double low, int cycles, double soc_noise) {
    std::mt19937 random(7);
    std::normal_distribution<double> noise(0, 1);
    request.twins.push_back(absl::StrCat("pack-", request.twins.size()));
    request.columns[0].doubles.push_back(rated);
    double t = 0;
    const auto add = [&](double ampere, double soc) {
      request.columns[1].doubles.push_back(t += 60);
      request.columns[2].doubles.push_back(ampere);
      request.columns[3].doubles.push_back(soc);
    };
    for (int cycle = 0; cycle < cycles; ++cycle) {
      for (const bool charging : {false, true}) {
        const double from = (charging ? low : high) + soc_noise * noise(random);
        for (int i = 0; i < 15; ++i) add(0, from);
        const double ampere = (charging ? 1 : -1) * capacity * (high - low) / 100;  // in an hour
        for (int i = 0; i < 60; ++i) add(ampere, from);
      }
    }
    for (int i = 0; i < 15; ++i) add(0, high);
    for (int column = 1; column < 4; ++column) {
      std::vector<uint32_t>& offsets = request.columns[static_cast<size_t>(column)].offsets;
      if (offsets.empty()) offsets.push_back(0);
      offsets.push_back(
          static_cast<uint32_t>(request.columns[static_cast<size_t>(column)].doubles.size()));
    }
  }

  std::vector<OutputColumns> Compute(const BuiltinOptions& options = {}) {
    const auto predictor = MakeBuiltin("coulomb-counting", options);
    EXPECT_THAT(predictor.status(), IsOk());
    return Answered(*predictor).outputs;
  }

  Answer Answered(const std::shared_ptr<LocalPredictor>& predictor) {
    Tasks tasks("predict", 1, TaskThreads::kEqual);
    request.id = "r";
    absl::StatusOr<Answer> answer;
    RunOn(predictor, &tasks)
        ->Predict(std::make_shared<Request>(request), 1000,
                  [&answer](absl::StatusOr<Answer> got) { answer = std::move(got); });
    tasks.Stop();
    EXPECT_THAT(answer.status(), IsOk());
    EXPECT_THAT(CheckAnswer(predictor->description(), request, &*answer), IsOk());
    return *answer;
  }
};

TEST(CoulombCounting, FindsTheCapacityWithinItsInterval) {
  Packs packs;
  packs.Add(100, 92, 90, 20, 3, 0);
  packs.Add(150, 120, 95, 30, 5, 0);
  const std::vector<OutputColumns> outputs = packs.Compute();
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].statuses[0], EstimateStatus::kOk);
  EXPECT_NEAR(outputs[0].values[0], 92, 1);
  EXPECT_NEAR(outputs[0].values[1], 80, 1);
  EXPECT_NEAR(outputs[1].values[1], 120, 1.5);
  for (size_t row = 0; row < 2; ++row) {
    EXPECT_LT(outputs[0].lo[row], outputs[0].values[row]);
    EXPECT_GT(outputs[0].hi[row], outputs[0].values[row]);
  }
  EXPECT_EQ(outputs[0].level, 0.9);
  EXPECT_EQ(outputs[0].method, "coulombCounting");
}

TEST(CoulombCounting, RefusesSmallSteps) {
  Packs packs;
  packs.Add(100, 92, 80, 45, 3, 0);  // 35 points
  const std::vector<OutputColumns> outputs = packs.Compute();
  EXPECT_EQ(outputs[0].statuses[0], EstimateStatus::kInsufficientData);
  EXPECT_TRUE(std::isnan(outputs[0].values[0]));
  EXPECT_EQ(packs.Compute({{"delta-soc-min", "30"}})[0].statuses[0], EstimateStatus::kOk);
}

TEST(CoulombCounting, MoreSpansAreMoreCertain) {
  Packs packs;
  packs.Add(100, 90, 90, 20, 1, 0);
  packs.Add(100, 90, 90, 20, 20, 0);
  const std::vector<OutputColumns> outputs = packs.Compute();
  EXPECT_LT(outputs[0].hi[1] - outputs[0].lo[1], 0.6 * (outputs[0].hi[0] - outputs[0].lo[0]));
}

TEST(CoulombCounting, ACapacityThatCannotBeIsOutOfDomain) {
  Packs packs;
  packs.Add(50, 100, 90, 20, 3, 0);  // twice what is rated
  EXPECT_EQ(packs.Compute()[0].statuses[0], EstimateStatus::kOutOfDomain);
}

TEST(CoulombCounting, SequencesOfDifferentLengthAreAnError) {
  Packs packs;
  packs.Add(100, 92, 90, 20, 3, 0);
  packs.request.columns[2].doubles.pop_back();
  packs.request.columns[2].offsets.back() -= 1;
  EXPECT_EQ(packs.Compute()[0].statuses[0], EstimateStatus::kError);
}

TEST(PartialCharge, ComparesWithANewPack) {
  const auto predictor = MakeBuiltin(
      "partial-charge", {{"from-volt", "3.6"}, {"to-volt", "4.0"}, {"new-share", "0.5"}});
  ASSERT_THAT(predictor.status(), IsOk());
  Packs packs;
  packs.request.twins = {"pack"};
  packs.request.columns[0].doubles = {100};
  // 20 A for two hours and a quarter from 3.5 V to 4.1 V: 45 Ah over 0.6 V, so 30 Ah over 0.4 V.
  for (int i = 0; i <= 135; ++i) {
    packs.request.columns[1].doubles.push_back(60.0 * i);
    packs.request.columns[2].doubles.push_back(20);
    packs.request.columns[3].doubles.push_back(3.5 + 0.6 * i / 135);
  }
  for (size_t column = 1; column < 4; ++column) packs.request.columns[column].offsets = {0, 136};
  const Answer answer = packs.Answered(*predictor);
  EXPECT_EQ(answer.outputs[0].statuses[0], EstimateStatus::kOk);
  EXPECT_NEAR(answer.outputs[0].values[0], 60, 0.5);  // of 50 Ah
  EXPECT_NEAR(answer.outputs[1].values[0], 60, 0.5);
  packs.request.columns[2].doubles.assign(136, 1);  // too slow: it may be anything
  EXPECT_EQ(packs.Answered(*predictor).outputs[0].statuses[0], EstimateStatus::kInsufficientData);
}

TEST(Builtin, SaysWhatIsWrong) {
  EXPECT_THAT(MakeBuiltin("magic", {}).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("")));
  EXPECT_THAT(MakeBuiltin("coulomb-counting", {{"soc-sd", "wide"}}).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("soc-sd")));
  EXPECT_THAT(MakeBuiltin("coulomb-counting", {{"colour", "red"}}).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("it has delta-soc-min")));
  EXPECT_THAT(MakeBuiltin("partial-charge", {}).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("new-share")));
  EXPECT_THAT(MakeBuiltin("xgboost", {}).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("")));
  EXPECT_THAT(MakeBuiltin("xgboost", {{"model", "/nowhere"}}).status(),
              StatusIs(StatusCode::kNotFound, HasSubstr("/nowhere/card.json")));
}

// --- XGBoost ---

// One tree: x < 1.5 (or missing) is 3, else 5.
constexpr absl::string_view kBooster =
    R"({"learner":{"attributes":{},"feature_names":[],"feature_types":[],"gradient_booster":{"model":{)"
    R"("gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],)"
    R"("trees":[{"base_weights":[0E0,3E0,5E0],"categories":[],"categories_nodes":[],"categories_segments":[],)"
    R"("categories_sizes":[],"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],"loss_changes":[1E0,0E0,0E0],)"
    R"("parents":[2147483647,0,0],"right_children":[2,-1,-1],"split_conditions":[1.5E0,3E0,5E0],"split_indices":[0,0,0],)"
    R"("split_type":[0,0,0],"sum_hessian":[2E0,1E0,1E0],"tree_param":{"num_deleted":"0","num_feature":"1",)"
    R"("num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},"learner_model_param":{"base_score":"0E0",)"
    R"("boost_from_average":"1","num_class":"0","num_feature":"1","num_target":"1"},"objective":{)"
    R"("name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]})";

std::string Card(absl::string_view transform, absl::string_view booster = kBooster) {
  return absl::StrCat(
      R"({"card_version":1,"predictor":{"name":"soh-test","version":"7","method":"gradientBoosting",)"
      R"("target_model":"dtmi:twingraph:battery:BatteryCell;1",)"
      R"("features":[{"name":"x","unit":"volt","min":0,"max":9}],)"
      R"("outputs":[{"name":"soh","path":"soh","unit":"percent","level":0.9}],)"
      R"("held_out_metrics":{"cells":5,"points":100,"rmse":1.5,"mae":1.1,"coverage":0.91}},)"
      R"("model":{"kind":"xgboost","file":"model.json","sha256":")",
      Sha256(booster), R"("},"outputs":[{"name":"soh","transform":")", transform,
      R"(","max":100,"interval":{"level":0.9,"absolute":1,"relative":0.1,"floor":1.4}}]})");
}

std::string WriteModel(absl::string_view name, absl::string_view card,
                       absl::string_view booster = kBooster) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/predict-", getpid(), "-", name);
  EXPECT_EQ(system(absl::StrCat("mkdir -p ", folder).c_str()), 0);
  std::ofstream(folder + "/card.json") << card;
  std::ofstream(folder + "/model.json") << booster;
  return folder;
}

TEST(Xgboost, PredictsWithTheCardsInterval) {
  const auto predictor =
      MakeBuiltin("xgboost", {{"model", WriteModel("identity", Card("identity"))}});
  ASSERT_THAT(predictor.status(), IsOk());
  EXPECT_EQ((*predictor)->description().held_out->coverage, 0.91);
  Packs rows;
  rows.request.columns.resize(1);
  rows.request.twins = {"a", "b", "c"};
  rows.request.columns[0].doubles = {1, 2, 0};
  rows.request.columns[0].nulls = {0, 0, 1};
  const Answer answer = rows.Answered(*predictor);
  EXPECT_EQ(answer.model_version, "7");
  EXPECT_EQ(answer.outputs[0].values, (std::vector<double>{3, 5, 3}));
  EXPECT_EQ(answer.outputs[0].lo,
            (std::vector<double>{1.6, 3.5, 1.6}));  // 1.4 is the floor, 1 + 0.5
  EXPECT_EQ(answer.outputs[0].hi, (std::vector<double>{4.4, 6.5, 4.4}));
}

TEST(Xgboost, TransformsAndClampsAsTheCardSays) {
  CardOutput output;
  output.transform = CardOutput::Transform::kSquare;
  output.absolute = 2;
  output.min = 0;
  output.max = 10;
  EXPECT_EQ(Apply(output, -3).value, 0);
  EXPECT_EQ(Apply(output, -3).lo, 0);
  EXPECT_EQ(Apply(output, 3).value, 9);
  EXPECT_EQ(Apply(output, 3).hi, 10);
  output.transform = CardOutput::Transform::kLog10;
  EXPECT_EQ(Apply(output, 0.5).value, std::pow(10, 0.5));
}

TEST(Xgboost, RefusesABadCard) {
  EXPECT_THAT(ParseCard("{").status(), StatusIs(StatusCode::kInvalidArgument, HasSubstr("")));
  EXPECT_THAT(ParseCard(Card("root")).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("'root'")));
  EXPECT_THAT(ParseCard(R"({"card_version":2})").status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("card_version")));
  EXPECT_THAT(ParseCard(absl::StrReplaceAll(Card("identity"), {{"sha256", "md5"}})).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no model.sha256")));
  const std::string broken = WriteModel("broken", Card("identity", "no model"), "no model");
  EXPECT_THAT(MakeBuiltin("xgboost", {{"model", broken}}).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("loaded")));
}

TEST(Xgboost, RefusesABoosterThatIsNotTheCards) {
  const std::string changed = absl::StrReplaceAll(kBooster, {{"1.5E0", "1.6E0"}});
  const std::string folder = WriteModel("changed", Card("identity"), changed);
  EXPECT_THAT(MakeBuiltin("xgboost", {{"model", folder}}).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("model.json is not the file")));
}

TEST(Xgboost, APathEndsWhereItSays) {
  const std::string folder = WriteModel("whole", Card("identity"));
  const std::string longer = folder + std::string("/card.json\0/x", 13);
  EXPECT_THAT(ReadWholeFile(folder + "/card.json", 1 << 20).status(), IsOk());
  EXPECT_THAT(ReadWholeFile(longer, 1 << 20).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("NUL")));
}

// --- What they all share ---

TEST(Description, HasTheHashOfTheProto) {
  EXPECT_EQ(FeatureSchemaHash({{.name = "soc", .unit = "percent"}}), "fb489f6a6eae601c");
  EXPECT_NE(FeatureSchemaHash({{.name = "soc", .unit = "percent"}}),
            FeatureSchemaHash({{.name = "soc", .unit = "volt"}}));
}

TEST(Description, StaysTheSameInADocument) {
  const auto predictor = MakeBuiltin("xgboost", {{"model", WriteModel("again", Card("exp"))}});
  ASSERT_THAT(predictor.status(), IsOk());
  const Description& description = (*predictor)->description();
  const absl::StatusOr<Description> again = DecodeDescription(Encode(description));
  ASSERT_THAT(again.status(), IsOk());
  EXPECT_EQ(Encode(*again), Encode(description));
  EXPECT_EQ(again->features[0].max, 9);
  EXPECT_EQ(again->held_out->points, 100u);
}

TEST(Answer, OfGarbageIsRefusedOrMarked) {
  Description description;
  description.name = "p";
  description.version = "1";
  description.features = {{.name = "x"}};
  description.outputs.resize(1);
  description.outputs[0].name = "soh";
  Request request;
  request.id = "r";
  request.twins = {"a", "b", "c", "d"};
  const double nan = std::nan("");
  Answer good;
  good.request_id = "r";
  good.outputs.resize(1);
  OutputColumns& columns = good.outputs[0];
  columns.output = "soh";
  columns.values = {1, nan, 5, 7};
  columns.lo = {0, 0, 6, nan};
  columns.hi = {2, 2, 7, 9};
  columns.statuses = {EstimateStatus::kOk, EstimateStatus::kOk, EstimateStatus::kOk,
                      EstimateStatus::kOutOfDomain};
  Answer checked = good;
  ASSERT_THAT(CheckAnswer(description, request, &checked), IsOk());
  EXPECT_EQ(checked.outputs[0].statuses,
            (std::vector<EstimateStatus>{EstimateStatus::kOk, EstimateStatus::kError,
                                         EstimateStatus::kError, EstimateStatus::kOutOfDomain}));
  EXPECT_TRUE(std::isnan(checked.outputs[0].values[2]));
  EXPECT_TRUE(std::isnan(checked.outputs[0].values[3]));
  EXPECT_EQ(checked.model_version, "1");

  Answer wrong = good;
  wrong.request_id = "s";
  EXPECT_THAT(CheckAnswer(description, request, &wrong),
              StatusIs(StatusCode::kDataLoss, HasSubstr("")));
  wrong = good;
  wrong.outputs[0].values.pop_back();
  EXPECT_THAT(CheckAnswer(description, request, &wrong),
              StatusIs(StatusCode::kDataLoss, HasSubstr("3 values for 4 rows")));
  wrong = good;
  wrong.outputs[0].output = "sox";
  EXPECT_THAT(CheckAnswer(description, request, &wrong),
              StatusIs(StatusCode::kDataLoss, HasSubstr("'soh' is missing")));
  wrong = good;
  wrong.outputs.push_back(wrong.outputs[0]);
  EXPECT_THAT(CheckAnswer(description, request, &wrong),
              StatusIs(StatusCode::kDataLoss, HasSubstr("the output 'soh' is there twice")));
  for (const double level : {7.0, 1.0, -0.5, nan}) {
    wrong = good;
    wrong.outputs[0].level = level;
    EXPECT_THAT(CheckAnswer(description, request, &wrong),
                StatusIs(StatusCode::kDataLoss, HasSubstr("it is between 0 and 1")));
  }
  for (const double level : {0.0, 0.5}) {
    checked = good;
    checked.outputs[0].level = level;
    ASSERT_THAT(CheckAnswer(description, request, &checked), IsOk());
    EXPECT_EQ(checked.outputs[0].level, level == 0 ? description.outputs[0].level : 0.5);
  }
}

}  // namespace
}  // namespace twin::predict
