// What the passes of one parse share: options, texts, elements, and where errors go.
// Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_PARSE_STATE_H_
#define TWIN_MODELS_DTDL_PARSE_STATE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/element.h"
#include "models/dtdl/json.h"
#include "models/dtdl/parse.h"

namespace twin::dtdl {

// A place in one of the texts.
struct Place {
  uint32_t document = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
};

// A member with values that are named, not written in place: to be resolved.
struct Reference {
  Element* owner = nullptr;
  MemberValue* value = nullptr;
};

// A Relationship whose target no text has defined so far.
struct MissingTarget {
  const Element* relationship = nullptr;
  const JsonNode* target = nullptr;
};

struct ParseState {
  ParseState(absl::Span<const Source> given, const ParseOptions& parse_options)
      : options(parse_options), sources(given) {}

  const ParseOptions& options;
  absl::Span<const Source> sources;
  std::unique_ptr<Arena> arena = std::make_unique<Arena>();
  std::vector<absl::string_view> texts;  // in the arena; empty where a text is no JSON
  std::vector<Element*> interfaces;      // every Interface that was read, in the order of the texts
  std::vector<Reference> references;     // that are not resolved yet, in the order of the texts
  std::vector<MissingTarget> missing_targets;
  absl::flat_hash_map<absl::string_view, Element*> definitions;  // by explicit id
  // Ids whose definition was seen but could not be read: nobody should call them undefined.
  absl::flat_hash_set<absl::string_view> broken_definitions;
  std::vector<std::string> unresolved;
  std::vector<Diagnostic> diagnostics;
  int diagnostics_dropped = 0;
  bool failed = false;  // an error was reported

  // Reports an error and marks `partition` (may be null) as broken.
  void Error(absl::string_view code, const Place& place, std::string element, std::string message,
             std::string hint, Element* partition);
  void Add(Diagnostic diagnostic);
  // Whether to look for what a writer may have meant: that costs, and after many findings nobody
  // reads it.
  bool WantsSuggestions() const { return diagnostics.size() < kSuggestionsMax; }
  static constexpr size_t kSuggestionsMax = 200;
  absl::string_view TextAt(const Place& place) const {
    return texts[place.document].substr(place.begin, place.end - place.begin);
  }
  // The name of a text.
  const std::string& NameOf(uint32_t document) const { return sources[document].name; }
  void Warn(absl::string_view code, const Place& place, std::string element, std::string message,
            std::string hint);
};

// The id of an element: as written, or generated from its parent's id and its member and name,
// "dtmi:a:_contents:__temperature;1", as the language defines it.
std::string IdOf(const Element& element);

// The place of an element's definition: its "@id", or what stands at its beginning.
Place PlaceOf(const Element& element);
Place PlaceOf(const Element& element, TextRange at);
Place PlaceOf(const Element& element, const JsonNode& node);
Place KeyPlaceOf(const Element& element, const JsonNode& member);

// "Property 'voltage'" or "Interface": how messages speak of an element.
std::string Describe(const Element& element);

// The classes of a set that exist in the version, for messages: "Array, Enum, Map or Object".
std::string Describe(ClassSet classes, int version);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_PARSE_STATE_H_
