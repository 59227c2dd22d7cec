#include "tests/contract/boxes.h"

#include <utility>

#include "absl/strings/string_view.h"
#include "tests/support/import_file.h"

namespace twin::testing {
namespace {

constexpr absl::string_view kModels[] = {
    R"({"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:historization;1"],
      "@id":"dtmi:t:Box;1","@type":"Interface","contents":[
      {"@type":["Property","Historized"],"name":"wear","schema":"double"},
      {"@type":["Property","Historized"],"name":"place","schema":"string"},
      {"@type":"Property","name":"serial","schema":"string","comment":"index: equality"},
      {"@type":"Property","name":"on","schema":"boolean"},
      {"@type":"Property","name":"count","schema":"integer"},
      {"@type":"Property","name":"total","schema":"long"},
      {"@type":"Property","name":"ratio","schema":"float"},
      {"@type":"Property","name":"volt","schema":"double"},
      {"@type":"Property","name":"made","schema":"dateTime"},
      {"@type":"Property","name":"tags","schema":{"@type":"Array","elementSchema":"string"}},
      {"@type":"Property","name":"soh","schema":{"@type":"Object","fields":[
        {"name":"value","schema":"double"},{"name":"method","schema":"string"}]}},
      {"@type":"Telemetry","name":"heat","schema":"double"},
      {"@type":"Component","name":"bms","schema":"dtmi:t:Bms;1"},
      {"@type":"Relationship","name":"has","properties":[
        {"@type":"Property","name":"position","schema":"integer"},
        {"@type":"Property","name":"label","schema":"string"}]},
      {"@type":"Relationship","name":"near"}]})",
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Bms;1","@type":"Interface","contents":[
      {"@type":"Property","name":"firmware","schema":"string"}]})",
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Dot;1","@type":"Interface","contents":[
      {"@type":"Property","name":"volt","schema":"double"},
      {"@type":"Relationship","name":"has"}]})"};

}  // namespace

ingest::CreateModels BoxModels() {
  ingest::CreateModels create;
  for (const absl::string_view text : kModels) create.texts.emplace_back(text);
  return create;
}

ingest::PutTwin Box(const std::string& id, const std::string& contents) {
  ingest::PutTwin put;
  put.id = id;
  put.model_id = "dtmi:t:Box;1";
  put.contents = ValueFromJson(contents).value().as_map();
  if (Value::Map(put.contents).Find("bms") == nullptr) {
    put.contents.emplace_back("bms", Value::Map({}));
  }
  return put;
}

ingest::PutTwin Dot(const std::string& id) {
  ingest::PutTwin put;
  put.id = id;
  put.model_id = "dtmi:t:Dot;1";
  return put;
}

ingest::PutRelationship Link(const std::string& source, const std::string& name,
                             const std::string& target, const std::string& id, ValueMap contents) {
  return {source, id, name, target, std::move(contents), {}};
}

}  // namespace twin::testing
