#include "server/timeseries/codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/timeseries/bits.h"
#include "server/timeseries/int_codec.h"
#include "server/timeseries/zstd.h"

namespace twin::timeseries {
namespace {

using Random = std::mt19937_64;

// The bytes of the values, which are checked to be read back.
std::string RoundTrip(const std::vector<int64_t>& values) {
  std::string bytes;
  EncodeInts(values, &bytes);
  const std::string with_more = bytes + "more";
  ByteReader reader(with_more);
  std::vector<int64_t> read(values.size(), 77);
  EXPECT_TRUE(DecodeInts(&reader, absl::MakeSpan(read)));
  EXPECT_EQ(reader.rest(), "more");
  EXPECT_EQ(read, values);
  return bytes;
}

std::vector<uint64_t> BitsOf(const std::vector<double>& values) {
  std::vector<uint64_t> bits;
  bits.reserve(values.size());
  for (const double value : values) bits.push_back(std::bit_cast<uint64_t>(value));
  return bits;
}

std::string RoundTrip(const std::vector<double>& values) {
  std::string bytes;
  EncodeDoubles(values, &bytes);
  const std::string with_more = bytes + "more";
  ByteReader reader(with_more);
  std::vector<double> read(values.size(), 77);
  EXPECT_TRUE(DecodeDoubles(&reader, absl::MakeSpan(read)));
  EXPECT_EQ(reader.rest(), "more");
  EXPECT_EQ(BitsOf(read), BitsOf(values));
  return bytes;
}

std::string RoundTrip(const std::vector<std::string>& values) {
  const std::vector<absl::string_view> views(values.begin(), values.end());
  std::string bytes;
  EncodeValues(views, &bytes);
  const std::string with_more = bytes + "more";
  ByteReader reader(with_more);
  std::vector<std::string> read(values.size(), "77");
  EXPECT_TRUE(DecodeValues(&reader, absl::MakeSpan(read)));
  EXPECT_EQ(reader.rest(), "more");
  EXPECT_EQ(read, values);
  return bytes;
}

uint64_t OfWidth(Random* random, int width) { return width == 0 ? 0 : (*random)() >> (64 - width); }

TEST(Bits, EveryWidthAndCount) {
  Random random(1);
  for (int width = 0; width <= kWidthMax; ++width) {
    for (size_t count = 0; count < 70; ++count) {
      std::vector<uint64_t> values(count);
      for (uint64_t& value : values) value = OfWidth(&random, width);
      std::string bytes;
      Pack(values, width, &bytes);
      ASSERT_EQ(bytes.size(), PackedBytes(count, width));
      for (const size_t more : {0, 1, 64}) {
        // Exactly so much memory, so that a sanitizer sees what reads beyond.
        const std::vector<char> exact = [&] {
          std::vector<char> copy(bytes.begin(), bytes.end());
          copy.resize(bytes.size() + more, '\xff');
          return copy;
        }();
        std::vector<uint64_t> read(count, 77);
        Unpack({exact.data(), exact.size()}, width, absl::MakeSpan(read));
        ASSERT_EQ(read, values) << width << " bits × " << count;
      }
    }
  }
}

TEST(Bits, LeavesOutHigherBits) {
  std::string bytes;
  Pack({0xff, 0xfe, ~uint64_t{0}}, 1, &bytes);
  EXPECT_EQ(bytes, std::string(1, 5));
}

TEST(Ints, Extremes) {
  constexpr int64_t kMin = INT64_MIN;
  constexpr int64_t kMax = INT64_MAX;
  RoundTrip(std::vector<int64_t>{});
  for (const int64_t a : {kMin, kMin + 1, int64_t{-1}, int64_t{0}, int64_t{1}, kMax}) {
    RoundTrip(std::vector<int64_t>{a});
    for (const int64_t b : {kMin, int64_t{0}, kMax}) {
      RoundTrip(std::vector<int64_t>{a, b});
      for (const int64_t c : {kMin, int64_t{0}, kMax}) RoundTrip(std::vector<int64_t>{a, b, c, a});
    }
  }
}

TEST(Ints, RandomOnes) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const size_t count = 1 + random() % 400;
    const int width = static_cast<int>(random() % 65);
    const int rare_width = static_cast<int>(random() % 65);
    const uint64_t rare = random() % 20;
    std::vector<int64_t> values(count);
    uint64_t value = random();
    uint64_t step = 0;
    for (int64_t& each : values) {
      const uint64_t noise = OfWidth(&random, random() % 20 < rare ? rare_width : width);
      switch (seed % 4) {
        case 0:
          value = noise;
          break;  // any
        case 1:
          value += noise;
          break;  // rising
        case 2:
          value += (noise >> 1) ^ (0 - (noise & 1));
          break;  // to and fro
        default:
          value += step += (noise >> 1) ^ (0 - (noise & 1));  // ever faster
      }
      each = static_cast<int64_t>(value);
    }
    RoundTrip(values);
  }
}

TEST(Ints, SizesOfWhatIsCommon) {
  std::vector<int64_t> values(256, 3712);
  EXPECT_EQ(RoundTrip(values).size(), 3U);  // a constant
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = 1'000'000'000'000 * static_cast<int64_t>(i);
  EXPECT_LE(RoundTrip(values).size(), 12U);  // even steps
  values[100] += 7;
  EXPECT_LE(RoundTrip(values).size(), 24U);  // but for one
  for (size_t i = 0; i < values.size(); ++i) values[i] = i / 40 % 2 == 0 ? 250 : 251;
  EXPECT_LE(RoundTrip(values).size(), 20U);  // rare steps
  Random random(1);
  for (int64_t& value : values) value = 3700 + static_cast<int64_t>(random() % 16);
  EXPECT_LE(RoundTrip(values).size(), 128U + 8);  // noise of 4 bits
  int64_t level = 0;
  for (int64_t& value : values) value = level += static_cast<int64_t>(random() % 8) - 4;
  EXPECT_LE(RoundTrip(values).size(), 96U + 8);  // steps of 3 bits
}

TEST(Ints, BytesFromAnywhere) {
  Random random(3);
  std::vector<int64_t> values(300);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(random() % 100, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % (i % 2 == 0 ? 256 : 8));
    ByteReader reader(bytes);
    const bool ok = DecodeInts(&reader, absl::MakeSpan(values).first(1 + random() % 300));
    EXPECT_EQ(ok, reader.ok());
  }
}

TEST(Ints, AnyPrefixFails) {
  Random random(4);
  std::vector<int64_t> values(200);
  for (int64_t& value : values) value = static_cast<int64_t>(random() % 100);
  values[7] = INT64_MAX;
  const std::string bytes = RoundTrip(values);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader(absl::string_view(bytes).substr(0, size));
    EXPECT_FALSE(DecodeInts(&reader, absl::MakeSpan(values))) << size;
  }
}

TEST(Decimals, OfDoubles) {
  int64_t integer = 0;
  EXPECT_TRUE(ToDecimal(3.712, 3, &integer));
  EXPECT_EQ(integer, 3712);
  EXPECT_FALSE(ToDecimal(3.712, 2, &integer));
  EXPECT_FALSE(ToDecimal(-0.0, 0, &integer));
  EXPECT_FALSE(ToDecimal(std::nan(""), 0, &integer));
  EXPECT_FALSE(ToDecimal(1e300, 9, &integer));
  EXPECT_FALSE(ToDecimal(5e-324, 9, &integer));
  EXPECT_EQ(DecimalsOf(0.1 + 0.2), -1);
  EXPECT_EQ(DecimalsOf(-1e-9), 9);
  Random random(5);
  for (int decimals = 0; decimals <= 9; ++decimals) {
    for (int i = 0; i < 2000; ++i) {
      const auto expected = static_cast<int64_t>(OfWidth(&random, static_cast<int>(random() % 50)));
      const double value = FromDecimal(-expected, decimals);
      if (expected == 0) continue;
      ASSERT_TRUE(ToDecimal(value, decimals, &integer)) << expected << " / 10^" << decimals;
      ASSERT_EQ(integer, -expected);
    }
  }
}

TEST(Decimals, ManyAtOnceAreWhatEachIs) {
  Random random(6);
  const double odd[] = {0.1 + 0.2, -0.0, std::nan(""), HUGE_VAL, 0x1p51, -0x1p52, 1e300, 5e-324};
  for (int i = 0; i < 4000; ++i) {
    const int decimals = static_cast<int>(random() % 10);
    const bool have_odd = i % 2 == 0;
    std::vector<double> values(1 + random() % 40);
    for (double& value : values) {
      value = FromDecimal(static_cast<int64_t>(random() % 100'000) - 50'000, decimals);
    }
    if (have_odd) values[random() % values.size()] = odd[random() % std::size(odd)];
    bool all = true;
    std::vector<int64_t> expected(values.size());
    for (size_t k = 0; k < values.size(); ++k) {
      all = ToDecimal(values[k], decimals, &expected[k]) && all;
    }
    std::vector<int64_t> integers(values.size());
    ASSERT_EQ(ToDecimals(values, decimals, integers.data()), all) << i;
    if (!all) continue;
    ASSERT_EQ(integers, expected) << i;
    std::vector<double> back(values.size());
    FromDecimals(integers, decimals, back.data());
    ASSERT_EQ(back, values) << i;
  }
}

TEST(Doubles, ThoseThatAreNoDecimals) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> odd = {-0.0,
                                   0.0,
                                   inf,
                                   -inf,
                                   std::nan(""),
                                   -std::nan("7"),
                                   std::bit_cast<double>(uint64_t{0x7ff0000000000001}),
                                   std::numeric_limits<double>::denorm_min(),
                                   std::numeric_limits<double>::max(),
                                   std::numeric_limits<double>::lowest(),
                                   std::numeric_limits<double>::min(),
                                   0.1 + 0.2,
                                   9007199254740993.0,
                                   1e-9,
                                   1e22};
  RoundTrip(std::vector<double>{});
  RoundTrip(odd);
  for (const double one : odd) {
    RoundTrip(std::vector<double>{one});
    for (size_t at = 0; at < 256; at += 51) {
      std::vector<double> values(256, 3.7);
      values[at] = one;
      EXPECT_LE(RoundTrip(values).size(), 40U) << one << " at " << at;
    }
  }
}

TEST(Doubles, RandomOnes) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<double> values(1 + random() % 300);
    const int decimals = static_cast<int>(random() % 10);
    const uint64_t odd = random() % 8 == 0 ? random() % 20 : 0;
    for (double& value : values) {
      const auto integer = static_cast<int64_t>(random() % 100'000) - 50'000;
      switch (random() % 20 < odd ? 3 : seed % 3) {
        case 0:
          value = FromDecimal(integer, decimals);
          break;
        case 1:
          value = static_cast<double>(static_cast<float>(integer) * 0.37F);
          break;
        case 2:
          value = static_cast<double>(integer) * 0.123456789;
          break;
        default:
          value = std::bit_cast<double>(random());  // also NaN of every kind
      }
    }
    RoundTrip(values);
  }
}

TEST(Doubles, SizesOfWhatIsCommon) {
  Random random(6);
  std::vector<double> values(256);
  for (double& value : values) value = FromDecimal(3700 + static_cast<int64_t>(random() % 16), 3);
  EXPECT_LE(RoundTrip(values).size(), 128U + 12);
  for (double& value : values)
    value = static_cast<double>(0.1F * static_cast<float>(random() % 99));
  EXPECT_LE(RoundTrip(values).size(), 256U * 4);  // of single precision
  for (double& value : values) value = std::bit_cast<double>(random());
  EXPECT_LE(RoundTrip(values).size(), 256U * 8 + 16);  // nothing to be gained
  for (size_t i = 0; i < values.size(); ++i) values[i] = i % 2 == 0 ? 1.0 / 3 : 2.0 / 3;
  EXPECT_LE(RoundTrip(values).size(), 256U);
}

TEST(Doubles, BytesFromAnywhere) {
  Random random(7);
  std::vector<double> values(300);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(random() % 100, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % (i % 2 == 0 ? 256 : 8));
    ByteReader reader(bytes);
    const bool ok = DecodeDoubles(&reader, absl::MakeSpan(values).first(1 + random() % 300));
    EXPECT_EQ(ok, reader.ok());
  }
}

TEST(Values, ManyKinds) {
  RoundTrip(std::vector<std::string>{});
  RoundTrip(std::vector<std::string>{""});
  RoundTrip(std::vector<std::string>{"", std::string(3, '\0'), "\xff"});
  EXPECT_LE(RoundTrip(std::vector<std::string>(256, "Charging")).size(), 24U);
  std::vector<std::string> values(256);
  for (size_t i = 0; i < values.size(); ++i) values[i] = i % 50 < 25 ? "Charging" : "Driving";
  EXPECT_LE(RoundTrip(values).size(), 50U);
  for (size_t i = 0; i < values.size(); ++i) values[i] = absl::StrCat("{\"code\":", 7000 + i, "}");
  EXPECT_LE(RoundTrip(values).size(), 256U * 5);
  values[3] = std::string(3 << 20, 'x');  // more than is allocated at once
  EXPECT_LE(RoundTrip(values).size(), 256U * 8);
}

TEST(Values, RandomOnes) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<std::string> values(1 + random() % 300);
    const uint64_t different = 1 + random() % 300;
    for (std::string& value : values) {
      const uint64_t which = random() % different;
      value.assign(which % 40, static_cast<char>(which));
      if (seed % 2 == 0) value.append(absl::StrCat(which));
      if (seed % 5 == 0) value.append(absl::StrCat(random()));
    }
    RoundTrip(values);
  }
}

TEST(Values, BytesFromAnywhere) {
  Random random(8);
  std::vector<std::string> values(300, "some text, some text, some other text");
  const std::vector<absl::string_view> views(values.begin(), values.end());
  std::string sound;
  EncodeValues(views, &sound);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = sound;
    if (i % 2 == 0) bytes.assign(random() % 100, '\0');
    for (int change = 0; change < 4 && !bytes.empty(); ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    ByteReader reader(bytes);
    const bool ok = DecodeValues(&reader, absl::MakeSpan(values).first(1 + random() % 300));
    EXPECT_EQ(ok, reader.ok());
  }
}

TEST(Zstd, RefusesWhatIsNotOfThatSize) {
  for (const size_t size : {size_t{1000}, size_t{1} << 20}) {
    const std::string raw(size, 'a');
    std::string bytes;
    Compress(raw, &bytes);
    std::string read;
    EXPECT_TRUE(Decompress(bytes, size, &read));
    EXPECT_EQ(read, raw);
    EXPECT_FALSE(Decompress(bytes, size - 1, &read));
    EXPECT_FALSE(Decompress(bytes, size + 1, &read));
    EXPECT_FALSE(Decompress(absl::string_view(bytes).substr(1), size, &read));
    EXPECT_FALSE(Decompress(absl::string_view(bytes).substr(0, bytes.size() - 1), size, &read));
    EXPECT_FALSE(Decompress(bytes + "x", size, &read));
    EXPECT_FALSE(Decompress("", size, &read));
    EXPECT_FALSE(Decompress(bytes, uint64_t{1} << 40, &read));
    EXPECT_LE(read.capacity(), size_t{4} << 20) << "allocated for content that is not there";
  }
}

TEST(Missing, AnyRows) {
  Random random(9);
  for (int i = 0; i < 500; ++i) {
    std::vector<uint8_t> missing(1 + random() % 300);
    const uint64_t change = 1 + random() % 100;
    uint8_t flag = 0;
    for (uint8_t& each : missing) each = random() % change == 0 ? flag ^= 1 : flag;
    std::string bytes;
    EncodeMissing(missing, &bytes);
    EXPECT_LE(bytes.size(), 1 + (missing.size() + 7) / 8);
    for (size_t size = 0; size < bytes.size(); ++size) {
      ByteReader cut(absl::string_view(bytes).substr(0, size));
      std::vector<uint8_t> read(missing.size());
      EXPECT_FALSE(DecodeMissing(&cut, absl::MakeSpan(read)));
    }
    ByteReader reader(bytes);
    std::vector<uint8_t> read(missing.size(), 7);
    EXPECT_TRUE(DecodeMissing(&reader, absl::MakeSpan(read)));
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(read, missing);
  }
}

}  // namespace
}  // namespace twin::timeseries
