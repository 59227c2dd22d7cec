// "@context": which version of the language and which extensions an element is written in.
// Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_CONTEXT_H_
#define TWIN_MODELS_DTDL_CONTEXT_H_

#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "models/dtdl/parse_state.h"
#include "models/dtdl/vocabulary.h"

namespace twin::dtdl {

// How words that mean nothing are told apart, for types and for members alike.
enum class WordForm { kTerm, kDtmi, kBadDtmi, kOtherUri };
WordForm FormOf(absl::string_view word, int version);

// The context in force for an element.
struct ActiveContext {
  int version = 0;  // of the language
  Bounds bounds = Bounds::kV2;
  const Terms* core = nullptr;
  std::vector<const ExtensionContext*> extensions;
  // A context that no known extension defines was named, and that was allowed: unknown types and
  // members may belong to it.
  bool incomplete = false;

  // The meaning of a word: an id, or a term of the core context or of an extension.
  Term Find(absl::string_view word) const;
  // The same for the value of a `unit`: a unit, where the word is one and a schema too ("byte").
  Term FindUnit(absl::string_view word) const;
  // All terms that mean something of that kind, sorted.
  std::vector<absl::string_view> TermsOfKind(TermKind kind) const;
};

class ContextReader {
 public:
  explicit ContextReader(ParseState* state) : state_(*state) {}

  // The context of `object`, a JSON object whose "@context" is `value` (nullptr when it has none),
  // inside `inherited` (nullptr at the top of a text). The result lives as long as this reader.
  // Returns nullptr when an error was reported, about `element`.
  const ActiveContext* Read(const JsonNode* value, const ActiveContext* inherited,
                            uint32_t document, const JsonNode& object, Element* partition);

 private:
  struct Specifiers;
  bool Fail(absl::string_view code, const JsonNode& node, std::string message, std::string hint);
  void Warn(absl::string_view code, const JsonNode& node, std::string message, std::string hint);
  bool ReadCore(Specifiers* specifiers, ActiveContext* context);
  bool ReadCoreVersion(const JsonNode& node, absl::string_view fragment, absl::string_view version,
                       ActiveContext* context);
  bool ReadLimits(Specifiers* specifiers, ActiveContext* context);
  bool ReadExtension(const JsonNode& node, bool may_be_limits, ActiveContext* context);
  bool UndefinedAllowed(const ActiveContext& context) const;

  ParseState& state_;
  uint32_t document_ = 0;
  Element* partition_ = nullptr;
  std::deque<ActiveContext> contexts_;
  // Contexts of top-level elements by their text: nearly all texts of a set share a few.
  absl::flat_hash_map<std::string, const ActiveContext*> by_text_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_CONTEXT_H_
