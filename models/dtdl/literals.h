// Literal values of members: strings, integers, booleans, numbers, durations, ids, and texts by
// language, in every form in which DTDL lets them be written. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_LITERALS_H_
#define TWIN_MODELS_DTDL_LITERALS_H_

#include <optional>
#include <string>
#include <vector>

#include "models/dtdl/parse_state.h"

namespace twin::dtdl {

// The int32 that a number is, however it is written (1.0 and 1e0 are 1 in models, as they are in
// the reference); nullopt for any other number or value.
std::optional<int> ToInt32(const JsonNode& node);

// Reads the values of the members of one element. Each call returns the scalar (for texts by
// language: the whole value), or nullptr when it has reported an error.
class LiteralReader {
 public:
  LiteralReader(ParseState* state, const Element& element) : state_(*state), element_(element) {}

  // `member` is the member as it stands in the element, `name` what it is called in messages.
  const JsonNode* ReadString(const JsonNode& member, absl::string_view name, const Limit& length,
                             bool required);
  const JsonNode* ReadInteger(const JsonNode& member, absl::string_view name, bool required);
  const JsonNode* ReadBoolean(const JsonNode& member, absl::string_view name);
  const JsonNode* ReadNumber(const JsonNode& member, absl::string_view name);
  const JsonNode* ReadDuration(const JsonNode& member, absl::string_view name);
  const JsonNode* ReadLiteral(const JsonNode& member, absl::string_view name);
  const JsonNode* ReadDtmi(const JsonNode& member, absl::string_view name);
  const JsonNode* ReadLangString(const JsonNode& member, absl::string_view name,
                                 const Limit& length);

  const JsonNode* Fail(absl::string_view code, const JsonNode& node, std::string message,
                       std::string hint = "");
  // The same about the name of a member.
  const JsonNode* FailAtKey(absl::string_view code, const JsonNode& member, std::string message,
                            std::string hint = "");
  void Warn(absl::string_view code, const JsonNode& node, std::string message, std::string hint);

 private:
  struct Kind;
  // The scalar behind `member`: itself, the one element of an array, or the "@value" of an object.
  // Null without an error means: an empty array.
  const JsonNode* Unwrap(const JsonNode& member, absl::string_view name, const Kind& kind,
                         bool required, bool* failed);
  const JsonNode* UnwrapObject(const JsonNode& object, absl::string_view name, const Kind& kind);
  bool CheckText(const JsonNode& node, absl::string_view name, const Limit& length);
  bool ReadLanguageMap(const JsonNode& map, absl::string_view name, const Limit& length);
  struct TaggedText {
    absl::string_view language;
    const JsonNode* node;
  };
  bool CheckLanguages(absl::string_view name, absl::string_view code,
                      std::vector<TaggedText>* texts);
  bool ReadLanguageArray(const JsonNode& array, absl::string_view name, const Limit& length);
  bool ReadLanguageObject(const JsonNode& object, absl::string_view name, const Limit& length,
                          absl::string_view* language);

  ParseState& state_;
  const Element& element_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_LITERALS_H_
