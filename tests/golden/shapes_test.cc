// Random queries of many shapes: expressions, paths, relationships, WITH, windows, order, HISTORY.
// The rewritten plan against the one as written, the engine against the reference, small batches
// against large ones. TWIN_SEED repeats one seed, TWIN_LONG takes many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/execute/execute.h"
#include "server/base/time.h"
#include "tests/golden/random_graph.h"
#include "tests/golden/world.h"
#include "tests/support/sanitized.h"

namespace twin::testing {
namespace {

using Texts = std::vector<std::string>;

// Expressions over what a pattern has.
class Expressions {
 public:
  explicit Expressions(Random* random) : random_(*random) {}

  Texts integers, numbers, texts, truths, twins;

  std::string Integer() { return integers.empty() ? "1" : random_.Of(integers); }

  std::string Number(int depth) {
    if (depth == 0 || random_.OneIn(3)) {
      if (random_.OneIn(4)) {
        return random_.OneIn(2) ? absl::StrCat(random_.Below(5) - 1)
                                : absl::StrCat("0.", random_.Below(10));
      }
      return numbers.empty() || random_.OneIn(2) ? Integer() : random_.Of(numbers);
    }
    const auto next = [&] { return Number(depth - 1); };
    switch (random_.Below(11)) {
      case 0:
        return absl::StrCat("ABS(", next(), ")");
      case 1:
        return absl::StrCat(random_.OneIn(2) ? "GREATEST(" : "LEAST(", next(), ", ", next(), ")");
      case 2:
        return absl::StrCat("COALESCE(", next(), ", ", next(), ")");
      case 3:
        return absl::StrCat("CASE WHEN ", Condition(depth - 1), " THEN ", next(), " ELSE ", next(),
                            " END");
      case 4:
        return absl::StrCat("CASE ", Integer(), " WHEN 1 THEN ", next(), " WHEN 2 THEN ", next(),
                            " END");
      case 5:
        return absl::StrCat("(", Integer(), " % ", random_.Below(3), ")");
      case 6:
        return absl::StrCat(random_.Of<std::string>({"FLOOR(", "CEIL(", "ROUND("}), next(), ")");
      case 7:
        return absl::StrCat("-", Integer());
      case 8:
        return texts.empty() ? next() : absl::StrCat("LENGTH(", random_.Of(texts), ")");
      default:
        return absl::StrCat("(", next(), random_.Of<std::string>({" + ", " - ", " * ", " / "}),
                            next(), ")");
    }
  }

  std::string Text() {
    const std::string text = texts.empty() ? "'ab'" : random_.Of(texts);
    switch (random_.Below(6)) {
      case 0:
        return absl::StrCat("UPPER(", text, ")");
      case 1:
        return absl::StrCat("CONCAT(", text, ", '-', ", Integer(), ")");
      case 2:
        return absl::StrCat("SUBSTRING(", text, ", 1)");
      default:
        return text;
    }
  }

  std::string Condition(int depth) {
    if (depth > 0 && random_.OneIn(2)) {
      return absl::StrCat("(", random_.OneIn(4) ? "NOT " : "", Condition(depth - 1),
                          random_.OneIn(2) ? " AND " : " OR ", Condition(depth - 1), ")");
    }
    const std::string negated = random_.OneIn(3) ? "NOT " : "";
    switch (random_.Below(13)) {
      case 0:
        return absl::StrCat(Number(1), " ", negated, "BETWEEN ", Number(0), " AND ", Number(1));
      case 1:
        return absl::StrCat(Number(1), random_.OneIn(2) ? " IN [" : " NIN [", Number(0), ", ",
                            Number(0), random_.OneIn(3) ? ", NULL]" : "]");
      case 2:
        return absl::StrCat(Number(1), " IS ", negated, "NULL");
      case 3:
        return absl::StrCat(Text(), " ", negated, "LIKE ",
                            random_.Of<std::string>({"'a%'", "'%b'", "'_'", "''"}));
      case 4:
        return absl::StrCat(random_.Of<std::string>({"STARTSWITH(", "ENDSWITH(", "CONTAINS("}),
                            Text(), ", 'a')");
      case 5:
        return absl::StrCat(Text(), random_.Of<std::string>({" = ", " <> ", " < "}), Text());
      case 6:
        return absl::StrCat(Text(), " IN ['a', 'b', 'A1', 'a2']");
      case 7:
        return truths.empty() ? "TRUE" : random_.Of(truths);
      case 8:
        return absl::StrCat(random_.Of<std::string>({"IS_DEFINED(", "IS_NUMBER(", "IS_NULL("}),
                            numbers.empty() ? Integer() : random_.Of(numbers), ")");
      case 9:
        if (twins.empty()) break;
        return absl::StrCat("IS_OF_MODEL(", random_.Of(twins), ", 'dtmi:t:Part;1'",
                            random_.OneIn(3) ? ", exact)" : ")");
      case 10:
        if (twins.empty()) break;
        return absl::StrCat(negated, "EXISTS ((", random_.Of(twins),
                            random_.Of<std::string>({")-[:r]->", ")-[*1..2]-", ")<-[:t]-"}),
                            "(e) WHERE e.n >= ", Integer(), ")");
      default:
        break;
    }
    return absl::StrCat(Number(1), random_.Of<std::string>({" < ", " <= ", " = ", " <> ", " >= "}),
                        Number(1));
  }

 private:
  Random& random_;
};

class RandomShape {
 public:
  explicit RandomShape(Random* random) : random_(*random), with_(random) {}

  std::string Text() {
    if (random_.OneIn(8)) return OfSubquery();
    const std::string from = From();
    return Select(absl::StrCat(from, Where()));
  }

 private:
  void AddTwin(const std::string& alias) {
    with_.twins.push_back(alias);
    with_.integers.push_back(absl::StrCat(alias, ".n"));
    for (const char* const number : {".x", ".f", ".n"}) {
      with_.numbers.push_back(absl::StrCat(alias, number));
    }
    with_.texts.push_back(absl::StrCat(alias, ".s"));
    with_.texts.push_back(absl::StrCat(alias, ".$dtId"));
    with_.truths.push_back(absl::StrCat(alias, ".on"));
    keys_.push_back(absl::StrCat(alias, ".$dtId"));
  }
  void AddRelationship(const std::string& alias) {
    with_.integers.push_back(absl::StrCat(alias, ".w"));
    with_.texts.push_back(absl::StrCat(alias, ".$relationshipName"));
    with_.texts.push_back(absl::StrCat(alias, ".$targetId"));
    keys_.push_back(absl::StrCat(alias, ".$sourceId"));
    keys_.push_back(absl::StrCat(alias, ".$relationshipId"));
  }
  void AddPath(const std::string& path) {
    const std::string at = absl::StrCat("[", random_.Below(3), "]");
    with_.integers.push_back(absl::StrCat("LENGTH(", path, ")"));
    with_.integers.push_back(absl::StrCat("NODES(", path, ")", at, ".n"));
    with_.integers.push_back(absl::StrCat("RELATIONSHIPS(", path, ")", at, ".w"));
    with_.numbers.push_back(absl::StrCat("NODES(", path, ")", at, ".f"));
    with_.texts.push_back(absl::StrCat("NODES(", path, ")", at, ".s"));
    with_.texts.push_back(absl::StrCat("RELATIONSHIPS(", path, ")", at, ".$targetId"));
    with_.truths.push_back(absl::StrCat("ANY(e IN NODES(", path, ") WHERE e.n > 0)"));
    with_.truths.push_back(absl::StrCat("ALL(e IN RELATIONSHIPS(", path, ") WHERE e.w >= 1)"));
    keys_.push_back(absl::StrCat("NODES(", path, ")"));
    keys_.push_back(absl::StrCat("RELATIONSHIPS(", path, ")"));
  }

  std::string From() {
    const auto edge = [&](absl::string_view alias, absl::string_view hops) {
      const std::string inside =
          absl::StrCat("[", alias, random_.Of<std::string>({":r", ":r|t", ""}), hops, "]");
      return random_.OneIn(2) ? absl::StrCat("-", inside, "->") : absl::StrCat("-", inside, "-");
    };
    const std::string hops = random_.Of<std::string>({"", "*1..2", "*0..1", "*..2", "*2"});
    std::string text;
    switch (random_.Below(7)) {
      case 0:
        AddRelationship("q");
        return " FROM RELATIONSHIPS q";
      case 1:
        AddTwin("T");
        return " FROM DIGITALTWINS T";
      case 2:
        AddTwin("a");
        AddTwin("b");
        AddPath("p");
        return absl::StrCat(" FROM DIGITALTWINS MATCH p = (a)", edge("", hops), "(b)");
      case 3:
        AddTwin("a");
        AddTwin("b");
        return absl::StrCat(" FROM DIGITALTWINS MATCH (a", random_.OneIn(2) ? ":Part" : "",
                            ") MATCH (b)", edge("", hops), "(a)");
      case 4:
        AddTwin("a");
        AddTwin("b");
        AddTwin("c");
        return absl::StrCat(" FROM DIGITALTWINS MATCH (a)", edge("", ""), "(b)", edge("", ""),
                            "(c)");
      case 5:
        AddTwin("a");
        AddTwin("b");
        AddPath("p");
        return absl::StrCat(" FROM DIGITALTWINS MATCH (a) OPTIONAL MATCH p = (a)", edge("", hops),
                            "(b)");
      default:
        AddTwin("a");
        AddRelationship("q");
        AddTwin("b");
        return absl::StrCat(" FROM DIGITALTWINS MATCH (a)", edge("q", ""), "(b)");
    }
  }

  std::string Where() {
    return random_.OneIn(4) ? "" : absl::StrCat(" WHERE ", with_.Condition(2));
  }

  // Of what is added no sum depends on the order.
  std::string Aggregates() {
    Texts all = {"COUNT() AS c"};
    const Texts functions = {"COUNT(", "MIN(", "MAX(", "COUNT(DISTINCT ", "MEDIAN("};
    for (int i = random_.Below(3); i >= 0; --i) {
      all.push_back(absl::StrCat(random_.Of(functions), with_.Number(1), ") AS g", i));
    }
    all.push_back(absl::StrCat("SUM(", with_.Integer(), ") AS s"));
    all.push_back(absl::StrCat("PERCENTILE(", with_.Integer(), ", 0.3) AS q"));
    all.push_back(absl::StrCat(random_.OneIn(2) ? "MIN(" : "MAX(", with_.Text(), ") AS t"));
    return absl::StrJoin(all, ", ");
  }

  std::string Limit(const Texts& keys) {
    Texts order;
    for (const std::string& key : keys) {
      order.push_back(absl::StrCat(key, random_.OneIn(3) ? " DESC" : "",
                                   random_.OneIn(4) ? " NULLS FIRST" : ""));
    }
    return absl::StrCat(" ORDER BY ", absl::StrJoin(order, ", "), " LIMIT ", 1 + random_.Below(6),
                        random_.OneIn(3) ? " OFFSET 2" : "");
  }

  std::string Select(const std::string& from) {
    switch (random_.Below(6)) {
      case 0:
        return absl::StrCat("SELECT ", Aggregates(), from);
      case 1:
      case 2: {
        const std::string key = random_.OneIn(2) ? with_.Text() : with_.Number(1);
        const std::string other = with_.Integer();
        return absl::StrCat("SELECT ", key, " AS k, ", other, " AS l, ", Aggregates(), from,
                            " GROUP BY k, l", random_.OneIn(3) ? " HAVING COUNT() > 1" : "",
                            random_.OneIn(3) ? Limit({"k", "l"}) : "");
      }
      case 3:
        return absl::StrCat("SELECT DISTINCT ", with_.Text(), " AS k, ", with_.Number(2), " AS v",
                            from, random_.OneIn(2) ? Limit({"k", "v"}) : "");
      case 4: {
        const std::string over = absl::StrCat(" OVER (PARTITION BY ", with_.Text());
        return absl::StrCat("SELECT ", Keys(), ", COUNT()", over, ") AS w, MAX(", with_.Number(1),
                            ")", over, ") AS u, RANK()", over, " ORDER BY ", with_.Number(1),
                            ") AS t", from, random_.OneIn(3) ? " QUALIFY w > 1" : "");
      }
      default:
        return absl::StrCat("SELECT ", Keys(), ", ", with_.Number(2), " AS v, ", with_.Text(),
                            " AS t, ", with_.Condition(1), " AS b", from,
                            random_.OneIn(2) ? Limit(KeyNames()) : "");
    }
  }

  std::string OfSubquery() {
    const std::string inner = absl::StrCat("SELECT ", with_keys(), ", ", with_.Number(1), " AS v, ",
                                           with_.Integer(), " AS i", from_, Where());
    for (Texts* all : {&with_.texts, &with_.truths, &with_.twins}) all->clear();
    with_.integers = {"i"};
    with_.numbers = {"v", "i"};
    keys_ = {"i", "v"};
    return absl::StrCat("WITH sub AS (", inner, ") ", Select(absl::StrCat(" FROM sub", Where())));
  }
  std::string with_keys() {
    from_ = From();
    return Keys();
  }

  std::string Keys() const {
    Texts items;
    for (size_t i = 0; i < keys_.size(); ++i) items.push_back(absl::StrCat(keys_[i], " AS k", i));
    return absl::StrJoin(items, ", ");
  }
  Texts KeyNames() const {
    Texts names;
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i].find("NODES") == std::string::npos &&
          keys_[i].find("RELATIONSHIPS(") == std::string::npos) {
        names.push_back(absl::StrCat("k", i));
      }
    }
    names.emplace_back("v");
    names.emplace_back("t");
    names.emplace_back("b");
    return names;
  }

  Random& random_;
  Expressions with_;
  Texts keys_;  // what a row of the pattern is made of
  std::string from_;
};

// All ways of both worlds against the plan as written on the reference.
void Compare(const std::string& text, World* reference, World* engine, query::TaskPool* pool,
             Time now) {
  SCOPED_TRACE(text);
  const std::string expected = Answer(text, {.rewrites = false, .now = now}, reference);
  const bool is_answer = expected.empty() || expected[0] == '{';
  ASSERT_TRUE(is_answer || expected.rfind("OUT_OF_RANGE", 0) == 0) << expected;
  for (const How& how :
       std::vector<How>{{.engine = false, .now = now},
                        {.engine = true, .now = now},
                        {.engine = true, .rewrites = false, .batch_rows = 1, .now = now},
                        {.engine = true, .batch_rows = 2, .pool = pool, .now = now}}) {
    ASSERT_EQ(Answer(text, how, how.engine ? engine : reference), expected)
        << "engine " << how.engine << ", rewrites " << how.rewrites << ", batches of "
        << how.batch_rows;
  }
}

void RunSeed(uint64_t seed) {
  SCOPED_TRACE(absl::StrCat("TWIN_SEED=", seed));
  Random random(seed);
  const std::unique_ptr<World> reference = NewReferenceWorld();
  const std::unique_ptr<World> engine = NewEngineWorld();
  for (const ingest::Operation& operation : RandomGraph(&random)) {
    ASSERT_TRUE(reference->Apply(operation, Time{1}).ok());
    ASSERT_TRUE(engine->Apply(operation, Time{1}).ok());
  }
  const std::unique_ptr<query::TaskPool> pool = query::NewTaskPool(3);
  for (int i = 0; i < 40 && !::testing::Test::HasFatalFailure(); ++i) {
    Compare(RandomShape(&random).Text(), reference.get(), engine.get(), pool.get(), Time{2});
  }
}

constexpr int64_t kStart = int64_t{20'000} * 86'400;  // seconds; a midnight

std::string TimeText(int64_t seconds) {
  return absl::StrCat("'", FormatTime(Time{seconds * kNsPerSecond}), "'");
}

// Queries about samples of v, u, k and f within 20 minutes.
class HistoryShape {
 public:
  explicit HistoryShape(Random* random) : random_(*random) {}

  std::string Text() {
    for (const char* const name : {"v", "u", "k", "f"}) {
      if (random_.OneIn(2)) columns_.emplace_back(name);
    }
    if (columns_.empty()) columns_.emplace_back("v");
    const bool steps = random_.OneIn(3);
    const std::string from = absl::StrCat(
        " FROM DIGITALTWINS MATCH (c:Cell) ", random_.OneIn(4) ? "OPTIONAL " : "",
        "HISTORY h OF c.(", absl::StrJoin(columns_, ", "), ") ", Window(),
        steps ? absl::StrCat(
                    " EVERY ", random_.Of<std::string>({"10s", "60s", "7s", "300s"}),
                    random_.Of<std::string>({"", " FILL PREVIOUS", " FILL LINEAR", " FILL NULL"}))
              : "",
        random_.OneIn(2) ? " MAX GAP 40s" : "",
        random_.OneIn(2) ? "" : absl::StrCat(" WHERE ", Condition()));
    switch (random_.Below(4)) {
      case 0:
        return absl::StrCat("SELECT c.$dtId, h.time, h.", absl::StrJoin(columns_, ", h."), from);
      case 1:
        return absl::StrCat("SELECT c.$dtId AS id, ", Aggregates(), from, " GROUP BY c.$dtId");
      case 2:
        return absl::StrCat("SELECT c.$dtId AS id, TIME_BUCKET(",
                            random_.Of<std::string>({"60s", "10m", "7s"}), ", h.time) AS t, ",
                            Aggregates(), from, " GROUP BY id, t");
      default:
        return absl::StrCat("SELECT ", Aggregates(), from);
    }
  }

 private:
  std::string Column() { return absl::StrCat("h.", random_.Of(columns_)); }

  std::string Window() {
    const int64_t begin = kStart + random_.Below(1200);
    switch (random_.Below(3)) {
      case 0:
        return absl::StrCat("FROM ", TimeText(begin), " TO ",
                            TimeText(begin + 1 + random_.Below(900)));
      case 1:
        return absl::StrCat("SINCE ", TimeText(begin));
      default:
        return absl::StrCat("LAST ", 60 + random_.Below(1500), "s");
    }
  }

  std::string Condition() {
    const std::string value = absl::StrCat(random_.Below(9), ".", random_.Below(4));
    switch (random_.Below(5)) {
      case 0:
        return absl::StrCat(Column(), " BETWEEN ", random_.Below(4), " AND ", value);
      case 1:
        return absl::StrCat("c.$dtId <> 't1' AND ", Column(), " >= ", value);
      case 2:
        return absl::StrCat(Column(), " IS NOT NULL");
      case 3:
        return absl::StrCat(Column(), " > ", value, " OR ", Column(), " = 1");
      default:
        return absl::StrCat(Column(), random_.Of<std::string>({" < ", " <= ", " > ", " = "}),
                            value);
    }
  }

  // The rounding of sums may depend on how they were come by.
  std::string Aggregates() {
    Texts all = {"COUNT() AS n"};
    for (int i = random_.Below(4); i >= 0; --i) {
      all.push_back(absl::StrCat(
          random_.Of<std::string>({"COUNT(", "MIN(", "MAX(", "COUNT(DISTINCT ", "MEDIAN("}),
          Column(), ") AS g", i));
    }
    if (std::find(columns_.begin(), columns_.end(), "k") != columns_.end()) {
      all.emplace_back("SUM(h.k) AS s");
      all.emplace_back("AVG(h.k) AS a");
    }
    return absl::StrJoin(all, ", ");
  }

  Random& random_;
  Texts columns_;
};

void RunHistorySeed(uint64_t seed) {
  SCOPED_TRACE(absl::StrCat("TWIN_SEED=", seed));
  Random random(seed);
  const std::unique_ptr<World> reference = NewReferenceWorld();
  const std::unique_ptr<World> engine = NewEngineWorld();
  ingest::CreateModels models;
  models.texts.emplace_back(R"({
    "@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Cell;1", "@type": "Interface", "contents": [
      {"@type": "Telemetry", "name": "v", "schema": "double"},
      {"@type": "Telemetry", "name": "u", "schema": "double"},
      {"@type": "Telemetry", "name": "f", "schema": "float"},
      {"@type": "Telemetry", "name": "k", "schema": "integer"}]})");
  std::vector<ingest::Operation> operations = {ingest::Operation(models)};
  constexpr int kTwins = 4;
  for (int i = 0; i < kTwins; ++i) {
    operations.emplace_back(ingest::PutTwin{.id = absl::StrCat("t", i),
                                            .model_id = "dtmi:t:Cell;1",
                                            .contents = {},
                                            .condition = {},
                                            .source_time = {},
                                            .source_times = {}});
  }
  for (World* const world : {reference.get(), engine.get()}) {
    for (const ingest::Operation& operation : operations) {
      ASSERT_TRUE(world->Apply(operation, Time{kStart * kNsPerSecond}).ok());
    }
  }
  const auto add = [&](int twin, const char* path, int64_t time, const Value& value) {
    for (World* const world : {reference.get(), engine.get()}) {
      const Time at{time * kNsPerSecond};
      ASSERT_TRUE(world->AddSample(absl::StrCat("t", twin), path, at, value).ok());
    }
  };
  for (int twin = 0; twin < kTwins - 1; ++twin) {  // the last one has none
    const int step = 1 + random.Below(60);
    for (int64_t time = kStart; time < kStart + 1500; time += step) {
      const int64_t at = random.OneIn(9) ? kStart + random.Below(1500) : time;  // late, or again
      if (!random.OneIn(5)) add(twin, "v", at, Value::Double(random.Below(80) / 10.0));
      if (random.OneIn(2)) add(twin, "u", at, Value::Double(random.Below(99) / 13.0));
      if (random.OneIn(3)) add(twin, "f", at, Value::Double(random.Below(80) / 10.0));
      if (random.OneIn(2)) add(twin, "k", at, Value::Int(random.Below(9)));
    }
  }
  if (random.OneIn(3)) {
    ASSERT_TRUE(engine->Restart().ok());
  }
  const std::unique_ptr<query::TaskPool> pool = query::NewTaskPool(3);
  for (int i = 0; i < 30 && !::testing::Test::HasFatalFailure(); ++i) {
    Compare(HistoryShape(&random).Text(), reference.get(), engine.get(), pool.get(),
            Time{(kStart + 1600) * kNsPerSecond});
  }
}

uint64_t Seeds() { return std::getenv("TWIN_LONG") != nullptr ? 500 : kSanitized ? 5 : 15; }

void RunSeeds(void (*run)(uint64_t seed)) {
  if (const char* seed = std::getenv("TWIN_SEED"); seed != nullptr) {
    run(std::strtoull(seed, nullptr, 10));
    return;
  }
  for (uint64_t seed = 1; seed <= Seeds() && !::testing::Test::HasFatalFailure(); ++seed) run(seed);
}

TEST(Shapes, PlansAndReadersAgree) { RunSeeds(RunSeed); }

TEST(Shapes, HistoriesAgree) { RunSeeds(RunHistorySeed); }

}  // namespace
}  // namespace twin::testing
