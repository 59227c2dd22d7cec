// Any text, as TQL and as ADT: parsing ends, errors have a place in the text and can be shown, the
// tree can be printed and its spans lie in the text; and what ADT takes TQL reads alike.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/ast/error.h"
#include "query/parse/parse.h"
#include "server/base/check.h"
#include "tests/fuzz/utf8.h"

namespace twin::query {
namespace {

void CheckSpan(const Span& span, absl::string_view text) {
  TWIN_CHECK(span.offset <= text.size() && span.length <= text.size() - span.offset)
      << span.offset << " + " << span.length << " of " << text.size();
  TWIN_CHECK(span.line >= 1 && span.column >= 1);
}

void CheckName(const Name& name, absl::string_view text) {
  if (!name.empty()) CheckSpan(name.span, text);
}

void CheckExpr(const ExprPtr& expr, absl::string_view text, int depth) {
  if (expr == nullptr) return;
  TWIN_CHECK(depth <= ParseLimits().tree_depth_max + 4 * ParseLimits().depth_max) << depth;
  CheckSpan(expr->span, text);
  TWIN_CHECK(expr->span.length > 0);
  for (const Name& name : expr->path) CheckName(name, text);
  for (const ExprPtr& operand : expr->operands) {
    TWIN_CHECK(operand != nullptr);
    CheckExpr(operand, text, depth + 1);
  }
}

void CheckSelect(const Select& select, absl::string_view text) {
  CheckSpan(select.span, text);
  TWIN_CHECK(select.star == select.items.empty());
  for (const SelectItem& item : select.items) {
    TWIN_CHECK(!item.text.empty());
    CheckExpr(item.expr, text, 0);
  }
  for (const SourceClause& clause : select.clauses) {
    if (const auto* match = std::get_if<MatchClause>(&clause); match != nullptr) {
      for (const PathPattern& path : match->paths) {
        TWIN_CHECK(path.nodes.size() == path.edges.size() + 1);
      }
    }
  }
  CheckExpr(select.where, text, 0);
  for (const ExprPtr& key : select.group_by) CheckExpr(key, text, 0);
}

// The printed tree, or nothing where the text is refused.
std::string CheckText(absl::string_view text, Dialect dialect) {
  const auto statement = Parse(text, {.dialect = dialect});
  if (!statement.ok()) {
    const absl::Status& status = statement.status();
    TWIN_CHECK(status.code() == absl::StatusCode::kInvalidArgument ||
               status.code() == absl::StatusCode::kResourceExhausted)
        << status;
    TWIN_CHECK(testing::IsUtf8(status.message())) << status;
    const std::optional<Span> span = SpanOf(status);
    TWIN_CHECK(span.has_value() || text.size() > 65536) << status;
    if (span.has_value()) CheckSpan(*span, text);
    TWIN_CHECK(testing::IsUtf8(WithCaret(status, text)));
    return "";
  }
  for (const WithQuery& with : (*statement)->with) CheckSelect(*with.select, text);
  CheckSelect((*statement)->select, text);
  std::string tree = ToString(**statement);
  TWIN_CHECK(testing::IsUtf8(tree));
  return tree;
}

}  // namespace
}  // namespace twin::query

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using twin::query::CheckText;
  using twin::query::Dialect;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string adt = CheckText(text, Dialect::kAdt);
  const std::string tql = CheckText(text, Dialect::kTql);
  TWIN_CHECK(adt.empty() || adt == tql) << adt << "\nis not\n" << tql;
  return 0;
}
