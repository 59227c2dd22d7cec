// Twins, relationships and values as JSON, in the form of Azure Digital Twins:
//   {"$dtId": "pack-1", "$etag": "...", "$metadata": {"$model": "dtmi:..."}, "soh": {"value":
//   0.97}}
//   {"$relationshipId": "...", "$etag": "...", "$sourceId": "...", "$relationshipName": "...",
//    "$targetId": "...", "position": 3}
#ifndef TWIN_CLIENTS_TWINCTL_TWIN_JSON_H_
#define TWIN_CLIENTS_TWINCTL_TWIN_JSON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/twinctl/output.h"
#include "twingraph/v1/twin_service.pb.h"

namespace twin::twinctl {

// From contents_json; members without a value are left out.
Json TwinJson(const twingraph::v1::Twin& twin);
Json RelationshipJson(const twingraph::v1::Relationship& relationship);

// As rows of a table or CSV file: such objects, with "model" (of twins) and "contents", which is
// all members that do not begin with "$", as JSON text.
Json TwinRows(const Json& twins);
std::vector<Column> TwinColumns();
Json RelationshipRows(const Json& relationships);
std::vector<Column> RelationshipColumns();

// JSON of a user. INVALID_ARGUMENT: it is none; `name` is what the message calls it.
absl::StatusOr<Json> ParseJson(absl::string_view text, absl::string_view name);

// Numbers without a fraction are integers, null is a value without a kind.
twingraph::v1::Value ToValue(const Json& json);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_TWIN_JSON_H_
