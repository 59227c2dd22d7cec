#include "clients/twinctl/relationships.h"

namespace twin::twinctl {

void AddRelationships(CommandLine* line, const ServerPointer& server) {
  CLI::App* const group = line->AddGroup(
      line->root(), {.name = "relationships",
                     .summary = "Create, read, change and delete relationships between twins",
                     .examples = "twinctl relationships create pack-1 hasModule module-1\n"
                                 "twinctl relationships list pack-1"});
  AddRelationshipsCreate(group, line, server);
  AddRelationshipsGet(group, line, server);
  AddRelationshipsPatch(group, line, server);
  AddRelationshipsDelete(group, line, server);
  AddRelationshipsList(group, line, server);
}

void AddRelationshipKey(CLI::App* command, RelationshipKey* key) {
  command->add_option("SOURCE", key->source, "The twin that it leaves")
      ->type_name("SOURCE")
      ->required();
  command->add_option("ID", key->id, "Its id, unique among those of the source")
      ->type_name("ID")
      ->required();
}

}  // namespace twin::twinctl
