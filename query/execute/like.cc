#include "query/execute/like.h"

#include "absl/strings/match.h"

namespace twin::query {
namespace {

// Bytes of the character at the text's start; malformed bytes count one by one.
size_t CharacterLength(absl::string_view text) {
  size_t length = 1;
  while (length < text.size() && length < 4 &&
         (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) {
    ++length;
  }
  return length;
}

}  // namespace

LikePattern::LikePattern(absl::string_view pattern) {
  Piece piece;
  bool has_any = false;
  bool after_percent = false;
  const auto end_piece = [&] {
    if (piece.text.empty()) return;
    if (!has_any) piece.any.clear();
    pieces_.push_back(std::move(piece));
    piece = Piece();
    has_any = false;
  };
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    after_percent = c == '%';
    if (c == '%') {
      if (pieces_.empty() && piece.text.empty()) open_start_ = true;
      end_piece();
      continue;
    }
    const bool any = c == '_';
    if (c == '\\' && i + 1 < pattern.size()) c = pattern[++i];
    piece.text.push_back(any ? '\0' : c);
    piece.any.push_back(any);
    has_any |= any;
  }
  end_piece();
  open_end_ = after_percent;
  if (pieces_.empty()) {
    kind_ = open_start_ ? Kind::kContains : Kind::kExact;
    pieces_.emplace_back();
    return;
  }
  if (pieces_.size() == 1 && pieces_[0].any.empty()) {
    if (open_start_) {
      kind_ = open_end_ ? Kind::kContains : Kind::kSuffix;
    } else {
      kind_ = open_end_ ? Kind::kPrefix : Kind::kExact;
    }
  }
}

bool LikePattern::Matches(absl::string_view text) const {
  switch (kind_) {
    case Kind::kExact:
      return text == pieces_[0].text;
    case Kind::kPrefix:
      return absl::StartsWith(text, pieces_[0].text);
    case Kind::kSuffix:
      return absl::EndsWith(text, pieces_[0].text);
    case Kind::kContains:
      return absl::StrContains(text, pieces_[0].text);
    case Kind::kGeneral:
      break;
  }
  return MatchesGeneral(text);
}

bool LikePattern::Piece::Starts(absl::string_view in, size_t* length) const {
  if (any.empty()) {
    *length = text.size();
    return absl::StartsWith(in, text);
  }
  const size_t size = in.size();
  for (size_t i = 0; i < text.size(); ++i) {
    if (in.empty()) return false;
    if (any[i]) {
      in.remove_prefix(CharacterLength(in));
    } else if (in[0] == text[i]) {
      in.remove_prefix(1);
    } else {
      return false;
    }
  }
  *length = size - in.size();
  return true;
}

size_t LikePattern::FindPiece(const Piece& piece, absl::string_view text, size_t from,
                              size_t* length) {
  if (piece.any.empty()) {
    *length = piece.text.size();
    return text.find(piece.text, from);
  }
  while (from <= text.size()) {
    if (piece.Starts(text.substr(from), length)) return from;
    if (from == text.size()) break;
    from += CharacterLength(text.substr(from));
  }
  return absl::string_view::npos;
}

// The first piece stands at the start, the last one at the end, where no % does; each of the others
// is taken as early as it can be, which leaves most to those after it.
bool LikePattern::MatchesGeneral(absl::string_view text) const {
  size_t at = 0;
  size_t first = 0;
  size_t end = pieces_.size();
  size_t length = 0;
  if (!open_start_) {
    if (!pieces_[0].Starts(text, &length)) return false;
    at = length;
    first = 1;
    if (end == 1) return open_end_ || at == text.size();
  }
  if (!open_end_) --end;
  for (size_t i = first; i < end; ++i) {
    at = FindPiece(pieces_[i], text, at, &length);
    if (at == absl::string_view::npos) return false;
    at += length;
  }
  if (open_end_) return true;
  // Where a piece of so many characters has to start: every _ is one, of one byte or more.
  const Piece& last = pieces_.back();
  size_t start = text.size();
  for (size_t i = last.text.size(); i-- > 0;) {
    if (start == 0) return false;
    --start;
    if (last.any.empty() || !last.any[i]) continue;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
  }
  return start >= at && last.Starts(text.substr(start), &length) && start + length == text.size();
}

}  // namespace twin::query
