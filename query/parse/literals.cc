#include "query/parse/literals.h"

#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "server/base/time.h"

namespace twin::query {
namespace {

// Four hexadecimal digits at `offset`.
std::optional<uint32_t> ReadUnit(absl::string_view text, size_t offset) {
  if (offset + 4 > text.size()) return std::nullopt;
  uint32_t unit = 0;
  for (const char c : text.substr(offset, 4)) {
    const bool digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!digit && (lower < 'a' || lower > 'f')) return std::nullopt;
    unit = unit * 16 + static_cast<uint32_t>(digit ? c - '0' : lower - 'a' + 10);
  }
  return unit;
}

void AppendUtf8(uint32_t c, std::string* out) {
  const auto add = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xC0 | c >> 6);
    add(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    add(0xE0 | c >> 12);
    add(0x80 | (c >> 6 & 0x3F));
    add(0x80 | (c & 0x3F));
  } else {
    add(0xF0 | c >> 18);
    add(0x80 | (c >> 12 & 0x3F));
    add(0x80 | (c >> 6 & 0x3F));
    add(0x80 | (c & 0x3F));
  }
}

// The character of \uXXXX, or of a pair of them, whose digits begin at *offset, which is moved
// behind the last one.
std::optional<uint32_t> ReadUnicode(absl::string_view text, size_t* offset) {
  const std::optional<uint32_t> high = ReadUnit(text, *offset);
  if (!high.has_value()) return std::nullopt;
  *offset += 4;
  if (*high < 0xD800 || *high > 0xDFFF) return high;
  if (*high > 0xDBFF || text.substr(*offset, 2) != "\\u") return std::nullopt;
  const std::optional<uint32_t> low = ReadUnit(text, *offset + 2);
  if (!low.has_value() || *low < 0xDC00 || *low > 0xDFFF) return std::nullopt;
  *offset += 6;
  return 0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00);
}

}  // namespace

absl::StatusOr<std::string> ReadString(absl::string_view token, const Span& span) {
  constexpr absl::string_view kEscapes = "'\"\\/bfnrt";
  constexpr absl::string_view kMeanings = "'\"\\/\b\f\n\r\t";
  const absl::string_view text = token.substr(1, token.size() - 2);
  std::string value;
  value.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      value.push_back(text[i++]);
      continue;
    }
    const char escape = text[i + 1];  // The lexer takes no string that ends with a backslash.
    i += 2;
    if (const size_t at = kEscapes.find(escape); at != absl::string_view::npos) {
      value.push_back(kMeanings[at]);
    } else if (escape == 'u') {
      const std::optional<uint32_t> character = ReadUnicode(text, &i);
      if (!character.has_value()) {
        return ErrorAt(span, "\\u takes four hexadecimal digits, or the eight of a UTF-16 pair");
      }
      AppendUtf8(*character, &value);
    } else {
      return ErrorAt(span, R"(a backslash begins \' \" \\ \/ \b \f \n \r \t or \uXXXX; )"
                           R"(the backslash itself is written \\)");
    }
  }
  return value;
}

absl::StatusOr<int64_t> ReadDuration(absl::string_view token, const Span& span) {
  const absl::StatusOr<int64_t> nanoseconds = ParseDuration(token);
  if (!nanoseconds.ok()) return ErrorAt(span, nanoseconds.status().message());
  return *nanoseconds;
}

absl::Status ReadNumber(absl::string_view token, const Span& span, Expr* expr) {
  if (absl::SimpleAtoi(token, &expr->integer)) {
    expr->kind = ExprKind::kInteger;
    return absl::OkStatus();
  }
  expr->integer = 0;
  expr->kind = ExprKind::kDouble;
  if (!absl::SimpleAtod(token, &expr->number) || !std::isfinite(expr->number)) {
    return ErrorAt(span, "a number that no double holds");
  }
  return absl::OkStatus();
}

}  // namespace twin::query
