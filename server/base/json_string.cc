#include "server/base/json_string.h"

namespace twin {

void AppendJsonString(absl::string_view string, std::string* text) {
  static constexpr char kHex[] = "0123456789abcdef";
  text->push_back('"');
  size_t start = 0;
  for (size_t i = 0; i < string.size(); ++i) {
    const auto c = static_cast<unsigned char>(string[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    text->append(string.data() + start, i - start);
    start = i + 1;
    text->push_back('\\');
    switch (c) {
      case '\n':
        text->push_back('n');
        break;
      case '\t':
        text->push_back('t');
        break;
      case '\r':
        text->push_back('r');
        break;
      case '"':
      case '\\':
        text->push_back(static_cast<char>(c));
        break;
      default:
        text->append("u00");
        text->push_back(kHex[c >> 4]);
        text->push_back(kHex[c & 15]);
    }
  }
  text->append(string.data() + start, string.size() - start);
  text->push_back('"');
}

}  // namespace twin
