// A twin and what it contains.
#ifndef TWIN_CLIENTS_TWINCTL_TREE_H_
#define TWIN_CLIENTS_TWINCTL_TREE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "clients/twinctl/console.h"
#include "clients/twinctl/output.h"

namespace twin::twinctl {

struct TreeNode {
  std::string id;
  std::string model = {};
  std::string relationship = {};  // that leads here; empty: the root
  bool repeated = false;          // stands elsewhere in the tree, too, and is shown whole there
  bool cut = false;               // what it contains is deeper than was asked for
  std::vector<TreeNode> children = {};  // in the order of their relationships
};

// Whether relationships of that name contain their target: "contains", or "has" and more.
bool IsContainment(absl::string_view relationship);

// A twin a line, with lines that lead to it, cut at the terminal's width:
//   pack-1  Pack;1
//   ├─ hasModule  module-1  Module;1
//   └─ hasModule  module-2  Module;1
void DrawTree(const TreeNode& root, const Console& console);

// {"$dtId", "$metadata": {"$model"}, "relationship", "children": [...]}
Json TreeJson(const TreeNode& node);
// Rows {"$dtId", "model", "depth", "parent", "relationship"}, each behind its parent's.
Json TreeRows(const TreeNode& root);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_TREE_H_
