// Reads JSON text of the form that most clients write: ASCII without escapes. What is not of that
// form, or is no JSON, is for ParseJson, which knows all forms and says what is wrong. Internal to
// server/api.
#ifndef TWIN_SERVER_API_PLAIN_JSON_H_
#define TWIN_SERVER_API_PLAIN_JSON_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/base/value.h"

namespace twin::api {

// Takes values off the front of a text, which outlives it and what it returns. Whatever it reads,
// ParseJson reads alike. After the first false nothing more can be read. Thread-compatible.
class PlainJson {
 public:
  explicit PlainJson(absl::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  // Calls visit(name) for each member, which reads the value behind it, or returns false. False
  // also for a name that is there twice.
  template <typename Visit>
  bool ReadObject(Visit visit);
  bool ReadString(absl::string_view* string) { return Skip('"') && ReadRestOfString(string); }
  bool ReadValue(Value* value);
  // Whether nothing is left but white space.
  bool done() {
    SkipSpace();
    return at_ == end_;
  }

 private:
  static constexpr size_t kMembersMax = 64;  // of an object

  // The names of an object, each once.
  class Names {
   public:
    bool Add(absl::string_view name);

   private:
    std::array<absl::string_view, kMembersMax> names_;
    size_t size_ = 0;
    uint64_t seen_ = 0;  // a bit for all names that are somewhat alike
  };

  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  bool Skip(char c) {
    SkipSpace();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool SkipWord(absl::string_view word);
  bool ReadRestOfString(absl::string_view* string);
  bool ReadNumber(Value* value);
  bool ReadArray(Value* value);
  bool ReadMap(Value* value);

  const char* at_;
  const char* const end_;
  int depth_ = 0;  // of what is read next
};

template <typename Visit>
bool PlainJson::ReadObject(Visit visit) {
  if (!Skip('{')) return false;
  if (Skip('}')) return true;
  ++depth_;
  Names names;
  do {
    absl::string_view name;
    if (!ReadString(&name) || !Skip(':') || !names.Add(name) || !visit(name)) return false;
  } while (Skip(','));
  --depth_;
  return Skip('}');
}

}  // namespace twin::api

#endif  // TWIN_SERVER_API_PLAIN_JSON_H_
