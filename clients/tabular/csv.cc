#include "clients/tabular/csv.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace twin::tabular {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

bool CsvReader::Next() {
  if (!status_.ok()) return false;
  absl::string_view text;
  do {
    if (!lines_.Next()) {
      status_ = lines_.status();
      return false;
    }
    text = lines_.line();
    line_ = lines_.number();
    if (line_ == 1) text = absl::StripPrefix(text, kByteOrderMark);
  } while (text.empty());
  fields_.clear();
  if (text.find('"') != absl::string_view::npos) {
    record_ = std::string(text);
    return SplitQuoted();
  }
  for (size_t begin = 0;;) {
    const size_t end = text.find(',', begin);
    fields_.push_back({text.substr(begin, end - begin)});  // npos: the rest
    if (end == absl::string_view::npos) return true;
    begin = end + 1;
  }
}

// Splits record_, which grows by further lines while a quote is open.
bool CsvReader::SplitQuoted() {
  struct Part {
    size_t begin = 0;  // in texts_
    size_t size = 0;
    bool quoted = false;
  };
  std::vector<Part> parts;
  texts_.clear();
  size_t at = 0;
  while (true) {
    Part& part = parts.emplace_back();
    part.begin = texts_.size();
    part.quoted = at < record_.size() && record_[at] == '"';
    if (part.quoted) {
      for (++at;; ++at) {
        if (at >= record_.size()) {
          absl::StrAppend(&record_, lines_.line_end());
          if (!lines_.Next()) {
            status_ = lines_.status();
            if (status_.ok()) {
              status_ = absl::InvalidArgumentError(
                  absl::StrCat(lines_.name(), ":", line_, ": a quote is not closed"));
            }
            return false;
          }
          absl::StrAppend(&record_, lines_.line());
        }
        if (record_[at] == '"') {
          if (at + 1 >= record_.size() || record_[at + 1] != '"') break;
          ++at;
        }
        texts_ += record_[at];
      }
      ++at;
      if (at < record_.size() && record_[at] != ',') {
        status_ = absl::InvalidArgumentError(
            absl::StrCat(lines_.name(), ":", line_,
                         ": a quoted field is followed by something else than a comma"));
        return false;
      }
    } else {
      const size_t end = std::min(record_.find(',', at), record_.size());
      texts_.append(record_, at, end - at);
      at = end;
    }
    part.size = texts_.size() - part.begin;
    if (at >= record_.size()) break;
    ++at;  // the comma
  }
  for (const Part& part : parts) {
    fields_.push_back({absl::string_view(texts_).substr(part.begin, part.size), part.quoted});
  }
  return true;
}

void AppendCsvField(absl::string_view text, bool quoted, std::string* out) {
  if (!quoted && text.find_first_of(",\"\n\r") == absl::string_view::npos) {
    absl::StrAppend(out, text);
    return;
  }
  *out += '"';
  for (const char c : text) {
    if (c == '"') *out += '"';
    *out += c;
  }
  *out += '"';
}

}  // namespace twin::tabular
