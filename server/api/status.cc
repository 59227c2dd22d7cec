#include "server/api/status.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "query/ast/error.h"

namespace twin::api {
namespace {

constexpr size_t kStatusMessageBytesMax = 6 << 10;

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

// "twin x: soh.value: expected a number …" speaks of the field soh.value.
std::string FieldOf(absl::string_view message) {
  const std::vector<absl::string_view> parts = absl::StrSplit(message, ": ");
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i].find(' ') == absl::string_view::npos && !parts[i].empty()) {
      return std::string(parts[i]);
    }
  }
  return "";
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
  info.set_reason(ReasonOf(status.code()));
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
    violation->set_field(span.has_value() ? "text" : FieldOf(message));
    violation->set_description(message.substr(0, 500));
    details.add_details()->PackFrom(bad);
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.SerializeAsString());
}

}  // namespace twin::api
