#include "clients/cpp/call.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace twin::client {
namespace {

using std::chrono::system_clock;

constexpr std::chrono::milliseconds kPollTime{20};  // how soon a cancellation is noticed
constexpr char kUnreachable[] = "twingraph/unreachable";
constexpr char kErrorInfo[] = "type.googleapis.com/google.rpc.ErrorInfo";

absl::Status UnreachableError(const std::string& address, absl::string_view why) {
  // "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7480: Failed to
  // connect to remote host: Connection refused"
  constexpr absl::string_view kBefore = "Failed to connect to remote host: ";
  if (const size_t at = why.rfind(kBefore); at != absl::string_view::npos) {
    why.remove_prefix(at + kBefore.size());
  }
  absl::Status status =
      absl::UnavailableError(absl::StrCat("no server can be reached at ", address, ": ", why));
  status.SetPayload(kUnreachable, absl::Cord());
  return status;
}

}  // namespace

absl::Status ToStatus(const grpc::Status& status) {
  // The numbers are the same ones.
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (result.ok() || !details.ParseFromString(status.error_details())) return result;
  for (const google::protobuf::Any& detail : details.details()) {
    if (detail.type_url() == kErrorInfo) result.SetPayload(kErrorInfo, absl::Cord(detail.value()));
  }
  return result;
}

std::string ReasonOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrorInfo);
  google::rpc::ErrorInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) return "";
  return info.reason();
}

std::optional<TextPlace> PlaceOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrorInfo);
  google::rpc::ErrorInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) return std::nullopt;
  const auto number = [&](const char* name, uint32_t* value) {
    const auto found = info.metadata().find(name);
    return found != info.metadata().end() && absl::SimpleAtoi(found->second, value);
  };
  TextPlace place;
  if (!number("line", &place.line) || !number("column", &place.column) ||
      !number("offset", &place.offset) || !number("length", &place.length)) {
    return std::nullopt;
  }
  return place;
}

bool IsUnreachable(const absl::Status& status) {
  return status.GetPayload(kUnreachable).has_value();
}

CancelWatch::CancelWatch(grpc::ClientContext* context, const std::atomic<bool>* flag)
    : context_(context), flag_(flag) {
  if (flag != nullptr) thread_ = std::jthread([this](const std::stop_token& stop) { Watch(stop); });
}

void CancelWatch::Watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (flag_->load(std::memory_order_relaxed)) return context_->TryCancel();
    wake_.wait_for(lock, stop, kPollTime, [] { return false; });
  }
}

bool Caller::IsCutOff(const grpc::Status& status) const {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         (status.error_code() == grpc::StatusCode::CANCELLED && status.error_details().empty() &&
          !Cancelled());
}

absl::Status Caller::Explain(const grpc::Status& status) const {
  if (status.ok()) return absl::OkStatus();
  if (status.error_code() == grpc::StatusCode::CANCELLED && Cancelled()) {
    return absl::CancelledError("interrupted");
  }
  if (status.error_code() == grpc::StatusCode::CANCELLED && IsCutOff(status)) {
    return absl::UnavailableError(
        absl::StrCat("the server at ", options_.address, " dropped the call: it is stopping"));
  }
  // What a server answers has details; and the connection still stands, unless that was its last
  // word.
  const bool answered = !status.error_details().empty() ||
                        channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
  if (!answered && status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return UnreachableError(options_.address, status.error_message());
  }
  if (!answered && status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return UnreachableError(options_.address, "no answer before the deadline");
  }
  // What a server has refused for its deadline has details and says why.
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED &&
      status.error_details().empty()) {
    return absl::DeadlineExceededError(absl::StrCat(
        "the server at ", options_.address,
        " was not done before the call's deadline, and may do it all the same; allow it more "
        "time (in twinctl: --timeout)"));
  }
  return ToStatus(status);
}

absl::Status Caller::RunStream(
    absl::FunctionRef<grpc::Status(grpc::ClientContext*, bool* is_final)> attempt) const {
  return Run({.repeatable = true}, attempt);
}

absl::Status Caller::Run(
    const CallOptions& options,
    absl::FunctionRef<grpc::Status(grpc::ClientContext*, bool* is_final)> attempt) const {
  const std::chrono::milliseconds deadline =
      options.is_long ? options_.deadline_long : options_.deadline;
  const bool limited = deadline.count() > 0;
  const system_clock::time_point end = system_clock::now() + deadline;
  Backoff backoff(options_.retry);
  if (Cancelled()) return absl::CancelledError("interrupted");  // a quick answer would come first
  for (int tries = 1;; ++tries) {
    grpc::ClientContext context;
    if (limited) context.set_deadline(end);
    grpc::Status status;
    bool is_final = !options.repeatable;
    {
      const CancelWatch watch(&context, options_.cancelled);
      status = attempt(&context, &is_final);
    }
    if (status.ok()) return absl::OkStatus();
    const std::chrono::milliseconds wait = backoff.Next();
    if (is_final || !IsCutOff(status) || tries >= options_.retry.tries_max ||
        (limited && system_clock::now() + wait >= end)) {
      return Explain(status);
    }
    if (!Sleep(wait)) return absl::CancelledError("interrupted");
  }
}

bool Caller::Sleep(std::chrono::milliseconds time) const {
  const auto end = std::chrono::steady_clock::now() + time;
  for (auto now = std::chrono::steady_clock::now(); now < end;
       now = std::chrono::steady_clock::now()) {
    if (Cancelled()) return false;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(kPollTime, end - now));
  }
  return !Cancelled();
}

}  // namespace twin::client
