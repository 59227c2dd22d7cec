// The twins below a root: those that relationships of some names lead to.
#ifndef TWIN_SERVER_EVENTS_UNDER_SET_H_
#define TWIN_SERVER_EVENTS_UNDER_SET_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/ids.h"
#include "server/graph/graph.h"

namespace twin::events {

// Begins at one sequence and follows relationships as they come and go from there on, whatever the
// graph is by then: so it is exact also for who reads old changes. Thread-compatible.
class UnderSet {
 public:
  struct Edge {
    RelationshipNumber relationship;
    TwinNumber target;
  };
  // Relationships that there are no more, by source.
  using Gone = absl::flat_hash_map<uint32_t, std::vector<Edge>>;
  struct LaterEdge {
    Edge edge;
    RelationshipTypeId type;
  };
  using LaterGone = absl::flat_hash_map<uint32_t, std::vector<LaterEdge>>;
  // A later state, and the relationships that were deleted between.
  struct Later {
    std::shared_ptr<const graph::GraphView> view;
    LaterGone gone;
  };
  using GetLater = absl::FunctionRef<const Later&()>;

  // No names: "contains" and all that begin with "has".
  UnderSet(std::string root, std::vector<std::string> names)
      : root_(std::move(root)), names_(std::move(names)) {}

  // As it was before the relationship `next` was created, `gone` being those that were deleted
  // between then and `view`. `root`: the twin of that id then; kNoTwin: there was none.
  // RESOURCE_EXHAUSTED: there are more than `twins_max`.
  absl::Status Load(std::shared_ptr<const graph::GraphView> view, TwinNumber root,
                    RelationshipNumber next, Gone gone, size_t twins_max);

  bool Contains(TwinNumber twin) const { return twins_.contains(twin.value); }
  bool Follows(absl::string_view relationship) const;
  const std::string& root() const { return root_; }
  const absl::flat_hash_set<uint32_t>& twins() const { return twins_; }

  // The changes of a unit, in order, and then EndUnit. What came and went is appended to `added`
  // and `removed`; what came and went at once may be in both. `later` is asked rarely.
  void Create(RelationshipNumber relationship, TwinNumber source, TwinNumber target, GetLater later,
              std::vector<uint32_t>* added);
  void Delete(RelationshipNumber relationship, TwinNumber source);
  void CreateTwin(TwinNumber twin, absl::string_view id, std::vector<uint32_t>* added);
  void DeleteTwin(TwinNumber twin, std::vector<uint32_t>* removed);
  // Lets go of what can no longer be reached. Cost: all of the set, if a relationship in it went.
  void EndUnit(std::vector<uint32_t>* removed);

 private:
  bool Grow(TwinNumber from, const Later& later, RelationshipNumber next, size_t twins_max,
            std::vector<uint32_t>* added);

  const std::string root_;
  const std::vector<std::string> names_;
  TwinNumber root_number_ = kNoTwin;
  bool is_cut_ = false;  // some of twins_ may not be reachable any more
  absl::flat_hash_set<uint32_t> twins_;
  absl::flat_hash_map<uint32_t, std::vector<Edge>> edges_;  // of twins_, by source
  Gone gone_;                                               // whose deletion is still to come
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_UNDER_SET_H_
