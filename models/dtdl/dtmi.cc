#include "models/dtdl/dtmi.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace twin::dtdl {
namespace {

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsLabelCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Takes the leading label off `text` and returns it; empty when it does not start with one.
absl::string_view TakeLabel(absl::string_view* text) {
  size_t length = 0;
  while (length < text->size() && IsLabelCharacter((*text)[length])) ++length;
  const absl::string_view label = text->substr(0, length);
  if (label.empty() || label.back() == '_' || IsDigit(label.front())) return {};
  // A system label: underscores, then what would be a label of its own.
  const size_t start = label.find_first_not_of('_');
  if (start == absl::string_view::npos || IsDigit(label[start])) return {};
  text->remove_prefix(length);
  return label;
}

// Takes a number without leading zeros and of at most `digits_max` digits; 0 when there is none.
int TakeNumber(absl::string_view* text, size_t digits_max) {
  size_t length = 0;
  while (length < text->size() && IsDigit((*text)[length])) ++length;
  if (length == 0 || length > digits_max || text->front() == '0') return 0;
  int number = 0;
  if (!absl::SimpleAtoi(text->substr(0, length), &number)) return 0;
  text->remove_prefix(length);
  return number;
}

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a DTMI: ", why, "; an example is dtmi:com:example:Cell;1"));
}

constexpr size_t kMajorDigits = 9;
constexpr size_t kMinorDigits = 6;

}  // namespace

absl::StatusOr<Dtmi> Dtmi::Parse(absl::string_view text) {
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, "dtmi:")) return Bad(text, "it must begin with 'dtmi:'");
  Dtmi dtmi;
  dtmi.text_ = std::string(text);
  do {
    const absl::string_view label = TakeLabel(&rest);
    if (label.empty()) {
      return Bad(text,
                 "a label is letters, digits and underscores, begins with a letter and does "
                 "not end in an underscore");
    }
    dtmi.labels_.emplace_back(label);
  } while (absl::ConsumePrefix(&rest, ":"));
  if (absl::ConsumePrefix(&rest, ";")) {
    dtmi.major_ = TakeNumber(&rest, kMajorDigits);
    if (dtmi.major_ == 0) {
      return Bad(text, "its version is 1 to 9 digits without a leading zero");
    }
    if (absl::ConsumePrefix(&rest, ".")) {
      dtmi.minor_ = TakeNumber(&rest, kMinorDigits);
      if (dtmi.minor_ == 0) {
        return Bad(text, "its minor version is 1 to 6 digits without a leading zero");
      }
    }
  }
  if (absl::StartsWith(rest, "#")) {
    absl::string_view fragment = rest.substr(1);
    if (!fragment.empty() && (TakeLabel(&fragment).empty() || !fragment.empty())) {
      return Bad(text, "its fragment is one label");
    }
    dtmi.fragment_ = std::string(rest);
    rest = {};
  }
  if (!rest.empty()) return Bad(text, absl::StrCat("'", rest, "' does not belong there"));
  return dtmi;
}

std::string Dtmi::Versionless() const {
  return absl::StrCat(text_.substr(0, text_.find_first_of(";#")), fragment_);
}

bool Dtmi::IsReserved() const {
  for (const std::string& label : labels_) {
    if (label.front() == '_') return true;
  }
  return absl::StartsWith(fragment_, "#_");
}

bool IsModelId(absl::string_view text, int language_version) {
  if (!absl::ConsumePrefix(&text, "dtmi:")) return false;
  do {
    const absl::string_view label = TakeLabel(&text);
    if (label.empty() || label.front() == '_') return false;
  } while (absl::ConsumePrefix(&text, ":"));
  if (text.empty()) return language_version > 2;
  if (!absl::ConsumePrefix(&text, ";") || TakeNumber(&text, kMajorDigits) == 0) return false;
  if (absl::ConsumePrefix(&text, ".")) {
    return language_version > 2 && TakeNumber(&text, kMinorDigits) != 0 && text.empty();
  }
  return text.empty();
}

IdAndVersion SplitVersion(absl::string_view dtmi) {
  const size_t semicolon = dtmi.rfind(';');
  if (semicolon == absl::string_view::npos) return {dtmi, 0};
  absl::string_view version = dtmi.substr(semicolon + 1);
  int64_t number = int64_t{1000000} * TakeNumber(&version, kMajorDigits);
  if (absl::ConsumePrefix(&version, ".")) number += TakeNumber(&version, kMinorDigits);
  return {dtmi.substr(0, semicolon), number};
}

}  // namespace twin::dtdl
