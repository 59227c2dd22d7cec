#include "server/api/plain_json.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace twin::api {
namespace {

// Eight bytes at a time: the high bit of a byte, the lowest one of these at least, says that it is
// below `n`, or zero.
constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kHighBits = 0x8080808080808080;
constexpr uint64_t Below(uint64_t word, uint64_t n) {
  return (word - kOnes * n) & ~word & kHighBits;
}
constexpr uint64_t Equal(uint64_t word, char c) {
  return Below(word ^ (kOnes * static_cast<uint64_t>(c)), 1);
}
constexpr uint64_t NotPlain(uint64_t word) {
  return (word & kHighBits) | Below(word, 0x20) | Equal(word, '"') | Equal(word, '\\');
}

// Numbers that are longer, or have a longer exponent, may be beyond what a double holds, of which
// readers think differently.
constexpr ptrdiff_t kNumberMax = 64;
constexpr ptrdiff_t kExponentMax = 2;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool PlainJson::Names::Add(absl::string_view name) {
  const auto first = static_cast<unsigned char>(name.empty() ? '\0' : name.front());
  const auto last = static_cast<unsigned char>(name.empty() ? '\0' : name.back());
  const uint64_t bit = uint64_t{1} << ((name.size() * 7 + first + last * 3) % 64);
  if (size_ == names_.size()) return false;
  if ((seen_ & bit) != 0) {
    for (size_t i = 0; i < size_; ++i) {
      if (names_[i] == name) return false;
    }
  }
  seen_ |= bit;
  names_[size_++] = name;
  return true;
}

bool PlainJson::ReadRestOfString(absl::string_view* string) {
  const char* const begin = at_;
  const char* at = at_;
  while (true) {
    if (end_ - at >= 8) {
      uint64_t word = 0;
      std::memcpy(&word, at, sizeof(word));
      const uint64_t found = NotPlain(word);
      if (found == 0) {
        at += 8;
        continue;
      }
      at += std::countr_zero(found) / 8;
    } else {
      while (at != end_ && *at != '"' && *at != '\\' && static_cast<signed char>(*at) >= 0x20) ++at;
    }
    if (at == end_ || *at != '"') return false;
    *string = absl::string_view(begin, static_cast<size_t>(at - begin));
    at_ = at + 1;
    return true;
  }
}

bool PlainJson::SkipWord(absl::string_view word) {
  if (static_cast<size_t>(end_ - at_) < word.size() ||
      std::memcmp(at_, word.data(), word.size()) != 0) {
    return false;
  }
  at_ += word.size();
  return true;
}

bool PlainJson::ReadNumber(Value* value) {
  const char* const begin = at_;
  const char* at = at_;
  const auto skip_digits = [&] {
    const char* const first = at;
    while (at != end_ && IsDigit(*at)) ++at;
    return at != first;
  };
  if (at != end_ && *at == '-') ++at;
  const char* const digits = at;
  if (!skip_digits() || (*digits == '0' && at - digits > 1)) return false;
  bool is_integer = true;
  if (at != end_ && *at == '.') {
    is_integer = false;
    ++at;
    if (!skip_digits()) return false;
  }
  if (at != end_ && (*at == 'e' || *at == 'E')) {
    is_integer = false;
    ++at;
    if (at != end_ && (*at == '+' || *at == '-')) ++at;
    const char* const exponent = at;
    if (!skip_digits() || at - exponent > kExponentMax) return false;
  }
  if (at - begin > kNumberMax) return false;
  int64_t integer = 0;
  double number = 0;
  const std::from_chars_result read =
      is_integer ? std::from_chars(begin, at, integer) : std::from_chars(begin, at, number);
  if (read.ec != std::errc() || read.ptr != at) return false;
  *value = is_integer ? Value::Int(integer) : Value::Double(number);
  at_ = at;
  return true;
}

bool PlainJson::ReadArray(Value* value) {
  ValueArray items;
  if (!Skip('[')) return false;
  if (!Skip(']')) {
    ++depth_;
    do {
      if (!ReadValue(&items.emplace_back())) return false;
    } while (Skip(','));
    --depth_;
    if (!Skip(']')) return false;
  }
  *value = Value::Array(std::move(items));
  return true;
}

bool PlainJson::ReadMap(Value* value) {
  ValueMap members;
  const bool is_read = ReadObject([&](absl::string_view name) {
    return ReadValue(&members.emplace_back(std::string(name), Value()).second);
  });
  if (is_read) *value = Value::Map(std::move(members));
  return is_read;
}

bool PlainJson::ReadValue(Value* value) {
  SkipSpace();
  if (at_ == end_ || depth_ > kValueDepthMax) return false;
  switch (*at_) {
    case '"': {
      absl::string_view string;
      if (!ReadString(&string)) return false;
      *value = Value::String(string);
      return true;
    }
    case '{':
      return ReadMap(value);
    case '[':
      return ReadArray(value);
    case 't':
      *value = Value::Bool(true);
      return SkipWord("true");
    case 'f':
      *value = Value::Bool(false);
      return SkipWord("false");
    case 'n':
      *value = Value();
      return SkipWord("null");
    default:
      return ReadNumber(value);
  }
}

}  // namespace twin::api
