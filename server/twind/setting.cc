#include "server/twind/setting.h"

#include <algorithm>
#include <type_traits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace twin::twind {
namespace {

struct Multiple {
  int64_t of;
  const char* one;
  const char* many;
};

constexpr Multiple kBytes[] = {{int64_t{1} << 40, "TiB", "TiB"},
                               {int64_t{1} << 30, "GiB", "GiB"},
                               {int64_t{1} << 20, "MiB", "MiB"},
                               {int64_t{1} << 10, "KiB", "KiB"},
                               {1, "byte", "bytes"}};
constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
constexpr Multiple kTimes[] = {
    {365 * kDayMs, "year", "years"}, {kDayMs, "day", "days"}, {3'600'000, "hour", "hours"},
    {60'000, "minute", "minutes"},   {1000, "s", "s"},        {1, "ms", "ms"}};

std::string InUnits(int64_t value, absl::Span<const Multiple> units) {
  for (const Multiple& unit : units) {
    if (value < unit.of || value % (unit.of - unit.of / 2) != 0) continue;  // 3.5 GiB, too
    const int64_t count = value / unit.of;
    if (value % unit.of != 0) return absl::StrCat(count, ".5 ", unit.many);
    return absl::StrCat(count, " ", count == 1 ? unit.one : unit.many);
  }
  return absl::StrCat(value);
}

std::string Shown(int64_t value, Unit unit) {
  switch (unit) {
    case Unit::kBytes:
      return InUnits(value, kBytes);
    case Unit::kMilliseconds:
      return InUnits(value, kTimes);
    case Unit::kSeconds:
      return InUnits(value * 1000, kTimes);
    case Unit::kNone:
      break;
  }
  return absl::StrCat(value);
}

// "65536 (64 KiB)": what is to be written, and what it means.
std::string Written(int64_t value, Unit unit) {
  const std::string shown = Shown(value, unit);
  const bool is_plain = unit == Unit::kNone || value == 0 || shown == absl::StrCat(value);
  return is_plain ? absl::StrCat(value) : absl::StrCat(value, " (", shown, ")");
}

std::string Choices(const std::vector<std::string>& choices) {
  const std::string first = absl::StrJoin(choices.begin(), choices.end() - 1, ", ");
  return absl::StrCat(first, " or ", choices.back());
}

absl::Status Refuse(absl::string_view came, absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat("is ", came, "; allowed: ", allowed));
}

absl::Status SetFlag(const std::string& text, bool* target) {
  if (absl::SimpleAtob(text, target)) return absl::OkStatus();
  return Refuse(absl::StrCat("'", text, "'"), "true or false");
}

absl::Status SetText(const Setting& setting, const std::string& text, std::string* target) {
  const auto& choices = setting.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    return Refuse(absl::StrCat("'", text, "'"), Choices(choices));
  }
  *target = text;
  return absl::OkStatus();
}

template <typename T>
absl::Status SetNumber(const Setting& setting, const std::string& text, T* target) {
  const std::string allowed =
      absl::StrCat(Written(setting.min, setting.unit), " to ", Written(setting.max, setting.unit));
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) {
    const bool is_huge =
        !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
    return Refuse(is_huge ? text : absl::StrCat("'", text, "', no whole number"), allowed);
  }
  if (value < setting.min || value > setting.max) return Refuse(absl::StrCat(value), allowed);
  *target = static_cast<T>(value);
  return absl::OkStatus();
}

}  // namespace

absl::Status Set(const Setting& setting, absl::Span<const std::string> texts) {
  return std::visit(
      [&](auto* target) {
        using T = std::remove_pointer_t<decltype(target)>;
        if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          *target = absl::StrSplit(absl::StrJoin(texts, " "), ' ', absl::SkipEmpty());
          return absl::OkStatus();
        } else {
          if (texts.size() != 1) return Refuse(absl::StrJoin(texts, ", "), "one value");
          if constexpr (std::is_same_v<T, bool>) {
            return SetFlag(texts[0], target);
          } else if constexpr (std::is_same_v<T, std::string>) {
            return SetText(setting, texts[0], target);
          } else {
            return SetNumber(setting, texts[0], target);
          }
        }
      },
      setting.target);
}

std::string TextOf(const Setting& setting) {
  return std::visit(
      [](const auto* target) -> std::string {
        using T = std::remove_cv_t<std::remove_pointer_t<decltype(target)>>;
        if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          return absl::StrJoin(*target, " ");
        } else if constexpr (std::is_same_v<T, bool>) {
          return *target ? "true" : "false";
        } else {
          return absl::StrCat(*target);
        }
      },
      setting.target);
}

std::string Allowed(const Setting& setting) {
  if (!setting.choices.empty()) return Choices(setting.choices);
  if (setting.max == 0) return "";
  return absl::StrCat(setting.min == 0 ? "0" : Shown(setting.min, setting.unit), " to ",
                      Shown(setting.max, setting.unit));
}

std::string TypeName(const Setting& setting) {
  if (std::holds_alternative<bool*>(setting.target)) return "";
  if (setting.max == 0) return "TEXT";
  switch (setting.unit) {
    case Unit::kBytes:
      return "BYTES";
    case Unit::kMilliseconds:
      return "MS";
    case Unit::kSeconds:
      return "SECONDS";
    case Unit::kNone:
      break;
  }
  return "N";
}

std::string EnvironmentName(const Setting& setting) {
  return absl::StrCat("TWIND_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(setting.name, {{"-", "_"}})));
}

}  // namespace twin::twind
