#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/tree.h"
#include "clients/twinctl/twins.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr size_t kTreeBatchMax = 1000;  // ids of one call
constexpr size_t kTwinsMax = 100'000;   // of a tree
constexpr int kDepthMax = 100;          // also of what draws it

struct TreeArguments {
  std::string id;
  int depth = kDepthMax;
  std::string output = "table";
};

// Reads the tree level by level.
class TreeReader {
 public:
  TreeReader(client::Client* client, int depth_max) : client_(client), depth_max_(depth_max) {}

  absl::StatusOr<TreeNode> Read(const std::string& id) {
    v1::GetTwinRequest request;
    request.set_id(id);
    request.set_format(v1::NONE);
    const absl::StatusOr<v1::GetTwinResponse> response = client_->GetTwin(request);
    if (!response.ok()) return response.status();
    TreeNode root = {.id = id, .model = response->twin().model_id()};
    seen_.insert(id);
    std::vector<TreeNode*> level = {&root};
    for (int depth = 0; !level.empty(); ++depth) {
      std::vector<TreeNode*> below;
      std::vector<TreeNode*> next;
      for (TreeNode* node : level) {
        const absl::Status status = ReadChildren(node, depth >= depth_max_);
        if (!status.ok()) return status;
        for (TreeNode& child : node->children) {
          below.push_back(&child);
          if (!child.repeated) next.push_back(&child);
        }
      }
      if (const absl::Status status = ReadModels(below); !status.ok()) return status;
      level = std::move(next);
    }
    return root;
  }

 private:
  // `only_look`: notes whether there are any.
  absl::Status ReadChildren(TreeNode* node, bool only_look) {
    v1::ListRelationshipsRequest request;
    request.set_id(node->id);
    request.set_format(v1::NONE);
    do {
      const absl::StatusOr<v1::ListRelationshipsResponse> response =
          client_->ListRelationships(request);
      if (!response.ok()) return response.status();
      for (const v1::Relationship& relationship : response->relationships()) {
        if (!IsContainment(relationship.name())) continue;
        node->cut = only_look;
        if (only_look) return absl::OkStatus();
        const bool added = seen_.insert(relationship.target_id()).second;
        node->children.push_back({.id = relationship.target_id(),
                                  .relationship = relationship.name(),
                                  .repeated = !added});
      }
      if (seen_.size() > kTwinsMax) {
        return absl::ResourceExhaustedError(absl::StrCat(
            "the tree has more than ", WithCommas(kTwinsMax), " twins; show less with --depth"));
      }
      request.set_page_token(response->next_page_token());
    } while (!request.page_token().empty());
    return absl::OkStatus();
  }

  absl::Status ReadModels(const std::vector<TreeNode*>& nodes) {
    for (size_t begin = 0; begin < nodes.size(); begin += kTreeBatchMax) {
      const size_t end = std::min(begin + kTreeBatchMax, nodes.size());
      v1::BatchGetTwinsRequest request;
      request.set_format(v1::NONE);
      for (size_t i = begin; i < end; ++i) request.add_ids(nodes[i]->id);
      const absl::StatusOr<v1::BatchGetTwinsResponse> response = client_->BatchGetTwins(request);
      if (!response.ok()) return response.status();
      std::map<std::string, std::string> models;  // of those that are there still
      for (const v1::Twin& twin : response->twins()) models[twin.id()] = twin.model_id();
      for (size_t i = begin; i < end; ++i) nodes[i]->model = models[nodes[i]->id];
    }
    return absl::OkStatus();
  }

  client::Client* const client_;
  const int depth_max_;
  std::set<std::string> seen_;
};

absl::StatusOr<ExitCode> Tree(const TreeArguments& arguments, client::Client* client,
                              const Console& console) {
  const absl::StatusOr<TreeNode> root = TreeReader(client, arguments.depth).Read(arguments.id);
  if (!root.ok()) return root.status();
  const Format format = FormatOf(arguments.output);
  if (format == Format::kTable) {
    DrawTree(*root, console);
  } else {
    WriteData({.document = TreeJson(*root),
               .rows = TreeRows(*root),
               .columns = ColumnsOfKeys({"$dtId", "model", "depth", "parent", "relationship"})},
              format, console.out);
  }
  return kExitDone;
}

}  // namespace

void AddTwinsTree(CLI::App* twins, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<TreeArguments>();
  CLI::App* const command = line->AddCommand(
      twins,
      {.name = "tree",
       .summary = "Show a twin and what it contains",
       .description =
           "A twin contains what its relationships called contains or has… lead to. One that "
           "is reached twice is shown whole the first time.",
       .examples = "twinctl twins tree veh-000042 --depth 2\n"
                   "twinctl twins tree pack-1 -o ndjson"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Tree(*arguments, client, console);
      }));
  command->add_option("ID", arguments->id, "The twin at the root")->type_name("ID")->required();
  command->add_option("--depth", arguments->depth, "So many levels below it (100)")
      ->type_name("N")
      ->check(
          [](const std::string& text) -> std::string {
            int depth = 0;
            if (absl::SimpleAtoi(text, &depth) && depth >= 0 && depth <= kDepthMax) return "";
            return absl::StrCat("'", text, "' is no number from 0 to ", kDepthMax);
          },
          "");
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
