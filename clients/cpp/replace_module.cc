#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cpp/client.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;

// The relationship that leads to `target`.
absl::StatusOr<v1::Relationship> Find(Client* client, const std::string& source,
                                      const std::string& name, const std::string& target) {
  v1::ListRelationshipsRequest request;
  request.set_id(source);
  request.set_name(name);
  request.set_format(v1::JSON);
  do {
    const absl::StatusOr<v1::ListRelationshipsResponse> page = client->ListRelationships(request);
    if (!page.ok()) return page.status();
    for (const v1::Relationship& relationship : page->relationships()) {
      if (relationship.target_id() == target) return relationship;
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return absl::NotFoundError(
      absl::StrCat("no relationship '", name, "' leads from '", source, "' to '", target, "'"));
}

// The same place, from another time on.
absl::StatusOr<std::string> Contents(const std::string& old, const std::string& mounted_at) {
  nlohmann::ordered_json contents =
      nlohmann::ordered_json::parse(old.empty() ? "{}" : old, nullptr, /*allow_exceptions=*/false);
  if (!contents.is_object()) return absl::InternalError("a relationship's contents are no object");
  for (auto member = contents.begin(); member != contents.end();) {
    member = member.key()[0] == '$' ? contents.erase(member) : std::next(member);
  }
  contents.erase("mountedAt");
  if (!mounted_at.empty()) contents["mountedAt"] = mounted_at;
  return contents.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<v1::BatchWriteResponse> Client::ReplaceModule(const ModuleReplacement& replacement) {
  const absl::StatusOr<v1::Relationship> old =
      Find(this, replacement.pack, replacement.relationship_name, replacement.old_module);
  if (!old.ok()) return old.status();
  absl::StatusOr<std::string> contents = Contents(old->contents_json(), replacement.mounted_at);
  if (!contents.ok()) return contents.status();

  v1::BatchWriteRequest request;
  request.set_request_id(RandomRequestId());
  v1::DeleteRelationshipRequest& unmount = *request.add_operations()->mutable_delete_relationship();
  unmount.set_source_id(replacement.pack);
  unmount.set_id(old->id());
  unmount.set_if_match(old->etag());  // who else replaces it meanwhile is ABORTED
  v1::CreateRelationshipRequest& mount = *request.add_operations()->mutable_create_relationship();
  mount.set_create_only(true);
  v1::Relationship& relationship = *mount.mutable_relationship();
  relationship.set_source_id(replacement.pack);
  relationship.set_id(absl::StrCat(replacement.relationship_name, "-", replacement.new_module));
  relationship.set_name(replacement.relationship_name);
  relationship.set_target_id(replacement.new_module);
  relationship.set_contents_json(*std::move(contents));
  return BatchWrite(request);
}

}  // namespace twin::client
