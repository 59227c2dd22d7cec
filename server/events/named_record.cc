#include "server/events/named_record.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/coding.h"
#include "server/events/filter.h"

namespace twin::events {
namespace {

constexpr uint8_t kSpecVersion = 1;
constexpr uint8_t kSoughtVersion = 2;  // with the time of the last seek
constexpr size_t kNameBytesMax = 128;

void AppendStrings(std::string* bytes, const std::vector<std::string>& strings) {
  AppendVarint(bytes, strings.size());
  for (const std::string& each : strings) AppendString(bytes, each);
}

std::vector<std::string> ReadStrings(ByteReader* reader) {
  std::vector<std::string> strings;
  const uint64_t count = reader->Varint();
  for (uint64_t i = 0; i < count && reader->ok(); ++i) strings.emplace_back(reader->String());
  return strings;
}

}  // namespace

std::string EncodeSpec(const NamedSpec& spec) {
  std::string bytes;
  const bool is_sought = !(spec.sought == spec.created);
  AppendFixed(&bytes, is_sought ? kSoughtVersion : kSpecVersion);
  AppendFixed(&bytes, spec.created.ns);
  if (is_sought) AppendFixed(&bytes, spec.sought.ns);
  AppendVarint(&bytes, spec.filter.types.size());
  for (const EventType type : spec.filter.types) AppendFixed(&bytes, static_cast<uint8_t>(type));
  AppendStrings(&bytes, spec.filter.models);
  AppendStrings(&bytes, spec.filter.twins);
  AppendString(&bytes, spec.filter.under);
  AppendStrings(&bytes, spec.filter.under_relationships);
  AppendStrings(&bytes, spec.filter.paths);
  AppendString(&bytes, spec.filter.condition);
  return bytes;
}

absl::StatusOr<NamedSpec> DecodeSpec(absl::string_view name, absl::string_view bytes) {
  ByteReader reader(bytes);
  NamedSpec spec;
  spec.name = std::string(name);
  const uint8_t version = reader.Byte();
  bool is_good = version == kSpecVersion || version == kSoughtVersion;
  spec.created = Time{reader.Fixed<int64_t>()};
  spec.sought = version == kSoughtVersion ? Time{reader.Fixed<int64_t>()} : spec.created;
  const uint64_t types = reader.Varint();
  for (uint64_t i = 0; i < types && reader.ok(); ++i) {
    const uint8_t type = reader.Byte();
    is_good = is_good && type < kEventTypes;
    spec.filter.types.push_back(static_cast<EventType>(type));
  }
  spec.filter.models = ReadStrings(&reader);
  spec.filter.twins = ReadStrings(&reader);
  spec.filter.under = std::string(reader.String());
  spec.filter.under_relationships = ReadStrings(&reader);
  spec.filter.paths = ReadStrings(&reader);
  spec.filter.condition = std::string(reader.String());
  is_good = is_good && (version == kSpecVersion || !(spec.sought == spec.created));
  if (!is_good || !reader.ok() || !reader.done()) {
    return absl::DataLossError(absl::StrCat("the named subscription ", name, " is damaged"));
  }
  return spec;
}

absl::Status CheckName(absl::string_view what, absl::string_view name) {
  bool is_good = !name.empty() && name.size() <= kNameBytesMax;
  for (const char c : name) {
    is_good = is_good && (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                          absl::StrContains("._~-", absl::string_view(&c, 1)));
  }
  if (is_good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": it is 1 to ", kNameBytesMax, " of A-Z a-z 0-9 . _ ~ -"));
}

}  // namespace twin::events
