#include "server/timeseries/int_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <vector>

#include "server/base/wide.h"
#include "server/timeseries/bits.h"

namespace twin::timeseries {
namespace {

// What is packed in place of the values. All sums are modulo 2^64, so nothing overflows.
enum class Form : uint8_t {
  kConstant = 0,
  kOffsets = 1,      // value - least value
  kSteps = 2,        // zigzag(value - the one before)
  kStepOffsets = 3,  // value - the one before - least such
  kSecondSteps = 4,  // zigzag(step - the step before)
};
constexpr uint8_t kFormMask = 7;

// How they are packed: in one width with exceptions, or in runs whose widths take a byte or 4 bits.
enum class Layout : uint8_t { kExceptions = 0, kRunsBytes = 1, kRunsNibbles = 2 };
constexpr int kLayoutShift = 3;

uint64_t U(int64_t value) { return static_cast<uint64_t>(value); }
int64_t I(uint64_t value) { return static_cast<int64_t>(value); }
// No branch, and it vectorises.
uint64_t Fold(uint64_t step) { return (step << 1) ^ (0 - (step >> 63)); }
uint64_t Unfold(uint64_t folded) { return (folded >> 1) ^ (0 - (folded & 1)); }

size_t Lost(Form form) {  // values that the head of the bytes holds
  return form == Form::kOffsets ? 0 : form == Form::kSecondSteps ? 2 : 1;
}

// What a form would pack, and its price.
struct Choice {
  Form form = Form::kOffsets;
  uint64_t base = 0;               // kOffsets, kStepOffsets: the least
  uint64_t run_bits = UINT64_MAX;  // in runs
  uint64_t bits = UINT64_MAX;      // as it is chosen
  Layout layout = Layout::kExceptions;
  int width = 0;  // kExceptions
};

using Histogram = std::array<uint32_t, kWidthMax + 1>;  // of the values' widths

int WidthOf(uint64_t value) { return static_cast<int>(std::bit_width(value)); }

TWIN_INLINE_LOOP uint64_t OrOf(absl::Span<const uint64_t> values) {
  uint64_t all = 0;
  for (const uint64_t value : values) all |= value;
  return all;
}

TWIN_INLINE_LOOP uint64_t RunBits(absl::Span<const uint64_t> values, Layout* layout) {
  uint64_t bits = 0;
  uint64_t widest = 0;
  for (size_t at = 0; at < values.size(); at += kRunValues) {
    const auto run = values.subspan(at, kRunValues);
    const uint64_t all = OrOf(run);
    widest |= all;
    bits += 8 * PackedBytes(run.size(), WidthOf(all));
  }
  const size_t runs = (values.size() + kRunValues - 1) / kRunValues;
  *layout = WidthOf(widest) < 16 ? Layout::kRunsNibbles : Layout::kRunsBytes;
  return bits + (*layout == Layout::kRunsNibbles ? (runs + 1) / 2 : runs) * 8;
}

TWIN_INLINE_LOOP Histogram CountWidths(absl::Span<const uint64_t> values) {
  // Without a branch: zeros are counted among the ones, and then taken off.
  const auto width_of = [](uint64_t value) {
    return static_cast<size_t>(64 - std::countl_zero(value | 1));
  };
  Histogram even{};  // two, so that an addition does not wait for the one before
  Histogram odd{};
  size_t i = 0;
  for (; i + 1 < values.size(); i += 2) {
    ++even[width_of(values[i])];
    ++odd[width_of(values[i + 1])];
  }
  if (i < values.size()) ++even[width_of(values[i])];
  uint64_t zeros = 0;
  for (const uint64_t value : values) zeros += value == 0 ? 1 : 0;
  for (size_t width = 0; width < even.size(); ++width) even[width] += odd[width];
  even[0] = static_cast<uint32_t>(zeros);
  even[1] -= static_cast<uint32_t>(zeros);
  return even;
}

// The width that takes the least with the wider values apart: near enough, since how far apart
// these lie is a guess.
TWIN_INLINE_LOOP uint64_t ExceptionBits(absl::Span<const uint64_t> values, int* width) {
  const Histogram widths = CountWidths(values);
  int widest = kWidthMax;
  while (widest > 0 && widths[static_cast<size_t>(widest)] == 0) --widest;
  const uint64_t count = values.size();
  uint64_t best = count * static_cast<uint64_t>(widest) + 16;
  *width = widest;
  uint64_t wider = 0;
  for (int w = widest - 1; w >= 0; --w) {
    wider += widths[static_cast<size_t>(w) + 1];
    if (wider * 2 > count) break;
    const auto gap = std::min(std::bit_width(count / wider) + 2, std::bit_width(count));
    const uint64_t bits =
        count * static_cast<uint64_t>(w) + wider * static_cast<uint64_t>(gap + widest - w) + 48;
    if (bits < best) {
      best = bits;
      *width = w;
    }
  }
  return best;
}

// Keeps what `choice` is, or this if it is smaller. What takes clearly more in runs is not looked
// at any closer: that costs more than all the rest.
TWIN_INLINE_LOOP void Consider(Form form, uint64_t base, absl::Span<const uint64_t> packed,
                               Choice* choice) {
  Choice other;
  other.form = form;
  other.base = base;
  other.run_bits = RunBits(packed, &other.layout);
  if (form == Form::kStepOffsets) other.run_bits += 8 * VarintSize(Fold(base));
  if (other.run_bits >= choice->run_bits) return;
  other.bits = other.run_bits;
  const uint64_t apart = ExceptionBits(packed, &other.width);
  if (apart < other.bits) {
    other.bits = apart;
    other.layout = Layout::kExceptions;
  }
  if (other.bits < choice->bits) *choice = other;
}

// What the form packs, into `packed`, which has room for all values.
TWIN_INLINE_LOOP absl::Span<uint64_t> Fill(absl::Span<const int64_t> values, Form form,
                                           uint64_t base, uint64_t* packed) {
  const size_t count = values.size() - Lost(form);
  const int64_t* v = values.data();
  switch (form) {
    case Form::kConstant:
      return {};
    case Form::kOffsets:
      for (size_t i = 0; i < count; ++i) packed[i] = U(v[i]) - base;
      break;
    case Form::kSteps:
      for (size_t i = 0; i < count; ++i) packed[i] = Fold(U(v[i + 1]) - U(v[i]));
      break;
    case Form::kStepOffsets:
      for (size_t i = 0; i < count; ++i) packed[i] = U(v[i + 1]) - U(v[i]) - base;
      break;
    case Form::kSecondSteps:
      for (size_t i = 0; i < count; ++i) packed[i] = Fold(U(v[i + 2]) - 2 * U(v[i + 1]) + U(v[i]));
      break;
  }
  return {packed, count};
}

TWIN_INLINE_LOOP Choice ChooseOnAny(absl::Span<const int64_t> values, uint64_t* room) {
  Choice choice;
  int64_t least = values[0];
  int64_t greatest = values[0];
  for (const int64_t value : values) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  if (least == greatest) {
    choice.form = Form::kConstant;
    return choice;
  }
  const auto steps = Fill(values, Form::kSteps, 0, room);
  Consider(Form::kSteps, 0, steps, &choice);
  // Rising or falling all the way: what all steps have in common is taken off.
  int64_t least_step = INT64_MAX;
  for (const uint64_t step : steps) least_step = std::min(least_step, I(Unfold(step)));
  if (values.size() > 2) {
    Consider(Form::kSecondSteps, 0, Fill(values, Form::kSecondSteps, 0, room), &choice);
    if (least_step != 0) {
      Consider(Form::kStepOffsets, U(least_step),
               Fill(values, Form::kStepOffsets, U(least_step), room), &choice);
    }
  }
  // Hardly cheaper than steps of a quarter of their bits.
  const int widest = WidthOf(U(greatest) - U(least));
  if (static_cast<uint64_t>(widest) * values.size() / 4 < choice.bits) {
    Consider(Form::kOffsets, U(least), Fill(values, Form::kOffsets, U(least), room), &choice);
  }
  return choice;
}

#if TWIN_HAS_WIDE
TWIN_WIDE Choice ChooseOnWide(absl::Span<const int64_t> values, uint64_t* room) {
  return ChooseOnAny(values, room);
}
#endif

Choice Choose(absl::Span<const int64_t> values, uint64_t* room) {
#if TWIN_HAS_WIDE
  if (HasWide()) return ChooseOnWide(values, room);
#endif
  return ChooseOnAny(values, room);
}

void AppendRuns(absl::Span<const uint64_t> packed, bool nibbles, std::string* bytes) {
  const size_t runs = (packed.size() + kRunValues - 1) / kRunValues;
  const size_t widths_at = bytes->size();
  bytes->append(nibbles ? (runs + 1) / 2 : runs, '\0');
  for (size_t i = 0; i < runs; ++i) {
    const auto run = packed.subspan(i * kRunValues, kRunValues);
    const int width = WidthOf(OrOf(run));
    if (nibbles) {
      (*bytes)[widths_at + i / 2] |= static_cast<char>(i % 2 == 0 ? width : width << 4);
    } else {
      (*bytes)[widths_at + i] = static_cast<char>(width);
    }
    Pack(run, width, bytes);
  }
}

void AppendExceptions(absl::Span<const uint64_t> packed, int width, std::string* bytes) {
  const uint64_t low_max = width == kWidthMax ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  const auto rows = std::make_unique_for_overwrite<uint32_t[]>(packed.size() + 1);
  size_t count = 0;
  for (size_t i = 0; i < packed.size(); ++i) {  // without a branch that nobody can predict
    rows[count] = static_cast<uint32_t>(i);
    count += packed[i] > low_max ? 1 : 0;
  }
  std::vector<uint64_t> gaps(count);
  std::vector<uint64_t> highs(count);
  for (size_t i = 0; i < count; ++i) {
    gaps[i] = rows[i] - (i == 0 ? 0 : rows[i - 1] + 1);
    highs[i] = (packed[rows[i]] >> width) - 1;
  }
  bytes->push_back(static_cast<char>(width));
  AppendVarint(bytes, gaps.size());
  if (!gaps.empty()) {
    const int gap_width = WidthOf(OrOf(gaps));
    const int high_width = WidthOf(OrOf(highs));
    bytes->push_back(static_cast<char>(gap_width));
    bytes->push_back(static_cast<char>(high_width));
    Pack(gaps, gap_width, bytes);
    Pack(highs, high_width, bytes);
  }
  Pack(packed, width, bytes);
}

// Takes packed values off the reader.
bool TakePacked(ByteReader* reader, int width, absl::Span<uint64_t> values) {
  const size_t size = PackedBytes(values.size(), width);
  if (width > kWidthMax || size > reader->rest().size()) {
    reader->Fail();
    return false;
  }
  Unpack(reader->rest(), width, values);
  reader->Bytes(size);
  return true;
}

bool TakeRuns(ByteReader* reader, bool nibbles, absl::Span<uint64_t> packed) {
  const size_t runs = (packed.size() + kRunValues - 1) / kRunValues;
  const absl::string_view widths = reader->Bytes(nibbles ? (runs + 1) / 2 : runs);
  if (!reader->ok()) return false;
  for (size_t i = 0; i < runs; ++i) {
    const auto byte = static_cast<unsigned char>(widths[nibbles ? i / 2 : i]);
    const int width = !nibbles ? byte : i % 2 == 0 ? byte & 15 : byte >> 4;
    if (!TakePacked(reader, width, packed.subspan(i * kRunValues, kRunValues))) return false;
  }
  return true;
}

bool TakeExceptions(ByteReader* reader, absl::Span<uint64_t> packed) {
  const int width = reader->Byte();
  const size_t count = reader->Varint(packed.size());
  if (count == 0) return reader->ok() && TakePacked(reader, width, packed);
  const int gap_width = reader->Byte();
  const int high_width = reader->Byte();
  if (!reader->ok() || width >= kWidthMax) {
    reader->Fail();
    return false;
  }
  const auto room = std::make_unique_for_overwrite<uint64_t[]>(2 * count);
  const absl::Span<uint64_t> gaps(room.get(), count);
  const absl::Span<uint64_t> highs(room.get() + count, count);
  if (!TakePacked(reader, gap_width, gaps) || !TakePacked(reader, high_width, highs) ||
      !TakePacked(reader, width, packed)) {
    return false;
  }
  size_t next = 0;
  for (size_t i = 0; i < count; ++i) {
    if (gaps[i] >= packed.size() - next) {
      reader->Fail();
      return false;
    }
    next += gaps[i];
    packed[next++] += (highs[i] + 1) << width;
  }
  return true;
}

bool TakeAll(ByteReader* reader, Layout layout, absl::Span<uint64_t> packed) {
  switch (layout) {
    case Layout::kExceptions:
      return TakeExceptions(reader, packed);
    case Layout::kRunsBytes:
      return TakeRuns(reader, false, packed);
    case Layout::kRunsNibbles:
      return TakeRuns(reader, true, packed);
  }
  reader->Fail();
  return false;
}

// Turns what the form packed, which lies behind the head's values, into the values.
void Restore(Form form, uint64_t base, uint64_t* v, size_t count) {
  switch (form) {
    case Form::kConstant:
      break;
    case Form::kOffsets:
      for (size_t i = 0; i < count; ++i) v[i] += base;
      break;
    case Form::kSteps: {
      uint64_t value = v[0];
      size_t i = 1;
      for (; i + 4 <= count; i += 4) {
        const uint64_t a = Unfold(v[i]);
        const uint64_t ab = a + Unfold(v[i + 1]);
        const uint64_t c = Unfold(v[i + 2]);
        const uint64_t cd = c + Unfold(v[i + 3]);
        v[i] = value + a;
        v[i + 1] = value + ab;
        v[i + 2] = value + (ab + c);
        v[i + 3] = value += ab + cd;
      }
      for (; i < count; ++i) v[i] = value += Unfold(v[i]);
      break;
    }
    case Form::kStepOffsets: {
      uint64_t value = v[0];
      for (size_t i = 1; i < count; ++i) v[i] = value += v[i] + base;
      break;
    }
    case Form::kSecondSteps: {
      uint64_t value = v[1];
      uint64_t step = v[1] - v[0];
      for (size_t i = 2; i < count; ++i) {
        step += Unfold(v[i]);
        v[i] = value += step;
      }
      break;
    }
  }
}

}  // namespace

void EncodeInts(absl::Span<const int64_t> values, std::string* bytes) {
  if (values.empty()) return;
  const auto room = std::make_unique_for_overwrite<uint64_t[]>(values.size());
  const Choice choice = Choose(values, room.get());
  const auto layout = static_cast<uint8_t>(choice.layout);
  bytes->push_back(static_cast<char>(static_cast<uint8_t>(choice.form) | layout << kLayoutShift));
  AppendSigned(bytes, choice.form == Form::kOffsets ? I(choice.base) : values[0]);
  if (choice.form == Form::kConstant) return;
  if (choice.form == Form::kStepOffsets) AppendSigned(bytes, I(choice.base));
  if (choice.form == Form::kSecondSteps) AppendSigned(bytes, I(U(values[1]) - U(values[0])));
  const auto packed = Fill(values, choice.form, choice.base, room.get());
  if (choice.layout == Layout::kExceptions) {
    AppendExceptions(packed, choice.width, bytes);
  } else {
    AppendRuns(packed, choice.layout == Layout::kRunsNibbles, bytes);
  }
}

bool DecodeInts(ByteReader* reader, absl::Span<int64_t> values) {
  if (values.empty()) return reader->ok();
  const uint8_t tag = reader->Byte();
  const auto form = static_cast<Form>(tag & kFormMask);
  const auto layout = static_cast<Layout>(tag >> kLayoutShift);
  const int64_t first = reader->Signed();
  if (!reader->ok() || form > Form::kSecondSteps || layout > Layout::kRunsNibbles ||
      Lost(form) > values.size()) {
    reader->Fail();
    return false;
  }
  if (form == Form::kConstant) {
    std::fill(values.begin(), values.end(), first);
    return true;
  }
  auto* const v = reinterpret_cast<uint64_t*>(values.data());
  uint64_t base = U(first);
  if (form != Form::kOffsets) v[0] = base;
  if (form == Form::kStepOffsets) base = U(reader->Signed());
  if (form == Form::kSecondSteps) v[1] = v[0] + U(reader->Signed());
  const size_t lost = Lost(form);
  if (!TakeAll(reader, layout, {v + lost, values.size() - lost})) return false;
  Restore(form, base, v, values.size());
  return true;
}

}  // namespace twin::timeseries
