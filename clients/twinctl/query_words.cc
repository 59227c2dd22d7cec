#include "clients/twinctl/query_words.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "clients/twinctl/query_text.h"
#include "models/dtdl/parse.h"
#include "query/ast/functions.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr int32_t kPageSize = 1000;

constexpr std::array<absl::string_view, 62> kKeywords = {"ALL",
                                                         "AND",
                                                         "ANY",
                                                         "AS",
                                                         "ASC",
                                                         "BETWEEN",
                                                         "BY",
                                                         "CASE",
                                                         "DESC",
                                                         "DIGITALTWINS",
                                                         "DISTINCT",
                                                         "ELSE",
                                                         "END",
                                                         "EVERY",
                                                         "EXISTS",
                                                         "EXPLAIN",
                                                         "FALSE",
                                                         "FILL",
                                                         "FIRST",
                                                         "FROM",
                                                         "GAP",
                                                         "GROUP",
                                                         "HAVING",
                                                         "HISTORY",
                                                         "IN",
                                                         "IS",
                                                         "JOIN",
                                                         "LAST",
                                                         "LIKE",
                                                         "LIMIT",
                                                         "LINEAR",
                                                         "MATCH",
                                                         "MAX",
                                                         "NIN",
                                                         "NOT",
                                                         "NULL",
                                                         "NULLS",
                                                         "OF",
                                                         "OFFSET",
                                                         "OPTIONAL",
                                                         "OR",
                                                         "ORDER",
                                                         "OVER",
                                                         "PARTITION",
                                                         "PREVIOUS",
                                                         "PROFILE",
                                                         "QUALIFY",
                                                         "RELATED",
                                                         "RELATIONSHIPS",
                                                         "SELECT",
                                                         "SINCE",
                                                         "THEN",
                                                         "TO",
                                                         "TOP",
                                                         "TRUE",
                                                         "WHEN",
                                                         "WHERE",
                                                         "WITH",
                                                         "$dtId",
                                                         "$etag",
                                                         "$metadata",
                                                         "$relationshipName"};

constexpr std::array<absl::string_view, 7> kSystemMembers = {
    "$dtId",     "$etag",     "$metadata",        "$relationshipId",
    "$sourceId", "$targetId", "$relationshipName"};

void AddMatches(const std::set<std::string>& words, absl::string_view typed,
                std::set<std::string>* found) {
  for (const std::string& word : words) {
    if (absl::StartsWith(word, typed)) found->insert(word);
  }
}

// Keywords and functions: in capitals, unless what is typed has none.
void AddKeyword(absl::string_view word, absl::string_view typed, std::set<std::string>* found) {
  if (!absl::StartsWithIgnoreCase(word, typed)) return;
  const bool small = !typed.empty() && std::none_of(typed.begin(), typed.end(), [](char c) {
    return absl::ascii_isupper(static_cast<unsigned char>(c));
  });
  if (word[0] == '$') {
    found->emplace(word);
  } else {
    found->insert(small ? absl::AsciiStrToLower(word) : std::string(word));
  }
}

// "BatteryCell" of "dtmi:com:example:BatteryCell;1".
absl::string_view NameOf(absl::string_view id) {
  const absl::string_view family = id.substr(0, id.find(';'));
  return family.substr(family.rfind(':') + 1);
}

}  // namespace

void QueryWords::Add(const dtdl::ModelSet& models) {
  for (const dtdl::Interface* interface : models.interfaces()) {
    model_ids.emplace(interface->id);
    model_names.emplace(NameOf(interface->id));
    for (const dtdl::ValuePath& path : dtdl::ModelSet::FlattenPaths(*interface)) {
      for (const absl::string_view name : absl::StrSplit(path.path, '.')) {
        properties.emplace(name);
      }
    }
    for (const dtdl::Content* content : interface->contents) {
      if (content->kind != dtdl::Class::kRelationship) continue;
      relationships.emplace(content->name);
      for (const dtdl::Content& property : content->properties) properties.emplace(property.name);
    }
  }
}

absl::StatusOr<QueryWords> FetchQueryWords(client::Client* client) {
  std::vector<v1::Model> models;
  v1::ListModelsRequest request;
  request.set_page_size(kPageSize);
  request.set_with_text(true);
  do {
    absl::StatusOr<v1::ListModelsResponse> response = client->ListModels(request);
    if (!response.ok()) return response.status();
    for (v1::Model& model : *response->mutable_models()) models.push_back(std::move(model));
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty());
  std::vector<dtdl::Source> sources;
  sources.reserve(models.size());
  QueryWords words;
  for (const v1::Model& model : models) {
    sources.push_back({model.id(), model.text()});
    words.model_ids.insert(model.id());
    words.model_names.emplace(NameOf(model.id()));
  }
  // What a server has is valid; a server with newer rules still gives the models' names.
  dtdl::ParseOptions options;
  options.undefined_extensions = dtdl::UndefinedExtensions::kAllow;
  const dtdl::ParseResult result = dtdl::Parse(sources, options);
  if (result.models != nullptr) words.Add(*result.models);
  return words;
}

Completion Complete(absl::string_view text, const QueryWords& words) {
  const TextContext context = ContextOf(text);
  const absl::string_view typed = text.substr(context.begin);
  std::set<std::string> found;
  switch (context.kind) {
    case TextContext::Kind::kWord:
      for (const absl::string_view word : kKeywords) AddKeyword(word, typed, &found);
      for (const query::FunctionInfo& function : query::Functions()) {
        AddKeyword(function.name, typed, &found);
      }
      if (!typed.empty()) AddMatches(words.properties, typed, &found);
      break;
    case TextContext::Kind::kMember:
      for (const absl::string_view word : kSystemMembers) {
        if (absl::StartsWith(word, typed)) found.emplace(word);
      }
      AddMatches(words.properties, typed, &found);
      AddMatches(words.relationships, typed, &found);
      break;
    case TextContext::Kind::kRelationship:
      AddMatches(words.relationships, typed, &found);
      break;
    case TextContext::Kind::kModel:
      AddMatches(words.model_names, typed, &found);
      break;
    case TextContext::Kind::kString:
      if (absl::StartsWith(typed, "d")) AddMatches(words.model_ids, typed, &found);
      break;
  }
  return {.begin = context.begin, .candidates = {found.begin(), found.end()}};
}

std::string CommonPrefix(const std::vector<std::string>& words) {
  if (words.empty()) return "";
  std::string prefix = words.front();
  for (const std::string& word : words) {
    const auto [end, unused] =
        std::mismatch(prefix.begin(), prefix.end(), word.begin(), word.end());
    prefix.erase(end, prefix.end());
  }
  // Not half a character.
  const auto is_inside = [&](size_t at) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return at < word.size() && (static_cast<unsigned char>(word[at]) & 0xC0) == 0x80;
    });
  };
  while (!prefix.empty() && is_inside(prefix.size())) prefix.pop_back();
  return prefix;
}

}  // namespace twin::twinctl
