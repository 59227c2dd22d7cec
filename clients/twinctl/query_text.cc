#include "clients/twinctl/query_text.h"

#include <vector>

#include "absl/strings/ascii.h"

namespace twin::twinctl {
namespace {

bool IsWord(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalnum(byte) || c == '_' || c == '$' || byte >= 0x80;
}

// Where the string that begins at `at` ends: behind its quote, or npos where it does not.
size_t EndOfString(absl::string_view text, size_t at) {
  const char quote = text[at];
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      return i + 1;
    }
  }
  return absl::string_view::npos;
}

bool IsQuote(char c) { return c == '\'' || c == '"'; }

}  // namespace

bool EndsStatement(absl::string_view text) {
  char last = ' ';
  for (size_t i = 0; i < text.size();) {
    if (IsQuote(text[i])) {
      i = EndOfString(text, i);
      if (i == absl::string_view::npos) return false;
      last = '\'';
      continue;
    }
    if (!absl::ascii_isspace(static_cast<unsigned char>(text[i]))) last = text[i];
    ++i;
  }
  return last == ';';
}

absl::string_view WithoutEnd(absl::string_view text) {
  return EndsStatement(text) ? text.substr(0, text.rfind(';')) : text;
}

std::set<std::string> ParametersOf(absl::string_view text) {
  std::set<std::string> names;
  for (size_t i = 0; i < text.size();) {
    if (IsQuote(text[i])) {
      i = EndOfString(text, i);
      if (i == absl::string_view::npos) break;
      continue;
    }
    if (text[i++] != '@') continue;
    const size_t begin = i;
    while (i < text.size() && IsWord(text[i])) ++i;
    if (i > begin) names.emplace(text.substr(begin, i - begin));
  }
  return names;
}

TextContext ContextOf(absl::string_view text) {
  std::string open;  // brackets
  bool behind_colon = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (IsQuote(c)) {
      const size_t end = EndOfString(text, i);
      if (end == absl::string_view::npos) {
        return {.kind = TextContext::Kind::kString, .begin = i + 1};
      }
      i = end - 1;
    } else if (c == '(' || c == '[') {
      open.push_back(c);
      behind_colon = false;
    } else if (c == ')' || c == ']') {
      if (!open.empty()) open.pop_back();
      behind_colon = false;
    } else if (c == ':') {
      behind_colon = !open.empty();
    } else if (!IsWord(c) && c != '|') {
      behind_colon = false;
    }
  }
  TextContext context;
  context.begin = text.size();
  while (context.begin > 0 && IsWord(text[context.begin - 1])) --context.begin;
  if (behind_colon) {
    context.kind =
        open.back() == '[' ? TextContext::Kind::kRelationship : TextContext::Kind::kModel;
  } else if (context.begin > 0 && text[context.begin - 1] == '.') {
    context.kind = TextContext::Kind::kMember;
  }
  return context;
}

}  // namespace twin::twinctl
