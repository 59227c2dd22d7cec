// `twinctl relationships ...`
#ifndef TWIN_CLIENTS_TWINCTL_RELATIONSHIPS_H_
#define TWIN_CLIENTS_TWINCTL_RELATIONSHIPS_H_

#include <string>

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"

namespace twin::twinctl {

// Adds the group with all of its commands.
void AddRelationships(CommandLine* line, const ServerPointer& server);

void AddRelationshipsCreate(CLI::App* group, CommandLine* line, const ServerPointer& server);
void AddRelationshipsGet(CLI::App* group, CommandLine* line, const ServerPointer& server);
void AddRelationshipsPatch(CLI::App* group, CommandLine* line, const ServerPointer& server);
void AddRelationshipsDelete(CLI::App* group, CommandLine* line, const ServerPointer& server);
void AddRelationshipsList(CLI::App* group, CommandLine* line, const ServerPointer& server);

// What names one relationship: SOURCE ID.
struct RelationshipKey {
  std::string source;
  std::string id;
};
void AddRelationshipKey(CLI::App* command, RelationshipKey* key);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_RELATIONSHIPS_H_
