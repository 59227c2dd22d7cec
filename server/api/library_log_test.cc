#include "server/api/library_log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace twin::api {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Optional;

TEST(LibraryLogTest, AFloodIsCounted) {
  LineLimiter limiter(/*lines_max=*/2, /*period_ns=*/100);
  EXPECT_THAT(limiter.Admit(Time{1000}), Optional(0u));
  EXPECT_THAT(limiter.Admit(Time{1050}), Optional(0u));
  EXPECT_THAT(limiter.Admit(Time{1060}), Eq(std::nullopt));
  EXPECT_THAT(limiter.Admit(Time{1099}), Eq(std::nullopt));
  EXPECT_THAT(limiter.Admit(Time{1100}), Optional(2u));
  EXPECT_THAT(limiter.Admit(Time{1101}), Optional(0u));
  EXPECT_THAT(limiter.Admit(Time{1102}), Eq(std::nullopt));
  // A clock that was set back stops nothing.
  EXPECT_THAT(limiter.Admit(Time{500}), Optional(1u));
}

TEST(LibraryLogTest, LinesOfTheLibrariesComeToTheSink) {
  std::vector<std::string> lines;
  RouteLibraryLogs([&](const LibraryLine& line) {
    lines.push_back(std::string(line.library) + " " + std::string(line.message));
    EXPECT_EQ(line.level, LibraryLine::Level::kError);
    EXPECT_THAT(line.place, ::testing::StartsWith("library_log_test.cc:"));
  });
  gpr_log_verbosity_init();  // as grpc_init does: before, it logs nothing
  ::testing::internal::CaptureStderr();
  gpr_log(GPR_ERROR, "no %s here", "address");
  GOOGLE_LOG(ERROR) << "no UTF-8 here";
  EXPECT_THAT(lines, ElementsAre("grpc no address here", "protobuf no UTF-8 here"));
  for (int i = 0; i < 100; ++i) gpr_log(GPR_ERROR, "again");
  EXPECT_EQ(lines.size(), 10u);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  // What is said last is never left out.
  gpr_log(GPR_ERROR, "assertion failed: true");
  EXPECT_EQ(lines.back(), "grpc assertion failed: true");
  google::protobuf::SetLogHandler(nullptr);
  gpr_set_log_function(nullptr);
}

}  // namespace
}  // namespace twin::api
