#include "clients/twinctl/models_cases.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clients/twinctl/models_options.h"
#include "models/dtdl/values.h"

namespace twin::twinctl {
namespace {

using dtdl::JsonNode;

// The models of a case may be nested as deep as Parse cares to look, and deeper: it says so then.
constexpr int kLineDepthMax = 1000;

struct Instance {
  absl::string_view subject;
  absl::string_view text;  // of the value
};

// Views point into the line's document.
struct Case {
  std::vector<dtdl::Source> models;
  dtdl::ParseOptions options;
  std::vector<Instance> instances;
};

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status ReadOption(const JsonNode& option, dtdl::ParseOptions* options) {
  if (option.is_null()) return absl::OkStatus();
  if (option.key == "undefined_extensions") {
    if (option.text != "default" && option.text != "allow" && option.text != "disallow") {
      return Wrong("option 'undefined_extensions' is \"default\", \"allow\" or \"disallow\"");
    }
    options->undefined_extensions = UndefinedExtensionsOf(option.text);
    return absl::OkStatus();
  }
  if (option.key == "max_dtdl_version") {
    int version = 0;
    if (!option.is_number() || !absl::SimpleAtoi(option.text, &version) || version < 2 ||
        version > 4) {
      return Wrong("option 'max_dtdl_version' is 2, 3 or 4");
    }
    options->dtdl_version_max = version;
    return absl::OkStatus();
  }
  if (option.key == "acceptable_limits") {
    if (!option.is_array()) return Wrong("option 'acceptable_limits' is an array of strings");
    options->limits.clear();
    for (const JsonNode& limits : dtdl::Children(option)) {
      if (!limits.is_string()) return Wrong("option 'acceptable_limits' is an array of strings");
      options->limits.emplace_back(limits.text);
    }
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat("unknown option '", option.key,
                            "'; there is undefined_extensions, max_dtdl_version, "
                            "acceptable_limits"));
}

absl::Status ReadInstance(const JsonNode& node, const dtdl::JsonDocument& document, Case* read) {
  const JsonNode* const subject = node.Find("subject");
  const JsonNode* const submit = node.Find("submit");
  if (subject == nullptr || !subject->is_string() || submit == nullptr) {
    return Wrong("an instance is {\"subject\": id, \"submit\": text}");
  }
  read->instances.push_back(
      {subject->text, submit->is_string() ? submit->text : document.TextOf(*submit)});
  return absl::OkStatus();
}

absl::StatusOr<Case> ReadCase(const dtdl::JsonDocument& document, dtdl::ParseOptions defaults) {
  Case read;
  read.options = std::move(defaults);
  const JsonNode& root = document.root();
  const JsonNode* const models = root.Find("models");
  if (models == nullptr || !models->is_array()) return Wrong("'models' must be an array");
  for (const JsonNode& model : dtdl::Children(*models)) {
    read.models.push_back(
        {absl::StrCat("models[", read.models.size(), "]"), document.TextOf(model)});
  }
  const JsonNode* const options = root.Find("options");
  if (options != nullptr && !options->is_null()) {
    if (!options->is_object()) return Wrong("'options' must be an object");
    for (const JsonNode& option : dtdl::Children(*options)) {
      if (const absl::Status status = ReadOption(option, &read.options); !status.ok())
        return status;
    }
  }
  const JsonNode* const instances = root.Find("instances");
  if (instances != nullptr && !instances->is_null()) {
    if (!instances->is_array()) return Wrong("'instances' must be an array");
    for (const JsonNode& instance : dtdl::Children(*instances)) {
      const absl::Status status = ReadInstance(instance, document, &read);
      if (!status.ok()) return status;
    }
  }
  return read;
}

// true, false, or null where the set is not valid or the subject takes no instance.
Json Conforms(const dtdl::ModelSet* models, const Instance& instance) {
  if (models == nullptr) return nullptr;
  const dtdl::Schema* const schema = models->FindSchema(instance.subject);
  if (schema == nullptr) return nullptr;
  return dtdl::ValidateText(*schema, instance.text).empty();
}

Json AnswerCase(const Case& given) {
  const dtdl::ParseResult result = dtdl::Parse(given.models, given.options);
  Json answer = {{"verdict", std::string(dtdl::VerdictName(result.verdict))},
                 {"errors", Json::array()},
                 {"unresolved", result.unresolved},
                 {"instances", Json::array()}};
  for (const dtdl::Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.severity != dtdl::Severity::kError) continue;
    answer["errors"].push_back({{"code", std::string(diagnostic.code)},
                                {"id", diagnostic.element},
                                {"message", dtdl::FullMessage(diagnostic)}});
  }
  for (const Instance& instance : given.instances) {
    answer["instances"].push_back({{"subject", std::string(instance.subject)},
                                   {"conforms", Conforms(result.models.get(), instance)}});
  }
  return answer;
}

// The object with the id in front, as it was given: any JSON value.
std::string WithId(absl::string_view id, const Json& object) {
  return absl::StrCat("{\"id\":", id, ",", DumpJson(object).substr(1));
}

}  // namespace

std::string CaseAnswerer::Refuse(absl::string_view id, absl::string_view error) {
  ++refused_;
  return WithId(id, {{"line", line_}, {"error", std::string(error)}});
}

std::string CaseAnswerer::Answer(absl::string_view line) {
  ++cases_;
  dtdl::JsonError error;
  const dtdl::JsonLimits limits = {.depth_max = kLineDepthMax};
  const auto document = dtdl::JsonDocument::Parse(line, parser_, &error, limits);
  if (document == nullptr) {
    return Refuse("null",
                  absl::StrCat("not JSON, at byte ", error.offset + 1, ": ", error.message));
  }
  if (!document->root().is_object()) return Refuse("null", "a case must be an object");
  const JsonNode* const id = document->root().Find("id");
  const absl::string_view id_text = id == nullptr ? "null" : document->TextOf(*id);
  const absl::StatusOr<Case> given = ReadCase(*document, defaults_);
  if (!given.ok()) return Refuse(id_text, given.status().message());
  return WithId(id_text, AnswerCase(*given));
}

absl::Status CaseAnswerer::AnswerAll(InputFile* file, std::ostream& out) {
  LineReader reader(file);
  for (line_ = 1; reader.Next(); ++line_) {
    if (reader.too_long()) {
      ++cases_;
      out << Refuse("null", "the line is too long") << '\n';
    } else if (!absl::StripAsciiWhitespace(reader.line()).empty()) {
      out << Answer(reader.line()) << '\n';
    }
  }
  return reader.status();
}

}  // namespace twin::twinctl
