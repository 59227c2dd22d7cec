// A JSON text as a tree that remembers where everything stands: RapidJSON's reader finds and checks
// the tokens, this keeps their offsets, the number tokens as written and duplicate members, which
// checks of models and messages with line and column need and RapidJSON's own tree drops.
#ifndef TWIN_MODELS_DTDL_JSON_H_
#define TWIN_MODELS_DTDL_JSON_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "models/dtdl/arena.h"

namespace twin::dtdl {

// A piece of a text: from the offset of its first byte to one past its last.
struct TextRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool empty() const { return end == 0; }
};

enum class JsonKind : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

// One value, stored in preorder: the first child of a container is the next node, and the next
// sibling of a node is `skip` nodes further.
struct JsonNode {
  JsonKind kind = JsonKind::kNull;
  uint32_t begin = 0;      // offset of the value's first byte in the text
  uint32_t end = 0;        // one past its last byte
  uint32_t key_begin = 0;  // of a member: offset of the quote that opens its name
  uint32_t key_end = 0;    // one past the quote that closes it
  uint32_t count = 0;      // of a container: number of elements or members
  uint32_t skip = 1;       // number of nodes of this subtree
  absl::string_view key;   // of a member: its name, unescaped
  absl::string_view text;  // of a string: its value, unescaped; of a number: the token as written

  TextRange range() const { return {begin, end}; }
  bool is_string() const { return kind == JsonKind::kString; }
  bool is_number() const { return kind == JsonKind::kNumber; }
  bool is_array() const { return kind == JsonKind::kArray; }
  bool is_object() const { return kind == JsonKind::kObject; }
  bool is_null() const { return kind == JsonKind::kNull; }
  bool is_boolean() const { return kind == JsonKind::kFalse || kind == JsonKind::kTrue; }

  // First member of this object with that name, or nullptr (also when this is no object).
  const JsonNode* Find(absl::string_view name) const;
};

// The children of a container (none of anything else), for range-for.
class JsonChildren {
 public:
  class Iterator {
   public:
    Iterator(const JsonNode* node, uint32_t left) : node_(node), left_(left) {}
    const JsonNode& operator*() const { return *node_; }
    Iterator& operator++() {
      node_ += node_->skip;
      --left_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return left_ != other.left_; }

   private:
    const JsonNode* node_;
    uint32_t left_;
  };
  explicit JsonChildren(const JsonNode& parent) : parent_(parent) {}
  Iterator begin() const { return {&parent_ + 1, parent_.count}; }
  Iterator end() const { return {nullptr, 0}; }

 private:
  const JsonNode& parent_;
};
inline JsonChildren Children(const JsonNode& node) { return JsonChildren(node); }

struct JsonLimits {
  int depth_max = 256;                   // nested arrays and objects
  uint32_t text_bytes_max = 256u << 20;  // one text
};

// What is wrong with a text that is not JSON, and where.
struct JsonError {
  std::string message;
  uint32_t offset = 0;
};

// Line and column of an offset, both from 1; a column counts code points, as editors do.
struct TextPosition {
  int line = 1;
  int column = 1;
};
TextPosition PositionOf(absl::string_view text, size_t offset);

class JsonParser;

// An immutable JSON text with its tree. Owns the text; nodes and views live as long as it does.
// Thread-compatible: any number of threads may read it.
class JsonDocument {
 public:
  // Parses a whole text: RFC 8259, UTF-8, exactly one value, no comments, no trailing commas, no
  // byte-order mark. On failure returns nullptr and fills `error`.
  // `parser` may be reused for many texts by one thread, which saves its buffers' allocation.
  // With an `arena` the text and all views of nodes live as long as that, and the document may end
  // before.
  static std::unique_ptr<JsonDocument> Parse(absl::string_view text, JsonParser& parser,
                                             JsonError* error, const JsonLimits& limits = {},
                                             Arena* arena = nullptr);

  // Ends the document and gives the memory of its tree to `parser` for its next text: who reads
  // many texts, one after the other, then finds it in the caches.
  static void Recycle(std::unique_ptr<JsonDocument> document, JsonParser& parser);

  const JsonNode& root() const { return nodes_.front(); }
  absl::string_view text() const { return text_; }
  absl::string_view TextOf(TextRange range) const {
    return text().substr(range.begin, range.end - range.begin);
  }
  absl::string_view TextOf(const JsonNode& node) const { return TextOf(node.range()); }

 private:
  friend class JsonTreeBuilder;
  JsonDocument() = default;

  std::unique_ptr<Arena> own_arena_;  // when it was given none
  absl::string_view text_;            // ends in zero bytes
  std::vector<JsonNode> nodes_;
};

// The reader's buffers. Thread-compatible.
class JsonParser {
 public:
  JsonParser();
  ~JsonParser();

 private:
  friend class JsonDocument;
  friend class JsonTreeBuilder;
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_JSON_H_
