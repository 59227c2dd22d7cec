// Functions of texts. Positions and lengths count code points, from 0.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "query/execute/functions.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

// Bytes of the first `count` characters of `text`.
size_t BytesOf(absl::string_view text, int64_t count) {
  size_t at = 0;
  while (at < text.size() && count > 0) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
    --count;
  }
  return at;
}

bool TestText(Function function, absl::string_view text, absl::string_view part) {
  switch (function) {
    case Function::kStartsWith:
      return absl::StartsWith(text, part);
    case Function::kEndsWith:
      return absl::EndsWith(text, part);
    default:
      return absl::StrContains(text, part);
  }
}

void TestTexts(Function function, Operands operands, size_t rows, Vector* out) {
  if (!ResetStrict({&operands[0], &operands[1]}, TypeKind::kBool, rows, out)) return;
  for (size_t i = 0; i < rows; ++i) {
    if (out->IsNull(i)) continue;
    const Item text = operands[0].ItemOfRow(i);
    const Item part = operands[1].ItemOfRow(i);
    if (text.kind != Value::Kind::kString || part.kind != Value::Kind::kString) {
      out->SetNull(i);
    } else {
      out->bools[i] = TestText(function, text.text, part.text) ? 1 : 0;
    }
  }
}

void Concat(Operands operands, size_t rows, Vector* out) {
  out->Reset(TypeKind::kString, rows);
  auto block = std::make_shared<StringBlock>();
  std::string text;
  for (size_t i = 0; i < rows; ++i) {
    text.clear();
    for (const Operand& operand : operands) AppendText(operand.ItemOfRow(i), &text);
    out->strings[i] = block->Add(text);
  }
  out->blocks.push_back(std::move(block));
}

// Views of the operand's texts: `out` shares its blocks.
void Substring(Operands operands, size_t rows, Vector* out) {
  const Operand& operand = operands[0];
  if (!ResetStrict({&operand, &operands[1], &operands.back()}, TypeKind::kString, rows, out)) {
    return;
  }
  out->blocks = operand.vector().blocks;
  auto block = std::make_shared<StringBlock>();
  for (size_t i = 0; i < rows; ++i) {
    if (out->IsNull(i)) continue;
    const Item item = operand.ItemOfRow(i);
    const Item start = operands[1].ItemOfRow(i);
    const Item count = operands.back().ItemOfRow(i);
    if (item.kind != Value::Kind::kString || start.kind != Value::Kind::kInt ||
        count.kind != Value::Kind::kInt) {
      out->SetNull(i);
      continue;
    }
    absl::string_view text = item.text;
    text.remove_prefix(BytesOf(text, start.integer));
    if (operands.size() > 2) text = text.substr(0, BytesOf(text, count.integer));
    out->strings[i] = operand.vector().kind == TypeKind::kString ? text : block->Add(text);
  }
  if (block->bytes() > 0) out->blocks.push_back(std::move(block));
}

void ChangeCase(bool upper, const Operand& operand, size_t rows, Vector* out) {
  if (!ResetStrict({&operand}, TypeKind::kString, rows, out)) return;
  auto block = std::make_shared<StringBlock>();
  for (size_t i = 0; i < rows; ++i) {
    if (out->IsNull(i)) continue;
    const Item item = operand.ItemOfRow(i);
    if (item.kind != Value::Kind::kString) {
      out->SetNull(i);
      continue;
    }
    char* const to = block->Reserve(item.text.size());
    if (upper) {
      std::transform(item.text.begin(), item.text.end(), to, absl::ascii_toupper);
    } else {
      std::transform(item.text.begin(), item.text.end(), to, absl::ascii_tolower);
    }
    out->strings[i] = absl::string_view(to, item.text.size());
  }
  out->blocks.push_back(std::move(block));
}

}  // namespace

absl::Status TextFunction(const BoundExpr& expr, const Frame& frame, Operands operands,
                          Vector* out) {
  switch (expr.function) {
    case Function::kStartsWith:
    case Function::kEndsWith:
    case Function::kContains:
      TestTexts(expr.function, operands, frame.rows, out);
      break;
    case Function::kConcat:
      for (Operand& operand : operands) {
        const TypeKind kind = operand.vector().kind;
        if (kind == TypeKind::kTwin || kind == TypeKind::kRelationship) {
          TWIN_RETURN_IF_ERROR(CastTo(TypeKind::kString, frame, &operand));
        }
      }
      Concat(operands, frame.rows, out);
      break;
    case Function::kSubstring:
      Substring(operands, frame.rows, out);
      break;
    default:
      ChangeCase(expr.function == Function::kUpper, operands[0], frame.rows, out);
      break;
  }
  return absl::OkStatus();
}

}  // namespace twin::query
