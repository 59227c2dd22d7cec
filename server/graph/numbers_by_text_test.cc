#include "server/graph/numbers_by_text.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace twin::graph {
namespace {

struct Texts {
  std::vector<std::string> texts;
  absl::string_view Get(uint32_t number) const { return texts[number]; }
};
using Numbers = NumbersByText<Texts>;

TEST(NumbersByText, IsEmptyAtFirst) {
  const Texts texts;
  Numbers numbers(&texts);
  EXPECT_EQ(numbers.Find("a"), Numbers::kNone);
  EXPECT_EQ(numbers.Guess(Numbers::HashOf("a")), Numbers::kNone);
  numbers.Fetch(Numbers::HashOf("a"));
  EXPECT_EQ(numbers.bytes(), 0);
}

TEST(NumbersByText, TheLastOfAStringTakesThePlaceOfTheOneBefore) {
  const Texts texts{{"a", "b", "a"}};
  Numbers numbers(&texts);
  EXPECT_EQ(numbers.Put(0), Numbers::kNone);
  EXPECT_EQ(numbers.Put(1), Numbers::kNone);
  EXPECT_EQ(numbers.Put(2), 0);
  EXPECT_EQ(numbers.Find("a"), 2);
  EXPECT_EQ(numbers.size(), 2);
  numbers.Remove(0);  // no more there
  EXPECT_EQ(numbers.Find("a"), 2);
  numbers.Clear();
  EXPECT_EQ(numbers.Find("b"), Numbers::kNone);
  EXPECT_EQ(numbers.Put(1), Numbers::kNone);
}

TEST(NumbersByText, TakesLessThanNineBytesANumberWheneverItGrows) {
  Texts texts;
  Numbers numbers(&texts);
  for (uint32_t i = 0; i < 100'000; ++i) {
    texts.texts.push_back(absl::StrCat("text ", i));
    numbers.AddNew(i, Numbers::HashOf(texts.texts.back()));
    if (i < 1'000) continue;
    ASSERT_LT(numbers.bytes(), 9 * numbers.size()) << i;
  }
}

class NumbersByTextRandom : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, NumbersByTextRandom, ::testing::Range(1u, 5u));

TEST_P(NumbersByTextRandom, IsAsAMap) {
  std::mt19937 random(GetParam());
  Texts texts;
  for (int i = 0; i < 5'000; ++i) texts.texts.push_back(absl::StrCat("t", random() % 3'000));
  Numbers numbers(&texts);
  std::map<std::string, uint32_t> reference;
  if (GetParam() % 2 == 0) numbers.Reserve(2'000);
  for (int step = 0; step < 40'000; ++step) {
    // Times of growing, and times of shrinking, which leave slots that were used.
    const bool grows = (step / 5'000) % 2 == 0;
    const uint32_t number = random() % 5'000;
    const std::string& text = texts.texts[number];
    const auto it = reference.find(text);
    const uint32_t before = it == reference.end() ? Numbers::kNone : it->second;
    ASSERT_EQ(numbers.Find(text), before) << step;
    if (random() % 4 < (grows ? 3 : 1)) {
      ASSERT_EQ(numbers.Put(number), before);
      reference[text] = number;
    } else if (before != Numbers::kNone) {
      numbers.Remove(before);
      reference.erase(text);
    }
    ASSERT_EQ(numbers.size(), reference.size());
  }
  int guessed = 0;
  for (const auto& [text, number] : reference) {
    ASSERT_EQ(numbers.Find(text), number);
    guessed += numbers.Guess(Numbers::HashOf(text)) == number ? 1 : 0;
  }
  EXPECT_GT(guessed, static_cast<int>(reference.size()) / 2);
}

}  // namespace
}  // namespace twin::graph
