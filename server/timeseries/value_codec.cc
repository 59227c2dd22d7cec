#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/base/check.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/int_codec.h"
#include "server/timeseries/zstd.h"

namespace twin::timeseries {
namespace {

// Flags of the first byte.
constexpr uint8_t kDictionary = 1;
constexpr uint8_t kCompressed = 2;

constexpr uint64_t kBytesMax = UINT32_MAX;
// What a frame may grow to for each of its bytes: a zstd block of 4 bytes yields 128 KiB.
constexpr uint64_t kGrowthMax = 32768;

void AppendTexts(absl::Span<const absl::string_view> texts, std::string* bytes) {
  std::vector<int64_t> sizes(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) sizes[i] = static_cast<int64_t>(texts[i].size());
  EncodeInts(sizes, bytes);
  for (const absl::string_view text : texts) bytes->append(text.data(), text.size());
}

bool TakeTexts(ByteReader* reader, std::vector<absl::string_view>* texts) {
  const auto sizes = std::make_unique_for_overwrite<int64_t[]>(texts->size());
  if (!DecodeInts(reader, {sizes.get(), texts->size()})) return false;
  for (size_t i = 0; i < texts->size(); ++i) {
    (*texts)[i] = reader->Bytes(static_cast<uint64_t>(sizes[i]));
  }
  return reader->ok();
}

// Each text once, in the order of their first rows; then which of them each row has.
std::string WithDictionary(absl::Span<const absl::string_view> values) {
  absl::flat_hash_map<absl::string_view, int64_t> numbers;
  std::vector<absl::string_view> texts;
  std::vector<int64_t> rows(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto [it, added] = numbers.emplace(values[i], static_cast<int64_t>(texts.size()));
    if (added) texts.push_back(values[i]);
    rows[i] = it->second;
  }
  std::string bytes;
  if (texts.size() * 4 > values.size() * 3) return bytes;  // hardly any is repeated
  AppendVarint(&bytes, texts.size());
  AppendTexts(texts, &bytes);
  EncodeInts(rows, &bytes);
  return bytes;
}

bool TakeDictionary(ByteReader* reader, absl::Span<std::string> values) {
  std::vector<absl::string_view> texts(reader->Varint(values.size()));
  if (!reader->ok() || !TakeTexts(reader, &texts)) return false;
  const auto rows = std::make_unique_for_overwrite<int64_t[]>(values.size());
  if (!DecodeInts(reader, {rows.get(), values.size()})) return false;
  uint64_t total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto number = static_cast<uint64_t>(rows[i]);
    if (number >= texts.size() || (total += texts[number].size()) > kBytesMax) {
      reader->Fail();
      return false;
    }
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const absl::string_view text = texts[static_cast<size_t>(rows[i])];
    values[i].assign(text.data(), text.size());
  }
  return true;
}

bool TakePlain(ByteReader* reader, absl::Span<std::string> values) {
  std::vector<absl::string_view> texts(values.size());
  if (!TakeTexts(reader, &texts)) return false;
  for (size_t i = 0; i < values.size(); ++i) values[i].assign(texts[i].data(), texts[i].size());
  return true;
}

}  // namespace

void EncodeValues(absl::Span<const absl::string_view> values, std::string* bytes) {
  if (values.empty()) return;
  uint64_t total = 0;
  for (const absl::string_view value : values) total += value.size();
  TWIN_CHECK(total <= kBytesMax) << total;
  uint8_t flags = kDictionary;
  std::string raw = WithDictionary(values);
  if (raw.empty()) {
    flags = 0;
    AppendTexts(values, &raw);
  }
  constexpr size_t kWorthBytes = 48;  // less than that does not become smaller
  if (raw.size() > kWorthBytes) {
    std::string packed;
    AppendVarint(&packed, raw.size());
    Compress(raw, &packed);
    if (packed.size() < raw.size()) {
      flags |= kCompressed;
      raw = std::move(packed);
    }
  }
  bytes->push_back(static_cast<char>(flags));
  AppendString(bytes, raw);
}

bool DecodeValues(ByteReader* reader, absl::Span<std::string> values) {
  if (values.empty()) return reader->ok();
  const uint8_t flags = reader->Byte();
  ByteReader content(reader->String());
  std::string raw;
  bool ok = reader->ok() && flags <= (kDictionary | kCompressed);
  if (ok && (flags & kCompressed) != 0) {
    const uint64_t size = content.Varint(2 * kBytesMax);
    const absl::string_view packed = content.rest();
    ok = content.ok() && size <= packed.size() * kGrowthMax && Decompress(packed, size, &raw);
    content = ByteReader(raw);
  }
  ok = ok && ((flags & kDictionary) != 0 ? TakeDictionary(&content, values)
                                         : TakePlain(&content, values));
  if (ok && content.done()) return true;
  reader->Fail();
  return false;
}

void EncodeMissing(absl::Span<const uint8_t> missing, std::string* bytes) {
  // Lengths of runs, the first of rows with a value; or a bit a row.
  std::string runs;
  AppendFixed<uint8_t>(&runs, 0);
  size_t begin = 0;
  uint8_t flag = 0;
  for (size_t i = 0; i < missing.size(); ++i) {
    if ((missing[i] != 0 ? 1 : 0) == flag) continue;
    AppendVarint(&runs, i - begin);
    begin = i;
    flag ^= 1;
  }
  AppendVarint(&runs, missing.size() - begin);
  const size_t bitmap_bytes = 1 + (missing.size() + 7) / 8;
  if (runs.size() <= bitmap_bytes) {
    bytes->append(runs);
    return;
  }
  AppendFixed<uint8_t>(bytes, 1);
  const size_t at = bytes->size();
  bytes->append(bitmap_bytes - 1, '\0');
  for (size_t i = 0; i < missing.size(); ++i) {
    if (missing[i] != 0) (*bytes)[at + i / 8] |= static_cast<char>(1 << (i % 8));
  }
}

bool DecodeMissing(ByteReader* reader, absl::Span<uint8_t> missing) {
  const uint8_t form = reader->Byte();
  if (form > 1) reader->Fail();
  if (form == 1) {
    const absl::string_view bits = reader->Bytes((missing.size() + 7) / 8);
    if (!reader->ok()) return false;
    for (size_t i = 0; i < missing.size(); ++i) {
      missing[i] = static_cast<uint8_t>(static_cast<unsigned char>(bits[i / 8]) >> (i % 8)) & 1;
    }
    return true;
  }
  uint8_t flag = 0;
  for (size_t at = 0; at < missing.size(); flag ^= 1) {
    const uint64_t run = reader->Varint(missing.size() - at);
    // Only the first may be empty.
    if (!reader->ok() || (run == 0 && (at > 0 || flag != 0))) {
      reader->Fail();
      return false;
    }
    std::memset(missing.data() + at, flag, run);
    at += run;
  }
  return reader->ok();
}

}  // namespace twin::timeseries
