// Block style with an indent of two. A string is plain where no reader could take it for anything
// else, and otherwise written as JSON writes it, which YAML reads as its double-quoted style.
#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/twinctl/output.h"

namespace twin::twinctl {
namespace {

constexpr int kYamlIndent = 2;

bool IsPlain(absl::string_view text) {
  if (text.empty() || !absl::ascii_isalpha(static_cast<unsigned char>(text.front()))) return false;
  for (const absl::string_view word :
       {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}) {
    if (absl::EqualsIgnoreCase(text, word)) return false;
  }
  if (text.back() == ':' || text.back() == ' ' || absl::StrContains(text, ": ")) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(" _-./;:()'", static_cast<char>(c));
  });
}

// JSON lets more characters stand in a string than YAML does.
std::string EscapeMore(const std::string& json) {
  std::string yaml;
  absl::string_view rest = json;
  while (!rest.empty()) {
    const absl::string_view before = rest;
    const char32_t code_point = TakeCodePoint(&rest);
    if (IsPrintable(code_point) && code_point != 0xFEFF && (code_point & 0xFFFE) != 0xFFFE) {
      absl::StrAppend(&yaml, before.substr(0, before.size() - rest.size()));
    } else {
      absl::StrAppendFormat(&yaml, "\\U%08x", static_cast<uint32_t>(code_point));
    }
  }
  return yaml;
}

std::string ScalarText(const Json& value) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (IsPlain(text)) return text;
  }
  return EscapeMore(DumpJson(value));  // also "[]" and "{}"
}

bool IsBlock(const Json& value) { return value.is_structured() && !value.empty(); }

// Appends an array or object that is not empty. `begun`: the first line's indent stands already.
void AppendBlock(const Json& block, int indent, bool begun, std::string* out) {
  for (const auto& [key, value] : block.items()) {
    if (!begun) out->append(static_cast<size_t>(indent), ' ');
    begun = false;
    absl::StrAppend(out, block.is_array() ? "-" : absl::StrCat(ScalarText(key), ":"));
    if (!IsBlock(value)) {
      absl::StrAppend(out, " ", ScalarText(value), "\n");
    } else {
      out->push_back(block.is_array() ? ' ' : '\n');
      AppendBlock(value, indent + kYamlIndent, block.is_array(), out);
    }
  }
}

}  // namespace

void WriteYaml(const Json& value, std::ostream& out) {
  std::string text;
  if (IsBlock(value)) {
    AppendBlock(value, 0, false, &text);
  } else {
    text = absl::StrCat(ScalarText(value), "\n");
  }
  out << text;
}

}  // namespace twin::twinctl
