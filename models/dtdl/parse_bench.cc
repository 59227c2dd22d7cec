// Parsing models, beside what RapidJSON alone needs for the same texts (its default tree).
// With TWINGRAPH_DATA set: the 767 interfaces of a public building ontology; always: a made-up
// ontology of cells, packs and vehicles in several sizes, to see that cost grows linearly.
#include <benchmark/benchmark.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "models/dtdl/json.h"
#include "models/dtdl/parse.h"
#include "server/base/check.h"

namespace twin::dtdl {
namespace {

struct Texts {
  std::vector<std::string> texts;
  std::vector<Source> sources;
  size_t bytes = 0;

  void Finish() {
    for (const std::string& text : texts) {
      sources.push_back({"bench", text});
      bytes += text.size();
    }
  }
};

// `count` interfaces, eight levels deep at most, with quantities, enums, objects and relationships.
std::unique_ptr<Texts> MakeUp(int count) {
  constexpr int kLevels = 8;
  auto made = std::make_unique<Texts>();
  for (int i = 0; i < count; ++i) {
    const std::string id = absl::StrCat("dtmi:bench:Part", i, ";1");
    const std::string extends =
        i % kLevels == 0 ? "" : absl::StrCat("\"extends\": \"dtmi:bench:Part", i - 1, ";1\", ");
    made->texts.push_back(absl::StrCat(
        R"({"@context": ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:quantitativeTypes;1"], )",
        R"("@id": ")", id, R"(", "@type": "Interface", "displayName": {"en": "Part )", i, R"("}, )",
        extends, R"("contents": [{"@type": ["Telemetry", "Voltage"], "name": "voltage)", i,
        R"(", "schema": "double", "unit": "volt", "description": "Terminal voltage."},)",
        R"({"@type": "Property", "name": "state)", i,
        R"(", "schema": {"@type": "Enum", "valueSchema": "integer", "enumValues": [)",
        R"({"name": "idle", "enumValue": 0}, {"name": "charging", "enumValue": 1}]}},)",
        R"({"@type": "Property", "name": "soh)", i,
        R"(", "writable": true, "schema": {"@type": "Object", "fields": [)",
        R"({"name": "value", "schema": "double"}, {"name": "asOf", "schema": "dateTime"}]}},)",
        R"({"@type": "Relationship", "name": "hasPart)", i, R"(", "target": ")", id, "\"}]}"));
  }
  made->Finish();
  return made;
}

// The documents of a set under TWINGRAPH_DATA, one a line; nullptr without it.
std::unique_ptr<Texts> ReadOntology(absl::string_view name) {
  const char* const data = std::getenv("TWINGRAPH_DATA");
  if (data == nullptr) return nullptr;
  const std::string command =
      absl::StrCat("gzip -dc '", data, "/dtdl/ontologies/", name, ".jsonl.gz'");
  FILE* const pipe = popen(command.c_str(), "r");
  TWIN_CHECK(pipe != nullptr) << command;
  std::string lines;
  char buffer[1 << 16];
  for (size_t read = 0; (read = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    lines.append(buffer, read);
  }
  pclose(pipe);
  auto ontology = std::make_unique<Texts>();
  JsonParser parser;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = lines.find('\n', at);
    JsonError error;
    const auto line =
        JsonDocument::Parse(absl::string_view(lines).substr(at, end - at), parser, &error);
    TWIN_CHECK(line != nullptr) << error.message;
    for (const JsonNode& model : Children(*line->root().Find("models"))) {
      ontology->texts.emplace_back(line->TextOf(model));
    }
    at = end + 1;
  }
  ontology->Finish();
  return ontology;
}

void ParseJsonAlone(const Texts& texts) {
  for (const std::string& text : texts.texts) {
    rapidjson::Document document;
    document.Parse(text.data(), text.size());
    TWIN_CHECK(!document.HasParseError()) << "not JSON";
    benchmark::DoNotOptimize(document);
  }
}

// Seconds of the fastest of a few runs: the floor that a benchmark is compared with.
double FloorSeconds(const Texts& texts) {
  double best = 1e9;
  for (int run = 0; run < 20; ++run) {
    const auto start = std::chrono::steady_clock::now();
    ParseJsonAlone(texts);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

void Run(benchmark::State& state, const Texts& texts) {
  const double floor = FloorSeconds(texts);
  double best = 1e9;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    const ParseResult result = Parse(texts.sources);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
    if (result.verdict != Verdict::kValid) state.SkipWithError("the models are not valid");
  }
  const auto interfaces = static_cast<double>(texts.sources.size());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(texts.bytes));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(texts.sources.size()));
  state.counters["json_us"] = floor * 1e6;
  state.counters["x_json"] = best / floor;
  state.counters["us_per_interface"] = best * 1e6 / interfaces;
}

void BM_ParseBuildingOntology(benchmark::State& state) {
  const std::unique_ptr<Texts> texts = ReadOntology("building-azure-recv3");
  if (texts == nullptr) return state.SkipWithError("skipped: TWINGRAPH_DATA is not set");
  Run(state, *texts);
}
BENCHMARK(BM_ParseBuildingOntology)->Unit(benchmark::kMillisecond);

void BM_ParseMadeUpOntology(benchmark::State& state) {
  Run(state, *MakeUp(static_cast<int>(state.range(0))));
}
BENCHMARK(BM_ParseMadeUpOntology)
    ->RangeMultiplier(2)
    ->Range(512, 8192)
    ->Unit(benchmark::kMillisecond);

// In no order: what refers to a later text waits for the end, and stands anywhere in memory.
void BM_ParseMadeUpShuffled(benchmark::State& state) {
  const std::unique_ptr<Texts> texts = MakeUp(static_cast<int>(state.range(0)));
  std::shuffle(texts->sources.begin(), texts->sources.end(), std::mt19937(1));
  Run(state, *texts);
}
BENCHMARK(BM_ParseMadeUpShuffled)
    ->RangeMultiplier(2)
    ->Range(512, 8192)
    ->Unit(benchmark::kMillisecond);

void BM_JsonAlone(benchmark::State& state) {
  const std::unique_ptr<Texts> texts = MakeUp(static_cast<int>(state.range(0)));
  for (auto _ : state) ParseJsonAlone(*texts);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(texts->bytes));
}
BENCHMARK(BM_JsonAlone)->Arg(1024)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace twin::dtdl
