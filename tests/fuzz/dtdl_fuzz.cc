// Model texts from anywhere: Parse ends, its findings stand inside their texts, its verdict says
// what they say, and what it accepts can be used.
//
// The first byte of an input is the options: its lowest two bits the policy on undefined
// extensions, the third whether limit extensions are accepted. Texts follow, with kSeparator
// between them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "models/dtdl/json.h"
#include "models/dtdl/parse.h"
#include "models/dtdl/values.h"
#include "server/base/check.h"
#include "tests/fuzz/utf8.h"

namespace twin::dtdl {
namespace {

constexpr absl::string_view kSeparator = "\n====\n";

ParseOptions ReadOptions(uint8_t byte) {
  constexpr UndefinedExtensions kPolicies[] = {
      UndefinedExtensions::kDefault, UndefinedExtensions::kAllow, UndefinedExtensions::kDisallow};
  ParseOptions options;
  options.undefined_extensions = kPolicies[(byte & 3) % 3];
  if ((byte & 4) != 0) options.limits = {"dtmi:dtdl:limits:onvif", "dtmi:dtdl:limits:aio"};
  options.json_depth_max = 64;
  options.text_bytes_max = 1 << 16;
  options.diagnostics_max = 50;
  return options;
}

void CheckFinding(const Diagnostic& finding, const std::vector<Source>& sources) {
  TWIN_CHECK(finding.document < sources.size());
  const absl::string_view text = sources[finding.document].text;
  TWIN_CHECK(finding.begin <= finding.end && finding.begin <= text.size())
      << finding.code << ' ' << finding.begin << ".." << finding.end << " of " << text.size();
  const TextPosition position = PositionOf(text, finding.begin);
  TWIN_CHECK(position.line == finding.line && position.column == finding.column) << finding.code;
  TWIN_CHECK(!finding.code.empty() && !finding.message.empty());
  if (finding.code == "notJson") return;
  TWIN_CHECK(finding.begin < finding.end && finding.end <= text.size()) << finding.code;
  TWIN_CHECK(testing::IsUtf8(FullMessage(finding)) && testing::IsUtf8(finding.element))
      << finding.code;
}

void CheckResult(const ParseResult& result, const std::vector<Source>& sources) {
  bool error = result.diagnostics_dropped > 0;
  for (size_t i = 0; i < result.diagnostics.size(); ++i) {
    const Diagnostic& finding = result.diagnostics[i];
    CheckFinding(finding, sources);
    error |= finding.severity == Severity::kError;
    if (i == 0) continue;
    const Diagnostic& before = result.diagnostics[i - 1];
    TWIN_CHECK(std::tie(before.document, before.begin) <=
               std::tie(finding.document, finding.begin));
  }
  TWIN_CHECK((result.models != nullptr) == (result.verdict == Verdict::kValid));
  TWIN_CHECK(result.verdict != Verdict::kInvalid || error);
  TWIN_CHECK(result.verdict == Verdict::kInvalid || result.diagnostics_dropped > 0 ||
             absl::c_none_of(result.diagnostics, [](const Diagnostic& finding) {
               return finding.severity == Severity::kError;
             }));
  TWIN_CHECK(result.verdict != Verdict::kIncomplete || !result.unresolved.empty());
  TWIN_CHECK(absl::c_is_sorted(result.unresolved));
}

void UseModels(const ModelSet& models) {
  for (const Interface* interface : models.interfaces()) {
    TWIN_CHECK(models.Find(interface->id) == interface);
    TWIN_CHECK(ModelSet::IsOfModel(*interface, interface->id));
    TWIN_CHECK(absl::c_linear_search(models.OfModel(interface->id), interface));
    for (const Interface* ancestor : interface->ancestors) {
      TWIN_CHECK(ModelSet::IsOfModel(*interface, ancestor->id));
    }
    for (const Content* content : interface->contents) {
      TWIN_CHECK(interface->Find(content->name) == content);
    }
    for (const ValuePath& path : ModelSet::FlattenPaths(*interface)) {
      TWIN_CHECK(models.FindSchema(ModelSet::IdOf(*path.schema)) == path.schema) << path.path;
      for (const absl::string_view value : {"{}", "[[1, 2.5]]", "{\"a\": [null, \"x\"]}", "-7"}) {
        ValidateText(*path.schema, value);
      }
    }
  }
}

}  // namespace
}  // namespace twin::dtdl

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace twin::dtdl;  // NOLINT
  if (size == 0) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<Source> sources;
  for (const absl::string_view text : absl::StrSplit(input, kSeparator)) {
    sources.push_back({"text", text});
  }
  const ParseOptions options = ReadOptions(data[0]);
  const ParseResult result = Parse(sources, options);
  CheckResult(result, sources);
  if (result.models != nullptr) UseModels(*result.models);

  // The order of the texts means nothing.
  std::reverse(sources.begin(), sources.end());
  const ParseResult reversed = Parse(sources, options);
  TWIN_CHECK(reversed.verdict == result.verdict)
      << VerdictName(result.verdict) << ", reversed " << VerdictName(reversed.verdict);
  TWIN_CHECK(reversed.verdict == Verdict::kInvalid || reversed.unresolved == result.unresolved);
  return 0;
}
