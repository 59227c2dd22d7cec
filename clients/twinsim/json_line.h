// JSON as an import file has it: values of twins, written by hand because there are millions.
#ifndef TWIN_CLIENTS_TWINSIM_JSON_LINE_H_
#define TWIN_CLIENTS_TWINSIM_JSON_LINE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "clients/twinsim/graph.h"

namespace twin::twinsim {

// Appends a string in quotes, escaped as RFC 8259 asks. `text` is UTF-8.
void AppendJsonString(absl::string_view text, std::string* out);

// Appends a value. A double has no exponent and no more digits than tell it from its neighbours;
// one that is not finite, which no fleet has, becomes null.
void AppendJsonValue(const Value& value, std::string* out);

// Append one line with its end:
//   {"$dtId":"veh-000042","$metadata":{"$model":"dtmi:…;1"},"vin":"…"}
//   {"$relationshipId":"m3","$sourceId":"…","$targetId":"…","$relationshipName":"hasModule",…}
void AppendTwinLine(const Twin& twin, std::string* out);
void AppendRelationshipLine(const Relationship& relationship, std::string* out);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_JSON_LINE_H_
