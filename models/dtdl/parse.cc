#include "models/dtdl/parse.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/dtdl/check.h"
#include "models/dtdl/codes.h"
#include "models/dtdl/json.h"
#include "models/dtdl/model_builder.h"
#include "models/dtdl/parse_state.h"
#include "models/dtdl/reader.h"
#include "models/dtdl/resolve.h"

namespace twin::dtdl {
namespace {

// One text after the other, each read while its tree is in the caches.
void ReadSources(ParseState* state) {
  JsonParser parser;
  Reader reader(state);
  const JsonLimits limits = {.depth_max = state->options.json_depth_max,
                             .text_bytes_max = state->options.text_bytes_max};
  state->documents.reserve(state->sources.size());
  for (uint32_t i = 0; i < state->sources.size(); ++i) {
    JsonError error;
    auto& document = state->documents.emplace_back(
        JsonDocument::Parse(state->sources[i].text, parser, &error, limits));
    if (document != nullptr) {
      reader.ReadDocument(i);
      document->DropTree(parser);
    } else {
      state->Error(code::kNotJson, {i, error.offset, error.offset + 1}, "", error.message,
                   "a text must be JSON in UTF-8: no comments, no trailing commas, no byte-order "
                   "mark",
                   nullptr);
    }
  }
}

// Lines and columns are found once for all findings of a text, in order.
void PlaceDiagnostics(ParseState* state) {
  std::stable_sort(state->diagnostics.begin(), state->diagnostics.end(),
                   [](const Diagnostic& a, const Diagnostic& b) {
                     return std::pair(a.document, a.begin) < std::pair(b.document, b.begin);
                   });
  uint32_t document = UINT32_MAX;
  TextPosition position;
  size_t offset = 0;
  for (Diagnostic& diagnostic : state->diagnostics) {
    if (diagnostic.document != document) {
      document = diagnostic.document;
      position = {};
      offset = 0;
    }
    const absl::string_view text = state->documents[document] == nullptr
                                       ? state->sources[document].text
                                       : state->documents[document]->text();
    const TextPosition step =
        PositionOf(text.substr(offset), std::min<size_t>(diagnostic.begin, text.size()) - offset);
    position.column = step.line == 1 ? position.column + step.column - 1 : step.column;
    position.line += step.line - 1;
    offset = std::min<size_t>(diagnostic.begin, text.size());
    diagnostic.line = position.line;
    diagnostic.column = position.column;
  }
}

}  // namespace

absl::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kValid:
      return "valid";
    case Verdict::kInvalid:
      return "invalid";
    case Verdict::kIncomplete:
      break;
  }
  return "incomplete";
}

ParseResult Parse(absl::Span<const Source> sources, const ParseOptions& options) {
  ParseState state(sources, options);
  ReadSources(&state);
  ResolveReferences(&state);
  CheckInterfaces(&state);
  PlaceDiagnostics(&state);
  ParseResult result;
  result.diagnostics = std::move(state.diagnostics);
  result.diagnostics_dropped = state.diagnostics_dropped;
  result.unresolved = std::move(state.unresolved);
  if (state.failed) {
    result.verdict = Verdict::kInvalid;
  } else if (!result.unresolved.empty()) {
    result.verdict = Verdict::kIncomplete;
  } else {
    result.models = ModelBuilder::Build(&state);
  }
  return result;
}

}  // namespace twin::dtdl
