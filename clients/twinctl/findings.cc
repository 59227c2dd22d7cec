#include "clients/twinctl/findings.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/twinctl/excerpt.h"
#include "models/dtdl/json.h"

namespace twin::twinctl {
namespace {

using dtdl::Diagnostic;
using dtdl::Severity;
using dtdl::Verdict;

constexpr char kUnresolved[] = "unresolved";
constexpr char kUnresolvedHint[] = "name the file that defines it, too";

constexpr size_t kNumberColumns = 5;

std::string UnresolvedMessage(absl::string_view id) {
  return absl::StrCat("'", id, "' is defined nowhere in these files");
}

// A finding in the form in which a person reads it.
struct Shown {
  absl::string_view label;  // "error"
  Tone tone = Tone::kError;
  std::string message = {};
  absl::string_view code = {};
  absl::string_view element = {};
  absl::string_view hint = {};
  int line = 1;
  int column = 1;
  size_t begin = 0;
  size_t end = 0;
};

// The line of the text with its number, and the mark below.
void ShowLine(const Shown& shown, const InputText& text, const Console& console) {
  const Style& style = console.err_style;
  std::string number = absl::StrCat(shown.line);
  number.insert(0, number.size() < kNumberColumns ? kNumberColumns - number.size() : 0, ' ');
  const std::string margin(number.size(), ' ');
  const int columns = console.err_columns;
  const int room = columns == 0 ? 0 : std::max(columns - static_cast<int>(number.size()) - 3, 1);
  const Excerpt excerpt = MakeExcerpt(text.text, shown.begin, shown.end, room);
  console.err << style.Paint(Tone::kFaint, number + " |") << ' ' << excerpt.line << '\n'
              << style.Paint(Tone::kFaint, margin + " |") << ' '
              << style.Paint(shown.tone, excerpt.mark) << '\n';
}

void Show(const Shown& shown, const InputText& text, const Console& console) {
  const Style& style = console.err_style;
  const std::string place = absl::StrCat(Printable(text.name), ":", shown.line, ":", shown.column);
  console.err << style.Paint(Tone::kStrong, place + ":") << ' '
              << style.Paint(shown.tone, absl::StrCat(shown.label, ":")) << ' '
              << style.Paint(Tone::kStrong, Printable(shown.message));
  if (!shown.code.empty()) {
    console.err << ' ' << style.Paint(Tone::kFaint, absl::StrCat("[", shown.code, "]"));
  }
  console.err << '\n';
  if (!shown.element.empty()) console.err << "  in " << Printable(shown.element) << '\n';

  ShowLine(shown, text, console);
  if (!shown.hint.empty()) {
    console.err << "  " << style.Paint(Tone::kHint, "hint:") << ' ' << Printable(shown.hint)
                << '\n';
  }
  console.err << '\n';
}

}  // namespace

std::string Count(int64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::vector<UndefinedReference> FindUndefinedReferences(const std::vector<InputText>& texts,
                                                        const std::vector<std::string>& undefined) {
  std::vector<UndefinedReference> references;
  if (undefined.empty()) return references;
  const absl::flat_hash_set<absl::string_view> wanted(undefined.begin(), undefined.end());
  dtdl::JsonParser parser;
  for (uint32_t i = 0; i < texts.size(); ++i) {
    dtdl::JsonError error;
    const auto document = dtdl::JsonDocument::Parse(texts[i].text, parser, &error);
    if (document == nullptr) continue;
    dtdl::TextPosition position;
    size_t offset = 0;
    const dtdl::JsonNode* const root = &document->root();
    for (const dtdl::JsonNode* node = root; node != root + root->skip; ++node) {
      if (!node->is_string() || !wanted.contains(node->text)) continue;
      const dtdl::TextPosition step =
          dtdl::PositionOf(document->text().substr(offset), node->begin - offset);
      position.column = step.line == 1 ? position.column + step.column - 1 : step.column;
      position.line += step.line - 1;
      offset = node->begin;
      references.push_back({.id = std::string(node->text),
                            .document = i,
                            .line = position.line,
                            .column = position.column,
                            .begin = node->begin,
                            .end = node->end});
    }
  }
  return references;
}

Findings::Findings(const std::vector<InputText>* texts, const dtdl::ParseResult* result)
    : texts_(*texts),
      result_(*result),
      references_(FindUndefinedReferences(*texts, result->unresolved)) {
  for (const Diagnostic& diagnostic : result_.diagnostics) {
    ++(diagnostic.severity == Severity::kError ? errors_ : warnings_);
  }
}

void Findings::Print(const Console& console, bool warnings) const {
  for (const Diagnostic& diagnostic : result_.diagnostics) {
    const bool error = diagnostic.severity == Severity::kError;
    if (!error && !warnings) continue;
    Show({.label = error ? "error" : "warning",
          .tone = error ? Tone::kError : Tone::kWarning,
          .message = diagnostic.message,
          .code = diagnostic.code,
          .element = diagnostic.element,
          .hint = diagnostic.hint,
          .line = diagnostic.line,
          .column = diagnostic.column,
          .begin = diagnostic.begin,
          .end = diagnostic.end},
         texts_[diagnostic.document], console);
  }
  std::map<absl::string_view, int> places;
  for (const UndefinedReference& reference : references_) ++places[reference.id];
  for (const UndefinedReference& reference : references_) {
    const int more = places[reference.id] - 1;
    if (more < 0) continue;  // shown already
    places[reference.id] = 0;
    std::string message = UnresolvedMessage(reference.id);
    if (more > 0) absl::StrAppend(&message, " (and ", Count(more, "more place"), ")");
    Show({.label = kUnresolved,
          .tone = Tone::kWarning,
          .message = message,
          .hint = kUnresolvedHint,
          .line = reference.line,
          .column = reference.column,
          .begin = reference.begin,
          .end = reference.end},
         texts_[reference.document], console);
  }
  if (result_.diagnostics_dropped > 0) {
    console.err << Count(result_.diagnostics_dropped, "more finding") << " not shown\n\n";
  }
}

std::string Findings::Summary() const {
  const std::string warnings =
      absl::StrCat(warnings_ > 0 ? absl::StrCat(", ", Count(warnings_, "warning")) : "",
                   result_.diagnostics_dropped > 0
                       ? absl::StrCat(", ", Count(result_.diagnostics_dropped, "more finding"))
                       : "");
  if (valid()) {
    std::set<int> versions;
    for (const dtdl::Interface* interface : result_.models->interfaces()) {
      versions.insert(interface->language_version);
    }
    const std::string dtdl =
        versions.empty() ? "" : absl::StrCat(" (DTDL ", absl::StrJoin(versions, ", "), ")");
    return absl::StrCat(Count(CountInterfaces(), "interface"), " valid", dtdl, warnings);
  }
  std::set<uint32_t> documents;
  for (const Diagnostic& diagnostic : result_.diagnostics) documents.insert(diagnostic.document);
  for (const UndefinedReference& reference : references_) documents.insert(reference.document);
  const std::string where = absl::StrCat(" in ", documents.size(), " of ",
                                         Count(static_cast<int64_t>(texts_.size()), "file"));
  std::string unresolved;
  if (!result_.unresolved.empty()) {
    unresolved =
        absl::StrCat(Count(static_cast<int64_t>(result_.unresolved.size()), "undefined id"));
  }
  if (result_.verdict == Verdict::kIncomplete) {
    return absl::StrCat("incomplete: ", unresolved, warnings, where);
  }
  return absl::StrCat(Count(errors_, "error"), warnings, unresolved.empty() ? "" : ", ", unresolved,
                      where);
}

int Findings::CountInterfaces() const {
  if (result_.models != nullptr) return static_cast<int>(result_.models->interfaces().size());
  int count = 0;
  dtdl::JsonParser parser;
  for (const InputText& text : texts_) {
    dtdl::JsonError error;
    const auto document = dtdl::JsonDocument::Parse(text.text, parser, &error);
    if (document == nullptr) continue;
    const dtdl::JsonNode& root = document->root();
    count += root.is_array() ? static_cast<int>(root.count) : root.is_object() ? 1 : 0;
  }
  return count;
}

Json Findings::Row(const Diagnostic& diagnostic) const {
  return {{"code", std::string(diagnostic.code)},
          {"id", diagnostic.element},
          {"message", diagnostic.message},
          {"hint", diagnostic.hint},
          {"file", texts_[diagnostic.document].name},
          {"line", diagnostic.line},
          {"column", diagnostic.column},
          {"severity", diagnostic.severity == Severity::kError ? "error" : "warning"}};
}

Json Findings::Row(const UndefinedReference& reference) const {
  return {{"code", ""},
          {"id", reference.id},
          {"message", UnresolvedMessage(reference.id)},
          {"hint", kUnresolvedHint},
          {"file", texts_[reference.document].name},
          {"line", reference.line},
          {"column", reference.column},
          {"severity", kUnresolved}};
}

Data Findings::AsData() const {
  Data data = {.document = {{"verdict", std::string(dtdl::VerdictName(result_.verdict))},
                            {"errors", Json::array()},
                            {"warnings", Json::array()},
                            {"unresolved", result_.unresolved},
                            {"references", Json::array()},
                            {"dropped", result_.diagnostics_dropped},
                            {"interfaces", CountInterfaces()}},
               .rows = Json::array(),
               .columns = ColumnsOfKeys(
                   {"code", "id", "message", "hint", "file", "line", "column", "severity"})};
  for (const Diagnostic& diagnostic : result_.diagnostics) {
    const bool error = diagnostic.severity == Severity::kError;
    data.rows.push_back(Row(diagnostic));
    data.document[error ? "errors" : "warnings"].push_back(data.rows.back());
  }
  for (const UndefinedReference& reference : references_) {
    data.rows.push_back(Row(reference));
    data.document["references"].push_back({{"id", reference.id},
                                           {"file", texts_[reference.document].name},
                                           {"line", reference.line},
                                           {"column", reference.column}});
  }
  return data;
}

}  // namespace twin::twinctl
