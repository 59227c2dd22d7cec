#include "models/dtdl/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace twin::dtdl {

// Numbers stay tokens, so that 3.0 is not 3; strings are checked to be UTF-8. The reader refuses
// numbers that no double can hold, which RFC 8259 leaves to it.
constexpr unsigned kParseFlags =
    rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;

struct JsonParser::Buffers {
  rapidjson::Reader reader;
  std::vector<JsonNode> nodes;  // of a tree that was dropped: empty, but with its memory
};

JsonParser::JsonParser() : buffers_(std::make_unique<Buffers>()) {}
JsonParser::~JsonParser() = default;

const JsonNode* JsonNode::Find(absl::string_view name) const {
  if (!is_object()) return nullptr;
  for (const JsonNode& member : Children(*this)) {
    if (member.key == name) return &member;
  }
  return nullptr;
}

TextPosition PositionOf(absl::string_view text, size_t offset) {
  if (offset > text.size()) offset = text.size();
  TextPosition position;
  for (size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++position.column;  // Continuation bytes belong to the code point before them.
    }
  }
  return position;
}

// Receives RapidJSON's events and appends a node for each value.
class JsonTreeBuilder {
 public:
  JsonTreeBuilder(JsonDocument* document, Arena* arena, const rapidjson::StringStream& stream,
                  const JsonLimits& limits)
      : document_(*document),
        arena_(*arena),
        text_(document->text_.data()),
        stream_(stream),
        limits_(limits) {}

  // Of these two the reader tells when it stands behind them, of the other scalars when it still
  // stands before them.
  bool Null() { return Literal(JsonKind::kNull, 4); }
  bool Bool(bool value) {
    return value ? Literal(JsonKind::kTrue, 4) : Literal(JsonKind::kFalse, 5);
  }
  bool RawNumber(const char*, rapidjson::SizeType length, bool) {
    const uint32_t begin = Here();
    JsonNode* const node = NewNode(JsonKind::kNumber, begin);
    node->end = begin + length;
    node->text = {text_ + begin, length};
    return true;
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    const uint32_t begin = Here();
    JsonNode* const node = NewNode(JsonKind::kString, begin);
    node->text = StringAt(begin, text, length, &node->end);
    return valid_;
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    key_begin_ = Here();
    key_ = StringAt(key_begin_, text, length, &key_end_);
    return valid_;
  }
  bool StartObject() { return Start(JsonKind::kObject); }
  bool StartArray() { return Start(JsonKind::kArray); }
  bool EndObject(rapidjson::SizeType count) { return End(count); }
  bool EndArray(rapidjson::SizeType count) { return End(count); }

  // RapidJSON asks for these too; with numbers as tokens it does not call them.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }

  // Why the builder stopped the reader; empty when it did not.
  const std::string& stopped() const { return stopped_; }

 private:
  uint32_t Here() const { return static_cast<uint32_t>(stream_.Tell()); }

  JsonNode* NewNode(JsonKind kind, uint32_t begin) {
    JsonNode& node = document_.nodes_.emplace_back();
    node.kind = kind;
    node.begin = begin;
    node.key = std::exchange(key_, {});
    node.key_begin = key_begin_;
    node.key_end = key_end_;
    return &node;
  }

  bool Literal(JsonKind kind, uint32_t length) {
    NewNode(kind, Here() - length)->end = Here();
    return true;
  }

  bool Start(JsonKind kind) {
    if (static_cast<int>(open_.size()) >= limits_.depth_max) {
      stopped_ = absl::StrCat("arrays and objects are nested deeper than ", limits_.depth_max);
      return false;
    }
    open_.push_back(static_cast<uint32_t>(document_.nodes_.size()));
    NewNode(kind, Here() - 1);
    return true;
  }

  bool End(uint32_t count) {
    JsonNode& node = document_.nodes_[open_.back()];
    node.end = Here();
    node.count = count;
    node.skip = static_cast<uint32_t>(document_.nodes_.size()) - open_.back();
    open_.pop_back();
    return true;
  }

  // The value of the string token at `begin`: a view of the text unless escapes make it another
  // one. Sets `end` to one past the closing quote.
  absl::string_view StringAt(uint32_t begin, const char* text, size_t length, uint32_t* end) {
    const char* const first = text_ + begin + 1;
    if (first[length] == '"' && std::memchr(first, '\\', length) == nullptr) {
      *end = begin + static_cast<uint32_t>(length) + 2;
      return {first, length};
    }
    const char* at = first;
    while (*at != '"') at += *at == '\\' ? 2 : 1;
    *end = static_cast<uint32_t>(at - text_) + 1;
    const absl::string_view kept = arena_.Copy({text, length});
    // RapidJSON lets the second half of a surrogate pair stand alone, which is no UTF-8.
    for (size_t i = 0; i + 1 < kept.size(); ++i) {
      if (kept[i] == '\xED' && static_cast<unsigned char>(kept[i + 1]) >= 0xA0) {
        stopped_ = "an escape is half of a surrogate pair";
        valid_ = false;
      }
    }
    return kept;
  }

  JsonDocument& document_;
  Arena& arena_;
  const char* const text_;
  const rapidjson::StringStream& stream_;
  const JsonLimits limits_;
  std::vector<uint32_t> open_;  // the containers around the current token
  absl::string_view key_;       // of the member whose value comes next
  uint32_t key_begin_ = 0;
  uint32_t key_end_ = 0;
  bool valid_ = true;
  std::string stopped_;
};

void JsonDocument::Recycle(std::unique_ptr<JsonDocument> document, JsonParser& parser) {
  document->nodes_.clear();
  parser.buffers_->nodes = std::move(document->nodes_);
}

std::unique_ptr<JsonDocument> JsonDocument::Parse(absl::string_view text, JsonParser& parser,
                                                  JsonError* error, const JsonLimits& limits,
                                                  Arena* arena) {
  if (text.size() > limits.text_bytes_max) {
    *error = {absl::StrCat("the text is ", text.size(), " bytes long; at most ",
                           limits.text_bytes_max, " are allowed"),
              0};
    return nullptr;
  }
  std::unique_ptr<JsonDocument> document(new JsonDocument());
  if (arena == nullptr) {
    document->own_arena_ = std::make_unique<Arena>();
    arena = document->own_arena_.get();
  }
  // Several zero bytes at the end: the check of a character that is cut short reads on past one.
  constexpr size_t kPadding = 8;
  document->text_ = arena->Copy(text, kPadding);
  document->nodes_ = std::exchange(parser.buffers_->nodes, {});
  document->nodes_.reserve(text.size() / 24 + 4);

  rapidjson::StringStream stream(document->text_.data());
  JsonTreeBuilder builder(document.get(), arena, stream, limits);
  const rapidjson::ParseResult result = parser.buffers_->reader.Parse<kParseFlags>(stream, builder);
  if (result.IsError()) {
    const uint32_t offset = static_cast<uint32_t>(std::min(result.Offset(), text.size()));
    std::string reason = builder.stopped();
    if (reason.empty()) reason = rapidjson::GetParseError_En(result.Code());
    *error = {std::string(absl::StripSuffix(reason, ".")), offset};
    return nullptr;
  }
  if (stream.Tell() != text.size()) {  // the reader takes a zero byte for the end
    *error = {"a zero byte stands in the text", static_cast<uint32_t>(stream.Tell())};
    return nullptr;
  }
  return document;
}

}  // namespace twin::dtdl
