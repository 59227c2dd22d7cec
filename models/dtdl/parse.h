// DTDL text to checked models: the entry to this library.
//
//   const ParseResult result = Parse({{"cell.json", text}});
//   if (result.verdict != Verdict::kValid) Show(result.diagnostics);
//   const Interface* cell = result.models->Find("dtmi:com:example:Cell;1");
//
// Accepts what the specifications of DTDL 2, 3 and 4 and of their extensions accept, and no more.
#ifndef TWIN_MODELS_DTDL_PARSE_H_
#define TWIN_MODELS_DTDL_PARSE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/model.h"

namespace twin::dtdl {

// A text: one Interface, or an array of them. The name stands in messages only.
struct Source {
  std::string name;
  absl::string_view text;  // need not outlive the call
};

// What to do with a context that no known extension defines.
enum class UndefinedExtensions : uint8_t {
  kDefault,  // as the language says: allowed in DTDL 2, refused in DTDL 3 and 4
  kAllow,    // its types and members are accepted unseen
  kDisallow,
};

struct ParseOptions {
  UndefinedExtensions undefined_extensions = UndefinedExtensions::kDefault;
  int dtdl_version_max = 4;
  // Limit extensions that models may choose instead of the bounds of DTDL 4: their contexts, with
  // or without a version, as in "dtmi:dtdl:limits:onvif".
  std::vector<std::string> limits;
  // Bounds of the texts themselves.
  int json_depth_max = 256;
  uint32_t text_bytes_max = 256u << 20;
  // Findings beyond this many are counted, not kept.
  int diagnostics_max = 10000;
};

enum class Verdict : uint8_t {
  kValid,
  kInvalid,     // at least one error
  kIncomplete,  // no error, but elements are named that no text defines: `unresolved`
};
absl::string_view VerdictName(Verdict verdict);

struct ParseResult {
  Verdict verdict = Verdict::kValid;
  std::vector<Diagnostic> diagnostics;  // by text, then by place
  int diagnostics_dropped = 0;
  std::vector<std::string> unresolved;  // ids, sorted
  // All models, when the verdict is kValid; else nullptr.
  std::shared_ptr<const ModelSet> models;
};

// Parses, resolves and checks all texts as one set. Every error of every text is reported; an
// error in one Interface hides none of another's.
// Never throws. Thread-safe. Cost: linear in the size of the texts (see docs/benchmarks.md).
ParseResult Parse(absl::Span<const Source> sources, const ParseOptions& options = {});

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_PARSE_H_
