// Lines of an import file as operations, without a tree in between. Internal to server/api.
#ifndef TWIN_SERVER_API_IMPORT_LINE_H_
#define TWIN_SERVER_API_IMPORT_LINE_H_

#include "absl/strings/string_view.h"
#include "server/ingest/operation.h"

namespace twin::api {

// The same as TwinFromJson and RelationshipFromJson of what ParseJson reads, into a new `put`.
// False: these are to be asked, since the line is not plain (plain_json.h), begins a section, or is
// wrong; `put` is of no use then.
bool ReadPlainLine(absl::string_view line, ingest::PutTwin* put);
bool ReadPlainLine(absl::string_view line, ingest::PutRelationship* put);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_IMPORT_LINE_H_
