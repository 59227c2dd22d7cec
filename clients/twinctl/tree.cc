#include "clients/twinctl/tree.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

// Writes parts in their tones up to a number of columns; what does not fit ends in "…".
class LineWriter {
 public:
  explicit LineWriter(const Console& console) : console_(console), left_(console.out_columns) {}

  void Write(absl::string_view text) { Append(text, nullptr); }
  void Write(absl::string_view text, Tone tone) { Append(text, &tone); }
  void End() { console_.out << '\n'; }

 private:
  void Append(absl::string_view text, const Tone* tone) {
    if (full_) return;
    std::string shown = Printable(text);
    if (console_.out_columns > 0) {
      const int columns = ColumnsOf(shown);
      if (columns > left_) {
        shown = Cut(shown);
        full_ = true;
      }
      left_ -= columns;
    }
    console_.out << (tone == nullptr ? shown : console_.out_style.Paint(*tone, shown));
  }
  std::string Cut(absl::string_view text) const {
    std::string kept;
    int columns = 0;
    while (!text.empty()) {
      const absl::string_view before = text;
      columns += ColumnsOf(TakeCodePoint(&text));
      if (columns >= left_) break;
      absl::StrAppend(&kept, before.substr(0, before.size() - text.size()));
    }
    return kept + "…";
  }

  const Console& console_;
  int left_;
  bool full_ = false;
};

// "Pack;1" of "dtmi:com:example:Pack;1".
absl::string_view ShortModel(absl::string_view model) {
  const size_t colon = model.rfind(':');
  return colon == absl::string_view::npos ? model : model.substr(colon + 1);
}

void Draw(const TreeNode& node, const std::string& branch, const std::string& below,
          const Console& console) {
  LineWriter line(console);
  line.Write(branch);
  if (!node.relationship.empty()) line.Write(absl::StrCat(node.relationship, "  "), Tone::kFaint);
  line.Write(node.id, Tone::kStrong);
  if (!node.model.empty()) line.Write(absl::StrCat("  ", ShortModel(node.model)));
  if (node.repeated) line.Write("  (also elsewhere)", Tone::kFaint);
  if (node.cut) line.Write("  …", Tone::kFaint);
  line.End();
  for (size_t i = 0; i < node.children.size(); ++i) {
    const bool last = i + 1 == node.children.size();
    Draw(node.children[i], below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "), console);
  }
}

void AppendRows(const TreeNode& node, const TreeNode* parent, int depth, Json* rows) {
  rows->push_back({{"$dtId", node.id},
                   {"model", node.model},
                   {"depth", depth},
                   {"parent", parent == nullptr ? Json() : Json(parent->id)},
                   {"relationship", parent == nullptr ? Json() : Json(node.relationship)}});
  for (const TreeNode& child : node.children) AppendRows(child, &node, depth + 1, rows);
}

}  // namespace

bool IsContainment(absl::string_view relationship) {
  return relationship == "contains" || (absl::StartsWith(relationship, "has"));
}

void DrawTree(const TreeNode& root, const Console& console) { Draw(root, "", "", console); }

Json TreeJson(const TreeNode& node) {
  Json json = {{"$dtId", node.id}, {"$metadata", {{"$model", node.model}}}};
  if (!node.relationship.empty()) json["relationship"] = node.relationship;
  if (node.repeated) json["repeated"] = true;
  if (node.cut) json["cut"] = true;
  Json children = Json::array();
  for (const TreeNode& child : node.children) children.push_back(TreeJson(child));
  json["children"] = std::move(children);
  return json;
}

Json TreeRows(const TreeNode& root) {
  Json rows = Json::array();
  AppendRows(root, nullptr, 0, &rows);
  return rows;
}

}  // namespace twin::twinctl
