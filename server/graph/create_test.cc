// Graph::Create against CreateTwin, SetValue and CreateRelationship of each.
#include <bit>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/graph/graph.h"

namespace twin::graph {
namespace {

constexpr absl::string_view kModel =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:c:A;1","@type":"Interface","contents":[
      {"@type":"Property","name":"serial","schema":"string","comment":"index: equality"},
      {"@type":"Property","name":"note","schema":"string"},
      {"@type":"Property","name":"volt","schema":"double"},
      {"@type":"Property","name":"amps","schema":"float"},
      {"@type":"Property","name":"count","schema":"integer"},
      {"@type":"Property","name":"total","schema":"long"},
      {"@type":"Property","name":"on","schema":"boolean"},
      {"@type":"Property","name":"made","schema":"dateTime"},
      {"@type":"Relationship","name":"has","properties":[
        {"@type":"Property","name":"position","schema":"integer"}]},
      {"@type":"Relationship","name":"feeds"}]})";
constexpr uint32_t kColumns = 8;
constexpr uint32_t kTables = 2;

std::shared_ptr<const Catalog> TestCatalog() {
  std::vector<ModelState> states;
  for (uint32_t i = 0; i < kTables; ++i) {
    ModelState& state = states.emplace_back();
    state.id = i == 0 ? "dtmi:c:A;1" : "dtmi:c:B;1";
    state.text = std::string(kModel);
    if (i == 1) state.text.replace(state.text.find("c:A"), 3, "c:B");
    state.table = TableId(i);
  }
  auto catalog = Catalog::Create(std::move(states), nullptr);
  TWIN_CHECK(catalog.ok()) << catalog.status();
  return *catalog;
}

std::string TextOf(const Graph& graph) {
  const GraphView& view = graph.head();
  std::string all = absl::StrCat(view.twins(), " ", view.relationships());
  for (uint32_t number = 0; number < view.next_twin().value; ++number) {
    const TwinNumber twin(number);
    absl::StrAppend(&all, "\n", number, " ", view.IdOf(twin));
    if (!view.Exists(twin)) continue;
    EXPECT_TRUE(view.FindTwin(view.IdOf(twin)) == twin);
    const TwinPlace place = view.PlaceOf(twin);
    absl::StrAppend(&all, " ", place.table.value, "/", place.row, " v", view.VersionOf(twin).value,
                    " t", view.UpdateTimeOf(twin).ns, " since ", view.BeginOf(twin).ns);
    for (uint32_t c = 0; c < kColumns; ++c) {
      const Cell cell = view.Get(twin, ColumnId(c));
      if (cell.value.is_null()) continue;
      absl::StrAppend(&all, " ", c, "=", cell.value.DebugString(), "@", cell.update_time.ns, "/",
                      cell.source_time.ns);
    }
    const Value serial = view.GetValue(twin, ColumnId(0));
    if (serial.kind() == Value::Kind::kString) {
      absl::StrAppend(&all, " ×",
                      view.FindEqual(place.table, ColumnId(0), serial.as_string()).size());
    }
    for (RelationshipNumber each = view.FirstOutgoing(twin); !(each == kNoRelationship);
         each = view.NextOutgoing(each)) {
      const Relationship found = view.Get(each);
      absl::StrAppend(&all, " ", each.value, ":", found.type.value, found.id, "->",
                      found.target.value, "v", found.version.value, "since", view.BeginOf(each).ns);
      EXPECT_TRUE(view.FindRelationship(twin, found.id) == each);
    }
    for (RelationshipNumber each = view.FirstIncoming(twin); !(each == kNoRelationship);
         each = view.NextIncoming(each)) {
      absl::StrAppend(&all, " <-", each.value);
    }
  }
  return all;
}

Value ValueOf(ColumnType type, uint64_t bits, absl::string_view text) {
  switch (type) {
    case ColumnType::kBool:
      return Value::Bool(bits != 0);
    case ColumnType::kInt32:
    case ColumnType::kInt64:
      return Value::Int(static_cast<int64_t>(bits));
    case ColumnType::kFloat:
    case ColumnType::kDouble:
      return Value::Double(std::bit_cast<double>(bits));
    case ColumnType::kTime:
      return Value::OfTime(Time{static_cast<int64_t>(bits)});
    default:
      return Value::String(text);
  }
}

uint64_t RandomBits(ColumnType type, std::mt19937* random) {
  const auto number = static_cast<int64_t>((*random)() % 1000) - 500;
  if (type == ColumnType::kBool) return number > 0 ? 1 : 0;
  if (type == ColumnType::kDouble || type == ColumnType::kFloat) {
    return std::bit_cast<uint64_t>(static_cast<double>(number) / 8);
  }
  return static_cast<uint64_t>(number);
}

void CreateOneByOne(const Creations& made, Time update, Graph* graph) {
  std::vector<size_t> next(made.kinds.size());  // among those of a kind
  for (const Creations::Twin& twin : made.twins) {
    const Creations::Kind& kind = made.kinds[twin.kind];
    const TwinNumber number = graph->head().next_twin();
    graph->CreateTwin(number, twin.id, kind.table, twin.version, update, twin.begin);
    for (const Creations::Column& column : kind.columns) {
      const ColumnType type =
          graph->head().catalog().table(kind.table).columns[column.id.value].type;
      const size_t i = next[twin.kind];
      const bool is_text = type == ColumnType::kString;
      graph->SetValue(number, column.id,
                      ValueOf(type, is_text ? 0 : column.bits[i], is_text ? column.texts[i] : ""),
                      update, kind.source);
    }
    ++next[twin.kind];
  }
  for (const Creations::Relationship& each : made.relationships) {
    graph->CreateRelationship(graph->head().next_relationship(), each.type, each.source,
                              each.target, each.id, each.version, each.begin);
  }
}

class GraphCreate : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, GraphCreate, ::testing::Range(1u, 9u));

TEST_P(GraphCreate, IsAsOneByOne) {
  std::mt19937 random(GetParam());
  Graph together;
  Graph alone;
  together.SetCatalog(TestCatalog());
  alone.SetCatalog(TestCatalog());
  int64_t sequence = 0;
  for (int round = 0; round < 12; ++round) {
    const Time now{1'000'000 + round};
    std::vector<std::string> texts;
    texts.reserve(10'000);  // views of them stay valid
    Creations made;
    const auto kinds = static_cast<uint32_t>(1 + random() % 4);
    for (uint32_t k = 0; k < kinds; ++k) {
      Creations::Kind& kind = made.kinds.emplace_back();
      kind.table = TableId(random() % kTables);
      kind.source = random() % 2 == 0 ? now : Time{static_cast<int64_t>(random() % 3)};
      for (uint32_t c = 0; c < kColumns; ++c) {
        if (random() % 3 != 0) kind.columns.emplace_back().id = ColumnId(c);
      }
    }
    const uint32_t first = together.head().next_twin().value;
    const auto twins = static_cast<uint32_t>(random() % 400);
    for (uint32_t i = 0; i < twins; ++i) {
      const auto k = static_cast<uint32_t>(random() % made.kinds.size());
      Creations::Kind& kind = made.kinds[k];
      ++kind.twins;
      for (Creations::Column& column : kind.columns) {
        const ColumnType type =
            together.head().catalog().table(kind.table).columns[column.id.value].type;
        if (type == ColumnType::kString) {
          column.texts.push_back(texts.emplace_back(absl::StrCat("text ", random() % 50)));
        } else {
          column.bits.push_back(RandomBits(type, &random));
        }
      }
      made.twins.push_back({k, texts.emplace_back(absl::StrCat("twin-", first + i)),
                            Sequence(static_cast<uint64_t>(++sequence)),
                            Time{static_cast<int64_t>(random() % 5)}});
    }
    const auto exists = [&](uint32_t number) {
      return number >= first || together.head().Exists(TwinNumber(number));
    };
    const auto end = static_cast<uint32_t>(first + made.twins.size());
    const uint32_t hub = end == 0 ? 0 : static_cast<uint32_t>(random() % end);
    const auto relationships = static_cast<uint32_t>(end == 0 ? 0 : random() % 300);
    for (uint32_t i = 0; i < relationships; ++i) {
      const uint32_t source = random() % 2 == 0 ? hub : static_cast<uint32_t>(random() % end);
      const auto target = static_cast<uint32_t>(random() % end);
      if (!exists(source) || !exists(target)) continue;
      made.relationships.push_back({RelationshipTypeId(random() % 4), TwinNumber(source),
                                    TwinNumber(target),
                                    texts.emplace_back(absl::StrCat("r", round, "-", i)),
                                    Sequence(static_cast<uint64_t>(++sequence)), now});
    }
    const auto pinned = together.Pin();  // pages are copied, not changed
    const uint64_t twins_before = pinned->twins();
    together.Create(made, now);
    CreateOneByOne(made, now, &alone);
    for (Graph* graph : {&together, &alone}) {
      graph->Advance(Sequence(static_cast<uint64_t>(sequence)), now);
    }
    EXPECT_EQ(pinned->twins(), twins_before);
    ASSERT_EQ(TextOf(together), TextOf(alone)) << round;
    // Rows that are free again are taken before new ones.
    for (uint32_t number = 0; number < end; ++number) {
      const TwinNumber twin(number);
      const GraphView& head = together.head();
      if (random() % 4 != 0 || !head.Exists(twin) ||
          head.OutDegree(twin) + head.InDegree(twin) > 0) {
        continue;
      }
      together.DeleteTwin(twin, now);
      alone.DeleteTwin(twin, now);
    }
  }
}

}  // namespace
}  // namespace twin::graph
