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

// The passes, over some texts at a time: what was read of them is still in the caches when it is
// resolved, checked and built. What refers to a later text, and all that comes once an error was
// found, waits for the end.
class Passes {
 public:
  explicit Passes(ParseState* state)
      : state_(*state), reader_(state), checker_(state), builder_(state) {}

  void Run() {
    JsonParser parser;
    size_t batch_bytes = 0;
    state_.texts.reserve(state_.sources.size());
    state_.definitions.reserve(state_.sources.size());
    for (uint32_t i = 0; i < state_.sources.size(); ++i) {
      ReadText(i, parser);
      batch_bytes += state_.sources[i].text.size();
      if (batch_bytes < kBatchBytes) continue;
      FinishBatch();
      batch_bytes = 0;
    }
    const auto last = absl::MakeConstSpan(state_.interfaces).subspan(first_interface_);
    waiting_.insert(waiting_.end(), last.begin(), last.end());
    for (const Element* interface : waiting_) CollectMissingTargets(&state_, *interface);
    ResolveReferences(&state_);
    checker_.Check(waiting_);
  }

  // When nothing is wrong or missing.
  std::shared_ptr<const ModelSet> Build() {
    builder_.Add(waiting_);
    return builder_.Finish();
  }

 private:
  // Of text. What is made of it is ten times as large, and shall fit a level-2 cache.
  static constexpr size_t kBatchBytes = 48 << 10;

  void ReadText(uint32_t index, JsonParser& parser) {
    const JsonLimits limits = {.depth_max = state_.options.json_depth_max,
                               .text_bytes_max = state_.options.text_bytes_max};
    JsonError error;
    std::unique_ptr<JsonDocument> document =
        JsonDocument::Parse(state_.sources[index].text, parser, &error, limits, state_.arena.get());
    state_.texts.push_back(document == nullptr ? absl::string_view() : document->text());
    if (document == nullptr) {
      state_.Error(code::kNotJson, {index, error.offset, error.offset + 1}, "", error.message,
                   "a text must be JSON in UTF-8: no comments, no trailing commas, no byte-order "
                   "mark",
                   nullptr);
      return;
    }
    reader_.ReadDocument(document->root(), index);
    JsonDocument::Recycle(std::move(document), parser);
  }

  void FinishBatch() {
    const auto batch = absl::MakeConstSpan(state_.interfaces).subspan(first_interface_);
    first_interface_ = state_.interfaces.size();
    if (!state_.failed) ResolveKnown(&state_, first_reference_);
    first_reference_ = state_.references.size();
    known_.clear();
    for (Element* interface : batch) {
      (state_.failed || interface->waiting ? waiting_ : known_).push_back(interface);
    }
    if (known_.empty()) return;
    for (const Element* interface : known_) CollectMissingTargets(&state_, *interface);
    checker_.Check(known_);
    if (!state_.failed) builder_.Add(known_);
  }

  ParseState& state_;
  Reader reader_;
  InterfaceChecker checker_;
  ModelBuilder builder_;
  size_t first_interface_ = 0;  // of the batch
  size_t first_reference_ = 0;
  std::vector<Element*> known_, waiting_;
};

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
    const absl::string_view text = state->sources[document].text;
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
  Passes passes(&state);
  passes.Run();
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
    result.models = passes.Build();
  }
  return result;
}

}  // namespace twin::dtdl
