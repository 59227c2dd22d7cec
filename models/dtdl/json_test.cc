#include "models/dtdl/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace twin::dtdl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::Le;
using ::testing::Not;
using ::testing::NotNull;

using Document = std::unique_ptr<const JsonDocument>;

Document ParseOk(absl::string_view text, const JsonLimits& limits = {}) {
  JsonParser parser;
  JsonError error;
  Document document = JsonDocument::Parse(text, parser, &error, limits);
  EXPECT_THAT(document, NotNull()) << text.substr(0, 200) << ": " << error.message;
  return document;
}

JsonError ParseError(absl::string_view text, const JsonLimits& limits = {}) {
  JsonParser parser;
  JsonError error;
  EXPECT_THAT(JsonDocument::Parse(text, parser, &error, limits), IsNull()) << text.substr(0, 200);
  EXPECT_THAT(error.message, Not(IsEmpty()));
  EXPECT_THAT(error.offset, Le(text.size()));
  return error;
}

std::vector<std::string> Keys(const JsonNode& object) {
  std::vector<std::string> keys;
  for (const JsonNode& member : Children(object)) keys.emplace_back(member.key);
  return keys;
}

// --- The tree ------------------------------------------------------------------------------------

TEST(Json, ScalarsMayStandAlone) {
  EXPECT_EQ(ParseOk("null")->root().kind, JsonKind::kNull);
  EXPECT_EQ(ParseOk("true")->root().kind, JsonKind::kTrue);
  EXPECT_EQ(ParseOk(" false\n")->root().kind, JsonKind::kFalse);
  const Document number = ParseOk("\t-1.5e+3\r\n");
  EXPECT_EQ(number->root().kind, JsonKind::kNumber);
  EXPECT_EQ(number->root().text, "-1.5e+3");
  const Document string = ParseOk("\"\"");
  EXPECT_EQ(string->root().kind, JsonKind::kString);
  EXPECT_EQ(string->root().text, "");
}

TEST(Json, KindsAreTold) {
  const Document document = ParseOk(R"([null, false, true, 1, "s", [], {}])");
  std::vector<bool> facts;
  for (const JsonNode& node : Children(document->root())) {
    facts.insert(facts.end(), {node.is_null(), node.is_boolean(), node.is_number(),
                               node.is_string(), node.is_array(), node.is_object()});
  }
  const std::vector<bool> expected = {
      true,  false, false, false, false, false,  // null
      false, true,  false, false, false, false,  // false
      false, true,  false, false, false, false,  // true
      false, false, true,  false, false, false,  // 1
      false, false, false, true,  false, false,  // "s"
      false, false, false, false, true,  false,  // []
      false, false, false, false, false, true,   // {}
  };
  EXPECT_EQ(facts, expected);
}

// Preorder: children follow their parent, and `skip` leads past a subtree.
TEST(Json, NodesStandInPreorder) {
  const Document document = ParseOk(R"({"a": [1, [2, 3], {}], "b": {"c": null}, "d": 4})");
  const JsonNode* const nodes = &document->root();
  std::vector<uint32_t> skips, counts;
  for (int i = 0; i < 10; ++i) {
    skips.push_back(nodes[i].skip);
    counts.push_back(nodes[i].count);
  }
  EXPECT_THAT(skips, ElementsAre(10, 6, 1, 3, 1, 1, 1, 2, 1, 1));
  EXPECT_THAT(counts, ElementsAre(3, 3, 0, 2, 0, 0, 0, 1, 0, 0));
  EXPECT_THAT(Keys(document->root()), ElementsAre("a", "b", "d"));
}

TEST(Json, ChildrenOfAScalarAreNone) {
  for (const char* text : {"1", "\"s\"", "null", "[]", "{}"}) {
    const Document document = ParseOk(text);
    for (const JsonNode& child : Children(document->root())) ADD_FAILURE() << child.begin;
  }
}

TEST(Json, FindGivesTheFirstMember) {
  const Document document = ParseOk(R"({"a": 1, "b": {"a": 2}, "a": 3, "": 4})");
  EXPECT_EQ(document->root().Find("a")->text, "1");
  EXPECT_EQ(document->root().Find("b")->Find("a")->text, "2");
  EXPECT_EQ(document->root().Find("")->text, "4");
  EXPECT_THAT(document->root().Find("c"), IsNull());
  EXPECT_THAT(document->root().Find("a")->Find("a"), IsNull());
  EXPECT_THAT(ParseOk("[1]")->root().Find(""), IsNull());
}

TEST(Json, DuplicateMembersAreKept) {
  const Document document = ParseOk(R"({"a": 1, "b": 2, "a": 3, "a": 4})");
  EXPECT_THAT(Keys(document->root()), ElementsAre("a", "b", "a", "a"));
  EXPECT_EQ(document->root().count, 4u);
}

// --- Offsets -------------------------------------------------------------------------------------

// Every node's text is the token or container itself, and every key begins at its quote.
void ExpectOffsets(const JsonDocument& document, const JsonNode& node) {
  const absl::string_view text = document.TextOf(node);
  SCOPED_TRACE(text);
  ASSERT_FALSE(text.empty());
  switch (node.kind) {
    case JsonKind::kNull:
      EXPECT_EQ(text, "null");
      break;
    case JsonKind::kFalse:
      EXPECT_EQ(text, "false");
      break;
    case JsonKind::kTrue:
      EXPECT_EQ(text, "true");
      break;
    case JsonKind::kNumber:
      EXPECT_EQ(text, node.text);
      break;
    case JsonKind::kString:
      EXPECT_TRUE(text.front() == '"' && text.back() == '"' && text.size() >= 2);
      break;
    case JsonKind::kArray:
      EXPECT_TRUE(text.front() == '[' && text.back() == ']');
      break;
    case JsonKind::kObject:
      EXPECT_TRUE(text.front() == '{' && text.back() == '}');
      break;
  }
  for (const JsonNode& child : Children(node)) {
    EXPECT_GT(child.begin, node.begin);
    EXPECT_LT(child.end, node.end);
    if (node.is_object()) {
      EXPECT_EQ(document.text()[child.key_begin], '"');
      EXPECT_LT(child.key_begin, child.begin);
      EXPECT_GT(child.key_begin, node.begin);
    }
    ExpectOffsets(document, child);
  }
}

TEST(Json, OffsetsAreThoseOfTokens) {
  constexpr absl::string_view kText =
      "  {\"a\" : 1 ,\n\t\"b\\\"\\\\\":[ true,false , null,-0.5E-2,\"x\\\\\",\"\\\"]\" ],"
      "\r\n\"größe\": { }, \"\" : [ ], \"\\u0041\": \"🔋\"}\n ";
  const Document document = ParseOk(kText);
  EXPECT_EQ(document->text(), kText);
  ExpectOffsets(*document, document->root());
  EXPECT_THAT(Keys(document->root()), ElementsAre("a", "b\"\\", "größe", "", "A"));
  EXPECT_EQ(document->root().begin, 2u);
  EXPECT_EQ(document->root().end, kText.size() - 2);
}

TEST(Json, TheDocumentOwnsItsText) {
  auto text = std::make_unique<std::string>(R"({"key": ["value", "esc\n"]})");
  const Document document = ParseOk(*text);
  text->assign(text->size(), '#');
  text.reset();
  EXPECT_EQ(document->TextOf(document->root()), R"({"key": ["value", "esc\n"]})");
  EXPECT_EQ((&document->root() + 1)->key, "key");
  EXPECT_EQ((&document->root() + 2)->text, "value");
  EXPECT_EQ((&document->root() + 3)->text, "esc\n");
}

TEST(Json, PositionsCountLinesAndCodePoints) {
  const struct {
    absl::string_view text;
    size_t offset;
    int line, column;
  } cases[] = {
      {"", 0, 1, 1},       {"", 7, 1, 1},  // beyond the end: the end
      {"abc", 0, 1, 1},    {"abc", 2, 1, 3},      {"abc", 3, 1, 4},
      {"abc", 99, 1, 4},   {"a\nbc", 1, 1, 2},  // the line break ends its line
      {"a\nbc", 2, 2, 1},  {"a\n\n\nb", 4, 4, 1}, {"a\r\nb", 2, 1, 3},
      {"a\r\nb", 3, 2, 1}, {"a\tb", 2, 1, 3},  // a tab is one character
      {"äöü\"", 6, 1, 4},                      // two bytes each
      {"一個\"", 6, 1, 3},                     // three
      {"🔋🔋\"", 8, 1, 3},                       // four
      {"é\né\"", 5, 2, 2},
  };
  for (const auto& test : cases) {
    const TextPosition position = PositionOf(test.text, test.offset);
    EXPECT_EQ(position.line, test.line) << test.text << " at " << test.offset;
    EXPECT_EQ(position.column, test.column) << test.text << " at " << test.offset;
  }
}

// --- Tokens --------------------------------------------------------------------------------------

// A number is what was written: 3.0 is not 3, and no digit is lost.
TEST(Json, NumbersAreTokens) {
  const std::string digits(1000, '7');
  for (const std::string& token : std::vector<std::string>{
           "0", "-0", "3", "3.0", "-0.0", "1e5", "1E5", "1e+5", "1e-5", "0.1", "9007199254740993",
           "18446744073709551616", "-9223372036854775809", "1.797693134862315708e308", "1e-400",
           "123456789012345678901234567890.123456789012345678901234567890e-123456789",
           "0." + digits}) {
    const Document document = ParseOk(absl::StrCat("[", token, "]"));
    if (document == nullptr) continue;
    const JsonNode& node = *(&document->root() + 1);
    EXPECT_TRUE(node.is_number());
    EXPECT_EQ(node.text, token);
    EXPECT_EQ(document->TextOf(node), token);
  }
}

TEST(Json, NumbersThatNoDoubleHoldsAreRefused) {
  for (const std::string& token : std::vector<std::string>{
           "1e400", "-1e400", "1e99999999999999999999", std::string(1000, '7')}) {
    EXPECT_THAT(ParseError(absl::StrCat("[", token, "]")).message, HasSubstr("too big"));
  }
}

TEST(Json, MalformedNumbersAreRefused) {
  for (const char* token :
       {"+1",  "01",  "-01",   "00",    "1.",    ".5",       "-.5",       "-",   "--1", "1e",
        "1e+", "1E-", "1e1.5", "0x10",  "1_000", "Infinity", "-Infinity", "NaN", "nan", "inf",
        "1,5", "1 2", "1.2.3", "1e5e5", "1f",    "1L",       "0b1",       "٣"}) {
    ParseError(token);
    ParseError(absl::StrCat("[", token, "]") == "[1,5]" ? "[1,,5]" : absl::StrCat("[", token, "]"));
    ParseError(absl::StrCat("{\"a\": ", token, "}"));
  }
}

TEST(Json, EscapesAreResolved) {
  const struct {
    absl::string_view token, value;
  } cases[] = {
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e9\u00E9\u4e00")", "Aéé一"},
      {R"("\uD83D\uDD0B")", "🔋"},
      {R"("\ud83d\udd0b")", "🔋"},
      {R"("\uFFFF\uE000\uD7FF")", "\xEF\xBF\xBF\xEE\x80\x80\xED\x9F\xBF"},
      {R"("\\u0041")", "\\u0041"},
      {R"("a\\")", "a\\"},
      {R"("\\\"")", "\\\""},
      {R"("//")", "//"},
      {"\"\x7f\"", "\x7f"},
  };
  for (const auto& test : cases) {
    const Document document = ParseOk(test.token);
    ASSERT_THAT(document, NotNull());
    EXPECT_EQ(document->root().text, test.value) << test.token;
    const Document object = ParseOk(absl::StrCat("{", test.token, ":", test.token, "}"));
    EXPECT_EQ((&object->root() + 1)->key, test.value) << test.token;
    EXPECT_EQ((&object->root() + 1)->text, test.value) << test.token;
    EXPECT_EQ(object->TextOf(*(&object->root() + 1)), test.token);
  }
}

TEST(Json, AnEscapedZeroIsACharacter) {
  const Document document = ParseOk(R"("a\u0000b")");
  EXPECT_EQ(document->root().text, absl::string_view("a\0b", 3));
}

// --- What is not JSON ----------------------------------------------------------------------------

TEST(Json, MalformedTextsAreRefusedAtTheirPlace) {
  const struct {
    absl::string_view text;
    uint32_t first, last;  // the offset lies between
  } cases[] = {
      {"", 0, 0},
      {" \n\t\r", 0, 4},
      {"\v1", 0, 0},
      {"\xC2\xA0"
       "1",
       0, 0},  // no-break space
      {"\xEF\xBB\xBF{}", 0, 0},
      {"{", 1, 1},
      {"[", 1, 1},
      {"}", 0, 0},
      {"]", 0, 0},
      {"[1", 2, 2},
      {"[1,", 3, 3},
      {"[1,]", 3, 3},
      {"[,1]", 1, 1},
      {"[1,,2]", 3, 3},
      {"[1 2]", 3, 3},
      {"[1}", 2, 2},
      {"{\"a\":1]", 6, 6},
      {"[1]]", 3, 3},
      {"[1],", 3, 3},
      {"{}{}", 2, 2},
      {"1 2", 2, 2},
      {"{\"a\"}", 4, 4},
      {"{\"a\":}", 5, 5},
      {"{\"a\" 1}", 5, 5},
      {"{\"a\":1,}", 7, 7},
      {"{,}", 1, 1},
      {"{\"a\":1 \"b\":2}", 7, 7},
      {"{\"a\"::1}", 5, 5},
      {"{a:1}", 1, 1},
      {"{'a':1}", 1, 1},
      {"{1:1}", 1, 1},
      {"{null:1}", 1, 1},
      {"'a'", 0, 0},
      {"// c\n1", 0, 1},
      {"1 // c", 2, 3},
      {"[1, /* c */ 2]", 4, 5},
      {"# c\n1", 0, 0},
      {"nul", 0, 3},
      {"nulll", 4, 4},
      {"Null", 0, 0},
      {"TRUE", 0, 0},
      {"tru", 0, 3},
      {"falsee", 5, 5},
      {"undefined", 0, 0},
      {"\"", 0, 1},
      {"\"a", 0, 2},
      {"\"a\\\"", 0, 4},
      {"\"\\", 0, 2},
      {"\"\\x41\"", 0, 2},
      {"\"\\'\"", 0, 2},
      {"\"\\u004\"", 0, 7},
      {"\"\\u00g0\"", 0, 7},
      {"\"\\U0041\"", 0, 2},
      {"\"\\u\"", 0, 4},
  };
  for (const auto& test : cases) {
    const JsonError error = ParseError(test.text);
    EXPECT_THAT(error.offset, AllOf(Ge(test.first), Le(test.last)))
        << test.text << ": " << error.message;
  }
}

TEST(Json, ControlCharactersAreEscapedInStrings) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string text = absl::StrCat("[\"a", std::string(1, static_cast<char>(c)), "\"]");
    ParseError(text);
  }
}

// A zero byte ends a C string, not a text.
TEST(Json, ZeroBytesAreRefusedEverywhere) {
  const std::string zero(1, '\0');
  for (const std::string& text : std::vector<std::string>{
           zero, "1" + zero, "1" + zero + "2", zero + "1", "[1]" + zero, "[1" + zero + "]",
           "[" + zero + "1]", "{\"a\"" + zero + ":1}", "\"a" + zero + "b\"", "tr" + zero + "ue",
           "[1]" + zero + "{}", "1." + zero + "5"}) {
    ParseError(text);
  }
}

TEST(Json, OnlyUtf8IsText) {
  for (const absl::string_view bytes : {
           absl::string_view("\x80"),
           absl::string_view("\xBF"),  // continuation alone
           absl::string_view("\xC0\xAF"),
           absl::string_view("\xC1\x81"),  // overlong '/', 'A'
           absl::string_view("\xE0\x80\xAF"),
           absl::string_view("\xF0\x80\x80\xAF"),
           absl::string_view("\xED\xA0\x80"),
           absl::string_view("\xED\xBF\xBF"),  // surrogates
           absl::string_view("\xF4\x90\x80\x80"),
           absl::string_view("\xF5\x80\x80\x80"),
           absl::string_view("\xFE"),
           absl::string_view("\xFF"),
           absl::string_view("\xC3"),
           absl::string_view("\xE4\xB8"),  // cut off
           absl::string_view("\xF0\x9F\x94"),
           absl::string_view("\xC3("),
           absl::string_view("\xFC\x80\x80\x80\x80\xAF"),
       }) {
    const std::string text = absl::StrCat("[\"abc\", \"", bytes, "\"]");
    const JsonError error = ParseError(text);
    EXPECT_THAT(error.offset, AllOf(Ge(8u), Le(9u + bytes.size() + 1))) << error.message;
    ParseError(absl::StrCat("{\"", bytes, "\": 1}"));
    ParseError(bytes);
    ParseError(absl::StrCat("[1", bytes, "]"));
  }
  for (const absl::string_view text :
       {"\"\x7f\"", "\"\xC2\x80\"", "\"\xED\x9F\xBF\"", "\"\xEE\x80\x80\"", "\"\xF4\x8F\xBF\xBF\"",
        "\"\xEF\xBB\xBF\"", "\"\xEF\xBF\xBF\""}) {
    const Document document = ParseOk(text);
    EXPECT_EQ(document->root().text, text.substr(1, text.size() - 2));
  }
}

TEST(Json, HalfSurrogatePairsAreRefused) {
  for (const char* text : {R"("\ud800")", R"("\udbff")", R"("\udc00")", R"("\udfff")",
                           R"("\ud800a")", R"("\ud800\u0041")", R"("\ud800\ud800")",
                           R"("\udc00\ud800")", R"("\ud83d\\udd0b")", R"("a\udc00b")"}) {
    const JsonError error = ParseError(text);
    EXPECT_THAT(error.message, HasSubstr("surrogate")) << text;
    ParseError(absl::StrCat("{", text, ": 1}"));
  }
}

// --- Limits --------------------------------------------------------------------------------------

std::string Nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') +
         std::string(static_cast<size_t>(depth), ']');
}

TEST(Json, DepthIsLimited) {
  ParseOk(Nested(256));
  EXPECT_THAT(ParseError(Nested(257)).message, HasSubstr("256"));
  ParseOk(Nested(3), {.depth_max = 3});
  const JsonError error = ParseError(Nested(4), {.depth_max = 3});
  EXPECT_THAT(error.message, HasSubstr("deeper than 3"));
  EXPECT_THAT(error.offset, AllOf(Ge(3u), Le(4u)));
  ParseOk("1", {.depth_max = 0});
  ParseError("{}", {.depth_max = 0});
  // Siblings do not add up.
  ParseOk("[[1], [2], {\"a\": 3}, [[4]]]", {.depth_max = 3});
  ParseError("{\"a\": {\"b\": [[1]]}}", {.depth_max = 3});
}

TEST(Json, LengthIsLimited) {
  ParseOk("[1, 2]", {.text_bytes_max = 6});
  EXPECT_THAT(ParseError("[1, 2]", {.text_bytes_max = 5}).message,
              AllOf(HasSubstr("6"), HasSubstr("5")));
  ParseError("", {.text_bytes_max = 0});
}

// 100 MB of brackets neither end the process nor keep it busy.
TEST(Json, AHundredMegabytesOfBracketsEndInAnError) {
  std::string text(100 << 20, '[');
  EXPECT_THAT(ParseError(text).message, HasSubstr("deeper"));
  for (size_t i = 0; i < text.size(); i += 5) text.replace(i, 5, "{\"\":[");
  EXPECT_THAT(ParseError(text).message, HasSubstr("deeper"));
}

TEST(Json, AParserServesManyTexts) {
  JsonParser parser;
  JsonError error;
  for (int i = 0; i < 3; ++i) {
    const Document good = JsonDocument::Parse(R"({"a\n": ["b", 1]})", parser, &error);
    ASSERT_THAT(good, NotNull());
    for (const std::string& bad :
         std::vector<std::string>{"[", "\"\\ud800\"", "{\"a\": [1, {\"b\": tru}]}", Nested(300),
                                  "\"abc", "[\"\x80\"]"}) {
      EXPECT_THAT(JsonDocument::Parse(bad, parser, &error), IsNull());
    }
    EXPECT_EQ(good->root().Find("a\n")->count, 2u);
  }
}

// --- Against another parser ----------------------------------------------------------------------

void ExpectSame(const JsonNode& node, const nlohmann::json& other) {
  switch (node.kind) {
    case JsonKind::kNull:
      EXPECT_TRUE(other.is_null());
      return;
    case JsonKind::kFalse:
    case JsonKind::kTrue:
      EXPECT_EQ(nlohmann::json(node.kind == JsonKind::kTrue), other);
      return;
    case JsonKind::kNumber:
      EXPECT_TRUE(other.is_number());
      return;
    case JsonKind::kString:
      EXPECT_EQ(nlohmann::json(std::string(node.text)), other);
      return;
    case JsonKind::kArray: {
      ASSERT_TRUE(other.is_array());
      ASSERT_EQ(node.count, other.size());
      size_t i = 0;
      for (const JsonNode& child : Children(node)) ExpectSame(child, other[i++]);
      return;
    }
    case JsonKind::kObject:
      ASSERT_TRUE(other.is_object());
      for (const JsonNode& child : Children(node)) {  // the last of duplicates is the one it keeps
        ASSERT_TRUE(other.contains(std::string(child.key)));
      }
      return;
  }
}

// Every change of one byte of a text, to every byte that means something to JSON: two parsers that
// share no code agree on whether it is still JSON.
TEST(Json, AgreesWithAnotherParserOnDamagedTexts) {
  const std::string text =
      R"({"a":[1,-2.5e+3,true,false,null,"x\n\u00e9\ud83d\udd0b"],"é🔋":{"b":[],"c":{}},"d":0})";
  const std::string bytes = absl::StrCat("{}[],:\"\\0123456789+-.eEtrufalsnbd/ \n\t\r\v\x1f\x7f'#",
                                         "\x80\xBF\xC3\xED\xA0\xF0\xFF", std::string(1, '\0'));
  JsonParser parser;
  int accepted = 0;
  const auto check = [&](const std::string& damaged) {
    // It takes a zero byte at the end for the end of the text.
    if (damaged.back() == '\0') return;
    JsonError error;
    const Document document = JsonDocument::Parse(damaged, parser, &error);
    const nlohmann::json other = nlohmann::json::parse(damaged, nullptr, false);
    EXPECT_EQ(document != nullptr, !other.is_discarded()) << damaged << ": " << error.message;
    if (document == nullptr) {
      EXPECT_THAT(error.offset, Le(damaged.size()));
      return;
    }
    ++accepted;
    ExpectOffsets(*document, document->root());
    if (!other.is_discarded()) ExpectSame(document->root(), other);
  };
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char byte : bytes) {
      std::string damaged = text;
      damaged[i] = byte;
      check(damaged);
      damaged = text;
      damaged.insert(i, 1, byte);
      check(damaged);
    }
    check(text.substr(0, i) + text.substr(i + 1));
    if (i > 0) check(text.substr(0, i));
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace twin::dtdl
