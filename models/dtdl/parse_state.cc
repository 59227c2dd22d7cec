#include "models/dtdl/parse_state.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace twin::dtdl {

void ParseState::Error(absl::string_view code, const Place& place, std::string element,
                       std::string message, std::string hint, Element* partition) {
  failed = true;
  if (partition != nullptr) partition->broken = true;
  Add({.severity = Severity::kError,
       .code = code,
       .element = std::move(element),
       .message = std::move(message),
       .hint = std::move(hint),
       .document = place.document,
       .begin = place.begin,
       .end = place.end});
}

void ParseState::Warn(absl::string_view code, const Place& place, std::string element,
                      std::string message, std::string hint) {
  Add({.severity = Severity::kWarning,
       .code = code,
       .element = std::move(element),
       .message = std::move(message),
       .hint = std::move(hint),
       .document = place.document,
       .begin = place.begin,
       .end = place.end});
}

void ParseState::Add(Diagnostic diagnostic) {
  if (diagnostics.size() >= static_cast<size_t>(options.diagnostics_max)) {
    ++diagnostics_dropped;
    return;
  }
  diagnostics.push_back(std::move(diagnostic));
}

std::string IdOf(const Element& element) {
  if (!element.id.empty()) return std::string(element.id);
  if (element.parent == nullptr || element.role == nullptr) return "";
  std::string id = IdOf(*element.parent);
  const size_t version = id.rfind(';');
  std::string segment = absl::StrCat(":_", element.role->name);
  if (element.role->plural()) absl::StrAppend(&segment, ":__", element.name);
  id.insert(version == std::string::npos ? id.size() : version, segment);
  return id;
}

Place PlaceOf(const Element& element, TextRange at) { return {element.document, at.begin, at.end}; }

Place PlaceOf(const Element& element, const JsonNode& node) {
  return PlaceOf(element, node.range());
}

Place KeyPlaceOf(const Element& element, const JsonNode& member) {
  return {element.document, member.key_begin, member.key_end};
}

Place PlaceOf(const Element& element) {
  if (!element.id_at.empty()) return PlaceOf(element, element.id_at);
  if (!element.name_at.empty()) return PlaceOf(element, element.name_at);
  if (element.at.empty()) return {};
  return {element.document, element.at.begin, element.at.begin + 1};
}

std::string Describe(const Element& element) {
  if (element.name.empty()) return absl::StrCat("the ", ClassName(element.cls));
  return absl::StrCat("the ", ClassName(element.cls), " '", element.name, "'");
}

std::string Describe(ClassSet classes, int version) {
  std::vector<absl::string_view> names;
  for (int i = 0; i < kClassCount; ++i) {
    const Class cls = static_cast<Class>(i);
    if (classes.Has(cls) && InVersions(ClassVersions(cls), version)) {
      names.push_back(ClassName(cls));
    }
  }
  if (classes == kSchemaClasses) return "a schema: a primitive one, Array, Enum, Map or Object";
  if (classes == kNumericSchemas) return "a numeric schema";
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : i + 1 == names.size() ? " or " : ", ", names[i]);
  }
  return text;
}

}  // namespace twin::dtdl
