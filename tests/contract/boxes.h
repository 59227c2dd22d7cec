// The models and operations of the contract tests: boxes, which have everything, and dots.
#ifndef TWIN_TESTS_CONTRACT_BOXES_H_
#define TWIN_TESTS_CONTRACT_BOXES_H_

#include <string>

#include "server/base/value.h"
#include "server/ingest/operation.h"

namespace twin::testing {

// dtmi:t:Box;1 with the component dtmi:t:Bms;1, and dtmi:t:Dot;1; `has` from both, `near` from
// boxes.
ingest::CreateModels BoxModels();
ingest::PutTwin Box(const std::string& id, const std::string& contents = "{}");
ingest::PutTwin Dot(const std::string& id);
ingest::PutRelationship Link(const std::string& source, const std::string& name,
                             const std::string& target, const std::string& id,
                             ValueMap contents = {});

}  // namespace twin::testing

#endif  // TWIN_TESTS_CONTRACT_BOXES_H_
