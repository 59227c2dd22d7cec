#include "clients/twinctl/models_options.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "models/dtdl/diagnostics.h"

namespace twin::twinctl {
namespace {

constexpr absl::string_view kLimitsPrefix = "dtmi:dtdl:limits:";

std::string CheckLimits(const std::string& name) {
  return std::string(LimitsContext(name).status().message());
}

}  // namespace

dtdl::UndefinedExtensions UndefinedExtensionsOf(absl::string_view word) {
  if (word == "allow") return dtdl::UndefinedExtensions::kAllow;
  if (word == "disallow") return dtdl::UndefinedExtensions::kDisallow;
  return dtdl::UndefinedExtensions::kDefault;
}

absl::StatusOr<std::string> LimitsContext(absl::string_view name) {
  const absl::string_view rest = absl::StripPrefix(name, kLimitsPrefix);
  const absl::string_view word = rest.substr(0, rest.find(';'));
  const bool with_version = word.size() < rest.size();
  if ((word == "aio" || word == "onvif") && (rest.size() < name.size() || !with_version)) {
    return absl::StrCat(kLimitsPrefix, rest);
  }
  const std::string closest = dtdl::DidYouMean(word, {"aio", "onvif"});
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' is not one of aio, onvif", closest.empty() ? "" : "; ", closest));
}

dtdl::ParseOptions ModelOptions::ToParseOptions() const {
  dtdl::ParseOptions options;
  options.undefined_extensions = UndefinedExtensionsOf(undefined_extensions);
  if (!absl::SimpleAtoi(dtdl_version_max, &options.dtdl_version_max)) options.dtdl_version_max = 4;
  for (const std::string& name : limits) {
    if (const auto context = LimitsContext(name); context.ok()) options.limits.push_back(*context);
  }
  return options;
}

void AddModelOptions(CLI::App* command, ModelOptions* options) {
  CommandLine::AddChoice(
      command, "--undefined-extensions", &options->undefined_extensions, kUndefinedExtensionsWords,
      "Extensions that nobody knows: allow takes their types and members unseen, disallow refuses "
      "them, default allows them in DTDL 2 and refuses them in DTDL 3 and 4");
  CommandLine::AddChoice(command, "--max-dtdl-version", &options->dtdl_version_max, "2|3|4",
                         "The newest version of DTDL that models may use (4)");
  command
      ->add_option("--limits", options->limits,
                   "Accept models of DTDL 4 that choose these limits; several: --limits aio,onvif")
      ->type_name("aio|onvif")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CheckLimits, "");
}

}  // namespace twin::twinctl
