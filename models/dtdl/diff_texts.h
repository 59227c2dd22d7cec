// For tests of what changed between models: models as texts, changes as lines.
#ifndef TWIN_MODELS_DTDL_DIFF_TEXTS_H_
#define TWIN_MODELS_DTDL_DIFF_TEXTS_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "models/dtdl/diff.h"
#include "models/dtdl/parse.h"

namespace twin::dtdl::diff_texts {

using Lines = std::vector<std::string>;
using Models = std::shared_ptr<const ModelSet>;

// Models are written with ' for ", which reads better in C++.
inline Models ParseModels(absl::string_view text) {
  const std::string json = absl::StrReplaceAll(text, {{"'", "\""}});
  const ParseResult result = Parse({{"test.json", json}});
  for (const Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.severity == Severity::kError)
      ADD_FAILURE() << FullMessage(diagnostic) << "\n" << json;
  }
  return result.models;
}

inline constexpr absl::string_view kContext =
    "['dtmi:dtdl:context;4', 'dtmi:dtdl:extension:quantitativeTypes;2',"
    " 'dtmi:dtdl:extension:historization;2', 'dtmi:dtdl:extension:requirement;2',"
    " 'dtmi:dtdl:extension:annotation;2', 'dtmi:dtdl:extension:overriding;2',"
    " 'dtmi:dtdl:extension:mqtt;4', 'dtmi:iotoperations:context;4']";

// An Interface: its id, other members ("'extends': 'dtmi:t:B;1'") and its contents.
inline std::string Model(absl::string_view id, absl::string_view contents,
                         absl::string_view more = "") {
  return absl::StrCat("{'@context': ", kContext, ", '@type': 'Interface', '@id': '", id,
                      "', 'contents': [", contents, "]", more.empty() ? "" : ", ", more, "}");
}

// What Components and targets are named by.
inline std::string Others() {
  return absl::StrJoin(
      {Model("dtmi:t:Part;1", "{'@type': 'Property', 'name': 'serial', 'schema': 'string'}"),
       Model("dtmi:t:Part;2",
             "{'@type': 'Property', 'name': 'serial', 'schema': 'string'},"
             "{'@type': ['Property', 'Required'], 'name': 'maker', 'schema': 'string'}"),
       Model("dtmi:t:Other;1", "")},
      ", ");
}

inline std::string Line(const ModelChange& change) {
  return absl::StrCat(CompatibilityName(change.compatibility), " ", change.path, ": ", change.what,
                      change.migration.empty() ? "" : " -> ", change.migration);
}

inline Lines LinesOf(const ModelDiff& diff) {
  Lines lines;
  for (const ModelChange& change : diff.changes) lines.push_back(Line(change));
  return lines;
}

// A content of these types: "'Property', 'Required'".
inline std::string Typed(absl::string_view types, absl::string_view name,
                         absl::string_view members) {
  return absl::StrCat("{'@type': [", types, "], 'name': '", name, "'", members.empty() ? "" : ", ",
                      members, "}");
}
inline std::string Schema(absl::string_view schema) { return absl::StrCat("'schema': ", schema); }
inline std::string Property(absl::string_view name, absl::string_view schema) {
  return Typed("'Property'", name, Schema(schema));
}
inline std::string X(absl::string_view schema) { return Property("x", schema); }
inline std::string Object(absl::string_view fields) {
  return absl::StrCat("{'@type': 'Object', 'fields': [", fields, "]}");
}
inline std::string Field(absl::string_view name, absl::string_view schema) {
  return Typed("'Field'", name, Schema(schema));
}
inline std::string RequiredField(absl::string_view name, absl::string_view schema) {
  return Typed("'Field', 'Required'", name, Schema(schema));
}
inline std::string Array(absl::string_view schema) {
  return absl::StrCat("{'@type': 'Array', 'elementSchema': ", schema, "}");
}
inline std::string Map(absl::string_view schema, absl::string_view key = "k",
                       absl::string_view value = "v") {
  return absl::StrCat("{'@type': 'Map', 'mapKey': {'name': '", key,
                      "', 'schema': 'string'}, 'mapValue': {'name': '", value,
                      "', 'schema': ", schema, "}}");
}
inline std::string Enum(absl::string_view type, absl::string_view values) {
  return absl::StrCat("{'@type': 'Enum', 'valueSchema': '", type, "', 'enumValues': [", values,
                      "]}");
}
inline std::string Value(absl::string_view name, absl::string_view value) {
  return absl::StrCat("{'name': '", name, "', 'enumValue': ", value, "}");
}
inline std::string Relationship(absl::string_view members) {
  return Typed("'Relationship'", "r", members);
}
inline std::string Component(absl::string_view id) {
  return Typed("'Component'", "part", Schema(absl::StrCat("'", id, "'")));
}
inline std::string Command(absl::string_view members) {
  return Typed("'Command'", "reset", members);
}

}  // namespace twin::dtdl::diff_texts

#endif  // TWIN_MODELS_DTDL_DIFF_TEXTS_H_
