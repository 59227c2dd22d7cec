#include "tests/golden/random_graph.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "query/bind/bind.h"
#include "query/parse/parse.h"
#include "tests/golden/render.h"

namespace twin::testing {
namespace {

constexpr char kModels[] = R"([
  {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Thing;1", "@type": "Interface", "contents": [
    {"@type": "Property", "name": "n", "schema": "integer"},
    {"@type": "Property", "name": "x", "schema": "double"},
    {"@type": "Property", "name": "f", "schema": "float"},
    {"@type": "Property", "name": "s", "schema": "string"},
    {"@type": "Property", "name": "on", "schema": "boolean"},
    {"@type": "Relationship", "name": "r", "properties": [
      {"@type": "Property", "name": "w", "schema": "integer"}]}]},
  {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Part;1", "@type": "Interface",
   "extends": "dtmi:t:Thing;1", "contents": [
    {"@type": "Property", "name": "m", "schema": "integer"},
    {"@type": "Relationship", "name": "t", "target": "dtmi:t:Thing;1"}]}])";

}  // namespace

std::string GraphModels() { return kModels; }

std::vector<ingest::Operation> RandomGraph(Random* random, const std::string& models_text) {
  std::vector<ingest::Operation> operations;
  ingest::CreateModels models;
  models.texts.push_back(models_text);
  operations.emplace_back(models);
  const int twins = 2 + random->Below(12);
  std::vector<bool> is_part;
  for (int i = 0; i < twins; ++i) {
    ingest::PutTwin twin;
    twin.id = absl::StrCat("a", i);
    is_part.push_back(random->OneIn(2));
    twin.model_id = is_part.back() ? "dtmi:t:Part;1" : "dtmi:t:Thing;1";
    if (!random->OneIn(4)) twin.contents.emplace_back("n", Value::Int(random->Below(5) - 2));
    if (!random->OneIn(4)) twin.contents.emplace_back("x", Value::Double(random->Below(8) / 2.0));
    if (!random->OneIn(4)) twin.contents.emplace_back("f", Value::Double(random->Below(9) / 10.0));
    if (!random->OneIn(4)) {
      twin.contents.emplace_back("s", Value::String(random->Of<std::string>({"", "a", "ab", "b"})));
    }
    if (!random->OneIn(4)) twin.contents.emplace_back("on", Value::Bool(random->OneIn(2)));
    if (is_part.back() && !random->OneIn(3)) {
      twin.contents.emplace_back("m", Value::Int(random->Below(3)));
    }
    operations.emplace_back(std::move(twin));
  }
  const int relationships = random->Below(2 * twins);
  for (int i = 0; i < relationships; ++i) {
    const int source = random->Below(twins);
    ingest::PutRelationship relationship;
    relationship.source_id = absl::StrCat("a", source);
    relationship.relationship_id = absl::StrCat("r", i);
    relationship.name.assign(1,
                             is_part[static_cast<size_t>(source)] && random->OneIn(2) ? 't' : 'r');
    relationship.target_id = absl::StrCat("a", random->Below(twins));
    if (relationship.name == "r" && random->OneIn(2)) {
      relationship.contents.emplace_back("w", Value::Int(random->Below(3)));
    }
    operations.emplace_back(std::move(relationship));
  }
  return operations;
}

std::string Answer(const std::string& text, const How& how, const WorldReaders& readers) {
  const auto parsed = query::Parse(text);
  if (!parsed.ok()) return parsed.status().ToString();
  const auto bound = query::Bind(**parsed, readers.catalog);
  if (!bound.ok()) return bound.status().ToString();
  query::ExecuteOptions options;
  options.rewrites = how.rewrites;
  options.batch_rows = how.batch_rows;
  options.pool = how.pool;
  if (how.now != Time{}) options.now = how.now;
  const std::vector<query::ResultColumn> columns = query::ResultColumns(**bound);
  std::vector<std::string> lines;
  query::ExecuteStatistics statistics;
  const absl::Status status = query::Execute(
      **bound, *readers.graph, readers.series.get(), options,
      [&](const query::Batch& batch) {
        for (size_t row = 0; row < batch.rows; ++row) {
          // Which of two zeros is the least depends on the order of rows.
          lines.push_back(absl::StrReplaceAll(RowToJson(columns, batch, row, *readers.graph),
                                              {{":-0.0", ":0.0"}}));
        }
        return absl::OkStatus();
      },
      &statistics);
  if (!status.ok()) return status.ToString();
  std::sort(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

std::string Answer(const std::string& text, const How& how, World* world) {
  return Answer(text, how, world->Read());
}

}  // namespace twin::testing
