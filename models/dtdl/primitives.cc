#include "models/dtdl/primitives.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace twin::dtdl {
namespace {

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// Takes exactly `count` digits off `text`; -1 when they are not there.
int TakeDigits(absl::string_view* text, size_t count) {
  if (text->size() < count || !absl::c_all_of(text->substr(0, count), IsDigit)) return -1;
  int value = 0;
  for (const char c : text->substr(0, count)) value = value * 10 + (c - '0');
  text->remove_prefix(count);
  return value;
}

// Takes one or more digits; false when there are none.
bool SkipDigits(absl::string_view* text) {
  size_t length = 0;
  while (length < text->size() && IsDigit((*text)[length])) ++length;
  text->remove_prefix(length);
  return length > 0;
}

int DaysIn(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[month - 1] + (leap && month == 2 ? 1 : 0);
}

bool TakeDate(absl::string_view* text) {
  const int year = TakeDigits(text, 4);
  if (year < 1 || !absl::ConsumePrefix(text, "-")) return false;
  const int month = TakeDigits(text, 2);
  if (month < 1 || month > 12 || !absl::ConsumePrefix(text, "-")) return false;
  const int day = TakeDigits(text, 2);
  return day >= 1 && day <= DaysIn(year, month);
}

bool TakeClock(absl::string_view* text) {
  const int hour = TakeDigits(text, 2);
  if (hour < 0 || hour > 23 || !absl::ConsumePrefix(text, ":")) return false;
  const int minute = TakeDigits(text, 2);
  return minute >= 0 && minute <= 59;
}

bool TakeTime(absl::string_view* text) {
  if (!TakeClock(text) || !absl::ConsumePrefix(text, ":")) return false;
  const int second = TakeDigits(text, 2);
  if (second < 0 || second > 59) return false;
  if (absl::ConsumePrefix(text, ".") && !SkipDigits(text)) return false;
  if (absl::ConsumePrefix(text, "Z")) return true;
  if (!absl::ConsumePrefix(text, "+") && !absl::ConsumePrefix(text, "-")) return false;
  return TakeClock(text);
}

template <typename T>
bool FitsInteger(absl::string_view token) {
  if (token.find_first_of(".eE") != absl::string_view::npos) return false;
  if constexpr (std::is_unsigned_v<T>) {
    if (absl::StartsWith(token, "-")) return false;
    uint64_t value = 0;
    return absl::SimpleAtoi(token, &value) && value <= std::numeric_limits<T>::max();
  } else {
    int64_t value = 0;
    return absl::SimpleAtoi(token, &value) && value >= std::numeric_limits<T>::min() &&
           value <= std::numeric_limits<T>::max();
  }
}

}  // namespace

bool IsDate(absl::string_view text) { return TakeDate(&text) && text.empty(); }

bool IsTime(absl::string_view text) { return TakeTime(&text) && text.empty(); }

bool IsDateTime(absl::string_view text) {
  return TakeDate(&text) && absl::ConsumePrefix(&text, "T") && TakeTime(&text) && text.empty();
}

// P, then the components that the designators name, in their order, at least one of them and at
// least one after T; only the last may have a fraction.
bool IsDuration(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "P")) return false;
  absl::string_view designators = "YMWD";
  bool any = false, years_or_months = false, time = false;
  while (!text.empty()) {
    if (!time && absl::ConsumePrefix(&text, "T")) {
      time = true;
      designators = "HMS";
      any = false;
      continue;
    }
    if (!SkipDigits(&text)) return false;
    const bool fraction = absl::ConsumePrefix(&text, ".");
    if (fraction && !SkipDigits(&text)) return false;
    if (text.empty()) return false;
    const size_t at = designators.find(text.front());
    if (at == absl::string_view::npos) return false;
    if (!time && text.front() == 'W' && years_or_months) return false;
    if (!time && (text.front() == 'Y' || text.front() == 'M')) years_or_months = true;
    designators.remove_prefix(at + 1);
    text.remove_prefix(1);
    if (fraction && !text.empty()) return false;
    any = true;
  }
  return any;
}

bool IsDecimal(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "+")) absl::ConsumePrefix(&text, "-");
  if (!absl::ConsumePrefix(&text, "0") && !SkipDigits(&text)) return false;
  if (absl::ConsumePrefix(&text, ".")) SkipDigits(&text);
  return text.empty();
}

bool IsBase64(absl::string_view text) {
  if (text.size() % 4 != 0) return false;
  if (!absl::ConsumeSuffix(&text, "==")) absl::ConsumeSuffix(&text, "=");
  return absl::c_all_of(text, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
  });
}

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = absl::ascii_isxdigit(static_cast<unsigned char>(text[i]));
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

bool IsNumberOf(Class schema, absl::string_view token) {
  switch (schema) {
    case Class::kByte:
      return FitsInteger<int8_t>(token);
    case Class::kShort:
      return FitsInteger<int16_t>(token);
    case Class::kInteger:
      return FitsInteger<int32_t>(token);
    case Class::kLong:
      return FitsInteger<int64_t>(token);
    case Class::kUnsignedByte:
      return FitsInteger<uint8_t>(token);
    case Class::kUnsignedShort:
      return FitsInteger<uint16_t>(token);
    case Class::kUnsignedInteger:
      return FitsInteger<uint32_t>(token);
    case Class::kUnsignedLong:
      return FitsInteger<uint64_t>(token);
    case Class::kFloat: {
      float value = 0;
      return absl::SimpleAtof(token, &value) && std::isfinite(value);
    }
    case Class::kDouble: {
      double value = 0;
      return absl::SimpleAtod(token, &value) && std::isfinite(value);
    }
    default:
      return false;
  }
}

}  // namespace twin::dtdl
