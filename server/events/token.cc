#include "server/events/token.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"

namespace twin::events {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kTokenLengthMax = 64;

}  // namespace

std::string TokenOf(Sequence sequence) {
  std::string bytes;
  AppendFixed(&bytes, kVersion);
  AppendVarint(&bytes, 0);  // partition
  AppendVarint(&bytes, sequence.value);
  AppendFixed(&bytes, Crc32c(bytes));
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<Sequence> ParseToken(absl::string_view token) {
  const auto refuse = [] {
    return absl::InvalidArgumentError(
        "the resume token is none that a server gave; give it back as it came, or begin anew "
        "without one");
  };
  std::string bytes;
  if (token.size() > kTokenLengthMax || !absl::WebSafeBase64Unescape(token, &bytes) ||
      bytes.size() < sizeof(uint32_t)) {
    return refuse();
  }
  const absl::string_view body(bytes.data(), bytes.size() - sizeof(uint32_t));
  ByteReader checksum(absl::string_view(bytes).substr(body.size()));
  ByteReader reader(body);
  if (checksum.Fixed<uint32_t>() != Crc32c(body)) return refuse();
  const uint8_t version = reader.Byte();
  const uint64_t partition = reader.Varint();
  const Sequence sequence(reader.Varint());
  if (!reader.ok() || !reader.done() || version != kVersion || partition != 0) return refuse();
  return sequence;
}

}  // namespace twin::events
