#include "server/api/status.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "query/ast/error.h"
#include "server/base/status_reason.h"
#include "server/ingest/operation.h"

namespace twin::api {
namespace {

using ingest::kFieldPayload;

constexpr size_t kStatusMessageBytesMax = 6 << 10;
constexpr size_t kDescriptionBytesMax = 500;

const char* ReasonOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return "INVALID_REQUEST";
    case absl::StatusCode::kNotFound:
      return "NOT_FOUND";
    case absl::StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case absl::StatusCode::kAborted:
      return "ETAG_MISMATCH";
    case absl::StatusCode::kFailedPrecondition:
      return "STATE_FORBIDS";
    case absl::StatusCode::kResourceExhausted:
      return "LIMIT_EXCEEDED";
    case absl::StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case absl::StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kDataLoss:
      return "DATA_DAMAGED";
    default:
      return "INTERNAL";
  }
}

// What the status carries; else a field of the request that its message begins with, as in
// "operation 3: page_token: it is none". Never what a client called something.
std::string FieldOf(const absl::Status& status) {
  const absl::optional<absl::Cord> field = status.GetPayload(kFieldPayload);
  if (field.has_value()) return std::string(*field);
  absl::string_view message = status.message();
  if (absl::ConsumePrefix(&message, "operation ")) {
    message.remove_prefix(std::min(message.find_first_not_of("0123456789"), message.size()));
    absl::ConsumePrefix(&message, ": ");
  }
  const size_t end = message.find(": ");
  if (end == absl::string_view::npos) return "";
  const absl::string_view word = message.substr(0, end);
  const bool is_field = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
  });
  return is_field ? std::string(word) : "";
}

// The first bytes, up to the end of a character.
std::string Beginning(const std::string& text, size_t bytes_max) {
  size_t end = std::min(text.size(), bytes_max);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message(status.message());
  if (message.size() > kStatusMessageBytesMax) {
    size_t end = message.rfind('\n', kStatusMessageBytesMax);
    if (end == std::string::npos) end = kStatusMessageBytesMax;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
    message.resize(end);
    message.append("\n… and more; ValidateModels (`twinctl models validate`) gives all of it");
  }
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  google::rpc::ErrorInfo info;
  info.set_domain("twingraph");
  const absl::optional<absl::Cord> reason = status.GetPayload(kReasonPayload);
  info.set_reason(reason.has_value() ? std::string(*reason) : ReasonOf(status.code()));
  const std::optional<query::Span> span = query::SpanOf(status);
  if (span.has_value()) {
    if (absl::IsInvalidArgument(status)) info.set_reason("INVALID_QUERY");
    auto& metadata = *info.mutable_metadata();
    metadata["line"] = absl::StrCat(span->line);
    metadata["column"] = absl::StrCat(span->column);
    metadata["offset"] = absl::StrCat(span->offset);
    metadata["length"] = absl::StrCat(span->length);
  }
  details.add_details()->PackFrom(info);
  if (status.code() == absl::StatusCode::kInvalidArgument) {
    google::rpc::BadRequest bad;
    google::rpc::BadRequest::FieldViolation* violation = bad.add_field_violations();
    violation->set_field(span.has_value() ? "text" : FieldOf(status));
    violation->set_description(Beginning(message, kDescriptionBytesMax));
    details.add_details()->PackFrom(bad);
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.SerializeAsString());
}

}  // namespace twin::api
