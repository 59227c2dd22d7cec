#include "server/twind/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "absl/strings/str_cat.h"
#include "server/api/library_log.h"

namespace twin::twind {
namespace {

bool is_json = false;  // set once, before there are threads

spdlog::level::level_enum LevelOf(api::LibraryLine::Level level) {
  switch (level) {
    case api::LibraryLine::Level::kDebug:
      return spdlog::level::debug;
    case api::LibraryLine::Level::kInfo:
      return spdlog::level::info;
    case api::LibraryLine::Level::kWarning:
      return spdlog::level::warn;
    case api::LibraryLine::Level::kError:
      break;
  }
  return spdlog::level::err;
}

void LogLibrary(const api::LibraryLine& line) {
  Event event("library");
  event.Add("of", line.library).Add("message", line.message).Add("place", line.place);
  if (line.left_out > 0) event.Add("left_out", line.left_out);
  spdlog::log(LevelOf(line.level), "{}", event.text());
}

}  // namespace

void SetUpLog(const std::string& level, const std::string& format) {
  is_json = format == "json";
  const auto logger = spdlog::stderr_logger_mt("twind");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  if (is_json) {
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})",
                        spdlog::pattern_time_type::utc);
  } else {
    logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%fZ level=%l %v", spdlog::pattern_time_type::utc);
  }
  spdlog::set_default_logger(logger);
  api::RouteLibraryLogs(&LogLibrary);
}

Event::Event(absl::string_view name) : json_(is_json) { Add("event", name); }

Event& Event::Add(absl::string_view key, absl::string_view value) {
  if (!text_.empty()) text_ += json_ ? "," : " ";
  std::string quoted;
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    if (static_cast<unsigned char>(c) >= 0x20) {
      quoted.push_back(c);
    } else {
      quoted += ' ';
    }
  }
  if (json_) {
    absl::StrAppend(&text_, "\"", key, "\":\"", quoted, "\"");
  } else {
    absl::StrAppend(&text_, key, "=\"", quoted, "\"");
  }
  return *this;
}

Event& Event::Add(absl::string_view key, uint64_t value) {
  if (!text_.empty()) text_ += json_ ? "," : " ";
  absl::StrAppend(&text_, json_ ? "\"" : "", key, json_ ? "\":" : "=", value);
  return *this;
}

}  // namespace twin::twind
