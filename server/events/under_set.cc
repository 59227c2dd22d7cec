#include "server/events/under_set.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace twin::events {
namespace {

void Erase(RelationshipNumber relationship, TwinNumber source, UnderSet::Gone* edges) {
  const auto found = edges->find(source.value);
  if (found == edges->end()) return;
  std::erase_if(found->second,
                [&](const UnderSet::Edge& edge) { return edge.relationship == relationship; });
  if (found->second.empty()) edges->erase(found);
}

}  // namespace

bool UnderSet::Follows(absl::string_view relationship) const {
  if (names_.empty()) return relationship == "contains" || absl::StartsWith(relationship, "has");
  return std::find(names_.begin(), names_.end(), relationship) != names_.end();
}

// Everything that `from`, which is in the set already, leads to. False: too much.
bool UnderSet::Grow(TwinNumber from, const Later& later, RelationshipNumber next, size_t twins_max,
                    std::vector<uint32_t>* added) {
  const graph::GraphView& view = *later.view;
  const graph::Catalog& catalog = view.catalog();
  std::vector<uint8_t> follows(catalog.relationship_types());
  for (uint32_t i = 0; i < follows.size(); ++i) {
    follows[i] = Follows(catalog.relationship_type(RelationshipTypeId(i)).name) ? 1 : 0;
  }
  std::vector<TwinNumber> stack = {from};
  while (!stack.empty()) {
    const TwinNumber twin = stack.back();
    stack.pop_back();
    std::vector<Edge> edges;
    if (view.Exists(twin)) {
      for (RelationshipNumber each = view.FirstOutgoing(twin); !(each == kNoRelationship);) {
        const graph::Link link = view.LinkOf(each);
        if (follows[link.type.value] != 0 && each < next) edges.push_back({each, link.target});
        each = link.next_outgoing;
      }
    }
    const auto gone = gone_.find(twin.value);
    if (gone != gone_.end()) {
      for (const Edge& edge : gone->second) {
        if (edge.relationship < next) edges.push_back(edge);
      }
    }
    const auto later_gone = later.gone.find(twin.value);
    if (later_gone != later.gone.end()) {
      for (const auto& [edge, type] : later_gone->second) {
        if (follows[type.value] != 0 && edge.relationship < next) edges.push_back(edge);
      }
    }
    for (const Edge& edge : edges) {
      if (!twins_.insert(edge.target.value).second) continue;
      if (added != nullptr) added->push_back(edge.target.value);
      if (twins_.size() > twins_max) return false;
      stack.push_back(edge.target);
    }
    if (!edges.empty()) edges_[twin.value] = std::move(edges);
  }
  return true;
}

absl::Status UnderSet::Load(std::shared_ptr<const graph::GraphView> view, TwinNumber root,
                            RelationshipNumber next, Gone gone, size_t twins_max) {
  twins_.clear();
  edges_.clear();
  gone_ = std::move(gone);
  root_number_ = root;
  if (root_number_ == kNoTwin) return absl::OkStatus();
  twins_.insert(root_number_.value);
  const Later later = {std::move(view), {}};
  if (Grow(root_number_, later, next, twins_max, nullptr)) return absl::OkStatus();
  twins_.clear();
  edges_.clear();
  return absl::ResourceExhaustedError(absl::StrCat("filter: more than event_under_twins_max (",
                                                   twins_max, ") twins are under '", root_, "'"));
}

void UnderSet::Create(RelationshipNumber relationship, TwinNumber source, TwinNumber target,
                      GetLater later, std::vector<uint32_t>* added) {
  if (!Contains(source)) return;
  edges_[source.value].push_back({relationship, target});
  if (!twins_.insert(target.value).second) return;
  added->push_back(target.value);
  Grow(target, later(), RelationshipNumber(relationship.value + 1), SIZE_MAX, added);
}

void UnderSet::Delete(RelationshipNumber relationship, TwinNumber source) {
  Erase(relationship, source, &gone_);
  if (!Contains(source)) return;
  Erase(relationship, source, &edges_);
  is_cut_ = true;
}

void UnderSet::EndUnit(std::vector<uint32_t>* removed) {
  if (!is_cut_) return;
  is_cut_ = false;
  if (root_number_ == kNoTwin) return;
  // What can still be reached stays.
  absl::flat_hash_set<uint32_t> reached = {root_number_.value};
  std::vector<uint32_t> stack = {root_number_.value};
  while (!stack.empty()) {
    const auto found = edges_.find(stack.back());
    stack.pop_back();
    if (found == edges_.end()) continue;
    for (const Edge& edge : found->second) {
      if (reached.insert(edge.target.value).second) stack.push_back(edge.target.value);
    }
  }
  for (const uint32_t twin : twins_) {
    if (reached.contains(twin)) continue;
    removed->push_back(twin);
    edges_.erase(twin);
  }
  twins_ = std::move(reached);
}

void UnderSet::CreateTwin(TwinNumber twin, absl::string_view id, std::vector<uint32_t>* added) {
  if (id != root_) return;
  root_number_ = twin;
  if (twins_.insert(twin.value).second) added->push_back(twin.value);
}

void UnderSet::DeleteTwin(TwinNumber twin, std::vector<uint32_t>* removed) {
  if (!(twin == root_number_)) return;
  removed->insert(removed->end(), twins_.begin(), twins_.end());
  twins_.clear();
  edges_.clear();
  root_number_ = kNoTwin;
}

}  // namespace twin::events
