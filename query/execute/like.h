// Patterns of LIKE.
#ifndef TWIN_QUERY_EXECUTE_LIKE_H_
#define TWIN_QUERY_EXECUTE_LIKE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace twin::query {

// A pattern ready for many texts: % is any text, also none; _ is one character (a code point); a
// backslash takes the next character as it is (one at the end stands for itself). Case-sensitive.
// Immutable.
class LikePattern {
 public:
  explicit LikePattern(absl::string_view pattern);
  // Cost: linear in the text where the pattern has no more than a % at each end; else at most the
  // text's length times that of the longest piece between two %.
  bool Matches(absl::string_view text) const;

 private:
  enum class Kind { kExact, kPrefix, kSuffix, kContains, kGeneral };
  // What stands between two %: bytes to be found, and where among them a _ stands for one
  // character.
  struct Piece {
    std::string text;       // '\0' in the place of a _
    std::vector<bool> any;  // by byte of text; empty: no _
    bool Starts(absl::string_view text, size_t* length) const;
  };
  bool MatchesGeneral(absl::string_view text) const;
  // The first match at or after `from`; npos: none.
  static size_t FindPiece(const Piece& piece, absl::string_view text, size_t from, size_t* length);

  Kind kind_ = Kind::kGeneral;
  std::vector<Piece> pieces_;
  bool open_start_ = false;  // the pattern starts, or ends, with a %
  bool open_end_ = false;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_LIKE_H_
